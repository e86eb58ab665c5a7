#include "wire/http/request_parser.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

#include "base/assert.h"

namespace wireway::wire::http {

namespace beast = boost::beast::http;

struct RequestParser::Beast {
  beast::request_parser<beast::string_body> parser;
  bool saw_header = false;
};

namespace {

std::string lower(std::string_view text) {
  std::string copy(text);
  std::ranges::transform(copy, copy.begin(), [](unsigned char c) { return std::tolower(c); });
  return copy;
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

Refusal refusal_of(const boost::system::error_code& error, const RequestParser::Limits& limits) {
  if (error == beast::error::header_limit) {
    return {431,
            fmt::format("the request's header is larger than {} bytes", limits.header_bytes_max)};
  }
  if (error == beast::error::body_limit)
    return {413, fmt::format("the request's body is larger than {} bytes", limits.body_bytes_max)};
  if (error == beast::error::bad_version)
    return {505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  return {400, fmt::format("malformed HTTP request: {}", error.message())};
}

}  // namespace

RequestParser::RequestParser(Limits limits) : limits_(limits) {}
RequestParser::~RequestParser() = default;

void RequestParser::feed(ByteView bytes) {
  if (input_begin_ > 0 && input_begin_ == input_.size()) {
    input_.clear();
    input_begin_ = 0;
  }
  input_ += as_text(bytes);
}

bool RequestParser::within_request() const { return beast_ != nullptr || buffered_bytes() > 0; }

void RequestParser::consume(std::size_t bytes) {
  input_begin_ += bytes;
  if (input_begin_ == input_.size()) {
    input_ = std::string();  // no buffer at rest
    input_begin_ = 0;
  } else if (input_begin_ >= 64 * 1024) {
    input_.erase(0, input_begin_);
    input_begin_ = 0;
  }
}

RequestParser::Step RequestParser::refuse(unsigned status, std::string message) {
  refused_ = true;
  refusal_ = {status, std::move(message)};
  return Step::refused;
}

RequestParser::Step RequestParser::step() {
  if (refused_) return Step::refused;
  // RFC 9112 section 2.2: an empty line before a request is ignored.
  while (beast_ == nullptr && input_.compare(input_begin_, 2, "\r\n") == 0) consume(2);
  if (buffered_bytes() == 0) return Step::need_more;
  const bool half_a_line = buffered_bytes() == 1 && input_[input_begin_] == '\r';
  if (beast_ == nullptr && half_a_line) return Step::need_more;
  if (beast_ == nullptr) {
    beast_ = std::make_unique<Beast>();
    beast_->parser.header_limit(static_cast<std::uint32_t>(limits_.header_bytes_max));
    beast_->parser.body_limit(limits_.body_bytes_max);
    beast_->parser.eager(true);
  }
  auto& parser = beast_->parser;
  // The header alone first: 100 (Continue) must not wait for the body.
  parser.eager(beast_->saw_header);
  while (!parser.is_done() && buffered_bytes() > 0) {
    boost::system::error_code error;
    const auto piece = boost::asio::const_buffer(input_.data() + input_begin_, buffered_bytes());
    const std::size_t used = parser.put(piece, error);
    consume(used);
    if (error == beast::error::need_more) break;
    if (error) {
      const Refusal why = refusal_of(error, limits_);
      return refuse(why.status, why.message);
    }
    if (parser.is_header_done() && !std::exchange(beast_->saw_header, true)) {
      parser.eager(true);
      const Step step = header_done();
      if (step != Step::need_more) return step;
    }
  }
  if (!parser.is_done()) return Step::need_more;
  return finish();
}

RequestParser::Step RequestParser::header_done() {
  const auto& message = beast_->parser.get();
  // RFC 9112 section 6.1: a body whose end two rules tell differently is how requests are smuggled.
  const bool has_length = message.find(beast::field::content_length) != message.end();
  const bool has_coding = message.find(beast::field::transfer_encoding) != message.end();
  if (has_length && has_coding)
    return refuse(400, "both Content-Length and Transfer-Encoding are given");
  if (has_coding && !message.chunked())
    return refuse(501, "only the transfer coding \"chunked\" is understood");
  if (message.version() >= 11 && message.count(beast::field::host) != 1)
    return refuse(400, "exactly one Host header is required");
  const auto expect = message.find(beast::field::expect);
  if (expect == message.end()) return Step::need_more;
  if (lower(view(expect->value())) != "100-continue")
    return refuse(417, "only the expectation \"100-continue\" is understood");
  return beast_->parser.is_done() || buffered_bytes() > 0 ? Step::need_more : Step::continue_wanted;
}

RequestParser::Step RequestParser::finish() {
  auto message = beast_->parser.release();
  beast_.reset();
  request_ = Request();
  request_.method = std::string(view(message.method_string()));
  request_.target = std::string(view(message.target()));
  request_.version_minor = static_cast<int>(message.version() % 10);
  request_.keep_alive = message.keep_alive();
  auto target = parse_target(request_.target);
  if (!target) return refuse(400, target.error().message);
  request_.path = std::move(target->path);
  request_.query = std::move(target->query);
  for (const auto& field : message)
    request_.headers.emplace_back(lower(view(field.name_string())), view(field.value()));
  request_.body = std::move(message.body());
  return Step::request;
}

Request RequestParser::take() { return std::exchange(request_, {}); }

}  // namespace wireway::wire::http
