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

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/log_limit.h"
#include "broker/access/gate.h"
#include "broker/buffer/disk_buffer.h"
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

/// Of a connection through a port that asks who comes: it moves with the client.
struct Visit {
  std::uint64_t number = 0;  ///< unique on the node that asks the gate
  bool is_knocking = true;   ///< the gate is asked about CONNECT
  bool is_renewing = false;  ///< a renewal by AUTH is not decided
  bool is_asking = false;    ///< the gate is asked about it
  Admission admission = {};
  Bytes held = {};                            ///< received while it knocks, not decoded at all
  std::unique_ptr<net::Timer> end = nullptr;  ///< of its credentials
};

/// A connection that moves to its client's home shard.
struct Arrival {
  std::unique_ptr<net::DetachedStream> stream;
  std::unique_ptr<wire::websocket::Server> web;
  mqtt::Connect connect;
  Bytes rest;  ///< received behind CONNECT
  std::shared_ptr<const Guard> guard;
  std::unique_ptr<Visit> visit;  ///< null where the port asks nothing
};

class Node final : private Mesh {
 public:
  static constexpr std::size_t connections_most = 200'000;

  Node(std::size_t index, net::Env& env, Settings settings);
  ~Node() override;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Before anything else: the nodes that it sends to, itself among them.
  void join(const NodeTable& nodes);
  const std::shared_ptr<NodeAddress>& address() const { return address_; }

  /// Of shard 0 only, before the first guarded connection: whom all nodes ask.
  void set_gate(Gate& gate) { gate_ = &gate; }

  /// No guard: everyone may come in and do everything.
  void accept(std::unique_ptr<net::Stream> stream, Carrier carrier,
              std::shared_ptr<const Guard> guard = nullptr);
  /// Somebody was refused before anything is known of him: counted, and a line of the log, up to
  /// ten a second.
  void tell_refused(std::string_view peer, std::string_view why);
  void arrive(Arrival arrival);
  /// At most connections_most.
  void set_connections_max(std::size_t count) {
    connections_max_ = std::min(count, connections_most);
  }
  void set_settings(const Settings& settings);
  /// Where the disk-backed message buffer stands if settings ask for one; before them.
  void set_buffer_folder(std::string folder) { buffer_folder_ = std::move(folder); }
  /// What is wrong with the buffer, or empty.
  std::string buffer_trouble() const { return buffer_ ? buffer_->trouble() : ""; }
  Counters counters() const { return shard_.counters(); }
  std::map<std::string, CategoryFigures> categories() const { return shard_.categories(); }
  /// For admin.h: what it asks of the shard, at this time.
  Shard& shard() { return shard_; }
  MonoTime now() const { return env_.loop.now(); }
  /// Once a second.
  void on_second() {
    shard_.look_at_memory();
    shard_.set_wall(env_.loop.wall_now(), env_.loop.now());
    tell_left_out();
  }
  void publish(const MessageView& message) { shard_.publish(message, env_.loop.now()); }
  /// The gate's epoch has begun: what was admitted in an earlier one and is still on its way has to
  /// come again.
  void set_gate_epoch(std::uint64_t epoch) { gate_epoch_ = epoch; }
  /// A policy, a BrokerAuthentication or a port has changed: ends the connections that it concerns.
  void on_policy(const std::string& name, const Policy& policy);
  void on_vouchers(const std::string& authentication, const std::set<std::uint64_t>& vouchers);
  void on_guard(const Guard& guard, bool is_open);
  /// None: the account is gone.
  void on_account(const std::string& username, const std::optional<Attributes>& attributes);
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

  static constexpr Duration hold_back_step = std::chrono::milliseconds{5};
  static constexpr Duration hold_back_max = std::chrono::seconds{5};
  /// About what one brings until its shard knows what has come of it.
  static constexpr std::size_t read_bytes_max = 128 * 1024;
  struct HeldBack {
    Connection* connection;
    MonoTime until;
  };

  void hold_back(Connection& connection);
  void go_on();
  std::size_t count() const override { return nodes_.size(); }
  void send(std::size_t shard, Envelope envelope) override;
  void want_end_of_turn() override;
  void flush_mail();
  void flush_journal();
  void checkpoint_step();
  void receive(std::size_t from, std::vector<Envelope> mail);
  void arm_tick();
  void ask_gate(Connection& connection, const Guard& guard, Credentials credentials);
  std::vector<Connection*> connections() const;
  void tell_left_out();
  /// Empty; a frame is written before the next one is made.
  Bytes& frame_memory();
  void add(std::unique_ptr<Connection> connection);
  void remove(Connection& connection);
  void erase(const Connection& connection);

  std::size_t index_;
  net::Env& env_;
  std::shared_ptr<NodeAddress> address_;
  NodeTable nodes_;
  std::unique_ptr<ShardJournal> journal_;  ///< outlives the shard, which writes to it
  std::string buffer_folder_;
  std::unique_ptr<buffer::DiskBuffer> buffer_;  ///< none until settings ask for it; as above
  Shard shard_;
  std::vector<std::unique_ptr<Connection>> connections_;  ///< in no order
  std::unordered_map<std::uint64_t, Connection*> asked_;  ///< by Visit::number, of the gate
  std::vector<std::vector<Envelope>> mail_;               ///< to each node, of this turn
  bool mail_deferred_ = false;
  net::Timer tick_;
  std::optional<MonoTime> armed_for_;
  Gate* gate_ = nullptr;
  std::uint64_t gate_epoch_ = 0;
  std::uint64_t visits_ = 0;
  std::size_t held_bytes_ = 0;  ///< of packets that have not come whole yet
  std::size_t connections_max_ = connections_most;
  LogLimit refused_lines_{10};
  JournalHub* hub_ = nullptr;
  std::string wrong_record_;  ///< the first that could not be read back
  net::Timer checkpoint_;
  std::deque<HeldBack> held_back_;  ///< in the order in which they came
  net::Timer memory_timer_;
  Bytes frame_;  ///< of WebSocket, for the connections to write from
};

}  // namespace wireway::broker
