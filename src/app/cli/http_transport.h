#pragma once
/// Transport over HTTP by libcurl, one blocking request at a time on one kept connection.
///
/// Thread: main's. Limits: 5 s to connect, request_time_max for an answer, body_bytes_max of it.
/// Errors: Errc::unavailable, timed_out or denied, with the address and what to look at.

#include <memory>

#include "app/cli/api.h"
#include "app/cli/connection.h"

namespace wireway::app::cli {

class HttpTransport final : public Transport {
 public:
  static constexpr long request_seconds_max = 120;
  static constexpr std::size_t body_bytes_max = 1024UL * 1024 * 1024;

  explicit HttpTransport(Connection connection);
  ~HttpTransport() override;
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;

  Result<ApiAnswer> send(const ApiRequest& request) override;

 private:
  struct Handle;
  Connection connection_;
  std::unique_ptr<Handle> handle_;
};

}  // namespace wireway::app::cli
