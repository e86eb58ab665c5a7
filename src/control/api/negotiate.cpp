#include "control/api/negotiate.h"

#include <algorithm>
#include <vector>

namespace wireway::control {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    std::string_view part = text.substr(0, end);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!part.empty()) out.push_back(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string_view parameter(const std::vector<std::string_view>& parts, std::string_view name) {
  for (const std::string_view part : parts)
    if (part.starts_with(name) && part.size() > name.size() && part[name.size()] == '=')
      return part.substr(name.size() + 1);
  return "";
}

/// False if this server does not make the form.
bool read_form(const std::vector<std::string_view>& parts, Accept& accept) {
  const std::string_view as = parameter(parts, "as");
  const std::string_view group = parameter(parts, "g");
  const std::string_view version = parameter(parts, "v");
  if (as.empty()) return true;
  if (as == "APIGroupDiscoveryList") {
    if (group != "apidiscovery.k8s.io" || (version != "v2" && version != "v2beta1")) return false;
    accept.discovery_version = version;
    return true;
  }
  if (group != "meta.k8s.io" || (version != "v1" && version != "v1beta1")) return false;
  accept.table_version = version;
  if (as == "Table")
    accept.form = Accept::Form::table;
  else if (as == "PartialObjectMetadata" || as == "PartialObjectMetadataList")
    accept.form = Accept::Form::partial;
  else
    return false;
  return true;
}

}  // namespace

ApiResult<Accept> read_accept(std::string_view header) {
  if (header.empty()) return Accept{};
  for (const std::string_view each : split(header, ',')) {
    const auto parts = split(each, ';');
    if (parts.empty()) continue;
    const std::string_view type = parts.front();
    Accept accept;
    accept.yaml = type == "application/yaml";
    const bool json_type = type == "application/json" || type == "*/*" || type == "application/*" ||
                           type == "text/*" || type == "text/html" || type == "text/plain";
    if ((json_type || accept.yaml) && read_form(parts, accept)) return accept;
  }
  return std::unexpected(not_acceptable("application/json, application/yaml"));
}

}  // namespace wireway::control
