#pragma once
/// Few words for many nodes: objects, variables bound to readings, properties and methods of the
/// simulator's server.
///
/// Thread: before the server runs
/// Owns:   the methods, so it outlives the server; readings and contexts outlive it too
/// Errors: the first failure is kept and named by failure(); later calls then do nothing

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include <open62541/server.h>

#include "base/result.h"
#include "source/simulator/plc_state.h"

namespace wireway::source::simulator {

/// The node id of `name` in `space`. The text must outlive the call that uses the id.
UA_NodeId text_id(std::uint16_t space, const std::string& name);
UA_NodeId number_id(std::uint16_t space, std::uint32_t id);

struct NodePlace {
  UA_NodeId id;
  UA_NodeId parent;
  std::uint16_t name_space = 0;  ///< of the browse name
  std::string name;
  std::uint32_t reference = UA_NS0ID_HASCOMPONENT;
  UA_NodeId type = UA_NODEID_NULL;  ///< null = the plain type of the node class
};

enum class Access { read_only, read_write };

class NodeBuilder {
 public:
  using Method = std::function<UA_StatusCode(const UA_Variant* input)>;

  explicit NodeBuilder(UA_Server& server) : server_(server) {}
  NodeBuilder(const NodeBuilder&) = delete;
  NodeBuilder& operator=(const NodeBuilder&) = delete;

  void object(const NodePlace& place, bool has_events = false);
  void object_type(const NodePlace& place);
  /// A variable that shows `reading`; writes change its value.
  void variable(const NodePlace& place, Reading& reading, Access access);
  /// A read-only variable that shows an Int32 `reading` as a value of the enumeration `type`.
  void enumeration(const NodePlace& place, const Reading& reading, const UA_DataType& type);
  /// A variable whose value is made by `source` with `context` at each read.
  void computed(const NodePlace& place, const UA_DataSource& source, void* context,
                UA_NodeId data_type);
  /// A property with a fixed value.
  void property(const NodePlace& place, const UA_Variant& value);
  void property(const NodePlace& place, const std::string& text);
  /// `argument` null = no argument.
  void method(const NodePlace& place, const UA_Argument* argument, Method call);
  void reference(UA_NodeId from, std::uint32_t type, UA_NodeId to);
  void data_type(const NodePlace& place);
  /// "Default Binary" of a structure, so that clients can map encodings to types.
  void binary_encoding(UA_NodeId data_type, UA_NodeId encoding);

  /// The first node that could not be made.
  Result<> failure() const;

 private:
  struct EnumerationSource {
    const Reading* reading;
    const UA_DataType* type;
  };
  static UA_StatusCode read_enumeration(UA_Server*, const UA_NodeId*, void*, const UA_NodeId*,
                                        void* context, UA_Boolean with_source_time,
                                        const UA_NumericRange* range, UA_DataValue* out);
  void note(UA_StatusCode code, const NodePlace& place);

  UA_Server& server_;
  // Stable addresses: contexts of nodes.
  std::deque<Method> methods_;
  std::deque<EnumerationSource> enumerations_;
  std::string failure_;
};

}  // namespace wireway::source::simulator
