// What one call of OpenSSL's HMAC-SHA256 costs for a body of so many bytes, in nanoseconds: the
// measure for what the gate may add to a request.
//
//     hmac_cost BYTES MILLISECONDS

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

// CPU time, as that of nginx's worker is measured: others may be using the machine, too.
static double cpu_nanoseconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

int main(int count, char** arguments) {
    if (count != 3) {
        std::fputs("usage: hmac_cost BYTES MILLISECONDS\n", stderr);
        return 2;
    }
    const std::string key = "a secret of the usual length, 40 bytes..";
    const std::string body(std::strtoul(arguments[1], nullptr, 10), 'b');
    const double enough = std::atof(arguments[2]) * 1e6;
    std::array<unsigned char, EVP_MAX_MD_SIZE> code{};
    unsigned size = 0;
    long calls = 0;
    const double start = cpu_nanoseconds();
    double took = 0;
    for (; took < enough; took = cpu_nanoseconds() - start) {
        for (int i = 0; i < 64; ++i, ++calls) {
            if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                     reinterpret_cast<const unsigned char*>(body.data()), body.size(), code.data(),
                     &size) == nullptr) {
                return 1;
            }
        }
    }
    std::printf("%.1f\n", took / static_cast<double>(calls));
}
