#pragma once
/// Whether the brokers that a running dataflow shall move to can be reached: a session of its own
/// on each, while the dataflow goes on where it is.
///
/// Thread: the Loop of its Env
/// Errors: none; an unreachable server is tried until the trial is dropped

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "link/mqtt_client.h"
#include "net/env.h"

namespace wireway::dataflow {

class Trial {
 public:
  struct Candidate {
    std::string endpoint;  ///< the DataflowEndpoint's name
    net::Endpoint server;
  };

  /// `name` is the dataflow's; `on_change` comes when something new is known.
  Trial(net::Env& env, const std::string& name, std::vector<Candidate> candidates,
        std::move_only_function<void()> on_change);
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  bool passed() const;
  /// "DataflowEndpoint far: 10.0.0.9:1883 refused ..."; empty while nothing has failed.
  std::string trouble() const;
  bool is_about(const std::string& endpoint) const;

 private:
  struct Part {
    Candidate candidate;
    std::unique_ptr<link::MqttClient> client;
  };
  std::move_only_function<void()> on_change_;
  std::vector<Part> parts_;
};

}  // namespace wireway::dataflow
