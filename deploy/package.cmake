# The Debian package: cmake --build --preset release, then cpack -B build/package build/release.
# What the files are for stands in deploy/debian/postinst and deploy/causeway.service.
if(NOT TARGET causeway OR CAUSEWAY_SANITIZE OR CAUSEWAY_FUZZ)
    return()
endif()

# The sample configuration is the program's own manual, so it cannot fall behind.
set(sample ${CMAKE_BINARY_DIR}/causeway.conf.sample)
add_custom_command(OUTPUT ${sample}
    COMMAND causeway serve --help-config > ${sample}
    DEPENDS causeway VERBATIM)
add_custom_target(sample_config ALL DEPENDS ${sample})

file(GLOB migrations CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/sql/*.sql)
install(TARGETS causeway RUNTIME DESTINATION /usr/bin)
file(GLOB labels CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/deploy/labels/*.csv)
install(FILES ${migrations} DESTINATION /usr/share/causeway/sql)
install(FILES ${labels} DESTINATION /usr/share/causeway/labels)
install(FILES ${sample} DESTINATION /usr/share/doc/causeway RENAME causeway.conf.sample)
install(FILES README.md ARCHITECTURE.md THREATS.md DESTINATION /usr/share/doc/causeway)
install(FILES LICENSE DESTINATION /usr/share/doc/causeway RENAME copyright)
install(FILES deploy/causeway.service deploy/causeway-seal.service deploy/causeway-watch.service
    DESTINATION /lib/systemd/system)
install(FILES deploy/roles.sql DESTINATION /usr/share/causeway)
install(PROGRAMS deploy/pki DESTINATION /usr/share/causeway)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME causeway)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGE_CONTACT "The Causeway authors <causeway@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS passwd)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "postgresql-15, openssl")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${CMAKE_SOURCE_DIR}/deploy/debian/postinst
    ${CMAKE_SOURCE_DIR}/deploy/debian/prerm
    ${CMAKE_SOURCE_DIR}/deploy/debian/postrm)
include(CPack)
