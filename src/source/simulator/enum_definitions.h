#pragma once
/// Lets clients read the DataTypeDefinition of our enumerations, which they need to decode a
/// structure that has such a field. open62541 1.4 answers that attribute for structures only, and
/// has no hook for it; from 1.5 on it is the library's own business, and this file can go.
///
/// How:    the linker's --wrap puts our function around the library's Read service
///         (CMakeLists.txt). Where the library is a shared one the wrap has no effect, and such
///         clients see EnumStrings only.
/// Source: OPC 10000-3 section 8.49 (EnumDefinition)
/// Thread: the server's

#include <string>
#include <vector>

#include <open62541/server.h>

namespace wireway::source::simulator {

/// One enumeration whose values count from 0.
struct EnumDefinition {
  UA_NodeId data_type;
  std::vector<std::string> names;
};

/// Call before the server starts; `definitions` outlives the server.
void serve_enum_definitions(UA_Server& server, const std::vector<EnumDefinition>& definitions);

}  // namespace wireway::source::simulator
