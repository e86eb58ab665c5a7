#include "resource/detail/kube_client.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "base/log.h"

namespace wireway::resource::detail {
namespace {

/// A token is replaced by its issuer while we run: read anew for each request.
std::string read_token(const std::string& path) {
  std::ifstream file(path);
  std::string token{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  return token;
}

Errc errc_of(unsigned code) {
  switch (code) {
    case 400:
    case 415:
    case 422: return Errc::invalid;
    case 401:
    case 403: return Errc::denied;
    case 404: return Errc::not_found;
    case 409: return Errc::conflict;
    case 410: return Errc::conflict;
    case 413: return Errc::exhausted;
    case 501: return Errc::unsupported;
    default: return Errc::unavailable;
  }
}

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (plain.find(c) != std::string_view::npos)
      out.push_back(c);
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Error error_of_status(unsigned code, std::string_view message) {
  if (message.empty()) return {errc_of(code), fmt::format("HTTP status {}", code)};
  return {errc_of(code), std::string(message)};
}

KubeClient::KubeClient(net::OsLoop& loop, KubeOptions options)
    : loop_(loop), options_(std::move(options)), http_(link::HttpClient::create(loop)) {
  while (options_.url.ends_with('/')) options_.url.pop_back();
}

std::string KubeClient::path_of(const Kind& kind, const std::string& space,
                                const std::string& name) {
  std::string path = kind.group.empty() ? fmt::format("/api/{}", kind.version)
                                        : fmt::format("/apis/{}/{}", kind.group, kind.version);
  if (kind.namespaced && !space.empty()) path += "/namespaces/" + percent_encode(space);
  path += fmt::format("/{}", kind.plural);
  if (!name.empty()) path += "/" + percent_encode(name);
  return path;
}

link::HttpClientRequest KubeClient::prepare(KubeRequest request) const {
  link::HttpClientRequest out;
  out.method = std::move(request.method);
  out.url = options_.url + request.path;
  out.headers.emplace_back("Accept", "application/json");
  out.headers.emplace_back("User-Agent", "wireway-" + options_.component);
  if (!request.body.empty()) out.headers.emplace_back("Content-Type", request.content_type);
  if (!options_.token_file.empty())
    out.headers.emplace_back("Authorization", "Bearer " + read_token(options_.token_file));
  out.body = std::move(request.body);
  out.ca_file = options_.ca_file;
  return out;
}

void KubeClient::note_reachable(const Error* error) {
  const bool reachable = error == nullptr;
  if (reachable == reachable_) return;
  reachable_ = reachable;
  if (reachable)
    log::info("API server {}: reachable again", options_.url);
  else
    log::warn("API server {}: {}; trying again", options_.url, error->message);
}

Result<json::value> KubeClient::judge(Result<link::HttpClientResponse> response) {
  note_reachable(response ? nullptr : &response.error());
  if (!response) return std::unexpected(response.error());
  if (response->body.empty() && response->status < 300) return json::value(nullptr);
  auto body = parse_json(response->body);
  if (response->status >= 300)
    return std::unexpected(
        error_of_status(response->status, body ? text_at(*body, {"message"}) : ""));
  if (!body) return wrap(options_.url + ": the answer is not JSON", body.error());
  return body;
}

std::unique_ptr<link::HttpCall> KubeClient::send(KubeRequest request, Done done) {
  return http_->send(prepare(std::move(request)),
                     [this, done = std::move(done)](Result<link::HttpClientResponse> response) {
                       done(judge(std::move(response)));
                     });
}

void KubeClient::send_detached(KubeRequest request, Done done) {
  const std::uint64_t id = ++next_call_;
  calls_[id] = send(std::move(request), [this, id, done = std::move(done)](auto result) {
    const auto call = calls_.extract(id);  // lives until `done` has returned
    done(std::move(result));
  });
}

std::unique_ptr<link::HttpCall> KubeClient::stream(KubeRequest request,
                                                   link::HttpClient::OnChunk on_chunk, Done done) {
  const auto finish = [this, done = std::move(done)](Result<link::HttpClientResponse> response) {
    note_reachable(response ? nullptr : &response.error());
    if (!response) return done(std::unexpected(response.error()));
    if (response->status >= 300)
      return done(std::unexpected(error_of_status(response->status, "")));
    done(json::value(nullptr));
  };
  return http_->stream(prepare(std::move(request)), std::move(on_chunk), finish);
}

}  // namespace wireway::resource::detail
