#include "broker/message.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace wireway::broker {

/// FNV-1a.
std::uint64_t content_of(const MessageView& message) {
  std::uint64_t hash = 14'695'981'039'346'656'037U;
  const auto mix = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 1'099'511'628'211U; };
  for (const char byte : message.topic) mix(std::uint8_t(byte));
  mix(0);
  for (const std::uint8_t byte : message.payload) mix(byte);
  return hash;
}

StoredMessage::StoredMessage(const MessageView& view)
    : expires_at_(view.expires_at),
      payload_bytes_(std::uint32_t(view.payload.size())),
      property_bytes_(std::uint32_t(view.forwarded_properties.size())),
      topic_bytes_(std::uint16_t(view.topic.size())),
      publisher_bytes_(std::uint16_t(view.publisher.size())),
      qos_(view.qos),
      retain_(view.retain) {}

SharedBlock<StoredMessage> StoredMessage::make(const MessageView& view) {
  const std::size_t bytes = view.topic.size() + view.forwarded_properties.size() +
                            view.payload.size() + view.publisher.size();
  return SharedBlock<StoredMessage>::make(StoredMessage(view), bytes, [&](std::uint8_t* out) {
    const auto put = [&out](const void* from, std::size_t count) {
      if (count > 0) std::memcpy(out, from, count);
      out += count;
    };
    put(view.topic.data(), view.topic.size());
    put(view.forwarded_properties.data(), view.forwarded_properties.size());
    put(view.payload.data(), view.payload.size());
    put(view.publisher.data(), view.publisher.size());
  });
}

MessageView StoredMessage::view() const {
  const std::uint8_t* at = data();
  MessageView out;
  out.topic = as_text({at, topic_bytes_});
  out.forwarded_properties = {at + topic_bytes_, property_bytes_};
  out.payload = {out.forwarded_properties.data() + property_bytes_, payload_bytes_};
  out.publisher = as_text({out.payload.data() + payload_bytes_, publisher_bytes_});
  out.expires_at = expires_at_;
  out.qos = qos_;
  out.retain = retain_;
  return out;
}

mqtt::Publish publish_of(const MessageView& view, const Shape& shape, MonoTime now) {
  mqtt::Publish out;
  out.qos = shape.qos;
  out.retain = shape.retain;
  out.topic = view.topic;
  out.forwarded_properties = view.forwarded_properties;
  out.payload = view.payload;
  if (view.expires_at != never) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(view.expires_at - now).count();
    out.message_expiry_interval_s = std::uint32_t(std::clamp<std::int64_t>(left, 1, UINT32_MAX));
  }
  return out;
}

PacketCache::Packet& Passage::packet(mqtt::Version version, const Shape& shape, MonoTime now) {
  PacketCache::Packet& packet = cache_.at(version, shape.qos, shape.retain);
  if (packet.made) return packet;
  const mqtt::Publish publish = publish_of(view_, shape, now);
  packet.bytes.clear();
  mqtt::append_publish(publish, version, packet.bytes);
  packet.identifier_at = mqtt::packet_identifier_offset(publish, version);
  packet.made = true;
  return packet;
}

}  // namespace wireway::broker
