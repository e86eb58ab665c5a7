#include "control/reconcile/git_spec.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/bytes.h"

namespace wireway::control {
namespace {

using resource::Manifest;
using resource::ManifestId;

Result<Duration> duration_at(const json::value& spec, std::string_view key, Duration fallback) {
  const std::string text = text_at(spec, {key});
  if (text.empty()) return fallback;
  if (const auto parsed = parse_interval(text)) return *parsed;
  return fail(
      Errc::invalid,
      fmt::format("spec.{} \"{}\" is no duration; write for example 30s, 5m or 1h30m", key, text));
}

/// A URL that can be seen by everybody who may see the resource has no password.
Result<> check_url(const std::string& url) {
  constexpr std::array schemes{"https://", "http://", "ssh://", "file:///"};
  bool is_known = url.starts_with('/');
  for (const std::string_view scheme : schemes) is_known |= url.starts_with(scheme);
  const std::size_t colon = url.find(':');
  const bool is_scp =
      !is_known && colon != std::string::npos && !url.contains("://") && url.find('@') < colon;
  if (!is_known && !is_scp)
    return fail(Errc::invalid,
                fmt::format("spec.url \"{}\" is not served; write https://host/path, "
                            "ssh://git@host/path, git@host:path, file:///path or /path",
                            url));
  const std::size_t host = url.find("://") == std::string::npos ? 0 : url.find("://") + 3;
  const std::string_view authority =
      std::string_view(url).substr(0, url.find('/', host)).substr(host);
  const std::size_t at = authority.rfind('@');
  if (!is_scp && at != std::string_view::npos && authority.substr(0, at).contains(':'))
    return fail(Errc::invalid,
                "spec.url holds a password; put it into a Secret with keys username "
                "and password and name that in spec.secretRef");
  return {};
}

}  // namespace

std::optional<Duration> parse_interval(std::string_view text) {
  if (text.empty()) return std::nullopt;
  Duration out{0};
  for (const auto& [unit, length] :
       std::array<std::pair<char, Duration>, 3>{{{'h', std::chrono::hours{1}},
                                                 {'m', std::chrono::minutes{1}},
                                                 {'s', std::chrono::seconds{1}}}}) {
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    const auto digits = static_cast<std::size_t>(end - text.data());
    if (error != std::errc{} || digits == text.size() || text[digits] != unit) continue;
    if (count < 0 || count > 100'000) return std::nullopt;
    out += count * length;
    text.remove_prefix(digits + 1);
  }
  return text.empty() ? std::optional(out) : std::nullopt;
}

Result<GitSpec> GitSpec::parse(const json::value& repository) {
  const json::value* found = find(repository, "spec");
  const json::value spec = found == nullptr ? json::value(json::object{}) : *found;
  GitSpec out;
  out.request.url = text_at(spec, {"url"});
  if (auto checked = check_url(out.request.url); !checked) return std::unexpected(checked.error());
  out.request.branch = text_at(spec, {"ref", "branch"}, "main");
  out.request.tag = text_at(spec, {"ref", "tag"});
  out.request.commit = text_at(spec, {"ref", "commit"});
  out.request.path = text_at(spec, {"path"}, ".");
  if (const auto path = normal_git_path(out.request.path); !path)
    return std::unexpected(path.error());
  const auto interval = duration_at(spec, "interval", out.interval);
  if (!interval) return std::unexpected(interval.error());
  if (*interval < interval_min) return fail(Errc::invalid, "spec.interval must be at least 5s");
  out.interval = *interval;
  const auto timeout = duration_at(spec, "timeout", out.request.timeout);
  if (!timeout) return std::unexpected(timeout.error());
  if (*timeout < timeout_min || *timeout > timeout_max)
    return fail(Errc::invalid, "spec.timeout must be from 1s to 1h");
  out.request.timeout = *timeout;
  out.secret = text_at(spec, {"secretRef", "name"});
  out.space = text_at(spec, {"targetNamespace"}, text_at(repository, {"metadata", "namespace"}));
  out.prunes = bool_at(spec, {"prune"}, true);
  out.corrects = !equals_ignoring_case(text_at(spec, {"drift"}), "Report");
  out.suspended = bool_at(spec, {"suspend"}, false);
  return out;
}

Result<GitCredentials> git_credentials(const json::value& secret) {
  GitCredentials out;
  bool has_any = false;
  const std::array<std::pair<std::string_view, std::string*>, 6> keys{
      {{"username", &out.username},
       {"password", &out.password},
       {"bearerToken", &out.bearer_token},
       {"identity", &out.identity},
       {"known_hosts", &out.known_hosts},
       {"caFile", &out.authorities}}};
  for (const auto& [key, place] : keys) {
    const json::value* text = find(secret, "data", key);
    if (text == nullptr || !text->is_string()) continue;
    auto bytes = base64_decode(std::string_view(text->get_string()));
    if (!bytes) return fail(Errc::invalid, fmt::format("key {} is no base64", key));
    *place = std::move(*bytes);
    has_any = true;
  }
  if (has_any) return out;
  return fail(Errc::not_found,
              "has none of the keys username, password, bearerToken, identity, "
              "known_hosts, caFile");
}

GitManifests read_git_manifests(const resource::KindTable& kinds, const GitFiles& files,
                                const std::string& space) {
  GitManifests out;
  for (const GitProblem& problem : files.problems)
    out.problems.push_back({problem.place, problem.sentence});
  for (const GitFile& file : files.files) {
    resource::ManifestFile read = resource::read_manifests(kinds, file.path, file.text, space);
    for (auto& problem : read.problems) out.problems.push_back(std::move(problem));
    for (auto& [written, manifest] : read.manifests) {
      ManifestId id = written;
      const resource::KindEntry* entry = kinds.find(id.group, id.kind);
      if (!file.space.empty() && entry != nullptr && entry->namespaced) {
        id.space = file.space;
        manifest.id.space = file.space;
        manifest.object.as_object()["metadata"].as_object()["namespace"] = file.space;
      }
      const std::size_t line = manifest.line;
      const auto [other, fresh] = out.manifests.emplace(id, std::move(manifest));
      if (!fresh)
        out.problems.push_back({fmt::format("{}:{}", file.path, line),
                                fmt::format("{} is already defined at {}:{}; remove one of them",
                                            id.to_string(), other->second.file, other->second.line),
                                id});
    }
  }
  return out;
}

}  // namespace wireway::control
