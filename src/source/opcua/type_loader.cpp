#include "source/opcua/type_loader.h"

#include <algorithm>
#include <set>

namespace wireway::source::opcua {
namespace {

constexpr int supertypes_max = 32;

UA_NodeId ns0(std::uint32_t id) { return UA_NODEID_NUMERIC(0, id); }

bool is_enumeration_root(const UA_NodeId& id) {
  return id.namespaceIndex == 0 && id.identifierType == UA_NODEIDTYPE_NUMERIC &&
         id.identifier.numeric == UA_NS0ID_ENUMERATION;
}

StructureType::Kind kind_of(UA_StructureType type) {
  switch (type) {
    case UA_STRUCTURETYPE_STRUCTUREWITHOPTIONALFIELDS:
      return StructureType::Kind::with_optional_fields;
    case UA_STRUCTURETYPE_UNION: return StructureType::Kind::union_of_fields;
    default: return StructureType::Kind::plain;
  }
}

/// Types whose description is compiled in. Enumerations are left to the server: it has the names.
const UA_DataType* standard_type(const UA_NodeId& id) {
  if (id.namespaceIndex != 0) return nullptr;
  const UA_DataType* type = UA_findDataType(&id);
  return type != nullptr && type->typeKind != UA_DATATYPEKIND_ENUM ? type : nullptr;
}

}  // namespace

UA_StatusCode TypeLoader::load(const std::vector<UA_NodeId>& data_types) {
  for (const UA_NodeId& id : data_types) want(id);
  while (!pending_.empty() && loaded_ < types_max) {
    std::vector<Pending> round = std::move(pending_);
    pending_.clear();
    loaded_ += round.size();
    if (const UA_StatusCode result = load_round(std::move(round)); result != UA_STATUSCODE_GOOD)
      return result;
  }
  link_fields();
  mark_usable();
  return UA_STATUSCODE_GOOD;
}

void TypeLoader::want(const UA_NodeId& data_type) {
  if (UA_NodeId_isNull(&data_type) || standard_type(data_type) != nullptr) return;
  std::string key = key_of(data_type);
  const bool is_pending = std::ranges::find(pending_, key, &Pending::key) != pending_.end();
  if (is_pending || catalog_.knows(key)) return;
  pending_.push_back({OwnedNodeId(data_type), std::move(key)});
}

UA_StatusCode TypeLoader::load_round(std::vector<Pending> round) {
  std::vector<UA_NodeId> ids;
  for (const Pending& type : round) ids.push_back(type.id.get());
  std::vector<Owned<UA_DataValue, UA_TYPES_DATAVALUE>> definitions;
  if (const UA_StatusCode result =
          client_.read(ids, UA_ATTRIBUTEID_DATATYPEDEFINITION, definitions);
      result != UA_STATUSCODE_GOOD)
    return client_.is_alive() ? UA_STATUSCODE_GOOD : result;
  for (std::size_t i = 0; i < round.size(); ++i) {
    const UA_Variant& value = definitions[i]->value;
    if (UA_Variant_hasScalarType(&value, &UA_TYPES[UA_TYPES_STRUCTUREDEFINITION])) {
      take_structure(round[i], *static_cast<const UA_StructureDefinition*>(value.data));
    } else if (UA_Variant_hasScalarType(&value, &UA_TYPES[UA_TYPES_ENUMDEFINITION])) {
      take_enumeration(round[i], *static_cast<const UA_EnumDefinition*>(value.data));
    } else if (const UA_StatusCode result = classify(round[i]); result != UA_STATUSCODE_GOOD) {
      return result;
    }
  }
  return UA_STATUSCODE_GOOD;
}

void TypeLoader::take_structure(const Pending& type, const UA_StructureDefinition& definition) {
  StructureType& structure = catalog_.structure(type.key);
  structure.kind = kind_of(definition.structureType);
  // Fields that may hold subtypes have an encoding of their own: such structures stay opaque.
  if (definition.structureType > UA_STRUCTURETYPE_UNION) return;
  for (std::size_t i = 0; i < definition.fieldsSize; ++i) {
    const UA_StructureField& field = definition.fields[i];
    FieldType& added = structure.fields.emplace_back();
    added.name = view_of(field.name);
    added.value_rank = field.valueRank;
    added.is_optional = field.isOptional;
    links_.push_back({type.key, i, OwnedNodeId(field.dataType)});
    want(field.dataType);
  }
  catalog_.add_encoding(definition.defaultEncodingId, type.key);
}

void TypeLoader::take_enumeration(const Pending& type, const UA_EnumDefinition& definition) {
  EnumerationType& names = catalog_.enumeration(type.key);
  for (std::size_t i = 0; i < definition.fieldsSize; ++i)
    names[definition.fields[i].value] = view_of(definition.fields[i].name);
}

UA_StatusCode TypeLoader::classify(const Pending& type) {
  OwnedNodeId at = type.id;
  for (int i = 0; i < supertypes_max; ++i) {
    if (is_enumeration_root(at.get())) return load_enumeration_names(type);
    if (const UA_DataType* standard = standard_type(at.get())) {
      catalog_.note_alias(type.key, standard);
      return UA_STATUSCODE_GOOD;
    }
    std::vector<OwnedNodeId> supertypes;
    std::vector<std::string> names;
    if (const UA_StatusCode result = browse_one(at.get(), UA_BROWSEDIRECTION_INVERSE,
                                                UA_NS0ID_HASSUBTYPE, supertypes, names);
        result != UA_STATUSCODE_GOOD)
      return result;
    if (supertypes.empty()) break;
    at = supertypes.front();
  }
  catalog_.note_alias(type.key, nullptr);
  return UA_STATUSCODE_GOOD;
}

UA_StatusCode TypeLoader::load_enumeration_names(const Pending& type) {
  EnumerationType& names = catalog_.enumeration(type.key);
  std::vector<OwnedNodeId> properties;
  std::vector<std::string> property_names;
  if (const UA_StatusCode result = browse_one(type.id.get(), UA_BROWSEDIRECTION_FORWARD,
                                              UA_NS0ID_HASPROPERTY, properties, property_names);
      result != UA_STATUSCODE_GOOD)
    return result;
  std::vector<UA_NodeId> ids;
  for (const OwnedNodeId& id : properties) ids.push_back(id.get());
  std::vector<Owned<UA_DataValue, UA_TYPES_DATAVALUE>> values;
  if (client_.read(ids, UA_ATTRIBUTEID_VALUE, values) != UA_STATUSCODE_GOOD)
    return client_.is_alive() ? UA_STATUSCODE_GOOD : client_.status();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const UA_Variant& value = values[i]->value;
    if (property_names[i] == "EnumStrings" &&
        UA_Variant_hasArrayType(&value, &UA_TYPES[UA_TYPES_LOCALIZEDTEXT])) {
      const auto* text = static_cast<const UA_LocalizedText*>(value.data);
      for (std::size_t k = 0; k < value.arrayLength; ++k)
        names[static_cast<std::int64_t>(k)] = view_of(text[k].text);
    } else if (property_names[i] == "EnumValues" &&
               UA_Variant_hasArrayType(&value, &UA_TYPES[UA_TYPES_ENUMVALUETYPE])) {
      const auto* entry = static_cast<const UA_EnumValueType*>(value.data);
      for (std::size_t k = 0; k < value.arrayLength; ++k)
        names[entry[k].value] = view_of(entry[k].displayName.text);
    }
  }
  return UA_STATUSCODE_GOOD;
}

UA_StatusCode TypeLoader::browse_one(const UA_NodeId& node, UA_BrowseDirection direction,
                                     std::uint32_t reference, std::vector<OwnedNodeId>& targets,
                                     std::vector<std::string>& names) {
  UA_BrowseDescription description;
  UA_BrowseDescription_init(&description);
  description.nodeId = node;
  description.browseDirection = direction;
  description.referenceTypeId = ns0(reference);
  description.resultMask = UA_BROWSERESULTMASK_BROWSENAME;
  UA_BrowseRequest request;
  UA_BrowseRequest_init(&request);
  request.nodesToBrowse = &description;
  request.nodesToBrowseSize = 1;
  const BrowseResponse response = client_.browse(request);
  if (!client_.is_alive()) return client_.status();
  for (std::size_t i = 0; i < response->resultsSize; ++i) {
    const UA_BrowseResult& result = response->results[i];
    for (std::size_t k = 0; k < result.referencesSize; ++k) {
      targets.emplace_back(result.references[k].nodeId.nodeId);
      names.emplace_back(view_of(result.references[k].browseName.name));
    }
  }
  return UA_STATUSCODE_GOOD;
}

void TypeLoader::link_fields() {
  for (const FieldLink& link : links_) {
    FieldType& field = catalog_.structure(link.structure).fields[link.field];
    const std::string key = key_of(link.data_type.get());
    const UA_DataType* standard = catalog_.alias(key);
    if (standard == nullptr) standard = standard_type(link.data_type.get());
    if (standard != nullptr) {
      const bool is_builtin = standard->typeKind <= UA_DATATYPEKIND_DIAGNOSTICINFO;
      const bool is_structure = standard->typeKind == UA_DATATYPEKIND_STRUCTURE;
      if (!is_builtin && !is_structure) continue;
      field.kind = is_builtin ? FieldType::Kind::builtin : FieldType::Kind::standard;
      field.builtin = standard;
    } else if (const EnumerationType* names = catalog_.enumeration(link.data_type.get())) {
      field.kind = FieldType::Kind::enumeration;
      field.enumeration = names;
    } else if (const StructureType* inner = catalog_.find_structure(key)) {
      field.kind = FieldType::Kind::structure;
      field.structure = inner;
    }
  }
}

/// A structure is usable when each of its fields is; those that contain each other are settled
/// together.
void TypeLoader::mark_usable() {
  std::set<std::string> keys;
  for (const FieldLink& link : links_) keys.insert(link.structure);
  for (const std::string& key : keys) catalog_.structure(key).is_usable = true;
  for (bool has_changed = true; has_changed;) {
    has_changed = false;
    for (const std::string& key : keys) {
      StructureType& structure = catalog_.structure(key);
      const bool is_usable = std::ranges::all_of(structure.fields, [](const FieldType& field) {
        return field.kind != FieldType::Kind::opaque &&
               (field.structure == nullptr || field.structure->is_usable);
      });
      if (structure.is_usable && !is_usable) {
        structure.is_usable = false;
        has_changed = true;
      }
    }
  }
}

}  // namespace wireway::source::opcua
