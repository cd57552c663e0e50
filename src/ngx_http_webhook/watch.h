// Files that are reread when they change, without a reload.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <cstdint>
#include <ctime>
#include <exception>
#include <functional>
#include <string>
#include <string_view>

#include "base/file.h"

namespace webhook::ngx {

// The file is checked on use, at most once a second. A new version is read once it has not changed
// for some seconds. An invalid version is logged once and skipped: the last good one stays. An
// unreadable version is logged once and tried again.
class WatchedFile {
  public:
    // Takes a version. Throws ConfigError if it is not usable.
    using Take = std::function<void(const std::string& bytes, ngx_log_t* log)>;

    // Takes the current file. `directive` and `content` are its names in log lines. Throws
    // ConfigError if it is not usable.
    WatchedFile(std::string path, std::size_t limit, std::string_view directive,
                std::string_view content, ngx_log_t* log, Take take);

    const std::string& path() const { return path_; }
    // When a good version was read last, and how many attempts failed since the configuration was
    // loaded. A version that stays missing or unreadable is one.
    std::time_t loaded() const { return loaded_; }
    std::uint64_t errors() const { return errors_; }

    void look(ngx_log_t* log);

  private:
    void load(const FileContent& content, ngx_log_t* log);
    void refresh(ngx_log_t* log);
    void pass_over(const std::exception& error, ngx_log_t* log);
    void tell_of(const std::exception& error, const char* more, ngx_log_t* log);
    bool settled(const struct stat& status);

    std::string path_;
    std::size_t limit_;
    std::string directive_;
    std::string content_;
    Take take_;
    // The version read last, valid or not.
    struct stat version_ {};
    // The version seen last, and since when.
    struct stat seen_ {};
    std::time_t seen_since_ = 0;
    // Whether the last look found the file missing, so that this is logged once.
    bool missing_ = false;
    // Whether the last attempt to read it failed, for the same reason.
    bool unreadable_ = false;
    std::time_t looked_at_ = 0;
    std::time_t loaded_ = 0;
    std::uint64_t errors_ = 0;
};

// Warns if nginx's master, which is root, could read the file, but its workers cannot.
void warn_about_unreadable(const std::string& path, const ngx_core_conf_t& workers, ngx_log_t* log);

}  // namespace webhook::ngx
