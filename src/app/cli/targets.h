#pragma once
/// Which objects a command is about, as people type them: "asset/oven", "asset oven mill",
/// "assets,devices", "asset/a broker/default".

#include <string>
#include <vector>

#include "app/cli/session.h"

namespace wireway::app::cli {

/// One kind and one name; an empty name means all objects of the kind.
struct Target {
  KindInfo kind;
  std::string name;
};

/// Errors: 404 for an unknown kind; code 400 for words that fit no form.
Answer<std::vector<Target>> read_targets(Kinds& kinds, const std::vector<std::string>& words);

/// Exactly one object. Errors: as read_targets(); 400 if it is none or more.
Answer<Target> read_target(Kinds& kinds, const std::vector<std::string>& words);

/// "asset.deviceregistry.microsoft.com/oven"
std::string title_of(const KindInfo& kind, const std::string& name);

}  // namespace wireway::app::cli
