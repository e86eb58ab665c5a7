#include "link/credentials/jwt.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include "base/bytes.h"

namespace wireway::link {
namespace {

constexpr int rsa_bits_min = 2048;

struct Curve {
  std::string_view name;     ///< in a JWK
  std::string_view openssl;  ///< in OpenSSL
  std::string_view algorithm;
  std::size_t coordinate_bytes;
};
constexpr std::array curves{Curve{"P-256", "prime256v1", "ES256", 32},
                            Curve{"P-384", "secp384r1", "ES384", 48},
                            Curve{"P-521", "secp521r1", "ES512", 66}};

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Pkey = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free>>;
using BignumPtr = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using SignaturePtr = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Deleter<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Deleter<OSSL_PARAM_free>>;

constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// What OpenSSL has queued would be told to whoever asks next.
std::unexpected<Error> unusable(std::string what) {
  ERR_clear_error();
  return fail(Errc::invalid, std::move(what));
}

BignumPtr number(std::string_view bytes) {
  return BignumPtr(BN_bin2bn(raw(bytes), static_cast<int>(bytes.size()), nullptr));
}

std::string bytes_of(const BIGNUM* value, std::size_t size) {
  std::string out(size, '\0');
  BN_bn2binpad(value, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(size));
  return out;
}

std::string number_of(const EVP_PKEY* key, const char* name, std::size_t size) {
  BIGNUM* value = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &value) != 1) return "";
  const BignumPtr owned(value);
  return bytes_of(value, size == 0 ? static_cast<std::size_t>(BN_num_bytes(value)) : size);
}

Pkey from_params(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return nullptr;
  return Pkey(key);
}

Pkey ec_key(std::string_view curve_name, std::string_view x, std::string_view y) {
  const auto curve = std::ranges::find(curves, curve_name, &Curve::name);
  if (curve == curves.end() || x.size() != curve->coordinate_bytes ||
      y.size() != curve->coordinate_bytes)
    return nullptr;
  const std::string point = "\x04" + std::string(x) + std::string(y);
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve->openssl.data(),
                                  curve->openssl.size());
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  return from_params("EC", builder.get());
}

Pkey rsa_key(std::string_view modulus, std::string_view exponent) {
  const BignumPtr n = number(modulus);
  const BignumPtr e = number(exponent);
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  return from_params("RSA", builder.get());
}

/// The curve of an EC key that a token may be signed with, or null.
const Curve* curve_of(const EVP_PKEY* key) {
  std::array<char, 32> name{};
  if (!EVP_PKEY_is_a(key, "EC") ||
      EVP_PKEY_get_group_name(key, name.data(), name.size(), nullptr) != 1)
    return nullptr;
  const auto curve = std::ranges::find(curves, std::string_view(name.data()), &Curve::openssl);
  return curve == curves.end() ? nullptr : &*curve;
}

/// Only the kinds of keys that a token may be signed with.
Result<> check_kind(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA")) {
    if (EVP_PKEY_get_bits(key) >= rsa_bits_min) return {};
    return unusable(fmt::format("an RSA key needs {} bits or more", rsa_bits_min));
  }
  if (curve_of(key) != nullptr) return {};
  return unusable("the key is neither RSA nor EC on P-256, P-384 or P-521");
}

/// Whether an algorithm is one for this key; RS and PS are both for any RSA key.
bool fits(const EVP_PKEY* key, std::string_view algorithm) {
  if (const Curve* curve = curve_of(key)) return curve->algorithm == algorithm;
  constexpr std::array rsa{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"};
  return EVP_PKEY_is_a(key, "RSA") && std::ranges::find(rsa, algorithm) != rsa.end();
}

const EVP_MD* digest_of(std::string_view algorithm) {
  if (algorithm.ends_with("384")) return EVP_sha384();
  return algorithm.ends_with("512") ? EVP_sha512() : EVP_sha256();
}

/// Signatures of JWS are r and s side by side; OpenSSL's are DER.
std::string der_signature(std::string_view both, std::size_t coordinate_bytes) {
  if (both.size() != 2 * coordinate_bytes) return "";
  const SignaturePtr signature(ECDSA_SIG_new());
  ECDSA_SIG_set0(signature.get(), number(both.substr(0, coordinate_bytes)).release(),
                 number(both.substr(coordinate_bytes)).release());
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size <= 0) return "";
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

std::string raw_signature(std::string_view der, std::size_t coordinate_bytes) {
  const unsigned char* at = raw(der);
  const SignaturePtr signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!signature) return "";
  return bytes_of(ECDSA_SIG_get0_r(signature.get()), coordinate_bytes) +
         bytes_of(ECDSA_SIG_get0_s(signature.get()), coordinate_bytes);
}

WallTime time_claim(const json::object& claims, std::string_view name, WallTime otherwise) {
  const json::value* value = claims.if_contains(name);
  if (value == nullptr || !value->is_number()) return otherwise;
  const double seconds = value->to_number<double>();
  // A century or two around now; what is beyond is as good as for ever.
  const double bounded = std::clamp(seconds, 0.0, 9'000'000'000.0);
  return {std::chrono::seconds{static_cast<std::int64_t>(bounded)}};
}

std::size_t members_of(const json::value& value) {
  std::size_t out = 0;
  if (value.is_array())
    for (const json::value& each : value.get_array()) out += members_of(each);
  if (value.is_object())
    for (const auto& member : value.get_object()) out += 1 + members_of(member.value());
  return out;
}

/// Of two claims of one name, issuer and checker might each mean the other: RFC 7519 section 4. In
/// JSON that could be parsed, each member has one colon outside of strings.
bool repeats_a_member(std::string_view text, const json::value& parsed) {
  std::size_t colons = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      quoted = !quoted;
    else if (!quoted && text[i] == ':')
      ++colons;
  }
  return colons != members_of(parsed);
}

}  // namespace

std::string sha256(std::string_view bytes) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  SHA256(raw(bytes), bytes.size(), reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

std::string base64url_encode(std::string_view bytes) {
  std::string out = base64_encode(as_bytes(bytes));
  while (out.ends_with('=')) out.pop_back();
  std::ranges::replace(out, '+', '-');
  std::ranges::replace(out, '/', '_');
  return out;
}

Result<std::string> base64url_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const auto value = digits.find(c);
    if (value == std::string_view::npos) return fail(Errc::invalid, "is not base64url");
    group = (group << 6) | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<char>((group >> bits) & 0xFF));
  }
  if (bits == 6 || (group & ((1u << bits) - 1)) != 0)
    return fail(Errc::invalid, "is not base64url");
  return out;
}

struct PublicKey::Key {
  Pkey key;  ///< with its private half in a SigningKey
};

PublicKey::PublicKey(std::shared_ptr<const Key> key) : key_(std::move(key)) {
  json::object members = jwk();
  members.erase("kid");
  members.erase("use");
  members.erase("alg");
  // RFC 7638: the required members alone, in order of their names.
  std::vector<std::string> names;
  for (const auto& member : members) names.emplace_back(member.key());
  std::ranges::sort(names);
  std::string text = "{";
  for (const std::string& name : names)
    text += fmt::format("{}\"{}\":{}", text.size() > 1 ? "," : "", name,
                        json::serialize(members.at(name)));
  id_ = base64url_encode(sha256(text + "}"));
}

std::string_view PublicKey::algorithm() const {
  const Curve* curve = curve_of(key_->key.get());
  return curve == nullptr ? "RS256" : curve->algorithm;
}

json::object PublicKey::jwk() const {
  const EVP_PKEY* key = key_->key.get();
  json::object out{{"use", "sig"}, {"alg", algorithm()}, {"kid", id_}};
  const Curve* curve = curve_of(key);
  if (curve == nullptr) {
    out["kty"] = "RSA";
    out["n"] = base64url_encode(number_of(key, OSSL_PKEY_PARAM_RSA_N, 0));
    out["e"] = base64url_encode(number_of(key, OSSL_PKEY_PARAM_RSA_E, 0));
    return out;
  }
  out["kty"] = "EC";
  out["crv"] = curve->name;
  const std::size_t bytes = curve->coordinate_bytes;
  out["x"] = base64url_encode(number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, bytes));
  out["y"] = base64url_encode(number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, bytes));
  return out;
}

Result<PublicKey> PublicKey::from_jwk(const json::value& jwk) {
  const auto part = [&jwk](std::string_view name) {
    auto bytes = base64url_decode(text_at(jwk, {name}));
    return bytes ? *bytes : std::string();
  };
  if (const std::string use = text_at(jwk, {"use"}); !use.empty() && use != "sig")
    return unusable("the key is not for signatures");
  Pkey key;
  const std::string type = text_at(jwk, {"kty"});
  if (type == "RSA") key = rsa_key(part("n"), part("e"));
  if (type == "EC") key = ec_key(text_at(jwk, {"crv"}), part("x"), part("y"));
  if (!key) return unusable(fmt::format("a key of type \"{}\" cannot be read", type));
  if (auto good = check_kind(key.get()); !good) return std::unexpected(good.error());
  PublicKey out(std::make_shared<const Key>(std::move(key)));
  if (const std::string id = text_at(jwk, {"kid"}); !id.empty()) out.id_ = id;
  out.only_ = text_at(jwk, {"alg"});
  return out;
}

Result<PublicKey> PublicKey::from_pem(const std::string& pem) {
  const BioPtr input(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Pkey key(PEM_read_bio_PUBKEY(input.get(), nullptr, nullptr, nullptr));
  if (!key) return unusable("there is no public key in the PEM text");
  if (auto good = check_kind(key.get()); !good) return std::unexpected(good.error());
  return PublicKey(std::make_shared<const Key>(std::move(key)));
}

bool PublicKey::verify(std::string_view algorithm, std::string_view signed_text,
                       std::string_view signature) const {
  EVP_PKEY* key = key_->key.get();
  if (!fits(key, algorithm) || (!only_.empty() && only_ != algorithm)) return false;
  const Curve* curve = curve_of(key);
  const std::string der =
      curve == nullptr ? std::string(signature) : der_signature(signature, curve->coordinate_bytes);
  const DigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;  // the context's own
  bool good = !der.empty() && EVP_DigestVerifyInit(context.get(), &options, digest_of(algorithm),
                                                   nullptr, key) == 1;
  if (good && algorithm.starts_with("PS"))
    good = EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1;
  good = good && EVP_DigestVerify(context.get(), raw(der), der.size(), raw(signed_text),
                                  signed_text.size()) == 1;
  ERR_clear_error();
  return good;
}

Result<SigningKey> SigningKey::generate() {
  Pkey key(EVP_EC_gen("P-256"));
  if (!key) return unusable("a signing key cannot be made");
  return SigningKey(PublicKey(std::make_shared<const PublicKey::Key>(std::move(key))));
}

Result<SigningKey> SigningKey::from_pem(const std::string& pem) {
  const BioPtr input(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Pkey key(PEM_read_bio_PrivateKey(input.get(), nullptr, nullptr, nullptr));
  if (!key) return unusable("there is no private key in the PEM text");
  if (auto good = check_kind(key.get()); !good) return std::unexpected(good.error());
  return SigningKey(PublicKey(std::make_shared<const PublicKey::Key>(std::move(key))));
}

std::string SigningKey::to_pem() const {
  const BioPtr output(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(output.get(), public_.key_->key.get(), nullptr, nullptr, 0, nullptr,
                           nullptr);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(output.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(std::max(0L, size)));
}

Result<std::string> SigningKey::sign(const json::object& claims) const {
  const json::object header{{"alg", public_.algorithm()}, {"kid", public_.id()}, {"typ", "JWT"}};
  const std::string text =
      base64url_encode(json::serialize(header)) + "." + base64url_encode(json::serialize(claims));
  const DigestContext context(EVP_MD_CTX_new());
  EVP_PKEY* key = public_.key_->key.get();
  std::size_t size = 0;
  std::string signature;
  if (EVP_DigestSignInit(context.get(), nullptr, digest_of(public_.algorithm()), nullptr, key) ==
          1 &&
      EVP_DigestSign(context.get(), nullptr, &size, raw(text), text.size()) == 1) {
    signature.resize(size);
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       raw(text), text.size()) != 1)
      size = 0;
    signature.resize(size);
  }
  if (signature.empty()) return unusable("the token cannot be signed");
  if (const Curve* curve = curve_of(key))
    signature = raw_signature(signature, curve->coordinate_bytes);
  return text + "." + base64url_encode(signature);
}

Result<Jwt> Jwt::parse(std::string_view token) {
  if (token.size() > token_bytes_max) return fail(Errc::denied, "the token is too long");
  const auto first = token.find('.');
  const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
    return fail(Errc::denied, "the token is no JSON Web Token");
  const auto header = base64url_decode(token.substr(0, first));
  const auto payload = base64url_decode(token.substr(first + 1, second - first - 1));
  auto signature = base64url_decode(token.substr(second + 1));
  if (!header || !payload || !signature)
    return fail(Errc::denied, "the token is no JSON Web Token");
  const auto head = parse_json(*header);
  auto claims = parse_json(*payload);
  if (!head || !head->is_object() || !claims || !claims->is_object())
    return fail(Errc::denied, "the token is no JSON Web Token");
  if (repeats_a_member(*header, *head) || repeats_a_member(*payload, *claims))
    return fail(Errc::denied, "the token says the same thing twice");
  if (head->get_object().contains("crit"))
    return fail(Errc::denied, "the token asks for extensions that are not known");
  Jwt out;
  out.algorithm = text_at(*head, {"alg"});
  out.key_id = text_at(*head, {"kid"});
  out.claims = std::move(claims->get_object());
  out.signed_text = token.substr(0, second);
  out.signature = std::move(*signature);
  return out;
}

std::string Jwt::issuer() const {
  const json::value* value = claims.if_contains("iss");
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

std::vector<std::string> Jwt::audiences() const {
  std::vector<std::string> out;
  const json::value* value = claims.if_contains("aud");
  if (value == nullptr) return out;
  if (value->is_string()) out.emplace_back(value->get_string());
  if (value->is_array())
    for (const json::value& each : value->get_array())
      if (each.is_string()) out.emplace_back(each.get_string());
  return out;
}

WallTime Jwt::expires() const { return time_claim(claims, "exp", {}); }

Result<> Jwt::check_time(WallTime now) const {
  if (!claims.contains("exp")) return fail(Errc::denied, "the token does not say when it expires");
  for (const char* name : {"exp", "nbf", "iat"})
    if (const json::value* time = claims.if_contains(name); time != nullptr && !time->is_number())
      return fail(Errc::denied, fmt::format("the token's claim \"{}\" is not a time", name));
  if (now >= expires() + token_clock_skew)
    return fail(Errc::denied, fmt::format("the token expired at {}", to_rfc3339(expires())));
  const WallTime begins = time_claim(claims, "nbf", {});
  if (now + token_clock_skew < begins)
    return fail(Errc::denied, fmt::format("the token is not valid before {}", to_rfc3339(begins)));
  const WallTime issued = time_claim(claims, "iat", {});
  if (now + token_clock_skew < issued)
    return fail(Errc::denied, fmt::format("the token was issued in the future, at {}; compare the "
                                          "clocks of its issuer and of this machine",
                                          to_rfc3339(issued)));
  return {};
}

Result<> Jwt::check_signature(const std::vector<PublicKey>& keys) const {
  for (const PublicKey& key : keys) {
    if (!key_id.empty() && key.id() != key_id) continue;
    if (key.verify(algorithm, signed_text, signature)) return {};
  }
  return fail(Errc::denied, "the token's signature is not of a key that is known here");
}

}  // namespace wireway::link
