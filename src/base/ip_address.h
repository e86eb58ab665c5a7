#pragma once
/// IPv4 and IPv6 addresses and networks as values: read from text, compared, written in their one
/// canonical form. No names, no sockets.
///
/// Source: RFC 4291 section 2.2, RFC 5952 section 4 (how an IPv6 address is written), RFC 4632
///         section 3.1 (networks)

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace wireway {

class IpAddress {
 public:
  /// `bytes`: 4 or 16 of them.
  static IpAddress of_bytes(ByteView bytes);
  /// "10.0.0.7" or "2001:db8::7", without brackets, zone or leading zeros in IPv4.
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const { return is_v4_; }
  /// In network order: the first 4 or all 16 of them.
  ByteView bytes() const { return ByteView(bytes_).first(is_v4_ ? 4 : 16); }
  /// IPv4 for an IPv4 address in IPv6's clothes (::ffff:10.0.0.7), else itself.
  IpAddress unmapped() const;
  std::string to_string() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  bool is_v4_ = true;
};

/// All addresses with the same first bits.
class IpNetwork {
 public:
  /// "10.0.0.0/8", "2001:db8::/32", or one address. Bits behind the prefix are ignored.
  static std::optional<IpNetwork> parse(std::string_view text);

  /// An IPv4 address is in an IPv4 network, however it is written.
  bool contains(const IpAddress& address) const;
  /// With the bits behind the prefix cleared.
  std::string to_string() const;

  friend bool operator==(const IpNetwork&, const IpNetwork&) = default;

 private:
  IpAddress first_;
  unsigned prefix_bits_ = 0;
};

}  // namespace wireway
