#pragma once
/// A `dataDestination` with `${inputTopic}`, `${inputTopic.N}` or `${outputTopic}` in it, compiled
/// once.
///
/// Source: spec dataflows 1.1: N counts from 1, leading and trailing `/` of the input are ignored
/// Errors: parse(): Errc::invalid naming what is not understood; resolve(): nullopt if the input
///         has no such level or the result is no topic name: the message cannot be sent

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace wireway::destination::mqtt {

class TopicTemplate {
 public:
  static Result<TopicTemplate> parse(std::string_view text);
  std::optional<std::string> resolve(std::string_view input_topic) const;
  /// True if every message goes to the same topic.
  bool is_static() const { return parts_.size() == 1 && parts_[0].level == Part::literal; }

 private:
  struct Part {
    static constexpr std::size_t literal = std::size_t(-1);
    std::string text;             ///< of literal
    std::size_t level = literal;  ///< 0 = the whole input topic, N = its level N
  };
  std::vector<Part> parts_;
};

}  // namespace wireway::destination::mqtt
