// Goal: the tables of crds/ are sound: whatever the schema of a kind accepts, in any version, has
// one stored form that the schema accepts too, and reading and writing it back changes nothing.
// Method: random objects of each schema, from fixed seeds; and a look at where each rule leads.

#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "resource/detail/dialect_path.h"
#include "resource/dialect.h"
#include "resource/kind_table.h"
#include "resource/schema.h"

namespace wireway::resource {
namespace {

constexpr int objects_per_version = 150;

/// Makes objects that look as a schema says; most of them are valid.
class Maker {
 public:
  /// `open`: also fields whose schema takes anything.
  Maker(unsigned seed, bool open) : random_(seed), open_(open) {}

  json::value make_whole(const json::value& schema) {
    density_ = std::uniform_real_distribution<>(0, 0.6)(random_);
    json::value out = make(schema, 0);
    out.as_object().erase("status");
    return out;
  }

 private:
  static bool takes_anything(const json::value& schema) {
    return find(schema, "type") == nullptr ||
           bool_at(schema, {"x-kubernetes-preserve-unknown-fields"}, false);
  }

  json::value make(const json::value& schema, int depth) {
    if (const json::value* allowed = find(schema, "enum"); allowed && chance(0.97))
      return allowed->get_array()[below(allowed->get_array().size())];
    if (bool_at(schema, {"x-kubernetes-int-or-string"}, false))
      return chance(0.5) ? json::value(5) : json::value("5%");
    const std::string type = text_at(schema, {"type"});
    if (type == "object") return make_object(schema, depth);
    if (type == "array") return make_array(schema, depth);
    if (type == "boolean") return chance(0.5);
    if (type == "integer" || type == "number") return make_number(schema);
    if (type == "string") return make_text(schema);
    return chance(0.5) ? json::value(true) : json::value("anything");
  }

  bool chance(double probability) {
    return std::uniform_real_distribution<>(0, 1)(random_) < probability;
  }
  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }

  static bool is_required(const json::value& schema, std::string_view name) {
    const json::value* required = find(schema, "required");
    if (required == nullptr) return false;
    for (const json::value& each : required->get_array())
      if (each.is_string() && each.get_string() == name) return true;
    return false;
  }

  json::value make_object(const json::value& schema, int depth) {
    json::object out;
    if (const json::value* properties = find(schema, "properties"))
      for (const auto& [name, child] : properties->get_object())
        if (is_required(schema, name) || (chance(density_) && (open_ || !takes_anything(child))))
          out[name] = make(child, depth + 1);
    const json::value* additional = find(schema, "additionalProperties");
    if (additional != nullptr && additional->is_object())
      for (const char* name : {"one", "two"})
        if (chance(0.5)) out[name] = make(*additional, depth + 1);
    return out;
  }

  json::value make_array(const json::value& schema, int depth) {
    const auto least = static_cast<std::size_t>(int_at(schema, {"minItems"}, 0));
    json::array out;
    const std::size_t size = std::max(least, below(3));
    for (std::size_t i = 0; i < size; ++i) {
      json::value item = make(schema.at("items"), depth + 1);
      if (!clashes(schema, out, item)) out.push_back(std::move(item));
    }
    return out;
  }

  /// Whether a map or a set would hold two of the same.
  static bool clashes(const json::value& schema, const json::array& list, const json::value& item) {
    const std::string type = text_at(schema, {"x-kubernetes-list-type"});
    for (const json::value& other : list) {
      if (type == "set" && other == item) return true;
      if (type != "map") continue;
      bool same = true;
      for (const json::value& key : schema.at("x-kubernetes-list-map-keys").as_array()) {
        const json::value* a = find(item, key.as_string());
        const json::value* b = find(other, key.as_string());
        same = same && (a == nullptr ? b == nullptr : b != nullptr && *a == *b);
      }
      if (same) return true;
    }
    return false;
  }

  json::value make_number(const json::value& schema) {
    const std::int64_t least = int_at(schema, {"minimum"}, 0);
    const std::int64_t most = int_at(schema, {"maximum"}, least + 50);
    return least + static_cast<std::int64_t>(below(
                       static_cast<std::size_t>(std::max<std::int64_t>(most - least, 0)) + 1));
  }

  json::value make_text(const json::value& schema) {
    static constexpr const char* plain[] = {"default", "a", "some/topic", "Text", "1883", "name"};
    static constexpr const char* special[] = {
        "10s",       "PT10S", "1.0.0", "5", "1Gi", "https://host", "a.blob.core.windows.net",
        "azure-name"};
    const bool particular =
        find(schema, "pattern") != nullptr || find(schema, "minLength") != nullptr;
    if (particular) return special[below(std::size(special))];
    if (text_at(schema, {"format"}) == "date-time") return "2026-01-01T00:00:00Z";
    return plain[below(std::size(plain))];
  }

  std::mt19937 random_;
  const bool open_;
  double density_ = 0.5;
};

struct Shipped {
  std::string name;
  json::value schema;
  std::vector<std::string> versions;
  Dialects dialects;
  json::value rules;
};

Shipped shipped(const json::value& definition) {
  Shipped out;
  out.name = text_at(definition, {"metadata", "name"});
  for (const json::value& version : definition.at("spec").at("versions").as_array()) {
    out.versions.push_back(text_at(version, {"name"}));
    if (bool_at(version, {"storage"}, false))
      out.schema = version.at("schema").at("openAPIV3Schema");
  }
  auto dialects = Dialects::of_definition(definition);
  EXPECT_TRUE(dialects) << out.name << ": " << (dialects ? "" : dialects.error().message);
  if (dialects) out.dialects = std::move(*dialects);
  const std::string text = text_at(definition, {"metadata", "annotations", dialects_annotation});
  if (auto documents = parse_yaml(text); documents && !documents->empty())
    out.rules = documents->front().value;
  return out;
}

std::vector<Shipped> kinds_with_a_table() {
  std::vector<Shipped> out;
  for (const json::value& definition : embedded_crds()) {
    Shipped kind = shipped(definition);
    if (!kind.dialects.empty()) out.push_back(std::move(kind));
  }
  return out;
}

std::string causes(const Schema& schema, json::value object) {
  schema.apply_defaults(object);
  std::string out;
  for (const SchemaCause& cause : schema.validate(object))
    // Older lists did not say that their items must differ.
    if (cause.reason != "FieldValueDuplicate") out += cause.field + ": " + cause.message + "\n";
  return out;
}

/// Whether a place in `schema` is described: by a property, or by what takes anything.
bool leads_somewhere(const json::value* schema, detail::PathView path) {
  if (schema == nullptr) return false;
  if (path.empty() || bool_at(*schema, {"x-kubernetes-preserve-unknown-fields"}, false))
    return true;
  using Kind = detail::Step::Kind;
  const detail::Step& step = path.front();
  const detail::PathView rest = path.subspan(1);
  if (step.kind == Kind::member) {
    const json::value* property = find(*schema, "properties", step.name);
    return leads_somewhere(property ? property : find(*schema, "additionalProperties"), rest);
  }
  if (step.kind != Kind::members) return leads_somewhere(find(*schema, "items"), rest);
  if (leads_somewhere(find(*schema, "additionalProperties"), rest)) return true;
  const json::value* properties = find(*schema, "properties");
  if (properties == nullptr) return false;
  return std::ranges::any_of(properties->as_object(), [&](const auto& property) {
    return leads_somewhere(&property.value(), rest);
  });
}

TEST(ShippedDialects, lead_to_fields_that_the_schema_has) {
  for (const Shipped& kind : kinds_with_a_table()) {
    for (const json::value& rule : kind.rules.as_array()) {
      for (const char* member : {"move", "to", "at", "list", "drop", "set", "if"}) {
        const std::string text = text_at(rule, {member});
        const bool older = member == std::string_view("move");
        if (text.empty() || (older && bool_at(rule, {"any-case"}, false))) continue;
        EXPECT_TRUE(leads_somewhere(&kind.schema, *detail::parse_path(text)))
            << kind.name << ": " << text << " is not in the schema";
      }
    }
  }
}

/// An empty object under an older name has nothing to move; it says nothing either.
json::value without_empties(const json::value& value) {
  if (value.is_array()) {
    json::array out;
    for (const json::value& item : value.get_array()) out.push_back(without_empties(item));
    return out;
  }
  if (!value.is_object()) return value;
  json::object out;
  for (const auto& [key, member] : value.get_object()) {
    json::value kept = without_empties(member);
    if (!kept.is_object() || !kept.get_object().empty()) out[key] = std::move(kept);
  }
  return out;
}

/// One object on its way in and out of the store; what is wrong with it, or nothing.
std::string fault_of(const Shipped& kind, const Schema& schema, const std::string& version,
                     const json::value& written, bool open) {
  const auto fault = [&](std::string_view what, const json::value& shape) {
    return fmt::format("{}: {} {}\n{}\n{}", what, kind.name, version, json::serialize(written),
                       json::serialize(shape));
  };
  json::value stored = written;
  (void)kind.dialects.to_stored(stored, version);
  json::value again = stored;
  (void)kind.dialects.to_stored(again, version);
  if (again != stored) return fault("a second pass changes something", stored);
  json::value shown = stored;
  kind.dialects.from_stored(shown, version);
  json::value back = shown;
  if (!kind.dialects.to_stored(back, version).empty())
    return fault("what is shown does not speak as the version does", shown);
  if (without_empties(back) != without_empties(stored))
    return fault("what is shown does not lead back", shown);
  if (open) return "";  // what may be anything under its older name may be wrong under the current
  for (json::value object : {stored, shown})
    if (const auto unknown = schema.prune(object); !unknown.empty())
      return fault("not in the schema: " + unknown.front(), stored);
  if (!causes(schema, written).empty()) return "";
  const std::string now = causes(schema, stored);
  return now.empty() ? "" : fault("what was valid is not any more: " + now, stored);
}

/// The spec of a manifest as services see it.
json::value spec_of(std::string_view manifest) {
  static const KindTable kinds;
  auto documents = parse_yaml(manifest);
  EXPECT_TRUE(documents) << manifest;
  const json::value& written = documents->front().value;
  EXPECT_EQ(kinds.problems(written), std::vector<std::string>{});
  return kinds.normalise(written).at("spec");
}

TEST(ShippedDialects, a_listener_of_one_port_has_a_list_of_one) {
  const json::value spec = spec_of(R"(
apiVersion: mqttbroker.iotoperations.azure.com/v1beta1
kind: BrokerListener
metadata: {name: listener}
spec: {brokerRef: broker, port: 8883, authenticationEnabled: true, tls: {automatic: {issuerRef: {name: i, kind: Issuer, apiGroup: g}}}}
)");
  EXPECT_EQ(find(spec, "port"), nullptr);
  EXPECT_EQ(find(spec, "tls"), nullptr) << "or the port would open in plain text";
  const json::value& port = spec.at("ports").at(0);
  EXPECT_EQ(int_at(port, {"port"}, 0), 8883);
  EXPECT_TRUE(bool_at(port, {"authenticationEnabled"}, false));
  EXPECT_EQ(text_at(port, {"tls", "mode"}), "Automatic");
  EXPECT_EQ(text_at(port, {"tls", "certManagerCertificateSpec", "issuerRef", "group"}), "g");
}

TEST(ShippedDialects, an_asset_of_the_seed_has_one_dataset) {
  const json::value spec = spec_of(R"(
apiVersion: deviceregistry.microsoft.com/v1beta1
kind: Asset
metadata: {name: oven}
spec:
  assetEndpointProfileUri: plc
  defaultDataPointsConfiguration: '{"queueSize": 3}'
  dataPoints: [{name: t, dataSource: "ns=3;s=T", observabilityMode: gauge}]
)");
  EXPECT_EQ(text_at(spec, {"assetEndpointProfileRef"}), "plc");
  EXPECT_EQ(text_at(spec, {"defaultDatasetsConfiguration"}), "{\"queueSize\": 3}");
  const json::value& dataset = spec.at("datasets").at(0);
  EXPECT_EQ(text_at(dataset, {"name"}), "default");
  EXPECT_EQ(text_at(dataset.at("dataPoints").at(0), {"observabilityMode"}), "Gauge");
}

TEST(ShippedDialects, a_profile_of_the_seed_names_its_secrets_as_today) {
  const json::value spec = spec_of(R"(
apiVersion: deviceregistry.microsoft.com/v1beta1
kind: AssetEndpointProfile
metadata: {name: plc}
spec:
  targetAddress: opc.tcp://plc:4840
  userAuthentication:
    mode: UsernamePassword
    usernamePasswordCredentials: {usernameReference: s/u, passwordReference: s/p}
)");
  EXPECT_EQ(text_at(spec, {"authentication", "method"}), "UsernamePassword");
  EXPECT_EQ(text_at(spec, {"authentication", "usernamePasswordCredentials", "usernameSecretName"}),
            "s/u");
  EXPECT_EQ(find(spec, "userAuthentication"), nullptr);
}

TEST(ShippedDialects, keep_valid_objects_valid_and_lead_back_from_every_version) {
  for (const Shipped& kind : kinds_with_a_table()) {
    auto schema = Schema::parse(kind.schema);
    ASSERT_TRUE(schema);
    int valid = 0;
    std::string fault;
    for (const std::string& version : kind.versions) {
      for (const bool open : {false, true}) {
        Maker maker(1, open);
        for (int i = 0; i < objects_per_version && fault.empty(); ++i) {
          const json::value object = maker.make_whole(kind.schema);
          valid += causes(*schema, object).empty() ? 1 : 0;
          fault = fault_of(kind, *schema, version, object, open);
        }
      }
    }
    EXPECT_EQ(fault, "");
    EXPECT_GT(valid, 0) << kind.name << ": no random object was valid";
  }
}

}  // namespace
}  // namespace wireway::resource
