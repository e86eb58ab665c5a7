#include "control/reconcile/listener_certificates.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/log.h"

namespace wireway::control {
namespace {

constexpr std::string_view system_space = "wireway-system";
/// Of writing_; no Secret has this name.
const std::string authority_place = "wireway-system/authority";
constexpr std::string_view manager = "wireway-certificates";
/// On what is made here; nothing without it is ever overwritten.
constexpr std::string_view our_label = "wireway.io/certificate";
/// Of manifests up to 0.6.
constexpr std::string_view former_bundle = "aio-ca-trust-bundle-test-only";

std::string encoded(std::string_view text) { return base64_encode(as_bytes(text)); }

bool is_ours(const json::value& object) {
  return find(object, "metadata", "labels", our_label) != nullptr;
}

json::object metadata_of(std::string_view name, std::string_view space, std::string_view what) {
  return {{"name", name}, {"namespace", space}, {"labels", {{our_label, what}}}};
}

json::value tls_secret(json::object metadata, const net::KeyPair& pair,
                       std::string_view authority) {
  return {{"apiVersion", "v1"},
          {"kind", "Secret"},
          {"type", "kubernetes.io/tls"},
          {"metadata", std::move(metadata)},
          {"data",
           {{"tls.crt", encoded(pair.certificates)},
            {"tls.key", encoded(pair.key)},
            {"ca.crt", encoded(authority)}}}};
}

/// The PEM blocks of a text, each with its lines.
std::vector<std::string> blocks_of(std::string_view text) {
  constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view end = "-----END CERTIFICATE-----";
  std::vector<std::string> out;
  for (;;) {
    const std::size_t from = text.find(begin);
    const std::size_t to = from == std::string_view::npos ? from : text.find(end, from);
    if (to == std::string_view::npos) return out;
    out.push_back(std::string(text.substr(from, to + end.size() - from)) + "\n");
    text.remove_prefix(to + end.size());
  }
}

/// `authority` first, then the former ones that are still valid.
std::string bundle_of(std::string_view authority, std::string_view former, WallTime now) {
  std::vector<std::string> blocks = blocks_of(authority);
  for (std::string& block : blocks_of(former)) {
    const auto read = net::read_certificate(block);
    if (read && read->not_after > now && std::ranges::find(blocks, block) == blocks.end())
      blocks.push_back(std::move(block));
  }
  std::string out;
  for (const std::string& block : blocks) out += block;
  return out;
}

/// What a server shows behind its own certificate: nothing if a root has signed it.
std::string chain_of(const net::KeyPair& authority) {
  const auto read = net::read_certificate(authority.certificates);
  return read && read->issuer == read->subject ? std::string() : authority.certificates;
}

std::string port_of(const json::value& listener, const PortCertificate& wish) {
  return fmt::format("BrokerListener {}, {}", resource::key_of(listener).name, wish.place);
}

}  // namespace

ListenerCertificates::ListenerCertificates(net::Env& env, resource::Resources& resources,
                                           ListenerCertificatesOptions options)
    : env_(env),
      resources_(resources),
      options_(std::move(options)),
      controller_(env, resources, "certificates",
                  [this](const resource::ObjectKey&) { return look(); }),
      retry_(env.loop),
      worker_("certificates") {
  using Keys = std::vector<resource::ObjectKey>;
  const auto all = [](const json::value&) { return Keys{{"", "certificates"}}; };
  const auto named = [](std::vector<std::string> names) {
    return [names = std::move(names)](const json::value& object) {
      const bool is_one = std::ranges::find(names, resource::key_of(object).name) != names.end();
      return is_one ? Keys{{"", "certificates"}} : Keys{};
    };
  };
  listeners_ = &controller_.watch(resource::broker_listener, options_.space, all);
  secrets_ = &controller_.watch(resource::secret, options_.space, all);
  system_secrets_ = &controller_.watch(resource::secret, std::string(system_space),
                                       named({options_.space + "-aio-ca-certificate"}));
  config_maps_ = &controller_.watch(
      resource::config_map, options_.space,
      named({options_.space + "-aio-ca-trust-bundle", std::string(former_bundle)}));
  look_again();
}

/// One step of everything: there are few listeners, and all hang on one authority.
resource::Step ListenerCertificates::look() {
  const std::vector<Wanted> all = wanted();
  tell_troubles(all);
  if (all.empty()) return {};
  const auto authority_again = keep_authority();
  if (!authority_again) return {.again_after = {}, .error = authority_again.error()};
  Duration again = authority_again->value_or(look_interval);
  if (!authority_) return {.again_after = again, .error = {}};
  keep_bundle(options_.space + "-aio-ca-trust-bundle");
  keep_bundle(std::string(former_bundle));
  for (const Wanted& each : all)
    if (trouble_of(each, all).empty()) again = std::min(again, keep(each).value_or(again));
  return {.again_after = again, .error = {}};
}

std::vector<ListenerCertificates::Wanted> ListenerCertificates::wanted() const {
  std::vector<Wanted> out;
  for (const auto& [key, listener] : listeners_->all())
    for (PortCertificate& wish : port_certificates(listener, options_.machine))
      out.push_back({&listener, std::move(wish)});
  return out;
}

/// When to look again. Sets authority_ as soon as there is a good one.
Result<std::optional<Duration>> ListenerCertificates::keep_authority() {
  const std::string name = options_.space + "-aio-ca-certificate";
  const json::value* const secret = system_secrets_->find({std::string(system_space), name});
  const TlsSecret held = secret == nullptr ? TlsSecret{} : tls_secret_of(*secret);
  if (is_settling(authority_place, held.pair.certificates)) return settle_time;
  if (secret == nullptr) {
    make_authority();
    return std::nullopt;
  }
  const auto read = net::read_certificate(held.pair.certificates);
  Result<> good = net::check_key_pair(held.pair);
  if (!good)
    return wrap(fmt::format("Secret {}/{}: no certificate of listeners can be made; correct it, or "
                            "delete it for a new authority",
                            system_space, name),
                good.error());
  const bool due = net::renewal_due(*read, now()) || read->not_before > now();
  if (is_ours(*secret) && due) {
    make_authority();
    return std::nullopt;
  }
  authority_ = held.pair;
  if (read->not_after <= now())
    return fail(Errc::invalid, fmt::format("Secret {}/{}: the authority has ended at {}; put a "
                                           "newer one there, or delete it",
                                           system_space, name, to_rfc3339(read->not_after)));
  return std::nullopt;
}

void ListenerCertificates::make_authority() {
  const std::string name = options_.space + "-aio-ca-certificate";
  const auto pair = net::make_authority(
      fmt::format("Wireway broker authority {}", to_rfc3339(now()).substr(0, 10)), now());
  if (!pair) return try_again("authority of listeners: " + pair.error().message);
  writing_[authority_place] = {pair->certificates, env_.loop.now()};
  const json::value secret =
      tls_secret(metadata_of(name, system_space, "authority"), *pair, pair->certificates);
  write(secret, [this, name](const Result<json::value>& done) {
    if (!done)
      writing_.erase(authority_place);
    else
      log::info("certificates: a new authority for listeners is in Secret {}/{}", system_space,
                name);
  });
}

/// Merged with what is there: who trusts the bundle goes on trusting servers that have not changed
/// over yet, and may add authorities of his own.
void ListenerCertificates::keep_bundle(const std::string& name) {
  const json::value* const map = config_maps_->find({options_.space, name});
  const std::string held = map == nullptr ? "" : text_at(*map, {"data", "ca.crt"});
  const auto blocks = blocks_of(held);
  const auto needed = blocks_of(authority_->certificates);
  const bool has_all = std::ranges::all_of(needed, [&blocks](const std::string& block) {
    return std::ranges::find(blocks, block) != blocks.end();
  });
  if (has_all || !bundles_written_.insert(name).second) return;
  const json::value object{
      {"apiVersion", "v1"},
      {"kind", "ConfigMap"},
      {"metadata", metadata_of(name, options_.space, "bundle")},
      {"data", {{"ca.crt", bundle_of(authority_->certificates, held, now())}}}};
  write(object, [this, name](const Result<json::value>&) { bundles_written_.erase(name); });
}

/// When to look again at this port's Secret.
std::optional<Duration> ListenerCertificates::keep(const Wanted& wanted) {
  const PortCertificate& wish = wanted.wish;
  const json::value* const secret = secrets_->find({options_.space, wish.secret});
  const TlsSecret held = secret == nullptr ? TlsSecret{} : tls_secret_of(*secret);
  if (is_settling(wish.secret, held.pair.certificates)) return settle_time;
  const WallTime renewal = renewal_of(held, wish, *authority_, now());
  if (renewal > now()) return renewal - now();
  issue(wanted, held);
  return {};
}

void ListenerCertificates::tell_troubles(const std::vector<Wanted>& all) {
  std::map<std::string, std::string> troubles;
  for (const Wanted& each : all) {
    const std::string trouble = trouble_of(each, all);
    if (trouble.empty()) continue;
    const std::string place = port_of(*each.listener, each.wish);
    troubles[place] = trouble;
    if (const auto told = told_.find(place); told != told_.end() && told->second == trouble)
      continue;
    log::warn("{}: no certificate: {}", place, trouble);
    const bool is_taken = each.wish.trouble.empty();
    resources_.emit({.kind = resource::broker_listener,
                     .about = resource::key_of(*each.listener),
                     .warning = true,
                     .reason = is_taken ? "SecretTaken" : each.wish.trouble_reason,
                     .message = trouble,
                     .component = "certificates"});
  }
  told_ = std::move(troubles);
}

/// Why no certificate can be made for a port; empty if one can.
std::string ListenerCertificates::trouble_of(const Wanted& one,
                                             const std::vector<Wanted>& all) const {
  const PortCertificate& wish = one.wish;
  if (!wish.trouble.empty()) return wish.trouble;
  for (const Wanted& other : all) {
    if (&other == &one) break;
    if (other.wish.secret != wish.secret) continue;
    PortCertificate same = other.wish;
    same.place = wish.place;
    if (same != wish)
      return fmt::format(
          "{}: Secret {} has another certificate already, that of {}; write another "
          "secretName",
          wish.place, wish.secret, port_of(*other.listener, other.wish));
  }
  const json::value* const secret = secrets_->find({options_.space, wish.secret});
  if (secret == nullptr || is_ours(*secret)) return {};
  return fmt::format(
      "{}: Secret {} was not made by Wireway and is not overwritten; delete it, "
      "write another secretName, or mode Manual to use it",
      wish.place, wish.secret);
}

void ListenerCertificates::issue(const Wanted& wanted, const TlsSecret& before) {
  const PortCertificate& wish = wanted.wish;
  const auto read = net::read_certificate(authority_->certificates);
  if (!read) return;
  net::CertificateWish request{.common_name = wish.common_name,
                               .names = wish.names,
                               .now = now(),
                               .lifetime = lifetime_of(wish, *read, now()),
                               .algorithm = wish.algorithm};
  const bool is_same_kind = net::algorithm_of(before.pair.key) == wish.algorithm;
  if (wish.keeps_key && is_same_kind) request.key = before.pair.key;
  writing_[wish.secret] = {"", env_.loop.now()};
  const auto answer =
      answers_.while_alive([this, listener = *wanted.listener, wish](
                               const Result<net::KeyPair>& pair) { issued(listener, wish, pair); });
  const auto queued = worker_.run(
      [&loop = env_.loop, authority = *authority_, request = std::move(request), answer]() mutable {
        auto pair = net::issue_certificate(authority, request);
        if (pair) pair->certificates += chain_of(authority);
        loop.post([answer = std::move(answer), pair = std::move(pair)]() mutable { answer(pair); });
      });
  if (!queued) issued(*wanted.listener, wish, std::unexpected(queued.error()));
}

void ListenerCertificates::issued(const json::value& listener, const PortCertificate& wish,
                                  const Result<net::KeyPair>& pair) {
  const std::string place = port_of(listener, wish);
  if (!pair) {
    writing_.erase(wish.secret);
    return try_again(fmt::format("{}: no certificate: {}", place, pair.error().message));
  }
  writing_[wish.secret] = {pair->certificates, env_.loop.now()};
  json::object metadata = metadata_of(wish.secret, options_.space, "listener");
  const std::string uid = text_at(listener, {"metadata", "uid"});
  if (!uid.empty())
    metadata["ownerReferences"] = {{{"apiVersion", api_version(resource::broker_listener)},
                                    {"kind", resource::broker_listener.kind},
                                    {"name", resource::key_of(listener).name},
                                    {"uid", uid}}};
  const json::value secret = tls_secret(std::move(metadata), *pair, authority_->certificates);
  const auto read = net::read_certificate(pair->certificates);
  write(secret, [this, listener, wish, place,
                 until = read ? read->not_after : now()](const Result<json::value>& done) {
    if (!done) {
      writing_.erase(wish.secret);
      return;
    }
    const std::string what =
        fmt::format("a certificate until {} is in Secret {}", to_rfc3339(until), wish.secret);
    log::info("{}: {}", place, what);
    resources_.emit({.kind = resource::broker_listener,
                     .about = resource::key_of(listener),
                     .reason = "CertificateIssued",
                     .message = fmt::format("{}: {}", wish.place, what),
                     .component = "certificates"});
  });
}

void ListenerCertificates::write(const json::value& object,
                                 std::function<void(Result<json::value>)> done) {
  resources_.apply(object, {.manager = std::string(manager)},
                   answers_.while_alive([this, done = std::move(done)](auto&& answer) {
                     if (!answer) try_again(answer.error().message);
                     done(answer);
                     if (answer) look_again();
                   }));
}

void ListenerCertificates::try_again(const std::string& why) {
  log::error("certificates: {}; tried again in {} s", why,
             std::chrono::floor<std::chrono::seconds>(settle_time).count());
  retry_.arm(settle_time, [this] { look_again(); });
}

/// True while what we are writing is not what the watch shows yet.
bool ListenerCertificates::is_settling(const std::string& secret, const std::string& held) {
  const auto found = writing_.find(secret);
  if (found == writing_.end()) return false;
  const Writing& writing = found->second;
  if (writing.certificates.empty()) return true;
  if (writing.certificates != held && env_.loop.now() - writing.since < settle_time) return true;
  writing_.erase(found);
  return false;
}

}  // namespace wireway::control
