/*
 * guard.c - what the gate gives up.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * capabilities(7): execve() of a program by user 0 gives all of the bounding
 * set, which stays whole. prctl(2), PR_SET_MDWE.
 */
#include "platform/guard.h"

#include "platform/linux/filter.h"
#include "platform/linux/landlock.h"
#include "platform/starter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif
#define REFUSE_EXEC_GAIN 1ul
#define NO_INHERIT 2ul

#define CAP(x) (UINT64_C(1) << (x))

/* Without a starter, or until all is open; and then: what ends the pens'
 * processes, and memory that is not swapped. */
static const uint64_t kept = CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) |
    CAP(CAP_FOWNER) | CAP(CAP_KILL) | CAP(CAP_SETGID) | CAP(CAP_SETUID) |
    CAP(CAP_IPC_LOCK);
static const uint64_t kept_to_the_end = CAP(CAP_KILL) | CAP(CAP_IPC_LOCK);

static bool
keep_few(uint64_t few)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3];
	unsigned i;

	memset(d, 0, sizeof(d));
	if (syscall(SYS_capget, &head, d) != 0)
		return false;
	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		d[i].permitted &= (uint32_t)(few >> (32 * i));
		d[i].effective &= d[i].permitted;
		d[i].inheritable = 0;
	}
	return syscall(SYS_capset, &head, d) == 0;
}

/* ---- the filter ---------------------------------------------------------- */

#ifdef FILTER_ARCH

/* clang-format off */
/*
 * Others' processes and sockets; rights of its own that it has no more. And the
 * mode of what is open: programs are, and account files, to be read.
 */
static const int denied[] = {
	SYS_clone, SYS_socket, SYS_bind, SYS_listen, SYS_prctl, SYS_seccomp,
	SYS_prlimit64, SYS_setrlimit, SYS_setsid, SYS_setpgid,
	SYS_setpriority, SYS_sched_setscheduler, SYS_chdir, SYS_fchdir,
	SYS_fchmod, SYS_fchown, SYS_umask, SYS_inotify_init1,
	SYS_fanotify_init, SYS_shmget, SYS_msgget, SYS_semget, SYS_mq_open,
};

/*
 * All that the gate does once it is confined, under both C libraries: files of
 * its folder, pipes and sockets that are open, memory files for the runner, the
 * loop. connect(2) is for the log's datagram socket, which is open: there is
 * no way to a new one.
 */
static const int allowed[] = {
	/* what is open */
	SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64,
	SYS_preadv, SYS_pwritev, SYS_lseek, SYS_close, SYS_fcntl, SYS_dup,
	SYS_dup3, SYS_pipe2, SYS_fstat, SYS_getdents64, SYS_ftruncate,
	SYS_fallocate, SYS_fsync, SYS_fdatasync, SYS_flock,
	SYS_fstatfs, SYS_fadvise64, SYS_memfd_create,
#ifdef SYS_close_range
	SYS_close_range,
#endif
	/* files; which is Landlock's matter */
	SYS_openat, SYS_newfstatat, SYS_faccessat, SYS_readlinkat, SYS_getcwd,
	SYS_statfs, SYS_mkdirat, SYS_unlinkat, SYS_linkat, SYS_renameat2,
#ifdef SYS_renameat
	SYS_renameat,
#endif
#ifdef SYS_statx
	SYS_statx,
#endif
#ifdef SYS_open
	SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_mkdir,
	SYS_rmdir, SYS_unlink, SYS_link, SYS_rename, SYS_dup2, SYS_pipe,
	SYS_poll, SYS_select, SYS_epoll_wait, SYS_time, SYS_getrlimit,
#endif
	/* waiting */
	SYS_ppoll, SYS_pselect6, SYS_epoll_create1, SYS_epoll_ctl,
	SYS_epoll_pwait, SYS_eventfd2, SYS_timerfd_create,
	SYS_timerfd_settime, SYS_timerfd_gettime, SYS_nanosleep,
	SYS_clock_nanosleep, SYS_restart_syscall,
	/* sockets that are there; which pairs is below */
	SYS_accept4, SYS_connect, SYS_getsockname, SYS_getpeername, SYS_sendto,
	SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_shutdown, SYS_setsockopt,
	SYS_getsockopt,
	/* memory, which is never code: below */
	SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk, SYS_mlock, SYS_munlock,
	SYS_futex, SYS_set_robust_list, SYS_gettid, SYS_sched_yield,
	SYS_exit, SYS_exit_group,
#ifdef SYS_mlock2
	SYS_mlock2,
#endif
#ifdef SYS_rseq
	SYS_rseq,
#endif
	/* signals: to what it had started, and of its own */
	SYS_kill, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn,
	SYS_sigaltstack, SYS_tgkill, SYS_tkill,
#ifdef SYS_pidfd_open
	SYS_pidfd_open,
#endif
#ifdef SYS_pidfd_send_signal
	SYS_pidfd_send_signal,
#endif
	/* who and when it is */
	SYS_getpid, SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid,
	SYS_getegid, SYS_getresuid, SYS_getresgid, SYS_getgroups,
	SYS_getrusage, SYS_uname, SYS_sysinfo, SYS_clock_gettime,
	SYS_clock_getres, SYS_gettimeofday, SYS_getrandom, SYS_times,
	SYS_sched_getaffinity,
};

/* What may be asked of a descriptor: nothing that changes a terminal. */
static const unsigned controls[] = { FIONBIO, FIONREAD, FIOCLEX, TCGETS,
	TIOCGWINSZ };
/* clang-format on */

#define N(list) (sizeof(list) / sizeof((list)[0]))

/* Pairs of sockets that stay connected: one of datagrams could be anew. */
static void
add_pair(struct filter *f)
{
	ADD(f, IF_EQUAL(SYS_socketpair, 0, 8));
	ADD(f, LOAD_ARG(0));
	ADD(f, IF_EQUAL(AF_UNIX, 0, 4));
	ADD(f, LOAD_ARG(1));
	ADD(f, AND(0xf));
	ADD(f, IF_EQUAL(SOCK_STREAM, 2, 0));
	ADD(f, IF_EQUAL(SOCK_SEQPACKET, 1, 0));
	ADD(f, DENY(EPERM));
	ADD(f, ALLOW);
}

/* That call, unless its third argument makes the memory code. */
static void
add_memory(struct filter *f, int number)
{
	ADD(f, IF_EQUAL((uint32_t)number, 0, 4));
	ADD(f, LOAD_ARG(2));
	ADD(f, IF_ANY_BIT(PROT_EXEC, 0, 1));
	ADD(f, DENY(EPERM));
	ADD(f, ALLOW);
}

static void
add_controls(struct filter *f)
{
	size_t i;

	ADD(f, IF_EQUAL(SYS_ioctl, 0, (uint8_t)(2 * N(controls) + 2)));
	ADD(f, LOAD_ARG(1));
	for (i = 0; i < N(controls); i++) {
		ADD(f, IF_EQUAL(controls[i], 0, 1));
		ADD(f, ALLOW);
	}
	ADD(f, DENY(ENOTTY));
}

static bool
set_seccomp(void)
{
	struct filter f;

	filter_begin(&f);
	filter_deny_foreign(&f);
	filter_deny(&f, denied, N(denied), EPERM);
	add_pair(&f);
	add_memory(&f, SYS_mmap);
	add_memory(&f, SYS_mprotect);
	add_controls(&f);
	filter_allow(&f, allowed, N(allowed));
	return filter_install(&f, false, true);
}

/* Only one way into the kernel, and no rings that a later filter cannot see. */
static void
set_first_filter(void)
{
	struct filter f;

	filter_begin(&f);
	(void)filter_install(&f, true, false);
}

#else /* a processor whose numbers were not looked at */

static void
set_first_filter(void)
{
}

static bool
set_seccomp(void)
{
	return false;
}

#endif

/* ---- Landlock ------------------------------------------------------------ */

/* The folder of a path, or false. */
static bool
folder_of(const char *path, char ret_folder[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t n = slash != NULL ? (size_t)(slash - path) : 0;

	if (slash == NULL || n + 1 >= PATH_MAX)
		return false;
	memcpy(ret_folder, path, n);
	ret_folder[n] = '\0';
	if (n == 0)
		memcpy(ret_folder, "/", 2);
	return true;
}

static bool
set_landlock(const struct guard_places *at, int abi)
{
	const uint64_t own = LANDLOCK_READ_FILE | LANDLOCK_READ_DIR |
	    LANDLOCK_WRITE_FILE | LANDLOCK_TRUNCATE | LANDLOCK_MAKE_REG |
	    LANDLOCK_MAKE_DIR | LANDLOCK_REMOVE_FILE | LANDLOCK_REMOVE_DIR |
	    LANDLOCK_REFER;
	const uint64_t group = LANDLOCK_READ_FILE | LANDLOCK_READ_DIR |
	    LANDLOCK_WRITE_FILE | LANDLOCK_MAKE_DIR | LANDLOCK_REMOVE_DIR;
	/* Signals go out: to runners, and to what is in pens. */
	const struct landlock_walls walls = {
	    LANDLOCK_BIND | LANDLOCK_CONNECT, LANDLOCK_ABSTRACT };
	const char *folders[PLAN_CGROUPS_MAX];
	struct landlock_rule rules[3 + PLAN_CGROUPS_MAX];
	char folder[PATH_MAX];
	size_t i, n = 0, groups;

	rules[n++] = (struct landlock_rule){ at->state, own };
	/* The log's socket, where the system has it. */
	rules[n++] = (struct landlock_rule){ "/", LANDLOCK_RESOLVE_UNIX };
	if (at->socket != NULL && folder_of(at->socket, folder))
		rules[n++] = (struct landlock_rule){ folder,
		    LANDLOCK_REMOVE_FILE };
	groups = at->pens != NULL ? pens_folders(at->pens, folders) : 0;
	for (i = 0; i < groups; i++)
		rules[n++] = (struct landlock_rule){ folders[i], group };
	return landlock_confine(rules, n, &walls, abi) == 0;
}

/* A hierarchy's topmost group may be written by nobody: by its mode. */
static bool
needs_override(const struct pens *pens)
{
	const char *folders[PLAN_CGROUPS_MAX];
	size_t i, n = pens != NULL ? pens_folders(pens, folders) : 0;
	struct stat st;

	for (i = 0; i < n; i++)
		if (stat(folders[i], &st) == 0 && (st.st_mode & S_IWUSR) == 0)
			return true;
	return false;
}

/* An older kernel knows only the kind that children inherit. */
static bool
forgo_code(void)
{
	return prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN | NO_INHERIT, 0, 0, 0) == 0;
}

void
guard_starter(void)
{
	(void)keep_few(kept);
	(void)forgo_code();
}

void
guard_gate(struct guard *ret_g)
{
	struct guard g = { .starter = starter_is_there() };

	g.capabilities = keep_few(kept);
	g.no_new_code = forgo_code();
	if (g.starter)
		g.no_new_privs = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
	if (g.no_new_privs)
		set_first_filter();
	*ret_g = g;
}

void
guard_confine(const struct guard_places *at, struct guard *io_g)
{
	const uint64_t few = kept_to_the_end | (needs_override(at->pens) ?
	    CAP(CAP_DAC_OVERRIDE) : 0);
	int abi = landlock_abi();

	if (!starter_is_there())
		return;
	/* Its own files are its own without any change of theirs. */
	(void)umask(077);
	/* Lines of the log have local time, of a file that is far away then. */
	tzset();
	if (!keep_few(few))
		io_g->capabilities = false;
	if (abi > 0 && io_g->no_new_privs && set_landlock(at, abi))
		io_g->landlock = abi;
	/* Changed rights had it forgotten, for all we know. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* Last: it refuses what the rest is made of. */
	io_g->seccomp = io_g->no_new_privs && set_seccomp();
}
