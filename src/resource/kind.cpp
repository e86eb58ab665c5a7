#include "resource/kind.h"

#include <fmt/format.h>

namespace wireway::resource {

std::string api_version(const Kind& kind) {
  if (kind.group.empty()) return std::string(kind.version);
  return std::string(kind.group) + "/" + std::string(kind.version);
}

std::string ObjectKey::to_string() const { return space.empty() ? name : space + "/" + name; }

std::string automatic_secret(const json::value& port, std::string_view listener) {
  std::string named = text_at(port, {"tls", "certManagerCertificateSpec", "secretName"});
  if (!named.empty()) return named;
  return fmt::format("{}-{}-tls", listener, int_at(port, {"port"}, 0));
}

ObjectKey key_of(const json::value& object) {
  return {text_at(object, {"metadata", "namespace"}), text_at(object, {"metadata", "name"})};
}

std::int64_t generation_of(const json::value& object) {
  return int_at(object, {"metadata", "generation"}, 0);
}

}  // namespace wireway::resource
