// Prints what the module would answer about one of the reports of t/support/reports.h:
//
//     fixture REPORT TICK html|json|policy

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "../support/reports.h"
#include "report/html.h"
#include "report/json.h"
#include "report/page.h"

int main(int count, char** arguments) {
    using namespace webhook;
    static const std::map<std::string, Report (*)(std::uint64_t)> kReports{
        {"blank", reports::blank},         {"busy", reports::busy},
        {"calm", reports::calm},           {"hostile", reports::hostile},
        {"extreme", reports::extreme},     {"crowded", reports::crowded},
        {"restarted", reports::restarted}, {"monitored", reports::monitored},
        {"refused", reports::refused},
    };
    if (count != 4 || kReports.count(arguments[1]) == 0) {
        std::fputs("usage: fixture REPORT TICK html|json|policy\n", stderr);
        return 2;
    }
    const Report report = kReports.at(arguments[1])(std::strtoull(arguments[2], nullptr, 10));
    const std::string format = arguments[3];
    const std::string text = format == "html"   ? html_of(report)->finish()
                             : format == "json" ? json_of(report)->finish()
                                                : std::string(content_security_policy());
    std::fwrite(text.data(), 1, text.size(), stdout);
    return 0;
}
