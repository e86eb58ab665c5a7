#pragma once
/// Method Custom: a server of the user's own says who may come in, by HTTPS.
///
/// Source: broker.md 4.5, API version 0.5.0
/// Limits: answer_bytes_max, answer_timeout, calls_max at once; beyond it the method is unavailable
/// Errors: a server that does not answer, or answers anything but 200, 403 and 422, makes the
///         method unavailable

#include <map>
#include <memory>

#include "broker/access/method.h"
#include "link/http_client.h"

namespace wireway::broker {

struct CustomOptions {
  std::string endpoint = {};
  std::map<std::string, std::string> headers = {};
  std::string authorities = {};  ///< PEM; empty = public ones
  net::KeyPair identity = {};    ///< what we show to the server; empty = nothing
};

class Custom final : public Method {
 public:
  static constexpr std::size_t answer_bytes_max = 64 * 1024;
  static constexpr Duration answer_timeout = std::chrono::seconds{5};
  static constexpr std::size_t calls_max = 256;

  Custom(link::HttpClient* http, CustomOptions options)
      : http_(http), options_(std::move(options)) {}

  bool concerns(const Credentials&) const override { return true; }
  void check(const Credentials& credentials, WallTime now, Answer answer) override;

 private:
  struct Call {
    std::string body;
    Answer answer;
    std::optional<std::string> username;
    std::unique_ptr<link::HttpCall> request;
  };
  void send(std::uint64_t number);
  void on_response(std::uint64_t number, const Result<link::HttpClientResponse>& response);

  link::HttpClient* http_;
  CustomOptions options_;
  std::map<std::uint64_t, Call> calls_;
  std::unique_ptr<link::HttpCall> ended_;  ///< is not destroyed within its own callback
  std::uint64_t numbers_ = 0;
};

/// The question about a client, as API version 0.5.0 has it.
std::string custom_question(const Credentials& credentials);
/// What an answer of status 200 or 403 means.
Opinion custom_opinion(unsigned status, std::string_view body);

}  // namespace wireway::broker
