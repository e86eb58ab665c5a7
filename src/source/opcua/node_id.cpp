#include "source/opcua/node_id.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/bytes.h"
#include "source/opcua/type_catalog.h"

namespace wireway::source::opcua {
namespace {

std::string_view view_of(const UA_String& text) {
  return {reinterpret_cast<const char*>(text.data), text.length};
}

std::unexpected<Error> not_a_node_id(std::string_view text) {
  return fail(Errc::invalid, fmt::format("'{}' is no node id: write ns=3;s=Name, i=2258 or "
                                         "nsu=http://name/;i=1",
                                         text));
}

/// Percent signs protect ';' and '%' inside a namespace uri.
std::string unescaped(std::string_view uri) {
  std::string result;
  for (std::size_t i = 0; i < uri.size(); ++i) {
    unsigned code = 0;
    const char* digits = uri.data() + i + 1;
    if (uri[i] == '%' && i + 2 < uri.size() &&
        std::from_chars(digits, digits + 2, code, 16).ptr == digits + 2) {
      result += static_cast<char>(code);
      i += 2;
    } else {
      result += uri[i];
    }
  }
  return result;
}

}  // namespace

Result<OwnedNodeId> parse_node_id(std::string_view text,
                                  const std::vector<std::string>& namespaces) {
  std::uint16_t space = 0;
  std::string_view rest = text;
  if (const auto end = text.find(';'); text.starts_with("nsu=") && end != std::string_view::npos) {
    const std::string uri = unescaped(text.substr(4, end - 4));
    const auto found = std::ranges::find(namespaces, uri);
    if (found == namespaces.end())
      return fail(Errc::not_found, fmt::format("the server has no namespace {}", uri));
    space = static_cast<std::uint16_t>(found - namespaces.begin());
    rest = text.substr(end + 1);
  } else if (text.starts_with("ns=") && end != std::string_view::npos) {
    const auto [stop, error] = std::from_chars(text.data() + 3, text.data() + end, space);
    if (error != std::errc{} || stop != text.data() + end) return not_a_node_id(text);
    rest = text.substr(end + 1);
  }
  OwnedNodeId result;
  const UA_String library_text{rest.size(),
                               reinterpret_cast<UA_Byte*>(const_cast<char*>(rest.data()))};
  if (rest.size() < 3 || rest[1] != '=' ||
      UA_NodeId_parse(&result.get(), library_text) != UA_STATUSCODE_GOOD)
    return not_a_node_id(text);
  result.get().namespaceIndex = space;
  return result;
}

std::string node_text(const UA_NodeId& id, const std::vector<std::string>& namespaces) {
  std::string text;
  if (id.namespaceIndex != 0) {
    text = id.namespaceIndex < namespaces.size()
               ? fmt::format("nsu={};", namespaces[id.namespaceIndex])
               : fmt::format("ns={};", id.namespaceIndex);
  }
  UA_NodeId bare = id;
  bare.namespaceIndex = 0;
  UA_String printed = UA_STRING_NULL;
  if (UA_NodeId_print(&bare, &printed) == UA_STATUSCODE_GOOD) text += view_of(printed);
  UA_String_clear(&printed);
  return text;
}

std::string key_of(const UA_NodeId& id) {
  switch (id.identifierType) {
    case UA_NODEIDTYPE_NUMERIC:
      return fmt::format("{}:i={}", id.namespaceIndex, id.identifier.numeric);
    case UA_NODEIDTYPE_STRING:
      return fmt::format("{}:s={}", id.namespaceIndex, view_of(id.identifier.string));
    case UA_NODEIDTYPE_BYTESTRING:
      return fmt::format(
          "{}:b={}", id.namespaceIndex,
          hex_encode({id.identifier.byteString.data, id.identifier.byteString.length}));
    case UA_NODEIDTYPE_GUID: break;
  }
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&id.identifier.guid);
  return fmt::format("{}:g={}", id.namespaceIndex, hex_encode({bytes, sizeof id.identifier.guid}));
}

}  // namespace wireway::source::opcua
