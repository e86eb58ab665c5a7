#pragma once
/// The text form of conformance cases: who says or expects what, line by line.

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace wireway::conformance {

/// "publish topic=t qos=1" as it was written, in order. A key without value has an empty one.
struct Words {
  std::string verb;
  std::vector<std::pair<std::string, std::string>> pairs;
  std::string rest;  ///< the line behind the verb, for `hex`

  /// The value of `key`, or `fallback`.
  std::string get(const std::string& key, const std::string& fallback = "") const;
  bool has(const std::string& key) const;
  unsigned number(const std::string& key, unsigned fallback = 0) const;
};

struct Step {
  enum class Kind { send, expect, silent, closed, open, lost, wait, broker };
  Kind kind = Kind::send;
  std::string who{};
  Words words{};
  long wait_ms = 0;
  int line = 0;
};

/// A case and the statements that it shows: "MQTT-1.5.4-1". One that names statements of one
/// version is played in that version, one that names none in version 5.
struct Case {
  std::string name;
  std::string file;
  int line = 0;
  std::vector<std::string> of_v5{};
  std::vector<std::string> of_v311{};
  std::vector<Step> steps{};
};

/// Errors: Errc::invalid with file and line.
Result<std::vector<Case>> parse_dialogues(const std::string& file, const std::string& text);

}  // namespace wireway::conformance
