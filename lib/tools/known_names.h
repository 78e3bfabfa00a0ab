// SPDX-License-Identifier: Apache-2.0
// Names that one file of a program has for addresses that another file of it has only as numbers.
#ifndef PODO_LIB_TOOLS_KNOWN_NAMES_H_
#define PODO_LIB_TOOLS_KNOWN_NAMES_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/hash_map.h"
#include "model/profile.h"

namespace podo::tools {

// A window goes out after one interval whether or not its symbols were read by then; a later window
// of the same process has them. Places are the same if file, build id and offset in the file are.
// Not thread-safe.
class KnownNames {
 public:
  // Takes in the lines of every location that has some.
  void Learn(const model::Profile& profile);
  // `profile` with lines for the locations that had none and are known.
  model::Profile Apply(model::Profile profile) const;

 private:
  struct Line {
    std::string name, system_name, filename;
    int64_t start_line, line, column;
  };
  base::HashMap<std::string, std::vector<Line>> lines_;  // by place
};

}  // namespace podo::tools

#endif  // PODO_LIB_TOOLS_KNOWN_NAMES_H_
