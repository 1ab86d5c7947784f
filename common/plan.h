/*
 * plan.h - what the runner is to do, as fixed bytes from gate to runner.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate (writes), runner (reads).
 *
 * The gate derives a plan from a card's signed bytes, the policy and constant
 * tables, and from nothing else. Little-endian throughout; PROTOCOL.md has no
 * part in it: both ends are always of one version.
 */
#ifndef COUNTERSIGN_COMMON_PLAN_H
#define COUNTERSIGN_COMMON_PLAN_H

#include "common/bytes.h"

/* The version that this code writes and the only one that it reads. */
#define PLAN_VERSION 2
/* Caps: what the kernel and the card can need, and no more. */
#define PLAN_SIZE_MAX (1024u * 1024u)	/* all of it */
#define PLAN_PATH_MAX 4095u		/* a path, without NUL */
#define PLAN_STRING_MAX 131071u		/* Linux MAX_ARG_STRLEN less NUL */
#define PLAN_ARGS_MAX 128
#define PLAN_ENV_MAX 128
#define PLAN_ROOTS_MAX 32
#define PLAN_MASKS_MAX 32
#define PLAN_GROUPS_MAX 32
#define PLAN_CGROUPS_MAX 3
#define PLAN_SERVICES_MAX 32
#define PLAN_UNIT_MAX 255u		/* a unit's name, without NUL */

/* Descriptors of the runner, in the order of the design. */
enum plan_fd {
	PLAN_FD_PLAN = 3,	/* reads the plan, to its end */
	PLAN_FD_STATUS = 4,	/* writes status messages; not in the payload */
	PLAN_FD_CONTROL = 5,	/* its end of file means: stop */
	PLAN_FD_SCRIPT = 6,	/* the script's text; the payload has it too */
	PLAN_FD_STEWARD = 7,	/* with services that are scripts (steward.h) */
	PLAN_FD_HELD = 8	/* open for its own sake: the account's lock */
};
/* Where the payload finds the service broker (`repair` with services). */
#define PLAN_FD_BROKER 3

enum plan_profile { PLAN_OBSERVE = 1, PLAN_REPAIR = 2, PLAN_FULL = 3 };
enum plan_net { PLAN_NET_NONE = 1, PLAN_NET_VIEW = 2, PLAN_NET_HOST = 3 };
enum plan_read { PLAN_READ_USER = 1, PLAN_READ_ALL = 2 };
enum plan_survivors { PLAN_KILL = 1, PLAN_KEEP = 2 };
/* What a control group's folder that the gate has made is there for. */
enum plan_cgroup {
	PLAN_CGROUP_V2 = 1,	/* kill; limits where controllers are */
	PLAN_CGROUP_MEMORY = 2,	/* version 1 hierarchies */
	PLAN_CGROUP_PIDS = 3
};

/* What the broker may do to a service: bits of services[].verbs. */
#define PLAN_VERB_START 0x01u
#define PLAN_VERB_STOP 0x02u
#define PLAN_VERB_RESTART 0x04u
#define PLAN_VERB_RELOAD 0x08u
#define PLAN_VERB_STATUS 0x10u
#define PLAN_VERBS_ALL 0x1fu

/* Bits of plan.flags. Others are refused. */
#define PLAN_FLAG_SCRIPT 0x1u	/* descriptor 6 is there, for the payload */
#define PLAN_FLAG_SERVICES 0x2u	/* the payload gets the broker */
#define PLAN_FLAG_NO_UNIX 0x4u	/* no Unix sockets at all (`auto` tools) */
#define PLAN_FLAG_USERNS 0x8u	/* agent without root: user namespace */
#define PLAN_FLAG_MEMORY 0x10u	/* a control group holds memory_bytes */
#define PLAN_FLAG_PROCESSES 0x20u	/* one holds `processes` */

/*
 * A plan. The pointers point into the bytes it was decoded from, or to what
 * the maker of the plan owns; nothing is freed here. No string has a NUL
 * inside. Counts are those of the entries used.
 */
struct plan {
	uint8_t card[32];		/* digest of the card */
	enum plan_profile profile;
	enum plan_net net;
	enum plan_read read;
	enum plan_survivors survivors;
	uint32_t flags;

	const char *program;		/* absolute path to exec */
	const char *args[PLAN_ARGS_MAX + 1];	/* NULL after the last */
	const char *env[PLAN_ENV_MAX + 1];	/* "NAME=value", NULL last */
	size_t n_args;			/* at least 1: argv[0] */
	size_t n_env;
	const char *cwd;		/* absolute */
	uint32_t umask;			/* at most 0777 */

	/*
	 * Who the payload is. gid apart from groups. In `observe` the uid is
	 * nobody else's: all that runs as it is killed at the end.
	 */
	uint32_t uid;
	uint32_t gid;
	uint32_t groups[PLAN_GROUPS_MAX];
	size_t n_groups;

	/* Limits; 0 means none. Core size is always 0. */
	uint64_t memory_bytes;		/* of the whole tree */
	uint32_t processes;		/* of the whole tree */
	uint64_t file_bytes;		/* of one file written */
	uint32_t open_files;		/* of one process */
	uint64_t tmp_bytes;		/* private /tmp, /var/tmp, /dev/shm */

	/*
	 * Confined profiles: folders that may be written (`repair` only), and
	 * files that cannot be opened and folders that look empty: the agent's
	 * own; those that hold the system's secrets are known to the runner. A
	 * mask that is not there is none, a root that is not there fails.
	 */
	const char *roots[PLAN_ROOTS_MAX];	/* absolute */
	size_t n_roots;
	const char *masks[PLAN_MASKS_MAX];	/* absolute */
	size_t n_masks;

	/* What the broker is asked for and does; with PLAN_FLAG_SERVICES. */
	struct {
		const char *unit;	/* [A-Za-z0-9:_.@-]+\.service */
		uint32_t verbs;
	} services[PLAN_SERVICES_MAX];
	size_t n_services;

	/* Folders that the gate has made; the payload joins each. */
	struct {
		enum plan_cgroup kind;
		const char *path;	/* absolute */
	} cgroups[PLAN_CGROUPS_MAX];
	size_t n_cgroups;
};

/*
 * Appends the plan's bytes. ERR_RANGE, ERR_TOO_LARGE or ERR_CHARACTER if it is
 * a plan that plan_decode() would refuse; ERR_NOMEM.
 */
MUST_CHECK int plan_encode(const struct plan *p, struct buf *ret_b);

/*
 * Reads a plan; every byte is accounted for, so that one plan has one form.
 * ret_p points into b, which must live as long.
 * ERR_VERSION another version; ERR_TRUNCATED, ERR_SYNTAX (trailing bytes, a
 * string without its NUL or with one inside), ERR_RANGE (a value that is not
 * in its enum, a relative path, an unknown flag, a unit's name that is none;
 * `observe` as root, write roots or services outside `repair`, survivors that
 * stay outside `full`), ERR_TOO_LARGE (a cap); ERR_DUPLICATE (a kind of control
 * group, a name in the environment or a unit twice).
 */
MUST_CHECK int plan_decode(struct bytes b, struct plan *ret_p);

/* SHA-256 over a plan's bytes: what `exec_intent` names. (In its own file, so
 * that the runner has no hash function in it.) */
MUST_CHECK int plan_digest(struct bytes plan, uint8_t ret_digest[32]);

/*
 * Where the runner failed, in FAILED: the first step of its list that did not
 * succeed. Numbers are stable.
 */
enum plan_step {
	PLAN_STEP_NONE = 0,
	PLAN_STEP_PLAN = 1,		/* reading or understanding the plan */
	PLAN_STEP_PROFILE = 2,		/* a profile not offered here */
	PLAN_STEP_SUPERVISE = 3,	/* subreaper, signals */
	PLAN_STEP_FORK = 4,
	PLAN_STEP_CGROUP = 5,
	PLAN_STEP_NAMESPACE = 6,
	PLAN_STEP_MOUNT = 7,
	PLAN_STEP_SESSION = 8,
	PLAN_STEP_DESCRIPTORS = 9,
	PLAN_STEP_LIMITS = 10,
	PLAN_STEP_IDENTITY = 11,
	PLAN_STEP_CAPABILITIES = 12,
	PLAN_STEP_DIRECTORY = 13,
	PLAN_STEP_LANDLOCK = 14,
	PLAN_STEP_SECCOMP = 15,
	PLAN_STEP_EXEC = 16,		/* the interpreter */
	PLAN_STEP_LAST = 16
};

/* The step in a word for records ("cgroup"); "unknown" for other numbers. */
const char *plan_step_word(uint32_t step);
/* "observe", "repair", "full"; "unknown" for other numbers. */
const char *plan_profile_word(uint32_t profile);

#endif
