// Calls of Redis as a test asks for them, in the module that tests load.
//
// Where the environment names a directory by WEBHOOK_REDIS_CALLS, a worker reads its file "calls"
// as soon as it appears, and removes it. Each line is a call of the first webhook_redis:
//
//     ID call LIMIT | forget ID | state     SCRIPT KEY,KEY ARGUMENT,ARGUMENT
//
// Replies are lines of the file "replies": the ID, and the reply or "none".

#include "ngx_http_webhook/ngx.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "ngx_http_webhook/conf.h"
#include "ngx_http_webhook/redis_client.h"
#include "ngx_http_webhook/redis_server.h"

namespace webhook::ngx {
namespace {

constexpr ngx_msec_t kTick = 2;

std::string directory;
RedisClient* client = nullptr;
ngx_event_t timer;

void tell(const std::string& line) {
    std::ofstream(directory + "/replies", std::ios::app) << line << '\n';
}

std::string text_of(const redis::Reply& reply) {
    switch (reply.kind) {
        case redis::Reply::Kind::integer:
            return std::to_string(reply.integer);
        case redis::Reply::Kind::error:
            return "-" + reply.text;
        case redis::Reply::Kind::null:
            return "null";
        case redis::Reply::Kind::array:
            break;
        default:
            return reply.text;
    }
    std::string text = "[";
    for (const redis::Reply& each : reply.elements) {
        text += (text.size() > 1 ? " " : "") + text_of(each);
    }
    return text + "]";
}

class Caller final : public RedisClient::Caller {
  public:
    explicit Caller(std::string id) : id_(std::move(id)) {}
    void on_reply(const redis::Reply* reply) noexcept override;

  private:
    const std::string id_;
};

std::map<std::string, std::unique_ptr<Caller>> callers;

void Caller::on_reply(const redis::Reply* reply) noexcept {
    tell(id_ + " " + (reply == nullptr ? "none" : text_of(*reply)));
    callers.erase(std::string(id_));
}

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
    return parts;
}

redis::Call call_of(std::istringstream& words) {
    static const std::map<std::string, redis::Script> scripts = {
        {"claim", redis::Script::claim},
        {"commit", redis::Script::commit},
        {"release", redis::Script::release},
        {"renew", redis::Script::renew},
    };
    std::string script;
    std::string keys;
    std::string arguments;
    words >> script >> keys >> arguments;
    return {scripts.at(script), split(keys), split(arguments)};
}

void obey(const std::string& line) {
    std::istringstream words(line);
    std::string id;
    std::string order;
    words >> id >> order;
    auto& caller = callers[id];
    if (order == "call") {
        ngx_msec_t limit = 0;
        words >> limit;
        caller = std::make_unique<Caller>(id);
        client->call(call_of(words), *caller, limit);
    } else if (order == "forget") {
        if (caller != nullptr) client->forget(*caller);
        callers.erase(id);
    } else if (order == "state") {
        const RedisClient::State state = client->state();
        callers.erase(id);
        tell(id + (client->is_available() ? " available" : " away") +
             (state.is_connected ? " connected" : " unconnected") + " pending=" +
             std::to_string(state.pending) + " servers=" + std::to_string(state.servers));
    }
}

void on_tick(ngx_event_t*) {
    const std::string path = directory + "/calls";
    std::ifstream file(path);
    if (file) {
        unlink(path.c_str());
        for (std::string line; std::getline(file, line);) obey(line);
    }
    if (!ngx_exiting) ngx_add_timer(&timer, kTick);
}

}  // namespace

void begin_redis_calls(const MainConf& conf) {
    const char* path = std::getenv("WEBHOOK_REDIS_CALLS");
    if (path == nullptr || conf.redis_servers.empty()) return;
    directory = path;
    client = &client_of(*conf.redis_servers.begin()->second);
    // No zone uses it.
    client->start();
    timer.handler = on_tick;
    timer.data = &timer;
    timer.log = ngx_cycle->log;
    timer.cancelable = 1;
    ngx_add_timer(&timer, kTick);
}

}  // namespace webhook::ngx
