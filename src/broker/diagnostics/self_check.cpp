#include "broker/diagnostics/self_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "wire/mqtt/codec.h"
#include "wire/mqtt/frame.h"

namespace wireway::broker::diagnostics {
namespace {

namespace mqtt = wire::mqtt;
constexpr std::uint16_t packet_identifier = 1;

std::string upper(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return char(std::toupper(c)); });
  return out;
}

}  // namespace

/// The client's side of one route: one operation after the other, each when the last is answered.
class SelfCheck::Probe final : public net::StreamHandler {
 public:
  Probe(SelfCheck& owner, std::unique_ptr<net::Stream> stream, std::string name)
      : owner_(owner), stream_(std::move(stream)), name_(std::move(name)) {
    stream_->set_handler(*this);
    begin(Operation::connect);
  }

  void on_bytes(ByteView bytes) override {
    const auto refused = reader_.read(bytes, [this](std::uint8_t first_byte, ByteView body) {
      on_packet(first_byte, body);
      return !ended_;
    });
    if (refused) end();
  }
  void on_close(const Error&) override { end(); }

 private:
  RouteFigures& figures() { return owner_.round_.routes[owner_.route_]; }

  void begin(Operation operation) {
    operation_ = operation;
    began_ = owner_.env_.loop.now();
    Bytes out;
    switch (operation) {
      case Operation::connect: append_connect(out); break;
      case Operation::subscribe:
        mqtt::append(
            mqtt::Subscribe{packet_identifier, {{own_topic(), mqtt::Qos::at_least_once}}, {}},
            mqtt::Version::v5, out);
        break;
      case Operation::publish: append_publish(out); break;
      case Operation::ping: mqtt::append_pingreq(out); break;
      case Operation::unsubscribe:
        mqtt::append(mqtt::Unsubscribe{packet_identifier, {own_topic()}, {}}, mqtt::Version::v5,
                     out);
        break;
    }
    stream_->write(out);
  }
  std::string own_topic() const { return fmt::format("{}/{}", topic, name_); }
  void append_connect(Bytes& out) const {
    mqtt::Connect connect;
    connect.client_identifier = name_;
    connect.properties.user_properties = {{"metriccategory", std::string(category)}};
    mqtt::append(connect, out);
  }
  void append_publish(Bytes& out) {
    ++figures().payloads_sent;
    const std::string where = own_topic();
    mqtt::Publish publish;
    publish.qos = mqtt::Qos::at_least_once;
    publish.packet_identifier = packet_identifier;
    publish.topic = where;
    publish.payload = as_bytes(name_);
    mqtt::append_publish(publish, mqtt::Version::v5, out);
  }

  void on_packet(std::uint8_t first_byte, ByteView body) {
    Bytes scratch;
    const auto packet = mqtt::decode(first_byte, body, mqtt::Version::v5, scratch);
    if (!packet) return end();
    if (const auto* connack = std::get_if<mqtt::Connack>(&*packet)) {
      expect(Operation::connect, !mqtt::is_error(connack->reason));
    } else if (const auto* answer = std::get_if<mqtt::SubscribeReply>(&*packet)) {
      const bool good = !answer->reasons.empty() && !mqtt::is_error(answer->reasons[0]);
      expect(
          answer->type == mqtt::PacketType::suback ? Operation::subscribe : Operation::unsubscribe,
          good);
    } else if (const auto* reply = std::get_if<mqtt::PublishReply>(&*packet)) {
      acknowledged_ = !mqtt::is_error(reply->reason);
      if (!acknowledged_ || returned_) expect(Operation::publish, acknowledged_);
    } else if (const auto* publish = std::get_if<mqtt::Publish>(&*packet)) {
      returned_ = as_text(publish->payload) == name_;
      ++figures().payloads_received;
      if (!returned_ || acknowledged_) expect(Operation::publish, returned_);
    } else if (std::holds_alternative<mqtt::Pingresp>(*packet)) {
      expect(Operation::ping, true);
    } else {
      end();
    }
  }
  /// The answer to `operation` has come.
  void expect(Operation operation, bool good) {
    if (operation != operation_ || !good) return end();
    const Duration took = owner_.env_.loop.now() - began_;
    figures().operations[std::size_t(operation)].note(
        true, std::chrono::duration<double, std::milli>(took).count());
    if (operation != Operation::unsubscribe) return begin(Operation(std::size_t(operation) + 1));
    Bytes out;
    mqtt::append(mqtt::Disconnect{}, mqtt::Version::v5, out);
    stream_->write(out);
    end();
  }
  /// The owner destroys the probe: later, not from within its own call.
  void end() {
    if (std::exchange(ended_, true)) return;
    owner_.patience_.arm(Duration{0}, [&owner = owner_] { owner.end_route(); });
  }

  SelfCheck& owner_;
  std::unique_ptr<net::Stream> stream_;
  std::string name_;
  mqtt::FrameReader reader_;
  Operation operation_ = Operation::connect;
  MonoTime began_;
  bool acknowledged_ = false;
  bool returned_ = false;
  bool ended_ = false;
};

SelfCheck::SelfCheck(net::Env& env, std::size_t routes, SelfCheckDoors doors)
    : env_(env), doors_(std::move(doors)), next_(env.loop), patience_(env.loop) {
  figures_.routes.resize(routes);
}

SelfCheck::~SelfCheck() = default;

void SelfCheck::start(const SelfCheckOptions& options) {
  options_ = options;
  stop();
  if (options_.enabled) next_.arm(Duration{0}, [this] { begin_round(); });
}

void SelfCheck::stop() {
  next_.cancel();
  patience_.cancel();
  probe_.reset();
  listener_.reset();
}

void SelfCheck::begin_round() {
  next_.arm(options_.interval, [this] { begin_round(); });
  if (listener_) return;  // the last round is still waiting for its timeout
  round_ = figures_;
  for (RouteFigures& route : round_.routes)
    for (OperationFigures& operation : route.operations) operation.good = false;
  route_ = 0;
  begin_route();
}

void SelfCheck::begin_route() {
  patience_.arm(options_.timeout, [this] { end_route(); });
  auto listener = env_.network.listen(
      {.endpoint = {"127.0.0.1", 0}}, [this](std::unique_ptr<net::Stream> stream) {
        if (probe_) return;  // somebody else's; its end closes it
        probe_ = std::make_unique<Probe>(*this, std::move(stream), doors_.name_on(route_));
      });
  if (!listener) {
    log::warn("broker: the self-check has no port: {}", listener.error().message);
    patience_.arm(Duration{0}, [this] { end_route(); });
    return;
  }
  listener_ = std::move(*listener);
  doors_.accept(env_.network.connect({"127.0.0.1", listener_->port()}, unheard_, options_.timeout));
}

void SelfCheck::end_route() {
  patience_.cancel();
  probe_.reset();
  listener_.reset();
  if (++route_ < round_.routes.size()) return begin_route();
  round_.ran = true;
  round_.finished = env_.loop.now();
  round_.message.clear();
  for (std::size_t at = 0; at < operations_count && round_.message.empty(); ++at) {
    const auto failed = std::ranges::count_if(
        round_.routes, [at](const RouteFigures& route) { return !route.operations[at].good; });
    if (failed > 0)
      round_.message = fmt::format("Probe failed: Failed Operation {} ({}/{})",
                                   upper(to_string(Operation(at))), failed, round_.routes.size());
  }
  round_.good = round_.message.empty();
  figures_ = round_;
  doors_.on_round();
}

}  // namespace wireway::broker::diagnostics
