/*
 * identities.c - who a card that only looks is run as.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "agent/gate/identities.h"

#include "platform/sandbox.h"

#include <stdio.h>
#include <string.h>

void
identities_init(struct identities *ids)
{
	unsigned i;

	for (i = 0; i < OBSERVERS; i++)
		ids->held[i] = -1;
}

/* The account, if it can be nobody's who matters. ERR_RANGE: by its number it
 * could be, and *ret_id is set. */
static int
find(unsigned i, struct identity *ret_id)
{
	const char *name = observers_name(i);
	struct identity id;
	int r;

	if (name == NULL)
		return ERR_UNSUPPORTED;
	if ((r = privileges_find_user(name, &id)) != 0)
		return r;
	if (id.uid == 0 || id.gid == 0 || id.uid == privileges_uid())
		return ERR_PERMISSION;
	*ret_id = id;
	return observers_is_apart(id.uid) ? 0 : ERR_RANGE;
}

/* All of them, and what is wrong with each: find()'s errors, 0 none. Two names
 * for one number would be one account for two cards: ERR_PERMISSION. */
static void
find_all(struct identity ret_ids[OBSERVERS], int ret_r[OBSERVERS])
{
	unsigned i, k;

	for (i = 0; i < OBSERVERS; i++) {
		ret_ids[i] = (struct identity){ .uid = 0 };
		ret_r[i] = find(i, &ret_ids[i]);
	}
	for (i = 0; i < OBSERVERS; i++)
		for (k = 0; k < OBSERVERS; k++)
			if (k != i && ret_r[i] == 0 && ret_ids[k].uid != 0 &&
			    ret_ids[k].uid == ret_ids[i].uid)
				ret_r[i] = ret_r[k] = ERR_PERMISSION;
}

int
identities_take(struct identities *ids, unsigned wait_ms,
    struct identity *ret_id, int *ret_slot)
{
	struct identity found[OBSERVERS];
	int each[OBSERVERS], r, fd;
	unsigned i, which = 0;

	find_all(found, each);
	for (i = 0; i < OBSERVERS; i++) {
		if (each[i] != 0)
			return each[i];
		if (ids->held[i] < 0)
			which |= 1u << i;
	}
	if ((r = observers_hold_any(which, wait_ms, &i, &fd)) != 0)
		return r;
	r = privileges_is_root() ? sandbox_sweep(found[i].uid) : 0;
	if (r != 0 && r != ERR_UNSUPPORTED) {
		observers_release(&fd);
		return ERR_IO;
	}
	ids->held[i] = fd;
	*ret_id = found[i];
	*ret_slot = (int)i;
	return 0;
}

int
identities_held(const struct identities *ids, int slot)
{
	return slot >= 0 && slot < OBSERVERS ? ids->held[slot] : -1;
}

void
identities_release(struct identities *ids, int *slot)
{
	if (*slot >= 0 && *slot < OBSERVERS)
		observers_release(&ids->held[*slot]);
	*slot = IDENTITY_NONE;
}

int
identities_sweep(struct identities *ids)
{
	struct identity id;
	int err = 0, r, fd;
	unsigned i;

	if (!privileges_is_root())
		return 0;
	for (i = 0; i < OBSERVERS; i++) {
		if (ids->held[i] >= 0 || find(i, &id) != 0 ||
		    observers_hold(i, &fd) != 0)
			continue;
		r = sandbox_sweep(id.uid);
		observers_release(&fd);
		if (err == 0 && r != ERR_UNSUPPORTED)
			err = r;
	}
	return err;
}

/* The accounts with that trouble, or with any other: how many. */
static unsigned
list(const struct identity ids[OBSERVERS], const int each[OBSERVERS],
    bool number, char *ret_list, size_t size)
{
	unsigned i, n = 0;
	size_t at = 0;

	for (i = 0; i < OBSERVERS; i++) {
		if (each[i] == 0 || (each[i] == ERR_RANGE) != number)
			continue;
		at += (size_t)snprintf(ret_list + at, size - at, "%s%s",
		    n++ > 0 ? ", " : "", observers_name(i));
		if (number && at < size)
			at += (size_t)snprintf(ret_list + at, size - at,
			    " (%u)", (unsigned)ids[i].uid);
		if (at >= size)
			break;
	}
	return n;
}

int
identities_check(char *ret_why, size_t n)
{
	struct identity ids[OBSERVERS];
	int each[OBSERVERS];
	char names[256];
	size_t at = 0;

	if (observers_name(0) == NULL) {
		(void)snprintf(ret_why, n, "this system has no such account");
		return ERR_NOT_FOUND;
	}
	find_all(ids, each);
	ret_why[0] = '\0';
	if (list(ids, each, false, names, sizeof(names)) > 0)
		(void)snprintf(ret_why, n, "no usable account %s: make them"
		    " with: %s", names, observers_command());
	if (list(ids, each, true, names, sizeof(names)) > 0 &&
	    (at = strlen(ret_why)) < n)
		(void)snprintf(ret_why + at, n - at, "%snumbers that containers"
		    " use too: %s: give them others: usermod -u %u %s",
		    at > 0 ? "; " : "", names,
		    (unsigned)observers_number(0), observers_name(0));
	return ret_why[0] != '\0' ? ERR_NOT_FOUND : 0;
}
