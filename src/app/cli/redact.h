#pragma once
/// Takes secrets out of what leaves the machine. Two nets: every value that is known to be secret
/// is replaced wherever it stands, also in base64 and inside other texts; and what looks like a
/// secret by its name or form is replaced without being known.
///
/// Limits: known values shorter than value_bytes_min are too common to be replaced in texts; where
///         they stand under a telling name they go all the same.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace wireway::app::cli {

class Redactor {
 public:
  static constexpr std::size_t value_bytes_min = 6;
  static constexpr std::string_view mark = "(redacted)";

  /// A value that must not appear, in any of its usual spellings.
  void know(std::string_view secret);
  /// All values of a Secret's data.
  void know_secret(const json::value& secret);

  std::string text(std::string text) const;
  json::value object(json::value value) const;

 private:
  void walk(json::value& value, bool secret) const;
  std::vector<std::string> known_;  ///< the longest first
};

}  // namespace wireway::app::cli
