#pragma once
/// The published keys of an OpenID issuer: fetched at the start, once an hour and when a token
/// names a key that is not known; kept when the issuer is away.
///
/// Source: OpenID Connect Discovery 1.0 section 4; RFC 7517.
/// Thread: the Loop's. Owns: the HTTP client.
/// Limits: a document document_bytes_max, a fetch fetch_time_max, keys_max keys; asked for the sake
///         of a token at most once in ask_interval, however many tokens name unknown keys.
/// Errors: trouble() says in a sentence why the last fetch failed; fetches go on with back-off.

#include <memory>
#include <string>
#include <vector>

#include "control/access/credentials.h"
#include "link/http_client.h"
#include "net/loop.h"

namespace wireway::control {

class OidcKeys {
 public:
  static constexpr std::size_t document_bytes_max = 1024 * 1024;
  static constexpr std::size_t keys_max = 100;
  static constexpr Duration fetch_time_max = std::chrono::seconds{10};
  static constexpr Duration ask_interval = std::chrono::seconds{10};
  static constexpr Duration refresh_interval = std::chrono::hours{1};
  static constexpr Duration retry_min = std::chrono::seconds{1};
  static constexpr Duration retry_max = std::chrono::seconds{60};

  OidcKeys(net::Loop& loop, std::unique_ptr<link::HttpClient> client, std::string issuer,
           std::string ca_file);

  /// Fetches now and from then on.
  void start();
  /// Fetches unless it does already or has done so just now. True if an answer is to come.
  bool ask();
  const std::vector<PublicKey>& keys() const { return keys_; }
  /// Whether the issuer has ever answered.
  bool known() const { return known_; }
  /// Why the last fetch failed; empty if it did not.
  const std::string& trouble() const { return trouble_; }

 private:
  void fetch();
  void fetch_keys(const json::value& discovery);
  void get(const std::string& url, std::function<void(const json::value&)> then);
  void read_keys(const json::value& set);
  void failed(std::string why);
  void again_in(Duration delay);

  net::Loop& loop_;
  std::unique_ptr<link::HttpClient> client_;
  std::string issuer_;
  std::string ca_file_;
  net::Timer timer_;
  std::unique_ptr<link::HttpCall> call_;
  bool fetching_ = false;
  bool known_ = false;
  MonoTime asked_{};
  Duration retry_ = retry_min;
  std::vector<PublicKey> keys_;
  std::string trouble_;
};

/// True for https, and for plain http to this machine itself.
bool is_safe_url(std::string_view url);

}  // namespace wireway::control
