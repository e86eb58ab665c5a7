#include "broker/connection.h"

#include <fmt/format.h>

#include "base/log.h"
#include "wire/mqtt/codec.h"

namespace wireway::broker {

namespace websocket = wire::websocket;

Connection::Connection(Node& node, std::unique_ptr<net::Stream> stream, Carrier carrier,
                       std::shared_ptr<const Guard> guard)
    : node_(node),
      stream_(std::move(stream)),
      reader_(std::min(node.shard_.settings().packet_bytes_max, connect_bytes_max)),
      guard_(std::move(guard)) {
  Extras& all = extras();
  if (carrier == Carrier::websocket) all.web = std::make_unique<websocket::Server>();
  stream_->set_handler(*this);
  all.patience.arm(node.shard_.settings().connect_timeout,
                   [this] { give_up("no CONNECT within the connect timeout"); });
}

Connection::Connection(Node& node, Arrival arrival)
    : node_(node),
      stream_(node.env_.network.attach(std::move(arrival.stream))),
      reader_(node.shard_.settings().packet_bytes_max),
      guard_(std::move(arrival.guard)) {
  stream_->set_handler(*this);
  if (!arrival.web && !arrival.visit) return;
  Extras& all = extras();
  all.web = std::move(arrival.web);
  all.visit = std::move(arrival.visit);
  if (all.visit) all.visit->number = ++node.visits_;
}

Connection::~Connection() { node_.held_bytes_ -= reader_.held_bytes(); }

Connection::Extras& Connection::extras() {
  if (!extras_) extras_ = std::make_unique<Extras>(node_.env_.loop);
  return *extras_;
}

/// Most connections need none of it any more once the client has a home.
void Connection::drop_extras() {
  if (!extras_) return;
  const Extras& all = *extras_;
  if (!all.web && !all.first_packet && !all.visit && !all.patience.armed()) extras_.reset();
}

void Connection::settle_in(mqtt::Connect packet, const Bytes& rest) {
  reader_.set_packet_bytes_max(node_.shard_.settings().packet_bytes_max);
  const Bytes held = visit() != nullptr ? std::exchange(visit()->held, {}) : Bytes{};
  connect(std::move(packet));
  if (!closing_) feed(rest);
  if (!held.empty()) on_bytes(held);
}

void Connection::on_bytes(ByteView bytes) {
  if (closing_) return;
  if (!extras_) return feed(bytes);
  on_special_bytes(bytes);
}

void Connection::on_special_bytes(ByteView bytes) {
  if (Visit* const of = visit(); of != nullptr && of->is_knocking) {
    of->held.insert(of->held.end(), bytes.begin(), bytes.end());
    if (of->held.size() > held_bytes_max) give_up("sends too much before it is admitted");
    return;
  }
  if (web() == nullptr) return feed(bytes);
  Bytes data;
  Bytes reply;
  const auto state = web()->receive(bytes, data, reply);
  if (!reply.empty()) stream_->write(reply);
  if (!data.empty()) feed(data);
  if (state == websocket::Server::State::closed && !closing_ && stream_) {
    closing_ = true;
    stream_->close();
  }
}

/// What one packet may hold is what a client was told; what all of them together may hold while
/// they come in is not (broker.md 2.2).
std::optional<mqtt::Refused> Connection::read(ByteView bytes) {
  const std::size_t before = reader_.held_bytes();
  const auto refused = reader_.read(bytes, [this](std::uint8_t first_byte, ByteView body) {
    return on_packet(first_byte, body);
  });
  const std::size_t held = reader_.held_bytes();
  if (held == before) return refused;
  node_.held_bytes_ += held - before;
  const bool too_much = held > before && held > small_bytes_max &&
                        node_.held_bytes_ > node_.shard_.settings().incoming_bytes_max();
  if (refused || !too_much) return refused;
  return mqtt::Refused{mqtt::ReasonCode::quota_exceeded, "the limit of incomplete packets"};
}

Bytes Connection::take_rest() {
  node_.held_bytes_ -= reader_.held_bytes();
  return reader_.take_rest();
}

void Connection::feed(ByteView bytes) {
  const std::uint64_t published = node_.shard_.count().messages_in;
  const auto refused = read(bytes);
  // Who sends little now and then is not what fills memory.
  if (bytes.size() > trickle_bytes_max && published != node_.shard_.count().messages_in &&
      node_.shard_.slows_publishers() && !closing_) [[unlikely]]
    node_.hold_back(*this);
  if (refused) {
    if (client_ != nullptr)
      client_->on_refused(*refused);
    else
      give_up(fmt::format("not MQTT: broke {}", refused->clause));
    return;
  }
  if (first_packet() != nullptr && visit() == nullptr) knock();
}

bool Connection::on_packet(std::uint8_t first_byte, ByteView body) {
  if (closing_) return false;
  if (client_ != nullptr) {
    if (mqtt::type_of(first_byte) == mqtt::PacketType::auth && authenticated()) {
      Bytes scratch;
      const auto packet = mqtt::decode(first_byte, body, client_->version(), scratch);
      if (const auto* auth = packet ? std::get_if<mqtt::Auth>(&*packet) : nullptr) {
        on_auth(*auth);
        return !closing_;
      }
    }
    return client_->on_packet(first_byte, body, node_.env_.loop.now());
  }
  on_first_packet(first_byte, body);
  return false;  // what follows waits until the client has a home
}

void Connection::on_first_packet(std::uint8_t first_byte, ByteView body) {
  Bytes scratch;
  if (mqtt::type_of(first_byte) != mqtt::PacketType::connect)
    return give_up("the first packet is not CONNECT (MQTT-3.1.0-1)");
  auto packet = mqtt::decode(first_byte, body, mqtt::Version::v5, scratch);
  if (!packet) {
    const mqtt::Refused refused = packet.error();
    Bytes answer;
    mqtt::append_refusal(body, refused, answer);
    if (!answer.empty()) send(answer);
    return give_up(fmt::format("CONNECT broke {}: {}", refused.clause, to_string(refused.code)));
  }
  extras().first_packet =
      std::make_unique<mqtt::Connect>(std::get<mqtt::Connect>(std::move(*packet)));
}

/// The client lives on shard_of(its identifier); one without an identifier gets one that lives
/// here.
void Connection::move_or_connect() {
  const std::unique_ptr<mqtt::Connect> packet = std::move(extras_->first_packet);
  const std::string& identifier = packet->client_identifier;
  const std::size_t home = identifier.empty() ? node_.index_ : shard_of(identifier, node_.count());
  if (home == node_.index_) {
    settle_in(std::move(*packet), take_rest());
    return;
  }
  extras_->patience.cancel();
  Arrival arrival;
  arrival.rest = take_rest();
  arrival.stream = stream_->detach();
  arrival.web = std::move(extras_->web);
  arrival.connect = std::move(*packet);
  arrival.guard = std::move(guard_);
  arrival.visit = std::move(extras_->visit);
  closing_ = true;
  NodeAddress::post(node_.nodes_[home], [arrival = std::move(arrival)](Node& node) mutable {
    node.arrive(std::move(arrival));
  });
  node_.remove(*this);
}

void Connection::connect(mqtt::Connect packet) {
  if (extras_) extras_->patience.cancel();
  drop_extras();
  // What admitted it has changed while it was on its way.
  if (visit() != nullptr && visit()->admission.epoch < node_.gate_epoch_)
    return refuse_connect(packet.version, mqtt::ReasonCode::server_unavailable,
                          "who may come in has changed this moment");
  std::string assigned;
  if (visit() != nullptr) assigned = visit()->admission.principal.client_identifier;
  while (packet.client_identifier.empty() &&
         (assigned.empty() || shard_of(assigned, node_.count()) != node_.index_))
    assigned = "wireway-" + node_.env_.random.uuid();
  client_ =
      node_.shard_.connect(*this, std::move(packet), std::move(assigned), node_.env_.loop.now());
  node_.arm_tick();
  if (client_ != nullptr && visit() != nullptr) limit_to_credentials();
  after_send();  // the resumed session may have filled the output
}

void Connection::give_up(const std::string& why) {
  if (closing_) return;
  node_.tell_refused(peer(), why);
  close();
}

void Connection::end() {
  if (client_ != nullptr)
    client_->disconnect(mqtt::ReasonCode::server_shutting_down, "the broker stops");
  else
    close();
}

void Connection::on_drain() { relieve(); }

/// A queue that stopped at the output's limit goes on when the output is written: after a backlog
/// in the kernel the stream says so; if the flush of this turn takes all at once, nobody does,
/// hence the timer.
void Connection::after_send() {
  if (closing_ || client_ == nullptr) return;
  const std::size_t pending = stream_->pending_bytes();
  if (pending < node_.shard_.settings().output_bytes_max) return;
  if (net::Timer& patience = extras().patience; !patience.armed())
    patience.arm(Duration{0}, [this] { relieve(); });
  if (pending < unread_bytes_max || paused_) return;
  paused_ = true;
  stream_->pause_reading();
}

Duration Connection::unread_max(Duration limit) const {
  const std::uint16_t keep_alive_s = client_ == nullptr ? 0 : client_->keep_alive_s();
  return keep_alive_s == 0 ? limit : std::min<Duration>(limit, std::chrono::seconds{keep_alive_s});
}

void Connection::go_on() {
  waits_for_memory_ = false;
  resume_reading();
}

void Connection::relieve() {
  drop_extras();
  if (closing_ || client_ == nullptr) return;
  if (paused_ && stream_->pending_bytes() < unread_bytes_max) {
    paused_ = false;
    resume_reading();
  }
  client_->on_drain(node_.env_.loop.now());
}

void Connection::on_close(const Error& reason) {
  closing_ = true;
  if (Client* client = std::exchange(client_, nullptr)) {
    if (!client->last_words().empty())
      log::warn("client {} ({}): {}", client->session().client_identifier(), peer(),
                client->last_words());
    else
      log::debug("client {} ({}): {}", client->session().client_identifier(), peer(),
                 reason.message);
    node_.shard_.closed(*client, node_.env_.loop.now());
    node_.arm_tick();
  }
  node_.remove(*this);
}

void Connection::send(ByteView bytes) {
  if (!stream_) return;
  if (web() != nullptr) {
    Bytes& frame = node_.frame_memory();
    websocket::append_frame(websocket::Opcode::binary, bytes, frame);
    bytes = frame;
  }
  stream_->write(bytes);
  after_send();
}

std::size_t Connection::pending_bytes() const { return stream_ ? stream_->pending_bytes() : 0; }

void Connection::close() {
  if (closing_) return;
  closing_ = true;
  if (extras_) extras_->patience.cancel();
  if (visit() != nullptr) visit()->end.reset();
  if (web() != nullptr && web()->state() == websocket::Server::State::open) {
    Bytes& frame = node_.frame_memory();
    websocket::append_close(websocket::CloseCode::normal, frame);
    stream_->write(frame);
  }
  stream_->close();
}

}  // namespace wireway::broker
