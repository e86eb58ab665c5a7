#include "destination/mqtt/topic_template.h"

#include <charconv>

#include <fmt/format.h>

#include "wire/mqtt/topic.h"

namespace wireway::destination::mqtt {
namespace {

std::string_view without_outer_slashes(std::string_view topic) {
  while (topic.starts_with('/')) topic.remove_prefix(1);
  while (topic.ends_with('/')) topic.remove_suffix(1);
  return topic;
}

/// Level `number` (from 1) of a topic; nullopt if it is not that deep.
std::optional<std::string_view> level_of(std::string_view topic, std::size_t number) {
  topic = without_outer_slashes(topic);
  for (; number > 1; --number) {
    const auto slash = topic.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    topic.remove_prefix(slash + 1);
  }
  return topic.substr(0, topic.find('/'));
}

/// What stands between `${` and `}`: 0 for the whole topic, N for a level; nullopt if neither.
std::optional<std::size_t> parse_variable(std::string_view name) {
  for (const std::string_view known : {"inputTopic", "outputTopic"}) {
    if (!name.starts_with(known)) continue;
    const std::string_view rest = name.substr(known.size());
    if (rest.empty()) return 0;
    std::size_t level = 0;
    const auto read = std::from_chars(rest.data() + 1, rest.data() + rest.size(), level);
    const bool whole = rest.front() == '.' && read.ec == std::errc{} && level > 0 &&
                       read.ptr == rest.data() + rest.size();
    if (whole) return level;
  }
  return std::nullopt;
}

}  // namespace

Result<TopicTemplate> TopicTemplate::parse(std::string_view text) {
  TopicTemplate out;
  std::string sample;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t open = rest.find("${");
    if (open != 0) {
      out.parts_.push_back({std::string(rest.substr(0, open)), Part::literal});
      sample += out.parts_.back().text;
      rest.remove_prefix(std::min(open, rest.size()));
      continue;
    }
    const std::size_t close = rest.find('}');
    const auto level =
        close == std::string_view::npos ? std::nullopt : parse_variable(rest.substr(2, close - 2));
    if (!level)
      return fail(Errc::invalid, fmt::format("dataDestination: in `{}` only ${{inputTopic}} and "
                                             "${{inputTopic.N}} may stand for levels",
                                             text));
    out.parts_.push_back({"", *level});
    sample += 'x';
    rest.remove_prefix(close + 1);
  }
  if (!wire::mqtt::is_valid_topic_name(sample))
    return fail(Errc::invalid,
                fmt::format("dataDestination: `{}` is not a topic; it must not be empty "
                            "or hold + or #",
                            text));
  return out;
}

std::optional<std::string> TopicTemplate::resolve(std::string_view input_topic) const {
  std::string out;
  for (const Part& part : parts_) {
    if (part.level == Part::literal) {
      out += part.text;
    } else if (part.level == 0) {
      out += without_outer_slashes(input_topic);
    } else {
      const auto level = level_of(input_topic, part.level);
      if (!level) return std::nullopt;
      out += *level;
    }
  }
  if (!wire::mqtt::is_valid_topic_name(out)) return std::nullopt;
  return out;
}

}  // namespace wireway::destination::mqtt
