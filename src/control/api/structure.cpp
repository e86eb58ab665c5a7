#include "control/api/structure.h"

namespace wireway::control {
namespace {

/// Metadata's own structure: schemas of kinds leave it out.
const json::value& metadata_schema() {
  static const json::value schema = json::parse(R"({"type":"object","properties":{
    "finalizers":{"type":"array","x-kubernetes-list-type":"set"},
    "ownerReferences":{"type":"array","x-kubernetes-list-type":"map",
                       "x-kubernetes-list-map-keys":["uid"]}}})");
  return schema;
}

}  // namespace

Structure Structure::member(std::string_view key) const {
  if (schema_ == nullptr) return Structure(nullptr);
  if (const json::value* child = find(*schema_, "properties", key)) {
    // Only the root of a resource has an untyped object named metadata.
    if (key == "metadata" && find(*child, "properties") == nullptr)
      return Structure(metadata_schema());
    return Structure(child);
  }
  if (key == "metadata") return Structure(metadata_schema());
  const json::value* additional = find(*schema_, "additionalProperties");
  return Structure(additional != nullptr && additional->is_object() ? additional : nullptr);
}

Structure Structure::items() const {
  return Structure(schema_ == nullptr ? nullptr : find(*schema_, "items"));
}

std::string_view Structure::list_type() const {
  const json::value* type = schema_ == nullptr ? nullptr : find(*schema_, "x-kubernetes-list-type");
  return type != nullptr && type->is_string() ? std::string_view(type->get_string()) : "";
}

bool Structure::is_atomic_map() const {
  const json::value* type = schema_ == nullptr ? nullptr : find(*schema_, "x-kubernetes-map-type");
  return type != nullptr && *type == "atomic";
}

std::string Structure::item_key(const json::value& item) const {
  if (!is_keyed_list()) return "v:" + json::serialize(item);
  json::object keys;
  const json::value* names = find(*schema_, "x-kubernetes-list-map-keys");
  if (names != nullptr && names->is_array())
    for (const json::value& name : names->get_array())
      if (name.is_string())
        if (const json::value* value = find(item, name.get_string()))
          keys[name.get_string()] = *value;
  return "k:" + json::serialize(keys);
}

const json::value* Structure::find_item(const json::array& list, std::string_view key) const {
  for (const json::value& item : list)
    if (item_key(item) == key) return &item;
  return nullptr;
}

}  // namespace wireway::control
