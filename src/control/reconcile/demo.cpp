#include "control/reconcile/demo.h"

#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/embedded.h"
#include "base/log.h"
#include "base/yaml.h"

namespace wireway::embedded {
std::span<const EmbeddedFile> quickstart();
}

namespace wireway::control {

std::vector<json::value> demo_manifests(std::uint16_t simulator_port) {
  std::vector<json::value> out;
  for (const EmbeddedFile& file : embedded::quickstart()) {
    if (!file.path.ends_with(".yaml")) continue;
    auto documents = parse_yaml(file.content);
    WIREWAY_ASSERT(documents.has_value(), "the files of examples/quickstart are well-formed YAML");
    for (YamlDocument& document : *documents) out.push_back(std::move(document.value));
  }
  for (json::value& manifest : out) {
    if (text_at(manifest, {"kind"}) != resource::asset_endpoint_profile.kind) continue;
    manifest.at("spec").as_object()["targetAddress"] =
        fmt::format("opc.tcp://127.0.0.1:{}", simulator_port);
  }
  return out;
}

Demo::Demo(net::Env& env, resource::Resources& resources, std::uint16_t simulator_port)
    : resources_(resources), manifests_(demo_manifests(simulator_port)), retry_(env.loop) {}

void Demo::start() {
  for (std::size_t i = 0; i < manifests_.size(); ++i) create(i);
}

void Demo::create(std::size_t index) {
  resources_.create(manifests_[index], [this, index](const Result<json::value>& result) {
    const json::value& manifest = manifests_[index];
    const bool exists = !result && result.error().code == Errc::conflict;
    if (!result && !exists) {
      log::error("demo: {} {}: {}", text_at(manifest, {"kind"}),
                 text_at(manifest, {"metadata", "name"}), result.error().message);
      if (result.error().code == Errc::invalid) return;
      retries_.push_back(index);
      retry_.arm(retry_interval, [this] {
        for (const std::size_t each : std::exchange(retries_, {})) create(each);
      });
      return;
    }
    if (result) ++created_;
    if (++settled_ == manifests_.size())
      log::info("demo: {} resources created, {} were there", created_, settled_ - created_);
  });
}

}  // namespace wireway::control
