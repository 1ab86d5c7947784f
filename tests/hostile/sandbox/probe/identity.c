/*
 * identity.c - becoming somebody with more rights, or making that possible.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests (as a payload, and unconfined for comparison).
 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define G "identity"
#define NOBODY 65534
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* Where this payload may write: even there no set-id file may come to be. */
static const char *
own(const char *name)
{
	static char path[2048];

	(void)snprintf(path, sizeof(path), "%s/%s",
	    access(fact("declared"), W_OK) == 0 ? fact("declared") : "/tmp",
	    name);
	(void)unlink(path);
	return path;
}

/* Whether the file there really got the bits. */
static int
has_bits(const char *path, mode_t bits)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return errno;
	(void)unlink(path);
	return (st.st_mode & bits) != 0 ? 0 : EPERM;
}

static int
suid_exec(void)
{
	const char *program = fact("suid");
	int status;
	pid_t pid;

	if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
		return errno;
	if ((pid = fork()) == 0) {
		(void)execl(program, program, (char *)NULL);
		_exit(126);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	/* It ends with 0 if it has become root. */
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EPERM;
}

static int
raise_caps(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d) != 0)
		return errno;
	d[CAP_SYS_ADMIN / 32].effective |= 1u << CAP_SYS_ADMIN % 32;
	d[CAP_SYS_ADMIN / 32].permitted |= 1u << CAP_SYS_ADMIN % 32;
	return outcome(syscall(SYS_capset, &h, d));
}

static int
bounding(void)
{
	return prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 1 ? 0 : EPERM;
}

static int
plant_chmod(void)
{
	const char *path = own("planted-1");
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	if (fd < 0)
		return errno;
	(void)close(fd);
	if (chmod(path, 04755) != 0)
		return errno;
	return has_bits(path, S_ISUID);
}

static int
plant_fchmod(void)
{
	const char *path = own("planted-2");
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	if (fd < 0 || fchmod(fd, 06755) != 0)
		return errno;
	return has_bits(path, S_ISUID | S_ISGID);
}

static int
plant_fchmodat2(void)
{
	const char *path = own("planted-3");
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	if (fd < 0 || syscall(SYS_fchmodat2, AT_FDCWD, path, 04755, 0) != 0)
		return errno;
	return has_bits(path, S_ISUID);
}

static int
plant_open(void)
{
	const char *path = own("planted-4");
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 04755);

	return fd < 0 ? errno : has_bits(path, S_ISUID);
}

static int
plant_creat(void)
{
	const char *path = own("planted-5");
	int fd;

#ifdef SYS_creat
	fd = (int)syscall(SYS_creat, path, 04755);
#else
	fd = creat(path, 04755);
#endif
	return fd < 0 ? errno : has_bits(path, S_ISUID);
}

static int
plant_tmpfile(void)
{
	const char *path = own("planted-6");
	char folder[2048], name[64];
	int fd;

	(void)snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	if ((fd = open(folder, O_TMPFILE | O_WRONLY, 04755)) < 0)
		return errno;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, name, AT_FDCWD, path, AT_SYMLINK_FOLLOW) != 0)
		return errno;
	return has_bits(path, S_ISUID);
}

static int
plant_mknod(void)
{
	const char *path = own("planted-7");

	if (mknod(path, S_IFREG | 04755, 0) != 0)
		return errno;
	return has_bits(path, S_ISUID);
}

static int
plant_openat2(void)
{
	const char *path = own("planted-8");
	const struct {
		unsigned long long flags, mode, resolve;
	} how = { O_WRONLY | O_CREAT, 04755, 0 };

	if (syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)) < 0)
		return errno;
	return has_bits(path, S_ISUID);
}

/*
 * One that lies in a folder where this payload may write: the kernel takes the
 * bit off with what is written, but not with what is stored in shared memory.
 */
static int
rewrite_set_id(void)
{
	const char *path = below("declared", "set-id");
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char *text;

	if (fd < 0)
		return errno;
	text = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (text == MAP_FAILED || fstat(fd, &st) != 0)
		return errno;
	*text = 'y';
	return (st.st_mode & S_ISUID) != 0 ? 0 : EPERM;
}

static int
replace_set_id(void)
{
	const char *path = own("planted-10");
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	if (fd < 0)
		return errno;
	(void)close(fd);
	return outcome(syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD,
	    below("declared", "set-id"), 2 /* RENAME_EXCHANGE */));
}

static int
plant_mkdir(void)
{
	const char *path = own("planted-9");
	struct stat st;
	int error;

	(void)rmdir(path);
	if (mkdir(path, 02755) != 0)
		return errno;
	/* mkdir(2) itself drops the bit; a later chmod would set it. */
	error = chmod(path, 02755) != 0 || stat(path, &st) != 0 ? errno :
	    (st.st_mode & S_ISGID) != 0 ? 0 : EPERM;
	(void)rmdir(path);
	return error;
}

static int
rlimit_raise(void)
{
	const struct rlimit more = { 1u << 19, 1u << 20 };
	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now) != 0)
		return errno;
	if (now.rlim_max >= more.rlim_max)
		return EALREADY;
	return outcome(setrlimit(RLIMIT_NOFILE, &more));
}

const struct probe identity_probes[] = {
	{ G, "suid_exec", suid_exec }, { G, "capset", raise_caps },
	{ G, "bounding_set", bounding }, { G, "plant_chmod", plant_chmod },
	{ G, "plant_fchmod", plant_fchmod },
	{ G, "plant_fchmodat2", plant_fchmodat2 },
	{ G, "plant_open", plant_open }, { G, "plant_creat", plant_creat },
	{ G, "plant_tmpfile", plant_tmpfile },
	{ G, "plant_mknod", plant_mknod },
	{ G, "plant_openat2", plant_openat2 },
	{ G, "plant_mkdir", plant_mkdir },
	{ G, "rewrite_set_id", rewrite_set_id },
	{ G, "replace_set_id", replace_set_id },
	{ G, "rlimit_raise", rlimit_raise },
	{ NULL, NULL, NULL }
};
