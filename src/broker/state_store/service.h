#pragma once
/// The state store's side of MQTT: from a PUBLISH to the request topic to what the broker does with
/// it, and from what the store says to the PUBLISHes that carry it.
///
/// Source: state store protocol, "System topics", "Request", "Response", "Notifications"
/// Way:    admit() where the client is; Asked crosses to the store's shard; Store::execute() there;
///         response_to() and notification_of() are what goes out
/// Errors: a request that has no place for an answer is refused at its PUBACK; one that would
///         answer into the store's own topics ends the connection

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "broker/state_store/store.h"
#include "wire/mqtt/packet.h"

namespace wireway::broker::state_store {

namespace mqtt = wire::mqtt;

inline constexpr std::string_view request_topic =
    "statestore/v1/FA9AE35F-2F64-47CD-9BFF-08E2B32A0FE8/command/invoke";
/// Of releases up to 0.6.
inline constexpr std::string_view preview_request_topic =
    "statestore/FA9AE35F-2F64-47CD-9BFF-08E2B32A0FE8/command/invoke";

inline bool is_request_topic(std::string_view topic) {
  return topic == request_topic || topic == preview_request_topic;
}

/// What a client may do, as its policy says; none = everything.
class Rights {
 public:
  virtual ~Rights() = default;
  virtual bool may_read_key(ByteView key) const = 0;
  virtual bool may_write_key(ByteView key) const = 0;
  /// The response is the broker's PUBLISH: it goes only where the client itself may listen.
  virtual bool may_subscribe(std::string_view topic) const = 0;
};

/// Who sent the PUBLISH.
struct Sender {
  std::string_view client_identifier;
  std::uint64_t connection = 0;
  mqtt::Version version = mqtt::Version::v5;
  const Rights* rights = nullptr;
};

/// A request that stands for itself: it crosses to the store's shard.
struct Asked {
  Listener asker;
  std::string payload;
  std::string response_topic;
  Bytes correlation_data;
  std::optional<std::string> timestamp;
  std::optional<std::string> fencing_token;
  std::optional<std::uint32_t> expiry_s;  ///< the response is of no use after it either
  bool authorized = true;
  bool keep_asked = false;
  bool listens = false;  ///< is KEYNOTIFY: the end of the connection concerns the store
};

struct Admission {
  mqtt::ReasonCode reason = mqtt::ReasonCode::success;  ///< of PUBACK, or of DISCONNECT
  bool disconnects = false;
  std::string_view why;        ///< for the log, if refused
  std::optional<Asked> asked;  ///< if admitted
};

Admission admit(const mqtt::Publish& publish, const Sender& sender);

Request request_of(const Asked& asked);

/// A PUBLISH of the broker at QoS 1.
struct Message {
  std::string topic;
  Bytes forwarded_properties;
  std::string payload;
};

Message response_to(const Asked& asked, const Outcome& outcome);
Message notification_of(const Notice& notice);

}  // namespace wireway::broker::state_store
