#include "control/api/route.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "control/api/history.h"

namespace wireway::control {
namespace {

constexpr std::size_t manager_bytes_max = 128;

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> out;
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    if (end > 0) out.push_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return out;
}

ApiResult<FieldValidation> read_validation(std::string_view text) {
  if (text.empty() || text == "Warn") return FieldValidation::warn;
  if (text == "Strict") return FieldValidation::strict;
  if (text == "Ignore") return FieldValidation::ignore;
  return std::unexpected(bad_request(fmt::format(
      "fieldValidation: Unsupported value: \"{}\": supported values: \"Ignore\", \"Strict\", "
      "\"Warn\"",
      text)));
}

/// The program's name: the query's, else that in front of the slash of the user agent.
std::string read_manager(const link::HttpRequest& request) {
  std::string_view manager = request.query_value("fieldManager");
  if (manager.empty()) {
    manager = request.header("user-agent");
    manager = manager.substr(0, manager.find('/'));
  }
  std::string out(manager.substr(0, manager_bytes_max));
  std::erase_if(out, [](char c) { return c < 0x20 || c == 0x7F; });
  return out.empty() ? "unknown" : out;
}

}  // namespace

std::optional<ObjectPath> read_path(std::string_view path) {
  auto parts = split(path);
  ObjectPath out;
  std::size_t at = 0;
  if (parts.size() >= 3 && parts[0] == "api") {
    out.version = parts[1];
    at = 2;
  } else if (parts.size() >= 4 && parts[0] == "apis") {
    out.group = parts[1];
    out.version = parts[2];
    at = 3;
  } else {
    return std::nullopt;
  }
  if (parts[at] == "watch" && parts.size() > at + 1) {
    out.watch = true;
    ++at;
  }
  // "namespaces/x" alone is the Namespace itself; "namespaces/x/pods" are objects in it.
  if (parts[at] == "namespaces" && parts.size() > at + 2 && parts[at + 2] != "status" &&
      parts[at + 2] != "scale" && parts[at + 2] != "finalize" && !is_of_the_past(parts[at + 2])) {
    out.space = parts[at + 1];
    at += 2;
  }
  out.plural = parts[at++];
  if (at < parts.size()) out.name = parts[at++];
  if (at < parts.size()) out.subresource = parts[at++];
  if (at < parts.size() && out.subresource == "history") out.revision = parts[at++];
  if (at < parts.size()) return std::nullopt;
  return out;
}

ApiResult<Call> read_call(const link::HttpRequest& request, const ObjectPath& path,
                          const Catalog& catalog, WallTime now) {
  Call call;
  call.type = catalog.find(path.group, path.version, path.plural);
  if (!call.type) return std::unexpected(unknown_path());
  call.version = call.type->version(path.version);
  if (!path.space.empty() && !call.type->namespaced) return std::unexpected(unknown_path());
  const bool has_subresource =
      path.subresource.empty() || (path.subresource == "status" && call.version->has_status) ||
      (path.subresource == "scale" && call.version->scale) ||
      (is_of_the_past(path.subresource) && call.type->behaviour != Behaviour::read_only_view);
  if (!has_subresource) return std::unexpected(unknown_path());
  if (call.type->namespaced && path.space.empty() && !path.name.empty())
    return std::unexpected(unknown_path());
  call.space = path.space;
  call.name = path.name;
  call.subresource = path.subresource;
  call.author = "local";
  call.manager = read_manager(request);
  call.now = now;
  call.force = query_flag(request, "force");
  const std::string_view dry_run = request.query_value("dryRun");
  if (!dry_run.empty() && dry_run != "All")
    return std::unexpected(bad_request(
        fmt::format("dryRun: Unsupported value: \"{}\": supported values: \"All\"", dry_run)));
  call.dry_run = dry_run == "All";
  auto validation = read_validation(request.query_value("fieldValidation"));
  if (!validation) return std::unexpected(validation.error());
  call.validation = *validation;
  if (!call.version->deprecation_warning.empty())
    call.warnings.push_back(call.version->deprecation_warning);
  return call;
}

bool query_flag(const link::HttpRequest& request, std::string_view name) {
  const std::string_view value = request.query_value(name);
  return value == "true" || value == "1";
}

ApiResult<std::int64_t> query_number(const link::HttpRequest& request, std::string_view name) {
  const std::string_view text = request.query_value(name);
  if (text.empty()) return 0;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size() && value >= 0) return value;
  return std::unexpected(bad_request(
      fmt::format("{}: Invalid value: \"{}\": must be a number of 0 or more", name, text)));
}

IncludeObject read_include(const link::HttpRequest& request) {
  const std::string_view value = request.query_value("includeObject");
  if (value == "None") return IncludeObject::none;
  return value == "Object" ? IncludeObject::object : IncludeObject::metadata;
}

}  // namespace wireway::control
