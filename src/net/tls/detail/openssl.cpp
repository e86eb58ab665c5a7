#include "net/tls/detail/openssl.h"

#include <array>
#include <ctime>
#include <utility>

#include <arpa/inet.h>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/bytes.h"

namespace wireway::net::detail {
namespace {

OwnedBio bio_of(std::string_view text) {
  return OwnedBio(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// A text with a zero byte in it is a trick: it would read as a shorter one elsewhere.
std::string text_of(const ASN1_STRING* string) {
  unsigned char* utf8 = nullptr;
  const int length = ::ASN1_STRING_to_UTF8(&utf8, string);
  if (length < 0) return {};
  std::string out(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(length));
  ::OPENSSL_free(utf8);
  return out.find('\0') == std::string::npos ? out : std::string();
}

std::vector<std::string> entries(const X509_NAME* name, int nid) {
  std::vector<std::string> out;
  for (int at = ::X509_NAME_get_index_by_NID(name, nid, -1); at >= 0;
       at = ::X509_NAME_get_index_by_NID(name, nid, at))
    out.push_back(text_of(::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(name, at))));
  return out;
}

std::string address_text(const ASN1_OCTET_STRING* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int length = ::ASN1_STRING_length(address);
  if (length != 4 && length != 16) return {};
  const int family = length == 4 ? AF_INET : AF_INET6;
  const void* data = ::ASN1_STRING_get0_data(address);
  return ::inet_ntop(family, data, text.data(), text.size()) != nullptr ? text.data() : "";
}

void add_alternative_names(PeerCertificate& out, const X509* certificate) {
  const auto keep = [](std::vector<std::string>& list, std::string text) {
    if (!text.empty()) list.push_back(std::move(text));
  };
  const Owned<GENERAL_NAMES, &GENERAL_NAMES_free> names(static_cast<GENERAL_NAMES*>(
      ::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) keep(out.dns_names, text_of(name->d.dNSName));
    if (name->type == GEN_URI) keep(out.uris, text_of(name->d.uniformResourceIdentifier));
    if (name->type == GEN_IPADD) keep(out.ip_addresses, address_text(name->d.iPAddress));
  }
}

}  // namespace

std::string openssl_reason() {
  const unsigned long code = ::ERR_get_error();
  ::ERR_clear_error();
  if (code == 0) return "no reason given";
  const char* reason = ::ERR_reason_error_string(code);
  return reason != nullptr ? reason : fmt::format("OpenSSL error {:x}", code);
}

Result<std::vector<OwnedCertificate>> parse_certificates(std::string_view pem,
                                                         std::string_view what) {
  ::ERR_clear_error();
  std::vector<OwnedCertificate> out;
  const OwnedBio bio = bio_of(pem);
  while (X509* certificate = ::PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
    out.emplace_back(certificate);
  const bool at_end = ERR_GET_REASON(::ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = openssl_reason();
  if (!at_end) return fail(Errc::invalid, fmt::format("{} is damaged: {}", what, reason));
  if (out.empty())
    return fail(
        Errc::invalid,
        fmt::format("{} holds no certificate in PEM form (\"-----BEGIN CERTIFICATE-----\")", what));
  return out;
}

Result<OwnedKey> parse_key(std::string_view pem, std::string_view what) {
  ::ERR_clear_error();
  const OwnedBio bio = bio_of(pem);
  // An encrypted key must not make the process ask its terminal for a password.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  OwnedKey key(::PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (key) return key;
  const std::string text = openssl_reason();
  if (pem.contains("ENCRYPTED"))
    return fail(Errc::invalid, fmt::format("{} is encrypted; give the key without a password "
                                           "(openssl pkey -in KEY -out KEY.plain)",
                                           what));
  if (!pem.contains("PRIVATE KEY-----"))
    return fail(
        Errc::invalid,
        fmt::format("{} holds no private key in PEM form (\"-----BEGIN PRIVATE KEY-----\")", what));
  return fail(Errc::invalid, fmt::format("{} is damaged: {}", what, text));
}

std::string name_text(const X509_NAME* name) {
  const OwnedBio bio(::BIO_new(::BIO_s_mem()));
  ::X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &data);
  return length > 0 ? std::string(data, static_cast<std::size_t>(length)) : std::string();
}

WallTime wall_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (::ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return {std::chrono::seconds{::timegm(&parts)}};
}

PeerCertificate describe(X509* certificate) {
  PeerCertificate out;
  const X509_NAME* subject = ::X509_get_subject_name(certificate);
  if (auto names = entries(subject, NID_commonName); !names.empty())
    out.common_name = std::move(names.back());
  out.organizations = entries(subject, NID_organizationName);
  out.subject = name_text(subject);
  out.issuer = name_text(::X509_get_issuer_name(certificate));
  const ASN1_INTEGER* serial = ::X509_get0_serialNumber(certificate);
  out.serial = hex_encode(
      {::ASN1_STRING_get0_data(serial), static_cast<std::size_t>(::ASN1_STRING_length(serial))});
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  ::X509_digest(certificate, ::EVP_sha256(), digest.data(), &length);
  out.fingerprint = hex_encode(ByteView(digest).first(length));
  out.not_before = wall_time(::X509_get0_notBefore(certificate));
  out.not_after = wall_time(::X509_get0_notAfter(certificate));
  add_alternative_names(out, certificate);
  return out;
}

std::string pem_of(X509* certificate) {
  const OwnedBio bio(::BIO_new(::BIO_s_mem()));
  if (::PEM_write_bio_X509(bio.get(), certificate) != 1) return {};
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(length)};
}

}  // namespace wireway::net::detail
