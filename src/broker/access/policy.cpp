#include "broker/access/policy.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "broker/state_store/service.h"
#include "wire/mqtt/topic.h"

namespace wireway::broker {
namespace {

constexpr std::string_view token_begin = "{principal.";
constexpr std::string_view attribute_begin = "attributes.";

/// The topic that state store requests go to, and its other names in the documentation.
constexpr std::array<std::string_view, 3> state_store_topics{
    state_store::request_topic, state_store::preview_request_topic,
    "$services/statestore/_any_/command/invoke/request"};

Error invalid(const std::string& place, std::string_view what) {
  return {Errc::invalid, fmt::format("{}: {}", place, what)};
}

std::vector<std::string> texts_at(const json::value& object, std::string_view field) {
  std::vector<std::string> out;
  const json::value* list = find(object, field);
  if (list == nullptr || !list->is_array()) return out;
  for (const json::value& each : list->get_array())
    if (each.is_string()) out.emplace_back(each.get_string());
  return out;
}

/// Objects of a list with their places: "spec.rules[2]".
template <class Each>
Result<> for_each_of(const json::value& object, std::string_view field, const std::string& place,
                     Each each) {
  const json::value* list = find(object, field);
  if (list == nullptr || !list->is_array()) return {};
  std::size_t index = 0;
  for (const json::value& entry : list->get_array())
    if (auto done = each(entry, fmt::format("{}.{}[{}]", place, field, index++)); !done)
      return done;
  return {};
}

struct Value {
  std::string text;
  /// Chosen by the client, not by whoever runs the system.
  bool is_clients = false;
};

std::optional<Value> value_of(std::string_view name, const Principal& principal) {
  if (name == "clientId") return Value{principal.client_identifier, true};
  if (name == "username") return Value{principal.username, true};
  if (!name.starts_with(attribute_begin)) return std::nullopt;
  const auto found = principal.attributes.find(std::string(name.substr(attribute_begin.size())));
  if (found == principal.attributes.end()) return Value{};
  return Value{found->second, false};
}

/// Calls `text` and `token` in their order. False for a token that is none.
template <class OnText, class OnToken>
bool walk(std::string_view pattern, OnText text, OnToken token) {
  for (;;) {
    const std::size_t begin = pattern.find(token_begin);
    text(pattern.substr(0, begin));
    if (begin == pattern.npos) return true;
    pattern.remove_prefix(begin + token_begin.size());
    const std::size_t end = pattern.find('}');
    if (end == pattern.npos || !token(pattern.substr(0, end))) return false;
    pattern.remove_prefix(end + 1);
  }
}

bool has_known_tokens(std::string_view pattern) {
  const Principal nobody;
  return walk(
      pattern, [](std::string_view) {},
      [&](std::string_view name) { return value_of(name, nobody).has_value(); });
}

enum class Into : std::uint8_t { topic, glob };

/// The pattern with its tokens filled in; nothing if it cannot match this principal.
std::optional<std::string> fill_in(std::string_view pattern, const Principal& principal,
                                   Into into) {
  std::string out;
  const bool good = walk(
      pattern, [&](std::string_view text) { out += text; },
      [&](std::string_view name) {
        const auto value = value_of(name, principal);
        if (!value || value->text.empty()) return false;
        // A client that calls itself "#" or "a/b" gets no more than its own level.
        if (into == Into::topic &&
            value->text.find_first_of(value->is_clients ? "+#*/" : "+#*") != std::string::npos)
          return false;
        out += into == Into::glob ? glob_escape(value->text) : value->text;
        return true;
      });
  if (!good) return std::nullopt;
  return out;
}

bool any_covers(const std::vector<TopicPattern>& patterns, std::string_view filter) {
  return std::ranges::any_of(patterns, [&](const TopicPattern& p) { return p.covers(filter); });
}

}  // namespace

bool Permissions::may_publish(std::string_view topic) const {
  if (any_covers(publish_, topic)) return true;
  return state_store_ && std::ranges::find(state_store_topics, topic) != state_store_topics.end();
}

bool Permissions::may_subscribe(std::string_view filter) const {
  if (const auto shared = wire::mqtt::parse_shared_filter(filter)) filter = shared->filter;
  return any_covers(subscribe_, filter);
}

bool Permissions::may_read_key(ByteView key) const {
  return std::ranges::any_of(read_, [text = as_text(key)](const Key& each) {
    return each.is_glob ? glob_matches(each.text, text) : each.text == text;
  });
}

bool Permissions::may_write_key(ByteView key) const {
  return std::ranges::any_of(write_, [text = as_text(key)](const Key& each) {
    return each.is_glob ? glob_matches(each.text, text) : each.text == text;
  });
}

Result<Policy> Policy::from(const json::value& manifest) {
  Policy out;
  const std::string place = "spec.authorizationPolicies";
  const json::value* policies = find(manifest, "spec", "authorizationPolicies");
  if (policies == nullptr || !policies->is_object()) return out;
  const auto add = [&out](const json::value& entry, const std::string& where) -> Result<> {
    auto rule = rule_of(entry, where);
    if (!rule) return std::unexpected(rule.error());
    out.rules_.push_back(std::move(*rule));
    return {};
  };
  if (auto done = for_each_of(*policies, "rules", place, add); !done)
    return std::unexpected(done.error());
  return out;
}

Result<Policy::Rule> Policy::rule_of(const json::value& entry, const std::string& place) {
  Rule out;
  if (const json::value* principals = find(entry, "principals")) {
    out.usernames = texts_at(*principals, "usernames");
    out.client_identifiers = texts_at(*principals, "clientIds");
    const auto add = [&out](const json::value& pairs, const std::string& where) -> Result<> {
      if (!pairs.is_object()) return std::unexpected(invalid(where, "is not a map"));
      auto& map = out.attributes.emplace_back();
      for (const auto& [name, value] : pairs.get_object()) {
        if (!value.is_string())
          return std::unexpected(invalid(where, "values of attributes are texts; quote it"));
        map.emplace(name, value.get_string());
      }
      return {};
    };
    if (auto done = for_each_of(*principals, "attributes", place + ".principals", add); !done)
      return std::unexpected(done.error());
  }
  const auto add_resource = [&out](const json::value& each, const std::string& where) -> Result<> {
    auto resource = resource_of(each, where);
    if (!resource) return std::unexpected(resource.error());
    out.resources.push_back(std::move(*resource));
    return {};
  };
  if (auto done = for_each_of(entry, "brokerResources", place, add_resource); !done)
    return std::unexpected(done.error());
  const auto add_keys = [&out](const json::value& each, const std::string& where) -> Result<> {
    auto keys = keys_of(each, where);
    if (!keys) return std::unexpected(keys.error());
    out.keys.push_back(std::move(*keys));
    return {};
  };
  if (auto done = for_each_of(entry, "stateStoreResources", place, add_keys); !done)
    return std::unexpected(done.error());
  return out;
}

Result<Policy::Resource> Policy::resource_of(const json::value& entry, const std::string& place) {
  Resource out;
  const std::string method = text_at(entry, {"method"});
  if (equals_ignoring_case(method, "Publish"))
    out.act = Act::publish;
  else if (equals_ignoring_case(method, "Subscribe"))
    out.act = Act::subscribe;
  else if (!equals_ignoring_case(method, "Connect"))
    return std::unexpected(invalid(place + ".method", "must be Connect, Publish or Subscribe"));
  const std::string field = out.act == Act::connect ? "clientIds" : "topics";
  out.patterns = texts_at(entry, field);
  for (std::size_t i = 0; i < out.patterns.size(); ++i) {
    const std::string where = fmt::format("{}.{}[{}]", place, field, i);
    if (!has_known_tokens(out.patterns[i]))
      return std::unexpected(invalid(where, fmt::format("\"{}\" has a token that is none of "
                                                        "{{principal.clientId}}, "
                                                        "{{principal.username}} and "
                                                        "{{principal.attributes.NAME}}",
                                                        out.patterns[i])));
    std::string plain;  // with each token as an ordinary word
    walk(
        out.patterns[i], [&](std::string_view text) { plain += text; },
        [&](std::string_view) {
          plain += "x";
          return true;
        });
    if (out.act != Act::connect && !TopicPattern::parse(plain))
      return std::unexpected(invalid(where, fmt::format("\"{}\" is not a topic filter; + and # "
                                                        "stand for whole levels, # is the last",
                                                        out.patterns[i])));
  }
  return out;
}

Result<Policy::Keys> Policy::keys_of(const json::value& entry, const std::string& place) {
  Keys out;
  const std::string method = text_at(entry, {"method"});
  out.read = equals_ignoring_case(method, "Read") || equals_ignoring_case(method, "ReadWrite");
  out.write = equals_ignoring_case(method, "Write") || equals_ignoring_case(method, "ReadWrite");
  if (!out.read && !out.write)
    return std::unexpected(invalid(place + ".method", "must be Read, Write or ReadWrite"));
  const std::string type = text_at(entry, {"keyType"}, "Pattern");
  const bool is_binary = equals_ignoring_case(type, "Binary");
  if (is_binary || equals_ignoring_case(type, "String"))
    out.type = KeyType::text;
  else if (!equals_ignoring_case(type, "Pattern"))
    return std::unexpected(invalid(place + ".keyType", "must be Pattern, String or Binary"));
  out.keys = texts_at(entry, "keys");
  for (std::size_t i = 0; i < out.keys.size(); ++i) {
    const std::string where = fmt::format("{}.keys[{}]", place, i);
    if (is_binary) {
      auto decoded = base64_decode(out.keys[i]);
      if (!decoded) return std::unexpected(invalid(where, "is not base64, as Binary keys are"));
      out.keys[i] = std::move(*decoded);
    } else if (out.type == KeyType::pattern && !has_known_tokens(out.keys[i])) {
      return std::unexpected(invalid(where, "has a token that does not exist"));
    }
  }
  return out;
}

bool Policy::applies(const Rule& rule, const Principal& principal) {
  const auto is = [](const std::vector<std::string>& list, const std::string& name) {
    return !name.empty() && std::ranges::find(list, name) != list.end();
  };
  if (is(rule.usernames, principal.username)) return true;
  if (is(rule.client_identifiers, principal.client_identifier)) return true;
  return std::ranges::any_of(rule.attributes, [&](const auto& pairs) {
    return !pairs.empty() && std::ranges::all_of(pairs, [&](const auto& pair) {
      const auto found = principal.attributes.find(pair.first);
      return found != principal.attributes.end() && found->second == pair.second;
    });
  });
}

void Policy::grant(const Resource& resource, const Principal& principal, Permissions& out) {
  if (resource.act == Act::connect) {
    const auto is_he = [&](const std::string& pattern) {
      const auto glob = fill_in(pattern, principal, Into::glob);
      return glob && glob_matches(*glob, principal.client_identifier);
    };
    if (resource.patterns.empty() || std::ranges::any_of(resource.patterns, is_he))
      out.connect_ = true;
    return;
  }
  auto& patterns = resource.act == Act::publish ? out.publish_ : out.subscribe_;
  for (const std::string& each : resource.patterns) {
    const auto text = fill_in(each, principal, Into::topic);
    if (!text) continue;
    if (auto pattern = TopicPattern::parse(*text)) patterns.push_back(std::move(*pattern));
  }
}

void Policy::grant(const Keys& keys, const Principal& principal, Permissions& out) {
  for (const std::string& each : keys.keys) {
    Permissions::Key key{each, keys.type == KeyType::pattern};
    if (key.is_glob) {
      auto glob = fill_in(each, principal, Into::glob);
      if (!glob) continue;
      key.text = std::move(*glob);
    }
    if (keys.read) out.read_.push_back(key);
    if (keys.write) out.write_.push_back(std::move(key));
  }
}

Permissions Policy::permissions_of(const Principal& principal) const {
  Permissions out;
  for (const Rule& rule : rules_) {
    if (!applies(rule, principal)) continue;
    for (const Resource& resource : rule.resources) grant(resource, principal, out);
    for (const Keys& keys : rule.keys) grant(keys, principal, out);
  }
  out.state_store_ = std::ranges::any_of(state_store_topics, [&out](std::string_view topic) {
    return any_covers(out.publish_, topic);
  });
  return out;
}

}  // namespace wireway::broker
