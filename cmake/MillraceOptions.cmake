set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(MILLRACE_SANITIZE "" CACHE STRING "address,undefined | thread | empty")
option(MILLRACE_FUZZ "Build the libFuzzer targets (clang only)" OFF)
option(MILLRACE_COVERAGE "Instrument for line coverage" OFF)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# Warnings are errors in our own code. Bits must not depend on the compiler's mood:
# no contraction into FMA, one fixed instruction set (checked at start-up by common/base).
add_compile_options(-Wall -Wextra -Werror -ffp-contract=off -march=x86-64-v3 -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these inside its own headers at -O2 (false positives of std::string).
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds)
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

if(MILLRACE_SANITIZE)
  add_compile_options(-fsanitize=${MILLRACE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MILLRACE_SANITIZE})
  add_compile_definitions(MILLRACE_SANITIZED)
  if(MILLRACE_SANITIZE STREQUAL "thread")
    # protobuf::Map has another layout under this macro, and Debian's libprotobuf.a was built without it. What libstdc++
    # would do under it is asked for by its own name: a shared_ptr whose last release the sanitizer can follow.
    add_compile_options(-U__SANITIZE_THREAD__ -D_GLIBCXX_TSAN=1)
  endif()
endif()
if(MILLRACE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # the rooms report their coverage too, not only the fuzzer's own file
endif()
if(MILLRACE_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage -Wl,--wrap=_exit,--wrap=raise)
  add_library(mr_coverage_exit STATIC ${CMAKE_CURRENT_SOURCE_DIR}/cmake/coverage_exit.cc)
  link_libraries(mr_coverage_exit)
endif()
