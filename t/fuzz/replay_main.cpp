// Runs a fuzz target without libFuzzer: on the files given as arguments, and then on FUZZ_RUNS
// (20000) inputs made from them, the same ones each time.

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz.h"

// So that what a sanitizer finds ends in SIGABRT as well. Not asked where none is linked.
extern "C" const char* __asan_default_options() {
    return "abort_on_error=1";
}
extern "C" const char* __ubsan_default_options() {
    return "abort_on_error=1:print_stacktrace=1";
}

namespace {

using namespace std::string_view_literals;

constexpr std::size_t kLongestInput = 4096;

std::string current_input;

void tell_input(int) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text = "input in hex: ";
    for (unsigned char byte : current_input) {
        text += kDigits[byte / 16];
        text += kDigits[byte % 16];
    }
    text += '\n';
    const bool told = write(STDERR_FILENO, text.data(), text.size()) > 0;
    _exit(told ? 1 : 2);
}

void run(const std::string& input) {
    current_input = input;
    // Exactly as large as the input, so that a sanitizer sees any read beyond it.
    const std::vector<std::uint8_t> bytes(input.begin(), input.end());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

class Mutator {
  public:
    explicit Mutator(std::vector<std::string> seeds) : seeds_(std::move(seeds)) {}

    std::string next() {
        std::string input = seeds_.empty() || below(8) == 0 ? noise() : seed();
        for (std::size_t left = below(8); left > 0; --left) change(input);
        input.resize(std::min(input.size(), kLongestInput));
        return input;
    }

  private:
    std::size_t below(std::size_t bound) { return random_() % bound; }

    const std::string& seed() { return seeds_[below(seeds_.size())]; }

    char byte() {
        constexpr std::string_view kTelling =
            "\0\t\n\r \"#%'*,-./0129:;=AZ[\\]_az{}~\x7f\x80\xff"sv;
        return below(2) == 0 ? kTelling[below(kTelling.size())] : static_cast<char>(random_());
    }

    std::string noise() {
        std::string bytes(below(below(4) == 0 ? 512 : 64), '\0');
        for (char& one : bytes) one = byte();
        return bytes;
    }

    void change(std::string& input) {
        const std::size_t position = below(input.size() + 1);
        const std::size_t size = below(std::min<std::size_t>(input.size() - position, 32) + 1);
        switch (below(8)) {
            case 0:
                input.insert(position, 1, byte());
                break;
            case 1:
                input.erase(position, size);
                break;
            case 2:
                input.insert(position, input.substr(position, size));
                break;
            case 3:
                input.insert(position, below(64), byte());
                break;
            case 4:
                input.resize(position);
                break;
            case 5:
                if (!seeds_.empty()) {
                    const std::string& other = seed();
                    const std::size_t start = below(other.size() + 1);
                    input.insert(position, other.substr(start, below(64)));
                }
                break;
            default:
                if (position < input.size()) {
                    input[position] = below(2) == 0
                                          ? byte()
                                          : static_cast<char>(input[position] ^ (1 << below(8)));
                }
                break;
        }
    }

    std::mt19937 random_{20'260'101};
    std::vector<std::string> seeds_;
};

}  // namespace

int main(int count, char** arguments) {
    std::signal(SIGABRT, tell_input);
    std::vector<std::string> seeds;
    for (int i = 1; i < count; ++i) {
        std::ifstream file(arguments[i], std::ios::binary);
        if (!file) {
            std::fprintf(stderr, "cannot read %s\n", arguments[i]);
            return 2;
        }
        seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
        run(seeds.back());
    }
    const char* const runs = std::getenv("FUZZ_RUNS");
    Mutator mutator(std::move(seeds));
    for (long left = runs != nullptr ? std::atol(runs) : 20'000; left > 0; --left) {
        run(mutator.next());
    }
    return 0;
}
