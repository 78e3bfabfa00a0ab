/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/environment.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static bool Concerns(const char* variable) {
  return strncmp(variable, "PODO_", 5) == 0 || strncmp(variable, "OTEL_", 5) == 0;
}

const char* const* CopyEnvironment(void) {
  size_t count = 0;
  size_t bytes = 0;
  for (char** next = environ; next != NULL && *next != NULL; ++next) {
    if (!Concerns(*next)) continue;
    ++count;
    bytes += strlen(*next) + 1;
  }
  const char** const list = malloc((count + 1) * sizeof *list + bytes);
  if (list == NULL) return NULL;
  char* text = (char*)(list + count + 1);
  size_t filled = 0;
  for (char** next = environ; next != NULL && *next != NULL && filled < count; ++next) {
    if (!Concerns(*next)) continue;
    list[filled++] = text;
    text = stpcpy(text, *next) + 1;
  }
  list[filled] = NULL;
  return list;
}

static bool Says(const char* value, const char* word, const char* digit) {
  return value != NULL && (strcasecmp(value, word) == 0 || strcmp(value, digit) == 0);
}

bool EnvironmentAllowsPodo(void) {
  const char* const enabled = getenv("PODO_ENABLED");
  if (Says(enabled, "false", "0")) return false;
  const bool unset = enabled == NULL || enabled[0] == '\0';
  return !(unset && Says(getenv("OTEL_SDK_DISABLED"), "true", "true")); /* no 1 in OpenTelemetry */
}

bool EnvironmentAllowsLog(const char* const* environment) {
  for (; environment != NULL && *environment != NULL; ++environment) {
    if (strcmp(*environment, "PODO_LOG=off") == 0) return false;
  }
  return true;
}
