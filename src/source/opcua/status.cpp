#include "source/opcua/status.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "source/opcua/outbox.h"

namespace wireway::source::opcua {
namespace {

using resource::Condition;

Condition not_ready(std::string reason, std::string message) {
  return {.status = false, .reason = std::move(reason), .message = std::move(message)};
}

Condition ready(std::string reason, std::string message) {
  return {.status = true, .reason = std::move(reason), .message = std::move(message)};
}

std::string plural(std::size_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

/// "; note: ... (and 2 more)", or nothing.
std::string notes_text(const std::vector<std::string>& notes) {
  if (notes.empty()) return {};
  if (notes.size() == 1) return "; note: " + notes.front();
  return fmt::format("; note: {} (and {} more)", notes.front(), notes.size() - 1);
}

/// Faults of the manifest and tags that the server refuses, up to a few by name.
std::string degraded_text(const AssetFacts& facts, std::size_t refused, std::size_t total) {
  std::string text = fmt::format("{} of {} cannot be monitored", refused, plural(total, "tag"));
  std::vector<std::string> named = facts.model->faults;
  if (facts.report != nullptr)
    named.insert(named.end(), facts.report->refused_named.begin(),
                 facts.report->refused_named.end());
  if (named.size() > AssetReport::refused_named_max) named.resize(AssetReport::refused_named_max);
  text += fmt::format(": {}", fmt::join(named, "; "));
  if (refused > named.size()) text += fmt::format("; and {} more", refused - named.size());
  if (refused < total) text += "; the others go on";
  return text;
}

}  // namespace

Condition endpoint_condition(const EndpointFacts& facts) {
  if (facts.model == nullptr) return not_ready("InvalidConfiguration", facts.fault);
  const EndpointModel& model = *facts.model;
  if (!model.refusal.empty()) return not_ready("NotServedYet", model.refusal);
  if (facts.state == nullptr)
    return not_ready("Connecting", fmt::format("connecting to {}", model.url));
  const SessionState& state = *facts.state;
  if (!state.is_connected)
    return not_ready(state.failure.reason,
                     fmt::format("{}; tried again for ever, at least every {} s",
                                 state.failure.message, (model.reconnect_ms_max + 999) / 1000));
  if (!state.failure.reason.empty()) return not_ready(state.failure.reason, state.failure.message);
  return ready(
      "Connected",
      fmt::format("connected to {}: {}, security None, anonymous, session since {}; {} "
                  "with {}{}",
                  model.url, state.product, to_rfc3339(state.since), plural(facts.assets, "asset"),
                  plural(facts.points, "tag"), notes_text(model.notes)));
}

Condition asset_condition(const AssetFacts& facts) {
  const AssetModel& model = *facts.model;
  if (!model.enabled) return not_ready("Disabled", "spec.enabled is false: no tags are monitored");
  if (!facts.endpoint)
    return not_ready("EndpointMissing",
                     fmt::format("AssetEndpointProfile {} is not there: create it or correct "
                                 "assetEndpointProfileRef",
                                 model.endpoint));
  if (facts.endpoint->reason == "Connecting") return not_ready("Starting", facts.endpoint->message);
  if (!facts.endpoint->status)
    return not_ready("EndpointNotReady",
                     fmt::format("endpoint {}: {}: {}", model.endpoint, facts.endpoint->reason,
                                 facts.endpoint->message));
  const std::size_t points = model.point_count();
  const std::size_t total = points + model.faults.size();
  if (total == 0) return not_ready("NoTags", "the asset has no data points: add some");
  const std::size_t refused =
      model.faults.size() + (facts.report != nullptr ? facts.report->refused : 0);
  if (refused > 0) return not_ready("Degraded", degraded_text(facts, refused, total));
  if (facts.report == nullptr || facts.report->monitored < points)
    return not_ready("Starting",
                     fmt::format("asking the server to monitor {}", plural(points, "tag")));
  if (!facts.broker_trouble.empty())
    return not_ready("BrokerUnavailable", fmt::format("{}; the newest {} messages are kept",
                                                      facts.broker_trouble, Outbox::messages_max));
  if (!facts.has_value)
    return facts.waits_too_long
               ? not_ready("NoData", fmt::format("no value has come since monitoring began: check "
                                                 "that {} publishes",
                                                 model.endpoint))
               : not_ready("Starting", "waiting for the first values");
  std::string text =
      fmt::format("{} monitored at endpoint {}, published to {}", plural(points, "tag"),
                  model.endpoint, model.datasets.front().topic);
  if (facts.dropped > 0)
    text += fmt::format("; {} were dropped while the broker was away",
                        plural(facts.dropped, "message"));
  text += notes_text(model.notes);
  if (!facts.idle_since) return ready("Monitored", std::move(text));
  return ready("Idle", fmt::format("no data since {}: no value has changed; {}",
                                   to_rfc3339(*facts.idle_since), text));
}

}  // namespace wireway::source::opcua
