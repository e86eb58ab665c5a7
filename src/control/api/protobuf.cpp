#include "control/api/protobuf.h"

#include <optional>
#include <span>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/time.h"

namespace wireway::control {
namespace {

enum class Shape { text, number, flag, time, message, map_of_text, map_of_bytes };

struct Field {
  std::uint32_t number;
  std::string_view name;
  Shape shape;
  bool repeated = false;
  std::span<const Field> fields = {};
};

constexpr Field owner_reference[] = {
    {1, "kind", Shape::text},       {3, "name", Shape::text},
    {4, "uid", Shape::text},        {5, "apiVersion", Shape::text},
    {6, "controller", Shape::flag}, {7, "blockOwnerDeletion", Shape::flag},
};
constexpr Field object_meta[] = {
    {1, "name", Shape::text},
    {2, "generateName", Shape::text},
    {3, "namespace", Shape::text},
    {5, "uid", Shape::text},
    {6, "resourceVersion", Shape::text},
    {7, "generation", Shape::number},
    {8, "creationTimestamp", Shape::time},
    {11, "labels", Shape::map_of_text},
    {12, "annotations", Shape::map_of_text},
    {13, "ownerReferences", Shape::message, true, owner_reference},
    {14, "finalizers", Shape::text, true},
};
constexpr Field namespace_spec[] = {{1, "finalizers", Shape::text, true}};
constexpr Field namespace_status[] = {{1, "phase", Shape::text}};
constexpr Field namespace_fields[] = {
    {1, "metadata", Shape::message, false, object_meta},
    {2, "spec", Shape::message, false, namespace_spec},
    {3, "status", Shape::message, false, namespace_status},
};
constexpr Field secret_fields[] = {
    {1, "metadata", Shape::message, false, object_meta},
    {2, "data", Shape::map_of_bytes},
    {3, "type", Shape::text},
    {4, "stringData", Shape::map_of_text},
    {5, "immutable", Shape::flag},
};
constexpr Field config_map_fields[] = {
    {1, "metadata", Shape::message, false, object_meta},
    {2, "data", Shape::map_of_text},
    {3, "binaryData", Shape::map_of_bytes},
    {4, "immutable", Shape::flag},
};
constexpr Field object_reference[] = {
    {1, "kind", Shape::text},       {2, "namespace", Shape::text},
    {3, "name", Shape::text},       {4, "uid", Shape::text},
    {5, "apiVersion", Shape::text}, {6, "resourceVersion", Shape::text},
    {7, "fieldPath", Shape::text},
};
constexpr Field event_source[] = {{1, "component", Shape::text}, {2, "host", Shape::text}};
constexpr Field event_series[] = {{1, "count", Shape::number},
                                  {2, "lastObservedTime", Shape::time}};
constexpr Field event_fields[] = {
    {1, "metadata", Shape::message, false, object_meta},
    {2, "involvedObject", Shape::message, false, object_reference},
    {3, "reason", Shape::text},
    {4, "message", Shape::text},
    {5, "source", Shape::message, false, event_source},
    {6, "firstTimestamp", Shape::time},
    {7, "lastTimestamp", Shape::time},
    {8, "count", Shape::number},
    {9, "type", Shape::text},
    {10, "eventTime", Shape::time},
    {11, "series", Shape::message, false, event_series},
    {12, "action", Shape::text},
    {13, "related", Shape::message, false, object_reference},
    {14, "reportingComponent", Shape::text},
    {15, "reportingInstance", Shape::text},
};
constexpr Field lease_spec[] = {
    {1, "holderIdentity", Shape::text},     {2, "leaseDurationSeconds", Shape::number},
    {3, "acquireTime", Shape::time},        {4, "renewTime", Shape::time},
    {5, "leaseTransitions", Shape::number}, {6, "strategy", Shape::text},
    {7, "preferredHolder", Shape::text},
};
constexpr Field lease_fields[] = {
    {1, "metadata", Shape::message, false, object_meta},
    {2, "spec", Shape::message, false, lease_spec},
};
constexpr Field preconditions[] = {{1, "uid", Shape::text}, {2, "resourceVersion", Shape::text}};
constexpr Field delete_options[] = {
    {1, "gracePeriodSeconds", Shape::number},
    {2, "preconditions", Shape::message, false, preconditions},
    {4, "propagationPolicy", Shape::text},
    {5, "dryRun", Shape::text, true},
};
constexpr Field local_reference[] = {{1, "name", Shape::text}};
constexpr Field service_account_fields[] = {
    {1, "metadata", Shape::message, false, object_meta},
    {2, "secrets", Shape::message, true, object_reference},
    {3, "imagePullSecrets", Shape::message, true, local_reference},
    {4, "automountServiceAccountToken", Shape::flag},
};
constexpr Field bound_object[] = {{1, "kind", Shape::text},
                                  {2, "apiVersion", Shape::text},
                                  {3, "name", Shape::text},
                                  {4, "uid", Shape::text}};
constexpr Field token_request_spec[] = {{1, "audiences", Shape::text, true},
                                        {3, "boundObjectRef", Shape::message, false, bound_object},
                                        {4, "expirationSeconds", Shape::number}};
constexpr Field token_request_fields[] = {
    {1, "metadata", Shape::message, false, object_meta},
    {2, "spec", Shape::message, false, token_request_spec},
};
constexpr Field token_review_spec[] = {{1, "token", Shape::text},
                                       {2, "audiences", Shape::text, true}};
constexpr Field token_review_fields[] = {
    {1, "metadata", Shape::message, false, object_meta},
    {2, "spec", Shape::message, false, token_review_spec},
};
constexpr Field resource_attributes[] = {
    {1, "namespace", Shape::text}, {2, "verb", Shape::text},     {3, "group", Shape::text},
    {4, "version", Shape::text},   {5, "resource", Shape::text}, {6, "subresource", Shape::text},
    {7, "name", Shape::text},
};
constexpr Field path_attributes[] = {{1, "path", Shape::text}, {2, "verb", Shape::text}};
constexpr Field access_review_spec[] = {
    {1, "resourceAttributes", Shape::message, false, resource_attributes},
    {2, "nonResourceAttributes", Shape::message, false, path_attributes},
    {3, "user", Shape::text},
    {4, "groups", Shape::text, true},
    {6, "uid", Shape::text},
};
constexpr Field access_review_fields[] = {
    {1, "metadata", Shape::message, false, object_meta},
    {2, "spec", Shape::message, false, access_review_spec},
};
constexpr Field rules_review_spec[] = {{1, "namespace", Shape::text}};
constexpr Field rules_review_fields[] = {
    {1, "metadata", Shape::message, false, object_meta},
    {2, "spec", Shape::message, false, rules_review_spec},
};
constexpr Field policy_rule[] = {
    {1, "verbs", Shape::text, true},           {2, "apiGroups", Shape::text, true},
    {3, "resources", Shape::text, true},       {4, "resourceNames", Shape::text, true},
    {5, "nonResourceURLs", Shape::text, true},
};
constexpr Field label_selector[] = {{1, "matchLabels", Shape::map_of_text}};
constexpr Field aggregation_rule[] = {
    {1, "clusterRoleSelectors", Shape::message, true, label_selector}};
constexpr Field role_fields[] = {
    {1, "metadata", Shape::message, false, object_meta},
    {2, "rules", Shape::message, true, policy_rule},
    {3, "aggregationRule", Shape::message, false, aggregation_rule},
};
constexpr Field subject[] = {
    {1, "kind", Shape::text},
    {2, "apiGroup", Shape::text},
    {3, "name", Shape::text},
    {4, "namespace", Shape::text},
};
constexpr Field role_ref[] = {
    {1, "apiGroup", Shape::text}, {2, "kind", Shape::text}, {3, "name", Shape::text}};
constexpr Field role_binding_fields[] = {
    {1, "metadata", Shape::message, false, object_meta},
    {2, "subjects", Shape::message, true, subject},
    {3, "roleRef", Shape::message, false, role_ref},
};
constexpr Field review_fields[] = {{1, "metadata", Shape::message, false, object_meta}};
constexpr Field type_meta[] = {{1, "apiVersion", Shape::text}, {2, "kind", Shape::text}};

struct Kind {
  std::string_view api_version;
  std::string_view kind;
  std::span<const Field> fields;
};

constexpr Kind kinds[] = {
    {"v1", "Namespace", namespace_fields},
    {"v1", "Secret", secret_fields},
    {"v1", "ConfigMap", config_map_fields},
    {"v1", "Event", event_fields},
    {"coordination.k8s.io/v1", "Lease", lease_fields},
    {"", "DeleteOptions", delete_options},  // in any group
    {"v1", "ServiceAccount", service_account_fields},
    {"authentication.k8s.io/v1", "TokenRequest", token_request_fields},
    {"authentication.k8s.io/v1", "TokenReview", token_review_fields},
    {"authorization.k8s.io/v1", "SelfSubjectAccessReview", access_review_fields},
    {"authorization.k8s.io/v1", "SubjectAccessReview", access_review_fields},
    {"authorization.k8s.io/v1", "LocalSubjectAccessReview", access_review_fields},
    {"authorization.k8s.io/v1", "SelfSubjectRulesReview", rules_review_fields},
    {"rbac.authorization.k8s.io/v1", "Role", role_fields},
    {"rbac.authorization.k8s.io/v1", "ClusterRole", role_fields},
    {"rbac.authorization.k8s.io/v1", "RoleBinding", role_binding_fields},
    {"rbac.authorization.k8s.io/v1", "ClusterRoleBinding", role_binding_fields},
    {"authentication.k8s.io/v1", "SelfSubjectReview", review_fields},
};

/// One field as it lies in the bytes.
struct Item {
  std::uint32_t number = 0;
  std::uint64_t integer = 0;
  std::string_view bytes;
  bool has_bytes = false;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  bool done() const { return bytes_.empty(); }

  std::optional<Item> next() {
    const auto tag = varint();
    if (!tag || (*tag >> 3) == 0 || (*tag >> 3) > 0x1FFFFFFF) return std::nullopt;
    Item item;
    item.number = static_cast<std::uint32_t>(*tag >> 3);
    switch (*tag & 7) {
      case 0: {
        const auto value = varint();
        if (!value) return std::nullopt;
        item.integer = *value;
        return item;
      }
      case 1: return take(8, item);
      case 2: {
        const auto size = varint();
        if (!size) return std::nullopt;
        item.has_bytes = true;
        return take(*size, item);
      }
      case 5: return take(4, item);
      default: return std::nullopt;  // groups ended with proto2
    }
  }

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  std::optional<Item> take(std::uint64_t size, Item item) {
    if (size > bytes_.size()) return std::nullopt;
    item.bytes = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return item;
  }

  std::string_view bytes_;
};

std::optional<json::object> read_message(std::string_view bytes, std::span<const Field> fields,
                                         std::size_t depth);

/// Seconds and nanoseconds; an empty message is no time at all.
std::optional<json::value> read_time(std::string_view bytes) {
  if (bytes.empty()) return json::value(nullptr);
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;
  for (Reader reader(bytes); !reader.done();) {
    const auto item = reader.next();
    if (!item) return std::nullopt;
    if (item->number == 1) seconds = static_cast<std::int64_t>(item->integer);
    if (item->number == 2) nanoseconds = static_cast<std::int64_t>(item->integer);
  }
  constexpr std::int64_t seconds_max = 9'000'000'000;  // beyond it nanoseconds overflow
  if (seconds < -seconds_max || seconds > seconds_max) return std::nullopt;
  if (nanoseconds < 0 || nanoseconds >= 1'000'000'000) return std::nullopt;
  const WallTime time{std::chrono::seconds{seconds} + std::chrono::nanoseconds{nanoseconds}};
  return json::value(to_rfc3339(time, nanoseconds == 0 ? 0 : 6));
}

/// An entry of a map: key = 1, value = 2.
bool read_entry(std::string_view bytes, bool is_bytes, json::object& out) {
  std::string_view key;
  std::string_view value;
  for (Reader reader(bytes); !reader.done();) {
    const auto item = reader.next();
    if (!item) return false;
    if (item->number == 1) key = item->bytes;
    if (item->number == 2) value = item->bytes;
  }
  if (!is_mqtt_utf8(key) || (!is_bytes && !is_mqtt_utf8(value))) return false;
  out[key] = is_bytes ? base64_encode(as_bytes(value)) : std::string(value);
  return true;
}

/// The JSON of one field; null where JSON would leave it out.
std::optional<json::value> read_field(const Field& field, const Item& item, std::size_t depth) {
  switch (field.shape) {
    case Shape::number: return json::value(static_cast<std::int64_t>(item.integer));
    case Shape::flag: return json::value(item.integer != 0);
    case Shape::text:
      if (!item.has_bytes || !is_mqtt_utf8(item.bytes)) return std::nullopt;
      return item.bytes.empty() && !field.repeated ? json::value(nullptr) : json::value(item.bytes);
    case Shape::time: return read_time(item.bytes);
    case Shape::message: {
      auto message = read_message(item.bytes, field.fields, depth + 1);
      if (!message) return std::nullopt;
      return json::value(std::move(*message));
    }
    default: return std::nullopt;
  }
}

std::optional<json::object> read_message(std::string_view bytes, std::span<const Field> fields,
                                         std::size_t depth) {
  if (depth > message_depth_max) return std::nullopt;
  json::object out;
  for (Reader reader(bytes); !reader.done();) {
    const auto item = reader.next();
    if (!item) return std::nullopt;
    const Field* field = nullptr;
    for (const Field& each : fields)
      if (each.number == item->number) field = &each;
    if (field == nullptr) continue;
    if (field->shape == Shape::map_of_text || field->shape == Shape::map_of_bytes) {
      json::value& map = out[field->name];
      if (!map.is_object()) map = json::object();
      if (!read_entry(item->bytes, field->shape == Shape::map_of_bytes, map.get_object()))
        return std::nullopt;
      continue;
    }
    auto value = read_field(*field, *item, depth);
    if (!value) return std::nullopt;
    if (value->is_null()) continue;
    if (!field->repeated) {
      out[field->name] = std::move(*value);
      continue;
    }
    json::value& list = out[field->name];
    if (!list.is_array()) list = json::array();
    list.get_array().push_back(std::move(*value));
  }
  return out;
}

std::span<const Field> fields_of_kind(std::string_view api_version, std::string_view kind) {
  for (const Kind& each : kinds)
    if (each.kind == kind && (each.api_version.empty() || each.api_version == api_version))
      return each.fields;
  return {};
}

}  // namespace

bool is_protobuf(std::string_view content_type) {
  return content_type.starts_with("application/vnd.kubernetes.protobuf");
}

ApiResult<json::value> read_protobuf(std::string_view body) {
  constexpr std::string_view magic("k8s\0", 4);
  const auto malformed = [] {
    return std::unexpected(bad_request("the object provided is unrecognized: malformed protobuf"));
  };
  if (!body.starts_with(magic)) return malformed();
  json::object type;
  std::string_view raw;
  for (Reader reader(body.substr(magic.size())); !reader.done();) {
    const auto item = reader.next();
    if (!item) return malformed();
    if (item->number == 2) raw = item->bytes;
    if (item->number != 1) continue;
    auto read = read_message(item->bytes, type_meta, 0);
    if (!read) return malformed();
    type = std::move(*read);
  }
  const json::value named(type);
  const std::string api_version = text_at(named, {"apiVersion"});
  const std::string kind = text_at(named, {"kind"});
  const auto fields = fields_of_kind(api_version, kind);
  if (fields.empty())
    return std::unexpected(unsupported_media_type("application/json, application/yaml"));
  auto object = read_message(raw, fields, 0);
  if (!object) return malformed();
  for (auto& [key, value] : *object) type[key] = std::move(value);
  return json::value(std::move(type));
}

}  // namespace wireway::control
