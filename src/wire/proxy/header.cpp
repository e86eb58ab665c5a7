#include "wire/proxy/header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "base/crc32c.h"

namespace wireway::wire::proxy {
namespace {

constexpr std::string_view line_start = "PROXY ";
constexpr std::array<std::uint8_t, 12> signature{0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                                 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};
constexpr std::size_t fixed_bytes = 16;      ///< of version 2: signature, command, family, length
constexpr std::size_t field_head_bytes = 3;  ///< type and length
constexpr std::uint8_t field_checksum = 0x03;

enum Command : std::uint8_t { local = 0, proxy = 1 };
enum Family : std::uint8_t { unspecified = 0, inet = 1, inet6 = 2, unix_socket = 3 };
constexpr std::uint8_t protocol_stream = 1;
constexpr std::uint8_t protocol_datagram = 2;

std::size_t number16(ByteView bytes) { return static_cast<std::size_t>(bytes[0] << 8U | bytes[1]); }

std::size_t address_bytes(std::uint8_t family) {
  switch (family) {
    case inet: return 4;
    case inet6: return 16;
    case unix_socket: return 108;
    default: return 0;
  }
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t space = line.find(' ');
    out.push_back(line.substr(0, space));
    if (space == std::string_view::npos) return out;
    line.remove_prefix(space + 1);
  }
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool padded = text.size() > 1 && text[0] == '0';
  if (error != std::errc{} || end != text.data() + text.size() || padded) return {};
  return port;
}

std::optional<Side> side_of(std::string_view host, std::string_view port) {
  const auto address = IpAddress::parse(host);
  const auto number = port_of(port);
  if (!address || !number) return {};
  return Side{*address, *number};
}

/// How far `held` agrees with the beginning of `pattern`.
bool begins(ByteView held, ByteView pattern) {
  const std::size_t length = std::min(held.size(), pattern.size());
  return std::ranges::equal(held.first(length), pattern.first(length));
}

}  // namespace

std::string Side::to_string() const {
  return fmt::format(fmt::runtime(address.is_v4() ? "{}:{}" : "[{}]:{}"), address.to_string(),
                     port);
}

HeaderReader::State HeaderReader::read(ByteView& bytes) {
  while (state_ == State::need_more && !bytes.empty()) {
    const std::size_t wanted = std::max(whole_bytes_, held_.size() + 1);
    const std::size_t count = std::min(wanted - held_.size(), bytes.size());
    held_.insert(held_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    judge();
  }
  return state_;
}

/// After each byte of a line and of the fixed part of version 2, then after each piece.
void HeaderReader::judge() {
  if (begins(held_, signature)) {
    if (held_.size() == fixed_bytes) judge_fixed();
    if (state_ == State::need_more && held_.size() == whole_bytes_) judge_binary();
  } else if (begins(held_, as_bytes(line_start))) {
    if (held_.size() > line_start.size()) judge_line_byte();
  } else {
    refuse("it does not begin with a PROXY header");
  }
}

void HeaderReader::judge_line_byte() {
  const bool returned = held_[held_.size() - 2] == '\r';
  if (returned && held_.back() == '\n') return judge_line();
  if (returned || held_.back() == '\n')
    return refuse("the line of its PROXY header does not end with CR LF");
  if (held_.size() == line_bytes_max)
    refuse(
        fmt::format("the line of its PROXY header does not end within {} bytes", line_bytes_max));
}

void HeaderReader::judge_line() {
  const std::string_view line = as_text(held_);
  const auto words = words_of(line.substr(line_start.size(), line.size() - line_start.size() - 2));
  header_.version = 1;
  if (words[0] == "UNKNOWN") return done({});  // whatever follows, section 2.1
  if (words[0] != "TCP4" && words[0] != "TCP6")
    return refuse("its PROXY header names neither TCP4 nor TCP6 nor UNKNOWN");
  if (words.size() != 5)
    return refuse("its PROXY header does not have two addresses and two ports");
  const auto source = side_of(words[1], words[3]);
  const auto destination = side_of(words[2], words[4]);
  const bool v4 = words[0] == "TCP4";
  if (!source || !destination || source->address.is_v4() != v4 ||
      destination->address.is_v4() != v4)
    return refuse(
        fmt::format("its PROXY header has an address or a port that is none of {}", words[0]));
  return done(Relayed{*source, *destination});
}

void HeaderReader::judge_fixed() {
  const unsigned version = held_[12] >> 4U;
  const unsigned command = held_[12] & 0xFU;
  if (version != 2)
    return refuse(fmt::format("its PROXY header is of version {}, known are 1 and 2", version));
  if (command > proxy)
    return refuse(fmt::format("its PROXY header has the unknown command {}", command));
  whole_bytes_ = fixed_bytes + number16(ByteView(held_).subspan(14));
  if (whole_bytes_ > header_bytes_max)
    refuse(fmt::format("its PROXY header has {} bytes, taken are at most {}", whole_bytes_,
                       header_bytes_max));
}

void HeaderReader::judge_binary() {
  const ByteView held(held_);
  header_.version = 2;
  if ((held[12] & 0xFU) == local) return done({});  // family and the rest mean nothing
  const auto family = static_cast<std::uint8_t>(held[13] >> 4U);
  const auto protocol = static_cast<std::uint8_t>(held[13] & 0xFU);
  if (family > unix_socket || protocol > protocol_datagram)
    return refuse(
        fmt::format("its PROXY header has the unknown family and protocol {:#04x}", held[13]));
  // Of an unspecified family nobody knows where its addresses end and the fields begin.
  if (family == unspecified) return done({});
  const std::size_t length = address_bytes(family);
  const bool has_ports = family != unix_socket;
  const std::size_t block = 2 * length + (has_ports ? 4 : 0);
  const ByteView rest = held.subspan(fixed_bytes);
  if (rest.size() < block)
    return refuse("its PROXY header is too short for the addresses of its family");
  if (!judge_fields(rest.subspan(block))) return;
  if (!has_ports || protocol != protocol_stream) return done({});
  const auto port = [&](std::size_t at) {
    return static_cast<std::uint16_t>(number16(rest.subspan(2 * length + at)));
  };
  return done(Relayed{{IpAddress::of_bytes(rest.first(length)), port(0)},
                      {IpAddress::of_bytes(rest.subspan(length, length)), port(2)}});
}

/// Skips them, but for the checksum (section 2.2.3). False if the header is refused.
bool HeaderReader::judge_fields(ByteView fields) {
  while (!fields.empty()) {
    const std::size_t whole = fields.size() < field_head_bytes
                                  ? field_head_bytes
                                  : field_head_bytes + number16(fields.subspan(1));
    if (fields.size() < whole) {
      refuse("its PROXY header ends within a field");
      return false;
    }
    const ByteView value = fields.subspan(field_head_bytes, whole - field_head_bytes);
    if (fields[0] == field_checksum && !is_checksum(value)) {
      refuse("the checksum of its PROXY header is wrong");
      return false;
    }
    fields = fields.subspan(whole);
  }
  return true;
}

/// CRC-32C of the whole header with zeros in the checksum's place.
bool HeaderReader::is_checksum(ByteView value) const {
  constexpr std::array<std::uint8_t, 4> zeros{};
  if (value.size() != zeros.size()) return false;
  const auto at = static_cast<std::size_t>(value.data() - held_.data());
  const ByteView held(held_);
  const std::uint32_t sum =
      crc32c(held.subspan(at + zeros.size()), crc32c(zeros, crc32c(held.first(at))));
  return (static_cast<std::uint32_t>(number16(value)) << 16U | number16(value.subspan(2))) == sum;
}

void HeaderReader::refuse(std::string why) {
  fault_ = std::move(why);
  held_ = {};
  state_ = State::refused;
}

void HeaderReader::done(std::optional<Relayed> relayed) {
  header_.relayed = std::move(relayed);
  held_ = {};
  state_ = State::done;
}

}  // namespace wireway::wire::proxy
