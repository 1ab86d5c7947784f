/*
 * memory.c - memory that the processes of a tree share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 *
 * Where no control group counts: shared mappings, and files in memory that
 * nobody has mapped. (Private folders in memory have their own cap, System V's
 * segments the limit of their namespace: payload.c.)
 */
#include "platform/linux/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files in memory that are told apart; with more, each counts each time. */
#define FILES_MAX 256

struct seen {
	struct {
		dev_t device;
		ino_t inode;
	} files[FILES_MAX];
	size_t n;
	uint64_t bytes;
};

/* The number of kB behind the name in a file of /proc/PID; 0 if not there. */
static uint64_t
read_kb(int pid, const char *file, const char *name)
{
	char path[64], text[4096];
	const char *at;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, name);
	return at != NULL ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* This process's part of what is mapped and shared, in bytes. */
static uint64_t
mapped(int pid)
{
	uint64_t kb = read_kb(pid, "status", "\nRssShmem:"), part;

	if (kb == 0)
		return 0;
	/* Divided by how many have it; Linux before 5.9 does not tell. */
	part = read_kb(pid, "smaps_rollup", "\nPss_Shmem:");
	return (part > 0 ? part : kb) * 1024;
}

static void
count_file(struct seen *s, const struct stat *st)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->files[i].device == st->st_dev &&
		    s->files[i].inode == st->st_ino)
			return;
	if (s->n < FILES_MAX) {
		s->files[s->n].device = st->st_dev;
		s->files[s->n++].inode = st->st_ino;
	}
	s->bytes += (uint64_t)st->st_blocks * 512;
}

/* The files in memory (memfd_create(2)) that the process has open. */
static void
count_open(struct seen *s, int pid)
{
	char path[64], to[16];
	struct dirent *e;
	struct stat st;
	ssize_t n;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	if ((dir = opendir(path)) == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		n = readlinkat(dirfd(dir), e->d_name, to, sizeof(to) - 1);
		if (n < 7 || memcmp(to, "/memfd:", 7) != 0 ||
		    fstatat(dirfd(dir), e->d_name, &st, 0) != 0)
			continue;
		count_file(s, &st);
	}
	(void)closedir(dir);
}

uint64_t
tree_shared_memory(const struct tree *t)
{
	struct seen s = { .n = 0 };
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->p[i].ours && !t->p[i].zombie) {
			sum += mapped(t->p[i].pid);
			count_open(&s, t->p[i].pid);
		}
	/* What is open may be mapped as well: not counted twice. */
	return sum > s.bytes ? sum : s.bytes;
}
