#include "app/ready_report.h"

#include <fmt/format.h>

namespace wireway::app {

ReadyReport::ReadyReport(net::Env& env, resource::Resources& resources,
                         std::function<void(std::vector<std::string>)> print)
    : env_(env),
      print_(std::move(print)),
      controller_(env, resources, "ready",
                  [](const resource::ObjectKey&) { return resource::Step{}; }),
      timer_(env.loop) {
  const auto no_keys = [](const json::value&) { return std::vector<resource::ObjectKey>{}; };
  for (const resource::Kind& kind :
       {resource::broker, resource::broker_listener, resource::asset_endpoint_profile,
        resource::asset, resource::dataflow_endpoint, resource::dataflow})
    caches_.emplace_back(kind, &controller_.watch(kind, "", no_keys));
}

void ReadyReport::start() {
  deadline_ = env_.loop.now() + patience;
  controller_.start();
  look();
}

void ReadyReport::look() {
  const std::vector<std::string> troubles = not_ready();
  if (controller_.synced() && troubles.empty()) return print_({});
  if (env_.loop.now() >= deadline_) return print_(troubles);
  timer_.arm(look_interval, [this] { look(); });
}

std::vector<std::string> ReadyReport::not_ready() const {
  std::vector<std::string> out;
  bool any = false;
  for (const auto& [kind, cache] : caches_) {
    for (const auto& [key, object] : cache->all()) {
      any = true;
      const json::value* ready = resource::condition_of(object, "Ready");
      if (ready != nullptr && text_at(*ready, {"status"}) == "True") continue;
      out.push_back(
          ready == nullptr
              ? fmt::format("{} {}: no service has reported on it yet", kind.kind, key.name)
              : fmt::format("{} {}: {}: {}", kind.kind, key.name, text_at(*ready, {"reason"}),
                            text_at(*ready, {"message"})));
    }
  }
  if (!any)
    out.emplace_back("there are no resources yet: start with --demo, or apply some with kubectl");
  return out;
}

}  // namespace wireway::app
