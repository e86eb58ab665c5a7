#pragma once
/// Node ids as people write them: "ns=3;s=SpikeData", "nsu=http://x/;i=15013", "i=2258".
///
/// Source: OPC 10000-6 section 5.3.1.10

#include <string>
#include <string_view>
#include <vector>

#include <open62541/types.h>

#include "base/result.h"

namespace wireway::source::opcua {

/// Owns the text or bytes inside a node id.
class OwnedNodeId {
 public:
  OwnedNodeId() { UA_NodeId_init(&id_); }
  explicit OwnedNodeId(const UA_NodeId& copied) { UA_NodeId_copy(&copied, &id_); }
  OwnedNodeId(const OwnedNodeId& other) : OwnedNodeId(other.id_) {}
  OwnedNodeId(OwnedNodeId&& other) noexcept : id_(other.id_) { UA_NodeId_init(&other.id_); }
  OwnedNodeId& operator=(OwnedNodeId other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~OwnedNodeId() { UA_NodeId_clear(&id_); }
  const UA_NodeId& get() const { return id_; }
  UA_NodeId& get() { return id_; }

 private:
  UA_NodeId id_;
};

/// `namespaces` is the server's NamespaceArray, which `nsu=` is looked up in.
/// Errors: Errc::invalid for a text that is no node id, Errc::not_found for a namespace that the
///         server does not have
Result<OwnedNodeId> parse_node_id(std::string_view text,
                                  const std::vector<std::string>& namespaces);

/// With `nsu=` for every namespace but the standard's, or `ns=` where the array does not name it.
std::string node_text(const UA_NodeId& id, const std::vector<std::string>& namespaces);

}  // namespace wireway::source::opcua
