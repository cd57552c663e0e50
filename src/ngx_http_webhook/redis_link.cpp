#include "ngx_http_webhook/redis_link.h"

#include <algorithm>
#include <array>
#include <functional>
#include <span>

namespace webhook::ngx {
namespace {

// Of the socket, in bytes: far more than calls come to within their time.
constexpr std::size_t kMostWaiting = 8 * 1024 * 1024;
// Of time-outs in a row.
constexpr std::uint32_t kFailures = 3;
constexpr ngx_msec_t kShortestOpening = 1000;
constexpr ngx_msec_t kLongestOpening = 10000;
constexpr ngx_msec_t kPingInterval = 5000;
// Of one call, as a cluster that moves its slots may give them.
constexpr int kMostRedirections = 5;
// After nginx has closed the connection of a probe.
constexpr ngx_msec_t kPause = 250;
// So soon, a connection that broke is not replaced at once a second time: they may all break.
constexpr ngx_msec_t kReplacementInterval = 1000;
constexpr std::time_t kQuietSeconds = 60;

constexpr std::string_view kUnreachable = "cannot be reached: ";
constexpr std::string_view kSilent = "does not answer in time";

Milliseconds clock_now() {
    return Milliseconds(static_cast<std::int64_t>(ngx_current_msec));
}

std::uint32_t random_number() {
    return static_cast<std::uint32_t>(ngx_random());
}

bool is_over(const RedisCommand& command) {
    return static_cast<ngx_msec_int_t>(command.expires_at - ngx_current_msec) <= 0;
}

void append_words(std::string& out, std::string_view word) {
    redis::append_command(out, std::array{word});
}

RedisLink::Command taken_from(RedisLink::Command& commands, RedisLink::Command::iterator one) {
    RedisLink::Command command;
    command.splice(command.end(), commands, one);
    return command;
}

// For names, TLS and all; calls have limits of their own.
ngx_msec_t opening_limit(const RedisServer& server) {
    return std::clamp(server.timeout * 10, kShortestOpening, kLongestOpening);
}

}  // namespace

RedisLink::RedisLink(Owner& owner, PeerTarget target, std::string host, std::string url)
    : owner_(owner),
      target_(std::move(target)),
      host_(std::move(host)),
      url_(std::move(url)),
      peer_(target_, *this, kMostWaiting),
      breaker_(Breaker::Policy{kFailures}) {
    guard_.handler = on_guard;
    guard_.data = this;
    guard_.log = ngx_cycle->log;
    guard_.cancelable = 1;
}

RedisLink::~RedisLink() {
    if (guard_.timer_set) {
        ngx_del_timer(&guard_);
    }
}

void RedisLink::open_in(ngx_msec_t delay) noexcept {
    if (state_ == State::closed && !guard_.timer_set) guard(delay);
}

void RedisLink::guard(ngx_msec_t delay) noexcept {
    if (guard_.timer_set) {
        ngx_del_timer(&guard_);
    }
    ngx_add_timer(&guard_, delay);
}

void RedisLink::open() noexcept {
    state_ = State::opening;
    ++generation_;
    if (guard_.timer_set) {
        ngx_del_timer(&guard_);
    }
    peer_.open(opening_limit(owner_.server()));
}

void RedisLink::on_open() noexcept try { greet(); } catch (const std::exception& error) {
    break_off("cannot be used: ", error.what());
}

// The PING shows whether the server takes commands, which the others do not: they are answered
// while it loads its data.
void RedisLink::greet() {
    state_ = State::greeting;
    asked_at_ = ngx_current_msec;
    guard(opening_limit(owner_.server()));
    const redis::Login& login = owner_.server().login;
    session_.emplace(login);
    std::string text;
    redis::Session::append_commands(text, login);
    append_words(text, "PING");
    peer_.send(text);
}

void RedisLink::on_bytes(std::string_view bytes) noexcept try {
    const std::uint64_t generation = generation_;
    heard_at_ = ngx_current_msec;
    reader_.feed(bytes);
    while (const auto reply = reader_.next()) {
        take(*reply);
        // The reader is that of another connection then.
        if (generation_ != generation) return;
    }
    rest();
} catch (const redis::ProtocolError& error) {
    break_off("does not speak as Redis does: ", error.what());
} catch (const std::exception& error) {
    break_off("cannot be used: ", error.what());
}

void RedisLink::take(const redis::Reply& reply) {
    if (state_ == State::greeting) return take_greeting(reply);
    take_answer(reply);
}

void RedisLink::take_greeting(const redis::Reply& reply) {
    if (session_->state() == redis::Session::State::talking) {
        session_->take(reply);
        if (session_->state() == redis::Session::State::failed) break_off(session_->text());
        return;
    }
    if (reply.kind == redis::Reply::Kind::error) {
        const redis::ServerError error = redis::read_error(reply.text);
        if (error.consequence == redis::Consequence::later) return break_off(error.text);
    }
    be_ready();
}

// The greeting was a first answer. If that took longer than a call may, it is not enough.
void RedisLink::be_ready() noexcept {
    state_ = State::ready;
    if (!std::exchange(is_odd_, !session_->remark().empty()) && is_odd_) {
        log(NGX_LOG_WARN, session_->remark());
    }
    if (!is_timely(asked_at_)) needs_pong_ = true;
    guard(needs_pong_ ? kReplacementInterval : kPingInterval);
    if (needs_proof_ || needs_pong_) {
        begin_trial();
    } else {
        accept();
    }
    send_waiting();
}

// The server is as it should be.
void RedisLink::accept() noexcept {
    const bool was_available = breaker_.is_closed();
    breaker_.succeeded();
    needs_proof_ = false;
    needs_pong_ = false;
    is_on_trial_ = false;
    tell_back();
    if (!was_available) owner_.on_link(*this, true);
}

void RedisLink::add(Command command) noexcept {
    if (!breaker_.is_closed()) {
        if (!is_on_trial_) return owner_.give_up(std::move(command));
        is_on_trial_ = false;
        owner_.on_link(*this, false);
    }
    if (state_ == State::ready) return send(std::move(command));
    waiting_.splice(waiting_.end(), command);
    if (state_ == State::closed && breaker_.is_closed()) open();
}

void RedisLink::send(Command command) noexcept try {
    if (!try_send(command)) owner_.give_up(std::move(command));
} catch (const std::exception&) {
    owner_.give_up(std::move(command));
}

// Takes the command, unless it returns false or throws.
bool RedisLink::try_send(Command& command) {
    // It has broken, and will tell so.
    if (!peer_.is_open()) {
        waiting_.splice(waiting_.end(), command);
        return true;
    }
    RedisCommand& sent = command.front();
    std::string text;
    if (sent.asking) append_words(text, "ASKING");
    if (sent.with_text) {
        redis::append_eval(text, sent.call);
    } else {
        redis::append_evalsha(text, sent.call);
    }
    // The places of the replies come first, so that places and commands always match.
    const std::size_t replies = sent.asking ? 2 : 1;
    sent_.resize(sent_.size() + replies);
    if (!peer_.send(text)) {
        sent_.resize(sent_.size() - replies);
        return false;
    }
    if (owner_.is_observed()) sent.sent_at = std::chrono::steady_clock::now();
    sent_.back() = std::move(command);
    ++awaited_;
    return true;
}

void RedisLink::send_waiting() noexcept {
    // Those that return to the queue are not for this turn.
    for (std::size_t left = waiting_.size(); left > 0 && state_ == State::ready; --left) {
        send(taken_from(waiting_, waiting_.begin()));
    }
    rest();
}

void RedisLink::take_answer(const redis::Reply& reply) {
    if (sent_.empty()) return break_off("sends replies that nobody asked for");
    Command command = std::move(sent_.front());
    sent_.pop_front();
    if (command.empty()) return take_pong();
    --awaited_;
    if (reply.kind == redis::Reply::Kind::error) return take_error(std::move(command), reply);
    accept();
    owner_.answer(std::move(command), reply);
}

// Or a reply that is thrown away, which shows as much.
void RedisLink::take_pong() noexcept {
    if (!std::exchange(is_pinging_, false)) return;
    const bool is_proof = is_on_trial_ && !needs_proof_;
    if (is_proof && is_timely(asked_at_)) accept();
    guard(is_on_trial_ ? kReplacementInterval : kPingInterval);
}

bool RedisLink::is_timely(ngx_msec_t asked_at) const {
    return ngx_current_msec - asked_at <= owner_.server().timeout;
}

void RedisLink::take_error(Command command, const redis::Reply& reply) {
    const redis::ServerError error = redis::read_error(reply.text);
    switch (error.consequence) {
        case redis::Consequence::eval:
            if (std::exchange(command.front().with_text, true)) break;
            return send(std::move(command));
        case redis::Consequence::moved:
        case redis::Consequence::ask:
            accept();
            if (++command.front().redirections > kMostRedirections) {
                tell_refusal("sends a call from one server to the next, without an end");
                return owner_.give_up(std::move(command));
            }
            return owner_.redirect(*this, std::move(command), error);
        case redis::Consequence::later:
            owner_.give_up(std::move(command));
            needs_proof_ = true;
            return count_failure(error.text);
        case redis::Consequence::other_server:
            waiting_.splice(waiting_.begin(), command);
            return lose(error.text);
        case redis::Consequence::configuration:
            owner_.give_up(std::move(command));
            needs_proof_ = true;
            return break_off(error.text);
        case redis::Consequence::full:
        case redis::Consequence::failed:
            break;
    }
    accept();
    tell_refusal(error.text);
    owner_.answer(std::move(command), reply);
}

void RedisLink::on_closed(std::string_view why) noexcept {
    const bool was_ready = state_ == State::ready;
    if (!why.empty()) {
        return was_ready ? lose(kUnreachable, why) : break_off(kUnreachable, why);
    }
    disconnect();
    give_up_waiting();
    if (breaker_.is_closed()) return;
    breaker_.gave_up_probe();
    owner_.on_link(*this, false);
    guard(kPause);
}

// The commands without a reply are the first of the next connection.
void RedisLink::disconnect() noexcept {
    state_ = State::closed;
    ++generation_;
    peer_.close();
    if (guard_.timer_set) {
        ngx_del_timer(&guard_);
    }
    for (; !sent_.empty(); sent_.pop_back()) waiting_.splice(waiting_.begin(), sent_.back());
    awaited_ = 0;
    is_pinging_ = false;
    is_on_trial_ = false;
    reader_ = {};
    session_.reset();
}

// The connection was good: the next one may be.
void RedisLink::lose(std::string_view text, std::string_view detail) noexcept {
    const bool was_replaced =
        replaced_at_ && ngx_current_msec - *replaced_at_ < kReplacementInterval;
    if (was_replaced) needs_pong_ = true;
    if (was_replaced || !breaker_.is_closed()) return break_off(text, detail);
    replaced_at_ = ngx_current_msec;
    disconnect();
    if (!ngx_exiting || !waiting_.empty()) open();
}

void RedisLink::break_off(std::string_view text, std::string_view detail) noexcept {
    breaker_.broke(clock_now(), random_number());
    on_breaker_open(text, detail);
}

// The texts may be those of the connection.
void RedisLink::on_breaker_open(std::string_view text, std::string_view detail) noexcept {
    tell_lost(text, detail);
    disconnect();
    owner_.on_link(*this, false);
    give_up_waiting();
    const auto probe_at = breaker_.next_probe();
    if (!probe_at) return;
    guard(
        static_cast<ngx_msec_t>(std::max((*probe_at - clock_now()).count(), Milliseconds::rep{1})));
}

void RedisLink::give_up_waiting() noexcept {
    Command waiting = std::exchange(waiting_, {});
    while (!waiting.empty()) {
        owner_.give_up(taken_from(waiting, waiting.begin()));
    }
}

std::optional<ngx_msec_t> RedisLink::expire() noexcept {
    std::optional<ngx_msec_t> next;
    std::size_t time_outs = 0;
    const auto expires = [&next](const RedisCommand& command) {
        if (is_over(command)) return true;
        const ngx_msec_t left = command.expires_at - ngx_current_msec;
        next = std::min(left, next.value_or(left));
        return false;
    };
    for (Command& command : sent_) {
        if (command.empty() || !expires(command.front())) continue;
        owner_.give_up(std::exchange(command, {}));
        --awaited_;
        ++time_outs;
    }
    for (auto each = waiting_.begin(); each != waiting_.end();) {
        const auto command = each++;
        if (!expires(*command)) continue;
        owner_.give_up(taken_from(waiting_, command));
        ++time_outs;
    }
    for (; time_outs > 0; --time_outs) count_time_out();
    rest();
    return next;
}

void RedisLink::count_time_out() noexcept {
    owner_.on_time_out();
    count_failure(kSilent);
}

// One of several in a row, or the end of a trial.
void RedisLink::count_failure(std::string_view text) noexcept {
    const bool was_closed = breaker_.is_closed();
    breaker_.failed(clock_now(), random_number());
    if (breaker_.is_closed()) return;
    if (state_ == State::ready) return on_breaker_open(text);
    if (!was_closed) return;
    // What is being opened is the probe.
    tell_lost(text, {});
    owner_.on_link(*this, false);
    give_up_waiting();
}

void RedisLink::forget(const RedisCaller& caller) noexcept {
    for (Command& command : sent_) {
        if (command.empty() || command.front().caller != &caller) continue;
        command.clear();
        --awaited_;
    }
    waiting_.remove_if([&caller](const RedisCommand& each) { return each.caller == &caller; });
    rest();
}

// Nothing is on its way. A trial may have ended without a result.
void RedisLink::rest() noexcept {
    if (state_ == State::ready && pending() == 0 && !breaker_.is_closed()) begin_trial();
}

void RedisLink::begin_trial() noexcept {
    if (!std::exchange(is_on_trial_, true)) owner_.on_link(*this, true);
}

void RedisLink::on_guard(ngx_event_t* event) noexcept {
    auto& link = *static_cast<RedisLink*>(event->data);
    switch (link.state_) {
        case State::closed:
            if (link.breaker_.allows(clock_now())) return link.open();
            // It is early by a rounding.
            return link.guard(1);
        case State::greeting:
            return link.break_off(kSilent);
        case State::ready:
            return link.watch_over();
        case State::opening:
            return;
    }
}

void RedisLink::watch_over() noexcept try {
    if (is_pinging_) return lose(kSilent);
    if (!waiting_.empty()) send_waiting();
    if (state_ != State::ready) return;
    const ngx_msec_t silent = ngx_current_msec - heard_at_;
    if (is_on_trial_ && needs_pong_) return ping();
    if (silent >= kPingInterval) return ping();
    guard(kPingInterval - silent);
} catch (const std::exception& error) {
    break_off("cannot be used: ", error.what());
}

void RedisLink::ping() {
    std::string text;
    append_words(text, "PING");
    sent_.emplace_back();
    if (!peer_.send(text)) return lose("takes no commands");
    is_pinging_ = true;
    asked_at_ = ngx_current_msec;
    guard(opening_limit(owner_.server()));
}

void RedisLink::log(ngx_uint_t level, std::string_view text,
                    std::string_view detail) const noexcept {
    ngx_log_error(level, ngx_cycle->log, 0, "webhook_redis \"%s\": %s %*s%*s",
                  owner_.server().name.c_str(), url_.c_str(), text.size(), text.data(),
                  detail.size(), detail.data());
}

// Each reason once. The text without its detail tells reasons apart.
void RedisLink::tell_lost(std::string_view text, std::string_view detail) noexcept {
    if (!lost_since_) {
        lost_since_ = ngx_current_msec;
        told_count_ = 0;
    }
    const std::size_t reason = std::hash<std::string_view>()(text);
    const auto told = std::span(told_).first(told_count_);
    if (told_count_ == told_.size() || std::ranges::count(told, reason) != 0) return;
    told_[told_count_++] = reason;
    log(NGX_LOG_ERR, text, detail);
}

void RedisLink::tell_back() noexcept {
    if (!lost_since_) return;
    const ngx_msec_t away = ngx_current_msec - *std::exchange(lost_since_, std::nullopt);
    std::array<u_char, NGX_INT64_LEN + 8> seconds;
    const u_char* end =
        ngx_snprintf(seconds.data(), seconds.size(), "%M.%03Ms", away / 1000, away % 1000);
    // As loud as its loss.
    log(NGX_LOG_ERR, "is back, it was away for ",
        {reinterpret_cast<const char*>(seconds.data()),
         static_cast<std::size_t>(end - seconds.data())});
}

// Every call may hear the same.
void RedisLink::tell_refusal(std::string_view text) noexcept {
    if (ngx_time() - refused_at_ < kQuietSeconds) return;
    refused_at_ = ngx_time();
    log(NGX_LOG_ERR, text);
}

}  // namespace webhook::ngx
