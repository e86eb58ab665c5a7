#include "wire/websocket/frame.h"

#include <gtest/gtest.h>

namespace wireway::wire::websocket {
namespace {

constexpr Mask mask = {0x12, 0x34, 0x56, 0x78};

Bytes masked(Opcode opcode, ByteView payload) {
  Bytes out;
  append_masked_frame(opcode, payload, mask, out);
  return out;
}

/// A small masked frame whose first two bytes are given as they are.
Bytes raw(std::initializer_list<std::uint8_t> bytes) { return Bytes(bytes); }

TEST(WebSocketFrame, gives_the_payload_however_frames_are_cut) {
  Bytes stream;
  Bytes expected;
  for (const std::size_t size : {0, 1, 125, 126, 127, 65535, 65536, 100000}) {
    Bytes payload(size);
    for (std::size_t i = 0; i < size; ++i) payload[i] = std::uint8_t(i * 7);
    append_masked_frame(Opcode::binary, payload, mask, stream);
    expected.insert(expected.end(), payload.begin(), payload.end());
  }
  for (const std::size_t piece : {1, 3, 1000, 1'000'000}) {
    FrameReader reader(Role::server);
    Bytes data;
    FrameReader::Control control;
    for (std::size_t i = 0; i < stream.size(); i += piece) {
      const std::size_t bytes = std::min(piece, stream.size() - i);
      ASSERT_FALSE(reader.read(ByteView(stream).subspan(i, bytes), data, control));
    }
    EXPECT_EQ(data, expected) << "pieces of " << piece;
  }
}

TEST(WebSocketFrame, joins_fragments_and_answers_pings_between_them) {
  Bytes stream = masked(Opcode::binary, as_bytes("one "));
  stream[0] &= 0x7F;
  const Bytes ping = masked(Opcode::ping, as_bytes("are you there"));
  const Bytes pong = masked(Opcode::pong, as_bytes("unasked"));
  const Bytes last = masked(Opcode::continuation, as_bytes("two"));
  for (const Bytes& part : {ping, pong, last})
    stream.insert(stream.end(), part.begin(), part.end());
  FrameReader reader(Role::server);
  Bytes data;
  FrameReader::Control control;
  ASSERT_FALSE(reader.read(stream, data, control));
  EXPECT_EQ(as_text(data), "one two");
  Bytes expected;
  append_frame(Opcode::pong, as_bytes("are you there"), expected);
  EXPECT_EQ(control.pongs, expected);
  EXPECT_FALSE(control.close);
}

TEST(WebSocketFrame, refuses_what_section_5_forbids) {
  struct Case {
    const char* name;
    Bytes bytes;
    CloseCode code;
  };
  const Case cases[] = {
      {"reserved bit", raw({0xC2, 0x80}), CloseCode::protocol_error},
      {"unknown data opcode", raw({0x83, 0x80}), CloseCode::protocol_error},
      {"unknown control opcode", raw({0x8B, 0x80}), CloseCode::protocol_error},
      {"frame without mask", raw({0x82, 0x01}), CloseCode::protocol_error},
      {"text frame [MQTT-6.0.0-1]", raw({0x81, 0x80}), CloseCode::unsupported_data},
      {"continuation of nothing", raw({0x80, 0x80}), CloseCode::protocol_error},
      {"fragmented ping", raw({0x09, 0x80}), CloseCode::protocol_error},
      {"long ping", raw({0x89, 0xFE}), CloseCode::protocol_error},
      {"length of 16 bits for 5", raw({0x82, 0xFE, 0, 5, 0, 0, 0, 0}), CloseCode::protocol_error},
      {"length of 64 bits for 5", raw({0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0}),
       CloseCode::protocol_error},
      {"negative length", raw({0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
       CloseCode::protocol_error},
      {"close of one byte", masked(Opcode::close, as_bytes("x")), CloseCode::protocol_error},
      {"close code 1005", masked(Opcode::close, Bytes{0x03, 0xED}), CloseCode::protocol_error},
      {"close code 999", masked(Opcode::close, Bytes{0x03, 0xE7}), CloseCode::protocol_error},
      {"close reason of bad UTF-8", masked(Opcode::close, Bytes{0x03, 0xE8, 0xFF}),
       CloseCode::invalid_payload},
  };
  for (const Case& c : cases) {
    FrameReader reader(Role::server);
    Bytes data;
    FrameReader::Control control;
    EXPECT_EQ(reader.read(c.bytes, data, control), c.code) << c.name;
  }
}

TEST(WebSocketFrame, refuses_a_second_message_within_the_first) {
  FrameReader reader(Role::server);
  Bytes data;
  FrameReader::Control control;
  ASSERT_FALSE(reader.read(raw({0x02, 0x80, 0, 0, 0, 0}), data, control));
  EXPECT_EQ(reader.read(raw({0x82, 0x80, 0, 0, 0, 0}), data, control), CloseCode::protocol_error);
}

TEST(WebSocketFrame, stops_at_a_close_and_tells_its_code) {
  Bytes stream = masked(Opcode::close, Bytes{0x03, 0xE9, 'b', 'y', 'e'});
  const Bytes after = masked(Opcode::binary, as_bytes("late"));
  stream.insert(stream.end(), after.begin(), after.end());
  FrameReader reader(Role::server);
  Bytes data;
  FrameReader::Control control;
  ASSERT_FALSE(reader.read(stream, data, control));
  EXPECT_EQ(control.close, CloseCode::going_away);
  EXPECT_TRUE(data.empty());
}

TEST(WebSocketFrame, client_reads_what_a_server_writes_and_refuses_masks) {
  Bytes stream;
  append_frame(Opcode::binary, as_bytes("hello"), stream);
  FrameReader reader(Role::client);
  Bytes data;
  FrameReader::Control control;
  ASSERT_FALSE(reader.read(stream, data, control));
  EXPECT_EQ(as_text(data), "hello");
  EXPECT_EQ(reader.read(masked(Opcode::binary, {}), data, control), CloseCode::protocol_error);
}

}  // namespace
}  // namespace wireway::wire::websocket
