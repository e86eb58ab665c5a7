#include <fmt/format.h>

#include "resource/detail/kube_http.h"

namespace wireway::resource {
namespace {

Errc code_of(unsigned status) {
  switch (status) {
    case 400: case 422: return Errc::invalid;
    case 401: case 403: return Errc::denied;
    case 404: return Errc::not_found;
    case 409: return Errc::conflict;
    case 410: return Errc::exhausted;  // the asked revision is gone: relist
    default: return Errc::unavailable;
  }
}

Result<json::value> answer_of(Result<link::HttpClientResponse> response) {
  if (!response) return std::unexpected(response.error());
  auto body = parse_json(response->body);
  if (response->status >= 200 && response->status < 300) return body;
  const std::string message =
      body ? text_at(*body, {"message"}) : response->body.substr(0, 200);
  return fail(code_of(response->status), fmt::format("HTTP {}: {}", response->status, message));
}

}  // namespace

std::string url_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) out.push_back(c);
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string path_of(const Kind& kind, const std::string& space, const std::string& name) {
  std::string out = kind.group.empty() ? "/api/" : fmt::format("/apis/{}/", kind.group);
  out += kind.version;
  if (kind.namespaced && !space.empty()) out += "/namespaces/" + url_encode(space);
  out += fmt::format("/{}", kind.plural);
  if (!name.empty()) out += "/" + url_encode(name);
  return out;
}

KubeHttp::KubeHttp(net::OsLoop& loop, KubeOptions options)
    : loop_(loop), options_(std::move(options)), client_(link::HttpClient::create(loop)) {
  while (options_.url.ends_with('/')) options_.url.pop_back();
}

KubeHttp::~KubeHttp() { calls_.clear(); }

std::string KubeHttp::token() const {
  if (options_.token_file.empty()) return {};
  // Small and local; re-read because a cluster renews it in place.
  auto content = net::make_os_files()->read(options_.token_file);
  if (!content) return {};
  content->erase(content->find_last_not_of(" \r\n") + 1);
  return *content;
}

link::HttpClientRequest KubeHttp::request(std::string method,
                                          const std::string& path_and_query) const {
  link::HttpClientRequest out;
  out.method = std::move(method);
  out.url = options_.url + path_and_query;
  out.headers = {{"accept", "application/json"},
                 {"user-agent", "wireway-" + options_.component}};
  if (const std::string bearer = token(); !bearer.empty())
    out.headers.emplace_back("authorization", "Bearer " + bearer);
  out.ca_file = options_.ca_file;
  return out;
}

void KubeHttp::send(link::HttpClientRequest request, Done done) {
  auto slot = std::make_shared<link::HttpCall*>(nullptr);
  auto call = client_->send(
      std::move(request),
      [this, slot, done = std::move(done)](Result<link::HttpClientResponse> response) {
        if (link::HttpCall* const raw = *slot)
          std::erase_if(calls_, [raw](const auto& one) { return one.get() == raw; });
        done(answer_of(std::move(response)));
      });
  *slot = call.get();
  calls_.insert(std::move(call));
}

std::unique_ptr<link::HttpCall> KubeHttp::stream(link::HttpClientRequest request,
                                                 link::HttpClient::OnChunk on_chunk,
                                                 link::HttpClient::Done done) {
  return client_->stream(std::move(request), std::move(on_chunk), std::move(done));
}

}  // namespace wireway::resource
