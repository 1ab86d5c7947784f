/*
 * tree.h - the processes of this machine and which descend from us.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner. For platform/linux only.
 */
#ifndef COUNTERSIGN_PLATFORM_LINUX_TREE_H
#define COUNTERSIGN_PLATFORM_LINUX_TREE_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree_process {
	int pid;
	int parent;
	bool zombie;		/* ended, not reaped */
	bool ours;		/* descends from us: tree_mark() */
	unsigned threads;
	uint64_t start;		/* when it began, in ticks: pid and start name
				 * a process for good */
};

/* A listing; all zero is an empty one. */
struct tree {
	struct tree_process *p;
	size_t n;
	size_t size;
};

/*
 * Lists all processes by pid from /proc. Not one moment's picture: some end
 * and some begin meanwhile. Reuses the memory of an earlier listing.
 * ERR_NOMEM, ERR_IO.
 */
MUST_CHECK int tree_read(struct tree *t);
void tree_free(struct tree *t);

/*
 * Marks those that descend from root; not root itself, and not the `keep`
 * processes nor what descends from them. Returns how many live.
 */
size_t tree_mark(struct tree *t, int root, const int *keep, size_t n_keep);

/*
 * Memory of that process that is its own (resident and not shared), in bytes;
 * 0 if it has gone.
 */
uint64_t tree_memory(int pid);
/*
 * Memory that the marked processes share, in bytes: mappings, and files in
 * memory that they have open.
 */
uint64_t tree_shared_memory(const struct tree *t);

#endif
