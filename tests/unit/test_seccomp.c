/*
 * test_seccomp.c - the filter of confined payloads, call by call, on both
 * processors, without a kernel.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "platform/linux/seccomp.h"
#include "tests/harness/test.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define ALLOWED SECCOMP_RET_ALLOW
#define ERRNO(e) (SECCOMP_RET_ERRNO | (uint32_t)(e))

static const uint32_t arches[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64 };

/*
 * Runs the filter as the kernel does (Documentation/networking/filter.rst),
 * as far as seccomp lets a filter go; anything else in it fails the test.
 */
static uint32_t
run(const struct seccomp_program *p, const struct seccomp_data *data)
{
	const struct sock_filter *i;
	uint32_t a = 0, steps = 0;
	size_t pc = 0;
	bool yes;

	for (;;) {
		CHECK_MSG(pc < p->n, "jumped to %zu of %u", pc, p->n);
		CHECK(steps++ < p->n);
		i = &p->code[pc++];
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			CHECK(i->k % 4 == 0 && i->k + 4 <= sizeof(*data));
			memcpy(&a, (const char *)data + i->k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			continue;
		case BPF_RET | BPF_K:
			return i->k;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == i->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= i->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			yes = (a & i->k) != 0;
			break;
		default:
			CHECK_MSG(false, "instruction %#x", i->code);
			return 0;
		}
		pc += yes ? i->jt : i->jf;
	}
}

/* What the filter for that processor says to a call with up to four
 * arguments. */
static uint32_t
ask(enum seccomp_arch arch, const struct seccomp_policy *policy, int number,
    const uint64_t args[4])
{
	struct seccomp_data data = { .nr = number, .arch = arches[arch] };
	struct seccomp_program p;

	memcpy(data.args, args, 4 * sizeof(*args));
	CHECK_INT(seccomp_build(arch, policy, &p), 0);
	return run(&p, &data);
}

static const uint64_t no_args[4];
static const struct seccomp_policy wide = { true, true, false, false };
static const struct seccomp_policy narrow = { false, false, true, false };

static int
number_of(const char *name, enum seccomp_arch arch)
{
	size_t i;

	for (i = 0; i < seccomp_n_calls; i++)
		if (strcmp(seccomp_calls[i].name, name) == 0)
			return seccomp_calls[i].number[arch];
	CHECK_MSG(false, "%s is not in the table", name);
	return -1;
}

/* ---- the table ----------------------------------------------------------- */

/* The kernel's own headers: "#define __NR_name number". */
static int
read_numbers(const char *path, char (*names)[40], int *numbers, int max)
{
	FILE *f = fopen(path, "r");
	char line[256], name[40];
	int n = 0, number;

	if (f == NULL)
		return 0;
	while (n < max && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "#define __NR_%39s %d", name, &number) != 2 &&
		    sscanf(line, "#define __NR3264_%39s %d", name,
		    &number) != 2)
			continue;
		(void)snprintf(names[n], sizeof(names[n]), "%s", name);
		numbers[n++] = number;
	}
	(void)fclose(f);
	return n;
}

static void
check_numbers(const char *const *paths, enum seccomp_arch arch)
{
	static char names[600][40];
	static int numbers[600];
	size_t i, found = 0;
	int j, n = 0;

	while (n == 0 && *paths != NULL)
		n = read_numbers(*paths++, names, numbers, 600);
	if (n == 0)
		SKIP("no header of the kernel with its numbers");
	CHECK(n > 250);
	for (i = 0; i < seccomp_n_calls; i++) {
		const struct seccomp_call *c = &seccomp_calls[i];

		for (j = 0; j < n; j++) {
			if (strcmp(names[j], c->name) == 0) {
				CHECK_MSG(numbers[j] == c->number[arch],
				    "%s is %d, not %d", c->name, numbers[j],
				    c->number[arch]);
				found++;
			} else {
				/* No other call by that number. */
				CHECK_MSG(numbers[j] != c->number[arch] ||
				    strncmp(names[j], "arch_specific", 13) == 0,
				    "%d is %s, not %s", numbers[j], names[j],
				    c->name);
			}
		}
	}
	/* Headers may be older than the newest calls. */
	CHECK_MSG(found + 30 > seccomp_n_calls, "only %zu", found);
}

TEST(numbers_are_those_of_x86_64)
{
	static const char *const paths[] = {
		"/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
		"/usr/x86_64-linux-gnu/include/asm/unistd_64.h",
		"/usr/include/asm/unistd_64.h", NULL
	};

	check_numbers(paths, SECCOMP_X86_64);
}

TEST(numbers_are_those_of_aarch64)
{
	static const char *const paths[] = {
		"/usr/include/asm-generic/unistd.h",
		"/usr/include/aarch64-linux-gnu/asm/unistd_64.h",
		"/usr/aarch64-linux-gnu/include/asm-generic/unistd.h", NULL
	};

	check_numbers(paths, SECCOMP_AARCH64);
}

/* Each once, and few enough that a filter is small. */
TEST(table)
{
	struct seccomp_program p;
	size_t i, j;
	int a;

	for (i = 0; i < seccomp_n_calls; i++)
		for (j = 0; j < i; j++) {
			CHECK(strcmp(seccomp_calls[i].name,
			    seccomp_calls[j].name) != 0);
			for (a = 0; a < SECCOMP_ARCHES; a++)
				CHECK(seccomp_calls[i].number[a] < 0 ||
				    seccomp_calls[i].number[a] !=
				    seccomp_calls[j].number[a]);
		}
	for (a = 0; a < SECCOMP_ARCHES; a++) {
		CHECK_INT(seccomp_build((enum seccomp_arch)a, &wide, &p), 0);
		CHECK(p.n < SECCOMP_CODE_MAX);
		CHECK_INT(seccomp_build((enum seccomp_arch)a, &narrow, &p), 0);
	}
}

/* Every number there is, against a plain walk through the table. */
TEST(every_number)
{
	static const int gap[][2] = { { 335, 423 }, { 295, 423 } };
	const struct seccomp_policy *policy;
	size_t i;
	int a, nr;

	for (a = 0; a < SECCOMP_ARCHES; a++)
		for (nr = 0; nr < 600; nr++) {
			uint32_t want = ALLOWED;
			bool by_args = false;

			if ((nr >= gap[a][0] && nr <= gap[a][1]) || nr >= 463)
				want = ERRNO(ENOSYS);
			for (i = 0; i < seccomp_n_calls; i++) {
				if (seccomp_calls[i].number[a] != nr)
					continue;
				want = seccomp_calls[i].rule == SECCOMP_EPERM ?
				    ERRNO(EPERM) : ERRNO(ENOSYS);
				by_args = seccomp_calls[i].rule >
				    SECCOMP_ENOSYS;
			}
			if (by_args)
				continue;
			policy = nr % 2 == 0 ? &wide : &narrow;
			CHECK_MSG(ask((enum seccomp_arch)a, policy, nr,
			    no_args) == want, "arch %d call %d", a, nr);
		}
}

/* Calls whose EPERM is the point of all this. */
TEST(refused)
{
	static const char *const calls[] = {
		"ptrace", "process_vm_readv", "process_vm_writev", "mount",
		"umount2", "pivot_root", "chroot", "open_tree", "move_mount",
		"fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
		"unshare", "setns", "open_by_handle_at", "bpf",
		"perf_event_open", "userfaultfd", "io_uring_setup",
		"io_uring_enter", "io_uring_register", "add_key",
		"request_key", "keyctl", "init_module", "finit_module",
		"delete_module", "kexec_load", "kexec_file_load", "reboot",
		"syslog", "acct", "swapon", "swapoff", "quotactl", "iopl",
		"ioperm", "sethostname", "setdomainname", "settimeofday",
		"clock_settime", "adjtimex", "kcmp", "pidfd_getfd",
	};
	size_t i;
	int a, nr;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		for (a = 0; a < SECCOMP_ARCHES; a++) {
			nr = number_of(calls[i], (enum seccomp_arch)a);
			CHECK_MSG(nr < 0 || ask((enum seccomp_arch)a, &wide,
			    nr, no_args) == ERRNO(EPERM), "%s", calls[i]);
		}
}

/* ---- another processor's calls ------------------------------------------- */

TEST(foreign_calls_end_the_process)
{
	static const uint32_t foreign[] = {
		AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_PPC64LE, 0
	};
	struct seccomp_data data = { .nr = 1 };
	struct seccomp_program p;
	size_t i;
	int a;

	for (a = 0; a < SECCOMP_ARCHES; a++) {
		CHECK_INT(seccomp_build((enum seccomp_arch)a, &wide, &p), 0);
		for (i = 0; i < 4; i++) {
			data.arch = foreign[i];
			CHECK_INT(run(&p, &data), SECCOMP_RET_KILL_PROCESS);
		}
		data.arch = arches[1 - a];
		CHECK_INT(run(&p, &data), SECCOMP_RET_KILL_PROCESS);
		data.arch = arches[a];
		CHECK_INT(run(&p, &data), ALLOWED);
	}
}

/* x32 has the native arch and bit 30 in the number. */
TEST(x32_is_not_there)
{
	static const int numbers[] = { 0, 1, 41, 101, 512, 520, 547 };
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		CHECK_INT(ask(SECCOMP_X86_64, &wide, numbers[i] | 0x40000000,
		    no_args), ERRNO(ENOSYS));
	CHECK_INT(ask(SECCOMP_X86_64, &wide, -1, no_args), ERRNO(ENOSYS));
	CHECK_INT(ask(SECCOMP_AARCH64, &wide, -1, no_args), ERRNO(ENOSYS));
}

/* ---- arguments ----------------------------------------------------------- */

#define HIGH (1ull << 32)	/* what the kernel does not look at */

static const struct {
	const char *call;
	uint64_t args[4];
	uint32_t wide;
	uint32_t narrow;
} by_args[] = {
	/* threads and processes, but no namespaces */
	{ "clone", { 0x3d0f00 }, ALLOWED, ALLOWED },
	{ "clone", { 17 }, ALLOWED, ALLOWED },
	{ "clone", { 0x4111 /* VM, VFORK */ }, ALLOWED, ALLOWED },
	{ "clone", { 0x10000000 | 17 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "clone", { 0x00020000 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "clone", { 0x02000000 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "clone", { 0x04000000 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "clone", { 0x08000000 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "clone", { 0x20000000 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "clone", { 0x40000000 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "clone3", { 0 }, ERRNO(ENOSYS), ERRNO(ENOSYS) },
	{ "openat2", { 0 }, ERRNO(ENOSYS), ERRNO(ENOSYS) },
	/* what all share */
	{ "fcntl", { 0, 1024, 0 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "fcntl", { 0, 1024 | HIGH, 1 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "fcntl", { 0, 1040, 0 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "fcntl", { 1024, 1025 }, ALLOWED, ALLOWED },
	{ "fcntl", { 3, 6 /* F_SETLK */, 1024 }, ALLOWED, ALLOWED },
	{ "fcntl", { 3, 1030 /* F_DUPFD_CLOEXEC */ }, ALLOWED, ALLOWED },
	{ "io_setup", { 1 }, ERRNO(ENOSYS), ERRNO(ENOSYS) },
	{ "inotify_init1", { 0 }, ALLOWED, ERRNO(EMFILE) },
	{ "inotify_init1", { 02000000 }, ALLOWED, ERRNO(EMFILE) },
	{ "inotify_init", { 0 }, ALLOWED, ERRNO(EMFILE) },
	{ "mmap", { 0, 4096, 3, 0x22 }, ALLOWED, ALLOWED },
	{ "mmap", { 0, 4096, 3, 0x40022 }, ERRNO(ENOMEM), ERRNO(ENOMEM) },
	{ "mmap", { 0, 4096, 3, 0x54040022 }, ERRNO(ENOMEM), ERRNO(ENOMEM) },
	{ "mmap", { 0x40000, 0x40000, 3, 2 }, ALLOWED, ALLOWED },
	{ "memfd_create", { 0, 3 }, ALLOWED, ALLOWED },
	{ "memfd_create", { 4, 5 }, ERRNO(ENOMEM), ERRNO(ENOMEM) },
	{ "shmget", { 1, 4096, 01600 }, ALLOWED, ALLOWED },
	{ "shmget", { 1, 4096, 05600 }, ERRNO(ENOMEM), ERRNO(ENOMEM) },
	{ "ioctl", { 3, 0xc0506617 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "ioctl", { 3, 0xc0406618 }, ERRNO(EPERM), ERRNO(EPERM) },
	/* core files: as if it had been done */
	{ "setrlimit", { 4, 1 }, ERRNO(0), ERRNO(0) },
	{ "setrlimit", { 4 | HIGH, 1 }, ERRNO(0), ERRNO(0) },
	{ "setrlimit", { 7, 4 }, ALLOWED, ALLOWED },
	{ "prlimit64", { 0, 4, 1, 0 }, ERRNO(0), ERRNO(0) },
	{ "prlimit64", { 0, 4, HIGH, 1 }, ERRNO(0), ERRNO(0) },
	{ "prlimit64", { 0, 4 | HIGH, 1, 0 }, ERRNO(0), ERRNO(0) },
	{ "prlimit64", { 0, 4, 0, 1 }, ALLOWED, ALLOWED },
	{ "prlimit64", { 1, 4, 0, 1 }, ALLOWED, ALLOWED },
	{ "prlimit64", { 1, 4, 1, 0 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "prlimit64", { 4, 7, 1, 0 }, ALLOWED, ALLOWED },
	/* set-id bits */
	{ "chmod", { 1, 0777 }, ALLOWED, ALLOWED },
	{ "chmod", { 1, 01777 }, ALLOWED, ALLOWED },
	{ "chmod", { 1, 04755 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "chmod", { 1, 02755 | HIGH }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "chmod", { 06000, 0755 }, ALLOWED, ALLOWED },
	{ "fchmod", { 1, 04000 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "fchmod", { 1, 0600 }, ALLOWED, ALLOWED },
	{ "fchmodat", { 0, 1, 04755 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "fchmodat", { 0, 06000, 0755 }, ALLOWED, ALLOWED },
	{ "fchmodat2", { 0, 1, 02755, 0 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "fchmodat2", { 0, 1, 0755, 06000 }, ALLOWED, ALLOWED },
	{ "creat", { 1, 04755 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "creat", { 1, 0644 }, ALLOWED, ALLOWED },
	{ "mkdir", { 1, 02755 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "mkdirat", { 0, 1, 02755 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "mkdirat", { 0, 1, 0755 }, ALLOWED, ALLOWED },
	{ "mknod", { 1, 0104755 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "mknodat", { 0, 1, 0102755 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "mknodat", { 0, 1, 0100644 }, ALLOWED, ALLOWED },
	{ "open", { 1, 0101, 04755 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "open", { 1, 0101, 0644 }, ALLOWED, ALLOWED },
	/* Without O_CREAT the third is what happens to lie there. */
	{ "open", { 1, 02, 06777 }, ALLOWED, ALLOWED },
	{ "open", { 1, 020200002, 04755 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "openat", { 0, 1, 0101, 04755 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "openat", { 0, 1, 0101, 02755 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "openat", { 0, 1, 020200002, 06755 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "openat", { 0, 1, 020040002, 06755 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "openat", { 0, 1, 0101, 0755 }, ALLOWED, ALLOWED },
	{ "openat", { 0, 0101, 0, 06755 }, ALLOWED, ALLOWED },
	/* terminals */
	{ "ioctl", { 0, 0x5401 }, ALLOWED, ALLOWED },
	{ "ioctl", { 0, 0x5412 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "ioctl", { 0, 0x5412 | HIGH }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "ioctl", { 0, 0x541c }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "ioctl", { 0, 0x5423 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "ioctl", { 0, 0x50009401 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "ioctl", { 0, 0x50009417 }, ERRNO(EPERM), ERRNO(EPERM) },
	/* sockets: wide has AF_UNIX and the internet, narrow neither */
	{ "socket", { 1, 1, 0 }, ALLOWED, ERRNO(EAFNOSUPPORT) },
	{ "socket", { 1, 2, 0 }, ALLOWED, ERRNO(EAFNOSUPPORT) },
	{ "socket", { 1, 0x80801, 0 }, ALLOWED, ERRNO(EAFNOSUPPORT) },
	{ "socket", { 2, 1, 0 }, ALLOWED, ERRNO(EAFNOSUPPORT) },
	{ "socket", { 2, 0x80801, 6 }, ALLOWED, ERRNO(EAFNOSUPPORT) },
	{ "socket", { 2, 2, 17 }, ALLOWED, ERRNO(EAFNOSUPPORT) },
	{ "socket", { 2, 2, 1 }, ALLOWED, ERRNO(EAFNOSUPPORT) },
	{ "socket", { 10, 2, 58 }, ALLOWED, ERRNO(EAFNOSUPPORT) },
	{ "socket", { 2, 3, 1 }, ERRNO(EPERM), ERRNO(EAFNOSUPPORT) },
	{ "socket", { 10, 3, 255 }, ERRNO(EPERM), ERRNO(EAFNOSUPPORT) },
	/* SOCK_PACKET, another name for a packet socket */
	{ "socket", { 2, 10, 3 }, ERRNO(EPERM), ERRNO(EAFNOSUPPORT) },
	{ "socket", { 2, 5, 0 }, ERRNO(EPERM), ERRNO(EAFNOSUPPORT) },
	{ "socket", { 2, 1, 262 }, ERRNO(EPROTONOSUPPORT),
	    ERRNO(EAFNOSUPPORT) },
	{ "socket", { 2, 1, 132 }, ERRNO(EPROTONOSUPPORT),
	    ERRNO(EAFNOSUPPORT) },
	{ "socket", { 16, 3, 0 }, ALLOWED, ALLOWED },
	{ "socket", { 16, 2, 4 }, ALLOWED, ALLOWED },
	{ "socket", { 16, 3, 16 }, ALLOWED, ALLOWED },
	{ "socket", { 16, 3, 9 }, ERRNO(EPROTONOSUPPORT),
	    ERRNO(EPROTONOSUPPORT) },
	{ "socket", { 16, 3, 12 }, ERRNO(EPROTONOSUPPORT),
	    ERRNO(EPROTONOSUPPORT) },
	{ "socket", { 17, 3, 0 }, ERRNO(EAFNOSUPPORT), ERRNO(EAFNOSUPPORT) },
	{ "socket", { 38, 5, 0 }, ERRNO(EAFNOSUPPORT), ERRNO(EAFNOSUPPORT) },
	{ "socket", { 40, 1, 0 }, ERRNO(EAFNOSUPPORT), ERRNO(EAFNOSUPPORT) },
	{ "socket", { 0, 1, 0 }, ERRNO(EAFNOSUPPORT), ERRNO(EAFNOSUPPORT) },
	{ "socketpair", { 1, 1, 0 }, ALLOWED, ALLOWED },
	{ "socketpair", { 1, 0x80805, 0 }, ALLOWED, ALLOWED },
	/* These could be connected to somebody else. */
	{ "socketpair", { 1, 2, 0 }, ERRNO(EAFNOSUPPORT),
	    ERRNO(EAFNOSUPPORT) },
	{ "socketpair", { 1, 3, 0 }, ERRNO(EAFNOSUPPORT),
	    ERRNO(EAFNOSUPPORT) },
	{ "socketpair", { 2, 1, 0 }, ERRNO(EAFNOSUPPORT),
	    ERRNO(EAFNOSUPPORT) },
	/* setarch(8) */
	{ "personality", { 0 }, ALLOWED, ALLOWED },
	{ "personality", { 0xffffffff }, ALLOWED, ALLOWED },
	{ "personality", { 0x0040000 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "personality", { 0x0400000 }, ERRNO(EPERM), ERRNO(EPERM) },
	{ "personality", { 8 }, ERRNO(EPERM), ERRNO(EPERM) },
};

TEST(arguments)
{
	size_t i, covered = 0;
	bool seen[SECCOMP_RULES] = { false };
	int a, nr;

	for (i = 0; i < sizeof(by_args) / sizeof(by_args[0]); i++)
		for (a = 0; a < SECCOMP_ARCHES; a++) {
			uint32_t got;

			nr = number_of(by_args[i].call, (enum seccomp_arch)a);
			if (nr < 0)
				continue;
			got = ask((enum seccomp_arch)a, &wide, nr,
			    by_args[i].args);
			CHECK_MSG(got == by_args[i].wide, "%s, row %zu, arch "
			    "%d: %#x", by_args[i].call, i, a, got);
			got = ask((enum seccomp_arch)a, &narrow, nr,
			    by_args[i].args);
			CHECK_MSG(got == by_args[i].narrow, "%s, row %zu, arch"
			    " %d, narrow: %#x", by_args[i].call, i, a, got);
		}
	/* No rule that looks at arguments is left out. */
	for (i = 0; i < seccomp_n_calls; i++) {
		size_t j;

		for (j = 0; j < sizeof(by_args) / sizeof(by_args[0]); j++)
			if (strcmp(by_args[j].call, seccomp_calls[i].name) == 0)
				seen[seccomp_calls[i].rule] = true;
	}
	for (i = SECCOMP_ENOSYS; i < SECCOMP_RULES; i++)
		covered += seen[i];
	CHECK_INT(covered, SECCOMP_RULES - SECCOMP_ENOSYS);
}

/* Where a root may hold set-id programs that nobody saw. */
TEST(shared_files)
{
	static const struct seccomp_policy p = { .no_shared_files = true };
	static const struct {
		uint64_t flags;
		uint32_t want;
	} rows[] = {
		{ 0x1, ERRNO(ENODEV) }, { 0x3, ERRNO(ENODEV) },
		{ 0x8001, ERRNO(ENODEV) }, { 0x1 | HIGH, ERRNO(ENODEV) },
		{ 0x2, ALLOWED }, { 0x22, ALLOWED }, { 0x21, ALLOWED },
		{ 0x40022, ERRNO(ENOMEM) }, { 0x40001, ERRNO(ENOMEM) },
	};
	size_t i;
	int a;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (a = 0; a < SECCOMP_ARCHES; a++) {
			const uint64_t args[4] = { 0, 4096, 3, rows[i].flags };

			CHECK_MSG(ask((enum seccomp_arch)a, &p, number_of(
			    "mmap", (enum seccomp_arch)a), args) ==
			    rows[i].want, "row %zu, arch %d", i, a);
		}
}

/* ---- in force ------------------------------------------------------------ */

#if defined(__x86_64__)
/* The 32-bit entry, by hand: it ends the process. */
static void
call_32_bits(void)
{
	long r;

	/* getpid(2) of i386. */
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory");
	_exit(r > 0 ? 3 : 4);
}

static int
end_of(void (*body)(void))
{
	int status, pid = fork();

	if (pid == 0) {
		CHECK_INT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
		CHECK_INT(seccomp_enter(&narrow), 0);
		body();
		_exit(0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	return status;
}

static void
call_others(void)
{
	/* Numbers of x32 and of tomorrow. */
	if (syscall(0x40000000 + SYS_getpid) != -1 || errno != ENOSYS)
		_exit(1);
	if (syscall(700) != -1 || errno != ENOSYS)
		_exit(2);
	if (socket(AF_UNIX, SOCK_STREAM, 0) != -1 || errno != EAFNOSUPPORT)
		_exit(3);
	if (syscall(SYS_getpid) != getpid())
		_exit(4);
}

TEST(in_force)
{
	int status = end_of(call_32_bits);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	status = end_of(call_others);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 0);
}
#endif

TEST_MAIN()
