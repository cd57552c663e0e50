// Finds secrets in a text, as they are and encoded: percent-encoded, escaped as in JSON, both, or
// one in the other, up to twice.
//
// One pass serves all secrets, and its time hardly depends on their number: strangers choose the
// text, and a worker serves nobody else meanwhile. It compares blocks of the text with blocks of
// the secrets' ends (Wu and Manber 1994), which senders cannot guess as they can a prefix.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "capture/encoded_form.h"

namespace webhook {

class SecretFinder {
  public:
    struct Found {
        // In the text that was searched.
        std::size_t begin;
        std::size_t end;
        std::string_view secret;
    };

    SecretFinder() = default;
    // Empty ones count for nothing, equal ones for one.
    explicit SecretFinder(std::vector<std::string> secrets);
    SecretFinder(const SecretFinder&) = delete;
    SecretFinder& operator=(const SecretFinder&) = delete;

    // Whether any of the secrets is there. Where escapes are, most of a secret is enough.
    bool is_in(std::string_view text) const;
    // All of them. The same bytes may be found several times.
    std::vector<Found> find_in(std::string_view text) const;

  private:
    struct Needle {
        // As EncodedForm has it.
        std::string text;
        // What of the secret stands before it.
        std::string lead;
        std::string_view secret;
    };
    // Returns whether that is enough. `end` is where the needle ends.
    using Visit = std::function<bool(const EncodedForm& form, std::size_t end, const Needle&)>;

    // Needles of similar lengths: a short one makes the steps short.
    struct Group {
        // How much of each needle's end is compared, and in which blocks.
        std::size_t window = 0;
        std::size_t block = 0;
        // How far the window may be moved, for each hash of the block at its end.
        std::vector<std::uint8_t> steps;
        // For each hash of the last eight bytes, whether a needle may end there.
        std::vector<bool> may_end;
        // The hash of the last `window` bytes of each needle, in order.
        std::vector<std::pair<std::size_t, const Needle*>> ends;
    };

    struct Groups {
        std::vector<Needle> needles;
        Group shorter;
        Group longer;
    };

    void add_secret(const std::string& secret);
    static void prepare(Groups& groups);
    static Group group_of(const std::vector<const Needle*>& needles);
    static bool scan(const Groups& groups, const EncodedForm& form, const Visit& visit);
    static bool scan(const Group& group, const EncodedForm& form, const Visit& visit);
    bool search(EncodedForm form, const Visit& visit) const;

    std::vector<std::string> secrets_;
    // For the text as it is, and for what is decoded of it.
    Groups plain_;
    Groups decoded_;
};

}  // namespace webhook
