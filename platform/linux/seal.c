/*
 * seal.c - everything read-only, except the roots that a card declares.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 *
 * mount_setattr(2), open_tree(2), openat2(2); mountinfo in proc(5). With Linux
 * 5.12 it is one call for all mounts, and the roots are held apart meanwhile;
 * before that each mount is remounted, and the roots are mounts of their own.
 */
#include "platform/linux/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Numbers that are the same on every processor, where headers lack them. */
#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

/* Of linux/mount.h and linux/openat2.h, which fight with the C library's. */
#define ATTR_RDONLY 0x1ull
#define ATTR_NOSUID 0x2ull
#define ATTR_NODEV 0x4ull
#define TREE_CLONE 1u
#define TREE_RECURSIVE 0x8000u		/* AT_RECURSIVE */
#define MOVE_F_EMPTY_PATH 0x4u
#define MOVE_T_EMPTY_PATH 0x40u
#define RESOLVE_NO_SYMLINKS_BIT 0x4ull
#define AT_EMPTY 0x1000u		/* AT_EMPTY_PATH */

struct attributes {		/* struct mount_attr */
	uint64_t set;
	uint64_t clear;
	uint64_t propagation;
	uint64_t userns;
};

struct how {			/* struct open_how */
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
};

static int
error_of(long r)
{
	return r < 0 ? errno : 0;
}

static int
do_mount(const char *source, const char *target, unsigned long flags)
{
	return error_of(mount(source, target, NULL, flags, NULL));
}

/* ---- the roots ----------------------------------------------------------- */

/* Whether path is folder or below it. */
static bool
is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 &&
	    (path[n] == '/' || path[n] == '\0');
}

/* What is covered by something private could not be written anyway. */
static bool
is_covered(const char *path)
{
	static const char *const private[] = {
		"/dev", "/proc", "/sys", "/tmp", "/var/tmp",
	};
	size_t i;

	for (i = 0; i < sizeof(private) / sizeof(private[0]); i++)
		if (is_below(path, private[i]) || is_below(private[i], path))
			return true;
	return strcmp(path, "/") == 0;
}

/* Kernels before 5.6: one component after the other. -1 and errno. */
static int
open_by_walking(const char *path)
{
	char name[NAME_MAX + 1];
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), next;
	size_t n;

	while (fd >= 0 && *(path += strspn(path, "/")) != '\0') {
		n = strcspn(path, "/");
		if (n > NAME_MAX) {
			errno = ENAMETOOLONG;
			next = -1;
		} else {
			memcpy(name, path, n);
			name[n] = '\0';
			next = openat(fd, name, O_PATH | O_DIRECTORY |
			    O_NOFOLLOW | O_CLOEXEC);
			/* It is a link, which is no folder. */
			if (next < 0 && errno == ENOTDIR)
				errno = ELOOP;
		}
		(void)close(fd);
		fd = next;
		path += n;
	}
	return fd;
}

/* Opens a root without following any symbolic link. 0 or an errno. */
static int
open_root(const char *path, bool by_walking, int *ret_fd)
{
	struct how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS_BIT,
	};
	long fd = -1;

	if (is_covered(path))
		return EINVAL;
	if (!by_walking)
		fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	if (by_walking || (fd < 0 && errno == ENOSYS))
		fd = open_by_walking(path);
	*ret_fd = (int)fd;
	return fd < 0 ? errno : 0;
}

/* Holds the root's mounts as they are now, apart from the tree. */
static int
hold_root(struct seal_root *root)
{
	struct attributes a = {
		.set = ATTR_NOSUID | ATTR_NODEV,
		.propagation = MS_PRIVATE,
	};
	long fd = syscall(SYS_open_tree, root->folder, "", TREE_CLONE |
	    TREE_RECURSIVE | AT_EMPTY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	root->tree = (int)fd;
	return error_of(syscall(SYS_mount_setattr, root->tree, "",
	    AT_EMPTY | TREE_RECURSIVE, &a, sizeof(a)));
}

/* Puts it back where it was opened: over that very folder. */
static int
place_root(const struct seal_root *root)
{
	return error_of(syscall(SYS_move_mount, root->tree, "", root->folder,
	    "", MOVE_F_EMPTY_PATH | MOVE_T_EMPTY_PATH));
}

/* The old way: a mount of its own on the spot, before all is read-only. */
static int
bind_root(const struct seal_root *root)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", root->folder);
	return do_mount(path, path, MS_BIND | MS_REC);
}

/* ---- everything read-only ------------------------------------------------ */

/* One call for all mounts. ENOSYS before Linux 5.12. */
static int
seal_at_once(struct seal *j)
{
	struct attributes a = {
		.set = ATTR_RDONLY | ATTR_NOSUID |
		    (j->userns ? 0 : ATTR_NODEV),
		.propagation = MS_PRIVATE,
	};
	size_t i;
	int error = 0;

	for (i = 0; i < j->p->n_roots && error == 0; i++)
		error = hold_root(&j->roots[i]);
	if (error != 0)
		return error;
	return error_of(syscall(SYS_mount_setattr, -1, "/", TREE_RECURSIVE, &a,
	    sizeof(a)));
}

/* The next word of a line of mountinfo, which is cut off it. */
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

void
seal_unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' &&
		    s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 +
			    (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

static bool
has_option(const char *options, const char *word)
{
	size_t n = strlen(word);
	const char *s;

	for (s = options; s != NULL; s = strchr(s, ',')) {
		s += *s == ',';
		if (strncmp(s, word, n) == 0 && (s[n] == ',' || s[n] == '\0'))
			return true;
	}
	return false;
}

/* What a mount has besides and must keep, in a user namespace above all. */
static unsigned long
flags_of(const char *options)
{
	static const struct {
		const char *word;
		unsigned long flag;
	} words[] = {
		{ "ro", MS_RDONLY }, { "nosuid", MS_NOSUID },
		{ "nodev", MS_NODEV }, { "noexec", MS_NOEXEC },
		{ "noatime", MS_NOATIME }, { "nodiratime", MS_NODIRATIME },
		{ "relatime", MS_RELATIME },
	};
	unsigned long flags = 0;
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (has_option(options, words[i].word))
			flags |= words[i].flag;
	return flags;
}

bool
seal_is_reachable(const char *path, long number)
{
	char name[48], text[256], *s;
	int fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW), info;
	ssize_t n = -1;

	if (fd < 0)
		return false;
	(void)snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	if ((info = open(name, O_RDONLY | O_CLOEXEC)) >= 0) {
		n = read(info, text, sizeof(text) - 1);
		(void)close(info);
	}
	(void)close(fd);
	if (n <= 0)
		return true;
	text[n] = '\0';
	s = strstr(text, "mnt_id:");
	return s == NULL || strtol(s + 7, NULL, 10) == number;
}

/* Makes one mount of mountinfo what it is to be, here or in a root. */
static int
seal_line(const struct seal *j, char *line)
{
	char *path, *options;
	unsigned long flags;
	long number = strtol(next_word(&line), NULL, 10);
	size_t i;
	int error;

	(void)next_word(&line);
	(void)next_word(&line);
	(void)next_word(&line);
	path = next_word(&line);
	options = next_word(&line);
	seal_unescape(path);
	flags = flags_of(options) | MS_NOSUID;
	for (i = 0; i < j->p->n_roots; i++)
		if (is_below(path, j->p->roots[i]))
			break;
	if (i < j->p->n_roots || !j->userns)
		flags |= MS_NODEV;
	if (i == j->p->n_roots)
		flags |= MS_RDONLY;
	error = do_mount(NULL, path, MS_REMOUNT | MS_BIND | flags);
	if (error == ENOENT || error == ENOTDIR || error == EINVAL ||
	    error == EACCES)
		return seal_is_reachable(path, number) ? error : 0;
	return error;
}

/* Does that with each mount that there is. 0 or the first errno. */
static int
for_each_mount(const struct seal *j,
    int (*fn)(const struct seal *j, char *line))
{
	char line[2 * PLAN_PATH_MAX + 512];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int error = 0;

	if (f == NULL)
		return errno;
	while (error == 0 && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		error = fn(j, line);
	}
	(void)fclose(f);
	return error;
}

static int
seal_one_by_one(struct seal *j)
{
	size_t i;
	int error;

	error = do_mount(NULL, "/", MS_REC | MS_PRIVATE);
	for (i = 0; i < j->p->n_roots && error == 0; i++)
		error = bind_root(&j->roots[i]);
	return error == 0 ? for_each_mount(j, seal_line) : error;
}

/*
 * File systems that hold files. All others are the kernel's own: a /proc below
 * a root, as in a chroot there, has core_pattern in it.
 */
static bool
holds_files(const char *type)
{
	static const char *const types[] = {
		"ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "ext3",
		"ext2", "f2fs", "jfs", "bcachefs", "reiserfs", "nilfs2",
		"ramfs", "vfat", "exfat", "ntfs", "ntfs3", "fuseblk", "nfs",
		"nfs4", "cifs", "smb3", "ceph", "gfs2", "ocfs2", "9p",
		"virtiofs", "aufs", "ecryptfs", "ubifs", "iso9660", "udf",
		"squashfs", "erofs", "rootfs",
	};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return strncmp(type, "fuse.", 5) == 0;
}

/* What is mounted at or below a root stays writable only if it holds files. */
static int
check_line(const struct seal *j, char *line)
{
	char *path, *options, *type, *rest = strstr(line, " - ");
	bool below = false;
	size_t i;

	/* A line longer than any path. */
	if (rest == NULL)
		return EIO;
	*rest = '\0';
	rest += 3;
	type = next_word(&rest);
	for (i = 0; i < 4; i++)
		(void)next_word(&line);
	path = next_word(&line);
	options = next_word(&line);
	seal_unescape(path);
	if (holds_files(type))
		return 0;
	for (i = 0; i < j->p->n_roots; i++) {
		if (strcmp(path, j->p->roots[i]) == 0)
			return EINVAL;
		below = below || is_below(path, j->p->roots[i]);
	}
	return below ? do_mount(NULL, path, MS_REMOUNT | MS_BIND | MS_RDONLY |
	    MS_NOSUID | MS_NODEV | flags_of(options)) : 0;
}

/* ---- in this order ------------------------------------------------------- */

int
seal_open(struct seal *s)
{
	size_t i;
	int error = 0;

	for (i = 0; i < PLAN_ROOTS_MAX; i++)
		s->roots[i] = (struct seal_root){ -1, -1 };
	for (i = 0; i < s->p->n_roots && error == 0; i++)
		error = open_root(s->p->roots[i], s->by_remount,
		    &s->roots[i].folder);
	return error;
}

int
seal_all(struct seal *s)
{
	int error = s->by_remount ? ENOSYS : seal_at_once(s);

	if (error != ENOSYS)
		return error;
	/* What was held so far is let go with its descriptors. */
	s->by_remount = true;
	return seal_one_by_one(s);
}

int
seal_place(const struct seal *s)
{
	size_t i;
	int error = 0;

	for (i = 0; i < s->p->n_roots && !s->by_remount && error == 0; i++)
		error = place_root(&s->roots[i]);
	if (error == 0 && s->p->n_roots > 0)
		error = for_each_mount(s, check_line);
	return error;
}

int
seal_reopen(const struct seal *s, size_t i)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	int folder, fd, error;

	/* One that was held in vain, before Linux 5.12, is not in the tree. */
	if (!s->by_remount)
		return openat(s->roots[i].tree, ".", flags);
	if ((error = open_root(s->p->roots[i], true, &folder)) != 0) {
		errno = error;
		return -1;
	}
	fd = openat(folder, ".", flags);
	(void)close(folder);
	return fd;
}

int
seal_file(int fd)
{
	struct attributes a = {
		.set = ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV,
		.propagation = MS_PRIVATE,
	};
	int tree = (int)syscall(SYS_open_tree, fd, "", TREE_CLONE | AT_EMPTY |
	    O_CLOEXEC), error = 0;

	if (tree < 0)
		return errno;
	if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY, &a,
	    sizeof(a)) != 0 || syscall(SYS_move_mount, tree, "", fd, "",
	    MOVE_F_EMPTY_PATH | MOVE_T_EMPTY_PATH) != 0)
		error = errno;
	(void)close(tree);
	return error;
}

void
seal_close(struct seal *s)
{
	size_t i;

	for (i = 0; i < s->p->n_roots; i++) {
		if (s->roots[i].folder >= 0)
			(void)close(s->roots[i].folder);
		if (s->roots[i].tree >= 0)
			(void)close(s->roots[i].tree);
	}
}
