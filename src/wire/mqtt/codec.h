#pragma once
/// Decoding and encoding of whole MQTT packets, both directions (a server and a client use the
/// same). Without I/O: frame.h cuts the stream, this turns one packet into a value and back.
///
/// Source: MQTT 5 section 3, MQTT 3.1.1 section 3
/// Errors: Refused with the normative statement; decode() checks everything that one packet alone
///         can show. What depends on the session (identifiers, limits, aliases in use) is the
///         session's.
/// Cost:   decode_publish() and append_publish() allocate only for subscription identifiers and for
///         properties that do not lie side by side.
/// Thread: any; no state.

#include <expected>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "wire/mqtt/packet.h"

namespace wireway::wire::mqtt {

template <class T>
using Decoded = std::expected<T, Refused>;

/// Any packet. `version` is that of the connection; CONNECT brings its own.
/// `scratch` holds bytes that the returned Publish may point into.
Decoded<Packet> decode(std::uint8_t first_byte, ByteView body, Version version, Bytes& scratch);

/// The hot path; `first_byte` has type publish.
Decoded<Publish> decode_publish(std::uint8_t first_byte, ByteView body, Version version,
                                Bytes& scratch);

/// The same for the most frequent case, which is checked in a few comparisons: a well-formed
/// PUBLISH without properties to the topic `known`, which was decoded before. False = it is another
/// one, or not well-formed: decode_publish() tells.
bool decode_plain_publish(std::uint8_t first_byte, ByteView body, Version version,
                          std::string_view known, Publish& out);

/// The packet identifier of a PUBACK, PUBREC, PUBREL or PUBCOMP that says nothing else (success);
/// 0 = it is another packet, or not well-formed.
std::uint16_t decode_plain_reply(std::uint8_t first_byte, ByteView body);

/// Of a decoded Publish; they have been validated.
PublishProperties parse_forwarded(ByteView forwarded_properties);
Bytes encode_forwarded(const PublishProperties& properties);
/// The same of a will: what is there stays there, empty or not.
Bytes forwarded_of(const Properties& will);
/// The value of the first user property of that name, in place.
std::optional<std::string_view> user_property(ByteView forwarded_properties, std::string_view name);

void append(const Connect& packet, Bytes& out);
void append(const Connack& packet, Version version, Bytes& out);
void append(const PublishReply& packet, Version version, Bytes& out);
void append(const Subscribe& packet, Version version, Bytes& out);
void append(const SubscribeReply& packet, Version version, Bytes& out);
void append(const Unsubscribe& packet, Version version, Bytes& out);
void append(const Disconnect& packet, Version version, Bytes& out);
void append(const Auth& packet, Bytes& out);
void append_pingreq(Bytes& out);
/// What a CONNECT that decode() refused is answered with before the end: the reason in version 5,
/// nothing in 3.1.1, and the one CONNACK that every version understands in versions that we do not
/// speak.
void append_refusal(ByteView connect_body, const Refused& refused, Bytes& out);
void append_pingresp(Bytes& out);

/// Size of the packet that append_publish() makes.
std::size_t publish_bytes(const Publish& packet, Version version);
void append_publish(const Publish& packet, Version version, Bytes& out);
/// All but the payload, for large payloads that are written from where they lie.
void append_publish_head(const Publish& packet, Version version, Bytes& out);
/// Where append_publish() puts the packet identifier, from the packet's first byte (QoS 1, 2).
std::size_t packet_identifier_offset(const Publish& packet, Version version);

constexpr PacketType type_of(std::uint8_t first_byte) {
  return static_cast<PacketType>(first_byte >> 4);
}

}  // namespace wireway::wire::mqtt
