#include "app/data_folder.h"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <sys/file.h>
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
  return std::unique_ptr<DataFolder>(new DataFolder(files, std::move(folder), lock));
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
