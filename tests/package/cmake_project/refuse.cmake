# SPDX-License-Identifier: Apache-2.0
# Asks the version file of an installed podo for a version it is not.
cmake_minimum_required(VERSION 3.13)
file(GLOB_RECURSE version_file "$ENV{PODO_PREFIX}/podo-config-version.cmake")
set(PACKAGE_FIND_VERSION 9.0)
set(PACKAGE_FIND_VERSION_MAJOR 9)
set(PACKAGE_FIND_VERSION_MINOR 0)
include("${version_file}")
if(NOT PACKAGE_VERSION_COMPATIBLE)
  message("refused ${PACKAGE_FIND_VERSION}")
endif()
