#include "app/cli/redact.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <re2/re2.h>

#include "base/bytes.h"

namespace wireway::app::cli {
namespace {

/// Names under which a secret itself stands; names of Secrets (secretRef, passwordSecretName) are
/// none.
bool is_telling(std::string_view key) {
  std::string name;
  for (const char c : key)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const std::string_view reference : {"name", "ref", "references", "file", "path", "audience"})
    if (name.ends_with(reference)) return false;
  constexpr std::array telling{"password",  "passwd",       "passphrase",       "token",
                               "secret",    "privatekey",   "connectionstring", "apikey",
                               "accesskey", "credentials",  "clientkey",        "sharedaccesskey",
                               "keydata",   "passwordhash", "authorization"};
  return std::ranges::any_of(telling,
                             [&name](std::string_view part) { return name.ends_with(part); });
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), by);
    at += by.size();
  }
}

}  // namespace

void Redactor::know(std::string_view secret) {
  while (!secret.empty() && std::isspace(static_cast<unsigned char>(secret.back())) != 0)
    secret.remove_suffix(1);
  if (secret.size() < value_bytes_min) return;
  const auto add = [this](std::string value) {
    if (std::ranges::find(known_, value) == known_.end()) known_.push_back(std::move(value));
  };
  add(std::string(secret));
  // Inside JSON and YAML texts line ends and quotes are escaped.
  std::string quoted = json::serialize(json::value(secret));
  add(quoted.substr(1, quoted.size() - 2));
  add(base64_encode(as_bytes(secret)));
  std::ranges::sort(known_, std::ranges::greater{}, &std::string::size);
}

void Redactor::know_secret(const json::value& secret) {
  for (const char* member : {"data", "stringData"}) {
    const json::value* data = find(secret, member);
    if (data == nullptr || !data->is_object()) continue;
    for (const auto& [key, value] : data->get_object()) {
      if (!value.is_string()) continue;
      const std::string_view text = value.get_string();
      know(text);
      if (auto bytes = base64_decode(text)) know(*bytes);
    }
  }
}

std::string Redactor::text(std::string text) const {
  for (const std::string& value : known_) replace_all(text, value, mark);
  static const re2::RE2 private_key(
      "(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----");
  static const re2::RE2 web_token("eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]*");
  static const re2::RE2 bearer("(?i)(bearer|basic) [A-Za-z0-9._~+/=-]{6,}");
  static const re2::RE2 user_info("://[^/@\\s:\"]+:[^/@\\s\"]+@");
  static const re2::RE2 assigned(
      "(?i)((?:password|passwd|passphrase|token|secret|sharedaccesskey|api_?key)\"?\\s*[=:]\\s*"
      "\"?)[^\\s\",;&]+");
  re2::RE2::GlobalReplace(&text, private_key, mark);
  re2::RE2::GlobalReplace(&text, web_token, mark);
  re2::RE2::GlobalReplace(&text, bearer, "\\1 (redacted)");
  re2::RE2::GlobalReplace(&text, user_info, "://(redacted)@");
  re2::RE2::GlobalReplace(&text, assigned, "\\1(redacted)");
  return text;
}

void Redactor::walk(json::value& value, bool secret) const {
  if (value.is_object()) {
    json::object& object = value.get_object();
    // A second copy of the whole object, as text.
    object.erase("kubectl.kubernetes.io/last-applied-configuration");
    // {name: password, value: ...} as environment variables are written.
    const bool named = is_telling(text_at(value, {"name"}));
    for (auto& [key, member] : object)
      walk(member, secret || is_telling(key) || (named && key == "value"));
  } else if (value.is_array()) {
    for (json::value& item : value.get_array()) walk(item, secret);
  } else if (value.is_string()) {
    value = secret ? std::string(mark) : text(std::string(value.get_string()));
  } else if (secret && value.is_number()) {
    value = std::string(mark);
  }
}

json::value Redactor::object(json::value value) const {
  walk(value, false);
  return value;
}

}  // namespace wireway::app::cli
