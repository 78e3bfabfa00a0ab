// SPDX-License-Identifier: Apache-2.0
#include "symbolize/elf_symbols.h"

#include <gelf.h>

#include <algorithm>
#include <tuple>

namespace podo::symbolize {
namespace {

struct Candidate {
  SymbolHit hit;
  uint64_t end = 0;
  int rank = 0;
  bool used = false;
};

// Higher is better: what a reader would call the function.
int RankOf(const GElf_Sym& symbol, std::string_view name) {
  const int binding = GELF_ST_BIND(symbol.st_info);
  const int bound = binding == STB_GLOBAL ? 200 : binding == STB_WEAK ? 100 : 0;
  const size_t underscores = std::min(name.find_first_not_of('_'), name.size());
  return bound - static_cast<int>(std::min<size_t>(underscores, 50));
}

bool IsFunction(const GElf_Sym& symbol) {
  const int type = GELF_ST_TYPE(symbol.st_info);
  return symbol.st_shndx != SHN_UNDEF && symbol.st_value != 0 &&
         (type == STT_FUNC || type == STT_GNU_IFUNC);
}

class SymbolMatcher {
 public:
  SymbolMatcher(const ElfFile& file, absl::Span<const uint64_t> addresses)
      : file_(file),
        addresses_(addresses),
        covering_(addresses.size()),
        unsized_(addresses.size()),
        nearest_start_(addresses.size()) {}

  void Run(Elf_Scn* table, const GElf_Shdr& header, Budget* budget) {
    Elf_Data* content = elf_getdata(table, nullptr);
    if (content == nullptr || header.sh_entsize == 0) return;
    const uint64_t count = header.sh_size / header.sh_entsize;
    for (uint64_t i = 1; i < count && budget->Spend(); ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(content, static_cast<int>(i), &symbol) == nullptr) return;
      if (!IsFunction(symbol)) continue;
      const auto first = std::lower_bound(addresses_.begin(), addresses_.end(), symbol.st_value);
      if (first == addresses_.end()) continue;
      const char* name = elf_strptr(file_.elf(), header.sh_link, symbol.st_name);
      if (name == nullptr || *name == '\0') continue;
      Offer(symbol, name, static_cast<size_t>(first - addresses_.begin()), budget);
    }
  }

  void Finish(absl::Span<SymbolHit> hits) {
    const Candidate* before = nullptr;  // nearest unsized symbol at or below the address
    uint64_t nearest = 0;               // of any kind; an unsized one ends where the next begins
    for (size_t i = 0; i < addresses_.size(); ++i) {
      nearest = std::max(nearest, nearest_start_[i]);
      if (unsized_[i].used) before = &unsized_[i];
      if (!hits[i].name.empty()) continue;
      if (covering_[i].used) {
        hits[i] = covering_[i].hit;
      } else if (before != nullptr && before->hit.start == nearest && addresses_[i] < before->end) {
        hits[i] = before->hit;
      }
    }
  }

 private:
  void Offer(const GElf_Sym& symbol, std::string_view name, size_t first, Budget* budget) {
    Candidate candidate = {{name, symbol.st_value}, 0, RankOf(symbol, name), true};
    nearest_start_[first] = std::max(nearest_start_[first], symbol.st_value);
    if (symbol.st_size == 0) {
      // Hand-written assembly: reaches to the end of its section, or to the next symbol.
      candidate.end = SectionEnd(symbol);
      Improve(&unsized_[first], candidate);
      return;
    }
    candidate.end = symbol.st_value + std::min(symbol.st_size, ~symbol.st_value);
    for (size_t i = first; i < addresses_.size() && addresses_[i] < candidate.end; ++i) {
      // Sizes that lie could make this quadratic.
      if (!budget->Spend()) return;
      Improve(&covering_[i], candidate);
    }
  }

  static void Improve(Candidate* best, const Candidate& candidate) {
    auto key = [](const Candidate& c) { return std::make_tuple(c.used, c.hit.start, c.rank); };
    const bool equal = key(candidate) == key(*best);
    if (key(candidate) > key(*best) || (equal && candidate.hit.name < best->hit.name)) {
      *best = candidate;
    }
  }

  uint64_t SectionEnd(const GElf_Sym& symbol) const {
    GElf_Shdr header;
    Elf_Scn* section = elf_getscn(file_.elf(), symbol.st_shndx);
    if (section == nullptr || gelf_getshdr(section, &header) == nullptr) return 0;
    if (symbol.st_value < header.sh_addr) return 0;
    return header.sh_addr + std::min(header.sh_size, ~header.sh_addr);
  }

  const ElfFile& file_;
  absl::Span<const uint64_t> addresses_;
  std::vector<Candidate> covering_;
  // At the first address not below the symbol's start.
  std::vector<Candidate> unsized_;
  std::vector<uint64_t> nearest_start_;
};

void RunTables(const ElfFile& file, uint32_t type, SymbolMatcher* matcher, Budget* budget) {
  for (Elf_Scn* section = elf_nextscn(file.elf(), nullptr); section != nullptr;
       section = elf_nextscn(file.elf(), section)) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type != type) continue;
    matcher->Run(section, header, budget);
  }
}

}  // namespace

void MatchSymbols(const ElfFile& file, absl::Span<const uint64_t> addresses,
                  absl::Span<SymbolHit> hits, Budget* budget) {
  SymbolMatcher matcher(file, addresses);
  // .dynsym after .symtab: some strip tools leave only local or only exported names in the latter.
  RunTables(file, SHT_SYMTAB, &matcher, budget);
  RunTables(file, SHT_DYNSYM, &matcher, budget);
  matcher.Finish(hits);
}

}  // namespace podo::symbolize
