/*
 * mount.c - changing what the file system is.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests (as a payload, and unconfined for comparison).
 *
 * Unconfined these are run in a mount namespace of their own.
 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define G "mount"
#define AT_RECURSIVE_ 0x8000
#define ATTR_RDONLY 1
#define TREE_CLONE 1

static int
mount_tmpfs(void)
{
	return outcome(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static int
mount_proc(void)
{
	return outcome(mount("none", "/proc", "proc", 0, NULL));
}

static int
bind(void)
{
	return outcome(mount("/etc", "/tmp", NULL, MS_BIND, NULL));
}

static int
remount(void)
{
	return outcome(mount("none", "/", NULL, MS_REMOUNT | MS_BIND,
	    NULL));
}

static int
unmount(void)
{
	return outcome(umount2("/proc", MNT_DETACH));
}

static int
open_tree_(void)
{
	return outcome(syscall(SYS_open_tree, AT_FDCWD, "/etc", TREE_CLONE));
}

static int
move_mount_(void)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, "/etc", TREE_CLONE);

	if (fd < 0)
		return errno;
	return outcome(syscall(SYS_move_mount, fd, "", AT_FDCWD, "/tmp", 4));
}

static int
fsopen_(void)
{
	return outcome(syscall(SYS_fsopen, "tmpfs", 0));
}

static int
set_attributes(void)
{
	const struct {
		uint64_t set, clear, propagation, fd;
	} a = { 0, ATTR_RDONLY, 0, 0 };

	return outcome(syscall(SYS_mount_setattr, AT_FDCWD, "/",
	    AT_RECURSIVE_, &a, sizeof(a)));
}

static int
change_root(void)
{
	return outcome(chroot("/etc"));
}

static int
pivot(void)
{
	/* Let in, it says that this is no mount of its own. */
	long r = syscall(SYS_pivot_root, "/etc", "/etc");

	return r < 0 && errno != EINVAL && errno != EBUSY ? errno : 0;
}

static int
block_device(void)
{
	const char *path = below("open", "block");
	int error = outcome(mknod(path, S_IFBLK | 0600, makedev(7, 0)));

	(void)unlink(path);
	return error;
}

static int
block_device_own(void)
{
	static const char path[] = "/tmp/cs-probe-block";
	int error;

	if (mknod(path, S_IFBLK | 0600, makedev(7, 0)) != 0)
		return errno;
	error = try_open(path, O_RDONLY);
	(void)unlink(path);
	/* No disk behind it: it was let through to the driver. */
	return error == ENXIO || error == ENODEV ? 0 : error;
}

static int
character_device_own(void)
{
	static const char path[] = "/tmp/cs-probe-mem";
	int error;

	if (mknod(path, S_IFCHR | 0600, makedev(1, 11)) != 0)
		return errno;
	error = try_open(path, O_WRONLY);
	(void)unlink(path);
	return error;
}

static int disk(void) { return try_open(fact("disk"), O_RDWR); }
static int kmsg(void) { return try_open("/dev/kmsg", O_WRONLY); }
static int mem(void) { return try_open("/dev/mem", O_RDWR); }
static int tmp_exec(void)
{
	static const char path[] = "/tmp/cs-probe-run";
	const char text[] = "#!/bin/sh\nexit 0\n";
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	int status;
	pid_t pid;

	if (fd < 0 || write(fd, text, sizeof(text) - 1) < 0)
		return errno;
	(void)close(fd);
	if ((pid = fork()) == 0) {
		(void)execl(path, path, (char *)NULL);
		_exit(errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	(void)unlink(path);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

const struct probe mount_probes[] = {
	{ G, "mount_tmpfs", mount_tmpfs }, { G, "mount_proc", mount_proc },
	{ G, "bind", bind }, { G, "remount", remount },
	{ G, "umount", unmount }, { G, "open_tree", open_tree_ },
	{ G, "move_mount", move_mount_ }, { G, "fsopen", fsopen_ },
	{ G, "mount_setattr", set_attributes },
	{ G, "chroot", change_root }, { G, "pivot_root", pivot },
	{ G, "mknod_block", block_device },
	{ G, "mknod_block_in_tmp", block_device_own },
	{ G, "mknod_kmsg_in_tmp", character_device_own },
	{ G, "open_disk", disk }, { G, "dev_kmsg", kmsg },
	{ G, "dev_mem", mem }, { G, "tmp_exec", tmp_exec },
	{ NULL, NULL, NULL }
};
