// Who may deliver: the addresses of `webhook_allow`, and the files of them that are watched.

#pragma once

#include "nginx/ngx_http_webhook_ngx.h"

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "webhook/address.h"

namespace webhook::ngx {

// A file of addresses. It is looked at when a delivery asks, at most once a second. A version that
// cannot be read or parsed is logged once and passed over: the last good one stays.
class AddressFile {
  public:
    // `pointer` is the JSON pointer into a provider's JSON file; without one, the file is a list,
    // or JSON that holds addresses only. Throws ConfigError where the file is not usable.
    AddressFile(std::string path, std::optional<std::string> pointer);

    const std::string& path() const { return path_; }
    const std::optional<std::string>& pointer() const { return pointer_; }

    bool contains(const Address& address, ngx_log_t* log);

  private:
    // What tells one version of a file from the next.
    struct Version {
        dev_t device;
        ino_t inode;
        off_t size;
        timespec modified;
        timespec changed;
    };

    static Version version_of(const struct stat& status);
    static bool same(const Version& left, const Version& right);
    void load();
    void refresh(ngx_log_t* log);

    std::string path_;
    std::optional<std::string> pointer_;
    AddressSet addresses_;
    Version version_{};
    // Whether the last look found the file missing, so that this is logged once.
    bool missing_ = false;
    std::time_t looked_at_ = 0;
};

class Sources {
  public:
    void allow_unix() { unix_ = true; }
    void allow(const AddressRange& range);
    void allow(std::shared_ptr<AddressFile> file) { files_.push_back(std::move(file)); }

    bool allows(const sockaddr* source, ngx_log_t* log) const;

  private:
    bool unix_ = false;
    std::vector<AddressRange> ranges_;
    AddressSet addresses_;
    std::vector<std::shared_ptr<AddressFile>> files_;
};

}  // namespace webhook::ngx
