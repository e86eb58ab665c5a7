#include "app/web.h"

#include <array>
#include <span>
#include <utility>

#include "base/embedded.h"

namespace wireway::embedded {
std::span<const EmbeddedFile> ui();
}

namespace wireway::app {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 11> content_types{{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".woff", "font/woff"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".txt", "text/plain; charset=utf-8"},
}};

std::string_view content_type_of(std::string_view path) {
  for (const auto& [ending, type] : content_types)
    if (path.ends_with(ending)) return type;
  return "application/octet-stream";
}

const EmbeddedFile* find_file(std::string_view path) {
  for (const EmbeddedFile& file : embedded::ui())
    if (file.path == path) return &file;
  return nullptr;
}

link::HttpResponse plain(unsigned status, std::string_view text) {
  return {status, {{"content-type", "text/plain; charset=utf-8"}}, std::string(text)};
}

link::HttpResponse serve(const EmbeddedFile& file) {
  // Vite names what is below assets/ by content, so it may be kept for ever; index.html names them.
  const bool hashed = file.path.starts_with("assets/");
  return {200,
          {{"content-type", std::string(content_type_of(file.path))},
           {"cache-control", hashed ? "public, max-age=31536000, immutable" : "no-cache"},
           {"x-content-type-options", "nosniff"},
           {"referrer-policy", "no-referrer"}},
          std::string(file.content)};
}

}  // namespace

link::HttpResponse web_response(const link::HttpRequest& request) {
  if (request.method != "GET" && request.method != "HEAD")
    return {405, {{"allow", "GET, HEAD"}}, ""};
  std::string_view path = request.path;
  while (path.starts_with('/')) path.remove_prefix(1);
  if (const EmbeddedFile* file = path.empty() ? nullptr : find_file(path)) return serve(*file);
  if (path.find('.') != std::string_view::npos) return plain(404, "not found\n");
  if (const EmbeddedFile* page = find_file("index.html")) return serve(*page);
  return plain(200,
               "Wireway runs. This build has no web page in it: run `make build`, which builds ui/ "
               "first.\nThe Kubernetes API is at /apis.\n");
}

}  // namespace wireway::app
