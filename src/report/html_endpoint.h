// An endpoint on the page: a row of the table, and one that opens.

#pragma once

#include <string>
#include <string_view>

#include "base/html_writer.h"
#include "report/findings.h"
#include "report/report.h"

namespace webhook {

// `health` is the worst that was found about the endpoint.
void write_endpoint(HtmlWriter& html, const EndpointReport& endpoint, Health health,
                    const Report& report);
// One of its secrets. `newest` is the last match of any.
void write_secret(HtmlWriter& html, const SecretReport& secret, When newest, const Report& report);

// The parts of it that are there only where they apply: the judgement of a gate that monitors, and
// the table of secrets.
void write_monitoring(HtmlWriter& html, const EndpointReport& endpoint, const Report& report);
void write_secrets(HtmlWriter& html, const EndpointReport& endpoint, const Report& report);

// Whether `webhook_mode enforce` would have refused anything so far. Empty where it is in force.
std::string safety_text(const EndpointReport& endpoint, const Report& report);

// What there is to do about a secret. Empty: nothing.
std::string rotation_text(const SecretReport& secret, When newest, const Report& report);

}  // namespace webhook
