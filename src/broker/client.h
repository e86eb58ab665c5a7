#pragma once
/// The protocol with one connected client: each packet's rules, from CONNECT to the end of the
/// network connection. The Session outlives it.
///
/// Source: MQTT 5 section 3 (server side), section 4.13 for errors
/// Thread: the shard's; made and destroyed by Shard
/// Errors: a peer's mistake is answered with DISCONNECT and its reason (version 5), then close; it
///         concerns nobody else. `last_words()` says why, for the log.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/access/policy.h"
#include "broker/commit_line.h"
#include "broker/session.h"
#include "broker/subscription_tree.h"
#include "wire/mqtt/codec.h"

namespace wireway::broker {

class Shard;

/// A topic's receivers, as found last; see SubscriptionTree::current().
struct RouteMemo {
  std::string topic;
  const Route* route = nullptr;
  std::uint64_t cache_age = 0;
};

class Client {
 public:
  Client(Shard& shard, Session& session, Wire& wire, const mqtt::Connect& connect);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// False once the connection is to end: further packets are ignored.
  bool on_packet(std::uint8_t first_byte, ByteView body, MonoTime now);
  /// The frame reader refused the stream.
  void on_refused(const mqtt::Refused& refused);
  const Permissions* permissions() const { return permissions_; }
  /// The socket has drained.
  void on_drain(MonoTime now) { session_.pump(now); }

  /// Ends the connection from our side.
  void disconnect(mqtt::ReasonCode reason, std::string why);

  Session& session() { return session_; }
  std::uint16_t keep_alive_s() const { return keep_alive_s_; }  ///< 0 = it may be silent for ever
  Wire& wire() { return wire_; }
  mqtt::Version version() const { return version_; }
  /// Why the connection ended, in words; empty if the client just left.
  const std::string& last_words() const { return rare_->last_words; }
  bool ended() const { return ended_; }

 private:
  friend class Shard;

  /// What most clients never need.
  struct Rare {
    std::string last_words;
    std::vector<std::string> aliases;  ///< by alias - 1; as long as the highest that was used
  };

  bool on_publish(std::uint8_t first_byte, ByteView body, MonoTime now);
  bool decode(std::uint8_t first_byte, ByteView body, mqtt::Publish& publish);
  bool resolve_alias(mqtt::Publish& publish);
  bool may_receive(const mqtt::Publish& publish);
  /// The reason to refuse a PUBLISH to this topic with, or success.
  mqtt::ReasonCode verdict(std::string_view topic) const;
  void accept(const mqtt::Publish& publish, MonoTime now);
  void count_in(const mqtt::Publish& publish, mqtt::ReasonCode reason);
  void drop_qos0();
  bool refuse_publish(const mqtt::Publish& publish, mqtt::ReasonCode reason);
  void trace_in(mqtt::PacketType type, std::size_t body_bytes, MonoTime now,
                std::string_view topic);
  bool on_store_request(const mqtt::Publish& publish);
  void handle(mqtt::PacketType type, std::uint16_t identifier, mqtt::ReasonCode reason,
              MonoTime now);
  void on(const mqtt::Subscribe& subscribe, MonoTime now);
  void on(const mqtt::Unsubscribe& unsubscribe);
  void on(const mqtt::Disconnect& packet);
  void refuse(const mqtt::Refused& refused);
  void reply(mqtt::PacketType type, std::uint16_t identifier, mqtt::ReasonCode reason);
  void reply(const mqtt::SubscribeReply& answer);
  bool reply_received(std::uint16_t identifier, bool is_new);
  void send_now(const HeldReply& reply);
  template <class Packet>
  void send(const Packet& packet);
  /// Ends the connection instead if the client cannot take a packet of that size.
  void send_whole(ByteView packet);

  Shard& shard_;
  Session& session_;
  Wire& wire_;
  mqtt::Version version_;
  bool will_wanted_ = true;
  bool ended_ = false;
  bool listens_ = false;  ///< the state store knows of this connection
  std::uint16_t keep_alive_s_ = 0;
  std::uint32_t session_expiry_s_ = 0;
  std::uint32_t held_ = 0;    ///< replies that wait in the shard's CommitLine
  std::uint64_t number_ = 0;  ///< of the connection, unique on its shard
  MonoTime last_packet_;
  MonoTime connected_at_;
  Lazy<Rare> rare_;
  /// The topic that was published to last, checked, with its receivers.
  std::unique_ptr<RouteMemo> last_;
  const Permissions* permissions_;  ///< the Wire's; null = everything
};

}  // namespace wireway::broker
