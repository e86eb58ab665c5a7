#pragma once
/// The questions about oneself that kubectl asks: `kubectl auth whoami`, `kubectl auth can-i`.
/// There is no authentication yet and the server listens on the loopback only: everybody is "local"
/// and may do everything.

#include <string_view>

#include "base/json.h"
#include "control/api/status.h"

namespace wireway::control {

bool is_review(std::string_view path);
/// `asked`: the posted object. Errors: 404 for a review that is not known.
ApiResult<json::object> answer_review(std::string_view path, const json::value& asked);

}  // namespace wireway::control
