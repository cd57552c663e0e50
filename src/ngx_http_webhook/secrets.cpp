#include "ngx_http_webhook/secrets.h"

#include <sys/mman.h>

#include <cstdlib>
#include <map>

#include "base/errors.h"
#include "base/file.h"
#include "base/text.h"
#include "ngx_http_webhook/remarks.h"
#include "verify/secret_text.h"

namespace webhook::ngx {
namespace {

constexpr std::size_t kLargestSecretFile = 64 * 1024;

// An odd text may still be the secret.
std::vector<std::string> oddities_of(std::string_view text, const Scheme& scheme,
                                     const SigningKey& key) {
    std::vector<std::string> found;
    if (key.is_text_instead()) {
        found.push_back("is neither behind \"whsec_\" nor base64, as secrets of " +
                        in_quotes(scheme.name) + " are: it is taken as text");
    }
    if (scheme.has_public_key()) return found;
    for (std::string_view oddity : webhook::oddities_of(text)) found.emplace_back(oddity);
    if (key.is_short()) {
        found.push_back("is only " + std::to_string(key.size()) + " bytes long, at least " +
                        std::to_string(kShortestSafeSecret) + " are safe");
    }
    return found;
}

void warn_about_odd(ngx_conf_t* cf, const SecretSource& source, const Scheme& scheme,
                    const SigningKey& key) {
    const auto warn = [cf, &source](const std::string& message) {
        remark(cf, NGX_LOG_WARN, message, source.place);
    };
    if (!scheme.has_public_key() && source.readable_by_others) {
        warn(readable_by_others(source.path));
    }
    for (const std::string& oddity : oddities_of(source.text, scheme, key)) {
        warn("this webhook_secret " + oddity);
    }
}

// Only the first odd value of several is reported.
void warn_about_odd(ngx_log_t* log, const SecretSource& source, std::string_view text,
                    const Scheme& scheme, const SigningKey& key) {
    if (source.oddity->was_told()) return;
    const std::vector<std::string> oddities = oddities_of(text, scheme, key);
    if (oddities.empty() || !source.oddity->is_first()) return;
    ngx_log_error(NGX_LOG_WARN, log, 0, "a value of \"webhook_secret\" in %s %s",
                  source.place.text().c_str(), oddities.front().c_str());
}

ngx_uint_t level_of(const SkippedKey& key) {
    return key.is_for_others ? NGX_LOG_NOTICE : NGX_LOG_WARN;
}

bool is_watched(const Scheme& scheme, const SecretSource& source) {
    return scheme.algorithm == Algorithm::jwt && scheme.key == KeyEncoding::jwk &&
           !source.path.empty() && is_key_set(source.text);
}

// Whether this is a usual name of an environment variable. Any other text may be a secret.
bool is_conventional(std::string_view name) {
    return name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
               std::string_view::npos ||
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
}

// Refuses a set of keys, which a single key's error would only report as a missing member.
SigningKey single_key(const Scheme& scheme, std::string_view text) {
    if (scheme.key == KeyEncoding::jwk && is_key_set(text)) {
        throw ConfigError(scheme.algorithm == Algorithm::jwt
                              ? "a set of keys can only stand in \"file:\""
                              : "a set of keys can only be used with \"algorithm jwt\"");
    }
    return SigningKey(scheme, text);
}

// Warns of equal secrets: the end of a rotation cannot be seen, or there is none. From different
// places, equal text may be intended, until the next rotation.
void warn_about_pairs(ngx_conf_t* cf, const std::vector<SecretSource>& sources, bool names_id) {
    std::map<std::string_view, const SecretSource*> paths;
    std::map<std::string_view, const SecretSource*> texts;
    std::map<std::string_view, const SecretSource*> ids;
    // Where the id is signed, one key may stand under several.
    const auto are_meant = [names_id](const SecretSource& left, const SecretSource& right) {
        return names_id && left.id != right.id;
    };
    for (const SecretSource& source : sources) {
        const auto [path, is_new_path] = paths.emplace(source.path, &source);
        const auto [text, is_new_text] = texts.emplace(source.text, &source);
        const auto [id, is_new_id] = ids.emplace(source.id, &source);
        if (are_meant(source, *path->second) || are_meant(source, *text->second)) continue;
        if (!source.path.empty() && !is_new_path) {
            remark(cf, NGX_LOG_WARN,
                   "this webhook_secret names the file of the one in " +
                       path->second->place.text() + ": a rotation needs two,",
                   source.place);
        } else if (!is_new_text) {
            remark(cf, NGX_LOG_NOTICE,
                   "this webhook_secret is the same as the one in " + text->second->place.text() +
                       ": a rotation needs two,",
                   source.place);
        }
        if (!names_id && !source.id.empty() && !is_new_id) {
            remark(cf, NGX_LOG_WARN,
                   "the id " + in_quotes(source.id) +
                       " of this webhook_secret is that of the one in " + id->second->place.text() +
                       ", too: the log does not tell them apart,",
                   source.place);
        }
    }
}

}  // namespace

SharedNotice::SharedNotice() {
    void* memory = mmap(nullptr, sizeof(std::atomic<bool>), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    told_ = new (memory) std::atomic<bool>(false);
}

SharedNotice::~SharedNotice() {
    munmap(told_, sizeof(std::atomic<bool>));
}

KeySetFile::KeySetFile(std::shared_ptr<const Scheme> scheme, const SecretSource& source,
                       std::size_t index, ngx_conf_t* cf)
    : scheme_(std::move(scheme)),
      place_(source.place),
      id_(source.id),
      not_after_(source.not_after),
      index_(index),
      file_(source.path, kLargestSecretFile, "webhook_secret", "set of keys", nullptr,
            [this](const std::string& text, ngx_log_t* log) {
                take(text);
                if (log == nullptr) return;
                for (const SkippedKey& key : skipped_) {
                    ngx_log_error(level_of(key), log, 0, "webhook_secret: \"%s\": %s in %s",
                                  file_.path().c_str(), key.why.c_str(), place_.text().c_str());
                }
            }) {
    for (const SkippedKey& key : skipped_) {
        remark(cf, level_of(key), in_quotes(source.path) + ": " + key.why, place_);
    }
}

const KeySetFile::Keys& KeySetFile::keys(ngx_log_t* log) {
    file_.look(log);
    return keys_;
}

void KeySetFile::take(const std::string& text) {
    KeySet set = parse_key_set(*scheme_, text);
    std::vector<SigningSecret> secrets;
    secrets.reserve(set.keys.size());
    for (KeyOfSet& each : set.keys) {
        secrets.push_back({id_, not_after_, std::move(each.key), index_, std::move(each.kid)});
    }
    // Deliveries in progress keep the keys that they began with.
    keys_ = std::make_shared<const std::vector<SigningSecret>>(std::move(secrets));
    skipped_ = std::move(set.skipped);
}

Secrets::Secrets(std::shared_ptr<const Scheme> scheme, const std::vector<SecretSource>& sources,
                 ngx_conf_t* cf, const std::string& where)
    : scheme_(std::move(scheme)) {
    std::vector<SecretSource> named = sources;
    for (std::size_t i = 0; i < sources.size(); ++i) {
        SecretSource& source = named[i];
        if (source.id.empty() && scheme_->names_secret_id()) {
            throw ConfigError("\"webhook_secret\" has no \"id=\", which the scheme " +
                              in_quotes(scheme_->name) + where + " signs, in " +
                              source.place.text());
        }
        // An id shows the end of a rotation.
        if (source.id.empty() && sources.size() > 1) source.id = std::to_string(i + 1);
        if (source.not_after) expiring_.push_back(source);
        ids_.push_back({source.id, source.not_after});
        if (source.variables != nullptr) {
            variable_.emplace_back(source, i);
            continue;
        }
        try {
            if (is_watched(*scheme_, source)) {
                key_sets_.push_back(std::make_shared<KeySetFile>(scheme_, source, i, cf));
                continue;
            }
            fixed_.push_back({source.id, source.not_after, single_key(*scheme_, source.text), i});
        } catch (const ConfigError& error) {
            throw ConfigError("invalid \"webhook_secret\" for the scheme " +
                              in_quotes(scheme_->name) + where + ": " + error.what() + " in " +
                              source.place.text());
        }
        warn_about_odd(cf, source, *scheme_, fixed_.back().key);
    }
    for (const SigningSecret& secret : fixed_) fixed_pointers_.push_back(&secret);
    warn_about_pairs(cf, named, scheme_->names_secret_id());
}

void Secrets::report_expired(Milliseconds now, ngx_log_t* log) const {
    for (const SecretSource& source : expiring_) {
        if (now < *source.not_after || !source.expiry->is_first()) continue;
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "the \"not_after\" of the webhook_secret \"%s\" in %s has passed",
                      source.id.c_str(), source.place.text().c_str());
    }
}

std::vector<std::string> Secrets::watched_paths() const {
    std::vector<std::string> paths;
    for (const auto& file : key_sets_) paths.push_back(file->path());
    return paths;
}

std::vector<KeySetFile::Keys> Secrets::watched(ngx_log_t* log) const {
    std::vector<KeySetFile::Keys> keys;
    keys.reserve(key_sets_.size());
    for (const auto& file : key_sets_) keys.push_back(file->keys(log));
    return keys;
}

std::vector<std::string_view> Secrets::texts(ngx_http_request_t* request) const {
    std::vector<std::string_view> texts;
    texts.reserve(variable_.size());
    for (const auto& [source, index] : variable_) {
        ngx_str_t text;
        if (ngx_http_complex_value(request, source.variables, &text) != NGX_OK) {
            throw std::bad_alloc();
        }
        texts.push_back(to_view(text));
    }
    return texts;
}

std::vector<SigningSecret> Secrets::evaluate(std::span<const std::string_view> texts,
                                             ngx_log_t* log) const {
    std::vector<SigningSecret> secrets;
    secrets.reserve(variable_.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const auto& [source, index] = variable_[i];
        if (texts[i].empty()) continue;
        try {
            secrets.push_back({source.id, source.not_after, single_key(*scheme_, texts[i]), index});
            warn_about_odd(log, source, texts[i], *scheme_, secrets.back().key);
        } catch (const ConfigError& error) {
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "the value of \"webhook_secret\" in %s is not usable: %s",
                          source.place.text().c_str(), error.what());
        }
    }
    return secrets;
}

std::string readable_by_others(const std::string& path) {
    return "the secret file " + in_quotes(path) + " is readable by others";
}

SecretFile secret_from_file(const std::string& path) {
    FileContent content = read_file(path, kLargestSecretFile);
    std::string& secret = content.bytes;
    if (secret.ends_with('\n')) {
        secret.pop_back();
        if (secret.ends_with('\r')) secret.pop_back();
    }
    if (secret.empty()) throw ConfigError("the secret file " + in_quotes(path) + " is empty");
    return {std::move(secret), (content.status.st_mode & S_IROTH) != 0};
}

std::string secret_from_environment(const std::string& name) {
    // Other modules (perl) trim the environment of nginx's master, so a reload would miss values
    // that the start found. They are kept.
    static auto& found = *new std::map<std::string, std::string>();
    const char* value = std::getenv(name.c_str());
    if (value != nullptr && *value != '\0') found[name] = value;
    const auto known = found.find(name);
    if (known == found.end()) {
        throw ConfigError("the environment variable " +
                          (is_conventional(name) ? in_quotes(name) + " " : "") +
                          "is not set or empty");
    }
    return known->second;
}

}  // namespace webhook::ngx
