#pragma once
/// OpenSSL's objects with owners, and its errors as text.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "net/tls/certificate.h"

namespace wireway::net::detail {

template <auto free_function>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free_function(object);
  }
};
template <class T, auto free_function>
using Owned = std::unique_ptr<T, Free<free_function>>;

using OwnedBio = Owned<BIO, &BIO_free_all>;
using OwnedKey = Owned<EVP_PKEY, &EVP_PKEY_free>;
using OwnedCertificate = Owned<X509, &X509_free>;
using OwnedContext = Owned<SSL_CTX, &SSL_CTX_free>;
using OwnedSsl = Owned<SSL, &SSL_free>;
using OwnedSession = Owned<SSL_SESSION, &SSL_SESSION_free>;

/// The oldest error of this thread's queue in OpenSSL's words, and empties the queue. Reasons only,
/// never data.
std::string openssl_reason();

/// Errors: Errc::invalid; `what` begins the sentence.
Result<std::vector<OwnedCertificate>> parse_certificates(std::string_view pem,
                                                         std::string_view what);
Result<OwnedKey> parse_key(std::string_view pem, std::string_view what);

/// RFC 2253 with UTF-8 as it is.
std::string name_text(const X509_NAME* name);
WallTime wall_time(const ASN1_TIME* time);
PeerCertificate describe(X509* certificate);
std::string pem_of(X509* certificate);

}  // namespace wireway::net::detail
