#include "broker/state_store/hlc.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace wireway::broker::state_store {
namespace {

/// Digits only: from_chars would take a sign.
std::optional<std::uint64_t> parse_digits(std::string_view text, std::uint64_t max) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value > max) return std::nullopt;
  return value;
}

}  // namespace

std::string to_text(const Hlc& hlc) {
  return fmt::format("{:015}:{:05}:{}", hlc.ms, hlc.counter, hlc.node);
}

std::optional<Hlc> parse_hlc(std::string_view text) {
  const auto first = text.find(':');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = text.find(':', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::string_view node = text.substr(second + 1);
  if (node.contains(':')) return std::nullopt;
  const auto ms = parse_digits(text.substr(0, first), hlc_ms_max);
  const auto counter = parse_digits(text.substr(first + 1, second - first - 1), counter_max);
  if (!ms || !counter) return std::nullopt;
  return Hlc{*ms, static_cast<std::uint32_t>(*counter), std::string(node)};
}

bool is_too_far_ahead(const Hlc& hlc, std::uint64_t wall_ms) {
  return hlc.ms > wall_ms && hlc.ms - wall_ms > drift_ms_max;
}

void HlcClock::set(std::uint64_t ms, std::uint64_t counter) {
  last_.ms = counter > counter_max ? ms + 1 : ms;
  last_.counter = counter > counter_max ? 0 : static_cast<std::uint32_t>(counter);
}

const Hlc& HlcClock::tick(std::uint64_t wall_ms) {
  if (wall_ms > last_.ms)
    set(wall_ms, 0);
  else
    set(last_.ms, last_.counter + std::uint64_t{1});
  return last_;
}

const Hlc& HlcClock::update(const Hlc& received, std::uint64_t wall_ms) {
  if (wall_ms > last_.ms && wall_ms > received.ms) {
    set(wall_ms, 0);
  } else if (last_.ms == received.ms) {
    set(last_.ms, std::max(last_.counter, received.counter) + std::uint64_t{1});
  } else if (last_.ms > received.ms) {
    set(last_.ms, last_.counter + std::uint64_t{1});
  } else {
    set(received.ms, received.counter + std::uint64_t{1});
  }
  return last_;
}

void HlcClock::restore(const Hlc& given_out) {
  if (std::pair(given_out.ms, given_out.counter) > std::pair(last_.ms, last_.counter))
    set(given_out.ms, given_out.counter);
}

}  // namespace wireway::broker::state_store
