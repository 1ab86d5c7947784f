/*
 * confine.c - what the courier gives up: system calls, files, limits.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier.
 *
 * Two walls, each enough for most: a seccomp filter, and Landlock where the
 * kernel has it.
 */
#include "platform/privileges.h"

#include "platform/linux/filter.h"
#include "platform/linux/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DESCRIPTORS 256

#ifdef FILTER_ARCH

/* ---- the filter ---------------------------------------------------------- */

/* clang-format off */
/* Calls that a network client does not need, answered with EPERM, besides
 * those that nobody confined does. */
static const int denied[] = {
	/* other processes */
	SYS_kill,
#ifdef SYS_pidfd_open
	SYS_pidfd_open,
#endif
#ifdef SYS_pidfd_send_signal
	SYS_pidfd_send_signal,
#endif
	/* changing files */
	SYS_mkdirat, SYS_unlinkat, SYS_linkat, SYS_fchmod, SYS_fchown,
	SYS_renameat2, SYS_fallocate,
#ifdef SYS_renameat
	SYS_renameat,
#endif
#ifdef SYS_rename
	SYS_rename, SYS_mkdir, SYS_rmdir, SYS_link, SYS_unlink,
#endif
	/* being a server, or something else than TCP and UDP */
	SYS_listen, SYS_accept, SYS_accept4, SYS_socketpair, SYS_memfd_create,
};

/*
 * What a network client with threads, timers and a resolver calls, under both C
 * libraries. Whatever is in none of these tables is answered with ENOSYS: a
 * newer call than this list has an older one that does.
 */
static const int allowed[] = {
	/* what is open */
	SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_lseek,
	SYS_close, SYS_fcntl, SYS_ioctl, SYS_dup, SYS_dup3, SYS_pipe2,
	SYS_fstat, SYS_getdents64,
#ifdef SYS_close_range
	SYS_close_range,
#endif
	/* files to look at; opening is below */
	SYS_newfstatat, SYS_faccessat, SYS_readlinkat, SYS_getcwd,
#ifdef SYS_statx
	SYS_statx,
#endif
#ifdef SYS_open
	SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_dup2, SYS_pipe,
	SYS_poll, SYS_select, SYS_epoll_create, SYS_epoll_wait, SYS_time,
	SYS_arch_prctl, SYS_getrlimit,
#endif
	/* waiting */
	SYS_ppoll, SYS_pselect6, SYS_epoll_create1, SYS_epoll_ctl,
	SYS_epoll_pwait, SYS_eventfd2, SYS_timerfd_create,
	SYS_timerfd_settime, SYS_timerfd_gettime, SYS_signalfd4,
	SYS_nanosleep, SYS_clock_nanosleep, SYS_restart_syscall,
	/* the network; which sockets is below */
	SYS_connect, SYS_bind, SYS_getsockname, SYS_getpeername, SYS_sendto,
	SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_sendmmsg, SYS_recvmmsg,
	SYS_shutdown, SYS_setsockopt, SYS_getsockopt,
	/* memory and threads; which clones is below */
	SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_brk,
	SYS_mlock, SYS_munlock, SYS_futex, SYS_set_robust_list,
	SYS_get_robust_list, SYS_set_tid_address, SYS_gettid, SYS_sched_yield,
	SYS_sched_getaffinity, SYS_membarrier, SYS_exit, SYS_exit_group,
#ifdef SYS_mlock2
	SYS_mlock2,
#endif
#ifdef SYS_rseq
	SYS_rseq,
#endif
	/* signals to itself, and its limits */
	SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn,
	SYS_sigaltstack, SYS_tgkill, SYS_tkill, SYS_prlimit64, SYS_setrlimit,
	SYS_getrusage, SYS_prctl, SYS_seccomp,
	/* who and when it is */
	SYS_getpid, SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid,
	SYS_getegid, SYS_getresuid, SYS_getresgid, SYS_getgroups, SYS_capget,
	SYS_uname, SYS_sysinfo, SYS_clock_gettime, SYS_clock_getres,
	SYS_gettimeofday, SYS_getrandom, SYS_times,
};

/* clang-format on */

#define N(list) (sizeof(list) / sizeof((list)[0]))

/*
 * Opening to write, to create or to cut is refused; flags is the number of the
 * argument that has them.
 */
static void
add_open(struct filter *f, int number, unsigned flags)
{
	ADD(f, IF_EQUAL((uint32_t)number, 0, 4));
	ADD(f, LOAD_ARG(flags));
	ADD(f, IF_ANY_BIT(O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, 0, 1));
	ADD(f, DENY(EACCES));
	ADD(f, ALLOW);
}

static bool
set_seccomp(void)
{
	struct filter f;

	filter_begin(&f);
	filter_deny_foreign(&f);
	filter_deny(&f, denied, N(denied), EPERM);
	/* Threads, but no processes. */
	ADD(&f, IF_EQUAL(SYS_clone, 0, 4));
	ADD(&f, LOAD_ARG(0));
	ADD(&f, IF_ANY_BIT(0x00010000 /* CLONE_THREAD */, 1, 0));
	ADD(&f, DENY(EPERM));
	ADD(&f, ALLOW);
	/* Internet sockets only: no Unix, netlink, packet, vsock ones. */
	ADD(&f, IF_EQUAL(SYS_socket, 0, 5));
	ADD(&f, LOAD_ARG(0));
	ADD(&f, IF_EQUAL(AF_INET, 2, 0));
	ADD(&f, IF_EQUAL(AF_INET6, 1, 0));
	ADD(&f, DENY(EAFNOSUPPORT));
	ADD(&f, ALLOW);
#ifdef SYS_open
	add_open(&f, SYS_open, 1);
#endif
	add_open(&f, SYS_openat, 2);
	filter_allow(&f, allowed, N(allowed));
	/* libuv asks for rings at each start. */
	return filter_install(&f, false, false);
}

#else /* a processor whose numbers were not looked at */

static bool
set_seccomp(void)
{
	return false;
}

#endif

/* ---- Landlock ------------------------------------------------------------ */

/*
 * What it reads: /etc, the folder in which /etc/resolv.conf really lies, and
 * where mbedTLS takes its random numbers from if the C library is musl. No port
 * of its own, no abstract sockets, no signals to outside.
 */
static bool
set_landlock(int abi)
{
	const uint64_t read = LANDLOCK_READ_FILE | LANDLOCK_READ_DIR;
	struct landlock_rule rules[3] = {
		{ "/etc", read }, { "/dev/urandom", LANDLOCK_READ_FILE },
	};
	const struct landlock_walls walls = { LANDLOCK_BIND,
	    LANDLOCK_ABSTRACT | LANDLOCK_SIGNALS };
	char *path = realpath("/etc/resolv.conf", NULL), *slash;
	size_t n = 2;
	int error;

	if (path != NULL && (slash = strrchr(path, '/')) != NULL &&
	    slash != path) {
		*slash = '\0';
		rules[n++] = (struct landlock_rule){ path, read };
	}
	error = landlock_confine(rules, n, &walls, abi);
	free(path);
	return error == 0;
}

static bool
limit_cores(void)
{
	const struct rlimit none = { 0, 0 };

	return setrlimit(RLIMIT_CORE, &none) == 0;
}

static bool
limit_descriptors(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return false;
	/* A lower limit that we were given stays. */
	if (l.rlim_max > DESCRIPTORS)
		l.rlim_max = DESCRIPTORS;
	l.rlim_cur = l.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &l) == 0;
}

int
privileges_confine_courier(struct confinement *ret_c)
{
	struct confinement c = { .no_new_privs = true };
	int abi;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    !limit_cores() || !limit_descriptors())
		return ERR_IO;
	abi = landlock_abi();
	c.landlock = abi > 0 && set_landlock(abi);
	c.landlock_abi = c.landlock ? abi : 0;
	/* Last: it refuses what the rest is made of. */
	c.seccomp = set_seccomp();
	*ret_c = c;
	return 0;
}
