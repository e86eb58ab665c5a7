// Goal: schemas accept, default, prune and refuse as the Kubernetes API server does, word for word.
// Method: small schemas in YAML, then every CRD that we ship.

#include "resource/schema.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "base/yaml.h"
#include "resource/dialect.h"

namespace wireway::resource {
namespace {

json::value yaml(std::string_view text) {
  auto documents = parse_yaml(text);
  EXPECT_TRUE(documents.has_value()) << (documents ? "" : documents.error().message);
  return documents && !documents->empty() ? documents->front().value : json::value();
}

Schema schema(std::string_view text) {
  auto parsed = Schema::parse(yaml(text));
  EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().message);
  return std::move(parsed.value());
}

/// All causes as "field: message" lines.
std::string causes(const Schema& checked, std::string_view object) {
  std::string out;
  for (const SchemaCause& cause : checked.validate(yaml(object)))
    out += cause.field + ": " + cause.message + "\n";
  return out;
}

const char* const ports_schema = R"(
type: object
required: [spec]
properties:
  spec:
    type: object
    required: [ports]
    properties:
      mode: {type: string, enum: [Automatic, Manual], default: Automatic}
      ports:
        type: array
        minItems: 1
        maxItems: 2
        items:
          type: object
          required: [port]
          properties:
            port: {type: integer, minimum: 1, maximum: 65535}
            name: {type: string, pattern: '^[a-z]+$', minLength: 2, maxLength: 4}
            tls: {type: object, nullable: true, properties: {on: {type: boolean}}}
            protocol: {type: string, default: Mqtt}
)";

TEST(Schema, accepts_a_valid_object) {
  EXPECT_EQ(causes(schema(ports_schema), "{spec: {ports: [{port: 1883, name: abc}]}}"), "");
}

TEST(Schema, names_a_wrong_type_as_the_api_server_does) {
  EXPECT_EQ(causes(schema(ports_schema), "{spec: {ports: [{port: '1883'}]}}"),
            "spec.ports[0].port: Invalid value: \"string\": spec.ports[0].port in body must be of "
            "type integer: \"string\"\n");
}

TEST(Schema, names_a_missing_field) {
  EXPECT_EQ(causes(schema(ports_schema), "{spec: {}}"), "spec.ports: Required value\n");
  EXPECT_EQ(causes(schema(ports_schema), "{}"), "spec: Required value\n");
}

TEST(Schema, names_numbers_out_of_range) {
  EXPECT_EQ(causes(schema(ports_schema), "{spec: {ports: [{port: 0}, {port: 70000}]}}"),
            "spec.ports[0].port: Invalid value: 0: spec.ports[0].port in body should be greater "
            "than or equal to 1\n"
            "spec.ports[1].port: Invalid value: 70000: spec.ports[1].port in body should be less "
            "than or equal to 65535\n");
}

TEST(Schema, names_texts_of_wrong_length_and_pattern) {
  EXPECT_EQ(causes(schema(ports_schema), "{spec: {ports: [{port: 1, name: X}]}}"),
            "spec.ports[0].name: Invalid value: \"X\": spec.ports[0].name in body should be at "
            "least 2 chars long\n"
            "spec.ports[0].name: Invalid value: \"X\": spec.ports[0].name in body should match "
            "'^[a-z]+$'\n");
  EXPECT_EQ(causes(schema(ports_schema), "{spec: {ports: [{port: 1, name: abcde}]}}"),
            "spec.ports[0].name: Too long: may not be more than 4 bytes\n");
}

TEST(Schema, names_lists_of_wrong_length) {
  EXPECT_EQ(causes(schema(ports_schema), "{spec: {ports: []}}"),
            "spec.ports: Invalid value: 0: spec.ports in body should have at least 1 items\n");
  EXPECT_EQ(causes(schema(ports_schema), "{spec: {ports: [{port: 1}, {port: 2}, {port: 3}]}}"),
            "spec.ports: Too many: 3: must have at most 2 items\n");
}

TEST(Schema, rewrites_enum_values_to_the_schemas_spelling) {
  auto object = yaml("{spec: {mode: manual, ports: [{port: 1}]}}");
  schema(ports_schema).apply_defaults(object);
  EXPECT_EQ(object.at("spec").at("mode"), "Manual");
}

TEST(Schema, refuses_unknown_enum_values) {
  EXPECT_EQ(causes(schema(ports_schema), "{spec: {mode: Magic, ports: [{port: 1}]}}"),
            "spec.mode: Unsupported value: \"Magic\": supported values: \"Automatic\", "
            "\"Manual\"\n");
}

TEST(Schema, fills_defaults_at_every_depth_and_replaces_null) {
  auto object = yaml("{spec: {mode: null, ports: [{port: 1}, {port: 2, protocol: WebSockets}]}}");
  schema(ports_schema).apply_defaults(object);
  EXPECT_EQ(object.at("spec").at("mode"), "Automatic");
  EXPECT_EQ(object.at("spec").at("ports").at(0).at("protocol"), "Mqtt");
  EXPECT_EQ(object.at("spec").at("ports").at(1).at("protocol"), "WebSockets");
}

TEST(Schema, takes_a_null_where_none_may_stand_for_absent) {
  auto object = yaml("{spec: {mode: null, ports: [{port: 1, name: null, tls: null}], more: null}}");
  schema(ports_schema).apply_defaults(object);
  EXPECT_EQ(object, yaml("{spec: {mode: Automatic, more: null, ports: "
                         "[{port: 1, tls: null, protocol: Mqtt}]}}"));
}

TEST(Schema, accepts_null_only_where_the_schema_says_so) {
  EXPECT_EQ(causes(schema(ports_schema), "{spec: {ports: [{port: 1, tls: null}]}}"), "");
  EXPECT_EQ(causes(schema(ports_schema), "{spec: {ports: null}}"),
            "spec.ports: Invalid value: \"null\": spec.ports in body must be of type array: "
            "\"null\"\n");
}

TEST(Schema, prunes_unknown_fields_and_names_their_paths) {
  auto object = yaml(
      "{apiVersion: v1, kind: X, metadata: {a: 1}, spec: {foo: 1, ports: [{port: 1, bar: 2}]}}");
  const auto removed = schema(ports_schema).prune(object);
  EXPECT_EQ(removed, (std::vector<std::string>{"spec.foo", "spec.ports[0].bar"}));
  EXPECT_EQ(object,
            yaml("{apiVersion: v1, kind: X, metadata: {a: 1}, spec: {ports: [{port: 1}]}}"));
}

TEST(Schema, keeps_unknown_fields_where_the_schema_preserves_them) {
  auto object = yaml("{spec: {free: 1, known: {x: 1}}}");
  const auto removed = schema(R"(
type: object
properties:
  spec:
    type: object
    x-kubernetes-preserve-unknown-fields: true
    properties: {known: {type: object, properties: {y: {type: string}}}}
)")
                           .prune(object);
  EXPECT_EQ(removed, std::vector<std::string>{"spec.known.x"});
  EXPECT_EQ(object, yaml("{spec: {free: 1, known: {}}}"));
}

TEST(Schema, checks_maps_by_additional_properties) {
  const Schema map = schema(
      "{type: object, properties: {spec: {type: object, "
      "additionalProperties: {type: integer}}}}");
  EXPECT_EQ(causes(map, "{spec: {a: 1}}"), "");
  EXPECT_EQ(causes(map, "{spec: {a: x}}"),
            "spec.a: Invalid value: \"string\": spec.a in body must be of type integer: "
            "\"string\"\n");
}

TEST(Schema, accepts_int_or_string) {
  const Schema both = schema(
      "{type: object, properties: {spec: "
      "{x-kubernetes-int-or-string: true}}}");
  EXPECT_EQ(causes(both, "{spec: 1}"), "");
  EXPECT_EQ(causes(both, "{spec: 10Gi}"), "");
  EXPECT_NE(causes(both, "{spec: [1]}"), "");
}

TEST(Schema, checks_formats) {
  const Schema formats = schema(
      "{type: object, properties: {t: {type: string, format: date-time}, "
      "i: {type: integer, format: int32}, "
      "b: {type: string, format: byte}}}");
  EXPECT_EQ(causes(formats, "{t: '2026-01-31T08:00:00Z', i: 5, b: 'YQ=='}"), "");
  EXPECT_EQ(causes(formats, "{t: today}"),
            "t: Invalid value: \"today\": t in body must be of type date-time: \"today\"\n");
  EXPECT_NE(causes(formats, "{i: 3000000000}"), "");
  EXPECT_NE(causes(formats, "{b: '***'}"), "");
}

TEST(Schema, any_of_names_the_current_spelling) {
  const Schema either = schema(
      "{type: object, properties: {spec: {type: object, "
      "anyOf: [{required: [a]}, {required: [b]}], "
      "properties: {a: {type: string}, b: {type: string}}}}}");
  EXPECT_EQ(causes(either, "{spec: {b: x}}"), "");
  EXPECT_EQ(causes(either, "{spec: {}}"),
            "spec.a: Required value\n"
            "spec: Invalid value: \"\": \"spec\" must validate at least one schema (anyOf)\n");
}

TEST(Schema, one_of_all_of_and_not_are_checked) {
  const Schema junctors = schema(R"(
type: object
properties:
  one: {type: integer, oneOf: [{minimum: 10}, {maximum: 20}]}
  all: {type: integer, allOf: [{minimum: 10}, {maximum: 20}]}
  no: {type: integer, not: {minimum: 10}}
)");
  EXPECT_EQ(causes(junctors, "{one: 5, all: 15, no: 3}"), "");
  EXPECT_EQ(causes(junctors, "{one: 15}"),
            "one: Invalid value: \"\": \"one\" must validate one and only one schema (oneOf). "
            "Found 2 valid alternatives\n");
  EXPECT_NE(causes(junctors, "{all: 5}"), "");
  EXPECT_EQ(causes(junctors, "{no: 12}"),
            "no: Invalid value: \"\": \"no\" must not validate the schema (not)\n");
}

TEST(Schema, names_duplicates_in_sets_and_keyed_lists) {
  const Schema lists = schema(R"(
type: object
properties:
  set: {type: array, x-kubernetes-list-type: set, items: {type: string}}
  map:
    type: array
    x-kubernetes-list-type: map
    x-kubernetes-list-map-keys: [type]
    items: {type: object, properties: {type: {type: string}, n: {type: integer}}}
)");
  EXPECT_EQ(causes(lists, "{set: [a, b], map: [{type: x, n: 1}, {type: y, n: 1}]}"), "");
  EXPECT_EQ(causes(lists, "{set: [a, a]}"), "set[1]: Duplicate value: \"a\"\n");
  EXPECT_EQ(causes(lists, "{map: [{type: x, n: 1}, {type: x, n: 2}]}"),
            "map[1]: Duplicate value: {\"type\":\"x\"}\n");
}

TEST(Schema, a_pattern_that_would_backtrack_forever_takes_linear_time) {
  const Schema evil = schema(
      "{type: object, properties: {a: {type: string, "
      "pattern: '^(a+)+$'}}}");
  EXPECT_NE(causes(evil, "{a: " + std::string(50'000, 'a') + "!}"), "");
}

TEST(Schema, stops_at_causes_max) {
  std::string object = "{spec: {ports: [";
  for (int i = 0; i < 100; ++i) object += "{port: x},";
  EXPECT_EQ(schema(ports_schema).validate(yaml(object + "]}}")).size(), Schema::causes_max);
}

TEST(Schema, refuses_schemas_that_it_cannot_use_and_names_the_part) {
  const auto message = [](std::string_view text) {
    auto parsed = Schema::parse(yaml(text));
    return parsed ? std::string() : parsed.error().message;
  };
  EXPECT_EQ(message("{type: object, properties: {a: {type: text}}}"),
            ".properties[a]: type \"text\" is not supported");
  EXPECT_NE(message("{type: string, pattern: '('}").find("pattern does not compile"),
            std::string::npos);
  EXPECT_NE(message("{type: object, required: a}"), "");
  EXPECT_NE(message("[]"), "");
}

// ---- the CRDs that we ship ----

/// Kubernetes' rules for structural schemas, as far as our files could break them.
void expect_structural(const json::object& node, const std::string& path, bool in_junctor) {
  const bool typed = node.contains("type") || node.contains("x-kubernetes-int-or-string") ||
                     node.contains("x-kubernetes-preserve-unknown-fields");
  if (in_junctor) {
    EXPECT_FALSE(node.contains("type") || node.contains("default")) << path;
  } else {
    EXPECT_TRUE(typed) << path << " has no type";
  }
  for (const auto& [key, value] : node) EXPECT_FALSE(value.is_null()) << path << " " << key;
  const json::value* properties = node.if_contains("properties");
  if (const json::value* required = node.if_contains("required"); required && !in_junctor) {
    for (const json::value& name : required->get_array())
      EXPECT_TRUE(properties && properties->get_object().contains(name.get_string()))
          << path << " requires " << name;
  }
  if (properties)
    for (const auto& [key, child] : properties->get_object())
      expect_structural(child.get_object(), path + "." + std::string(key), in_junctor);
  if (const json::value* items = node.if_contains("items"))
    expect_structural(items->get_object(), path + "[]", in_junctor);
  if (const json::value* any = node.if_contains("anyOf"))
    for (const json::value& each : any->get_array())
      expect_structural(each.get_object(), path + "(anyOf)", true);
}

TEST(EmbeddedCrds, have_structural_schemas_in_every_version) {
  for (const json::value& crd : embedded_crds()) {
    const std::string name = text_at(crd, {"metadata", "name"});
    EXPECT_EQ(name,
              text_at(crd, {"spec", "names", "plural"}) + "." + text_at(crd, {"spec", "group"}));
    std::size_t stored = 0;
    for (const json::value& version : crd.at("spec").at("versions").as_array()) {
      const json::value& open_api = version.at("schema").at("openAPIV3Schema");
      expect_structural(open_api.as_object(), name, false);
      EXPECT_TRUE(Schema::parse(open_api).has_value()) << name;
      EXPECT_TRUE(version.at("subresources").as_object().contains("status")) << name;
      if (bool_at(version, {"storage"}, false)) ++stored;
    }
    EXPECT_EQ(stored, 1U) << name;
  }
}

/// Who merges a list by key needs the key in every item, at every depth.
void expect_keys_required(const json::value& node, const std::string& path) {
  if (node.is_array())
    for (const json::value& each : node.get_array()) expect_keys_required(each, path);
  if (!node.is_object()) return;
  if (const json::value* keys = find(node, "x-kubernetes-list-map-keys")) {
    const json::value* required = find(node, "items", "required");
    for (const json::value& key : keys->as_array()) {
      const bool is_required =
          required != nullptr &&
          std::ranges::find(required->as_array(), key) != required->as_array().end();
      const bool has_default = find(node, "items", "properties", std::string_view(key.as_string()),
                                    "default") != nullptr;
      EXPECT_TRUE(is_required || has_default) << path << ": " << key << " may be missing";
    }
  }
  for (const auto& [key, child] : node.get_object())
    expect_keys_required(child, path + "." + std::string(key));
}

TEST(EmbeddedCrds, merge_lists_only_by_keys_that_are_always_there) {
  for (const json::value& crd : embedded_crds())
    expect_keys_required(crd.at("spec").at("versions").at(0), text_at(crd, {"metadata", "name"}));
}

/// Each field of a spec says what it is for, and in which unit.
void expect_described(const json::object& node, const std::string& path) {
  if (const json::value* properties = node.if_contains("properties")) {
    for (const auto& [key, child] : properties->get_object()) {
      const std::string place = path + "." + std::string(key);
      EXPECT_FALSE(text_at(child, {"description"}).empty()) << place << " has no description";
      expect_described(child.get_object(), place);
    }
  }
  for (const char* inner : {"items", "additionalProperties"})
    if (const json::value* child = node.if_contains(inner); child && child->is_object())
      expect_described(child->get_object(), path + "[]");
}

TEST(EmbeddedCrds, describe_every_field_and_have_readable_tables_of_dialects) {
  std::set<std::pair<std::string, std::string>> kinds;
  for (const json::value& crd : embedded_crds()) {
    const std::string name = text_at(crd, {"metadata", "name"});
    EXPECT_TRUE(
        kinds.emplace(text_at(crd, {"spec", "group"}), text_at(crd, {"spec", "names", "kind"}))
            .second)
        << name << " is defined twice";
    const json::value& schema = crd.at("spec").at("versions").at(0).at("schema");
    const json::value& spec = schema.at("openAPIV3Schema").at("properties").at("spec");
    expect_described(spec.as_object(), name);
    const auto dialects = Dialects::of_definition(crd);
    EXPECT_TRUE(dialects.has_value()) << name << (dialects ? "" : dialects.error().message);
  }
}

TEST(EmbeddedCrds, can_be_told_apart_and_listed_together) {
  std::set<std::string> short_names;
  for (const json::value& crd : embedded_crds()) {
    const std::string name = text_at(crd, {"metadata", "name"});
    const json::value& names = crd.at("spec").at("names");
    EXPECT_EQ(json::serialize(names.at("categories")), "[\"wireway\"]") << name;
    if (const json::value* given = find(names, "shortNames")) {
      for (const json::value& each : given->as_array())
        EXPECT_TRUE(short_names.insert(std::string(each.as_string())).second) << name << each;
    }
    for (const json::value& version : crd.at("spec").at("versions").as_array()) {
      std::string columns;
      for (const json::value& column : version.at("additionalPrinterColumns").as_array())
        columns += text_at(column, {"name"}) + " ";
      EXPECT_TRUE(columns.contains("Ready Reason ") && columns.ends_with(" Age "))
          << name << ": " << columns;
    }
  }
}

/// A manifest through defaults and validation of its kind's storage version; its causes.
std::string shipped(std::string_view kind, json::value& object) {
  for (const json::value& crd : embedded_crds()) {
    if (text_at(crd, {"spec", "names", "kind"}) != kind) continue;
    auto parsed =
        Schema::parse(crd.at("spec").at("versions").at(0).at("schema").at("openAPIV3Schema"));
    std::string out;
    for (const std::string& path : parsed->prune(object)) out += "unknown " + path + "\n";
    parsed->apply_defaults(object);
    for (const SchemaCause& cause : parsed->validate(object))
      out += cause.field + ": " + cause.message + "\n";
    return out;
  }
  return "no such kind";
}

TEST(EmbeddedCrds, accept_the_seed_listener_and_normalise_it) {
  auto object = yaml(R"(
spec:
  brokerRef: broker
  serviceType: loadBalancer
  ports:
    - port: 8883
      protocol: Websockets
      authenticationRef: authn
      tls: {mode: automatic, automatic: {issuerRef: {apiGroup: cert-manager.io, name: i, kind: issuer}}}
    - {port: 1883, tls: null}
)");
  EXPECT_EQ(shipped("BrokerListener", object), "");
  EXPECT_EQ(object.at("spec").at("serviceType"), "LoadBalancer");
  EXPECT_EQ(object.at("spec").at("ports").at(0).at("protocol"), "WebSockets");
  EXPECT_EQ(object.at("spec").at("ports").at(0).at("tls").at("mode"), "Automatic");
  EXPECT_EQ(object.at("spec").at("ports").at(1).at("protocol"), "Mqtt");
}

TEST(EmbeddedCrds, accept_assets_of_both_eras) {
  auto seed = yaml(R"(
spec:
  assetEndpointProfileUri: opc-ua
  dataPoints: [{dataSource: 'ns=3;s=FastUInt10', capabilityId: temperature, observabilityMode: none}]
  defaultDataPointsConfiguration: '{"samplingInterval": 4000,}'
)");
  EXPECT_EQ(shipped("Asset", seed), "");
  EXPECT_EQ(seed.at("spec").at("dataPoints").at(0).at("observabilityMode"), "None");
  EXPECT_EQ(seed.at("spec").at("enabled"), true);
  auto classic = yaml(R"(
spec:
  assetEndpointProfileRef: opc-ua
  datasets: [{name: default, dataPoints: [{name: a, dataSource: 'ns=3;s=X'}]}]
  defaultTopic: {path: a/b, retain: keep}
)");
  EXPECT_EQ(shipped("Asset", classic), "");
  EXPECT_EQ(classic.at("spec").at("defaultTopic").at("retain"), "Keep");
}

TEST(EmbeddedCrds, accept_dataflows_and_endpoints_of_both_eras) {
  auto seed = yaml(R"(
spec:
  profileRef: p
  mode: enabled
  operations:
    - operationType: source
      sourceSettings: {endpointRef: mq, dataSources: [a/#], serializationFormat: json}
    - operationType: builtInTransformation
      builtInTransformationSettings:
        filter: [{inputs: [temperature.Value], condition: $1 > 20}]
        map: [{inputs: [a], output: b, conversion: $1 * 2}, {inputs: ['*'], output: '*'}]
    - operationType: destination
      destinationSettings: {endpointRef: k, dataDestination: t}
)");
  EXPECT_EQ(shipped("Dataflow", seed), "");
  EXPECT_EQ(seed.at("spec").at("operations").at(0).at("operationType"), "Source");
  auto endpoint = yaml(R"(
spec:
  endpointType: mqtt
  authentication: {method: serviceAccountToken, serviceAccountTokenSettings: {audience: aio-mq}}
  mqttSettings: {host: 'aio-mq-dmqtt-frontend:8883', tls: {mode: enabled, trustedCaCertificateConfigMap: c}}
)");
  EXPECT_EQ(shipped("DataflowEndpoint", endpoint), "");
  EXPECT_EQ(endpoint.at("spec").at("mqttSettings").at("qos"), 1);
}

TEST(EmbeddedCrds, name_a_field_that_no_release_knows) {
  auto object = yaml("{spec: {assetEndpointProfileRef: a, tags: []}}");
  EXPECT_EQ(shipped("Asset", object), "unknown spec.tags\n");
}

}  // namespace
}  // namespace wireway::resource
