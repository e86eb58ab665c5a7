#include "control/api/reviews.h"

#include <array>

#include <fmt/format.h>

namespace wireway::control {
namespace {

constexpr std::string_view authentication = "authentication.k8s.io";
constexpr std::string_view authorization = "authorization.k8s.io";
constexpr std::int64_t token_life_default = 3600;  // seconds

struct Review {
  std::string_view group;
  std::string_view plural;
  std::string_view kind;
};
constexpr std::array reviews{
    Review{authentication, "selfsubjectreviews", "SelfSubjectReview"},
    Review{authentication, "tokenreviews", "TokenReview"},
    Review{authorization, "selfsubjectaccessreviews", "SelfSubjectAccessReview"},
    Review{authorization, "selfsubjectrulesreviews", "SelfSubjectRulesReview"},
    Review{authorization, "subjectaccessreviews", "SubjectAccessReview"},
    Review{authorization, "localsubjectaccessreviews", "LocalSubjectAccessReview"},
};

const Review* find_review(const ObjectPath& path) {
  for (const Review& each : reviews)
    if (each.group == path.group && each.plural == path.plural) return &each;
  return nullptr;
}

std::vector<std::string> texts(const json::value* list) {
  std::vector<std::string> out;
  if (list == nullptr || !list->is_array()) return out;
  for (const json::value& each : list->get_array())
    if (each.is_string()) out.emplace_back(each.get_string());
  return out;
}

json::array to_array(const std::vector<std::string>& list) {
  return json::array(list.begin(), list.end());
}

json::object user_info(const Identity& who) {
  json::object out{{"username", who.user}};
  if (!who.uid.empty()) out["uid"] = who.uid;
  out["groups"] = to_array(who.groups);
  json::object extra;
  for (const auto& [key, values] : who.extra) extra[key] = to_array(values);
  if (!extra.empty()) out["extra"] = std::move(extra);
  return out;
}

ApiResult<Attributes> asked_attributes(const json::value& asked) {
  const auto at = [&asked](const char* part, const char* key) {
    return text_at(asked, {"spec", part, key});
  };
  if (find(asked, "spec", "nonResourceAttributes") != nullptr)
    return Attributes{.verb = at("nonResourceAttributes", "verb"),
                      .path = at("nonResourceAttributes", "path")};
  if (find(asked, "spec", "resourceAttributes") == nullptr)
    return std::unexpected(bad_request(
        "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or "
        "resourceAttributes must be specified"));
  const char* part = "resourceAttributes";
  return Attributes{.verb = at(part, "verb"),
                    .group = at(part, "group"),
                    .version = at(part, "version"),
                    .resource = at(part, "resource"),
                    .subresource = at(part, "subresource"),
                    .space = at(part, "namespace"),
                    .name = at(part, "name")};
}

json::object decision_of(const Gate& gate, const Identity& who, const Attributes& asked) {
  if (gate.access() == nullptr) return {{"allowed", true}};
  const Decision decision = gate.access()->rbac().decide(who, asked);
  json::object out{{"allowed", decision.allowed}};
  if (!decision.reason.empty()) out["reason"] = decision.reason;
  return out;
}

Identity asked_identity(const json::value& asked) {
  return {.user = text_at(asked, {"spec", "user"}),
          .uid = text_at(asked, {"spec", "uid"}),
          .groups = texts(find(asked, "spec", "groups"))};
}

json::object rules_of(const Gate& gate, const Identity& who, const std::string& space) {
  std::vector<PolicyRule> rules{{.verbs = {"*"}, .groups = {"*"}, .resources = {"*"}},
                                {.verbs = {"*"}, .paths = {"*"}}};
  if (gate.access() != nullptr) rules = gate.access()->rbac().rules_of(who, space);
  json::array objects;
  json::array paths;
  for (const PolicyRule& rule : rules)
    (rule.paths.empty() ? objects : paths).push_back(to_json(rule));
  return {{"resourceRules", std::move(objects)},
          {"nonResourceRules", std::move(paths)},
          {"incomplete", false}};
}

json::object token_status(const Gate& gate, const json::value& asked) {
  if (gate.access() == nullptr)
    return {{"authenticated", false}, {"error", "this server makes and checks no tokens"}};
  auto reviewed = gate.access()->review(text_at(asked, {"spec", "token"}),
                                        texts(find(asked, "spec", "audiences")));
  if (!reviewed) return {{"authenticated", false}, {"error", reviewed.error().message}};
  return {{"authenticated", true},
          {"user", user_info(reviewed->who)},
          {"audiences", to_array(reviewed->audiences)}};
}

}  // namespace

std::optional<ObjectPath> review_path(std::string_view path) {
  auto out = read_path(path);
  if (!out || out->version != "v1" || !out->name.empty() || find_review(*out) == nullptr)
    return std::nullopt;
  return out;
}

bool is_about_oneself(const ObjectPath& path) { return path.plural.starts_with("selfsubject"); }

ApiResult<json::object> answer_review(const Gate& gate, const Identity& who, const ObjectPath& path,
                                      const json::value& asked) {
  if (!asked.is_object())
    return std::unexpected(bad_request("the object provided is unrecognized: not an object"));
  const Review& review = *find_review(path);
  json::object out = asked.get_object();
  out["apiVersion"] = fmt::format("{}/v1", review.group);
  out["kind"] = review.kind;
  if (review.plural == "selfsubjectreviews") {
    out["status"] = json::object{{"userInfo", user_info(who)}};
  } else if (review.plural == "tokenreviews") {
    out["status"] = token_status(gate, asked);
    // The token is not told again: answers are logged more often than questions.
    if (json::value* spec = out.if_contains("spec"); spec != nullptr && spec->is_object())
      spec->get_object().erase("token");
  } else if (review.plural == "selfsubjectrulesreviews") {
    out["status"] = rules_of(gate, who, text_at(asked, {"spec", "namespace"}));
  } else {
    auto attributes = asked_attributes(asked);
    if (!attributes) return std::unexpected(attributes.error());
    const bool of_oneself = is_about_oneself(path);
    if (!path.space.empty()) attributes->space = path.space;
    out["status"] = decision_of(gate, of_oneself ? who : asked_identity(asked), *attributes);
  }
  return out;
}

namespace {

/// The Secret that a token shall end with. Pods and Nodes are not kept here.
ApiResult<std::optional<BoundObject>> read_bound_object(const Access& access,
                                                        const ObjectPath& path,
                                                        const json::value& asked) {
  const json::value* given = find(asked, "spec", "boundObjectRef");
  if (given == nullptr || given->is_null()) return std::nullopt;
  const std::string kind = text_at(*given, {"kind"});
  const std::string name = text_at(*given, {"name"});
  const std::string uid = text_at(*given, {"uid"});
  if (kind == "Pod" || kind == "Node")
    return std::unexpected(not_found({"", kind == "Pod" ? "pods" : "nodes", kind}, name));
  if (kind != "Secret" || text_at(*given, {"apiVersion"}, "v1") != "v1")
    return std::unexpected(bad_request(fmt::format(
        "cannot bind token to object of type {}, Kind={}", text_at(*given, {"apiVersion"}), kind)));
  const ResourceName secrets{"", "secrets", "Secret"};
  std::string living = access.uid_of_secret(path.space, name);
  if (living.empty()) return std::unexpected(not_found(secrets, name));
  if (!uid.empty() && uid != living)
    return std::unexpected(conflict(
        secrets, name,
        fmt::format("the UID in the bound object reference ({}) does not match the UID in record. "
                    "The object might have been deleted and then recreated",
                    uid)));
  return BoundObject{name, std::move(living)};
}

}  // namespace

ApiResult<json::object> answer_token_request(const Gate& gate, const ObjectPath& path,
                                             const json::value& asked) {
  const ResourceName accounts{"", "serviceaccounts", "ServiceAccount"};
  if (gate.access() == nullptr) return std::unexpected(unknown_path());
  TokenWish wish{.space = path.space,
                 .account = path.name,
                 .audiences = texts(find(asked, "spec", "audiences"))};
  const std::int64_t seconds = int_at(asked, {"spec", "expirationSeconds"}, token_life_default);
  if (std::chrono::seconds{seconds} < token_life_min)
    return std::unexpected(
        invalid(accounts, path.name,
                {{"FieldValueInvalid", "spec.expirationSeconds",
                  fmt::format("Invalid value: {}: may not specify a duration less than 10 minutes",
                              seconds)}}));
  wish.life = std::chrono::seconds{std::min<std::int64_t>(seconds, 10LL * 365 * 86400)};
  auto bound = read_bound_object(*gate.access(), path, asked);
  if (!bound) return std::unexpected(bound.error());
  wish.bound = std::move(*bound);
  auto issued = gate.access()->issue(wish);
  if (!issued && issued.error().code == Errc::not_found)
    return std::unexpected(not_found(accounts, path.name));
  if (!issued) return std::unexpected(bad_request(issued.error().message));
  json::object out = asked.is_object() ? asked.get_object() : json::object();
  out["apiVersion"] = "authentication.k8s.io/v1";
  out["kind"] = "TokenRequest";
  out["metadata"] = json::object{{"name", path.name}, {"namespace", path.space}};
  json::value& spec = out["spec"];
  if (!spec.is_object()) spec = json::object();
  spec.get_object()["audiences"] =
      to_array(wish.audiences.empty() ? std::vector{gate.access()->issuer()} : wish.audiences);
  spec.get_object()["expirationSeconds"] = seconds;
  out["status"] = json::object{{"token", std::move(issued->token)},
                               {"expirationTimestamp", to_rfc3339(issued->expires)}};
  return out;
}

std::optional<json::object> open_id_document(const Gate& gate, std::string_view path) {
  if (gate.access() == nullptr) return std::nullopt;
  if (path == "/openid/v1/jwks") return gate.access()->jwks();
  if (path != "/.well-known/openid-configuration") return std::nullopt;
  const std::string& issuer = gate.access()->issuer();
  return json::object{{"issuer", issuer},
                      {"jwks_uri", issuer + "/openid/v1/jwks"},
                      {"response_types_supported", json::array{"id_token"}},
                      {"subject_types_supported", json::array{"public"}},
                      {"id_token_signing_alg_values_supported", json::array{"ES256"}}};
}

}  // namespace wireway::control
