#include "broker/access/authenticator.h"

#include <fmt/format.h>

#include "broker/access/certificates.h"
#include "broker/access/custom.h"
#include "broker/access/json_tokens.h"
#include "broker/access/passwords.h"
#include "broker/access/tokens.h"

namespace wireway::broker {
namespace {

/// One method of the manifest on its way to a Method.
struct Making {
  const json::value& settings;
  std::string place;
  const AuthenticatorWorld& world;
  std::string used = {};  ///< what it took from Secrets and ConfigMaps
};

Error missing(const Making& making, const std::string& field, std::string_view kind,
              const std::string& name) {
  return {Errc::not_found,
          fmt::format("{}.{} names {} {}, which does not exist; create it, or correct the name",
                      making.place, field, kind, name)};
}

/// Every text of a ConfigMap, as PEM files are put there under any key.
Result<std::string> config_map(Making& making, const std::string& field, const std::string& name) {
  const json::value* map = making.world.find(resource::config_map, name);
  if (map == nullptr) return std::unexpected(missing(making, field, "ConfigMap", name));
  std::string out;
  if (const json::value* data = find(*map, "data"); data != nullptr && data->is_object())
    for (const auto& [key, value] : data->get_object())
      if (value.is_string()) out += std::string(value.get_string()) + "\n";
  making.used += out;
  return out;
}

Result<std::string> secret_text(Making& making, const std::string& field, const std::string& name,
                                const std::string& key) {
  const json::value* secret = making.world.find(resource::secret, name);
  if (secret == nullptr) return std::unexpected(missing(making, field, "Secret", name));
  std::string out = text_at(*secret, {"stringData", key});
  if (out.empty()) out = base64_decode(text_at(*secret, {"data", key})).value_or("");
  if (out.empty())
    return fail(Errc::invalid,
                fmt::format("{}.{}: Secret {} has no `{}`", making.place, field, name, key));
  making.used += out;
  return out;
}

std::vector<std::string> texts_at(const json::value& object, std::string_view field) {
  std::vector<std::string> out;
  const json::value* list = find(object, field);
  if (list != nullptr && list->is_array())
    for (const json::value& each : list->get_array())
      if (each.is_string()) out.emplace_back(each.get_string());
  return out;
}

std::map<std::string, std::string> pairs_at(const json::value& object, std::string_view field) {
  std::map<std::string, std::string> out;
  const json::value* map = find(object, field);
  if (map != nullptr && map->is_object())
    for (const auto& [name, value] : map->get_object())
      if (value.is_string()) out.emplace(name, value.get_string());
  return out;
}

using Made = Result<std::unique_ptr<Method>>;

Made make_tokens(Making& making) {
  return std::make_unique<Tokens>(making.world.resources, texts_at(making.settings, "audiences"));
}

Made make_certificates(Making& making, std::string& authorities) {
  if (equals_ignoring_case(text_at(making.settings, {"additionalValidation"}),
                           "AzureDeviceRegistry"))
    return fail(Errc::unsupported,
                making.place +
                    ".additionalValidation: AzureDeviceRegistry is not served yet; "
                    "remove it to accept every certificate of the authorities");
  const std::string name = text_at(making.settings, {"trustedClientCaCert"}, "client-ca");
  auto pem = config_map(making, "trustedClientCaCert", name);
  if (!pem) return std::unexpected(pem.error());
  if (auto read = net::read_certificate(*pem); !read)
    return fail(Errc::invalid, fmt::format("{}.trustedClientCaCert: ConfigMap {}: {}", making.place,
                                           name, read.error().message));
  authorities += *pem;
  return std::make_unique<Certificates>(*pem, Certificates::attributes_of(making.settings));
}

Made make_custom(Making& making) {
  CustomOptions options;
  options.endpoint = text_at(making.settings, {"endpoint"});
  if (!options.endpoint.starts_with("https://"))
    return fail(Errc::invalid, making.place + ".endpoint must begin with https://");
  options.headers = pairs_at(making.settings, "headers");
  if (const auto name = text_at(making.settings, {"caCertConfigMap"}); !name.empty()) {
    auto pem = config_map(making, "caCertConfigMap", name);
    if (!pem) return std::unexpected(pem.error());
    options.authorities = *pem;
  }
  if (const auto name = text_at(making.settings, {"auth", "x509", "secretRef"}); !name.empty()) {
    const std::string field = "auth.x509.secretRef";
    auto certificate = secret_text(making, field, name, "tls.crt");
    if (!certificate) return std::unexpected(certificate.error());
    auto key = secret_text(making, field, name, "tls.key");
    if (!key) return std::unexpected(key.error());
    options.identity = {*certificate, *key};
  }
  return std::make_unique<Custom>(making.world.http, std::move(options));
}

Made make_passwords(Making& making) {
  const std::string name = text_at(making.settings, {"secretRef"});
  auto text = secret_text(making, "secretRef", name, "passwords");
  if (!text) return std::unexpected(text.error());
  making.used.clear();  // who changes is told apart by Passwords::voucher()
  auto users = parse_passwords(*text);
  if (!users)
    return fail(Errc::invalid, fmt::format("{}.secretRef: Secret {}: {}", making.place, name,
                                           users.error().message));
  UserAttributes attributes;
  if (const json::value* given = find(making.settings, "attributes");
      given != nullptr && given->is_object())
    for (const auto& [user, pairs] : given->get_object())
      attributes.emplace(user, pairs_at(*given, user));
  return std::make_unique<Passwords>(making.world.env.loop, std::move(*users),
                                     std::move(attributes));
}

Made make_json_tokens(Making& making) {
  JsonTokenOptions options;
  options.issuer = text_at(making.settings, {"issuer"});
  options.audiences = texts_at(making.settings, "audiences");
  options.username_claim = text_at(making.settings, {"usernameClaim"}, "sub");
  options.attributes = pairs_at(making.settings, "attributes");
  const std::string name = text_at(making.settings, {"keysConfigMap"});
  auto text = config_map(making, "keysConfigMap", name);
  if (!text) return std::unexpected(text.error());
  auto keys = parse_key_set(*text);
  if (!keys)
    return fail(Errc::invalid, fmt::format("{}.keysConfigMap: ConfigMap {}: {}", making.place, name,
                                           keys.error().message));
  options.keys = std::move(*keys);
  return std::make_unique<JsonTokens>(std::move(options));
}

}  // namespace

Result<std::unique_ptr<Authenticator>> Authenticator::from(const json::value& manifest,
                                                           const AuthenticatorWorld& world) {
  auto out = std::make_unique<Authenticator>(world.env.loop);
  const json::value* methods = find(manifest, "spec", "authenticationMethods");
  if (methods == nullptr || !methods->is_array() || methods->get_array().empty())
    return fail(Errc::invalid, "spec.authenticationMethods is empty; nobody could come in");
  for (const json::value& each : methods->get_array()) {
    const std::string place = fmt::format("spec.authenticationMethods[{}]", out->entries_.size());
    const std::string name = text_at(each, {"method"});
    const auto make = [&](std::string_view field, auto maker) -> Result<> {
      static const json::value nothing = json::object{};
      const json::value* settings = find(each, field);
      Making making{settings == nullptr || settings->is_null() ? nothing : *settings,
                    fmt::format("{}.{}", place, field), world};
      auto method = maker(making);
      if (!method) return std::unexpected(method.error());
      out->entries_.push_back(
          {name, std::move(*method), name + json::serialize(making.settings) + making.used});
      return {};
    };
    Result<> done = fail(Errc::invalid, fmt::format("{}.method: {} is none", place, name));
    if (equals_ignoring_case(name, "ServiceAccountToken"))
      done = make("serviceAccountTokenSettings", make_tokens);
    else if (equals_ignoring_case(name, "X509"))
      done = make("x509Settings",
                  [&](Making& m) { return make_certificates(m, out->client_authorities_); });
    else if (equals_ignoring_case(name, "Custom"))
      done = make("customSettings", make_custom);
    else if (equals_ignoring_case(name, "UsernamePassword"))
      done = make("usernamePasswordSettings", make_passwords);
    else if (equals_ignoring_case(name, "Jwt"))
      done = make("jwtSettings", make_json_tokens);
    if (!done) return std::unexpected(done.error());
  }
  return out;
}

void Authenticator::authenticate(Credentials credentials, Method::Answer answer) {
  ask_from(0, {std::move(credentials), std::move(answer)});
}

void Authenticator::ask_from(std::size_t index, Asking asking) {
  while (index < entries_.size() && !entries_[index].method->concerns(asking.credentials)) ++index;
  if (index == entries_.size()) {
    if (!asking.unavailable.empty()) return asking.answer(Opinion::unavailable(asking.unavailable));
    return asking.answer(Opinion::deny("no method is for such credentials: " + methods()));
  }
  const Entry& entry = entries_[index];
  const Credentials shown = asking.credentials;
  entry.method->check(
      shown, loop_.wall_now(), [this, index, asking = std::move(asking)](Opinion opinion) mutable {
        const Entry& asked = entries_[index];
        if (opinion.kind == Opinion::Kind::unavailable) {
          asking.unavailable += fmt::format("{}{}: {}", asking.unavailable.empty() ? "" : "; ",
                                            asked.name, opinion.why);
          return ask_from(index + 1, std::move(asking));
        }
        if (opinion.kind == Opinion::Kind::accept) {
          opinion.principal.client_identifier = asking.credentials.client_identifier;
          opinion.principal.enhanced_method = asking.credentials.method.value_or("");
          opinion.principal.voucher =
              std::hash<std::string>{}(asked.settings + asked.method->voucher(opinion.principal));
        } else {
          opinion.why = fmt::format("{}: {}", asked.name, opinion.why);
        }
        asking.answer(std::move(opinion));
      });
}

std::set<std::uint64_t> Authenticator::vouchers() const {
  std::set<std::uint64_t> out;
  for (const Entry& entry : entries_)
    for (const std::string& each : entry.method->vouchers())
      out.insert(std::hash<std::string>{}(entry.settings + each));
  return out;
}

std::string Authenticator::fingerprint() const {
  std::string out;
  for (const Entry& entry : entries_) {
    out += entry.settings + "\n";
    for (const std::string& each : entry.method->vouchers()) out += each + "\n";
  }
  return out;
}

std::string Authenticator::methods() const {
  std::string out;
  for (const Entry& entry : entries_) out += (out.empty() ? "" : ", ") + entry.name;
  return out;
}

}  // namespace wireway::broker
