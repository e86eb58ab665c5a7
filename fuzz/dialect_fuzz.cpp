// Tables of dialects and objects of all shapes: a refusal or a conversion that ends.
// The first line is the table, the rest the object.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "resource/dialect.h"

using namespace wireway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(text.find('\n'), text.size());
  const auto table = parse_json(text.substr(0, end));
  const auto object = parse_json(text.substr(std::min(end + 1, text.size())));
  if (!table || !object) return 0;
  const auto dialects = resource::Dialects::parse(*table);
  if (!dialects) return 0;
  for (const char* version : {"v1", "v1beta1"})
    for (const auto given :
         {resource::Dialects::Given::whole, resource::Dialects::Given::patched}) {
      json::value stored = *object;
      (void)dialects->to_stored(stored, version, given);
      dialects->from_stored(stored, version);
      json::value patch = *object;
      (void)dialects->patch_to_current(patch, version);
    }
  return 0;
}
