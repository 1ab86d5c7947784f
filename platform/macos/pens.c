/*
 * pens.c - there are no control groups: what the gate can say and do instead.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * The runner ends the tree of its action (lineage.h), and a gate whose runner
 * had to be killed ends who descends from it (process_kill_children()). So a
 * pen here is nothing that stands anywhere, and survivors that may stay are
 * not offered: nobody could find them again.
 */
#include "platform/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pens {
	char text[SANDBOX_TEXT_SIZE];
};

static bool
is_tag(const char *tag)
{
	size_t n = strspn(tag, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && tag[n] == '\0' && n < PENS_TAG_SIZE;
}

int
pens_open(const char *tag, struct pens **ret_pens)
{
	struct pens *pens;

	if (tag != NULL && !is_tag(tag))
		return ERR_USAGE;
	if ((pens = calloc(1, sizeof(*pens))) == NULL)
		return ERR_NOMEM;
	(void)snprintf(pens->text, sizeof(pens->text),
	    "cgroup=none kill=lineage mem=poll procs=poll");
	*ret_pens = pens;
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
	return pens->text;
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
