#include "wire/websocket/handshake.h"

#include <gtest/gtest.h>

#include "wire/websocket/client.h"

namespace wireway::wire::websocket {
namespace {

constexpr std::string_view sample_key = "dGhlIHNhbXBsZSBub25jZQ==";

/// The good request with one part replaced.
std::string request_with(std::string_view from, std::string_view to) {
  std::string request = handshake_request("localhost:8083", "/any/path?x=1", sample_key);
  const auto at = request.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return request.replace(at, from.size(), to);
}

TEST(WebSocketHandshake, computes_the_sample_of_section_1_3) {
  EXPECT_EQ(accept_key(sample_key), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketHandshake, accepts_any_path_with_subprotocol_mqtt) {
  const Answer answer =
      answer_handshake(handshake_request("localhost", "/any/path?x=1", sample_key));
  EXPECT_TRUE(answer.accepted);
  EXPECT_TRUE(accepts(answer.response, sample_key));
  EXPECT_FALSE(accepts(answer.response, "AAAAAAAAAAAAAAAAAAAAAA=="));
}

TEST(WebSocketHandshake, reads_lists_and_case_as_http_does) {
  EXPECT_TRUE(
      answer_handshake(request_with("Connection: Upgrade", "connection:keep-alive,  upgrade"))
          .accepted);
  EXPECT_TRUE(
      answer_handshake(request_with("Protocol: mqtt", "Protocol: mqttv3.1, mqtt")).accepted);
  EXPECT_TRUE(answer_handshake(
                  request_with("Protocol: mqtt", "Protocol: x\r\nSec-WebSocket-Protocol: mqtt"))
                  .accepted);
}

TEST(WebSocketHandshake, refuses_with_a_status_and_a_sentence) {
  struct Case {
    std::string request;
    std::string_view status;
  };
  const Case cases[] = {
      {request_with("GET ", "POST "), "405"},
      {request_with("HTTP/1.1", "HTTP/1.0"), "405"},
      {request_with("Upgrade: websocket", "Upgrade: h2c"), "426"},
      {request_with("Connection: Upgrade", "Connection: close"), "426"},
      {request_with("Version: 13", "Version: 8"), "426"},
      {request_with("dGhlIHNhbXBsZSBub25jZQ==", "short"), "400"},
      {request_with("Sec-WebSocket-Protocol: mqtt\r\n", ""), "400"},
      {request_with("Protocol: mqtt", "Protocol: chat"), "400"},
      {"\x16\x03\x01\x02\r\n\r\n", "400"},
      {request_with("Host: ", "no colon\r\n"), "400"},
  };
  for (const Case& c : cases) {
    const Answer answer = answer_handshake(c.request);
    EXPECT_FALSE(answer.accepted) << c.request;
    EXPECT_EQ(answer.response.substr(0, 12), "HTTP/1.1 " + std::string(c.status)) << c.request;
  }
}

}  // namespace
}  // namespace wireway::wire::websocket
