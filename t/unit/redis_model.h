// What a Redis server does with the scripts, for tests: it takes commands as bytes, and gives
// replies as bytes, at a time that is handed in.

#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "redis/resp.h"
#include "redis/scripts.h"

namespace webhook::redis {

class RedisModel {
  public:
    struct Entry {
        std::string value;
        Milliseconds expires;
    };

    // One command; one reply.
    std::string answer(std::string_view command, Milliseconds now) {
        std::erase_if(entries_, [now](const auto& entry) { return entry.second.expires <= now; });
        ReplyReader reader;
        reader.feed(command);
        const std::optional<Reply> read = reader.next();
        if (!read || !reader.empty()) throw std::invalid_argument("not one command");
        std::vector<std::string> words;
        for (const Reply& element : read->elements) words.push_back(element.text);
        const std::optional<Script> script = find_script(words.at(0), words.at(1));
        if (!script) return "-NOSCRIPT No matching script. Please use EVAL.\r\n";
        const auto last_key = words.begin() + 3 + std::stol(words.at(2));
        keys_.assign(words.begin() + 3, last_key);
        arguments_.assign(last_key, words.end());
        if (arguments_.size() != info(*script).arguments) throw std::invalid_argument("arguments");
        return run(*script, now);
    }

    // As after a restart, a failover or SCRIPT FLUSH.
    void forget_scripts() { known_.clear(); }
    void flush() { entries_.clear(); }
    const std::map<std::string, Entry>& entries() const { return entries_; }

  private:
    std::optional<Script> find_script(std::string_view command, std::string_view name) {
        for (std::size_t i = 0; i < kScriptCount; ++i) {
            const auto script = static_cast<Script>(i);
            if (command == "EVAL" && name == info(script).text) {
                known_.insert(script);
                return script;
            }
            if (command == "EVALSHA" && name == sha1_of(script) && known_.contains(script)) {
                return script;
            }
        }
        return std::nullopt;
    }

    std::string run(Script script, Milliseconds now) {
        switch (script) {
            case Script::claim:
                return claim(now);
            case Script::commit:
                return commit(now);
            case Script::release:
                return number(std::erase_if(entries_, [this](const auto& entry) {
                    return std::ranges::count(keys_, entry.first) > 0 &&
                           entry.second.value == 'C' + arguments_[0];
                }));
            case Script::renew:
                return renew(now);
        }
        return "";
    }

    std::string claim(Milliseconds now) {
        const Entry* longest = nullptr;
        std::size_t place = 0;
        for (const std::string& key : keys_) {
            ++place;
            const Entry* const entry = find(key);
            if (entry == nullptr || entry->value == 'C' + arguments_[0]) continue;
            if (entry->value[0] == 'D') {
                return "*4\r\n:1\r\n" + number(std::stoul(entry->value.substr(1, 3))) +
                       number(left(*entry, now)) + number(place);
            }
            if (longest == nullptr || entry->expires > longest->expires) longest = entry;
        }
        if (longest != nullptr) {
            const std::string holder = longest->value.substr(1, 48);
            return "*3\r\n:2\r\n" + number(left(*longest, now)) + '$' +
                   std::to_string(holder.size()) + "\r\n" + holder + "\r\n";
        }
        for (const std::string& key : keys_) set(key, 'C' + arguments_[0], arguments_[1], now);
        return "*1\r\n:0\r\n";
    }

    std::string commit(Milliseconds now) {
        std::size_t lost = 0;
        for (const std::string& key : keys_) {
            const Entry* const entry = find(key);
            if (entry != nullptr && entry->value[0] == 'D') continue;
            if (entry == nullptr || entry->value != 'C' + arguments_[0]) ++lost;
            set(key, 'D' + arguments_[1] + arguments_[0], arguments_[2], now);
        }
        return number(lost);
    }

    std::string renew(Milliseconds now) {
        std::size_t held = 0;
        for (const std::string& key : keys_) {
            const Entry* const entry = find(key);
            if (entry == nullptr || entry->value != 'C' + arguments_[0]) continue;
            set(key, entry->value, arguments_[1], now);
            ++held;
        }
        return number(held);
    }

    const Entry* find(const std::string& key) const {
        const auto found = entries_.find(key);
        return found == entries_.end() ? nullptr : &found->second;
    }

    void set(const std::string& key, const std::string& value, const std::string& time,
             Milliseconds now) {
        entries_[key] = {value, now + Milliseconds(std::stoll(time))};
    }

    static std::size_t left(const Entry& entry, Milliseconds now) {
        return static_cast<std::size_t>((entry.expires - now).count());
    }

    static std::string number(std::size_t value) { return ':' + std::to_string(value) + "\r\n"; }

    std::map<std::string, Entry> entries_;
    std::set<Script> known_;
    std::vector<std::string> keys_;
    std::vector<std::string> arguments_;
};

}  // namespace webhook::redis
