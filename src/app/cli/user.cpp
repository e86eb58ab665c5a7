#include "app/cli/user.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "app/cli/output.h"
#include "base/bytes.h"
#include "base/yaml.h"
#include "control/access/access.h"
#include "control/access/credentials.h"
#include "net/os/os_loop.h"

namespace wireway::app::cli {
namespace {

using control::user_secret_type;
using control::user_space;

constexpr std::string_view user_label = "wireway.io/user";
constexpr std::string_view bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
constexpr unsigned secret_mode = 0600;
/// So that the name of its Secret, in hexadecimal at worst, is a label's value.
constexpr std::size_t name_bytes_max = 31;

std::string secrets_path(const std::string& name = "") {
  std::string out = fmt::format("/api/v1/namespaces/{}/secrets", user_space);
  return name.empty() ? out : out + "/" + percent_encode(name);
}

std::string encoded(std::string_view text) { return base64_encode(as_bytes(text)); }
std::string data_of(const json::value& secret, std::string_view key) {
  return base64_decode(text_at(secret, {"data", key})).value_or("");
}

/// Names of objects have fewer letters than names of people.
std::string secret_name(std::string_view user) {
  std::string out;
  bool exact = true;
  for (const char c : user) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    out += good ? c : '-';
    exact = exact && good;
  }
  while (out.starts_with('-') || out.starts_with('.')) out.erase(0, 1);
  while (out.ends_with('-') || out.ends_with('.')) out.pop_back();
  if (exact && out == user) return out;
  return "u" + hex_encode(as_bytes(user));
}

std::string without_line_end(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

Result<std::string> read_password(Console& console, net::Files& files, const std::string& file,
                                  bool twice) {
  if (file == "-") return without_line_end(console.in());
  if (!file.empty()) {
    auto text = files.read(file);
    if (!text) return std::unexpected(text.error());
    return without_line_end(std::move(*text));
  }
  if (!console.is_terminal())
    return fail(Errc::invalid, "there is no terminal to ask on: give --password-file FILE, or -");
  std::string first = console.ask_secret("Password: ");
  if (twice && console.ask_secret("Once more: ") != first)
    return fail(Errc::invalid, "the two are not the same; nothing was changed");
  return first;
}

/// The users' Secrets by user name.
Answer<std::map<std::string, json::value>> users_of(Session& session) {
  std::string path = secrets_path();
  add_query(path, "fieldSelector", fmt::format("type={}", user_secret_type));
  auto list = session.api.get(path);
  if (!list) return std::unexpected(list.error());
  std::map<std::string, json::value> out;
  if (const json::value* items = find(*list, "items"); items != nullptr && items->is_array())
    for (const json::value& item : items->get_array()) out[data_of(item, "username")] = item;
  return out;
}

ApiFailure no_such_user(const std::string& name) {
  return {.code = 404,
          .reason = "NotFound",
          .message = fmt::format("there is no user \"{}\"; see `wireway user list`", name)};
}

/// Gives a role by a binding of the user's own.
Answer<> bind(Session& session, const UserOptions& options, const std::string& role) {
  const bool in_space = session.space_given;
  const std::string name = fmt::format("wireway-user-{}-{}", secret_name(options.name), role);
  json::object binding{{"apiVersion", "rbac.authorization.k8s.io/v1"},
                       {"kind", in_space ? "RoleBinding" : "ClusterRoleBinding"}};
  binding["metadata"] =
      json::object{{"name", name}, {"labels", {{user_label, secret_name(options.name)}}}};
  binding["roleRef"] = json::object{
      {"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "ClusterRole"}, {"name", role}};
  binding["subjects"] = json::array{json::object{
      {"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "User"}, {"name", options.name}}};
  const std::string path =
      in_space ? fmt::format("/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
                             session.space)
               : std::string(bindings);
  const std::string role_path =
      "/apis/rbac.authorization.k8s.io/v1/clusterroles/" + percent_encode(role);
  if (auto known = session.api.get(role_path); !known) return std::unexpected(known.error());
  auto made = session.api.send({.method = "POST", .path = path, .body = json::serialize(binding)});
  if (!made) return std::unexpected(made.error());
  session.console.out(fmt::format("{} has the role {}{}\n", options.name, role,
                                  in_space ? " in the namespace " + session.space : ""));
  return {};
}

/// All bindings that were made for a user.
Answer<> unbind(Session& session, const std::string& secret) {
  for (const char* kind : {"clusterrolebindings", "rolebindings"}) {
    std::string path = fmt::format("/apis/rbac.authorization.k8s.io/v1/{}", kind);
    add_query(path, "labelSelector", fmt::format("{}={}", user_label, secret));
    auto list = session.api.get(path);
    if (!list) return std::unexpected(list.error());
    const json::value* items = find(*list, "items");
    if (items == nullptr || !items->is_array()) continue;
    for (const json::value& item : items->get_array()) {
      const std::string space = text_at(item, {"metadata", "namespace"});
      auto gone = session.api.send(
          {.method = "DELETE",
           .path = fmt::format("/apis/rbac.authorization.k8s.io/v1/{}{}/{}",
                               space.empty() ? "" : "namespaces/" + space + "/", kind,
                               percent_encode(text_at(item, {"metadata", "name"})))});
      if (!gone) return std::unexpected(gone.error());
    }
  }
  return {};
}

/// User -> names of the roles that bindings give him by name.
Answer<std::map<std::string, std::vector<std::string>>> roles_of_users(Session& session) {
  std::map<std::string, std::vector<std::string>> out;
  for (const char* kind : {"clusterrolebindings", "rolebindings"}) {
    auto list = session.api.get(fmt::format("/apis/rbac.authorization.k8s.io/v1/{}", kind));
    if (!list) return std::unexpected(list.error());
    const json::value* items = find(*list, "items");
    if (items == nullptr || !items->is_array()) continue;
    for (const json::value& item : items->get_array()) {
      const json::value* subjects = find(item, "subjects");
      if (subjects == nullptr || !subjects->is_array()) continue;
      std::string role = text_at(item, {"roleRef", "name"});
      if (const auto space = text_at(item, {"metadata", "namespace"}); !space.empty())
        role += " in " + space;
      for (const json::value& subject : subjects->get_array())
        if (text_at(subject, {"kind"}) == "User") out[text_at(subject, {"name"})].push_back(role);
    }
  }
  return out;
}

std::map<std::string, int> sessions_of_users(Session& session) {
  std::map<std::string, int> out;
  std::string path = secrets_path();
  add_query(path, "fieldSelector", fmt::format("type={}", control::session_secret_type));
  const auto list = session.api.get(path);
  if (!list) return out;
  if (const json::value* items = find(*list, "items"); items != nullptr && items->is_array())
    for (const json::value& item : items->get_array()) ++out[data_of(item, "username")];
  return out;
}

}  // namespace

int run_user_add(Session& session, const UserOptions& options) {
  if (options.name.empty() || options.name.starts_with("system:") ||
      options.name.size() > name_bytes_max)
    return session.usage(fmt::format(
        "a user's name has 1 to {} bytes and does not begin with system:", name_bytes_max));
  auto users = users_of(session);
  if (!users) return session.fail(users.error());
  if (users->contains(options.name))
    return session.fail(ApiFailure{.code = 409,
                                   .reason = "AlreadyExists",
                                   .message = fmt::format("the user \"{}\" is there already; "
                                                          "`wireway user password` changes his "
                                                          "password",
                                                          options.name)});
  const auto password = read_password(session.console, session.files, options.password_file, true);
  if (!password) return session.fail(password.error());
  const auto hash = control::hash_password(*password);
  if (!hash) return session.fail(hash.error());
  std::vector<std::string> groups = options.groups;
  if (options.admin) groups.emplace_back(control::group_masters);
  json::object data{{"username", encoded(options.name)}, {"passwordHash", encoded(*hash)}};
  if (!groups.empty()) data["groups"] = encoded(fmt::format("{}", fmt::join(groups, "\n")));
  if (options.session_hours > 0)
    data["sessionHours"] = encoded(std::to_string(options.session_hours));
  json::object secret{{"apiVersion", "v1"}, {"kind", "Secret"}, {"type", user_secret_type}};
  secret["metadata"] = json::object{{"name", secret_name(options.name)}};
  secret["data"] = std::move(data);
  auto made =
      session.api.send({.method = "POST", .path = secrets_path(), .body = json::serialize(secret)});
  if (!made) return session.fail(made.error());
  session.console.out(fmt::format("user {} added\n", options.name));
  for (const std::string& role : options.roles)
    if (auto bound = bind(session, options, role); !bound) return session.fail(bound.error());
  if (groups.empty() && options.roles.empty())
    session.console.err(
        fmt::format("{} may sign in and do nothing yet: give a role with --role, "
                    "or bind one with kubectl create clusterrolebinding\n",
                    options.name));
  if (users->empty())
    session.console.err(
        "This is the first user: from now on everybody needs credentials, on this machine too. The "
        "page asks for them; the kubeconfig of the data folder goes on as it is.\n");
  return to_int(Exit::ok);
}

int run_user_list(Session& session, const UserOptions&) {
  auto users = users_of(session);
  if (!users) return session.fail(users.error());
  if (users->empty()) {
    session.console.err("No users. `wireway user add NAME --admin` makes the first.\n");
    return to_int(Exit::ok);
  }
  auto roles = roles_of_users(session);
  if (!roles) return session.fail(roles.error());
  auto sessions = sessions_of_users(session);
  TextTable table({"NAME", "GROUPS", "ROLES", "SESSIONS", "SINCE"});
  for (const auto& [name, secret] : *users) {
    std::string groups = data_of(secret, "groups");
    std::ranges::replace(groups, '\n', ',');
    table.add({name, groups, fmt::format("{}", fmt::join((*roles)[name], ", ")),
               std::to_string(sessions[name]), text_at(secret, {"metadata", "creationTimestamp"})});
  }
  session.console.out(table.to_text(session.console));
  return to_int(Exit::ok);
}

int run_user_hash(Console& console, net::Files& files, const UserOptions& options) {
  const auto refuse = [&console](std::string_view why) {
    console.err(fmt::format("{} {}\n", console.paint(Colour::red, "Error:"), why));
    return to_int(Exit::usage);
  };
  if (options.name.empty() || options.name.starts_with('#') ||
      options.name.find_first_of(":\r\n") != std::string::npos)
    return refuse("the name of an MQTT user has no colon or line end and does not begin with #");
  const auto password = read_password(console, files, options.password_file, true);
  if (!password) return refuse(password.error().message);
  const auto hash = control::hash_password(*password);
  if (!hash) return refuse(hash.error().message);
  console.out(fmt::format("{}:{}\n", options.name, *hash));
  return to_int(Exit::ok);
}

int run_user_remove(Session& session, const UserOptions& options) {
  auto users = users_of(session);
  if (!users) return session.fail(users.error());
  const auto user = users->find(options.name);
  if (user == users->end()) return session.fail(no_such_user(options.name));
  if (!options.yes) {
    if (!session.console.is_terminal())
      return session.usage("there is no terminal to ask on: add --yes to remove");
    const std::string answer =
        session.console.ask(fmt::format("Remove {} and end his sessions? [y/N] ", options.name));
    if (answer != "y" && answer != "Y" && answer != "yes") {
      session.console.err("Nothing was changed.\n");
      return to_int(Exit::failure);
    }
  }
  const std::string secret = text_at(user->second, {"metadata", "name"});
  // First the rights: if the rest fails, nothing is left that could use them.
  if (auto done = unbind(session, secret); !done) return session.fail(done.error());
  auto gone = session.api.send({.method = "DELETE", .path = secrets_path(secret)});
  if (!gone) return session.fail(gone.error());
  session.console.out(fmt::format("user {} removed\n", options.name));
  if (users->size() == 1)
    session.console.err(
        "That was the last user. The system stays closed: certificates and tokens go on. To open "
        "it to everybody on this machine again: kubectl delete configmap wireway-access -n "
        "wireway-system\n");
  return to_int(Exit::ok);
}

int run_user_password(Session& session, const UserOptions& options) {
  auto users = users_of(session);
  if (!users) return session.fail(users.error());
  const auto user = users->find(options.name);
  if (user == users->end()) return session.fail(no_such_user(options.name));
  const auto password = read_password(session.console, session.files, options.password_file, true);
  if (!password) return session.fail(password.error());
  const auto hash = control::hash_password(*password);
  if (!hash) return session.fail(hash.error());
  json::object patch;
  patch["data"] = json::object{{"passwordHash", encoded(*hash)}};
  auto done = session.api.send({.method = "PATCH",
                                .path = secrets_path(text_at(user->second, {"metadata", "name"})),
                                .body = json::serialize(patch),
                                .content_type = "application/merge-patch+json"});
  if (!done) return session.fail(done.error());
  session.console.out(
      fmt::format("password of {} changed; his sessions have ended\n", options.name));
  return to_int(Exit::ok);
}

int run_login(Session& session, const LoginOptions& options) {
  const auto password = read_password(session.console, session.files, options.password_file, false);
  if (!password) return session.fail(password.error());
  const json::object body{{"username", options.username}, {"password", *password}, {"token", true}};
  auto answer =
      session.api.send({.method = "POST", .path = "/login", .body = json::serialize(body)});
  if (!answer) return session.fail(answer.error());
  json::object cluster{{"server", session.connection.server}};
  if (!session.connection.ca.empty())
    cluster["certificate-authority-data"] = encoded(session.connection.ca);
  json::object user;
  user["token"] = text_at(*answer, {"token"});
  json::object context{{"cluster", "wireway"}, {"user", options.username}};
  context["namespace"] = session.space;
  json::object config{{"apiVersion", "v1"}, {"kind", "Config"}, {"current-context", "wireway"}};
  config["clusters"] = json::array{json::object{{"name", "wireway"}, {"cluster", cluster}}};
  config["users"] = json::array{json::object{{"name", options.username}, {"user", user}}};
  config["contexts"] = json::array{json::object{{"name", "wireway"}, {"context", context}}};
  if (auto done = session.files.replace(options.output, to_yaml(config), secret_mode); !done)
    return session.fail(done.error());
  session.console.out(fmt::format("signed in as {} until {}: --kubeconfig {}\n", options.username,
                                  text_at(*answer, {"expires"}), options.output));
  return to_int(Exit::ok);
}

void add_user(CLI::App& root, Chosen& chosen) {
  CLI::App* user =
      root.add_subcommand("user", "People with passwords: add, list, remove, password");
  user->require_subcommand(1);
  const auto password_option = [](CLI::App& command, UserOptions& options) {
    command.add_option("name", options.name, "Name to sign in with")->required();
    command.add_option("--password-file", options.password_file,
                       "File with the password, - for standard input; else it is asked for");
  };
  {
    auto [add, options] = add_api_command<UserOptions>(
        *user, chosen, {"add", "Make a user; the first one closes the system to everybody else"},
        &run_user_add);
    password_option(add, options);
    add.add_flag("--admin", options.admin, "May do everything");
    add.add_option("--group", options.groups, "Group he is in; can be repeated");
    add.add_option("--role", options.roles,
                   "ClusterRole he has, such as wireway:viewer; with -n in that namespace only");
    add.add_option("--session-hours", options.session_hours, "How long a sign-in lasts (12)")
        ->check(CLI::Range(1, control::Users::session_hours_max));
  }
  (void)add_api_command<UserOptions>(
      *user, chosen, {"list", "Users with groups, roles and sessions"}, &run_user_list);
  {
    auto [remove, options] = add_api_command<UserOptions>(
        *user, chosen, {"remove", "Remove a user, his bindings and sessions"}, &run_user_remove);
    remove.add_option("name", options.name, "His name")->required();
    remove.add_flag("-y,--yes", options.yes, "Do not ask");
  }
  {
    struct Values final : Chosen::Kept {
      UserOptions options;
    };
    auto owned = std::make_unique<Values>();
    UserOptions& options = owned->options;
    chosen.kept.push_back(std::move(owned));
    CLI::App* hash = user->add_subcommand(
        "hash", "Print the line of an MQTT user, for a BrokerAuthentication's Secret");
    password_option(*hash, options);
    hash->final_callback([&chosen, &options] {
      chosen.run = [&options] {
        SystemConsole console;
        return run_user_hash(console, *net::make_os_files(), options);
      };
    });
  }
  auto [password, options] = add_api_command<UserOptions>(
      *user, chosen, {"password", "Change a password; ends the user's sessions"},
      &run_user_password);
  password_option(password, options);
}

void add_login(CLI::App& root, Chosen& chosen) {
  auto [login, options] = add_api_command<LoginOptions>(
      root, chosen, {"login", "Sign in with a password and write a kubeconfig"}, &run_login);
  login.add_option("username", options.username, "Name of the user")->required();
  login.add_option("--password-file", options.password_file,
                   "File with the password, - for standard input; else it is asked for");
  login.add_option("-o,--output", options.output, "Kubeconfig to write")->capture_default_str();
}

}  // namespace wireway::app::cli
