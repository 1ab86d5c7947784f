/*
 * action.h - what would run and what it may touch: a command card's own
 * fields, or those of a named tool in the policy.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#ifndef COUNTERSIGN_COMMON_ACTION_H
#define COUNTERSIGN_COMMON_ACTION_H

#include "common/arena.h"
#include "common/doc.h"
#include "common/names.h"
#include "common/refusal.h"

/* 0 stands for none in each; the others are numbered from 1 for bit masks. */
enum action_profile {
	ACTION_OBSERVE = 1,
	ACTION_REPAIR,
	ACTION_FULL
};

enum action_net {
	ACTION_NET_NONE = 1,
	ACTION_NET_VIEW,	/* looks at the network, sends nothing */
	ACTION_NET_HOST
};

enum action_read {
	ACTION_READ_USER = 1,
	ACTION_READ_ALL
};

enum action_survivors {
	ACTION_KILL = 1,
	ACTION_KEEP
};

enum action_shell {
	ACTION_SH = 1,
	ACTION_BASH,
	ACTION_POWERSHELL,
	ACTION_PWSH,
	ACTION_CMD,
	ACTION_ARGV		/* named tools only: a program, no shell */
};

/* Verbs on a service, as bits. */
#define ACTION_VERB_START 0x01u
#define ACTION_VERB_STOP 0x02u
#define ACTION_VERB_RESTART 0x04u
#define ACTION_VERB_RELOAD 0x08u
#define ACTION_VERB_STATUS 0x10u

/* The bit of a profile or shell in a mask. */
#define ACTION_BIT(x) (1u << (unsigned)(x))

struct action_service {
	struct bytes unit;	/* "nginx.service" */
	unsigned verbs;		/* ACTION_VERB_* */
};

struct action_limits {
	int64_t timeout_s;
	int64_t memory_mb;
	int64_t processes;
	int64_t output_bytes;
};

/* It owns nothing: the card or policy that it was read from does. */
struct action {
	enum action_profile profile;
	enum action_net net;
	enum action_read read;
	struct names write;	/* absolute folders; empty unless repair */
	const struct action_service *services;	/* none unless repair */
	size_t n_services;
	enum action_survivors survivors;
	struct action_limits limits;
	enum action_shell shell;
	struct bytes text;	/* command or script; empty for ACTION_ARGV */
	bool no_unix;		/* `auto` with net none: no Unix sockets */
};

/* Words and values, for doc_enum() and doc_word_of(). */
extern const struct doc_word action_profiles[];
extern const struct doc_word action_nets[];
extern const struct doc_word action_reads[];
extern const struct doc_word action_survivors_words[];
extern const struct doc_word action_shells[];	/* ACTION_ARGV among them */
extern const struct doc_word action_verbs[];	/* ACTION_VERB_* */

/*
 * Reads profile, net, read, write, services, survivors and limits, which with
 * `required` must all be there; else what is absent is as in
 * action_defaults(). Write and services are refused unless profile is repair;
 * every write root must pass writeroot_check(). Failures are the document's.
 */
void action_read(struct doc_obj *o, bool required, struct arena *a,
    struct action *ret_a);

/*
 * What a named tool is that says nothing else: observe, net none, read user,
 * survivors killed, 300 s, 512 MB, 64 processes, 8 MiB of output.
 */
void action_defaults(struct action *ret_a);

/*
 * Reads the members timeout_s, memory_mb, processes and output_bytes of an
 * object; one that is absent, where not required, leaves *ret_l as it is.
 */
void action_read_limits(struct doc_obj *o, bool required,
    struct action_limits *ret_l);

/*
 * Whether a text may be run by the shell: cmd takes one line of at most
 * CAP_CMD_UNITS units, powershell and pwsh no text that begins with `using`,
 * `param` or `#Requires`, in any case and after white space, since the
 * prologue comes first. 0 or ERR_RANGE or ERR_SYNTAX and a static text that
 * says why (untouched on success). Lengths other than cmd's are the caller's.
 */
MUST_CHECK int action_check_text(enum action_shell shell, struct bytes text,
    const char **ret_why);

/* Appends {"timeout_s":…} and the other fields under their names. */
struct jsonw;
void action_write(struct jsonw *w, const struct action *a);

#endif
