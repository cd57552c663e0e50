#include "nginx/ngx_http_webhook_sources.h"

#include "webhook/scheme.h"

namespace webhook::ngx {
namespace {

constexpr std::size_t kLargestFile = 16 * 1024 * 1024;
// A file that changed just now may still be being written.
constexpr std::time_t kSettlingSeconds = 3;

bool looks_like_json(std::string_view text) {
    const std::size_t start = text.find_first_not_of(" \t\r\n");
    return start != std::string_view::npos && (text[start] == '[' || text[start] == '{');
}

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

AddressFile::AddressFile(std::string path, std::optional<std::string> pointer)
    : path_(std::move(path)), pointer_(std::move(pointer)) {
    load(read_file(path_, kLargestFile));
}

bool AddressFile::contains(const Address& address, ngx_log_t* log) {
    if (ngx_time() != looked_at_) {
        looked_at_ = ngx_time();
        refresh(log);
    }
    return addresses_.contains(address);
}

void AddressFile::load(const FileContent& content) {
    try {
        addresses_ = pointer_ || looks_like_json(content.bytes)
                         ? parse_address_json(content.bytes, pointer_.value_or(""))
                         : parse_address_list(content.bytes);
    } catch (const ConfigError& error) {
        throw ConfigError("\"" + path_ + "\": " + error.what());
    }
    version_ = content.status;
}

void AddressFile::refresh(ngx_log_t* log) {
    struct stat status {};
    if (stat(path_.c_str(), &status) != 0) {
        if (!missing_) {
            ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                          "webhook_allow: cannot look at \"%s\", the last good list stays",
                          path_.c_str());
        }
        missing_ = true;
        return;
    }
    const bool reappeared = std::exchange(missing_, false);
    if (same_version(status, version_) && !reappeared) return;
    if (!settled(status)) return;
    try {
        const FileContent content = read_file(path_, kLargestFile);
        // Another one has taken its place just now.
        if (!same_version(content.status, status)) return;
        load(content);
        ngx_log_error(NGX_LOG_NOTICE, log, 0, "webhook_allow: took up the changed \"%s\"",
                      path_.c_str());
    } catch (const ConfigError& error) {
        // Not looked at again until it changes once more.
        version_ = status;
        ngx_log_error(NGX_LOG_ERR, log, 0, "webhook_allow: %s; the last good list stays",
                      error.what());
    }
}

// Both times are cut to the second. The file's may be another machine's, whose clock is ahead.
bool AddressFile::settled(const struct stat& status) {
    if (!same_version(status, seen_)) {
        seen_ = status;
        seen_since_ = ngx_time();
    }
    const std::time_t age = ngx_time() - status.st_ctim.tv_sec;
    return age > kSettlingSeconds || ngx_time() - seen_since_ > kSettlingSeconds;
}

void Sources::complete() {
    if (ranges_.empty()) return;
    addresses_ = AddressSet(std::exchange(ranges_, {}));
}

bool Sources::allows(const sockaddr* source, ngx_log_t* log) const {
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
