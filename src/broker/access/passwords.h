#pragma once
/// Method UsernamePassword (ours): users with argon2id hashes in a Secret, a line each under the
/// key `passwords`: `name:$argon2id$...`, as `wireway user hash` writes them.
///
/// Owns:   a worker: checking a password takes about 30 ms and never blocks the loop
/// Limits: checks_max wait at once; beyond it the method is unavailable

#include <map>
#include <memory>

#include "broker/access/method.h"
#include "net/loop.h"
#include "net/worker.h"

namespace wireway::broker {

/// name -> hash. Lines that are empty or begin with `#` are skipped.
using PasswordFile = std::map<std::string, std::string, std::less<>>;

/// Errors: Errc::invalid with the line's number, never what it holds.
Result<PasswordFile> parse_passwords(std::string_view text);

using UserAttributes = std::map<std::string, std::map<std::string, std::string>>;

class Passwords final : public Method {
 public:
  static constexpr std::size_t checks_max = 1000;

  Passwords(net::Loop& loop, PasswordFile users, UserAttributes attributes);
  ~Passwords() override;

  bool concerns(const Credentials& credentials) const override;
  void check(const Credentials& credentials, WallTime now, Answer answer) override;
  std::string voucher(const Principal& principal) const override;
  std::vector<std::string> vouchers() const override;

 private:
  void finish(std::uint64_t ticket, bool good);

  struct Waiting {
    Principal principal;
    Answer answer;
  };

  net::Loop& loop_;
  PasswordFile users_;
  UserAttributes attributes_;
  std::map<std::uint64_t, Waiting> waiting_;
  std::uint64_t tickets_ = 0;
  std::shared_ptr<Passwords*> self_;
  net::Worker worker_{"password"};
};

}  // namespace wireway::broker
