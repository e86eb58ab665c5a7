#pragma once
/// `<data>/keys`: the local authority, the server's certificate and the administrator's. Made at
/// the first start, renewed in the last third of their life while running; a certificate of the
/// user's own is taken up as soon as its files change.
///
/// Holds:  ca.key ca.crt, server.key server.crt, admin.key admin.crt; folder 0700, files 0600
/// Thread: the Loop's.
/// Errors: a key that others may read, an authority without its key, files that do not belong
///         together: the sentence names the file and the remedy, never what is in it.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/env.h"
#include "net/tls/context.h"

namespace wireway::app {

struct KeyFolderOptions {
  std::string folder = {};
  std::vector<std::string> names = {};  ///< what clients may call this server
  std::string certificate_file = {};    ///< of the user's own, with key_file; empty = none
  std::string key_file = {};
};

class KeyFolder {
 public:
  static constexpr Duration look_interval = std::chrono::seconds{5};  ///< at files of the user's
  static constexpr Duration renewal_interval = std::chrono::hours{1};
  static constexpr Duration leaf_lifetime = std::chrono::days{365};
  /// Sessions are continued at most this long: then the key of their tickets changes.
  static constexpr Duration ticket_key_lifetime = std::chrono::days{1};

  static Result<std::unique_ptr<KeyFolder>> open(net::Env& env, KeyFolderOptions options);
  KeyFolder(net::Env& env, KeyFolderOptions options);
  KeyFolder(const KeyFolder&) = delete;
  KeyFolder& operator=(const KeyFolder&) = delete;

  net::TlsServerContext& tls() { return *tls_; }
  /// PEM: what clients must trust.
  const std::string& authority() const { return authority_.certificates; }
  const net::KeyPair& admin() const { return admin_; }
  /// The name under which a client that trusts the authority reaches this server.
  std::string local_host() const;

  /// Goes on looking after the certificates; `on_admin` is called when the administrator's is new.
  void keep_current(std::function<void()> on_admin);

 private:
  struct Leaf {
    std::string name;  ///< of the files
    net::CertificateWish wish;
  };

  Result<> make_folder();
  Result<> load_authority();
  Result<> load_leaves();
  Result<net::KeyPair> load_leaf(const Leaf& leaf);
  Result<net::KeyPair> make_leaf(const Leaf& leaf);
  Result<> load_own();
  Result<> write(const std::string& name, const net::KeyPair& pair);
  bool holds(const net::KeyPair& pair, const Leaf& leaf) const;
  bool renewal_near() const;
  net::TlsServerOptions tls_options() const;
  void look();
  void look_later();

  std::string path(const std::string& name) const { return options_.folder + "/" + name; }

  net::Env& env_;
  KeyFolderOptions options_;
  net::KeyPair authority_;
  net::KeyPair server_;
  net::KeyPair admin_;
  net::KeyPair own_;  ///< the user's; empty = none
  std::string own_trouble_;
  std::unique_ptr<net::TlsServerContext> tls_;
  std::function<void()> on_admin_;
  WallTime tickets_since_;
  net::Timer timer_;
};

}  // namespace wireway::app
