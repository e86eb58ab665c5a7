#pragma once
/// One allocation for a value and the bytes that belong to it, shared by reference between threads
/// and never changed once made; the last to let go frees it. For what is made a million times a
/// second and waits in many queues.
///
/// `Value` is trivially destructible; its bytes follow it in memory: they begin at `this + 1`.
/// Thread: any may copy and destroy; the count is atomic

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace wireway {

template <class Value>
class SharedBlock {
 public:
  static_assert(std::is_trivially_destructible_v<Value>);

  SharedBlock() = default;
  SharedBlock(const SharedBlock& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) block_->count.fetch_add(1, std::memory_order_relaxed);
  }
  SharedBlock(SharedBlock&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  SharedBlock& operator=(SharedBlock other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~SharedBlock() { release(); }

  /// `fill(std::uint8_t*)` writes the `bytes` that follow the value.
  template <class Fill>
  static SharedBlock make(const Value& value, std::size_t bytes, Fill&& fill) {
    void* memory = std::malloc(sizeof(Block) + bytes);
    if (memory == nullptr) throw std::bad_alloc();
    SharedBlock out;
    out.block_ = std::construct_at(static_cast<Block*>(memory), value);
    fill(reinterpret_cast<std::uint8_t*>(out.block_ + 1));
    return out;
  }

  explicit operator bool() const { return block_ != nullptr; }
  const Value* operator->() const { return &block_->value; }
  const Value& operator*() const { return block_->value; }
  friend bool operator==(const SharedBlock& a, const SharedBlock& b) = default;

 private:
  struct Block {
    explicit Block(const Value& from) : value(from) {}
    std::atomic<std::uint64_t> count{1};
    Value value;
  };
  static_assert(alignof(Block) <= alignof(std::max_align_t));

  void release() noexcept {
    if (block_ == nullptr || block_->count.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    std::destroy_at(block_);
    std::free(block_);
  }

  Block* block_ = nullptr;
};

}  // namespace wireway
