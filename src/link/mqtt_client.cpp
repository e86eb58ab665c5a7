#include "link/mqtt_client.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "link/detail/mqtt_inbound.h"
#include "link/detail/mqtt_outbound.h"
#include "link/detail/mqtt_subscriptions.h"
#include "wire/mqtt/frame.h"

namespace wireway::link {

namespace mqtt = wire::mqtt;

namespace {

constexpr Duration connack_timeout = std::chrono::seconds{10};
/// A connection that stood so long makes the back-off begin anew.
constexpr Duration stable_after = std::chrono::seconds{2};
std::string in_words(mqtt::ReasonCode code, const mqtt::Properties& properties) {
  std::string text =
      fmt::format("{} (0x{:02X})", mqtt::to_string(code), static_cast<unsigned>(code));
  if (properties.reason_string) text += ": " + *properties.reason_string;
  return text;
}

detail::MqttServerLimits limits_of(const mqtt::Properties& properties) {
  detail::MqttServerLimits limits;
  limits.receive_maximum = properties.receive_maximum.value_or(65'535);
  if (properties.maximum_packet_size) limits.packet_bytes_max = *properties.maximum_packet_size;
  if (properties.maximum_qos) limits.qos_max = static_cast<flow::Qos>(*properties.maximum_qos);
  limits.retain_available = properties.retain_available.value_or(1) != 0;
  return limits;
}

flow::Message to_message(const mqtt::Publish& publish) {
  flow::Message message;
  message.topic = std::string(publish.topic);
  message.payload.assign(publish.payload.begin(), publish.payload.end());
  message.qos = static_cast<flow::Qos>(publish.qos);
  message.retain = publish.retain;
  message.expiry_s = publish.message_expiry_interval_s;
  if (publish.forwarded_properties.empty()) return message;
  auto properties = mqtt::parse_forwarded(publish.forwarded_properties);
  message.content_type = std::move(properties.content_type);
  message.payload_is_utf8 = properties.payload_is_utf8;
  message.response_topic = std::move(properties.response_topic);
  message.correlation_data = std::move(properties.correlation_data);
  message.user_properties = std::move(properties.user_properties);
  return message;
}

}  // namespace

/// The conversation with the server: connect, CONNECT, packets, keep-alive, and again after a loss.
class MqttClient::Connection final : public net::StreamHandler {
 public:
  Connection(net::Env& env, MqttClientOptions options, OnState on_state, OnMessage on_message)
      : env_(env),
        options_(std::move(options)),
        server_(options_.server.to_string()),
        callbacks_(std::make_shared<Callbacks>(this, std::move(on_state), std::move(on_message))),
        outbound_(out_, server_, options_.publish_queue_max),
        inbound_(out_),
        subscriptions_(out_, outbound_),
        timer_(env.loop),
        keep_alive_timer_(env.loop),
        clean_start_(options_.clean_start) {
    state_.message = "not connected to " + server_ + " yet";
  }

  ~Connection() override {
    callbacks_->connection = nullptr;
    out_.close();
  }

  void start() {
    stopped_ = false;
    if (!stream_ && !timer_.armed()) open();
  }

  void stop() {
    stopped_ = true;
    timer_.cancel();
    keep_alive_timer_.cancel();
    if (!stream_) return;
    if (out_.is_open()) out_.send(mqtt::Disconnect{.properties = {}});
    out_.close();
    stream_->close();
  }

  void subscribe(const std::string& filter, flow::Qos qos) {
    subscriptions_.subscribe(filter, qos);
  }
  void unsubscribe(const std::string& filter) { subscriptions_.unsubscribe(filter); }

  Result<> publish(flow::Message message, flow::Ack ack) {
    const MonoTime now = env_.loop.now();
    auto offered = outbound_.offer(std::move(message), std::move(ack), now);
    if (!offered) return offered;
    outbound_.pump(now);
    return {};
  }

  const MqttState& state() const { return state_; }
  std::size_t unacknowledged() const { return outbound_.unacknowledged(); }

  void on_open() override;
  void on_bytes(ByteView bytes) override;
  void on_drain() override { outbound_.pump(env_.loop.now()); }
  void on_close(const Error& reason) override { lost(reason.message); }

 private:
  /// What Acks and running callbacks hold: `connection` is null once it is destroyed.
  struct Callbacks {
    Connection* connection;
    OnState on_state;
    OnMessage on_message;
  };
  using Shared = std::shared_ptr<Callbacks>;

  /// Stays with a connection that we end, until its last bytes are gone.
  struct Deaf final : net::StreamHandler {
    void on_bytes(ByteView) override {}
    void on_close(const Error&) override {}
  };

  void open();
  void lost(const std::string& why);
  void say(bool connected, bool session_present, std::string message);

  bool on_packet(std::uint8_t first_byte, ByteView body);
  void on_publish(const mqtt::Publish& publish);
  void on_connack(const mqtt::Connack& connack);
  void on_disconnect(const mqtt::Disconnect& disconnect);
  void on_subscribe_reply(const mqtt::SubscribeReply& reply);
  void refuse(const mqtt::Refused& refused);
  void keep_alive();

  net::Env& env_;
  MqttClientOptions options_;
  std::string server_;
  Shared callbacks_;
  MqttState state_;
  Deaf deaf_;
  std::unique_ptr<net::Stream> leaving_;
  std::unique_ptr<net::Stream> stream_;
  mqtt::FrameReader reader_;
  Bytes scratch_;
  detail::MqttPacketOut out_;  ///< open between CONNACK and the loss of the connection
  detail::MqttOutbound outbound_;
  detail::MqttInbound inbound_;
  detail::MqttSubscriptions subscriptions_;
  net::Timer timer_;  ///< of the next attempt, or of CONNACK
  net::Timer keep_alive_timer_;
  MonoTime connected_at_;
  Duration keep_alive_interval_{0};
  std::uint32_t attempts_ = 0;
  std::string last_failure_;
  bool clean_start_;
  bool stopped_ = false;
  bool ping_under_way_ = false;
  bool heard_ = false;
  bool expects_connack_ = false;  ///< nothing has come on this connection yet
};

void MqttClient::Connection::open() {
  reader_ = mqtt::FrameReader();
  expects_connack_ = true;
  stream_ = env_.network.connect(options_.server, *this);
}

void MqttClient::Connection::on_open() {
  mqtt::Connect packet;
  packet.clean_start = clean_start_;
  packet.keep_alive_s = options_.keep_alive_s;
  packet.client_identifier = options_.client_id;
  packet.user_name = options_.username;
  packet.password = options_.password;
  packet.properties.receive_maximum = options_.receive_maximum;
  if (options_.session_expiry_s > 0)
    packet.properties.session_expiry_interval_s = options_.session_expiry_s;
  packet.properties.user_properties = options_.user_properties;
  Bytes bytes;
  append(packet, bytes);
  stream_->write(bytes);
  timer_.arm(connack_timeout, [this] { lost(server_ + " did not answer CONNECT in time"); });
}

/// Whatever a packet leads to may destroy this object or end the connection: both stop the reading.
void MqttClient::Connection::on_bytes(ByteView bytes) {
  heard_ = true;
  // Judged by its first byte, because what is not MQTT may announce a packet that never ends.
  if (std::exchange(expects_connack_, false) &&
      mqtt::type_of(bytes.front()) != mqtt::PacketType::connack)
    return refuse({mqtt::ReasonCode::protocol_error, "MQTT-3.2.0-1"});
  const Shared shared = callbacks_;
  mqtt::FrameReader reader = std::move(reader_);
  const net::Stream* const stream = stream_.get();
  const auto refused = reader.read(bytes, [&](std::uint8_t first_byte, ByteView body) {
    return on_packet(first_byte, body) && shared->connection != nullptr && stream_.get() == stream;
  });
  if (shared->connection == nullptr || stream_.get() != stream) return;
  reader_ = std::move(reader);
  if (refused) return refuse(*refused);
  outbound_.pump(env_.loop.now());
}

/// False if the packet has ended the connection; the caller looks whether this object still lives.
bool MqttClient::Connection::on_packet(std::uint8_t first_byte, ByteView body) {
  if (stopped_) return false;
  const mqtt::PacketType type = mqtt::type_of(first_byte);
  if (type == mqtt::PacketType::publish && out_.is_open()) {
    const auto publish = mqtt::decode_publish(first_byte, body, mqtt::Version::v5, scratch_);
    if (publish)
      on_publish(*publish);
    else
      refuse(publish.error());
    return publish.has_value();
  }
  const auto packet = mqtt::decode(first_byte, body, mqtt::Version::v5, scratch_);
  if (!packet) {
    refuse(packet.error());
    return false;
  }
  if (const auto* connack = std::get_if<mqtt::Connack>(&*packet); connack && !out_.is_open()) {
    on_connack(*connack);
  } else if (!out_.is_open()) {
    refuse({mqtt::ReasonCode::protocol_error, "MQTT-3.2.0-1"});
    return false;
  } else if (const auto* reply = std::get_if<mqtt::PublishReply>(&*packet)) {
    if (reply->type == mqtt::PacketType::pubrel)
      inbound_.on_pubrel(reply->packet_identifier);
    else
      outbound_.on_reply(*reply);
  } else if (const auto* answer = std::get_if<mqtt::SubscribeReply>(&*packet)) {
    on_subscribe_reply(*answer);
  } else if (const auto* disconnect = std::get_if<mqtt::Disconnect>(&*packet)) {
    on_disconnect(*disconnect);
  } else if (std::holds_alternative<mqtt::Pingresp>(*packet)) {
    ping_under_way_ = false;
  } else {
    refuse({mqtt::ReasonCode::protocol_error, "a packet that only a client sends"});
    return false;
  }
  return true;
}

void MqttClient::Connection::on_publish(const mqtt::Publish& publish) {
  if (publish.topic.empty())  // no alias was allowed in CONNECT
    return refuse({mqtt::ReasonCode::topic_alias_invalid, "MQTT-3.1.2-26"});
  if (publish.qos == mqtt::Qos::at_most_once)
    return callbacks_->on_message(to_message(publish), flow::Ack());
  const auto token = inbound_.received(publish);
  if (token == 0) return;
  const std::uint16_t id = publish.packet_identifier;
  flow::Ack ack([shared = callbacks_, id, token](flow::Outcome outcome) {
    if (shared->connection != nullptr) shared->connection->inbound_.settled(id, token, outcome);
  });
  callbacks_->on_message(to_message(publish), std::move(ack));
}

void MqttClient::Connection::on_connack(const mqtt::Connack& connack) {
  if (mqtt::is_error(connack.reason)) {
    return lost(
        fmt::format("{} refused: {}", server_, in_words(connack.reason, connack.properties)));
  }
  const mqtt::Properties& properties = connack.properties;
  if (properties.assigned_client_identifier)
    options_.client_id = *properties.assigned_client_identifier;
  clean_start_ = options_.session_expiry_s == 0 && options_.clean_start;
  timer_.cancel();
  connected_at_ = env_.loop.now();
  out_.open(stream_.get());
  inbound_.connected(connack.session_present);
  outbound_.connected(limits_of(properties), connack.session_present);
  subscriptions_.connected(connack.session_present);
  ping_under_way_ = false;
  const auto seconds = properties.server_keep_alive_s.value_or(options_.keep_alive_s);
  keep_alive_interval_ = std::chrono::milliseconds{seconds * 500};
  if (seconds > 0) keep_alive_timer_.arm(keep_alive_interval_, [this] { keep_alive(); });
  last_failure_.clear();
  say(true, connack.session_present, "connected to " + server_);
}

/// Every half keep-alive: silence is broken by PINGREQ, and what does not answer by the next is
/// dead.
void MqttClient::Connection::keep_alive() {
  if (ping_under_way_ && !heard_) {
    return lost(fmt::format("{} did not answer PINGREQ within {} s", server_,
                            std::chrono::duration<double>(keep_alive_interval_).count()));
  }
  const bool sent = out_.take_activity();
  if (!sent || !heard_) {
    out_.send_pingreq();
    ping_under_way_ = true;
  }
  heard_ = false;
  keep_alive_timer_.arm(keep_alive_interval_, [this] { keep_alive(); });
}

void MqttClient::Connection::on_disconnect(const mqtt::Disconnect& disconnect) {
  lost(fmt::format("{} ended the connection: {}", server_,
                   in_words(disconnect.reason, disconnect.properties)));
}

void MqttClient::Connection::on_subscribe_reply(const mqtt::SubscribeReply& reply) {
  const Shared shared = callbacks_;
  for (const std::string& refusal : subscriptions_.on_reply(reply)) {
    log::warn("{} refused {}", server_, refusal);
    say(true, state_.session_present, server_ + " refused " + refusal);
    if (shared->connection == nullptr) return;
  }
}

void MqttClient::Connection::refuse(const mqtt::Refused& refused) {
  if (out_.is_open()) out_.send(mqtt::Disconnect{.reason = refused.code, .properties = {}});
  leaving_ = std::move(stream_);
  leaving_->set_handler(deaf_);
  leaving_->close();
  lost(
      fmt::format("{} does not speak MQTT 5 properly: {} ({}); check that it is an MQTT 5 broker "
                  "without TLS",
                  server_, mqtt::to_string(refused.code), refused.clause));
}

/// The connection is gone or given up: says why, once for each new reason, and tries again later.
void MqttClient::Connection::lost(const std::string& why) {
  const bool stood = out_.is_open();
  out_.close();
  stream_.reset();
  timer_.cancel();
  keep_alive_timer_.cancel();
  subscriptions_.disconnected();
  if (stopped_) return say(false, false, "disconnected from " + server_);
  if (stood && env_.loop.now() - connected_at_ >= stable_after) attempts_ = 0;
  const Duration full =
      std::min(options_.reconnect_max, options_.reconnect_min * (1U << std::min(attempts_, 16U)));
  ++attempts_;
  const auto half = static_cast<std::uint64_t>(full.count() / 2);
  const Duration delay{static_cast<std::int64_t>(half + env_.random.below(half + 1))};
  timer_.arm(delay, [this] { open(); });
  if (std::exchange(last_failure_, why) == why && !stood) return;
  say(false, false, why + "; retrying");
}

/// The last thing that a caller does: the application may destroy the client within.
void MqttClient::Connection::say(bool connected, bool session_present, std::string message) {
  state_ = {connected, session_present, std::move(message), true};
  const Shared shared = callbacks_;
  if (shared->on_state) shared->on_state(MqttState(state_));
}

MqttClient::MqttClient(net::Env& env, MqttClientOptions options, OnState on_state,
                       OnMessage on_message)
    : connection_(std::make_unique<Connection>(env, std::move(options), std::move(on_state),
                                               std::move(on_message))) {}
MqttClient::~MqttClient() = default;

void MqttClient::start() { connection_->start(); }
void MqttClient::subscribe(const std::string& filter, flow::Qos qos) {
  connection_->subscribe(filter, qos);
}
void MqttClient::unsubscribe(const std::string& filter) { connection_->unsubscribe(filter); }
Result<> MqttClient::publish(flow::Message message, flow::Ack ack) {
  return connection_->publish(std::move(message), std::move(ack));
}
void MqttClient::stop() { connection_->stop(); }
const MqttState& MqttClient::state() const { return connection_->state(); }
std::size_t MqttClient::unacknowledged() const { return connection_->unacknowledged(); }

}  // namespace wireway::link
