// The HTTP request parser: whatever comes, in whatever pieces, is a request, a refusal or not whole
// yet; and the pieces make no difference.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/assert.h"
#include "wire/http/request_parser.h"

namespace {

namespace http = wireway::wire::http;
using wireway::ByteView;

/// The requests that a parser makes of the bytes. A refusal ends them; whether it comes before or
/// after the end of a malformed header depends on the pieces, and may.
std::string outcome(ByteView bytes, std::size_t piece_bytes) {
  http::RequestParser parser({.header_bytes_max = 4096, .body_bytes_max = 4096});
  std::string text;
  while (!bytes.empty()) {
    const ByteView piece = bytes.first(std::min(piece_bytes, bytes.size()));
    bytes = bytes.subspan(piece.size());
    parser.feed(piece);
    for (bool more = true; more;) {
      switch (parser.step()) {
        case http::RequestParser::Step::need_more: more = false; break;
        case http::RequestParser::Step::continue_wanted: break;
        case http::RequestParser::Step::refused: return text;
        case http::RequestParser::Step::request: {
          const http::Request request = parser.take();
          text += request.method + request.path + request.body + ";";
        }
      }
    }
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  const std::string whole = outcome(bytes, size == 0 ? 1 : size);
  WIREWAY_ASSERT(whole == outcome(bytes, 1), "the cut of the input makes no difference");
  return 0;
}
