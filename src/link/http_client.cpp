#include "link/http_client.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <utility>

#include <curl/curl.h>
#include <fmt/format.h>

#include "base/assert.h"

namespace wireway::link {
namespace {

constexpr long redirects_max = 5;

/// CURL and CURLM are both void: each needs a deleter of its own.
struct EasyDelete {
  void operator()(CURL* handle) const { ::curl_easy_cleanup(handle); }
};
struct MultiDelete {
  void operator()(CURLM* handle) const { ::curl_multi_cleanup(handle); }
};
struct ListDelete {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};

class Client;

/// One request as libcurl sees it. Its address stays, because libcurl keeps pointers into it.
struct Transfer {
  std::uint64_t id = 0;
  HttpClientRequest request;
  HttpClient::Done done;
  HttpClient::OnChunk on_chunk;  ///< null unless streamed
  HttpClientResponse response;
  std::unique_ptr<CURL, EasyDelete> easy;
  std::unique_ptr<curl_slist, ListDelete> headers;
  std::array<char, CURL_ERROR_SIZE> error_text{};
  bool cancelled = false;
  bool too_large = false;
  bool added = false;

  std::string name() const { return request.method + " " + request.url; }
};

/// What the caller holds; the client may be destroyed first.
class Call final : public HttpCall {
 public:
  Call(Client& client, std::uint64_t id) : client_(&client), id_(id) {}
  ~Call() override;

 private:
  friend class Client;
  Client* client_;
  std::uint64_t id_;
};

bool is_loopback(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  return url.starts_with("127.") || url.starts_with("localhost") || url.starts_with("[::1]");
}

std::size_t on_header(char* data, std::size_t, std::size_t length, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string_view line(data, length);
  if (line.starts_with("HTTP/")) {  // also after 100 (Continue) and a redirect: begin anew
    transfer.response.headers.clear();
    return length;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return length;
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  line.remove_prefix(colon + 1);
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n' || line.back() == ' '))
    line.remove_suffix(1);
  transfer.response.headers.emplace_back(std::move(name), line);
  return length;
}

std::size_t on_body(char* data, std::size_t, std::size_t length, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (transfer.cancelled) return CURL_WRITEFUNC_ERROR;
  if (transfer.on_chunk) {
    long status = 0;
    ::curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    transfer.on_chunk(static_cast<unsigned>(status), {data, length});
    return transfer.cancelled ? CURL_WRITEFUNC_ERROR : length;
  }
  if (transfer.response.body.size() + length > transfer.request.body_bytes_max) {
    transfer.too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  transfer.response.body.append(data, length);
  return length;
}

Error transfer_error(const Transfer& transfer, CURLcode code) {
  const auto& limit = transfer.request.body_bytes_max;
  if (transfer.too_large) {
    return {Errc::exhausted,
            fmt::format("{}: the answer is larger than {} bytes", transfer.name(), limit)};
  }
  const char* text =
      transfer.error_text[0] != '\0' ? transfer.error_text.data() : ::curl_easy_strerror(code);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return {Errc::timed_out, fmt::format("{}: {}", transfer.name(), text)};
    case CURLE_COULDNT_CONNECT:
      return {Errc::unavailable,
              fmt::format("{}: {}; is the server running there?", transfer.name(), text)};
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return {Errc::unavailable, fmt::format("{}: {}; check the spelling and the DNS settings",
                                             transfer.name(), text)};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return {Errc::invalid, fmt::format("{}: {}", transfer.name(), text)};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return {Errc::denied, fmt::format("{}: {}; check the server's certificate and the CA file",
                                        transfer.name(), text)};
    default: return {Errc::unavailable, fmt::format("{}: {}", transfer.name(), text)};
  }
}

class Client final : public HttpClient {
 public:
  explicit Client(net::OsLoop& loop) : loop_(loop), timer_(loop) {
    // Once for the process and never undone: other threads may use libcurl too.
    static const CURLcode initialised = ::curl_global_init(CURL_GLOBAL_DEFAULT);
    WIREWAY_ASSERT(initialised == CURLE_OK, "libcurl can be initialised");
    multi_.reset(::curl_multi_init());
    WIREWAY_ASSERT(multi_ != nullptr, "libcurl gives a multi handle");
    ::curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, &Client::on_socket);
    ::curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
    ::curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, &Client::on_timer);
    ::curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
  }

  ~Client() override {
    WIREWAY_ASSERT(!in_curl_, "an HttpClient is not destroyed from within on_chunk");
    if (destroyed_ != nullptr) *destroyed_ = true;
    for (auto& [id, call] : calls_) call->client_ = nullptr;
    for (auto& [id, transfer] : transfers_)
      if (transfer->added) ::curl_multi_remove_handle(multi_.get(), transfer->easy.get());
    transfers_.clear();
    multi_.reset();  // closes idle connections and thereby unwatches their sockets
  }

  std::unique_ptr<HttpCall> send(HttpClientRequest request, Done done) override {
    return begin(std::move(request), nullptr, std::move(done));
  }

  std::unique_ptr<HttpCall> stream(HttpClientRequest request, OnChunk on_chunk,
                                   Done done) override {
    request.total_timeout = Duration{0};
    return begin(std::move(request), std::move(on_chunk), std::move(done));
  }

  void cancel(std::uint64_t id) {
    calls_.erase(id);
    const auto found = transfers_.find(id);
    if (found == transfers_.end()) return;
    found->second->cancelled = true;
    if (in_curl_) return clean_later();  // libcurl forbids removal from within its callbacks
    remove(found->second.get());
    transfers_.erase(found);
  }

 private:
  std::unique_ptr<HttpCall> begin(HttpClientRequest request, OnChunk on_chunk, Done done) {
    auto owned = std::make_unique<Transfer>();
    Transfer& transfer = *owned;
    transfer.id = next_id_++;
    transfer.request = std::move(request);
    transfer.on_chunk = std::move(on_chunk);
    transfer.done = std::move(done);
    configure(transfer);
    transfers_[transfer.id] = std::move(owned);
    auto call = std::make_unique<Call>(*this, transfer.id);
    calls_[transfer.id] = call.get();
    if (in_curl_)
      clean_later();
    else
      add(transfer);
    return call;
  }

  static void configure(Transfer& transfer) {
    const HttpClientRequest& request = transfer.request;
    transfer.easy.reset(::curl_easy_init());
    WIREWAY_ASSERT(transfer.easy != nullptr, "libcurl gives an easy handle");
    CURL* easy = transfer.easy.get();
    const auto set = [easy](CURLoption option, auto value) {
      ::curl_easy_setopt(easy, option, value);
    };
    const auto ms = [](Duration span) {
      return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(span).count());
    };
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, redirects_max);
    // What was asked for under protection is not given up to whoever is on the way.
    set(CURLOPT_REDIR_PROTOCOLS_STR, request.url.starts_with("https:") ? "https" : "http,https");
    set(CURLOPT_CONNECTTIMEOUT_MS, ms(request.connect_timeout));
    set(CURLOPT_TIMEOUT_MS, ms(request.total_timeout));
    set(CURLOPT_ERRORBUFFER, transfer.error_text.data());
    set(CURLOPT_PRIVATE, static_cast<void*>(&transfer));
    set(CURLOPT_HEADERFUNCTION, &on_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
    set(CURLOPT_WRITEFUNCTION, &on_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
    if (is_loopback(request.url)) set(CURLOPT_PROXY, "");  // a site's proxy never serves ourselves
    set_trust(easy, request);
    if (!request.body.empty() || request.method == "POST") {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      set(CURLOPT_POSTFIELDS, request.body.data());
    }
    if (request.method == "HEAD")
      set(CURLOPT_NOBODY, 1L);
    else
      set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    set_headers(transfer);
  }

  static void set_trust(CURL* easy, const HttpClientRequest& request) {
    const auto set_text = [easy](CURLoption option, const std::string& text) {
      // libcurl only reads it; the request outlives the transfer.
      curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
      if (!text.empty()) ::curl_easy_setopt(easy, option, &blob);
    };
    ::curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!request.ca_file.empty()) ::curl_easy_setopt(easy, CURLOPT_CAINFO, request.ca_file.c_str());
    set_text(CURLOPT_CAINFO_BLOB, request.ca);
    set_text(CURLOPT_SSLCERT_BLOB, request.identity.certificates);
    set_text(CURLOPT_SSLKEY_BLOB, request.identity.key);
  }

  static void set_headers(Transfer& transfer) {
    // Emptied ones are left out by libcurl: no waiting for 100 (Continue), no made-up content type.
    curl_slist* list = ::curl_slist_append(nullptr, "Expect:");
    bool has_type = false;
    for (const auto& [name, value] : transfer.request.headers) {
      // "name;" is how libcurl is told to send an empty value.
      list = ::curl_slist_append(
          list, value.empty() ? (name + ";").c_str() : fmt::format("{}: {}", name, value).c_str());
      has_type |= name == "Content-Type" || name == "content-type";
    }
    if (!has_type) list = ::curl_slist_append(list, "Content-Type:");
    transfer.headers.reset(list);
    ::curl_easy_setopt(transfer.easy.get(), CURLOPT_HTTPHEADER, list);
  }

  void add(Transfer& transfer) {
    transfer.added = true;
    const CURLMcode code = ::curl_multi_add_handle(multi_.get(), transfer.easy.get());
    WIREWAY_ASSERT(code == CURLM_OK, "libcurl takes a new transfer");
  }

  void remove(Transfer* transfer) {
    if (std::exchange(transfer->added, false))
      ::curl_multi_remove_handle(multi_.get(), transfer->easy.get());
  }

  /// After libcurl has returned: removals and additions that its callbacks asked for.
  void clean_later() { clean_needed_ = true; }
  void clean() {
    if (!std::exchange(clean_needed_, false)) return;
    for (auto each = transfers_.begin(); each != transfers_.end();) {
      Transfer& transfer = *each->second;
      if (!transfer.cancelled && !transfer.added) add(transfer);
      if (transfer.cancelled) remove(&transfer);
      each = transfer.cancelled ? transfers_.erase(each) : std::next(each);
    }
  }

  void act(curl_socket_t socket, int events) {
    int running = 0;
    in_curl_ = true;
    ::curl_multi_socket_action(multi_.get(), socket, events, &running);
    in_curl_ = false;
    clean();
    finish_done();
  }

  void finish_done() {
    bool destroyed = false;
    bool* const outer = std::exchange(destroyed_, &destroyed);
    int left = 0;
    while (!destroyed) {
      const CURLMsg* message = ::curl_multi_info_read(multi_.get(), &left);
      if (message == nullptr) break;
      if (message->msg == CURLMSG_DONE) finish(message->easy_handle, message->data.result);
    }
    if (!destroyed)
      destroyed_ = outer;
    else if (outer != nullptr)
      *outer = true;
  }

  /// The last call may destroy the HttpCall, begin further ones or destroy the client.
  void finish(CURL* easy, CURLcode code) {
    Transfer* transfer = nullptr;
    ::curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
    const auto found = transfers_.find(transfer->id);
    const std::unique_ptr<Transfer> owned = std::move(found->second);
    transfers_.erase(found);
    remove(transfer);
    if (const auto call = calls_.find(owned->id); call != calls_.end()) {
      call->second->client_ = nullptr;
      calls_.erase(call);
    }
    if (owned->cancelled) return;
    if (code != CURLE_OK) return owned->done(std::unexpected(transfer_error(*owned, code)));
    long status = 0;
    ::curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    owned->response.status = static_cast<unsigned>(status);
    owned->done(std::move(owned->response));
  }

  static int on_socket(CURL*, curl_socket_t socket, int what, void* user, void*) {
    auto& client = *static_cast<Client*>(user);
    if (what == CURL_POLL_REMOVE) {
      client.loop_.unwatch(socket);
      return 0;
    }
    client.loop_.watch(
        socket, (what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0,
        [&client, socket](bool readable, bool writable) {
          client.act(socket, (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
        });
    return 0;
  }

  static int on_timer(CURLM*, long timeout_ms, void* user) {
    auto& client = *static_cast<Client*>(user);
    if (timeout_ms < 0) {
      client.timer_.cancel();
      return 0;
    }
    client.timer_.arm(std::chrono::milliseconds{timeout_ms},
                      [&client] { client.act(CURL_SOCKET_TIMEOUT, 0); });
    return 0;
  }

  net::OsLoop& loop_;
  net::Timer timer_;
  std::unique_ptr<CURLM, MultiDelete> multi_;
  std::map<std::uint64_t, std::unique_ptr<Transfer>> transfers_;
  std::map<std::uint64_t, Call*> calls_;
  std::uint64_t next_id_ = 1;
  bool in_curl_ = false;
  bool clean_needed_ = false;
  bool* destroyed_ = nullptr;
};

Call::~Call() {
  if (client_ != nullptr) client_->cancel(id_);
}

}  // namespace

std::unique_ptr<HttpClient> HttpClient::create(net::OsLoop& loop) {
  return std::make_unique<Client>(loop);
}

}  // namespace wireway::link
