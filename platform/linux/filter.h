/*
 * filter.h - what a seccomp filter of the agent's own processes is made of.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, gate. For platform/linux only.
 *
 * seccomp(2), Documentation/userspace-api/seccomp_filter.rst of the kernel. A
 * filter is: filter_begin(), the calls, filter_install(). The first that
 * matches a call's number answers it.
 */
#ifndef COUNTERSIGN_PLATFORM_LINUX_FILTER_H
#define COUNTERSIGN_PLATFORM_LINUX_FILTER_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The processors whose numbers of calls were looked at. */
#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef FILTER_ARCH

#define FILTER_MAX 1024
#define LOAD(field)							\
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS,				\
	    (uint32_t)offsetof(struct seccomp_data, field))
/* The lower half of an argument: where it lies is the byte order's matter. */
#define LOAD_ARG(i)							\
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS,				\
	    (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (i)))
#define RETURN(v) BPF_STMT(BPF_RET | BPF_K, (v))
#define DENY(error) RETURN(SECCOMP_RET_ERRNO | (error))
#define ALLOW RETURN(SECCOMP_RET_ALLOW)
#define AND(v) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (v))
#define IF_EQUAL(v, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (v), yes, no)
#define IF_FROM(v, yes, no) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (v), yes, no)
#define IF_ANY_BIT(v, yes, no)						\
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (v), yes, no)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "LOAD_ARG reads the lower half first");

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short n;
};

/* Appends an instruction. One too many is noticed at the end. */
void filter_add(struct filter *f, struct sock_filter instruction);
#define ADD(f, ...) filter_add((f), (struct sock_filter)__VA_ARGS__)

/*
 * Begins it: whoever comes through another processor's entry (32 bits, x32) is
 * killed, for its numbers mean something else. Calls of newer kernels are
 * ENOSYS, so that the C library takes the older way, whose arguments a filter
 * can see, and libuv its epoll.
 */
void filter_begin(struct filter *f);
/* What none of our confined processes calls is EPERM: other programs and
 * namespaces, the kernel's own business, being somebody else. */
void filter_deny_foreign(struct filter *f);
/* Each of the n calls is answered with that error; may be made. */
void filter_deny(struct filter *f, const int *calls, size_t n, uint32_t error);
void filter_allow(struct filter *f, const int *calls, size_t n);
/*
 * Ends it and sets it for this thread, which has no_new_privs. What was not
 * named is allowed (open), or ENOSYS: a newer call than the lists have has an
 * older one that does. logged: what it refuses stands in the kernel's log, from
 * Linux 4.14 on; for one whose work never comes to that. False if the kernel
 * cannot.
 */
bool filter_install(struct filter *f, bool open, bool logged);

#endif

#endif
