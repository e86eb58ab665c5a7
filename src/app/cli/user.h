#pragma once
/// `wireway user add|list|remove|password` and `wireway login`: people with passwords. `wireway
/// user hash` makes the line of a user of MQTT, for a BrokerAuthentication's Secret.
///
/// Passwords are hashed here: the API sees the hash alone. A user is a Secret of type
/// wireway.io/user in wireway-system; his roles are bindings with the label wireway.io/user.
///
/// Errors: exit codes of Exit; a name that is taken is a conflict.

#include <cstdint>
#include <string>
#include <vector>

#include "app/cli/command.h"

namespace wireway::app::cli {

struct UserOptions {
  std::string name = {};
  bool admin = false;  ///< group system:masters
  std::vector<std::string> groups = {};
  std::vector<std::string> roles = {};  ///< ClusterRoles: in all namespaces, or in the one of -n
  int session_hours = 0;                ///< 0 = the server's default
  std::string password_file = {};       ///< "-" is standard input; empty = ask on the terminal
  bool yes = false;
};

struct LoginOptions {
  std::string username = {};
  std::string password_file = {};
  std::string output = "wireway.kubeconfig";
};

int run_user_add(Session& session, const UserOptions& options);
int run_user_list(Session& session, const UserOptions& options);
int run_user_remove(Session& session, const UserOptions& options);
/// Asks no API: the line is for a manifest of the user's own.
int run_user_hash(Console& console, net::Files& files, const UserOptions& options);
int run_user_password(Session& session, const UserOptions& options);
int run_login(Session& session, const LoginOptions& options);

void add_user(CLI::App& root, Chosen& chosen);
void add_login(CLI::App& root, Chosen& chosen);

}  // namespace wireway::app::cli
