// SPDX-License-Identifier: Apache-2.0
#include "symbolize/demangle.h"

#include <doctest/doctest.h>

#include <string>

namespace podo::symbolize {
namespace {

TEST_CASE("names are made readable and lose what compilers append to clones") {
  const struct {
    const char* raw;
    const char* readable;
  } kCases[] = {
      {"main", "main"},
      {"_ZN4shop8CheckoutEi", "shop::Checkout(int)"},
      {"_ZN4shop8CheckoutEi.cold", "shop::Checkout(int)"},
      {"_ZN4shop8CheckoutEi.isra.0", "shop::Checkout(int)"},
      {"_ZN4shop8CheckoutEi.part.0.constprop.1.cold", "shop::Checkout(int)"},
      {"_ZN4shop8CheckoutEi.llvm.1234567", "shop::Checkout(int)"},
      {"parse.constprop.0", "parse"},
      {"memcpy@@GLIBC_2.14", "memcpy"},
      {"colors.colder", "colors.colder"},
      {".cold", ".cold"},
      {"_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()() const"},
      {"_Z", "_Z"},
      {"_ZN4shop", "_ZN4shop"},
      {"", ""},
  };
  for (const auto& c : kCases) CHECK(Demangle(c.raw) == c.readable);
}

TEST_CASE("a mangled name that cannot be read falls back to the short one, a C name does not") {
  CHECK(Demangle("_ZN4shop", "Checkout") == "Checkout");
  CHECK(Demangle("_RNvC6_123foo3bar", "bar") == "bar");
  CHECK(Demangle("memcpy_fast", "memcpy") == "memcpy_fast");
}

TEST_CASE("a name that would unfold to gigabytes is refused, a large honest one is not") {
  // Each P<A,A> doubles the one before: 60 of them are 2^60 names.
  std::string bomb = "_Z1f1PI1AS0_E";
  const std::string digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (int i = 0; i < 60; ++i) {
    const int number = i + 1;
    std::string reference(1, digits[static_cast<size_t>(number % 36)]);
    if (number >= 36) reference.insert(0, 1, digits[static_cast<size_t>(number / 36)]);
    bomb += "S_IS" + reference + "_S" + reference + "_E";
  }
  CHECK(Demangle(bomb, "f") == "f");
  // 36 references, and 36 is the bound.
  std::string honest = "_Z1fN1a1AE";
  std::string readable = "f(a::A";
  for (int i = 0; i < 36; ++i) {
    honest += "S0_";
    readable += ", a::A";
  }
  CHECK(Demangle(honest) == readable + ")");
  CHECK(Demangle(honest + "S0_", "f") == "f");
}

}  // namespace
}  // namespace podo::symbolize
