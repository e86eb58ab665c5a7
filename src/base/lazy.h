#pragma once
/// A value that takes the room of a pointer until it is first used: for what most of many objects
/// never need. Reads as a fresh value before.
///
/// Thread: one

#include <memory>

namespace wireway {

template <class T>
class Lazy {
 public:
  const T& operator*() const {
    static const T fresh{};
    return value_ ? *value_ : fresh;
  }
  const T* operator->() const { return &**this; }
  /// The value, to change it.
  T& made() {
    if (!value_) value_ = std::make_unique<T>();
    return *value_;
  }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace wireway
