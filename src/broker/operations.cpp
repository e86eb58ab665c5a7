#include "broker/operations.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "broker/diagnostics/exposition.h"
#include "broker/gather.h"

namespace wireway::broker {
namespace {

link::HttpResponse text(unsigned status, std::string body) {
  return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::move(body)};
}

/// A name that nobody can guess, because whoever connects under it would end the probe.
std::string name_on(std::size_t shard, std::size_t count, net::Random& random) {
  for (;;) {
    std::string name = "wireway-selfcheck-" + random.uuid();
    if (shard_of(name, count) == shard) return name;
  }
}

}  // namespace

OperationsPlan operations_of(const json::value& broker) {
  OperationsPlan plan;
  const auto number = [&broker](std::string_view part, std::string_view field, std::int64_t value,
                                std::pair<std::int64_t, std::int64_t> range) {
    const json::value* found = find(broker, "spec", "diagnostics", part);
    if (found != nullptr) value = int_at(*found, {field}, value);
    return std::clamp(value, range.first, range.second);
  };
  plan.port = std::uint16_t(number("metrics", "prometheusPort", 9600, {0, 65535}));
  plan.self_check.interval =
      std::chrono::seconds{number("selfCheck", "intervalSeconds", 30, {30, 300})};
  plan.self_check.timeout =
      std::chrono::seconds{number("selfCheck", "timeoutSeconds", 15, {5, 120})};
  plan.self_check.enabled = !equals_ignoring_case(
      text_at(broker, {"spec", "diagnostics", "selfCheck", "mode"}, "Enabled"), "Disabled");
  return plan;
}

Operations::Operations(net::Env& env, NodeTable nodes, OperationsOptions options)
    : env_(env),
      nodes_(std::move(nodes)),
      options_(std::move(options)),
      started_(env.loop.now()),
      check_(env, nodes_.size(),
             {[this](std::unique_ptr<net::Stream> stream) {
                NodeAddress::post(nodes_[0], [stream = std::move(stream)](Node& node) mutable {
                  node.accept(std::move(stream), Carrier::tcp);
                });
              },
              [this](std::size_t shard) { return name_on(shard, nodes_.size(), env_.random); },
              [this] { on_check_(); }}),
      door_retry_(env.loop) {
  figures_.hostname = options_.hostname;
  figures_.version = options_.version;
  figures_.shards = nodes_.size();
}

void Operations::start(std::move_only_function<void()> on_check) {
  on_check_ = std::move(on_check);
}

void Operations::set_plan(const OperationsPlan& plan) {
  const OperationsPlan before = std::exchange(plan_, plan);
  const bool is_first = !std::exchange(has_plan_, true);
  if (is_first || !(before.self_check == plan.self_check)) check_.start(plan.self_check);
  if (is_first || before.port != plan.port || before.is_public != plan.is_public) {
    door_.reset();
    open_door();
  }
}

void Operations::open_door() {
  door_retry_.cancel();
  if (plan_.port == 0) return;
  link::HttpServerOptions options;
  options.endpoint = {plan_.is_public ? "0.0.0.0" : "127.0.0.1", plan_.port};
  options.connections_max = connections_max;
  auto started = link::HttpServer::start(
      env_, std::move(options),
      [this](const link::HttpRequest& request, std::shared_ptr<link::HttpResponder> responder) {
        answer(request, std::move(responder));
      });
  if (started) {
    door_ = std::move(*started);
    door_trouble_.clear();
    log::info("metrics and health on {}:{}", plan_.is_public ? "0.0.0.0" : "127.0.0.1", plan_.port);
    return;
  }
  if (std::exchange(door_trouble_, started.error().message) != started.error().message)
    log::warn("broker: no metrics and health (spec.diagnostics.metrics.prometheusPort): {}",
              door_trouble_);
  door_retry_.arm(port_retry, [this] { open_door(); });
}

void Operations::answer(const link::HttpRequest& request,
                        std::shared_ptr<link::HttpResponder> responder) {
  if (request.method != "GET" && request.method != "HEAD")
    return responder->respond(text(405, "GET only\n"));
  if (request.path == "/healthz") return responder->respond(text(200, "ok\n"));
  if (request.path == "/readyz") return responder->respond(readiness());
  if (request.path == "/metrics") return answer_metrics(std::move(responder));
  responder->respond(text(404, "there are /metrics, /healthz and /readyz\n"));
}

link::HttpResponse Operations::readiness() const {
  const diagnostics::SelfCheckFigures& check = check_.figures();
  if (!plan_.self_check.enabled) return text(200, "ok: the self-check is disabled\n");
  if (!check.ran) return text(503, "the first self-check has not ended yet\n");
  if (!check.good) return text(503, check.message + "\n");
  const Duration fresh =
      2 * plan_.self_check.interval + plan_.self_check.timeout * std::int64_t(nodes_.size());
  const Duration age = env_.loop.now() - check.finished;
  if (age > fresh) return text(503, "no self-check has ended lately\n");
  return text(200, "ok\n");
}

void Operations::answer_metrics(std::shared_ptr<link::HttpResponder> responder) {
  struct Answer {
    Counters counters;
    std::map<std::string, CategoryFigures> categories;
  };
  gather(
      nodes_[0], nodes_, [](Node& node) { return Answer{node.counters(), node.categories()}; },
      [this, responder = std::move(responder)](const std::vector<Answer>& answers) {
        diagnostics::Figures figures = figures_;
        figures.total = {};
        for (const Answer& answer : answers) {
          figures.total += answer.counters;
          for (const auto& [name, one] : answer.categories) figures.categories[name] += one;
        }
        figures.check = check_.figures();
        figures.uptime = env_.loop.now() - started_;
        std::string body = diagnostics::exposition(figures);
        if (options_.more_metrics) body += options_.more_metrics();
        responder->respond({200, {{"Content-Type", "text/plain; version=0.0.4"}}, std::move(body)});
      });
}

void Operations::on_counters(const Counters& total, std::size_t queued_bytes_max) {
  figures_.received_per_second = double(total.messages_in - figures_.total.messages_in);
  figures_.sent_per_second = double(total.messages_out - figures_.total.messages_out);
  figures_.total = total;
  figures_.queued_bytes_max = queued_bytes_max;
  figures_.uptime = env_.loop.now() - started_;
  figures_.connections_maximum = std::max(figures_.connections_maximum, total.connections);
  if (!sys_published_ || env_.loop.now() - *sys_published_ >= sys_interval) publish_sys();
}

void Operations::publish_sys() {
  const MonoTime now = env_.loop.now();
  if (options_.heap_bytes) figures_.heap_bytes = options_.heap_bytes();
  figures_.heap_bytes_maximum = std::max(figures_.heap_bytes_maximum, figures_.heap_bytes);
  const Duration since_last = now - sys_published_.value_or(started_);
  sys_published_ = now;
  NodeAddress::post(nodes_[0], [messages = sys_.take(figures_, since_last)](Node& node) {
    for (const auto& [topic, payload] : messages) {
      MessageView view;
      view.topic = topic;
      view.payload = as_bytes(payload);
      view.retain = true;
      node.publish(view);
    }
  });
}

void Operations::stop() {
  check_.stop();
  door_retry_.cancel();
  door_.reset();
}

}  // namespace wireway::broker
