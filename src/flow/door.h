#pragma once
/// The two doors between dataflows and the outside: a Source hands messages in, a Sink takes them
/// out. Destinations (`destination/*`) implement Sink, `app/components.cpp` connects them to
/// `dataflow`, which knows only this header.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "flow/message.h"
#include "net/env.h"

namespace wireway::flow {

/// A component's own view of its health, written to `status.conditions` as Ready by its owner.
struct Health {
  bool ready = false;
  std::string reason;   ///< one PascalCase word: "Connected", "HostUnreachable", "DiskFull"
  std::string message;  ///< one sentence: thing, place, remedy
  friend bool operator==(const Health&, const Health&) = default;
};

/// Where messages leave.
///
/// Thread: the Loop of its Env. Contract (tests/contract): every message put is settled exactly
/// once; `delivered` only after the destination has it; at-least-once through reconnects; order
/// kept per topic; after destruction no callback comes, unsettled messages count as abandoned.
/// Limits: the caller puts no more than it is willing to have in flight; a batching sink commits
///   early when `flush_hint()` says that the caller cannot send more before something is settled.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void put(Message message, Ack ack) = 0;
  /// The caller's window is full: commit what is pending now instead of waiting for the batch.
  virtual void flush_hint() {}
  virtual Health health() const = 0;
  /// For status and metrics: an object such as {"type":"LocalStorage","rows":12,"version":3}.
  virtual json::object metrics() const = 0;
};

/// Where messages enter a dataflow: the local broker, another broker, later Kafka.
///
/// Contract: after `on_message` the message is not acknowledged upstream before its Ack is settled;
///   `abandoned` is never acknowledged upstream.
class Source {
 public:
  using OnMessage = std::function<void(Message, Ack)>;
  virtual ~Source() = default;
  virtual Health health() const = 0;
};

/// What a Sink is made from: the DataflowEndpoint's and the Dataflow's manifest, and look-ups.
struct SinkOptions {
  std::string name;            ///< dataflow's name, for client ids, files and messages
  json::value endpoint;        ///< the DataflowEndpoint object (whole manifest)
  json::value destination;     ///< the Dataflow's destinationSettings
  json::value transformation;  ///< builtInTransformationSettings or null (schemaRef, format)
  std::string data_folder;     ///< where persistent volumes live on one machine
  std::function<void()> on_health_changed;  ///< may be called at any time; read health() then
};

using SinkFactory = std::function<Result<std::unique_ptr<Sink>>(net::Env&, const SinkOptions&)>;

}  // namespace wireway::flow
