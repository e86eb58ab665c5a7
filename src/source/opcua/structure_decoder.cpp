#include "source/opcua/structure_decoder.h"

#include <bit>
#include <cstring>

#include <open62541/types_generated.h>

#include "source/opcua/json_write.h"
#include "source/opcua/value_encoder.h"

namespace wireway::source::opcua {

namespace {

std::int32_t int32_at(ByteView bytes, std::size_t offset) {
  std::int32_t value = -1;
  if (offset + sizeof value <= bytes.size())
    std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// Bytes of a text or byte string with its length in front.
std::size_t text_length(ByteView bytes, std::size_t offset) {
  const std::int32_t length = int32_at(bytes, offset);
  return 4 + (length > 0 ? static_cast<std::size_t>(length) : 0);
}

/// OPC 10000-6 section 5.2.2.9 and 5.2.2.10.
std::size_t node_id_length(ByteView bytes) {
  if (bytes.empty()) return 0;
  std::size_t length = 0;
  switch (bytes[0] & 0x3F) {
    case 0: length = 2; break;
    case 1: length = 4; break;
    case 2: length = 7; break;
    case 4: length = 19; break;
    case 3:
    case 5: length = 3 + text_length(bytes, 3); break;
    default: return 0;
  }
  if ((bytes[0] & 0x80) != 0) length += text_length(bytes, length);
  if ((bytes[0] & 0x40) != 0) length += 4;
  return length;
}

std::size_t extension_object_length(ByteView bytes) {
  const std::size_t id = node_id_length(bytes);
  if (id == 0 || id >= bytes.size()) return 0;
  return bytes[id] == 0 ? id + 1 : id + 1 + text_length(bytes, id + 1);
}

bool holds_node_ids(const UA_DataType& type) {
  switch (type.typeKind) {
    case UA_DATATYPEKIND_NODEID:
    case UA_DATATYPEKIND_EXPANDEDNODEID:
    case UA_DATATYPEKIND_EXTENSIONOBJECT:
    case UA_DATATYPEKIND_VARIANT:
    case UA_DATATYPEKIND_DATAVALUE: return true;
    default: break;
  }
  if (type.typeKind < UA_DATATYPEKIND_STRUCTURE) return false;
  for (std::size_t i = 0; i < type.membersSize; ++i) {
    const UA_DataType& member = *type.members[i].memberType;
    if (&member == &type || holds_node_ids(member)) return true;
  }
  return false;
}

bool holds_node_ids(const UA_Variant& value) {
  return value.type != nullptr && holds_node_ids(*value.type);
}

}  // namespace

static_assert(std::endian::native == std::endian::little, "wire bytes are copied as they are");

template <class T>
bool StructureDecoder::read(T& value) {
  if (left_.size() < sizeof value) return false;
  std::memcpy(&value, left_.data(), sizeof value);
  left_ = left_.subspan(sizeof value);
  return true;
}

bool StructureDecoder::append(std::string& out, const StructureType& type, int depth) {
  if (depth > encoding_depth_max || !type.is_usable) return false;
  if (type.kind == StructureType::Kind::union_of_fields) return append_union(out, type, depth);
  std::uint32_t present = 0;
  if (type.kind == StructureType::Kind::with_optional_fields && !read(present)) return false;
  out += '{';
  bool is_first = true;
  std::uint32_t bit = 1;
  for (const FieldType& field : type.fields) {
    if (type.kind == StructureType::Kind::with_optional_fields && field.is_optional) {
      const bool is_present = (present & bit) != 0;
      bit <<= 1;
      if (!is_present) continue;
    }
    if (!is_first) out += ',';
    is_first = false;
    append_text(out, field.name);
    out += ':';
    if (!append_field(out, field, depth + 1)) return false;
  }
  out += '}';
  return true;
}

bool StructureDecoder::append_union(std::string& out, const StructureType& type, int depth) {
  std::uint32_t selected = 0;
  if (!read(selected) || selected > type.fields.size()) return false;
  if (selected == 0) {
    out += "null";
    return true;
  }
  const FieldType& field = type.fields[selected - 1];
  out += '{';
  append_text(out, field.name);
  out += ':';
  if (!append_field(out, field, depth + 1)) return false;
  out += '}';
  return true;
}

bool StructureDecoder::append_field(std::string& out, const FieldType& field, int depth) {
  if (depth > encoding_depth_max) return false;
  return field.value_rank >= 1 ? append_array(out, field, depth) : append_one(out, field, depth);
}

bool StructureDecoder::append_array(std::string& out, const FieldType& field, int depth) {
  if (field.value_rank > 1) return false;  // matrices inside structures have a form of their own
  std::int32_t length = 0;
  if (!read(length)) return false;
  if (length < 0) {
    out += "null";
    return true;
  }
  // Each element takes at least one byte (a structure without fields takes none, and is refused).
  if (static_cast<std::size_t>(length) > left_.size()) return false;
  out += '[';
  for (std::int32_t i = 0; i < length; ++i) {
    if (i > 0) out += ',';
    if (!append_one(out, field, depth)) return false;
  }
  out += ']';
  return true;
}

bool StructureDecoder::append_one(std::string& out, const FieldType& field, int depth) {
  switch (field.kind) {
    case FieldType::Kind::structure: return append(out, *field.structure, depth);
    case FieldType::Kind::builtin:
    case FieldType::Kind::standard: return append_library_type(out, *field.builtin, depth);
    case FieldType::Kind::enumeration: {
      std::int32_t value = 0;
      if (!read(value)) return false;
      append_enumeration(out, value, field.enumeration);
      return true;
    }
    case FieldType::Kind::opaque: break;
  }
  return false;
}

/// The library says what it decoded but not how far it read; the size that it would write tells,
/// except for node ids, which have several lengths for one value. 0 = unknown.
std::size_t StructureDecoder::wire_length(const void* decoded, const UA_DataType& type) const {
  switch (type.typeKind) {
    case UA_DATATYPEKIND_NODEID:
    case UA_DATATYPEKIND_EXPANDEDNODEID: return node_id_length(left_);
    case UA_DATATYPEKIND_EXTENSIONOBJECT: return extension_object_length(left_);
    case UA_DATATYPEKIND_DATAVALUE:
      return holds_node_ids(static_cast<const UA_DataValue*>(decoded)->value)
                 ? 0
                 : UA_calcSizeBinary(decoded, &type);
    case UA_DATATYPEKIND_VARIANT:
      return holds_node_ids(*static_cast<const UA_Variant*>(decoded))
                 ? 0
                 : UA_calcSizeBinary(decoded, &type);
    default: return holds_node_ids(type) ? 0 : UA_calcSizeBinary(decoded, &type);
  }
}

bool StructureDecoder::append_library_type(std::string& out, const UA_DataType& type, int depth) {
  const UA_ByteString bytes{left_.size(), const_cast<UA_Byte*>(left_.data())};
  struct Holder {
    explicit Holder(const UA_DataType& t) : type(t), data(UA_new(&t)) {}
    ~Holder() { UA_delete(data, &type); }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    const UA_DataType& type;
    void* data;
  } holder(type);
  if (holder.data == nullptr ||
      UA_decodeBinary(&bytes, holder.data, &type, nullptr) != UA_STATUSCODE_GOOD)
    return false;
  const std::size_t used = wire_length(holder.data, type);
  if (used == 0 || used > left_.size()) return false;
  left_ = left_.subspan(used);
  encoder_.append_typed(out, holder.data, type, depth + 1);
  return true;
}

}  // namespace wireway::source::opcua
