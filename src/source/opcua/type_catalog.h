#pragma once
/// The data types of one server that are not part of the standard: structures by the node id of
/// their binary encoding, enumerations by their data type. Filled by type_loader.h, read by the
/// encoder.
///
/// Thread: the worker of its endpoint
/// Owns:   its descriptions; references stay valid until clear()

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <open62541/types.h>

namespace wireway::source::opcua {

/// "3:s=FastUInt1": a node id of one server as a key. Not for people: see node_text().
std::string key_of(const UA_NodeId& id);

/// Names of an enumeration's values.
using EnumerationType = std::map<std::int64_t, std::string>;

struct StructureType;

struct FieldType {
  enum class Kind : std::uint8_t {
    builtin,      ///< `builtin` says which
    standard,     ///< a structure that the library knows: `builtin` is its description
    structure,    ///< `structure` describes it
    enumeration,  ///< Int32 with names
    opaque,       ///< not understood: the structure that has it cannot be taken apart
  };
  std::string name;
  Kind kind = Kind::opaque;
  const UA_DataType* builtin = nullptr;
  const StructureType* structure = nullptr;
  const EnumerationType* enumeration = nullptr;
  std::int32_t value_rank = -1;  ///< >= 1 = array, -1 = scalar
  bool is_optional = false;
};

struct StructureType {
  enum class Kind : std::uint8_t { plain, with_optional_fields, union_of_fields };
  std::string name;
  Kind kind = Kind::plain;
  bool is_usable = false;  ///< false until every field is understood
  std::vector<FieldType> fields;
};

class TypeCatalog {
 public:
  const StructureType* structure_of_encoding(const UA_NodeId& encoding) const;
  const StructureType* find_structure(const std::string& data_type_key) const;
  const EnumerationType* enumeration(const UA_NodeId& data_type) const;

  /// Creates the entry if it is not there.
  StructureType& structure(const std::string& data_type_key);
  EnumerationType& enumeration(const std::string& data_type_key);
  void add_encoding(const UA_NodeId& encoding, const std::string& data_type_key);
  bool knows(const std::string& data_type_key) const;
  /// A kind of a standard type ("Duration" of Double), or nothing known (nullptr): not asked for
  /// again.
  void note_alias(const std::string& data_type_key, const UA_DataType* standard);
  const UA_DataType* alias(const std::string& data_type_key) const;

  /// NamespaceArray of the server, for node ids inside values.
  void set_namespaces(std::vector<std::string> uris) { namespaces_ = std::move(uris); }
  const std::vector<std::string>& namespaces() const { return namespaces_; }
  void clear();

 private:
  std::map<std::string, StructureType> structures_;
  std::map<std::string, EnumerationType> enumerations_;
  std::map<std::string, std::string> encodings_;  ///< encoding's key -> data type's key
  std::map<std::string, const UA_DataType*> aliases_;
  std::vector<std::string> namespaces_;
};

}  // namespace wireway::source::opcua
