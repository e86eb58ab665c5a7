#pragma once
/// A message inside the broker: made once from a received PUBLISH (or a will), then shared by
/// reference among all receivers on all shards, never changed.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/time.h"
#include "wire/mqtt/packet.h"

namespace wireway::broker {

namespace mqtt = wire::mqtt;

struct StoredMessage {
  std::string topic;
  Bytes payload;
  mqtt::Qos qos = mqtt::Qos::at_most_once;
  bool retain = false;
  /// Encoded, validated; copied into each outgoing PUBLISH as they are (mqtt::Publish).
  Bytes forwarded_properties;
  /// On the shards' common monotonic clock.
  std::optional<MonoTime> expires_at;
  /// Client identifier of the publisher, for No Local; empty for the broker's own messages.
  std::string publisher;

  /// What it counts against queue and memory limits.
  std::size_t size_bytes() const {
    return sizeof(StoredMessage) + topic.size() + payload.size() + forwarded_properties.size();
  }
  bool expired(MonoTime now) const { return expires_at && *expires_at <= now; }
};

/// Shared among sessions of several shards: the last one to let go frees it.
using MessagePtr = std::shared_ptr<const StoredMessage>;

}  // namespace wireway::broker
