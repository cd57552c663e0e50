// Who may deliver: the addresses of `webhook_allow`, and the files of them that are watched.

#pragma once

#include "nginx/ngx_http_webhook_ngx.h"

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nginx/ngx_http_webhook_file.h"
#include "webhook/address.h"

namespace webhook::ngx {

// A file of addresses. It is looked at when a delivery asks, at most once a second. A new version
// is read once it has not changed for some seconds; one that cannot be read or parsed is logged
// once and passed over: the last good one stays.
class AddressFile {
  public:
    // `pointer` is the JSON pointer into a provider's JSON file; without one, the file is a list,
    // or JSON that holds addresses only. Throws ConfigError where the file is not usable.
    AddressFile(std::string path, std::optional<std::string> pointer);

    const std::string& path() const { return path_; }
    const std::optional<std::string>& pointer() const { return pointer_; }

    bool contains(const Address& address, ngx_log_t* log);

  private:
    void load(const FileContent& content);
    void refresh(ngx_log_t* log);
    bool settled(const struct stat& status);

    std::string path_;
    std::optional<std::string> pointer_;
    AddressSet addresses_;
    // What was read last, whether it was good or not.
    struct stat version_ {};
    // What was seen last, and since when.
    struct stat seen_ {};
    std::time_t seen_since_ = 0;
    // Whether the last look found the file missing, so that this is logged once.
    bool missing_ = false;
    std::time_t looked_at_ = 0;
};

class Sources {
  public:
    void allow_unix() { unix_ = true; }
    void allow(const AddressRange& range) { ranges_.push_back(range); }
    void allow(std::shared_ptr<AddressFile> file) { files_.push_back(std::move(file)); }

    // To be called when nothing is added any more, before allows(). May be called again.
    void complete();

    bool allows(const sockaddr* source, ngx_log_t* log) const;

  private:
    bool unix_ = false;
    // Those that are not in the set yet.
    std::vector<AddressRange> ranges_;
    AddressSet addresses_;
    std::vector<std::shared_ptr<AddressFile>> files_;
};

}  // namespace webhook::ngx
