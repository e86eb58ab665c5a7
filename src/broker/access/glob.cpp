#include "broker/access/glob.h"

#include "wire/mqtt/topic.h"

namespace wireway::broker {
namespace {

constexpr std::string_view glob_marks = "*?[\\";

/// Whether the pattern's first element takes `byte`; `length` is that element's.
bool element_takes(std::string_view pattern, char byte, std::size_t& length) {
  length = 1;
  if (pattern.front() == '?') return true;
  if (pattern.front() == '\\' && pattern.size() > 1) {
    length = 2;
    return pattern[1] == byte;
  }
  const std::size_t end = pattern.front() == '[' ? pattern.find(']', 2) : pattern.npos;
  if (end == pattern.npos) return pattern.front() == byte;
  length = end + 1;
  for (std::size_t i = 1; i < end; ++i) {
    const auto low = static_cast<unsigned char>(pattern[i]);
    auto high = low;
    if (i + 2 < end && pattern[i + 1] == '-') {
      high = static_cast<unsigned char>(pattern[i + 2]);
      i += 2;
    }
    const auto value = static_cast<unsigned char>(byte);
    if (low <= value && value <= high) return true;
  }
  return false;
}

std::string_view level_of(std::string_view text) { return text.substr(0, text.find('/')); }

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text) {
  std::size_t at = 0;
  std::size_t read = 0;
  std::size_t star = pattern.npos;  // the last `*`, and the text that it was tried from
  std::size_t star_read = 0;
  while (read < text.size()) {
    std::size_t length = 0;
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      star_read = read;
    } else if (at < pattern.size() && element_takes(pattern.substr(at), text[read], length)) {
      at += length;
      ++read;
    } else if (star != pattern.npos) {
      at = star + 1;
      read = ++star_read;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == pattern.npos;
}

std::string glob_escape(std::string_view text) {
  std::string out;
  for (const char each : text) {
    if (glob_marks.contains(each)) out += '\\';
    out += each;
  }
  return out;
}

std::optional<TopicPattern> TopicPattern::parse(std::string_view text) {
  TopicPattern out;
  if (text == "*" || text.ends_with("/*")) {
    out.text_ = std::string(text.substr(0, text.size() - 1)) + "#";
  } else {
    out.is_open_ = text.ends_with('*');
    out.text_ = text.substr(0, text.size() - (out.is_open_ ? 1 : 0));
  }
  const bool wild_end = out.is_open_ && (out.text_.ends_with('+') || out.text_.ends_with('#'));
  if (wild_end || !wire::mqtt::is_valid_topic_filter(out.text_)) return std::nullopt;
  return out;
}

bool TopicPattern::covers(std::string_view filter) const {
  std::string_view pattern = text_;
  if (filter.starts_with('$') && (pattern.starts_with('+') || pattern.starts_with('#')))
    return false;  // MQTT-4.7.2-1
  for (;;) {
    if (pattern == "#") return true;
    if (is_open_ && !pattern.contains('/')) return filter.starts_with(pattern);
    const std::string_view wanted = level_of(pattern);
    const std::string_view level = level_of(filter);
    if (level == "#" || (wanted != level && wanted != "+")) return false;
    const bool pattern_ends = wanted.size() == pattern.size();
    const bool filter_ends = level.size() == filter.size();
    if (filter_ends) return pattern_ends || pattern.substr(wanted.size()) == "/#";
    if (pattern_ends) return false;
    pattern.remove_prefix(wanted.size() + 1);
    filter.remove_prefix(level.size() + 1);
  }
}

}  // namespace wireway::broker
