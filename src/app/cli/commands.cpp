#include "app/cli/commands.h"

#include "app/cli/apply.h"
#include "app/cli/backup.h"
#include "app/cli/check.h"
#include "app/cli/clients.h"
#include "app/cli/completion.h"
#include "app/cli/delete.h"
#include "app/cli/diff.h"
#include "app/cli/get.h"
#include "app/cli/history.h"
#include "app/cli/snapshot.h"
#include "app/cli/support_bundle.h"
#include "app/cli/user.h"

namespace wireway::app::cli {

void add_connection_options(CLI::App& command, ConnectionOptions& options) {
  const auto add = [&command](const char* names, std::string& value, const char* what) {
    return command.add_option(names, value, what)->group("Connection");
  };
  add("--data", options.data, "Data folder of a running `wireway up` (default: ./.wireway)");
  add("--kubeconfig", options.kubeconfig, "Kubeconfig to use instead; else $KUBECONFIG");
  add("--context", options.context, "Context of the kubeconfig");
  add("--server", options.server, "URL of the API, without a kubeconfig");
  add("--token-file", options.token_file, "File with a bearer token");
  add("--ca-file", options.ca_file, "CA certificates of the server (PEM)");
  add("-n,--namespace", options.space, "Namespace (default: the context's, azure-iot-operations)");
}

const std::vector<AddCommand>& commands() {
  // One line a command: a new one adds its line here and nothing else.
  static const std::vector<AddCommand> all{
      &add_get,             //
      &add_apply,           //
      &add_diff,            //
      &add_delete,          //
      &add_history,         //
      &add_rollback,        //
      &add_snapshot,        //
      &add_restore,         //
      &add_backup,          //
      &add_check,           //
      &add_support_bundle,  //
      &add_clients,         //
      &add_retained,        //
      &add_user,            //
      &add_login,           //
      &add_completion,      //
  };
  return all;
}

}  // namespace wireway::app::cli
