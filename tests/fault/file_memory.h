/*
 * file_memory.h - platform/file.h on a disk in memory, which fails and crashes
 * as it is told to.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 *
 * Include it in a test, and the linker takes these functions in place of the
 * real ones. The disk knows what is durable: the content of a file up to its
 * last file_sync(), the names of a folder up to its last file_sync_dir().
 *
 *	disk_init();			an empty disk; DISK is its root folder
 *	disk.fail_at = n;		the n-th call from now on fails ...
 *	disk.fail_err = ERR_IO;		... with this error, that once
 *	disk.die_at = n;		the n-th call is the last that happens
 *	disk.shorten = true;		of such a write half is done
 *	disk.calls			how many calls there were
 *	disk.capacity = n;		bytes that fit on it
 *	disk.full_at = n;		from the n-th call on it is full ...
 *	disk.spare = n;			... but for so many bytes
 *	disk_crash(mode);		the machine starts again
 *
 * A dead disk fails every call with ERR_IO and changes nothing, so whoever
 * uses it unwinds as after an error, and nothing that it does then is seen.
 */
#ifndef COUNTERSIGN_TESTS_FAULT_FILE_MEMORY_H
#define COUNTERSIGN_TESTS_FAULT_FILE_MEMORY_H

#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DISK_NODES 128
#define DISK_HANDLES 64
#define DISK_NAMES 64
#define DISK_NAME_SIZE 80
#define DISK_SECTOR 512
#define DISK 0			/* handle of the root folder, always open */

struct disk_bytes {
	uint8_t *p;
	size_t n;
};

struct disk_name {
	char name[DISK_NAME_SIZE];
	int node;
};

struct disk_names {
	struct disk_name a[DISK_NAMES];
	size_t n;
};

struct disk_node {
	bool used, folder, locked;
	struct disk_bytes now, durable;	/* of a file */
	size_t reserved;
	struct disk_names names, durable_names;	/* of a folder */
	int64_t changed;
};

struct disk {
	struct disk_node nodes[DISK_NODES];
	int handles[DISK_HANDLES];	/* node, or -1 */
	unsigned long calls, fail_at, die_at, full_at;
	int fail_err;
	bool dead, failed, shorten;
	bool no_reserve;	/* file_reserve() is not supported */
	size_t capacity, spare;
	int64_t clock;
};

static struct disk disk;

/* The disk's own memory does not fail with the program's (harness/test.h). */
void *__real_malloc(size_t n);
void *__real_realloc(void *p, size_t n);

/* What of the things that are not durable a crash leaves. */
enum disk_crash {
	DISK_LOSE,	/* nothing */
	DISK_KEEP,	/* everything */
	DISK_HALF,	/* names, and half of what files grew by */
	DISK_ZEROS,	/* the same, and zeros for the other half */
	DISK_BYTE,	/* names, and all but the last byte */
	DISK_HOLE,	/* all but the first sector that files grew by */
	DISK_CRASHES
};

static void
disk_bytes_set(struct disk_bytes *to, const struct disk_bytes *from)
{
	uint8_t *p = __real_malloc(from->n + 1);

	if (p == NULL)
		abort();
	if (from->n > 0)
		memcpy(p, from->p, from->n);
	free(to->p);
	to->p = p;
	to->n = from->n;
}

static void
disk_resize(struct disk_bytes *b, size_t n)
{
	uint8_t *p = __real_realloc(b->p, n + 1);

	if (p == NULL)
		abort();
	if (n > b->n)
		memset(p + b->n, 0, n - b->n);
	b->p = p;
	b->n = n;
}

__attribute__((unused)) static void
disk_fini(void)
{
	size_t i;

	for (i = 0; i < DISK_NODES; i++) {
		free(disk.nodes[i].now.p);
		free(disk.nodes[i].durable.p);
	}
	memset(&disk, 0, sizeof(disk));
}

__attribute__((unused)) static void
disk_init(void)
{
	size_t i;

	disk_fini();
	for (i = 0; i < DISK_HANDLES; i++)
		disk.handles[i] = -1;
	disk.nodes[0].used = disk.nodes[0].folder = true;
	disk.handles[DISK] = 0;
	disk.capacity = SIZE_MAX;
}

/* A copy of the whole disk, to begin from again and again. */
__attribute__((unused)) static void
disk_copy(struct disk *to, const struct disk *from)
{
	struct disk_node *n;
	size_t i;

	*to = *from;
	for (i = 0; i < DISK_NODES; i++) {
		n = &to->nodes[i];
		n->now.p = n->durable.p = NULL;
		disk_bytes_set(&n->now, &from->nodes[i].now);
		disk_bytes_set(&n->durable, &from->nodes[i].durable);
	}
}

/* Zeros from there to the end of that sector. */
static void
disk_hole(struct disk_bytes *b, size_t from)
{
	size_t end = (from / DISK_SECTOR + 1) * DISK_SECTOR;

	memset(b->p + from, 0, (end < b->n ? end : b->n) - from);
}

static void
disk_crash_file(struct disk_node *n, enum disk_crash mode)
{
	size_t keep = n->durable.n, grown, size = n->now.n;
	struct disk_bytes left = { NULL, 0 };

	if (mode == DISK_LOSE) {
		disk_bytes_set(&n->now, &n->durable);
	} else if (mode != DISK_KEEP && size > keep) {
		grown = mode == DISK_BYTE ? size - keep - 1 :
		    (size - keep) / 2;
		disk_bytes_set(&left, &n->now);
		if (mode == DISK_HOLE) {
			disk_hole(&left, keep);
		} else {
			disk_resize(&left, keep + grown);
			if (mode == DISK_ZEROS)
				disk_resize(&left, size);
		}
		disk_bytes_set(&n->now, &left);
		free(left.p);
	}
	if (n->reserved < n->now.n)
		n->reserved = n->now.n;
	disk_bytes_set(&n->durable, &n->now);
}

static int
disk_find(const struct disk_names *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (strcmp(names->a[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* Frees files that no name leads to any more and no handle is on. */
static void
disk_collect(void)
{
	size_t i, j, k;
	bool found;

	for (i = 1; i < DISK_NODES; i++) {
		found = !disk.nodes[i].used;
		for (j = 0; j < DISK_HANDLES; j++)
			found = found || disk.handles[j] == (int)i;
		for (j = 0; j < DISK_NODES; j++) {
			struct disk_node *n = &disk.nodes[j];

			for (k = 0; k < n->names.n; k++)
				found = found || n->names.a[k].node == (int)i;
			for (k = 0; k < n->durable_names.n; k++)
				found = found ||
				    n->durable_names.a[k].node == (int)i;
		}
		if (found)
			continue;
		free(disk.nodes[i].now.p);
		free(disk.nodes[i].durable.p);
		memset(&disk.nodes[i], 0, sizeof(disk.nodes[i]));
	}
}

__attribute__((unused)) static void
disk_crash(enum disk_crash mode)
{
	struct disk_node *n;
	size_t i;

	for (i = 1; i < DISK_HANDLES; i++)
		disk.handles[i] = -1;
	for (i = 0; i < DISK_NODES; i++) {
		n = &disk.nodes[i];
		n->locked = false;
		if (n->folder && mode == DISK_LOSE)
			n->names = n->durable_names;
		if (n->folder)
			n->durable_names = n->names;
		else if (n->used)
			disk_crash_file(n, mode);
	}
	disk.dead = disk.failed = disk.shorten = false;
	disk.calls = disk.die_at = disk.fail_at = disk.full_at = 0;
	disk_collect();
}

static size_t
disk_used(void)
{
	size_t i, used = 0;

	for (i = 0; i < DISK_NODES; i++)
		if (disk.nodes[i].used)
			used += disk.nodes[i].reserved;
	return used;
}

/* ---- every call comes by here ---- */

static int
disk_call(void)
{
	if (disk.dead)
		return ERR_IO;
	disk.calls++;
	if (disk.full_at != 0 && disk.calls == disk.full_at)
		disk.capacity = disk_used() + disk.spare;
	if (disk.fail_at != 0 && disk.calls == disk.fail_at) {
		disk.failed = true;
		return disk.fail_err;
	}
	/* This one still happens. */
	if (disk.die_at != 0 && disk.calls == disk.die_at)
		disk.dead = true;
	return 0;
}

/* A call that only reads finds no disk full. */
static int
disk_read_call(void)
{
	int err = disk_call();

	return err == ERR_NO_SPACE ? ERR_IO : err;
}

static struct disk_node *
disk_node_of(int handle)
{
	if (handle < 0 || handle >= DISK_HANDLES || disk.handles[handle] < 0)
		abort();
	return &disk.nodes[disk.handles[handle]];
}

static int
disk_open_node(int node)
{
	int h;

	for (h = 1; h < DISK_HANDLES; h++)
		if (disk.handles[h] < 0) {
			disk.handles[h] = node;
			return h;
		}
	abort();
}

static int
disk_new_node(bool folder)
{
	int i;

	for (i = 1; i < DISK_NODES; i++)
		if (!disk.nodes[i].used) {
			disk.nodes[i].used = true;
			disk.nodes[i].folder = folder;
			return i;
		}
	abort();
}

static void
disk_add_name(struct disk_names *names, const char *name, int node)
{
	struct disk_name *to;

	if (names->n == DISK_NAMES || strlen(name) >= DISK_NAME_SIZE)
		abort();
	to = &names->a[names->n++];
	(void)snprintf(to->name, sizeof(to->name), "%s", name);
	to->node = node;
}

static int
disk_open(int dir, const char *name, bool folder, int *ret_handle)
{
	struct disk_names *names = &disk_node_of(dir)->names;
	int err = disk_read_call(), i;

	if (err != 0)
		return err;
	if ((i = disk_find(names, name)) < 0)
		return ERR_NOT_FOUND;
	if (disk.nodes[names->a[i].node].folder != folder)
		return ERR_PERMISSION;
	*ret_handle = disk_open_node(names->a[i].node);
	return 0;
}

/* ---- platform/file.h ---- */

int
file_open_dir_at(int dir, const char *name, int *ret_dir)
{
	return disk_open(dir, name, true, ret_dir);
}

int
file_make_dir_at(int dir, const char *name, int *ret_dir)
{
	struct disk_names *names = &disk_node_of(dir)->names;
	int err, h = -1;

	if (disk_find(names, name) < 0) {
		if ((err = disk_call()) != 0)
			return err;
		disk_add_name(names, name, disk_new_node(true));
		if ((err = file_sync_dir(dir)) != 0)
			return err;
	}
	if ((err = disk_open(dir, name, true, &h)) == 0)
		*ret_dir = h;
	return err;
}

int
file_check_private(int fd)
{
	(void)fd;
	return disk_read_call();
}

int
file_sync_dir(int dir)
{
	struct disk_node *n = disk_node_of(dir);
	int err = disk_call();

	if (err == 0)
		n->durable_names = n->names;
	return err;
}

int
file_list(int dir, file_list_fn *fn, void *arg)
{
	struct disk_names names = disk_node_of(dir)->names;
	int err = disk_read_call();
	size_t i;

	for (i = 0; i < names.n && err == 0; i++)
		err = fn(arg, names.a[i].name);
	return err;
}

int
file_free_space(int dir, uint64_t *ret_bytes)
{
	int err = disk_read_call();

	(void)dir;
	*ret_bytes = disk.capacity - disk_used();
	return err;
}

int
file_open_read(int dir, const char *name, int *ret_fd)
{
	return disk_open(dir, name, false, ret_fd);
}

int
file_open_write(int dir, const char *name, int *ret_fd)
{
	return disk_open(dir, name, false, ret_fd);
}

int
file_create(int dir, const char *name, int *ret_fd)
{
	struct disk_names *names = &disk_node_of(dir)->names;
	int err = disk_call(), node;

	if (err != 0)
		return err;
	if (disk_find(names, name) >= 0)
		return ERR_EXISTS;
	node = disk_new_node(false);
	disk_add_name(names, name, node);
	*ret_fd = disk_open_node(node);
	return 0;
}

void
file_close(int *fd)
{
	if (*fd >= 0) {
		disk_node_of(*fd)->locked = false;
		disk.handles[*fd] = -1;
	}
	*fd = -1;
}

int
file_reserve(int fd, uint64_t from, uint64_t n)
{
	struct disk_node *node = disk_node_of(fd);
	int err = disk_call();
	size_t until = (size_t)(from + n);

	if (err != 0)
		return err;
	if (disk.no_reserve)
		return ERR_UNSUPPORTED;
	if (until <= node->reserved)
		return 0;
	if (until - node->reserved > disk.capacity - disk_used())
		return ERR_NO_SPACE;
	node->reserved = until;
	return 0;
}

int
file_write_at(int fd, uint64_t at, struct bytes a)
{
	struct disk_node *n = disk_node_of(fd);
	bool was_dead = disk.dead;
	int err = disk_call();
	size_t end;

	if (disk.shorten && !was_dead && (err != 0 || disk.dead))
		a.n /= 2;
	else if (err != 0)
		return err;
	end = (size_t)at + a.n;
	if (end > n->reserved) {
		if (end - n->reserved > disk.capacity - disk_used())
			return ERR_NO_SPACE;
		n->reserved = end;
	}
	if (end > n->now.n)
		disk_resize(&n->now, end);
	if (a.n > 0)
		memcpy(n->now.p + at, a.p, a.n);
	n->changed = ++disk.clock;
	return err;
}

int
file_read_at(int fd, uint64_t at, void *ret_p, size_t n, size_t *ret_n)
{
	struct disk_node *node = disk_node_of(fd);
	int err = disk_read_call();

	if (err != 0)
		return err;
	if (at >= node->now.n)
		n = 0;
	else if (n > node->now.n - at)
		n = (size_t)(node->now.n - at);
	if (n > 0)
		memcpy(ret_p, node->now.p + at, n);
	*ret_n = n;
	return 0;
}

int
file_sync(int fd)
{
	struct disk_node *n = disk_node_of(fd);
	int err = disk_call();

	if (err == 0)
		disk_bytes_set(&n->durable, &n->now);
	return err;
}

int
file_truncate(int fd, uint64_t size)
{
	struct disk_node *n = disk_node_of(fd);
	int err = disk_call();

	if (err != 0)
		return err;
	disk_resize(&n->now, (size_t)size);
	n->reserved = (size_t)size;
	return 0;
}

int
file_size(int fd, uint64_t *ret_size)
{
	*ret_size = disk_node_of(fd)->now.n;
	return disk_read_call();
}

int
file_lock(int fd)
{
	struct disk_node *n = disk_node_of(fd);
	int err = disk_read_call();

	if (err != 0)
		return err;
	if (n->locked)
		return ERR_EXISTS;
	n->locked = true;
	return 0;
}

int
file_lock_within(int fd, unsigned ms)
{
	(void)ms;
	return file_lock(fd);
}

int
file_read(int dir, const char *name, size_t cap, struct buf *ret_b)
{
	struct disk_node *n;
	int fd = -1, err;

	if ((err = file_open_read(dir, name, &fd)) != 0)
		return err;
	n = disk_node_of(fd);
	if ((err = disk_read_call()) == 0 && n->now.n > cap)
		err = ERR_TOO_LARGE;
	if (err == 0) {
		buf_put(ret_b, n->now.p, n->now.n);
		err = buf_error(ret_b);
	}
	file_close(&fd);
	return err;
}

int
file_put(int dir, const char *name, struct bytes content)
{
	char fresh[DISK_NAME_SIZE + 8];
	int fd = -1, err;

	(void)snprintf(fresh, sizeof(fresh), "%s.new", name);
	err = file_remove(dir, fresh);
	if (err != 0 && err != ERR_NOT_FOUND)
		return err;
	if ((err = file_create(dir, fresh, &fd)) != 0)
		return err;
	if ((err = file_write_at(fd, 0, content)) == 0)
		err = file_sync(fd);
	file_close(&fd);
	if (err == 0)
		err = file_rename(dir, fresh, name);
	if (err != 0 && file_remove(dir, fresh) != 0)
		return err;
	return err;
}

int
file_replace(int dir, const char *name, struct bytes content)
{
	int err = file_put(dir, name, content);

	return err != 0 ? err : file_sync_dir(dir);
}

static void
disk_take_name(struct disk_names *names, int i)
{
	memmove(&names->a[i], &names->a[i + 1],
	    (names->n - (size_t)i - 1) * sizeof(names->a[0]));
	names->n--;
}

int
file_rename(int dir, const char *from, const char *to)
{
	struct disk_names *names = &disk_node_of(dir)->names;
	int err = disk_call(), i, node;

	if (err != 0)
		return err;
	if ((i = disk_find(names, from)) < 0)
		return ERR_NOT_FOUND;
	node = names->a[i].node;
	disk_take_name(names, i);
	if ((i = disk_find(names, to)) >= 0)
		disk_take_name(names, i);
	disk_add_name(names, to, node);
	disk_collect();
	return 0;
}

int
file_remove(int dir, const char *name)
{
	struct disk_names *names = &disk_node_of(dir)->names;
	int err = disk_call(), i;

	if (err != 0)
		return err;
	if ((i = disk_find(names, name)) < 0)
		return ERR_NOT_FOUND;
	disk_take_name(names, i);
	disk_collect();
	return 0;
}

int
file_stat(int dir, const char *name, uint64_t *ret_size, int64_t *ret_changed)
{
	struct disk_names *names = &disk_node_of(dir)->names;
	int err = disk_read_call(), i;

	if (err != 0)
		return err;
	if ((i = disk_find(names, name)) < 0)
		return ERR_NOT_FOUND;
	*ret_size = disk.nodes[names->a[i].node].now.n;
	*ret_changed = disk.nodes[names->a[i].node].changed;
	return 0;
}

#endif
