#pragma once
/// Clients and retained messages for people who run the broker: who is there, what waits, what is
/// slow; to end a connection, to look at a client's packets, to delete retained messages.
///
///   GET    /clients?search=&after=&limit=    {"items":[...],"next":"..."}
///   GET    /client?id=                       one, with its filters
///   DELETE /client?id=                       ends its connection (0x98)
///   GET    /trace?id=&after=                 packets since; begins the trace if there is none
///   GET    /retained?filter=&search=&after=&limit=
///   DELETE /retained?filter=&after=          a page at a time
///
/// Access: loopback on a port of its own, and a bearer token; both stand in <folder>/admin.json,
///         which only its owner can read (docs/adr/0017)
/// Thread: the loop of node 0; the nodes answer from their own
/// Limits: page_max a page
/// Errors: start() fails with the path or address; requests get 4xx with a sentence in "message"

#include <memory>
#include <string>

#include "base/json.h"
#include "broker/node.h"
#include "link/http_server.h"

namespace wireway::broker {

class Admin {
 public:
  static constexpr std::size_t page_max = 1000;
  static constexpr std::string_view file_name = "admin.json";

  Admin(net::Env& env, NodeTable nodes) : env_(env), nodes_(std::move(nodes)) {}

  Result<> start(const std::string& folder);
  void stop() { door_.reset(); }

 private:
  using Responder = std::shared_ptr<link::HttpResponder>;

  bool admits(const link::HttpRequest& request) const;
  void answer(const link::HttpRequest& request, Responder responder);
  void clients(const link::HttpRequest& request, Responder responder);
  void client(const link::HttpRequest& request, Responder responder);
  void trace(const link::HttpRequest& request, Responder responder);
  void retained(const link::HttpRequest& request, Responder responder);
  /// On the shard where this client lives.
  const std::shared_ptr<NodeAddress>& home_of(std::string_view client_identifier) const;

  net::Env& env_;
  NodeTable nodes_;
  std::string token_;
  std::unique_ptr<link::HttpServer> door_;
};

}  // namespace wireway::broker
