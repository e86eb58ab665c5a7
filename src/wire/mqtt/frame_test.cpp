#include "wire/mqtt/frame.h"

#include <gtest/gtest.h>

#include "wire/mqtt/codec.h"

namespace wireway::wire::mqtt {
namespace {

/// Feeds `stream` in pieces of `piece` bytes and returns the bodies of the packets.
std::vector<Bytes> cut(const Bytes& stream, std::size_t piece, FrameReader& reader) {
  std::vector<Bytes> bodies;
  for (std::size_t i = 0; i < stream.size(); i += piece) {
    const ByteView part = ByteView(stream).subspan(i, std::min(piece, stream.size() - i));
    const auto refused = reader.read(part, [&](std::uint8_t, ByteView body) {
      bodies.emplace_back(body.begin(), body.end());
      return true;
    });
    EXPECT_FALSE(refused.has_value());
  }
  return bodies;
}

TEST(Frame, gives_the_same_packets_however_the_stream_is_cut) {
  Bytes stream;
  std::vector<Bytes> expected;
  for (const std::size_t size : {0, 1, 100, 127, 128, 200, 16383, 16384, 70000}) {
    Publish publish;
    const Bytes payload(size, 'x');
    publish.topic = "a/b";
    publish.payload = payload;
    const std::size_t begin = stream.size();
    encode(publish, Version::v311, stream);
    const std::size_t body = 5 + size;
    expected.emplace_back(stream.end() - std::ptrdiff_t(body), stream.end());
    EXPECT_EQ(stream.size() - begin, encoded_bytes(publish, Version::v311));
  }
  for (const std::size_t piece : {1, 2, 3, 7, 1000, 100'000'000}) {
    FrameReader reader;
    EXPECT_EQ(cut(stream, piece, reader), expected) << "pieces of " << piece;
    EXPECT_TRUE(reader.take_rest().empty());
  }
}

TEST(Frame, keeps_what_follows_when_the_receiver_stops) {
  FrameReader reader;
  const Bytes two = {0xC0, 0x00, 0xC0, 0x00, 0x30};
  int seen = 0;
  EXPECT_FALSE(reader.read(two, [&](std::uint8_t, ByteView) { return ++seen < 1; }));
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(reader.take_rest(), (Bytes{0xC0, 0x00, 0x30}));
}

TEST(Frame, refuses_a_packet_over_the_limit_before_its_body_arrives) {
  FrameReader reader(100);
  const auto on_packet = [](std::uint8_t, ByteView) { return true; };
  EXPECT_FALSE(reader.read(Bytes{0x30, 98}, on_packet));
  FrameReader strict(99);
  const auto refused = strict.read(Bytes{0x30, 98}, on_packet);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, ReasonCode::packet_too_large);
}

TEST(Frame, refuses_a_remaining_length_of_five_bytes_or_too_long) {
  for (const Bytes& bytes : {Bytes{0x30, 0x80, 0x80, 0x80, 0x80, 0x01}, Bytes{0x30, 0x80, 0x00}}) {
    FrameReader reader;
    const auto refused = reader.read(bytes, [](std::uint8_t, ByteView) { return true; });
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->clause, "MQTT-1.5.5-1");
  }
}

}  // namespace
}  // namespace wireway::wire::mqtt
