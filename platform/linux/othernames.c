/*
 * othernames.c - the names that mounts give to one and the same file.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner.
 *
 * A file system can be mounted twice, and any part of one bound elsewhere:
 * chroots, the folder above an ostree, the volume above btrfs's subvolumes.
 */
#include "platform/linux/othernames.h"

#include "platform/pipes.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A machine full of containers has some thousand mounts. */
#define TEXT_MAX (16u * 1024 * 1024)

/* "\040" and the like, in place. */
static void
unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' &&
		    s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
			    (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* The next word of a line, which is cut off it. */
static char *
next_word(char **line)
{
	char *word = *line, *end = strchr(word, ' ');

	if (end == NULL)
		end = word + strlen(word);
	else
		*end++ = '\0';
	*line = end;
	return word;
}

static void
read_line(char *line, struct othernames_mount *ret_m)
{
	char *root, *point;

	(void)next_word(&line);
	(void)next_word(&line);
	ret_m->device = next_word(&line);
	root = next_word(&line);
	point = next_word(&line);
	unescape(root);
	unescape(point);
	ret_m->root = root;
	ret_m->point = point;
}

static int
read_text(struct buf *b)
{
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return ERR_IO;
	r = pipes_read_all(fd, b);
	(void)close(fd);
	buf_put_u8(b, 0);
	return r != 0 ? r : buf_error(b);
}

int
othernames_read(struct othernames *ret_l)
{
	struct othernames l = { .list = NULL, .n = 0 };
	char *line, *end;
	size_t lines = 0, i;
	int r;

	buf_init(&l.text, TEXT_MAX);
	if ((r = read_text(&l.text)) != 0)
		goto out;
	for (i = 0; i < l.text.n; i++)
		lines += l.text.p[i] == '\n';
	if ((l.list = calloc(lines + 1, sizeof(*l.list))) == NULL) {
		r = ERR_NOMEM;
		goto out;
	}
	for (line = (char *)l.text.p; (end = strchr(line, '\n')) != NULL;
	    line = end + 1) {
		*end = '\0';
		read_line(line, &l.list[l.n++]);
	}
	*ret_l = l;
	return 0;
out:
	buf_free(&l.text);
	return r;
}

void
othernames_free(struct othernames *l)
{
	free(l->list);
	buf_free(&l->text);
	l->list = NULL;
	l->n = 0;
}

/* The tail of path behind folder ("" or "/…"); NULL it is not below. */
static const char *
tail_of(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	if (strcmp(folder, "/") == 0)
		return strcmp(path, "/") == 0 ? "" : path;
	return strncmp(path, folder, n) == 0 &&
	    (path[n] == '/' || path[n] == '\0') ? path + n : NULL;
}

/* a and b as one path; false if it is too long. */
static bool
join(const char *a, const char *b, char ret_path[PLACES_PATH_SIZE])
{
	const bool top = strcmp(a, "/") == 0;
	int n = snprintf(ret_path, PLACES_PATH_SIZE, "%s%s", top ? "" : a,
	    b[0] != '\0' ? b : top ? "/" : "");

	return n > 0 && n < PLACES_PATH_SIZE;
}

/* The name that mount m gives to that part of a file system, if any. */
static bool
shows(const struct othernames_mount *m, const char *device, const char *inner,
    char ret_path[PLACES_PATH_SIZE], bool *ret_all)
{
	const char *tail;

	if (strcmp(m->device, device) != 0)
		return false;
	*ret_all = (tail = tail_of(inner, m->root)) != NULL;
	if (*ret_all)
		return join(m->point, tail, ret_path);
	/* It shows something inside. */
	return tail_of(m->root, inner) != NULL && join(m->point, "", ret_path);
}

int
othernames_find(const struct othernames *l, const char *path, unsigned nth,
    char ret_path[PLACES_PATH_SIZE], bool *ret_whole)
{
	char inner[PLACES_PATH_SIZE], name[PLACES_PATH_SIZE];
	const struct othernames_mount *holds = NULL;
	bool all;
	size_t i, k;

	for (i = 0; i < l->n; i++)
		if (tail_of(path, l->list[i].point) != NULL && (holds == NULL ||
		    strlen(l->list[i].point) >= strlen(holds->point)))
			holds = &l->list[i];
	/* The mount that holds it, and those that are in it. */
	for (i = 0; i < l->n; i++) {
		if (&l->list[i] == holds) {
			if (!join(holds->root, tail_of(path, holds->point),
			    inner))
				continue;
		} else if (tail_of(l->list[i].point, path) == NULL ||
		    !join(l->list[i].root, "", inner)) {
			continue;
		}
		for (k = 0; k < l->n; k++) {
			if (!shows(&l->list[k], l->list[i].device, inner, name,
			    &all) || tail_of(name, path) != NULL || nth-- > 0)
				continue;
			memcpy(ret_path, name, strlen(name) + 1);
			*ret_whole = all && &l->list[i] == holds;
			return 0;
		}
	}
	return ERR_NOT_FOUND;
}
