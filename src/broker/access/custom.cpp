#include "broker/access/custom.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/json.h"

namespace wireway::broker {
namespace {

constexpr std::string_view api_version = "0.5.0";

/// Of the versions that the server takes, the one that is spoken here.
bool takes_our_version(std::string_view body) {
  const auto parsed = parse_json(body);
  const json::value* list = parsed ? find(*parsed, "supportedVersions") : nullptr;
  return list != nullptr && list->is_array() &&
         std::ranges::any_of(list->get_array(), [](const json::value& each) {
           return each.is_string() && each.get_string() == api_version;
         });
}

}  // namespace

std::string custom_question(const Credentials& credentials) {
  json::object out{{"type", credentials.is_renewal ? "auth" : "connect"}};
  if (!credentials.is_renewal) {
    if (credentials.username) out["username"] = *credentials.username;
    if (credentials.password) out["password"] = base64_encode(as_bytes(*credentials.password));
    if (!credentials.certificates.empty()) out["certs"] = credentials.certificates;
  }
  if (credentials.method)
    out["enhancedAuthentication"] = json::object{
        {"method", *credentials.method}, {"data", base64_encode(as_bytes(credentials.data))}};
  return json::serialize(out);
}

Opinion custom_opinion(unsigned status, std::string_view body) {
  const auto parsed = parse_json(body);
  if (status == 403) {
    if (!parsed) return Opinion::deny("the server refuses");
    const std::int64_t code = int_at(*parsed, {"reason"}, 0x87);
    const bool usable = code >= 0x80 && code <= 0xFF;  // 0 would let the client in
    return Opinion::deny(
        fmt::format("the server refuses: {}", text_at(*parsed, {"message"})),
        usable ? static_cast<mqtt::ReasonCode>(code) : mqtt::ReasonCode::not_authorized);
  }
  if (status != 200) return Opinion::unavailable(fmt::format("HTTP status {}", status));
  if (!parsed || !parsed->is_object())
    return Opinion::unavailable("the answer is not a JSON object");
  Principal who{.method = "Custom"};
  if (const std::string expiry = text_at(*parsed, {"expiry"}); !expiry.empty()) {
    const auto time = parse_rfc3339(expiry);
    if (!time) return Opinion::unavailable("the answer's expiry is no RFC 3339 time");
    who.expires_at = *time;
  }
  if (const json::value* given = find(*parsed, "attributes"); given && given->is_object())
    for (const auto& [name, value] : given->get_object())
      if (value.is_string()) who.attributes.emplace(name, value.get_string());
  return Opinion::accept(std::move(who));
}

void Custom::check(const Credentials& credentials, WallTime, Answer answer) {
  if (http_ == nullptr) return answer(Opinion::unavailable("this process speaks no HTTP"));
  if (calls_.size() >= calls_max)
    return answer(Opinion::unavailable(fmt::format("{} questions are under way", calls_max)));
  const std::uint64_t number = ++numbers_;
  calls_[number] = {custom_question(credentials), std::move(answer), credentials.username, nullptr};
  send(number);
}

void Custom::send(std::uint64_t number) {
  Call& call = calls_.at(number);
  link::HttpClientRequest request;
  request.method = "POST";
  request.url = fmt::format("{}{}?api-version={}", options_.endpoint,
                            options_.endpoint.ends_with('/') ? "" : "/", api_version);
  request.headers = {{"Content-Type", "application/json"}};
  for (const auto& [name, value] : options_.headers) request.headers.emplace_back(name, value);
  request.body = call.body;
  request.ca = options_.authorities;
  request.identity = options_.identity;
  request.total_timeout = answer_timeout;
  request.body_bytes_max = answer_bytes_max;
  call.request = http_->send(
      std::move(request), [this, number](const auto& response) { on_response(number, response); });
}

void Custom::on_response(std::uint64_t number, const Result<link::HttpClientResponse>& response) {
  auto node = calls_.extract(number);
  Call& call = node.mapped();
  ended_ = std::move(call.request);
  if (!response)
    return call.answer(
        Opinion::unavailable(fmt::format("{}: {}", options_.endpoint, response.error().message)));
  if (response->status == 422)
    return call.answer(Opinion::unavailable(
        takes_our_version(response->body)
            ? "the server refuses a version that it names as its own"
            : fmt::format("the server does not speak API version {}", api_version)));
  Opinion opinion = custom_opinion(response->status, response->body);
  // The server has accepted the name together with the rest.
  if (opinion.kind == Opinion::Kind::accept)
    opinion.principal.username = call.username.value_or("");
  call.answer(std::move(opinion));
}

}  // namespace wireway::broker
