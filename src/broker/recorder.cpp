#include "broker/recorder.h"

#include <algorithm>

namespace wireway::broker {

void Recorder::receiver(std::uint64_t number, std::uint64_t sequence, const Shape& shape) {
  records::ReceiverData& one = message_.receivers.emplace_back();
  one.number = number;
  one.sequence = sequence;
  one.qos = shape.qos;
  one.retain = shape.retain;
  one.by_group = by_group_;
  one.identifiers.assign(shape.identifiers.begin(), shape.identifiers.end());
}

void Recorder::end_message(const MessageView& view) {
  if (message_.receivers.empty()) return;
  message_.message = data_of(view);
  message_.publisher = view.origin == nullptr ? 0 : view.origin->session;
  message_.packet_identifier = view.origin == nullptr ? std::uint16_t{0} : view.origin->identifier;
  bytes_.clear();
  records::encode(message_, bytes_);
  journal_.append(bytes_);
  message_.receivers.clear();
  for (const Bytes& record : behind_message_) journal_.append(record);
  behind_message_.clear();
}

void Recorder::wait(Session& session) {
  if (std::ranges::find(waiting_, &session) == waiting_.end()) waiting_.push_back(&session);
}

void Recorder::forget(Session& session) { std::erase(waiting_, &session); }

}  // namespace wireway::broker
