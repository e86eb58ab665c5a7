#pragma once
/// Writes packets of one MQTT connection to its stream; what is written leaves in the flush of the
/// turn.

#include <utility>

#include "net/stream.h"
#include "wire/mqtt/codec.h"

namespace wireway::link::detail {

class MqttPacketOut {
 public:
  /// More than this not yet taken by the kernel: publishing waits for on_drain.
  static constexpr std::size_t pending_bytes_max = 1024 * 1024;

  void open(net::Stream* stream) { stream_ = stream; }
  void close() { stream_ = nullptr; }
  bool is_open() const { return stream_ != nullptr; }
  bool congested() const { return stream_->pending_bytes() > pending_bytes_max; }

  void send(const wire::mqtt::Connect& packet) {
    append(packet, scratch_);
    write();
  }
  template <class Packet>
  void send(const Packet& packet) {
    append(packet, wire::mqtt::Version::v5, scratch_);
    write();
  }
  void send_pingreq() {
    wire::mqtt::append_pingreq(scratch_);
    write();
  }
  void send_publish(const wire::mqtt::Publish& packet) {
    wire::mqtt::append_publish_head(packet, wire::mqtt::Version::v5, scratch_);
    write();
    stream_->write(packet.payload);
  }

  /// True if anything was sent since the last call.
  bool take_activity() { return std::exchange(active_, false); }

 private:
  void write() {
    stream_->write(scratch_);
    scratch_.clear();
    active_ = true;
  }

  net::Stream* stream_ = nullptr;
  Bytes scratch_;
  bool active_ = false;
};

}  // namespace wireway::link::detail
