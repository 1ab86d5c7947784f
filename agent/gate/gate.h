/*
 * gate.h - the deciding process: what its parts share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * One loop turn is: whatever came in is decided by the core and appended to
 * the journal; then one sync covers all of it; then the effects happen, the
 * runs start and stop, and the link and the local clients hear of it.
 */
#ifndef COUNTERSIGN_AGENT_GATE_GATE_H
#define COUNTERSIGN_AGENT_GATE_GATE_H

#include "agent/gate/blobs.h"
#include "agent/gate/checkpoints.h"
#include "agent/gate/config.h"
#include "agent/gate/core.h"
#include "agent/gate/epochs.h"
#include "agent/gate/executor.h"
#include "agent/gate/frontdesk.h"
#include "agent/gate/identity.h"
#include "agent/gate/journal.h"
#include "agent/gate/linkfile.h"
#include "agent/gate/log.h"
#include "agent/gate/offers.h"
#include "agent/gate/planner.h"
#include "agent/gate/transcripts.h"
#include "agent/gate/uplink.h"
#include "platform/guard.h"

struct runs;
struct outbox;
struct forward;
struct upkeep;

struct gate {
	uv_loop_t *loop;
	struct config config;
	struct log log;
	int state_dir;
	struct core *core;
	struct journal *journal;	/* NULL: kept as evidence, unread */
	struct blobs *blobs;
	struct transcripts *transcripts;
	struct identity_key *key;
	struct epochs *epochs;
	struct checkpoints *checkpoints;
	struct upkeep *upkeep;		/* NULL without a loop */
	struct program courier_file, runner_file;
	struct program own_file;	/* ours; -1 others may change it */
	struct executor *executor;
	struct planner planner;
	struct offers offers;
	struct runs *runs;
	struct outbox *outbox;
	struct linkfile link;
	struct limiter refusals;	/* log lines of refused envelopes */
	uint64_t proven_ms;	/* boot time of the last hello; 0 none */
	uint8_t challenge[WIRE_NONCE + WIRE_HASH];	/* to be answered */
	uv_timer_t proof;
	struct uplink *uplink;		/* NULL without an enrolment */
	struct forward *forward;	/* NULL: records stay here */
	struct frontdesk *desk;

	uv_poll_t events;		/* events.h: stop, renew, children */
	int events_fd;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_poll_t due;			/* clock_timer of the next due thing */
	int due_fd;
	uv_timer_t account;		/* is one free by now? */
	uv_timer_t watchdog;
	uv_timer_t later;		/* gate_touch_later() */
	uv_timer_t again;		/* gate_hold_start() */

	bool dirty;		/* input was taken in this turn */
	bool broken;		/* the journal failed: nothing runs any more */
	unsigned stopping;	/* SIGTERMs seen */
	bool renew;		/* SIGHUP: end when idle, and begin anew */
	bool evidence;		/* signs of tampering: nothing is written */
	bool held;		/* the state folder cannot be used */
	char trouble[32];	/* what could not be opened, for people */
	bool closed;		/* the loop's handles are being closed */
	int exit_code;
	struct guard guard;	/* what this process has given up */
	int steward;		/* the executor's, once there is one; 0 none */
};

/* The other two programs of a gate. */
struct gate_programs {
	struct program courier, runner;
	int steward;		/* steward_start()'s; 0 none */
};

/* The present moment; once a turn is enough. */
struct moment gate_moment(void);

/*
 * Something was decided: the turn's end syncs and acts. err is what the core
 * returned: anything but 0 ends the agent (gate_fail).
 */
void gate_touch(struct gate *g, int err);

/*
 * The same for a record that nothing waits for: it is synced with the next
 * turn, at the latest 20 ms from now. (exec_started: the first bytes of output
 * do not wait for it.)
 */
void gate_touch_later(struct gate *g, int err);

/* The journal or memory failed: stops everything, says why, exits with 1. */
void gate_fail(struct gate *g, const char *what, int err);

/*
 * Turns the lockdown on or off: it takes effect first, then its flag file,
 * then its record. Returns as the core's functions do.
 */
MUST_CHECK int gate_lockdown(struct gate *g, bool on, const char *by,
    struct bytes reason);

/*
 * Ends the turn: lets the core see what falls due, syncs, carries out the
 * effects. Nothing happens if nothing was touched.
 */
void gate_turn(struct gate *g);

/*
 * Blobs, then records, then what waits for these to be on disk: the key of a
 * new epoch. Any error is final.
 */
MUST_CHECK int gate_sync(struct gate *g);

/* ---- tamper.c: signs of tampering ---- */

/* Its file in the state folder; it locks a start, whatever it says. */
#define TAMPER_FILE "tampered"

/*
 * Found while the agent runs: everything stops, the flag is left, and the
 * agent begins anew, locked. detail: for people; evidence: more, or empty.
 */
void gate_tampered(struct gate *g, const char *reason, const char *detail,
    struct bytes evidence);
/* The same after ERR_CORRUPT of the journal's functions. */
void gate_journal_tampered(struct gate *g);
/*
 * Found at a start: locks the core, says so and leaves the flag; the caller
 * leaves the journal alone. file.h's errors: the flag could not be written.
 */
int tamper_seal(struct gate *g, const char *reason, const char *detail,
    struct bytes evidence);
/* Whether an earlier start, or this agent, has found any: then it is locked. */
bool tamper_is_flagged(struct gate *g);

/* ---- hold.c: a state folder that cannot be used ---- */

/*
 * After gate_open() failed with err: locks without a journal, and 0: the agent
 * stays up to say so. Any other result is err: it must end.
 */
MUST_CHECK int gate_hold(struct gate *g, int err);
/* With the loop: one that is held begins anew in a while. ERR_IO. */
MUST_CHECK int gate_hold_start(struct gate *g);

/* ---- upkeep.c: the journal's chores ---- */

MUST_CHECK int upkeep_new(struct gate *g, struct upkeep **ret_u);
/* NULL is fine. It is freed by the loop. */
void upkeep_close(struct upkeep *u);
/* At the end of a turn: there may be something to do. */
void upkeep_turn(struct upkeep *u);

/* ---- gate.c: the service ---- */

/* Ends the loop at once, to begin again with the same configuration. */
void gate_begin_anew(struct gate *g);

/* What gate_run() returns to be started again, with the program that is
 * installed by then: as an exit code, what the starter sees. */
#define GATE_RENEW 75

/*
 * Runs until SIGTERM; owns config and programs from here on. Returns the exit
 * code, or GATE_RENEW after a SIGHUP, once no card ran.
 */
int gate_run(struct config *config, const struct gate_programs *programs);

/* ---- open.c: everything on disk, opened and replayed ---- */

/*
 * State folder, key, blobs, transcripts, journal (replayed into the core).
 * make_key: a new state is begun (enrolment). Says what is wrong itself.
 * ERR_NOT_FOUND: not enrolled. ERR_CORRUPT: the journal is evidence; the core
 * is locked and the rest is as far as it came. ERR_EXISTS: another agent has
 * it; any other: the folder cannot be used as it is (gate_hold()).
 */
MUST_CHECK int gate_open(struct gate *g, bool make_key);
/*
 * The first epoch and the first checkpoint, where there is none yet: before
 * anything is appended behind them. No work in an empty journal.
 */
MUST_CHECK int gate_anchor(struct gate *g);
/* After gate_open(): ends what a crash left, notes what has changed since. */
MUST_CHECK int gate_recover(struct gate *g);
/* Opens the programs of that configuration. Says what is wrong in the log. */
MUST_CHECK int gate_find_programs(const struct config *c, const struct log *log,
    struct gate_programs *ret_p);
/*
 * Whether to begin anew when somebody asks for it: not with a configuration
 * that cannot be read, which is said. One that came with other programs is
 * theirs to judge.
 */
bool gate_may_renew(const struct config *c, const struct program *runner,
    const struct log *log);
/* The executor and the runs; the programs, unless they are. As above. */
MUST_CHECK int gate_open_programs(struct gate *g);
void gate_close(struct gate *g);

/* ---- enrol.c ---- */

struct enrol_options {
	const char *token;	/* path of the token file, or "-" */
	const char *pin;	/* the pin string, or NULL */
	const char *out;	/* where to write the device's file, or NULL */
	bool once;		/* not where the device is enrolled already */
};

/* `countersignd enrol`. Owns config. Returns the exit code. */
int enrol_run(struct config *config, const struct enrol_options *o);

/* ---- requests.c: what local clients ask ---- */

void requests_handle(void *arg, struct client *c,
    const struct control_request *req);

/* ---- link.c: what the console says ---- */

void link_message(void *arg, const struct wire_msg *m);
/* An envelope's flat fields as envelope.h has them; it points into w. */
void link_envelope(const struct wire_envelope *w, struct envelope *ret_e);
/* The courier's configuration from link.json and agent.json. */
void link_config(const struct gate *g, struct wire_config *ret_c);
/* Signs hello for this challenge and hands it to the courier. */
MUST_CHECK int link_prove(struct gate *g, const struct wire_challenge *c);

/* ---- runs.c: the cards that run ---- */

MUST_CHECK int runs_new(struct gate *g, struct runs **ret_r);
void runs_free(struct runs *r);
/*
 * Keeps a plan for EFFECT_START, with a transcript begun: owned by runs from
 * here on. ERR_NO_SPACE there is no room for it, ERR_NOMEM, ERR_IO.
 */
MUST_CHECK int runs_prepare(struct runs *r, const struct prepared *p);
/* Forgets what was prepared and got no intent. */
void runs_drop_prepared(struct runs *r);
void runs_start(struct runs *r, const struct sha256 *card);
void runs_stop(struct runs *r, const struct sha256 *card,
    const char *reason);
void runs_stop_all(struct runs *r, const char *reason);
size_t runs_count(const struct runs *r);

/* ---- outbox.c: the journal and transcripts go to the console ---- */

MUST_CHECK int outbox_new(struct gate *g, struct outbox **ret_o);
void outbox_free(struct outbox *o);
/* A link was proven; it was lost. */
void outbox_open(struct outbox *o);
void outbox_shut(struct outbox *o);
/* n: at most what is synced here. */
void outbox_have(struct outbox *o, uint64_t n);
void outbox_credit(struct outbox *o, const struct wire_credit *credit);
/* The index of the next record to send; 0 while the console's is not known. */
uint64_t outbox_sent(const struct outbox *o);
/* Whether the console has asked past the end of that card's transcript. */
bool outbox_has_fetched(const struct outbox *o, const struct sha256 *card);
/* Sends what there is, as far as there is room. */
void outbox_push(struct outbox *o);

#endif
