#include "resource/kind.h"

namespace wireway::resource {

std::string api_version(const Kind& kind) {
  if (kind.group.empty()) return std::string(kind.version);
  return std::string(kind.group) + "/" + std::string(kind.version);
}

std::string ObjectKey::to_string() const { return space.empty() ? name : space + "/" + name; }

ObjectKey key_of(const json::value& object) {
  return {text_at(object, {"metadata", "namespace"}), text_at(object, {"metadata", "name"})};
}

std::int64_t generation_of(const json::value& object) {
  return int_at(object, {"metadata", "generation"}, 0);
}

}  // namespace wireway::resource
