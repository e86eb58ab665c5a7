#pragma once
/// How a value merges, read from its openAPIV3Schema: as a map of fields, a keyed list, a set or
/// one piece. A view: the schema must outlive it.

#include <string>
#include <string_view>

#include "base/json.h"

namespace wireway::control {

class Structure {
 public:
  /// Of a schema object; null means "no schema": maps merge, lists are one piece.
  explicit Structure(const json::value& schema) : schema_(&schema) {}

  Structure member(std::string_view key) const;
  Structure items() const;
  bool is_keyed_list() const { return list_type() == "map"; }
  bool is_set() const { return list_type() == "set"; }
  bool is_atomic_map() const;

  /// `k:{"type":"Ready"}` for an item of a keyed list, `v:"a"` for one of a set.
  std::string item_key(const json::value& item) const;
  const json::value* find_item(const json::array& list, std::string_view key) const;

 private:
  explicit Structure(const json::value* schema) : schema_(schema) {}
  std::string_view list_type() const;

  const json::value* schema_;  ///< nullptr = none
};

}  // namespace wireway::control
