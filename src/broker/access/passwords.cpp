#include "broker/access/passwords.h"

#include <fmt/format.h>

#include "link/credentials/password.h"

namespace wireway::broker {

Result<PasswordFile> parse_passwords(std::string_view text) {
  PasswordFile out;
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t colon = line.find(":$argon2id$");
    if (colon == line.npos || colon == 0)
      return fail(Errc::invalid,
                  fmt::format("line {} is not NAME:HASH with an argon2id hash; make one with "
                              "`wireway user hash NAME`",
                              number));
    out.insert_or_assign(std::string(line.substr(0, colon)), std::string(line.substr(colon + 1)));
  }
  return out;
}

Passwords::Passwords(net::Loop& loop, PasswordFile users, UserAttributes attributes)
    : loop_(loop),
      users_(std::move(users)),
      attributes_(std::move(attributes)),
      self_(std::make_shared<Passwords*>(this)) {}

Passwords::~Passwords() { *self_ = nullptr; }

bool Passwords::concerns(const Credentials& credentials) const {
  return credentials.username && credentials.password && !credentials.method;
}

void Passwords::check(const Credentials& credentials, WallTime, Answer answer) {
  if (waiting_.size() >= checks_max)
    return answer(Opinion::unavailable("too many passwords wait to be checked"));
  const auto user = users_.find(*credentials.username);
  Waiting waiting{.principal = {.username = *credentials.username, .method = "UsernamePassword"},
                  .answer = std::move(answer)};
  if (const auto found = attributes_.find(*credentials.username); found != attributes_.end())
    waiting.principal.attributes = found->second;
  const std::uint64_t ticket = ++tickets_;
  waiting_.emplace(ticket, std::move(waiting));
  // A name that does not exist costs as much as one that does.
  auto asked = worker_.run([&loop = loop_, self = self_, ticket,
                            hash = user == users_.end() ? "" : user->second,
                            password = *credentials.password] {
    const bool good = !hash.empty() && link::is_password(hash, password);
    if (hash.empty()) link::spend_a_check(password);
    loop.post([self, ticket, good] {
      if (*self != nullptr) (*self)->finish(ticket, good);
    });
  });
  if (!asked) finish(ticket, false);
}

std::string Passwords::voucher(const Principal& principal) const {
  const auto user = users_.find(principal.username);
  const auto attributes = attributes_.find(principal.username);
  std::string out = principal.username + "\n" + (user == users_.end() ? "" : user->second);
  if (attributes != attributes_.end())
    for (const auto& [name, value] : attributes->second) out += "\n" + name + "=" + value;
  return out;
}

std::vector<std::string> Passwords::vouchers() const {
  std::vector<std::string> out;
  for (const auto& [name, hash] : users_) out.push_back(voucher({.username = name}));
  return out;
}

void Passwords::finish(std::uint64_t ticket, bool good) {
  auto node = waiting_.extract(ticket);
  if (node.empty()) return;
  Waiting& waiting = node.mapped();
  if (good) return waiting.answer(Opinion::accept(std::move(waiting.principal)));
  waiting.answer(
      Opinion::deny(fmt::format("user \"{}\" or its password is wrong", waiting.principal.username),
                    mqtt::ReasonCode::not_authorized));
}

}  // namespace wireway::broker
