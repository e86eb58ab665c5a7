#include "dataflow/trial.h"

#include <algorithm>

#include <fmt/format.h>

namespace wireway::dataflow {

Trial::Trial(net::Env& env, const std::string& name, std::vector<Candidate> candidates,
             std::move_only_function<void()> on_change)
    : on_change_(std::move(on_change)) {
  for (Candidate& candidate : candidates) {
    link::MqttClientOptions options;
    options.server = candidate.server;
    options.client_id = fmt::format("dataflow-trial-{}-{}", name, parts_.size());
    parts_.push_back({std::move(candidate),
                      std::make_unique<link::MqttClient>(
                          env, std::move(options), [this](const link::MqttState&) { on_change_(); },
                          [](flow::Message, flow::Ack) {})});
  }
  for (Part& part : parts_) part.client->start();
}

bool Trial::passed() const {
  return std::ranges::all_of(parts_,
                             [](const Part& part) { return part.client->state().connected; });
}

std::string Trial::trouble() const {
  for (const Part& part : parts_) {
    const link::MqttState& state = part.client->state();
    if (state.tried && !state.connected)
      return fmt::format("DataflowEndpoint {}: {}", part.candidate.endpoint, state.message);
  }
  return {};
}

bool Trial::is_about(const std::string& endpoint) const {
  return std::ranges::any_of(parts_,
                             [&](const Part& part) { return part.candidate.endpoint == endpoint; });
}

}  // namespace wireway::dataflow
