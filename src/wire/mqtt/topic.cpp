#include "wire/mqtt/topic.h"

#include <algorithm>

#include "base/bytes.h"
#include "wire/mqtt/detail/wildcard.h"

namespace wireway::wire::mqtt {
namespace {

constexpr std::string_view shared_prefix = "$share/";

bool within_levels(std::string_view text) {
  return text.size() < topic_levels_max ||
         std::size_t(std::ranges::count(text, '/')) < topic_levels_max;
}

/// The part before the next '/', which is removed with it; `last` tells that none follows.
std::string_view take_level(std::string_view& text, bool& last) {
  const auto slash = text.find('/');
  last = slash == std::string_view::npos;
  const std::string_view level = text.substr(0, slash);
  text.remove_prefix(last ? text.size() : slash + 1);
  return level;
}

bool is_valid_plain_filter(std::string_view filter) {
  if (filter.empty()) return false;
  for (bool last = false; !last;) {
    const std::string_view level = take_level(filter, last);
    const bool wildcard = level == "+" || level == "#";
    if (!wildcard && has_wildcard(level)) return false;
    if (level == "#" && !last) return false;
  }
  return true;
}

}  // namespace

bool is_valid_topic_name(std::string_view topic) {
  return !topic.empty() && topic.size() <= 65535 && !has_wildcard(topic) && within_levels(topic) &&
         is_mqtt_utf8(topic);
}

bool is_valid_topic_filter(std::string_view filter) {
  if (filter.size() > 65535 || !within_levels(filter) || !is_mqtt_utf8(filter)) return false;
  if (!filter.starts_with(shared_prefix)) return is_valid_plain_filter(filter);
  const auto shared = parse_shared_filter(filter);
  return shared && is_valid_plain_filter(shared->filter);
}

std::optional<SharedFilter> parse_shared_filter(std::string_view filter) {
  if (!filter.starts_with(shared_prefix)) return std::nullopt;
  filter.remove_prefix(shared_prefix.size());
  const auto slash = filter.find('/');
  if (slash == std::string_view::npos || slash == 0) return std::nullopt;
  const std::string_view group = filter.substr(0, slash);
  if (has_wildcard(group)) return std::nullopt;
  return SharedFilter{group, filter.substr(slash + 1)};
}

bool topic_matches(std::string_view filter, std::string_view topic) {
  const bool reserved = topic.starts_with('$');
  if (reserved && (filter.starts_with('+') || filter.starts_with('#'))) return false;
  bool filter_last = false;
  bool topic_last = false;
  for (;;) {
    const std::string_view wanted = take_level(filter, filter_last);
    if (wanted == "#") return true;
    const std::string_view level = take_level(topic, topic_last);
    if (wanted != "+" && wanted != level) return false;
    if (topic_last) return filter_last || filter == "#";
    if (filter_last) return false;
  }
}

}  // namespace wireway::wire::mqtt
