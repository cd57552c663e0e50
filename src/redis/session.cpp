#include "redis/session.h"

#include <algorithm>
#include <array>
#include <utility>

namespace webhook::redis {
namespace {

using Kind = Reply::Kind;

struct Role {
    std::string_view name;
    // Empty: it may be written to.
    std::string_view fault;
    Consequence consequence;
};

constexpr std::array kRoles = {
    Role{"master", "", Consequence::failed},
    Role{"primary", "", Consequence::failed},
    Role{"slave", "is a replica", Consequence::other_server},
    Role{"replica", "is a replica", Consequence::other_server},
    Role{"sentinel", "is a Sentinel, which has no data", Consequence::configuration},
};

// A replica of which this is said tells when it is written to.
constexpr const char* kOfUnknownRole = ": it may be a replica";

// A proxy may not know ROLE, and an ACL may not permit it.
bool is_refusal(const Reply& reply) {
    return reply.kind == Kind::error &&
           (reply.text.starts_with("NOPERM ") || reply.text.starts_with("ERR unknown command "));
}

// The first words on a connection lead nowhere else.
Consequence without_redirect(Consequence consequence) {
    const bool is_for_calls = consequence == Consequence::eval ||
                              consequence == Consequence::moved || consequence == Consequence::ask;
    return is_for_calls ? Consequence::failed : consequence;
}

}  // namespace

Session::Session(const Login& login)
    : has_database_(login.database != 0),
      step_(!login.password.empty() ? Step::auth
            : has_database_         ? Step::select
                                    : Step::role) {}

void Session::append_commands(std::string& out, const Login& login) {
    const auto append = [&out](std::initializer_list<std::string_view> words) {
        append_command(out, std::span(words.begin(), words.size()));
    };
    if (!login.password.empty()) {
        if (login.user.empty()) {
            append({"AUTH", login.password});
        } else {
            append({"AUTH", login.user, login.password});
        }
    }
    if (login.database != 0) append({"SELECT", std::to_string(login.database)});
    append({"ROLE"});
}

void Session::take(const Reply& reply) {
    switch (step_) {
        case Step::auth:
            return take_ok(reply, "AUTH", has_database_ ? Step::select : Step::role);
        case Step::select:
            return take_ok(reply, "SELECT", Step::role);
        case Step::role:
            return take_role(reply);
    }
}

void Session::take_ok(const Reply& reply, const char* command, Step next) {
    if (reply.kind == Kind::error) return fail(read_error(reply.text));
    if (reply.kind != Kind::simple || reply.text != "OK") return fail_on_answer(command);
    step_ = next;
}

void Session::take_role(const Reply& reply) {
    if (is_refusal(reply)) return be_ready(read_error(reply.text).text + kOfUnknownRole);
    if (reply.kind == Kind::error) return fail(read_error(reply.text));
    if (reply.elements.empty() || !reply.elements.front().is_text()) return fail_on_answer("ROLE");
    const std::string& name = reply.elements.front().text;
    const auto* const role = std::ranges::find(kRoles, name, &Role::name);
    if (role == kRoles.end())
        return be_ready(std::string("has a role that is not known") + kOfUnknownRole);
    if (role->fault.empty()) return be_ready("");
    fail({role->consequence, std::nullopt, std::string(role->fault)});
}

void Session::be_ready(std::string remark) {
    state_ = State::ready;
    remark_ = std::move(remark);
}

void Session::fail_on_answer(const std::string& command) {
    fail({Consequence::failed, std::nullopt, "has answered " + command + " in an unknown way"});
}

void Session::fail(const ServerError& error) {
    state_ = State::failed;
    consequence_ = without_redirect(error.consequence);
    text_ = error.text;
}

}  // namespace webhook::redis
