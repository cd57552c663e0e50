// `webhook_capture`: refused deliveries as files, for `webhookctl explain`.
//
// The request path copies a bounded part of a delivery into memory, and a thread of the worker
// writes it (capture_writer.h). What the thread has to report is logged by the event loop.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <bitset>
#include <memory>
#include <string>

#include "ngx_http_webhook/conf.h"
#include "store/capture_ring.h"
#include "verify/reason.h"

namespace webhook::ngx {

struct Delivery;

// A directory, and where the configuration names it first.
struct CaptureDirectory {
    std::shared_ptr<const CaptureRing> ring;
    ConfigPosition place;
};

struct Capture {
    // Null if there are no reasons: off.
    std::shared_ptr<const CaptureRing> ring;
    std::bitset<kReasonCount> reasons;
    // The most bytes of a body.
    std::size_t body;
};

// Whether a delivery is ever refused for this reason, so that it is captured.
bool can_be_captured(Reason reason);

// Opens a directory, or finds it among those that the configuration has already. Throws ConfigError
// if it is not safe, or if it has other limits elsewhere.
std::shared_ptr<const CaptureRing> open_capture_ring(ngx_conf_t* cf, const std::string& path,
                                                     const CaptureLimits& limits,
                                                     const ConfigPosition& place);

// Keeps a delivery that has just been refused, if the location captures such ones.
void capture_refused(const Delivery& delivery) noexcept;

// A worker starts: it removes files that become too old.
void begin_captures(const MainConf& conf) noexcept;
// A worker ends: it waits for what is being written, but not for long.
void end_captures() noexcept;

}  // namespace webhook::ngx
