#pragma once
/// What one client says and hears, packet by packet, for a while: switched on by hand when somebody
/// wonders what a client does.
///
/// Limits: events_max; older ones go, and their numbers tell that they are missing
///         lifetime: then it ends by itself

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/time.h"
#include "wire/mqtt/packet.h"

namespace wireway::broker {

struct TraceEvent {
  std::uint64_t number = 0;
  MonoTime at;
  bool to_client = false;
  wire::mqtt::PacketType type = wire::mqtt::PacketType::publish;
  std::uint64_t bytes = 0;
  std::string topic = {};  ///< of PUBLISH, cut to topic_bytes_max
};

class ClientTrace {
 public:
  static constexpr std::size_t events_max = 2000;
  static constexpr std::size_t topic_bytes_max = 256;
  static constexpr Duration lifetime = std::chrono::minutes{10};

  explicit ClientTrace(MonoTime now) : ends_(now + lifetime) {}

  bool over(MonoTime now) const { return now >= ends_; }
  void note(TraceEvent event) {
    event.number = ++last_;
    if (events_.size() == events_max) events_.pop_front();
    events_.push_back(std::move(event));
  }
  const std::deque<TraceEvent>& events() const { return events_; }

 private:
  MonoTime ends_;
  std::uint64_t last_ = 0;
  std::deque<TraceEvent> events_;
};

}  // namespace wireway::broker
