#pragma once
/// Commands on an API server in memory, for tests: what they print is kept, what they ask is
/// answered.

#include "app/cli/session.h"
#include "control/api/api_fixture.h"
#include "net/os/os_loop.h"

namespace wireway::app::cli {

class TestConsole final : public Console {
 public:
  void out(std::string_view text) override { printed += text; }
  void err(std::string_view text) override { told += text; }
  std::string in() override { return input; }
  std::string ask(std::string_view question) override {
    told += question;
    return answer;
  }
  bool is_terminal() const override { return terminal; }
  bool colours() const override { return coloured; }

  std::string printed;
  std::string told;
  std::string input;
  std::string answer;
  bool terminal = false;
  bool coloured = false;
};

/// Gives requests to a server in this process and commits each.
class DirectTransport final : public Transport {
 public:
  explicit DirectTransport(control::ApiServer& server) : server_(server) {}
  Result<ApiAnswer> send(const ApiRequest& request) override {
    if (refuse_all) return fail(Errc::unavailable, "nobody there");
    link::HttpRequest sent;
    sent.method = request.method;
    sent.target = request.path;
    const auto mark = std::min(request.path.find('?'), request.path.size());
    sent.path = decoded(request.path.substr(0, mark));
    std::string_view query(request.path);
    query.remove_prefix(std::min(mark + 1, query.size()));
    while (!query.empty()) {
      const auto end = std::min(query.find('&'), query.size());
      const std::string_view part = query.substr(0, end);
      const auto sign = std::min(part.find('='), part.size());
      sent.query.emplace_back(part.substr(0, sign),
                              decoded(part.substr(std::min(sign + 1, part.size()))));
      query.remove_prefix(std::min(end + 1, query.size()));
    }
    sent.headers = {{"content-type", request.content_type},
                    {"accept", request.accept},
                    {"user-agent", "wireway/test"}};
    sent.body = request.body;
    control::Reply reply = server_.handle(sent);
    EXPECT_TRUE(server_.commit());
    ApiAnswer answer{reply.response.status, {}, reply.response.body};
    for (const auto& [name, value] : reply.response.headers)
      if (name == "Warning") answer.warnings.push_back(value);
    return answer;
  }
  bool refuse_all = false;

 private:
  static std::string decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%') {
        out += text[i];
        continue;
      }
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    }
    return out;
  }
  control::ApiServer& server_;
};

class CliTest : public control::ApiTest {
 protected:
  CliTest() : transport_(*server_) { renew(); }

  /// A fresh session, as each command has one.
  void renew() {
    console_.printed.clear();
    console_.told.clear();
    session_ = std::make_unique<Session>(transport_, console_, *files_, "azure-iot-operations");
    session_->now = now_;
  }
  template <class Options>
  int run(int (*command)(Session&, const Options&), Options options) {
    renew();
    return command(*session_, options);
  }
  const std::string& printed() const { return console_.printed; }
  const std::string& told() const { return console_.told; }

  std::unique_ptr<net::Files> files_ = net::make_os_files();
  TestConsole console_;
  DirectTransport transport_;
  std::unique_ptr<Session> session_;
};

}  // namespace wireway::app::cli
