#pragma once
/// What the connector understands of an AssetEndpointProfile and of an Asset, after every dialect
/// and every relaxed configuration text has been read. Nothing else in this folder looks into a
/// manifest.
///
/// Values, compared as a whole: equal models need no action.

#include <cstdint>
#include <string>
#include <vector>

#include "flow/message.h"
#include "resource/kind.h"

namespace wireway::source::opcua {

/// How often and how deep a value is taken. Absent settings come from the next outer level.
struct SamplingModel {
  std::int32_t publishing_ms = 1000;
  std::int32_t sampling_ms = 1000;
  std::uint32_t queue_size = 1;
  std::uint32_t key_frame_count = 0;  ///< each Nth message holds every point; 0 = none
  friend bool operator==(const SamplingModel&, const SamplingModel&) = default;
};

struct EndpointModel {
  std::string url;  ///< "opc.tcp://host:4840/path"
  std::string application_name = "Wireway OPC UA connector";
  SamplingModel defaults;
  std::uint32_t keep_alive_ms = 10'000;  ///< a silent subscription reports after this
  std::uint32_t session_timeout_ms = 60'000;
  std::uint32_t session_keep_alive_ms = 10'000;
  std::uint32_t reconnect_ms = 2000;
  std::uint32_t reconnect_ms_max = 10'000;
  std::uint32_t items_max = 1000;  ///< monitored items a subscription
  std::uint32_t lifetime_ms = 60'000;
  std::string refusal;  ///< not empty = asks for what is not served yet: never connect
  std::vector<std::string> notes;
  friend bool operator==(const EndpointModel&, const EndpointModel&) = default;
};

struct PointModel {
  std::string name;    ///< key in the payload, unique in its dataset
  std::string source;  ///< node id as written: "ns=3;s=SpikeData", "nsu=http://x/;i=15013"
  std::int32_t sampling_ms = 1000;
  std::uint32_t queue_size = 1;
  friend bool operator==(const PointModel&, const PointModel&) = default;
};

struct DatasetModel {
  std::string name;
  std::int32_t publishing_ms = 1000;
  std::uint32_t key_frame_count = 0;
  std::string topic;
  bool retain = false;
  std::vector<PointModel> points;
  friend bool operator==(const DatasetModel&, const DatasetModel&) = default;
};

struct AssetModel {
  resource::ObjectKey key;
  std::string endpoint;  ///< name of the AssetEndpointProfile, same namespace
  bool enabled = true;
  std::string uuid;
  std::string external_id;
  std::vector<DatasetModel> datasets;
  std::vector<std::string> faults;  ///< parts that cannot be served; the others go on
  std::vector<std::string> notes;   ///< worth knowing, nothing is lost
  friend bool operator==(const AssetModel&, const AssetModel&) = default;
  std::size_t point_count() const;
};

}  // namespace wireway::source::opcua
