/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "preload/environment.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "preload/signal_name.h"

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

bool EnvironmentFollowsForks(const char* const* environment) {
  for (; environment != NULL && *environment != NULL; ++environment) {
    if (strcasecmp(*environment, "PODO_FORK=child") == 0) return true;
  }
  return false;
}

bool EnvironmentAllowsLog(const char* const* environment) {
  for (; environment != NULL && *environment != NULL; ++environment) {
    if (strcmp(*environment, "PODO_LOG=off") == 0) return false;
  }
  return true;
}

/* Of equal names the first counts, blanks around a value do not; both as the engine reads it. */
int EnvironmentSignal(const char* const* environment) {
  static const char kName[] = "PODO_SIGNAL=";
  static const char kBlanks[] = " \t\r\n";
  for (; environment != NULL && *environment != NULL; ++environment) {
    if (strncmp(*environment, kName, sizeof kName - 1) != 0) continue;
    const char* const value = *environment + sizeof kName - 1;
    const char* const begin = value + strspn(value, kBlanks);
    size_t size = strlen(begin);
    while (size > 0 && strchr(kBlanks, begin[size - 1]) != NULL) --size;
    char text[16];
    if (size >= sizeof text) return SIGPROF;
    memcpy(text, begin, size);
    text[size] = '\0';
    const int signal_number = PodoSignalOf(text);
    return signal_number != 0 ? signal_number : SIGPROF;
  }
  return SIGPROF;
}
