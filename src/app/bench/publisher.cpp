#include "app/bench/publisher.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/assert.h"

namespace wireway::app::bench {
namespace {

constexpr int digits = 6;

void put_digits(std::uint8_t* at, std::uint64_t number) {
  for (int i = digits; i-- > 0; number /= 10) at[i] = static_cast<std::uint8_t>('0' + number % 10);
}

}  // namespace

Marks marks_of(ByteView payload) {
  Marks out;
  if (payload.size() >= sizeof out) std::memcpy(&out, payload.data(), sizeof out);
  return out;
}

std::string topic_name(const TopicPlan& plan, std::uint32_t number) {
  if (plan.count == 1) return plan.prefix + plan.suffix;
  return fmt::format("{}{:06}{}", plan.prefix, number, plan.suffix);
}

Publisher::Publisher(const Ground& ground, Peer& peer, PublisherPlan plan)
    : ground_(ground), peer_(peer), plan_(std::move(plan)) {
  if (ground_.settings.qos != wire::mqtt::Qos::at_most_once)
    plan_.slots = std::min(plan_.slots, peer_.receive_maximum());
  prepare();
}

void Publisher::prepare() {
  const Settings& settings = ground_.settings;
  const std::string topic = topic_name(plan_.topics, plan_.topics.first);
  const std::uint32_t payload_bytes = std::max(plan_.payload_bytes, payload_bytes_min);
  const Bytes payload(plan_.empty ? 0 : payload_bytes, 'x');
  wire::mqtt::Publish publish;
  publish.topic = topic;
  publish.qos = settings.qos;
  publish.retain = plan_.retain;
  publish.payload = payload;
  packet_bytes_ = wire::mqtt::publish_bytes(publish, settings.version);
  ring_.reserve(packet_bytes_ * plan_.slots);
  for (std::uint32_t slot = 0; slot < plan_.slots; ++slot) {
    if (publish.qos != wire::mqtt::Qos::at_most_once)
      publish.packet_identifier = static_cast<std::uint16_t>(slot + 1);
    wire::mqtt::append_publish(publish, settings.version, ring_);
  }
  WIREWAY_ASSERT(ring_.size() == packet_bytes_ * plan_.slots, "all packets have one size");
  const auto* topic_at =
      std::search(ring_.data(), ring_.data() + packet_bytes_, topic.begin(), topic.end());
  digits_at_ = static_cast<std::size_t>(topic_at - ring_.data()) + plan_.topics.prefix.size();
  marks_at_ = packet_bytes_ - payload.size();
}

void Publisher::patch(std::size_t slot, MonoTime due) {
  std::uint8_t* const packet = ring_.data() + slot * packet_bytes_;
  Marks marks{.run = ground_.settings.options.run,
              .stream = plan_.stream,
              .sequence = sent_ + 1,
              .time_ns = due.since_start.count()};
  const TopicPlan& topics = plan_.topics;
  if (topics.count > 1) {
    put_digits(packet + digits_at_, topics.first + topics.step * topic_);
    if (plan_.stream_per_topic) {
      marks.stream = static_cast<std::uint32_t>(topic_);
      marks.sequence = round_;
    }
    topic_ += topics.stride;
    if (topic_ >= topics.count) {
      topic_ -= topics.count;
      ++round_;
    }
  }
  if (!plan_.empty) std::memcpy(packet + marks_at_, &marks, sizeof marks);
}

void Publisher::send(std::uint64_t count, MonoTime due) {
  while (count > 0) {
    const std::size_t first = sent_ % plan_.slots;
    const std::size_t run = std::min<std::uint64_t>(count, plan_.slots - first);
    for (std::size_t i = 0; i < run; ++i, ++sent_) patch(first + i, due);
    peer_.write(ByteView(ring_).subspan(first * packet_bytes_, run * packet_bytes_));
    count -= run;
  }
}

}  // namespace wireway::app::bench
