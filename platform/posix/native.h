/*
 * native.h - calls whose form differs between Linux and macOS.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, runner, cli, console. For platform/posix only.
 *
 * linux/native.c and macos/native.c implement them. As system calls do, each
 * returns -1 and sets errno on failure, unless it says otherwise.
 */
#ifndef COUNTERSIGN_PLATFORM_POSIX_NATIVE_H
#define COUNTERSIGN_PLATFORM_POSIX_NATIVE_H

#include "platform/program.h"

#include <pwd.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * pipe(2), socket(2), socketpair(2) of Unix stream sockets and accept(2),
 * close-on-exec. (Where that takes a second call, another thread's child gets
 * no copy either: macos/process.c closes all that is not listed.) Writing to
 * such a socket where nobody reads is an error and no signal, by native_send().
 */
int native_pipe(int ret_fds[2]);
int native_socket(int domain, int type, int protocol);
int native_socketpair(int ret_fds[2]);
int native_accept(int listener);
/* send(2) without SIGPIPE. */
ssize_t native_send(int fd, const void *p, size_t n);

/*
 * open(2), close-on-exec, of a file of the system's that a confined gate may
 * not open by itself (linux/starter.h). And the next account of /etc/passwd,
 * of *io_f, which is NULL at first; NULL at the end, and at any error.
 */
int native_open(const char *path, int flags, unsigned mode);
const struct passwd *native_next_account(FILE **io_f);
/*
 * program_open() by who may, where we are confined: *ret_p has the descriptor
 * and the path, not the facts. ERR_UNSUPPORTED we have to do it ourselves.
 */
int native_open_program(const char *path, enum program_owner owner,
    struct program *ret_p);

/* fsync(2) that means it: also the drive's own cache. */
int native_sync(int fd);

/* When content, and content, owner or mode, last changed. Never fail. */
int64_t native_mtime_ns(const struct stat *st);
int64_t native_ctime_ns(const struct stat *st);

/* No other process of the same user looks into this one from now on. */
int native_forbid_tracing(void);
/* Whole pages that are not dumped and that a forked child does not have, as far
 * as the system can. Never fails. */
void native_hide_memory(void *p, size_t n);
/* Overwrites with zeroes in a way that the compiler keeps. */
void native_wipe(void *p, size_t n);

#endif
