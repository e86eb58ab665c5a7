#pragma once
/// HTTP/1.1 requests from bytes, without I/O: the first stop of every API call and page load. Wraps
/// Boost.Beast's parser; link/http_server feeds it from a stream.
///
/// Source:  RFC 9110, RFC 9112
/// Limits:  header_bytes_max (431), body_bytes_max (413); one request is held at a time, what
///          follows it waits as bytes in `buffered_bytes()`.
/// Errors:  a malformed request is a Refusal with the status to answer; the connection must then be
///          closed, because nobody knows where the next request begins.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace wireway::wire::http {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;  ///< upper case as sent
  std::string target;  ///< as sent
  std::string path;    ///< decoded, without query; "*" for OPTIONS of the server
  Pairs query;         ///< decoded, in order
  Pairs headers;       ///< names in lower case, in order
  std::string body;
  bool keep_alive = true;
  int version_minor = 1;  ///< HTTP/1.N
};

struct Refusal {
  unsigned status = 400;
  std::string message;
};

class RequestParser {
 public:
  struct Limits {
    std::size_t header_bytes_max = 64 * 1024;
    std::size_t body_bytes_max = 4 * 1024 * 1024;
  };
  enum class Step {
    need_more,        ///< feed() and call again
    continue_wanted,  ///< answer 100 (Continue), then call again; comes at most once a request
    request,          ///< take() it
    refused,          ///< answer refusal() and close
  };

  explicit RequestParser(Limits limits);
  ~RequestParser();

  void feed(ByteView bytes);
  Step step();
  Request take();
  const Refusal& refusal() const { return refusal_; }

  /// True between the first byte of a request and its end.
  bool within_request() const;
  std::size_t buffered_bytes() const { return input_.size() - input_begin_; }

 private:
  struct Beast;

  Step refuse(unsigned status, std::string message);
  Step header_done();
  Step finish();
  void consume(std::size_t bytes);

  Limits limits_;
  std::unique_ptr<Beast> beast_;  ///< of the request under way
  std::string input_;
  std::size_t input_begin_ = 0;
  Request request_;
  Refusal refusal_;
  bool refused_ = false;
};

/// Path and query of a request target, decoded. Errors: Errc::invalid for a malformed escape, a
/// control character, or a path that climbs ("..").
struct Target {
  std::string path;
  Pairs query;
};
Result<Target> parse_target(std::string_view target);

/// Percent-decoding; in a query a plus sign is a space.
enum class PlusSign { is_itself, is_space };
Result<std::string> percent_decode(std::string_view text, PlusSign plus);

}  // namespace wireway::wire::http
