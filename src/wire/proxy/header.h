#pragma once
/// The PROXY protocol, versions 1 and 2: what a load balancer puts in front of a connection so that
/// the server knows who stands behind it. Bytes in, a Header out; what follows the header is left.
///
/// Source: "The PROXY protocol, Versions 1 & 2" by HAProxy, sections 2.1 (text) and 2.2 (binary)
/// Owns:   at most one incomplete header
/// Limits: version 1: 107 bytes with the end of the line; version 2: header_bytes_max
/// Errors: refused, and fault() is a sentence; the reader is then useless. Nothing is ever guessed:
///         a connection without a header is refused at its first byte that cannot be one's.

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/ip_address.h"

namespace wireway::wire::proxy {

/// The longest line of version 1, "UNKNOWN" with two addresses (section 2.1).
inline constexpr std::size_t line_bytes_max = 107;
/// Of version 2, whose own limit would be 64 KiB: addresses and fields that we have no use for.
inline constexpr std::size_t header_bytes_max = 4096;

struct Side {
  IpAddress address;
  std::uint16_t port = 0;
  /// "192.0.2.1:53312", IPv6 in brackets: the form of net::Stream::peer().
  std::string to_string() const;
  friend bool operator==(const Side&, const Side&) = default;
};

struct Relayed {
  Side source;       ///< the client
  Side destination;  ///< what the client connected to
  friend bool operator==(const Relayed&, const Relayed&) = default;
};

struct Header {
  int version = 0;
  /// Empty if the connection's own addresses hold: the proxy asks on its own behalf (LOCAL, a
  /// health check), or does not know (UNKNOWN), or relays what has no Internet address.
  std::optional<Relayed> relayed;
  friend bool operator==(const Header&, const Header&) = default;
};

class HeaderReader {
 public:
  enum class State { need_more, done, refused };

  /// Takes from the front of `bytes` what belongs to the header, and nothing more once it is done.
  State read(ByteView& bytes);
  State state() const { return state_; }
  /// Once it is done.
  const Header& header() const { return header_; }
  /// Why it was refused.
  const std::string& fault() const { return fault_; }

 private:
  void judge();
  void judge_line_byte();
  void judge_line();
  void judge_fixed();
  void judge_binary();
  bool judge_fields(ByteView fields);
  bool is_checksum(ByteView value) const;
  void refuse(std::string why);
  void done(std::optional<Relayed> relayed);

  State state_ = State::need_more;
  Bytes held_;
  std::size_t whole_bytes_ = 0;  ///< of a header of version 2, once it is known
  Header header_;
  std::string fault_;
};

}  // namespace wireway::wire::proxy
