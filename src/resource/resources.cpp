#include "resource/resources.h"

namespace wireway::resource {

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
