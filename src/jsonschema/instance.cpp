#include "jsonschema/instance.h"

#include <algorithm>
#include <vector>

#include "base/json_pointer.h"
#include "base/text.h"

namespace webhook {
namespace {

void append_step_to(std::string& pointer, const Instance& instance) {
    if (instance.parent->kind == ValueKind::array) {
        pointer += '/' + std::to_string(instance.index);
        return;
    }
    append_step(pointer, shortened(instance.name, kLongestShownPointer));
}

}  // namespace

std::string pointer_of(const Instance& instance) {
    std::vector<const Instance*> way;
    for (const Instance* at = &instance; at->parent != nullptr; at = at->parent) way.push_back(at);
    std::string pointer;
    for (auto at = way.rbegin(); at != way.rend(); ++at) append_step_to(pointer, **at);
    return pointer;
}

std::string shown_pointer(std::string_view pointer) {
    std::string shown = shortened(pointer, kLongestShownPointer);
    std::ranges::replace_if(
        shown, [](char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f; },
        '?');
    return shown;
}

}  // namespace webhook
