/* SPDX-License-Identifier: Apache-2.0 */
/* The record that a tracer publishes, as OTEP 4947 lays it out. */
#include <stdint.h>

struct TracerRecord {
  uint8_t trace_id[16];
  uint8_t span_id[8];
  uint8_t valid;
  uint8_t trace_flags;
  uint8_t attrs_size[2];
};
