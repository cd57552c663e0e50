#include "nginx/ngx_http_webhook_sources.h"

#include "nginx/ngx_http_webhook_file.h"
#include "webhook/scheme.h"

namespace webhook::ngx {
namespace {

constexpr std::size_t kLargestFile = 16 * 1024 * 1024;
// A file that changed just now may still be being written.
constexpr std::time_t kSettlingSeconds = 1;

bool looks_like_json(std::string_view text) {
    const std::size_t start = text.find_first_not_of(" \t\r\n");
    return start != std::string_view::npos && (text[start] == '[' || text[start] == '{');
}

bool same_time(const timespec& left, const timespec& right) {
    return left.tv_sec == right.tv_sec && left.tv_nsec == right.tv_nsec;
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
    load();
}

bool AddressFile::contains(const Address& address, ngx_log_t* log) {
    if (ngx_time() != looked_at_) {
        looked_at_ = ngx_time();
        refresh(log);
    }
    return addresses_.contains(address);
}

AddressFile::Version AddressFile::version_of(const struct stat& status) {
    return {status.st_dev, status.st_ino, status.st_size, status.st_mtim, status.st_ctim};
}

bool AddressFile::same(const Version& left, const Version& right) {
    return left.device == right.device && left.inode == right.inode && left.size == right.size &&
           same_time(left.modified, right.modified) && same_time(left.changed, right.changed);
}

void AddressFile::load() {
    const FileContent content = read_file(path_, kLargestFile);
    version_ = version_of(content.status);
    try {
        addresses_ = pointer_ || looks_like_json(content.bytes)
                         ? parse_address_json(content.bytes, pointer_.value_or(""))
                         : parse_address_list(content.bytes);
    } catch (const ConfigError& error) {
        throw ConfigError("\"" + path_ + "\": " + error.what());
    }
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
    const Version version = version_of(status);
    if (same(version, version_) && !reappeared) return;
    const std::time_t age = ngx_time() - status.st_ctim.tv_sec;
    if (age >= 0 && age < kSettlingSeconds) return;
    try {
        load();
        ngx_log_error(NGX_LOG_NOTICE, log, 0, "webhook_allow: took up the changed \"%s\"",
                      path_.c_str());
    } catch (const std::exception& error) {
        // Not looked at again until it changes once more.
        version_ = version;
        ngx_log_error(NGX_LOG_ERR, log, 0, "webhook_allow: %s; the last good list stays",
                      error.what());
    }
}

void Sources::allow(const AddressRange& range) {
    ranges_.push_back(range);
    addresses_ = AddressSet(ranges_);
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
