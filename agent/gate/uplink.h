/*
 * uplink.h - the gate's end of the courier: start, watch, read, write.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * The courier is the only process on the network, and what it says is believed
 * as little as what the network says: every message is checked against the
 * permit table of wire.h, and one that is not permitted ends that courier.
 */
#ifndef COUNTERSIGN_AGENT_GATE_UPLINK_H
#define COUNTERSIGN_AGENT_GATE_UPLINK_H

#include "agent/gate/log.h"
#include "common/wire.h"
#include "platform/program.h"

#include <uv.h>

struct uplink;

/* Bytes that may wait for the courier: above it the gate stops producing. */
#define UPLINK_QUEUE_CAP (256u * 1024u)

struct uplink_config {
	uv_loop_t *loop;
	const struct log *log;
	struct program *program;	/* the courier, checked at start */
	const char *user;		/* whom it becomes if we are root */
	struct wire_config link;	/* strings outlive the uplink */
	/*
	 * A message that is permitted in the present state; all states but
	 * those that need an answer of ours are followed by the uplink.
	 */
	void (*on_message)(void *arg, const struct wire_msg *m);
	/* The state changed (wire_gate_state); detail for `status`. */
	void (*on_state)(void *arg, enum wire_gate_state state,
	    const char *detail);
	/* The courier broke the rules and was ended: one journal record. */
	void (*on_violation)(void *arg, const char *reason);
	/* The queue has drained below its cap again. */
	void (*on_room)(void *arg);
	void *arg;
};

/*
 * Starts the courier, and again each time it ends, after 1 s doubling up to
 * 60 s. ERR_NOMEM, ERR_IO (the first start failed; it is tried again).
 */
MUST_CHECK int uplink_open(const struct uplink_config *cfg,
    struct uplink **ret_u);

/* Ends the courier and stops; memory goes after the loop's last callback. */
void uplink_close(struct uplink *u);

/*
 * Appends whole messages (wire_put_*) to what goes to the courier; dropped
 * without a courier. ERR_NOMEM.
 */
MUST_CHECK int uplink_send(struct uplink *u, struct bytes messages);

/* How many bytes may still be queued before the cap; 0 also without link. */
size_t uplink_room(struct uplink *u);

enum wire_gate_state uplink_state(const struct uplink *u);
const char *uplink_detail(const struct uplink *u);

/* The body of a message did not read: ends the courier and records it. */
void uplink_violation(struct uplink *u, const char *reason);

/* Ends this connection with its courier; another is tried after a while. */
void uplink_drop(struct uplink *u, const char *why);

/* The courier's pid, or 0: what a sweep of strays must not touch. */
int uplink_pid(const struct uplink *u);

/* Looks whether the courier has ended; the owner calls it on SIGCHLD. */
void uplink_reap(struct uplink *u);

/* Whether the gate runs the courier under another account than its own. */
bool uplink_is_split(void);

#endif
