#include "control/access/rbac.h"

#include <algorithm>

#include <fmt/format.h>

namespace wireway::control {
namespace {

using Texts = std::vector<std::string>;

Texts texts_at(const json::value& object, std::string_view key) {
  Texts out;
  const json::value* list = find(object, key);
  if (list == nullptr || !list->is_array()) return out;
  for (const json::value& each : list->get_array())
    if (each.is_string()) out.emplace_back(each.get_string());
  return out;
}

json::array to_array(const Texts& texts) { return json::array(texts.begin(), texts.end()); }

bool has(const Texts& list, std::string_view wanted) {
  return std::ranges::find(list, "*") != list.end() ||
         std::ranges::find(list, wanted) != list.end();
}

bool names_resource(const Texts& resources, const Attributes& asked) {
  for (const std::string& each : resources) {
    if (each == "*") return true;
    if (asked.subresource.empty()) {
      if (each == asked.resource) return true;
      continue;
    }
    const auto slash = each.find('/');
    if (slash == std::string::npos) continue;
    const std::string_view plural = std::string_view(each).substr(0, slash);
    if (std::string_view(each).substr(slash + 1) == asked.subresource &&
        (plural == "*" || plural == asked.resource))
      return true;
  }
  return false;
}

bool names_path(const Texts& paths, std::string_view asked) {
  return std::ranges::any_of(paths, [asked](const std::string& each) {
    if (each == "*" || each == asked) return true;
    return each.ends_with('*') &&
           asked.starts_with(std::string_view(each).substr(0, each.size() - 1));
  });
}

std::map<std::string, std::string> label_map(const json::value* labels) {
  std::map<std::string, std::string> out;
  if (labels == nullptr || !labels->is_object()) return out;
  for (const auto& [key, value] : labels->get_object())
    if (value.is_string()) out.emplace(key, value.get_string());
  return out;
}

bool is_binding(std::string_view kind) { return kind.ends_with("Binding"); }

/// As subjects are looked up: a service account is the user that it is.
std::string subject_key(const json::value& subject, const std::string& binding_space) {
  const std::string kind = text_at(subject, {"kind"});
  const std::string name = text_at(subject, {"name"});
  if (kind != "ServiceAccount") return kind + ":" + name;
  const std::string space = text_at(subject, {"namespace"}, binding_space);
  return fmt::format("User:{}{}:{}", service_account_prefix, space, name);
}

}  // namespace

bool PolicyRule::allows(const Attributes& asked) const {
  if (!has(verbs, asked.verb)) return false;
  if (!asked.is_object()) return names_path(paths, asked.path);
  if (!has(groups, asked.group) || !names_resource(resources, asked)) return false;
  return names.empty() ||
         (!asked.name.empty() && std::ranges::find(names, asked.name) != names.end());
}

std::vector<PolicyRule> read_rules(const json::value* rules) {
  std::vector<PolicyRule> out;
  if (rules == nullptr || !rules->is_array()) return out;
  for (const json::value& each : rules->get_array())
    out.push_back({texts_at(each, "verbs"), texts_at(each, "apiGroups"),
                   texts_at(each, "resources"), texts_at(each, "resourceNames"),
                   texts_at(each, "nonResourceURLs")});
  return out;
}

json::object to_json(const PolicyRule& rule) {
  json::object out{{"verbs", to_array(rule.verbs)}};
  if (!rule.paths.empty()) {
    out["nonResourceURLs"] = to_array(rule.paths);
    return out;
  }
  out["apiGroups"] = to_array(rule.groups);
  out["resources"] = to_array(rule.resources);
  if (!rule.names.empty()) out["resourceNames"] = to_array(rule.names);
  return out;
}

void Rbac::put(const std::string& kind, const json::value& object) {
  const Key key{text_at(object, {"metadata", "namespace"}), text_at(object, {"metadata", "name"})};
  if (is_binding(kind)) return put_binding(key, object);
  Role role;
  role.rules = read_rules(find(object, "rules"));
  role.labels = label_map(find(object, "metadata", "labels"));
  if (const json::value* parts = find(object, "aggregationRule", "clusterRoleSelectors");
      parts != nullptr && parts->is_array())
    for (const json::value& part : parts->get_array())
      role.parts.push_back(label_map(find(part, "matchLabels")));
  roles_[key] = std::move(role);
  aggregate();
}

void Rbac::erase(const std::string& kind, const std::string& space, const std::string& name) {
  if (is_binding(kind)) return drop_binding({space, name});
  roles_.erase({space, name});
  aggregate();
}

void Rbac::put_binding(const Key& key, const json::value& object) {
  drop_binding(key);
  Binding binding;
  const std::string role = text_at(object, {"roleRef", "name"});
  const bool of_cluster = text_at(object, {"roleRef", "kind"}) == "ClusterRole";
  binding.role = {of_cluster ? std::string() : key.first, role};
  binding.text = fmt::format("RBAC: allowed by {} \"{}\" of {} \"{}\"",
                             key.first.empty() ? "ClusterRoleBinding" : "RoleBinding",
                             key.first.empty() ? key.second : key.second + "/" + key.first,
                             of_cluster ? "ClusterRole" : "Role", role);
  if (const json::value* subjects = find(object, "subjects"); subjects && subjects->is_array())
    for (const json::value& subject : subjects->get_array())
      binding.subjects.push_back(subject_key(subject, key.first));
  for (const std::string& subject : binding.subjects) by_subject_[subject].insert(key);
  bindings_[key] = std::move(binding);
}

void Rbac::drop_binding(const Key& key) {
  const auto found = bindings_.find(key);
  if (found == bindings_.end()) return;
  for (const std::string& subject : found->second.subjects) {
    const auto entry = by_subject_.find(subject);
    if (entry == by_subject_.end()) continue;
    entry->second.erase(key);
    if (entry->second.empty()) by_subject_.erase(entry);
  }
  bindings_.erase(found);
}

/// Aggregates may be parts of aggregates; three rounds reach what Kubernetes ships (view, edit,
/// admin), and one more round costs nothing when nothing changes.
void Rbac::aggregate() {
  aggregated_.clear();
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& [key, role] : roles_) {
      if (!key.first.empty() || role.parts.empty()) continue;
      std::vector<PolicyRule> rules;
      for (const auto& [other_key, other] : roles_) {
        if (!other_key.first.empty() || other_key == key) continue;
        const bool is_part = std::ranges::any_of(role.parts, [&other](const auto& wanted) {
          return !wanted.empty() && std::ranges::all_of(wanted, [&other](const auto& label) {
            const auto found = other.labels.find(label.first);
            return found != other.labels.end() && found->second == label.second;
          });
        });
        if (!is_part) continue;
        const std::vector<PolicyRule>* part_rules = find_role(other_key);
        for (const PolicyRule& rule : *part_rules)
          if (std::ranges::find(rules, rule) == rules.end()) rules.push_back(rule);
      }
      std::vector<PolicyRule>& known = aggregated_[key.second];
      if (rules.size() > known.size()) {
        known = std::move(rules);
        changed = true;
      }
    }
  }
}

const std::vector<PolicyRule>* Rbac::find_role(const Key& key) const {
  const auto role = roles_.find(key);
  if (role == roles_.end()) return nullptr;
  if (role->second.parts.empty()) return &role->second.rules;
  const auto united = aggregated_.find(key.second);
  return united == aggregated_.end() ? &role->second.rules : &united->second;
}

template <class Visit>
void Rbac::for_each_binding(const Identity& who, const std::string& space, Visit visit) const {
  const auto of_subject = [&](const std::string& subject) {
    const auto found = by_subject_.find(subject);
    if (found == by_subject_.end()) return true;
    for (const Key& key : found->second) {
      if (!key.first.empty() && key.first != space) continue;
      const Binding& binding = bindings_.at(key);
      const std::vector<PolicyRule>* rules = find_role(binding.role);
      if (rules != nullptr && !visit(binding, *rules)) return false;
    }
    return true;
  };
  if (!of_subject("User:" + who.user)) return;
  for (const std::string& group : who.groups)
    if (!of_subject("Group:" + group)) return;
}

Decision Rbac::decide(const Identity& who, const Attributes& asked) const {
  if (who.in_group(group_masters)) return {true, ""};
  Decision out;
  for_each_binding(who, asked.space, [&](const Binding& binding, const auto& rules) {
    for (const PolicyRule& rule : rules) {
      if (!rule.allows(asked)) continue;
      out = {true, binding.text};
      return false;
    }
    return true;
  });
  return out;
}

std::vector<PolicyRule> Rbac::rules_of(const Identity& who, const std::string& space) const {
  if (who.in_group(group_masters))
    return {{.verbs = {"*"}, .groups = {"*"}, .resources = {"*"}},
            {.verbs = {"*"}, .paths = {"*"}}};
  std::vector<PolicyRule> out;
  for_each_binding(who, space, [&out](const Binding&, const auto& rules) {
    for (const PolicyRule& rule : rules)
      if (std::ranges::find(out, rule) == out.end()) out.push_back(rule);
    return true;
  });
  return out;
}

std::optional<std::vector<PolicyRule>> Rbac::rules_of_role(const std::string& kind,
                                                           const std::string& space,
                                                           const std::string& name) const {
  const std::vector<PolicyRule>* rules =
      find_role({kind == "ClusterRole" ? std::string() : space, name});
  if (rules == nullptr) return std::nullopt;
  return *rules;
}

bool Rbac::covers(const Identity& who, const std::string& space,
                  const std::vector<PolicyRule>& rules) const {
  const auto may = [&](const Attributes& asked) { return decide(who, asked).allowed; };
  const auto rule_is_covered = [&](const PolicyRule& rule) {
    for (const std::string& verb : rule.verbs) {
      for (const std::string& path : rule.paths)
        if (!may({.verb = verb, .path = path})) return false;
      for (const std::string& group : rule.groups)
        for (const std::string& resource : rule.resources) {
          const auto slash = resource.find('/');
          Attributes asked{.verb = verb, .group = group, .resource = resource.substr(0, slash)};
          if (slash != std::string::npos) asked.subresource = resource.substr(slash + 1);
          asked.space = space;
          const Texts names = rule.names.empty() ? Texts{""} : rule.names;
          for (const std::string& name : names) {
            asked.name = name;
            if (!may(asked)) return false;
          }
        }
    }
    return true;
  };
  return std::ranges::all_of(rules, rule_is_covered);
}

std::vector<std::pair<std::string, std::vector<PolicyRule>>> Rbac::aggregated() const {
  std::vector<std::pair<std::string, std::vector<PolicyRule>>> out;
  for (const auto& [name, rules] : aggregated_)
    if (roles_.at({"", name}).rules != rules) out.emplace_back(name, rules);
  return out;
}

}  // namespace wireway::control
