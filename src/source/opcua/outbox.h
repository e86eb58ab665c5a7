#pragma once
/// Messages on their way to the broker: handed over while it is there, kept while it is away.
///
/// Thread: the Loop's
/// Owns:   what waits; outlives the Publisher whose acknowledgements come back here
/// Limits: messages_max and bytes_max wait: beyond it the oldest is dropped and counted for its
///         asset; window_max unacknowledged at the broker
/// Errors: a message that the broker refuses for ever is counted as dropped too

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "flow/message.h"
#include "resource/kind.h"

namespace wireway::source::opcua {

/// The way to a broker; link::MqttClient in production, a list in tests.
class Publisher {
 public:
  virtual ~Publisher() = default;
  virtual Result<> publish(flow::Message message, flow::Ack ack) = 0;
  virtual bool is_connected() const = 0;
  /// "connected to 127.0.0.1:1883", or why not.
  virtual std::string state_text() const = 0;
  virtual void stop() = 0;
};

class Outbox {
 public:
  static constexpr std::size_t messages_max = 10'000;
  static constexpr std::size_t bytes_max = 64 * 1024 * 1024;
  static constexpr std::size_t window_max = 1000;

  /// nullptr = no broker; what is in flight with the old one must be settled before.
  void set_publisher(Publisher* publisher);
  void put(const resource::ObjectKey& asset, flow::Message message);
  /// Hands over as much as the broker takes: call when the publisher has connected.
  void pump();

  std::size_t waiting() const { return waiting_.size(); }
  std::uint64_t dropped(const resource::ObjectKey& asset) const;

 private:
  struct Entry {
    resource::ObjectKey asset;
    flow::Message message;
  };
  static std::size_t bytes_of(const flow::Message& message) {
    return message.payload.size() + message.topic.size();
  }

  Publisher* publisher_ = nullptr;
  std::deque<Entry> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::size_t in_flight_ = 0;
  bool is_pumping_ = false;
  std::map<resource::ObjectKey, std::uint64_t> dropped_;
};

}  // namespace wireway::source::opcua
