// SPDX-License-Identifier: Apache-2.0
// Whether podo could listen on PODO_LISTEN.
#ifndef PODO_LIB_TOOLS_DOCTOR_LISTEN_H_
#define PODO_LIB_TOOLS_DOCTOR_LISTEN_H_

#include <string>

#include "config.h"
#include "tools/doctor_report.h"

namespace podo::doctor {

struct ListenFacts {
  std::string address;
  bool has_token = false;
  bool is_taken = false;  // somebody listens there: the service itself, perhaps
  std::string problem;    // podo's own line; empty: it worked
};

// Listens for a moment. config.listen is set.
ListenFacts ProbeListen(const Config& config);

// Pure.
Finding JudgeListen(const ListenFacts& facts);

}  // namespace podo::doctor

#endif  // PODO_LIB_TOOLS_DOCTOR_LISTEN_H_
