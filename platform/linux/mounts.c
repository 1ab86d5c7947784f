/*
 * mounts.c - what a confined payload sees of the file system.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 *
 * mount_namespaces(7), mount_setattr(2), mount(2). The order is the point: the
 * roots are held before all becomes read-only and put back after; the masks
 * come last, because a root put back above one would uncover it again.
 */
#include "platform/linux/mounts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
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

/* Entries of /dev, and of the private folders: what a bomb may make. */
#define DEV_SIZE "size=4m,nr_inodes=64,mode=755"
#define TMP_INODES 131072u
/* What masks are made of. */
#define NO_FILE MOUNTS_OWN "/file"
#define NO_FOLDER MOUNTS_OWN "/folder"
/* Where the private folders are made, until that is covered by itself. */
#define STAGE NO_FOLDER
/* The group that owns terminals, on every distribution. */
#define TTY_OPTIONS "newinstance,ptmxmode=0666,mode=0620"

/* A root: the folder as it was opened, and its mounts that stay writable. */
struct root {
	int folder;
	int tree;
};

struct job {
	const struct plan *p;
	const struct mounts_options *o;
	struct root roots[PLAN_ROOTS_MAX];
	bool by_remount;
};

static int
error_of(long r)
{
	return r < 0 ? errno : 0;
}

static int
do_mount(const char *source, const char *target, const char *type,
    unsigned long flags, const char *options)
{
	return error_of(mount(source, target, type, flags, options));
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
hold_root(struct root *root)
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
place_root(const struct root *root)
{
	return error_of(syscall(SYS_move_mount, root->tree, "", root->folder,
	    "", MOVE_F_EMPTY_PATH | MOVE_T_EMPTY_PATH));
}

/* The old way: a mount of its own on the spot, before all is read-only. */
static int
bind_root(const struct root *root)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", root->folder);
	return do_mount(path, path, NULL, MS_BIND | MS_REC, NULL);
}

static int
open_roots(struct job *j)
{
	size_t i;
	int error = 0;

	for (i = 0; i < j->p->n_roots && error == 0; i++)
		error = open_root(j->p->roots[i], j->by_remount,
		    &j->roots[i].folder);
	return error;
}

static void
close_roots(struct job *j)
{
	size_t i;

	for (i = 0; i < j->p->n_roots; i++) {
		if (j->roots[i].folder >= 0)
			(void)close(j->roots[i].folder);
		if (j->roots[i].tree >= 0)
			(void)close(j->roots[i].tree);
	}
}

/* ---- everything read-only ------------------------------------------------ */

/* One call for all mounts. ENOSYS before Linux 5.12. */
static int
seal_at_once(struct job *j)
{
	struct attributes a = {
		.set = ATTR_RDONLY | ATTR_NOSUID,
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

/* Blanks and the like stand as \040 (proc(5)). In place. */
static void
unescape(char *s)
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

/*
 * Whether the mount of that number is what its path leads to. One that lies
 * under another is out of everybody's reach.
 */
static bool
is_reachable(const char *path, long number)
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

/* Makes one mount of mountinfo read-only, or nosuid and nodev in a root. */
static int
seal_line(const struct job *j, char *line)
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
	unescape(path);
	flags = flags_of(options) | MS_NOSUID;
	for (i = 0; i < j->p->n_roots; i++)
		if (is_below(path, j->p->roots[i]))
			break;
	flags |= i < j->p->n_roots ? MS_NODEV : MS_RDONLY;
	error = do_mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags, NULL);
	if (error == ENOENT || error == ENOTDIR || error == EINVAL ||
	    error == EACCES)
		return is_reachable(path, number) ? error : 0;
	return error;
}

static int
seal_one_by_one(struct job *j)
{
	char line[2 * PLAN_PATH_MAX + 512];
	size_t i;
	FILE *f;
	int error;

	error = do_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	for (i = 0; i < j->p->n_roots && error == 0; i++)
		error = bind_root(&j->roots[i]);
	if (error != 0)
		return error;
	if ((f = fopen("/proc/self/mountinfo", "re")) == NULL)
		return errno;
	while (error == 0 && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		error = seal_line(j, line);
	}
	(void)fclose(f);
	return error;
}

/* ---- what is private ----------------------------------------------------- */

/* Devices, as everywhere (Documentation/admin-guide/devices.txt). */
static const struct {
	const char *path;
	unsigned major;
	unsigned minor;
} devices[] = {
	{ "/dev/null", 1, 3 }, { "/dev/zero", 1, 5 }, { "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 },
	{ "/dev/tty", 5, 0 },
};

#define DEVICES (sizeof(devices) / sizeof(devices[0]))

static const struct {
	const char *path;
	const char *to;
} links[] = {
	{ "/dev/fd", "/proc/self/fd" }, { "/dev/stdin", "/proc/self/fd/0" },
	{ "/dev/stdout", "/proc/self/fd/1" },
	{ "/dev/stderr", "/proc/self/fd/2" }, { "/dev/ptmx", "pts/ptmx" },
};

static int
make_file(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0)
		return errno;
	(void)close(fd);
	return 0;
}

/* Without root the system's own nodes are bound, from before. */
static int
bind_device(const char *path, int fd)
{
	char source[32];
	int error = make_file(path, 0600);

	(void)snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
	return error != 0 ? error :
	    do_mount(source, path, NULL, MS_BIND, NULL);
}

/* The private /dev takes the place of the system's. */
static int
cover_dev(void)
{
	return do_mount("tmpfs", "/dev", "tmpfs", MS_NOSUID, DEV_SIZE);
}

static int
make_devices(const struct job *j)
{
	int nodes[DEVICES];
	size_t i;
	int error = 0;

	for (i = 0; j->o->userns && i < DEVICES; i++)
		nodes[i] = open(devices[i].path, O_PATH | O_CLOEXEC);
	if ((error = cover_dev()) != 0)
		return error;
	for (i = 0; i < DEVICES && error == 0; i++)
		error = j->o->userns ? bind_device(devices[i].path, nodes[i]) :
		    error_of(mknod(devices[i].path, S_IFCHR | 0666,
		    makedev(devices[i].major, devices[i].minor)));
	for (i = 0; j->o->userns && i < DEVICES; i++)
		(void)close(nodes[i]);
	return error;
}

static int
make_dev(const struct job *j)
{
	static const char *const folders[] = {
		"/dev/pts", "/dev/shm", MOUNTS_OWN, NO_FOLDER,
	};
	size_t i;
	int error = make_devices(j);

	for (i = 0; i < sizeof(links) / sizeof(links[0]) && error == 0; i++)
		error = error_of(symlink(links[i].to, links[i].path));
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]) && error == 0; i++)
		error = error_of(mkdir(folders[i], i < 3 ? 0755 : 0));
	/* A device, on a mount that lets none be opened: not by root either. */
	if (error == 0)
		error = j->o->userns ? make_file(NO_FILE, 0) :
		    error_of(mknod(NO_FILE, S_IFCHR, makedev(0, 0)));
	if (error != 0)
		return error;
	/* Group 5 is not there where only our own is. */
	return do_mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
	    j->o->userns ? TTY_OPTIONS : TTY_OPTIONS ",gid=5");
}

/* Binds a part of the stage over path, if there is such a folder. */
static int
place_private(const char *part, const char *path)
{
	int error = error_of(mkdir(part, 01777));

	if (error == 0)
		error = do_mount(part, path, NULL, MS_BIND, NULL);
	return error == ENOENT ? 0 : error;
}

/* One file system for all three, so that the cap is for them together. */
static int
make_private(const struct job *j)
{
	char options[96];
	int error;

	/* No limit: half of the memory, as the kernel has it. */
	(void)snprintf(options, sizeof(options), "mode=755,nr_inodes=%u"
	    ",size=%llu%s", TMP_INODES, j->p->tmp_bytes > 0 ?
	    (unsigned long long)j->p->tmp_bytes : 50,
	    j->p->tmp_bytes > 0 ? "" : "%");
	error = do_mount("tmpfs", STAGE, "tmpfs", MS_NOSUID | MS_NODEV,
	    options);
	if (error == 0)
		error = place_private(STAGE "/1", "/tmp");
	if (error == 0)
		error = place_private(STAGE "/2", "/var/tmp");
	if (error == 0)
		error = place_private(STAGE "/3", "/dev/shm");
	return error != 0 ? error : do_mount(NULL, STAGE, NULL, MS_REMOUNT |
	    MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL);
}

/* The runner's own program, under the name that scripts call. */
static int
make_shim(void)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to, error = 0;
	char buf[16384];
	ssize_t n = 0;

	if (from < 0)
		return errno;
	to = open(MOUNTS_OWN "/systemctl", O_WRONLY | O_CREAT | O_EXCL |
	    O_CLOEXEC, 0555);
	while (to >= 0 && error == 0 && (n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, (size_t)n) != n)
			error = EIO;
	if (error == 0 && (to < 0 || n < 0))
		error = errno;
	if (to >= 0)
		(void)close(to);
	(void)close(from);
	return error;
}

/*
 * Nothing more is made there. What masks are made of lies on a mount of its
 * own, whose flags each mask has. It covers the stage; to unmount that would
 * cost an RCU grace period.
 */
static int
finish_dev(void)
{
	const unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY |
	    MS_NOSUID;
	int error = do_mount(NULL, "/dev", NULL, flags, NULL);

	if (error == 0)
		error = do_mount(MOUNTS_OWN, MOUNTS_OWN, NULL, MS_BIND, NULL);
	if (error == 0)
		error = do_mount(NULL, MOUNTS_OWN, NULL, flags | MS_NODEV,
		    NULL);
	return error;
}

/* ---- masks --------------------------------------------------------------- */

/* Whom they are for: those with root's eyes. */
static const char *const secrets[] = {
	"/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-",
	"/etc/security/opasswd", "/root/.ssh",
};

/* Copies of those lie there, with various endings. */
#define COPIES "/var/backups"
#define COPIED "shadow"

/* Without root, what may not be looked at needs no mask. */
static int
mask(const struct job *j, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return errno == ENOENT || errno == ENOTDIR ||
		    (errno == EACCES && j->o->userns) ? 0 : errno;
	return do_mount(S_ISDIR(st.st_mode) ? NO_FOLDER : NO_FILE, path,
	    NULL, MS_BIND, NULL);
}

static int
mask_copies(const struct job *j)
{
	char path[sizeof(COPIES) + NAME_MAX + 2];
	DIR *dir = opendir(COPIES);
	struct dirent *e;
	int error = 0;

	if (dir == NULL)
		return errno == ENOENT || (errno == EACCES && j->o->userns) ?
		    0 : errno;
	while (error == 0 && (e = readdir(dir)) != NULL) {
		if (strstr(e->d_name, COPIED) == NULL)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", COPIES, e->d_name);
		error = mask(j, path);
	}
	(void)closedir(dir);
	return error;
}

static int
make_masks(const struct job *j)
{
	size_t i;
	int error = 0;

	for (i = 0; i < j->p->n_masks && error == 0; i++)
		error = mask(j, j->p->masks[i]);
	if (j->p->profile != PLAN_REPAIR && j->p->read != PLAN_READ_ALL)
		return error;
	for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]) && error == 0; i++)
		error = mask(j, secrets[i]);
	return error == 0 ? mask_copies(j) : error;
}

/* ---- all of it ----------------------------------------------------------- */

static int
seal(struct job *j)
{
	int error = j->by_remount ? ENOSYS : seal_at_once(j);

	if (error != ENOSYS)
		return error;
	/* What was held so far is let go with its descriptors. */
	j->by_remount = true;
	return seal_one_by_one(j);
}

static int
build(struct job *j)
{
	size_t i;
	int error;

	(void)umask(0);
	if ((error = open_roots(j)) != 0 ||
	    (error = seal(j)) != 0 ||
	    (error = make_dev(j)) != 0 ||
	    (error = make_private(j)) != 0)
		return error;
	if (j->o->own_proc && (error = do_mount("proc", "/proc", "proc",
	    MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL)) != 0)
		return error;
	for (i = 0; i < j->p->n_roots && !j->by_remount; i++)
		if ((error = place_root(&j->roots[i])) != 0)
			return error;
	if ((j->p->flags & PLAN_FLAG_SERVICES) != 0 &&
	    (error = make_shim()) != 0)
		return error;
	/* What masks are made of is read-only by then. */
	if ((error = finish_dev()) != 0)
		return error;
	return make_masks(j);
}

int
mounts_enter(const struct plan *p, const struct mounts_options *o,
    bool *ret_by_remount)
{
	struct job j = { .p = p, .o = o, .by_remount = o->by_remount };
	size_t i;
	int error;

	for (i = 0; i < PLAN_ROOTS_MAX; i++)
		j.roots[i] = (struct root){ -1, -1 };
	error = build(&j);
	close_roots(&j);
	if (error == 0 && ret_by_remount != NULL)
		*ret_by_remount = j.by_remount;
	return error;
}
