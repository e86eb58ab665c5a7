#include "app/guard.h"

#include <array>

#include <fmt/format.h>

#include "base/log.h"

namespace wireway::app {
namespace {

constexpr unsigned secret_mode = 0600;
constexpr std::string_view current_key = "service-account.key";
constexpr std::string_view secrets_key = "secrets.key";
constexpr std::string_view older_keys = "service-account-";
constexpr std::array accounts{"wireway-broker", "wireway-opcua", "wireway-dataflow",
                              "wireway-gitops", "wireway-supervisor"};

Result<control::SigningKey> read_key(net::Files& files, const std::string& path) {
  const auto pem = files.read_secret(path);
  if (!pem) return std::unexpected(pem.error());
  auto key = control::SigningKey::from_pem(*pem);
  if (!key)
    return fail(Errc::invalid,
                fmt::format("{}: {}; put its backup back, or remove it: a new one is then made and "
                            "tokens made so far end",
                            path, key.error().message));
  return key;
}

Result<control::SigningKey> current(net::Files& files, const std::string& path) {
  if (files.exists(path)) return read_key(files, path);
  auto key = control::SigningKey::generate();
  if (!key) return key;
  if (auto written = files.replace(path, key->to_pem(), secret_mode); !written)
    return std::unexpected(written.error());
  return key;
}

}  // namespace

Result<std::unique_ptr<control::Access>> open_guard(net::Env& env, const std::string& key_folder) {
  control::AccessOptions options;
  options.clock = [&env] { return env.loop.wall_now(); };
  options.new_uid = [&env] { return env.random.uuid(); };
  auto key = current(env.files, fmt::format("{}/{}", key_folder, current_key));
  if (!key) return std::unexpected(key.error());
  options.keys.push_back(std::move(*key));
  auto listed = env.files.list(key_folder);
  if (!listed) return std::unexpected(listed.error());
  for (const net::FileEntry& entry : *listed) {
    if (!entry.name.starts_with(older_keys) || !entry.name.ends_with(".key")) continue;
    auto older = read_key(env.files, key_folder + "/" + entry.name);
    if (!older) return std::unexpected(older.error());
    options.keys.push_back(std::move(*older));
  }
  return std::make_unique<control::Access>(std::move(options));
}

Result<control::Sealer> open_sealer(net::Env& env, const std::string& key_folder) {
  const std::string path = fmt::format("{}/{}", key_folder, secrets_key);
  if (!env.files.exists(path)) {
    auto line = control::Sealer::new_key();
    if (!line) return std::unexpected(line.error());
    if (auto written = env.files.replace(path, *line, secret_mode); !written)
      return std::unexpected(written.error());
  }
  const auto text = env.files.read_secret(path);
  if (!text) return std::unexpected(text.error());
  auto sealer = control::Sealer::from_text(*text);
  if (!sealer)
    return fail(sealer.error().code,
                fmt::format("{}: {}; put its backup back: without it the Secrets in the database "
                            "are lost",
                            path, sealer.error().message));
  return sealer;
}

ServiceTokens::ServiceTokens(net::Env& env, const control::Access& access, std::string folder)
    : env_(env), access_(access), folder_(std::move(folder)), timer_(env.loop) {}

Result<> ServiceTokens::start() {
  if (auto made = env_.files.make_folders(folder_); !made) return made;
  if (auto written = write(); !written) return written;
  renew(renew_interval);
  return {};
}

Result<> ServiceTokens::write() {
  for (const char* account : accounts) {
    auto issued = access_.issue(
        {.space = std::string(control::user_space), .account = account, .life = life});
    if (!issued) return std::unexpected(issued.error());
    if (auto done = env_.files.replace(file(account), issued->token, secret_mode); !done)
      return done;
  }
  return {};
}

void ServiceTokens::renew(Duration delay) {
  timer_.arm(delay, [this] {
    const auto done = write();
    if (!done) log::error("tokens of the services: {}", done.error().message);
    renew(done ? renew_interval : retry_interval);
  });
}

}  // namespace wireway::app
