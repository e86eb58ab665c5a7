#pragma once
/// X.509 certificates and private keys as PEM text: read, checked, and made by an authority of our
/// own (ECDSA P-256), so that a first start needs nobody's help.
///
/// Thread: any; each call takes about 0.1 ms, but a new RSA key takes from 50 ms (2048 bits) to
///         many seconds (8192).
/// Errors: a sentence names the certificate by its subject; no sentence ever holds key material.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace wireway::net {

/// What a certificate says of its holder. As an attribute of a connection it has been verified.
struct PeerCertificate {
  std::string common_name;
  std::vector<std::string> organizations;
  std::string subject;      ///< RFC 2253: "CN=admin,O=system:masters"
  std::string issuer;       ///< as subject
  std::string serial;       ///< lower-case hexadecimal
  std::string fingerprint;  ///< SHA-256 of the whole certificate, lower-case hexadecimal
  WallTime not_before;
  WallTime not_after;
  std::vector<std::string> dns_names;
  std::vector<std::string> uris;
  std::vector<std::string> ip_addresses;
};

/// A certificate with its private key. The certificate's chain may follow it.
struct KeyPair {
  std::string certificates;  ///< PEM, the holder's own first
  std::string key;           ///< PEM, not encrypted
  friend bool operator==(const KeyPair&, const KeyPair&) = default;
};

enum class CertificateUse { server, client };

enum class KeyAlgorithm { ec256, ec384, ec521, ed25519, rsa2048, rsa4096, rsa8192 };

struct CertificateWish {
  CertificateUse use = CertificateUse::server;
  std::string common_name = {};
  std::vector<std::string> organizations = {};
  std::vector<std::string> names = {};  ///< DNS names and IP addresses it is valid for
  WallTime now = {};
  Duration lifetime = std::chrono::days{365};
  KeyAlgorithm algorithm = KeyAlgorithm::ec256;  ///< of the new key
  std::string key = {};                          ///< PEM: certify this one and make none
};

/// Clocks of peers may be this much behind: a new certificate is valid from a little earlier.
inline constexpr Duration clock_skew_max = std::chrono::minutes{5};

/// A certificate authority that signs leaves only; valid ten years unless told otherwise.
Result<KeyPair> make_authority(const std::string& common_name, WallTime now,
                               Duration lifetime = std::chrono::days{3'653});

/// A new key, or the wish's own, with a certificate by `authority`.
Result<KeyPair> issue_certificate(const KeyPair& authority, const CertificateWish& wish);

/// The first certificate of the text. Errors: Errc::invalid if there is none.
Result<PeerCertificate> read_certificate(std::string_view pem);

/// What `key` (PEM) is; nothing if it cannot be read or is of another kind.
std::optional<KeyAlgorithm> algorithm_of(std::string_view key);

/// That the key can be read and belongs to the first certificate. Errors: Errc::invalid.
Result<> check_key_pair(const KeyPair& pair);

/// True if `certificates` (its first) was signed by the key of `authority`.
bool is_issued_by(std::string_view certificates, std::string_view authority);

/// The chain from a client's own certificate to one of `authorities` (a root or an intermediate
/// one), the client's first. `presented` is what the client sent.
/// Errors: Errc::denied with what is wrong with it.
Result<std::vector<PeerCertificate>> verify_client_chain(std::string_view presented,
                                                         std::string_view authorities,
                                                         WallTime now);

/// True in the last third of its life, and after it.
bool renewal_due(const PeerCertificate& certificate, WallTime now);

}  // namespace wireway::net
