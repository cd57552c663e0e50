#include "ngx_http_webhook/watch.h"

#include <grp.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/errors.h"
#include "scheme/scheme.h"

namespace webhook::ngx {
namespace {

// A file that changed just now may still be being written.
constexpr std::time_t kSettlingSeconds = 3;

bool is_in_group(const ngx_core_conf_t& workers, gid_t group) {
    std::array<gid_t, 256> groups{};
    int count = static_cast<int>(groups.size());
    // With more groups than fit, it may be a member.
    if (getgrouplist(workers.username, workers.group, groups.data(), &count) < 0) return true;
    return std::find(groups.begin(), groups.begin() + count, group) != groups.begin() + count;
}

bool may_read(const ngx_core_conf_t& workers, const struct stat& status) {
    if (status.st_uid == workers.user) return (status.st_mode & S_IRUSR) != 0;
    const bool by_group = is_in_group(workers, status.st_gid);
    return (status.st_mode & (by_group ? S_IRGRP : S_IROTH)) != 0;
}

// An access list may let others read the file than the mode does.
bool has_access_list(const std::string& path) {
    return getxattr(path.c_str(), "system.posix_acl_access", nullptr, 0) > 0;
}

}  // namespace

WatchedFile::WatchedFile(std::string path, std::size_t limit, std::string_view directive,
                         std::string_view content, ngx_log_t* log, Take take)
    : path_(std::move(path)),
      limit_(limit),
      directive_(directive),
      content_(content),
      take_(std::move(take)) {
    load(read_file(path_, limit_), log);
}

void WatchedFile::look(ngx_log_t* log) {
    if (ngx_time() == looked_at_) return;
    looked_at_ = ngx_time();
    refresh(log);
}

void WatchedFile::load(const FileContent& content, ngx_log_t* log) {
    try {
        take_(content.bytes, log);
    } catch (const ConfigError& error) {
        throw ConfigError("\"" + path_ + "\": " + error.what());
    }
    version_ = content.status;
    loaded_ = ngx_time();
}

void WatchedFile::refresh(ngx_log_t* log) {
    struct stat status {};
    if (stat(path_.c_str(), &status) != 0) {
        if (!missing_) {
            ++errors_;
            ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                          "%s: cannot look at \"%s\", the last good %s stays", directive_.c_str(),
                          path_.c_str(), content_.c_str());
        }
        missing_ = true;
        return;
    }
    const bool reappeared = std::exchange(missing_, false);
    if (same_version(status, version_) && !reappeared) return;
    if (!settled(status)) return;
    try {
        const FileContent content = read_file(path_, limit_);
        // Another file has just replaced it.
        if (!same_version(content.status, status)) return;
        load(content, log);
        unreadable_ = false;
        ngx_log_error(NGX_LOG_NOTICE, log, 0, "%s: took up the changed \"%s\"", directive_.c_str(),
                      path_.c_str());
    } catch (const ReadError& error) {
        pass_over(error, log);
    } catch (const ConfigError& error) {
        // It is not checked again until it changes.
        version_ = status;
        unreadable_ = false;
        tell_of(error, "", log);
    } catch (const std::exception& error) {
        // Memory is short.
        pass_over(error, log);
    }
}

// The content may be valid, so the next check tries again.
void WatchedFile::pass_over(const std::exception& error, ngx_log_t* log) {
    if (!std::exchange(unreadable_, true)) tell_of(error, ", and is read again each second", log);
}

void WatchedFile::tell_of(const std::exception& error, const char* more, ngx_log_t* log) {
    ++errors_;
    ngx_log_error(NGX_LOG_ERR, log, 0, "%s: %s; the last good %s stays%s", directive_.c_str(),
                  error.what(), content_.c_str(), more);
}

// Both times are truncated to seconds. The file's may be from another machine with a clock that is
// ahead.
bool WatchedFile::settled(const struct stat& status) {
    if (!same_version(status, seen_)) {
        seen_ = status;
        seen_since_ = ngx_time();
    }
    const std::time_t age = ngx_time() - status.st_ctim.tv_sec;
    return age > kSettlingSeconds || ngx_time() - seen_since_ > kSettlingSeconds;
}

void warn_about_unreadable(const std::string& path, const ngx_core_conf_t& workers,
                           ngx_log_t* log) {
    struct stat status {};
    if (geteuid() != 0 || workers.user == 0 || stat(path.c_str(), &status) != 0) return;
    if (may_read(workers, status) || has_access_list(path)) return;
    ngx_log_error(
        NGX_LOG_WARN, log, 0,
        "the workers' user \"%s\" cannot read \"%s\", and so not take it up when it changes",
        workers.username, path.c_str());
}

}  // namespace webhook::ngx
