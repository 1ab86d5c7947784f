/*
 * accounts.c - users and groups from /etc/passwd and /etc/group.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, cli.
 *
 * Read by hand, so that the same file decides under every C library and no
 * name service runs inside the gate.
 */
#include "platform/pipes.h"
#include "platform/privileges.h"

#include "platform/linux/starter.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A directory of 100,000 accounts; the file is ours, the cap is for sanity. */
#define FILE_CAP (16u * 1024 * 1024)

#define PASSWD_FIELDS 7		/* name:x:uid:gid:gecos:home:shell, passwd(5) */
#define GROUP_FIELDS 4		/* name:x:gid:members, group(5) */

static int
read_file(const char *path, struct buf *b)
{
	int fd = starter_open(path, O_RDONLY, 0), r;

	if (fd < 0)
		return ERR_IO;
	r = pipes_read_all(fd, b);
	(void)close(fd);
	return r;
}

/* Cuts the part before the next c (or the end) from the front of *rest. */
static struct bytes
cut(struct bytes *rest, char c)
{
	const uint8_t *end = rest->n > 0 ? memchr(rest->p, c, rest->n) : NULL;
	size_t n = end != NULL ? (size_t)(end - rest->p) : rest->n;
	struct bytes part = { rest->p, n };

	if (end != NULL)
		n++;
	rest->p += n;
	rest->n -= n;
	return part;
}

/* Splits a line at its colons; false unless it has exactly n fields. */
static bool
split(struct bytes line, struct bytes *fields, size_t n)
{
	size_t i, colons = 0;

	for (i = 0; i < line.n; i++)
		colons += line.p[i] == ':';
	if (colons != n - 1)
		return false;
	for (i = 0; i < n; i++)
		fields[i] = cut(&line, ':');
	return true;
}

/* Decimal digits only; (uid_t)-1 means "no change" to the kernel. */
static bool
parse_id(struct bytes a, uint32_t *ret_id)
{
	uint64_t v = 0;
	size_t i;

	if (a.n == 0 || a.n > 10)
		return false;
	for (i = 0; i < a.n; i++) {
		if (a.p[i] < '0' || a.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(a.p[i] - '0');
	}
	if (v >= UINT32_MAX)
		return false;
	*ret_id = (uint32_t)v;
	return true;
}

/*
 * The first line whose field number `key` is `value`, split. ERR_NOT_FOUND, or
 * ERR_SYNTAX if the line that begins with that name is malformed.
 */
static int
find_line(struct bytes file, size_t key, const char *value,
    struct bytes *fields, size_t n)
{
	struct bytes line, head;

	while (file.n > 0) {
		line = cut(&file, '\n');
		head = line;
		if (split(line, fields, n)) {
			if (bytes_is(fields[key], value))
				return 0;
		} else if (key == 0 && bytes_is(cut(&head, ':'), value))
			return ERR_SYNTAX;
	}
	return ERR_NOT_FOUND;
}

static bool
is_listed(struct bytes members, const char *name)
{
	while (members.n > 0)
		if (bytes_is(cut(&members, ','), name))
			return true;
	return false;
}

/* Adds the groups whose member lists name the user; its own gid stays apart. */
static int
add_groups(struct bytes file, const char *name, struct identity *id)
{
	struct bytes fields[GROUP_FIELDS];
	uint32_t gid;

	while (file.n > 0) {
		if (!split(cut(&file, '\n'), fields, GROUP_FIELDS) ||
		    !is_listed(fields[3], name))
			continue;
		if (!parse_id(fields[2], &gid))
			return ERR_SYNTAX;
		if (gid == id->gid)
			continue;
		if (id->n_groups == IDENTITY_GROUPS_MAX)
			return ERR_TOO_LARGE;
		id->groups[id->n_groups++] = gid;
	}
	return 0;
}

int
privileges_parse_user(struct bytes passwd, struct bytes group,
    const char *name, struct identity *ret_id)
{
	struct bytes fields[PASSWD_FIELDS];
	struct identity id = { .n_groups = 0 };
	int r;

	if (name[0] == '\0')
		return ERR_NOT_FOUND;
	r = find_line(passwd, 0, name, fields, PASSWD_FIELDS);
	if (r != 0)
		return r;
	if (!parse_id(fields[2], &id.uid) || !parse_id(fields[3], &id.gid))
		return ERR_SYNTAX;
	if ((r = add_groups(group, name, &id)) == 0)
		*ret_id = id;
	return r;
}

int
privileges_find_user(const char *name, struct identity *ret_id)
{
	struct buf passwd, group;
	int r;

	buf_init(&passwd, FILE_CAP);
	buf_init(&group, FILE_CAP);
	if ((r = read_file("/etc/passwd", &passwd)) == 0 &&
	    (r = read_file("/etc/group", &group)) == 0)
		r = privileges_parse_user(buf_bytes(&passwd),
		    buf_bytes(&group), name, ret_id);
	buf_free(&passwd);
	buf_free(&group);
	return r;
}

int
privileges_find_group(const char *name, uint32_t *ret_gid)
{
	struct bytes fields[GROUP_FIELDS];
	struct buf group;
	int r;

	if (name[0] == '\0')
		return ERR_NOT_FOUND;
	buf_init(&group, FILE_CAP);
	if ((r = read_file("/etc/group", &group)) == 0 &&
	    (r = find_line(buf_bytes(&group), 0, name, fields,
	    GROUP_FIELDS)) == 0 && !parse_id(fields[2], ret_gid))
		r = ERR_SYNTAX;
	buf_free(&group);
	return r;
}

int
privileges_name_user(uint32_t uid, char *ret_name, size_t n)
{
	struct bytes fields[PASSWD_FIELDS], rest;
	struct buf passwd;
	uint32_t found;
	int r;

	buf_init(&passwd, FILE_CAP);
	r = read_file("/etc/passwd", &passwd);
	rest = buf_bytes(&passwd);
	while (r == 0) {
		if (rest.n == 0) {
			r = ERR_NOT_FOUND;
		} else if (split(cut(&rest, '\n'), fields, PASSWD_FIELDS) &&
		    parse_id(fields[2], &found) && found == uid) {
			if (fields[0].n == 0 || fields[0].n >= n) {
				r = ERR_TOO_LARGE;
				break;
			}
			memcpy(ret_name, fields[0].p, fields[0].n);
			ret_name[fields[0].n] = '\0';
			break;
		}
	}
	buf_free(&passwd);
	return r;
}
