#pragma once
/// An MQTT 5 client on our loop: used by connectors and dataflows to reach our broker or another
/// one. Reconnects for ever with back-off and keeps what was published at QoS 1 until it is
/// acknowledged.
///
/// Source:  MQTT 5 sections 3 and 4; codec in wire/mqtt
/// Thread:  the Loop of its Env
/// Owns:    its connection and the window of unacknowledged messages; both survive reconnects
/// Limits:  publish_queue_max messages wait for the window; beyond it publish() refuses with
///          Errc::exhausted and its Ack is settled `abandoned`: the source keeps the message.
///          4096 messages are under way at most, fewer if the server's Receive Maximum is lower
/// Errors:  reported by on_state with the server's reason code in words and the address

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flow/message.h"
#include "net/env.h"

namespace wireway::link {

struct MqttClientOptions {
  net::Endpoint server = {};
  std::string client_id = {};  ///< empty: the server assigns one
  std::optional<std::string> username = {};
  std::optional<Bytes> password = {};
  std::uint16_t keep_alive_s = 60;
  std::uint32_t session_expiry_s = 0;
  bool clean_start = true;
  std::uint16_t receive_maximum = 100;  ///< unacknowledged messages that the server may send us
  std::vector<std::pair<std::string, std::string>> user_properties = {};  ///< of CONNECT
  Duration reconnect_min = std::chrono::milliseconds{100};
  Duration reconnect_max = std::chrono::seconds{10};
  std::size_t publish_queue_max = 10'000;
};

struct MqttState {
  bool connected = false;
  bool session_present = false;
  /// "connected to 127.0.0.1:1883" / "127.0.0.1:1883 refused: Not authorized (0x87); retrying"
  std::string message;
  bool tried = false;  ///< an attempt has ended, well or not
};

class MqttClient {
 public:
  using OnState = std::function<void(const MqttState&)>;
  /// Settling the Ack (delivered, filtered, dead_lettered) sends PUBACK/PUBREC; abandoned sends
  /// none, and the server sends the message again when the session is resumed. If the connection
  /// breaks first, the acknowledgement waits until the server repeats the message; the application
  /// does not get it twice.
  using OnMessage = std::function<void(flow::Message, flow::Ack)>;

  MqttClient(net::Env& env, MqttClientOptions options, OnState on_state, OnMessage on_message);
  ~MqttClient();

  /// Begins to connect and goes on for ever. `on_state` comes when the connection stands, when it
  /// is lost, and when the reason for being without one changes. The client may be destroyed within
  /// any of its callbacks.
  void start();
  /// Remembered and repeated after each reconnect without session. A refusal comes by on_state's
  /// message and leaves the connection up.
  void subscribe(const std::string& filter, flow::Qos qos);
  void unsubscribe(const std::string& filter);
  /// QoS 0: settled `delivered` when written. QoS 1/2: when acknowledged; a refusal by reason code
  /// settles `dead_lettered`, and so does an expiry that passes while the message waits here.
  /// Without a connection all wait, in order.
  Result<> publish(flow::Message message, flow::Ack ack);
  /// DISCONNECT after what is pending is written. What is not acknowledged by then stays unsettled
  /// until the client is destroyed, and is then `abandoned`.
  void stop();
  const MqttState& state() const;
  std::size_t unacknowledged() const;

 private:
  class Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace wireway::link
