// Goal: exactly the documented commands are understood, and everything else is told off with the
// documented words.

#include "broker/state_store/command.h"

#include <gtest/gtest.h>

namespace wireway::broker::state_store {
namespace {

using namespace std::literals;

std::string request(std::initializer_list<std::string_view> words) {
  return array_of(std::vector<std::string_view>(words));
}

TEST(RespRequest, is_read_byte_for_byte) {
  const auto worked = parse_request(
      "*6\r\n$3\r\nSET\r\n$8\r\nLockName\r\n$2\r\nc1\r\n$3\r\nNEX\r\n$2\r\nPX\r\n$5\r\n10000\r\n");
  ASSERT_TRUE(worked);
  EXPECT_EQ(worked->count, 6U);
  EXPECT_EQ((*worked)[1], "LockName");
  EXPECT_EQ((*worked)[5], "10000");
  const auto bytes = parse_request("*2\r\n$4\r\n\r\n$1\r\n$0\r\n\r\n"sv);
  ASSERT_TRUE(bytes);
  EXPECT_EQ((*bytes)[0], "\r\n$1");
  EXPECT_EQ((*bytes)[1], "");
}

TEST(RespRequest, is_refused_if_anything_is_amiss) {
  const std::string_view whole = "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n";
  ASSERT_TRUE(parse_request(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse_request(whole.substr(0, size))) << size;
  for (const std::string_view text :
       {"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n "sv, "*1\r\n$3\r\nGET\r\n$3\r\nkey\r\n"sv,
        "*3\r\n$3\r\nGET\r\n$3\r\nkey\r\n"sv, "*0\r\n"sv, "*-1\r\n"sv,
        "*02\r\n$1\r\na\r\n$1\r\nb\r\n"sv, "$3\r\nGET\r\n"sv, "GET key\r\n"sv, "*1\n$3\nGET\n"sv,
        "*1\r\n$4\r\nGET\r\n"sv, "*1\r\n$2\r\nGET\r\n"sv, "*1\r\n$-1\r\n"sv,
        "*1\r\n$03\r\nGET\r\n"sv, "*1\r\n$+3\r\nGET\r\n"sv, "*1\r\n:1\r\n"sv,
        "*1\r\n$99999999999999999999999\r\nGET\r\n"sv, "*1\r\n$18446744073709551615\r\nGET\r\n"sv,
        "*17\r\n"sv})
    EXPECT_FALSE(parse_request(text)) << text;
}

TEST(RespReply, has_the_documented_bytes) {
  EXPECT_EQ(ok_reply(), "+OK\r\n");
  EXPECT_EQ(number_reply(-1), ":-1\r\n");
  EXPECT_EQ(number_reply(1), ":1\r\n");
  EXPECT_EQ(blob_reply("abc"), "$3\r\nabc\r\n");
  EXPECT_EQ(blob_reply(""), "$0\r\n\r\n");
  EXPECT_EQ(nothing_reply(), "$-1\r\n");
  EXPECT_EQ(error_reply(errors::syntax_error), "-ERR syntax error\r\n");
}

TEST(Command, is_understood) {
  const auto plain = parse_command(request({"SET", "k", "v"}));
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->verb, Verb::set);
  EXPECT_EQ(plain->key, "k");
  EXPECT_EQ(plain->value, "v");
  EXPECT_EQ(plain->condition, Condition::none);
  EXPECT_FALSE(plain->expiry_ms);
  for (const std::string& text : {request({"SET", "k", "v", "NEX", "PX", "10000"}),
                                  request({"SET", "k", "v", "PX", "10000", "NEX"})}) {
    const auto both = parse_command(text);
    ASSERT_TRUE(both);
    EXPECT_EQ(both->condition, Condition::if_absent_or_equal);
    EXPECT_EQ(both->expiry_ms, 10000U);
  }
  EXPECT_EQ(parse_command(request({"SET", "k", "v", "NX"}))->condition, Condition::if_absent);
  EXPECT_EQ(parse_command(request({"SET", "NX", "PX"}))->key, "NX");
  EXPECT_EQ(parse_command(request({"SET", "k", "v", "PX", "9223372036854775807"}))->expiry_ms,
            9223372036854775807U);
  EXPECT_EQ(parse_command(request({"GET", "k"}))->verb, Verb::get);
  EXPECT_EQ(parse_command(request({"DEL", "k"}))->verb, Verb::del);
  EXPECT_EQ(parse_command(request({"VDEL", "k", ""}))->verb, Verb::vdel);
  EXPECT_FALSE(parse_command(request({"KEYNOTIFY", "k"}))->stop);
  EXPECT_FALSE(parse_command(request({"KEYNOTIFY", "k", "GET"}))->stop);
  EXPECT_TRUE(parse_command(request({"KEYNOTIFY", "k", "STOP"}))->stop);
}

TEST(Command, is_told_off_with_the_documented_words) {
  struct Row {
    std::initializer_list<std::string_view> words;
    std::string_view error;
  };
  const Row rows[] = {
      {{"set", "k", "v"}, "unknown command"},
      {{"MGET", "k"}, "unknown command"},
      {{""}, "unknown command"},
      {{"GET"}, "wrong number of arguments"},
      {{"GET", "k", "x"}, "wrong number of arguments"},
      {{"SET", "k"}, "wrong number of arguments"},
      {{"DEL", "k", "v"}, "wrong number of arguments"},
      {{"VDEL", "k"}, "wrong number of arguments"},
      {{"KEYNOTIFY"}, "wrong number of arguments"},
      {{"KEYNOTIFY", "k", "STOP", "x"}, "wrong number of arguments"},
      {{"GET", ""}, "the key length is zero"},
      {{"SET", "", "v"}, "the key length is zero"},
      {{"KEYNOTIFY", "", "STOP"}, "the key length is zero"},
      {{"SET", "k", "v", "XX"}, "syntax error"},
      {{"SET", "k", "v", "nx"}, "syntax error"},
      {{"SET", "k", "v", "NX", "NEX"}, "syntax error"},
      {{"SET", "k", "v", "NEX", "v"}, "syntax error"},
      {{"SET", "k", "v", "NX", "NX"}, "syntax error"},
      {{"SET", "k", "v", "PX"}, "syntax error"},
      {{"SET", "k", "v", "PX", "NX"}, "syntax error"},
      {{"SET", "k", "v", "PX", "1", "PX", "1"}, "syntax error"},
      {{"SET", "k", "v", "PX", "0"}, "syntax error"},
      {{"SET", "k", "v", "PX", "-1"}, "syntax error"},
      {{"SET", "k", "v", "PX", "0.5"}, "syntax error"},
      {{"SET", "k", "v", "PX", "9223372036854775808"}, "syntax error"},
      {{"KEYNOTIFY", "k", "stop"}, "syntax error"},
  };
  for (const Row& row : rows) {
    const std::string text = request(row.words);
    const auto command = parse_command(text);
    ASSERT_FALSE(command) << text;
    EXPECT_EQ(command.error(), row.error) << text;
  }
  EXPECT_EQ(parse_command("nonsense").error(), "syntax error");
}

}  // namespace
}  // namespace wireway::broker::state_store
