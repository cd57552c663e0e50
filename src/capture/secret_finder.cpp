#include "capture/secret_finder.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace webhook {
namespace {

constexpr std::size_t kShort = 12;
constexpr std::size_t kLongestWindow = 64;
constexpr std::size_t kLongestBlock = 4;
constexpr unsigned kHashBits = 15;
// What may be left of an escape, and of the first letters behind it.
constexpr std::size_t kLongestRest = 12;
// Layers of escapes.
constexpr int kDeepest = 2;
// What an escape may take of the secret behind it, if its mark was meant to stand for itself:
// `u0041` of what follows `\`.
constexpr std::size_t kLead = 5;

std::size_t hash_of_block(const char* block, std::size_t size) {
    std::uint32_t value = 0;
    if (size == kLongestBlock) {
        std::memcpy(&value, block, kLongestBlock);
    } else {
        std::memcpy(&value, block, size);
    }
    return value * 2654435761U >> (32 - kHashBits);
}

std::size_t hash_of_end(const char* end, std::size_t size) {
    std::uint64_t value = 0;
    std::memcpy(&value, end - std::min(size, sizeof(value)), std::min(size, sizeof(value)));
    return value * 0x9E3779B97F4A7C15U >> (64 - kHashBits);
}

std::size_t hash_of(std::string_view text) {
    return std::hash<std::string_view>()(text);
}

// Where a secret begins whose rest begins here. It does so, too, if an escape hides its lead.
std::optional<std::size_t> begin_of(const EncodedForm& form, std::size_t rest,
                                    std::string_view lead) {
    const std::string_view before = std::string_view(form.text()).substr(0, rest);
    if (before.ends_with(lead)) return rest - lead.size();
    const std::size_t begin = rest - std::min(rest, lead.size());
    const std::size_t mark = before.find_last_of("%\\");
    if (mark != std::string_view::npos && mark + kLongestRest >= rest) return std::min(mark, begin);
    if (form.has_escape(begin, rest)) return begin;
    return std::nullopt;
}

}  // namespace

SecretFinder::SecretFinder(std::vector<std::string> secrets) : secrets_(std::move(secrets)) {
    std::ranges::sort(secrets_);
    secrets_.erase(std::unique(secrets_.begin(), secrets_.end()), secrets_.end());
    for (const std::string& secret : secrets_) {
        if (!secret.empty()) add_secret(secret);
    }
    prepare(plain_);
    prepare(decoded_);
}

// A secret may look as if it had escapes in it, which are then taken as such.
void SecretFinder::add_secret(const std::string& secret) {
    std::optional<EncodedForm> form(std::in_place, secret, false);
    plain_.needles.push_back({form->text(), {}, secret});
    for (int depth = 0; form && depth <= kDeepest; ++depth) {
        const std::string& text = form->text();
        const std::size_t lead = text.size() < kShort + kLead ? 0 : kLead;
        decoded_.needles.push_back({text.substr(lead), text.substr(0, lead), secret});
        form = form->decoded();
    }
}

void SecretFinder::prepare(Groups& groups) {
    std::vector<const Needle*> shorter;
    std::vector<const Needle*> longer;
    for (const Needle& each : groups.needles) {
        (each.text.size() < kShort ? shorter : longer).push_back(&each);
    }
    groups.shorter = group_of(shorter);
    groups.longer = group_of(longer);
}

SecretFinder::Group SecretFinder::group_of(const std::vector<const Needle*>& needles) {
    Group group;
    if (needles.empty()) return group;
    group.window = kLongestWindow;
    for (const Needle* each : needles) group.window = std::min(group.window, each->text.size());
    group.block = std::min(group.window, kLongestBlock);
    const std::size_t longest_step = group.window - group.block + 1;
    group.steps.assign(std::size_t{1} << kHashBits, static_cast<std::uint8_t>(longest_step));
    group.may_end.resize(group.steps.size());
    for (const Needle* each : needles) {
        const std::string_view end =
            std::string_view(each->text).substr(each->text.size() - group.window);
        for (std::size_t i = 0; i + group.block <= end.size(); ++i) {
            std::uint8_t& step = group.steps[hash_of_block(end.data() + i, group.block)];
            step = std::min(step, static_cast<std::uint8_t>(longest_step - 1 - i));
        }
        group.may_end[hash_of_end(end.data() + end.size(), end.size())] = true;
        group.ends.emplace_back(hash_of(end), each);
    }
    std::ranges::sort(group.ends);
    return group;
}

bool SecretFinder::scan(const Group& group, const EncodedForm& form, const Visit& visit) {
    const std::string_view text = form.text();
    std::size_t end = group.window;
    while (end > 0 && end <= text.size()) {
        const std::uint8_t step =
            group.steps[hash_of_block(text.data() + end - group.block, group.block)];
        if (step > 0 || !group.may_end[hash_of_end(text.data() + end, group.window)]) {
            end += std::max<std::size_t>(step, 1);
            continue;
        }
        const std::size_t hash = hash_of(text.substr(end - group.window, group.window));
        auto known = std::ranges::lower_bound(group.ends, hash, {},
                                              [](const auto& each) { return each.first; });
        for (; known != group.ends.end() && known->first == hash; ++known) {
            const bool is_it = text.substr(0, end).ends_with(known->second->text);
            if (is_it && visit(form, end, *known->second)) return true;
        }
        ++end;
    }
    return false;
}

bool SecretFinder::scan(const Groups& groups, const EncodedForm& form, const Visit& visit) {
    return scan(groups.longer, form, visit) || scan(groups.shorter, form, visit);
}

bool SecretFinder::search(EncodedForm form, const Visit& visit) const {
    if (scan(plain_, form, visit)) return true;
    for (int depth = 0; depth < kDeepest; ++depth) {
        std::optional<EncodedForm> inner = form.decoded();
        if (!inner) return false;
        form = std::move(*inner);
        if (scan(decoded_, form, visit)) return true;
    }
    return false;
}

bool SecretFinder::is_in(std::string_view text) const {
    if (secrets_.empty()) return false;
    return search(EncodedForm(text, false), [](const auto&...) { return true; });
}

std::vector<SecretFinder::Found> SecretFinder::find_in(std::string_view text) const {
    std::vector<Found> all;
    if (secrets_.empty()) return all;
    search(EncodedForm(text, true),
           [&all](const EncodedForm& form, std::size_t end, const Needle& needle) {
               const auto begin = begin_of(form, end - needle.text.size(), needle.lead);
               if (!begin) return false;
               const auto [first, last] = form.origin(*begin, end);
               all.push_back({first, last, needle.secret});
               return false;
           });
    return all;
}

}  // namespace webhook
