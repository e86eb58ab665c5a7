#include "broker/diagnostics/exposition.h"

#include <fmt/format.h>

namespace wireway::broker::diagnostics {
namespace {

/// Whether the generation up to 0.6 had the name too.
enum class Since { preview, ga };
enum class Type { counter, gauge };

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

std::string label(std::string_view name, std::string_view value) {
  return fmt::format(",{}=\"{}\"", name, escaped(value));
}

/// One name's lines; `series` are written into it, then it goes to the page under each prefix.
class Page {
 public:
  explicit Page(const Figures& figures)
      : host_(fmt::format("hostname=\"{}\"", escaped(figures.hostname))) {}

  Page& name(std::string_view name, Type type, Since since, std::string_view help) {
    flush();
    name_ = name;
    type_ = type;
    since_ = since;
    help_ = help;
    return *this;
  }
  Page& ours(std::string_view name, Type type, std::string_view help) {
    this->name(name, type, Since::ga, help);
    ours_ = true;
    return *this;
  }
  Page& series(double value, const std::string& labels = "") {
    lines_.emplace_back(labels, value);
    return *this;
  }
  std::string take() {
    flush();
    return std::move(text_);
  }

 private:
  void flush() {
    if (!name_.empty() && ours_) write("wireway_broker_");
    if (!name_.empty() && !ours_) write("aio_broker_");
    if (!name_.empty() && !ours_ && since_ == Since::preview) write("aio_mq_");
    lines_.clear();
    name_ = {};
    ours_ = false;
  }
  void write(std::string_view prefix) {
    text_ += fmt::format("# HELP {0}{1} {3}\n# TYPE {0}{1} {2}\n", prefix, name_,
                         type_ == Type::counter ? "counter" : "gauge", help_);
    for (const auto& [labels, value] : lines_)
      text_ += fmt::format("{}{}{{{}{}}} {}\n", prefix, name_, host_, labels, value);
  }

  std::string host_;
  std::string text_;
  std::string_view name_;
  std::string_view help_;
  Type type_ = Type::gauge;
  Since since_ = Since::preview;
  bool ours_ = false;
  std::vector<std::pair<std::string, double>> lines_;
};

using Pick = double (*)(const CategoryFigures&);

void by_category(Page& page, const Figures& figures, Pick pick) {
  for (const auto& [name, one] : figures.categories)
    page.series(pick(one), label("category", name));
}

void add_messages(Page& page, const Figures& f) {
  const Counters& c = f.total;
  page.name("publishes_received", Type::counter, Since::preview, "PUBLISHes from clients.");
  by_category(page, f, [](const auto& one) { return double(one.traffic.messages_in); });
  page.name("publishes_sent", Type::counter, Since::preview, "PUBLISHes to clients.");
  by_category(page, f, [](const auto& one) { return double(one.traffic.messages_out); });
  page.name("payload_bytes_received", Type::counter, Since::preview, "Their payloads.");
  by_category(page, f, [](const auto& one) { return double(one.traffic.payload_in); });
  page.name("payload_bytes_sent", Type::counter, Since::preview, "Their payloads.");
  by_category(page, f, [](const auto& one) { return double(one.traffic.payload_out); });
  page.name("publishes_received_per_second", Type::gauge, Since::preview, "Over the last second.")
      .series(f.received_per_second);
  page.name("publishes_sent_per_second", Type::gauge, Since::preview, "Over the last second.")
      .series(f.sent_per_second);
  page.name("publishes_processed_count", Type::counter, Since::preview, "PUBLISHes handled.")
      .series(double(c.messages_in));
  const std::string category = label("category", "uncategorized") + label("pod_type", "BE");
  page.name("qos0_messages_dropped", Type::counter, Since::preview, "QoS 0 messages lost.")
      .series(double(c.qos0_dropped_in), label("direction", "incoming") + category)
      .series(double(c.qos0_dropped_out), label("direction", "outgoing") + category);
  const std::string all = label("category", "uncategorized");
  page.name("authentication_successes", Type::counter, Since::preview, "Proofs that were accepted.")
      .series(double(c.authenticated), all);
  page.name("authentication_deny", Type::counter, Since::preview, "Proofs that were refused.")
      .series(double(c.authentications_denied), all);
  page.name("authentication_failures", Type::counter, Since::preview,
            "Proofs that nobody could be asked about.")
      .series(double(c.authentications_failed), all);
  page.name("authorization_allow", Type::counter, Since::preview, "CONNECTs that a policy let in.")
      .series(double(c.authorized), all);
  page.name("authorization_deny", Type::counter, Since::preview,
            "CONNECTs, PUBLISHes and filters that a policy refused.")
      .series(double(c.unauthorized), all);
  page.name("backpressure_packets_rejected", Type::counter, Since::preview,
            "PUBLISHes refused with 0x97 because queues are long.")
      .series(double(c.refused_busy));
  page.name("store_retained_messages", Type::gauge, Since::preview, "Retained messages.")
      .series(double(c.retained));
  page.name("store_retained_bytes", Type::gauge, Since::preview, "Their bytes.")
      .series(double(c.retained_bytes));
  page.name("number_of_routes", Type::gauge, Since::preview,
            "Filters that messages are matched to.")
      .series(double(c.routes));
}

void add_sessions(Page& page, const Figures& f) {
  CategoryFigures all;
  std::uint64_t sessions = 0;
  for (const auto& [name, one] : f.categories) {
    all.sessions_v311 += one.sessions_v311;
    all.sessions_v5 += one.sessions_v5;
    all.connected += one.connected;
    all.persistent += one.persistent;
    all.wills += one.wills;
    all.will_bytes += one.will_bytes;
  }
  sessions = f.total.sessions;
  page.name("store_will_messages", Type::gauge, Since::ga, "Wills kept.").series(double(all.wills));
  page.name("store_will_bytes", Type::gauge, Since::preview, "Their bytes.")
      .series(double(all.will_bytes));
  page.name("total_sessions", Type::gauge, Since::preview, "Sessions of connected clients.")
      .series(double(all.sessions_v311), label("mqtt_version", "v3"))
      .series(double(all.sessions_v5), label("mqtt_version", "v5"));
  const std::string chain = label("is_tail", "true") + label("chain_id", "1");
  page.name("store_total_sessions", Type::gauge, Since::preview, "Sessions, connected or not.")
      .series(double(all.persistent), label("is_persistent", "true") + chain)
      .series(double(sessions - std::min(sessions, all.persistent)),
              label("is_persistent", "false") + chain);
  page.name("connected_sessions", Type::gauge, Since::preview, "Connections.");
  by_category(page, f, [](const auto& one) { return double(one.connected); });
  page.name("store_connected_sessions", Type::gauge, Since::preview, "Connections.")
      .series(double(all.connected), chain);
  page.name("total_subscriptions", Type::gauge, Since::preview, "Of connected clients.");
  by_category(page, f, [](const auto& one) { return double(one.subscriptions_connected); });
  page.name("store_total_subscriptions", Type::gauge, Since::preview, "Of all sessions.");
  by_category(page, f, [](const auto& one) { return double(one.subscriptions); });
  page.name("client_connected", Type::counter, Since::ga, "CONNECTs that were accepted.")
      .series(double(f.total.connects));
  page.name("client_disconnected", Type::counter, Since::ga, "Connections that have ended.")
      .series(double(f.total.connects - std::min(f.total.connects, f.total.connections)));
  page.name("client_removed", Type::counter, Since::ga, "Sessions whose expiry has come.")
      .series(double(f.total.sessions_expired));
}

void add_store(Page& page, const Figures& f) {
  const state_store::StoreCounters& s = f.total.store;
  page.name("state_store_insertions", Type::counter, Since::preview, "SETs of new keys.")
      .series(double(s.insertions));
  page.name("state_store_modifications", Type::counter, Since::preview, "SETs of known keys.")
      .series(double(s.modifications));
  page.name("state_store_retrievals", Type::counter, Since::preview, "GETs.")
      .series(double(s.retrievals));
  page.name("state_store_deletions", Type::counter, Since::preview, "DELs and VDELs.")
      .series(double(s.deletions));
  page.name("state_store_keynotify_requests", Type::counter, Since::ga, "KEYNOTIFYs.")
      .series(double(s.keynotify_requests));
  page.name("state_store_notifications_sent", Type::counter, Since::ga, "Notifications.")
      .series(double(s.notifications_sent));
}

void add_route(Page& page, const Figures& f, Operation operation, std::string_view what) {
  using Value = double (*)(const OperationFigures&);
  const auto all = [&](const std::string& name, Value value) {
    page.name(name, Type::gauge, Since::preview, "Self-check, by shard.");
    for (std::size_t at = 0; at < f.check.routes.size(); ++at)
      page.series(value(f.check.routes[at].operations[std::size_t(operation)]),
                  label("route", fmt::format("shard-{}", at)));
    page.name({}, Type::gauge, Since::preview, {});
  };
  const std::string text(what);
  if (operation == Operation::ping)
    all("ping_correctness", [](const auto& one) { return one.good ? 1.0 : 0.0; });
  else
    all(text + "_route_replication_correctness",
        [](const auto& one) { return one.good ? 1.0 : 0.0; });
  all(text + "_latency_route_ms", [](const auto& one) { return one.last_ms; });
  all(text + "_latency_last_value_ms", [](const auto& one) { return one.last_ms; });
  all(text + "_latency_mu_ms", [](const auto& one) { return one.mean_ms(); });
  all(text + "_latency_sigma_ms", [](const auto& one) { return one.deviation_ms(); });
}

void add_check(Page& page, const Figures& f) {
  if (!f.check.ran) return;
  for (std::size_t at = 0; at < operations_count; ++at)
    add_route(page, f, Operation(at), to_string(Operation(at)));
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  for (const RouteFigures& route : f.check.routes) {
    sent += route.payloads_sent;
    received += route.payloads_received;
  }
  page.name("payload_check_total_messages_sent", Type::counter, Since::preview,
            "By the self-check.")
      .series(double(sent));
  page.name("payload_check_total_messages_received", Type::counter, Since::preview,
            "By the self-check.")
      .series(double(received));
  page.name("payload_check_total_messages_lost", Type::counter, Since::preview,
            "By the self-check.")
      .series(double(sent - received));
  const double healthy = f.check.good ? 1 : 0;
  for (const std::string_view what :
       {"backend_replicas", "backend_vertical_chain", "frontend_replicas"}) {
    page.name(what, Type::gauge, Since::preview, "One process is all of them.").series(1);
    const std::string current = fmt::format("{}_current", what);
    page.name(current, Type::gauge, Since::preview, "Healthy ones, by the self-check.")
        .series(healthy);
    page.name({}, Type::gauge, Since::preview, {});
  }
}

void add_ours(Page& page, const Figures& f) {
  const Counters& c = f.total;
  page.name("buffer_pool_used_percent", Type::gauge, Since::ga, "Queues and retained messages.")
      .series(
          f.queued_bytes_max == 0 ? 0 : 100.0 * double(c.queued_bytes) / double(f.queued_bytes_max),
          label("name", "reader"));
  page.name("disk_transfers_completed", Type::counter, Since::ga,
            "Stretches of queues written to the disk-backed message buffer or read from it.")
      .series(double(c.buffer_transfers));
  page.name("disk_transfers_failed", Type::counter, Since::ga, "The same, and it failed.")
      .series(double(c.buffer_transfers_failed));
  page.ours("packets_received", Type::counter, "MQTT packets of every type.")
      .series(double(c.packets_in));
  page.ours("packets_sent", Type::counter, "MQTT packets of every type.")
      .series(double(c.packets_out));
  page.ours("bytes_received", Type::counter, "Bytes of MQTT packets.").series(double(c.bytes_in));
  page.ours("bytes_sent", Type::counter, "Bytes of PUBLISHes.").series(double(c.bytes_out));
  page.ours("messages_dropped", Type::counter, "Lost for want of room, QoS 0 and by queue limits.")
      .series(double(c.dropped));
  page.ours("queued_messages", Type::gauge, "Messages that wait for subscribers.")
      .series(double(c.queued_messages));
  page.ours("queued_bytes", Type::gauge, "Bytes of queues and retained messages.")
      .series(double(c.queued_bytes));
  page.ours("buffered_messages", Type::gauge, "Of queued_messages, on disk.")
      .series(double(c.buffered_messages));
  page.ours("buffer_disk_bytes", Type::gauge, "Disk that the message buffer uses.")
      .series(double(c.buffer_disk_bytes));
  page.ours("buffer_disk_bytes_max", Type::gauge, "Disk that it may use; 0 = there is none.")
      .series(double(c.buffer_bytes_max));
  page.ours("publishers_slowed", Type::counter,
            "Times that a publisher was not read until queues were on disk.")
      .series(double(c.publishers_slowed));
  page.ours("connects_refused", Type::counter, "CONNECTs that were refused.")
      .series(double(c.connects_refused));
  page.ours("connections_maximum", Type::gauge, "Most connections at one time.")
      .series(double(f.connections_maximum));
  page.ours("shared_subscriptions", Type::gauge, "Memberships in shared subscriptions.")
      .series(double(c.shared_subscriptions));
  page.ours("state_store_keys", Type::gauge, "Keys.").series(double(c.store.keys));
  page.ours("state_store_bytes", Type::gauge, "Bytes that count against the quota.")
      .series(double(c.store.bytes));
  page.ours("state_store_expirations", Type::counter, "Keys whose time had come.")
      .series(double(c.store.expirations));
  page.ours("state_store_registrations", Type::gauge, "Keys that connections listen to.")
      .series(double(c.store.registrations));
  page.ours("shards", Type::gauge, "Threads.").series(double(f.shards));
  page.ours("uptime_seconds", Type::gauge, "Since the start.")
      .series(std::chrono::duration<double>(f.uptime).count());
  page.ours("info", Type::gauge, "The version is a label.").series(1, label("version", f.version));
}

}  // namespace

std::string exposition(const Figures& figures) {
  Page page(figures);
  add_messages(page, figures);
  add_sessions(page, figures);
  add_store(page, figures);
  add_check(page, figures);
  add_ours(page, figures);
  return page.take();
}

}  // namespace wireway::broker::diagnostics
