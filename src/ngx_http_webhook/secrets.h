// The secrets of `webhook_secret`: read from their files or the environment when the configuration
// is, or taken from a request's variables.

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

// Whether something was told, by whichever worker finds out: a flag in memory that all share.
class SharedNotice {
  public:
    SharedNotice();
    ~SharedNotice();
    SharedNotice(const SharedNotice&) = delete;
    SharedNotice& operator=(const SharedNotice&) = delete;

    bool was_told() const { return told_->load(); }
    // True for the first who asks.
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
    // Of odd values. Null without variables.
    std::shared_ptr<SharedNotice> oddity;
    // The secret, or, where it holds variables, what evaluates them.
    std::string text;
    // Of `file:`; empty: none.
    std::string path;
    bool readable_by_others = false;
    ngx_http_complex_value_t* variables = nullptr;
};

// A file of public keys, taken up when it changes.
class KeySetFile {
  public:
    using Keys = std::shared_ptr<const std::vector<SigningSecret>>;

    // Throws ConfigError where the file is not usable.
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

// A location's secrets under its scheme. Immutable, but for the files that it watches.
class Secrets {
  public:
    // Throws ConfigError, with file and line, where a secret does not decode. `where` goes behind
    // the scheme's name in its message.
    Secrets(std::shared_ptr<const Scheme> scheme, const std::vector<SecretSource>& sources,
            ngx_conf_t* cf, const std::string& where = {});

    // Logs each secret whose `not_after` has passed, once.
    void report_expired(Milliseconds now, ngx_log_t* log) const;

    bool has_variables() const { return !variable_.empty(); }
    bool have_all_variables() const {
        return has_variables() && fixed_.empty() && key_sets_.empty();
    }
    // Whether fixed() are all.
    bool are_fixed() const { return variable_.empty() && key_sets_.empty(); }

    std::vector<std::string> watched_paths() const;
    // Those that stand in watched files, as these are now.
    std::vector<KeySetFile::Keys> watched(ngx_log_t* log) const;

    // Those that are the same for every request.
    std::span<const SigningSecret* const> fixed() const { return fixed_pointers_; }

    // What this request's variables give now. The views live as long as the request.
    std::vector<std::string_view> texts(ngx_http_request_t* request) const;
    // The secrets that these are; empty ones and ones that do not decode are left out.
    std::vector<SigningSecret> evaluate(std::span<const std::string_view> texts,
                                        ngx_log_t* log) const;

  private:
    std::shared_ptr<const Scheme> scheme_;
    std::vector<SigningSecret> fixed_;
    std::vector<const SigningSecret*> fixed_pointers_;
    std::vector<std::pair<SecretSource, std::size_t>> variable_;
    std::vector<std::shared_ptr<KeySetFile>> key_sets_;
    std::vector<SecretSource> expiring_;
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
