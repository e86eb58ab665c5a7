#pragma once
/// MQTT 3.1.1 and 5 packets from bytes and to bytes, for both ends. Bytes are cut into packets by
/// frame.h first; what decode() accepts is valid in itself, and what depends on the session (an alias
/// that was never set, a packet identifier that is not in flight) is the session's to judge.
///
/// Source: MQTT 5 sections 2 and 3, MQTT 3.1.1 sections 2 and 3
/// Errors: Refused with reason and clause; nothing else is known then about the packet
/// Cost:   decode_publish() and encode(Publish) do not allocate, but for a publisher that mixes the
///         order of its properties

#include <expected>

#include "wire/mqtt/packet.h"

namespace wireway::wire::mqtt {

/// One packet of a connection that speaks `version`; a CONNECT says its own.
std::expected<Packet, Refused> decode(std::uint8_t first_byte, ByteView body, Version version);

/// The same for a PUBLISH alone, into `out`, whose views point into `body`.
std::optional<Refused> decode_publish(std::uint8_t first_byte, ByteView body, Version version,
                                      Publish& out);

inline PacketType type_of(std::uint8_t first_byte) { return PacketType(first_byte >> 4); }

/// Each appends one whole packet. What a 3.1.1 peer cannot be told (reasons, properties) is left out;
/// AUTH does not exist there and appends nothing.
void encode(const Connect& packet, Bytes& out);
void encode(const Connack& packet, Version version, Bytes& out);
void encode(const Publish& packet, Version version, Bytes& out);
void encode(const PublishReply& packet, Version version, Bytes& out);
void encode(const Subscribe& packet, Version version, Bytes& out);
void encode(const SubscribeReply& packet, Version version, Bytes& out);
void encode(const Unsubscribe& packet, Version version, Bytes& out);
void encode(const Disconnect& packet, Version version, Bytes& out);
void encode(const Auth& packet, Version version, Bytes& out);
void encode(Pingreq, Bytes& out);
void encode(Pingresp, Bytes& out);

/// The size of the whole packet that encode() would append.
std::size_t encoded_bytes(const Publish& packet, Version version);
/// PUBACK, PUBREC, PUBREL or PUBCOMP without properties: the packets of the hot path.
void encode_reply(PacketType type, std::uint16_t packet_identifier, ReasonCode reason,
                  Version version, Bytes& out);

/// Publish::forwarded_properties taken apart and put together. `bytes` must come from decode().
PublishProperties read_forwarded(ByteView bytes);
void append_forwarded(const PublishProperties& properties, Bytes& out);
/// Of a Will: those of its properties that go out with its message.
void append_forwarded(const Properties& will_properties, Bytes& out);

}  // namespace wireway::wire::mqtt
