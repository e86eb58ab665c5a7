#pragma once
/// Who may do what, by Roles, ClusterRoles and their bindings: asked for every request of the API.
///
/// Source: rbac.authorization.k8s.io/v1, Kubernetes "Using RBAC Authorization".
/// Thread: the server's. Owns: the rules of every role, indexed by subject.
/// Errors: none; what cannot be read of a role or binding allows nothing.
/// Cost:   a decision looks at the rules of the asking user's own bindings only, about 1 us.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "control/access/identity.h"

namespace wireway::control {

inline constexpr std::string_view rbac_group = "rbac.authorization.k8s.io";

struct PolicyRule {
  std::vector<std::string> verbs = {};
  std::vector<std::string> groups = {};
  std::vector<std::string> resources = {};  ///< "assets", "assets/status", "*", "*/status"
  std::vector<std::string> names = {};      ///< empty = every name
  std::vector<std::string> paths = {};      ///< nonResourceURLs: "/metrics", "/debug/*"

  bool allows(const Attributes& asked) const;
  friend bool operator==(const PolicyRule&, const PolicyRule&) = default;
};

/// Of `rules` in a role's manifest.
std::vector<PolicyRule> read_rules(const json::value* rules);
json::object to_json(const PolicyRule& rule);

struct Decision {
  bool allowed = false;
  std::string reason = {};  ///< which binding allowed it
};

class Rbac {
 public:
  /// A Role, ClusterRole, RoleBinding or ClusterRoleBinding is there, new or changed.
  void put(const std::string& kind, const json::value& object);
  void erase(const std::string& kind, const std::string& space, const std::string& name);

  Decision decide(const Identity& who, const Attributes& asked) const;
  /// Every rule that holds for `who` in a namespace.
  std::vector<PolicyRule> rules_of(const Identity& who, const std::string& space) const;
  /// Rules of the role that a binding in `space` refers to; nothing if there is no such role.
  std::optional<std::vector<PolicyRule>> rules_of_role(const std::string& kind,
                                                       const std::string& space,
                                                       const std::string& name) const;
  /// True if everything that `rules` allow, `who` may do already.
  bool covers(const Identity& who, const std::string& space,
              const std::vector<PolicyRule>& rules) const;
  /// ClusterRoles whose rules are the union of others, with these rules.
  std::vector<std::pair<std::string, std::vector<PolicyRule>>> aggregated() const;

 private:
  /// Namespace ("" for the cluster) and name.
  using Key = std::pair<std::string, std::string>;
  struct Role {
    std::vector<PolicyRule> rules;
    std::map<std::string, std::string> labels;
    /// Each a set of labels; roles that have them all are part of this one.
    std::vector<std::map<std::string, std::string>> parts;
  };
  struct Binding {
    std::vector<std::string> subjects;  ///< "User:x", "Group:y", service accounts as users
    Key role;
    std::string text;  ///< for the reason of a decision
  };

  template <class Visit>
  void for_each_binding(const Identity& who, const std::string& space, Visit visit) const;
  const std::vector<PolicyRule>* find_role(const Key& key) const;
  void put_binding(const Key& key, const json::value& object);
  void drop_binding(const Key& key);
  void aggregate();

  std::map<Key, Role> roles_;
  std::map<std::string, std::vector<PolicyRule>> aggregated_;
  std::map<Key, Binding> bindings_;
  std::map<std::string, std::set<Key>, std::less<>> by_subject_;
};

}  // namespace wireway::control
