#include "app/cli/api.h"

#include <cctype>

#include <fmt/format.h>

namespace wireway::app::cli {
namespace {

/// `299 - "text"` -> text
std::string warning_text(std::string_view header) {
  const auto begin = header.find('"');
  const auto end = header.rfind('"');
  if (begin == std::string_view::npos || end <= begin) return std::string(header);
  std::string out;
  for (std::size_t i = begin + 1; i < end; ++i) {
    if (header[i] == '\\' && i + 1 < end) ++i;
    out += header[i];
  }
  return out;
}

ApiFailure failure_of(const ApiRequest& request, const ApiAnswer& answer) {
  ApiFailure out{answer.status, {}, {}, {}};
  const auto status = parse_json(answer.body);
  if (status) {
    out.reason = text_at(*status, {"reason"});
    out.message = text_at(*status, {"message"});
    if (const json::value* causes = find(*status, "details", "causes");
        causes != nullptr && causes->is_array())
      for (const json::value& cause : causes->get_array())
        out.causes.push_back(
            {text_at(cause, {"reason"}), text_at(cause, {"field"}), text_at(cause, {"message"})});
  }
  if (out.message.empty())
    out.message = fmt::format("{} {}: the server answered with status {}", request.method,
                              request.path, answer.status);
  return out;
}

}  // namespace

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0 || std::string_view("-_.~").contains(static_cast<char>(c)))
      out += static_cast<char>(c);
    else
      out += fmt::format("%{:02X}", c);
  }
  return out;
}

void add_query(std::string& path, std::string_view key, std::string_view value) {
  path += path.contains('?') ? '&' : '?';
  path += key;
  path += '=';
  path += percent_encode(value);
}

Answer<std::string> Api::text(const ApiRequest& request) {
  auto answer = transport_.send(request);
  code_ = 0;
  if (!answer) return std::unexpected(ApiFailure{0, "Unreachable", answer.error().message, {}});
  code_ = answer->status;
  for (const std::string& warning : answer->warnings)
    if (std::string text = warning_text(warning); warned_.insert(text).second)
      console_.err(fmt::format("{} {}\n", console_.paint(Colour::yellow, "Warning:"), text));
  if (answer->status >= 400) return std::unexpected(failure_of(request, *answer));
  return std::move(answer->body);
}

Answer<json::value> Api::send(const ApiRequest& request) {
  auto body = text(request);
  if (!body) return std::unexpected(body.error());
  auto value = parse_json(*body);
  if (value) return std::move(*value);
  return std::unexpected(ApiFailure{
      code_,
      "NotJson",
      fmt::format("{} {}: the answer is no JSON ({}); is this the address of a Kubernetes API?",
                  request.method, request.path, value.error().message),
      {}});
}

Answer<json::value> Api::get(std::string path) {
  ApiRequest request;
  request.path = std::move(path);
  return send(request);
}

}  // namespace wireway::app::cli
