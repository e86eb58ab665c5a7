#include "control/api/list_options.h"

#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "control/api/route.h"

namespace wireway::control {
namespace {

using Causes = std::vector<resource::SchemaCause>;

constexpr const char* match_field = "resourceVersionMatch";

bool is_given(const link::HttpRequest& request, std::string_view name) {
  return !request.query_value(name).empty();
}

void forbid(Causes& causes, const char* field, std::string_view why) {
  causes.push_back({"FieldValueForbidden", field, fmt::format("Forbidden: {}", why)});
}

void refuse_value(Causes& causes, std::string_view match, std::string_view supported) {
  causes.push_back(
      {"FieldValueNotSupported", match_field,
       fmt::format("Unsupported value: \"{}\": supported values: {}", match, supported)});
}

ApiResult<> verdict(const Causes& causes) {
  if (causes.empty()) return {};
  return std::unexpected(invalid({"meta.k8s.io", "", "ListOptions"}, "", causes));
}

ApiResult<> check_list_options(const link::HttpRequest& request) {
  Causes causes;
  const std::string_view match = request.query_value(match_field);
  if (!match.empty()) {
    if (!is_given(request, "resourceVersion"))
      forbid(causes, match_field,
             "resourceVersionMatch is forbidden unless resourceVersion is provided");
    if (is_given(request, "continue"))
      forbid(causes, match_field, "resourceVersionMatch is forbidden when continue is provided");
    if (match != "Exact" && match != "NotOlderThan")
      refuse_value(causes, match, "\"Exact\", \"NotOlderThan\"");
    if (match == "Exact" && request.query_value("resourceVersion") == "0")
      forbid(causes, match_field,
             "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
  }
  if (is_given(request, "sendInitialEvents"))
    forbid(causes, "sendInitialEvents", "sendInitialEvents is forbidden for list");
  return verdict(causes);
}

bool read_number(std::string_view& text, std::int64_t& number) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + colon, number);
  if (error != std::errc{} || end != text.data() + colon) return false;
  text.remove_prefix(colon + 1);
  return true;
}

}  // namespace

std::string to_text(const ContinueToken& token) {
  return fmt::format("v1:{}:{}:{}/{}", token.revision, token.remaining, token.space, token.name);
}

std::optional<ContinueToken> read_token(std::string_view text) {
  if (!text.starts_with("v1:")) return std::nullopt;
  text.remove_prefix(3);
  ContinueToken token;
  if (!read_number(text, token.revision) || !read_number(text, token.remaining))
    return std::nullopt;
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || token.revision <= 0) return std::nullopt;
  token.space = text.substr(0, slash);
  token.name = text.substr(slash + 1);
  return token;
}

ApiResult<> require_revision(std::int64_t asked, std::int64_t current) {
  if (asked <= current) return {};
  constexpr const char* what = "Too large resource version";
  json::object details{{"causes", json::array{json::object{{"reason", "ResourceVersionTooLarge"},
                                                           {"message", what}}}},
                       {"retryAfterSeconds", 1}};
  return std::unexpected(ApiError{504, "Timeout",
                                  fmt::format("Timeout: {}: {}, current: {}", what, asked, current),
                                  std::move(details)});
}

ApiResult<ListOptions> read_list_options(const link::HttpRequest& request, std::int64_t current) {
  if (auto good = check_list_options(request); !good) return std::unexpected(good.error());
  ListOptions options;
  auto limit = query_number(request, "limit");
  if (!limit) return std::unexpected(limit.error());
  options.limit = *limit;
  auto revision = query_number(request, "resourceVersion");
  if (!revision) return std::unexpected(revision.error());
  if (const auto text = request.query_value("continue"); !text.empty()) {
    if (*revision != 0)
      return std::unexpected(
          bad_request("specifying resource version is not allowed when using continue"));
    options.page = read_token(text);
    if (!options.page) return std::unexpected(bad_request("continue key is not valid"));
    return options;
  }
  if (auto there = require_revision(*revision, current); !there)
    return std::unexpected(there.error());
  // Before there was a match to ask for, a first page with a revision was of that very moment.
  const std::string_view match = request.query_value(match_field);
  if (match == "Exact" || (match.empty() && *limit > 0)) options.exact_revision = *revision;
  return options;
}

ApiResult<> check_watch_options(const link::HttpRequest& request) {
  Causes causes;
  const std::string_view match = request.query_value(match_field);
  const bool initial = is_given(request, "sendInitialEvents");
  if (initial && match != "NotOlderThan")
    forbid(causes, match_field,
           "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  if (!match.empty()) {
    if (!initial)
      forbid(causes, match_field,
             "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
    if (match != "NotOlderThan") refuse_value(causes, match, "\"NotOlderThan\"");
    if (is_given(request, "continue"))
      forbid(causes, match_field, "resourceVersionMatch is forbidden when continue is provided");
  }
  return verdict(causes);
}

}  // namespace wireway::control
