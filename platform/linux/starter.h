/*
 * starter.h - what the gate asks of its starter, and how.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, starter. For platform/linux only.
 *
 * Both are one program, forked: a request is a struct as it lies in memory, the
 * numbers and the text after it, in one message of a SOCK_SEQPACKET pair; its
 * length is exactly what its head says, its descriptors as many as its verb
 * has. Each request has one reply. Anything else is answered with ERR_PROTOCOL
 * and does nothing.
 */
#ifndef COUNTERSIGN_PLATFORM_LINUX_STARTER_H
#define COUNTERSIGN_PLATFORM_LINUX_STARTER_H

#include "common/bytes.h"
#include "platform/process.h"
#include "platform/program.h"
#include "platform/starter.h"

#include <stdint.h>

enum starter_verb {
	STARTER_START = 1,	/* process_start() of a role */
	STARTER_WAIT,		/* process_wait(), process_wait_end() */
	STARTER_REAP,		/* process_reap_orphans() */
	STARTER_KILL,		/* process_kill_children() */
	STARTER_SWEEP,		/* sandbox_sweep() of an observer */
	STARTER_OPEN,		/* one of starter_files */
	STARTER_PROGRAM,	/* program_open() */
	STARTER_TELL,		/* a word for the service manager */
	STARTER_BELIEVED	/* believed_find(), _name(), _shown() of a
				 * line */
};

/* Most numbers (processes to be kept) and text of a request. */
#define STARTER_NUMBERS_MAX 4096
#define STARTER_TEXT_MAX PROGRAM_PATH_SIZE
/* And of a line that systemd shows, behind a path. */
#define STARTER_LINE_MAX 16384

struct starter_request {
	uint32_t verb;
	uint32_t what;		/* START: role; OPEN: file; PROGRAM: owner;
				 * TELL: word; WAIT: whether to wait;
				 * BELIEVED: 0 find, 1 name, 2 shown */
	uint32_t value;		/* WAIT: pid; SWEEP: uid; KILL: within ms;
				 * BELIEVED: nth */
	uint32_t n_numbers;	/* int32_t: START: the child's numbers of the
				 * descriptors; REAP, KILL: pids to keep */
	uint32_t n_text;	/* bytes: START: arguments, each with its NUL;
				 * PROGRAM, BELIEVED: path with its NUL; shown:
				 * the line behind it */
};

struct starter_reply {
	int32_t r;		/* 0 or ERR_* */
	int32_t error;		/* START: errno */
	int32_t pid;
	uint32_t killed;
	struct process_end end;
	uint32_t n_text;	/* PROGRAM: the path without links, with NUL;
				 * BELIEVED: what was found */
};

/* The words, in the order in which `what` counts them. */
extern const char *const starter_words[];
extern const uint32_t starter_n_words;

struct starter_file {
	const char *path;
	int flags;		/* open(2)'s; and O_CLOEXEC always */
	unsigned mode;
};
extern const struct starter_file starter_files[];
extern const uint32_t starter_n_files;

/* process.h and others, as they are done by asking; the same contracts. */
struct starter_calls {
	int (*start)(const struct process_spec *spec, int *ret_errno,
	    struct process *ret_p);
	int (*wait)(struct process *p, bool until_end,
	    struct process_end *ret_end);
	void (*reap)(const int *keep, size_t n);
	int (*kill_children)(const int *keep, size_t n, unsigned within_ms,
	    uint32_t *ret_killed);
	int (*sweep)(uint32_t uid);
	/* As open(2); -1 and errno. What is not among starter_files is opened
	 * by the gate itself. */
	int (*open)(const char *path, int flags, unsigned mode);
	int (*program)(const char *path, enum program_owner owner,
	    struct program *ret_p);
	/* What is none of starter_words is not told. */
	void (*tell)(const char *word);
	/* believed_name() of nth, or believed_find(): ret_text has room for
	 * STARTER_TEXT_MAX. */
	int (*believed)(bool name, const char *folder, unsigned nth,
	    char *ret_text);
	/* believed_shown() of one line; one that is too long is. */
	bool (*shown)(struct bytes line, const char *folder);
	int (*pid)(void);	/* of the starter */
};

/* Not NULL: we are a gate that has a starter, and these ask it. */
extern const struct starter_calls *starter_calls;

/* open(2), by the starter where there is one and it has that file. */
int starter_open(const char *path, int flags, unsigned mode);

/* Has starter_calls ask at that end of the pair, where that process listens. */
void starter_ask_at(int fd, int pid);

/* service.c: sends one message to the service manager, as ourselves. */
void service_tell(const char *text);

/*
 * The starter's side: takes one request from fd, does it and replies. False if
 * there is nobody at the other end any more, or he does not take the replies.
 * gate: the process that asks.
 */
bool starter_serve(int fd, const struct starter *s, int gate);

#endif
