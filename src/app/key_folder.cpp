#include "app/key_folder.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace wireway::app {
namespace {

constexpr unsigned key_mode = 0600;
const std::string admin_name = "admin";
const std::string admin_group = "system:masters";

bool covers(const net::PeerCertificate& certificate, const std::vector<std::string>& names) {
  const auto holds = [](const std::vector<std::string>& list, const std::string& name) {
    return std::ranges::find(list, name) != list.end();
  };
  return std::ranges::all_of(names, [&](const std::string& name) {
    return holds(certificate.dns_names, name) || holds(certificate.ip_addresses, name);
  });
}

bool due(const std::string& certificates, WallTime now) {
  const auto certificate = net::read_certificate(certificates);
  return !certificate || net::renewal_due(*certificate, now);
}

}  // namespace

Result<std::unique_ptr<KeyFolder>> KeyFolder::open(net::Env& env, KeyFolderOptions options) {
  auto keys = std::make_unique<KeyFolder>(env, std::move(options));
  if (auto made = keys->make_folder(); !made) return std::unexpected(made.error());
  if (auto loaded = keys->load_authority(); !loaded) return std::unexpected(loaded.error());
  if (auto loaded = keys->load_leaves(); !loaded) return std::unexpected(loaded.error());
  if (auto loaded = keys->load_own(); !loaded) return std::unexpected(loaded.error());
  auto tls = net::TlsServerContext::create(keys->tls_options());
  if (!tls) return wrap("keys in " + keys->options_.folder, tls.error());
  keys->tls_ = std::move(*tls);
  return keys;
}

KeyFolder::KeyFolder(net::Env& env, KeyFolderOptions options)
    : env_(env),
      options_(std::move(options)),
      tickets_since_(env.loop.wall_now()),
      timer_(env.loop) {}

std::string KeyFolder::local_host() const {
  // A certificate of the user's own is shown to whoever names no server, as clients of an address.
  return own_.certificates.empty() ? "127.0.0.1" : "localhost";
}

Result<> KeyFolder::make_folder() {
  if (auto made = env_.files.make_folders(options_.folder); !made) return made;
  std::error_code error;
  std::filesystem::permissions(options_.folder, std::filesystem::perms::owner_all, error);
  if (error)
    return fail(Errc::io, fmt::format("{}: cannot be closed to others: {}", options_.folder,
                                      error.message()));
  return {};
}

Result<> KeyFolder::load_authority() {
  const bool has_certificate = env_.files.exists(path("ca.crt"));
  if (!has_certificate) {
    auto made = net::make_authority("Wireway local CA", env_.loop.wall_now());
    if (!made) return std::unexpected(made.error());
    authority_ = std::move(*made);
    log::info("made a local certificate authority: {}", path("ca.crt"));
    return write("ca", authority_);
  }
  auto certificate = env_.files.read(path("ca.crt"));
  if (!certificate) return std::unexpected(certificate.error());
  auto key = env_.files.read_secret(path("ca.key"));
  if (!key && key.error().code == Errc::not_found)
    return fail(Errc::not_found,
                fmt::format("{} is there without its key; restore {} from a backup, or remove both "
                            "for a new authority, which clients must then trust anew",
                            path("ca.crt"), path("ca.key")));
  if (!key) return std::unexpected(key.error());
  authority_ = {std::move(*certificate), std::move(*key)};
  if (auto checked = net::check_key_pair(authority_); !checked)
    return wrap(path("ca.crt"), checked.error());
  if (due(authority_.certificates, env_.loop.wall_now()))
    log::warn(
        "the local authority {} is in the last third of its life; remove ca.crt and ca.key "
        "and start again for a new one, which clients must then trust anew",
        path("ca.crt"));
  return {};
}

Result<> KeyFolder::load_leaves() {
  const WallTime now = env_.loop.wall_now();
  const Leaf server{.name = "server",
                    .wish = {.use = net::CertificateUse::server,
                             .common_name = "wireway",
                             .names = options_.names,
                             .now = now,
                             .lifetime = leaf_lifetime}};
  const Leaf admin{.name = "admin",
                   .wish = {.use = net::CertificateUse::client,
                            .common_name = admin_name,
                            .organizations = {admin_group},
                            .now = now,
                            .lifetime = leaf_lifetime}};
  auto server_pair = load_leaf(server);
  if (!server_pair) return std::unexpected(server_pair.error());
  auto admin_pair = load_leaf(admin);
  if (!admin_pair) return std::unexpected(admin_pair.error());
  server_ = std::move(*server_pair);
  admin_ = std::move(*admin_pair);
  return {};
}

/// The files if they still serve, else new ones.
Result<net::KeyPair> KeyFolder::load_leaf(const Leaf& leaf) {
  auto key = env_.files.read_secret(path(leaf.name + ".key"));
  if (!key && key.error().code != Errc::not_found) return std::unexpected(key.error());
  auto certificate = env_.files.read(path(leaf.name + ".crt"));
  if (!certificate && certificate.error().code != Errc::not_found)
    return std::unexpected(certificate.error());
  if (key && certificate) {
    net::KeyPair pair{std::move(*certificate), std::move(*key)};
    if (holds(pair, leaf)) return pair;
  }
  return make_leaf(leaf);
}

bool KeyFolder::holds(const net::KeyPair& pair, const Leaf& leaf) const {
  const auto certificate = net::read_certificate(pair.certificates);
  return certificate && net::check_key_pair(pair) &&
         net::is_issued_by(pair.certificates, authority_.certificates) &&
         !net::renewal_due(*certificate, leaf.wish.now) && covers(*certificate, leaf.wish.names);
}

Result<net::KeyPair> KeyFolder::make_leaf(const Leaf& leaf) {
  auto pair = net::issue_certificate(authority_, leaf.wish);
  if (!pair) return wrap("certificate " + leaf.name, pair.error());
  if (auto written = write(leaf.name, *pair); !written) return std::unexpected(written.error());
  log::info("issued {} until {}", path(leaf.name + ".crt"),
            to_rfc3339(leaf.wish.now + leaf.wish.lifetime));
  return pair;
}

/// The key first: a certificate without its key is the one state that cannot be mended.
Result<> KeyFolder::write(const std::string& name, const net::KeyPair& pair) {
  if (auto done = env_.files.replace(path(name + ".key"), pair.key, key_mode); !done) return done;
  return env_.files.replace(path(name + ".crt"), pair.certificates, key_mode);
}

Result<> KeyFolder::load_own() {
  if (options_.certificate_file.empty()) return {};
  auto certificate = env_.files.read(options_.certificate_file);
  if (!certificate) return wrap("--tls-cert", certificate.error());
  auto key = env_.files.read_secret(options_.key_file);
  if (!key) return wrap("--tls-key", key.error());
  net::KeyPair pair{std::move(*certificate), std::move(*key)};
  if (pair == own_) return {};
  if (auto checked = net::check_key_pair(pair); !checked)
    return wrap(fmt::format("--tls-cert {} with --tls-key {}", options_.certificate_file,
                            options_.key_file),
                checked.error());
  own_ = std::move(pair);
  const auto about = net::read_certificate(own_.certificates);
  if (!about) return std::unexpected(about.error());
  log::info("serving the certificate {} ({}), valid until {}", options_.certificate_file,
            about->subject, to_rfc3339(about->not_after));
  return {};
}

net::TlsServerOptions KeyFolder::tls_options() const {
  net::TlsServerOptions out;
  if (!own_.certificates.empty()) out.certificates.push_back(own_);
  out.certificates.push_back(server_);
  out.client_ca = authority_.certificates;
  out.client_certificates = net::ClientCertificates::optional;
  out.alpn = {"http/1.1"};
  return out;
}

void KeyFolder::keep_current(std::function<void()> on_admin) {
  on_admin_ = std::move(on_admin);
  look_later();
}

void KeyFolder::look_later() {
  const bool files = !options_.certificate_file.empty();
  timer_.arm(files ? look_interval : renewal_interval, [this] { look(); });
}

bool KeyFolder::renewal_near() const {
  const WallTime now = env_.loop.wall_now();
  return due(server_.certificates, now) || due(admin_.certificates, now);
}

/// Whatever fails here leaves the certificates that are served as they are, and is said once.
void KeyFolder::look() {
  const net::KeyPair own_before = own_;
  const net::KeyPair server_before = server_;
  const net::KeyPair admin_before = admin_;
  Result<> done = load_own();
  if (done && renewal_near()) done = load_leaves();
  const std::string trouble = done ? std::string() : done.error().message;
  if (!trouble.empty() && trouble != own_trouble_)
    log::error("certificates: {}; the old ones stay in use", trouble);
  own_trouble_ = trouble;
  const WallTime now = env_.loop.wall_now();
  const bool tickets_are_old = now - tickets_since_ >= ticket_key_lifetime;
  if (own_ != own_before || server_ != server_before || tickets_are_old) {
    tickets_since_ = now;
    if (auto replaced = tls_->replace(tls_options()); !replaced) {
      log::error("certificates: {}; the old ones stay in use", replaced.error().message);
      own_ = own_before;
    }
  }
  if (admin_ != admin_before && on_admin_) on_admin_();
  look_later();
}

}  // namespace wireway::app
