// The CustomResourceDefinitions of crds/, as the build has put them into the binary.

#include <fmt/format.h>

#include "base/assert.h"
#include "base/embedded.h"
#include "base/yaml.h"
#include "resource/schema.h"

namespace wireway::embedded {
std::span<const EmbeddedFile> crds();
}

namespace wireway::resource {

const std::vector<json::value>& embedded_crds() {
  static const std::vector<json::value> crds = [] {
    std::vector<json::value> out;
    for (const EmbeddedFile& file : embedded::crds()) {
      if (!file.path.ends_with(".yaml")) continue;
      auto documents = parse_yaml(file.content);
      WIREWAY_ASSERT(documents.has_value(), "the files of crds/ are well-formed YAML");
      for (YamlDocument& document : *documents) out.push_back(std::move(document.value));
    }
    return out;
  }();
  return crds;
}

}  // namespace wireway::resource
