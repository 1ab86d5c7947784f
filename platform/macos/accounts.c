/*
 * accounts.c - users and groups, from the directory service.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, cli.
 *
 * macOS keeps them in Open Directory and not in /etc/passwd (which is for
 * single-user mode); getpwnam_r(3) asks opendirectoryd.
 */
#include "platform/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

/* A record of a group with very many members. */
#define RECORD_SIZE 65536

static int
error_of(int error)
{
	return error == ERANGE ? ERR_TOO_LARGE : ERR_IO;
}

/*
 * The groups of that account, its own apart; (getgrouplist(3) here takes ints,
 * where -2 is nobody's.)
 */
static int
add_groups(const char *name, struct identity *id)
{
	int groups[IDENTITY_GROUPS_MAX + 1];
	int n = IDENTITY_GROUPS_MAX + 1, i;

	if (getgrouplist(name, (int)id->gid, groups, &n) < 0)
		return ERR_TOO_LARGE;
	for (i = 0; i < n; i++) {
		if ((uint32_t)groups[i] == id->gid)
			continue;
		if (id->n_groups == IDENTITY_GROUPS_MAX)
			return ERR_TOO_LARGE;
		id->groups[id->n_groups++] = (uint32_t)groups[i];
	}
	return 0;
}

int
privileges_find_user(const char *name, struct identity *ret_id)
{
	struct identity id = { .n_groups = 0 };
	char record[RECORD_SIZE];
	struct passwd p, *found = NULL;
	int r;

	if (name[0] == '\0')
		return ERR_NOT_FOUND;
	r = getpwnam_r(name, &p, record, sizeof(record), &found);
	if (r != 0)
		return error_of(r);
	if (found == NULL)
		return ERR_NOT_FOUND;
	id.uid = p.pw_uid;
	id.gid = p.pw_gid;
	if ((r = add_groups(name, &id)) == 0)
		*ret_id = id;
	return r;
}

int
privileges_find_group(const char *name, uint32_t *ret_gid)
{
	char record[RECORD_SIZE];
	struct group g, *found = NULL;
	int r;

	if (name[0] == '\0')
		return ERR_NOT_FOUND;
	r = getgrnam_r(name, &g, record, sizeof(record), &found);
	if (r != 0)
		return error_of(r);
	if (found == NULL)
		return ERR_NOT_FOUND;
	*ret_gid = g.gr_gid;
	return 0;
}

int
privileges_name_user(uint32_t uid, char *ret_name, size_t n)
{
	char record[RECORD_SIZE];
	struct passwd p, *found = NULL;
	size_t len;
	int r;

	r = getpwuid_r(uid, &p, record, sizeof(record), &found);
	if (r != 0)
		return error_of(r);
	if (found == NULL)
		return ERR_NOT_FOUND;
	len = strlen(p.pw_name);
	if (len == 0 || len >= n)
		return ERR_TOO_LARGE;
	memcpy(ret_name, p.pw_name, len + 1);
	return 0;
}
