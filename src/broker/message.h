#pragma once
/// A message inside the broker: views into received bytes while it passes, one block of memory
/// once somebody must keep it. The block is made once, shared by reference among all receivers on
/// all shards, and never changed.

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/shared_block.h"
#include "base/time.h"
#include "wire/mqtt/codec.h"
#include "wire/mqtt/packet.h"

namespace wireway::broker {

namespace mqtt = wire::mqtt;

/// No expiry.
inline constexpr MonoTime never{Duration::max()};

/// Where a QoS 2 message comes from, so that a crash before its publisher has been promised that it
/// is taken does not double it: docs/formats/broker-records.md, "Exactly once".
struct Origin {
  std::uint64_t session = 0;  ///< the publisher's number
  std::uint16_t identifier = 0;
  /// Receivers that have had it before a crash, as receiver().
  std::vector<std::uint64_t> had = {};

  /// `by_group`: as the member that a shared subscription has chosen.
  static std::uint64_t receiver(std::uint64_t session, bool by_group) {
    return session << 1 | (by_group ? 1U : 0U);
  }
  bool has(std::uint64_t one) const { return std::ranges::find(had, one) != had.end(); }
};

/// A message wherever its bytes lie; valid as long as those.
struct MessageView {
  std::string_view topic;
  /// Encoded, validated; goes into each outgoing PUBLISH as it is (mqtt::Publish).
  ByteView forwarded_properties;
  ByteView payload;
  /// Client identifier of the publisher, for No Local; empty for the broker's own messages.
  std::string_view publisher;
  /// On the shards' common monotonic clock.
  MonoTime expires_at = never;
  mqtt::Qos qos = mqtt::Qos::at_most_once;
  bool retain = false;
  const Origin* origin = nullptr;  ///< of QoS 2 from a session that survives; else null

  bool expired(MonoTime now) const { return expires_at <= now; }
  bool was_had_by(std::uint64_t session, bool by_group) const {
    return origin != nullptr && !origin->had.empty() &&
           origin->has(Origin::receiver(session, by_group));
  }
};

/// Of topic and payload: what a client sends again is told by it from another message under the
/// same packet identifier. DUP alone does not tell: not every client sets it.
std::uint64_t content_of(const MessageView& message);

/// The value at the front of a kept message's block; the bytes follow it (base/shared_block.h).
class StoredMessage {
 public:
  static SharedBlock<StoredMessage> make(const MessageView& view);

  MessageView view() const;
  std::string_view topic() const { return as_text({data(), topic_bytes_}); }
  MonoTime expires_at() const { return expires_at_; }
  bool expired(MonoTime now) const { return expires_at_ <= now; }
  mqtt::Qos qos() const { return qos_; }
  bool retain() const { return retain_; }
  /// What it counts against queue and memory limits.
  std::size_t size_bytes() const {
    return sizeof(StoredMessage) + topic_bytes_ + property_bytes_ + payload_bytes_ +
           publisher_bytes_;
  }

 private:
  explicit StoredMessage(const MessageView& view);
  const std::uint8_t* data() const { return reinterpret_cast<const std::uint8_t*>(this + 1); }

  MonoTime expires_at_;
  std::uint32_t payload_bytes_;
  std::uint32_t property_bytes_;
  std::uint16_t topic_bytes_;
  std::uint16_t publisher_bytes_;
  mqtt::Qos qos_;
  bool retain_;
};

using MessagePtr = SharedBlock<StoredMessage>;

/// How one receiver gets a message.
struct Shape {
  mqtt::Qos qos = mqtt::Qos::at_most_once;
  bool retain = false;
  std::span<const std::uint32_t> identifiers = {};
};

/// The PUBLISHes of one message, encoded once per version, QoS and retain flag; the memory stays
/// with the shard from message to message.
class PacketCache {
 public:
  struct Packet {
    Bytes bytes;
    std::size_t identifier_at = 0;  ///< where the packet identifier's two bytes stand (QoS 1, 2)
    bool made = false;
  };

  Packet& at(mqtt::Version version, mqtt::Qos qos, bool retain) {
    const std::size_t slot = (version == mqtt::Version::v5 ? 6U : 0U) +
                             static_cast<std::size_t>(qos) * 2 + (retain ? 1U : 0U);
    used_ |= 1U << slot;
    return packets_[slot];
  }
  void forget() {
    for (; used_ != 0; used_ &= used_ - 1) {
      Packet& packet = packets_[std::size_t(std::countr_zero(used_))];
      packet.made = false;
      if (packet.bytes.capacity() > kept_bytes) packet.bytes = Bytes();
    }
  }

 private:
  static constexpr std::size_t kept_bytes = 64 * 1024;
  std::array<Packet, 12> packets_;
  unsigned used_ = 0;
};

/// A message on its way through one shard: from the PUBLISH that brought it, or from a kept block,
/// to all who get it. Lives for one call.
class Passage {
 public:
  Passage(const MessageView& view, PacketCache& cache) : view_(view), cache_(cache) {}
  /// `origin` may be empty (of session 0).
  Passage(MessagePtr stored, PacketCache& cache, const Origin* origin = nullptr)
      : view_(stored->view()), stored_(std::move(stored)), cache_(cache) {
    if (origin != nullptr && origin->session != 0) view_.origin = origin;
  }
  ~Passage() { cache_.forget(); }
  Passage(const Passage&) = delete;
  Passage& operator=(const Passage&) = delete;

  const MessageView& view() const { return view_; }
  /// The block; made at the first call.
  const MessagePtr& stored() {
    if (!stored_) stored_ = StoredMessage::make(view_);
    return stored_;
  }
  /// The plain PUBLISH, without subscription identifiers and alias; the caller patches the packet
  /// identifier.
  PacketCache::Packet& packet(mqtt::Version version, const Shape& shape, MonoTime now);

 private:
  MessageView view_;
  MessagePtr stored_;
  PacketCache& cache_;
};

/// As PUBLISH without packet identifier and what only one receiver has.
mqtt::Publish publish_of(const MessageView& view, const Shape& shape, MonoTime now);

}  // namespace wireway::broker
