// Which types of events a gate lets through.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace webhook {

// A type of events, or many: `*` stands for any run of characters, even for none. Case counts.
class EventPattern {
  public:
    explicit EventPattern(std::string_view text);

    // The time is bounded by the product of both lengths.
    bool matches(std::string_view type) const;

    friend bool operator==(const EventPattern&, const EventPattern&) = default;

  private:
    // The texts between the `*`, of which there is one less.
    std::vector<std::string> pieces_;
};

// The patterns of a location. The type of a delivery without one is the empty text.
class EventFilter {
  public:
    // Throws ConfigError if `!` excludes every event, or has nothing behind it, or if a pattern is
    // both let through and excluded. `""` behind `!` is the empty text.
    void add(std::string_view pattern);

    // Without patterns, it lets everything through.
    bool empty() const { return wanted_.empty() && excluded_.empty(); }
    // Whether the type matches a pattern, or there are only exclusions; and no exclusion.
    bool lets_through(std::string_view type) const;

    friend bool operator==(const EventFilter&, const EventFilter&) = default;

  private:
    std::vector<EventPattern> wanted_;
    std::vector<EventPattern> excluded_;
};

}  // namespace webhook
