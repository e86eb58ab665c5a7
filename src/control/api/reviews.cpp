#include "control/api/reviews.h"

namespace wireway::control {
namespace {

constexpr std::string_view self_subject = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
constexpr std::string_view self_access = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
constexpr std::string_view self_rules = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";

}  // namespace

bool is_review(std::string_view path) {
  return path == self_subject || path == self_access || path == self_rules;
}

ApiResult<json::object> answer_review(std::string_view path, const json::value& asked) {
  if (!asked.is_object())
    return std::unexpected(bad_request("the object provided is unrecognized: not an object"));
  json::object out = asked.get_object();
  if (path == self_subject) {
    out["status"] = json::object{
        {"userInfo", {{"username", "local"}, {"groups", json::array{"system:masters"}}}}};
  } else if (path == self_access) {
    out["status"] = json::object{{"allowed", true}};
  } else {
    const json::array all{"*"};
    out["status"] = json::object{
        {"resourceRules",
         json::array{json::object{{"verbs", all}, {"apiGroups", all}, {"resources", all}}}},
        {"nonResourceRules", json::array{json::object{{"verbs", all}, {"nonResourceURLs", all}}}},
        {"incomplete", false}};
  }
  return out;
}

}  // namespace wireway::control
