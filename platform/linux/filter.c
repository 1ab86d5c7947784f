/*
 * filter.c - what a seccomp filter of the agent's own processes is made of.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, gate.
 */
#include "platform/linux/filter.h"

#ifdef FILTER_ARCH

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_LOG
#define SECCOMP_FILTER_FLAG_LOG (1ul << 1)
#endif
/* x32: the same entry with this bit set, and other numbers. */
#define X32 0x40000000u

/* clang-format off */
/* Who tries these is somebody else. */
static const int foreign[] = {
	/* other programs and processes */
	SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv,
	SYS_process_vm_writev, SYS_kcmp,
#ifdef SYS_fork
	SYS_fork, SYS_vfork,
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
	/* files by their path, whoever's they are; by handle */
	SYS_mknodat, SYS_symlinkat, SYS_fchmodat, SYS_fchownat,
	SYS_utimensat, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr,
	SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr, SYS_truncate,
	SYS_name_to_handle_at, SYS_open_by_handle_at,
#ifdef SYS_chmod
	SYS_symlink, SYS_chmod, SYS_chown, SYS_lchown, SYS_mknod, SYS_utime,
	SYS_utimes, SYS_futimesat, SYS_creat,
#endif
	/* the kernel's own business */
	SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_add_key,
	SYS_request_key, SYS_keyctl, SYS_init_module, SYS_finit_module,
	SYS_delete_module, SYS_kexec_load, SYS_reboot, SYS_acct, SYS_quotactl,
	SYS_sethostname, SYS_setdomainname, SYS_settimeofday,
	SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_personality,
	SYS_syslog, SYS_vhangup, SYS_lookup_dcookie, SYS_mbind,
	SYS_set_mempolicy, SYS_migrate_pages, SYS_move_pages,
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

static const int newer[] = {
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

void
filter_add(struct filter *f, struct sock_filter instruction)
{
	if (f->n < FILTER_MAX)
		f->code[f->n++] = instruction;
}

void
filter_deny(struct filter *f, const int *calls, size_t n, uint32_t error)
{
	size_t i;

	for (i = 0; i < n; i++) {
		ADD(f, IF_EQUAL((uint32_t)calls[i], 0, 1));
		ADD(f, DENY(error));
	}
}

void
filter_allow(struct filter *f, const int *calls, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		ADD(f, IF_EQUAL((uint32_t)calls[i], 0, 1));
		ADD(f, ALLOW);
	}
}

void
filter_begin(struct filter *f)
{
	f->n = 0;
	ADD(f, LOAD(arch));
	ADD(f, IF_EQUAL(FILTER_ARCH, 1, 0));
	ADD(f, RETURN(SECCOMP_RET_KILL_PROCESS));
	ADD(f, LOAD(nr));
#if defined(__x86_64__)
	ADD(f, IF_FROM(X32, 0, 1));
	ADD(f, RETURN(SECCOMP_RET_KILL_PROCESS));
#endif
	filter_deny(f, newer, sizeof(newer) / sizeof(newer[0]), ENOSYS);
}

void
filter_deny_foreign(struct filter *f)
{
	filter_deny(f, foreign, sizeof(foreign) / sizeof(foreign[0]), EPERM);
}

bool
filter_install(struct filter *f, bool open, bool logged)
{
	struct sock_fprog program;

	ADD(f, RETURN(open ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | ENOSYS));
	program.len = f->n;
	program.filter = f->code;
	if (f->n == FILTER_MAX)
		return false;
	if (logged && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_LOG, &program) == 0)
		return true;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

#endif
