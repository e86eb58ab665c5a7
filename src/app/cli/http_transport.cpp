#include "app/cli/http_transport.h"

#include <array>

#include <curl/curl.h>
#include <fmt/format.h>

#include "app/version.h"
#include "base/assert.h"

namespace wireway::app::cli {
namespace {

struct ListDelete {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ListDelete>;

std::size_t on_body(char* data, std::size_t, std::size_t length, void* user) {
  auto& answer = *static_cast<ApiAnswer*>(user);
  if (answer.body.size() + length > HttpTransport::body_bytes_max) return CURL_WRITEFUNC_ERROR;
  answer.body.append(data, length);
  return length;
}

std::size_t on_header(char* data, std::size_t, std::size_t length, void* user) {
  constexpr std::string_view name = "warning:";
  std::string_view line(data, length);
  if (line.size() < name.size() || !equals_ignoring_case(line.substr(0, name.size()), name))
    return length;
  line.remove_prefix(name.size());
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  static_cast<ApiAnswer*>(user)->warnings.emplace_back(line);
  return length;
}

curl_blob blob_of(std::string& text) { return {text.data(), text.size(), CURL_BLOB_COPY}; }

bool is_loopback(std::string_view url) {
  url.remove_prefix(url.find("://") + 3);
  return url.starts_with("127.") || url.starts_with("localhost") || url.starts_with("[::1]");
}

Error error_of(const Connection& connection, CURLcode code, std::string_view text) {
  const auto say = [&](Errc errc, std::string_view remedy) {
    return Error{
        errc, fmt::format("{} (from {}): {}{}", connection.server, connection.from, text, remedy)};
  };
  switch (code) {
    case CURLE_COULDNT_CONNECT: return say(Errc::unavailable, "; is `wireway up` running there?");
    case CURLE_OPERATION_TIMEDOUT: return say(Errc::timed_out, "");
    case CURLE_COULDNT_RESOLVE_HOST:
      return say(Errc::unavailable, "; check the spelling and the DNS settings");
    case CURLE_COULDNT_RESOLVE_PROXY:
      return say(Errc::unavailable, "; check https_proxy and no_proxy in the environment");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return say(Errc::denied,
                 "; the server's certificate is not of the CA in the kubeconfig: is the kubeconfig "
                 "of this instance, or an old one?");
    case CURLE_SSL_CERTPROBLEM: return say(Errc::denied, "; check the client certificate and key");
    default: return say(Errc::unavailable, "");
  }
}

}  // namespace

struct HttpTransport::Handle {
  CURL* easy = nullptr;
  std::array<char, CURL_ERROR_SIZE> error_text{};

  Handle() {
    static const CURLcode initialised = ::curl_global_init(CURL_GLOBAL_DEFAULT);
    WIREWAY_ASSERT(initialised == CURLE_OK, "libcurl can be initialised");
    easy = ::curl_easy_init();
    WIREWAY_ASSERT(easy != nullptr, "libcurl gives an easy handle");
  }
  ~Handle() { ::curl_easy_cleanup(easy); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  template <class Value>
  void set(CURLoption option, Value value) {
    ::curl_easy_setopt(easy, option, value);
  }
};

HttpTransport::HttpTransport(Connection connection)
    : connection_(std::move(connection)), handle_(std::make_unique<Handle>()) {
  Handle& handle = *handle_;
  handle.set(CURLOPT_PROTOCOLS_STR, "http,https");
  handle.set(CURLOPT_NOSIGNAL, 1L);
  handle.set(CURLOPT_CONNECTTIMEOUT, 5L);
  handle.set(CURLOPT_TIMEOUT, request_seconds_max);
  handle.set(CURLOPT_ERRORBUFFER, handle.error_text.data());
  handle.set(CURLOPT_USERAGENT, fmt::format("wireway/{}", version).c_str());
  handle.set(CURLOPT_ACCEPT_ENCODING, "");
  handle.set(CURLOPT_WRITEFUNCTION, &on_body);
  handle.set(CURLOPT_HEADERFUNCTION, &on_header);
  if (is_loopback(connection_.server)) handle.set(CURLOPT_PROXY, "");
  const auto set_pem = [&handle](CURLoption option, std::string& text) {
    if (text.empty()) return;
    curl_blob blob = blob_of(text);
    handle.set(option, &blob);
  };
  set_pem(CURLOPT_CAINFO_BLOB, connection_.ca);
  set_pem(CURLOPT_SSLCERT_BLOB, connection_.certificate);
  set_pem(CURLOPT_SSLKEY_BLOB, connection_.key);
  if (!connection_.insecure) return;
  handle.set(CURLOPT_SSL_VERIFYPEER, 0L);
  handle.set(CURLOPT_SSL_VERIFYHOST, 0L);
}

HttpTransport::~HttpTransport() = default;

Result<ApiAnswer> HttpTransport::send(const ApiRequest& request) {
  Handle& handle = *handle_;
  ApiAnswer answer;
  const std::string url = connection_.server + request.path;
  HeaderList headers(::curl_slist_append(nullptr, "Expect:"));
  const auto add = [&headers](const std::string& line) {
    headers.reset(::curl_slist_append(headers.release(), line.c_str()));
  };
  add("Accept: " + request.accept);
  if (!connection_.token.empty()) add("Authorization: Bearer " + connection_.token);
  if (!request.body.empty()) add("Content-Type: " + request.content_type);
  handle.set(CURLOPT_HTTPGET, 1L);
  if (!request.body.empty()) {
    handle.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    handle.set(CURLOPT_POSTFIELDS, request.body.data());
  }
  handle.set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  handle.set(CURLOPT_URL, url.c_str());
  handle.set(CURLOPT_HTTPHEADER, headers.get());
  handle.set(CURLOPT_WRITEDATA, &answer);
  handle.set(CURLOPT_HEADERDATA, &answer);
  handle.error_text[0] = '\0';
  const CURLcode code = ::curl_easy_perform(handle.easy);
  if (code != CURLE_OK)
    return std::unexpected(error_of(
        connection_, code,
        handle.error_text[0] != '\0' ? handle.error_text.data() : ::curl_easy_strerror(code)));
  long status = 0;
  ::curl_easy_getinfo(handle.easy, CURLINFO_RESPONSE_CODE, &status);
  answer.status = static_cast<unsigned>(status);
  return answer;
}

}  // namespace wireway::app::cli
