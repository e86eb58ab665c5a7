#include "source/opcua/library.h"

#include <fmt/format.h>

namespace wireway::source::opcua {

std::string_view remedy_for_tag(UA_StatusCode code) {
  switch (code) {
    case UA_STATUSCODE_BADNODEIDUNKNOWN: return "the server has no such node: check dataSource";
    case UA_STATUSCODE_BADNODEIDINVALID: return "write ns=3;s=Name, i=2258 or nsu=http://name/;i=1";
    case UA_STATUSCODE_BADATTRIBUTEIDINVALID:
      return "the node has no value: name a variable, not an object or a method";
    case UA_STATUSCODE_BADUSERACCESSDENIED:
    case UA_STATUSCODE_BADNOTREADABLE: return "the server does not let an anonymous client read it";
    case UA_STATUSCODE_BADTOOMANYMONITOREDITEMS:
    case UA_STATUSCODE_BADTOOMANYSUBSCRIPTIONS:
      return "the server's limit is reached: raise it there or monitor less";
    case UA_STATUSCODE_BADINDEXRANGEINVALID:
    case UA_STATUSCODE_BADINDEXRANGENODATA: return "the index range does not fit the value";
    default: return "the server refused it";
  }
}

Failure failure_of(UA_StatusCode code, const std::string& url) {
  switch (code) {
    case UA_STATUSCODE_BADIDENTITYTOKENREJECTED:
    case UA_STATUSCODE_BADSECURITYMODEREJECTED:
    case UA_STATUSCODE_BADSECURITYPOLICYREJECTED:
    case UA_STATUSCODE_BADIDENTITYTOKENINVALID:
      return {"SecurityRejected",
              fmt::format("{} offers no endpoint with security None and anonymous log-in ({}): "
                          "enable one on the server",
                          url, symbol_of(code))};
    case UA_STATUSCODE_BADUSERACCESSDENIED:
      return {"AccessDenied", fmt::format("{} refuses anonymous clients ({}): allow them on the "
                                          "server",
                                          url, symbol_of(code))};
    case UA_STATUSCODE_BADTOOMANYSESSIONS:
      return {"TooManySessions", fmt::format("{} has no session left ({}): close others or raise "
                                             "the server's limit",
                                             url, symbol_of(code))};
    case UA_STATUSCODE_BADTCPENDPOINTURLINVALID:
      return {"InvalidAddress",
              fmt::format("{} is no OPC UA address: write opc.tcp://host:port", url)};
    case UA_STATUSCODE_BADTIMEOUT:
    case UA_STATUSCODE_BADREQUESTTIMEOUT:
      return {"TimedOut", fmt::format("{} does not answer in time ({}): check server and network",
                                      url, symbol_of(code))};
    case UA_STATUSCODE_BADSHUTDOWN:
    case UA_STATUSCODE_BADSERVERHALTED:
      return {"ServerStopped", fmt::format("{} is shutting down ({})", url, symbol_of(code))};
    default:
      return {"ConnectionFailed",
              fmt::format("the connection to {} failed: {}", url, symbol_of(code))};
  }
}

}  // namespace wireway::source::opcua
