#pragma once
/// What moves between components: one MQTT-shaped message, and the acknowledgement that travels
/// back the same way. Sources make Messages, dataflows change them, sinks deliver them.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace wireway::flow {

enum class Qos : std::uint8_t { at_most_once = 0, at_least_once = 1, exactly_once = 2 };

/// MQTT 5 section 3.3; order of user properties is kept, keys may repeat.
struct Message {
  std::string topic;
  Bytes payload;
  Qos qos = Qos::at_least_once;
  bool retain = false;
  std::optional<std::uint32_t> expiry_s;
  std::string content_type;
  bool payload_is_utf8 = false;  ///< Payload Format Indicator 1
  std::string response_topic;
  Bytes correlation_data;
  std::vector<std::pair<std::string, std::string>> user_properties;
};

/// What became of a message, told to whoever handed it over.
enum class Outcome {
  delivered,  ///< the destination has it (acknowledged or on disk)
  filtered,   ///< dropped on purpose by configuration
  /// can never be delivered (not JSON, too large, refused for ever); counted, reported
  dead_lettered,
  /// we shut down before it was delivered: the source must keep it and send it again
  abandoned,
};

/// The duty to report one message's outcome, exactly once. Moved along with the message; whoever
/// ends the message's way settles it. Destroyed unsettled = `abandoned`, so that nothing is lost
/// silently.
class Ack {
 public:
  using Callback = std::move_only_function<void(Outcome)>;

  Ack() = default;
  explicit Ack(Callback callback) : callback_(std::move(callback)) {}
  Ack(Ack&& other) noexcept : callback_(std::exchange(other.callback_, nullptr)) {}
  Ack& operator=(Ack&& other) noexcept {
    if (this != &other) {
      settle(Outcome::abandoned);
      callback_ = std::exchange(other.callback_, nullptr);
    }
    return *this;
  }
  ~Ack() { settle(Outcome::abandoned); }

  void settle(Outcome outcome) {
    if (Callback callback = std::exchange(callback_, nullptr)) callback(outcome);
  }

 private:
  Callback callback_;
};

}  // namespace wireway::flow
