// The secrets of `webhook_secret`: read from files or the environment with the configuration, or
// taken from a request's variables.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ngx_http_webhook/watch.h"
#include "scheme/scheme.h"
#include "verify/key_set.h"
#include "verify/signing_key.h"

namespace webhook::ngx {

// Whether any worker has logged something: a flag in memory that all workers share.
class SharedNotice {
  public:
    SharedNotice();
    ~SharedNotice();
    SharedNotice(const SharedNotice&) = delete;
    SharedNotice& operator=(const SharedNotice&) = delete;

    bool was_told() const { return told_->load(); }
    // True for the first caller.
    bool is_first() { return !told_->exchange(true); }

  private:
    std::atomic<bool>* told_;
};

// One `webhook_secret`, as written.
struct SecretSource {
    ConfigPosition place;
    std::string id;
    std::optional<Milliseconds> not_after;
    // Null without a `not_after`.
    std::shared_ptr<SharedNotice> expiry;
    // For odd values. Null without variables.
    std::shared_ptr<SharedNotice> oddity;
    // The secret, or, if it has variables, their compiled value.
    std::string text;
    // The path of `file:`. Empty: none.
    std::string path;
    bool readable_by_others = false;
    ngx_http_complex_value_t* variables = nullptr;

    // By what verifies, not by where it was written.
    friend bool operator==(const SecretSource& left, const SecretSource& right) {
        return left.text == right.text && left.path == right.path && left.id == right.id &&
               left.not_after == right.not_after;
    }
};

// A file of public keys, reloaded when it changes.
class KeySetFile {
  public:
    using Keys = std::shared_ptr<const std::vector<SigningSecret>>;

    // Throws ConfigError if the file is not usable.
    KeySetFile(std::shared_ptr<const Scheme> scheme, const SecretSource& source, std::size_t index,
               ngx_conf_t* cf);
    KeySetFile(const KeySetFile&) = delete;
    KeySetFile& operator=(const KeySetFile&) = delete;

    const std::string& path() const { return file_.path(); }
    const Keys& keys(ngx_log_t* log);

  private:
    void take(const std::string& text);

    std::shared_ptr<const Scheme> scheme_;
    ConfigPosition place_;
    std::string id_;
    std::optional<Milliseconds> not_after_;
    std::size_t index_;
    Keys keys_;
    std::vector<SkippedKey> skipped_;
    WatchedFile file_;
};

// A location's secrets under its scheme. Immutable, except for the files that it watches.
class Secrets {
  public:
    // Throws ConfigError, with file and line, if a secret does not decode. `where` follows the
    // scheme's name in its message.
    Secrets(std::shared_ptr<const Scheme> scheme, const std::vector<SecretSource>& sources,
            ngx_conf_t* cf, const std::string& where = {});

    // Logs each secret whose `not_after` has passed, once.
    void report_expired(Milliseconds now, ngx_log_t* log) const;

    // An id, as `$webhook_secret_id` has it, and its end.
    struct Id {
        std::string id;
        std::optional<Milliseconds> not_after;
    };
    // In the order of the configuration.
    std::span<const Id> ids() const { return ids_; }

    bool has_variables() const { return !variable_.empty(); }
    bool have_all_variables() const {
        return has_variables() && fixed_.empty() && key_sets_.empty();
    }
    // Whether fixed() returns all secrets.
    bool are_fixed() const { return variable_.empty() && key_sets_.empty(); }

    std::vector<std::string> watched_paths() const;
    // The secrets in watched files, in their current state.
    std::vector<KeySetFile::Keys> watched(ngx_log_t* log) const;

    // The secrets that are the same for every request.
    std::span<const SigningSecret* const> fixed() const { return fixed_pointers_; }

    // The current values of this request's variables. The views live as long as the request.
    std::vector<std::string_view> texts(ngx_http_request_t* request) const;
    // The secrets of these texts, without those that are empty or do not decode.
    std::vector<SigningSecret> evaluate(std::span<const std::string_view> texts,
                                        ngx_log_t* log) const;

  private:
    std::shared_ptr<const Scheme> scheme_;
    std::vector<SigningSecret> fixed_;
    std::vector<const SigningSecret*> fixed_pointers_;
    std::vector<std::pair<SecretSource, std::size_t>> variable_;
    std::vector<std::shared_ptr<KeySetFile>> key_sets_;
    std::vector<SecretSource> expiring_;
    std::vector<Id> ids_;
};

// The text of `file:PATH` (without its one trailing newline) or `env:NAME`. Throws ConfigError.
struct SecretFile {
    std::string secret;
    bool readable_by_others;
};
std::string readable_by_others(const std::string& path);
SecretFile secret_from_file(const std::string& path);
std::string secret_from_environment(const std::string& name);

}  // namespace webhook::ngx
