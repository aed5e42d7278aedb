# add_room(NAME FOLDER LIBRARIES...): one static library causeway_NAME of the .c files that stand
# in FOLDER (not below it; hub/main.c is the program's). An empty room is an interface library.
function(add_room name folder)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.c)
    list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/hub/main.c)
    if(sources)
        add_library(causeway_${name} STATIC ${sources})
        target_include_directories(causeway_${name} PUBLIC ${CMAKE_SOURCE_DIR})
        target_link_libraries(causeway_${name} PUBLIC ${ARGN} Threads::Threads)
    else()
        add_library(causeway_${name} INTERFACE)
        target_include_directories(causeway_${name} INTERFACE ${CMAKE_SOURCE_DIR})
        target_link_libraries(causeway_${name} INTERFACE ${ARGN} Threads::Threads)
    endif()
endfunction()

# add_suites(KIND ROOM FOLDER): one CUnit program KIND_ROOM of the test_*.c in tests/KIND/FOLDER
# and what stands beside them for their use, with KIND as its label.
function(add_suites kind room folder)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${kind}/${folder}/test_*.c)
    if(NOT sources)
        return()
    endif()
    set(name ${kind}_${room})
    set(main ${CMAKE_BINARY_DIR}/tests/main_${name}.c)
    write_suite_main(${main} ${sources})
    file(GLOB all CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${kind}/${folder}/*.c)
    add_executable(${name} ${main} ${all} ${CMAKE_SOURCE_DIR}/tests/support/suite.c)
    target_link_libraries(${name} PRIVATE causeway_${room} PkgConfig::CUNIT)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS ${kind})
endfunction()

# add_unit_tests(ROOM FOLDER): unit_ROOM of tests/unit/FOLDER: no database, no network.
function(add_unit_tests room folder)
    add_suites(unit ${room} ${folder})
endfunction()

# add_db_tests(ROOM FOLDER): db_ROOM of tests/db/FOLDER: against the PostgreSQL of
# $CAUSEWAY_TEST_DB (a conninfo), one program at a time; without it the cases are skipped.
function(add_db_tests room folder)
    add_suites(db ${room} ${folder})
    if(TARGET db_${room})
        set_tests_properties(db_${room} PROPERTIES RESOURCE_LOCK database)
    endif()
endfunction()

# write_suite_main(MAIN SOURCES...): a main that runs suite_<file> of every test file.
function(write_suite_main main)
    set(text "#include \"tests/support/suite.h\"\n\n")
    set(list "")
    foreach(source ${ARGN})
        get_filename_component(unit ${source} NAME_WE)
        string(APPEND text "extern const struct test_suite suite_${unit};\n")
        string(APPEND list "        &suite_${unit},\n")
    endforeach()
    string(APPEND text "\nint main(int argc, char **argv)\n{\n"
        "    const struct test_suite *const suites[] = {\n${list}        NULL,\n    };\n\n"
        "    return suites_run(suites, argc, argv);\n}\n")
    file(CONFIGURE OUTPUT ${main} CONTENT "${text}" @ONLY)
endfunction()
