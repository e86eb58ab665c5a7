#include "broker/diagnostics/sys_topics.h"

#include <cmath>

#include <fmt/format.h>

namespace wireway::broker::diagnostics {
namespace {

constexpr int minutes[] = {1, 5, 15};

}  // namespace

void LoadAverage::note(std::uint64_t total, Duration since_last) {
  const double seconds = std::chrono::duration<double>(since_last).count();
  if (seconds <= 0) return;
  const double rate = double(total - last_) * 60 / seconds;
  for (std::size_t at = 0; at < per_minute_.size(); ++at) {
    const double weight = std::exp(-seconds / (60.0 * minutes[at]));
    per_minute_[at] = rate + weight * (per_minute_[at] - rate);
  }
  last_ = total;
}

std::vector<SysTopics::Message> SysTopics::take(const Figures& f, Duration since_last) {
  const Counters& c = f.total;
  std::vector<Message> out;
  const auto put = [&out](std::string_view name, std::string value) {
    out.emplace_back(fmt::format("$SYS/broker/{}", name), std::move(value));
  };
  const std::pair<std::string_view, std::uint64_t> figures[] = {
      {"bytes/received", c.bytes_in},
      {"bytes/sent", c.bytes_out},
      {"clients/connected", c.connections},
      {"clients/active", c.connections},
      {"clients/disconnected", c.sessions - std::min(c.sessions, c.connections)},
      {"clients/inactive", c.sessions - std::min(c.sessions, c.connections)},
      {"clients/expired", c.sessions_expired},
      {"clients/maximum", f.connections_maximum},
      {"clients/total", c.sessions},
      {"messages/received", c.packets_in},
      {"messages/sent", c.packets_out},
      {"messages/stored", c.queued_messages + c.retained},
      {"store/messages/count", c.queued_messages + c.retained},
      {"store/messages/bytes", c.queued_bytes},
      {"publish/messages/received", c.messages_in},
      {"publish/messages/sent", c.messages_out},
      {"publish/messages/dropped", c.dropped},
      {"publish/bytes/received", c.payload_in},
      {"publish/bytes/sent", c.payload_out},
      {"retained messages/count", c.retained},
      {"subscriptions/count", c.subscriptions},
      {"shared_subscriptions/count", c.shared_subscriptions},
  };
  for (const auto& [name, value] : figures) put(name, fmt::format("{}", value));
  const std::pair<std::string_view, std::uint64_t> loads[] = {
      {"messages/received", c.packets_in},
      {"messages/sent", c.packets_out},
      {"publish/received", c.messages_in},
      {"publish/sent", c.messages_out},
      {"publish/dropped", c.dropped},
      {"bytes/received", c.bytes_in},
      {"bytes/sent", c.bytes_out},
      {"connections", c.connects},
      {"sockets", c.connects + c.connects_refused},
  };
  for (std::size_t at = 0; at < loads_.size(); ++at) {
    loads_[at].note(loads[at].second, since_last);
    for (std::size_t span = 0; span < 3; ++span)
      put(fmt::format("load/{}/{}min", loads[at].first, minutes[span]),
          fmt::format("{:.2f}", loads_[at].per_minute()[span]));
  }
  if (f.heap_bytes > 0) {
    put("heap/current", fmt::format("{}", f.heap_bytes));
    put("heap/maximum", fmt::format("{}", f.heap_bytes_maximum));
  }
  put("uptime", fmt::format("{} seconds",
                            std::chrono::duration_cast<std::chrono::seconds>(f.uptime).count()));
  put("version", fmt::format("wireway version {}", f.version));
  return out;
}

}  // namespace wireway::broker::diagnostics
