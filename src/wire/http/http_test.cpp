#include <gtest/gtest.h>

#include "wire/http/request_parser.h"
#include "wire/http/response.h"

namespace wireway::wire::http {
namespace {

using Step = RequestParser::Step;

/// The parser after all of `text`, byte by byte if asked.
struct Fed {
  explicit Fed(std::string_view text, RequestParser::Limits limits = {}) : parser(limits) {
    parser.feed(as_bytes(text));
    step = parser.step();
  }
  RequestParser parser;
  Step step;
};

TEST(RequestParser, reads_a_request_with_query_headers_and_body) {
  Fed fed(
      "POST /api/v1/name%73paces/?limit=5&labelSelector=a%3Db+c&empty&=x HTTP/1.1\r\n"
      "Host: localhost:8088\r\nX-Thing:  two words \r\nContent-Length: 5\r\n\r\nhello");
  ASSERT_EQ(fed.step, Step::request) << fed.parser.refusal().message;
  const Request request = fed.parser.take();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/api/v1/namespaces/");
  EXPECT_EQ(request.target, "/api/v1/name%73paces/?limit=5&labelSelector=a%3Db+c&empty&=x");
  EXPECT_EQ(request.query,
            (Pairs{{"limit", "5"}, {"labelSelector", "a=b c"}, {"empty", ""}, {"", "x"}}));
  EXPECT_EQ(request.headers[1], (std::pair<std::string, std::string>("x-thing", "two words")));
  EXPECT_EQ(request.body, "hello");
  EXPECT_TRUE(request.keep_alive);
  EXPECT_FALSE(fed.parser.within_request());
}

TEST(RequestParser, gives_the_same_for_every_cut_of_the_input) {
  const std::string text =
      "PUT /a?b=c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: t\r\n\r\n\r\n\r\n"
      "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    RequestParser parser({});
    std::vector<Request> requests;
    const std::string_view both[] = {std::string_view(text).substr(0, cut),
                                     std::string_view(text).substr(cut)};
    for (const std::string_view piece : both) {
      parser.feed(as_bytes(piece));
      while (parser.step() == Step::request) requests.push_back(parser.take());
    }
    ASSERT_EQ(requests.size(), 2U) << "cut at " << cut << ": " << parser.refusal().message;
    EXPECT_EQ(requests[0].body, "hello world");
    EXPECT_EQ(requests[1].path, "/next");
  }
}

TEST(RequestParser, keeps_pipelined_requests_apart) {
  Fed fed(
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: "
      "2\r\n\r\n"
      "okGET /3 HTTP/1.0\r\n\r\n");
  ASSERT_EQ(fed.step, Step::request);
  EXPECT_EQ(fed.parser.take().path, "/1");
  ASSERT_EQ(fed.parser.step(), Step::request);
  EXPECT_EQ(fed.parser.take().body, "ok");
  ASSERT_EQ(fed.parser.step(), Step::request);
  const Request third = fed.parser.take();
  EXPECT_EQ(third.path, "/3");
  EXPECT_FALSE(third.keep_alive);
  EXPECT_EQ(third.version_minor, 0);
  EXPECT_EQ(fed.parser.step(), Step::need_more);
}

TEST(RequestParser, asks_to_continue_once_and_only_if_the_body_is_still_to_come) {
  const std::string head =
      "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
  Fed waiting(head);
  ASSERT_EQ(waiting.step, Step::continue_wanted);
  EXPECT_EQ(waiting.parser.step(), Step::need_more);
  EXPECT_TRUE(waiting.parser.within_request());
  waiting.parser.feed(as_bytes("abc"));
  ASSERT_EQ(waiting.parser.step(), Step::request);
  EXPECT_EQ(waiting.parser.take().body, "abc");
  EXPECT_EQ(Fed(head + "abc").step, Step::request);
}

struct BadCase {
  std::string name;
  std::string text;
  unsigned status;
};

class Malformed : public ::testing::TestWithParam<BadCase> {};

TEST_P(Malformed, is_refused_with_its_status) {
  Fed fed(GetParam().text, {.header_bytes_max = 1024, .body_bytes_max = 100});
  ASSERT_EQ(fed.step, Step::refused);
  EXPECT_EQ(fed.parser.refusal().status, GetParam().status) << fed.parser.refusal().message;
  EXPECT_FALSE(fed.parser.refusal().message.empty());
  fed.parser.feed(as_bytes("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_EQ(fed.parser.step(), Step::refused) << "nothing after it is trusted";
}

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n";

INSTANTIATE_TEST_SUITE_P(
    RequestParser, Malformed,
    ::testing::Values(
        BadCase{"tls_hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400},
        BadCase{"mqtt_connect", std::string("\x10\x10\x00\x04MQTT\x05\x02\x00\x3c", 12), 400},
        BadCase{"no_version", "GET /\r\n\r\n", 400},
        BadCase{"http_2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        BadCase{"space_before_colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400},
        BadCase{"control_in_header", "GET / HTTP/1.1\r\nHost: h\x01\r\n\r\n", 400},
        BadCase{"no_host", "GET / HTTP/1.1\r\n\r\n", 400},
        BadCase{"two_hosts", get + "Host: i\r\n\r\n", 400},
        BadCase{"large_header", get + "X: " + std::string(2000, 'x') + "\r\n\r\n", 431},
        BadCase{"endless_header", get + "X: " + std::string(2000, 'x'), 431},
        BadCase{"large_body", get + "Content-Length: 101\r\n\r\n", 413},
        BadCase{"large_chunk", get + "Transfer-Encoding: chunked\r\n\r\nFFFFFF\r\n", 413},
        BadCase{"bad_chunk", get + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
        BadCase{"negative_length", get + "Content-Length: -1\r\n\r\n", 400},
        BadCase{"two_lengths", get + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
        BadCase{"length_and_chunked",
                get + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        BadCase{"chunked_and_length",
                get + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", 400},
        BadCase{"unknown_coding", get + "Transfer-Encoding: gzip\r\n\r\n", 501},
        BadCase{"unknown_expectation", get + "Expect: miracles\r\n\r\n", 417},
        BadCase{"bad_escape", "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        BadCase{"cut_escape", "GET /?a=%2 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        BadCase{"escaped_zero", "GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        BadCase{"climbing_path", "GET /a/%2e%2e/b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        BadCase{"relative_target", "GET a/b HTTP/1.1\r\nHost: h\r\n\r\n", 400}),
    [](const auto& each) { return each.param.name; });

TEST(ParseTarget, accepts_the_absolute_and_the_asterisk_form) {
  EXPECT_EQ(parse_target("http://h:1/a?b")->path, "/a");
  EXPECT_EQ(parse_target("http://h:1")->path, "/");
  EXPECT_EQ(parse_target("http://h:1?x=1")->path, "/");
  EXPECT_EQ(parse_target("*")->path, "*");
  EXPECT_EQ(parse_target("/a+b?c=d+e")->path, "/a+b");
  EXPECT_EQ(parse_target("/a..b/...")->path, "/a..b/...");
}

TEST(Response, writes_head_and_length) {
  const WallTime now{std::chrono::seconds{784'111'777}};
  EXPECT_EQ(serialize_head({404, {{"Content-Type", "text/plain"}, {"content-length", "7"}}},
                           {.body_bytes = 3, .now = now}),
            "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Type: text/plain\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n");
}

TEST(Response, has_no_framing_where_there_is_no_body) {
  const std::string head = serialize_head({204, {}}, {.keep_alive = false});
  EXPECT_EQ(head.find("Content-Length"), std::string::npos);
  EXPECT_NE(head.find("Connection: close"), std::string::npos);
}

TEST(Response, lets_no_value_make_a_second_header) {
  const std::string head = serialize_head({200, {{"X", "a\r\nSet-Cookie: b"}}}, {});
  EXPECT_NE(head.find("X: a  Set-Cookie: b\r\n"), std::string::npos);
}

TEST(Response, writes_chunks) {
  std::string out;
  append_chunk(out, "hello");
  append_chunk(out, "");
  append_chunk(out, std::string(26, 'x'));
  EXPECT_EQ(out, "5\r\nhello\r\n1a\r\n" + std::string(26, 'x') + "\r\n");
}

}  // namespace
}  // namespace wireway::wire::http
