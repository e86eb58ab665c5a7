#pragma once
/// One dataflow at work: an MQTT session as its source, the transform, the sink. A message is
/// acknowledged to the source only when the sink has it, or when it is filtered or dead-lettered.
///
/// Thread:  the Loop of its Env
/// Owns:    its source's client and its sink; outlived by the Ledger
/// Limits:  window messages of QoS 1/2 (the broker keeps to it); QoS 0 beyond window + busy_max is
///          dropped and counted. When the window is full the sink is told to flush
/// Session: persistent under a stable client id: what is not acknowledged comes again, also after a
///          restart or a change of the dataflow

#include <memory>
#include <string>
#include <vector>

#include "dataflow/ledger.h"
#include "dataflow/stage/transform.h"
#include "dataflow/stall_watch.h"
#include "flow/door.h"
#include "link/mqtt_client.h"

namespace wireway::dataflow {

struct PipelineOptions {
  std::string name;  ///< of the dataflow, for log lines
  link::MqttClientOptions source;
  std::vector<std::string> filters;
  std::vector<std::string> stale_filters;  ///< of the version before, that its session still holds
  TransformRules rules;
  std::size_t window = 100;
};

class Pipeline {
 public:
  static constexpr std::size_t busy_max = 10'000;
  static constexpr Duration drain_max = std::chrono::seconds{3};

  Pipeline(net::Env& env, PipelineOptions options, std::unique_ptr<flow::Sink> sink, Ledger& ledger,
           net::Task on_health_changed);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  void start();

  enum class End { keep_session, drop_session };
  /// Takes no more messages, lets the sink finish what it has (at most drain_max), then
  /// disconnects; `done` comes once and may destroy the Pipeline. drop_session unsubscribes first.
  void end(End how, net::Task done);

  flow::Health source_health() const;
  const flow::Sink& sink() const { return *sink_; }
  const std::vector<std::string>& filters() const { return options_.filters; }

 private:
  void on_message(flow::Message message, flow::Ack ack);
  void hand_over(flow::Message message, flow::Ack ack, std::uint64_t bytes);
  void poison(const flow::Message& message, std::string why);
  bool is_ours(const std::string& topic) const;
  void wait_for_drain(MonoTime deadline, net::Task done);
  void look_for_stall();

  net::Env& env_;
  PipelineOptions options_;
  Ledger& ledger_;
  net::Task on_health_changed_;
  Transform transform_;
  bool ending_ = false;
  MonoTime poison_logged_{};
  StallWatch stall_;
  net::Timer timer_;
  net::Timer stall_timer_;
  link::MqttClient client_;
  std::unique_ptr<flow::Sink> sink_;  ///< last: what it abandons goes back through the client
};

}  // namespace wireway::dataflow
