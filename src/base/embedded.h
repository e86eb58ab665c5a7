#pragma once
/// Files that the build has put into the binary: CRDs, the quickstart's manifests, the web UI.
///
/// `wireway_embed(<target> <name> <folder>)` (cmake/embed.cmake) makes one function a folder. Who
/// reads it declares it: `namespace wireway::embedded { std::span<const EmbeddedFile> crds(); }`.
///
/// Thread: any. Owns: nothing; the bytes live as long as the process.

#include <span>
#include <string_view>

namespace wireway {

struct EmbeddedFile {
  std::string_view path;     ///< relative to the folder: "assets/index-4f2a.js"
  std::string_view content;  ///< as on disk, never altered
};

}  // namespace wireway
