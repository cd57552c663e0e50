#include "redis/resp.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace webhook::redis {
namespace {

using Kind = Reply::Kind;

constexpr std::string_view kLineEnd = "\r\n";
// Of a number: as many digits as 64 bits need, with a sign.
constexpr std::size_t kLongestNumber = 20;

struct Type {
    char sign;
    Kind kind;
    // Of its first line, in bytes without the sign and the end.
    std::size_t longest_line;
};

constexpr std::array kTypes = {
    Type{'+', Kind::simple, kLongestLine},    Type{'-', Kind::error, kLongestLine},
    Type{':', Kind::integer, kLongestNumber}, Type{'$', Kind::bulk, kLongestNumber},
    Type{'*', Kind::array, kLongestNumber},
};

const Type* find_type(char sign) {
    const auto* const found = std::ranges::find(kTypes, sign, &Type::sign);
    return found == kTypes.end() ? nullptr : found;
}

std::optional<std::int64_t> parse_number(std::string_view text) {
    if (text.starts_with('+')) {
        text.remove_prefix(1);
        if (text.starts_with('-')) return std::nullopt;
    }
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || rest != end) return std::nullopt;
    return number;
}

}  // namespace

void ReplyReader::feed(std::string_view bytes) {
    // Moves no byte more often than it was read.
    if (used_ > buffer_.size() / 2) {
        buffer_.erase(0, used_);
        used_ = 0;
    }
    buffer_ += bytes;
}

std::optional<Reply> ReplyReader::next() {
    if (failure_ != nullptr) throw ProtocolError(failure_);
    while (std::optional<Item> item = read_item()) {
        if (item->missing > 0) {
            open_.push_back(std::move(*item));
            continue;
        }
        std::optional<Reply> complete = close_arrays(std::move(item->reply));
        if (!complete) continue;
        text_size_ = 0;
        elements_ = 0;
        return complete;
    }
    return std::nullopt;
}

std::optional<ReplyReader::Item> ReplyReader::read_item() {
    if (bulk_size_) return read_bulk();
    if (used_ == buffer_.size()) return std::nullopt;
    const Type* const type = find_type(buffer_[used_]);
    if (type == nullptr) fail("a reply of an unknown type");
    const std::optional<std::string_view> line = take_line(type->longest_line);
    if (!line) return std::nullopt;
    return item_of(type->sign, *line);
}

// Without its sign and its end. The view is valid until the next call of feed().
std::optional<std::string_view> ReplyReader::take_line(std::size_t longest) {
    const std::string_view rest = std::string_view(buffer_).substr(used_);
    const std::size_t end = rest.find('\n', searched_);
    if (std::min(end, rest.size()) > 1 + longest + 1) fail("a line that is too long");
    if (end == std::string_view::npos) {
        searched_ = rest.size();
        return std::nullopt;
    }
    if (rest.find('\r') != end - 1) fail("a line without its end");
    used_ += end + 1;
    searched_ = 0;
    return rest.substr(1, end - 2);
}

std::optional<ReplyReader::Item> ReplyReader::item_of(char type, std::string_view line) {
    if (type == '+') return Item{{Kind::simple, 0, counted(line), {}}};
    if (type == '-') return Item{{Kind::error, 0, counted(line), {}}};
    const std::optional<std::int64_t> number = parse_number(line);
    if (!number) fail("an invalid number");
    if (type == ':') return Item{{Kind::integer, *number, {}, {}}};
    if (*number == -1) return Item{};
    if (*number < 0) fail("a negative length");
    if (type == '*') return array_of(*number);
    return bulk_of(*number);
}

std::optional<ReplyReader::Item> ReplyReader::bulk_of(std::int64_t size) {
    count_text(static_cast<std::size_t>(size));
    bulk_size_ = static_cast<std::size_t>(size);
    return read_bulk();
}

std::optional<ReplyReader::Item> ReplyReader::read_bulk() {
    const std::string_view rest = std::string_view(buffer_).substr(used_);
    const std::string_view end = rest.substr(std::min(*bulk_size_, rest.size()));
    if (!kLineEnd.starts_with(end.substr(0, kLineEnd.size()))) fail("a text without its end");
    if (end.size() < kLineEnd.size()) return std::nullopt;
    Item item{{Kind::bulk, 0, std::string(rest.substr(0, *bulk_size_)), {}}};
    used_ += *bulk_size_ + kLineEnd.size();
    bulk_size_.reset();
    return item;
}

ReplyReader::Item ReplyReader::array_of(std::int64_t count) {
    const auto size = static_cast<std::size_t>(count);
    if (size > kMostElements - elements_) fail("too many elements");
    if (open_.size() == kDeepestReply) fail("arrays that are nested too deep");
    elements_ += size;
    return Item{{Kind::array, 0, {}, {}}, size};
}

// Puts a complete reply into the array around it. Returns the outermost reply, if this completes
// it.
std::optional<Reply> ReplyReader::close_arrays(Reply last) {
    while (!open_.empty()) {
        Item& array = open_.back();
        array.reply.elements.push_back(std::move(last));
        if (--array.missing > 0) return std::nullopt;
        last = std::move(array.reply);
        open_.pop_back();
    }
    return last;
}

std::string ReplyReader::counted(std::string_view text) {
    count_text(text.size());
    return std::string(text);
}

void ReplyReader::count_text(std::size_t size) {
    if (size > kLongestReply - text_size_) fail("a reply that is too long");
    text_size_ += size;
}

void ReplyReader::fail(const char* why) {
    failure_ = why;
    throw ProtocolError(why);
}

void append_command(std::string& out, std::span<const std::string_view> words) {
    out += '*' + std::to_string(words.size());
    out += kLineEnd;
    for (const std::string_view word : words) {
        out += '$' + std::to_string(word.size());
        out += kLineEnd;
        out += word;
        out += kLineEnd;
    }
}

}  // namespace webhook::redis
