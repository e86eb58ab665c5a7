#include "broker/access/tokens.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "link/credentials/jwt.h"

namespace wireway::broker {
namespace {

constexpr std::string_view account_prefix = "system:serviceaccount:";
constexpr std::array<std::string_view, 2> annotation_prefixes{"aio-broker-auth/",
                                                              "aio-mq-broker-auth/"};

std::optional<resource::ObjectKey> account_of(std::string_view user) {
  if (!user.starts_with(account_prefix)) return std::nullopt;
  user.remove_prefix(account_prefix.size());
  const std::size_t colon = user.find(':');
  if (colon == user.npos) return std::nullopt;
  return resource::ObjectKey{std::string(user.substr(0, colon)),
                             std::string(user.substr(colon + 1))};
}

}  // namespace

Attributes account_attributes(const json::value& account) {
  Attributes out;
  const json::value* annotations = find(account, "metadata", "annotations");
  if (annotations == nullptr || !annotations->is_object()) return out;
  for (const auto& [name, value] : annotations->get_object())
    for (const std::string_view prefix : annotation_prefixes)
      if (std::string_view(name).starts_with(prefix) && value.is_string())
        out[std::string(name).substr(prefix.size())] = std::string(value.get_string());
  return out;
}

std::string account_username(const resource::ObjectKey& account) {
  return fmt::format("{}{}:{}", account_prefix, account.space, account.name);
}

bool Tokens::concerns(const Credentials& credentials) const {
  if (credentials.method) return *credentials.method == method_name;
  return credentials.username && credentials.password &&
         credentials.username->starts_with(method_name);
}

void Tokens::check(const Credentials& credentials, WallTime, Answer answer) {
  const std::string token =
      credentials.method ? credentials.data : credentials.password.value_or("");
  const auto parsed = link::Jwt::parse(token);
  if (!parsed) return answer(Opinion::deny("the token is none: " + parsed.error().message));
  Principal who{.expires_at = parsed->expires(), .method = "ServiceAccountToken"};
  json::array audiences;
  for (const std::string& each : audiences_) audiences.emplace_back(each);
  const json::object review{{"apiVersion", "authentication.k8s.io/v1"},
                            {"kind", "TokenReview"},
                            {"spec", {{"token", token}, {"audiences", audiences}}}};
  // A Resources callback is copied; the answer is asked once.
  auto shared = std::make_shared<Answer>(std::move(answer));
  resources_.create(review, [self = self_, who, shared](const Result<json::value>& result) {
    if (*self != nullptr) (*self)->on_review(result, who, std::move(*shared));
  });
}

void Tokens::on_review(const Result<json::value>& review, Principal who, Answer answer) {
  if (!review)
    return answer(Opinion::unavailable("the token cannot be reviewed: " + review.error().message));
  if (!bool_at(*review, {"status", "authenticated"}, false))
    return answer(Opinion::deny("the API refuses the token: " +
                                text_at(*review, {"status", "error"}, "no reason is given")));
  const json::value* granted = find(*review, "status", "audiences");
  const bool is_for_us =
      granted != nullptr && granted->is_array() &&
      std::ranges::any_of(granted->get_array(), [this](const json::value& a) {
        return a.is_string() &&
               std::ranges::find(audiences_, std::string(a.get_string())) != audiences_.end();
      });
  if (!is_for_us)
    return answer(
        Opinion::deny(fmt::format("the token is not for {}", fmt::join(audiences_, " or "))));
  who.username = text_at(*review, {"status", "user", "username"});
  const auto account = account_of(who.username);
  if (!account) return answer(Opinion::deny("the token is not that of a ServiceAccount"));
  add_attributes(*account, std::move(who), std::move(answer));
}

void Tokens::add_attributes(const resource::ObjectKey& account, Principal who, Answer answer) {
  auto shared = std::make_shared<Answer>(std::move(answer));
  resources_.get(resource::service_account, account,
                 [self = self_, who = std::move(who), shared](Result<json::value> object) mutable {
                   if (*self == nullptr) return;
                   if (!object)
                     return (*shared)(Opinion::unavailable("the token's ServiceAccount: " +
                                                           object.error().message));
                   who.attributes = account_attributes(*object);
                   (*shared)(Opinion::accept(std::move(who)));
                 });
}

}  // namespace wireway::broker
