#include "source/simulator/enum_definitions.h"

#include <algorithm>

#include <open62541/config.h>
#include <open62541/types_generated.h>

struct UA_Session;

namespace wireway::source::simulator {

void serve_enum_definitions(UA_Server& server, const std::vector<EnumDefinition>& definitions) {
  UA_Server_getConfig(&server)->context = const_cast<std::vector<EnumDefinition>*>(&definitions);
}

namespace {

void answer(const EnumDefinition& known, UA_DataValue& result) {
  std::vector<UA_EnumField> fields(known.names.size());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string& name = known.names[i];
    fields[i].value = static_cast<UA_Int64>(i);
    fields[i].name = {name.size(), reinterpret_cast<UA_Byte*>(const_cast<char*>(name.data()))};
    fields[i].displayName.text = fields[i].name;
  }
  UA_EnumDefinition definition{fields.size(), fields.data()};
  UA_DataValue_clear(&result);
  result.hasValue =
      UA_Variant_setScalarCopy(&result.value, &definition, &UA_TYPES[UA_TYPES_ENUMDEFINITION]) ==
      UA_STATUSCODE_GOOD;
}

[[maybe_unused]] void answer_enum_definitions(UA_Server* server, const UA_ReadRequest& request,
                                              UA_ReadResponse& response) {
  const auto* definitions =
      static_cast<const std::vector<EnumDefinition>*>(UA_Server_getConfig(server)->context);
  if (definitions == nullptr || response.resultsSize != request.nodesToReadSize) return;
  for (std::size_t i = 0; i < request.nodesToReadSize; ++i) {
    const UA_ReadValueId& wanted = request.nodesToRead[i];
    const bool is_unanswered = wanted.attributeId == UA_ATTRIBUTEID_DATATYPEDEFINITION &&
                               response.results[i].status == UA_STATUSCODE_BADATTRIBUTEIDINVALID;
    if (!is_unanswered) continue;
    const auto known = std::ranges::find_if(*definitions, [&](const EnumDefinition& definition) {
      return UA_NodeId_equal(&definition.data_type, &wanted.nodeId);
    });
    if (known != definitions->end()) answer(*known, response.results[i]);
  }
}

}  // namespace
}  // namespace wireway::source::simulator

#if UA_OPEN62541_VER_MAJOR == 1 && UA_OPEN62541_VER_MINOR == 4
extern "C" {
// Weak: absent where the library is a shared one, and then never called.
[[gnu::weak]] void __real_Service_Read(UA_Server*, UA_Session*, const UA_ReadRequest*,
                                       UA_ReadResponse*);

void __wrap_Service_Read(UA_Server* server, UA_Session* session, const UA_ReadRequest* request,
                         UA_ReadResponse* response) {
  __real_Service_Read(server, session, request, response);
  wireway::source::simulator::answer_enum_definitions(server, *request, *response);
}
}
#endif
