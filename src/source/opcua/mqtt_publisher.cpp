#include "source/opcua/mqtt_publisher.h"

#include "base/log.h"

namespace wireway::source::opcua {
namespace {

class MqttPublisher final : public Publisher {
 public:
  MqttPublisher(net::Env& env, const net::Endpoint& broker, std::string client_id,
                std::function<void()> on_changed)
      : on_changed_(std::move(on_changed)),
        client_(
            env, options(broker, std::move(client_id)),
            [this](const link::MqttState& state) { note(state); },
            [](flow::Message, flow::Ack ack) { ack.settle(flow::Outcome::filtered); }) {
    client_.start();
  }

  Result<> publish(flow::Message message, flow::Ack ack) override {
    return client_.publish(std::move(message), std::move(ack));
  }
  bool is_connected() const override { return client_.state().connected; }
  std::string state_text() const override { return client_.state().message; }
  void stop() override { client_.stop(); }

 private:
  static link::MqttClientOptions options(const net::Endpoint& broker, std::string client_id) {
    link::MqttClientOptions result;
    result.server = broker;
    result.client_id = std::move(client_id);
    result.publish_queue_max = Outbox::window_max + 10;
    return result;
  }
  void note(const link::MqttState& state) {
    if (state.message != logged_) log::info("broker: {}", state.message);
    logged_ = state.message;
    on_changed_();
  }

  std::function<void()> on_changed_;
  std::string logged_;
  link::MqttClient client_;
};

}  // namespace

PublisherFactory mqtt_publishers(std::string client_id) {
  return [client_id](net::Env& env, const net::Endpoint& broker,
                     std::function<void()> on_changed) -> std::unique_ptr<Publisher> {
    return std::make_unique<MqttPublisher>(env, broker, client_id, std::move(on_changed));
  };
}

}  // namespace wireway::source::opcua
