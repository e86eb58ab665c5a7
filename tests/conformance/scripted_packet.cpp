#include <algorithm>
#include <functional>
#include <sstream>

#include "conformance/packets.h"
#include "wire/mqtt/codec.h"

namespace wireway::conformance {
namespace {

using namespace wire::mqtt;

Bytes from_hex(const std::string& text) {
  Bytes bytes;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!word.starts_with("x") && word.size() != 2) continue;
    bytes.push_back(std::uint8_t(std::stoul(word, nullptr, 16)));
  }
  return bytes;
}

/// "00ff"
Bytes from_hex_digits(const std::string& digits) {
  Bytes bytes;
  for (std::size_t at = 0; at + 1 < digits.size(); at += 2)
    bytes.push_back(std::uint8_t(std::stoul(digits.substr(at, 2), nullptr, 16)));
  return bytes;
}

Bytes to_bytes(const std::string& text) {
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

/// The payload as written, or "payload_bytes=N" of them.
Bytes payload_of(const Words& words) {
  if (words.has("payload_bytes")) return Bytes(words.number("payload_bytes"), 'x');
  return to_bytes(words.get("payload"));
}

ReasonCode reason_of(const Words& words) {
  if (!words.has("reason")) return ReasonCode::success;
  const std::string wanted = words.get("reason");
  for (unsigned code = 0; code < 256; ++code)
    if (reason_word(ReasonCode(code)) == wanted) return ReasonCode(code);
  return ReasonCode(std::stoul(wanted, nullptr, 0));
}

template <class T>
void set(const Words& words, const std::string& key, std::optional<T>& slot) {
  if (words.has(key)) slot = T(std::stoul(words.get(key)));
}

Properties properties_of(const Words& words) {
  Properties p;
  set(words, "expiry", p.message_expiry_interval_s);
  set(words, "session_expiry", p.session_expiry_interval_s);
  set(words, "receive_maximum", p.receive_maximum);
  set(words, "alias_maximum", p.topic_alias_maximum);
  set(words, "packet_maximum", p.maximum_packet_size);
  set(words, "subid", p.subscription_identifier);
  set(words, "will_delay", p.will_delay_interval_s);
  set(words, "problem_information", p.request_problem_information);
  set(words, "response_information", p.request_response_information);
  if (words.has("auth_method")) p.authentication_method = words.get("auth_method");
  for (const auto& [key, value] : words.pairs) {
    const auto colon = value.find(':');
    if (key == "user")
      p.user_properties.emplace_back(value.substr(0, colon), value.substr(colon + 1));
  }
  return p;
}

Will will_of(const Words& words) {
  Will will;
  will.topic = words.get("will_topic");
  will.payload = to_bytes(words.get("will_payload"));
  will.qos = Qos(words.number("will_qos"));
  will.retain = words.has("will_retain");
  set(words, "will_delay", will.properties.will_delay_interval_s);
  set(words, "will_expiry", will.properties.message_expiry_interval_s);
  set(words, "will_format", will.properties.payload_format_indicator);
  if (words.has("will_content_type")) will.properties.content_type = words.get("will_content_type");
  if (words.has("will_response_topic"))
    will.properties.response_topic = words.get("will_response_topic");
  if (words.has("will_correlation"))
    will.properties.correlation_data = to_bytes(words.get("will_correlation"));
  for (const auto& [key, value] : words.pairs) {
    const auto colon = value.find(':');
    if (key == "will_user")
      will.properties.user_properties.emplace_back(value.substr(0, colon), value.substr(colon + 1));
  }
  return will;
}

void put_connect(const Words& words, Version version, Bytes& out) {
  Connect connect;
  connect.version = version;
  connect.client_identifier = words.get("id");
  connect.clean_start = words.number("clean", 1) != 0;
  connect.keep_alive_s = std::uint16_t(words.number("keep_alive"));
  if (words.has("user_name")) connect.user_name = words.get("user_name");
  if (words.has("password")) connect.password = to_bytes(words.get("password"));
  if (words.has("will_topic")) connect.will = will_of(words);
  if (version == Version::v5) {
    connect.properties = properties_of(words);
    connect.properties.will_delay_interval_s.reset();
    connect.properties.message_expiry_interval_s.reset();
  }
  append(connect, out);
}

void put_publish(const Words& words, Version version, Bytes& out) {
  const std::string topic = words.get("topic");
  const Bytes payload = payload_of(words);
  PublishProperties forwarded{.payload_is_utf8 = words.has("utf8"),
                              .content_type = words.get("content_type"),
                              .response_topic = words.get("response_topic"),
                              .correlation_data = to_bytes(words.get("correlation")),
                              .user_properties = properties_of(words).user_properties};
  const Bytes encoded = encode_forwarded(forwarded);
  Publish publish;
  publish.topic = topic;
  publish.payload = payload;
  publish.qos = Qos(words.number("qos"));
  publish.retain = words.has("retain");
  publish.duplicate = words.has("dup");
  publish.packet_identifier = std::uint16_t(words.number("id"));
  publish.forwarded_properties = encoded;
  set(words, "alias", publish.topic_alias);
  set(words, "expiry", publish.message_expiry_interval_s);
  if (words.has("subid")) publish.subscription_identifiers = {words.number("subid")};
  append_publish(publish, version, out);
}

void put_subscribe(const Words& words, Version version, Bytes& out) {
  Subscribe subscribe;
  subscribe.packet_identifier = std::uint16_t(words.number("id", 1));
  if (version == Version::v5) subscribe.properties = properties_of(words);
  for (const auto& [key, value] : words.pairs) {
    if (key == "filter") subscribe.entries.emplace_back().filter = value;
    if (subscribe.entries.empty()) continue;
    SubscribeEntry& entry = subscribe.entries.back();
    if (key == "qos") entry.qos = Qos(std::stoul(value));
    if (key == "no_local") entry.no_local = true;
    if (key == "as_published") entry.retain_as_published = true;
    if (key == "handling") entry.retain_handling = RetainHandling(std::stoul(value));
  }
  append(subscribe, version, out);
}

void put_unsubscribe(const Words& words, Version version, Bytes& out) {
  Unsubscribe unsubscribe;
  unsubscribe.packet_identifier = std::uint16_t(words.number("id", 1));
  for (const auto& [key, value] : words.pairs)
    if (key == "filter") unsubscribe.filters.push_back(value);
  append(unsubscribe, version, out);
}

void put_reply(PacketType type, const Words& words, Version version, Bytes& out) {
  PublishReply reply;
  reply.type = type;
  reply.packet_identifier = std::uint16_t(words.number("id"));
  reply.reason = reason_of(words);
  append(reply, version, out);
}

void put_disconnect(const Words& words, Version version, Bytes& out) {
  Disconnect disconnect;
  disconnect.reason = reason_of(words);
  disconnect.properties = properties_of(words);
  append(disconnect, version, out);
}

void put_auth(const Words& words, Version, Bytes& out) {
  Auth auth;
  auth.reason = reason_of(words);
  auth.properties = properties_of(words);
  append(auth, out);
}

/// What no encoder writes, as changes of a well-formed packet of up to 127 bytes: "cut=2" takes
/// bytes off its end, "append=00ff" adds some, "patch=9:03" sets one, counted from the end if
/// negative.
void spoil(const Words& words, Bytes& packet) {
  packet.resize(packet.size() - words.number("cut"));
  for (const auto& [key, value] : words.pairs) {
    if (key == "append") {
      const Bytes more = from_hex_digits(value);
      packet.insert(packet.end(), more.begin(), more.end());
    } else if (key == "patch") {
      const auto colon = value.find(':');
      const int at = std::stoi(value.substr(0, colon));
      packet.at(at < 0 ? packet.size() + std::size_t(at) : std::size_t(at)) =
          from_hex_digits(value.substr(colon + 1)).at(0);
    }
  }
  if (words.has("cut") || words.has("append")) packet.at(1) = std::uint8_t(packet.size() - 2);
}

}  // namespace

std::string reason_word(ReasonCode code) {
  std::string word(wire::mqtt::to_string(code));
  for (char& c : word) {
    if (c == ' ' || c == '-')
      c = '_';
    else if (c >= 'A' && c <= 'Z')
      c = char(c + ('a' - 'A'));
  }
  return word;
}

std::optional<Bytes> scripted_packet(const Words& words, Version version) {
  using Put = std::function<void(const Words&, Version, Bytes&)>;
  const auto reply = [](PacketType type) -> Put {
    return [type](const Words& w, Version v, Bytes& out) { put_reply(type, w, v, out); };
  };
  static const std::map<std::string, Put> verbs = {
      {"connect", put_connect},
      {"publish", put_publish},
      {"subscribe", put_subscribe},
      {"unsubscribe", put_unsubscribe},
      {"puback", reply(PacketType::puback)},
      {"pubrec", reply(PacketType::pubrec)},
      {"pubrel", reply(PacketType::pubrel)},
      {"pubcomp", reply(PacketType::pubcomp)},
      {"disconnect", put_disconnect},
      {"auth", put_auth},
      {"pingreq", [](const Words&, Version, Bytes& out) { append_pingreq(out); }},
  };
  if (words.verb == "hex") return from_hex(words.rest);
  const auto found = verbs.find(words.verb);
  if (found == verbs.end()) return std::nullopt;
  Bytes out;
  found->second(words, version, out);
  spoil(words, out);
  return out;
}

}  // namespace wireway::conformance
