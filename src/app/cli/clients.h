#pragma once
/// `wireway clients list|show|kick|trace` and `wireway retained list|delete`: what a running broker
/// on this machine has, by its own view (broker/admin.h). Its URL and token stand in
/// <data>/broker/admin.json.

#include "app/cli/command.h"

namespace wireway::app::cli {

struct ClientsOptions {
  std::string data = "./.wireway";
  std::string action = {};
  std::string id = {};  ///< of clients; a topic filter of retained
  std::string search = {};
  std::string output = "table";
  bool once = false;  ///< trace: what there is, instead of going on
  bool yes = false;   ///< retained delete: without asking
};

int run_clients(Session& session, const ClientsOptions& options);
int run_retained(Session& session, const ClientsOptions& options);
void add_clients(CLI::App& root, Chosen& chosen);
void add_retained(CLI::App& root, Chosen& chosen);

}  // namespace wireway::app::cli
