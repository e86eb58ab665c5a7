#include "resource/kube_resources.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/log.h"
#include "resource/detail/kube_http.h"
#include "resource/detail/kube_watch.h"

namespace wireway::resource {
namespace {

constexpr Duration retry_min = std::chrono::milliseconds{250};
constexpr Duration retry_max = std::chrono::seconds{10};
constexpr std::size_t events_remembered_max = 1024;

/// The URL of an object by what it says of itself. Its plural comes from the kinds we know, else by rule.
Kind kind_of(const json::value& object, std::string& version_storage, std::string& plural_storage) {
  static constexpr Kind known[] = {
      broker, broker_listener, broker_authentication, broker_authorization, asset,
      asset_endpoint_profile, dataflow, dataflow_endpoint, dataflow_profile, namespace_kind, secret,
      config_map, event, custom_resource_definition};
  const std::string version = text_at(object, {"apiVersion"});
  const auto slash = version.find('/');
  const std::string group = slash == std::string::npos ? "" : version.substr(0, slash);
  const std::string name = text_at(object, {"kind"});
  version_storage = slash == std::string::npos ? version : version.substr(slash + 1);
  for (Kind one : known) {
    if (one.kind != name || one.group != group) continue;
    one.version = version_storage;
    return one;
  }
  for (const char c : name) plural_storage.push_back(char(c >= 'A' && c <= 'Z' ? c + 32 : c));
  plural_storage += plural_storage.ends_with('s') ? "es" : "s";
  return {{}, version_storage, {}, plural_storage, true};
}

class KubeResources final : public Resources {
 public:
  KubeResources(net::OsLoop& loop, KubeOptions options)
      : http_(std::make_shared<KubeHttp>(loop, std::move(options))) {}
  ~KubeResources() override { *alive_ = false; }

  std::unique_ptr<Watch> watch(const Kind& kind, const std::string& space,
                               WatchHandler& handler) override {
    return std::make_unique<KubeWatch>(http_, kind, space, handler);
  }
  void get(const Kind& kind, const ObjectKey& key, Done done) override {
    http_->send(http_->request("GET", path_of(kind, key.space, key.name)), guarded(std::move(done)));
  }
  void apply(const json::value& object, const std::string& manager, Done done) override;
  void create(const json::value& object, Done done) override;
  void remove(const Kind& kind, const ObjectKey& key, Done done) override {
    http_->send(http_->request("DELETE", path_of(kind, key.space, key.name)),
                guarded(std::move(done)));
  }
  void patch_status(const Kind& kind, const ObjectKey& key, json::object status) override;
  void emit(EventRecord record) override;

 private:
  /// The status writes of one object: one under way, and what has come since.
  struct StatusLane {
    Kind kind;
    json::object pending;
    bool under_way = false;
    Duration retry_delay = retry_min;
    std::unique_ptr<net::Timer> retry;
  };
  using LaneKey = std::pair<std::string, ObjectKey>;

  KubeHttp::Done guarded(Done done) {
    return [done = std::move(done), alive = alive_](Result<json::value> answer) {
      if (*alive && done) done(std::move(answer));
    };
  }
  std::string object_path(const json::value& object, bool collection, std::string& group) const;
  void send_status(const LaneKey& lane_key);
  void on_status(const LaneKey& lane_key, json::object sent, Result<json::value> answer);
  void create_event(const EventRecord& record, const std::string& signature);

  struct Remembered {
    std::string name;
    std::int64_t count = 1;
  };
  std::shared_ptr<KubeHttp> http_;
  std::map<LaneKey, StatusLane> lanes_;
  std::map<std::string, Remembered> events_;
  std::uint64_t event_number_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

std::string KubeResources::object_path(const json::value& object, bool collection,
                                       std::string& group) const {
  std::string version;
  std::string plural;
  Kind kind = kind_of(object, version, plural);
  if (kind.kind.empty()) {
    const std::string api = text_at(object, {"apiVersion"});
    group = api.substr(0, std::min(api.find('/'), api.size()));
    kind.group = api.find('/') == std::string::npos ? std::string_view{} : std::string_view(group);
  }
  const ObjectKey key = key_of(object);
  const std::string space = kind.namespaced && key.space.empty() ? std::string(default_namespace)
                                                                  : key.space;
  return path_of(kind, space, collection ? "" : key.name);
}

void KubeResources::apply(const json::value& object, const std::string& manager, Done done) {
  std::string group;
  auto request = http_->request("PATCH", object_path(object, false, group) + "?force=true" +
                                             "&fieldValidation=Strict&fieldManager=" +
                                             url_encode(manager));
  request.headers.emplace_back("content-type", "application/apply-patch+yaml");
  request.body = json::serialize(object);
  http_->send(std::move(request), guarded(std::move(done)));
}

void KubeResources::create(const json::value& object, Done done) {
  std::string group;
  auto request =
      http_->request("POST", object_path(object, true, group) + "?fieldManager=" +
                                 url_encode(http_->options().component));
  request.headers.emplace_back("content-type", "application/json");
  request.body = json::serialize(object);
  http_->send(std::move(request), guarded(std::move(done)));
}

void KubeResources::patch_status(const Kind& kind, const ObjectKey& key, json::object status) {
  const LaneKey lane_key{std::string(kind.plural), key};
  StatusLane& lane = lanes_[lane_key];
  lane.kind = kind;
  for (auto& [name, value] : status) lane.pending[name] = std::move(value);
  if (!lane.under_way) send_status(lane_key);
}

void KubeResources::send_status(const LaneKey& lane_key) {
  StatusLane& lane = lanes_.at(lane_key);
  lane.under_way = true;
  json::object sent = std::exchange(lane.pending, {});
  auto request = http_->request(
      "PATCH", path_of(lane.kind, lane_key.second.space, lane_key.second.name) +
                   "/status?fieldManager=" + url_encode(http_->options().component));
  request.headers.emplace_back("content-type", "application/merge-patch+json");
  request.body = json::serialize(json::object{{"status", sent}});
  http_->send(std::move(request), [this, alive = alive_, lane_key, sent = std::move(sent)](
                                      Result<json::value> answer) mutable {
    if (*alive) on_status(lane_key, std::move(sent), std::move(answer));
  });
}

void KubeResources::on_status(const LaneKey& lane_key, json::object sent,
                              Result<json::value> answer) {
  StatusLane& lane = lanes_.at(lane_key);
  const bool gone = !answer && answer.error().code == Errc::not_found;
  const bool refused = !answer && answer.error().code == Errc::invalid;
  if (refused)
    log::error("status of {} {} was refused: {}", lane_key.first, lane_key.second.to_string(),
               answer.error().message);
  if (answer || gone || refused) {
    lane.under_way = false;
    lane.retry_delay = retry_min;
    if (!gone && !lane.pending.empty()) send_status(lane_key);
    else lanes_.erase(lane_key);
    return;
  }
  // What has come since is newer than what was sent.
  for (auto& [name, value] : sent)
    if (!lane.pending.contains(name)) lane.pending[name] = std::move(value);
  if (!lane.retry) lane.retry = std::make_unique<net::Timer>(http_->loop());
  lane.retry->arm(lane.retry_delay, [this, lane_key] { send_status(lane_key); });
  lane.retry_delay = std::min(lane.retry_delay * 2, retry_max);
}

void KubeResources::emit(EventRecord record) {
  const std::string signature =
      fmt::format("{}/{}/{}/{}", record.kind.plural, record.about.to_string(), record.reason,
                  record.message);
  const auto known = events_.find(signature);
  if (known == events_.end()) {
    if (events_.size() >= events_remembered_max) events_.clear();
    create_event(record, signature);
    return;
  }
  const std::string space = record.about.space.empty() ? "default" : record.about.space;
  auto request = http_->request("PATCH", path_of(event, space, known->second.name));
  request.headers.emplace_back("content-type", "application/merge-patch+json");
  request.body = json::serialize(
      json::object{{"count", ++known->second.count},
                   {"lastTimestamp", to_rfc3339(http_->loop().wall_now())}});
  http_->send(std::move(request), guarded([this, record, signature](Result<json::value> answer) {
                // Events do not live for ever: a repeat of one that is gone is a new one.
                if (!answer && answer.error().code == Errc::not_found)
                  create_event(record, signature);
              }));
}

void KubeResources::create_event(const EventRecord& record, const std::string& signature) {
  const WallTime now = http_->loop().wall_now();
  const std::string space = record.about.space.empty() ? "default" : record.about.space;
  const std::string name = fmt::format("{}.{:x}{:03x}", record.about.name, now.since_epoch.count(),
                                       ++event_number_ & 0xFFF);
  events_[signature] = {name, 1};
  const std::string time = to_rfc3339(now);
  const json::object object = {
      {"apiVersion", "v1"},
      {"kind", "Event"},
      {"metadata", {{"name", name}, {"namespace", space}}},
      {"involvedObject",
       {{"apiVersion", api_version(record.kind)},
        {"kind", record.kind.kind},
        {"name", record.about.name},
        {"namespace", record.about.space}}},
      {"type", record.warning ? "Warning" : "Normal"},
      {"reason", record.reason},
      {"message", record.message},
      {"source", {{"component", record.component}}},
      {"reportingComponent", record.component},
      {"firstTimestamp", time},
      {"lastTimestamp", time},
      {"count", 1}};
  create(object, [signature](const Result<json::value>& answer) {
    if (!answer) log::warn("event not written: {}", answer.error().message);
  });
}

}  // namespace

std::unique_ptr<Resources> make_kube_resources(net::OsLoop& loop, KubeOptions options) {
  return std::make_unique<KubeResources>(loop, std::move(options));
}

}  // namespace wireway::resource
