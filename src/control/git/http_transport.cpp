#include "control/git/http_transport.h"

#include <algorithm>
#include <memory>
#include <string_view>

#include <curl/curl.h>
#include <fmt/format.h>

namespace wireway::control {
namespace {

constexpr long connect_seconds = 20;
constexpr int poll_ms = 100;
constexpr std::string_view discovery = "/info/refs?service=git-upload-pack";

struct EasyFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiFree {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// One request: what libgit2 writes is its body, what it reads is the answer.
struct Stream {
  git_smart_subtransport_stream base{};  // first: libgit2 knows only this
  GitHttp* http = nullptr;
  std::string url;
  bool is_post = false;
  bool begun = false;
  bool ended = false;
  std::string body;
  std::string answer;  ///< received, not yet read
  std::size_t read = 0;
  std::unique_ptr<CURL, EasyFree> easy;
  std::unique_ptr<CURLM, MultiFree> multi;
  std::unique_ptr<curl_slist, ListFree> headers;

  ~Stream() {
    if (multi && easy) curl_multi_remove_handle(multi.get(), easy.get());
  }
};

struct Subtransport {
  git_smart_subtransport base{};
  GitHttp* http = nullptr;
};

std::size_t receive(char* data, std::size_t, std::size_t size, void* param) {
  static_cast<Stream*>(param)->answer.append(data, size);
  return size;
}

int refuse(Stream& stream, Errc code, std::string message) {
  stream.http->trouble = Error{code, std::move(message)};
  git_error_set_str(GIT_ERROR_HTTP, stream.http->trouble->message.c_str());
  return -1;
}

void identify(const GitHttp& http, CURL* easy) {
  if (!http.bearer_token.empty()) {
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, http.bearer_token.c_str());
  } else if (!http.username.empty() || !http.password.empty()) {
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(easy, CURLOPT_USERNAME, http.username.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, http.password.c_str());
  }
  if (http.authorities.empty()) return;
  curl_blob blob{};
  blob.data = const_cast<char*>(http.authorities.data());  // copied by curl, which knows no const
  blob.len = http.authorities.size();
  blob.flags = CURL_BLOB_COPY;
  curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
  curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
}

int begin(Stream& stream) {
  stream.begun = true;
  stream.easy.reset(curl_easy_init());
  stream.multi.reset(curl_multi_init());
  CURL* easy = stream.easy.get();
  if (easy == nullptr || !stream.multi)
    return refuse(stream, Errc::internal, "libcurl cannot begin");
  curl_easy_setopt(easy, CURLOPT_URL, stream.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, connect_seconds);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "git/wireway");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &stream);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, stream.is_post ? 0L : 1L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 5L);
  identify(*stream.http, easy);
  if (stream.is_post) {
    stream.headers.reset(curl_slist_append(nullptr, "Expect:"));
    curl_slist_append(stream.headers.get(), "Content-Type: application/x-git-upload-pack-request");
    curl_slist_append(stream.headers.get(), "Accept: application/x-git-upload-pack-result");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, stream.headers.get());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(stream.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, stream.body.data());
  }
  if (curl_multi_add_handle(stream.multi.get(), easy) != CURLM_OK)
    return refuse(stream, Errc::internal, "libcurl cannot begin a request");
  return 0;
}

/// The sentence for a status that is no success.
Error error_of(long status) {
  if (status == 401)
    return {Errc::denied,
            "the server wants other credentials (HTTP 401); correct the Secret of "
            "spec.secretRef"};
  if (status == 403)
    return {Errc::denied, "the server does not let these credentials read it (HTTP 403)"};
  if (status == 404)
    return {Errc::not_found,
            "the server knows no such repository, or not for these credentials "
            "(HTTP 404); correct spec.url or the Secret"};
  return {Errc::unavailable, fmt::format("the server answers HTTP {}", status)};
}

int finish(Stream& stream, CURLcode code) {
  stream.ended = true;
  CURL* easy = stream.easy.get();
  if (code != CURLE_OK) {
    const bool distrusted = code == CURLE_PEER_FAILED_VERIFICATION;
    return refuse(stream, distrusted ? Errc::denied : Errc::unavailable,
                  std::string(curl_easy_strerror(code)) +
                      (distrusted ? "; put the authority of the server into key caFile of the "
                                    "Secret of spec.secretRef"
                                  : ""));
  }
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) {
    Error error = error_of(status);
    return refuse(stream, error.code, std::move(error.message));
  }
  if (stream.is_post) return 0;
  const char* type = nullptr;
  curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
  if (type == nullptr ||
      !std::string_view(type).starts_with("application/x-git-upload-pack-advertisement"))
    return refuse(stream, Errc::invalid, "the server does not speak Git there; correct spec.url");
  const char* landed = nullptr;
  curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &landed);
  const std::string_view at = landed == nullptr ? "" : landed;
  if (at.ends_with(discovery)) stream.http->base_url = at.substr(0, at.size() - discovery.size());
  return 0;
}

/// Runs the request until there is something to read, or its end.
int advance(Stream& stream) {
  while (!stream.ended) {
    if (stream.http->cancelled())
      return refuse(stream, Errc::timed_out, "no answer within spec.timeout");
    int running = 0;
    curl_multi_perform(stream.multi.get(), &running);
    int left = 0;
    if (const CURLMsg* message = curl_multi_info_read(stream.multi.get(), &left)) {
      if (const int done = finish(stream, message->data.result); done != 0) return done;
      break;
    }
    // The answer to a discovery is judged as a whole before libgit2 sees it.
    if (stream.is_post && stream.read < stream.answer.size()) {
      long status = 0;
      curl_easy_getinfo(stream.easy.get(), CURLINFO_RESPONSE_CODE, &status);
      if (status == 200) break;
    }
    curl_multi_poll(stream.multi.get(), nullptr, 0, poll_ms, nullptr);
  }
  return 0;
}

int stream_read(git_smart_subtransport_stream* base, char* buffer, std::size_t size,
                std::size_t* bytes_read) {
  Stream& stream = *reinterpret_cast<Stream*>(base);
  *bytes_read = 0;
  if (!stream.begun)
    if (const int begun = begin(stream); begun != 0) return begun;
  if (stream.read == stream.answer.size()) {
    stream.answer.clear();
    stream.read = 0;
    if (const int advanced = advance(stream); advanced != 0) return advanced;
  }
  *bytes_read = std::min(size, stream.answer.size() - stream.read);
  std::copy_n(stream.answer.data() + stream.read, *bytes_read, buffer);
  stream.read += *bytes_read;
  return 0;
}

int stream_write(git_smart_subtransport_stream* base, const char* buffer, std::size_t size) {
  Stream& stream = *reinterpret_cast<Stream*>(base);
  stream.body.append(buffer, size);
  return 0;
}

void stream_free(git_smart_subtransport_stream* base) {
  const std::unique_ptr<Stream> owned(reinterpret_cast<Stream*>(base));
}

int act(git_smart_subtransport_stream** out, git_smart_subtransport* base, const char* url,
        git_smart_service_t action) {
  GitHttp* http = reinterpret_cast<Subtransport*>(base)->http;
  auto stream = std::make_unique<Stream>();
  stream->base = {base, stream_read, stream_write, stream_free};
  stream->http = http;
  if (action == GIT_SERVICE_UPLOADPACK_LS) {
    std::string_view at = url;
    while (at.ends_with('/')) at.remove_suffix(1);
    http->base_url = at;
    stream->url = http->base_url + std::string(discovery);
  } else if (action == GIT_SERVICE_UPLOADPACK) {
    stream->url = http->base_url + "/git-upload-pack";
    stream->is_post = true;
  } else {
    return refuse(*stream, Errc::unsupported, "only reading is supported");
  }
  *out = &stream.release()->base;
  return 0;
}

int close_nothing(git_smart_subtransport*) { return 0; }

void free_subtransport(git_smart_subtransport* base) {
  const std::unique_ptr<Subtransport> owned(reinterpret_cast<Subtransport*>(base));
}

int make_subtransport(git_smart_subtransport** out, git_transport*, void* param) {
  auto made = std::make_unique<Subtransport>();
  made->base = {act, close_nothing, free_subtransport};
  made->http = static_cast<GitHttp*>(param);
  *out = &made.release()->base;
  return 0;
}

}  // namespace

int make_http_transport(git_transport** out, git_remote* owner, void* param) {
  git_smart_subtransport_definition definition{make_subtransport, 1, param};
  return git_transport_smart(out, owner, &definition);
}

}  // namespace wireway::control
