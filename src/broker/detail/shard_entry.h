#pragma once
/// What a shard keeps of each of its sessions, and while it reads back or checkpoints. For the
/// sources of Shard only.

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/shard.h"

namespace wireway::broker {

/// A will as it waits: the message without expiry, which counts from when it is sent.
struct PendingWill {
  MessagePtr message;
  std::optional<std::uint32_t> message_expiry_s;
  std::uint32_t delay_s = 0;
  MonoTime at = never;  ///< when it is sent: while it waits for its delay
};

/// A session with all that the shard knows of it.
struct Shard::Entry {
  Entry(std::string_view identifier, SessionHost& host) : session(identifier, host) {}

  MonoTime will_at() const { return will ? will->at : never; }
  MonoTime expires_at() const {
    if (disconnected_at == never || expiry_s == mqtt::session_never_expires) return never;
    return disconnected_at + std::chrono::seconds{expiry_s};
  }

  Session session;
  std::unique_ptr<Client> client;
  std::unique_ptr<PendingWill> will;
  MonoTime disconnected_at = never;
  MonoTime deadline = never;  ///< see Deadlines
  std::uint32_t deadline_place = 0;
  std::uint32_t expiry_s = 0;
};

/// What only reading back needs.
struct Shard::Restoring {
  std::unordered_map<std::uint64_t, Entry*> sessions;  ///< by number
  std::unordered_map<std::uint64_t, MessagePtr> bodies;

  Entry* find(std::uint64_t number) const {
    const auto found = sessions.find(number);
    return found == sessions.end() ? nullptr : found->second;
  }
};

/// Where a checkpoint stands.
struct Shard::Checkpoint {
  std::vector<std::string> clients;  ///< whose sessions are to be written, the next one last
  std::uint64_t sequence = 0;        ///< of the next one: bodies before it are written
  bool sessions_done = false;
  std::string topic;  ///< the last retained topic that was written
  bool retained_done = false;
  std::string key;       ///< of the state store
  bool written = false;  ///< all of it, and now it waits for `untaken`
  /// Identifiers of QoS 2 that were not recorded as taken when their session was written.
  std::vector<std::pair<SessionName, std::uint16_t>> untaken;
  /// Messages that were written, kept so that their addresses stay theirs.
  std::unordered_map<const StoredMessage*, std::pair<MessagePtr, std::uint64_t>> bodies;
  std::uint64_t last_body = 0;
  /// The same of messages that are on disk, by records::digest_of().
  std::map<std::array<std::uint8_t, 32>, std::uint64_t> contents;
  /// What stands in the buffer of the session that is being written, by Run::id().
  std::unordered_map<std::uint64_t, std::vector<records::QueuedData>> runs;
  bool waits_for_disk = false;  ///< a Run is being read
};

}  // namespace wireway::broker
