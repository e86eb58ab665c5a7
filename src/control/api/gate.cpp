#include "control/api/gate.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "control/api/selector.h"
#include "wire/http/request_parser.h"

namespace wireway::control {
namespace {

/// What everybody must be able to ask who can reach the server at all.
constexpr std::array open_paths{"/healthz", "/readyz", "/livez"};

Identity local_user() {
  return {.user = std::string(user_local),
          .groups = {std::string(group_masters), std::string(group_authenticated)}};
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::string verb_of(const link::HttpRequest& request, const ObjectPath& path) {
  if (path.subresource == "history") return "get";
  const bool named = !path.name.empty();
  if (request.method == "GET" || request.method == "HEAD") {
    if (path.watch || query_flag(request, "watch")) return "watch";
    return named ? "get" : "list";
  }
  if (request.method == "POST") return "create";
  if (request.method == "PUT") return "update";
  if (request.method == "PATCH") return "patch";
  if (request.method == "DELETE") return named ? "delete" : "deletecollection";
  return lower(request.method);
}

ApiError unauthorized(std::string why) {
  std::string message = "Unauthorized";
  if (!why.empty()) message += ": " + why;
  return {401, "Unauthorized", std::move(message), {}};
}

std::string words_for(const Identity& who, const Attributes& asked) {
  if (!asked.is_object())
    return fmt::format("User \"{}\" cannot {} path \"{}\"", who.user, asked.verb, asked.path);
  std::string resource = asked.resource;
  if (!asked.subresource.empty()) resource += "/" + asked.subresource;
  const std::string where = asked.space.empty()
                                ? std::string("at the cluster scope")
                                : fmt::format("in the namespace \"{}\"", asked.space);
  return fmt::format("User \"{}\" cannot {} resource \"{}\" in API group \"{}\" {}", who.user,
                     asked.verb, resource, asked.group, where);
}

std::vector<std::string> header_values(const link::HttpRequest& request, std::string_view name) {
  std::vector<std::string> out;
  for (const auto& [key, value] : request.headers)
    if (key == name) out.push_back(value);
  return out;
}

using Extra = std::map<std::string, std::vector<std::string>>;

/// Impersonate-Extra-<key>: the key is lower case and may be percent-encoded.
ApiResult<Extra> read_extra(const link::HttpRequest& request) {
  constexpr std::string_view prefix = "impersonate-extra-";
  Extra out;
  for (const auto& [name, value] : request.headers) {
    const std::string header = lower(name);
    if (!header.starts_with(prefix)) continue;
    auto key = wire::http::percent_decode(std::string_view(header).substr(prefix.size()),
                                          wire::http::PlusSign::is_itself);
    if (!key || key->empty())
      return std::unexpected(bad_request(fmt::format("{} names no key of the user", name)));
    out[*key].push_back(value);
  }
  return out;
}

}  // namespace

Attributes attributes_of(const link::HttpRequest& request, const std::optional<ObjectPath>& path) {
  if (!path) return {.verb = lower(request.method), .path = request.path};
  Attributes out{.verb = verb_of(request, *path),
                 .group = path->group,
                 .version = path->version,
                 .resource = path->plural,
                 .subresource = path->subresource,
                 .space = path->space,
                 .name = path->name,
                 .path = request.path};
  if (out.group.empty() && out.resource == "namespaces") out.space = out.name;
  // A list or watch of one object may be allowed by its name.
  if (out.name.empty() && (out.verb == "list" || out.verb == "watch"))
    out.name = exact_name(request.query_value("fieldSelector"));
  return out;
}

ApiResult<Identity> Gate::identify(const link::HttpRequest& request) const {
  if (access_ == nullptr) return local_user();
  auto who = access_->authenticate(request);
  if (!who) return std::unexpected(unauthorized(who.error().message));
  return impersonated(request, std::move(*who));
}

ApiResult<> Gate::allow(const Identity& who, const link::HttpRequest& request,
                        const std::optional<ObjectPath>& path) const {
  if (access_ == nullptr) return {};
  if (!path && std::ranges::any_of(open_paths, [&request](std::string_view open) {
        return request.path.starts_with(open);
      }))
    return {};
  const Attributes asked = attributes_of(request, path);
  if (auto allowed = require(who, asked); !allowed) return allowed;
  // Who makes users, or tokens of the services, can be anybody: that is for those who may all.
  const bool makes_identities =
      asked.space == user_space && asked.group.empty() &&
      (asked.resource == "secrets" || asked.resource == "serviceaccounts" ||
       asked.resource == "configmaps");
  const Attributes everything{.verb = "*", .group = "*", .resource = "*"};
  if (makes_identities && !access_->rbac().decide(who, everything).allowed)
    return std::unexpected(forbidden(
        {"", asked.resource, asked.resource}, asked.name,
        fmt::format("User \"{}\" may not touch the accounts of the system itself", who.user)));
  return {};
}

ApiResult<> Gate::require(const Identity& who, const Attributes& asked) const {
  if (access_ == nullptr || access_->rbac().decide(who, asked).allowed) return {};
  if (who.user == user_anonymous)
    return std::unexpected(unauthorized(
        "credentials are needed: sign in, or use a kubeconfig with a certificate or a token"));
  const std::string words = words_for(who, asked);
  if (!asked.is_object())
    return std::unexpected(ApiError{403, "Forbidden", "forbidden: " + words, {}});
  return std::unexpected(
      forbidden({asked.group, asked.resource, asked.resource}, asked.name, words));
}

/// Impersonate-User and its kin: the asking user needs the right to be each of them.
ApiResult<Identity> Gate::impersonated(const link::HttpRequest& request, Identity who) const {
  const std::string user(request.header("impersonate-user"));
  const std::vector<std::string> groups = header_values(request, "impersonate-group");
  const std::string uid(request.header("impersonate-uid"));
  auto extra = read_extra(request);
  if (!extra) return std::unexpected(extra.error());
  if (user.empty()) {
    if (groups.empty() && uid.empty() && extra->empty()) return who;
    return std::unexpected(bad_request(
        "Impersonate-Group, Impersonate-Uid and Impersonate-Extra need an Impersonate-User"));
  }
  const auto may_be = [&](std::string resource, std::string_view name, std::string space = {}) {
    const bool is_core =
        resource == "serviceaccounts" || resource == "users" || resource == "groups";
    const auto slash = std::min(resource.find('/'), resource.size());
    return require(who, {.verb = "impersonate",
                         .group = is_core ? "" : "authentication.k8s.io",
                         .resource = resource.substr(0, slash),
                         .subresource = slash < resource.size() ? resource.substr(slash + 1) : "",
                         .space = std::move(space),
                         .name = std::string(name)});
  };
  Identity out = who;  // the credentials stay whose they are
  out.user = user;
  out.uid = uid;
  out.groups = groups;
  out.impersonator = who.user;
  if (user.starts_with(service_account_prefix)) {
    const std::string_view rest = std::string_view(user).substr(service_account_prefix.size());
    const auto colon = rest.find(':');
    if (colon == std::string_view::npos)
      return std::unexpected(bad_request("the ServiceAccount to be has no name"));
    const std::string space(rest.substr(0, colon));
    if (auto may = may_be("serviceaccounts", rest.substr(colon + 1), space); !may)
      return std::unexpected(may.error());
    if (groups.empty())
      out.groups = {std::string(group_service_accounts),
                    fmt::format("{}:{}", group_service_accounts, space)};
  } else if (auto may = may_be("users", user); !may) {
    return std::unexpected(may.error());
  }
  for (const std::string& group : groups)
    if (auto may = may_be("groups", group); !may) return std::unexpected(may.error());
  if (!uid.empty())
    if (auto may = may_be("uids", uid); !may) return std::unexpected(may.error());
  for (const auto& [key, values] : *extra)
    for (const std::string& value : values)
      if (auto may = may_be("userextras/" + key, value); !may) return std::unexpected(may.error());
  out.extra = std::move(*extra);
  out.groups.emplace_back(user == user_anonymous ? group_unauthenticated : group_authenticated);
  return out;
}

ApiResult<> Gate::check_grant(const Identity& who, const ResourceName& type,
                              const json::value& object) const {
  if (access_ == nullptr || type.group != rbac_group) return {};
  const Rbac& rbac = access_->rbac();
  const std::string space = text_at(object, {"metadata", "namespace"});
  const std::string name = text_at(object, {"metadata", "name"});
  const auto may = [&](std::string_view verb, const std::string& resource,
                       const std::string& of_name) {
    return rbac
        .decide(who, {.verb = std::string(verb),
                      .group = std::string(rbac_group),
                      .resource = resource,
                      .space = space,
                      .name = of_name})
        .allowed;
  };
  std::vector<PolicyRule> rules;
  if (type.kind.ends_with("Binding")) {
    const std::string kind = text_at(object, {"roleRef", "kind"});
    const std::string role = text_at(object, {"roleRef", "name"});
    const std::string roles = kind == "ClusterRole" ? "clusterroles" : "roles";
    if (may("bind", roles, role)) return {};
    auto found = rbac.rules_of_role(kind, space, role);
    if (!found) return std::unexpected(not_found({type.group, roles, kind}, role));
    rules = std::move(*found);
  } else {
    if (may("escalate", type.plural, name)) return {};
    rules = read_rules(find(object, "rules"));
    const json::value* parts = find(object, "aggregationRule");
    if (parts != nullptr && parts->is_object()) {
      const std::vector<PolicyRule> all{{.verbs = {"*"}, .groups = {"*"}, .resources = {"*"}}};
      if (!rbac.covers(who, "", all))
        return std::unexpected(
            forbidden(type, name, "must have cluster-admin privileges to use an aggregationRule"));
    }
  }
  if (rbac.covers(who, space, rules)) return {};
  return std::unexpected(forbidden(
      type, name,
      fmt::format("user \"{}\" (groups={}) is attempting to grant RBAC permissions not currently "
                  "held",
                  who.user, json::serialize(json::array(who.groups.begin(), who.groups.end())))));
}

}  // namespace wireway::control
