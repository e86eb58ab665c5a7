#include "control/reconcile/not_served.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "resource/schema.h"

namespace wireway::control {
namespace {

/// The kinds that have a service in this build, which writes their status.
constexpr std::array served_kinds{
    resource::broker,
    resource::broker_listener,
    resource::broker_authentication,
    resource::broker_authorization,
    resource::asset,
    resource::asset_endpoint_profile,
    resource::dataflow,
    resource::dataflow_endpoint,
    resource::dataflow_profile,
};

/// Kinds of our own come with the code that reconciles them.
bool is_our_group(std::string_view group) {
  return group == "wireway.io" || group.ends_with(".wireway.io");
}

bool is_served(std::string_view group, std::string_view kind) {
  return is_our_group(group) || std::ranges::any_of(served_kinds, [&](const resource::Kind& each) {
           return each.group == group && each.kind == kind;
         });
}

bool has_category(const json::value& definition) {
  const json::value* categories = find(definition, "spec", "names", "categories");
  return categories != nullptr && categories->is_array() &&
         std::ranges::find(categories->get_array(), json::value("wireway")) !=
             categories->get_array().end();
}

/// The version that is stored, if it has a status; else "".
std::string stored_version_with_status(const json::value& definition) {
  for (const json::value& version : definition.at("spec").at("versions").as_array())
    if (bool_at(version, {"storage"}, false) && find(version, "subresources", "status") != nullptr)
      return text_at(version, {"name"});
  return "";
}

resource::Condition condition_of(const UnservedKind& kind, std::int64_t generation) {
  resource::Condition out;
  out.reason = NotServed::reason;
  out.message = fmt::format(
      "the object is valid and stored, with its history; nothing acts on it, because this version "
      "of Wireway has no service for {} {} yet. It takes effect as it is once one is there",
      kind.group, kind.kind);
  out.observed_generation = generation;
  return out;
}

/// Whether the object still has to be told, or what it says is out of date.
bool needs(const json::value* ready, const resource::Condition& condition) {
  if (ready == nullptr) return true;
  const bool is_ours = text_at(*ready, {"reason"}) == NotServed::reason;
  const bool is_current =
      text_at(*ready, {"message"}) == condition.message &&
      int_at(*ready, {"observedGeneration"}, 0) == condition.observed_generation;
  return is_ours && !is_current;
}

}  // namespace

std::vector<UnservedKind> unserved_kinds() {
  std::vector<UnservedKind> out;
  for (const json::value& definition : resource::embedded_crds()) {
    UnservedKind kind;
    kind.group = text_at(definition, {"spec", "group"});
    kind.kind = text_at(definition, {"spec", "names", "kind"});
    kind.plural = text_at(definition, {"spec", "names", "plural"});
    kind.namespaced = text_at(definition, {"spec", "scope"}) == "Namespaced";
    kind.version = stored_version_with_status(definition);
    if (kind.version.empty() || !has_category(definition)) continue;
    if (!is_served(kind.group, kind.kind)) out.push_back(std::move(kind));
  }
  return out;
}

/// Follows one kind.
class NotServed::Follower final : public resource::WatchHandler {
 public:
  Follower(NotServed& owner, UnservedKind kind) : owner_(owner), kind_(std::move(kind)) {}

  void start() { watch_ = owner_.resources_.watch(kind_.view(), "", *this); }

  void on_put(const json::value& object) override {
    const resource::ObjectKey key = resource::key_of(object);
    const auto condition = condition_of(kind_, resource::generation_of(object));
    if (!needs(resource::condition_of(object, "Ready"), condition)) {
      owner_.waiting_.erase({&kind_, key});
      return;
    }
    owner_.waiting_[{&kind_, key}] = resource::status_with(
        resource::conditions_of(condition), find(object, "status"), owner_.env_.loop.wall_now());
    if (!owner_.turn_.armed()) owner_.turn_.arm(Duration{0}, [this] { owner_.work(); });
  }
  void on_erase(const resource::ObjectKey& key) override { owner_.waiting_.erase({&kind_, key}); }
  void on_synced() override {}

 private:
  NotServed& owner_;
  const UnservedKind kind_;
  std::unique_ptr<resource::Watch> watch_;
};

NotServed::NotServed(net::Env& env, resource::Resources& resources)
    : env_(env), resources_(resources), turn_(env.loop) {
  for (UnservedKind& kind : unserved_kinds())
    followers_.push_back(std::make_unique<Follower>(*this, std::move(kind)));
}

NotServed::~NotServed() = default;

void NotServed::start() {
  for (const auto& follower : followers_) follower->start();
}

void NotServed::work() {
  for (std::size_t i = 0; i < batch_max && !waiting_.empty(); ++i) {
    auto node = waiting_.extract(waiting_.begin());
    const auto& [kind, key] = node.key();
    resources_.patch_status(kind->view(), key, std::move(node.mapped()));
  }
  if (!waiting_.empty()) turn_.arm(batch_interval, [this] { work(); });
}

}  // namespace wireway::control
