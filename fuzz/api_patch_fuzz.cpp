// Patches of every kind on any object: a refusal or an object that can be written and read again;
// and what was applied once changes nothing when it is applied again. The first line is the object,
// the second the patch.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "control/api/fields.h"
#include "control/api/object_meta.h"
#include "control/api/patch.h"

using namespace wireway;

namespace {

const json::value& schema() {
  static const json::value out = json::parse(R"({"type":"object","properties":{"spec":{
    "type":"object","properties":{
      "m":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"],
           "items":{"type":"object"}},
      "s":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}},
      "a":{"type":"object","x-kubernetes-map-type":"atomic"}}}}})");
  return out;
}

void must_survive(const json::value& value) {
  if (control::depth_of(value) > control::object_depth_max) return;
  WIREWAY_ASSERT(parse_json(json::serialize(value)).has_value(), "what was patched can be read");
}

void apply_twice(const json::value& live, const json::value& patch) {
  json::value object = live;
  json::value applied = patch;
  for (json::value* each : {&object, &applied}) {
    if (!each->is_object()) return;
    json::value& metadata = each->get_object()["metadata"];
    if (!metadata.is_object()) metadata = json::object();
    for (const char* maps : {"labels", "annotations"})
      if (json::value* map = metadata.get_object().if_contains(maps); map && !map->is_object())
        metadata.get_object().erase(maps);
  }
  applied.get_object()["metadata"].get_object().erase("managedFields");
  json::object settled = object.get_object()["metadata"].get_object();
  control::choose_managers({}, settled);
  object.get_object()["metadata"] = std::move(settled);
  const control::FieldWriter writer{"fuzz", "v1", "", WallTime{}};
  auto once = control::apply_fields(object, applied, schema(), writer, {.all = true});
  if (!once) return;
  must_survive(*once);
  (void)control::fields_still(applied, object, schema());
  auto twice = control::apply_fields(*once, applied, schema(), writer, {});
  WIREWAY_ASSERT(twice.has_value(), "nobody conflicts with himself");
  must_survive(*twice);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(text.find('\n'), text.size());
  const auto object = parse_json(text.substr(0, end));
  const auto patch = parse_json(text.substr(std::min(end + 1, text.size())));
  if (!object || !patch) return 0;
  if (!control::is_finite(*object) || !control::is_finite(*patch)) return 0;  // refused before
  json::value merged = *object;
  control::merge_patch(merged, *patch);
  must_survive(merged);
  json::value strategic = *object;
  if (control::strategic_merge_patch(strategic, *patch)) must_survive(strategic);
  json::value pointed = *object;
  if (control::json_patch(pointed, *patch)) must_survive(pointed);
  apply_twice(*object, *patch);
  return 0;
}
