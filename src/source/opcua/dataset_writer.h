#pragma once
/// Collects the samples of one dataset and makes the documented messages of them: a flat JSON
/// object with a member for each point that changed, and CloudEvents in user properties.
///
/// A second sample of a point in one interval goes into a further message, so that none is lost.
/// With a key frame count, each Nth message holds the last sample of every point.
///
/// Source: payload and user properties of the documented connector (0.6 and later)
/// Thread: the worker of its endpoint
/// Limits: as many messages an interval as the longest queue of a point
/// Cost:   add() appends to one growing text: no DOM, no allocation in steady state

#include <cstdint>
#include <string>
#include <vector>

#include <open62541/types.h>

#include "base/time.h"
#include "flow/message.h"
#include "net/random.h"
#include "source/opcua/model.h"
#include "source/opcua/value_encoder.h"

namespace wireway::source::opcua {

/// What happened to the samples of an asset since the last report.
struct SampleCounts {
  std::uint64_t values = 0;
  std::uint64_t messages = 0;
  std::uint64_t bad = 0;  ///< values whose quality is not good
  WallTime last_value;
};

/// What every message of a dataset says about where it is from.
struct DatasetIdentity {
  std::string asset;  ///< name
  std::string uuid;
  std::string external_id;
  std::string server_uri;  ///< ApplicationUri
  friend bool operator==(const DatasetIdentity&, const DatasetIdentity&) = default;
};

class DatasetWriter {
 public:
  DatasetWriter(const ValueEncoder& encoder, net::Random& random);

  /// New settings; points that stay keep their place in the stream. Pending samples are kept.
  void configure(const DatasetModel& model, DatasetIdentity identity);
  void set_server_uri(const std::string& uri) { identity_.server_uri = uri; }

  /// One sample of the point at `index` of the model; `names` as in ValueEncoder::append.
  void add(std::size_t index, const UA_DataValue& sample, const EnumerationType* names);
  bool has_samples() const { return messages_pending_ > 0; }

  /// Appends the messages of this interval to `out` and starts the next.
  void flush(WallTime now, std::vector<flow::Message>& out);
  /// Counts since the last call.
  SampleCounts take_counts();

 private:
  struct Point {
    std::string key;            ///< `"Temperature":`
    std::uint32_t pending = 0;  ///< samples in this interval
    std::string last;           ///< its last member, kept for key frames
  };
  struct Frame {
    std::string members;
    std::int64_t server_ticks = 0;  ///< newest ServerTimestamp
  };

  void append_sample(std::string& out, const UA_DataValue& sample, const EnumerationType* names);
  flow::Message message_of(const Frame& frame, bool is_key_frame, WallTime now);
  std::string members_of_key_frame() const;

  const ValueEncoder& encoder_;
  net::Random& random_;
  DatasetModel model_;
  DatasetIdentity identity_;
  std::vector<Point> points_;
  std::vector<Frame> frames_;  ///< frames_[k] holds the (k+1)th sample of a point
  std::size_t messages_pending_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t since_key_frame_ = 0;
  SampleCounts counts_;
};

}  // namespace wireway::source::opcua
