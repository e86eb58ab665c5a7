#include "broker/buffer/run_codec.h"

#include <cstring>
#include <type_traits>

namespace wireway::broker::buffer {
namespace {

struct Head {
  std::uint64_t sequence = 0;
  Journal::Position position = 0;
  Duration::rep since = 0;
  Duration::rep expires_at = 0;
  std::uint32_t payload_bytes = 0;
  std::uint32_t property_bytes = 0;
  std::uint32_t identifiers = 0;
  std::uint16_t topic_bytes = 0;
  std::uint16_t publisher_bytes = 0;
  mqtt::Qos qos = mqtt::Qos::at_most_once;
  mqtt::Qos message_qos = mqtt::Qos::at_most_once;
  bool retain = false;
  bool message_retain = false;
};
static_assert(std::is_trivially_copyable_v<Head>);

void append(const void* from, std::size_t bytes, Bytes& out) {
  const auto* first = static_cast<const std::uint8_t*>(from);
  out.insert(out.end(), first, first + bytes);
}

/// Takes from the front; an empty view if there is not as much.
ByteView take(ByteView& bytes, std::size_t count) {
  const ByteView out = bytes.first(std::min(count, bytes.size()));
  bytes = bytes.subspan(out.size());
  return out;
}

}  // namespace

void encode(const Delivery& delivery, Bytes& out) {
  const MessageView view = delivery.message->view();
  const auto identifiers = delivery.identifiers.values();
  Head head;
  head.sequence = delivery.sequence;
  head.position = delivery.position;
  head.since = delivery.since.since_start.count();
  head.expires_at = view.expires_at.since_start.count();
  head.payload_bytes = std::uint32_t(view.payload.size());
  head.property_bytes = std::uint32_t(view.forwarded_properties.size());
  head.identifiers = std::uint32_t(identifiers.size());
  head.topic_bytes = std::uint16_t(view.topic.size());
  head.publisher_bytes = std::uint16_t(view.publisher.size());
  head.qos = delivery.qos;
  head.message_qos = view.qos;
  head.retain = delivery.retain;
  head.message_retain = view.retain;
  append(&head, sizeof head, out);
  append(identifiers.data(), identifiers.size_bytes(), out);
  append(view.topic.data(), view.topic.size(), out);
  append(view.forwarded_properties.data(), view.forwarded_properties.size(), out);
  append(view.payload.data(), view.payload.size(), out);
  append(view.publisher.data(), view.publisher.size(), out);
}

Result<std::vector<Delivery>> decode(ByteView bytes, std::size_t count) {
  std::vector<Delivery> out;
  out.reserve(count);
  while (bytes.size() >= sizeof(Head)) {
    Head head;
    std::memcpy(&head, take(bytes, sizeof head).data(), sizeof head);
    std::vector<std::uint32_t> identifiers(head.identifiers);
    const std::size_t behind = identifiers.size() * sizeof(std::uint32_t) + head.topic_bytes +
                               head.property_bytes + head.payload_bytes + head.publisher_bytes;
    if (bytes.size() < behind) break;
    const ByteView raw = take(bytes, identifiers.size() * sizeof(std::uint32_t));
    if (!raw.empty()) std::memcpy(identifiers.data(), raw.data(), raw.size());
    MessageView view;
    view.topic = as_text(take(bytes, head.topic_bytes));
    view.forwarded_properties = take(bytes, head.property_bytes);
    view.payload = take(bytes, head.payload_bytes);
    view.publisher = as_text(take(bytes, head.publisher_bytes));
    view.expires_at = MonoTime{Duration{head.expires_at}};
    view.qos = head.message_qos;
    view.retain = head.message_retain;
    Delivery delivery;
    delivery.message = StoredMessage::make(view);
    delivery.identifiers = Identifiers(identifiers);
    delivery.qos = head.qos;
    delivery.retain = head.retain;
    delivery.stage = Delivery::Stage::waiting;
    delivery.sequence = head.sequence;
    delivery.position = head.position;
    delivery.since = MonoTime{Duration{head.since}};
    out.push_back(std::move(delivery));
  }
  if (out.size() != count || !bytes.empty())
    return fail(Errc::invalid, "it is not what was written");
  return out;
}

}  // namespace wireway::broker::buffer
