#include "source/opcua/value_encoder.h"

#include <array>
#include <span>

#include <fmt/format.h>
#include <open62541/types_generated.h>

#include "source/opcua/json_write.h"
#include "source/opcua/node_id.h"
#include "source/opcua/structure_decoder.h"

namespace wireway::source::opcua {
namespace {

std::string_view view_of(const UA_String& text) {
  return {reinterpret_cast<const char*>(text.data), text.length};
}

void append_string(std::string& out, const UA_String& text) {
  if (text.data == nullptr) {
    out += "null";
  } else {
    append_text(out, view_of(text));
  }
}

void append_guid(std::string& out, const UA_Guid& guid) {
  const UA_Byte* b = guid.data4;
  fmt::format_to(std::back_inserter(out), "\"{:08x}-{:04x}-{:04x}-{:02x}{:02x}-", guid.data1,
                 guid.data2, guid.data3, b[0], b[1]);
  for (int i = 2; i < 8; ++i) fmt::format_to(std::back_inserter(out), "{:02x}", b[i]);
  out += '"';
}

/// Members of a library structure in memory, one after the other.
struct MemberCursor {
  const std::uint8_t* at;

  /// The member's place; advances behind it.
  const void* take(const UA_DataTypeMember& member) {
    at += member.padding;
    const void* place = at;
    if (member.isArray) {
      at += sizeof(std::size_t) + sizeof(void*);
    } else if (member.isOptional) {
      at += sizeof(void*);
    } else {
      at += member.memberType->memSize;
    }
    return place;
  }
};

template <class T>
T value_at(const void* place) {
  return *static_cast<const T*>(place);
}

}  // namespace

void append_enumeration(std::string& out, std::int64_t value, const EnumerationType* names) {
  const auto found = names != nullptr ? names->find(value) : EnumerationType::const_iterator{};
  if (names == nullptr || found == names->end()) {
    append_integer(out, value);
    return;
  }
  append_text(out, fmt::format("{}_{}", found->second, value));
}

void ValueEncoder::append(std::string& out, const UA_Variant& value,
                          const EnumerationType* names) const {
  append_variant(out, value, names, 0);
}

void ValueEncoder::append_status(std::string& out, UA_StatusCode status) {
  // The low 16 bits say how a sample came about (limits, overflow), not what happened.
  fmt::format_to(std::back_inserter(out), "{{\"Code\":{},\"Symbol\":\"{}\"}}", status,
                 UA_StatusCode_name(status & 0xFFFF0000));
}

void ValueEncoder::append_variant(std::string& out, const UA_Variant& value,
                                  const EnumerationType* names, int depth) const {
  if (value.type == nullptr || depth > encoding_depth_max) {
    out += "null";
    return;
  }
  if (!UA_Variant_isScalar(&value)) {
    append_elements(out, value, names, depth + 1);
  } else if (names != nullptr && value.type->typeKind == UA_DATATYPEKIND_INT32) {
    append_enumeration(out, value_at<UA_Int32>(value.data), names);
  } else {
    append_typed(out, value.data, *value.type, depth + 1);
  }
}

/// Arrays, and matrices as arrays of arrays, the last dimension innermost.
void ValueEncoder::append_elements(std::string& out, const UA_Variant& value,
                                   const EnumerationType* names, int depth) const {
  std::span<const UA_UInt32> dimensions(value.arrayDimensions, value.arrayDimensionsSize);
  std::size_t product = 1;
  for (const UA_UInt32 dimension : dimensions) product *= dimension;
  if (dimensions.size() < 2 || product != value.arrayLength) dimensions = {};
  const auto* element = static_cast<const std::uint8_t*>(value.data);
  const bool is_enumeration = names != nullptr && value.type->typeKind == UA_DATATYPEKIND_INT32;

  const auto append_one = [&](std::size_t index) {
    const void* place = element + index * value.type->memSize;
    if (is_enumeration) {
      append_enumeration(out, value_at<UA_Int32>(place), names);
    } else {
      append_typed(out, place, *value.type, depth + 1);
    }
  };
  // Index i opens and closes a bracket wherever it is a multiple of an inner block's size.
  std::vector<std::size_t> blocks;
  for (std::size_t block = 1, i = dimensions.size(); i-- > 1;)
    blocks.push_back(block *= dimensions[i]);
  out += '[';
  for (std::size_t i = 0; i < value.arrayLength; ++i) {
    if (i > 0) out += ',';
    for (const std::size_t block : blocks)
      if (i % block == 0) out += '[';
    append_one(i);
    for (const std::size_t block : blocks)
      if ((i + 1) % block == 0) out += ']';
  }
  out += ']';
}

/// Types whose JSON form needs no depth. False if `type` is none of them.
bool ValueEncoder::append_plain(std::string& out, const void* data, const UA_DataType& type) const {
  switch (type.typeKind) {
    case UA_DATATYPEKIND_BOOLEAN: out += value_at<UA_Boolean>(data) ? "true" : "false"; break;
    case UA_DATATYPEKIND_SBYTE: append_integer(out, value_at<UA_SByte>(data)); break;
    case UA_DATATYPEKIND_BYTE: append_unsigned(out, value_at<UA_Byte>(data)); break;
    case UA_DATATYPEKIND_INT16: append_integer(out, value_at<UA_Int16>(data)); break;
    case UA_DATATYPEKIND_UINT16: append_unsigned(out, value_at<UA_UInt16>(data)); break;
    case UA_DATATYPEKIND_ENUM:
    case UA_DATATYPEKIND_INT32: append_integer(out, value_at<UA_Int32>(data)); break;
    case UA_DATATYPEKIND_UINT32: append_unsigned(out, value_at<UA_UInt32>(data)); break;
    case UA_DATATYPEKIND_INT64: append_integer(out, value_at<UA_Int64>(data)); break;
    case UA_DATATYPEKIND_UINT64: append_unsigned(out, value_at<UA_UInt64>(data)); break;
    case UA_DATATYPEKIND_FLOAT: append_number(out, value_at<UA_Float>(data)); break;
    case UA_DATATYPEKIND_DOUBLE: append_number(out, value_at<UA_Double>(data)); break;
    case UA_DATATYPEKIND_XMLELEMENT:
    case UA_DATATYPEKIND_STRING: append_string(out, *static_cast<const UA_String*>(data)); break;
    case UA_DATATYPEKIND_DATETIME: append_time(out, value_at<UA_DateTime>(data)); break;
    case UA_DATATYPEKIND_GUID: append_guid(out, *static_cast<const UA_Guid*>(data)); break;
    case UA_DATATYPEKIND_STATUSCODE: append_status(out, value_at<UA_StatusCode>(data)); break;
    default: return false;
  }
  return true;
}

void ValueEncoder::append_typed(std::string& out, const void* data, const UA_DataType& type,
                                int depth) const {
  if (append_plain(out, data, type)) return;
  if (depth > encoding_depth_max) {
    out += "null";
    return;
  }
  switch (type.typeKind) {
    case UA_DATATYPEKIND_BYTESTRING: {
      const auto& bytes = *static_cast<const UA_ByteString*>(data);
      if (bytes.data == nullptr) {
        out += "null";
      } else {
        append_bytes(out, {bytes.data, bytes.length});
      }
      return;
    }
    case UA_DATATYPEKIND_NODEID: return append_node_id(out, *static_cast<const UA_NodeId*>(data));
    case UA_DATATYPEKIND_EXPANDEDNODEID:
      return append_node_id(out, static_cast<const UA_ExpandedNodeId*>(data)->nodeId);
    case UA_DATATYPEKIND_QUALIFIEDNAME: {
      const auto& name = *static_cast<const UA_QualifiedName*>(data);
      out += "{\"Name\":";
      append_string(out, name.name);
      if (name.namespaceIndex != 0) {
        out += ",\"Uri\":";
        const auto& uris = types_.namespaces();
        if (name.namespaceIndex < uris.size()) {
          append_text(out, uris[name.namespaceIndex]);
        } else {
          append_unsigned(out, name.namespaceIndex);
        }
      }
      out += '}';
      return;
    }
    case UA_DATATYPEKIND_LOCALIZEDTEXT:
      return append_string(out, static_cast<const UA_LocalizedText*>(data)->text);
    case UA_DATATYPEKIND_EXTENSIONOBJECT:
      return append_extension(out, *static_cast<const UA_ExtensionObject*>(data), depth + 1);
    case UA_DATATYPEKIND_DATAVALUE:
      return append_data_value(out, *static_cast<const UA_DataValue*>(data), depth + 1);
    case UA_DATATYPEKIND_VARIANT:
      return append_variant(out, *static_cast<const UA_Variant*>(data), nullptr, depth + 1);
    case UA_DATATYPEKIND_STRUCTURE:
    case UA_DATATYPEKIND_OPTSTRUCT: return append_members(out, data, type, depth + 1);
    default: out += "null";
  }
}

void ValueEncoder::append_members(std::string& out, const void* data, const UA_DataType& type,
                                  int depth) const {
  MemberCursor cursor{static_cast<const std::uint8_t*>(data)};
  out += '{';
  bool is_first = true;
  for (std::size_t i = 0; i < type.membersSize; ++i) {
    const UA_DataTypeMember& member = type.members[i];
    const void* place = cursor.take(member);
    if (member.isOptional && value_at<const void*>(place) == nullptr) continue;
    if (!is_first) out += ',';
    is_first = false;
    append_text(out, member.memberName);
    out += ':';
    if (member.isArray) {
      UA_Variant elements;
      UA_Variant_init(&elements);
      elements.type = member.memberType;
      elements.arrayLength = value_at<std::size_t>(place);
      elements.data = const_cast<void*>(
          value_at<const void*>(static_cast<const std::uint8_t*>(place) + sizeof(std::size_t)));
      append_elements(out, elements, nullptr, depth + 1);
    } else {
      if (member.isOptional) place = value_at<const void*>(place);
      append_typed(out, place, *member.memberType, depth + 1);
    }
  }
  out += '}';
}

void ValueEncoder::append_extension(std::string& out, const UA_ExtensionObject& object,
                                    int depth) const {
  switch (object.encoding) {
    case UA_EXTENSIONOBJECT_DECODED:
    case UA_EXTENSIONOBJECT_DECODED_NODELETE:
      return append_typed(out, object.content.decoded.data, *object.content.decoded.type,
                          depth + 1);
    case UA_EXTENSIONOBJECT_ENCODED_NOBODY: out += "null"; return;
    default: break;
  }
  const UA_ByteString& body = object.content.encoded.body;
  const ByteView bytes{body.data, body.length};
  if (object.encoding == UA_EXTENSIONOBJECT_ENCODED_BYTESTRING) {
    if (const StructureType* type = types_.structure_of_encoding(object.content.encoded.typeId)) {
      const std::size_t before = out.size();
      if (StructureDecoder(*this, bytes).append(out, *type, depth + 1)) return;
      out.resize(before);
    }
  }
  out += "{\"TypeId\":";
  append_node_id(out, object.content.encoded.typeId);
  out += ",\"Body\":";
  if (object.encoding == UA_EXTENSIONOBJECT_ENCODED_XML) {
    append_text(out, as_text(bytes));
  } else {
    append_bytes(out, bytes);
  }
  out += '}';
}

void ValueEncoder::append_data_value(std::string& out, const UA_DataValue& value, int depth) const {
  out += "{\"Value\":";
  if (value.hasValue) {
    append_variant(out, value.value, nullptr, depth + 1);
  } else {
    out += "null";
  }
  if (value.hasStatus && value.status != UA_STATUSCODE_GOOD) {
    out += ",\"StatusCode\":";
    append_status(out, value.status);
  }
  if (value.hasSourceTimestamp) {
    out += ",\"SourceTimestamp\":";
    append_time(out, value.sourceTimestamp);
  }
  out += '}';
}

void ValueEncoder::append_node_id(std::string& out, const UA_NodeId& id) const {
  append_text(out, node_text(id, types_.namespaces()));
}

}  // namespace wireway::source::opcua
