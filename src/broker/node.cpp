#include "broker/node.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "broker/connection.h"
#include "broker/journal_hub.h"

namespace wireway::broker {

Node::Node(std::size_t index, net::Env& env, Settings settings)
    : index_(index),
      env_(env),
      address_(std::make_shared<NodeAddress>(env.loop, *this)),
      shard_(index, *this, settings),
      tick_(env.loop),
      checkpoint_(env.loop),
      memory_timer_(env.loop) {
  shard_.set_wall(env.loop.wall_now(), env.loop.now());
}

Node::~Node() { address_->gone(); }

void NodeAddress::post(const std::shared_ptr<NodeAddress>& address,
                       std::move_only_function<void(Node&)> task) {
  address->loop_.post([address, task = std::move(task)]() mutable {
    if (address->node_ != nullptr) task(*address->node_);
  });
}

void Node::join(const NodeTable& nodes) {
  nodes_ = nodes;
  mail_.resize(nodes.size());
}

void Node::accept(std::unique_ptr<net::Stream> stream, Carrier carrier,
                  std::shared_ptr<const Guard> guard) {
  if (connections_.size() >= connections_max_) {
    tell_refused(stream->peer(), fmt::format("{} connections are open, the most that one shard "
                                             "takes",
                                             connections_.size()));
    return;  // its destruction closes it
  }
  add(std::make_unique<Connection>(*this, std::move(stream), carrier, std::move(guard)));
}

void Node::arrive(Arrival arrival) {
  mqtt::Connect packet = std::move(arrival.connect);
  const Bytes rest = std::move(arrival.rest);
  auto connection = std::make_unique<Connection>(*this, std::move(arrival));
  Connection& settled = *connection;
  add(std::move(connection));
  settled.settle_in(std::move(packet), rest);
}

/// Of whom nothing is known yet: he may come as often as he likes.
void Node::tell_refused(std::string_view peer, std::string_view why) {
  ++shard_.count().connects_refused;
  if (const auto left_out = refused_lines_.admit(env_.loop.now()))
    log::warn("client {}: {}; closed{}", peer, why,
              *left_out == 0 ? "" : fmt::format(", and {} others since the last line", *left_out));
}

void Node::tell_left_out() {
  if (const std::uint64_t count = refused_lines_.take_left_out(env_.loop.now()); count > 0)
    log::warn("{} other connections were refused", count);
}

Bytes& Node::frame_memory() {
  constexpr std::size_t kept_bytes = 64 * 1024;
  if (frame_.capacity() > kept_bytes) frame_ = Bytes();
  frame_.clear();
  return frame_;
}

void Node::add(std::unique_ptr<Connection> connection) {
  connection->place_ = std::uint32_t(connections_.size());
  connections_.push_back(std::move(connection));
}

/// The gate stands on shard 0; its answer comes back if the connection is still here.
void Node::ask_gate(Connection& connection, const Guard& guard, Credentials credentials) {
  const std::uint64_t number = connection.visit_number();
  asked_.insert_or_assign(number, &connection);
  NodeAddress::post(nodes_.front(), [guard, credentials = std::move(credentials), back = address_,
                                     number](Node& first) mutable {
    if (first.gate_ == nullptr) return;
    first.gate_->admit(guard, std::move(credentials), [back, number](Admission admission) {
      NodeAddress::post(back, [number, admission = std::move(admission)](Node& node) mutable {
        const auto asked = node.asked_.extract(number);
        if (!asked.empty()) asked.mapped()->on_admission(std::move(admission));
      });
    });
  });
}

std::vector<Connection*> Node::connections() const {
  std::vector<Connection*> out;
  out.reserve(connections_.size());
  for (const auto& connection : connections_) out.push_back(connection.get());
  return out;
}

void Node::on_policy(const std::string& name, const Policy& policy) {
  for (Connection* each : connections()) each->on_policy(name, policy);
}

void Node::on_vouchers(const std::string& authentication, const std::set<std::uint64_t>& vouchers) {
  for (Connection* each : connections()) each->on_vouchers(authentication, vouchers);
}

void Node::on_guard(const Guard& guard, bool is_open) {
  for (Connection* each : connections()) each->on_guard(guard, is_open);
}

void Node::on_account(const std::string& username, const std::optional<Attributes>& attributes) {
  for (Connection* each : connections()) each->on_account(username, attributes);
}

/// At the end of the turn, because the connection itself asks for it.
void Node::remove(Connection& connection) {
  env_.loop.defer([this, key = &connection, address = address_] {
    if (address->stands()) erase(*key);
  });
}

void Node::erase(const Connection& connection) {
  if (const std::uint64_t number = connection.visit_number(); number != 0) asked_.erase(number);
  if (connection.waits_for_memory_)
    std::erase_if(held_back_, [&](const HeldBack& each) { return each.connection == &connection; });
  const std::size_t place = connection.place_;
  const std::unique_ptr<Connection> gone = std::move(connections_[place]);
  if (place + 1 < connections_.size()) {
    connections_[place] = std::move(connections_.back());
    connections_[place]->place_ = std::uint32_t(place);
  }
  connections_.pop_back();
}

void Node::set_settings(const Settings& settings) {
  if (settings.buffer_bytes_max > 0 && !buffer_ && !buffer_folder_.empty()) {
    buffer::BufferOptions options;
    options.in_flight_bytes_max =
        std::min(options.in_flight_bytes_max, settings.queued_bytes_max / 8);
    buffer_ = std::make_unique<buffer::DiskBuffer>(
        env_, buffer_folder_, shard_.count(), [this] { shard_.on_buffer_room(); }, options);
    shard_.buffer_to(*buffer_);
  }
  if (buffer_) buffer_->set_max(settings.buffer_bytes_max / nodes_.size());
  shard_.set_settings(settings);
}

/// It has published while memory is short, and what it sends next would be refused though the disk
/// is about to make room: it is not read for a moment. What others acknowledge is.
void Node::hold_back(Connection& connection) {
  if (std::exchange(connection.waits_for_memory_, true)) return;
  connection.stream_->pause_reading();
  held_back_.push_back({&connection, env_.loop.now() + connection.unread_max(hold_back_max)});
  ++shard_.count().publishers_slowed;
  if (!memory_timer_.armed()) memory_timer_.arm(hold_back_step, [this] { go_on(); });
}

/// As many as there is room for, first come first served; nobody waits for ever.
void Node::go_on() {
  const MonoTime now = env_.loop.now();
  std::size_t room = shard_.slows_publishers() ? 0 : shard_.memory_left() / read_bytes_max + 1;
  std::vector<Connection*> next;
  std::erase_if(held_back_, [&](const HeldBack& each) {
    if (room == 0 && now < each.until) return false;
    if (room == 0) shard_.stop_slowing();
    room -= std::min<std::size_t>(room, 1);
    next.push_back(each.connection);
    return true;
  });
  for (Connection* each : next) each->go_on();
  if (!held_back_.empty() && !memory_timer_.armed())
    memory_timer_.arm(hold_back_step, [this] { go_on(); });
}

void Node::send(std::size_t shard, Envelope envelope) {
  mail_[shard].push_back(std::move(envelope));
  want_end_of_turn();
}

void Node::want_end_of_turn() {
  if (std::exchange(mail_deferred_, true)) return;
  env_.loop.defer([this, address = address_] {
    if (address->stands()) flush_mail();
  });
}

/// One post to each target and turn; deferred tasks run before the turn's output is flushed.
void Node::flush_mail() {
  shard_.end_turn(env_.loop.now());
  mail_deferred_ = false;
  flush_journal();
  for (std::size_t target = 0; target < mail_.size(); ++target) {
    if (mail_[target].empty()) continue;
    NodeAddress::post(nodes_[target],
                      [from = index_, batch = std::exchange(mail_[target], {})](
                          Node& node) mutable { node.receive(from, std::move(batch)); });
  }
}

/// The turn's records to the hub, before the mail that tells of them.
void Node::flush_journal() {
  if (!journal_) return;
  auto group = journal_->take_group();
  if (!group) return;
  if (hub_ != nullptr) return hub_->take(*group);
  NodeAddress::post(nodes_[0], [group = std::move(*group)](Node& first) {
    if (first.hub_ != nullptr) first.hub_->take(group);
  });
}

void Node::start_recording() {
  if (journal_) return;
  journal_ = std::make_unique<ShardJournal>(index_, [this] { want_end_of_turn(); });
  shard_.set_wall(env_.loop.wall_now(), env_.loop.now());
  shard_.record_to(*journal_);
}

void Node::stop_recording() {
  shard_.record_nothing();
  journal_.reset();
}

void Node::restore(ByteView records) {
  each_record(records, [this](ByteView record) {
    const auto done = shard_.restore(record, env_.loop.now());
    if (!done && wrong_record_.empty()) wrong_record_ = done.error().message;
  });
}

std::string Node::finish_restore() {
  shard_.finish_restore(env_.loop.now());
  arm_tick();
  return wrong_record_;
}

void Node::on_durable(Journal::Position position) {
  if (!journal_) return;
  journal_->set_durable(position);
  shard_.on_durable(env_.loop.now());
}

void Node::set_journal_failed(bool failed) {
  if (journal_) journal_->set_failed(failed);
}

void Node::begin_checkpoint() {
  shard_.set_wall(env_.loop.wall_now(), env_.loop.now());
  shard_.begin_checkpoint();
  checkpoint_step();
}

/// A piece a turn, so that messages go on meanwhile.
void Node::checkpoint_step() {
  constexpr std::size_t step_bytes = 256 * 1024;
  if (!shard_.checkpoint_step(step_bytes, env_.loop.now())) {
    const Duration pause = shard_.checkpoint_waits() ? std::chrono::milliseconds{1} : Duration{0};
    checkpoint_.arm(pause, [this] { checkpoint_step(); });
    return;
  }
  flush_journal();
  NodeAddress::post(nodes_[0], [](Node& first) {
    if (first.hub_ != nullptr) first.hub_->on_checkpointed();
  });
}

void Node::receive(std::size_t from, std::vector<Envelope> mail) {
  const MonoTime now = env_.loop.now();
  for (Envelope& envelope : mail) shard_.receive(from, std::move(envelope), now);
  arm_tick();  // a key of the state store may have a new expiry
}

void Node::arm_tick() {
  const auto deadline = shard_.next_deadline();
  if (deadline == armed_for_) return;
  armed_for_ = deadline;
  if (!deadline) return tick_.cancel();
  const Duration delay = std::max(*deadline - env_.loop.now(), Duration{0});
  tick_.arm(delay, [this] {
    armed_for_.reset();
    shard_.tick(env_.loop.now());
    arm_tick();
  });
}

void Node::shut_down() {
  for (Connection* connection : connections()) connection->end();
}

}  // namespace wireway::broker
