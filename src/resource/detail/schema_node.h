#pragma once
/// The parsed form of one JSONSchemaProps: what schema.cpp makes and the walks over it read.
///
/// Owns: its sub-schemas; shared and immutable after Schema::parse.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <re2/re2.h>

#include "base/json.h"
#include "resource/schema.h"

namespace wireway::resource {

struct Schema::Node {
  enum class Type { any, object, array, string, integer, number, boolean };
  enum class ListType { atomic, set, map };
  using Ref = std::shared_ptr<const Node>;

  Type type = Type::any;
  bool nullable = false;
  bool int_or_string = false;
  bool preserve_unknown_fields = false;
  bool embedded_resource = false;
  ListType list_type = ListType::atomic;
  std::vector<std::string> list_map_keys;

  std::optional<json::value> default_value;
  std::vector<json::value> allowed;  ///< enum; empty = everything

  std::optional<double> minimum;
  std::optional<double> maximum;
  bool exclusive_minimum = false;
  bool exclusive_maximum = false;
  std::optional<double> multiple_of;

  std::shared_ptr<const re2::RE2> pattern;  ///< linear time, whatever a user's CRD asks for
  std::string format;
  std::optional<std::int64_t> length_min;
  std::optional<std::int64_t> length_max;

  Ref items;
  std::optional<std::int64_t> items_min;
  std::optional<std::int64_t> items_max;
  bool items_unique = false;

  std::map<std::string, Ref, std::less<>> properties;
  Ref additional;                   ///< schema of the members that `properties` does not name
  bool additional_allowed = false;  ///< additionalProperties: true
  std::vector<std::string> required;
  std::optional<std::int64_t> properties_min;
  std::optional<std::int64_t> properties_max;

  std::vector<Ref> all_of;
  std::vector<Ref> any_of;
  std::vector<Ref> one_of;
  Ref not_this;

  /// The schema of member `key`, or nullptr if nothing says what it is.
  const Node* member(std::string_view key) const {
    const auto it = properties.find(key);
    return it != properties.end() ? it->second.get() : additional.get();
  }
};

/// Where a walk stands, as a chain up to the root: costs nothing until it is written out.
class FieldPath {
 public:
  FieldPath() = default;
  FieldPath(const FieldPath& up, std::string_view key) : up_(&up), key_(key) {}
  FieldPath(const FieldPath& up, std::size_t index)
      : up_(&up), index_(static_cast<std::int64_t>(index)) {}
  bool is_root() const { return up_ == nullptr; }
  /// "spec.ports[0].port"; "" at the root.
  std::string to_string() const;
  /// The same for all items of a list: "spec.ports[].port".
  std::string to_shape() const;

 private:
  const FieldPath* up_ = nullptr;
  std::string_view key_;
  std::int64_t index_ = -1;
};

/// The name that the Kubernetes API server gives a value's type in its messages.
std::string_view type_name(const json::value& value);
std::string_view type_name(Schema::Node::Type type);

}  // namespace wireway::resource
