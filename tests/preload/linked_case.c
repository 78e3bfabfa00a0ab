/* SPDX-License-Identifier: Apache-2.0 */
/* A program that links podo and is preloaded as well: one podo, the linked one. Ends with 42. */
#include <stdio.h>
#include <string.h>

#include "podo/podo_c.h"
#include "probe.h"

static int Copies(void) {
  FILE* const maps = fopen("/proc/self/maps", "r");
  char line[1024];
  char last[1024] = "";
  int copies = 0;
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
    const char* const path = strchr(line, '/');
    if (path == NULL || strstr(path, "podo.so") == NULL || strcmp(path, last) == 0) continue;
    strcpy(last, path);
    ++copies;
  }
  if (maps != NULL) fclose(maps);
  return copies;
}

int main(void) {
  const podo_status status = podo_start(NULL); /* before the preload library would start it */
  if (status.code != PODO_OK) return 1;
  if (!RealTimerArmed()) return 2;
  SleepMs(100);
  if (Copies() != 1) return 3;
  struct sigaction old;
  if (sigaction(SIGPROF, NULL, &old) != 0 || old.sa_handler != SIG_DFL) return 4;
  BurnMs(50);
  return RealTimerArmed() ? 42 : 5;
}
