// The reasons that a gate can give, for reports that show a zero for each.

#pragma once

#include <bitset>

#include "inspect/policy.h"
#include "verify/reason.h"

namespace webhook {

// What decides beside the policy.
struct GateTraits {
    // Only some addresses may deliver.
    bool limits_sources = false;
    // Its name has variables.
    bool has_variable_name = false;
    // It may find itself without a secret: none is configured, all have an end, or they are of
    // variables.
    bool may_lack_secrets = false;
};

// Rather one too many than one too few: a count that is not zero is shown anyway.
std::bitset<kReasonCount> possible_reasons(const Policy& policy, const GateTraits& traits);

}  // namespace webhook
