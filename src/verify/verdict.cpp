#include "verify/verdict.h"

namespace webhook {

std::string_view name_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::none:
            return "";
        case Verdict::accepted:
            return "accepted";
        case Verdict::rejected:
            return "rejected";
        case Verdict::handshake:
            return "handshake";
        case Verdict::duplicate:
            return "duplicate";
        case Verdict::monitored:
            return "monitored";
    }
    return "";
}

Verdict verdict_of(Reason reason, bool monitors) {
    if (reason == Reason::accepted) return Verdict::accepted;
    if (monitors) return Verdict::monitored;
    if (reason == Reason::handshake) return Verdict::handshake;
    return reason == Reason::duplicate ? Verdict::duplicate : Verdict::rejected;
}

}  // namespace webhook
