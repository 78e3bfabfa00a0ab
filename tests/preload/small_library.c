/* SPDX-License-Identifier: Apache-2.0 */
/* Something to dlopen. */
int SmallLibrary(void);
__attribute__((visibility("default"))) int SmallLibrary(void) { return 1; }
