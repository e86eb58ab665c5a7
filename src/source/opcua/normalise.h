#pragma once
/// Manifests in, models out: AssetEndpointProfile and Asset in their stored form, to which
/// resource/dialect.h brings every older one. Pure functions.
///
/// Source: deviceregistry.microsoft.com; crds/asset.yaml, crds/assetendpointprofile.yaml
/// Errors: Errc::invalid names the field and what to write

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "source/opcua/model.h"

namespace wireway::source::opcua {

/// Another connector serves the profile if not: its type names ONVIF, media, ...
bool is_opcua_profile(const json::value& profile);

Result<EndpointModel> normalise_endpoint(const json::value& profile);

/// Name of the profile that the asset belongs to; empty if it names none.
std::string endpoint_name_of(const json::value& asset);

/// `defaults` are those of the asset's endpoint.
AssetModel normalise_asset(const json::value& asset, const SamplingModel& defaults);

}  // namespace wireway::source::opcua
