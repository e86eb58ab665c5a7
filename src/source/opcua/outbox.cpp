#include "source/opcua/outbox.h"

#include "base/log.h"

namespace wireway::source::opcua {

void Outbox::set_publisher(Publisher* publisher) {
  publisher_ = publisher;
  pump();
}

void Outbox::put(const resource::ObjectKey& asset, flow::Message message) {
  waiting_bytes_ += bytes_of(message);
  waiting_.push_back({asset, std::move(message)});
  pump();
  while (waiting_.size() > messages_max || waiting_bytes_ > bytes_max) {
    ++dropped_[waiting_.front().asset];
    waiting_bytes_ -= bytes_of(waiting_.front().message);
    waiting_.pop_front();
  }
}

void Outbox::pump() {
  if (is_pumping_) return;  // an acknowledgement that comes within publish()
  is_pumping_ = true;
  while (publisher_ != nullptr && publisher_->is_connected() && in_flight_ < window_max &&
         !waiting_.empty()) {
    Entry entry = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= bytes_of(entry.message);
    ++in_flight_;
    flow::Ack ack([this, asset = entry.asset](flow::Outcome outcome) {
      --in_flight_;
      if (outcome != flow::Outcome::delivered) ++dropped_[asset];
      pump();
    });
    if (const Result<> taken = publisher_->publish(std::move(entry.message), std::move(ack));
        !taken) {
      log::warn("asset {}: {}", entry.asset.to_string(), taken.error().message);
      break;
    }
  }
  is_pumping_ = false;
}

std::uint64_t Outbox::dropped(const resource::ObjectKey& asset) const {
  const auto found = dropped_.find(asset);
  return found == dropped_.end() ? 0 : found->second;
}

}  // namespace wireway::source::opcua
