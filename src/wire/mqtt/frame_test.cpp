#include "wire/mqtt/frame.h"

#include <gtest/gtest.h>

namespace wireway::wire::mqtt {
namespace {

Bytes packet_of(std::uint8_t first, std::size_t body) {
  Bytes out{first};
  for (std::size_t left = body;;) {
    const auto low = std::uint8_t(left & 0x7F);
    left >>= 7;
    out.push_back(left > 0 ? std::uint8_t(low | 0x80) : low);
    if (left == 0) break;
  }
  for (std::size_t i = 0; i < body; ++i) out.push_back(std::uint8_t(i));
  return out;
}

TEST(FrameReader, gives_the_same_packets_however_the_stream_is_cut) {
  Bytes stream;
  const std::vector<std::size_t> sizes{0, 1, 127, 128, 300, 16'384};
  for (const std::size_t size : sizes) {
    const Bytes packet = packet_of(0x30, size);
    stream.insert(stream.end(), packet.begin(), packet.end());
  }
  for (const std::size_t piece : {1UL, 2UL, 3UL, 7UL, 1000UL, stream.size()}) {
    FrameReader reader;
    std::vector<std::size_t> seen;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      const ByteView part = ByteView(stream).subspan(at, std::min(piece, stream.size() - at));
      ASSERT_FALSE(reader.read(part, [&](std::uint8_t first, ByteView body) {
        EXPECT_EQ(first, 0x30);
        for (std::size_t i = 0; i < body.size(); ++i) EXPECT_EQ(body[i], std::uint8_t(i));
        seen.push_back(body.size());
        return true;
      }));
    }
    EXPECT_EQ(seen, sizes) << "pieces of " << piece;
  }
}

TEST(FrameReader, refuses_a_too_large_packet_before_it_has_arrived) {
  FrameReader reader(100);
  const auto refused = reader.read(Bytes{0x30, 0x63}, [](std::uint8_t, ByteView) { return true; });
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, ReasonCode::packet_too_large);
  FrameReader fits(100);
  EXPECT_FALSE(fits.read(Bytes{0x30, 0x62}, [](std::uint8_t, ByteView) { return true; }));
}

TEST(FrameReader, refuses_lengths_of_five_bytes_and_overlong_lengths) {
  for (const Bytes& bytes : {Bytes{0x30, 0x80, 0x80, 0x80, 0x80, 0x01}, Bytes{0x30, 0x80, 0x00}}) {
    FrameReader reader;
    const auto refused = reader.read(bytes, [](std::uint8_t, ByteView) { return true; });
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->clause, "MQTT-1.5.5-1");
  }
}

TEST(FrameReader, keeps_what_follows_a_stop) {
  FrameReader reader;
  Bytes stream = packet_of(0x10, 3);
  const Bytes second = packet_of(0x30, 2);
  stream.insert(stream.end(), second.begin(), second.end());
  EXPECT_FALSE(reader.read(stream, [](std::uint8_t, ByteView) { return false; }));
  EXPECT_EQ(reader.take_rest(), second);
  EXPECT_TRUE(reader.take_rest().empty());
}

}  // namespace
}  // namespace wireway::wire::mqtt
