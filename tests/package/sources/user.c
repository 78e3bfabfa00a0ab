/* SPDX-License-Identifier: Apache-2.0 */
/* What an outside C project does with podo: every function of the C header once. */
#include <stdio.h>
#include <string.h>

#include "podo/podo_c.h"

int main(void) {
  podo_options options;
  podo_stats stats;
  podo_status started, stopped;
  memset(&options, 0, sizeof options);
  memset(&stats, 0, sizeof stats);
  options.size = sizeof options;
  options.service_name = "package-test";
  started = podo_start(&options);
  printf("start %d %s\n", (int)started.code, started.message);
  podo_prepare_exec();
  podo_exec_failed();
  podo_flush(1000000000u);
  stats.size = sizeof stats;
  podo_get_stats(&stats);
  stopped = podo_stop(2000000000u);
  printf("version %s\n", podo_version());
  return started.code == PODO_OK && stopped.code == PODO_OK ? 0 : 1;
}
