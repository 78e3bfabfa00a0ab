// SPDX-License-Identifier: Apache-2.0
#include "base/owned_fd.h"

#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "../in_child.h"

namespace podo::base {
namespace {

using test::InChild;

OwnedFd OpenNull() { return OwnedFd(open("/dev/null", O_RDONLY | O_CLOEXEC)); }
bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }

TEST_CASE("a descriptor is closed at the end of its owner's life, also after a move") {
  int number = -1;
  {
    OwnedFd first = OpenNull();
    number = first.get();
    OwnedFd second(std::move(first));
    OwnedFd third;
    third = std::move(second);
    CHECK(third.get() == number);
    CHECK(IsOpen(number));
  }
  CHECK(!IsOpen(number));
}

TEST_CASE("a number that the host closed and got again for its own file is left alone") {
  OwnedFd ours = OpenNull();
  const int number = ours.get();
  const int theirs = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  REQUIRE(dup2(theirs, number) == number);
  CHECK(!ours.IsOurs());
  CHECK(ours.Close() == EBADF);
  CHECK(IsOpen(number));
  close(number);
  close(theirs);
}

TEST_CASE("the standard stream numbers are never taken") {
  CHECK(InChild([] {
          close(STDIN_FILENO);
          OwnedFd ours = OpenNull();
          return ours.get() > STDERR_FILENO && !IsOpen(STDIN_FILENO) ? 0 : 1;
        }) == 0);
}

TEST_CASE("a fork child closes what is podo's and only that") {
  OwnedFd kept = OpenNull();
  OwnedFd replaced = OpenNull();
  const int theirs = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  REQUIRE(dup2(theirs, replaced.get()) == replaced.get());
  CHECK(InChild([&] {
          CloseOwnedFdsInForkChild();
          return !IsOpen(kept.get()) && IsOpen(replaced.get()) && IsOpen(theirs) ? 0 : 1;
        }) == 0);
  CHECK(IsOpen(kept.get()));
  close(replaced.get());
  close(theirs);
}

TEST_CASE("more descriptors than the table holds work as well") {
  OwnedFd many[100];
  for (OwnedFd& fd : many) fd = OpenNull();
  for (OwnedFd& fd : many) {
    CHECK(fd.IsOurs());
    CHECK(fd.Close() == 0);
  }
  CHECK(InChild([] {
          OwnedFd again = OpenNull();
          CloseOwnedFdsInForkChild();
          return IsOpen(again.get()) ? 1 : 0;
        }) == 0);
}

}  // namespace
}  // namespace podo::base
