/*
 * seccomp.c - the system calls that a confined payload is refused.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 *
 * seccomp(2); Documentation/userspace-api/seccomp_filter.rst of the kernel.
 * The kernel runs the filter over every call number once, when it is put in
 * place, to remember which are always allowed: so the numbers are searched by
 * halves and not one after the other.
 */
#include "platform/linux/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

/* clang-format off */
/*
 * Numbers: arch/x86/entry/syscalls/syscall_64.tbl and, for aarch64,
 * include/uapi/asm-generic/unistd.h.
 */
const struct seccomp_call seccomp_calls[] = {
	/* other processes */
	{ "ptrace",		{ 101, 117 },	SECCOMP_EPERM },
	{ "process_vm_readv",	{ 310, 270 },	SECCOMP_EPERM },
	{ "process_vm_writev",	{ 311, 271 },	SECCOMP_EPERM },
	{ "kcmp",		{ 312, 272 },	SECCOMP_EPERM },
	{ "pidfd_getfd",	{ 438, 438 },	SECCOMP_EPERM },
	{ "process_madvise",	{ 440, 440 },	SECCOMP_EPERM },
	{ "process_mrelease",	{ 448, 448 },	SECCOMP_EPERM },
	{ "migrate_pages",	{ 256, 238 },	SECCOMP_EPERM },
	{ "move_pages",		{ 279, 239 },	SECCOMP_EPERM },

	/* mounts, roots, namespaces */
	{ "mount",		{ 165, 40 },	SECCOMP_EPERM },
	{ "umount2",		{ 166, 39 },	SECCOMP_EPERM },
	{ "pivot_root",		{ 155, 41 },	SECCOMP_EPERM },
	{ "chroot",		{ 161, 51 },	SECCOMP_EPERM },
	{ "open_tree",		{ 428, 428 },	SECCOMP_EPERM },
	{ "move_mount",		{ 429, 429 },	SECCOMP_EPERM },
	{ "fsopen",		{ 430, 430 },	SECCOMP_EPERM },
	{ "fsconfig",		{ 431, 431 },	SECCOMP_EPERM },
	{ "fsmount",		{ 432, 432 },	SECCOMP_EPERM },
	{ "fspick",		{ 433, 433 },	SECCOMP_EPERM },
	{ "mount_setattr",	{ 442, 442 },	SECCOMP_EPERM },
	{ "unshare",		{ 272, 97 },	SECCOMP_EPERM },
	{ "setns",		{ 308, 268 },	SECCOMP_EPERM },
	{ "clone",		{ 56, 220 },	SECCOMP_CLONE },
	/* Their arguments lie in memory, where a filter cannot look; C
	 * libraries and programs take the older call then. */
	{ "clone3",		{ 435, 435 },	SECCOMP_ENOSYS },
	{ "openat2",		{ 437, 437 },	SECCOMP_ENOSYS },
	/* With CAP_DAC_READ_SEARCH it opens what a mount hides. */
	{ "open_by_handle_at",	{ 304, 265 },	SECCOMP_EPERM },

	/* set-id bits: outside of the sandbox they would count */
	{ "chmod",		{ 90, -1 },	SECCOMP_MODE_1 },
	{ "fchmod",		{ 91, 52 },	SECCOMP_MODE_1 },
	{ "fchmodat",		{ 268, 53 },	SECCOMP_MODE_2 },
	{ "fchmodat2",		{ 452, 452 },	SECCOMP_MODE_2 },
	{ "creat",		{ 85, -1 },	SECCOMP_MODE_1 },
	{ "mkdir",		{ 83, -1 },	SECCOMP_MODE_1 },
	{ "mkdirat",		{ 258, 34 },	SECCOMP_MODE_2 },
	{ "mknod",		{ 133, -1 },	SECCOMP_MODE_1 },
	{ "mknodat",		{ 259, 33 },	SECCOMP_MODE_2 },
	{ "open",		{ 2, -1 },	SECCOMP_OPEN_1 },
	{ "openat",		{ 257, 56 },	SECCOMP_OPEN_2 },

	/* the network and terminals */
	{ "socket",		{ 41, 198 },	SECCOMP_SOCKET },
	{ "socketpair",		{ 53, 199 },	SECCOMP_PAIR },
	{ "ioctl",		{ 16, 29 },	SECCOMP_IOCTL },
	{ "vhangup",		{ 153, 58 },	SECCOMP_EPERM },

	/* what all share: a lease on a file makes others wait for it, and of
	 * these there are only so many for the whole machine */
	{ "fcntl",		{ 72, 25 },	SECCOMP_FCNTL },
	{ "io_setup",		{ 206, 0 },	SECCOMP_ENOSYS },
	{ "inotify_init",	{ 253, -1 },	SECCOMP_INOTIFY },
	{ "inotify_init1",	{ 294, 26 },	SECCOMP_INOTIFY },
	{ "mmap",		{ 9, 222 },	SECCOMP_MAP },
	{ "memfd_create",	{ 319, 279 },	SECCOMP_HUGE_FILE },
	{ "shmget",		{ 29, 194 },	SECCOMP_HUGE_SHARED },
	{ "setrlimit",		{ 160, 164 },	SECCOMP_LIMIT },
	{ "prlimit64",		{ 302, 261 },	SECCOMP_LIMIT_OF },

	/* the kernel's own business, and wide doors into it */
	{ "bpf",		{ 321, 280 },	SECCOMP_EPERM },
	{ "perf_event_open",	{ 298, 241 },	SECCOMP_EPERM },
	{ "userfaultfd",	{ 323, 282 },	SECCOMP_EPERM },
	{ "io_uring_setup",	{ 425, 425 },	SECCOMP_EPERM },
	{ "io_uring_enter",	{ 426, 426 },	SECCOMP_EPERM },
	{ "io_uring_register",	{ 427, 427 },	SECCOMP_EPERM },
	{ "add_key",		{ 248, 217 },	SECCOMP_EPERM },
	{ "request_key",	{ 249, 218 },	SECCOMP_EPERM },
	{ "keyctl",		{ 250, 219 },	SECCOMP_EPERM },
	{ "init_module",	{ 175, 105 },	SECCOMP_EPERM },
	{ "finit_module",	{ 313, 273 },	SECCOMP_EPERM },
	{ "delete_module",	{ 176, 106 },	SECCOMP_EPERM },
	{ "create_module",	{ 174, -1 },	SECCOMP_EPERM },
	{ "kexec_load",		{ 246, 104 },	SECCOMP_EPERM },
	{ "kexec_file_load",	{ 320, 294 },	SECCOMP_EPERM },
	{ "reboot",		{ 169, 142 },	SECCOMP_EPERM },
	{ "syslog",		{ 103, 116 },	SECCOMP_EPERM },
	{ "acct",		{ 163, 89 },	SECCOMP_EPERM },
	{ "swapon",		{ 167, 224 },	SECCOMP_EPERM },
	{ "swapoff",		{ 168, 225 },	SECCOMP_EPERM },
	{ "quotactl",		{ 179, 60 },	SECCOMP_EPERM },
	{ "quotactl_fd",	{ 443, 443 },	SECCOMP_EPERM },
	{ "fanotify_init",	{ 300, 262 },	SECCOMP_EPERM },
	{ "memfd_secret",	{ 447, 447 },	SECCOMP_EPERM },
	{ "lookup_dcookie",	{ 212, 18 },	SECCOMP_EPERM },
	{ "nfsservctl",		{ 180, 42 },	SECCOMP_EPERM },
	{ "_sysctl",		{ 156, -1 },	SECCOMP_EPERM },
	{ "uselib",		{ 134, -1 },	SECCOMP_EPERM },
	{ "iopl",		{ 172, -1 },	SECCOMP_EPERM },
	{ "ioperm",		{ 173, -1 },	SECCOMP_EPERM },
	{ "modify_ldt",		{ 154, -1 },	SECCOMP_EPERM },
	{ "personality",	{ 135, 92 },	SECCOMP_PERSONALITY },
	{ "sethostname",	{ 170, 161 },	SECCOMP_EPERM },
	{ "setdomainname",	{ 171, 162 },	SECCOMP_EPERM },
	{ "settimeofday",	{ 164, 170 },	SECCOMP_EPERM },
	{ "clock_settime",	{ 227, 112 },	SECCOMP_EPERM },
	{ "adjtimex",		{ 159, 171 },	SECCOMP_EPERM },
	{ "clock_adjtime",	{ 305, 266 },	SECCOMP_EPERM },
};
/* clang-format on */

const size_t seccomp_n_calls =
    sizeof(seccomp_calls) / sizeof(seccomp_calls[0]);

/*
 * Numbers that no kernel of that processor uses, or only ones newer than this
 * table: what comes there some day was not looked at. Between the end of each
 * processor's own numbers and those that all have in common, and from the end.
 */
#define GAP_END 424
#define END 463
static const uint32_t gap_start[SECCOMP_ARCHES] = {
	[SECCOMP_X86_64] = 335, [SECCOMP_AARCH64] = 295,
};

static const uint32_t audit_arch[SECCOMP_ARCHES] = {
	[SECCOMP_X86_64] = AUDIT_ARCH_X86_64,
	[SECCOMP_AARCH64] = AUDIT_ARCH_AARCH64,
};

/* Numbers of the ABI, the same on both. */
#define CLONE_NEW_ALL 0x7e020000u	/* namespaces, except time's */
#define SET_ID_BITS 06000u
#define OPEN_MAKES 020000100u		/* O_CREAT, __O_TMPFILE */
#define FAMILY_UNIX 1u
#define FAMILY_INET 2u
#define FAMILY_INET6 10u
#define FAMILY_NETLINK 16u
#define TYPE_MASK 0xfu
#define TYPE_STREAM 1u
#define TYPE_DATAGRAM 2u
#define TYPE_SEQPACKET 5u
#define IOCTL_TIOCSTI 0x5412u
#define IOCTL_TIOCLINUX 0x541cu
#define IOCTL_TIOCSETD 0x5423u
#define IOCTL_BTRFS_SNAP 0x50009401u
#define IOCTL_BTRFS_SNAP_V2 0x50009417u
#define IOCTL_KEY_ADD 0xc0506617u	/* FS_IOC_ADD_ENCRYPTION_KEY */
#define IOCTL_KEY_REMOVE 0xc0406618u
#define FCNTL_SETLEASE 1024u
#define FCNTL_SETDELEG 1040u		/* the same for folders, Linux 6.19 */
#define MAP_HUGE 0x40000u		/* MAP_HUGETLB */
#define MAP_ANONYMOUS_BIT 0x20u
#define MAP_SHARED_BIT 1u		/* also of MAP_SHARED_VALIDATE */
#define LIMIT_CORE 4u			/* RLIMIT_CORE */
#define MEMFD_HUGE 4u			/* MFD_HUGETLB */
#define SHM_HUGE 04000u			/* SHM_HUGETLB */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "LOAD_ARG reads the lower half of an argument first");

#define LOAD(field)							\
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS,				\
	    (uint32_t)offsetof(struct seccomp_data, field))
#define LOAD_ARG(i)							\
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS,				\
	    (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (i)))
/* Its upper half. */
#define LOAD_ARG_HIGH(i)						\
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS,				\
	    (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (i) + 4))
#define RETURN(v) BPF_STMT(BPF_RET | BPF_K, (v))
#define DENY(error) RETURN(SECCOMP_RET_ERRNO | (error))
#define ALLOW RETURN(SECCOMP_RET_ALLOW)
#define AND(v) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (v))
#define GO(n) BPF_JUMP(BPF_JMP | BPF_JA, (n), 0, 0)
#define IF_EQUAL(v, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (v), yes, no)
#define IF_FROM(v, yes, no) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (v), yes, no)
#define IF_ANY_BIT(v, yes, no)						\
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (v), yes, no)

static void
add(struct seccomp_program *p, struct sock_filter instruction)
{
	/* One too many is noticed at the end. */
	if (p->n < SECCOMP_CODE_MAX)
		p->code[p->n] = instruction;
	p->n++;
}

#define ADD(p, ...) add((p), (struct sock_filter)__VA_ARGS__)

/* ---- calls whose arguments count ----------------------------------------- */

static void
add_socket(struct seccomp_program *p, const struct seccomp_policy *policy)
{
	ADD(p, LOAD_ARG(0));
	if (policy->unix_sockets) {
		ADD(p, IF_EQUAL(FAMILY_UNIX, 0, 1));
		ADD(p, ALLOW);
	}
	/* Netlink: what `ip`, `ss` and ethtool ask: routes, sockets, generic.
	 * The others are for those who manage the machine. */
	ADD(p, IF_EQUAL(FAMILY_NETLINK, 0, 6));
	ADD(p, LOAD_ARG(2));
	ADD(p, IF_EQUAL(0, 3, 0));
	ADD(p, IF_EQUAL(4, 2, 0));
	ADD(p, IF_EQUAL(16, 1, 0));
	ADD(p, DENY(EPROTONOSUPPORT));
	ADD(p, ALLOW);
	if (policy->internet) {
		ADD(p, IF_EQUAL(FAMILY_INET, 2, 0));
		ADD(p, IF_EQUAL(FAMILY_INET6, 1, 0));
		ADD(p, DENY(EAFNOSUPPORT));
		/* No raw ones, and none that are packet sockets by type. */
		ADD(p, LOAD_ARG(1));
		ADD(p, AND(TYPE_MASK));
		ADD(p, IF_EQUAL(TYPE_STREAM, 2, 0));
		ADD(p, IF_EQUAL(TYPE_DATAGRAM, 1, 0));
		ADD(p, DENY(EPERM));
		/* TCP, UDP, ping: not MPTCP, which Landlock does not see. */
		ADD(p, LOAD_ARG(2));
		ADD(p, IF_EQUAL(0, 5, 0));
		ADD(p, IF_EQUAL(6, 4, 0));
		ADD(p, IF_EQUAL(17, 3, 0));
		ADD(p, IF_EQUAL(1, 2, 0));
		ADD(p, IF_EQUAL(58, 1, 0));
		ADD(p, DENY(EPROTONOSUPPORT));
		ADD(p, ALLOW);
	}
	ADD(p, DENY(EAFNOSUPPORT));
}

/*
 * A pair of stream sockets is a pipe; one of datagram sockets can be connected
 * anew, and so is as good as any other.
 */
static void
add_pair(struct seccomp_program *p)
{
	ADD(p, LOAD_ARG(1));
	ADD(p, AND(TYPE_MASK));
	ADD(p, IF_EQUAL(TYPE_STREAM, 2, 0));
	ADD(p, IF_EQUAL(TYPE_SEQPACKET, 1, 0));
	ADD(p, DENY(EAFNOSUPPORT));
	ADD(p, LOAD_ARG(0));
	ADD(p, IF_EQUAL(FAMILY_UNIX, 1, 0));
	ADD(p, DENY(EAFNOSUPPORT));
	ADD(p, ALLOW);
}

static void
add_ioctl(struct seccomp_program *p)
{
	ADD(p, LOAD_ARG(1));
	ADD(p, IF_EQUAL(IOCTL_TIOCSTI, 7, 0));
	ADD(p, IF_EQUAL(IOCTL_TIOCLINUX, 6, 0));
	ADD(p, IF_EQUAL(IOCTL_TIOCSETD, 5, 0));
	/* A copy of what is masked, where it is not. */
	ADD(p, IF_EQUAL(IOCTL_BTRFS_SNAP, 4, 0));
	ADD(p, IF_EQUAL(IOCTL_BTRFS_SNAP_V2, 3, 0));
	/* Root's, without which its folders are ciphertext: asked of any file
	 * there, read-only or not. */
	ADD(p, IF_EQUAL(IOCTL_KEY_ADD, 2, 0));
	ADD(p, IF_EQUAL(IOCTL_KEY_REMOVE, 1, 0));
	ADD(p, ALLOW);
	ADD(p, DENY(EPERM));
}

static void
add_fcntl(struct seccomp_program *p)
{
	ADD(p, LOAD_ARG(1));
	ADD(p, IF_EQUAL(FCNTL_SETLEASE, 2, 0));
	ADD(p, IF_EQUAL(FCNTL_SETDELEG, 1, 0));
	ADD(p, ALLOW);
	ADD(p, DENY(EPERM));
}

/* As if all of that account's were in use. */
static void
add_inotify(struct seccomp_program *p, const struct seccomp_policy *policy)
{
	if (policy->root)
		ADD(p, DENY(EMFILE));
	else
		ADD(p, ALLOW);
}

/* That errno if that argument has one of those bits. */
static void
add_bits(struct seccomp_program *p, unsigned arg, uint32_t bits, uint32_t error)
{
	ADD(p, LOAD_ARG(arg));
	ADD(p, IF_ANY_BIT(bits, 1, 0));
	ADD(p, ALLOW);
	ADD(p, DENY(error));
}

static void
add_map(struct seccomp_program *p, const struct seccomp_policy *policy)
{
	/* As where no such pages are left. */
	if (!policy->no_shared_files) {
		add_bits(p, 3, MAP_HUGE, ENOMEM);
		return;
	}
	ADD(p, LOAD_ARG(3));
	ADD(p, IF_ANY_BIT(MAP_HUGE, 0, 1));
	ADD(p, DENY(ENOMEM));
	ADD(p, IF_ANY_BIT(MAP_ANONYMOUS_BIT, 1, 0));
	ADD(p, IF_ANY_BIT(MAP_SHARED_BIT, 1, 0));
	ADD(p, ALLOW);
	/* As on file systems that cannot. */
	ADD(p, DENY(ENODEV));
}

/*
 * Who sets its limit of core files wants none: there are none, and a lower one
 * would let the kernel start the program that takes them. So it is answered as
 * if it had been done. That of others is nobody's business.
 */
static void
add_limit(struct seccomp_program *p, unsigned resource)
{
	ADD(p, LOAD_ARG(resource));
	ADD(p, IF_EQUAL(LIMIT_CORE, 1, 0));
	ADD(p, ALLOW);
	if (resource > 0) {
		/* prlimit(2) may only ask. */
		ADD(p, LOAD_ARG(2));
		ADD(p, IF_EQUAL(0, 0, 3));
		ADD(p, LOAD_ARG_HIGH(2));
		ADD(p, IF_EQUAL(0, 0, 1));
		ADD(p, ALLOW);
		ADD(p, LOAD_ARG(0));
		ADD(p, IF_EQUAL(0, 1, 0));
		ADD(p, DENY(EPERM));
	}
	ADD(p, DENY(0));
}

/* Files that are opened have a mode only if they are made. */
static void
add_open(struct seccomp_program *p, unsigned flags)
{
	ADD(p, LOAD_ARG(flags));
	ADD(p, IF_ANY_BIT(OPEN_MAKES, 1, 0));
	ADD(p, ALLOW);
	add_bits(p, flags + 1, SET_ID_BITS, EPERM);
}

static void
add_personality(struct seccomp_program *p)
{
	ADD(p, LOAD_ARG(0));
	ADD(p, IF_EQUAL(0, 2, 0));
	/* Asks which it is. */
	ADD(p, IF_EQUAL(0xffffffffu, 1, 0));
	ADD(p, DENY(EPERM));
	ADD(p, ALLOW);
}

static void
add_rule(struct seccomp_program *p, enum seccomp_rule rule,
    const struct seccomp_policy *policy)
{
	switch (rule) {
	case SECCOMP_CLONE:
		add_bits(p, 0, CLONE_NEW_ALL, EPERM);
		break;
	case SECCOMP_SOCKET:
		add_socket(p, policy);
		break;
	case SECCOMP_PAIR:
		add_pair(p);
		break;
	case SECCOMP_IOCTL:
		add_ioctl(p);
		break;
	case SECCOMP_FCNTL:
		add_fcntl(p);
		break;
	case SECCOMP_INOTIFY:
		add_inotify(p, policy);
		break;
	case SECCOMP_MAP:
		add_map(p, policy);
		break;
	case SECCOMP_HUGE_FILE:
		add_bits(p, 1, MEMFD_HUGE, ENOMEM);
		break;
	case SECCOMP_HUGE_SHARED:
		add_bits(p, 2, SHM_HUGE, ENOMEM);
		break;
	case SECCOMP_LIMIT:
		add_limit(p, 0);
		break;
	case SECCOMP_LIMIT_OF:
		add_limit(p, 1);
		break;
	case SECCOMP_PERSONALITY:
		add_personality(p);
		break;
	case SECCOMP_MODE_1:
		add_bits(p, 1, SET_ID_BITS, EPERM);
		break;
	case SECCOMP_MODE_2:
		add_bits(p, 2, SET_ID_BITS, EPERM);
		break;
	case SECCOMP_OPEN_1:
		add_open(p, 1);
		break;
	case SECCOMP_OPEN_2:
		add_open(p, 2);
		break;
	case SECCOMP_ALLOW:
	case SECCOMP_EPERM:
	case SECCOMP_ENOSYS:
	case SECCOMP_RULES:
		/* Those need no look at arguments. */
		break;
	}
}

/* ---- from a number to its rule ------------------------------------------- */

/* Numbers from `start` to the next range's start have that rule. */
struct range {
	uint32_t start;
	enum seccomp_rule rule;
};

#define RANGES_MAX (2 * sizeof(seccomp_calls) / sizeof(seccomp_calls[0]) + 4)

struct ranges {
	struct range r[RANGES_MAX];
	size_t n;
};

/* From that number on; takes the place of a range of no length. */
static void
add_range(struct ranges *l, uint32_t start, enum seccomp_rule rule)
{
	if (l->n > 0 && l->r[l->n - 1].start == start)
		l->n--;
	if (l->n > 0 && l->r[l->n - 1].rule == rule)
		return;
	l->r[l->n++] = (struct range){ start, rule };
}

/* The table in the order of that processor's numbers. */
static size_t
sort_calls(enum seccomp_arch arch, struct range *ret_calls)
{
	size_t i, j, n = 0;
	struct range call;

	for (i = 0; i < seccomp_n_calls; i++) {
		if (seccomp_calls[i].number[arch] < 0)
			continue;
		call.start = (uint32_t)seccomp_calls[i].number[arch];
		call.rule = (enum seccomp_rule)seccomp_calls[i].rule;
		for (j = n++; j > 0 && ret_calls[j - 1].start > call.start;
		    j--)
			ret_calls[j] = ret_calls[j - 1];
		ret_calls[j] = call;
	}
	return n;
}

static void
make_ranges(enum seccomp_arch arch, struct ranges *l)
{
	struct range calls[RANGES_MAX];
	size_t i, n = sort_calls(arch, calls);
	bool gap = false;

	l->n = 0;
	add_range(l, 0, SECCOMP_ALLOW);
	for (i = 0; i < n; i++) {
		if (!gap && calls[i].start >= GAP_END) {
			add_range(l, gap_start[arch], SECCOMP_ENOSYS);
			add_range(l, GAP_END, SECCOMP_ALLOW);
			gap = true;
		}
		add_range(l, calls[i].start, calls[i].rule);
		add_range(l, calls[i].start + 1, SECCOMP_ALLOW);
	}
	add_range(l, END, SECCOMP_ENOSYS);
}

/* A filter in the making. */
struct draft {
	struct seccomp_program *p;
	const struct ranges *l;
	/* Jumps to the checks of a rule, to be aimed when those stand. */
	struct {
		unsigned at;
		enum seccomp_rule rule;
	} jumps[RANGES_MAX];
	size_t n_jumps;
};

static void
add_leaf(struct draft *d, enum seccomp_rule rule)
{
	if (rule == SECCOMP_ALLOW) {
		ADD(d->p, ALLOW);
	} else if (rule == SECCOMP_EPERM) {
		ADD(d->p, DENY(EPERM));
	} else if (rule == SECCOMP_ENOSYS) {
		ADD(d->p, DENY(ENOSYS));
	} else {
		d->jumps[d->n_jumps].at = d->p->n;
		d->jumps[d->n_jumps++].rule = rule;
		ADD(d->p, GO(0));
	}
}

/* How far a condition can jump by itself: it has eight bits for that. */
#define NEAR 255u

/* How many instructions add_search() makes of n ranges. */
static unsigned
count_search(size_t n)
{
	unsigned left;

	if (n == 1)
		return 1;
	left = count_search(n / 2);
	return (left <= NEAR ? 1 : 2) + left + count_search(n - n / 2);
}

/* The n ranges from first on, by halves. */
static void
add_search(struct draft *d, size_t first, size_t n)
{
	const struct range *middle = &d->l->r[first + n / 2];
	unsigned left;

	if (n == 1) {
		add_leaf(d, d->l->r[first].rule);
		return;
	}
	left = count_search(n / 2);
	if (left <= NEAR) {
		ADD(d->p, IF_FROM(middle->start, (uint8_t)left, 0));
	} else {
		ADD(d->p, IF_FROM(middle->start, 0, 1));
		ADD(d->p, GO(left));
	}
	add_search(d, first, n / 2);
	add_search(d, first + n / 2, n - n / 2);
}

/* Adds the checks of the rules that are jumped to, and aims the jumps. */
static void
add_checks(struct draft *d, const struct seccomp_policy *policy)
{
	unsigned at;
	size_t i, j;

	for (i = 0; i < d->n_jumps; i++) {
		for (j = 0; j < i; j++)
			if (d->jumps[j].rule == d->jumps[i].rule)
				break;
		if (j < i)
			continue;
		for (j = i; j < d->n_jumps; j++) {
			at = d->jumps[j].at;
			if (d->jumps[j].rule == d->jumps[i].rule &&
			    at < SECCOMP_CODE_MAX)
				d->p->code[at].k = d->p->n - at - 1u;
		}
		add_rule(d->p, d->jumps[i].rule, policy);
	}
}

int
seccomp_build(enum seccomp_arch arch, const struct seccomp_policy *policy,
    struct seccomp_program *ret_program)
{
	struct ranges l;
	struct draft d = { .p = ret_program, .l = &l };

	ret_program->n = 0;
	make_ranges(arch, &l);
	ADD(d.p, LOAD(arch));
	ADD(d.p, IF_EQUAL(audit_arch[arch], 1, 0));
	ADD(d.p, RETURN(SECCOMP_RET_KILL_PROCESS));
	ADD(d.p, LOAD(nr));
	add_search(&d, 0, l.n);
	add_checks(&d, policy);
	return d.p->n <= SECCOMP_CODE_MAX ? 0 : ERR_TOO_LARGE;
}

/* ---- into force ---------------------------------------------------------- */

#if defined(__x86_64__)
#define NATIVE SECCOMP_X86_64
#elif defined(__aarch64__)
#define NATIVE SECCOMP_AARCH64
#endif

#ifdef NATIVE
int
seccomp_enter(const struct seccomp_policy *policy)
{
	struct seccomp_program p;
	struct sock_fprog program;

	if (seccomp_build(NATIVE, policy, &p) != 0)
		return E2BIG;
	program.len = p.n;
	program.filter = p.code;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0 ?
	    errno : 0;
}
#else
int
seccomp_enter(const struct seccomp_policy *policy)
{
	(void)policy;
	return ENOTSUP;
}
#endif
