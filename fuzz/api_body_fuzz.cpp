// Bodies as JSON, YAML and protobuf: a refusal or JSON that can be written and read again; what is
// said about repeated keys agrees with what was read.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "control/api/object_meta.h"

using namespace wireway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const char* types[] = {"application/json", "application/yaml",
                         "application/vnd.kubernetes.protobuf"};
  const std::size_t which = data[0] % 3;
  if (which == 2) body.insert(0, std::string("k8s\0", 4));
  std::vector<std::string> repeated;
  auto read = control::read_body(types[which], body, &repeated);
  if (!read) return 0;
  const std::string text = json::serialize(*read);
  if (control::depth_of(*read) <= control::object_depth_max)
    WIREWAY_ASSERT(parse_json(text).has_value(), "what was read can be written and read");
  repeated.clear();
  (void)control::read_body("application/json", text, &repeated);
  WIREWAY_ASSERT(repeated.empty(), "what we write repeats nothing");
  if (!read->is_object()) return 0;
  std::vector<std::string> unknown;
  if (!control::read_meta(read->get_object(), unknown)) return 0;
  std::vector<resource::SchemaCause> causes;
  control::check_meta(read->get_object(), causes);
  return 0;
}
