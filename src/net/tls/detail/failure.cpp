#include "net/tls/detail/failure.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/err.h>

namespace wireway::net::detail {
namespace {

std::string names_of(const PeerCertificate& certificate) {
  std::vector<std::string> names = certificate.dns_names;
  names.insert(names.end(), certificate.ip_addresses.begin(), certificate.ip_addresses.end());
  if (names.empty()) return "no name at all";
  return fmt::format("{}", fmt::join(names, ", "));
}

/// The words for one of X509_V_ERR_*: what is wrong, and what helps.
std::string verdict(int error, const PeerCertificate& certificate, const FailureContext& context) {
  const bool server = context.side == Side::client;  // whose certificate it is
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format("expired on {} (it is {} now); renew it",
                         to_rfc3339(certificate.not_after), to_rfc3339(context.now));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fmt::format("is valid only from {} (it is {} now); set the clocks right",
                         to_rfc3339(certificate.not_before), to_rfc3339(context.now));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fmt::format(
          "is for {}, not for {}; connect by one of its names, or have it issued "
          "for this one",
          names_of(certificate), context.name);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return fmt::format("is signed by an unknown authority ({}); {}", certificate.issuer,
                         server ? "give that authority's certificate as the CA to trust"
                                : "use a certificate of an authority that is trusted here");
    case X509_V_ERR_INVALID_PURPOSE:
      return fmt::format("is not meant for a {}; have it issued with the extended key usage {}",
                         server ? "server" : "client", server ? "serverAuth" : "clientAuth");
    default: return fmt::format("cannot be verified ({})", ::X509_verify_cert_error_string(error));
  }
}

struct Words {
  Errc code;
  std::string_view text;
};

/// The peer's alerts are about us; the other reasons are about the peer.
Words words_for(int reason, Side side) {
  const bool client = side == Side::client;
  switch (reason) {
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return {Errc::denied, client ? "it refuses our certificate: it does not know the authority "
                                     "that signed it; use one that it trusts"
                                   : "it does not trust our certificate's authority; give it the "
                                     "CA certificate"};
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE:
      return {Errc::denied, client ? "it refuses our certificate; see the server's log for the "
                                     "reason"
                                   : "it refuses our certificate; does it trust the CA, and does "
                                     "it use a name that the certificate is for?"};
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return {Errc::denied,
              "it says that our certificate has expired; renew it, or set its clock "
              "right"};
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
      return {Errc::denied, "it says that our certificate is revoked; use another one"};
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return {Errc::denied, client ? "it requires a client certificate; configure one"
                                   : "it gave no client certificate, which is required here; "
                                     "configure one in the client"};
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
      return {Errc::unsupported, "no TLS version in common; the peer must speak TLS 1.2 or 1.3"};
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SUITABLE_GROUPS:
      return {Errc::unsupported,
              "no cipher in common; the peer must offer ECDHE with AES-GCM or "
              "ChaCha20-Poly1305"};
    case SSL_R_NO_APPLICATION_PROTOCOL:
    case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
      return {Errc::unsupported, "no application protocol (ALPN) in common"};
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
      return {Errc::invalid, "it does not speak TLS; check the port, or connect without TLS"};
    default: return {Errc::unavailable, ""};
  }
}

}  // namespace

Error verify_failure(X509_STORE_CTX* verification, const FailureContext& context) {
  const int error = ::X509_STORE_CTX_get_error(verification);
  X509* const current = ::X509_STORE_CTX_get_current_cert(verification);
  const PeerCertificate certificate = current != nullptr ? describe(current) : PeerCertificate();
  const bool own = ::X509_STORE_CTX_get_error_depth(verification) == 0;
  return {Errc::denied, fmt::format("{}: the {}{} certificate ({}) {}", context.peer,
                                    context.side == Side::client ? "server's" : "client's",
                                    own ? "" : " authority's", certificate.subject,
                                    verdict(error, certificate, context))};
}

Error tls_failure(const FailureContext& context) {
  const unsigned long code = ::ERR_peek_last_error();
  const Words words = words_for(ERR_GET_REASON(code), context.side);
  const std::string reason = openssl_reason();
  if (words.text.empty())
    return {words.code, fmt::format("{}: TLS failed ({})", context.peer, reason)};
  return {words.code, fmt::format("{}: {}", context.peer, words.text)};
}

Error not_tls_failure(ByteView first_bytes, const FailureContext& context) {
  const std::string_view text = as_text(first_bytes);
  const bool client = context.side == Side::client;
  for (const std::string_view start :
       {"GET ", "POST", "PUT ", "HEAD", "OPTI", "DELE", "PATC", "CONN", "PRI ", "HTTP"})
    if (text.starts_with(start))
      return {Errc::invalid, fmt::format("{}: plain HTTP on a TLS {}", context.peer,
                                         client ? "connection; the server's port is not an HTTPS "
                                                  "one: use http://, or its TLS port"
                                                : "port; use https://")};
  if (!client && !text.empty() && text[0] == 0x10)
    return {Errc::invalid,
            fmt::format("{}: plain MQTT on a TLS port; switch TLS on in the client, or use the "
                        "plain port",
                        context.peer)};
  return {Errc::invalid,
          fmt::format("{}: it does not speak TLS (its first bytes are {}); check the port, or "
                      "connect without TLS",
                      context.peer,
                      hex_encode(first_bytes.first(std::min<std::size_t>(first_bytes.size(), 8))))};
}

}  // namespace wireway::net::detail
