#include "app/cli/check_table.h"

#include <fmt/format.h>

#include "app/cli/targets.h"

namespace wireway::app::cli {
namespace {

/// Ready as services report it; nullptr if nobody has.
const json::value* condition_of(const json::value& object, std::string_view type) {
  for (const json::value& condition : list_at(object, {"status", "conditions"}))
    if (text_at(condition, {"type"}) == type) return &condition;
  return nullptr;
}

}  // namespace

const std::vector<Check>& checks() {
  static const std::vector<Check> all{
      {"evalApiServer", "The API server answers and is recent enough", "", true, &check_server},
      {"enumerateApi", "The kinds of all services are served", "", true, &check_kinds},
      {"evalCertificates", "Certificates are valid for a while", "", true, &check_certificates},
      {"evalClock", "The clocks of this machine and of the server agree", "", true, &check_clock},
      {"evalDataFolder", "The data folder has space", "", true, &check_data_folder},
      {"evalServices", "Services run without falling over", "", false, &check_services},
      {"evalUnservedKinds", "Every resource has a service", "", false, &check_unserved},
      {"evalBrokers", "There is one Broker, and it is ready", "broker", false, &check_brokers},
      {"evalBrokerListeners", "Listeners are complete and open", "broker", false, &check_listeners},
      {"evalBrokerAuthentications", "Authentication methods are complete", "broker", false,
       &check_authentications},
      {"evalBrokerAuthorizations", "Authorization policies are complete", "broker", false,
       &check_authorizations},
      {"evalDataflows", "Dataflows have source, destination and profile", "dataflow", false,
       &check_dataflows},
      {"evalDataflowEndpoints", "Dataflow endpoints are of a known type", "dataflow", false,
       &check_endpoints},
      {"evalDataflowProfiles", "There is a Dataflow profile named default", "dataflow", false,
       &check_profiles},
      {"evalAssets", "Assets have their endpoint and their sources", "deviceregistry", false,
       &check_assets},
      {"evalNamespacedAssets", "Assets of namespaces have their device", "deviceregistry", false,
       &check_namespaced_assets},
      {"evalAssetEndpointProfiles", "Asset endpoints can sign in", "opcua", false,
       &check_endpoint_profiles},
  };
  return all;
}

bool fits(std::string_view glob, std::string_view text) {
  if (glob.empty()) return text.empty();
  if (glob.front() == '*')
    return fits(glob.substr(1), text) || (!text.empty() && fits(glob, text.substr(1)));
  if (text.empty() || (glob.front() != '?' && glob.front() != text.front())) return false;
  return fits(glob.substr(1), text.substr(1));
}

const json::array& list_at(const json::value& object,
                           std::initializer_list<std::string_view> path) {
  static const json::array none;
  const json::value* found = find(object, path);
  return found != nullptr && found->is_array() ? found->get_array() : none;
}

const std::vector<json::value>* CheckWorld::all(const std::string& qualified) {
  auto known = read_.find(qualified);
  if (known == read_.end()) {
    known = read_.emplace(qualified, std::nullopt).first;
    auto kind = session_.kinds.find(qualified);
    if (kind && kind->qualified() == qualified) {
      if (auto list = session_.api.get(kind->path(""))) {
        known->second.emplace();
        for (const json::value& item : list_at(*list, {"items"})) known->second->push_back(item);
      }
    }
  }
  return known->second ? &*known->second : nullptr;
}

std::vector<const json::value*> CheckWorld::chosen(const std::string& qualified) {
  std::vector<const json::value*> out;
  if (const auto* objects = all(qualified))
    for (const json::value& object : *objects)
      if (glob_.empty() || fits(glob_, text_at(object, {"metadata", "name"})))
        out.push_back(&object);
  return out;
}

bool CheckWorld::has(const std::string& qualified, const std::string& space,
                     const std::string& name) {
  const auto* objects = all(qualified);
  if (objects == nullptr) return true;
  for (const json::value& object : *objects)
    if (text_at(object, {"metadata", "name"}) == name &&
        text_at(object, {"metadata", "namespace"}) == space)
      return true;
  return false;
}

ObjectCheck::ObjectCheck(CheckWorld& world, Report& report, std::string qualified,
                         const json::value& object)
    : world_(world),
      report_(report),
      qualified_(std::move(qualified)),
      object_(object),
      space_(text_at(object, {"metadata", "namespace"})),
      name_(text_at(object, {"metadata", "name"})) {}

ObjectCheck::~ObjectCheck() {
  if (!skipped_) judge_status();
  if (clean_ && !skipped_)
    report_.add(qualified_, space_, {name_, Health::success, "nothing is wrong"});
}

void ObjectCheck::add(Health health, std::string finding, std::string fix) {
  clean_ = false;
  report_.add(qualified_, space_, {name_, health, std::move(finding), std::move(fix)});
}

void ObjectCheck::skip(std::string why) {
  skipped_ = true;
  report_.add(qualified_, space_, {name_, Health::skipped, std::move(why)});
}

void ObjectCheck::refers(const std::string& field, const std::string& qualified,
                         const std::string& name) {
  if (name.empty() || world_.has(qualified, space_, name)) return;
  error(fmt::format("{}: there is no {} {}", field, qualified, name),
        fmt::format("create {} in namespace {}, or correct {}", name, space_, field));
}

/// The words of the service are kept: it knows best.
void ObjectCheck::judge_status() {
  const json::value* degraded = condition_of(object_, "Degraded");
  if (degraded != nullptr && text_at(*degraded, {"status"}) == "True")
    add(Health::warning,
        fmt::format("{}: {}", text_at(*degraded, {"reason"}), text_at(*degraded, {"message"})),
        text_at(*degraded, {"recommendedAction"}, "see the message"));
  if (const json::value* ready = condition_of(object_, "Ready")) {
    const std::string state = text_at(*ready, {"status"});
    if (state == "True") return;
    const std::string action = text_at(*ready, {"recommendedAction"});
    const std::string finding =
        fmt::format("{}: {}", text_at(*ready, {"reason"}), text_at(*ready, {"message"}));
    const bool later = text_at(*ready, {"reason"}) == "NotServedYet" || state == "Unknown";
    add(later ? Health::warning : Health::error, finding,
        action.empty() ? "see the message; `wireway get events` tells more" : action);
    return;
  }
  const std::string state = text_at(object_, {"status", "healthState", "status"});
  if (state == "Degraded" || state == "Unavailable")
    add(state == "Degraded" ? Health::warning : Health::error,
        text_at(object_, {"status", "healthState", "message"}, state), "see the message");
}

}  // namespace wireway::app::cli
