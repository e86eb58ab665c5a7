#include "wire/mqtt/codec.h"
#include "wire/mqtt/detail/properties.h"
#include "wire/mqtt/topic.h"

namespace wireway::wire::mqtt {
namespace {

using detail::PropertyId;
using detail::Reader;

constexpr std::string_view property_clause = "MQTT section 3.3.2.3";

/// What was seen so far of a PUBLISH's properties; most may come once.
struct Seen {
  std::uint32_t once = 0;  ///< a bit a property identifier below 32, and topic_alias
  const std::uint8_t* run_begin = nullptr;
  const std::uint8_t* run_end = nullptr;
  bool gathered = false;
};

bool first_time(Reader& list, Seen& seen, PropertyId id) {
  const std::uint32_t bit = id == PropertyId::topic_alias ? 1u << 31 : 1u << unsigned(id);
  if ((seen.once & bit) != 0) list.fail(ReasonCode::protocol_error, property_clause);
  seen.once |= bit;
  return !list.failed();
}

/// Lengthens the run of forwarded bytes; a second run makes a copy of both.
void forward(Seen& seen, Publish& out, const std::uint8_t* begin, const std::uint8_t* end) {
  if (!seen.gathered && (seen.run_begin == nullptr || seen.run_end == begin)) {
    if (seen.run_begin == nullptr) seen.run_begin = begin;
    seen.run_end = end;
    return;
  }
  if (!seen.gathered) out.gathered.assign(seen.run_begin, seen.run_end);
  seen.gathered = true;
  out.gathered.insert(out.gathered.end(), begin, end);
}

/// Checks a property that goes on to subscribers as it is.
void check_forwarded(Reader& list, Seen& seen, PropertyId id) {
  if (id == PropertyId::user_property) {
    list.text();
    list.text();
    return;
  }
  if (!first_time(list, seen, id)) return;
  switch (id) {
    case PropertyId::payload_format_indicator:
      if (list.u8() > 1) list.fail(ReasonCode::protocol_error, property_clause);
      return;
    case PropertyId::content_type: list.text(); return;
    case PropertyId::correlation_data: list.binary(); return;
    case PropertyId::response_topic:
      if (!is_valid_topic_name(list.text())) list.fail(ReasonCode::protocol_error, "MQTT-3.3.2-14");
      return;
    default: list.fail(ReasonCode::malformed_packet, property_clause); return;
  }
}

void read_publish_property(Reader& list, Seen& seen, Publish& out) {
  const std::uint8_t* begin = list.position();
  const PropertyId id{list.u8()};
  switch (id) {
    case PropertyId::topic_alias:
      if (!first_time(list, seen, id)) return;
      out.topic_alias = list.u16();
      if (*out.topic_alias == 0) list.fail(ReasonCode::topic_alias_invalid, "MQTT-3.3.2-8");
      return;
    case PropertyId::message_expiry_interval:
      if (first_time(list, seen, id)) out.message_expiry_interval_s = list.u32();
      return;
    case PropertyId::subscription_identifier: {
      const std::uint32_t value = list.variable();
      if (value == 0) list.fail(ReasonCode::protocol_error, property_clause);
      out.subscription_identifiers.push_back(value);
      return;
    }
    default: break;
  }
  check_forwarded(list, seen, id);
  if (!list.failed()) forward(seen, out, begin, list.position());
}

void read_publish_properties(Reader& reader, Publish& out) {
  Reader list(reader.take(reader.variable()));
  Seen seen;
  while (list.left() > 0 && !reader.failed()) read_publish_property(list, seen, out);
  if (list.failed()) return reader.fail(list.refused()->code, list.refused()->clause);
  if (seen.gathered) out.forwarded_properties = out.gathered;
  else if (seen.run_begin != nullptr)
    out.forwarded_properties = ByteView(seen.run_begin, seen.run_end);
}

}  // namespace

std::optional<Refused> decode_publish(std::uint8_t first_byte, ByteView body, Version version,
                                      Publish& out) {
  const unsigned qos = first_byte >> 1 & 3;
  if (qos == 3) return Refused{ReasonCode::malformed_packet, "MQTT-3.3.1-4"};
  out.duplicate = (first_byte & 8) != 0;
  out.retain = (first_byte & 1) != 0;
  out.qos = Qos(qos);
  if (out.duplicate && qos == 0) return Refused{ReasonCode::malformed_packet, "MQTT-3.3.1-2"};
  Reader reader(body);
  out.topic = reader.text();
  if (qos > 0) {
    out.packet_identifier = reader.u16();
    if (out.packet_identifier == 0) reader.fail(ReasonCode::protocol_error, "MQTT-2.2.1-3");
  }
  if (version == Version::v5) read_publish_properties(reader, out);
  if (reader.failed()) return reader.refused();
  out.payload = reader.take_rest();
  if (out.topic.find_first_of("+#") != std::string_view::npos)
    return Refused{ReasonCode::topic_name_invalid, "MQTT-3.3.2-2"};
  if (out.topic.empty() && !out.topic_alias)
    return Refused{ReasonCode::protocol_error, "MQTT-4.7.3-1"};
  return std::nullopt;
}

PublishProperties read_forwarded(ByteView bytes) {
  PublishProperties properties;
  Reader list(bytes);
  while (list.left() > 0) {
    switch (PropertyId(list.u8())) {
      case PropertyId::payload_format_indicator: properties.payload_is_utf8 = list.u8() == 1; break;
      case PropertyId::content_type: properties.content_type = list.text(); break;
      case PropertyId::response_topic: properties.response_topic = list.text(); break;
      case PropertyId::correlation_data: {
        const ByteView data = list.binary();
        properties.correlation_data.assign(data.begin(), data.end());
        break;
      }
      case PropertyId::user_property: {
        const std::string_view key = list.text();
        const std::string_view value = list.text();
        properties.user_properties.emplace_back(key, value);
        break;
      }
      default: list.take_rest(); break;
    }
  }
  return properties;
}

}  // namespace wireway::wire::mqtt
