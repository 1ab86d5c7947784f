/*
 * setid.c - programs in a root that run with others' rights.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 *
 * file_remove_privs() in the kernel's fs/inode.c is what takes the bits off;
 * stores through mmap(2) do not come by there.
 */
#include "platform/linux/setid.h"

#include "platform/linux/probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* How many are looked at (some 100 ms), and how deep. */
#define FILES_MAX 50000u
#define DEPTH_MAX 64u

struct walk {
	const char *mask;	/* for older kernels, or NULL */
	unsigned left;
	bool unseen;
	int error;
};

static bool
has_capabilities(int folder, const char *name)
{
	char path[32 + NAME_MAX];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", folder,
	    name);
	return lgetxattr(path, "security.capability", NULL, 0) > 0;
}

/*
 * Also of what cannot be run as it is: a mode can be made to, and so can an
 * access list, which leaves the bit of the group where it stands.
 */
static bool
has_rights(int folder, const char *name, const struct stat *st)
{
	return (st->st_mode & (S_ISUID | S_ISGID)) != 0 ||
	    has_capabilities(folder, name);
}

/* By its descriptor: what the name stands for may change any moment. */
static void
hold(struct walk *w, int folder, const char *name)
{
	char path[32];
	int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) {
		if (errno != ENOENT && errno != ELOOP)
			w->error = errno;
		return;
	}
	if (w->mask == NULL) {
		w->error = seal_file(fd);
	} else {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (mount(w->mask, path, NULL, MS_BIND, NULL) != 0)
			w->error = errno;
	}
	(void)close(fd);
}

static void walk_folder(struct walk *w, int fd, unsigned depth);

/* A folder in another; fd is that one's. */
static void
go_below(struct walk *w, int folder, const char *name, dev_t device,
    unsigned depth)
{
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_NONBLOCK | O_CLOEXEC);
	struct statvfs fs;
	struct stat st;

	if (fd < 0) {
		/* Gone meanwhile, or not ours to look into. */
		w->unseen = w->unseen || (errno != ENOENT && errno != ELOOP &&
		    errno != ENOTDIR);
		return;
	}
	/* What is mounted there and cannot be written is left alone: a chroot's
	 * /proc has no end. */
	if (fstat(fd, &st) == 0 && st.st_dev != device &&
	    fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0) {
		(void)close(fd);
		return;
	}
	if (depth == 0) {
		w->unseen = true;
		(void)close(fd);
		return;
	}
	walk_folder(w, fd, depth - 1);
}

static void
look_at(struct walk *w, int folder, const char *name, unsigned char type,
    dev_t device, unsigned depth)
{
	struct stat st;

	if (type == DT_DIR) {
		go_below(w, folder, name, device, depth);
		return;
	}
	if ((type != DT_REG && type != DT_UNKNOWN) ||
	    fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	if (S_ISDIR(st.st_mode))
		go_below(w, folder, name, device, depth);
	else if (S_ISREG(st.st_mode) && has_rights(folder, name, &st))
		hold(w, folder, name);
}

/* Closes fd. */
static void
walk_folder(struct walk *w, int fd, unsigned depth)
{
	struct dirent *e;
	struct stat st;
	DIR *dir;

	if (fstat(fd, &st) != 0 || (dir = fdopendir(fd)) == NULL) {
		w->error = errno;
		(void)close(fd);
		return;
	}
	while (w->error == 0 && (e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		if (w->left == 0) {
			w->unseen = true;
			break;
		}
		w->left--;
		look_at(w, fd, e->d_name, e->d_type, st.st_dev, depth);
	}
	(void)closedir(dir);
}

int
setid_hold(const struct seal *s, const char *mask, bool *ret_unseen)
{
	struct walk w = { .mask = s->by_remount ? mask : NULL,
	    .left = FILES_MAX };
	size_t i;
	int fd;

	for (i = 0; i < s->p->n_roots && w.error == 0; i++) {
		/* No card may have it, and to walk it takes a second of each
		 * start, with an account held that others wait for. */
		if (strcmp(s->p->roots[i], PROBE_ROOT) == 0)
			continue;
		if ((fd = seal_reopen(s, i)) < 0)
			return errno;
		walk_folder(&w, fd, DEPTH_MAX);
	}
	*ret_unseen = w.unseen;
	return w.error;
}
