/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin with a handler of its own for SIGPROF, which it leaves behind. */
#include <signal.h>
#include <string.h>

static volatile int g_ticks;
static void OnTick(int signal_number) { (void)signal_number, ++g_ticks; }

void InstallHandler(void);
void InstallHandler(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = OnTick;
  sigaction(SIGPROF, &action, NULL);
}
