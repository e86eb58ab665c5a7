#include "source/opcua/monitor.h"

#include <algorithm>

#include <fmt/format.h>

#include "source/opcua/monitor_items.h"

namespace wireway::source::opcua {

Monitor::Monitor(const EndpointModel& endpoint, net::Random& random)
    : endpoint_(endpoint), random_(random) {}

Monitor::~Monitor() = default;

void Monitor::Item::refuse(UA_StatusCode code) {
  refuse(fmt::format("{}, {}", symbol_of(code), remedy_for_tag(code)));
}

void Monitor::set_wish(const std::vector<AssetModel>& assets) {
  std::vector<std::unique_ptr<Asset>> next;
  for (const AssetModel& model : assets) {
    const auto same = std::ranges::find_if(
        assets_, [&](const auto& asset) { return asset && asset->model.key == model.key; });
    next.push_back(same != assets_.end() ? std::move(*same) : std::make_unique<Asset>());
    set_asset(*next.back(), model);
  }
  for (const auto& gone : assets_) {
    if (!gone) continue;
    for (const auto& dataset : gone->datasets)
      for (auto& item : dataset->items) bury(std::move(item));
  }
  assets_ = std::move(next);
}

void Monitor::set_asset(Asset& asset, const AssetModel& model) {
  std::vector<std::unique_ptr<Dataset>> next;
  const DatasetIdentity identity{model.key.name, model.uuid, model.external_id, server_uri_};
  for (const DatasetModel& dataset_model : model.datasets) {
    const auto same = std::ranges::find_if(asset.datasets, [&](const auto& dataset) {
      return dataset && dataset->model.name == dataset_model.name;
    });
    next.push_back(same != asset.datasets.end() ? std::move(*same)
                                                : std::make_unique<Dataset>(encoder_, random_));
    next.back()->asset = &asset;
    set_dataset(*next.back(), dataset_model, identity);
  }
  for (const auto& gone : asset.datasets)
    if (gone)
      for (auto& item : gone->items) bury(std::move(item));
  asset.datasets = std::move(next);
  asset.model = model;
}

void Monitor::set_dataset(Dataset& dataset, const DatasetModel& model,
                          const DatasetIdentity& identity) {
  // The publishing interval belongs to the subscription: all items move to another one.
  const bool moves = dataset.model.publishing_ms != model.publishing_ms;
  std::vector<std::unique_ptr<Item>> next(model.points.size());
  std::map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < model.points.size(); ++i) places[model.points[i].name] = i;
  for (auto& item : dataset.items) {
    const auto place = places.find(item->model.name);
    const bool stays =
        !moves && place != places.end() && model.points[place->second].source == item->model.source;
    if (stays) {
      next[place->second] = std::move(item);
    } else {
      bury(std::move(item));
    }
  }
  for (std::size_t i = 0; i < next.size(); ++i) {
    if (!next[i]) next[i] = std::make_unique<Item>();
    Item& item = *next[i];
    item.dataset = &dataset;
    item.point = i;
    const bool is_changed = item.model != model.points[i];
    item.model = model.points[i];
    if (is_changed && item.is_at_server()) item.stage = Item::Stage::changed;
  }
  dataset.items = std::move(next);
  dataset.model = model;
  dataset.writer.configure(model, identity);
}

void Monitor::bury(std::unique_ptr<Item> item) {
  item->dataset = nullptr;
  if (item->is_at_server()) buried_.push_back(std::move(item));
}

void Monitor::begin_session(const ServerInfo& info) {
  types_.clear();
  types_.set_namespaces(info.namespaces);
  server_uri_ = info.application_uri;
  for (const auto& asset : assets_)
    for (const auto& dataset : asset->datasets) dataset->writer.set_server_uri(server_uri_);
}

void Monitor::end_session() {
  buried_.clear();
  subscriptions_.clear();
  for (const auto& asset : assets_) {
    for (const auto& dataset : asset->datasets) {
      for (const auto& item : dataset->items) {
        item->stage = Item::Stage::wanted;
        item->subscription = 0;
        item->id = 0;
        item->names = nullptr;
        item->refusal.clear();
      }
    }
  }
}

void Monitor::retry_refused() {
  for (const auto& asset : assets_)
    for (const auto& dataset : asset->datasets)
      for (const auto& item : dataset->items)
        if (item->stage == Item::Stage::refused) item->stage = Item::Stage::wanted;
}

void Monitor::on_value(UA_Client*, UA_UInt32, void*, UA_UInt32, void* context,
                       UA_DataValue* value) {
  const auto& item = *static_cast<const Item*>(context);
  if (item.dataset == nullptr) return;  // buried, and its last samples were still on their way
  Dataset& dataset = *item.dataset;
  if (!dataset.writer.has_samples()) dataset.samples_since = library_mono_now();
  dataset.writer.add(item.point, *value, item.names);
}

void Monitor::on_subscription_status(UA_Client* client, UA_UInt32, void*,
                                     UA_StatusChangeNotification* notification) {
  if (is_bad(notification->status))
    static_cast<UaClient*>(UA_Client_getContext(client))->note_silent_subscription();
}

void Monitor::flush(bool everything, std::vector<Delivery>& out) {
  const Duration now = library_mono_now();
  const WallTime wall = library_wall_now();
  for (const auto& asset : assets_) {
    Delivery* delivery = nullptr;
    for (const auto& dataset : asset->datasets) {
      if (!dataset->writer.has_samples()) continue;
      if (dataset->is_spread && !everything && now - dataset->samples_since < gather_max) continue;
      if (delivery == nullptr) delivery = &out.emplace_back(asset->model.key);
      dataset->writer.flush(wall, delivery->messages);
      const SampleCounts counts = dataset->writer.take_counts();
      delivery->counts.values += counts.values;
      delivery->counts.messages += counts.messages;
      delivery->counts.bad += counts.bad;
      delivery->counts.last_value = counts.last_value;
    }
  }
}

bool Monitor::is_gathering() const {
  return std::ranges::any_of(assets_, [](const auto& asset) {
    return std::ranges::any_of(asset->datasets, [](const auto& dataset) {
      return dataset->is_spread && dataset->writer.has_samples();
    });
  });
}

std::vector<AssetReport> Monitor::reports() const {
  std::vector<AssetReport> reports;
  for (const auto& asset : assets_) {
    AssetReport& report = reports.emplace_back(asset->model.key);
    for (const auto& dataset : asset->datasets) {
      for (const auto& item : dataset->items) {
        if (item->stage == Item::Stage::monitored) ++report.monitored;
        if (item->stage != Item::Stage::refused) continue;
        if (report.refused++ < AssetReport::refused_named_max)
          report.refused_named.push_back(
              fmt::format("{} ({}): {}", item->model.name, item->model.source, item->refusal));
      }
    }
  }
  return reports;
}

}  // namespace wireway::source::opcua
