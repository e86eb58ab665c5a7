#pragma once
/// For tests: repositories made by the real `git`, and a server that gives them away over smart
/// HTTP as a forge does (`git http-backend` behind our HTTP server).

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "link/http_server.h"
#include "net/os/os_loop.h"

/// What libgit2 1.5 and libssh2 1.10 lose themselves: some bytes each connection.
extern "C" inline __attribute__((used)) const char* __lsan_default_suppressions() {
  return "leak:libgit2.so\nleak:libssh2.so\n";
}

namespace wireway::control {

/// A folder that goes with the test.
class TestFolder {
 public:
  TestFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "wireway-git-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  std::filesystem::path path;
};

/// Output of a shell command, which must succeed.
inline std::string shell(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> buffer{};
  for (std::size_t size = 0; (size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    out.append(buffer.data(), size);
  EXPECT_EQ(::pclose(pipe), 0) << command << "\n" << out;
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

/// A repository that a person works in.
class TestRepository {
 public:
  explicit TestRepository(std::filesystem::path folder) : path(std::move(folder)) {
    shell(fmt::format("git init -q -b main '{}'", path.string()));
  }
  std::string git(const std::string& arguments) const {
    return shell(
        fmt::format("GIT_CONFIG_GLOBAL=/dev/null git -C '{}' -c user.name=plant -c "
                    "user.email=plant@example.com {}",
                    path.string(), arguments));
  }
  void write(const std::string& file, std::string_view text) const {
    std::filesystem::create_directories((path / file).parent_path());
    std::ofstream(path / file) << text;
  }
  void remove(const std::string& file) const { std::filesystem::remove_all(path / file); }
  /// All changes as one commit; its name.
  std::string commit(const std::string& message = "change") const {
    git("add -A");
    git("commit -q --allow-empty -m '" + message + "'");
    return git("rev-parse HEAD");
  }
  std::string url() const { return "file://" + path.string(); }

  std::filesystem::path path;
};

/// Serves the repositories of a folder at http://127.0.0.1:port/<name>/.git, on the test's loop.
class TestForge {
 public:
  TestForge(net::Env& env, std::filesystem::path folder, net::TlsServerContext* tls = nullptr)
      : folder_(std::move(folder)) {
    auto started = link::HttpServer::start(
        env, {.endpoint = {"127.0.0.1", 0}, .body_bytes_max = 64 << 20, .tls = tls},
        [this](link::HttpRequest request, const std::shared_ptr<link::HttpResponder>& responder) {
          ++requests;
          if (hangs) return held_.push_back(responder);
          responder->respond(answer(request));
        });
    EXPECT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  std::string url(std::string_view name, std::string_view scheme = "http") const {
    return fmt::format("{}://127.0.0.1:{}/{}/.git", scheme, server_->port(), name);
  }

  std::string authorization;  ///< what a request must bring: "Basic ..."; empty = nothing
  bool hangs = false;
  int requests = 0;

 private:
  link::HttpResponse answer(const link::HttpRequest& request) const {
    if (!authorization.empty() && request.header("authorization") != authorization)
      return {401, {{"WWW-Authenticate", "Basic realm=\"plant\""}}, "who are you?"};
    const std::string_view target = request.target;
    const std::size_t mark = target.find('?');
    const TestFolder scratch;
    std::ofstream(scratch.path / "body", std::ios::binary) << request.body;
    const std::string command = fmt::format(
        "GIT_PROJECT_ROOT='{}' GIT_HTTP_EXPORT_ALL=1 GIT_CONFIG_GLOBAL=/dev/null PATH_INFO='{}' "
        "QUERY_STRING='{}' REQUEST_METHOD={} CONTENT_TYPE='{}' CONTENT_LENGTH={} REMOTE_ADDR=127.0."
        "0.1 git http-backend < '{}/body' > '{}/answer' 2>'{}/errors'",
        folder_.string(), request.path, mark == target.npos ? "" : target.substr(mark + 1),
        request.method, request.header("content-type"), request.body.size(), scratch.path.string(),
        scratch.path.string(), scratch.path.string());
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    std::stringstream text;
    text << std::ifstream(scratch.path / "answer", std::ios::binary).rdbuf();
    return parsed(text.str());
  }

  /// A CGI answer.
  static link::HttpResponse parsed(const std::string& text) {
    link::HttpResponse out;
    const std::size_t end = text.find("\r\n\r\n");
    std::istringstream lines(text.substr(0, end));
    for (std::string line; std::getline(lines, line);) {
      if (line.ends_with('\r')) line.pop_back();
      const std::size_t colon = line.find(": ");
      if (colon == std::string::npos) continue;
      if (line.starts_with("Status: "))
        out.status = static_cast<unsigned>(std::stoi(line.substr(8)));
      else
        out.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
    if (end != std::string::npos) out.body = text.substr(end + 4);
    return out;
  }

  std::filesystem::path folder_;
  std::vector<std::shared_ptr<link::HttpResponder>> held_;
  std::unique_ptr<link::HttpServer> server_;
};

}  // namespace wireway::control
