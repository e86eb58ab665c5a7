// Goal: a commit of a real repository is read whole or not at all, over files and smart HTTP, and
// whatever stands in the way is said with the remedy.
// Method: repositories made by git; git http-backend behind our own HTTP server; pull() on a
// worker while the loop serves.

#include "control/git/reader.h"

#include <algorithm>

#include "control/git/git_fixture.h"
#include "net/os/test_loop.h"
#include "net/tls/context.h"
#include "net/worker.h"

namespace wireway::control {
namespace {

class GitReader : public ::testing::Test {
 protected:
  GitReader() {
    request.mirror = (folder.path / "mirror/plant/config").string();
    request.url = repository.url();
  }
  GitResult<GitCommit> pull_now() {
    std::optional<GitResult<GitCommit>> out;
    net::Worker worker("git");
    EXPECT_TRUE(worker.run([&] {
      auto done = pull(request, [&] { return stopped; });
      loop.post([&out, done = std::move(done)]() mutable { out = std::move(done); });
    }));
    EXPECT_TRUE(net::turn_until(loop, [&] { return out.has_value(); }));
    return out ? std::move(*out) : std::unexpected(GitFailure{"?", {}});
  }
  /// "file=text ..." of the newest commit, or "Reason: sentence".
  std::string seen() {
    const auto commit = pull_now();
    if (!commit) return commit.error().reason + ": " + commit.error().error.message;
    std::string out;
    for (const GitFile& file : commit->files.files)
      out += (out.empty() ? "" : " ") + file.path + "=" + file.text;
    return out;
  }
  std::string without_folder(std::string text) const {
    const std::string place = folder.path.string();
    for (std::size_t at = 0; (at = text.find(place)) != std::string::npos;)
      text.replace(at, place.size(), "DIR");
    return text;
  }

  net::OsLoop loop;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::SystemRandom random;
  net::Env env{loop, loop, *files, random};
  TestFolder folder;
  TestRepository repository{folder.path / "config"};
  GitRequest request;
  bool stopped = false;
};

TEST_F(GitReader, reads_the_newest_commit_of_a_branch) {
  repository.write("a.yaml", "one");
  const std::string first = repository.commit();
  auto commit = pull_now();
  ASSERT_TRUE(commit) << commit.error().error.message;
  EXPECT_EQ(commit->id, first);
  repository.write("line/b.yaml", "two");
  const std::string second = repository.commit();
  EXPECT_EQ(seen(), "a.yaml=one line/b.yaml=two");
  request.known_commit = second;
  commit = pull_now();
  ASSERT_TRUE(commit);
  EXPECT_TRUE(commit->is_known);
  EXPECT_TRUE(commit->files.files.empty());
  EXPECT_FALSE(std::filesystem::exists(request.mirror + "/a.yaml")) << "nothing is checked out";
}

TEST_F(GitReader, reads_another_branch_a_tag_and_a_commit) {
  repository.write("a.yaml", "one");
  const std::string first = repository.commit();
  repository.git("tag -a v1 -m first");
  repository.git("tag plain");
  repository.git("checkout -q -b test");
  repository.write("a.yaml", "two");
  repository.commit();
  repository.git("checkout -q main");
  repository.write("a.yaml", "three");
  repository.commit();
  EXPECT_EQ(seen(), "a.yaml=three");
  request.branch = "test";
  EXPECT_EQ(seen(), "a.yaml=two");
  request.tag = "v1";
  EXPECT_EQ(seen(), "a.yaml=one") << "an annotated tag";
  request.tag = "plain";
  EXPECT_EQ(seen(), "a.yaml=one");
  request.tag = "";
  request.commit = first;
  EXPECT_EQ(seen(), "a.yaml=one");
  request.commit = std::string(40, 'a');
  EXPECT_TRUE(seen().starts_with("CommitMissing: there is no commit aaaa"));
}

TEST_F(GitReader, follows_history_that_was_written_anew) {
  repository.write("a.yaml", "one");
  repository.commit();
  EXPECT_EQ(seen(), "a.yaml=one");
  repository.write("a.yaml", "two");
  repository.git("add -A");
  repository.git("commit -q --amend -m other");
  EXPECT_EQ(seen(), "a.yaml=two");
}

TEST_F(GitReader, says_what_is_not_there) {
  repository.write("a.yaml", "one");
  repository.commit();
  request.branch = "live";
  EXPECT_EQ(without_folder(seen()),
            "RefMissing: file://DIR/config has no branch \"live\"; it has "
            "main; correct spec.ref");
  request.branch = "main";
  request.path = "line1";
  EXPECT_EQ(seen(), "PathMissing: there is no folder \"line1\"; correct spec.path");
  request.path = "../..";
  EXPECT_TRUE(seen().starts_with("PathMissing: spec.path: \"../..\" leads out"));
  request.url = "file://" + (folder.path / "gone").string();
  EXPECT_TRUE(without_folder(seen()).starts_with("FetchFailed: cannot reach file://DIR/gone: "))
      << seen();
}

TEST_F(GitReader, refuses_links_and_what_is_too_large) {
  repository.write("a.yaml", "one");
  std::filesystem::create_symlink("/etc/passwd", repository.path / "b.yaml");
  repository.write("c.yaml", std::string(git_file_bytes_max + 1, '#'));
  repository.commit();
  const auto commit = pull_now();
  ASSERT_TRUE(commit);
  ASSERT_EQ(commit->files.problems.size(), 2U);
  EXPECT_EQ(commit->files.problems[0].sentence, "is a symbolic link; put the file itself there");
  EXPECT_EQ(commit->files.problems[1].sentence, "larger than 4194304 bytes; split it");
}

TEST_F(GitReader, a_damaged_mirror_is_made_anew) {
  repository.write("a.yaml", "one");
  repository.commit();
  ASSERT_EQ(seen(), "a.yaml=one");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(request.mirror))
    if (entry.is_regular_file()) {
      std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_all);
      std::filesystem::resize_file(entry.path(), entry.file_size() / 2);
    }
  EXPECT_EQ(seen(), "a.yaml=one");
}

TEST_F(GitReader, reads_a_former_commit_from_the_mirror_alone) {
  repository.write("a.yaml", "one");
  const std::string first = repository.commit();
  ASSERT_EQ(seen(), "a.yaml=one");
  std::filesystem::remove_all(repository.path);
  const auto commit = read_mirror(request, first);
  ASSERT_TRUE(commit) << commit.error().error.message;
  EXPECT_EQ(commit->files.files.at(0).text, "one");
  EXPECT_FALSE(read_mirror(request, std::string(40, 'b')));
}

TEST_F(GitReader, a_mirror_of_many_fetches_is_made_anew) {
  for (int i = 0; i < 3; ++i) {
    repository.write("a.yaml", std::to_string(i));
    repository.commit();
    ASSERT_EQ(seen(), "a.yaml=" + std::to_string(i));
  }
  const std::filesystem::path packs = request.mirror + "/objects/pack";
  for (std::size_t i = 0; i < 2 * git_packs_max; ++i)
    std::ofstream(packs / fmt::format("left-{}.tmp", i)) << "x";
  EXPECT_EQ(seen(), "a.yaml=2");
  EXPECT_LT(std::distance(std::filesystem::directory_iterator(packs), {}), 5);
}

class GitOverHttp : public GitReader {
 protected:
  GitOverHttp() {
    repository.write("a.yaml", "one");
    repository.commit();
    request.url = forge.url("config");
  }
  TestForge forge{env, folder.path};
};

TEST_F(GitOverHttp, reads_and_follows) {
  EXPECT_EQ(seen(), "a.yaml=one");
  repository.write("a.yaml", std::string(300'000, 'x'));  // an answer in many pieces
  repository.commit();
  EXPECT_EQ(seen().size(), 300'007U);
}

TEST_F(GitOverHttp, brings_the_credentials_of_the_secret) {
  forge.authorization = "Basic cGxhbnQ6c2VjcmV0";  // plant:secret
  EXPECT_NE(seen().find("AuthenticationFailed: cannot reach http://127.0.0.1"), std::string::npos);
  EXPECT_NE(seen().find("the server wants other credentials (HTTP 401); correct the Secret of "
                        "spec.secretRef"),
            std::string::npos);
  request.credentials.username = "plant";
  request.credentials.password = "secret";
  EXPECT_EQ(seen(), "a.yaml=one");
  forge.authorization = "Bearer token-1";
  request.credentials.bearer_token = "token-1";
  EXPECT_EQ(seen(), "a.yaml=one");
}

TEST_F(GitOverHttp, says_that_a_repository_is_not_there) {
  request.url = forge.url("other");
  EXPECT_NE(seen().find("the server knows no such repository"), std::string::npos) << seen();
}

TEST_F(GitOverHttp, ends_when_the_server_does_not_answer_in_time) {
  forge.hangs = true;
  request.timeout = std::chrono::milliseconds{200};
  EXPECT_NE(seen().find("no answer within spec.timeout"), std::string::npos) << seen();
  request.timeout = std::chrono::hours{1};
  stopped = true;
  EXPECT_TRUE(seen().starts_with("FetchFailed: ")) << "nor does it hold the end of the process";
}

TEST_F(GitOverHttp, trusts_the_authority_of_the_secret_and_no_other) {
  const WallTime now = loop.wall_now();
  const auto authority = net::make_authority("Plant", now, std::chrono::hours{1});
  ASSERT_TRUE(authority);
  net::CertificateWish wish;
  wish.common_name = "forge";
  wish.names = {"127.0.0.1"};
  wish.now = now;
  const auto pair = net::issue_certificate(*authority, wish);
  ASSERT_TRUE(pair) << pair.error().message;
  const auto tls = net::TlsServerContext::create({.certificates = {*pair}});
  ASSERT_TRUE(tls);
  const TestForge secure(env, folder.path, tls->get());
  request.url = secure.url("config", "https");
  EXPECT_NE(seen().find("put the authority of the server into key caFile"), std::string::npos);
  request.credentials.authorities = authority->certificates;
  EXPECT_EQ(seen(), "a.yaml=one");
  request.credentials.authorities =
      net::make_authority("Other", now, std::chrono::hours{1})->certificates;
  EXPECT_TRUE(seen().starts_with("AuthenticationFailed")) << seen();
}

/// A real sshd for the user who runs the test.
class GitOverSsh : public GitReader {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(sshd)) GTEST_SKIP() << "openssh-server is not installed";
    // Debian's sshd, started by root, wants its folder, which the service would have made.
    if (shell("id -u") == "0") std::filesystem::create_directories("/run/sshd");
    for (const char* key : {"host", "user", "other"})
      shell(fmt::format("ssh-keygen -q -t ed25519 -N '' -f '{}/{}'", place(), key));
    std::filesystem::copy_file(folder.path / "user.pub", folder.path / "authorized");
    repository.write("a.yaml", "one");
    repository.commit();
    for (int tries = 0; tries < 10 && pid.empty(); ++tries) begin();
    ASSERT_FALSE(pid.empty()) << text_of("log");
    request.url =
        fmt::format("ssh://{}@127.0.0.1:{}{}", shell("id -un"), port, place() + "/config");
    request.credentials.identity = text_of("user");
    std::istringstream words(text_of("host.pub"));
    std::string type;
    words >> type >> host_key;
    request.credentials.known_hosts = fmt::format("[127.0.0.1]:{} {} {}\n", port, type, host_key);
  }
  ~GitOverSsh() override {
    if (!pid.empty()) shell("kill " + pid);
  }
  /// On a port that may be taken: then another.
  void begin() {
    port = 20'000 + random.below(20'000);
    std::ofstream(folder.path / "sshd_config") << fmt::format(
        "Port {}\nListenAddress 127.0.0.1\nHostKey {}/host\nAuthorizedKeysFile {}/authorized\n"
        "StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\n"
        "PasswordAuthentication no\n",
        port, place(), place());
    const std::string child =
        shell(fmt::format("{} -D -e -f '{}/sshd_config' >'{}/log' 2>&1 </dev/null & echo $!", sshd,
                          place(), place()));
    EXPECT_TRUE(net::turn_until(loop, [&] {
      return text_of("log").contains("Server listening") ||
             std::system(("kill -0 " + child + " 2>/dev/null").c_str()) != 0;
    }));
    if (text_of("log").contains("Server listening")) pid = child;
  }
  std::string place() const { return folder.path.string(); }
  std::string text_of(const char* file) const {
    std::stringstream text;
    text << std::ifstream(folder.path / file).rdbuf();
    return text.str();
  }

  static constexpr const char* sshd = "/usr/sbin/sshd";
  std::uint64_t port = 0;
  std::string pid;
  std::string host_key;
};

TEST_F(GitOverSsh, reads_with_the_key_of_the_secret) {
  EXPECT_EQ(seen(), "a.yaml=one") << text_of("log");
  repository.write("a.yaml", "two");
  repository.commit();
  EXPECT_EQ(seen(), "a.yaml=two");
}

TEST_F(GitOverSsh, trusts_no_server_that_known_hosts_does_not_name) {
  request.credentials.known_hosts = "";
  EXPECT_NE(seen().find("is not in known_hosts of the Secret; compare and add the lines of "
                        "`ssh-keyscan -p"),
            std::string::npos)
      << seen();
  std::istringstream words(text_of("other.pub"));
  std::string type;
  std::string key;
  words >> type >> key;
  request.credentials.known_hosts = fmt::format("[127.0.0.1]:{} {} {}\n", port, type, key);
  EXPECT_NE(seen().find("shows a key that known_hosts of the Secret does not have"),
            std::string::npos)
      << seen();
  EXPECT_TRUE(seen().starts_with("AuthenticationFailed"));
}

TEST_F(GitOverSsh, says_that_the_key_is_refused_or_missing) {
  request.credentials.identity = text_of("other");
  EXPECT_NE(seen().find("the server refuses the credentials of the Secret"), std::string::npos)
      << seen();
  request.credentials.identity = "";
  EXPECT_NE(seen().find("name a Secret with identity and known_hosts"), std::string::npos)
      << seen();
}

TEST(ShownUrl, has_no_password) {
  EXPECT_EQ(shown_url("https://plant:secret@git.example.com/a@b.git"),
            "https://git.example.com/a@b.git");
  EXPECT_EQ(shown_url("ssh://git@git.example.com/a.git"), "ssh://git.example.com/a.git");
  EXPECT_EQ(shown_url("/srv/a.git"), "/srv/a.git");
}

}  // namespace
}  // namespace wireway::control
