#include "ngx_http_webhook/redis_client.h"

#include <algorithm>
#include <optional>

namespace webhook::ngx {
namespace {

constexpr ngx_msec_t kLatestStart = 100;
constexpr std::size_t kMostLinks = 64;

std::string url_of(const RedisServer& server, const redis::Redirect& redirect) {
    redis::Address address = server.address;
    address.host = redirect.host;
    address.port = redirect.port;
    return redis::text_of(address);
}

}  // namespace

RedisClient::RedisClient(const RedisServer& server) : server_(server) {
    for (ngx_event_t* event : {&turn_, &limit_}) {
        event->data = this;
        event->log = ngx_cycle->log;
    }
    turn_.handler = on_turn;
    limit_.handler = on_limit;
    links_.push_back(std::make_unique<RedisLink>(as_owner(), server.target, server.address.host,
                                                 redis::text_of(server.address)));
}

RedisClient::~RedisClient() {
    if (turn_.posted) {
        ngx_delete_posted_event(&turn_);
    }
    if (limit_.timer_set) {
        ngx_del_timer(&limit_);
    }
}

void RedisClient::start() noexcept {
    links_.front()->open_in(static_cast<ngx_msec_t>(ngx_random()) % kLatestStart + 1);
}

void RedisClient::call(redis::Call call, Caller& caller, ngx_msec_t limit) {
    RedisLink& link = link_for(call);
    Command command;
    RedisCommand& added = command.emplace_back();
    added.call = std::move(call);
    added.caller = &caller;
    added.expires_at = ngx_current_msec + limit;
    link.add(std::move(command));
    const bool is_earlier =
        limit_.timer_set &&
        static_cast<ngx_msec_int_t>(limit_.timer.key - (ngx_current_msec + limit)) > 0;
    if (is_earlier) {
        ngx_del_timer(&limit_);
    }
    if (!limit_.timer_set) ngx_add_timer(&limit_, limit);
}

RedisLink& RedisClient::link_for(const redis::Call& call) const {
    if (links_.size() == 1) return *links_.front();
    return *links_[slots_.server_of(redis::key_slot(call.keys.front()))];
}

void RedisClient::on_limit(ngx_event_t* event) noexcept {
    auto& client = *static_cast<RedisClient*>(event->data);
    std::optional<ngx_msec_t> next;
    for (const auto& link : client.links_) {
        const std::optional<ngx_msec_t> left = link->expire();
        if (left) next = std::min(*left, next.value_or(*left));
    }
    if (next) ngx_add_timer(event, *next);
}

void RedisClient::on_turn(ngx_event_t* event) noexcept {
    auto& client = *static_cast<RedisClient*>(event->data);
    Command& unanswered = client.unanswered_;
    // Who calls again, and gets no reply again, hears of it in the next turn.
    for (std::size_t left = unanswered.size(); left > 0 && !unanswered.empty(); --left) {
        Caller* caller = unanswered.front().caller;
        unanswered.pop_front();
        caller->on_reply(nullptr);
    }
    client.stop_waiting();
    if (!unanswered.empty()) {
        ngx_post_event(event, &ngx_posted_next_events);
    }
}

void RedisClient::forget(const Caller& caller) noexcept {
    for (const auto& link : links_) link->forget(caller);
    unanswered_.remove_if([&](const RedisCommand& each) { return each.caller == &caller; });
    stop_waiting();
}

void RedisClient::answer(Command command, const redis::Reply& reply) noexcept {
    const RedisCommand& answered = command.front();
    if (is_observed()) {
        const auto time = std::chrono::duration_cast<std::chrono::microseconds>(
            std::chrono::steady_clock::now() - answered.sent_at);
        for (Listener* listener : listeners_) listener->on_round_trip(time);
    }
    answered.caller->on_reply(&reply);
    stop_waiting();
}

// A worker that is about to exit waits for replies, not for the limits of their calls.
void RedisClient::stop_waiting() noexcept {
    if (!ngx_exiting || !limit_.timer_set) return;
    if (unanswered_.empty() && state().pending == 0) {
        ngx_del_timer(&limit_);
    }
}

void RedisClient::give_up(Command command) noexcept {
    unanswered_.splice(unanswered_.end(), command);
    ngx_post_event(&turn_, &ngx_posted_events);
}

void RedisClient::on_time_out() noexcept {
    for (Listener* listener : listeners_) listener->on_timeout();
}

void RedisClient::on_link(const RedisLink& link, bool is_available) noexcept {
    const std::size_t index = index_of(link);
    if (index != 0) {
        // The first server knows who took its slots.
        if (!is_available) slots_.forget(static_cast<redis::SlotMap::Server>(index));
        return;
    }
    if (std::exchange(is_available_, is_available) == is_available) return;
    for (Listener* listener : listeners_) listener->on_availability(is_available);
}

std::size_t RedisClient::index_of(const RedisLink& link) const {
    const auto found = std::ranges::find(links_, &link, &std::unique_ptr<RedisLink>::get);
    return static_cast<std::size_t>(found - links_.begin());
}

void RedisClient::redirect(const RedisLink& from, Command command,
                           const redis::ServerError& error) noexcept try {
    follow(from, command, error);
    if (!command.empty()) give_up(std::move(command));
} catch (const std::exception&) {
    give_up(std::move(command));
}

// Leaves the command if it cannot be sent anywhere.
void RedisClient::follow(const RedisLink& from, Command& command, const redis::ServerError& error) {
    RedisCommand& redirected = command.front();
    RedisLink* link = link_to(from, *error.redirect);
    if (link == nullptr) return;
    redirected.asking = error.consequence == redis::Consequence::ask;
    if (!redirected.asking) {
        slots_.learn(error.redirect->slot, static_cast<redis::SlotMap::Server>(index_of(*link)));
    }
    link->add(std::move(command));
}

// Null if there is no way to that server.
RedisLink* RedisClient::link_to(const RedisLink& from, const redis::Redirect& redirect) {
    redis::Redirect target = redirect;
    if (target.host.empty()) target.host = from.host();
    const auto figures = address_in_figures(target.host, target.port);
    for (const auto& link : links_) {
        const bool is_same = link->host() == target.host && link->port() == target.port;
        if (is_same || (figures && link->address() == figures->name)) return link.get();
    }
    return make_link(target);
}

RedisLink* RedisClient::make_link(const redis::Redirect& redirect) {
    PeerTarget target;
    target.port = redirect.port;
    target.tls = server_.target.tls;
    target.certified_names = {redirect.host, server_.address.host};
    if (const auto figures = address_in_figures(redirect.host, redirect.port)) {
        target.addresses = {*figures};
    } else if (server_.resolver() != nullptr) {
        target.host = redirect.host;
        target.resolver = server_.resolver();
        target.resolver_timeout = server_.target.resolver_timeout;
    } else {
        return nullptr;
    }
    auto link = std::make_unique<RedisLink>(as_owner(), std::move(target), redirect.host,
                                            url_of(server_, redirect));
    if (links_.size() < kMostLinks) return links_.emplace_back(std::move(link)).get();
    // Servers that have left the cluster.
    const auto spare = std::find_if(links_.begin() + 1, links_.end(), [](const auto& each) {
        return each->is_spare() && !each->is_available();
    });
    if (spare == links_.end()) return nullptr;
    *spare = std::move(link);
    return spare->get();
}

RedisClient::State RedisClient::state() const noexcept {
    State state;
    state.is_connected = links_.front()->is_ready();
    for (const auto& link : links_) state.pending += link->pending();
    state.servers = links_.size();
    return state;
}

RedisClient& client_of(const RedisServer& server) {
    if (server.client == nullptr) server.client = std::make_shared<RedisClient>(server);
    return *server.client;
}

void end_client_of(const RedisServer& server) noexcept {
    server.client.reset();
}

}  // namespace webhook::ngx
