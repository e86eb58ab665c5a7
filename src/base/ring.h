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
  bool empty() const { return size() == 0; }
  std::size_t size() const { return block_ ? block_->size : 0; }

  T& operator[](std::size_t index) { return block_->items[place(index)]; }
  const T& operator[](std::size_t index) const { return block_->items[place(index)]; }
  T& front() { return block_->items[block_->first]; }
  const T& front() const { return block_->items[block_->first]; }
  T& back() { return (*this)[size() - 1]; }

  T& push_back(T item) {
    if (!block_) block_ = std::make_unique<Block>(first_capacity);
    if (block_->size == block_->capacity) grow();
    T& at = block_->items[place(block_->size++)];
    at = std::move(item);
    return at;
  }
  void pop_front() {
    WIREWAY_ASSERT(size() > 0, "nothing is taken from an empty ring");
    Block& block = *block_;
    block.items[block.first] = T();
    block.first = (block.first + 1) & (block.capacity - 1);
    if (--block.size == 0 && block.capacity > kept_capacity) clear();
  }
  /// Gives the memory back.
  void clear() { block_.reset(); }

 private:
  /// A ring that runs empty keeps a block of up to this many elements.
  static constexpr std::uint32_t kept_capacity = 1024;
  static constexpr std::uint32_t first_capacity = 4;

  /// Apart, so that a ring that was never used takes the room of a pointer.
  struct Block {
    explicit Block(std::uint32_t wanted) : items(std::make_unique<T[]>(wanted)), capacity(wanted) {}
    std::unique_ptr<T[]> items;
    std::uint32_t first = 0;
    std::uint32_t size = 0;
    std::uint32_t capacity;
  };

  std::size_t place(std::size_t index) const {
    return (block_->first + index) & (block_->capacity - 1);
  }
  void grow() {
    auto wider = std::make_unique<Block>(block_->capacity * 2);
    wider->size = block_->size;
    for (std::size_t i = 0; i < wider->size; ++i) wider->items[i] = std::move((*this)[i]);
    block_ = std::move(wider);
  }

  std::unique_ptr<Block> block_;
};

}  // namespace wireway
