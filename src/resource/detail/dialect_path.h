#pragma once
/// Paths of dialect rules and the few things that are done at their end: `spec.a`, `spec.list[].a`
/// (every item), `spec.*.a` (every member that is an object), `spec.list[0].a` (the first item),
/// `spec.list[name=default].a` (the item with that member).
///
/// Errors: Errc::invalid with the reason; walks over values of another shape do nothing.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace wireway::resource::detail {

struct Step {
  enum class Kind { member, items, members, first, select };
  Kind kind = Kind::member;
  std::string name;       ///< of the member; of select: the key
  std::string text = {};  ///< of select: the key's value
  /// Whether it leads to several places.
  bool walks() const { return kind == Kind::items || kind == Kind::members; }
  /// Whether it leads to one item of a list.
  bool picks() const { return kind == Kind::first || kind == Kind::select; }
  friend bool operator==(const Step&, const Step&) = default;
};

using Path = std::vector<Step>;
using PathView = std::span<const Step>;

Result<Path> parse_path(std::string_view text);

/// Which way a step that walks went. A view into the object.
struct Turn {
  std::size_t item = 0;
  std::string_view member = {};  ///< of `*`
};
using Trail = std::vector<Turn>;

/// Calls `act` with each value that `path` leads to, and the way there.
void for_each_at(json::value& root, PathView path,
                 const std::function<void(json::value&, const Trail&)>& act);

/// A path as written with the way in the place of its first [] and *: `spec.ports[0].tls`.
std::string real_path(std::string_view written, const Trail& trail);

/// The value at the end of a path that does not walk, or nullptr.
json::value* value_at(json::value& root, PathView path);
/// Takes that value out, together with the parents that it leaves empty.
std::optional<json::value> take(json::value& root, PathView path);

enum class Room { free, taken, blocked };
/// Whether put() can place a value: blocked if something on the way is no object or list.
Room room_at(json::value& root, PathView path);
/// Places `value`, making what is missing on the way.
void put(json::value& root, PathView path, json::value value);

/// The member `name` without regard to case, except one that is spelled exactly as `exact`.
json::key_value_pair* member_ignoring_case(json::object& object, std::string_view name,
                                           std::string_view exact);

}  // namespace wireway::resource::detail
