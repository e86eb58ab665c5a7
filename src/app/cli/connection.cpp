#include "app/cli/connection.h"

#include <vector>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/yaml.h"
#include "resource/kind.h"

namespace wireway::app::cli {
namespace {

constexpr const char* default_data = "./.wireway";

std::vector<std::string> split_paths(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(':'), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

/// Several kubeconfigs as one: of entries with the same name the first counts, as for kubectl.
class Kubeconfig {
 public:
  explicit Kubeconfig(net::Files& files) : files_(files) {}

  Result<> read(const std::string& path) {
    auto text = files_.read(path);
    if (!text) return std::unexpected(text.error());
    auto documents = parse_yaml(*text);
    if (!documents) return wrap(path, documents.error());
    if (documents->empty() || !documents->front().value.is_object())
      return fail(Errc::invalid, fmt::format("{}: this is no kubeconfig", path));
    documents_.push_back({path, std::move(documents->front().value)});
    return {};
  }

  Result<Connection> connection(const std::string& wanted_context) {
    std::string context = wanted_context;
    for (const Document& each : documents_)
      if (context.empty()) context = text_at(each.value, {"current-context"});
    if (context.empty())
      return fail(Errc::invalid,
                  fmt::format("{}: there is no current-context; name one with --context", where()));
    const Entry chosen = entry("contexts", "context", context);
    if (chosen.value == nullptr)
      return fail(Errc::not_found, fmt::format("{}: there is no context \"{}\"; there are: {}",
                                               where(), context, names("contexts")));
    Connection out;
    out.space = text_at(*chosen.value, {"namespace"});
    out.user = text_at(*chosen.value, {"user"});
    out.from = *chosen.path;
    const Entry cluster = entry("clusters", "cluster", text_at(*chosen.value, {"cluster"}));
    if (cluster.value == nullptr)
      return fail(Errc::invalid,
                  fmt::format("{}: context \"{}\" names cluster \"{}\", which is not there",
                              *chosen.path, context, text_at(*chosen.value, {"cluster"})));
    out.server = text_at(*cluster.value, {"server"});
    out.insecure = bool_at(*cluster.value, {"insecure-skip-tls-verify"}, false);
    if (auto read = pem(cluster, "certificate-authority", out.ca); !read)
      return std::unexpected(read.error());
    const Entry user = entry("users", "user", out.user);
    if (user.value != nullptr)
      if (auto read = read_user(user, out); !read) return std::unexpected(read.error());
    return out;
  }

  std::string where() const { return documents_.empty() ? "" : documents_.front().path; }

 private:
  struct Document {
    std::string path;
    json::value value;
  };
  struct Entry {
    const json::value* value = nullptr;
    const std::string* path = nullptr;
  };

  Entry entry(std::string_view list, std::string_view member, const std::string& name) const {
    for (const Document& document : documents_) {
      const json::value* items = find(document.value, list);
      if (items == nullptr || !items->is_array()) continue;
      for (const json::value& item : items->get_array())
        if (text_at(item, {"name"}) == name) return {find(item, member), &document.path};
    }
    return {};
  }

  std::string names(std::string_view list) const {
    std::string out;
    for (const Document& document : documents_)
      if (const json::value* items = find(document.value, list); items && items->is_array())
        for (const json::value& item : items->get_array())
          out += (out.empty() ? "" : ", ") + text_at(item, {"name"});
    return out.empty() ? "none" : out;
  }

  /// `<key>-data` in base64, or the file `<key>`, relative to the kubeconfig.
  Result<> pem(const Entry& from, const std::string& key, std::string& out) const {
    if (const std::string data = text_at(*from.value, {key + "-data"}); !data.empty()) {
      const auto bytes = base64_decode(data);
      if (!bytes)
        return fail(Errc::invalid, fmt::format("{}: {}-data is no base64", *from.path, key));
      out.assign(bytes->begin(), bytes->end());
      return {};
    }
    return file(from, text_at(*from.value, {key}), out);
  }

  Result<> file(const Entry& from, std::string path, std::string& out) const {
    if (path.empty()) return {};
    if (!path.starts_with('/')) path = folder_of(*from.path) + "/" + path;
    auto text = files_.read(path);
    if (!text) return wrap(*from.path, text.error());
    out = std::move(*text);
    return {};
  }

  Result<> read_user(const Entry& user, Connection& out) const {
    if (find(*user.value, "exec") != nullptr || find(*user.value, "auth-provider") != nullptr)
      return fail(Errc::unsupported,
                  fmt::format("{}: user \"{}\" signs in with a program of its own, which wireway "
                              "does not run; use a token or a client certificate",
                              *user.path, out.user));
    if (auto read = pem(user, "client-certificate", out.certificate); !read) return read;
    if (auto read = pem(user, "client-key", out.key); !read) return read;
    out.token = text_at(*user.value, {"token"});
    if (out.token.empty()) return file(user, text_at(*user.value, {"tokenFile"}), out.token);
    return {};
  }

  net::Files& files_;
  std::vector<Document> documents_;
};

void trim(std::string& text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.pop_back();
}

Result<Connection> from_files(const ConnectionOptions& options, net::Files& files,
                              const Environment& environment) {
  std::vector<std::string> paths;
  const char* variable = environment("KUBECONFIG");
  const bool has_variable = variable != nullptr && *variable != '\0';
  if (!options.kubeconfig.empty())
    paths = {options.kubeconfig};
  else if (!options.data.empty())
    paths = {options.data + "/kubeconfig"};
  else if (has_variable)
    paths = split_paths(variable);
  else
    paths = {std::string(default_data) + "/kubeconfig"};
  Kubeconfig config(files);
  bool any = false;
  for (const std::string& path : paths) {
    // Of several in $KUBECONFIG those that are not there do not count.
    if (!files.exists(path)) continue;
    any = true;
    if (auto read = config.read(path); !read) return std::unexpected(read.error());
  }
  if (!any)
    return fail(Errc::not_found,
                fmt::format("there is no kubeconfig at {}; name the running instance with --data "
                            "DIR, --kubeconfig FILE, $KUBECONFIG or --server URL, or start one "
                            "with `wireway up`",
                            paths.empty() ? "(nothing)" : paths.front()));
  return config.connection(options.context);
}

}  // namespace

Result<Connection> find_connection(const ConnectionOptions& options, net::Files& files,
                                   const Environment& environment) {
  Connection out;
  if (!options.server.empty()) {
    out.server = options.server;
    out.from = "--server";
  } else {
    auto found = from_files(options, files, environment);
    if (!found) return found;
    out = std::move(*found);
  }
  const auto read_into = [&files](const std::string& path, std::string& to) -> Result<> {
    if (path.empty()) return {};
    auto text = files.read(path);
    if (!text) return std::unexpected(text.error());
    to = std::move(*text);
    return {};
  };
  if (auto read = read_into(options.token_file, out.token); !read)
    return std::unexpected(read.error());
  if (auto read = read_into(options.ca_file, out.ca); !read) return std::unexpected(read.error());
  trim(out.token);
  if (!options.space.empty()) out.space = options.space;
  if (out.space.empty()) out.space = resource::default_namespace;
  while (out.server.ends_with('/')) out.server.pop_back();
  if (!out.server.starts_with("http://") && !out.server.starts_with("https://"))
    return fail(Errc::invalid, fmt::format("{}: the server's address \"{}\" must begin with "
                                           "http:// or https://",
                                           out.from, out.server));
  return out;
}

}  // namespace wireway::app::cli
