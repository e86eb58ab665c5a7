#include "control/reconcile/unattended.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace wireway::control {
namespace {

using resource::Condition;

constexpr resource::Kind followed[] = {
    resource::broker,
    resource::broker_listener,
    resource::broker_authentication,
    resource::broker_authorization,
    resource::asset_endpoint_profile,
    resource::asset,
    resource::dataflow_profile,
    resource::dataflow_endpoint,
    resource::dataflow,
};

/// What makes a service run.
constexpr std::array needed{resource::broker, resource::asset_endpoint_profile,
                            resource::dataflow_profile};

/// The name of what an object cannot do without; "" if it names none.
std::string target_of(const resource::Kind& kind, const json::value& object) {
  if (kind == resource::dataflow) return text_at(object, {"spec", "profileRef"});
  if (kind == resource::asset) return text_at(object, {"spec", "assetEndpointProfileRef"});
  return "";
}

Condition not_ready(std::string reason, std::string message, std::string action) {
  return {.reason = std::move(reason), .message = std::move(message), .action = std::move(action)};
}

bool says(const json::value& object, const Condition& condition) {
  const json::value* ready = resource::condition_of(object, "Ready");
  return ready != nullptr && text_at(*ready, {"status"}) == "False" &&
         text_at(*ready, {"reason"}) == condition.reason &&
         text_at(*ready, {"message"}) == condition.message &&
         int_at(*ready, {"observedGeneration"}, 0) == resource::generation_of(object);
}

}  // namespace

/// Follows one kind; keeps of each object what it names.
class Unattended::Follower final : public resource::WatchHandler {
 public:
  Follower(Unattended& owner, const resource::Kind& kind)
      : owner_(owner), kind_(kind), is_needed_(std::ranges::find(needed, kind) != needed.end()) {}

  const resource::Kind& kind() const { return kind_; }
  const std::map<resource::ObjectKey, std::string>& objects() const { return objects_; }
  bool synced() const { return synced_; }
  void start() { watch_ = owner_.resources_.watch(kind_, "", *this); }

  void on_put(const json::value& object) override {
    const resource::ObjectKey key = resource::key_of(object);
    const auto [place, is_new] = objects_.insert_or_assign(key, target_of(kind_, object));
    if (!owner_.synced()) return;
    if (is_new && is_needed_) owner_.look_at_all();
    const auto trouble = owner_.why(kind_, key, place->second);
    if (trouble && !says(object, *trouble)) owner_.enqueue({this, key});
  }
  void on_erase(const resource::ObjectKey& key) override {
    if (objects_.erase(key) > 0 && is_needed_) owner_.look_at_all();
  }
  void on_synced() override {
    synced_ = true;
    owner_.look_at_all();
  }

 private:
  Unattended& owner_;
  const resource::Kind kind_;
  const bool is_needed_;  ///< by objects of other kinds
  bool synced_ = false;
  std::map<resource::ObjectKey, std::string> objects_;
  std::unique_ptr<resource::Watch> watch_;
};

Unattended::Unattended(net::Env& env, resource::Resources& resources, std::string space)
    : env_(env), resources_(resources), space_(std::move(space)), turn_(env.loop) {
  for (const resource::Kind& kind : followed)
    followers_.push_back(std::make_unique<Follower>(*this, kind));
}

Unattended::~Unattended() = default;

void Unattended::start() {
  for (const auto& follower : followers_) follower->start();
}

bool Unattended::synced() const {
  return std::ranges::all_of(followers_, [](const auto& each) { return each->synced(); });
}

bool Unattended::is_there(const resource::Kind& kind, const std::string& name) const {
  const auto found =
      std::ranges::find_if(followers_, [&](const auto& each) { return each->kind() == kind; });
  const auto& objects = (*found)->objects();
  if (!name.empty()) return objects.contains({space_, name});
  return std::ranges::any_of(objects, [&](const auto& each) { return each.first.space == space_; });
}

std::optional<Condition> Unattended::why(const resource::Kind& kind, const resource::ObjectKey& key,
                                         const std::string& target) const {
  if (key.space == space_) return missing(kind, target);
  return not_ready("NamespaceNotServed",
                   fmt::format("the services of this machine look at namespace {} only; this {} is "
                               "in {}",
                               space_, kind.kind, key.space),
                   fmt::format("create it in namespace {}", space_));
}

std::optional<Condition> Unattended::missing(const resource::Kind& kind,
                                             const std::string& target) const {
  const bool is_of_broker = kind == resource::broker_listener ||
                            kind == resource::broker_authentication ||
                            kind == resource::broker_authorization;
  if (is_of_broker && !is_there(resource::broker))
    return not_ready("BrokerMissing",
                     fmt::format("there is no Broker in {}, so no broker runs", space_),
                     "create a Broker, for example one named default");
  if (kind == resource::dataflow && !target.empty() &&
      !is_there(resource::dataflow_profile, target))
    return not_ready("ProfileMissing",
                     fmt::format("spec.profileRef names DataflowProfile {}, which does not exist "
                                 "in {}: nothing runs this dataflow",
                                 target, space_),
                     fmt::format("create DataflowProfile {}, or correct spec.profileRef", target));
  const bool needs_any_profile = kind == resource::dataflow || kind == resource::dataflow_endpoint;
  if (needs_any_profile && !is_there(resource::dataflow_profile))
    return not_ready("ProfileMissing",
                     fmt::format("there is no DataflowProfile in {}, so no dataflow runs", space_),
                     "create a DataflowProfile, for example one named default");
  if (kind == resource::asset && !is_there(resource::asset_endpoint_profile))
    return not_ready(
        "EndpointMissing",
        fmt::format("AssetEndpointProfile {} does not exist in {}: no connector reads this asset",
                    target, space_),
        target.empty() ? "write spec.assetEndpointProfileRef"
                       : fmt::format("create AssetEndpointProfile {}, or correct "
                                     "spec.assetEndpointProfileRef",
                                     target));
  return std::nullopt;
}

/// Something came or went on which others may depend.
void Unattended::look_at_all() {
  if (!synced()) return;
  for (const auto& follower : followers_)
    for (const auto& [key, target] : follower->objects())
      if (why(follower->kind(), key, target)) enqueue({follower.get(), key});
}

void Unattended::enqueue(Place place) {
  queue_.insert(std::move(place));
  if (!turn_.armed()) turn_.arm(Duration{0}, [this] { work(); });
}

void Unattended::work() {
  for (std::size_t i = 0; i < batch_max && !queue_.empty(); ++i)
    look(queue_.extract(queue_.begin()).value());
  if (!queue_.empty()) turn_.arm(batch_interval, [this] { work(); });
}

void Unattended::look(const Place& place) {
  const auto judge = [this, place](const Result<json::value>& object) {
    if (!object) {
      if (object.error().code == Errc::not_found) return;
      queue_.insert(place);
      if (!turn_.armed()) turn_.arm(retry_interval, [this] { work(); });
      return;
    }
    const resource::Kind& kind = place.follower->kind();
    auto trouble = why(kind, place.key, target_of(kind, *object));
    if (!trouble || says(*object, *trouble)) return;
    trouble->observed_generation = resource::generation_of(*object);
    resources_.patch_status(kind, place.key,
                            resource::status_with(resource::conditions_of(std::move(*trouble)),
                                                  find(*object, "status"), env_.loop.wall_now()));
  };
  resources_.get(place.follower->kind(), place.key, answers_.while_alive(judge));
}

}  // namespace wireway::control
