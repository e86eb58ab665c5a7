#pragma once
/// Asks a server what its own data types look like and fills the TypeCatalog: DataTypeDefinition
/// where the server has it, EnumStrings and EnumValues where it does not.
///
/// Source: OPC 10000-3 sections 5.8.3 and 8.41; OPC 10000-5 for the properties of enumerations
/// Thread: the worker of its endpoint
/// Limits: types_max types a load; what is beyond stays opaque
/// Errors: a type that cannot be read stays opaque; only a lost session ends the load

#include <string>
#include <vector>

#include "source/opcua/node_id.h"
#include "source/opcua/type_catalog.h"
#include "source/opcua/ua_client.h"

namespace wireway::source::opcua {

class TypeLoader {
 public:
  static constexpr std::size_t types_max = 10'000;

  TypeLoader(UaClient& client, TypeCatalog& catalog) : client_(client), catalog_(catalog) {}

  /// `data_types` and everything that they are made of.
  UA_StatusCode load(const std::vector<UA_NodeId>& data_types);

 private:
  struct Pending {
    OwnedNodeId id;
    std::string key;
  };
  struct FieldLink {
    std::string structure;  ///< key of the data type that has the field
    std::size_t field;
    OwnedNodeId data_type;
  };

  void want(const UA_NodeId& data_type);
  void take_structure(const Pending& type, const UA_StructureDefinition& definition);
  void take_enumeration(const Pending& type, const UA_EnumDefinition& definition);
  UA_StatusCode load_round(std::vector<Pending> round);
  /// The standard type that `type` is a kind of; enumerations also load their names.
  UA_StatusCode classify(const Pending& type);
  UA_StatusCode load_enumeration_names(const Pending& type);
  UA_StatusCode browse_one(const UA_NodeId& node, UA_BrowseDirection direction,
                           std::uint32_t reference, std::vector<OwnedNodeId>& targets,
                           std::vector<std::string>& names);
  void link_fields();
  void mark_usable();

  UaClient& client_;
  TypeCatalog& catalog_;
  std::vector<Pending> pending_;
  std::vector<FieldLink> links_;
  std::size_t loaded_ = 0;
};

}  // namespace wireway::source::opcua
