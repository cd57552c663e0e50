// A list that almost always has one element, which is then stored in the list itself.

#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace webhook {

template <typename Element>
class Few {
  public:
    // Moves the existing elements, as a vector does.
    template <typename... Arguments>
    Element& emplace_back(Arguments&&... arguments) {
        if (empty()) return only_.emplace(std::forward<Arguments>(arguments)...);
        if (only_) move_to_vector();
        return several_.emplace_back(std::forward<Arguments>(arguments)...);
    }

    void clear() {
        only_.reset();
        several_.clear();
    }

    std::size_t size() const { return only_ ? 1 : several_.size(); }
    bool empty() const { return size() == 0; }

    Element* begin() { return only_ ? &*only_ : several_.data(); }
    Element* end() { return begin() + size(); }
    const Element* begin() const { return only_ ? &*only_ : several_.data(); }
    const Element* end() const { return begin() + size(); }
    Element& front() { return *begin(); }
    const Element& operator[](std::size_t index) const { return begin()[index]; }

  private:
    void move_to_vector() {
        constexpr std::size_t kSeveral = 4;
        several_.reserve(kSeveral);
        several_.push_back(std::move(*only_));
        only_.reset();
    }

    std::optional<Element> only_;
    std::vector<Element> several_;
};

}  // namespace webhook
