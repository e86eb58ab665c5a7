#include "control/reconcile/source_objects.h"

#include <algorithm>
#include <utility>

namespace wireway::control {
namespace {

using resource::ManifestId;

/// The field manager that goes with a source: "folder", or "git:config" of "git:plant/config".
std::string manager_of(const std::string& source) {
  const std::size_t slash = source.find('/');
  return slash == std::string::npos ? source : "git:" + source.substr(slash + 1);
}

/// An object that does not say who wrote it is believed.
bool is_applied_by(const json::value& object, const std::string& manager) {
  const json::value* entries = find(object, "metadata", "managedFields");
  if (entries == nullptr || !entries->is_array()) return true;
  return std::ranges::any_of(entries->get_array(), [&](const json::value& entry) {
    return text_at(entry, {"manager"}) == manager && text_at(entry, {"operation"}) == "Apply";
  });
}

OwnedKind kind_of(const resource::KindEntry& entry) {
  return {entry.group, entry.storage_version, entry.kind, entry.plural, entry.namespaced};
}

/// The kind that a CustomResourceDefinition defines, in the stored version or else any that is
/// served; without a version if none is.
OwnedKind kind_of_definition(const json::value& definition) {
  OwnedKind out;
  out.group = text_at(definition, {"spec", "group"});
  out.kind = text_at(definition, {"spec", "names", "kind"});
  out.plural = text_at(definition, {"spec", "names", "plural"});
  out.namespaced = text_at(definition, {"spec", "scope"}) == "Namespaced";
  const json::value* versions = find(definition, "spec", "versions");
  if (versions == nullptr || !versions->is_array()) return out;
  for (const json::value& version : versions->get_array()) {
    if (!bool_at(version, {"served"}, false)) continue;
    if (out.version.empty() || bool_at(version, {"storage"}, false))
      out.version = text_at(version, {"name"});
  }
  return out;
}

std::uint64_t mixed(std::uint64_t hash, std::string_view text) {
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211U;  // FNV-1a
  }
  return hash;
}

/// The order of members does not count.
std::uint64_t content_of(const json::value& value) {
  constexpr std::uint64_t basis = 14695981039346656037U;
  if (value.is_object()) {
    std::uint64_t sum = basis + 1;
    for (const auto& [key, member] : value.get_object())
      sum += mixed(basis, key) * (content_of(member) | 1U);
    return sum;
  }
  if (!value.is_array()) return mixed(basis, json::serialize(value));
  std::uint64_t hash = basis + 2;
  for (const json::value& item : value.get_array())
    hash = (hash ^ content_of(item)) * 1099511628211U;
  return hash;
}

bool is_definition(const ManifestId& id) {
  return id.group == resource::custom_resource_definition.group &&
         id.kind == resource::custom_resource_definition.kind;
}

}  // namespace

SourceMark SourceMark::parse(std::string_view text) {
  if (text.starts_with("folder:")) return {"folder", std::string(text.substr(7))};
  if (!text.starts_with("git:")) return {};
  const std::size_t colon = text.find(':', 4);
  if (colon == std::string_view::npos) return {};
  return {std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

int source_rank(const ManifestId& id) {
  if (id.group.empty() && id.kind == "Namespace") return 0;
  return is_definition(id) ? 1 : 2;
}

std::uint64_t source_content(const json::value& object) {
  json::object said = object.as_object();
  said.erase("status");
  said.erase("apiVersion");
  if (json::value* metadata = said.if_contains("metadata"); metadata && metadata->is_object())
    for (const char* key : {"managedFields", "resourceVersion", "generation", "uid"})
      metadata->get_object().erase(key);
  const std::uint64_t hash = content_of(said);
  return hash == 0 ? 1 : hash;
}

/// Follows one kind.
class SourceObjects::Follower final : public resource::WatchHandler {
 public:
  Follower(SourceObjects& owner, OwnedKind kind) : kind_(std::move(kind)), owner_(owner) {}

  void start() { watch_ = owner_.resources_.watch(kind_.view(), "", *this); }
  const OwnedKind& kind() const { return kind_; }
  bool synced() const { return synced_; }

  void on_put(const json::value& object) override {
    owner_.put(id_of(resource::key_of(object)), object);
  }
  void on_erase(const resource::ObjectKey& key) override { owner_.erase(id_of(key)); }
  void on_synced() override {
    synced_ = true;
    owner_.tell({}, "");
  }

 private:
  ManifestId id_of(const resource::ObjectKey& key) const {
    return {kind_.group, kind_.kind, key.space, key.name};
  }

  const OwnedKind kind_;
  SourceObjects& owner_;
  bool synced_ = false;
  std::unique_ptr<resource::Watch> watch_;
};

SourceObjects::SourceObjects(net::Env& env, resource::Resources& resources)
    : env_(env), resources_(resources) {}

SourceObjects::~SourceObjects() = default;

void SourceObjects::start() {
  if (std::exchange(started_, true)) return;
  for (const auto& [name, entry] : kinds_.all()) follow(kind_of(entry));
}

void SourceObjects::follow(OwnedKind kind) {
  auto& follower = followers_[{kind.group, kind.kind}];
  if (follower != nullptr || kind.version.empty()) return;
  follower = std::make_unique<Follower>(*this, std::move(kind));
  follower->start();
}

bool SourceObjects::synced() const {
  return started_ && std::ranges::all_of(followers_, [](const auto& each) {
           return each.second == nullptr || each.second->synced();
         });
}

const OwnedKind* SourceObjects::kind(const std::string& group, const std::string& kind) const {
  const auto found = followers_.find({group, kind});
  return found == followers_.end() || found->second == nullptr ? nullptr : &found->second->kind();
}

const SourceObjects::Living* SourceObjects::find(const ManifestId& id) const {
  const auto found = living_.find(id);
  return found == living_.end() ? nullptr : &found->second;
}

const std::set<ManifestId>& SourceObjects::owned_by(const std::string& source) const {
  static const std::set<ManifestId> none;
  const auto found = owned_.find(source);
  return found == owned_.end() ? none : found->second;
}

void SourceObjects::put(const ManifestId& id, const json::value& object) {
  Living next;
  next.mark = SourceMark::parse(text_at(object, {"metadata", "annotations", source_annotation}));
  if (!is_applied_by(object, manager_of(next.mark.source))) next.mark = {};
  next.version = text_at(object, {"metadata", "resourceVersion"});
  next.content = next.mark.source.empty() ? 0 : source_content(object);
  next.going = !text_at(object, {"metadata", "deletionTimestamp"}).empty();
  Living& living = living_[id];
  const std::string before = living.mark.source;
  if (before != next.mark.source && !before.empty()) owned_[before].erase(id);
  if (!next.mark.source.empty()) owned_[next.mark.source].insert(id);
  living = std::move(next);
  if (is_definition(id)) {
    const bool is_new = kind(text_at(object, {"spec", "group"}),
                             text_at(object, {"spec", "names", "kind"})) == nullptr;
    if (is_new) follow(kind_of_definition(object));
  }
  tell(id, living.mark.source);
  if (before != living.mark.source) tell(id, before);
}

void SourceObjects::erase(const ManifestId& id) {
  const auto gone = living_.extract(id);
  const std::string source = gone.empty() ? "" : gone.mapped().mark.source;
  if (!source.empty()) owned_[source].erase(id);
  tell(id, source);
  if (is_definition(id)) forget_kind(id.name);
}

/// A kind that came with a definition goes with it: its watch would ask for ever.
void SourceObjects::forget_kind(const std::string& definition) {
  std::erase_if(followers_, [&](const auto& each) {
    const auto& [group, kind] = each.first;
    if (each.second == nullptr || kinds_.find(group, kind) != nullptr) return false;
    return each.second->kind().plural + "." + group == definition;
  });
  tell({}, "");
}

void SourceObjects::tell(const ManifestId& id, const std::string& source) {
  for (const auto& [name, changed] : sources_) changed(id, source);
}

void SourceObjects::add_source(const std::string& source, Changed changed) {
  sources_[source] = std::move(changed);
}

void SourceObjects::drop_source(const std::string& source) {
  sources_.erase(source);
  std::erase_if(claims_, [&](const auto& each) { return each.second == source; });
  tell({}, "");  // what it had may be taken
}

std::string SourceObjects::claim(const ManifestId& id, const std::string& source) {
  const Living* living = find(id);
  if (living != nullptr && !living->mark.source.empty() && living->mark.source != source &&
      has_source(living->mark.source))
    return living->mark.source;
  const auto [found, fresh] = claims_.emplace(id, source);
  return found->second == source ? "" : found->second;
}

void SourceObjects::release(const ManifestId& id, const std::string& source) {
  const auto found = claims_.find(id);
  if (found == claims_.end() || found->second != source) return;
  claims_.erase(found);
  tell(id, "");
}

}  // namespace wireway::control
