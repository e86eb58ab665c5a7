#include "app/data_folder.h"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/yaml.h"
#include "resource/kind.h"

namespace wireway::app {
namespace {

std::string absolute(const std::string& path) {
  std::error_code error;
  const auto out = std::filesystem::absolute(path, error);
  return error ? path : out.lexically_normal().string();
}

std::unexpected<Error> unusable(const std::string& path, const Error& error) {
  return fail(error.code,
              fmt::format("data folder {} cannot be used: {}; choose another one with --data, or "
                          "mend its rights or free space",
                          path, error.message));
}

/// The database holds Secrets: it and what SQLite puts beside it (which takes its mode over) are
/// for this user alone, those of older builds too.
Result<> keep_to_ourselves(const std::string& database) {
  const int file = ::open(database.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return std::unexpected(system_error("open " + database, errno));
  ::close(file);
  for (const char* beside : {"", "-wal", "-shm"})
    if (::chmod((database + beside).c_str(), 0600) != 0 && errno != ENOENT)
      return std::unexpected(system_error("chmod " + database + beside, errno));
  return {};
}

}  // namespace

Result<std::unique_ptr<DataFolder>> DataFolder::open(net::Files& files, const std::string& path) {
  std::string folder = absolute(path);
  if (auto made = files.make_folders(folder); !made) return unusable(folder, made.error());
  if (auto proof = files.replace(folder + "/.writable", ""); !proof)
    return unusable(folder, proof.error());
  if (auto removed = files.remove(folder + "/.writable"); !removed)
    return unusable(folder, removed.error());
  const std::string lock_path = folder + "/lock";
  const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return unusable(folder, system_error("open " + lock_path, errno));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    return fail(Errc::conflict,
                fmt::format("data folder {} is in use by another `wireway up`; stop that one, or "
                            "choose another folder with --data",
                            folder));
  }
  auto out = std::unique_ptr<DataFolder>(new DataFolder(files, std::move(folder), lock));
  if (auto kept = keep_to_ourselves(out->database()); !kept) return std::unexpected(kept.error());
  return out;
}

DataFolder::~DataFolder() { ::close(lock_); }

Result<> DataFolder::write_kubeconfig(const Access& access) {
  const std::string name = "wireway";
  const auto encoded = [](const std::string& pem) { return base64_encode(as_bytes(pem)); };
  const json::value cluster = {{"server", access.server_url},
                               {"certificate-authority-data", encoded(access.authority)}};
  const json::value user = {{"client-certificate-data", encoded(access.identity.certificates)},
                            {"client-key-data", encoded(access.identity.key)}};
  const json::value config = {
      {"apiVersion", "v1"},
      {"kind", "Config"},
      {"current-context", name},
      {"clusters", {{{"name", name}, {"cluster", cluster}}}},
      {"users", {{{"name", name}, {"user", user}}}},
      {"contexts",
       {{{"name", name},
         {"context",
          {{"cluster", name}, {"user", name}, {"namespace", resource::default_namespace}}}}}}};
  return files_.replace(kubeconfig(), to_yaml(config), 0600);
}

}  // namespace wireway::app
