/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "podo/podo_c.h"

int main(void) {
  podo_status status = podo_start(NULL);
  if (status.code != PODO_OK) fprintf(stderr, "not profiling: %s\n", status.message);

  double sum = 0;
  for (long i = 1; i <= 500000000; ++i) sum += 1.0 / (double)i;
  printf("%f\n", sum);
  return 0;
}
