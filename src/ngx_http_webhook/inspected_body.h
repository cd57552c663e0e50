// A delivery's body for its inspection.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <cstdint>
#include <memory>
#include <optional>

#include "base/whole_body.h"
#include "inspect/inspection.h"
#include "ngx_http_webhook/delivery.h"

namespace webhook::ngx {

// It copies the body into one piece, with the padding that the JSON parser needs, on demand.
class InspectedBody final : public BodyAccess {
  public:
    // The delivery must outlive it, and its body must be complete.
    explicit InspectedBody(const Delivery& delivery) : delivery_(delivery) {}
    ~InspectedBody();
    InspectedBody(const InspectedBody&) = delete;
    InspectedBody& operator=(const InspectedBody&) = delete;

    std::int64_t sent_size() const override { return delivery_.body.size(); }
    std::int64_t size() const override { return delivery_.body.decoded_size(); }
    bool is_as_declared() const override;
    bool is_sound() const override { return !delivery_.body.at_fault(); }
    WholeBody& whole() override;
    void hash(HashStream& hash) override;

  private:
    void load();

    const Delivery& delivery_;
    std::unique_ptr<char[]> bytes_;
    std::optional<WholeBody> whole_;
};

}  // namespace webhook::ngx
