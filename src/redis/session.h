// The first words on a fresh connection: who we are, which database, and whether the server is one
// that may be written to.
//
// The commands are sent at once, and their replies are taken in order. Nothing else may be sent
// before the session is ready, except right behind these commands: if it fails, the connection has
// to be closed, and what was sent behind them may have been done by nobody or by the wrong server.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "redis/resp.h"
#include "redis/server_error.h"

namespace webhook::redis {

struct Login {
    // Empty: the default user.
    std::string user;
    // Empty: no AUTH is sent.
    std::string password;
    std::uint16_t database = 0;
};

class Session {
  public:
    enum class State : std::uint8_t { talking, ready, failed };

    // Keeps no secret: `login` is used by append_commands() only.
    explicit Session(const Login& login);

    // Appends AUTH, SELECT and ROLE, those that are needed, for the login that the session was made
    // with.
    static void append_commands(std::string& out, const Login& login);

    // Takes the reply to the next command. To be called only while `talking`.
    void take(const Reply& reply);

    State state() const { return state_; }
    // What a failure means, and its text for the log, worded to follow the server's name:
    // `is a replica`.
    Consequence consequence() const { return consequence_; }
    const std::string& text() const { return text_; }
    // What is odd about a server that is ready, worded in the same way. Empty if nothing is.
    const std::string& remark() const { return remark_; }

  private:
    enum class Step : std::uint8_t { auth, select, role };

    void take_ok(const Reply& reply, const char* command, Step next);
    void take_role(const Reply& reply);
    void be_ready(std::string remark);
    void fail_on_answer(const std::string& command);
    void fail(const ServerError& error);

    bool has_database_;
    Step step_;
    State state_ = State::talking;
    Consequence consequence_ = Consequence::failed;
    std::string text_;
    std::string remark_;
};

}  // namespace webhook::redis
