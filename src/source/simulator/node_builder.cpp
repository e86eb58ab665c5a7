#include "source/simulator/node_builder.h"

#include <fmt/format.h>

#include "base/time.h"

namespace wireway::source::simulator {
namespace {

UA_String view_of(const std::string& text) {
  return {text.size(), reinterpret_cast<UA_Byte*>(const_cast<char*>(text.data()))};
}

UA_QualifiedName browse_name(const NodePlace& place) {
  return {place.name_space, view_of(place.name)};
}

UA_LocalizedText display_name(const NodePlace& place) {
  return {UA_STRING_NULL, view_of(place.name)};
}

UA_NodeId ns0(std::uint32_t id) { return UA_NODEID_NUMERIC(0, id); }

UA_NodeId type_or(const NodePlace& place, std::uint32_t standard) {
  return UA_NodeId_isNull(&place.type) ? ns0(standard) : place.type;
}

UA_DateTime to_ua_time(WallTime time) {
  return UA_DATETIME_UNIX_EPOCH + time.since_epoch.count() / 100;
}

struct ScalarType {
  const UA_DataType* operator()(std::monostate) const { return nullptr; }
  const UA_DataType* operator()(bool) const { return &UA_TYPES[UA_TYPES_BOOLEAN]; }
  const UA_DataType* operator()(std::int32_t) const { return &UA_TYPES[UA_TYPES_INT32]; }
  const UA_DataType* operator()(std::uint32_t) const { return &UA_TYPES[UA_TYPES_UINT32]; }
  const UA_DataType* operator()(float) const { return &UA_TYPES[UA_TYPES_FLOAT]; }
  const UA_DataType* operator()(double) const { return &UA_TYPES[UA_TYPES_DOUBLE]; }
};

UA_StatusCode copy_into(UA_Variant& target, const Scalar& value) {
  const UA_DataType* type = std::visit(ScalarType{}, value);
  const void* bytes = std::visit([](const auto& v) -> const void* { return &v; }, value);
  return UA_Variant_setScalarCopy(&target, bytes, type);
}

UA_StatusCode read_reading(UA_Server*, const UA_NodeId*, void*, const UA_NodeId*, void* context,
                           UA_Boolean with_source_time, const UA_NumericRange* range,
                           UA_DataValue* out) {
  const Reading& reading = *static_cast<Reading*>(context);
  if (with_source_time) {
    out->hasSourceTimestamp = true;
    out->sourceTimestamp = to_ua_time(reading.changed);
  }
  if (range != nullptr) return UA_STATUSCODE_BADINDEXRANGENODATA;
  // Without a value the library keeps only a quality that is returned as the result.
  if (std::holds_alternative<std::monostate>(reading.value)) return reading.status;
  out->hasStatus = reading.status != status::good;
  out->status = reading.status;
  const UA_StatusCode copied = copy_into(out->value, reading.value);
  out->hasValue = copied == UA_STATUSCODE_GOOD;
  return copied;
}

template <class T>
Scalar scalar_of(const void* data) {
  return *static_cast<const T*>(data);
}

/// The server has checked that the type fits the node before it calls this.
UA_StatusCode write_reading(UA_Server*, const UA_NodeId*, void*, const UA_NodeId*, void* context,
                            const UA_NumericRange* range, const UA_DataValue* in) {
  if (range != nullptr) return UA_STATUSCODE_BADINDEXRANGENODATA;
  if (!in->hasValue || !UA_Variant_isScalar(&in->value)) return UA_STATUSCODE_BADTYPEMISMATCH;
  Reading& reading = *static_cast<Reading*>(context);
  switch (in->value.type->typeKind) {
    case UA_DATATYPEKIND_BOOLEAN: reading.value = scalar_of<bool>(in->value.data); break;
    case UA_DATATYPEKIND_INT32: reading.value = scalar_of<std::int32_t>(in->value.data); break;
    case UA_DATATYPEKIND_UINT32: reading.value = scalar_of<std::uint32_t>(in->value.data); break;
    case UA_DATATYPEKIND_FLOAT: reading.value = scalar_of<float>(in->value.data); break;
    case UA_DATATYPEKIND_DOUBLE: reading.value = scalar_of<double>(in->value.data); break;
    default: return UA_STATUSCODE_BADTYPEMISMATCH;
  }
  const UA_DateTime now = UA_DateTime_now();
  reading.changed = WallTime{Duration{(now - UA_DATETIME_UNIX_EPOCH) * 100}};
  return UA_STATUSCODE_GOOD;
}

UA_StatusCode call_method(UA_Server*, const UA_NodeId*, void*, const UA_NodeId*, void* context,
                          const UA_NodeId*, void*, size_t, const UA_Variant* input, size_t,
                          UA_Variant*) {
  return (*static_cast<NodeBuilder::Method*>(context))(input);
}

}  // namespace

UA_NodeId text_id(std::uint16_t space, const std::string& name) {
  UA_NodeId id{};
  id.namespaceIndex = space;
  id.identifierType = UA_NODEIDTYPE_STRING;
  id.identifier.string = view_of(name);
  return id;
}

UA_NodeId number_id(std::uint16_t space, std::uint32_t id) { return UA_NODEID_NUMERIC(space, id); }

void NodeBuilder::note(UA_StatusCode code, const NodePlace& place) {
  if (code == UA_STATUSCODE_GOOD || !failure_.empty()) return;
  failure_ = fmt::format("node {} cannot be added: {}", place.name, UA_StatusCode_name(code));
}

Result<> NodeBuilder::failure() const {
  if (failure_.empty()) return {};
  return fail(Errc::internal, failure_);
}

void NodeBuilder::object(const NodePlace& place, bool has_events) {
  UA_ObjectAttributes attributes = UA_ObjectAttributes_default;
  attributes.displayName = display_name(place);
  attributes.eventNotifier = has_events ? UA_EVENTNOTIFIER_SUBSCRIBE_TO_EVENT : 0;
  note(UA_Server_addObjectNode(&server_, place.id, place.parent, ns0(place.reference),
                               browse_name(place), type_or(place, UA_NS0ID_BASEOBJECTTYPE),
                               attributes, nullptr, nullptr),
       place);
}

void NodeBuilder::object_type(const NodePlace& place) {
  UA_ObjectTypeAttributes attributes = UA_ObjectTypeAttributes_default;
  attributes.displayName = display_name(place);
  note(UA_Server_addObjectTypeNode(&server_, place.id, place.parent, ns0(UA_NS0ID_HASSUBTYPE),
                                   browse_name(place), attributes, nullptr, nullptr),
       place);
}

void NodeBuilder::variable(const NodePlace& place, Reading& reading, Access access) {
  const UA_DataType* type = std::visit(ScalarType{}, reading.value);
  UA_VariableAttributes attributes = UA_VariableAttributes_default;
  attributes.displayName = display_name(place);
  attributes.dataType = type->typeId;
  attributes.valueRank = UA_VALUERANK_SCALAR;
  attributes.accessLevel = UA_ACCESSLEVELMASK_READ;
  if (access == Access::read_write) attributes.accessLevel |= UA_ACCESSLEVELMASK_WRITE;
  const UA_DataSource source{read_reading, write_reading};
  note(UA_Server_addDataSourceVariableNode(
           &server_, place.id, place.parent, ns0(place.reference), browse_name(place),
           type_or(place, UA_NS0ID_BASEDATAVARIABLETYPE), attributes, source, &reading, nullptr),
       place);
}

void NodeBuilder::enumeration(const NodePlace& place, const Reading& reading,
                              const UA_DataType& type) {
  computed(place, UA_DataSource{read_enumeration, nullptr},
           &enumerations_.emplace_back(&reading, &type), type.typeId);
}

UA_StatusCode NodeBuilder::read_enumeration(UA_Server* server, const UA_NodeId* session,
                                            void* session_context, const UA_NodeId* node,
                                            void* context, UA_Boolean with_source_time,
                                            const UA_NumericRange* range, UA_DataValue* out) {
  const auto& source = *static_cast<EnumerationSource*>(context);
  const UA_StatusCode read =
      read_reading(server, session, session_context, node, const_cast<Reading*>(source.reading),
                   with_source_time, range, out);
  if (out->hasValue) out->value.type = source.type;
  return read;
}

void NodeBuilder::computed(const NodePlace& place, const UA_DataSource& source, void* context,
                           UA_NodeId data_type) {
  UA_VariableAttributes attributes = UA_VariableAttributes_default;
  attributes.displayName = display_name(place);
  attributes.dataType = data_type;
  attributes.valueRank = UA_VALUERANK_SCALAR;
  attributes.accessLevel = UA_ACCESSLEVELMASK_READ;
  note(UA_Server_addDataSourceVariableNode(
           &server_, place.id, place.parent, ns0(place.reference), browse_name(place),
           type_or(place, UA_NS0ID_BASEDATAVARIABLETYPE), attributes, source, context, nullptr),
       place);
}

void NodeBuilder::property(const NodePlace& place, const UA_Variant& value) {
  UA_VariableAttributes attributes = UA_VariableAttributes_default;
  attributes.displayName = display_name(place);
  attributes.dataType = value.type->typeId;
  const bool is_scalar = UA_Variant_isScalar(&value);
  auto length = static_cast<UA_UInt32>(value.arrayLength);
  attributes.valueRank = is_scalar ? UA_VALUERANK_SCALAR : UA_VALUERANK_ONE_DIMENSION;
  attributes.arrayDimensions = is_scalar ? nullptr : &length;
  attributes.arrayDimensionsSize = is_scalar ? 0 : 1;
  attributes.value = value;
  note(UA_Server_addVariableNode(&server_, place.id, place.parent, ns0(UA_NS0ID_HASPROPERTY),
                                 browse_name(place), ns0(UA_NS0ID_PROPERTYTYPE), attributes,
                                 nullptr, nullptr),
       place);
}

void NodeBuilder::property(const NodePlace& place, const std::string& text) {
  UA_String content = view_of(text);
  UA_Variant value;
  UA_Variant_init(&value);
  UA_Variant_setScalar(&value, &content, &UA_TYPES[UA_TYPES_STRING]);
  property(place, value);
}

void NodeBuilder::method(const NodePlace& place, const UA_Argument* argument, Method call) {
  UA_MethodAttributes attributes = UA_MethodAttributes_default;
  attributes.displayName = display_name(place);
  attributes.executable = true;
  attributes.userExecutable = true;
  note(UA_Server_addMethodNode(&server_, place.id, place.parent, ns0(UA_NS0ID_HASCOMPONENT),
                               browse_name(place), attributes, call_method,
                               argument != nullptr ? 1 : 0, argument, 0, nullptr,
                               &methods_.emplace_back(std::move(call)), nullptr),
       place);
}

void NodeBuilder::reference(UA_NodeId from, std::uint32_t type, UA_NodeId to) {
  UA_ExpandedNodeId target{};
  target.nodeId = to;
  note(UA_Server_addReference(&server_, from, ns0(type), target, true),
       NodePlace{.id = from, .parent = to, .name = "reference"});
}

void NodeBuilder::data_type(const NodePlace& place) {
  UA_DataTypeAttributes attributes = UA_DataTypeAttributes_default;
  attributes.displayName = display_name(place);
  note(UA_Server_addDataTypeNode(&server_, place.id, place.parent, ns0(UA_NS0ID_HASSUBTYPE),
                                 browse_name(place), attributes, nullptr, nullptr),
       place);
}

void NodeBuilder::binary_encoding(UA_NodeId data_type, UA_NodeId encoding) {
  // An encoding hangs on its type by a reference that is not hierarchical: it is made without a
  // parent.
  const NodePlace place{.id = encoding, .parent = UA_NODEID_NULL, .name = "Default Binary"};
  UA_ObjectAttributes attributes = UA_ObjectAttributes_default;
  attributes.displayName = display_name(place);
  note(UA_Server_addObjectNode(&server_, encoding, UA_NODEID_NULL, UA_NODEID_NULL,
                               browse_name(place), ns0(UA_NS0ID_DATATYPEENCODINGTYPE), attributes,
                               nullptr, nullptr),
       place);
  reference(data_type, UA_NS0ID_HASENCODING, encoding);
}

}  // namespace wireway::source::simulator
