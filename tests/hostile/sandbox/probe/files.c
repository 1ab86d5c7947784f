/*
 * files.c - writing where nothing may be written, reading what is secret.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests (as a payload, and unconfined for comparison).
 */
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define G "files"

/* ---- write outside ---- */

static int create(void) { return try_make(below("folder", "new")); }
static int create_open(void) { return try_make(below("open", "new")); }

static int
truncate_(void)
{
	return try_open(below("folder", "file"), O_WRONLY | O_TRUNC);
}

static int
chmod_(void)
{
	return outcome(chmod(below("folder", "file"), 0600));
}

static int
chown_(void)
{
	return outcome(chown(below("folder", "file"), 12345, 12345));
}

static int
utimes_(void)
{
	return outcome(utimensat(AT_FDCWD, below("folder", "file"), NULL, 0));
}

static int
xattr(void)
{
	return outcome(setxattr(below("folder", "file"), "trusted.probe", "x",
	    1, 0));
}

static int
unlink_(void)
{
	return outcome(unlink(below("folder", "remove")));
}

static int
rename_(void)
{
	return outcome(rename(below("folder", "move"), below("folder", "m2")));
}

static int
hard_link(void)
{
	return outcome(link(below("folder", "file"), below("open", "link")));
}

static int
symbolic_link(void)
{
	return outcome(symlink("/etc", below("folder", "symlink")));
}

static int
make_folder(void)
{
	return outcome(mkdir(below("folder", "sub"), 0755));
}

/* Where root's programs would run it. */
static int cron_d(void) { return try_make("/etc/cron.d/cs-probe"); }
static int ld_preload(void) { return try_make("/etc/ld.so.preload"); }
static int profile_d(void) { return try_make("/etc/profile.d/cs-probe.sh"); }
static int sudoers_d(void) { return try_make("/etc/sudoers.d/cs-probe"); }
static int usr_bin(void) { return try_make("/usr/bin/cs-probe"); }
static int local_bin(void) { return try_make("/usr/local/bin/cs-probe"); }
static int boot(void) { return try_make("/boot/cs-probe"); }
static int run_folder(void) { return try_make("/run/cs-probe"); }

static int
spool(void)
{
	return try_make(below("spool", "cs-probe"));
}

static int
unit_folder(void)
{
	return try_make("/etc/systemd/system/cs-probe.service");
}

static int
run_unit(void)
{
	(void)mkdir("/run/systemd/system", 0755);
	return try_make("/run/systemd/system/cs-probe.service");
}

static int
udev_rule(void)
{
	return try_make("/etc/udev/rules.d/99-cs-probe.rules");
}

static int
root_shell(void)
{
	return try_open("/root/.bashrc", O_WRONLY | O_APPEND);
}

static int
passwd(void)
{
	return try_open("/etc/passwd", O_WRONLY | O_APPEND);
}

/* ---- out of a declared folder ---- */

static int
symlink_out(void)
{
	const char *name = below("declared", "way-out");

	(void)unlink(name);
	if (symlink(fact("folder"), name) != 0)
		return errno;
	return try_make(below("declared", "way-out/new2"));
}

static int
hardlink_out(void)
{
	return outcome(link(below("folder", "file"),
	    below("declared", "linked")));
}

static int
rename_out(void)
{
	const char *name = below("declared", "mine");
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	(void)close(fd);
	return outcome(rename(name, below("folder", "renamed")));
}

static int
dots_out(void)
{
	return try_make(below("declared", "../folder/new3"));
}

/* ---- read ---- */

/* Whether a byte of it can be had: what is masked may open, and is empty. */
static int
try_read(const char *path)
{
	char c;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return errno;
	n = read(fd, &c, 1);
	(void)close(fd);
	return n < 0 ? errno : n == 0 ? ENODATA : 0;
}

static int shadow(void) { return try_read("/etc/shadow"); }
static int shadow_copy(void) { return try_read("/etc/shadow-"); }
static int shadow_backup(void) { return try_read(fact("shadow_backup")); }
static int device_key(void) { return try_read(below("state", "device.key")); }

static int
state(void)
{
	DIR *d = opendir(fact("state"));
	struct dirent *e;
	int found = ENODATA;

	if (d == NULL)
		return errno;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			found = 0;
	(void)closedir(d);
	return found;
}

static int
journal(void)
{
	return try_read(below("state", "journal/0000000000000000.seg"));
}

static int
control_socket(void)
{
	struct stat st;

	if (stat(fact("control"), &st) != 0)
		return errno;
	return S_ISSOCK(st.st_mode) ? 0 : ENOTSOCK;
}

static int host_tmp(void) { return try_read(fact("tmp_file")); }
static int host_shm(void) { return try_read(fact("shm_file")); }

static int
handle(void)
{
	union {
		unsigned char room[sizeof(struct file_handle) + 128];
		struct file_handle *align;
	} a;
	struct file_handle *h = (struct file_handle *)(void *)a.room;
	int mount_id, dir, fd, error;

	h->handle_bytes = 128;
	if (name_to_handle_at(AT_FDCWD, below("folder", "file"), h,
	    &mount_id, 0) != 0)
		return errno;
	if ((dir = open(fact("folder"), O_RDONLY | O_CLOEXEC)) < 0)
		return errno;
	fd = open_by_handle_at(dir, h, O_RDONLY | O_CLOEXEC);
	error = outcome(fd);
	(void)close(dir);
	return error;
}

const struct probe file_probes[] = {
	{ G, "create", create }, { G, "create_in_open_folder", create_open },
	{ G, "truncate", truncate_ }, { G, "chmod", chmod_ },
	{ G, "chown", chown_ }, { G, "utimes", utimes_ },
	{ G, "setxattr", xattr }, { G, "unlink", unlink_ },
	{ G, "rename", rename_ }, { G, "hard_link", hard_link },
	{ G, "symlink", symbolic_link }, { G, "mkdir", make_folder },
	{ G, "cron_d", cron_d }, { G, "spool", spool },
	{ G, "unit_folder", unit_folder }, { G, "run_unit", run_unit },
	{ G, "run_folder", run_folder }, { G, "ld_so_preload", ld_preload },
	{ G, "profile_d", profile_d }, { G, "sudoers_d", sudoers_d },
	{ G, "udev_rule", udev_rule }, { G, "root_bashrc", root_shell },
	{ G, "passwd", passwd }, { G, "usr_bin", usr_bin },
	{ G, "usr_local_bin", local_bin }, { G, "boot", boot },
	{ G, "symlink_out", symlink_out },
	{ G, "hard_link_out", hardlink_out },
	{ G, "rename_out", rename_out }, { G, "dots_out", dots_out },
	{ G, "read_shadow", shadow }, { G, "read_shadow_copy", shadow_copy },
	{ G, "read_shadow_backup", shadow_backup },
	{ G, "read_agent_state", state }, { G, "read_device_key", device_key },
	{ G, "read_journal", journal }, { G, "see_control", control_socket },
	{ G, "read_host_tmp", host_tmp }, { G, "read_host_shm", host_shm },
	{ G, "open_by_handle", handle },
	{ NULL, NULL, NULL }
};
