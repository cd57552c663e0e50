// The sources that may deliver: the addresses of `webhook_allow`, and watched files of addresses.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "ngx_http_webhook/watch.h"
#include "store/counter_table.h"

namespace webhook::ngx {

// A file of addresses, reloaded when it changes.
class AddressFile {
  public:
    // `pointer` is the JSON pointer into a provider's JSON file; without one, the file is a list,
    // or JSON that holds addresses only. Throws ConfigError if the file is not usable.
    AddressFile(const std::string& path, std::optional<std::string> pointer);
    AddressFile(const AddressFile&) = delete;
    AddressFile& operator=(const AddressFile&) = delete;

    const std::string& path() const { return file_.path(); }
    const std::optional<std::string>& pointer() const { return pointer_; }
    // The path, with the pointer.
    std::string name() const { return pointer_ ? path() + '#' + *pointer_ : path(); }
    std::size_t size() const { return addresses_.size(); }

    // The row in which its loads and errors are counted.
    void counted_as(CounterTable::Row row);
    CounterTable::Row row() const { return row_; }

    // Takes up a new version, if there is one.
    void look(ngx_log_t* log);

    bool contains(const Address& address, ngx_log_t* log);

  private:
    void count();

    std::optional<std::string> pointer_;
    AddressSet addresses_;
    WatchedFile file_;
    CounterTable::Row row_ = CounterTable::kOther;
    std::time_t counted_load_ = 0;
    std::uint64_t counted_errors_ = 0;
};

class Allowlist {
  public:
    void allow_unix() { unix_ = true; }
    void allow(const AddressRange& range) { ranges_.push_back(range); }
    void allow(std::shared_ptr<AddressFile> file) { files_.push_back(std::move(file)); }

    // Call it after all additions and before allows(). It may be called again.
    void complete();

    bool allows(const sockaddr* source, ngx_log_t* log) const;

    // For lists that are complete.
    friend bool operator==(const Allowlist&, const Allowlist&) = default;

  private:
    bool unix_ = false;
    // The ranges that are not in the set yet.
    std::vector<AddressRange> ranges_;
    AddressSet addresses_;
    std::vector<std::shared_ptr<AddressFile>> files_;
};

}  // namespace webhook::ngx
