#include "wire/proxy/header.h"

#include <random>

#include <gtest/gtest.h>

#include "base/crc32c.h"

namespace wireway::wire::proxy {
namespace {

using State = HeaderReader::State;

/// What a reader says of `bytes`, in pieces of `piece_bytes`.
struct Outcome {
  explicit Outcome(ByteView bytes, std::size_t piece_bytes = 1'000'000) {
    HeaderReader reader;
    while (!bytes.empty() && reader.state() == State::need_more) {
      ByteView piece = bytes.first(std::min(piece_bytes, bytes.size()));
      const std::size_t given = piece.size();
      state = reader.read(piece);
      bytes = bytes.subspan(given - piece.size());
    }
    header = reader.header();
    fault = reader.fault();
    left = to_text(bytes);
  }
  explicit Outcome(std::string_view text) : Outcome(as_bytes(text)) {}
  bool operator==(const Outcome&) const = default;

  State state = State::need_more;
  Header header;
  std::string fault;
  std::string left;
};

std::string shown(const Outcome& outcome) {
  if (outcome.state == State::need_more) return "need more";
  if (outcome.state == State::refused) return outcome.fault;
  const auto& relayed = outcome.header.relayed;
  const std::string who =
      relayed ? relayed->source.to_string() + " -> " + relayed->destination.to_string() : "its own";
  return "v" + std::to_string(outcome.header.version) + " " + who;
}
std::string shown(std::string_view text) { return shown(Outcome(text)); }

const Bytes signature{0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};

/// A header of version 2 as its bytes stand on the wire.
Bytes binary(std::uint8_t version_command, std::uint8_t family_protocol, const Bytes& rest) {
  Bytes out = signature;
  out.push_back(version_command);
  out.push_back(family_protocol);
  out.push_back(static_cast<std::uint8_t>(rest.size() >> 8U));
  out.push_back(static_cast<std::uint8_t>(rest.size()));
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// 192.0.2.7:53312 -> 198.51.100.1:8883
const Bytes tcp4{192, 0, 2, 7, 198, 51, 100, 1, 0xD0, 0x40, 0x22, 0xB3};
/// [2001:db8::7]:53312 -> [2001:db8::1]:8883
const Bytes tcp6 = Bytes{0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7} +
                   Bytes{0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1} +
                   Bytes{0xD0, 0x40, 0x22, 0xB3};

TEST(ProxyHeader, reads_a_line_and_leaves_what_follows) {
  const Outcome outcome("PROXY TCP4 192.0.2.7 198.51.100.1 53312 8883\r\n\x10\x0C");
  EXPECT_EQ(shown(outcome), "v1 192.0.2.7:53312 -> 198.51.100.1:8883");
  EXPECT_EQ(outcome.left, "\x10\x0C");
  EXPECT_EQ(shown("PROXY TCP6 2001:DB8:0:0:0:0:0:7 ::1 0 65535\r\n"),
            "v1 [2001:db8::7]:0 -> [::1]:65535");
  EXPECT_EQ(shown("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
            "v1 255.255.255.255:65535 -> 255.255.255.255:65535");
}

TEST(ProxyHeader, takes_the_connections_own_addresses_for_an_unknown_line) {
  EXPECT_EQ(shown("PROXY UNKNOWN\r\n"), "v1 its own");
  const std::string longest =
      "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
  ASSERT_EQ(longest.size(), line_bytes_max);
  EXPECT_EQ(shown(longest), "v1 its own");
  EXPECT_EQ(shown("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n"), "v1 its own");
  EXPECT_EQ(shown("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n"),
            "the line of its PROXY header does not end within 107 bytes")
      << "one byte too long: its LF is the 108th";
}

TEST(ProxyHeader, refuses_a_line_that_is_not_to_the_letter) {
  const std::string wrong_words = "its PROXY header does not have two addresses and two ports";
  const std::string wrong_4 = "its PROXY header has an address or a port that is none of TCP4";
  const std::string wrong_6 = "its PROXY header has an address or a port that is none of TCP6";
  const std::string wrong_end = "the line of its PROXY header does not end with CR LF";
  EXPECT_EQ(shown("PROXY TCP4 192.0.2.7 198.51.100.1 53312\r\n"), wrong_words);
  EXPECT_EQ(shown("PROXY TCP4 192.0.2.7 198.51.100.1 53312 8883 \r\n"), wrong_words);
  EXPECT_EQ(shown("PROXY TCP4  192.0.2.7 198.51.100.1 53312 8883\r\n"), wrong_words);
  EXPECT_EQ(shown("PROXY TCP4\t192.0.2.7\t198.51.100.1\t53312\t8883\r\n"),
            "its PROXY header names neither TCP4 nor TCP6 nor UNKNOWN");
  EXPECT_EQ(shown("PROXY tcp4 192.0.2.7 198.51.100.1 53312 8883\r\n"),
            "its PROXY header names neither TCP4 nor TCP6 nor UNKNOWN");
  EXPECT_EQ(shown("PROXY \r\n"), "its PROXY header names neither TCP4 nor TCP6 nor UNKNOWN");
  for (const char* line : {"192.0.2.256 198.51.100.1 1 2", "192.0.2.7 198.51.100.1 65536 2",
                           "192.0.2.7 198.51.100.1 -1 2", "192.0.2.7 198.51.100.1 01 2",
                           "192.0.2.7 198.51.100.1 1 ", "::1 ::1 1 2", "192.0.2.7 host 1 2"})
    EXPECT_EQ(shown("PROXY TCP4 " + std::string(line) + "\r\n"), wrong_4) << line;
  EXPECT_EQ(shown("PROXY TCP6 192.0.2.7 ::1 1 2\r\n"), wrong_6);
  EXPECT_EQ(shown("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n"), wrong_end);
  EXPECT_EQ(shown("PROXY TCP4 192.0.2.7 \r 198.51.100.1 1 2\r\n"), wrong_end);
  EXPECT_EQ(shown("PROXY " + std::string(101, 'x')),
            "the line of its PROXY header does not end within 107 bytes");
  EXPECT_EQ(shown("PROXY " + std::string(100, 'x')), "need more");
}

TEST(ProxyHeader, refuses_a_connection_without_header_at_its_first_wrong_byte) {
  const std::string none = "it does not begin with a PROXY header";
  EXPECT_EQ(shown(std::string_view("\x10\x0C\x00\x04MQTT", 8)), none);
  EXPECT_EQ(shown("\x16"), none) << "TLS";
  EXPECT_EQ(shown("PROXX"), none);
  EXPECT_EQ(shown("PROX"), "need more");
  EXPECT_EQ(shown("\r\n\r\n\r"), none);
  EXPECT_EQ(shown(""), "need more");
}

TEST(ProxyHeader, reads_the_binary_form) {
  const Outcome outcome(binary(0x21, 0x11, tcp4) + Bytes{0x10, 0x0C});
  EXPECT_EQ(shown(outcome), "v2 192.0.2.7:53312 -> 198.51.100.1:8883");
  EXPECT_EQ(outcome.left, "\x10\x0C");
  EXPECT_EQ(shown(Outcome(binary(0x21, 0x21, tcp6))),
            "v2 [2001:db8::7]:53312 -> [2001:db8::1]:8883");
  // authority "a.b", no-op of 2 bytes, and an empty field of a type that nobody knows
  const Bytes fields{0x02, 0, 3, 'a', '.', 'b', 0x04, 0, 2, 0, 0, 0xEE, 0, 0};
  EXPECT_EQ(shown(Outcome(binary(0x21, 0x11, tcp4 + fields))),
            "v2 192.0.2.7:53312 -> 198.51.100.1:8883");
}

TEST(ProxyHeader, takes_the_connections_own_addresses_where_the_binary_form_gives_none) {
  EXPECT_EQ(shown(Outcome(binary(0x20, 0x00, {}))), "v2 its own") << "LOCAL";
  EXPECT_EQ(shown(Outcome(binary(0x20, 0x11, tcp4))), "v2 its own") << "LOCAL ignores the rest";
  EXPECT_EQ(shown(Outcome(binary(0x20, 0xFF, Bytes(7)))), "v2 its own");
  EXPECT_EQ(shown(Outcome(binary(0x21, 0x00, Bytes(5)))), "v2 its own") << "UNSPEC";
  EXPECT_EQ(shown(Outcome(binary(0x21, 0x12, tcp4))), "v2 its own") << "datagrams";
  EXPECT_EQ(shown(Outcome(binary(0x21, 0x31, Bytes(216)))), "v2 its own") << "a Unix socket";
}

TEST(ProxyHeader, refuses_a_binary_form_that_it_does_not_know) {
  EXPECT_EQ(shown(Outcome(binary(0x11, 0x11, tcp4))),
            "its PROXY header is of version 1, known are 1 and 2");
  EXPECT_EQ(shown(Outcome(binary(0x22, 0x11, tcp4))), "its PROXY header has the unknown command 2");
  EXPECT_EQ(shown(Outcome(binary(0x21, 0x41, tcp4))),
            "its PROXY header has the unknown family and protocol 0x41");
  EXPECT_EQ(shown(Outcome(binary(0x21, 0x13, tcp4))),
            "its PROXY header has the unknown family and protocol 0x13");
  const std::string too_short = "its PROXY header is too short for the addresses of its family";
  EXPECT_EQ(shown(Outcome(binary(0x21, 0x21, tcp4))), too_short);
  EXPECT_EQ(shown(Outcome(binary(0x21, 0x11, Bytes(11)))), too_short);
  EXPECT_EQ(shown(Outcome(binary(0x21, 0x31, Bytes(215)))), too_short);
  EXPECT_EQ(shown(Outcome(binary(0x21, 0x11, tcp4 + Bytes{0x04, 0}))),
            "its PROXY header ends within a field");
  EXPECT_EQ(shown(Outcome(binary(0x21, 0x11, tcp4 + Bytes{0x04, 0, 2, 0}))),
            "its PROXY header ends within a field");
}

TEST(ProxyHeader, holds_no_more_than_its_limit) {
  const std::size_t fields = header_bytes_max - 16 - tcp4.size();
  Bytes padding(fields);
  padding[0] = 0x04;
  padding[1] = static_cast<std::uint8_t>((fields - 3) >> 8U);
  padding[2] = static_cast<std::uint8_t>(fields - 3);
  EXPECT_EQ(shown(Outcome(binary(0x21, 0x11, tcp4 + padding))),
            "v2 192.0.2.7:53312 -> 198.51.100.1:8883");
  Bytes head = binary(0x21, 0x11, tcp4 + padding + Bytes(1));
  head.resize(16);
  EXPECT_EQ(shown(Outcome(head)), "its PROXY header has 4097 bytes, taken are at most 4096")
      << "known from the fixed part alone";
}

TEST(ProxyHeader, demands_that_a_checksum_is_right) {
  Bytes bytes = binary(0x21, 0x11, tcp4 + Bytes{0x03, 0, 4, 0, 0, 0, 0} + Bytes{0x04, 0, 1, 0x55});
  const std::uint32_t sum = crc32c(bytes);
  const std::size_t at = 16 + tcp4.size() + 3;
  for (std::size_t i = 0; i < 4; ++i)
    bytes[at + i] = static_cast<std::uint8_t>(sum >> (24U - 8 * i));
  EXPECT_EQ(shown(Outcome(bytes)), "v2 192.0.2.7:53312 -> 198.51.100.1:8883");
  for (const std::size_t damaged : {std::size_t{16}, at, at + 3, bytes.size() - 1}) {
    Bytes other = bytes;
    other[damaged] ^= 0x10U;
    EXPECT_EQ(shown(Outcome(other)), "the checksum of its PROXY header is wrong") << damaged;
  }
  EXPECT_EQ(shown(Outcome(binary(0x21, 0x11, tcp4 + Bytes{0x03, 0, 3, 1, 2, 3}))),
            "the checksum of its PROXY header is wrong");
}

/// Goal: what a reader says does not depend on the pieces in which the bytes come. Method: good
/// headers, each byte of them damaged in some ways, and random ones; whole, byte by byte, and cut
/// in two at every place.
TEST(ProxyHeader, says_the_same_for_every_cut_of_its_input) {
  std::vector<Bytes> inputs;
  for (const std::string_view line :
       {std::string_view("PROXY TCP4 192.0.2.7 198.51.100.1 53312 8883\r\nrest"),
        std::string_view("PROXY UNKNOWN\r\nrest"), std::string_view("PROXY TCP4 1.2.3.4\r\n")})
    inputs.emplace_back(line.begin(), line.end());
  inputs.push_back(binary(0x21, 0x11, tcp4 + Bytes{0x04, 0, 1, 0}) + Bytes{1, 2, 3});
  inputs.push_back(binary(0x21, 0x21, tcp6));
  inputs.push_back(binary(0x20, 0x00, {}) + Bytes{1});
  std::mt19937 random(7);  // NOLINT: the same bytes in each run
  const std::size_t good = inputs.size();
  for (std::size_t i = 0; i < good; ++i)
    for (std::size_t at = 0; at < inputs[i].size(); ++at) {
      Bytes damaged = inputs[i];
      damaged[at] ^= static_cast<std::uint8_t>(1 + random() % 255);
      inputs.push_back(std::move(damaged));
    }
  std::size_t done = 0;
  for (const Bytes& input : inputs) {
    const Outcome whole(input);
    if (whole.state == State::done) ++done;
    EXPECT_EQ(Outcome(input, 1), whole) << hex_encode(input);
    for (std::size_t cut = 1; cut < input.size(); ++cut) {
      HeaderReader reader;
      ByteView first = ByteView(input).first(cut);
      reader.read(first);
      ByteView second = ByteView(input).subspan(cut - first.size());
      const State state = reader.read(second);
      EXPECT_EQ(state, whole.state) << hex_encode(input) << " cut at " << cut;
      EXPECT_EQ(reader.header(), whole.header);
      EXPECT_EQ(reader.fault(), whole.fault);
      EXPECT_EQ(to_text(second), whole.left);
    }
  }
  EXPECT_GT(done, good);
}

}  // namespace
}  // namespace wireway::wire::proxy
