#include "control/api/unserved.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace wireway::control {
namespace {

constexpr std::size_t places_told_max = 3;

struct Rules {
  std::size_t count = 0;
  std::vector<std::string> places;  ///< the first few fields that have some
};

void find_rules(const json::value& schema, const std::string& field, Rules& rules);

void find_in_each(const json::value* schemas, const std::string& field, Rules& rules) {
  if (schemas == nullptr || !schemas->is_array()) return;
  for (const json::value& each : schemas->get_array()) find_rules(each, field, rules);
}

/// Schemas of CustomResourceDefinitions are trees; parsing has bounded their depth.
void find_rules(const json::value& schema, const std::string& field, Rules& rules) {
  if (!schema.is_object()) return;
  const json::value* own = find(schema, "x-kubernetes-validations");
  if (own != nullptr && own->is_array() && !own->get_array().empty()) {
    rules.count += own->get_array().size();
    if (rules.places.size() < places_told_max)
      rules.places.push_back(field.empty() ? "the object" : field);
  }
  if (const json::value* properties = find(schema, "properties");
      properties != nullptr && properties->is_object())
    for (const auto& [name, child] : properties->get_object())
      find_rules(child,
                 fmt::format("{}{}{}", field, field.empty() ? "" : ".", std::string_view(name)),
                 rules);
  if (const json::value* items = find(schema, "items")) find_rules(*items, field + "[]", rules);
  if (const json::value* more = find(schema, "additionalProperties"))
    find_rules(*more, field + "[*]", rules);
  for (const char* word : {"allOf", "anyOf", "oneOf"})
    find_in_each(find(schema, word), field, rules);
}

}  // namespace

std::vector<std::string> unserved_parts(const json::value& definition) {
  std::vector<std::string> out;
  const json::value* versions = find(definition, "spec", "versions");
  if (versions != nullptr && versions->is_array())
    for (const json::value& version : versions->get_array()) {
      const json::value* schema = find(version, "schema", "openAPIV3Schema");
      Rules rules;
      if (schema != nullptr) find_rules(*schema, "", rules);
      if (rules.count == 0) continue;
      out.push_back(
          fmt::format("version {}: x-kubernetes-validations are kept but not evaluated, objects "
                      "that break them "
                      "are accepted: {} {} (of {})",
                      text_at(version, {"name"}), rules.count, rules.count == 1 ? "rule" : "rules",
                      fmt::join(rules.places, ", ")));
    }
  if (text_at(definition, {"spec", "conversion", "strategy"}) == "Webhook")
    out.emplace_back(
        "spec.conversion: webhooks are not called, versions differ in apiVersion alone");
  return out;
}

void tell_unserved(const json::value& definition, json::array& conditions, WallTime now) {
  const std::vector<std::string> parts = unserved_parts(definition);
  const auto place = std::ranges::find_if(conditions, [](const json::value& each) {
    return text_at(each, {"type"}) == unserved_condition;
  });
  if (parts.empty()) {
    if (place != conditions.end()) conditions.erase(place);
    return;
  }
  json::object condition{{"type", unserved_condition},
                         {"status", "True"},
                         {"reason", "NotSupported"},
                         {"message", fmt::format("{}", fmt::join(parts, "; "))},
                         {"lastTransitionTime", to_rfc3339(now)}};
  if (place == conditions.end()) {
    conditions.push_back(std::move(condition));
    return;
  }
  if (const json::value* since = find(*place, "lastTransitionTime"))
    condition["lastTransitionTime"] = *since;
  *place = std::move(condition);
}

}  // namespace wireway::control
