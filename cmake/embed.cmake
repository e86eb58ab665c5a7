# wireway_embed(<target> <name> <folder>)
#
# Puts every file below <folder> (relative to the project root) into <target>, readable through
#
#   #include "base/embedded.h"
#   namespace wireway::embedded { std::span<const EmbeddedFile> <name>(); }
#
# Example:  wireway_embed(wireway_resource crds crds)      -> wireway::embedded::crds()
#           wireway_embed(wireway ui ui/dist)              -> wireway::embedded::ui()
#
# The assembler copies the bytes (.incbin), so that a UI bundle costs no compile time. The folder need
# not exist: the table is then empty. Files that change, come or go are noticed by the next build.
function(wireway_embed target name folder)
  set(root ${PROJECT_SOURCE_DIR}/${folder})
  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${root} ${root}/*)
  list(SORT files)
  set(assembly "")
  set(externs "")
  set(rows "")
  set(depends "")
  set(index 0)
  foreach(file IN LISTS files)
    set(label wireway_embedded_${name}_${index})
    string(APPEND assembly
      "asm(\".section .rodata,\\\"a\\\",@progbits\\n\"\n"
      "    \".balign 16\\n.global ${label}\\n${label}:\\n\"\n"
      "    \".incbin \\\"${root}/${file}\\\"\\n\"\n"
      "    \".global ${label}_end\\n${label}_end:\\n.byte 0\\n.previous\\n\");\n")
    string(APPEND externs "extern const char ${label}[];\nextern const char ${label}_end[];\n")
    string(APPEND rows
      "      {\"${file}\", {${label}, static_cast<std::size_t>(${label}_end - ${label})}},\n")
    list(APPEND depends ${root}/${file})
    math(EXPR index "${index} + 1")
  endforeach()
  if(index EQUAL 0)
    set(body "  return {};\n")
  else()
    set(body "  static const EmbeddedFile files[] = {\n${rows}  };\n  return files;\n")
  endif()
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded_${name}.cpp)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT
"// Made by cmake/embed.cmake from ${folder}.
#include \"base/embedded.h\"

${assembly}
extern \"C\" {
${externs}}

namespace wireway::embedded {

std::span<const EmbeddedFile> ${name}();
std::span<const EmbeddedFile> ${name}() {
${body}}

}  // namespace wireway::embedded
")
  set_source_files_properties(${source} PROPERTIES
    OBJECT_DEPENDS "${depends}" SKIP_PRECOMPILE_HEADERS ON)
  target_sources(${target} PRIVATE ${source})
endfunction()
