#pragma once
/// Certificates of listener ports with `tls.mode: Automatic`, where no cert-manager is: an
/// authority of the broker's own signs them, into the Secret that the port names.
///
/// - The authority is the kubernetes.io/tls Secret `<namespace>-aio-ca-certificate` in
///   wireway-system, made at the first wish. Whoever replaces it by one of his own is obeyed.
/// - What clients must trust is key ca.crt of the ConfigMap `<namespace>-aio-ca-trust-bundle`:
///   the authority, and those before it while they are valid.
/// - A Secret is made anew in the last third of its certificate's life (or `renewBefore`), when
///   names, key or life are wished otherwise, and when the authority is another one.
///
/// It is not the authority of `<data>/keys`, which the API and the page show: who may write
/// listeners could have certificates of the API's names made by that one.
///
/// Thread: the Loop's; keys are made on a Worker.
/// Errors: Events on the BrokerListener: IssuerMissing, ConfigurationInvalid, SecretTaken (a Secret
///         that is not from here is never overwritten); the broker's own status names the Secret
///         that it waits for.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/reconcile/answers.h"
#include "control/reconcile/certificate_wish.h"
#include "net/env.h"
#include "net/worker.h"
#include "resource/controller.h"

namespace wireway::control {

struct ListenerCertificatesOptions {
  std::string space = std::string(resource::default_namespace);
  MachineNames machine = {};
};

class ListenerCertificates {
 public:
  /// The wall clock may be set meanwhile: nothing waits longer than this for its time.
  static constexpr Duration look_interval = std::chrono::hours{1};
  /// How long a watch may lag behind what was written.
  static constexpr Duration settle_time = std::chrono::seconds{5};

  ListenerCertificates(net::Env& env, resource::Resources& resources,
                       ListenerCertificatesOptions options);
  void start() { controller_.start(); }

 private:
  /// A Secret that is being made, or was just written and has perhaps not come back by the watch.
  struct Writing {
    std::string certificates;  ///< empty while it is being made
    MonoTime since{};
  };
  /// A port's wish, and the listener that has it.
  struct Wanted {
    const json::value* listener;
    PortCertificate wish;
  };

  resource::Step look();
  std::vector<Wanted> wanted() const;
  Result<std::optional<Duration>> keep_authority();
  void make_authority();
  void keep_bundle(const std::string& name);
  std::optional<Duration> keep(const Wanted& wanted);
  void tell_troubles(const std::vector<Wanted>& all);
  std::string trouble_of(const Wanted& one, const std::vector<Wanted>& all) const;
  void issue(const Wanted& wanted, const TlsSecret& before);
  void issued(const json::value& listener, const PortCertificate& wish,
              const Result<net::KeyPair>& pair);
  void write(const json::value& object, std::function<void(Result<json::value>)> done);
  void try_again(const std::string& why);
  bool is_settling(const std::string& secret, const std::string& held);
  void look_again() { controller_.enqueue({"", "certificates"}); }
  WallTime now() const { return env_.loop.wall_now(); }

  net::Env& env_;
  resource::Resources& resources_;
  ListenerCertificatesOptions options_;
  std::optional<net::KeyPair> authority_;
  std::map<std::string, Writing> writing_;   ///< by Secret
  std::set<std::string> bundles_written_;    ///< being written
  std::map<std::string, std::string> told_;  ///< the trouble of each listener and port
  Answers answers_;
  resource::Controller controller_;
  const resource::Cache* listeners_ = nullptr;
  const resource::Cache* secrets_ = nullptr;
  const resource::Cache* system_secrets_ = nullptr;
  const resource::Cache* config_maps_ = nullptr;
  net::Timer retry_;
  net::Worker worker_;  ///< last: its tasks are over before all else goes
};

}  // namespace wireway::control
