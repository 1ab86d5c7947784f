/*
 * confine.c - what the courier gives up: system calls, files, limits.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier.
 *
 * Two walls, each enough for most: a seccomp filter, and Landlock where the
 * kernel has it. seccomp(2), Documentation/userspace-api/{seccomp_filter,
 * landlock}.rst of the kernel.
 */
#include "platform/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DESCRIPTORS 256

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef ARCH

/* ---- the filter ---------------------------------------------------------- */

/* clang-format off */
/* Calls that a network client does not need, answered with EPERM: who tries
 * them is somebody else. */
static const int denied[] = {
	/* other programs and processes */
	SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv,
	SYS_process_vm_writev, SYS_kcmp, SYS_kill,
#ifdef SYS_fork
	SYS_fork, SYS_vfork,
#endif
#ifdef SYS_pidfd_open
	SYS_pidfd_open,
#endif
#ifdef SYS_pidfd_send_signal
	SYS_pidfd_send_signal,
#endif
#ifdef SYS_pidfd_getfd
	SYS_pidfd_getfd,
#endif
	/* namespaces, mounts, roots */
	SYS_unshare, SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root,
	SYS_chroot, SYS_swapon, SYS_swapoff,
#ifdef SYS_open_tree
	SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount,
	SYS_fspick,
#endif
#ifdef SYS_mount_setattr
	SYS_mount_setattr,
#endif
	/* changing files */
	SYS_truncate, SYS_mkdirat, SYS_mknodat, SYS_unlinkat, SYS_linkat,
	SYS_symlinkat, SYS_fchmod, SYS_fchmodat, SYS_fchown, SYS_fchownat,
	SYS_utimensat, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr,
	SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr, SYS_renameat2,
	SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_fallocate,
#ifdef SYS_renameat
	SYS_renameat,
#endif
#ifdef SYS_rename
	SYS_rename, SYS_mkdir, SYS_rmdir, SYS_creat, SYS_link, SYS_unlink,
	SYS_symlink, SYS_chmod, SYS_chown, SYS_lchown, SYS_mknod, SYS_utime,
	SYS_utimes, SYS_futimesat,
#endif
	/* being a server, or something else than TCP and UDP */
	SYS_listen, SYS_accept, SYS_accept4, SYS_socketpair,
	/* the kernel's own business */
	SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_add_key,
	SYS_request_key, SYS_keyctl, SYS_init_module, SYS_finit_module,
	SYS_delete_module, SYS_kexec_load, SYS_reboot, SYS_acct, SYS_quotactl,
	SYS_sethostname, SYS_setdomainname, SYS_settimeofday,
	SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_personality,
	SYS_syslog, SYS_vhangup, SYS_lookup_dcookie, SYS_memfd_create,
	SYS_mbind, SYS_set_mempolicy, SYS_migrate_pages, SYS_move_pages,
#ifdef SYS_kexec_file_load
	SYS_kexec_file_load,
#endif
#ifdef SYS_iopl
	SYS_iopl, SYS_ioperm, SYS_modify_ldt,
#endif
	/* being somebody else */
	SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid,
	SYS_setresgid, SYS_setgroups, SYS_setfsuid, SYS_setfsgid, SYS_capset,
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

/* Calls answered with ENOSYS, so that the C library takes the older way, whose
 * arguments a filter can see. */
static const int unknown[] = {
	SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
#ifdef SYS_clone3
	SYS_clone3,
#else
	435,
#endif
#ifdef SYS_openat2
	SYS_openat2,
#else
	437,
#endif
};
/* clang-format on */

#define FILTER_MAX 1024
#define LOAD(field)							\
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS,				\
	    (uint32_t)offsetof(struct seccomp_data, field))
/* The lower half of an argument: where it lies is the byte order's matter. */
#define LOAD_ARG(i)							\
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS,				\
	    (uint32_t)offsetof(struct seccomp_data, args[i]))
#define RETURN(v) BPF_STMT(BPF_RET | BPF_K, (v))
#define DENY(error) RETURN(SECCOMP_RET_ERRNO | (error))
#define IF_EQUAL(v, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (v), yes, no)
#define IF_ANY_BIT(v, yes, no)						\
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (v), yes, no)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "LOAD_ARG reads the lower half first");

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short n;
};

static void
add(struct filter *f, struct sock_filter instruction)
{
	if (f->n < FILTER_MAX)
		f->code[f->n++] = instruction;
}

#define ADD(f, ...) add((f), (struct sock_filter)__VA_ARGS__)

/* The call's number is loaded: answers it with error if it is that one. */
static void
add_denied(struct filter *f, int number, uint32_t error)
{
	ADD(f, IF_EQUAL((uint32_t)number, 0, 1));
	ADD(f, DENY(error));
}

/* The same for one that may be made. */
static void
add_allowed(struct filter *f, int number)
{
	ADD(f, IF_EQUAL((uint32_t)number, 0, 1));
	ADD(f, RETURN(SECCOMP_RET_ALLOW));
}

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
	ADD(f, RETURN(SECCOMP_RET_ALLOW));
}

static void
build_filter(struct filter *f)
{
	size_t i;

	f->n = 0;
	ADD(f, LOAD(arch));
	ADD(f, IF_EQUAL(ARCH, 1, 0));
	ADD(f, RETURN(SECCOMP_RET_KILL_PROCESS));
	ADD(f, LOAD(nr));
#if defined(__x86_64__)
	/* x32: the same entry with bit 30 set, and other numbers. */
	ADD(f, BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000u, 0, 1));
	ADD(f, RETURN(SECCOMP_RET_KILL_PROCESS));
#endif
	for (i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		add_denied(f, denied[i], EPERM);
	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		add_denied(f, unknown[i], ENOSYS);
	/* Threads, but no processes. */
	ADD(f, IF_EQUAL(SYS_clone, 0, 4));
	ADD(f, LOAD_ARG(0));
	ADD(f, IF_ANY_BIT(0x00010000 /* CLONE_THREAD */, 1, 0));
	ADD(f, DENY(EPERM));
	ADD(f, RETURN(SECCOMP_RET_ALLOW));
	/* Internet sockets only: no Unix, netlink, packet, vsock ones. */
	ADD(f, IF_EQUAL(SYS_socket, 0, 5));
	ADD(f, LOAD_ARG(0));
	ADD(f, IF_EQUAL(AF_INET, 2, 0));
	ADD(f, IF_EQUAL(AF_INET6, 1, 0));
	ADD(f, DENY(EAFNOSUPPORT));
	ADD(f, RETURN(SECCOMP_RET_ALLOW));
#ifdef SYS_open
	add_open(f, SYS_open, 1);
#endif
	add_open(f, SYS_openat, 2);
	for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		add_allowed(f, allowed[i]);
	ADD(f, DENY(ENOSYS));
}

static bool
set_seccomp(void)
{
	struct filter f;
	struct sock_fprog program;

	build_filter(&f);
	program.len = f.n;
	program.filter = f.code;
	return f.n < FILTER_MAX && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
	    &program, 0, 0) == 0;
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
 * Of the kernel's landlock.h, which is often older than the kernel. Bits of
 * handled_access_fs in the order in which versions brought them.
 */
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_ALL_V1 ((1ull << 13) - 1)	/* execute … make_sym */
#define FS_REFER (1ull << 13)		/* version 2 */
#define FS_TRUNCATE (1ull << 14)	/* 3 */
#define FS_IOCTL_DEV (1ull << 15)	/* 5 */
#define NET_BIND_TCP (1ull << 0)	/* 4 */
#define SCOPE_ABSTRACT (1ull << 0)	/* 6: abstract Unix sockets */
#define SCOPE_SIGNAL (1ull << 1)	/* 6: signals to outside */
#define RULE_PATH 1
#define CREATE_VERSION 1u

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

struct ruleset {
	uint64_t fs;
	uint64_t net;		/* from version 4 */
	uint64_t scoped;	/* from version 6 */
};

struct path_rule {
	uint64_t allowed;
	int32_t folder;
} __attribute__((packed));

/* The size of struct ruleset that a version knows. */
static size_t
ruleset_size(int abi)
{
	return abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
}

/* Lets files at and below path be read; one that is not there needs no rule. */
static bool
allow_reading(int ruleset, const char *path)
{
	struct path_rule rule = { .allowed = FS_READ_FILE | FS_READ_DIR };
	long r;

	rule.folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rule.folder < 0)
		return errno == ENOENT;
	r = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &rule, 0);
	(void)close(rule.folder);
	return r == 0;
}

/* The folder in which /etc/resolv.conf really lies. */
static bool
allow_resolver(int ruleset)
{
	char *path = realpath("/etc/resolv.conf", NULL), *slash;
	bool ok = true;

	if (path != NULL && (slash = strrchr(path, '/')) != NULL &&
	    slash != path) {
		*slash = '\0';
		ok = allow_reading(ruleset, path);
	}
	free(path);
	return ok;
}

/* mbedTLS takes its random numbers from there where the C library is musl. */
static bool
allow_random(int ruleset)
{
	struct path_rule rule = { .allowed = FS_READ_FILE };
	long r;

	rule.folder = open("/dev/urandom", O_PATH | O_CLOEXEC);
	if (rule.folder < 0)
		return errno == ENOENT;
	r = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &rule, 0);
	(void)close(rule.folder);
	return r == 0;
}

static bool
set_landlock(int abi)
{
	struct ruleset rules = { .fs = FS_ALL_V1 };
	bool ok;
	int fd;

	if (abi >= 2)
		rules.fs |= FS_REFER;
	if (abi >= 3)
		rules.fs |= FS_TRUNCATE;
	if (abi >= 4)
		rules.net = NET_BIND_TCP;
	if (abi >= 5)
		rules.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		rules.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules,
	    ruleset_size(abi), 0);
	if (fd < 0)
		return false;
	ok = allow_reading(fd, "/etc") && allow_resolver(fd) &&
	    allow_random(fd) &&
	    syscall(SYS_landlock_restrict_self, fd, 0) == 0;
	(void)close(fd);
	return ok;
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
	long abi;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    !limit_cores() || !limit_descriptors())
		return ERR_IO;
	abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
	c.landlock = abi > 0 && set_landlock((int)abi);
	c.landlock_abi = c.landlock ? (int)abi : 0;
	/* Last: it refuses what the rest is made of. */
	c.seccomp = set_seccomp();
	*ret_c = c;
	return 0;
}
