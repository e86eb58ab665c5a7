// Goal: each rule of the dialect language does what crds/README.md says, in both directions.
// Method: small tables in YAML over small objects.

#include "resource/dialect.h"

#include <gtest/gtest.h>

#include "base/yaml.h"

namespace wireway::resource {
namespace {

json::value yaml(std::string_view text) {
  auto documents = parse_yaml(text);
  EXPECT_TRUE(documents.has_value()) << (documents ? "" : documents.error().message);
  return documents && !documents->empty() ? documents->front().value : json::value();
}

Dialects table(std::string_view rules) {
  auto parsed = Dialects::parse(yaml(rules));
  EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().message);
  return parsed ? std::move(*parsed) : Dialects();
}

std::string refusal(std::string_view rules) {
  const auto parsed = Dialects::parse(yaml(rules));
  return parsed ? "" : parsed.error().message;
}

struct Stored {
  json::value object;
  std::vector<std::string> sentences;
};

Stored store(const Dialects& dialects, std::string_view object, std::string_view version = "v1") {
  Stored out{yaml(object), {}};
  out.sentences = dialects.to_stored(out.object, version);
  Stored again = out;
  (void)dialects.to_stored(again.object, version);
  EXPECT_EQ(again.object, out.object) << "a second pass changes nothing";
  return out;
}

json::value read(const Dialects& dialects, json::value object, std::string_view version) {
  dialects.from_stored(object, version);
  return object;
}

using Sentences = std::vector<std::string>;

TEST(Dialects, moves_an_alias_and_says_so) {
  const auto rules = table("[{move: spec.old, to: spec.deep.current}]");
  const auto stored = store(rules, "{spec: {old: 5, other: 1}}");
  EXPECT_EQ(stored.object, yaml("{spec: {other: 1, deep: {current: 5}}}"));
  EXPECT_EQ(stored.sentences, Sentences{"spec.old is an older name of spec.deep.current"});
  EXPECT_FALSE(rules.speaks("v1"));
}

TEST(Dialects, keeps_the_current_name_where_both_are_there) {
  const auto rules = table("[{move: spec.old, to: spec.current}]");
  const auto stored = store(rules, "{spec: {old: 5, current: 6}}");
  EXPECT_EQ(stored.object, yaml("{spec: {current: 6}}"));
  EXPECT_EQ(stored.sentences, Sentences{"spec.old was left out: spec.current is set too"});
}

TEST(Dialects, takes_the_older_name_of_a_patched_object) {
  const auto rules = table("[{move: spec.old, to: spec.current}]");
  json::value object = yaml("{spec: {old: 5, current: 6}}");
  const auto sentences = rules.to_stored(object, "v1", Dialects::Given::patched);
  EXPECT_EQ(object, yaml("{spec: {current: 5}}"));
  EXPECT_EQ(sentences, Sentences{"spec.old is an older name of spec.current"});
}

TEST(Dialects, keeps_the_current_name_of_a_patched_object_where_the_older_is_native) {
  const auto rules = table("[{move: spec.old, to: spec.current, native: [v1beta1]}]");
  json::value object = yaml("{spec: {old: 5, current: 6}}");
  (void)rules.to_stored(object, "v1beta1", Dialects::Given::patched);
  EXPECT_EQ(object, yaml("{spec: {current: 6}}"));
}

TEST(Dialects, removes_parents_that_a_move_leaves_empty) {
  const auto rules = table("[{move: spec.a.b.c, to: spec.d}]");
  EXPECT_EQ(store(rules, "{spec: {a: {b: {c: 1}}}}").object, yaml("{spec: {d: 1}}"));
  EXPECT_EQ(store(rules, "{spec: {a: {b: {c: 1}, e: 2}}}").object,
            yaml("{spec: {a: {e: 2}, d: 1}}"));
  EXPECT_EQ(store(rules, "{spec: {a: {b: {}}}}").object, yaml("{spec: {a: {b: {}}}}"));
}

TEST(Dialects, is_silent_in_a_version_that_speaks_natively_and_reads_back) {
  const auto rules = table("[{move: spec.old, to: spec.current, native: [v1beta1, v1beta2]}]");
  EXPECT_TRUE(rules.speaks("v1beta1"));
  EXPECT_TRUE(rules.speaks("v1beta2"));
  EXPECT_FALSE(rules.speaks("v1"));
  const auto stored = store(rules, "{spec: {old: 5}}", "v1beta1");
  EXPECT_EQ(stored.object, yaml("{spec: {current: 5}}"));
  EXPECT_TRUE(stored.sentences.empty());
  EXPECT_EQ(read(rules, stored.object, "v1beta1"), yaml("{spec: {old: 5}}"));
  EXPECT_EQ(read(rules, stored.object, "v1"), stored.object);
  EXPECT_EQ(store(rules, "{spec: {old: 5}}", "v1").sentences.size(), 1U);
}

TEST(Dialects, maps_each_item_to_itself_and_says_where) {
  const auto rules = table(
      "[{move: 'spec.ports[].tls.automatic', to: 'spec.ports[].tls.spec', native: [v1beta1]}]");
  const auto stored = store(
      rules, "{spec: {ports: [{tls: {automatic: 1}}, {port: 2}, {tls: {automatic: 3}}, text]}}");
  EXPECT_EQ(stored.object,
            yaml("{spec: {ports: [{tls: {spec: 1}}, {port: 2}, {tls: {spec: 3}}, text]}}"));
  EXPECT_EQ(
      stored.sentences,
      Sentences{"spec.ports[0].tls.automatic is an older name of spec.ports[0].tls.spec (and 1 "
                "more like it)"});
  EXPECT_EQ(
      read(rules, stored.object, "v1beta1"),
      yaml("{spec: {ports: [{tls: {automatic: 1}}, {port: 2}, {tls: {automatic: 3}}, text]}}"));
}

TEST(Dialects, says_which_of_many_places_it_means) {
  const auto rules = table(R"(
- {move: 'spec.*.lists[].a', to: 'spec.*.lists[].b[name=x].c'}
- {drop: 'spec.*.lists[].gone'})");
  const auto stored = store(rules,
                            "{spec: {one: {lists: []}, two: {lists: [{}, {a: 1, gone: 1}, {a: 2, "
                            "b: [{name: x, c: 3}]}]}}}");
  EXPECT_EQ(stored.sentences,
            (Sentences{"spec.two.lists[1].a is an older name of spec.two.lists[1].b[name=x].c",
                       "spec.two.lists[2].a was left out: spec.two.lists[2].b[name=x].c is set too",
                       "spec.two.lists[1].gone is obsolete and was left out"}));
}

TEST(Dialects, selects_and_makes_the_item_of_a_list) {
  const auto rules =
      table("[{move: spec.points, to: 'spec.sets[name=default].points', native: [v1beta1]}]");
  const auto alone = store(rules, "{spec: {points: [1, 2]}}", "v1beta1");
  EXPECT_EQ(alone.object, yaml("{spec: {sets: [{name: default, points: [1, 2]}]}}"));
  EXPECT_EQ(read(rules, alone.object, "v1beta1"), yaml("{spec: {points: [1, 2]}}"));
  const auto into =
      store(rules, "{spec: {points: [1], sets: [{name: default, topic: t}, {name: b}]}}");
  EXPECT_EQ(into.object,
            yaml("{spec: {sets: [{name: default, topic: t, points: [1]}, {name: b}]}}"));
}

TEST(Dialects, keeps_items_at_their_places_when_reading_back) {
  const auto rules =
      table("[{move: spec.points, to: 'spec.sets[name=default].points', native: [v1beta1]}]");
  for (const char* text : {"{spec: {sets: [{name: default, points: [1]}, {name: b}]}}",
                           "{spec: {sets: [{name: b}, {name: default, points: [1]}]}}"}) {
    const json::value before = yaml(text);
    json::value object = read(rules, before, "v1beta1");
    EXPECT_EQ(*find(object, "spec", "points"), yaml("[1]"));
    (void)rules.to_stored(object, "v1beta1");
    EXPECT_EQ(object, before);
  }
}

TEST(Dialects, takes_and_makes_the_first_item_of_a_list) {
  const auto rules = table(R"(
- {move: spec.port, to: "spec.ports[0].port", native: [v1beta1]}
- {move: spec.tls, to: "spec.ports[0].tls", native: [v1beta1]}
)");
  const auto stored = store(rules, "{spec: {port: 1, tls: {a: 2}}}", "v1beta1");
  EXPECT_EQ(stored.object, yaml("{spec: {ports: [{port: 1, tls: {a: 2}}]}}"));
  EXPECT_EQ(read(rules, stored.object, "v1beta1"), yaml("{spec: {port: 1, tls: {a: 2}}}"));
  const json::value two = yaml("{spec: {ports: [{port: 1}, {port: 2}]}}");
  json::value older = read(rules, two, "v1beta1");
  EXPECT_EQ(older, yaml("{spec: {port: 1, ports: [{}, {port: 2}]}}"));
  (void)rules.to_stored(older, "v1beta1");
  EXPECT_EQ(older, two);
}

TEST(Dialects, walks_every_member_that_is_an_object) {
  const auto rules =
      table("[{move: 'spec.*.authentication.sasl', to: 'spec.*.authentication.saslSettings'}]");
  const auto stored =
      store(rules, "{spec: {kind: Kafka, kafka: {authentication: {sasl: 1}}, mqtt: {host: h}}}");
  EXPECT_EQ(
      stored.object,
      yaml("{spec: {kind: Kafka, kafka: {authentication: {saslSettings: 1}}, mqtt: {host: h}}}"));
  EXPECT_EQ(stored.sentences, Sentences{"spec.kafka.authentication.sasl is an older name of "
                                        "spec.kafka.authentication.saslSettings"});
}

TEST(Dialects, applies_only_where_its_condition_holds) {
  const auto rules = table(R"(
- {move: spec.auth, to: spec.kafka.auth, if: spec.kafka, native: [v1beta1]}
- {move: spec.auth, to: spec.mqtt.auth, if: spec.mqtt, native: [v1beta1]}
)");
  EXPECT_EQ(store(rules, "{spec: {auth: 1, mqtt: {host: h}}}").object,
            yaml("{spec: {mqtt: {host: h, auth: 1}}}"));
  EXPECT_EQ(store(rules, "{spec: {auth: 1, mqtt: null}}").object,
            yaml("{spec: {auth: 1, mqtt: null}}"));
  const json::value stored = yaml("{spec: {kafka: {auth: 1}}}");
  json::value older = read(rules, stored, "v1beta1");
  EXPECT_EQ(older, yaml("{spec: {auth: 1, kafka: {}}}"));
  (void)rules.to_stored(older, "v1beta1");
  EXPECT_EQ(older, stored);
}

TEST(Dialects, sets_what_another_field_implies) {
  const auto rules =
      table("[{set: 'spec.methods[].method', value: X509, if: 'spec.methods[].x509'}]");
  const auto stored =
      store(rules, "{spec: {methods: [{x509: {}}, {sat: {}}, {method: Own, x509: {}}]}}");
  EXPECT_EQ(
      stored.object,
      yaml("{spec: {methods: [{x509: {}, method: X509}, {sat: {}}, {method: Own, x509: {}}]}}"));
  EXPECT_TRUE(stored.sentences.empty());
}

TEST(Dialects, makes_texts_of_the_items_of_a_list) {
  EXPECT_EQ(store(table("[{text: 'spec.texts[]'}]"), "{spec: {texts: [1, b]}}").object,
            yaml("{spec: {texts: ['1', b]}}"));
}

TEST(Dialects, spells_numbers_by_their_text) {
  const auto rules = table("[{values: {'0': Qos0, '1': Qos1}, at: 'spec.x[].qos'}]");
  EXPECT_EQ(store(rules, "{spec: {x: [{qos: 0}, {qos: '1'}]}}").object,
            yaml("{spec: {x: [{qos: Qos0}, {qos: Qos1}]}}"));
}

TEST(Dialects, spec_stays_even_if_nothing_is_left_in_it) {
  EXPECT_EQ(store(table("[{drop: spec.a.b}]"), "{spec: {a: {b: 1}}}").object, yaml("{spec: {}}"));
}

TEST(Dialects, spells_values_of_a_move_and_reads_them_back) {
  const auto rules = table(
      "[{move: spec.encrypt, to: spec.advanced.encrypt, values: {true: Enabled, false: Disabled}, "
      "native: [v1beta1]}]");
  for (const char* text : {"{spec: {encrypt: true}}", "{spec: {encrypt: 'TRUE'}}"})
    EXPECT_EQ(store(rules, text).object, yaml("{spec: {advanced: {encrypt: Enabled}}}"));
  EXPECT_EQ(store(rules, "{spec: {encrypt: sometimes}}").object,
            yaml("{spec: {advanced: {encrypt: sometimes}}}"));
  EXPECT_EQ(read(rules, yaml("{spec: {advanced: {encrypt: Disabled}}}"), "v1beta1"),
            yaml("{spec: {encrypt: false}}"));
}

TEST(Dialects, spells_values_in_place) {
  const auto rules = table(
      "[{values: {websocket: WebSockets, plain: Plain}, at: 'spec.ports[].protocol', "
      "native: [v1beta1]}]");
  const auto stored = store(rules, "{spec: {ports: [{protocol: WEBSOCKET}, {protocol: Mqtt}]}}");
  EXPECT_EQ(stored.object, yaml("{spec: {ports: [{protocol: WebSockets}, {protocol: Mqtt}]}}"));
  EXPECT_EQ(
      stored.sentences,
      Sentences{"spec.ports[0].protocol: \"WEBSOCKET\" is an older spelling of \"WebSockets\""});
  EXPECT_EQ(read(rules, stored.object, "v1beta1"),
            yaml("{spec: {ports: [{protocol: websocket}, {protocol: Mqtt}]}}"));
  const auto items = table("[{values: {a: b}, at: 'spec.modes[]'}]");
  EXPECT_EQ(store(items, "{spec: {modes: [a, c]}}").object, yaml("{spec: {modes: [b, c]}}"));
}

TEST(Dialects, makes_a_text_of_a_number_without_a_word) {
  const auto rules =
      table("[{text: 'spec.ports[].name'}, {move: 'spec.ports[].name', to: 'spec.ports[].id'}]");
  const auto stored = store(
      rules, "{spec: {ports: [{name: 80}, {name: 1.5}, {name: 2.0}, {name: true}, {id: x}]}}");
  EXPECT_EQ(stored.object,
            yaml("{spec: {ports: [{id: '80'}, {id: '1.5'}, {id: '2.0'}, {id: 'true'}, {id: x}]}}"));
  EXPECT_EQ(stored.sentences,
            Sentences{"spec.ports[0].name is an older name of spec.ports[0].id (and 3 more like "
                      "it)"});
}

TEST(Dialects, makes_a_list_of_a_single_value) {
  const auto rules = table("[{list: 'spec.operations[].enrich'}]");
  const auto stored =
      store(rules, "{spec: {operations: [{enrich: {key: a}}, {enrich: [1]}, {enrich: null}]}}");
  EXPECT_EQ(stored.object,
            yaml("{spec: {operations: [{enrich: [{key: a}]}, {enrich: [1]}, {enrich: null}]}}"));
  EXPECT_EQ(stored.sentences.size(), 1U);
}

TEST(Dialects, multiplies_numbers_and_divides_them_on_the_way_back) {
  const auto rules =
      table("[{move: spec.latencySec, to: spec.latencyMs, factor: 1000, native: [v1beta1]}]");
  EXPECT_EQ(store(rules, "{spec: {latencySec: 5}}").object, yaml("{spec: {latencyMs: 5000}}"));
  EXPECT_EQ(store(rules, "{spec: {latencySec: 0.3}}").object, yaml("{spec: {latencyMs: 300}}"));
  EXPECT_EQ(store(rules, "{spec: {latencySec: five}}").object, yaml("{spec: {latencyMs: five}}"));
  EXPECT_EQ(read(rules, yaml("{spec: {latencyMs: 5000}}"), "v1beta1"),
            yaml("{spec: {latencySec: 5}}"));
  EXPECT_EQ(read(rules, yaml("{spec: {latencyMs: 1500}}"), "v1beta1"),
            yaml("{spec: {latencySec: 1.5}}"));
}

TEST(Dialects, drops_what_is_obsolete) {
  const auto always = table("[{drop: spec.gone}]");
  const auto stored = store(always, "{spec: {gone: {a: 1}, stays: 1}}");
  EXPECT_EQ(stored.object, yaml("{spec: {stays: 1}}"));
  EXPECT_EQ(stored.sentences, Sentences{"spec.gone is obsolete and was left out"});
  const auto sometimes = table("[{drop: spec.mode, when: auto}]");
  EXPECT_EQ(store(sometimes, "{spec: {a: 1, mode: Auto}}").object, yaml("{spec: {a: 1}}"));
  EXPECT_EQ(store(sometimes, "{spec: {mode: distributed}}").object,
            yaml("{spec: {mode: distributed}}"));
}

TEST(Dialects, matches_the_last_name_in_any_case_where_the_rule_says_so) {
  const auto rules = table("[{move: spec.MQTTSettings, to: spec.mqttSettings, any-case: true}]");
  EXPECT_EQ(store(rules, "{spec: {MqttSettings: 1}}").object, yaml("{spec: {mqttSettings: 1}}"));
  const auto exact = store(rules, "{spec: {mqttSettings: 1}}");
  EXPECT_EQ(exact.object, yaml("{spec: {mqttSettings: 1}}"));
  EXPECT_TRUE(exact.sentences.empty());
  EXPECT_EQ(store(table("[{move: spec.Old, to: spec.current}]"), "{spec: {old: 1}}").object,
            yaml("{spec: {old: 1}}"));
}

TEST(Dialects, moves_a_plain_value_deeper_but_not_the_object_that_is_there_already) {
  const auto rules = table("[{move: spec.topic, to: spec.topic.path, native: [v1beta1]}]");
  EXPECT_EQ(store(rules, "{spec: {topic: a/b}}").object, yaml("{spec: {topic: {path: a/b}}}"));
  EXPECT_TRUE(store(rules, "{spec: {topic: {path: a/b}}}").sentences.empty());
  EXPECT_EQ(read(rules, yaml("{spec: {topic: {path: a/b}}}"), "v1beta1"),
            yaml("{spec: {topic: a/b}}"));
  EXPECT_EQ(read(rules, yaml("{spec: {topic: {path: a, retain: Keep}}}"), "v1beta1"),
            yaml("{spec: {topic: {path: a, retain: Keep}}}"));
}

TEST(Dialects, leaves_alone_what_has_another_shape) {
  const auto rules =
      table("[{move: spec.old, to: spec.deep.current}, {move: 'spec.a[].b', to: 'spec.a[].c'}]");
  for (const char* text : {"{spec: text}", "{spec: [1]}", "text", "{spec: {old: 1, deep: text}}",
                           "{spec: {a: {b: 1}}}"})
    EXPECT_EQ(store(rules, text).object, yaml(text));
}

TEST(Dialects, applies_rules_in_order_and_reads_them_back_in_reverse) {
  const auto rules = table(R"(
- {move: spec.user, to: spec.authentication, native: [v1beta1]}
- {move: spec.authentication.mode, to: spec.authentication.method, native: [v1beta1]}
)");
  const auto stored = store(rules, "{spec: {user: {mode: Anonymous}}}", "v1beta1");
  EXPECT_EQ(stored.object, yaml("{spec: {authentication: {method: Anonymous}}}"));
  EXPECT_EQ(read(rules, stored.object, "v1beta1"), yaml("{spec: {user: {mode: Anonymous}}}"));
}

TEST(Dialects, renames_the_aliases_of_a_merge_patch_with_their_nulls) {
  const auto rules = table(R"(
- {move: spec.old, to: spec.current}
- {move: spec.native, to: spec.other, native: [v1beta1]}
- {move: spec.topic, to: spec.topic.path}
)");
  json::value patch = yaml("{spec: {old: null, native: null, topic: null}}");
  EXPECT_EQ(rules.patch_to_current(patch, "v1beta1"),
            Sentences{"spec.old is an older name of spec.current"});
  EXPECT_EQ(patch, yaml("{spec: {current: null, native: null, topic: null}}"));
}

TEST(Dialects, an_older_name_beats_a_current_one_that_only_holds_its_default) {
  const auto dialects = Dialects::of_definition(yaml(R"(
metadata: {annotations: {wireway.io/dialects: "[{move: spec.old, to: spec.a.current, native: [v1beta1]}]"}}
spec:
  versions:
    - name: v1
      storage: true
      schema: {openAPIV3Schema: {properties: {spec: {properties: {
        a: {default: {current: 7}, properties: {current: {default: 8}}}}}}}}
    - {name: v1beta1}
)"));
  ASSERT_TRUE(dialects.has_value()) << dialects.error().message;
  EXPECT_EQ(store(*dialects, "{spec: {old: 5, a: {current: 8}}}").object,
            yaml("{spec: {a: {current: 8}}}"));
  EXPECT_EQ(store(*dialects, "{spec: {old: 5, a: {current: 7}}}").object,
            yaml("{spec: {a: {current: 5}}}"));
}

TEST(Dialects, names_the_rule_that_is_wrong) {
  EXPECT_EQ(refusal("{move: a}"), "must be a list of rules");
  const std::pair<const char*, const char*> wrong[] = {
      {"{move: spec.a}", "move and to belong together"},
      {"{move: spec.a, to: spec.a}", "both paths are the same"},
      {"{move: spec.a, to: spec.b, drop: spec.c}",
       "must have one of move, at, list, drop, set and text"},
      {"{move: spec.a, to: spec.b, nativ: [v1]}", "\"nativ\" is no part of a rule"},
      {"{move: 'spec.a[].b', to: 'spec.c[].b'}", "[] and * may only stand in the part"},
      {"{move: 'spec.a[x].b', to: spec.b}", "is none of [], [0] and [key=value]"},
      {"{move: spec..a, to: spec.b}", "has an empty name"},
      {"{move: 'spec.a[', to: spec.b}", "has a bracket out of place"},
      {"{move: spec.a, to: spec.b, factor: 0}", "factor must not be 0"},
      {"{set: spec.a, value: 1}", "set needs an if"},
      {"{drop: 'spec.a[].b', if: spec.c}", "if must share the rule's path"},
      {"{at: spec.a}", "at and values belong together"},
      {"{at: spec.a, values: {a: b, b: c}}", "values: a leads to b, which leads on to c"},
      {"text", "must be a map"}};
  for (const auto& [rule, reason] : wrong) {
    const std::string message = refusal("[{drop: spec.x}, " + std::string(rule) + "]");
    EXPECT_TRUE(message.starts_with("rule 2 ")) << message;
    EXPECT_TRUE(message.contains(reason)) << rule << ": " << message;
  }
}

TEST(Dialects, refuses_versions_that_the_kind_has_not_or_stores) {
  const auto message = [](const std::string& version) {
    const auto parsed = Dialects::of_definition(yaml(
        "{metadata: {annotations: {wireway.io/dialects: '[{move: spec.a, to: spec.b, native: [" +
        version + "]}]'}}, spec: {versions: [{name: v1, storage: true}, {name: v1beta1}]}}"));
    return parsed ? "" : parsed.error().message;
  };
  EXPECT_EQ(message("v1beta1"), "");
  EXPECT_TRUE(message("v2").contains("the kind has no version v2")) << message("v2");
  EXPECT_TRUE(message("v1").contains("v1 is stored")) << message("v1");
}

}  // namespace
}  // namespace wireway::resource
