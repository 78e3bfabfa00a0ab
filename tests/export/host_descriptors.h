// SPDX-License-Identifier: Apache-2.0
// A host that closes descriptors it never opened, and gets their numbers for its own.
#ifndef PODO_TESTS_EXPORT_HOST_DESCRIPTORS_H_
#define PODO_TESTS_EXPORT_HOST_DESCRIPTORS_H_

#include <string>

// Closes everything above stderr, then opens what podo's event loop does, in the same order, so
// that all get the same numbers: a socket, an eventfd, an epoll, a timerfd, sockets; and registers
// them. False if something fails.
bool HostClosesAllAndOpensItsOwn();

// "untouched", or what has happened to them.
std::string HostDescriptorsNow();

#endif  // PODO_TESTS_EXPORT_HOST_DESCRIPTORS_H_
