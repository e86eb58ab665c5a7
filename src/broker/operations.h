#pragma once
/// What people and programs that run a broker see of it: $SYS, the metrics page, health, the
/// self-check. Its HTTP port is spec.diagnostics.metrics.prometheusPort.
///
///   GET /metrics   Prometheus text
///   GET /healthz   200 as long as the process answers
///   GET /readyz    200 if the last self-check has passed, else 503 with what failed
///
/// Thread: the loop of node 0; the nodes answer from their own
/// Limits: connections_max; one listening address: loopback, or all if `is_public`
/// Errors: a port that cannot be had is tried again every port_retry and said in the log once; the
///         broker works without

#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "broker/diagnostics/self_check.h"
#include "broker/diagnostics/sys_topics.h"
#include "broker/node.h"
#include "link/http_server.h"

namespace wireway::broker {

/// What only the program knows.
struct OperationsOptions {
  std::string hostname = "localhost";
  std::string version = "0";
  std::move_only_function<std::uint64_t()> heap_bytes = nullptr;
  std::move_only_function<std::string()> more_metrics = nullptr;  ///< as Prometheus text
};

/// From a Broker manifest and its listeners.
struct OperationsPlan {
  std::uint16_t port = 9600;  ///< 0 = none
  bool is_public = false;     ///< a listener of the broker is not for this machine alone
  diagnostics::SelfCheckOptions self_check;

  friend bool operator==(const OperationsPlan&, const OperationsPlan&) = default;
};
OperationsPlan operations_of(const json::value& broker);

class Operations {
 public:
  static constexpr Duration sys_interval = std::chrono::seconds{10};
  static constexpr Duration port_retry = std::chrono::seconds{10};
  static constexpr std::size_t connections_max = 100;

  Operations(net::Env& env, NodeTable nodes, OperationsOptions options);

  /// `on_check` comes after each self-check.
  void start(std::move_only_function<void()> on_check);
  void set_plan(const OperationsPlan& plan);
  /// Once a second.
  void on_counters(const Counters& total, std::size_t queued_bytes_max);
  /// Empty, or what the last self-check found.
  const std::string& trouble() const { return check_.figures().message; }
  void stop();

 private:
  void open_door();
  void answer(const link::HttpRequest& request, std::shared_ptr<link::HttpResponder> responder);
  void answer_metrics(std::shared_ptr<link::HttpResponder> responder);
  link::HttpResponse readiness() const;
  void publish_sys();

  net::Env& env_;
  NodeTable nodes_;
  OperationsOptions options_;
  OperationsPlan plan_;
  const MonoTime started_;
  std::move_only_function<void()> on_check_;
  diagnostics::SelfCheck check_;
  diagnostics::SysTopics sys_;
  diagnostics::Figures figures_;
  std::optional<MonoTime> sys_published_;
  std::unique_ptr<link::HttpServer> door_;
  std::string door_trouble_;
  net::Timer door_retry_;
  bool has_plan_ = false;
};

}  // namespace wireway::broker
