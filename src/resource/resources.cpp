#include "resource/resources.h"

namespace wireway::resource {
namespace {

/// The condition of this type in an earlier status, or nullptr.
const json::value* previous_condition(const json::value* status, std::string_view type) {
  if (status == nullptr) return nullptr;
  const json::value* conditions = find(*status, "conditions");
  if (conditions == nullptr || !conditions->is_array()) return nullptr;
  for (const json::value& condition : conditions->get_array())
    if (text_at(condition, {"type"}) == type) return &condition;
  return nullptr;
}

}  // namespace

json::object status_with(const Condition& condition, const json::value* previous, WallTime now) {
  const std::string_view status = condition.status ? "True" : "False";
  std::string since = to_rfc3339(now);
  if (const json::value* before = previous_condition(previous, condition.type))
    if (text_at(*before, {"status"}) == status)
      since = text_at(*before, {"lastTransitionTime"}, since);
  json::array conditions;
  conditions.push_back({{"type", condition.type},
                        {"status", status},
                        {"reason", condition.reason},
                        {"message", condition.message},
                        {"observedGeneration", condition.observed_generation},
                        {"lastTransitionTime", since}});
  // A merge patch replaces the whole list: conditions of other types are carried over.
  const json::value* others = previous == nullptr ? nullptr : find(*previous, "conditions");
  if (others != nullptr && others->is_array())
    for (const json::value& other : others->get_array())
      if (text_at(other, {"type"}) != condition.type) conditions.push_back(other);
  return {{"conditions", std::move(conditions)}};
}

void merge_patch(json::value& target, const json::value& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (!target.is_object()) target = json::object{};
  json::object& object = target.get_object();
  for (const auto& [key, value] : patch.get_object()) {
    if (value.is_null())
      object.erase(key);
    else
      merge_patch(object[key], value);
  }
}

}  // namespace wireway::resource
