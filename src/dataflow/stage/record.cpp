#include "dataflow/stage/record.h"

namespace wireway::dataflow {
namespace {

const json::value* keep(Temporaries& temporaries, std::string_view text) {
  temporaries.emplace_back(json::string(text));
  return &temporaries.back();
}

const json::value* read_current(const Record& record, const Path& path, Temporaries& temporaries) {
  switch (path.root) {
    case Root::topic: return keep(temporaries, record.message->topic);
    case Root::content_type:
      if (record.message->content_type.empty()) return nullptr;
      return keep(temporaries, record.message->content_type);
    case Root::user_property:
      for (const auto& [key, value] : record.message->user_properties)
        if (key == path.segments[0]) return keep(temporaries, value);
      return nullptr;
    default: break;
  }
  const json::object* root = record.root_of(path);
  return root ? walk(*root, path.segments) : nullptr;
}

}  // namespace

const json::object* Record::root_of(const Path& path) const {
  if (path.root == Root::source) return payload;
  if (path.root != Root::context) return nullptr;
  const auto found = contexts.find(path.alias);
  return found == contexts.end() ? nullptr : found->second;
}

bool Record::lacks_context(const Path& path) const {
  return path.root == Root::context && root_of(path) == nullptr;
}

const json::value* read(const Record& record, const Input& input, Temporaries& temporaries) {
  if (const json::value* current = read_current(record, input.path, temporaries)) return current;
  if (input.last_known && record.last_known) {
    const auto found = record.last_known->find(input.text);
    if (found != record.last_known->end()) return &found->second;
  }
  return input.fallback ? &*input.fallback : nullptr;
}

}  // namespace wireway::dataflow
