#pragma once
/// Who asks: what authentication finds out of a request, and what authorization, audit and history
/// go by.
///
/// Source: Kubernetes "Authenticating"; authentication.k8s.io/v1 UserInfo.

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace wireway::control {

inline constexpr std::string_view group_masters = "system:masters";
inline constexpr std::string_view group_authenticated = "system:authenticated";
inline constexpr std::string_view group_unauthenticated = "system:unauthenticated";
inline constexpr std::string_view group_service_accounts = "system:serviceaccounts";
inline constexpr std::string_view user_anonymous = "system:anonymous";
/// Whoever is on this machine, as long as no user has been made.
inline constexpr std::string_view user_local = "local";
inline constexpr std::string_view service_account_prefix = "system:serviceaccount:";

struct Identity {
  std::string user;
  std::string uid = {};
  std::vector<std::string> groups = {};
  std::map<std::string, std::vector<std::string>> extra = {};
  std::optional<WallTime> expires = {};  ///< when the credentials end
  std::string impersonator = {};         ///< who acts in this name; empty = he himself
  std::string bound_secret = {};         ///< "namespace:name" that the credentials end with
  std::string bound_uid = {};            ///< of that Secret
  std::string session = {};              ///< the session that he is signed in by

  bool in_group(std::string_view group) const {
    return std::ranges::find(groups, group) != groups.end();
  }
};

/// What is asked for: an object's path taken apart, or a path that is no object's.
struct Attributes {
  std::string verb;  ///< "list"; of a plain path the HTTP method in lower case
  std::string group = {};
  std::string version = {};
  std::string resource = {};  ///< plural; empty = a plain path
  std::string subresource = {};
  std::string space = {};  ///< "" = of the cluster, or in all namespaces
  std::string name = {};
  std::string path = {};

  bool is_object() const { return !resource.empty(); }
};

}  // namespace wireway::control
