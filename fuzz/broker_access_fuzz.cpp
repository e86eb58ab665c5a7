// Patterns of BrokerAuthorization: a filter that a pattern covers never matches a topic that the
// pattern does not; escaped text matches itself alone. Three lines: pattern, filter, topic.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "broker/access/glob.h"
#include "wire/mqtt/topic.h"

using namespace wireway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto take_line = [&rest] {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    return line;
  };
  const std::string_view pattern_text = take_line();
  const std::string_view filter = take_line();
  const std::string_view topic = take_line();
  (void)broker::glob_matches(pattern_text, topic);
  WIREWAY_ASSERT(broker::glob_matches(broker::glob_escape(topic), topic),
                 "escaped text matches itself");
  WIREWAY_ASSERT(!broker::glob_matches(broker::glob_escape(topic), filter) || filter == topic,
                 "escaped text matches nothing else");
  const auto pattern = broker::TopicPattern::parse(pattern_text);
  if (!pattern || !wire::mqtt::is_valid_topic_filter(filter) || filter.starts_with("$share/") ||
      !wire::mqtt::is_valid_topic_name(topic))
    return 0;
  WIREWAY_ASSERT(!pattern->covers(filter) || !wire::mqtt::topic_matches(filter, topic) ||
                     pattern->covers(topic),
                 "what is covered stays within");
  return 0;
}
