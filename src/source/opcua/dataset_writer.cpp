#include "source/opcua/dataset_writer.h"

#include <algorithm>

#include <fmt/format.h>

#include "source/opcua/json_write.h"

namespace wireway::source::opcua {
namespace {

constexpr std::string_view content_type = "application/json";

std::int64_t ticks_of(WallTime time) {
  return UA_DATETIME_UNIX_EPOCH + time.since_epoch.count() / 100;
}

/// "2024-08-05 14:19:08.874 +00:00": the documented form, which is not RFC 3339.
std::string recorded_time(WallTime now) {
  std::string text = to_rfc3339(now, 3);
  text[10] = ' ';
  text.back() = ' ';
  return text + "+00:00";
}

std::string traceparent(net::Random& random) {
  return fmt::format("00-{:016x}{:016x}-{:016x}-00", random.next(), random.next() | 1,
                     random.next() | 1);
}

}  // namespace

DatasetWriter::DatasetWriter(const ValueEncoder& encoder, net::Random& random)
    : encoder_(encoder), random_(random) {}

void DatasetWriter::configure(const DatasetModel& model, DatasetIdentity identity) {
  std::vector<Point> points(model.points.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    append_text(points[i].key, model.points[i].name);
    points[i].key += ':';
    const auto same = std::ranges::find(points_, points[i].key, &Point::key);
    if (same != points_.end()) points[i] = *same;
  }
  points_ = std::move(points);
  model_ = model;
  identity_ = std::move(identity);
}

void DatasetWriter::add(std::size_t index, const UA_DataValue& sample,
                        const EnumerationType* names) {
  Point& point = points_[index];
  const std::size_t frame_index = point.pending++;
  if (frame_index >= frames_.size()) frames_.emplace_back();
  messages_pending_ = std::max(messages_pending_, frame_index + 1);
  Frame& frame = frames_[frame_index];
  if (!frame.members.empty()) frame.members += ',';
  const std::size_t start = frame.members.size();
  frame.members += point.key;
  append_sample(frame.members, sample, names);
  if (model_.key_frame_count > 0) point.last.assign(frame.members, start);
  if (sample.hasServerTimestamp)
    frame.server_ticks = std::max(frame.server_ticks, sample.serverTimestamp);
  ++counts_.values;
  if (sample.hasStatus && sample.status != UA_STATUSCODE_GOOD) ++counts_.bad;
}

void DatasetWriter::append_sample(std::string& out, const UA_DataValue& sample,
                                  const EnumerationType* names) {
  out += '{';
  if (sample.hasSourceTimestamp) {
    out += "\"SourceTimestamp\":";
    append_time(out, sample.sourceTimestamp);
  }
  if (sample.hasValue) {
    if (out.back() != '{') out += ',';
    out += "\"Value\":";
    encoder_.append(out, sample.value, names);
  }
  if (sample.hasStatus && sample.status != UA_STATUSCODE_GOOD) {
    if (out.back() != '{') out += ',';
    out += "\"StatusCode\":";
    ValueEncoder::append_status(out, sample.status);
  }
  out += '}';
}

void DatasetWriter::flush(WallTime now, std::vector<flow::Message>& out) {
  for (std::size_t i = 0; i < messages_pending_; ++i) {
    const bool is_key_frame = model_.key_frame_count > 0 && since_key_frame_ == 0;
    if (model_.key_frame_count > 0)
      since_key_frame_ = (since_key_frame_ + 1) % model_.key_frame_count;
    out.push_back(message_of(frames_[i], is_key_frame, now));
    frames_[i].members.clear();
    frames_[i].server_ticks = 0;
    ++counts_.messages;
  }
  if (messages_pending_ > 0) counts_.last_value = now;
  messages_pending_ = 0;
  for (Point& point : points_) point.pending = 0;
}

std::string DatasetWriter::members_of_key_frame() const {
  std::string members;
  for (const Point& point : points_) {
    if (point.last.empty()) continue;
    if (!members.empty()) members += ',';
    members += point.last;
  }
  return members;
}

flow::Message DatasetWriter::message_of(const Frame& frame, bool is_key_frame, WallTime now) {
  const std::string complete = is_key_frame ? members_of_key_frame() : std::string();
  const std::string& members = is_key_frame ? complete : frame.members;
  flow::Message message;
  message.topic = model_.topic;
  message.retain = model_.retain;
  message.content_type = content_type;
  message.payload_is_utf8 = true;
  message.payload.reserve(members.size() + 2);
  message.payload.push_back('{');
  message.payload.insert(message.payload.end(), members.begin(), members.end());
  message.payload.push_back('}');

  auto& properties = message.user_properties;
  properties.reserve(13);
  const auto add_property = [&properties](std::string_view key, std::string value) {
    properties.emplace_back(key, std::move(value));
  };
  add_property("specversion", "1.0");
  add_property("id", random_.uuid());
  add_property("type", is_key_frame ? "ua-keyframe" : "ua-deltaframe");
  add_property("source", identity_.server_uri);
  add_property("subject", identity_.asset);
  add_property("time", to_opcua_time(now));
  add_property("datacontenttype", std::string(content_type));
  add_property("sequence", fmt::format("{}", sequence_++));
  add_property("traceparent", traceparent(random_));
  add_property("recordedtime", recorded_time(now));
  add_property("uuid", identity_.uuid);
  add_property("externalAssetId", identity_.external_id);
  if (frame.server_ticks != 0) {
    const double delay_ms = static_cast<double>(ticks_of(now) - frame.server_ticks) / 10'000.0;
    add_property("serverToConnectorMilliseconds", fmt::format("{:.4f}", delay_ms));
  }
  return message;
}

SampleCounts DatasetWriter::take_counts() {
  SampleCounts result = counts_;
  counts_ = {};
  counts_.last_value = result.last_value;
  return result;
}

}  // namespace wireway::source::opcua
