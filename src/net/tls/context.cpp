#include "net/tls/context.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <openssl/err.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "net/tls/detail/sessions.h"
#include "net/tls/detail/tls_over.h"

namespace wireway::net {
namespace {

using detail::OwnedCertificate;
using detail::OwnedContext;
using detail::OwnedKey;
using detail::TlsOver;
using detail::TlsRole;

constexpr long peer_chain_bytes_max = 64 * 1024;
constexpr long session_lifetime_seconds = 2 * 60 * 60;
constexpr const char* ciphers_tls12 = "ECDHE+AESGCM:ECDHE+CHACHA20";

/// A certificate with its chain and key, as OpenSSL takes them.
struct Identity {
  std::vector<OwnedCertificate> chain;  ///< the holder's own first
  OwnedKey key;
  std::vector<std::string> names;

  Result<> give_to(SSL_CTX* context) const {
    bool good = ::SSL_CTX_use_certificate(context, chain.front().get()) == 1 &&
                ::SSL_CTX_use_PrivateKey(context, key.get()) == 1;
    for (std::size_t i = 1; i < chain.size(); ++i)
      good = good && SSL_CTX_add1_chain_cert(context, chain[i].get()) == 1;
    if (good) return {};
    return fail(Errc::invalid,
                fmt::format("the certificate {} cannot be used: {}",
                            detail::name_text(::X509_get_subject_name(chain.front().get())),
                            detail::openssl_reason()));
  }
};

Result<Identity> parse_identity(const KeyPair& pair) {
  if (auto checked = check_key_pair(pair); !checked) return std::unexpected(checked.error());
  auto chain = detail::parse_certificates(pair.certificates, "the certificate");
  if (!chain) return std::unexpected(chain.error());
  auto key = detail::parse_key(pair.key, "the private key");
  if (!key) return std::unexpected(key.error());
  const PeerCertificate certificate = detail::describe(chain->front().get());
  return Identity{std::move(*chain), std::move(*key), certificate.dns_names};
}

bool name_matches(std::string_view pattern, std::string_view name) {
  const auto same = [](std::string_view a, std::string_view b) {
    return std::ranges::equal(
        a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
  };
  if (!pattern.starts_with("*.")) return same(pattern, name);
  const std::size_t dot = name.find('.');
  return dot != std::string_view::npos && dot > 0 && same(pattern.substr(1), name.substr(dot));
}

/// What the callbacks of a server's SSL_CTX need; it lives as long as that.
struct ServerSide {
  std::vector<Identity> identities;
  std::string alpn;  ///< in wire form
};

void free_server_side(void*, void* side, CRYPTO_EX_DATA*, int, long, void*) {
  const std::unique_ptr<ServerSide> owned(static_cast<ServerSide*>(side));
}

int server_side_slot() {
  static const int index =
      SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_server_side);
  return index;
}

const ServerSide& server_side_of(SSL* ssl) {
  return *static_cast<const ServerSide*>(
      ::SSL_CTX_get_ex_data(::SSL_get_SSL_CTX(ssl), server_side_slot()));
}

/// Of several certificates, the one for the name that the client asks for.
int choose_certificate(SSL* ssl, void*) {
  const char* name = ::SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return 1;
  for (const Identity& each : server_side_of(ssl).identities) {
    if (!std::ranges::any_of(each.names, [&](const auto& n) { return name_matches(n, name); }))
      continue;
    ::SSL_certs_clear(ssl);
    bool good = ::SSL_use_certificate(ssl, each.chain.front().get()) == 1 &&
                ::SSL_use_PrivateKey(ssl, each.key.get()) == 1;
    for (std::size_t i = 1; i < each.chain.size(); ++i)
      good = good && SSL_add1_chain_cert(ssl, each.chain[i].get()) == 1;
    return good ? 1 : 0;
  }
  return 1;
}

int choose_protocol(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_length,
                    const unsigned char* offered, unsigned offered_length, void*) {
  const std::string& ours = server_side_of(ssl).alpn;
  unsigned char* out = nullptr;
  const int result = ::SSL_select_next_proto(
      &out, chosen_length, reinterpret_cast<const unsigned char*>(ours.data()),
      static_cast<unsigned>(ours.size()), offered, offered_length);
  *chosen = out;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::string alpn_wire(const std::vector<std::string>& protocols) {
  std::string out;
  for (const std::string& each : protocols) {
    WIREWAY_ASSERT(!each.empty() && each.size() < 256, "ALPN names are short");
    out += static_cast<char>(each.size());
    out += each;
  }
  return out;
}

std::array<std::uint8_t, 64> digest512(const std::string& text) {
  std::array<std::uint8_t, 64> out{};
  const int done =
      ::EVP_Digest(text.data(), text.size(), out.data(), nullptr, ::EVP_sha512(), nullptr);
  WIREWAY_ASSERT(done == 1, "OpenSSL has SHA-512");
  return out;
}

OwnedContext make_context(const SSL_METHOD* method) {
  ::ERR_clear_error();
  OwnedContext context(::SSL_CTX_new(method));
  WIREWAY_ASSERT(context != nullptr, "OpenSSL has memory for a TLS context");
  SSL_CTX* const c = context.get();
  SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
  const int ciphers = ::SSL_CTX_set_cipher_list(c, ciphers_tls12);
  WIREWAY_ASSERT(ciphers == 1, "OpenSSL knows the ciphers");
  ::SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_max_cert_list(c, peer_chain_bytes_max);
  return context;
}

/// Trusts these authorities; a server also names them to its clients.
Result<> trust(SSL_CTX* context, const std::string& ca, bool name_them) {
  auto authorities = detail::parse_certificates(ca, "the CA file");
  if (!authorities) return std::unexpected(authorities.error());
  X509_STORE* const store = ::SSL_CTX_get_cert_store(context);
  for (const OwnedCertificate& each : *authorities) {
    ::X509_STORE_add_cert(store, each.get());
    if (name_them) ::SSL_CTX_add_client_CA(context, each.get());
  }
  return {};
}

Result<> ask_for_certificates(SSL_CTX* context, const TlsServerOptions& options) {
  // A session is continued only under the rules that it began with.
  const auto rules = digest512(
      fmt::format("{}\n{}", static_cast<int>(options.client_certificates), options.client_ca));
  ::SSL_CTX_set_session_id_context(context, rules.data(), SSL_MAX_SID_CTX_LENGTH);
  if (options.client_certificates == ClientCertificates::none) return {};
  if (auto trusted = trust(context, options.client_ca, true); !trusted)
    return std::unexpected(trusted.error());
  int mode = SSL_VERIFY_PEER;
  if (options.client_certificates == ClientCertificates::required)
    mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  ::SSL_CTX_set_verify(context, mode, nullptr);
  return {};
}

void set_up_tickets(SSL_CTX* context, const std::string& secret) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets need no memory here
  ::SSL_CTX_set_timeout(context, session_lifetime_seconds);
  ::SSL_CTX_set_num_tickets(context, 1);
  detail::judge_tickets(context);
  if (secret.empty()) return;
  const auto first = digest512("wireway tickets 1" + secret);
  const auto second = digest512("wireway tickets 2" + secret);
  std::vector<std::uint8_t> keys(first.begin(), first.end());
  keys.insert(keys.end(), second.begin(), second.end());
  const long wanted = SSL_CTX_get_tlsext_ticket_keys(context, nullptr, 0);
  WIREWAY_ASSERT(wanted > 0 && static_cast<std::size_t>(wanted) <= keys.size(),
                 "ticket keys are at most 128 bytes");
  SSL_CTX_set_tlsext_ticket_keys(context, keys.data(), wanted);
}

Result<OwnedContext> make_server_context(const TlsServerOptions& options) {
  if (options.certificates.empty())
    return fail(Errc::invalid, "a TLS server needs a certificate; none is given");
  OwnedContext context = make_context(::TLS_server_method());
  auto side = std::make_unique<ServerSide>();
  for (const KeyPair& pair : options.certificates) {
    auto identity = parse_identity(pair);
    if (!identity) return std::unexpected(identity.error());
    side->identities.push_back(std::move(*identity));
  }
  if (auto given = side->identities.front().give_to(context.get()); !given)
    return std::unexpected(given.error());
  if (auto asked = ask_for_certificates(context.get(), options); !asked)
    return std::unexpected(asked.error());
  set_up_tickets(context.get(), options.ticket_secret);
  if (!options.sessions) {
    ::SSL_CTX_set_num_tickets(context.get(), 0);
    ::SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
  }
  side->alpn = alpn_wire(options.alpn);
  if (!side->alpn.empty()) ::SSL_CTX_set_alpn_select_cb(context.get(), &choose_protocol, nullptr);
  if (side->identities.size() > 1)
    ::SSL_CTX_set_cert_cb(context.get(), &choose_certificate, nullptr);
  const int set = ::SSL_CTX_set_ex_data(context.get(), server_side_slot(), side.release());
  WIREWAY_ASSERT(set == 1, "OpenSSL has memory for the certificates of a context");
  return context;
}

Result<OwnedContext> make_client_context(const TlsClientOptions& options) {
  OwnedContext context = make_context(::TLS_client_method());
  ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (options.ca.empty())
    ::SSL_CTX_set_default_verify_paths(context.get());
  else if (auto trusted = trust(context.get(), options.ca, false); !trusted)
    return std::unexpected(trusted.error());
  if (!options.certificate.empty()) {
    auto identity = parse_identity(options.certificate.front());
    if (!identity) return std::unexpected(identity.error());
    if (auto given = identity->give_to(context.get()); !given)
      return std::unexpected(given.error());
  }
  const std::string alpn = alpn_wire(options.alpn);
  ::SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(alpn.data()),
                            static_cast<unsigned>(alpn.size()));
  detail::remember_sessions(context.get(), TlsClientContext::sessions_max);
  return context;
}

OwnedContext share(const OwnedContext& context) {
  ::SSL_CTX_up_ref(context.get());
  return OwnedContext(context.get());
}

class ServerContext final : public TlsServerContext {
 public:
  Result<> replace(TlsServerOptions options) override {
    auto context = make_server_context(options);
    if (!context) return std::unexpected(context.error());
    context_ = std::move(*context);
    handshake_timeout_ = options.handshake_timeout;
    return {};
  }

  std::unique_ptr<TlsStream> accept(Loop& loop, std::unique_ptr<Stream> stream,
                                    PlainText plain) override {
    TlsRole role;
    role.context = share(context_);
    role.side = detail::Side::server;
    role.handshake_timeout = handshake_timeout_;
    return std::make_unique<TlsOver>(loop, std::move(stream), std::move(role), plain);
  }

 private:
  OwnedContext context_;
  Duration handshake_timeout_{};
};

class ClientContext final : public TlsClientContext {
 public:
  Result<> replace(TlsClientOptions options) override {
    auto context = make_client_context(options);
    if (!context) return std::unexpected(context.error());
    context_ = std::move(*context);
    handshake_timeout_ = options.handshake_timeout;
    return {};
  }

  std::unique_ptr<TlsStream> connect(Loop& loop, Network& network, const TlsTarget& target,
                                     StreamHandler& handler) override {
    TlsRole role;
    role.context = share(context_);
    role.side = detail::Side::client;
    role.server_name = target.server_name.empty() ? target.endpoint.host : target.server_name;
    role.session_key = target.endpoint.to_string() + " " + role.server_name;
    role.handshake_timeout = handshake_timeout_;
    return std::make_unique<TlsOver>(loop, network, target, std::move(role), handler);
  }

 private:
  OwnedContext context_;
  Duration handshake_timeout_{};
};

}  // namespace

Result<std::unique_ptr<TlsServerContext>> TlsServerContext::create(TlsServerOptions options) {
  auto context = std::make_unique<ServerContext>();
  if (auto set = context->replace(std::move(options)); !set) return std::unexpected(set.error());
  return context;
}

Result<std::unique_ptr<TlsClientContext>> TlsClientContext::create(TlsClientOptions options) {
  auto context = std::make_unique<ClientContext>();
  if (auto set = context->replace(std::move(options)); !set) return std::unexpected(set.error());
  return context;
}

}  // namespace wireway::net
