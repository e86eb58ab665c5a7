#pragma once
/// What a shard keeps of each of its sessions. For the sources of Shard only.

#include <memory>
#include <string>

#include "broker/shard.h"

namespace wireway::broker {

/// A session with all that the shard knows of it.
struct Shard::Entry {
  Entry(std::string identifier, const Settings& settings, Counters& counters)
      : session(std::move(identifier), settings, counters) {}

  Session session;
  std::unique_ptr<Client> client;
  std::unique_ptr<mqtt::Will> will;
  MonoTime will_at = never;     ///< a will that waits for its delay
  MonoTime expires_at = never;  ///< while disconnected
  MonoTime deadline = never;
  std::uint32_t expiry_s = 0;
};

}  // namespace wireway::broker
