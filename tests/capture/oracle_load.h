// SPDX-License-Identifier: Apache-2.0
// What is single-stepped, and what is sampled: real code of the C and C++ libraries.
#ifndef PODO_TESTS_CAPTURE_ORACLE_LOAD_H_
#define PODO_TESTS_CAPTURE_ORACLE_LOAD_H_

struct Load {
  const char* name;
  void (*run)();
};

extern const Load kStepLoads[];    // short: every instruction of them is stepped
extern const Load kBareLoads[];    // stepped too: code without unwind information
extern const Load kCensusLoads[];  // milliseconds each; all end with {nullptr, nullptr}

#endif  // PODO_TESTS_CAPTURE_ORACLE_LOAD_H_
