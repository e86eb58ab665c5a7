#include "link/detail/http_connection.h"

#include <utility>

#include "base/log.h"
#include "net/tls/context.h"

namespace wireway::link::detail {

namespace http = wire::http;
using Step = http::RequestParser::Step;

Responder::~Responder() {
  if (connection_ == nullptr) return;
  connection_->responder_ = nullptr;
  if (state_ == State::unanswered)
    connection_->send_response({500, {{"Content-Type", "text/plain"}}, "no answer was made\n"});
  if (state_ == State::streaming) connection_->answered(false);
}

void Responder::respond(HttpResponse response) {
  if (connection_ == nullptr || state_ != State::unanswered) return;
  state_ = State::done;
  connection_->responder_ = nullptr;
  std::exchange(connection_, nullptr)->send_response(std::move(response));
}

void Responder::begin_stream(HttpResponse head, std::function<void()> on_gone) {
  if (connection_ == nullptr || state_ != State::unanswered) return;
  state_ = State::streaming;
  on_gone_ = std::move(on_gone);
  connection_->send_stream_head(head);
}

bool Responder::write(std::string_view chunk) {
  if (connection_ == nullptr || state_ != State::streaming) return false;
  return connection_->send_chunk(chunk);
}

void Responder::end() {
  if (connection_ == nullptr || state_ != State::streaming) return;
  state_ = State::done;
  connection_->responder_ = nullptr;
  std::exchange(connection_, nullptr)->answered(true);
}

HttpConnection::HttpConnection(net::Env& env, const HttpServerOptions& options,
                               HttpHandler& handler, std::unique_ptr<net::Stream> stream,
                               OnEnd on_end)
    : env_(env),
      options_(options),
      handler_(handler),
      stream_(std::move(stream)),
      on_end_(std::move(on_end)),
      parser_(
          {.header_bytes_max = options.header_bytes_max, .body_bytes_max = options.body_bytes_max}),
      timer_(env.loop) {
  if (options.tls != nullptr) {
    auto tls = options.tls->accept(env.loop, std::move(stream_), net::PlainText::pass_through);
    tls_ = tls.get();
    stream_ = std::move(tls);
  }
  stream_->set_handler(*this);
  watch_time();
}

HttpConnection::~HttpConnection() {
  if (responder_ != nullptr) responder_->connection_ = nullptr;
}

void HttpConnection::turn_away() { refuse(503, "too many connections; try again later"); }

void HttpConnection::on_bytes(ByteView bytes) {
  if (closing_) return;
  if (!may_be_answered())
    return refuse(400, "this port speaks plain HTTP to its own machine only; use https://");
  parser_.feed(bytes);
  process();
}

void HttpConnection::on_drain() {
  if (!closing_) process();
}

void HttpConnection::on_close(const Error& reason) {
  // Clients say little of why they or we refused a certificate; the sentence does.
  if (tls_ != nullptr && reason.code == Errc::denied)
    log::info("HTTPS client {}", reason.message);
  else if (tls_ != nullptr && reason.code != Errc::unavailable)
    log::debug("HTTPS client {}", reason.message);
  end();
}

bool HttpConnection::may_be_answered() const {
  return tls_ == nullptr || tls_->encrypted() || net::is_loopback(stream_->peer());
}

/// Takes requests until one waits for its answer or the input ends.
void HttpConnection::process() {
  if (std::exchange(processing_, true)) return;  // an answer given at once: the loop below goes on
  while (stream_ && !closing_ && responder_ == nullptr) {
    if (stream_->pending_bytes() > options_.stream_pending_bytes_max) break;
    const Step step = parser_.step();
    if (step == Step::need_more) break;
    if (step == Step::continue_wanted) stream_->write(as_bytes(http::continue_response));
    if (step == Step::refused) refuse(parser_.refusal().status, parser_.refusal().message);
    if (step == Step::request) handle_request();
  }
  processing_ = false;
  if (!stream_ || closing_) return;
  if (responder_ != nullptr && parser_.buffered_bytes() > read_ahead_bytes)
    stream_->pause_reading();
  if (responder_ == nullptr) stream_->resume_reading();
  watch_time();
}

void HttpConnection::handle_request() {
  http::Request parsed = parser_.take();
  keep_alive_ = parsed.keep_alive;
  head_only_ = parsed.method == "HEAD";
  http_1_0_ = parsed.version_minor == 0;
  HttpRequest request;
  request.method = std::move(parsed.method);
  request.target = std::move(parsed.target);
  request.path = std::move(parsed.path);
  request.query = std::move(parsed.query);
  request.headers = std::move(parsed.headers);
  request.body = std::move(parsed.body);
  request.peer = stream_->peer();
  request.encrypted = tls_ != nullptr && tls_->encrypted();
  if (request.encrypted && !std::exchange(certificate_known_, true))
    client_certificate_ = tls_->peer_certificate();
  request.client_certificate = client_certificate_;
  auto responder = std::make_shared<Responder>(*this);
  responder_ = responder.get();
  handler_(std::move(request), std::move(responder));
}

void HttpConnection::refuse(unsigned status, const std::string& message) {
  keep_alive_ = false;
  head_only_ = false;
  send_response({status, {{"Content-Type", "text/plain"}}, message + "\n"});
}

/// Arms the one timer for what the connection waits for now.
void HttpConnection::watch_time() {
  const bool within_request = responder_ == nullptr && parser_.within_request();
  if (within_request && std::exchange(reading_request_, true)) return;
  reading_request_ = within_request;
  if (responder_ != nullptr) return timer_.cancel();
  if (within_request) {
    return timer_.arm(options_.read_timeout,
                      [this] { refuse(408, "the request did not arrive in time"); });
  }
  pending_before_ = stream_->pending_bytes();
  timer_.arm(options_.idle_timeout, [this] { idle_too_long(); });
}

void HttpConnection::idle_too_long() {
  const std::size_t pending = stream_->pending_bytes();
  if (pending > 0 && pending >= pending_before_) return cut();  // it reads nothing at all
  if (pending > 0) return watch_time();
  closing_ = true;
  stream_->close();
}

void HttpConnection::send_response(HttpResponse response) {
  if (!stream_ || closing_) return;
  const std::string head = http::serialize_head(
      {response.status, std::move(response.headers)},
      {.body_bytes = response.body.size(), .keep_alive = keep_alive_, .now = env_.loop.wall_now()});
  stream_->write(as_bytes(head));
  if (!head_only_ && !http::has_no_body(response.status)) stream_->write(as_bytes(response.body));
  answered(true);
}

void HttpConnection::send_stream_head(const HttpResponse& head) {
  if (!stream_) return;
  chunked_ = !http_1_0_;
  if (http_1_0_) keep_alive_ = false;  // only the connection's end tells such a client the body's
  const auto framing = chunked_ ? http::Framing::chunked : http::Framing::by_end;
  const std::string text = http::serialize_head(
      {head.status, head.headers},
      {.framing = framing, .keep_alive = keep_alive_, .now = env_.loop.wall_now()});
  stream_->write(as_bytes(text));
  if (!head.body.empty()) send_chunk(head.body);
}

bool HttpConnection::send_chunk(std::string_view chunk) {
  if (!stream_) return false;  // cut off, and about to be told so
  if (head_only_) return true;
  if (stream_->pending_bytes() + chunk.size() > options_.stream_pending_bytes_max) {
    log::warn("HTTP client {}: cut off, because it does not read its stream ({} bytes wait)",
              stream_->peer(), stream_->pending_bytes());
    cut();
    return false;
  }
  if (!chunked_) {
    stream_->write(as_bytes(chunk));
    return true;
  }
  std::string framed;
  http::append_chunk(framed, chunk);
  stream_->write(as_bytes(framed));
  return true;
}

/// The answer's last byte is written, or (`complete` false) never will be.
void HttpConnection::answered(bool complete) {
  if (!stream_) return;
  if (!complete) return cut();  // without the last chunk, so that the client notices
  if (std::exchange(chunked_, false) && !head_only_) stream_->write(as_bytes(http::last_chunk));
  if (keep_alive_) return process();
  closing_ = true;
  timer_.cancel();
  stream_->close();
}

/// Breaks the connection off. What streams to it learns so in a later turn, never inside its
/// write().
void HttpConnection::cut() {
  closing_ = true;
  stream_.reset();
  timer_.arm(Duration{0}, [this] { end(); });
}

void HttpConnection::end() {
  closing_ = true;
  timer_.cancel();
  if (Responder* responder = std::exchange(responder_, nullptr)) {
    responder->connection_ = nullptr;
    if (const auto on_gone = std::exchange(responder->on_gone_, nullptr)) on_gone();
  }
  on_end_();
}

}  // namespace wireway::link::detail
