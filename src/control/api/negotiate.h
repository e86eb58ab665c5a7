#pragma once
/// In which form the client wants its answer: the Accept header of the Kubernetes API.

#include <string>
#include <string_view>

#include "control/api/status.h"

namespace wireway::control {

struct Accept {
  enum class Form { plain, table, partial };
  Form form = Form::plain;
  bool yaml = false;
  /// Of a Table: "v1" or "v1beta1".
  std::string table_version = "v1";
  /// Of discovery: "v2", "v2beta1", or "" for the plain lists.
  std::string discovery_version;
};

/// The first form of the header that this server makes. Errors: 406.
ApiResult<Accept> read_accept(std::string_view header);

}  // namespace wireway::control
