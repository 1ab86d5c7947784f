/*
 * pens.c - pens on a system where the runner's job is one.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * The job of process.h dies with the gate, so that nothing is left to sweep
 * after one, nothing can be kept, and a pen has no place in the file system.
 */
#include "platform/sandbox.h"

#include <stdlib.h>
#include <string.h>

struct pens {
	int none;
};

int
pens_open(const char *tag, struct pens **ret_pens)
{
	struct pens *p;

	if (tag != NULL && (tag[0] == '\0' || strlen(tag) >= PENS_TAG_SIZE ||
	    strspn(tag, "abcdefghijklmnopqrstuvwxyz0123456789-") !=
	    strlen(tag)))
		return ERR_USAGE;
	if ((p = calloc(1, sizeof(*p))) == NULL)
		return ERR_NOMEM;
	*ret_pens = p;
	return 0;
}

void
pens_close(struct pens *pens)
{
	free(pens);
}

const char *
pens_text(const struct pens *pens)
{
	(void)pens;
	return "cgroup=none kill=job mem=job procs=job";
}

size_t
pens_folders(const struct pens *pens, const char **ret_folders)
{
	(void)pens;
	(void)ret_folders;
	return 0;
}

bool
pens_is_usable(const struct pens *pens)
{
	(void)pens;
	return false;
}

void
pens_name(const struct pens *pens, const uint8_t card[32],
    enum plan_survivors survivors, struct pen *ret_pen)
{
	(void)pens;
	(void)card;
	(void)survivors;
	memset(ret_pen, 0, sizeof(*ret_pen));
}

int
pen_make(const struct pen *pen, uint64_t memory_bytes, uint32_t processes,
    int *ret_errno)
{
	(void)pen;
	(void)memory_bytes;
	(void)processes;
	(void)ret_errno;
	return 0;
}

uint32_t
pen_kill(const struct pen *pen)
{
	(void)pen;
	return 0;
}

int
pen_remove(const struct pen *pen)
{
	(void)pen;
	return 0;
}

void
pen_counts(const struct pen *pen, uint64_t *ret_oom_kills,
    uint64_t *ret_refused)
{
	(void)pen;
	*ret_oom_kills = *ret_refused = 0;
}

int
pens_sweep(const struct pens *pens, unsigned which, unsigned within_ms,
    uint32_t *ret_killed)
{
	(void)pens;
	(void)which;
	(void)within_ms;
	if (ret_killed != NULL)
		*ret_killed = 0;
	return 0;
}

size_t
pens_kept(const struct pens *pens, int *ret_pids, size_t n)
{
	(void)pens;
	(void)ret_pids;
	(void)n;
	return 0;
}
