#include "ngx_http_webhook/allowlist.h"

#include "ngx_http_webhook/shared_counters.h"
#include "scheme/scheme.h"

namespace webhook::ngx {
namespace {

constexpr std::size_t kLargestFile = 16 * 1024 * 1024;

std::optional<Address> address_of(const sockaddr* source) {
    if (source->sa_family == AF_INET) {
        return Address::ipv4(&reinterpret_cast<const sockaddr_in*>(source)->sin_addr);
    }
#if (NGX_HAVE_INET6)
    if (source->sa_family == AF_INET6) {
        return Address::ipv6(&reinterpret_cast<const sockaddr_in6*>(source)->sin6_addr);
    }
#endif
    return std::nullopt;
}

}  // namespace

AddressFile::AddressFile(const std::string& path, std::optional<std::string> pointer)
    : pointer_(std::move(pointer)),
      file_(path, kLargestFile, "webhook_allow", "list", nullptr,
            [this](const std::string& bytes, ngx_log_t*) {
                addresses_ = pointer_ || looks_like_json(bytes)
                                 ? parse_address_json(bytes, pointer_.value_or(""))
                                 : parse_address_list(bytes);
            }) {}

void AddressFile::counted_as(CounterTable::Row row) {
    row_ = row;
    count();
}

void AddressFile::count() {
    if (file_.loaded() == counted_load_ && file_.errors() == counted_errors_) return;
    count_in_file(row_, file_.loaded(),
                  file_.errors() - std::exchange(counted_errors_, file_.errors()));
    counted_load_ = file_.loaded();
}

void AddressFile::look(ngx_log_t* log) {
    file_.look(log);
    count();
}

bool AddressFile::contains(const Address& address, ngx_log_t* log) {
    look(log);
    return addresses_.contains(address);
}

void Allowlist::complete() {
    if (ranges_.empty()) return;
    addresses_ = AddressSet(std::exchange(ranges_, {}));
}

bool Allowlist::allows(const sockaddr* source, ngx_log_t* log) const {
    if (source->sa_family == AF_UNIX) return unix_;
    const auto address = address_of(source);
    if (!address) return false;
    if (addresses_.contains(*address)) return true;
    for (const auto& file : files_) {
        if (file->contains(*address, log)) return true;
    }
    return false;
}

}  // namespace webhook::ngx
