#include "base/ip_address.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/assert.h"

namespace wireway {
namespace {

constexpr std::size_t groups_max = 8;
constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

/// Digits only, and without a leading zero that some read as octal.
std::optional<unsigned> decimal(std::string_view text, unsigned most) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool padded = text.size() > 1 && text[0] == '0';
  if (error != std::errc{} || end != text.data() + text.size() || padded || number > most)
    return {};
  return number;
}

std::optional<std::array<std::uint8_t, 4>> parse_v4(std::string_view text) {
  std::array<std::uint8_t, 4> out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t dot = i + 1 < out.size() ? text.find('.') : text.size();
    if (dot == std::string_view::npos) return {};
    const auto number = decimal(text.substr(0, dot), 255);
    if (!number) return {};
    out[i] = static_cast<std::uint8_t>(*number);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return out;
}

/// One side of "::", or the whole address: groups of hexadecimal digits, of which the last two may
/// be written as an IPv4 address. False if it is neither.
bool parse_groups(std::string_view text, Bytes& out) {
  while (!text.empty()) {
    const std::size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (group.find('.') != std::string_view::npos) {
      const auto v4 = parse_v4(group);
      if (!v4 || colon != std::string_view::npos) return false;
      out.insert(out.end(), v4->begin(), v4->end());
      return true;
    }
    unsigned number = 0;
    const auto [end, error] =
        std::from_chars(group.data(), group.data() + group.size(), number, 16);
    if (error != std::errc{} || end != group.data() + group.size() || group.size() > 4)
      return false;
    out.push_back(static_cast<std::uint8_t>(number >> 8U));
    out.push_back(static_cast<std::uint8_t>(number & 0xFFU));
    if (colon == std::string_view::npos) return true;
    text.remove_prefix(colon + 1);
    if (text.empty()) return false;
  }
  return true;
}

/// Where the longest run of two or more zero groups begins, and how long it is.
std::pair<std::size_t, std::size_t> longest_zeros(const std::array<std::uint16_t, groups_max>& of) {
  std::size_t best = 0;
  std::size_t length = 1;
  for (std::size_t begin = 0; begin < groups_max; ++begin) {
    std::size_t end = begin;
    while (end < groups_max && of[end] == 0) ++end;
    if (end - begin <= length) continue;
    best = begin;
    length = end - begin;
  }
  return {best, length > 1 ? length : 0};
}

}  // namespace

IpAddress IpAddress::of_bytes(ByteView bytes) {
  WIREWAY_ASSERT(bytes.size() == 4 || bytes.size() == 16, "an address has 4 or 16 bytes");
  IpAddress out;
  std::ranges::copy(bytes, out.bytes_.begin());
  out.is_v4_ = bytes.size() == 4;
  return out;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (const auto v4 = parse_v4(text)) return of_bytes(*v4);
  const std::size_t gap = text.find("::");
  Bytes head;
  Bytes tail;
  if (gap == std::string_view::npos) {
    if (!parse_groups(text, head) || head.size() != 16) return {};
    return of_bytes(head);
  }
  const std::string_view before = text.substr(0, gap);
  if (before.find('.') != std::string_view::npos || !parse_groups(before, head) ||
      !parse_groups(text.substr(gap + 2), tail) || head.size() + tail.size() > 14)
    return {};
  head.resize(16 - tail.size());
  head.insert(head.end(), tail.begin(), tail.end());
  return of_bytes(head);
}

IpAddress IpAddress::unmapped() const {
  const ByteView all(bytes_);
  if (is_v4_ || !std::ranges::equal(all.first(mapped_prefix.size()), mapped_prefix)) return *this;
  return of_bytes(all.subspan(mapped_prefix.size()));
}

std::string IpAddress::to_string() const {
  if (is_v4_) return fmt::format("{}.{}.{}.{}", bytes_[0], bytes_[1], bytes_[2], bytes_[3]);
  if (unmapped().is_v4()) return "::ffff:" + unmapped().to_string();
  std::array<std::uint16_t, groups_max> groups{};
  for (std::size_t i = 0; i < groups_max; ++i)
    groups[i] = static_cast<std::uint16_t>(bytes_[2 * i] << 8U | bytes_[2 * i + 1]);
  const auto [gap, length] = longest_zeros(groups);
  std::string out;
  for (std::size_t i = 0; i < groups_max; ++i) {
    if (length > 0 && i == gap) {
      out += "::";
      i += length - 1;
      continue;
    }
    if (!out.empty() && !out.ends_with(':')) out += ':';
    out += fmt::format("{:x}", groups[i]);
  }
  return out;
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return {};
  const auto width = static_cast<unsigned>(address->bytes().size()) * 8;
  const auto prefix = slash == std::string_view::npos ? std::optional<unsigned>(width)
                                                      : decimal(text.substr(slash + 1), width);
  if (!prefix) return {};
  Bytes bytes(address->bytes().begin(), address->bytes().end());
  for (unsigned bit = *prefix; bit < width; ++bit)
    bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  IpNetwork out;
  out.first_ = IpAddress::of_bytes(bytes);
  out.prefix_bits_ = *prefix;
  return out;
}

bool IpNetwork::contains(const IpAddress& address) const {
  const IpAddress other = first_.is_v4() ? address.unmapped() : address;
  if (other.is_v4() != first_.is_v4()) return false;
  for (unsigned bit = 0; bit < prefix_bits_; ++bit) {
    const unsigned difference = other.bytes()[bit / 8] ^ first_.bytes()[bit / 8];
    if ((difference & (0x80U >> (bit % 8))) != 0) return false;
  }
  return true;
}

std::string IpNetwork::to_string() const {
  return fmt::format("{}/{}", first_.to_string(), prefix_bits_);
}

}  // namespace wireway
