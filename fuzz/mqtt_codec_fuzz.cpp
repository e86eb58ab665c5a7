// The MQTT codec: whatever bytes come are packets or refused with a clause, and a packet that was
// taken is written so that it reads back as the same bytes.

#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "wire/mqtt/codec.h"
#include "wire/mqtt/frame.h"

namespace {

namespace mqtt = wireway::wire::mqtt;
using wireway::Bytes;
using wireway::ByteView;

struct Write {
  mqtt::Version version;
  Bytes& out;

  void operator()(const mqtt::Connect& packet) const { mqtt::append(packet, out); }
  void operator()(const mqtt::Auth& packet) const { mqtt::append(packet, out); }
  void operator()(const mqtt::Publish& packet) const {
    mqtt::append_publish(packet, version, out);
    WIREWAY_ASSERT(out.size() == mqtt::publish_bytes(packet, version), "the size is foretold");
  }
  void operator()(const mqtt::Pingreq&) const { mqtt::append_pingreq(out); }
  void operator()(const mqtt::Pingresp&) const { mqtt::append_pingresp(out); }
  template <class Packet>
  void operator()(const Packet& packet) const {
    mqtt::append(packet, version, out);
  }
};

Bytes written(const mqtt::Packet& packet, mqtt::Version version) {
  Bytes out;
  std::visit(Write{version, out}, packet);
  return out;
}

void check(std::uint8_t first_byte, ByteView body, mqtt::Version version) {
  Bytes scratch;
  const auto packet = mqtt::decode(first_byte, body, version, scratch);
  if (!packet) {
    WIREWAY_ASSERT(!packet.error().clause.empty(), "a refusal names its clause");
    return;
  }
  const auto* connect = std::get_if<mqtt::Connect>(&*packet);
  const mqtt::Version spoken = connect != nullptr ? connect->version : version;
  const Bytes once = written(*packet, spoken);
  mqtt::FrameHeader header;
  const auto refused = mqtt::read_frame_header(once, once.size(), header);
  WIREWAY_ASSERT(!refused, "what we write is a packet");
  WIREWAY_ASSERT(header.header_bytes + header.body_bytes == once.size(), "and a whole one");
  Bytes again_scratch;
  const auto again = mqtt::decode(header.first_byte, ByteView(once).subspan(header.header_bytes),
                                  spoken, again_scratch);
  WIREWAY_ASSERT(again.has_value(), "what we write we can read");
  WIREWAY_ASSERT(written(*again, spoken) == once, "and it says the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const auto version = (data[0] & 1) != 0 ? mqtt::Version::v5 : mqtt::Version::v311;
  mqtt::FrameReader reader(1 << 16);
  const auto on_packet = [&](std::uint8_t first_byte, ByteView body) {
    check(first_byte, body, version);
    return true;
  };
  const ByteView bytes(data + 1, size - 1);
  const std::size_t half = bytes.size() / 2;
  if (reader.read(bytes.first(half), on_packet)) return 0;
  (void)reader.read(bytes.subspan(half), on_packet);
  return 0;
}
