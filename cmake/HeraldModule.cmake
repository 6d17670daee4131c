# One place for compiler flags, the precompiled header, and the two ways a target is declared.

set(HERALD_GENERATED_DIR ${CMAKE_BINARY_DIR}/generated)
configure_file(${CMAKE_SOURCE_DIR}/cmake/version.h.in ${HERALD_GENERATED_DIR}/herald_version.h)

add_library(herald_flags INTERFACE)
target_compile_options(herald_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Wnon-virtual-dtor
    -Woverloaded-virtual $<$<CXX_COMPILER_ID:GNU>:-Wsuggest-override>
    # g++ 12 warns of impossible copies in optimised std::string code (GCC bug 105651).
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds>
    $<$<BOOL:${HERALD_WERROR}>:-Werror>
    -fPIE -fstack-protector-strong
    # ccache can use a precompiled header of g++ only with this.
    $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
    $<$<CONFIG:Release>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>)
target_link_options(herald_flags INTERFACE -pie -Wl,-z,relro,-z,now)
if(HERALD_SANITIZE)
    list(JOIN HERALD_SANITIZE "," herald_sanitize)
    target_compile_options(herald_flags INTERFACE -fsanitize=${herald_sanitize} -fno-omit-frame-pointer)
    target_link_options(herald_flags INTERFACE -fsanitize=${herald_sanitize})
endif()
if(HERALD_FUZZ)
    target_compile_options(herald_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_include_directories(herald_flags INTERFACE ${CMAKE_SOURCE_DIR} ${HERALD_GENERATED_DIR})

# Asio and Beast are compiled once; everything else sees declarations only.
add_library(herald_boost STATIC ${CMAKE_SOURCE_DIR}/cmake/boost_compiled_once.cpp)
target_compile_definitions(herald_boost PUBLIC
    BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
    # Coroutine frames come from `operator new`: aligned_alloc of glibc does without its per-thread caches.
    BOOST_ASIO_DISABLE_STD_ALIGNED_ALLOC BOOST_ASIO_DISABLE_BOOST_ALIGN)
target_link_libraries(herald_boost
    PUBLIC Boost::json Boost::url OpenSSL::SSL OpenSSL::Crypto Threads::Threads PRIVATE herald_flags)

# The precompiled header holds only what most files need anyway (Asio, Beast, Boost.JSON, std).
# g++ inlines less in a file the larger it is, and grouping makes files large. What callouts run through does not pay for
# that; its limit has to stand in the precompiled header too, which else brings its own.
set(herald_hot_options $<$<CXX_COMPILER_ID:GNU>:--param=large-unit-insns=200000>)
foreach(pch herald_pch herald_pch_hot)
    add_library(${pch} STATIC ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
    target_link_libraries(${pch} PUBLIC herald_boost PRIVATE herald_flags)
    target_precompile_headers(${pch} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.h)
endforeach()
target_compile_options(herald_pch_hot PRIVATE ${herald_hot_options})

# herald_add_module(NAME [HOT] SOURCES … LINKS … [PRIVATE_LINKS …]): the library herald::NAME. HOT: callouts run through it.
function(herald_add_module name)
    cmake_parse_arguments(arg "HOT" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
    add_library(herald_${name} STATIC ${arg_SOURCES})
    add_library(herald::${name} ALIAS herald_${name})
    target_link_libraries(herald_${name} PUBLIC herald_boost ${arg_LINKS}
        PRIVATE herald_flags ${arg_PRIVATE_LINKS})
    if(arg_HOT)
        target_compile_options(herald_${name} PRIVATE ${herald_hot_options})
        target_precompile_headers(herald_${name} REUSE_FROM herald_pch_hot)
    else()
        target_precompile_headers(herald_${name} REUSE_FROM herald_pch)
    endif()
    herald_compile_in_groups(herald_${name})
endfunction()

# With HERALD_UNITY the templates of Boost and std are instantiated once a group, not once a file. Names in unnamed
# namespaces have to differ within a module then; tests/tidy checks it without building.
function(herald_compile_in_groups target)
    if(NOT HERALD_UNITY)
        return()
    endif()
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
    # g++ takes what is included for a header, and warns of unnamed namespaces there.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endfunction()

# herald_compile_alone(PATTERN…): files of this folder's module that use the same names as their siblings, as plug-ins do.
function(herald_compile_alone)
    file(GLOB alone RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${ARGN})
    set_source_files_properties(${alone} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# What the sanitizer presets build: every unit and conformance test, nothing else.
add_custom_target(unit_tests)

# Optimising what runs once takes longer than running it; what is tested is optimised.
set(herald_test_options "$<$<CONFIG:Release>:-O0;-U_FORTIFY_SOURCE>")
if(HERALD_BUILD_TESTS)
    find_package(GTest REQUIRED)
    add_library(herald_pch_test STATIC ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
    target_link_libraries(herald_pch_test PUBLIC herald_boost GTest::gmock PRIVATE herald_flags)
    target_precompile_headers(herald_pch_test PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch_test.h)
    target_compile_options(herald_pch_test PRIVATE ${herald_test_options})
endif()

# herald_add_test(NAME LABEL label SOURCES … LINKS …): a GoogleTest program, one ctest entry.
function(herald_add_test name)
    cmake_parse_arguments(arg "" "LABEL;TIMEOUT" "SOURCES;LINKS" ${ARGN})
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 300)
    endif()
    add_executable(${name} ${arg_SOURCES})
    target_link_libraries(${name} PRIVATE ${arg_LINKS} herald_flags GTest::gmock GTest::gtest_main)
    target_compile_options(${name} PRIVATE ${herald_test_options})
    target_precompile_headers(${name} REUSE_FROM herald_pch_test)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
    if(arg_LABEL MATCHES "unit|conformance")
        add_dependencies(unit_tests ${name})
    endif()
endfunction()
