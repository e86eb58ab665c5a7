#pragma once
/// BrokerAuthorization: what clients may do. A Policy is the resource, checked; Permissions are
/// what it grants one client, with the tokens of its patterns filled in.
///
/// Source: broker.md 5; CRD BrokerAuthorization
/// Rules:  only what a rule allows is allowed; a rule applies to whoever any of its principals
///         names. A token whose value is missing, or that would not stay within its topic level,
///         makes its entry match nothing.
/// Thread: values, immutable once made; any
/// Errors: Errc::invalid with the place and the remedy; nothing of an invalid policy is applied

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "broker/access/glob.h"
#include "broker/access/principal.h"

namespace wireway::broker {

/// Made once for each connected client.
class Permissions {
 public:
  bool may_connect() const { return connect_; }
  bool may_publish(std::string_view topic) const;
  /// `filter` as the client wrote it: of a shared one, what stands behind the group counts.
  bool may_subscribe(std::string_view filter) const;
  bool may_read_key(ByteView key) const;
  bool may_write_key(ByteView key) const;

  /// So that a changed policy ends only the connections whose permissions changed.
  friend bool operator==(const Permissions&, const Permissions&) = default;

 private:
  friend class Policy;
  struct Key {
    std::string text;
    bool is_glob = false;
    friend bool operator==(const Key&, const Key&) = default;
  };

  bool connect_ = false;
  bool state_store_ = false;  ///< may publish requests of the state store, by either of its names
  std::vector<TopicPattern> publish_;
  std::vector<TopicPattern> subscribe_;
  std::vector<Key> read_;
  std::vector<Key> write_;
};

class Policy {
 public:
  /// Of a BrokerAuthorization manifest in its stored form.
  static Result<Policy> from(const json::value& manifest);

  Permissions permissions_of(const Principal& principal) const;
  std::size_t rules() const { return rules_.size(); }

 private:
  enum class Act : std::uint8_t { connect, publish, subscribe };
  enum class KeyType : std::uint8_t { pattern, text };

  struct Resource {
    Act act = Act::connect;
    std::vector<std::string> patterns;  ///< topics, or globs of client identifiers
  };
  struct Keys {
    bool read = false;
    bool write = false;
    KeyType type = KeyType::pattern;
    std::vector<std::string> keys;  ///< Binary ones decoded
  };
  struct Rule {
    std::vector<std::string> usernames;
    std::vector<std::string> client_identifiers;
    std::vector<std::map<std::string, std::string>> attributes;
    std::vector<Resource> resources;
    std::vector<Keys> keys;
  };

  static Result<Resource> resource_of(const json::value& entry, const std::string& place);
  static Result<Keys> keys_of(const json::value& entry, const std::string& place);
  static Result<Rule> rule_of(const json::value& entry, const std::string& place);
  static bool applies(const Rule& rule, const Principal& principal);
  static void grant(const Resource& resource, const Principal& principal, Permissions& out);
  static void grant(const Keys& keys, const Principal& principal, Permissions& out);

  std::vector<Rule> rules_;
};

}  // namespace wireway::broker
