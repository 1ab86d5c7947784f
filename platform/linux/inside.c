/*
 * inside.c - what is tried from within a confined profile, to see it refused.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner, as a payload of sandbox_probe().
 *
 * Prints "layer state detail" for each layer and exits with 0. A layer holds if
 * every attempt on it came out as it must.
 */
#include "platform/linux/probe.h"

#include "platform/linux/seal.h"
#include "platform/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif

/* What the arguments say: who and where we should be. */
struct inside {
	enum plan_profile profile;
	bool userns;
	uint32_t uid;
	int landlock;
	const char *const *outside;	/* namespaces' names outside */
	const char *abstract;		/* a socket that somebody listens on */
};

/* What is wrong with a layer, if anything: the first thing. */
struct finding {
	char text[96];
};

__attribute__((format(printf, 2, 3))) static void
find(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	if (f->text[0] != '\0')
		return;
	va_start(ap, fmt);
	(void)vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

/* It must have failed with that errno, or the other (0: none other). */
static void
must_fail(struct finding *f, const char *what, long r, int want, int or)
{
	int error = errno;

	if (r >= 0)
		find(f, "%s: done", what);
	else if (error != want && error != or)
		find(f, "%s: errno %d", what, error);
}

/* ---- who we are ---------------------------------------------------------- */

static void
try_identity(const struct inside *in, struct finding *f)
{
	uid_t r, e, s;

	if (getresuid(&r, &e, &s) != 0 || r != in->uid || e != in->uid ||
	    s != in->uid)
		find(f, "uid %u", (unsigned)getuid());
	if (in->uid != 0)
		must_fail(f, "setresuid", syscall(SYS_setresuid, 0, 0, 0),
		    EPERM, EINVAL);
}

static void
try_capabilities(const struct inside *in, struct finding *f)
{
	const uint64_t want = in->profile == PLAN_REPAIR && !in->userns ?
	    0xeb : 0;
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3];
	int cap, r;

	memset(d, 0, sizeof(d));
	if (syscall(SYS_capget, &head, d) != 0)
		find(f, "capget: errno %d", errno);
	if ((d[0].effective | d[0].permitted) != (uint32_t)want ||
	    (d[1].effective | d[1].permitted) != (uint32_t)(want >> 32))
		find(f, "has %#x", d[0].effective | d[0].permitted);
	for (cap = 0; cap < 64; cap++)
		if ((r = prctl(PR_CAPBSET_READ, cap, 0, 0, 0)) > 0 &&
		    (want >> cap & 1) == 0)
			find(f, "bounding set has %d", cap);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		find(f, "no_new_privs is not set");
}

/* ---- what we see --------------------------------------------------------- */

/* Mounts that may be written to: ours, and the root that the probe declares. */
static bool
may_be_writable(const char *path)
{
	static const char *const places[] = {
		"/tmp", "/var/tmp", "/dev/shm", "/dev/pts",
	};
	size_t i, n = strlen(PROBE_ROOT);

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (strcmp(path, places[i]) == 0)
			return true;
	return strncmp(path, PROBE_ROOT, n) == 0 &&
	    (path[n] == '/' || path[n] == '\0');
}

/* One line of mountinfo (proc(5)): number parent device root path options. */
static void
try_mount(const struct inside *in, char *line, struct finding *f,
    bool *ret_root)
{
	char *word[6], *s = line;
	const char *wrong = NULL;
	size_t i;

	for (i = 0; i < 6; i++) {
		word[i] = s;
		if ((s = strchr(s, ' ')) == NULL)
			return;
		*s++ = '\0';
	}
	if (strcmp(word[4], PROBE_ROOT) == 0 &&
	    strstr(word[5], "nosuid") != NULL &&
	    strstr(word[5], "nodev") != NULL)
		*ret_root = true;
	if (!in->userns && strstr(word[5], "nodev") == NULL &&
	    strcmp(word[4], "/dev") != 0 && strcmp(word[4], "/dev/pts") != 0)
		wrong = "has devices";
	if (strncmp(word[5], "ro", 2) != 0 && !may_be_writable(word[4]))
		wrong = "is writable";
	if (wrong == NULL)
		return;
	seal_unescape(word[4]);
	errno = 0;
	if (seal_is_reachable(word[4], strtol(word[0], NULL, 10)) ||
	    errno == EACCES)
		find(f, "%.64s %s", word[4], wrong);
}

static void
try_mounts(const struct inside *in, struct finding *f)
{
	char line[4096];
	bool root = false;
	FILE *info = fopen("/proc/self/mountinfo", "re");
	size_t n = 0;

	while (info != NULL && fgets(line, sizeof(line), info) != NULL) {
		try_mount(in, line, f, &root);
		n++;
	}
	if (info != NULL)
		(void)fclose(info);
	if (n == 0)
		find(f, "no mountinfo");
	if (in->profile == PLAN_REPAIR && !root)
		find(f, "%s is not placed", PROBE_ROOT);
	must_fail(f, "chmod /", chmod("/", 0755), EROFS, 0);
	must_fail(f, "open /etc", open("/etc/.countersign", O_CREAT | O_WRONLY |
	    O_CLOEXEC, 0600), EROFS, EACCES);
}

static void
try_private(const struct inside *in, struct finding *f)
{
	static const char *const files[] = {
		"/tmp/probe", "/var/tmp/probe", "/dev/shm/probe",
	};
	static const char *const known = " null zero full random urandom tty "
	    "ptmx pts shm fd stdin stdout stderr countersign . .. ";
	char name[NAME_MAX + 3];
	struct dirent *e;
	DIR *dir = opendir("/dev");
	size_t i;
	int fd;

	(void)in;
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		(void)snprintf(name, sizeof(name), " %s ", e->d_name);
		if (strstr(known, name) == NULL)
			find(f, "/dev has %.32s", e->d_name);
	}
	if (dir == NULL)
		find(f, "no /dev");
	else
		(void)closedir(dir);
	if ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0 ||
	    write(fd, "x", 1) != 1)
		find(f, "/dev/null: errno %d", errno);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if ((fd = open(files[i], O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC,
		    0600)) < 0 && errno != ENOENT)
			find(f, "%s: errno %d", files[i], errno);
	/* A /proc of nothing but processes (subset=pid) has none. */
	if (access("/proc/sys", F_OK) == 0)
		must_fail(f, "core_pattern", open(
		    "/proc/sys/kernel/core_pattern", O_WRONLY | O_CLOEXEC),
		    EROFS, EACCES);
	must_fail(f, "mknod", mknod("/tmp/disk", S_IFBLK | 0600, 0x801), EPERM,
	    EACCES);
}

static void
try_masks(const struct inside *in, struct finding *f)
{
	static const char *const secrets[] = {
		"/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-",
	};
	size_t i;

	(void)in;
	for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		must_fail(f, secrets[i], open(secrets[i], O_RDONLY | O_CLOEXEC),
		    EACCES, ENOENT);
}

static void
try_namespaces(const struct inside *in, struct finding *f)
{
	char path[32], now[64];
	ssize_t n;
	bool own;
	int i;

	for (i = 0; i < PROBE_NAMESPACES; i++) {
		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s",
		    probe_namespaces[i]);
		if ((n = readlink(path, now, sizeof(now) - 1)) < 0)
			n = 0;
		now[n] = '\0';
		own = strcmp(now, in->outside[i]) != 0;
		/* Those of mnt, ipc and uts always; that of pid below an init;
		 * net because `repair` is tried with none. */
		if (own != (i < 3 || in->profile == PLAN_REPAIR ||
		    (in->userns && i == PROBE_PID)))
			find(f, "%s: %s", probe_namespaces[i],
			    own ? "new" : "the host's");
	}
	if (in->profile == PLAN_REPAIR && getppid() != 1)
		find(f, "no init");
}

/* Nothing that we were not given. */
static void
try_descriptors(const struct inside *in, struct finding *f)
{
	int fd;

	(void)in;
	for (fd = 3; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			find(f, "%d is open", fd);
}

/* ---- what we may ask the kernel ------------------------------------------ */

#if defined(__x86_64__)
/* The 32-bit entry must end who takes it. */
static void
try_other_entry(struct finding *f)
{
	int status = 0, pid = fork();
	long r;

	if (pid == 0) {
		__asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory");
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		find(f, "fork: errno %d", errno);
	else if (!WIFSIGNALED(status) || (WTERMSIG(status) != SIGSYS &&
	    /* A kernel without that entry. */
	    WTERMSIG(status) != SIGSEGV))
		find(f, "int 0x80: done");
	must_fail(f, "x32", syscall(0x40000000 | SYS_getpid), ENOSYS, 0);
}
#else
static void
try_other_entry(struct finding *f)
{
	(void)f;
}
#endif

static void
try_seccomp(const struct inside *in, struct finding *f)
{
	char text[256];

	memset(text, 0, sizeof(text));
	must_fail(f, "unshare", unshare(CLONE_NEWUSER), EPERM, 0);
	must_fail(f, "clone", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL,
	    NULL, NULL, NULL), EPERM, 0);
	must_fail(f, "clone3", syscall(SYS_clone3, text, 64), ENOSYS, 0);
	must_fail(f, "openat2", syscall(SYS_openat2, AT_FDCWD, "/", text, 24),
	    ENOSYS, 0);
	must_fail(f, "ptrace", syscall(SYS_ptrace, 0, 0, 0, 0), EPERM, 0);
	must_fail(f, "mount", mount("none", "/tmp", "tmpfs", 0, NULL), EPERM,
	    0);
	must_fail(f, "mount_setattr", syscall(SYS_mount_setattr, -1, "/", 0,
	    text, 32), EPERM, 0);
	must_fail(f, "io_uring_setup", syscall(SYS_io_uring_setup, 1, text),
	    EPERM, 0);
	must_fail(f, "bpf", syscall(SYS_bpf, 0, text, 64), EPERM, 0);
	must_fail(f, "keyctl", syscall(SYS_keyctl, 0, 0, 0), EPERM, 0);
	must_fail(f, "perf_event_open", syscall(SYS_perf_event_open, text, 0,
	    -1, -1, 0), EPERM, 0);
	must_fail(f, "chmod 4755", chmod("/tmp/probe", 04755), EPERM, 0);
	must_fail(f, "open 4755", open("/tmp/setid", O_CREAT | O_WRONLY |
	    O_CLOEXEC, 04755), EPERM, 0);
	must_fail(f, "O_TMPFILE 4755", open("/tmp", O_TMPFILE | O_WRONLY |
	    O_CLOEXEC, 04755), EPERM, 0);
	must_fail(f, "packet", socket(AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT,
	    0);
	if (in->profile == PLAN_REPAIR || in->userns)
		must_fail(f, "AF_UNIX", socket(AF_UNIX, SOCK_STREAM, 0),
		    EAFNOSUPPORT, 0);
	if (in->profile == PLAN_OBSERVE || in->landlock < 4)
		must_fail(f, "AF_INET", socket(AF_INET, SOCK_STREAM, 0),
		    EAFNOSUPPORT, 0);
	else
		must_fail(f, "MPTCP", socket(AF_INET, SOCK_STREAM, 262),
		    EPROTONOSUPPORT, 0);
	try_other_entry(f);
}

/* Only what nothing but Landlock refuses here. */
static void
try_landlock(const struct inside *in, struct finding *f)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	/* TCP port 9 of 127.0.0.1, in the order of the network. */
	struct sockaddr to = { .sa_family = AF_INET,
	    .sa_data = { 0, 9, 127, 0, 0, 1 } };
	size_t n = strlen(in->abstract);
	int fd;

	if (in->landlock >= 4 && in->profile == PLAN_REPAIR &&
	    (fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0)
		must_fail(f, "connect", connect(fd, &to, sizeof(to)), EACCES,
		    0);
	if (in->landlock < 6 || in->profile != PLAN_OBSERVE || in->userns ||
	    n == 0 || n + 1 > sizeof(a.sun_path))
		return;
	memcpy(a.sun_path + 1, in->abstract, n);
	if ((fd = socket(AF_UNIX, SOCK_STREAM, 0)) < 0)
		find(f, "AF_UNIX: errno %d", errno);
	else
		must_fail(f, "abstract socket", connect(fd,
		    (const struct sockaddr *)&a,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
		    n)), EPERM, 0);
}

/* ---- all of it ----------------------------------------------------------- */

static const struct {
	const char *name;
	void (*attempt)(const struct inside *in, struct finding *f);
} layers[] = {
	/* Before we open any ourselves. */
	{ "descriptors", try_descriptors },
	{ "identity", try_identity },
	{ "capabilities", try_capabilities },
	{ "mount", try_mounts },
	{ "private", try_private },
	{ "masks", try_masks },
	{ "namespace", try_namespaces },
	{ "seccomp", try_seccomp },
	{ "landlock", try_landlock },
};

/*
 * A process that would live on: in a session of its own, deaf, with our output
 * open. Its end is the last thing that sandbox_probe() looks for.
 */
static void
leave_one_behind(void)
{
	int i;

	if (fork() != 0)
		return;
	(void)setsid();
	for (i = 1; i < NSIG; i++)
		(void)signal(i, SIG_IGN);
	for (;;)
		(void)pause();
}

int
sandbox_inside(int n_args, char **args)
{
	struct inside in = { .profile = PLAN_OBSERVE };
	const char *outside[PROBE_NAMESPACES];
	struct finding f;
	size_t i;

	if (n_args != PROBE_ARGS)
		return 2;
	if (strcmp(args[0], "repair") == 0)
		in.profile = PLAN_REPAIR;
	in.userns = strcmp(args[1], "userns") == 0;
	in.uid = (uint32_t)strtoull(args[2], NULL, 10);
	in.landlock = (int)strtol(args[3], NULL, 10);
	in.abstract = args[4];
	for (i = 0; i < PROBE_NAMESPACES; i++)
		outside[i] = args[5 + i];
	in.outside = outside;
	for (i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		f.text[0] = '\0';
		layers[i].attempt(&in, &f);
		(void)printf("%s %s%s%s\n", layers[i].name,
		    f.text[0] != '\0' ? "failed" :
		    strcmp(layers[i].name, "landlock") == 0 &&
		    in.landlock == 0 ? "absent" : "ok",
		    f.text[0] != '\0' ? " " : "", f.text);
	}
	(void)fflush(stdout);
	leave_one_behind();
	return 0;
}
