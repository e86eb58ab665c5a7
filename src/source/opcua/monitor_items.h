#pragma once
/// The parts of Monitor that its two source files share.

#include "source/opcua/monitor.h"

namespace wireway::source::opcua {

struct Monitor::Item {
  enum class Stage { wanted, monitored, changed, refused };

  Dataset* dataset = nullptr;  ///< nullptr once buried
  std::size_t point = 0;       ///< index in the dataset's model
  PointModel model;
  OwnedNodeId node;
  const EnumerationType* names = nullptr;
  Stage stage = Stage::wanted;
  std::uint32_t subscription = 0;
  std::uint32_t id = 0;
  std::string refusal;  ///< "BadNodeIdUnknown, the server has no such node: check dataSource"

  bool is_at_server() const { return id != 0; }
  void refuse(UA_StatusCode code);
  void refuse(std::string why) {
    stage = Stage::refused;
    refusal = std::move(why);
  }
};

struct Monitor::Dataset {
  Dataset(const ValueEncoder& encoder, net::Random& random) : writer(encoder, random) {}

  Asset* asset = nullptr;
  DatasetModel model;
  DatasetWriter writer;
  std::vector<std::unique_ptr<Item>> items;  ///< one a point, in the model's order
  bool is_spread = false;                    ///< over several subscriptions
  Duration samples_since{0};                 ///< of a spread dataset that gathers
};

struct Monitor::Asset {
  AssetModel model;
  std::vector<std::unique_ptr<Dataset>> datasets;
};

}  // namespace wireway::source::opcua
