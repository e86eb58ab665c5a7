#include "app/bench/peer.h"

#include <algorithm>
#include <array>
#include <span>

#include <fmt/format.h>

#include "net/tls/stream.h"

namespace wireway::app::bench {
namespace {

namespace mqtt = wire::mqtt;
using mqtt::PacketType;

struct Header {
  std::size_t header_bytes = 0;  ///< 0 = not whole yet
  std::size_t body_bytes = 0;
};

/// By hand: this runs once a message, and most packets have a length of one or two bytes.
Header read_header(ByteView bytes) {
  Header out;
  std::size_t shift = 0;
  for (std::size_t i = 1; i < bytes.size() && i <= 4; ++i, shift += 7) {
    out.body_bytes |= static_cast<std::size_t>(bytes[i] & 0x7F) << shift;
    if ((bytes[i] & 0x80) == 0) {
      out.header_bytes = i + 1;
      return out;
    }
  }
  return out;
}

}  // namespace

void Peer::open() {
  const MqttBenchOptions& options = ground_.settings.options;
  const net::Endpoint endpoint{options.host, options.port};
  if (ground_.tls == nullptr) {
    stream_ = ground_.network.connect(endpoint, *this);
    return;
  }
  const net::TlsTarget target{.endpoint = endpoint, .server_name = options.server_name};
  stream_ = ground_.tls->connect(ground_.loop, ground_.network, target, *this);
}

void Peer::leave() {
  lost_ = true;
  if (stream_ == nullptr) return;
  Bytes packet;
  mqtt::append(mqtt::Disconnect{}, ground_.settings.version, packet);
  stream_->write(packet);
  stream_->close();
}

void Peer::on_open() {
  const Settings& settings = ground_.settings;
  mqtt::Connect connect;
  connect.version = settings.version;
  connect.clean_start = plan_.clean;
  connect.client_identifier = plan_.client_identifier;
  if (!settings.options.username.empty()) connect.user_name = settings.options.username;
  if (!settings.password.empty()) {
    const ByteView password = as_bytes(settings.password);
    connect.password = Bytes(password.begin(), password.end());
  }
  if (plan_.persistent && settings.version == mqtt::Version::v5)
    connect.properties.session_expiry_interval_s = session_expiry_s;
  Bytes packet;
  mqtt::append(connect, packet);
  stream_->write(packet);
}

void Peer::on_bytes(ByteView bytes) {
  Bytes joined;
  if (!rest_.empty()) {
    joined = std::exchange(rest_, {});
    joined.insert(joined.end(), bytes.begin(), bytes.end());
    bytes = joined;
  }
  while (!bytes.empty() && !lost_) {
    const Header header = read_header(bytes);
    const std::size_t whole = header.header_bytes + header.body_bytes;
    if (header.header_bytes == 0 || bytes.size() < whole) break;
    take(bytes[0], bytes.subspan(header.header_bytes, header.body_bytes));
    bytes = bytes.subspan(whole);
  }
  if (lost_) return;
  rest_.assign(bytes.begin(), bytes.end());
  if (replies_.empty()) return;
  stream_->write(replies_);
  replies_.clear();
}

void Peer::take(std::uint8_t first_byte, ByteView body) {
  const PacketType type = mqtt::type_of(first_byte);
  if (type == PacketType::publish) return take_publish(first_byte, body);
  if (type >= PacketType::puback && type <= PacketType::pubcomp) return take_reply(type, body);
  take_rare(first_byte, body);
}

void Peer::take_publish(std::uint8_t first_byte, ByteView body) {
  const unsigned qos = (first_byte >> 1) & 3U;
  std::size_t at = body.size() < 2 ? 2 : 2 + static_cast<std::size_t>(body[0] << 8 | body[1]);
  const std::size_t identifier_at = at;
  if (qos != 0) at += 2;
  if (ground_.settings.version == mqtt::Version::v5 && at < body.size()) {
    // The properties' length looks like a packet's: one byte stands where the type would.
    const Header properties = read_header(body.subspan(at - 1));
    if (properties.header_bytes == 0) return lose("a PUBLISH whose properties have no end");
    at += properties.header_bytes - 1 + properties.body_bytes;
  }
  if (at > body.size()) return lose("a PUBLISH that is shorter than its topic");
  if (qos != 0) reply(qos == 1 ? 0x40 : 0x50, body.subspan(identifier_at, 2));
  handler_.on_publish(*this, {.retain = (first_byte & 1U) != 0,
                              .duplicate = (first_byte & 8U) != 0,
                              .payload = body.subspan(at)});
}

void Peer::take_reply(PacketType type, ByteView body) {
  if (body.size() < 2) return lose("an acknowledgement without packet identifier");
  const bool has_reason = body.size() > 2 && type != PacketType::pubrel;
  if (has_reason && mqtt::is_error(static_cast<mqtt::ReasonCode>(body[2])))
    return lose(fmt::format("the broker refused a message: {}",
                            mqtt::to_string(static_cast<mqtt::ReasonCode>(body[2]))));
  if (type == PacketType::pubrec) return reply(0x62, body.first(2));
  if (type == PacketType::pubrel) return reply(0x70, body.first(2));
  handler_.on_done(*this);
}

void Peer::reply(std::uint8_t first_byte, ByteView body) {
  const std::array<std::uint8_t, 4> packet{first_byte, 2, body[0], body[1]};
  replies_.insert(replies_.end(), packet.begin(), packet.end());
}

void Peer::take_rare(std::uint8_t first_byte, ByteView body) {
  Bytes scratch;
  const auto packet = mqtt::decode(first_byte, body, ground_.settings.version, scratch);
  if (!packet) return lose(fmt::format("a packet that breaks {}", packet.error().clause));
  if (const auto* connack = std::get_if<mqtt::Connack>(&*packet)) return take_connack(*connack);
  if (const auto* reply = std::get_if<mqtt::SubscribeReply>(&*packet)) return take_suback(*reply);
  if (const auto* goodbye = std::get_if<mqtt::Disconnect>(&*packet))
    return lose(
        fmt::format("the broker ended the connection: {}", mqtt::to_string(goodbye->reason)));
}

void Peer::take_connack(const mqtt::Connack& connack) {
  if (connack.reason != mqtt::ReasonCode::success)
    return lose(
        fmt::format("the broker refused the connection: {}", mqtt::to_string(connack.reason)));
  session_present_ = connack.session_present;
  receive_maximum_ = connack.properties.receive_maximum.value_or(65535);
  if (plan_.filters.empty()) return handler_.on_ready(*this);
  subscribe_next();
}

void Peer::subscribe(std::vector<std::string> filters) {
  plan_.filters = std::move(filters);
  filters_granted_ = 0;
  subscribe_next();
}

void Peer::subscribe_next() {
  mqtt::Subscribe subscribe;
  subscribe.packet_identifier = 1;
  const std::size_t end = std::min(plan_.filters.size(), filters_granted_ + filters_per_packet);
  for (std::size_t i = filters_granted_; i < end; ++i) {
    subscribe.entries.emplace_back().filter = plan_.filters[i];
    subscribe.entries.back().qos = plan_.qos;
  }
  Bytes packet;
  mqtt::append(subscribe, ground_.settings.version, packet);
  stream_->write(packet);
}

void Peer::take_suback(const mqtt::SubscribeReply& reply) {
  if (reply.type != PacketType::suback) return;
  for (const mqtt::ReasonCode code : reply.reasons) {
    if (mqtt::is_error(code))
      return lose(fmt::format("the broker refused a subscription: {}", mqtt::to_string(code)));
    if (static_cast<std::uint8_t>(code) != static_cast<std::uint8_t>(plan_.qos))
      return lose(fmt::format("the broker granted QoS {} instead of {}", static_cast<int>(code),
                              static_cast<int>(plan_.qos)));
  }
  filters_granted_ += reply.reasons.size();
  if (filters_granted_ < plan_.filters.size()) return subscribe_next();
  handler_.on_ready(*this);
}

void Peer::on_close(const Error& reason) { lose(reason.message); }

void Peer::lose(std::string why) {
  if (std::exchange(lost_, true)) return;
  handler_.on_lost(*this, fmt::format("{}: {}", plan_.client_identifier, why));
}

}  // namespace wireway::app::bench
