// SPDX-License-Identifier: Apache-2.0
// Text as a JSON string, for the reports of the programs of this suite.
#ifndef PODO_TESTS_EXPORT_JSON_TEXT_H_
#define PODO_TESTS_EXPORT_JSON_TEXT_H_

#include <cstdio>
#include <string>

inline std::string Json(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned char>(c));
    const bool plain = c >= ' ' && c < 0x7f && c != '"' && c != '\\';
    quoted += plain ? std::string(1, c) : escaped;
  }
  return quoted + "\"";
}

#endif  // PODO_TESTS_EXPORT_JSON_TEXT_H_
