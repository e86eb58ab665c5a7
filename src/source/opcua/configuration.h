#pragma once
/// The JSON texts inside manifests (`additionalConfiguration`, `dataPointConfiguration`, ...):
/// comments, trailing commas, numeric strings and keys in any case are documented practice and are
/// read as meant.
///
/// Source: Asset and AssetEndpointProfile, configuration schemas 1.0 to 1.2
/// Errors: none; what cannot be read becomes a note and the default stands

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace wireway::source::opcua {

class Configuration {
 public:
  /// `place` is how notes name it: "defaultDatasetsConfiguration".
  Configuration(const json::value* text, std::string place, std::vector<std::string>& notes);

  /// The object under `key`; empty if absent.
  Configuration section(std::string_view key) const;
  /// The first of `keys` that is there. Numeric strings count; -1 means "not given"; a value
  /// outside 0..`max` is noted and left out.
  std::optional<std::uint32_t> number(std::initializer_list<std::string_view> keys,
                                      std::uint32_t max = 86'400'000) const;
  std::optional<std::string> text(std::string_view key) const;
  bool has(std::string_view key) const;
  /// Notes every key that is not in `known`.
  void note_unknown(std::initializer_list<std::string_view> known) const;

 private:
  Configuration(json::value object, std::string place, std::vector<std::string>& notes, int)
      : object_(std::move(object)), place_(std::move(place)), notes_(notes) {}

  json::value object_;
  std::string place_;
  std::vector<std::string>& notes_;
};

}  // namespace wireway::source::opcua
