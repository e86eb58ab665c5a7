#include "broker/records.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/assert.h"

namespace wireway::broker::records {
namespace {

enum class Type : std::uint8_t {
  session_terms = 1,
  session_ended,
  subscription_added,
  subscription_removed,
  message_queued,
  delivery_done,
  delivery_received,
  receive_state,
  retained_set,
  store_changed,
  body,
  session_state,
};

/// Numbers of seven bits a byte, lowest first; bytes with their length before them.
class Writer {
 public:
  explicit Writer(Bytes& out) : out_(out) {}

  void number(std::uint64_t value) {
    for (; value > 0x7F; value >>= 7) out_.push_back(std::uint8_t(value | 0x80));
    out_.push_back(std::uint8_t(value));
  }
  void bytes(ByteView value) {
    number(value.size());
    out_.insert(out_.end(), value.begin(), value.end());
  }
  void text(std::string_view value) { bytes(as_bytes(value)); }
  void type(Type value) { out_.push_back(static_cast<std::uint8_t>(value)); }

  /// 0 = none, else milliseconds + 1.
  void time(const std::optional<WallTime>& value) {
    using std::chrono::milliseconds;
    number(value ? std::uint64_t(
                       std::chrono::duration_cast<milliseconds>(value->since_epoch).count()) +
                       1
                 : 0);
  }
  void message(const MessageData& message) {
    const MessageView& view = message.view;
    number(static_cast<std::uint64_t>(view.qos) | (view.retain ? 4U : 0U));
    time(message.expires_at);
    text(view.topic);
    bytes(view.forwarded_properties);
    bytes(view.payload);
    text(view.publisher);
  }
  void terms(const SessionTerms& terms) {
    number(terms.number);
    text(terms.client_identifier);
    number(terms.expiry_s);
    number(terms.receive_maximum);
    number((terms.keeps_queue ? 1U : 0U) | (terms.will ? 2U : 0U));
    time(terms.disconnected_at);
    if (!terms.will) return;
    message(terms.will->message);
    number(terms.will->message_expiry_s ? std::uint64_t{*terms.will->message_expiry_s} + 1 : 0);
    number(terms.will->delay_s);
  }
  void subscription(const SubscriptionData& one) {
    text(one.filter);
    number(static_cast<std::uint64_t>(one.qos) | (one.no_local ? 4U : 0U) |
           (one.retain_as_published ? 8U : 0U));
    number(one.identifier);
  }
  void identifiers(const std::vector<std::uint32_t>& values) {
    number(values.size());
    for (const std::uint32_t value : values) number(value);
  }

  void record(const SessionTerms& r) { type(Type::session_terms), terms(r); }
  void record(const SessionEnded& r) { type(Type::session_ended), number(r.number); }
  void record(const SubscriptionAdded& r) {
    type(Type::subscription_added);
    number(r.number);
    subscription(r.subscription);
  }
  void record(const SubscriptionRemoved& r) {
    type(Type::subscription_removed);
    number(r.number);
    text(r.filter);
  }
  void record(const MessageQueued& r) {
    type(Type::message_queued);
    message(r.message);
    number(r.receivers.size());
    for (const ReceiverData& one : r.receivers) {
      number(one.number);
      number(one.sequence);
      number(static_cast<std::uint64_t>(one.qos) | (one.retain ? 4U : 0U) |
             (one.by_group ? 8U : 0U));
      identifiers(one.identifiers);
    }
    if (r.publisher == 0) return;
    number(r.publisher);
    number(r.packet_identifier);
  }
  void record(const DeliveryDone& r) {
    type(Type::delivery_done);
    number(r.number);
    number(r.sequence);
  }
  void record(const DeliveryReceived& r) {
    type(Type::delivery_received);
    number(r.number);
    number(r.sequence);
  }
  void record(const ReceiveState& r) {
    type(Type::receive_state);
    number(r.number);
    number(r.packet_identifier);
    number(r.ended ? 1 : 0);
  }
  void record(const RetainedSet& r) { type(Type::retained_set), message(r.message); }
  void record(const StoreChanged& r) { type(Type::store_changed), bytes(r.change); }
  void record(const Body& r) {
    type(Type::body);
    number(r.body);
    message(r.message);
  }
  void record(const SessionState& r) {
    type(Type::session_state);
    terms(r.terms);
    number(r.next_sequence);
    number(r.subscriptions.size());
    for (const SubscriptionData& one : r.subscriptions) subscription(one);
    number(r.receiving.size());
    for (const std::uint16_t one : r.receiving) number(one);
    number(r.queued.size());
    for (const QueuedData& one : r.queued) {
      number(one.body);
      number(one.sequence);
      number(static_cast<std::uint64_t>(one.qos) | (one.retain ? 4U : 0U) |
             (one.received ? 8U : 0U));
      identifiers(one.identifiers);
    }
    number(r.half_received.size());
    for (const HalfReceived& one : r.half_received) {
      number(one.packet_identifier);
      number(one.content);
      number(one.receivers.size());
      for (const std::uint64_t receiver : one.receivers) number(receiver);
    }
  }

 private:
  Bytes& out_;
};

/// After the first thing that does not fit everything reads as 0 or empty.
class Reader {
 public:
  explicit Reader(ByteView bytes) : left_(bytes) {}
  bool ok() const { return ok_; }

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (left_.empty()) break;
      const std::uint8_t next = left_[0];
      left_ = left_.subspan(1);
      value |= std::uint64_t{next & 0x7Fu} << shift;
      if ((next & 0x80) == 0) return value;
    }
    return fail();
  }
  ByteView bytes() {
    const std::uint64_t count = number();
    if (count > left_.size()) return fail(), ByteView{};
    const ByteView out = left_.first(count);
    left_ = left_.subspan(count);
    return out;
  }
  std::string_view text() { return as_text(bytes()); }
  /// Of things that take at least one byte each.
  std::size_t count() {
    const std::uint64_t value = number();
    return value <= left_.size() ? value : fail();
  }
  mqtt::Qos qos(std::uint64_t flags) {
    if ((flags & 3) == 3) fail();
    return static_cast<mqtt::Qos>(flags & 3);
  }
  std::optional<WallTime> time() {
    const std::uint64_t value = number();
    if (value == 0) return std::nullopt;
    constexpr std::uint64_t latest = std::uint64_t{INT64_MAX} / 1'000'000;
    return WallTime{std::chrono::milliseconds{std::int64_t(std::min(value - 1, latest))}};
  }
  MessageData message() {
    MessageData out;
    const std::uint64_t flags = number();
    out.view.qos = qos(flags);
    out.view.retain = (flags & 4) != 0;
    out.expires_at = time();
    out.view.topic = text();
    out.view.forwarded_properties = bytes();
    out.view.payload = bytes();
    out.view.publisher = text();
    if (out.view.topic.size() > 65535 || out.view.publisher.size() > 65535) fail();
    return out;
  }
  SessionTerms terms() {
    SessionTerms out;
    out.number = number();
    out.client_identifier = text();
    out.expiry_s = std::uint32_t(number());
    out.receive_maximum = std::uint16_t(number());
    const std::uint64_t flags = number();
    out.keeps_queue = (flags & 1) != 0;
    out.disconnected_at = time();
    if ((flags & 2) == 0) return out;
    WillData& will = out.will.emplace();
    will.message = message();
    if (const std::uint64_t expiry = number(); expiry > 0)
      will.message_expiry_s = std::uint32_t(expiry - 1);
    will.delay_s = std::uint32_t(number());
    return out;
  }
  SubscriptionData subscription() {
    SubscriptionData out;
    out.filter = text();
    const std::uint64_t flags = number();
    out.qos = qos(flags);
    out.no_local = (flags & 4) != 0;
    out.retain_as_published = (flags & 8) != 0;
    out.identifier = std::uint32_t(number());
    return out;
  }
  std::vector<std::uint32_t> identifiers() {
    std::vector<std::uint32_t> out;
    for (std::size_t left = count(); left > 0 && ok_; --left)
      out.push_back(std::uint32_t(number()));
    return out;
  }
  MessageQueued message_queued() {
    MessageQueued out;
    out.message = message();
    for (std::size_t left = count(); left > 0 && ok_; --left) {
      ReceiverData one;
      one.number = number();
      one.sequence = number();
      const std::uint64_t flags = number();
      one.qos = qos(flags);
      one.retain = (flags & 4) != 0;
      one.by_group = (flags & 8) != 0;
      one.identifiers = identifiers();
      out.receivers.push_back(std::move(one));
    }
    if (left_.empty()) return out;
    out.publisher = number();
    out.packet_identifier = std::uint16_t(number());
    return out;
  }
  SessionState session_state() {
    SessionState out;
    out.terms = terms();
    out.next_sequence = number();
    for (std::size_t left = count(); left > 0 && ok_; --left)
      out.subscriptions.push_back(subscription());
    for (std::size_t left = count(); left > 0 && ok_; --left)
      out.receiving.push_back(std::uint16_t(number()));
    for (std::size_t left = count(); left > 0 && ok_; --left) {
      QueuedData one;
      one.body = number();
      one.sequence = number();
      const std::uint64_t flags = number();
      one.qos = qos(flags);
      one.retain = (flags & 4) != 0;
      one.received = (flags & 8) != 0;
      one.identifiers = identifiers();
      out.queued.push_back(std::move(one));
    }
    if (left_.empty()) return out;  // an older version wrote it
    for (std::size_t left = count(); left > 0 && ok_; --left) {
      HalfReceived& one = out.half_received.emplace_back();
      one.packet_identifier = std::uint16_t(number());
      one.content = number();
      for (std::size_t more = count(); more > 0 && ok_; --more) one.receivers.push_back(number());
    }
    return out;
  }
  /// Null for an unknown type.
  std::optional<Record> record() {
    switch (static_cast<Type>(number())) {
      case Type::session_terms: return terms();
      case Type::session_ended: return SessionEnded{number()};
      case Type::subscription_added: {
        const std::uint64_t session = number();
        return SubscriptionAdded{session, subscription()};
      }
      case Type::subscription_removed: {
        const std::uint64_t session = number();
        return SubscriptionRemoved{session, text()};
      }
      case Type::message_queued: return message_queued();
      case Type::delivery_done: {
        const std::uint64_t session = number();
        return DeliveryDone{session, number()};
      }
      case Type::delivery_received: {
        const std::uint64_t session = number();
        return DeliveryReceived{session, number()};
      }
      case Type::receive_state: {
        const std::uint64_t session = number();
        const std::uint64_t identifier = number();
        return ReceiveState{session, std::uint16_t(identifier), number() != 0};
      }
      case Type::retained_set: return RetainedSet{message()};
      case Type::store_changed: return StoreChanged{bytes()};
      case Type::body: {
        const std::uint64_t body = number();
        return Body{body, message()};
      }
      case Type::session_state: return session_state();
    }
    return std::nullopt;
  }

 private:
  std::uint64_t fail() {
    ok_ = false;
    left_ = {};
    return 0;
  }

  ByteView left_;
  bool ok_ = true;
};

}  // namespace

template <class One>
void encode(const One& record, Bytes& out) {
  Writer(out).record(record);
}

template void encode(const SessionTerms&, Bytes&);
template void encode(const SessionEnded&, Bytes&);
template void encode(const SubscriptionAdded&, Bytes&);
template void encode(const SubscriptionRemoved&, Bytes&);
template void encode(const MessageQueued&, Bytes&);
template void encode(const DeliveryDone&, Bytes&);
template void encode(const DeliveryReceived&, Bytes&);
template void encode(const ReceiveState&, Bytes&);
template void encode(const RetainedSet&, Bytes&);
template void encode(const StoreChanged&, Bytes&);
template void encode(const Body&, Bytes&);
template void encode(const SessionState&, Bytes&);

std::array<std::uint8_t, 32> digest_of(const MessageData& message) {
  Bytes bytes;
  encode(Body{0, message}, bytes);
  std::array<std::uint8_t, 32> out{};
  unsigned int size = 0;
  const int done = EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, EVP_sha256(), nullptr);
  WIREWAY_ASSERT(done == 1 && size == out.size(), "SHA-256 is always there");
  return out;
}

Result<Record> decode(ByteView bytes) {
  Reader reader(bytes);
  auto record = reader.record();
  if (!reader.ok())
    return fail(Errc::invalid, "a record of the broker is cut short or not well-formed");
  if (!record)
    return fail(Errc::invalid,
                fmt::format("a record of the broker has the unknown type {}; a newer version wrote "
                            "it, use that one",
                            bytes.empty() ? 0 : bytes[0]));
  return std::move(*record);
}

}  // namespace wireway::broker::records
