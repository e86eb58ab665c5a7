#include "app/cli/session.h"

#include <cstdlib>

#include <fmt/format.h>

#include "app/cli/http_transport.h"
#include "net/os/os_loop.h"

namespace wireway::app::cli {

Exit exit_of(const ApiFailure& failure) {
  // 504 is a revision that is still to come.
  if (failure.code == 404 || failure.code == 410 || failure.code == 504) return Exit::not_found;
  if (failure.code == 409 || failure.code == 412) return Exit::conflict;
  return Exit::failure;
}

int Session::fail(const ApiFailure& failure) {
  console.err(fmt::format("{} {}\n", console.paint(Colour::red, "Error:"), failure.message));
  if (failure.code == 401)
    console.err(
        "Sign in first: `wireway login NAME --server URL`, or a kubeconfig with a certificate or "
        "token.\n");
  return to_int(exit_of(failure));
}

int Session::fail(const Error& error) {
  console.err(fmt::format("{} {}\n", console.paint(Colour::red, "Error:"), error.message));
  return to_int(error.code == Errc::not_found ? Exit::not_found : Exit::failure);
}

int Session::usage(std::string_view sentence) {
  console.err(fmt::format("{} {}\n", console.paint(Colour::red, "Error:"), sentence));
  return to_int(Exit::usage);
}

int with_session(const ConnectionOptions& options, const std::function<int(Session&)>& run) {
  SystemConsole console;
  const auto files = net::make_os_files();
  auto connection =
      find_connection(options, *files, [](const char* name) { return std::getenv(name); });
  if (!connection) {
    console.err(
        fmt::format("{} {}\n", console.paint(Colour::red, "Error:"), connection.error().message));
    return to_int(Exit::failure);
  }
  HttpTransport transport(*connection);
  Session session(transport, console, *files, connection->space);
  session.space_given = !options.space.empty();
  session.connection = std::move(*connection);
  session.now = system_wall_now();
  return run(session);
}

}  // namespace wireway::app::cli
