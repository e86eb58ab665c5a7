#include "wire/websocket/server.h"

#include <gtest/gtest.h>

#include "wire/websocket/client.h"

namespace wireway::wire::websocket {
namespace {

constexpr std::string_view key = "AAAAAAAAAAAAAAAAAAAAAA==";
constexpr Mask mask = {1, 2, 3, 4};

TEST(WebSocketServer, carries_bytes_that_follow_the_handshake_at_once) {
  Bytes stream;
  const std::string request = handshake_request("host", "/mqtt", key);
  stream.assign(request.begin(), request.end());
  append_masked_frame(Opcode::binary, as_bytes("CONNECT"), mask, stream);
  append_masked_frame(Opcode::ping, as_bytes("p"), mask, stream);
  append_masked_frame(Opcode::binary, as_bytes(" more"), mask, stream);
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    Server server;
    Bytes data;
    Bytes reply;
    for (std::size_t i = 0; i < stream.size(); i += piece) {
      const std::size_t bytes = std::min(piece, stream.size() - i);
      ASSERT_NE(server.receive(ByteView(stream).subspan(i, bytes), data, reply),
                Server::State::closed);
    }
    EXPECT_EQ(as_text(data), "CONNECT more");
    EXPECT_TRUE(accepts(as_text(reply), key));
    Bytes pong;
    append_frame(Opcode::pong, as_bytes("p"), pong);
    EXPECT_TRUE(as_text(reply).ends_with(as_text(pong)));
  }
}

TEST(WebSocketServer, closes_with_the_answer_that_the_fault_asks_for) {
  Server server;
  Bytes data;
  Bytes reply;
  server.receive(as_bytes(handshake_request("host", "/", key)), data, reply);
  ASSERT_EQ(server.state(), Server::State::open);
  reply.clear();
  EXPECT_EQ(server.receive(Bytes{0x81, 0x80}, data, reply), Server::State::closed);
  Bytes close;
  append_close(CloseCode::unsupported_data, close);
  EXPECT_EQ(reply, close);
  EXPECT_EQ(server.receive(Bytes{0x82, 0x80}, data, reply), Server::State::closed);
  EXPECT_EQ(reply, close);
}

TEST(WebSocketServer, answers_a_close_with_its_code) {
  Server server;
  Bytes data;
  Bytes reply;
  server.receive(as_bytes(handshake_request("host", "/", key)), data, reply);
  reply.clear();
  Bytes close;
  append_masked_frame(Opcode::close, {}, mask, close);
  EXPECT_EQ(server.receive(close, data, reply), Server::State::closed);
  EXPECT_EQ(hex_encode(reply), "8800");
}

TEST(WebSocketServer, refuses_a_handshake_without_end) {
  Server server;
  Bytes data;
  Bytes reply;
  const Bytes noise(1000, 'x');
  for (int i = 0; i < 8; ++i) {
    ASSERT_EQ(server.receive(noise, data, reply), Server::State::handshake);
  }
  EXPECT_EQ(server.receive(noise, data, reply), Server::State::closed);
  EXPECT_TRUE(as_text(reply).starts_with("HTTP/1.1 431 "));
}

}  // namespace
}  // namespace wireway::wire::websocket
