#include "app/cli/clients.h"

#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "app/cli/http_transport.h"
#include "app/cli/output.h"
#include "net/os/os_loop.h"

namespace wireway::app::cli {
namespace {

constexpr Duration trace_interval = std::chrono::seconds{1};

/// Where the broker's view is, by the file that the broker wrote.
Result<Connection> find_view(const std::string& data, net::Files& files) {
  const std::string path = data + "/broker/admin.json";
  const auto text = files.read(path);
  if (!text)
    return fail(text.error().code,
                fmt::format("{}; give the data folder of a running broker: --data DIR (a broker "
                            "alone has one if it was started with --data)",
                            text.error().message));
  const auto object = parse_json(*text);
  if (!object) return wrap(path, object.error());
  Connection out;
  out.server = text_at(*object, {"url"});
  out.token = text_at(*object, {"token"});
  out.from = path;
  return out;
}

int with_view(const ClientsOptions& options, int (*run)(Session&, const ClientsOptions&)) {
  SystemConsole console;
  const auto files = net::make_os_files();
  auto view = find_view(options.data, *files);
  if (!view) {
    console.err(fmt::format("{} {}\n", console.paint(Colour::red, "Error:"), view.error().message));
    return to_int(view.error().code == Errc::not_found ? Exit::not_found : Exit::failure);
  }
  HttpTransport transport(*view);
  Session session(transport, console, *files, "");
  session.connection = std::move(*view);
  session.now = system_wall_now();
  return run(session, options);
}

std::string path_of(std::string_view path,
                    std::initializer_list<std::pair<std::string_view, std::string>> query) {
  std::string out(path);
  for (const auto& [key, value] : query)
    if (!value.empty()) add_query(out, key, value);
  return out;
}

/// All pages of a list.
Answer<json::array> list(Session& session, std::string_view path, const ClientsOptions& options,
                         std::string_view filter) {
  json::array out;
  std::string after;
  do {
    auto page = session.api.get(path_of(path, {{"limit", "1000"},
                                               {"search", options.search},
                                               {"filter", std::string(filter)},
                                               {"after", after}}));
    if (!page) return std::unexpected(page.error());
    if (const json::value* items = find(*page, "items"); items != nullptr && items->is_array())
      for (const json::value& item : items->get_array()) out.push_back(item);
    after = text_at(*page, {"next"});
  } while (!after.empty());
  return out;
}

std::string number(const json::value& object, std::string_view field) {
  return fmt::format("{}", int_at(object, {field}, 0));
}

std::string age(const json::value& client) {
  const json::value* found = find(client, "oldestMessageAgeSeconds");
  if (found == nullptr || !found->is_number()) return "-";
  return fmt::format("{:.1f} s", found->to_number<double>());
}

int print_clients(Session& session, const ClientsOptions& options) {
  const auto clients = list(session, "/clients", options, "");
  if (!clients) return session.fail(clients.error());
  if (options.output == "json") {
    session.console.out(json::serialize(*clients) + "\n");
    return to_int(Exit::ok);
  }
  TextTable table({"CLIENT", "STATE", "PROTOCOL", "PEER", "SINCE", "SUBS", "QUEUED", "IN FLIGHT",
                   "OLDEST", "IN", "OUT"});
  for (const json::value& client : *clients) {
    const bool connected = bool_at(client, {"connected"}, false);
    const bool slow = bool_at(client, {"slow"}, false);
    table.add({text_at(client, {"id"}), slow ? "slow" : (connected ? "connected" : "away"),
               text_at(client, {"protocol"}, "-"), text_at(client, {"peer"}, "-"),
               text_at(client, {"connectedSince"}, "-"), number(client, "subscriptions"),
               number(client, "queuedMessages"), number(client, "inFlight"), age(client),
               number(client, "messagesIn"), number(client, "messagesOut")});
  }
  session.console.out(table.to_text(session.console));
  return to_int(Exit::ok);
}

/// Prints what is new since `after`, and gives the last number.
Answer<std::uint64_t> print_events(Session& session, const std::string& id, std::uint64_t after) {
  const auto page = session.api.get(
      path_of("/trace", {{"id", id}, {"after", after == 0 ? "" : fmt::format("{}", after)}}));
  if (!page) return std::unexpected(page.error());
  for (const json::value& event : find(*page, "items")->as_array()) {
    const auto at = std::uint64_t(int_at(event, {"number"}, 0));
    if (after != 0 && at > after + 1)
      session.console.err(fmt::format("{} packets are missing here\n", at - after - 1));
    after = at;
    session.console.out(fmt::format("{} {:<3} {:<11} {:>7} B {}\n", text_at(event, {"time"}),
                                    text_at(event, {"direction"}), text_at(event, {"packet"}),
                                    int_at(event, {"bytes"}, 0), text_at(event, {"topic"})));
  }
  return after;
}

int trace(Session& session, const ClientsOptions& options) {
  auto last = print_events(session, options.id, 0);
  while (last && !options.once) {
    std::this_thread::sleep_for(trace_interval);
    last = print_events(session, options.id, *last);
  }
  return last ? to_int(Exit::ok) : session.fail(last.error());
}

void add_view_command(CLI::App& parent, Chosen& chosen, const CommandName& name,
                      std::pair<ClientsOptions*, int (*)(Session&, const ClientsOptions&)> what) {
  CLI::App* command = parent.add_subcommand(name.name, name.what);
  ClientsOptions* options = what.first;
  command->add_option("--data", options->data, "Data folder of the broker")->capture_default_str();
  if (name.name == "list") {
    command->add_option("--search", options->search, "Only names that contain this");
    command->add_option("-o,--output", options->output, "table or json")
        ->check(CLI::IsMember({"table", "json"}));
  }
  if (name.name == "trace")
    command->add_flag("--once", options->once, "Print what there is, do not go on");
  if (name.name == "delete") command->add_flag("-y,--yes", options->yes, "Do not ask");
  command->final_callback([&chosen, options, name, run = what.second] {
    options->action = name.name;
    chosen.run = [options, run] { return with_view(*options, run); };
  });
}

ClientsOptions* keep_options(Chosen& chosen) {
  struct Values final : Chosen::Kept {
    ClientsOptions options;
  };
  auto owned = std::make_unique<Values>();
  ClientsOptions* const options = &owned->options;
  chosen.kept.push_back(std::move(owned));
  return options;
}

int delete_retained(Session& session, const ClientsOptions& options) {
  if (!options.yes) {
    if (!session.console.is_terminal())
      return session.usage("there is no terminal to ask on: give --yes");
    const std::string said = session.console.ask(
        fmt::format("Delete every retained message that matches {}? [y/N] ", options.id));
    if (said != "y" && said != "yes") return to_int(Exit::failure);
  }
  std::size_t count = 0;
  std::string after;
  do {
    const auto page = session.api.send(
        {.method = "DELETE",
         .path =
             path_of("/retained", {{"filter", options.id}, {"limit", "1000"}, {"after", after}})});
    if (!page) return session.fail(page.error());
    count += find(*page, "items")->as_array().size();
    after = text_at(*page, {"next"});
  } while (!after.empty());
  session.console.out(fmt::format("{} retained messages deleted\n", count));
  return to_int(Exit::ok);
}

}  // namespace

int run_clients(Session& session, const ClientsOptions& options) {
  if (options.action == "list") return print_clients(session, options);
  if (options.action == "trace") return trace(session, options);
  const bool kick = options.action == "kick";
  const auto answer = session.api.send(
      {.method = kick ? "DELETE" : "GET", .path = path_of("/client", {{"id", options.id}})});
  if (!answer) return session.fail(answer.error());
  session.console.out(kick ? fmt::format("{}: its connection is ended\n", options.id)
                           : to_text(*answer, Form::yaml));
  return to_int(Exit::ok);
}

int run_retained(Session& session, const ClientsOptions& options) {
  if (options.action == "delete") return delete_retained(session, options);
  const auto messages = list(session, "/retained", options, options.id);
  if (!messages) return session.fail(messages.error());
  if (options.output == "json") {
    session.console.out(json::serialize(*messages) + "\n");
    return to_int(Exit::ok);
  }
  TextTable table({"TOPIC", "QOS", "BYTES"});
  for (const json::value& message : *messages)
    table.add(
        {text_at(message, {"topic"}), number(message, "qos"), number(message, "payloadBytes")});
  session.console.out(table.to_text(session.console));
  return to_int(Exit::ok);
}

void add_clients(CLI::App& root, Chosen& chosen) {
  CLI::App* clients = root.add_subcommand("clients", "MQTT clients of the broker on this machine");
  clients->require_subcommand(1);
  ClientsOptions* options = keep_options(chosen);
  const CommandName names[] = {
      {"list", "Who is connected or has a session, with queues and traffic"},
      {"show", "One client, with its subscriptions"},
      {"kick", "End a client's connection"},
      {"trace", "A client's packets as they come, for up to 10 minutes"},
  };
  for (const CommandName& name : names) {
    add_view_command(*clients, chosen, name, {options, &run_clients});
    if (name.name != "list")
      clients->get_subcommand(name.name)
          ->add_option("client", options->id, "Client identifier")
          ->required();
  }
}

void add_retained(CLI::App& root, Chosen& chosen) {
  CLI::App* retained = root.add_subcommand("retained", "Retained messages of the broker");
  retained->require_subcommand(1);
  ClientsOptions* options = keep_options(chosen);
  add_view_command(*retained, chosen, {"list", "Topics with their sizes"},
                   {options, &run_retained});
  add_view_command(*retained, chosen, {"delete", "Delete those that match a filter"},
                   {options, &run_retained});
  retained->get_subcommand("list")->add_option("filter", options->id, "Topic filter (default: #)");
  retained->get_subcommand("delete")->add_option("filter", options->id, "Topic filter")->required();
}

}  // namespace wireway::app::cli
