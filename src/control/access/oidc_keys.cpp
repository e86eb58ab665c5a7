#include "control/access/oidc_keys.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "control/access/access.h"

namespace wireway::control {

bool is_safe_url(std::string_view url) {
  if (url.starts_with("https://")) return url.size() > std::string_view("https://").size();
  constexpr std::string_view plain = "http://";
  if (!url.starts_with(plain)) return false;
  url.remove_prefix(plain.size());
  const std::string_view authority = url.substr(0, url.find_first_of("/?#\\"));
  return authority.find('@') == authority.npos && is_loopback_host(authority);
}

OidcKeys::OidcKeys(net::Loop& loop, std::unique_ptr<link::HttpClient> client, std::string issuer,
                   std::string ca_file)
    : loop_(loop),
      client_(std::move(client)),
      issuer_(std::move(issuer)),
      ca_file_(std::move(ca_file)),
      timer_(loop) {}

void OidcKeys::start() { fetch(); }

bool OidcKeys::ask() {
  if (fetching_) return true;
  if (loop_.now() - asked_ < ask_interval) return false;
  fetch();
  return true;
}

void OidcKeys::fetch() {
  timer_.cancel();
  fetching_ = true;
  asked_ = loop_.now();
  std::string_view base = issuer_;
  if (base.ends_with('/')) base.remove_suffix(1);
  get(fmt::format("{}/.well-known/openid-configuration", base),
      [this](const json::value& discovery) { fetch_keys(discovery); });
}

void OidcKeys::fetch_keys(const json::value& discovery) {
  const std::string named = text_at(discovery, {"issuer"});
  if (named != issuer_)
    return failed(
        fmt::format("its discovery document is of the issuer \"{}\"; correct "
                    "--oidc-issuer-url, to the letter",
                    named));
  const std::string url = text_at(discovery, {"jwks_uri"});
  if (!is_safe_url(url) || (issuer_.starts_with("https:") && !url.starts_with("https:")))
    return failed(fmt::format("its keys are at \"{}\", which is not https", url));
  get(url, [this](const json::value& set) { read_keys(set); });
}

/// The call that has ended is not destroyed within its own callback, but with the next one.
void OidcKeys::get(const std::string& url, std::function<void(const json::value&)> then) {
  link::HttpClientRequest request;
  request.url = url;
  request.headers = {{"Accept", "application/json"}};
  request.ca_file = ca_file_;
  request.total_timeout = fetch_time_max / 2;
  request.body_bytes_max = document_bytes_max;
  call_ =
      client_->send(std::move(request),
                    [this, url, then = std::move(then)](Result<link::HttpClientResponse> response) {
                      if (!response) return failed(response.error().message);
                      if (response->status != 200)
                        return failed(fmt::format("GET {}: HTTP status {}", url, response->status));
                      const auto document = parse_json(response->body);
                      if (!document || !document->is_object())
                        return failed(fmt::format("GET {}: the answer is not a JSON object", url));
                      then(*document);
                    });
}

void OidcKeys::read_keys(const json::value& set) {
  const json::value* list = find(set, "keys");
  if (list == nullptr || !list->is_array()) return failed("its document of keys has no keys");
  std::vector<PublicKey> keys;
  for (const json::value& each : list->get_array()) {
    if (keys.size() == keys_max) break;
    // Keys for encryption, and of kinds that are not known here, are no fault of the issuer's.
    if (auto key = PublicKey::from_jwk(each)) keys.push_back(std::move(*key));
  }
  if (keys.empty()) return failed("it publishes no key that can check a signature");
  if (!known_ || !trouble_.empty()) log::info("OpenID issuer {}: {} keys", issuer_, keys.size());
  keys_ = std::move(keys);
  known_ = true;
  trouble_.clear();
  retry_ = retry_min;
  again_in(refresh_interval);
}

void OidcKeys::failed(std::string why) {
  if (trouble_ != why)
    log::warn("OpenID issuer {}: its keys cannot be had: {}; tokens {}", issuer_, why,
              known_ ? "of known keys are still accepted" : "of its are refused until they can");
  trouble_ = std::move(why);
  again_in(retry_);
  retry_ = std::min(retry_ * 2, retry_max);
}

void OidcKeys::again_in(Duration delay) {
  fetching_ = false;
  timer_.arm(delay, [this] { fetch(); });
}

}  // namespace wireway::control
