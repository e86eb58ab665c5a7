#pragma once
/// Reads the wire bytes of a structure along its description and appends the JSON object: the bytes
/// come from a server and are trusted in nothing.
///
/// Source: OPC 10000-6 section 5.2 (binary) and 5.4 (JSON)
/// Errors: false = the bytes do not fit the description; what was appended must be cut off by the
///         caller

#include <string>

#include "base/bytes.h"
#include "source/opcua/type_catalog.h"

namespace wireway::source::opcua {

class ValueEncoder;

class StructureDecoder {
 public:
  StructureDecoder(const ValueEncoder& encoder, ByteView body) : encoder_(encoder), left_(body) {}

  [[nodiscard]] bool append(std::string& out, const StructureType& type, int depth);

 private:
  bool append_union(std::string& out, const StructureType& type, int depth);
  bool append_field(std::string& out, const FieldType& field, int depth);
  bool append_array(std::string& out, const FieldType& field, int depth);
  bool append_one(std::string& out, const FieldType& field, int depth);
  bool append_library_type(std::string& out, const UA_DataType& type, int depth);
  std::size_t wire_length(const void* decoded, const UA_DataType& type) const;
  template <class T>
  bool read(T& value);

  const ValueEncoder& encoder_;
  ByteView left_;
};

}  // namespace wireway::source::opcua
