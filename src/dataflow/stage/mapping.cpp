#include "dataflow/stage/mapping.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

namespace wireway::dataflow {
namespace {

using Segments = std::vector<std::string_view>;

/// What a `*` stands for at one leaf.
using Capture = std::span<const std::string_view>;

/// A path with its `*` filled in.
struct Resolved {
  Root root = Root::source;
  std::string_view alias;
  Segments segments;
  friend bool operator==(const Resolved&, const Resolved&) = default;
};

Resolved fill(const Path& path, Capture capture) {
  Resolved out{path.root, path.alias, {}};
  out.segments.reserve(path.segments.size() + capture.size());
  for (std::size_t i = 0; i < path.segments.size(); ++i) {
    if (i == path.wildcard)
      out.segments.insert(out.segments.end(), capture.begin(), capture.end());
    else
      out.segments.push_back(path.segments[i]);
  }
  return out;
}

const json::value* walk(const json::object& root, const Segments& segments) {
  const json::object* at = &root;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const json::value* found = at->if_contains(segments[i]);
    if (found == nullptr || i + 1 == segments.size()) return found;
    at = found->if_object();
    if (at == nullptr) return nullptr;
  }
  return nullptr;
}

/// What `*` in `path` captures so that it becomes `resolved`; empty if it cannot.
Capture match(const Path& path, const Resolved& resolved) {
  const std::size_t suffix = path.segments.size() - path.wildcard - 1;
  const std::size_t fixed = path.segments.size() - 1;
  if (path.root != resolved.root || path.alias != resolved.alias) return {};
  if (resolved.segments.size() <= fixed) return {};
  for (std::size_t i = 0; i < path.wildcard; ++i)
    if (path.segments[i] != resolved.segments[i]) return {};
  for (std::size_t i = 1; i <= suffix; ++i)
    if (path.segments[path.segments.size() - i] != resolved.segments[resolved.segments.size() - i])
      return {};
  return std::span(resolved.segments).subspan(path.wildcard, resolved.segments.size() - fixed);
}

bool same_fields(const MapRule& rule, Capture capture, const std::vector<Resolved>& fields) {
  return std::ranges::all_of(rule.inputs, [&](const Input& input) {
    return std::ranges::find(fields, fill(input.path, capture)) != fields.end();
  });
}

/// The rank (segments captured) at which `rule` resolves to exactly `fields`; nullopt if it does
/// not.
std::optional<std::size_t> rank_on(const MapRule& rule, const std::vector<Resolved>& fields) {
  if (rule.inputs.size() != fields.size()) return std::nullopt;
  const Path* enumerator = nullptr;
  for (const Input& input : rule.inputs)
    if (input.path.has_wildcard() && enumerator == nullptr) enumerator = &input.path;
  if (enumerator == nullptr)
    return same_fields(rule, {}, fields) ? std::optional<std::size_t>(0) : std::nullopt;
  for (const Resolved& field : fields) {
    const Capture capture = match(*enumerator, field);
    if (!capture.empty() && same_fields(rule, capture, fields)) return capture.size();
  }
  return std::nullopt;
}

/// Calls `visit` with the path of every leaf below `object`: a value that is not an object, or an
/// empty object. `trail` holds the segments above.
template <class Visit>
void for_each_leaf(const json::object& object, Segments& trail, Visit& visit) {
  for (const auto& member : object) {
    trail.push_back(member.key());
    const json::object* inner = member.value().if_object();
    if (inner != nullptr && !inner->empty())
      for_each_leaf(*inner, trail, visit);
    else
      visit(trail);
    trail.pop_back();
  }
}

Result<> put(json::object& root, const Segments& segments, json::value value) {
  json::object* at = &root;
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    json::value& next = at->emplace(segments[i], json::object{}).first->value();
    at = next.if_object();
    if (at == nullptr)
      return fail(Errc::invalid,
                  fmt::format("output {}: {} already holds a value that is no object",
                              fmt::join(segments, "."), segments[i]));
  }
  at->insert_or_assign(segments.back(), std::move(value));
  return {};
}

std::string property_text(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  return to_text(to_value(&value));
}

/// A metadata output of one rule, applied once all rules have read the message as it came.
struct MetadataWrite {
  const Path* output;
  std::optional<std::string> text;  ///< nullopt removes
};

void apply_write(flow::Message& message, MetadataWrite& write) {
  switch (write.output->root) {
    case Root::topic:
      if (write.text) message.topic = std::move(*write.text);
      return;
    case Root::content_type: message.content_type = write.text.value_or(""); return;
    default: break;
  }
  const std::string& key = write.output->segments[0];
  if (write.text)
    message.user_properties.emplace_back(key, std::move(*write.text));
  else
    std::erase_if(message.user_properties, [&](const auto& pair) { return pair.first == key; });
}

}  // namespace

bool MapRule::has_wildcard() const {
  return std::ranges::any_of(inputs, [](const Input& input) { return input.path.has_wildcard(); });
}

/// One message's way through the rules.
struct Mapping::Run {
  const Mapping& mapping;
  const Record& record;
  Scratch& scratch;
  json::object out{};
  std::vector<MetadataWrite> metadata{};

  Result<> apply(std::size_t index) {
    const MapRule& rule = mapping.rules_[index];
    const bool skipped = std::ranges::any_of(
        rule.inputs, [&](const Input& input) { return record.lacks_context(input.path); });
    if (skipped || (!rule.output && !rule.has_wildcard())) return {};
    if (rule.has_wildcard()) return apply_wildcard(index);
    Temporaries temporaries;
    temporaries.reserve(rule.inputs.size());
    std::vector<const json::value*> values;
    for (const Input& input : rule.inputs) values.push_back(read(record, input, temporaries));
    return write(rule, values, {});
  }

  Result<> apply_wildcard(std::size_t index) {
    const MapRule& rule = mapping.rules_[index];
    if (!rule.output) return {};  // a removal acts by replacing earlier rules
    const auto enumerator = std::ranges::find_if(
        rule.inputs, [](const Input& input) { return input.path.has_wildcard(); });
    const Path& path = enumerator->path;
    const json::object* root = record.root_of(path);
    Segments trail;
    for (std::size_t i = 0; root != nullptr && i < path.wildcard; ++i) {
      const json::value* next = root->if_contains(path.segments[i]);
      root = next ? next->if_object() : nullptr;
      trail.push_back(path.segments[i]);
    }
    if (root == nullptr) return {};
    Result<> result;
    auto visit = [&](const Segments& leaf) {
      if (!result) return;
      const Resolved resolved{path.root, path.alias, leaf};
      const Capture capture = match(path, resolved);
      if (!capture.empty()) result = apply_capture(index, capture);
    };
    for_each_leaf(*root, trail, visit);
    return result;
  }

  Result<> apply_capture(std::size_t index, Capture capture) {
    const MapRule& rule = mapping.rules_[index];
    std::vector<Resolved> fields;
    std::vector<const json::value*> values;
    Temporaries temporaries;
    temporaries.reserve(rule.inputs.size());
    for (const Input& input : rule.inputs) {
      fields.push_back(fill(input.path, capture));
      const json::object* root = input.path.has_wildcard() ? record.root_of(input.path) : nullptr;
      const json::value* value =
          root ? walk(*root, fields.back().segments) : read(record, input, temporaries);
      if (value == nullptr) return {};  // absent: this capture is skipped
      values.push_back(value);
    }
    if (is_specialized(index, fields, capture.size())) return {};
    return write(rule, values, capture);
  }

  /// True if a later rule of lower rank takes these fields over.
  bool is_specialized(std::size_t index, const std::vector<Resolved>& fields,
                      std::size_t rank) const {
    for (std::size_t later = index + 1; later < mapping.rules_.size(); ++later) {
      const MapRule& rule = mapping.rules_[later];
      if (rule.output && rule.output->in_metadata()) continue;
      const auto later_rank = rank_on(rule, fields);
      if (later_rank && *later_rank < rank) return true;
    }
    return false;
  }

  Result<> write(const MapRule& rule, const std::vector<const json::value*>& values,
                 Capture capture) {
    json::value computed;
    const json::value* value = values.empty() ? nullptr : values[0];
    if (rule.expression) {
      auto result = rule.expression->evaluate(values, scratch);
      if (!result) return wrap(rule.name, std::move(result.error()));
      auto converted = to_json_value(*result);
      if (!converted) return wrap(rule.name, std::move(converted.error()));
      computed = std::move(*converted);
      value = result->is<Empty>() ? nullptr : &computed;
    }
    if (rule.output->in_metadata()) {
      if (value != nullptr && !value->is_null())
        metadata.push_back({&*rule.output, property_text(*value)});
      else if (value != nullptr || rule.expression)
        metadata.push_back({&*rule.output, std::nullopt});
      return {};
    }
    if (value == nullptr) return {};
    const Resolved target = fill(*rule.output, capture);
    if (auto done = put(out, target.segments, *value); !done)
      return wrap(rule.name, std::move(done.error()));
    return {};
  }
};

Result<json::object> Mapping::apply(const Record& record, flow::Message& message,
                                    Scratch& scratch) const {
  Run run{*this, record, scratch};
  for (std::size_t i = 0; i < rules_.size(); ++i)
    if (auto done = run.apply(i); !done) return std::unexpected(std::move(done.error()));
  for (MetadataWrite& write : run.metadata) apply_write(message, write);
  return std::move(run.out);
}

}  // namespace wireway::dataflow
