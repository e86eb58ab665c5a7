#pragma once
/// HTTP/1.1 responses to bytes, without I/O.
///
/// Source:  RFC 9110, RFC 9112
/// Errors:  none; a line break inside a header's value becomes a space, so that no value can make a
///          second header.

#include <cstddef>
#include <string>
#include <string_view>

#include "base/time.h"
#include "wire/http/request_parser.h"

namespace wireway::wire::http {

struct ResponseHead {
  unsigned status = 200;
  Pairs headers;
};

/// How the receiver finds the end of the body.
enum class Framing {
  length,   ///< Content-Length
  chunked,  ///< append_chunk() ... last_chunk
  by_end,   ///< the connection's end (streams to HTTP/1.0 clients)
};

struct HeadOptions {
  Framing framing = Framing::length;
  std::size_t body_bytes = 0;  ///< of Framing::length
  bool keep_alive = true;
  WallTime now = {};  ///< of the Date header
};

/// Status line and headers with the empty line. Date, Content-Length, Transfer-Encoding and
/// Connection are ours; a caller's own are left out. Statuses without a body (1xx, 204, 304) get no
/// framing.
std::string serialize_head(const ResponseHead& head, const HeadOptions& options);

/// One chunk of a chunked body; an empty one is left out, because it would end the body.
void append_chunk(std::string& out, std::string_view data);
inline constexpr std::string_view last_chunk = "0\r\n\r\n";
inline constexpr std::string_view continue_response = "HTTP/1.1 100 Continue\r\n\r\n";

bool has_no_body(unsigned status);
/// "Not Found"; "Unknown" for a status without a name.
std::string_view reason_phrase(unsigned status);
/// RFC 9110 section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(WallTime time);

}  // namespace wireway::wire::http
