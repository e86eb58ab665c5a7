#pragma once
/// OPC UA values as JSON text, straight from the library's memory or from the wire bytes of
/// structures that only the server describes.
///
/// Source: OPC 10000-6 section 5.4 (non-reversible form): structures as objects, enumerations as
///         "Name_Value", ByteString as base64, DateTime as ISO 8601, LocalizedText as its text,
///         Int64 and UInt64 as numbers
/// Thread: the worker of its endpoint
/// Limits: encoding_depth_max levels; deeper parts become null
/// Cost:   no allocation but the buffer's growth for numbers, texts and times

#include <string>
#include <string_view>

#include <open62541/types.h>

#include "source/opcua/type_catalog.h"

namespace wireway::source::opcua {

inline constexpr int encoding_depth_max = 32;

class ValueEncoder {
 public:
  explicit ValueEncoder(const TypeCatalog& types) : types_(types) {}

  /// `names` of the variable's data type if that is an enumeration, else nullptr.
  void append(std::string& out, const UA_Variant& value, const EnumerationType* names) const;
  /// `{"Code":2150694912,"Symbol":"BadNoCommunication"}`
  static void append_status(std::string& out, UA_StatusCode status);

 private:
  friend class StructureDecoder;
  void append_variant(std::string& out, const UA_Variant& value, const EnumerationType* names,
                      int depth) const;
  void append_elements(std::string& out, const UA_Variant& value, const EnumerationType* names,
                       int depth) const;
  void append_typed(std::string& out, const void* data, const UA_DataType& type, int depth) const;
  bool append_plain(std::string& out, const void* data, const UA_DataType& type) const;
  void append_members(std::string& out, const void* data, const UA_DataType& type, int depth) const;
  void append_extension(std::string& out, const UA_ExtensionObject& object, int depth) const;
  void append_data_value(std::string& out, const UA_DataValue& value, int depth) const;
  void append_node_id(std::string& out, const UA_NodeId& id) const;

  const TypeCatalog& types_;
};

/// "On_1", or the bare number where the value has no name.
void append_enumeration(std::string& out, std::int64_t value, const EnumerationType* names);

}  // namespace wireway::source::opcua
