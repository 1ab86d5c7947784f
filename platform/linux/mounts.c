/*
 * mounts.c - what a confined payload sees of the file system.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 *
 * mount_namespaces(7), mount(2). The order is the point: the roots are held
 * before all becomes read-only and put back after; the masks come last,
 * because a root put back above one would uncover it again.
 */
#include "platform/linux/mounts.h"

#include "platform/linux/othernames.h"
#include "platform/linux/seal.h"
#include "platform/linux/setid.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Entries of /dev, and of the private folders: what a bomb may make. */
#define DEV_SIZE "size=4m,nr_inodes=64,mode=755"
#define TMP_INODES 131072u
/* What masks are made of. */
#define NO_FILE MOUNTS_OWN "/file"
#define NO_FOLDER MOUNTS_OWN "/folder"
/* Where the private folders are made, until that is covered by itself. */
#define STAGE NO_FOLDER
/* The group that owns terminals, on every distribution. All terminals of the
 * machine come from one stock. */
#define TTY_OPTIONS "newinstance,ptmxmode=0666,mode=0620,max=256"

struct job {
	const struct plan *p;
	const struct mounts_options *o;
	const struct othernames *names;
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
	/* What is read there is gone for whoever looks for it. */
	"/sys/kernel/debug", "/sys/kernel/tracing",
	/* The whole system as it was before, with all of those. */
	"/.snapshots", "/sysroot",
};

/* Where the system's log listens; /dev/log is not there anyway. */
static const char *const logs[] = {
	"/run/systemd/journal/socket", "/run/systemd/journal/stdout",
	"/run/systemd/journal/dev-log", "/run/systemd/journal/syslog",
	"/run/systemd/journal/io.systemd.journal",
};

/* Copies of those lie there, with various endings. */
#define COPIES "/var/backups"
#define COPIED "shadow"

static int
cover(const char *path, const struct stat *st)
{
	return do_mount(S_ISDIR(st->st_mode) ? NO_FOLDER : NO_FILE, path,
	    NULL, MS_BIND, NULL);
}

/* The same under the names that other mounts give to it or to parts of it. */
static int
cover_others(const struct job *j, const char *path, const struct stat *st)
{
	char real[PATH_MAX], name[PLACES_PATH_SIZE];
	struct stat other;
	unsigned i;
	bool whole;
	int error = 0;

	if (realpath(path, real) == NULL)
		return errno;
	for (i = 0; error == 0 &&
	    othernames_find(j->names, real, i, name, &whole) == 0; i++) {
		/* Another mount may lie over it. */
		if (stat(name, &other) != 0 || (whole &&
		    (other.st_dev != st->st_dev || other.st_ino != st->st_ino)))
			continue;
		error = cover(name, &other);
	}
	return error;
}

/* Without root, what may not be looked at needs no mask. */
static int
mask(const struct job *j, const char *path)
{
	struct stat st;
	int error;

	if (stat(path, &st) != 0)
		return errno == ENOENT || errno == ENOTDIR ||
		    (errno == EACCES && j->o->userns) ? 0 : errno;
	error = cover_others(j, path, &st);
	return error != 0 ? error : cover(path, &st);
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

/* Named pipes below folder can be written on a read-only mount as well. */
static int
mask_pipes(const struct job *j, const char *folder, unsigned depth)
{
	char path[PATH_MAX];
	DIR *dir = opendir(folder);
	struct dirent *e;
	int error = 0, n;

	if (dir == NULL)
		return errno == ENOENT ? 0 : errno;
	while (error == 0 && (e = readdir(dir)) != NULL) {
		n = snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (n < 0 || (size_t)n >= sizeof(path))
			error = ENAMETOOLONG;
		else if (e->d_type == DT_FIFO)
			error = mask(j, path);
		else if (e->d_type == DT_DIR && e->d_name[0] != '.' &&
		    depth > 0)
			error = mask_pipes(j, path, depth - 1);
	}
	(void)closedir(dir);
	return error;
}

static int
make_these(const struct job *j)
{
	size_t i;
	int error = 0;

	for (i = 0; i < j->p->n_masks && error == 0; i++)
		error = mask(j, j->p->masks[i]);
	/*
	 * Whoever may ask logind to keep a service manager for him could reach
	 * that there the next time, and be started outside.
	 */
	if (error == 0 && j->p->profile == PLAN_OBSERVE)
		error = mask(j, "/run/user");
	/* It reads the system's log, and writes nothing into it. */
	for (i = 0; i < sizeof(logs) / sizeof(logs[0]) && error == 0 &&
	    j->p->profile == PLAN_OBSERVE; i++)
		error = mask(j, logs[i]);
	/* Root's: initctl, dmeventd. Landlock refuses those, where it is. */
	if (error == 0 && j->o->mask_pipes)
		error = mask_pipes(j, "/run", 3);
	if (j->p->profile != PLAN_REPAIR && j->p->read != PLAN_READ_ALL)
		return error;
	for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]) && error == 0; i++)
		error = mask(j, secrets[i]);
	return error == 0 ? mask_copies(j) : error;
}

static int
make_masks(const struct job *job)
{
	struct othernames names;
	struct job j = *job;
	int error, r = othernames_read(&names);

	if (r != 0)
		return r == ERR_NOMEM ? ENOMEM : EIO;
	j.names = &names;
	error = make_these(&j);
	othernames_free(&names);
	return error;
}

/* ---- all of it ----------------------------------------------------------- */

static int
build(const struct job *j, struct seal *s, bool *ret_unseen)
{
	int error;

	(void)umask(0);
	if ((error = seal_open(s)) != 0 ||
	    (error = seal_all(s)) != 0 ||
	    (error = make_dev(j)) != 0 ||
	    (error = make_private(j)) != 0)
		return error;
	if (j->o->own_proc && (error = do_mount("proc", "/proc", "proc",
	    MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL)) != 0)
		return error;
	if ((error = seal_place(s)) != 0)
		return error;
	if ((j->p->flags & PLAN_FLAG_SERVICES) != 0 &&
	    (error = make_shim()) != 0)
		return error;
	/* What masks are made of is read-only by then. */
	if ((error = finish_dev()) != 0 ||
	    (error = setid_hold(s, NO_FILE, ret_unseen)) != 0)
		return error;
	return make_masks(j);
}

int
mounts_enter(const struct plan *p, const struct mounts_options *o,
    struct mounts_result *ret_result)
{
	const struct job j = { .p = p, .o = o };
	struct seal s = { .p = p, .userns = o->userns,
	    .by_remount = o->by_remount };
	struct mounts_result result = { .unseen = false };
	int error = build(&j, &s, &result.unseen);

	seal_close(&s);
	result.by_remount = s.by_remount;
	if (error == 0 && ret_result != NULL)
		*ret_result = result;
	return error;
}
