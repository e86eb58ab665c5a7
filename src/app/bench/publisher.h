#pragma once
/// Sends the messages of one publisher: whole PUBLISH packets lie prepared side by side, and only
/// sequence number, time and topic number are patched where they lie.
///
/// Cost:   one copy of each packet, into the stream's buffer; no allocation.
/// Limits: `slots` messages on the way; the packet identifier of a slot is its number + 1.

#include <cstdint>
#include <string>

#include "app/bench/peer.h"

namespace wireway::app::bench {

/// The marks at the beginning of each payload, in this machine's byte order.
struct Marks {
  std::uint32_t run = 0;
  std::uint32_t stream = 0;    ///< whose sequence this is: the publisher's, or the topic's
  std::uint64_t sequence = 0;  ///< 1, 2, 3, ...
  std::int64_t time_ns = 0;    ///< when the message was due, by the run's clock
};
static_assert(sizeof(Marks) == payload_bytes_min);

Marks marks_of(ByteView payload);

/// Topics are `prefix`, then six digits if there is more than one, then `suffix`.
struct TopicPlan {
  std::string prefix;
  std::string suffix = {};
  std::uint32_t count = 1;
  std::uint32_t first = 0;  ///< the nth message goes to topic first + step * (n * stride % count)
  std::uint32_t step = 1;
  std::uint32_t stride = 1;
};

/// "prefix000042suffix"
std::string topic_name(const TopicPlan& plan, std::uint32_t number);

struct PublisherPlan {
  TopicPlan topics;
  std::uint32_t stream = 0;
  std::uint32_t slots = 1;
  std::uint32_t payload_bytes = payload_bytes_min;
  bool retain = false;
  bool empty = false;             ///< no payload: removes what is retained
  bool stream_per_topic = false;  ///< a sequence of its own for each topic
};

class Publisher {
 public:
  Publisher(const Ground& ground, Peer& peer, PublisherPlan plan);

  /// Sends `count` further messages, which must fit into the slots that are free.
  void send(std::uint64_t count, MonoTime due);
  std::uint64_t sent() const { return sent_; }
  std::uint32_t slots() const { return plan_.slots; }

 private:
  void prepare();
  void patch(std::size_t slot, MonoTime due);

  const Ground& ground_;
  Peer& peer_;
  PublisherPlan plan_;
  Bytes ring_;  ///< `slots` packets
  std::size_t packet_bytes_ = 0;
  std::size_t digits_at_ = 0;  ///< within a packet
  std::size_t marks_at_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t topic_ = 0;  ///< (sent * stride) % count, kept up by addition
  std::uint64_t round_ = 1;  ///< of all topics
};

}  // namespace wireway::app::bench
