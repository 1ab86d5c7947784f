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

/* The account, if it can be nobody's who matters. */
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
	return 0;
}

/* Two names for one number would be one account for two cards. */
static bool
is_shared(unsigned i, uint32_t uid)
{
	struct identity other;
	unsigned k;

	for (k = 0; k < OBSERVERS; k++)
		if (k != i && find(k, &other) == 0 && other.uid == uid)
			return true;
	return false;
}

int
identities_take(struct identities *ids, unsigned wait_ms,
    struct identity *ret_id, int *ret_slot)
{
	struct identity found[OBSERVERS];
	unsigned i, which = 0;
	int r, fd;

	for (i = 0; i < OBSERVERS; i++) {
		if ((r = find(i, &found[i])) != 0)
			return r;
		if (is_shared(i, found[i].uid))
			return ERR_PERMISSION;
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

int
identities_check(char *ret_why, size_t n)
{
	char missing[128] = "";
	struct identity id;
	size_t at = 0;
	unsigned i;

	for (i = 0; i < OBSERVERS; i++) {
		if (observers_name(i) == NULL) {
			(void)snprintf(ret_why, n, "this system has no such"
			    " account");
			return ERR_NOT_FOUND;
		}
		if (find(i, &id) == 0 && !is_shared(i, id.uid))
			continue;
		at += (size_t)snprintf(missing + at, sizeof(missing) - at,
		    "%s%s", at > 0 ? ", " : "", observers_name(i));
		if (at >= sizeof(missing))
			break;
	}
	if (at == 0)
		return 0;
	(void)snprintf(ret_why, n, "no usable account %s: make them with: %s",
	    missing, observers_command());
	return ERR_NOT_FOUND;
}
