#pragma once
/// A queue in one block of memory that owns none while it is empty: first in, first out, and any
/// element by its index from the front. For the many queues that are empty almost always.
///
/// Thread: one
/// Cost:   push_back and pop_front are a move and an index; the block doubles when it is full

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/assert.h"

namespace wireway {

template <class T>
class Ring {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  T& operator[](std::size_t index) { return items_[place(index)]; }
  const T& operator[](std::size_t index) const { return items_[place(index)]; }
  T& front() { return items_[first_]; }
  const T& front() const { return items_[first_]; }
  T& back() { return (*this)[size_ - 1]; }

  T& push_back(T item) {
    if (size_ == capacity_) grow();
    T& at = items_[place(size_++)];
    at = std::move(item);
    return at;
  }
  void pop_front() {
    WIREWAY_ASSERT(size_ > 0, "nothing is taken from an empty ring");
    items_[first_] = T();
    first_ = (first_ + 1) & (capacity_ - 1);
    if (--size_ == 0 && capacity_ > kept_capacity) clear();
  }
  /// Gives the memory back.
  void clear() {
    items_.reset();
    first_ = size_ = capacity_ = 0;
  }

 private:
  /// A ring that runs empty keeps a block of up to this many elements.
  static constexpr std::uint32_t kept_capacity = 1024;
  static constexpr std::uint32_t first_capacity = 4;

  std::size_t place(std::size_t index) const { return (first_ + index) & (capacity_ - 1); }
  void grow() {
    const std::uint32_t wider = capacity_ == 0 ? first_capacity : capacity_ * 2;
    auto items = std::make_unique<T[]>(wider);
    for (std::size_t i = 0; i < size_; ++i) items[i] = std::move((*this)[i]);
    items_ = std::move(items);
    first_ = 0;
    capacity_ = wider;
  }

  std::unique_ptr<T[]> items_;
  std::uint32_t first_ = 0;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace wireway
