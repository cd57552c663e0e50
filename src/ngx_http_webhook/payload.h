// A delivery's body as a whole, for what has to be read in it.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <memory>
#include <optional>

#include "base/whole_body.h"
#include "ngx_http_webhook/delivery.h"

namespace webhook::ngx {

// The process's only JSON reader: nobody may hold what it has read when nginx has its next turn.
JsonReader& json_reader();

// The body in one piece, with the room behind it that the JSON reader asks for; put together when
// somebody asks, and never where it is larger than `webhook_payload_max`.
class Payload {
  public:
    // The delivery, whose body has been read to its end, must outlive it.
    explicit Payload(const Delivery& delivery) : delivery_(delivery) {}
    ~Payload();
    Payload(const Payload&) = delete;
    Payload& operator=(const Payload&) = delete;

    bool is_too_large() const;
    // Null where it is too large.
    WholeBody* whole();
    // Null where it is too large, or no JSON.
    const JsonReader* json();

  private:
    void load();

    const Delivery& delivery_;
    std::unique_ptr<char[]> bytes_;
    std::optional<WholeBody> whole_;
};

}  // namespace webhook::ngx
