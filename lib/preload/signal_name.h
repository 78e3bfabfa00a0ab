/* SPDX-License-Identifier: Apache-2.0 */
/* What PODO_SIGNAL may say. Here because two read it: the stub, before main, must know which signal
 * it watches over, and the engine, which also reports what cannot be read. */
#ifndef PODO_LIB_PRELOAD_SIGNAL_NAME_H_
#define PODO_LIB_PRELOAD_SIGNAL_NAME_H_

#include <signal.h>
#include <string.h>
#include <strings.h>

/* A whole number of at most two digits that ends the text; -1: another text. */
static inline int PodoSmallNumber(const char* text) {
  int number = 0;
  int digits = 0;
  for (; *text >= '0' && *text <= '9' && digits < 3; ++digits) number = number * 10 + *text++ - '0';
  return digits >= 1 && digits <= 2 && *text == '\0' ? number : -1;
}

/* The signal of "PROF", "RTMIN", "RTMIN+3", "RTMAX-2" (any case, with or without SIG) or of the
 * number of one of these; 0: none. No blanks. */
static inline int PodoSignalOf(const char* text) {
  int signal_number = PodoSmallNumber(text);
  if (signal_number < 0) {
    if (strncasecmp(text, "SIG", 3) == 0) text += 3;
    if (strcasecmp(text, "PROF") == 0) return SIGPROF;
    const int is_last = strncasecmp(text, "RTMAX", 5) == 0;
    if (!is_last && strncasecmp(text, "RTMIN", 5) != 0) return 0;
    text += 5;
    int steps = 0;
    if (*text != '\0') {
      if (*text != (is_last ? '-' : '+')) return 0;
      steps = PodoSmallNumber(text + 1);
      if (steps < 0) return 0;
    }
    signal_number = is_last ? SIGRTMAX - steps : SIGRTMIN + steps;
  }
  if (signal_number == SIGPROF) return SIGPROF;
  return signal_number >= SIGRTMIN && signal_number <= SIGRTMAX ? signal_number : 0;
}

#endif /* PODO_LIB_PRELOAD_SIGNAL_NAME_H_ */
