#pragma once
/// One shard on its loop: its connections, its timer, and its mail to and from the other shards.
///
/// On the way of a connection: a listener's stream becomes a Connection on the shard that accepted
/// it; its CONNECT names the client, whose home is shard_of(client identifier): there it moves,
/// once, with what it has already sent.
///
/// Thread: made anywhere before its loop has connections; called and destroyed on its loop.
/// Owns:   its Shard and Connections
/// Limits: connections_max a shard; further ones are closed at once and counted

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/journal/shard_journal.h"
#include "broker/shard.h"
#include "net/env.h"
#include "wire/mqtt/frame.h"
#include "wire/websocket/server.h"

namespace wireway::broker {

class Connection;
class JournalHub;
class Node;

/// Where a node can be reached from any thread, also after it has gone: what is posted then does
/// nothing.
class NodeAddress {
 public:
  NodeAddress(net::Loop& loop, Node& node) : loop_(loop), node_(&node) {}

  /// From any thread: runs on the node's loop, if the node still stands there.
  static void post(const std::shared_ptr<NodeAddress>& address,
                   std::move_only_function<void(Node&)> task);
  /// On the node's loop.
  void gone() { node_ = nullptr; }
  bool stands() const { return node_ != nullptr; }

 private:
  net::Loop& loop_;
  Node* node_;  ///< read and written on its loop only
};

/// The addresses of all nodes; set before the first connection and never changed.
using NodeTable = std::vector<std::shared_ptr<NodeAddress>>;

/// How a port's bytes carry MQTT.
enum class Carrier { tcp, websocket };

/// A connection that moves to its client's home shard.
struct Arrival {
  std::unique_ptr<net::DetachedStream> stream;
  std::unique_ptr<wire::websocket::Server> web;
  mqtt::Connect connect;
  Bytes rest;  ///< received behind CONNECT
};

class Node final : private Mesh {
 public:
  static constexpr std::size_t connections_max = 200'000;

  Node(std::size_t index, net::Env& env, Settings settings);
  ~Node() override;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Before anything else: the nodes that it sends to, itself among them.
  void join(const NodeTable& nodes);
  const std::shared_ptr<NodeAddress>& address() const { return address_; }

  void accept(std::unique_ptr<net::Stream> stream, Carrier carrier);
  void arrive(Arrival arrival);
  void set_settings(const Settings& settings);
  Counters counters() const { return shard_.counters(); }
  std::map<std::string, CategoryFigures> categories() const { return shard_.categories(); }
  /// For admin.h: what it asks of the shard, at this time.
  Shard& shard() { return shard_; }
  MonoTime now() const { return env_.loop.now(); }
  /// What all shards together say, and the wall clock: once a second.
  void set_busy(bool busy) {
    shard_.set_busy(busy);
    shard_.set_wall(env_.loop.wall_now(), env_.loop.now());
  }
  void publish(const MessageView& message) { shard_.publish(message, env_.loop.now()); }
  // Persistence: called by the hub, see journal_hub.h.

  /// Where the groups of all shards go; the first node's only.
  void set_hub(JournalHub* hub) { hub_ = hub; }
  void start_recording();
  void stop_recording();
  /// Records with their lengths (shard_journal.h).
  void restore(ByteView records);
  /// What was wrong with a record, or empty.
  std::string finish_restore();
  void on_durable(Journal::Position position);
  void set_journal_failed(bool failed);
  void begin_checkpoint();

  /// Tells the clients and closes; empty() once all are gone.
  void shut_down();
  bool empty() const { return connections_.empty(); }

 private:
  friend class Connection;

  std::size_t count() const override { return nodes_.size(); }
  void send(std::size_t shard, Envelope envelope) override;
  void want_end_of_turn() override;
  void flush_mail();
  void flush_journal();
  void checkpoint_step();
  void receive(std::size_t from, std::vector<Envelope> mail);
  void arm_tick();
  void add(std::unique_ptr<Connection> connection);
  void remove(Connection& connection);

  std::size_t index_;
  net::Env& env_;
  std::shared_ptr<NodeAddress> address_;
  NodeTable nodes_;
  std::unique_ptr<ShardJournal> journal_;  ///< outlives the shard, which writes to it
  Shard shard_;
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections_;
  std::vector<std::vector<Envelope>> mail_;  ///< to each node, of this turn
  bool mail_deferred_ = false;
  net::Timer tick_;
  std::optional<MonoTime> armed_for_;
  JournalHub* hub_ = nullptr;
  std::string wrong_record_;  ///< the first that could not be read back
  net::Timer checkpoint_;
};

}  // namespace wireway::broker
