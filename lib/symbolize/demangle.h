// SPDX-License-Identifier: Apache-2.0
// Linker names made readable, with bounded memory.
#ifndef PODO_LIB_SYMBOLIZE_DEMANGLE_H_
#define PODO_LIB_SYMBOLIZE_DEMANGLE_H_

#include <string>
#include <string_view>

namespace podo::symbolize {

// `raw` without what compilers append to clones of one function (.cold, .isra.0, .part.0,
// .constprop.0, .lto_priv.0, .llvm.123) and without a symbol version (@GLIBC_2.2.5): for a reader
// they are that function.
std::string_view StripCloneSuffix(std::string_view raw);

// The readable name of `raw`; a plain C name is returned without its suffixes. A mangled name that
// cannot be read, or only with a hostile amount of work, gives `fallback` (if that is empty, `raw`
// without its suffixes).
std::string Demangle(std::string_view raw, std::string_view fallback = {});

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_DEMANGLE_H_
