#pragma once
/// Method ServiceAccountToken: the Kubernetes API says whose the token is (TokenReview), and the
/// ServiceAccount's annotations give attributes.
///
/// Source: broker.md 4.3; authentication.k8s.io/v1
/// Rules:  the username that the client gives is not verified and not used; it is the account's,
///         "system:serviceaccount:<namespace>:<name>"
/// Errors: an API that does not answer makes the method unavailable

#include <memory>
#include <vector>

#include "broker/access/method.h"
#include "resource/resources.h"

namespace wireway::broker {

/// What a ServiceAccount's annotations give to whoever comes with its token.
Attributes account_attributes(const json::value& account);
/// "system:serviceaccount:<namespace>:<name>"
std::string account_username(const resource::ObjectKey& account);

class Tokens final : public Method {
 public:
  static constexpr std::string_view method_name = "K8S-SAT";

  Tokens(resource::Resources& resources, std::vector<std::string> audiences)
      : resources_(resources),
        audiences_(std::move(audiences)),
        self_(std::make_shared<Tokens*>(this)) {}
  ~Tokens() override { *self_ = nullptr; }

  /// Also a password beside a username that begins with K8S-SAT, for MQTT 3.1.1.
  bool concerns(const Credentials& credentials) const override;
  void check(const Credentials& credentials, WallTime now, Answer answer) override;

 private:
  void on_review(const Result<json::value>& review, Principal who, Answer answer);
  void add_attributes(const resource::ObjectKey& account, Principal who, Answer answer);

  resource::Resources& resources_;
  std::vector<std::string> audiences_;
  std::shared_ptr<Tokens*> self_;
};

}  // namespace wireway::broker
