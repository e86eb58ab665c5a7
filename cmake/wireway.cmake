# The build's vocabulary: wireway_library(), wireway_test() and the settings that every target shares.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
set(THREADS_PREFER_PTHREAD_FLAG ON)

option(WIREWAY_FUZZ "Build the fuzz targets (clang only)" OFF)
set(WIREWAY_SANITIZE "" CACHE STRING "Value for -fsanitize=, empty for none")

# Libraries that the set-up step builds or fetches live in a cache outside the checkout.
if(DEFINED ENV{WIREWAY_CACHE})
  set(_cache $ENV{WIREWAY_CACHE})
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(_cache $ENV{XDG_CACHE_HOME}/wireway)
else()
  set(_cache $ENV{HOME}/.cache/wireway)
endif()
set(WIREWAY_CACHE ${_cache} CACHE PATH "Where tools/setup keeps what it builds")
file(GLOB _prefixes ${WIREWAY_CACHE}/open62541-*)
list(APPEND CMAKE_PREFIX_PATH ${_prefixes})

find_program(WIREWAY_CCACHE ccache)
if(WIREWAY_CCACHE)
  # Precompiled headers and ccache agree only with these settings.
  set(_ccache ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${WIREWAY_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${_ccache})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${_ccache})
endif()

# One code model for libraries and programs, so that they can share the precompiled header.
add_compile_options(-fPIE)
add_link_options(-pie)
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                    -Wimplicit-fallthrough -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # PCH and ccache need it; the maybe-uninitialized pass of GCC 12 misfires on std::expected.
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess> -Wno-maybe-uninitialized)
  # With -O2 GCC 12 warns of overreads and overflows inside the standard library that cannot happen.
  add_compile_options("$<$<CONFIG:Release>:-Wno-stringop-overread;-Wno-stringop-overflow;-Wno-array-bounds;-Wno-restrict;-Wno-free-nonheap-object>")
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # std::stable_sort of libstdc++ 12 uses what libstdc++ 12 deprecates.
  add_compile_options(-Wno-deprecated-declarations)
endif()
if(WIREWAY_SANITIZE)
  add_compile_options(-fsanitize=${WIREWAY_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${WIREWAY_SANITIZE})
endif()
if(WIREWAY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
find_program(WIREWAY_MOLD mold)
if(WIREWAY_MOLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_link_options(-fuse-ld=mold)
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(GTest REQUIRED)
include(GoogleTest)
include(${CMAKE_CURRENT_LIST_DIR}/embed.cmake)

# wireway_library(<name> SOURCES a.cpp b.cpp... [DEPENDS targets...])
#
# A static library of one folder. Every library sees `src/` as its include root and shares the one
# precompiled header of base (src/base/pch.h: standard library, fmt, Boost.JSON).
function(wireway_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_BINARY_DIR}/generated)
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS} fmt::fmt Threads::Threads)
  if(name STREQUAL wireway_base)
    target_precompile_headers(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src/base/pch.h)
  else()
    target_precompile_headers(${name} REUSE_FROM wireway_base)
  endif()
endfunction()

# wireway_test(<name> SOURCES a_test.cpp... [DEPENDS targets...])
#
# One test program of a folder; ctest sees it as one test named <name>.
function(wireway_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gtest_main GTest::gtest)
  target_precompile_headers(${name} REUSE_FROM wireway_base)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT})
endfunction()
