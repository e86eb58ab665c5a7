#include "app/cli/support_bundle.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <thread>

#include <sys/utsname.h>
#include <zip.h>

#include <fmt/format.h>

#include "app/cli/check.h"
#include "app/cli/output.h"
#include "app/cli/redact.h"
#include "app/version.h"
#include "base/yaml.h"

namespace wireway::app::cli {
namespace {

constexpr std::size_t log_bytes_max = 32UL * 1024 * 1024;
const std::vector<std::string> service_words{"akri",           "broker",         "dataflow",
                                             "deviceregistry", "layerednetwork", "schemaregistry"};

std::string service_of(const KindInfo& kind) {
  if (kind.group.starts_with("mqttbroker.")) return "broker";
  if (kind.group.starts_with("connectivity.")) return "dataflow";
  if (kind.group.starts_with("akri")) return "akri";
  if (kind.group.starts_with("layered")) return "layerednetwork";
  if (kind.plural.starts_with("schema")) return "schemaregistry";
  if (kind.group.ends_with("deviceregistry.microsoft.com")) return "deviceregistry";
  return "resources";
}

/// What a log's file belongs to: its service's folder.
std::string service_of_log(const std::string& name) {
  if (name.starts_with("opcua") || name.starts_with("plc")) return "deviceregistry";
  if (name.starts_with("broker")) return "broker";
  return name.starts_with("dataflow") ? "dataflow" : "resources";
}

class Collector {
 public:
  Collector(Session& session, const BundleOptions& options)
      : session_(session), options_(options) {}

  BundleParts run() {
    learn_secrets();
    versions();
    machine();
    resources();
    events();
    logs();
    metrics();
    check();
    parts_["manifest.yaml"] = redactor_.text(to_yaml(json::object{
        {"wireway", version},
        {"time", to_rfc3339(session_.now)},
        {"parts", static_cast<std::int64_t>(parts_.size())},
        {"redacted", "values of Secrets, and what looks like passwords, tokens and keys"},
        {"missing", std::move(missing_)}}));
    return std::move(parts_);
  }

 private:
  bool wanted(const std::string& service) const {
    return options_.services.empty() ||
           std::ranges::find(options_.services, service) != options_.services.end();
  }
  void miss(const std::string& what, const std::string& why) {
    missing_.push_back(json::object{{"part", what}, {"reason", why}});
  }
  void put(const std::string& path, const json::value& value) {
    parts_[path] = redactor_.text(to_yaml(redactor_.object(value)));
  }

  /// Read only to know what must not be in the bundle.
  void learn_secrets() {
    redactor_.know(session_.connection.token);
    redactor_.know(session_.connection.key);
    auto secrets = session_.api.get("/api/v1/secrets");
    if (!secrets)
      return miss("values of Secrets (redaction by name and form only)", secrets.error().message);
    if (const json::value* items = find(*secrets, "items"); items && items->is_array())
      for (const json::value& secret : items->get_array()) redactor_.know_secret(secret);
  }

  void versions() {
    json::object out{{"wireway", version}, {"server", session_.connection.server}};
    if (auto answer = session_.api.get("/version"))
      out["api"] = *answer;
    else
      miss("version of the API", answer.error().message);
    put("versions.yaml", out);
  }

  /// Counters of the API, the store, this process and its children.
  void metrics() {
    if (auto text = session_.api.text({.path = "/metrics"}))
      parts_["metrics.txt"] = redactor_.text(*text);
    else
      miss("metrics", text.error().message);
  }

  void machine() {
    json::object out{{"processors", std::thread::hardware_concurrency()}};
    if (struct utsname system{}; ::uname(&system) == 0) {
      out["system"] = fmt::format("{} {}", system.sysname, system.release);
      out["architecture"] = system.machine;
    }
    for (const char* file : {"/proc/meminfo", "/proc/loadavg", "/etc/os-release"})
      if (auto text = session_.files.read(file)) out[file] = *text;
    std::error_code error;
    if (const auto space = std::filesystem::space(data_folder(), error); !error)
      out["data_folder_bytes_free"] = space.available;
    put("machine.yaml", out);
  }

  void resources() {
    auto kinds = session_.kinds.all();
    if (!kinds) return miss("resources", kinds.error().message);
    for (const KindInfo& kind : **kinds) {
      const std::string service = service_of(kind);
      const bool skipped = kind.qualified() == "secrets" || kind.plural == "events" ||
                           kind.kind == "CustomResourceDefinition" || !kind.can("list");
      if (skipped || !wanted(service)) continue;
      auto list = session_.api.get(kind.path(""));
      if (!list) {
        miss(kind.qualified(), list.error().message);
        continue;
      }
      const json::value* items = find(*list, "items");
      if (items == nullptr || !items->is_array()) continue;
      for (const json::value& item : items->get_array()) {
        const std::string space = text_at(item, {"metadata", "namespace"}, "_cluster_");
        std::string lower = kind.kind;
        std::ranges::transform(lower, lower.begin(),
                               [](unsigned char c) { return std::tolower(c); });
        put(fmt::format("{}/{}/{}.{}.{}.yaml", space, service, lower, kind.version,
                        text_at(item, {"metadata", "name"})),
            without_managed_fields(item));
      }
    }
  }

  void events() {
    auto events = session_.api.get("/api/v1/events");
    if (!events) return miss("events.yaml", events.error().message);
    put("events.yaml", *events);
  }

  std::string data_folder() const {
    const auto folder = std::filesystem::path(session_.connection.from).parent_path();
    return folder.empty() ? "." : folder.string();
  }

  void logs() {
    const std::string folder = data_folder() + "/logs";
    auto listed = session_.files.list(folder);
    if (!listed)
      return miss("logs",
                  "they are in the data folder of the server, which is not on this machine "
                  "or has none: " +
                      listed.error().message);
    for (const net::FileEntry& entry : *listed) {
      const std::string service = service_of_log(entry.name);
      if (entry.is_folder || !entry.name.ends_with(".log") || !wanted(service)) continue;
      auto text = session_.files.read(folder + "/" + entry.name);
      if (!text) {
        miss(entry.name, text.error().message);
        continue;
      }
      if (text->size() > log_bytes_max) text->erase(0, text->size() - log_bytes_max);
      parts_[fmt::format("{}/{}/service.{}", session_.space, service, entry.name)] =
          redactor_.text(young_lines(*text));
    }
  }

  /// Lines begin with their time; one without belongs to the line before it.
  std::string young_lines(const std::string& text) const {
    const WallTime from = session_.now + -Duration(std::chrono::seconds{options_.log_age_s});
    std::size_t at = 0;
    while (at < text.size()) {
      const auto end = std::min(text.find('\n', at), text.size());
      const auto time = parse_rfc3339(text.substr(at, std::min(text.find(' ', at), end) - at));
      if (time && *time >= from) return text.substr(at);
      at = end + 1;
    }
    return "";
  }

  void check() {
    Health worst = Health::skipped;
    put("check.yaml", check_object(session_, {}, worst));
  }

  Session& session_;
  const BundleOptions& options_;
  Redactor redactor_;
  BundleParts parts_;
  json::array missing_;
};

struct ZipDiscard {
  void operator()(zip_t* archive) const { ::zip_discard(archive); }
};

}  // namespace

BundleParts collect_bundle(Session& session, const BundleOptions& options) {
  return Collector(session, options).run();
}

Result<> write_zip(const std::string& path, const BundleParts& parts) {
  const auto failed = [&path](std::string_view why) {
    return fail(Errc::io, fmt::format("{}: {}", path, why));
  };
  int code = 0;
  std::unique_ptr<zip_t, ZipDiscard> archive(
      ::zip_open(path.c_str(), ZIP_CREATE | ZIP_EXCL, &code));
  if (!archive)
    return failed(code == ZIP_ER_EXISTS ? "it is there already; choose another --bundle-name"
                                        : "cannot be written; choose another --bundle-dir");
  for (const auto& [name, content] : parts) {
    zip_source_t* source = ::zip_source_buffer(archive.get(), content.data(), content.size(), 0);
    if (source == nullptr) return failed(::zip_strerror(archive.get()));
    if (::zip_file_add(archive.get(), name.c_str(), source, ZIP_FL_ENC_UTF_8) < 0) {
      ::zip_source_free(source);
      return failed(::zip_strerror(archive.get()));
    }
  }
  if (::zip_close(archive.get()) != 0) return failed(::zip_strerror(archive.get()));
  // Closed and freed: there is nothing to discard any more.
  static_cast<void>(archive.release());
  return {};
}

int run_support_bundle(Session& session, const BundleOptions& options) {
  std::string name = options.name;
  if (name.empty()) {
    std::string time = to_rfc3339(session.now);
    std::erase_if(time, [](char c) { return c == ':' || c == '-'; });
    name = fmt::format("support_bundle_{}_aio", time);
  }
  if (!name.ends_with(".zip")) name += ".zip";
  const BundleParts parts = collect_bundle(session, options);
  if (auto made = session.files.make_folders(options.folder); !made)
    return session.fail(made.error());
  const std::string path = options.folder + "/" + name;
  if (auto written = write_zip(path, parts); !written) return session.fail(written.error());
  session.console.out(path + "\n");
  session.console.err(
      fmt::format("{} parts; manifest.yaml in it says what is missing\n", parts.size()));
  return to_int(Exit::ok);
}

void add_support_bundle(CLI::App& root, Chosen& chosen) {
  auto [bundle, options] = add_api_command<BundleOptions>(
      root, chosen, {"support-bundle", "What somebody needs to help, as a zip without secrets"},
      &run_support_bundle);
  bundle.add_option("--svc", options.services, "Only these services")
      ->check(CLI::IsMember(service_words));
  bundle.add_option("--log-age", options.log_age_s, "Seconds of logs")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  bundle.add_option("--bundle-dir", options.folder, "Where to")->capture_default_str();
  bundle.add_option("--bundle-name", options.name,
                    "Name of the file (default: support_bundle_<time>_aio)");
}

}  // namespace wireway::app::cli
