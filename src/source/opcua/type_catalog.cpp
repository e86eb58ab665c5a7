#include "source/opcua/type_catalog.h"

namespace wireway::source::opcua {

const StructureType* TypeCatalog::structure_of_encoding(const UA_NodeId& encoding) const {
  const auto data_type = encodings_.find(key_of(encoding));
  if (data_type == encodings_.end()) return nullptr;
  const auto found = structures_.find(data_type->second);
  return found != structures_.end() && found->second.is_usable ? &found->second : nullptr;
}

const StructureType* TypeCatalog::find_structure(const std::string& data_type_key) const {
  const auto found = structures_.find(data_type_key);
  return found == structures_.end() ? nullptr : &found->second;
}

const EnumerationType* TypeCatalog::enumeration(const UA_NodeId& data_type) const {
  const auto found = enumerations_.find(key_of(data_type));
  return found == enumerations_.end() ? nullptr : &found->second;
}

StructureType& TypeCatalog::structure(const std::string& data_type_key) {
  return structures_[data_type_key];
}

EnumerationType& TypeCatalog::enumeration(const std::string& data_type_key) {
  return enumerations_[data_type_key];
}

void TypeCatalog::add_encoding(const UA_NodeId& encoding, const std::string& data_type_key) {
  encodings_[key_of(encoding)] = data_type_key;
}

bool TypeCatalog::knows(const std::string& data_type_key) const {
  return structures_.contains(data_type_key) || enumerations_.contains(data_type_key) ||
         aliases_.contains(data_type_key);
}

void TypeCatalog::note_alias(const std::string& data_type_key, const UA_DataType* standard) {
  aliases_[data_type_key] = standard;
}

const UA_DataType* TypeCatalog::alias(const std::string& data_type_key) const {
  const auto found = aliases_.find(data_type_key);
  return found == aliases_.end() ? nullptr : found->second;
}

void TypeCatalog::clear() {
  structures_.clear();
  enumerations_.clear();
  encodings_.clear();
  aliases_.clear();
  namespaces_.clear();
}

}  // namespace wireway::source::opcua
