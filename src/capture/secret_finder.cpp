#include "capture/secret_finder.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace webhook {
namespace {

constexpr std::size_t kShort = 12;
constexpr std::size_t kLongestWindow = 64;
constexpr std::size_t kLongestBlock = 4;
constexpr unsigned kHashBits = 14;
// Layers of escapes.
constexpr std::size_t kDeepest = 2;

std::size_t hash_of_block(const char* block, std::size_t size) {
    std::uint32_t value = 0;
    if (size == kLongestBlock) {
        std::memcpy(&value, block, kLongestBlock);
    } else {
        std::memcpy(&value, block, size);
    }
    return value * 2654435761U >> (32 - kHashBits);
}

std::size_t hash_of(std::string_view text) {
    return std::hash<std::string_view>()(text);
}

}  // namespace

SecretFinder::SecretFinder(std::vector<std::string> secrets) {
    std::ranges::sort(secrets);
    secrets.erase(std::unique(secrets.begin(), secrets.end()), secrets.end());
    std::vector<const Needle*> shorter;
    std::vector<const Needle*> longer;
    needles_.reserve(secrets.size());
    for (std::string& secret : secrets) {
        if (secret.empty()) continue;
        std::string text = EncodedForm(secret, false).text();
        needles_.push_back({std::move(text), std::move(secret)});
        (needles_.back().text.size() < kShort ? shorter : longer).push_back(&needles_.back());
    }
    short_ = group_of(std::move(shorter));
    long_ = group_of(std::move(longer));
}

SecretFinder::Group SecretFinder::group_of(std::vector<const Needle*> needles) {
    Group group;
    if (needles.empty()) return group;
    group.window = kLongestWindow;
    for (const Needle* each : needles) group.window = std::min(group.window, each->text.size());
    group.block = std::min(group.window, kLongestBlock);
    const std::size_t longest_step = group.window - group.block + 1;
    group.steps.assign(std::size_t{1} << kHashBits, static_cast<std::uint8_t>(longest_step));
    for (const Needle* each : needles) {
        const std::string_view end =
            std::string_view(each->text).substr(each->text.size() - group.window);
        for (std::size_t i = 0; i + group.block <= end.size(); ++i) {
            std::uint8_t& step = group.steps[hash_of_block(end.data() + i, group.block)];
            step = std::min(step, static_cast<std::uint8_t>(longest_step - 1 - i));
        }
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
        if (step > 0) {
            end += step;
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

bool SecretFinder::search(const EncodedForm& form, std::size_t depth, const Visit& visit) const {
    if (scan(long_, form, visit) || scan(short_, form, visit)) return true;
    if (depth == kDeepest) return false;
    for (Escaping escaping : {Escaping::percent, Escaping::json}) {
        const std::optional<EncodedForm> inner = form.without(escaping);
        if (inner && search(*inner, depth + 1, visit)) return true;
    }
    return false;
}

bool SecretFinder::is_in(std::string_view text) const {
    if (needles_.empty()) return false;
    return search(EncodedForm(text, false), 0, [](const auto&...) { return true; });
}

std::vector<SecretFinder::Found> SecretFinder::find_in(std::string_view text) const {
    std::vector<Found> all;
    if (needles_.empty()) return all;
    search(EncodedForm(text, true), 0,
           [&all](const EncodedForm& form, std::size_t end, const Needle& needle) {
               const auto [first, last] = form.origin(end - needle.text.size(), end);
               all.push_back({first, last, needle.secret});
               return false;
           });
    return all;
}

}  // namespace webhook
