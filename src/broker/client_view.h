#pragma once
/// What people see of one client and of retained messages while the broker runs. Values that cross
/// from a shard to whoever asked.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "broker/settings.h"
#include "wire/mqtt/packet.h"

namespace wireway::broker {

/// One page of names in order.
struct PageQuery {
  std::string after;   ///< names behind this one
  std::string search;  ///< names that contain this
  std::size_t limit = 100;
};

struct ClientView {
  /// A client whose oldest message waits longer than this is slow.
  static constexpr Duration slow_after = std::chrono::seconds{10};

  std::string client_identifier;
  std::string category;
  bool connected = false;
  bool slow = false;
  wire::mqtt::Version version = wire::mqtt::Version::v5;  ///< if connected, as the two below
  std::string peer;
  std::optional<WallTime> connected_since;
  std::uint32_t session_expiry_s = 0;
  std::uint64_t subscriptions = 0;
  std::uint64_t queued_messages = 0;
  std::uint64_t queued_bytes = 0;
  std::uint64_t buffered_bytes = 0;  ///< of these, in the disk-backed message buffer
  std::uint64_t in_flight = 0;
  std::uint64_t unsent_bytes = 0;                ///< that its socket has not taken
  std::optional<Duration> oldest_message_age{};  ///< of those that wait or are in flight
  Traffic traffic;
  std::vector<std::string> filters;  ///< only if one client was asked for
};

struct RetainedView {
  std::string topic;
  std::uint64_t payload_bytes = 0;
  wire::mqtt::Qos qos = wire::mqtt::Qos::at_most_once;
};

struct RetainedPage {
  std::vector<RetainedView> messages;
  std::string next;  ///< where the next page begins (PageQuery::after); empty = the end
};

}  // namespace wireway::broker
