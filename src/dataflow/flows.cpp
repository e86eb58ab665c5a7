#include "dataflow/flows.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json_text.h"
#include "base/log.h"

namespace wireway::dataflow {
namespace {

/// A storage sink commits batches; the source must be allowed to have one in flight.
constexpr std::size_t batch_window_max = 5000;

std::string signature_of(const Wanted& wanted) {
  json::array filters(wanted.filters.begin(), wanted.filters.end());
  return to_json(json::object{
      {"source",
       find(wanted.source.manifest, "spec") ? *find(wanted.source.manifest, "spec") : nullptr},
      {"destination_endpoint", *find(wanted.destination.manifest, "spec")},
      {"destination", wanted.plan.destination},
      {"transformation", wanted.plan.transformation},
      {"polarity", wanted.plan.polarity == Polarity::true_drops},
      {"persistence", wanted.plan.request_disk_persistence},
      {"instances", wanted.instance_count},
      {"schema", wanted.schema ? *wanted.schema : json::value()},
      {"filters", std::move(filters)}});
}

std::string describe_flow(const Wanted& wanted) {
  std::string out = fmt::format("{} from {} to {} ({})", fmt::join(wanted.filters, ", "),
                                wanted.plan.source_endpoint,
                                text_at(json::value(wanted.plan.destination), {"dataDestination"}),
                                wanted.plan.destination_endpoint);
  if (wanted.plan.has_filter)
    out += wanted.plan.polarity == Polarity::true_drops
               ? "; a filter rule that is true drops the message"
               : "; a filter rule that is true lets the message pass";
  if (!wanted.source.is_local_broker && !wanted.destination.is_local_broker)
    out += "; neither end is the local broker, which other implementations demand";
  return out;
}

}  // namespace

Flows::Flows(net::Env& env, const DataflowServiceOptions& options, OnHealth on_health_changed)
    : env_(env), options_(options), on_health_changed_(std::move(on_health_changed)) {}

Result<std::unique_ptr<flow::Sink>> Flows::make_sink(const resource::ObjectKey& key,
                                                     const Wanted& wanted) {
  const auto factory = options_.sinks.find(wanted.destination.type);
  if (factory == options_.sinks.end())
    return fail(Errc::unsupported,
                fmt::format("endpoint {}: destinations of type {} are not served "
                            "yet",
                            wanted.destination.name, wanted.destination.type));
  flow::SinkOptions options;
  options.name = wanted.plan.name;
  options.endpoint = wanted.destination.manifest;
  options.destination = wanted.plan.destination;
  json::object transformation = wanted.plan.transformation;
  if (wanted.schema) transformation["schema"] = *wanted.schema;
  options.transformation = std::move(transformation);
  options.data_folder = options_.data_folder;
  options.on_health_changed = [this, key] { on_health_changed_(key); };
  if (wanted.instance_count > 1) options.name += fmt::format("-{}", options_.instance);
  return factory->second(env_, options);
}

PipelineOptions Flows::options_for(const Wanted& wanted) const {
  const MqttSettings& mqtt = *wanted.source.mqtt;
  PipelineOptions out;
  out.name = wanted.plan.name;
  out.filters = wanted.filters;
  out.rules = wanted.plan.rules();
  out.window = mqtt.inflight_max;
  if (wanted.destination.batch_messages_max > 0)
    out.window =
        std::max(out.window, std::min(wanted.destination.batch_messages_max, batch_window_max));
  const std::string prefix = mqtt.client_id_prefix.empty() ? "dataflow-" : mqtt.client_id_prefix;
  out.source.server = mqtt.server;
  out.source.client_id = prefix + wanted.plan.name;
  if (wanted.instance_count > 1) out.source.client_id += fmt::format("-{}", options_.instance);
  out.source.clean_start = false;
  out.source.session_expiry_s = mqtt.session_expiry_s;
  out.source.keep_alive_s = mqtt.keep_alive_s;
  out.source.receive_maximum = static_cast<std::uint16_t>(std::min<std::size_t>(out.window, 65535));
  if (wanted.plan.request_disk_persistence)
    out.source.user_properties.emplace_back("aio-persistence", "true");
  return out;
}

Flows::End Flows::end_of(const EndpointPlan& plan) {
  End out{plan.name, resource::generation_of(plan.manifest), std::nullopt};
  if (plan.mqtt) out.server = plan.mqtt->server;
  return out;
}

/// A dataflow that does not do its work has nothing to lose, and servers that it uses are known.
Result<bool> Flows::may_move(const resource::ObjectKey& key, const Wanted& wanted,
                             const std::string& signature) {
  const Running& running = running_.at(key);
  std::vector<Trial::Candidate> candidates;
  for (const EndpointPlan* plan : {&wanted.source, &wanted.destination})
    if (plan->mqtt && running.source.server != plan->mqtt->server &&
        running.destination.server != plan->mqtt->server)
      candidates.push_back({plan->name, plan->mqtt->server});
  if (candidates.empty() || !health(key).ready) return true;
  Tried& tried = trials_[key];
  if (tried.trial == nullptr || tried.signature != signature) {
    tried.signature = signature;
    tried.trial = std::make_unique<Trial>(env_, wanted.plan.name, std::move(candidates),
                                          [this, key] { on_health_changed_(key); });
  }
  if (tried.trial->passed()) return true;
  if (std::string trouble = tried.trial->trouble(); !trouble.empty())
    return fail(Errc::unavailable, std::move(trouble));
  return false;
}

Result<bool> Flows::bring_up(const resource::ObjectKey& key, Wanted wanted) {
  std::string signature = signature_of(wanted);
  const auto found = running_.find(key);
  if (found != running_.end() && found->second.signature == signature) {
    found->second.generation = wanted.generation;
    found->second.source = end_of(wanted.source);
    found->second.destination = end_of(wanted.destination);
    trials_.erase(key);
    return true;
  }
  if (found != running_.end())
    if (const auto may = may_move(key, wanted, signature); !may || !*may) return may;
  auto sink = make_sink(key, wanted);
  if (!sink) return std::unexpected(std::move(sink.error()));
  trials_.erase(key);

  PipelineOptions options = options_for(wanted);
  Running next{.signature = std::move(signature),
               .generation = wanted.generation,
               .source = end_of(wanted.source),
               .destination = end_of(wanted.destination),
               .description = describe_flow(wanted),
               .ledger = std::make_unique<Ledger>(),
               .pipeline = nullptr};
  if (found != running_.end()) {
    // What the one before had not delivered goes back to the session that the next one resumes.
    for (const std::string& filter : found->second.pipeline->filters())
      if (std::ranges::find(options.filters, filter) == options.filters.end())
        options.stale_filters.push_back(filter);
    found->second.pipeline.reset();
    next.ledger = std::move(found->second.ledger);
  }
  next.pipeline =
      std::make_unique<Pipeline>(env_, std::move(options), std::move(*sink), *next.ledger,
                                 [this, key] { on_health_changed_(key); });
  Running& now = running_[key] = std::move(next);
  now.pipeline->start();
  log::info("dataflow {}: {}", key.name, now.description);
  return true;
}

void Flows::end(const resource::ObjectKey& key) { end(key, Pipeline::End::drop_session); }

void Flows::end(const resource::ObjectKey& key, Pipeline::End how) {
  trials_.erase(key);
  const auto found = running_.find(key);
  if (found == running_.end()) return;
  ending_.push_back({key, std::move(found->second)});
  running_.erase(found);
  const auto place = std::prev(ending_.end());
  place->running.pipeline->end(how, [this, place] {
    Flows& self = *this;  // erasing destroys what this lambda holds
    self.ending_.erase(place);
    if (!self.ending_.empty() || !self.all_ended_) return;
    net::Task done = std::exchange(self.all_ended_, nullptr);
    done();
  });
}

void Flows::end_all(net::Task done) {
  std::vector<resource::ObjectKey> keys;
  for (const auto& [key, running] : running_) keys.push_back(key);
  if (keys.empty() && ending_.empty()) return env_.loop.post(std::move(done));
  all_ended_ = std::move(done);
  for (const auto& key : keys) end(key, Pipeline::End::keep_session);
}

bool Flows::is_ending(const resource::ObjectKey& key) const {
  return std::ranges::any_of(ending_, [&](const Ending& ending) { return ending.key == key; });
}

flow::Health Flows::health(const resource::ObjectKey& key) const {
  const Running& running = running_.at(key);
  if (flow::Health source = running.pipeline->source_health(); !source.ready) return source;
  if (flow::Health sink = running.pipeline->sink().health(); !sink.ready) return sink;
  return {true, "Running", running.description};
}

std::int64_t Flows::generation(const resource::ObjectKey& key) const {
  return running_.at(key).generation;
}

std::optional<std::int64_t> Flows::endpoint_generation(const std::string& endpoint) const {
  std::optional<std::int64_t> out;
  for (const auto& [key, running] : running_)
    for (const End* end : {&running.source, &running.destination})
      if (end->endpoint == endpoint) out = std::min(out.value_or(end->generation), end->generation);
  return out;
}

std::string Flows::trial_trouble(const std::string& endpoint) const {
  for (const auto& [key, tried] : trials_)
    if (tried.trial->is_about(endpoint)) return tried.trial->trouble();
  return {};
}

std::optional<flow::Health> Flows::trouble_with(const std::string& endpoint) const {
  for (const auto& [key, running] : running_) {
    flow::Health source = running.pipeline->source_health();
    if (running.source.endpoint == endpoint && !source.ready) return source;
    flow::Health sink = running.pipeline->sink().health();
    if (running.destination.endpoint == endpoint && !sink.ready) return sink;
  }
  return std::nullopt;
}

json::object Flows::metrics() const {
  json::object out;
  for (const auto& [key, running] : running_) {
    const Ledger& ledger = *running.ledger;
    ledger.check();
    json::object destination = running.pipeline->sink().metrics();
    json::value last_error;
    if (!ledger.last_error.empty()) last_error = ledger.last_error;
    if (const json::value* theirs = destination.if_contains("last_error");
        theirs && last_error.is_null())
      last_error = *theirs;
    out[key.name] = {
        {"received", ledger.received},         {"delivered", ledger.delivered},
        {"filtered", ledger.filtered},         {"dead_lettered", ledger.dead_lettered},
        {"in_flight", ledger.in_flight},       {"dropped_when_busy", ledger.dropped_when_busy},
        {"bytes_in", ledger.bytes_in},         {"bytes_out", ledger.bytes_out},
        {"last_error", std::move(last_error)}, {"destination", std::move(destination)}};
  }
  return out;
}

}  // namespace wireway::dataflow
