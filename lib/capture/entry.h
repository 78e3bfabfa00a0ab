// SPDX-License-Identifier: Apache-2.0
// Where the kernel enters podo's handler: with kHandlerMagic in front, and a look at the room.
//
// An alternate signal stack may have room for the kernel's frame and none for the handler's: what
// lies below it is somebody's memory. The kernel says in the frame where that stack is (uc_stack;
// size 0: none). A thread's own stack has a guard below it, and is not looked at. Of handler.cc
// only.
#ifndef PODO_LIB_CAPTURE_ENTRY_H_
#define PODO_LIB_CAPTURE_ENTRY_H_

#include <ucontext.h>

#include <cstddef>

namespace podo::capture {

static_assert(offsetof(ucontext_t, uc_stack.ss_sp) == 16);
#if defined(__x86_64__)
static_assert(offsetof(ucontext_t, uc_stack.ss_size) == 32);
__asm__(
    ".pushsection .text\n"
    ".balign 16\n"
    ".ascii \"podo-sigprof-v01\"\n"
    ".globl podo_sigprof_entry\n"
    ".hidden podo_sigprof_entry\n"
    ".type podo_sigprof_entry, @function\n"
    "podo_sigprof_entry:\n"
    ".cfi_startproc\n"
    "endbr64\n"
    "mov %rsp, %rax\n"
    "sub 16(%rdx), %rax\n"  // what is left of that stack, if this is it at all
    "cmp 32(%rdx), %rax\n"
    "jae podo_sigprof_handler\n"
    "cmp $1024, %rax\n"  // the handler's deepest call fits: tests/house/test_handler.py adds it up
    "jae podo_sigprof_handler\n"
    "jmp podo_sigprof_no_room\n"
    ".cfi_endproc\n"
    ".size podo_sigprof_entry, . - podo_sigprof_entry\n"
    ".popsection\n");
#elif defined(__aarch64__)
static_assert(offsetof(ucontext_t, uc_stack.ss_size) == 32);
__asm__(
    ".pushsection .text\n"
    ".balign 16\n"
    ".ascii \"podo-sigprof-v01\"\n"
    ".globl podo_sigprof_entry\n"
    ".hidden podo_sigprof_entry\n"
    ".type podo_sigprof_entry, %function\n"
    "podo_sigprof_entry:\n"
    ".cfi_startproc\n"
    "hint #34\n"  // bti c
    "mov x9, sp\n"
    "ldr x10, [x2, #16]\n"
    "ldr x11, [x2, #32]\n"
    "sub x9, x9, x10\n"
    "cmp x9, x11\n"
    "b.hs podo_sigprof_handler\n"
    "cmp x9, #2048\n"  // registers take more room
    "b.hs podo_sigprof_handler\n"
    "b podo_sigprof_no_room\n"
    ".cfi_endproc\n"
    ".size podo_sigprof_entry, . - podo_sigprof_entry\n"
    ".popsection\n");
#endif

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_ENTRY_H_
