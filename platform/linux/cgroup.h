/*
 * cgroup.h - control groups as folders: joining, killing, counting, removing.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner. For platform/linux only.
 */
#ifndef COUNTERSIGN_PLATFORM_LINUX_CGROUP_H
#define COUNTERSIGN_PLATFORM_LINUX_CGROUP_H

#include "common/error.h"
#include "common/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Puts this process, which has one thread, into the group. 0 or an errno. In
 * version 1 through `tasks`: moving oneself alone takes none of the locks that
 * cost an RCU grace period (10 ms and more) when groups are seldom written.
 */
MUST_CHECK int cgroup_join(enum plan_cgroup kind, const char *path);
/*
 * The group's folder as a descriptor, close-on-exec, which goes on leading to
 * the hierarchy as it is mounted here. -1 and errno.
 */
int cgroup_open(const char *path);
/* cgroup_join() through such a descriptor. */
MUST_CHECK int cgroup_join_at(enum plan_cgroup kind, int folder);
/*
 * fork(2) straight into a version 2 group (clone3(2) with CLONE_INTO_CGROUP,
 * Linux 5.7), for the same reason, and into those new namespaces (CLONE_NEW*).
 * As fork(), or -1 where the kernel cannot; the caller then forks, and the
 * child joins.
 */
int cgroup_fork_at(int folder, unsigned long flags);
/* Whether that file of the group is there and we may write it. */
bool cgroup_may_write(const char *path, const char *file);
/* Writes text to a file of the group. 0 or an errno. */
MUST_CHECK int cgroup_write(const char *path, const char *file,
    const char *text);
/* Reads a file of the group, at most size - 1 bytes, with a NUL. 0 or an
 * errno. */
MUST_CHECK int cgroup_read(const char *path, const char *file, char *ret_text,
    size_t size);
/*
 * The number after a word at the start of a line ("oom_kill 3"); 0 if the file
 * or the word is not there.
 */
uint64_t cgroup_count(const char *path, const char *file, const char *word);
/* How often the kernel killed for memory in that group. */
uint64_t cgroup_oom_kills(enum plan_cgroup kind, const char *path);

/*
 * Kills all in the group and below it; by cgroup.kill where there is one, which
 * no fork can outrun, else one after the other. Returns how many were in it.
 */
uint32_t cgroup_kill(const char *path);
/* The processes in the group and below it: at most n. Returns how many. */
size_t cgroup_list(const char *path, int *ret_pids, size_t n);
/*
 * Removes the group and those below it. 0, also if there is none; ERR_AGAIN
 * somebody is in it; ERR_IO.
 */
MUST_CHECK int cgroup_remove(const char *path);

#endif
