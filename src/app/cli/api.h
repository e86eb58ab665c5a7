#pragma once
/// Requests to a Kubernetes API, one after the other: a command waits for each answer. Warnings of
/// the server go to the console as they come.
///
/// Thread: main's. Limits: body_bytes_max an answer; Connection's timeouts.
/// Errors: ApiFailure with the server's own words; code 0 = no answer at all.

#include <cstdint>
#include <expected>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/cli/console.h"
#include "base/json.h"
#include "base/result.h"

namespace wireway::app::cli {

struct ApiRequest {
  std::string method = "GET";
  std::string path = {};  ///< with query
  std::string body = {};
  std::string content_type = "application/json";
  std::string accept = "application/json";
};

struct ApiAnswer {
  unsigned status = 0;
  std::vector<std::string> warnings = {};  ///< values of Warning headers
  std::string body = {};
};

/// How requests reach the server: over HTTP, or in a test by a call.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual Result<ApiAnswer> send(const ApiRequest& request) = 0;
};

/// One cause of a Status: which field and why.
struct ApiCause {
  std::string reason;
  std::string field;
  std::string message;
};

struct ApiFailure {
  unsigned code = 0;  ///< HTTP status; 0 = the server was not reached
  std::string reason = {};
  std::string message = {};
  std::vector<ApiCause> causes = {};
};

template <class T = void>
using Answer = std::expected<T, ApiFailure>;

class Api {
 public:
  Api(Transport& transport, Console& console) : transport_(transport), console_(console) {}

  Answer<json::value> get(std::string path);
  Answer<json::value> send(const ApiRequest& request);
  /// The body as it came.
  Answer<std::string> text(const ApiRequest& request);
  /// Status code of the last answer.
  unsigned code() const { return code_; }

 private:
  Transport& transport_;
  Console& console_;
  unsigned code_ = 0;
  std::set<std::string> warned_;  ///< each warning is told once
};

/// Adds "key=value" to a path, with ? or &; the value is percent-encoded.
void add_query(std::string& path, std::string_view key, std::string_view value);
std::string percent_encode(std::string_view text);

}  // namespace wireway::app::cli
