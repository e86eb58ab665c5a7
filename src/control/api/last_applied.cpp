#include "control/api/last_applied.h"

#include "control/api/object_meta.h"

namespace wireway::control {
namespace {

std::size_t bytes_of(const json::object& texts) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : texts)
    bytes += key.size() + (value.is_string() ? value.get_string().size() : 0);
  return bytes;
}

}  // namespace

std::optional<json::object> last_applied(const json::value& object) {
  const json::value* text = find(object, "metadata", "annotations", last_applied_annotation);
  if (text == nullptr || !text->is_string()) return std::nullopt;
  auto manifest = parse_json(text->get_string());
  if (!manifest || !manifest->is_object()) return std::nullopt;
  return std::move(manifest->get_object());
}

void follow_last_applied(json::value& object, const json::object& applied) {
  const json::value* text = find(object, "metadata", "annotations", last_applied_annotation);
  if (text == nullptr || !text->is_string() || text->get_string().empty()) return;
  json::object manifest = applied;
  if (json::value* metadata = manifest.if_contains("metadata");
      metadata != nullptr && metadata->is_object())
    if (json::value* annotations = metadata->get_object().if_contains("annotations");
        annotations != nullptr && annotations->is_object())
      annotations->get_object().erase(last_applied_annotation);
  json::object& annotations = object.as_object()["metadata"].as_object()["annotations"].as_object();
  annotations[last_applied_annotation] = json::serialize(manifest) + "\n";
  if (bytes_of(annotations) > annotations_bytes_max) annotations[last_applied_annotation] = "";
}

}  // namespace wireway::control
