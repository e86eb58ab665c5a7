#include "net/tls/certificate.h"

#include <utility>

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "net/tls/detail/openssl.h"

namespace wireway::net {
namespace {

using detail::Owned;
using detail::OwnedBio;
using detail::OwnedCertificate;
using detail::OwnedKey;

constexpr std::size_t serial_bytes = 16;

Error library_error(std::string_view what) {
  return {Errc::internal, fmt::format("{}: {}", what, detail::openssl_reason())};
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(length)};
}

bool add_name_entry(X509_NAME* name, int nid, const std::string& text) {
  return ::X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(text.data()),
                                      static_cast<int>(text.size()), -1, 0) == 1;
}

bool set_time(ASN1_TIME* field, WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time.since_epoch);
  return ::ASN1_TIME_set(field, seconds.count()) != nullptr;
}

bool set_random_serial(X509* certificate) {
  std::array<unsigned char, serial_bytes> bytes{};
  if (::RAND_bytes(bytes.data(), bytes.size()) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7FU) | 0x40U);  // positive, full length
  const Owned<BIGNUM, &BN_free> number(::BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  return ::BN_to_ASN1_INTEGER(number.get(), ::X509_get_serialNumber(certificate)) != nullptr;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context{};
  ::X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION, &X509_EXTENSION_free> extension(
      ::X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && ::X509_add_ext(certificate, extension.get(), -1) == 1;
}

/// Built from values, not from a configuration text: a name with a comma stays one name.
bool add_alternative_names(X509* certificate, const std::vector<std::string>& names) {
  const Owned<GENERAL_NAMES, &GENERAL_NAMES_free> list(::GENERAL_NAMES_new());
  for (const std::string& text : names) {
    Owned<GENERAL_NAME, &GENERAL_NAME_free> name(::GENERAL_NAME_new());
    if (ASN1_OCTET_STRING* address = ::a2i_IPADDRESS(text.c_str())) {
      ::GENERAL_NAME_set0_value(name.get(), GEN_IPADD, address);
    } else {
      ASN1_IA5STRING* dns = ::ASN1_IA5STRING_new();
      ::ASN1_STRING_set(dns, text.data(), static_cast<int>(text.size()));
      ::GENERAL_NAME_set0_value(name.get(), GEN_DNS, dns);
    }
    sk_GENERAL_NAME_push(list.get(), name.release());
  }
  return names.empty() ||
         ::X509_add1_ext_i2d(certificate, NID_subject_alt_name, list.get(), 0, 0) == 1;
}

OwnedKey make_key(KeyAlgorithm algorithm) {
  switch (algorithm) {
    case KeyAlgorithm::ec256: return OwnedKey(EVP_EC_gen("P-256"));
    case KeyAlgorithm::ec384: return OwnedKey(EVP_EC_gen("P-384"));
    case KeyAlgorithm::ec521: return OwnedKey(EVP_EC_gen("P-521"));
    case KeyAlgorithm::ed25519: return OwnedKey(::EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    case KeyAlgorithm::rsa2048: return OwnedKey(EVP_RSA_gen(2048));
    case KeyAlgorithm::rsa4096: return OwnedKey(EVP_RSA_gen(4096));
    case KeyAlgorithm::rsa8192: return OwnedKey(EVP_RSA_gen(8192));
  }
  return nullptr;
}

Result<OwnedKey> key_for(const CertificateWish& wish) {
  if (!wish.key.empty()) return detail::parse_key(wish.key, "the key to certify");
  OwnedKey key = make_key(wish.algorithm);
  if (!key) return std::unexpected(library_error("make a key"));
  return key;
}

/// What signs with this key; Ed25519 has its digest within.
const EVP_MD* digest_for(const EVP_PKEY* key) {
  return ::EVP_PKEY_is_a(key, "ED25519") == 1 ? nullptr : ::EVP_sha256();
}

/// A certificate with everything that an authority and a leaf have in common, not yet signed.
OwnedCertificate begin_certificate(EVP_PKEY* key, const CertificateWish& wish) {
  OwnedCertificate out(::X509_new());
  X509* certificate = out.get();
  X509_NAME* subject = ::X509_get_subject_name(certificate);
  bool good = ::X509_set_version(certificate, X509_VERSION_3) == 1 &&
              set_random_serial(certificate) &&
              set_time(::X509_getm_notBefore(certificate), wish.now + -clock_skew_max) &&
              set_time(::X509_getm_notAfter(certificate), wish.now + wish.lifetime) &&
              ::X509_set_pubkey(certificate, key) == 1;
  for (const std::string& organization : wish.organizations)
    good = good && add_name_entry(subject, NID_organizationName, organization);
  if (!wish.common_name.empty())
    good = good && add_name_entry(subject, NID_commonName, wish.common_name);
  return good ? std::move(out) : nullptr;
}

Result<KeyPair> to_pem(X509* certificate, EVP_PKEY* key) {
  const OwnedBio certificate_bio(::BIO_new(::BIO_s_mem()));
  const OwnedBio key_bio(::BIO_new(::BIO_s_secmem()));
  if (::PEM_write_bio_X509(certificate_bio.get(), certificate) != 1 ||
      ::PEM_write_bio_PKCS8PrivateKey(key_bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) !=
          1)
    return std::unexpected(library_error("write a certificate"));
  return KeyPair{.certificates = text_of(certificate_bio.get()), .key = text_of(key_bio.get())};
}

}  // namespace

Result<KeyPair> make_authority(const std::string& common_name, WallTime now, Duration lifetime) {
  const OwnedKey key(EVP_EC_gen("P-256"));
  if (!key) return std::unexpected(library_error("make the key of an authority"));
  const OwnedCertificate certificate =
      begin_certificate(key.get(), {.common_name = common_name, .now = now, .lifetime = lifetime});
  X509* const own = certificate.get();
  const bool made = own != nullptr &&
                    ::X509_set_issuer_name(own, ::X509_get_subject_name(own)) == 1 &&
                    add_extension(own, own, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                    add_extension(own, own, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                    add_extension(own, own, NID_subject_key_identifier, "hash") &&
                    ::X509_sign(own, key.get(), ::EVP_sha256()) > 0;
  if (!made) return std::unexpected(library_error("make the certificate of an authority"));
  return to_pem(own, key.get());
}

Result<KeyPair> issue_certificate(const KeyPair& authority, const CertificateWish& wish) {
  auto issuers = detail::parse_certificates(authority.certificates, "the authority's certificate");
  if (!issuers) return std::unexpected(issuers.error());
  auto issuer_key = detail::parse_key(authority.key, "the authority's key");
  if (!issuer_key) return std::unexpected(issuer_key.error());
  X509* const issuer = issuers->front().get();
  const auto key = key_for(wish);
  if (!key) return std::unexpected(key.error());
  const OwnedCertificate certificate = begin_certificate(key->get(), wish);
  X509* const own = certificate.get();
  const char* const use = wish.use == CertificateUse::server ? "serverAuth" : "clientAuth";
  const bool made = own != nullptr &&
                    ::X509_set_issuer_name(own, ::X509_get_subject_name(issuer)) == 1 &&
                    add_extension(own, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
                    add_extension(own, issuer, NID_key_usage, "critical,digitalSignature") &&
                    add_extension(own, issuer, NID_ext_key_usage, use) &&
                    add_extension(own, issuer, NID_subject_key_identifier, "hash") &&
                    add_extension(own, issuer, NID_authority_key_identifier, "keyid:always") &&
                    add_alternative_names(own, wish.names) &&
                    ::X509_sign(own, issuer_key->get(), digest_for(issuer_key->get())) > 0;
  if (!made) return std::unexpected(library_error("make the certificate of " + wish.common_name));
  return to_pem(own, key->get());
}

Result<PeerCertificate> read_certificate(std::string_view pem) {
  auto certificates = detail::parse_certificates(pem, "the text");
  if (!certificates) return std::unexpected(certificates.error());
  return detail::describe(certificates->front().get());
}

std::optional<KeyAlgorithm> algorithm_of(std::string_view pem) {
  const auto key = detail::parse_key(pem, "the private key");
  if (!key) return {};
  const int bits = ::EVP_PKEY_get_bits(key->get());
  const auto is = [&key](const char* name) { return ::EVP_PKEY_is_a(key->get(), name) == 1; };
  if (is("ED25519")) return KeyAlgorithm::ed25519;
  if (is("EC") && bits == 256) return KeyAlgorithm::ec256;
  if (is("EC") && bits == 384) return KeyAlgorithm::ec384;
  if (is("EC") && bits == 521) return KeyAlgorithm::ec521;
  if (is("RSA") && bits == 2048) return KeyAlgorithm::rsa2048;
  if (is("RSA") && bits == 4096) return KeyAlgorithm::rsa4096;
  if (is("RSA") && bits == 8192) return KeyAlgorithm::rsa8192;
  return {};
}

Result<> check_key_pair(const KeyPair& pair) {
  auto certificates = detail::parse_certificates(pair.certificates, "the certificate");
  if (!certificates) return std::unexpected(certificates.error());
  auto key = detail::parse_key(pair.key, "the private key");
  if (!key) return std::unexpected(key.error());
  X509* const own = certificates->front().get();
  if (::X509_check_private_key(own, key->get()) == 1) return {};
  detail::openssl_reason();
  return fail(Errc::invalid,
              fmt::format("the private key is not that of the certificate {}; give the key with "
                          "which it was requested",
                          detail::name_text(::X509_get_subject_name(own))));
}

bool is_issued_by(std::string_view certificates, std::string_view authority) {
  const auto own = detail::parse_certificates(certificates, "the certificate");
  const auto issuer = detail::parse_certificates(authority, "the authority's certificate");
  if (!own || !issuer) return false;
  X509* const signer = issuer->front().get();
  if (::X509_check_issued(signer, own->front().get()) != X509_V_OK) return false;
  const bool good = ::X509_verify(own->front().get(), ::X509_get0_pubkey(signer)) == 1;
  detail::openssl_reason();
  return good;
}

Result<std::vector<PeerCertificate>> verify_client_chain(std::string_view presented,
                                                         std::string_view authorities,
                                                         WallTime now) {
  const auto own = detail::parse_certificates(presented, "the client's certificate");
  if (!own) return std::unexpected(own.error());
  const auto trusted = detail::parse_certificates(authorities, "the authorities' certificates");
  if (!trusted) return std::unexpected(trusted.error());
  const Owned<X509_STORE, &X509_STORE_free> store(::X509_STORE_new());
  for (const OwnedCertificate& each : *trusted) ::X509_STORE_add_cert(store.get(), each.get());
  // Only borrowed: `own` outlives the check.
  const Owned<STACK_OF(X509), [](STACK_OF(X509) * stack) { sk_X509_free(stack); }> others(
      sk_X509_new_null());
  for (const OwnedCertificate& each : *own) sk_X509_push(others.get(), each.get());
  const Owned<X509_STORE_CTX, &X509_STORE_CTX_free> check(::X509_STORE_CTX_new());
  ::X509_STORE_CTX_init(check.get(), store.get(), own->front().get(), others.get());
  X509_VERIFY_PARAM* const rules = ::X509_STORE_CTX_get0_param(check.get());
  ::X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
  ::X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_CLIENT);
  ::X509_VERIFY_PARAM_set_time(rules,
                               std::chrono::floor<std::chrono::seconds>(now.since_epoch).count());
  const bool good = ::X509_verify_cert(check.get()) == 1;
  const int error = ::X509_STORE_CTX_get_error(check.get());
  detail::openssl_reason();
  if (!good)
    return fail(Errc::denied,
                fmt::format("the certificate {} is refused: {}",
                            detail::name_text(::X509_get_subject_name(own->front().get())),
                            ::X509_verify_cert_error_string(error)));
  std::vector<PeerCertificate> out;
  STACK_OF(X509)* const chain = ::X509_STORE_CTX_get0_chain(check.get());
  for (int i = 0; i < sk_X509_num(chain); ++i)
    out.push_back(detail::describe(sk_X509_value(chain, i)));
  return out;
}

bool renewal_due(const PeerCertificate& certificate, WallTime now) {
  const Duration life = certificate.not_after - certificate.not_before;
  return certificate.not_after - now < life / 3;
}

}  // namespace wireway::net
