/*
 * lineage.h - who descends from a process, also after their parents' end.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner. For platform/macos only.
 *
 * macOS has neither process namespaces nor subreapers: an orphan belongs to
 * launchd. But the kernel gives each process a number that no other has before
 * the next start of the machine, and remembers that of the process which made
 * it. A lineage is a growing set of such numbers: whoever was made by one of
 * them belongs to it. Between two looks a child may make a grandchild and end:
 * that one is found only if it is still in the lineage's session. Looking
 * again at each fork keeps that time short; it cannot be made nothing. What
 * must not get away runs under an account of its own, which is swept.
 */
#ifndef COUNTERSIGN_PLATFORM_MACOS_LINEAGE_H
#define COUNTERSIGN_PLATFORM_MACOS_LINEAGE_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One who belongs, or belonged and has living descendants. */
struct kin {
	uint64_t id;		/* boot-unique */
	uint64_t parent;	/* of the one that made it */
	int pid;
	bool alive;		/* at the last look */
	bool needed;		/* alive or above one that is */
};

struct lineage {
	struct kin *kin;	/* sorted by id; the root is one of them */
	size_t n, size;
	uint64_t root;
	int session;		/* all in it belong too; 0 none */
	int queue;		/* kqueue that their forks and ends wake; -1 */
};

/*
 * Begins with the process root, which may be ourselves. ERR_NOT_FOUND no such
 * process; ERR_NOMEM, ERR_IO.
 */
MUST_CHECK int lineage_begin(struct lineage *l, int root, int queue);
/* Frees it. Idempotent. */
void lineage_end(struct lineage *l);
/*
 * Looks at all processes and takes in who belongs, until a look finds nobody
 * new. ERR_NOMEM; ERR_IO the processes cannot be listed.
 */
MUST_CHECK int lineage_look(struct lineage *l);
/*
 * Those that lived at the last look, without the root, the `keep` processes
 * and who descends from them: how many; how many bytes of memory they have
 * (phys_footprint); kills them (SIGKILL) and returns how many, each asked for
 * its number once more before.
 */
size_t lineage_count(const struct lineage *l, const int *keep, size_t n_keep);
uint64_t lineage_memory(const struct lineage *l);
size_t lineage_kill(const struct lineage *l, const int *keep, size_t n_keep);

/*
 * Kills all processes of that account by kill(-1) as that account, which no
 * fork of theirs outruns; does not wait. Only as root, for an account that is
 * nobody else's. ERR_USAGE uid 0; ERR_IO.
 */
MUST_CHECK int lineage_kill_account(uint32_t uid);
/*
 * The same until none is left or within_ms passed. *ret_killed: how many were
 * seen. ERR_AGAIN some are left; ERR_IO.
 */
MUST_CHECK int lineage_sweep_account(uint32_t uid, unsigned within_ms,
    uint32_t *ret_killed);

#endif
