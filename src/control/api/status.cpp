#include "control/api/status.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace wireway::control {
namespace {

/// Paths and queries may hold any bytes; an answer is valid UTF-8.
std::string readable(std::string text) {
  if (is_mqtt_utf8(text)) return text;
  for (char& c : text)
    if (static_cast<unsigned char>(c) >= 0x80 || c == '\0') c = '?';
  return text;
}

void make_readable(json::value& value) {
  if (value.is_string())
    value = readable(std::string(value.get_string()));
  else if (value.is_array())
    for (json::value& item : value.get_array()) make_readable(item);
  else if (value.is_object())
    for (auto& member : value.get_object()) make_readable(member.value());
}

json::object details_of(const ResourceName& resource, std::string_view name) {
  json::object details;
  if (!name.empty()) details["name"] = name;
  if (!resource.group.empty()) details["group"] = resource.group;
  if (!resource.plural.empty()) details["kind"] = resource.plural;
  return details;
}

}  // namespace

ApiError bad_request(std::string message) { return {400, "BadRequest", std::move(message), {}}; }

ApiError not_found(const ResourceName& resource, std::string_view name) {
  return {404, "NotFound", fmt::format("{} \"{}\" not found", resource.qualified(), name),
          details_of(resource, name)};
}

ApiError unknown_path() {
  return {404, "NotFound", "the server could not find the requested resource", {}};
}

ApiError already_exists(const ResourceName& resource, std::string_view name) {
  return {409, "AlreadyExists", fmt::format("{} \"{}\" already exists", resource.qualified(), name),
          details_of(resource, name)};
}

ApiError conflict(const ResourceName& resource, std::string_view name, std::string_view why) {
  return {409, "Conflict",
          fmt::format("Operation cannot be fulfilled on {} \"{}\": {}", resource.qualified(), name,
                      why),
          details_of(resource, name)};
}

ApiError modified_meanwhile(const ResourceName& resource, std::string_view name) {
  return conflict(resource, name,
                  "the object has been modified; please apply your changes to the latest version "
                  "and try again");
}

ApiError invalid(const ResourceName& resource, std::string_view name,
                 const std::vector<resource::SchemaCause>& causes) {
  json::object details = details_of(resource, name);
  details["kind"] = resource.kind;
  json::array listed;
  std::string joined;
  for (const resource::SchemaCause& cause : causes) {
    listed.push_back(
        json::object{{"reason", cause.reason}, {"message", cause.message}, {"field", cause.field}});
    if (!joined.empty()) joined += ", ";
    joined += (cause.field.empty() ? "<nil>" : cause.field) + ": " + cause.message;
  }
  if (causes.size() > 1) joined = "[" + joined + "]";
  details["causes"] = std::move(listed);
  return {422, "Invalid",
          fmt::format("{} \"{}\" is invalid: {}", resource.qualified_kind(), name, joined),
          std::move(details)};
}

ApiError forbidden(const ResourceName& resource, std::string_view name, std::string_view why) {
  return {403, "Forbidden",
          fmt::format("{}{} is forbidden: {}", resource.qualified(),
                      name.empty() ? std::string() : fmt::format(" \"{}\"", name), why),
          details_of(resource, name)};
}

ApiError method_not_allowed() {
  return {405,
          "MethodNotAllowed",
          "the server does not allow this method on the requested resource",
          {}};
}

ApiError unsupported_media_type(std::string_view accepted) {
  return {415,
          "UnsupportedMediaType",
          fmt::format("the body of the request was in an unknown format - accepted media types "
                      "include: {}",
                      accepted),
          {}};
}

ApiError not_acceptable(std::string_view accepted) {
  return {406,
          "NotAcceptable",
          fmt::format("only the following media types are accepted: {}", accepted),
          {}};
}

ApiError expired(std::string message) { return {410, "Expired", std::move(message), {}}; }

ApiError too_many_requests(std::string message) {
  json::object details{{"retryAfterSeconds", 1}};
  return {429, "TooManyRequests", std::move(message), std::move(details)};
}

ApiError too_large(std::size_t limit) {
  return {413,
          "RequestEntityTooLarge",
          fmt::format("Request entity too large: limit is {}", limit),
          {}};
}

ApiError storage_failed(const Error& error) {
  if (error.code == Errc::exhausted) return {507, "InsufficientStorage", error.message, {}};
  return {500, "InternalError", "Internal error occurred: " + error.message, {}};
}

json::object to_status(const ApiError& error) {
  json::object status{{"kind", "Status"},
                      {"apiVersion", "v1"},
                      {"metadata", json::object()},
                      {"status", "Failure"},
                      {"message", readable(error.message)}};
  if (!error.reason.empty()) status["reason"] = error.reason;
  if (!error.details.empty()) make_readable(status["details"] = error.details);
  status["code"] = error.code;
  return status;
}

json::object deleted_status(const ResourceName& resource, std::string_view name,
                            std::string_view uid) {
  json::object details = details_of(resource, name);
  details["uid"] = uid;
  return {{"kind", "Status"},
          {"apiVersion", "v1"},
          {"metadata", json::object()},
          {"status", "Success"},
          {"details", std::move(details)}};
}

}  // namespace wireway::control
