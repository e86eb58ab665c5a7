#pragma once
/// The API server on an HTTP server: gathers the requests of one turn of the loop, commits their
/// writes together (one fsync), then answers them. Watches become chunked streams.
///
/// Thread: the Loop's. Owns: the ApiServer and its watches; store and env outlive it.
/// Errors: a commit that fails answers every write of the turn with 507 or 500; reads are answered.

#include <memory>
#include <vector>

#include "control/api/server.h"
#include "control/api/sign_in.h"
#include "net/env.h"

namespace wireway::control {

class ApiHttp {
 public:
  /// `options` without clock and new_uid, which are those of `env`.
  static Result<std::unique_ptr<ApiHttp>> start(net::Env& env, Store& store,
                                                ApiServerOptions options = {});
  /// For start().
  ApiHttp(net::Env& env, std::unique_ptr<ApiServer> server);
  ~ApiHttp();
  ApiHttp(const ApiHttp&) = delete;
  ApiHttp& operator=(const ApiHttp&) = delete;

  /// Whether a path is the API's; all others are the page's.
  static bool owns(std::string_view path) { return SignIn::owns(path) || ApiServer::owns(path); }
  /// For requests whose path is owned.
  void handle(link::HttpRequest request, std::shared_ptr<link::HttpResponder> responder);

 private:
  struct Pending {
    std::shared_ptr<link::HttpResponder> responder;
    Reply reply;
    bool wrote = false;
  };

  void expect_turn();
  void finish_turn();
  void begin_watch(Pending& pending);
  void arm_tick();
  void collect_later();

  net::Env& env_;
  std::unique_ptr<ApiServer> server_;
  SignIn sign_in_;
  std::vector<Pending> pending_;
  net::Timer tick_;
  net::Timer collect_;
  std::shared_ptr<bool> alive_;  ///< false once destroyed; streams may outlive this object
};

}  // namespace wireway::control
