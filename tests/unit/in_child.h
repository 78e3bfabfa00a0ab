// SPDX-License-Identifier: Apache-2.0
// A test's body in a process of its own.
#ifndef PODO_TESTS_UNIT_IN_CHILD_H_
#define PODO_TESTS_UNIT_IN_CHILD_H_

#include <sys/wait.h>
#include <unistd.h>

namespace podo::test {

// Runs `body` in a fork child and gives its exit code, or 1000 and the signal that ended it.
template <typename Body>
int InChild(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

}  // namespace podo::test

#endif  // PODO_TESTS_UNIT_IN_CHILD_H_
