#pragma once
/// Method X509: the client's certificate, verified against the authorities of a ConfigMap; its
/// common name is the username, and subjects of its chain give attributes.
///
/// Source: broker.md 4.4
/// Rules:  from the leaf to the root, the first subject that has attributes gives them; none of the
///         others count. Subjects are compared part by part, without regard to spaces around `=`
///         and `,` nor to the order of the parts.

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "broker/access/method.h"

namespace wireway::broker {

/// "O=Contoso,CN=Line 1" of any spelling of the same parts.
std::string normal_subject(std::string_view subject);

class Certificates final : public Method {
 public:
  using SubjectAttributes = std::map<std::string, std::map<std::string, std::string>>;

  /// `subjects` by their normal form; `authorities` as PEM.
  Certificates(std::string authorities, SubjectAttributes subjects)
      : authorities_(std::move(authorities)), subjects_(std::move(subjects)) {}

  /// Of x509Settings.authorizationAttributes.
  static SubjectAttributes attributes_of(const json::value& settings);

  bool concerns(const Credentials& credentials) const override {
    return !credentials.certificates.empty();
  }
  void check(const Credentials& credentials, WallTime now, Answer answer) override;

 private:
  std::string authorities_;
  SubjectAttributes subjects_;
};

}  // namespace wireway::broker
