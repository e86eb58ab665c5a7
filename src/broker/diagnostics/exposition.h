#pragma once
/// The metrics page: figures as Prometheus text (version 0.0.4), under the documented names of
/// both generations (`aio_broker_`, and `aio_mq_` where the older one had them) and under
/// `wireway_broker_` for what only we have.
///
/// Source: docs/reference/broker-metrics.md lists all names

#include <string>

#include "broker/diagnostics/figures.h"

namespace wireway::broker::diagnostics {

std::string exposition(const Figures& figures);

}  // namespace wireway::broker::diagnostics
