#pragma once
/// One shard of the broker: the sessions whose client identifiers hash to it, their subscriptions,
/// and the retained topics and shared groups that it owns. Free of I/O and clocks: packets and
/// times in, bytes to Wires and envelopes to the Mesh out.
///
/// A message's way: Client::on_packet -> publish() -> here: subscribers of this shard, retained
/// owner, shared groups; and one Routed envelope to each other shard that has subscribers, which
/// does the same for its own.
///
/// Source: MQTT 5 sections 3 and 4; architecture, "The broker"
/// Thread: the loop of the shard
/// Limits: Settings

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/client.h"
#include "broker/client_view.h"
#include "broker/commit_line.h"
#include "broker/detail/deadlines.h"
#include "broker/detail/session_table.h"
#include "broker/mesh.h"
#include "broker/recorder.h"
#include "broker/retained_store.h"
#include "broker/session.h"
#include "broker/shared_groups.h"
#include "broker/store_keeper.h"
#include "broker/subscription_tree.h"

namespace wireway::broker {

class Shard {
 public:
  static constexpr std::size_t shards_max = 64;  ///< a route's set of shards is a word of bits

  /// Further ones count as "uncategorized".
  static constexpr std::size_t categories_max = 32;

  Shard(std::size_t index, Mesh& mesh, Settings settings);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  /// New limits, for what happens from now on.
  void set_settings(const Settings& settings) {
    settings_ = settings;
    relieve_from_ = relief_threshold();
  }
  const Settings& settings() const { return settings_; }
  Counters counters() const;
  Counters& count() { return counters_; }
  /// By the name that clients gave in CONNECT (`metriccategory`). Looks at every session.
  std::map<std::string, CategoryFigures> categories() const;

  /// For people who look (shard_view.cpp). A page costs a look at every session's name.
  std::vector<ClientView> clients(const PageQuery& query, MonoTime now) const;
  std::optional<ClientView> client(std::string_view client_identifier, MonoTime now) const;
  /// Ends its connection with 0x98; false if it has none.
  bool kick(std::string_view client_identifier);
  /// The session's trace, begun if there is none; nullptr if there is no such session.
  const ClientTrace* trace(std::string_view client_identifier, MonoTime now);
  RetainedPage retained(std::string_view filter, const PageQuery& query, MonoTime now) const;
  /// One page of them goes, and their subscribers are told as by a client's empty PUBLISH.
  RetainedPage erase_retained(std::string_view filter, const PageQuery& query, MonoTime now);
  WallTime wall_at(MonoTime now) const { return wall_start_ + now.since_start; }
  /// True from busy_percent of queued_bytes_max on, which all shards together share.
  bool busy() const;
  /// Memory is short, and the disk takes queues: who publishes shall wait a moment.
  bool slows_publishers() const {
    return buffer_ != nullptr && buffer_->is_open() && stuck_ == 0 && !relief_stalls_ &&
           memory_left(Settings::busy_percent) == 0;
  }
  /// They have waited long enough: until something of it is on disk they are refused instead.
  void stop_slowing() { relief_stalls_ = true; }
  /// Bytes that may come until publishers are refused.
  std::size_t memory_left() const { return memory_left(busy_percent()); }
  /// Once a second: what has become free is told, and long queues are looked at again.
  void look_at_memory() {
    if (is_relieving_) {
      relieve();
    } else {
      relieve_from_ = relief_threshold();
      relieve_if_short();
    }
    tell_memory();
  }

  /// From now on long queues go there when memory is short (settings say how much). It outlives
  /// the shard.
  void buffer_to(buffer::DiskBuffer& buffer) { buffer_ = &buffer; }
  /// The buffer takes more than before.
  void on_buffer_room() {
    relief_stalls_ = false;
    look_at_memory();
  }

  /// Told now and again, so that a step of the wall clock is noticed.
  void set_wall(WallTime wall, MonoTime now) {
    wall_start_ = wall + -now.since_start;
    if (recorder_) recorder_->set_wall(wall_start_);
  }

  /// CONNECT has come. `assigned_identifier` is used if the client sent none. The Client lives
  /// until closed(); nullptr = refused: the CONNACK is sent and the wire told to close.
  Client* connect(Wire& wire, mqtt::Connect connect, std::string assigned_identifier, MonoTime now);
  /// The network connection is gone; the Client is destroyed.
  void closed(Client& client, MonoTime now);

  /// Accepts a message: retained store, subscribers everywhere. Caps its expiry. `memo` is the
  /// caller's, for the same topic each time, or none.
  void publish(MessageView message, MonoTime now, RouteMemo* memo = nullptr);
  /// Memory for mqtt::decode_publish(), valid until the next packet.
  Bytes& decode_scratch() { return decode_scratch_; }
  void subscribe(Client& client, const mqtt::SubscribeEntry& entry, std::uint32_t identifier,
                 MonoTime now);
  bool unsubscribe(Session& session, const std::string& filter);

  // Persistence: see recorder.h and commit_line.h.

  /// From now on what must survive goes to `journal`; before any client, or with a checkpoint to
  /// follow. The journal outlives the shard.
  void record_to(Journal& journal);
  /// The opposite, before anything was recorded.
  void record_nothing() {
    host_.recorder = nullptr;
    recorder_.reset();
  }
  /// To be called when Journal::durable() has grown.
  void on_durable(MonoTime now);
  /// The journal takes nothing at present: what would have to be recorded is refused.
  bool cannot_record() const { return recorder_ && recorder_->failed(); }
  bool must_hold(const Client& client) const;
  /// The same for the answer to what has come before, perhaps on another connection: everything
  /// that was ever recorded or sent on for it must be on disk.
  bool must_hold_again(const Client& client) const;
  /// Something of this turn went to other shards, which may record it.
  bool has_relayed() const { return relayed_[index_] != 0; }
  void hold(Client& client, HeldReply reply);
  void publish_when_durable(MessagePtr message, MonoTime now);
  /// The answer to a request to the state store; none is recorded without persistence.
  Recorder* recorder() { return recorder_.get(); }

  /// Reading back, before there are clients: each record whose session, topic or key is this
  /// shard's; then finish, once.
  Result<> restore(ByteView record, MonoTime now);
  void finish_restore(MonoTime now);

  /// All that lives, as records, in steps of about `bytes_max`; false = there is more to come.
  void begin_checkpoint();
  bool checkpoint_step(std::size_t bytes_max, MonoTime now);
  /// It is written, and waits for acknowledgements that are under way.
  bool checkpoint_waits() const;

  /// A request to the state store, wherever that lives.
  void ask_store(state_store::Asked asked);
  void send_to_listener(StoreNotification notification, MonoTime now);

  /// Mail of a shard; of this one too, see Mesh::send().
  void receive(std::size_t from, Envelope envelope, MonoTime now);
  /// At the end of each turn in which Mesh::want_end_of_turn() was called, before mail leaves.
  void end_turn(MonoTime now);
  /// When tick() has something to do next.
  std::optional<MonoTime> next_deadline() const;
  /// Keep-alive, session expiry and delayed wills that are due.
  void tick(MonoTime now);
  /// Tells every client that the server goes down, and closes.
  void shut_down();

 private:
  friend class Client;
  struct Entry;

  void withdraw(Entry& entry, const Permissions& permissions);
  Entry& session_for(const mqtt::Connect& connect, bool& present, MonoTime now);
  void take_over(Entry& entry, MonoTime now);
  void end_session(Entry& entry);
  void send_will(Entry& entry, MonoTime now);
  void schedule(Entry& entry);
  void due(Entry& entry, MonoTime now);
  void handle(Envelope envelope, MonoTime now);
  const Route& route_of(std::string_view topic, RouteMemo* memo);
  void deliver_here(Passage& message, const Route& route, MonoTime now);
  void deliver_group(SharedGroup& group, Passage& message, MonoTime now);
  static GroupDelivery group_delivery(const SharedGroup& group, const GroupMember& member,
                                      Passage& message);
  void deliver_to_member(Session& session, Passage& message, const Shape& shape, MonoTime now);
  void send_to_member(GroupDelivery delivery, MonoTime now);
  void hand_over(const GroupDelivery& delivery, MonoTime now);
  void want_retained(Entry& entry, const std::string& filter, const Subscribed& subscribed,
                     MonoTime now);
  void give_retained(const RetainedFound& found, MonoTime now);
  void add_to_tree(std::string_view filter, const Subscription& subscription);
  void remove_from_tree(std::string_view filter, const Subscription& target);
  void take_subscription(Entry& entry, const std::string& filter);
  enum class Membership { joins, changes, leaves };
  void change_group(const std::string& filter, Entry& entry, Membership change);
  void change_groups_of(Entry& entry);
  void on_group_change(const GroupChange& change);
  void on_route_change(const RouteChange& change);
  void tell_others(const Envelope& envelope);
  std::size_t store_shard() const;
  state_store::Now wall_and(MonoTime now) const;
  ClientView view_of(const Entry& entry, MonoTime now) const;
  std::uint8_t category_of(const mqtt::Connect& connect);
  Entry* find(std::string_view client_identifier);
  Entry& entry_of(std::string_view client_identifier);
  void relay(std::size_t shard, Envelope envelope);
  void on_commit_ask(const CommitAsk& ask, MonoTime now);
  void release(MonoTime now);
  bool keeps_queue_of(std::string_view client_identifier) const;
  bool keeps_queue_of(const mqtt::Connect& connect) const;
  bool keeps_retained(const MessageView& message) const;
  void put_retained(const MessagePtr& message);
  void record_terms(Entry& entry, MonoTime now);
  void start_recording(Entry& entry, bool keeps_queue);
  records::SessionTerms terms_of(const Entry& entry) const;
  struct Restoring;
  void apply(const records::SessionTerms& record, MonoTime now);
  void apply(const records::SessionState& record, MonoTime now);
  void apply(const records::MessageQueued& record, MonoTime now);
  void restore_subscription(Entry& entry, const records::SubscriptionData& one);
  MessageView view_of(const records::MessageData& data) const;
  void end_restored(std::uint64_t number);
  void finish_restore(Entry& entry, MonoTime now);
  struct Checkpoint;
  std::uint64_t body_of(const MessagePtr& message);
  void record_taken(const SessionName& name, std::uint16_t identifier);
  bool waits_for_taken();
  bool write_checkpoint(std::size_t bytes_max, MonoTime now);
  bool checkpoint_session(Entry& entry, std::size_t& bytes_left);
  void add_queued(Session& session, records::SessionState& state);
  bool checkpoint_run(buffer::Run& run, std::size_t& bytes_left);
  records::QueuedData queued_data(const Delivery& one, std::uint64_t body) const;
  std::uint64_t body_of_run(const Delivery& one);
  std::size_t memory_used() const { return counters_.queued_bytes + retained_.size_bytes(); }
  unsigned busy_percent() const;
  std::size_t memory_left(unsigned percent) const {
    const std::size_t limit = settings_.queued_bytes_max / 100 * percent;
    return limit - std::min(limit, memory_used() + others_memory_);
  }
  std::size_t relief_threshold() const;
  void relieve_if_short() {
    if (memory_used() >= relieve_from_) [[unlikely]]
      relieve();
  }
  /// After what takes memory: the other shards learn of each step.
  void on_memory_taken() {
    const std::size_t step = settings_.queued_bytes_max / 64;
    const bool has_grown = memory_used() >= told_memory_.bytes + step;
    if (has_grown || arrived_bytes_ * mesh_.count() >= step) [[unlikely]]
      tell_memory();
    relieve_if_short();
  }
  void count_on_way(std::uint64_t shards, std::size_t bytes);
  void tell_memory();
  void relieve();

  std::size_t index_;
  Mesh& mesh_;
  Settings settings_;
  Counters counters_;
  std::vector<std::string> categories_{"uncategorized"};
  std::array<Traffic, categories_max> departed_;     ///< of sessions that have ended, by category
  MemoryUsed told_memory_;                           ///< what the other shards know
  std::size_t arrived_bytes_ = 0;                    ///< from other shards since they were told
  std::array<std::size_t, shards_max> memory_of_{};  ///< theirs, and what is on its way there
  std::size_t others_memory_ = 0;                    ///< the sum
  std::uint64_t stuck_ = 0;                          ///< a bit for each that says so
  bool relief_stalls_ = false;                       ///< nothing comes to disk
  buffer::DiskBuffer* buffer_ = nullptr;
  bool is_relieving_ = false;  ///< until memory is down by a tenth
  /// Memory in use from which on relieve() is worth a try; never without a buffer.
  std::size_t relieve_from_ = SIZE_MAX;
  std::unique_ptr<Recorder> recorder_;  ///< none without persistence; outlives the sessions
  SessionHost host_{settings_, counters_};
  SessionTable<Entry> sessions_;
  SubscriptionTree tree_;
  RetainedStore retained_;
  SharedGroups groups_;
  Deadlines<Entry> deadlines_;
  StoreKeeper store_{*this, mesh_};  ///< empty unless the request topic is this shard's
  WallTime wall_start_;              ///< when the monotonic clock began
  std::uint64_t connections_made_ = 0;
  CommitLine line_;
  Journal::Position turn_began_ = 0;  ///< what had been recorded when the turn began
  std::size_t origin_;                ///< whose mail is being handled; this shard: its clients'
  /// By origin: the shards that got something of it (bits).
  std::array<std::uint64_t, shards_max> relayed_{};
  Ring<std::pair<Journal::Position, MessagePtr>> waiting_responses_;
  std::unique_ptr<Restoring> restoring_;
  std::unique_ptr<Checkpoint> checkpoint_;
  PacketCache packets_;
  Bytes decode_scratch_;
  std::vector<std::uint32_t> identifiers_;  ///< of the delivery that is being made
};

}  // namespace wireway::broker
