/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that change who a process is.
 *
 * libc makes a change of user or group in every thread and aborts the process if one of them is
 * refused, which is what happens after a program has changed its own thread's capabilities only
 * (setpriv and everything else on libcap-ng). The kernel refuses unshare(CLONE_NEWUSER) and some
 * setns to a process of several threads. Both come within the first milliseconds of a program,
 * while the only thread podo adds still sleeps; so it steps aside for them. */
#include <grp.h>
#include <sched.h>
#include <unistd.h>

#include "preload/loader.h"
#include "preload/real_calls.h"

#define PODO_WRAPPER __attribute__((visibility("default")))

#define RUN_ALONE(call)                         \
  const RealCalls* const real = GetRealCalls(); \
  const AloneScope scope = LoaderBeginAlone();  \
  const int result = real->call;                \
  LoaderEndAlone(&scope);                       \
  return result

PODO_WRAPPER int setuid(uid_t user) { RUN_ALONE(setuid(user)); }

PODO_WRAPPER int seteuid(uid_t user) { RUN_ALONE(seteuid(user)); }

PODO_WRAPPER int setreuid(uid_t real_user, uid_t user) { RUN_ALONE(setreuid(real_user, user)); }

PODO_WRAPPER int setresuid(uid_t real_user, uid_t user, uid_t saved) {
  RUN_ALONE(setresuid(real_user, user, saved));
}

PODO_WRAPPER int setgid(gid_t group) { RUN_ALONE(setgid(group)); }

PODO_WRAPPER int setegid(gid_t group) { RUN_ALONE(setegid(group)); }

PODO_WRAPPER int setregid(gid_t real_group, gid_t group) { RUN_ALONE(setregid(real_group, group)); }

PODO_WRAPPER int setresgid(gid_t real_group, gid_t group, gid_t saved) {
  RUN_ALONE(setresgid(real_group, group, saved));
}

PODO_WRAPPER int setgroups(size_t count, const gid_t* groups) {
  RUN_ALONE(setgroups(count, groups));
}

PODO_WRAPPER int initgroups(const char* user, gid_t group) { RUN_ALONE(initgroups(user, group)); }

PODO_WRAPPER int unshare(int flags) { RUN_ALONE(unshare(flags)); }

PODO_WRAPPER int setns(int fd, int type) { RUN_ALONE(setns(fd, type)); }
