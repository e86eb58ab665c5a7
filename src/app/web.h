#pragma once
/// The web page's files, as the build has embedded them from ui/dist: answers every request that is
/// not the API's.
///
/// Source: ui/dist; an unknown path without a dot is a route of the page itself and gets
///         index.html.
/// Thread: any; no state.

#include "link/http_server.h"

namespace wireway::app {

link::HttpResponse web_response(const link::HttpRequest& request);

}  // namespace wireway::app
