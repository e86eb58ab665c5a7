#pragma once
/// One client of the HTTP server: requests one after the other, each answered before the next
/// begins.
///
/// Thread: the Loop's.
/// Owns:   its stream; owned by the server, outlived by nobody but its responders, which notice.
/// Limits: while an answer is under way, at most read_ahead_bytes of further requests are read;
///         while more than stream_pending_bytes_max of answers wait, no further request begins.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "link/http_server.h"
#include "net/tls/stream.h"
#include "wire/http/request_parser.h"
#include "wire/http/response.h"

namespace wireway::link::detail {

class HttpConnection;

class Responder final : public HttpResponder {
 public:
  explicit Responder(HttpConnection& connection) : connection_(&connection) {}
  ~Responder() override;
  void respond(HttpResponse response) override;
  void begin_stream(HttpResponse head, std::function<void()> on_gone) override;
  bool write(std::string_view chunk) override;
  void end() override;

 private:
  friend class HttpConnection;
  enum class State { unanswered, streaming, done };

  HttpConnection* connection_;  ///< null once the client is gone
  State state_ = State::unanswered;
  std::function<void()> on_gone_;
};

class HttpConnection final : public net::StreamHandler {
 public:
  static constexpr std::size_t read_ahead_bytes = 64 * 1024;
  /// Called when the connection has ended; it may then be destroyed, but not inside the call.
  using OnEnd = std::move_only_function<void()>;

  HttpConnection(net::Env& env, const HttpServerOptions& options, HttpHandler& handler,
                 std::unique_ptr<net::Stream> stream, OnEnd on_end);
  ~HttpConnection() override;

  /// For a client too many: 503, then close.
  void turn_away();

  void on_bytes(ByteView bytes) override;
  void on_drain() override;
  void on_close(const Error& reason) override;

 private:
  friend class Responder;

  void process();
  void handle_request();
  bool may_be_answered() const;
  void refuse(unsigned status, const std::string& message);
  void watch_time();
  void idle_too_long();

  void send_response(HttpResponse response);
  void send_stream_head(const HttpResponse& head);
  bool send_chunk(std::string_view chunk);
  void answered(bool complete);
  void cut();
  void end();

  net::Env& env_;
  const HttpServerOptions& options_;
  HttpHandler& handler_;
  std::unique_ptr<net::Stream> stream_;
  const net::TlsStream* tls_ = nullptr;  ///< stream_, if the server has certificates
  std::optional<net::PeerCertificate> client_certificate_;
  OnEnd on_end_;
  wire::http::RequestParser parser_;
  Responder* responder_ = nullptr;  ///< of the request that waits for its answer
  net::Timer timer_;
  std::size_t pending_before_ = 0;
  bool processing_ = false;
  bool reading_request_ = false;  ///< timer_ runs for read_timeout
  bool closing_ = false;
  bool certificate_known_ = false;
  bool keep_alive_ = true;
  bool head_only_ = false;
  bool http_1_0_ = false;
  bool chunked_ = false;
};

}  // namespace wireway::link::detail
