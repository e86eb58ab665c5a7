#include "broker/access/certificates.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "net/tls/certificate.h"

namespace wireway::broker {
namespace {

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// Where the next part begins: a `,` or `+` that is not escaped.
std::size_t end_of_part(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == ',' || text[i] == '+')
      return i;
  }
  return text.size();
}

}  // namespace

std::string normal_subject(std::string_view subject) {
  std::vector<std::string> parts;
  while (!subject.empty()) {
    const std::size_t end = end_of_part(subject);
    const std::string_view part = subject.substr(0, end);
    subject.remove_prefix(std::min(end + 1, subject.size()));
    const std::size_t sign = part.find('=');
    if (sign == part.npos) continue;
    std::string name(trimmed(part.substr(0, sign)));
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
    parts.push_back(fmt::format("{}={}", name, trimmed(part.substr(sign + 1))));
  }
  std::ranges::sort(parts);
  return fmt::format("{}", fmt::join(parts, ","));
}

Certificates::SubjectAttributes Certificates::attributes_of(const json::value& settings) {
  SubjectAttributes out;
  const json::value* groups = find(settings, "authorizationAttributes");
  if (groups == nullptr || !groups->is_object()) return out;
  for (const auto& [name, group] : groups->get_object()) {
    auto& attributes = out[normal_subject(text_at(group, {"subject"}))];
    const json::value* given = find(group, "attributes");
    if (given == nullptr || !given->is_object()) continue;
    for (const auto& [key, value] : given->get_object())
      if (value.is_string()) attributes.emplace(key, value.get_string());
  }
  return out;
}

void Certificates::check(const Credentials& credentials, WallTime now, Answer answer) {
  const auto chain = net::verify_client_chain(credentials.certificates, authorities_, now);
  if (!chain) return answer(Opinion::deny(chain.error().message));
  Principal who{.username = chain->front().common_name, .method = "X509"};
  who.expires_at = chain->front().not_after;
  for (const net::PeerCertificate& each : *chain)
    who.expires_at = std::min(*who.expires_at, each.not_after);
  for (const net::PeerCertificate& each : *chain) {
    const auto found = subjects_.find(normal_subject(each.subject));
    if (found == subjects_.end()) continue;
    who.attributes = found->second;
    break;
  }
  answer(Opinion::accept(std::move(who)));
}

}  // namespace wireway::broker
