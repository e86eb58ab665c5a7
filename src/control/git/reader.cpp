#include "control/git/reader.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <git2/sys/repository.h>

#include "control/git/http_transport.h"
#include "control/git/known_hosts.h"
#include "control/git/settings.h"

namespace wireway::control {
namespace {

using Repository = GitPointer<git_repository, git_repository_free>;
using Remote = GitPointer<git_remote, git_remote_free>;
using Object = GitPointer<git_object, git_object_free>;
using Tree = GitPointer<git_tree, git_tree_free>;
using Blob = GitPointer<git_blob, git_blob_free>;
using TreeEntry = GitPointer<git_tree_entry, git_tree_entry_free>;

constexpr const char* head = "refs/wireway/head";

std::unexpected<GitFailure> failure(std::string reason, Errc code, std::string message) {
  return std::unexpected(GitFailure{std::move(reason), Error{code, std::move(message)}});
}

std::string text_of(const git_oid& oid) {
  std::string out(GIT_OID_HEXSZ, '\0');
  git_oid_fmt(out.data(), &oid);
  return out;
}

bool is_http(std::string_view url) {
  return url.starts_with("https://") || url.starts_with("http://");
}

/// A commit's files, out of Git's database.
class CommitTree final : public GitTree {
 public:
  CommitTree(git_repository* repository, Tree root)
      : repository_(repository), root_(std::move(root)) {}

  Kind kind(const std::string& path) const override {
    const TreeEntry entry = at(path);
    return entry ? kind_of(*entry) : Kind::none;
  }

  Result<std::vector<Entry>> list(const std::string& folder) const override {
    Tree owned;
    const git_tree* tree = root_.get();
    if (!folder.empty()) {
      const TreeEntry entry = at(folder);
      git_tree* found = nullptr;
      if (!entry || git_tree_lookup(&found, repository_, git_tree_entry_id(entry.get())) < 0)
        return fail(Errc::io, "cannot be read: " + git_error_text());
      owned.reset(found);
      tree = found;
    }
    std::vector<Entry> out;
    for (std::size_t i = 0; i < git_tree_entrycount(tree); ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(tree, i);
      out.push_back({git_tree_entry_name(entry), kind_of(*entry)});
    }
    return out;
  }

  Result<std::string> read(const std::string& file) const override {
    const TreeEntry entry = at(file);
    git_blob* found = nullptr;
    if (!entry || git_blob_lookup(&found, repository_, git_tree_entry_id(entry.get())) < 0)
      return fail(Errc::io, "cannot be read: " + git_error_text());
    const Blob blob(found);
    const auto size = static_cast<std::size_t>(git_blob_rawsize(found));
    if (size > git_file_bytes_max)
      return fail(Errc::exhausted,
                  fmt::format("larger than {} bytes; split it", git_file_bytes_max));
    return std::string(static_cast<const char*>(git_blob_rawcontent(found)), size);
  }

 private:
  static Kind kind_of(const git_tree_entry& entry) {
    switch (git_tree_entry_filemode(&entry)) {
      case GIT_FILEMODE_TREE: return Kind::folder;
      case GIT_FILEMODE_LINK: return Kind::link;
      case GIT_FILEMODE_COMMIT: return Kind::submodule;
      default: return Kind::file;
    }
  }

  TreeEntry at(const std::string& path) const {
    git_tree_entry* found = nullptr;
    if (git_tree_entry_bypath(&found, root_.get(), path.c_str()) < 0) return nullptr;
    return TreeEntry(found);
  }

  git_repository* repository_;
  Tree root_;
};

/// One pull: what its callbacks need, and what they have to say.
class Pull {
 public:
  Pull(const GitRequest& request, const std::function<bool()>& stopped)
      : request_(request),
        stopped_(stopped),
        deadline_(std::chrono::steady_clock::now() + request.timeout) {
    const GitCredentials& given = request.credentials;
    http_.username = given.username;
    http_.password = given.password;
    http_.bearer_token = given.bearer_token;
    http_.authorities = given.authorities;
    http_.cancelled = [this] { return is_over(); };
  }

  GitResult<GitCommit> run();

 private:
  GitResult<std::string> newest(git_remote* remote);
  GitResult<void> fetch(git_remote* remote);
  GitResult<GitCommit> read(const std::string& commit) const;
  std::unexpected<GitFailure> gone_wrong(const std::string& what) const;
  git_remote_callbacks callbacks();

  bool is_over() const { return stopped_() || std::chrono::steady_clock::now() > deadline_; }
  static int on_credentials(git_credential** out, const char* url, const char* user,
                            unsigned allowed, void* param);
  static int on_certificate(git_cert* certificate, int valid, const char* host, void* param);
  static int on_progress(const git_indexer_progress* progress, void* param);
  static int on_transport(git_transport** out, git_remote* owner, void* param) {
    return make_http_transport(out, owner, &static_cast<Pull*>(param)->http_);
  }
  int refuse(Errc code, std::string message) {
    trouble_ = Error{code, std::move(message)};
    return GIT_EUSER;
  }

  const GitRequest& request_;
  const std::function<bool()>& stopped_;
  std::chrono::steady_clock::time_point deadline_;
  GitHttp http_;
  std::optional<Error> trouble_;
  bool offered_ = false;  ///< the credentials were asked for once
  Repository repository_;
};

int Pull::on_credentials(git_credential** out, const char*, const char* user, unsigned allowed,
                         void* param) {
  Pull& self = *static_cast<Pull*>(param);
  const GitCredentials& given = self.request_.credentials;
  const std::string name = user != nullptr && *user != '\0' ? user
                           : given.username.empty()         ? "git"
                                                            : given.username;
  if ((allowed & GIT_CREDENTIAL_USERNAME) != 0)
    return git_credential_username_new(out, name.c_str());
  if (std::exchange(self.offered_, true))
    return self.refuse(Errc::denied,
                       "the server refuses the credentials of the Secret of "
                       "spec.secretRef; correct them");
  if ((allowed & GIT_CREDENTIAL_SSH_MEMORY) != 0 && !given.identity.empty())
    return git_credential_ssh_key_memory_new(out, name.c_str(), nullptr, given.identity.c_str(),
                                             given.password.c_str());
  if ((allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) != 0 && !given.password.empty())
    return git_credential_userpass_plaintext_new(out, name.c_str(), given.password.c_str());
  return self.refuse(Errc::denied,
                     "the server wants credentials; name a Secret with identity and "
                     "known_hosts in spec.secretRef");
}

int Pull::on_certificate(git_cert* certificate, int, const char* host, void* param) {
  Pull& self = *static_cast<Pull*>(param);
  if (certificate->cert_type != GIT_CERT_HOSTKEY_LIBSSH2)
    return self.refuse(Errc::unsupported, "an unknown sort of certificate");
  const auto& key = *reinterpret_cast<const git_cert_hostkey*>(certificate);
  if ((key.type & GIT_CERT_SSH_RAW) == 0)
    return self.refuse(Errc::unsupported, "the server's key cannot be seen");
  unsigned port = 22;
  if (const std::string_view url = self.request_.url; url.starts_with("ssh://")) {
    const std::string_view authority = url.substr(6, url.find('/', 6) - 6);
    const std::size_t colon = authority.rfind(':');
    if (colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos)
      port = static_cast<unsigned>(std::atoi(std::string(authority.substr(colon + 1)).c_str()));
  }
  const auto trusted = check_known_host(self.request_.credentials.known_hosts, host, port,
                                        std::string_view(key.hostkey, key.hostkey_len));
  return trusted ? 0 : self.refuse(trusted.error().code, trusted.error().message);
}

int Pull::on_progress(const git_indexer_progress* progress, void* param) {
  Pull& self = *static_cast<Pull*>(param);
  if (progress->received_bytes > git_received_bytes_max)
    return self.refuse(Errc::exhausted,
                       fmt::format("more than {} bytes to fetch; use a smaller repository",
                                   git_received_bytes_max));
  if (!self.is_over()) return 0;
  return self.refuse(Errc::timed_out, "not fetched within spec.timeout");
}

git_remote_callbacks Pull::callbacks() {
  git_remote_callbacks out = GIT_REMOTE_CALLBACKS_INIT;
  out.credentials = on_credentials;
  out.certificate_check = on_certificate;
  out.transfer_progress = on_progress;
  if (is_http(request_.url)) out.transport = on_transport;
  out.payload = this;
  return out;
}

/// What a callback or the transport said is nearer to the cause than libgit2's own words.
std::unexpected<GitFailure> Pull::gone_wrong(const std::string& what) const {
  const Error error = trouble_        ? *trouble_
                      : http_.trouble ? *http_.trouble
                                      : Error{Errc::unavailable, git_error_text()};
  const git_error* last = git_error_last();
  const bool is_mirror = !trouble_ && !http_.trouble && last != nullptr &&
                         (last->klass == GIT_ERROR_ODB || last->klass == GIT_ERROR_OBJECT ||
                          last->klass == GIT_ERROR_REFERENCE);
  const std::string reason = is_mirror                       ? "ReadFailed"
                             : error.code == Errc::denied    ? "AuthenticationFailed"
                             : error.code == Errc::exhausted ? "TooLarge"
                                                             : "FetchFailed";
  return failure(reason, error.code,
                 fmt::format("{} {}: {}", what, shown_url(request_.url), error.message));
}

/// The commit that the reference stands at; "" for a commit that the request names itself.
GitResult<std::string> Pull::newest(git_remote* remote) {
  if (!request_.commit.empty()) return request_.commit;
  const git_remote_head** heads = nullptr;
  std::size_t count = 0;
  if (git_remote_ls(&heads, &count, remote) < 0) return gone_wrong("cannot list");
  const bool is_tag = !request_.tag.empty();
  const std::string wanted = is_tag ? "refs/tags/" + request_.tag : "refs/heads/" + request_.branch;
  std::string found;
  std::vector<std::string> others;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view name = heads[i]->name;
    if (name == wanted && found.empty()) found = text_of(heads[i]->oid);
    if (name == wanted + "^{}") found = text_of(heads[i]->oid);  // what an annotated tag is of
    const std::string_view folder = is_tag ? "refs/tags/" : "refs/heads/";
    if (name.starts_with(folder) && !name.ends_with("^{}") && others.size() < 5)
      others.emplace_back(name.substr(folder.size()));
  }
  if (!found.empty()) return found;
  return failure("RefMissing", Errc::not_found,
                 fmt::format("{} has no {} \"{}\"; {}", shown_url(request_.url),
                             is_tag ? "tag" : "branch", is_tag ? request_.tag : request_.branch,
                             others.empty() ? "it is empty"
                                            : fmt::format("it has {}; correct spec.ref",
                                                          fmt::join(others, ", "))));
}

GitResult<void> Pull::fetch(git_remote* remote) {
  git_fetch_options options = GIT_FETCH_OPTIONS_INIT;
  options.callbacks = callbacks();
  options.update_fetchhead = 0;
  options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
#if LIBGIT2_VER_MAJOR > 1 || LIBGIT2_VER_MINOR >= 7
  const bool is_local = request_.url.starts_with('/') || request_.url.starts_with("file:");
  if (request_.commit.empty() && !is_local) options.depth = 1;
#endif
  std::vector<std::string> specs;
  if (!request_.commit.empty())
    specs = {"+refs/heads/*:refs/wireway/heads/*", "+refs/tags/*:refs/wireway/tags/*"};
  else if (!request_.tag.empty())
    specs = {fmt::format("+refs/tags/{}:{}", request_.tag, head)};
  else
    specs = {fmt::format("+refs/heads/{}:{}", request_.branch, head)};
  std::vector<char*> pointers;
  for (std::string& spec : specs) pointers.push_back(spec.data());
  const git_strarray list{pointers.data(), pointers.size()};
  if (git_remote_fetch(remote, &list, &options, nullptr) < 0) return gone_wrong("cannot fetch");
  return {};
}

GitResult<GitCommit> read_commit(git_repository* repository, const GitRequest& request,
                                 const std::string& id) {
  git_oid oid;
  git_object* found = nullptr;
  if (git_oid_fromstr(&oid, id.c_str()) < 0 ||
      git_object_lookup(&found, repository, &oid, GIT_OBJECT_COMMIT) < 0)
    return failure("CommitMissing", Errc::not_found,
                   fmt::format("there is no commit {}; correct spec.ref.commit", id));
  const Object commit(found);
  git_tree* tree = nullptr;
  if (git_commit_tree(&tree, reinterpret_cast<git_commit*>(found)) < 0)
    return failure("ReadFailed", Errc::io,
                   fmt::format("commit {} cannot be read: {}", id, git_error_text()));
  const CommitTree files(repository, Tree(tree));
  const auto path = normal_git_path(request.path);
  if (!path) return failure("PathMissing", path.error().code, path.error().message);
  auto read = manifest_files(files, *path);
  if (!read) return failure("PathMissing", read.error().code, read.error().message);
  return GitCommit{id, false, std::move(*read)};
}

GitResult<Repository> open_mirror(const std::string& folder, bool anew) {
  std::error_code ignored;
  if (anew) std::filesystem::remove_all(folder, ignored);
  std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), ignored);
  git_repository* repository = nullptr;
  if (git_repository_open_bare(&repository, folder.c_str()) < 0 &&
      git_repository_init(&repository, folder.c_str(), 1) < 0)
    return failure("ReadFailed", Errc::io,
                   fmt::format("mirror {} cannot be made: {}", folder, git_error_text()));
  Repository out(repository);
  // libgit2 1.5 with PCRE2 leaks 20 KiB for each setting that it looks through in a pull: it gets
  // an empty configuration, in which it finds none. The LeakSanitizer sees it if this goes.
  git_config* nothing = nullptr;
  if (git_config_new(&nothing) < 0 || git_repository_set_config(repository, nothing) < 0)
    return failure("ReadFailed", Errc::io, fmt::format("mirror {}: {}", folder, git_error_text()));
  git_config_free(nothing);  // the repository has its own reference
  return out;
}

/// A mirror that has been fetched into often is made anew: nobody packs it.
bool is_scattered(const std::string& folder) {
  std::error_code ignored;
  std::filesystem::directory_iterator packs(folder + "/objects/pack", ignored);
  return std::distance(packs, {}) > static_cast<std::ptrdiff_t>(2 * git_packs_max);
}

GitResult<GitCommit> Pull::run() {
  git_remote* made = nullptr;
  auto mirror = open_mirror(request_.mirror, is_scattered(request_.mirror));
  if (!mirror) return std::unexpected(mirror.error());
  repository_ = std::move(*mirror);
  if (git_remote_create_anonymous(&made, repository_.get(), request_.url.c_str()) < 0)
    return failure("InvalidSpec", Errc::invalid,
                   fmt::format("spec.url {}: {}", shown_url(request_.url), git_error_text()));
  const Remote remote(made);
  const git_remote_callbacks called = callbacks();
  if (git_remote_connect(made, GIT_DIRECTION_FETCH, &called, nullptr, nullptr) < 0)
    return gone_wrong("cannot reach");
  const GitResult<std::string> commit = newest(made);
  git_remote_disconnect(made);
  if (!commit) return std::unexpected(commit.error());
  if (*commit == request_.known_commit) return GitCommit{*commit, true, {}};
  git_oid oid;
  const bool is_here = git_oid_fromstr(&oid, commit->c_str()) == 0 && [&] {
    git_object* found = nullptr;
    if (git_object_lookup(&found, repository_.get(), &oid, GIT_OBJECT_COMMIT) < 0) return false;
    git_object_free(found);
    return true;
  }();
  if (!is_here) {
    offered_ = false;
    if (auto fetched = fetch(made); !fetched) return std::unexpected(fetched.error());
  }
  return read_commit(repository_.get(), request_, *commit);
}

}  // namespace

GitResult<GitCommit> pull(const GitRequest& request, const std::function<bool()>& stopped) {
  if (auto ready = prepare_libgit2(); !ready)
    return failure("ReadFailed", ready.error().code, ready.error().message);
  auto done = Pull(request, stopped).run();
  // A mirror that was damaged, by a power cut or by hand, is made anew: once.
  if (done || done.error().reason != "ReadFailed") return done;
  if (auto anew = open_mirror(request.mirror, true); !anew) return std::unexpected(anew.error());
  return Pull(request, stopped).run();
}

GitResult<GitCommit> read_mirror(const GitRequest& request, const std::string& commit) {
  if (auto ready = prepare_libgit2(); !ready)
    return failure("ReadFailed", ready.error().code, ready.error().message);
  git_repository* repository = nullptr;
  if (git_repository_open_bare(&repository, request.mirror.c_str()) < 0)
    return failure("ReadFailed", Errc::not_found, "there is no mirror yet");
  const Repository mirror(repository);
  return read_commit(repository, request, commit);
}

std::string shown_url(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const std::size_t host = scheme + 3;
  const std::size_t at = url.substr(0, url.find('/', host)).rfind('@');
  if (at == std::string_view::npos || at < host) return std::string(url);
  return fmt::format("{}{}", url.substr(0, host), url.substr(at + 1));
}

}  // namespace wireway::control
