/*
 * enrol.c - `countersignd enrol`: a device gets its key, its owner's pin and
 * its console.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * The pin comes from the owner and never from the console. What was begun and
 * broken off goes on where it stood: the same key, the same journal; the
 * console gives the same answer to the same key and secret.
 */
#include "agent/gate/gate.h"

#include "common/jsonw.h"
#include "common/pin.h"
#include "platform/events.h"
#include "platform/file.h"
#include "platform/host.h"
#include "platform/paths.h"
#include "platform/secrets.h"
#include "platform/userfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIN_NAME "root.pin"
#define PIN_CAP 512
#define TOKEN_CAP 65536
/* Of a record's previous_checkpoint. */
#define PREVIOUS_MAX 4096
/* How long the console may take to answer, and its files to follow. */
#define ANSWER_MS 30000u
#define FILES_MS 2000u

struct enrolment {
	struct gate g;
	struct token token;
	char pin[PIN_CAP];
	const char *pin_from;
	char previous[DEVICEID_SIZE];
	struct buf checkpoint;	/* the earlier identity's last */
	uv_timer_t timer;
	uint8_t challenge[WIRE_NONCE + WIRE_HASH];
	bool answered;		/* the console has taken us */
	int err;
};

static void
say(const char *what, const char *todo)
{
	fprintf(stderr, "countersignd: %s: %s\n", what, todo);
}

/* ---- what comes in: token and pin ---- */

static int
read_token(const char *path, struct token *ret_t)
{
	struct buf b;
	int err;

	buf_init(&b, TOKEN_CAP);
	err = userfile_read(path, TOKEN_CAP, &b);
	if (err != 0)
		say(path, "the token file cannot be read: make one with"
		    " countersign-console enrol-token");
	if (err == 0 && (err = token_parse(buf_bytes(&b), ret_t)) != 0)
		say(path, "this is no enrolment token: make one with"
		    " countersign-console enrol-token");
	if (b.p != NULL)
		secrets_wipe(b.p, b.n);
	buf_free(&b);
	return err;
}

static void
trim(char *s)
{
	size_t n = strlen(s);

	while (n > 0 && (s[n - 1] == '\n' || s[n - 1] == '\r' ||
	    s[n - 1] == ' '))
		s[--n] = '\0';
}

/* The pin that a package or an admin has put on this machine. */
static bool
pin_from_file(struct enrolment *e)
{
	struct buf b;
	int dir = -1;
	bool found = false;

	buf_init(&b, PIN_CAP - 1);
	/* Where anybody could have put one, there is none. */
	if (file_open_dir(paths_pin_dir(), &dir) == 0 &&
	    file_check_owned(dir) == 0 &&
	    file_read(dir, PIN_NAME, PIN_CAP - 1, &b) == 0) {
		snprintf(e->pin, sizeof(e->pin), "%.*s", (int)b.n,
		    (const char *)b.p);
		found = true;
	}
	file_close(&dir);
	buf_free(&b);
	return found;
}

static int
read_pin(struct enrolment *e, const char *argument, struct pin *ret_pin)
{
	int err;

	if (argument != NULL) {
		snprintf(e->pin, sizeof(e->pin), "%s", argument);
		e->pin_from = "argument";
	} else if (pin_from_file(e)) {
		e->pin_from = "file";
	} else {
		fprintf(stderr, "Type or paste the owner's pin"
		    " (`countersign trust pin` prints it): ");
		if (fgets(e->pin, sizeof(e->pin), stdin) == NULL)
			e->pin[0] = '\0';
		e->pin_from = "typed";
	}
	trim(e->pin);
	if ((err = pin_parse(bytes_str(e->pin), ret_pin)) != 0)
		fprintf(stderr, "countersignd: no pin: give --pin STRING, or"
		    " put it into %s/" PIN_NAME "; the owner's `countersign"
		    " trust pin` prints it, and it never comes from the"
		    " console\n", paths_pin_dir());
	return err;
}

/* ---- a state that is there already ---- */

/* An agent that runs holds its journal's lock: nothing moves under it. */
static int
check_idle(int state)
{
	int dir = -1, lock = -1, err;

	if ((err = file_open_dir_at(state, "journal", &dir)) == 0 &&
	    (err = file_open_write(dir, "lock", &lock)) == 0)
		err = file_lock(lock);
	file_close(&lock);
	file_close(&dir);
	return err == ERR_EXISTS ? err : 0;
}

/* Moves what an earlier identity left out of the way, and keeps it all. */
static int
set_aside(struct enrolment *e, int state)
{
	static const char *const names[] = {
		"device.key", "journal", "tiles", "blobs", "transcripts",
		"lockdown", "epoch.key", "epoch.key.new", CHECKPOINTS_FILE,
		CHECKPOINTS_FOLDER, TAMPER_FILE, LINKFILE_NAME
	};
	char name[128];
	size_t i;
	int old = -1, err;

	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "old-%zu", i);
		err = file_open_dir_at(state, name, &old);
		file_close(&old);
		if (err == ERR_NOT_FOUND)
			break;
	}
	if ((err = file_make_dir_at(state, name, &old)) != 0)
		return err;
	file_close(&old);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char to[256];

		snprintf(to, sizeof(to), "%s/%s", name, names[i]);
		err = file_rename(state, names[i], to);
		if (err != 0 && err != ERR_NOT_FOUND)
			return err;
	}
	fprintf(stderr, "countersignd: what %s left is kept in %s/%s\n",
	    e->previous[0] != '\0' ? e->previous : "the earlier enrolment",
	    e->g.config.state, name);
	return file_sync_dir(state);
}

/* A note that fits a record: without the last lines, if need be. */
static void
note_checkpoint(struct enrolment *e, int state)
{
	struct note n;

	if (file_read(state, CHECKPOINTS_FILE, NOTE_MAX,
	    &e->checkpoint) != 0) {
		buf_clear(&e->checkpoint);
		return;
	}
	while (e->checkpoint.n > PREVIOUS_MAX) {
		e->checkpoint.n--;
		while (e->checkpoint.n > 0 &&
		    e->checkpoint.p[e->checkpoint.n - 1] != '\n')
			e->checkpoint.n--;
	}
	if (note_parse(buf_bytes(&e->checkpoint), &n) != 0)
		buf_clear(&e->checkpoint);
}

/* The public name of the key that is there, before it is set aside. */
static void
note_previous(struct enrolment *e, int state)
{
	struct identity_key *k;
	char path[4096];

	note_checkpoint(e, state);
	snprintf(path, sizeof(path), "%s/device.key", e->g.config.state);
	if (identity_open(path, false, &k) != 0)
		return;
	snprintf(e->previous, sizeof(e->previous), "%s",
	    identity_device(k));
	identity_close(k);
}

static bool
has_evidence(int state)
{
	uint64_t size;
	int64_t changed;

	return file_stat(state, TAMPER_FILE, &size, &changed) !=
	    ERR_NOT_FOUND;
}

/*
 * Whether this device was enrolled: an installer that is run again must not
 * give it another identity, whatever it finds wrong with the present one.
 */
static bool
is_enrolled(const struct config *c)
{
	uint64_t size;
	int64_t changed;
	int state = -1, err;

	if ((err = file_open_dir(c->state, &state)) != 0)
		return err != ERR_NOT_FOUND;
	err = file_stat(state, LINKFILE_NAME, &size, &changed);
	if (err == ERR_NOT_FOUND && has_evidence(state))
		err = 0;
	file_close(&state);
	return err != ERR_NOT_FOUND;
}

/*
 * An enrolment that was finished is replaced by a new one, with a new key; one
 * that was not goes on.
 */
static int
prepare_state(struct enrolment *e)
{
	struct linkfile l;
	int state = -1, err;

	if ((err = file_make_dir(e->g.config.state, &state)) != 0) {
		say(e->g.config.state, "the state folder must be the agent's"
		    " own (no link), with mode 0700, and its parent must be"
		    " there");
		return err;
	}
	if ((err = check_idle(state)) != 0) {
		file_close(&state);
		say("an agent runs on this state folder",
		    "stop it, then enrol again");
		return err;
	}
	err = linkfile_read(state, &l);
	if (err == 0)
		linkfile_free(&l);
	/* One that does not read was of an enrolment, too. */
	if ((err != ERR_NOT_FOUND && err != ERR_NOMEM) ||
	    has_evidence(state)) {
		note_previous(e, state);
		err = set_aside(e, state);
	} else if (err == ERR_NOT_FOUND) {
		err = 0;
	}
	file_close(&state);
	if (err != 0)
		say(e->g.config.state, err_text(err));
	return err;
}

/* ---- the journal's first record ---- */

static int
begin(struct enrolment *e, const struct pin *pin)
{
	struct core_genesis genesis = { .org = pin->org, .pin = e->pin,
	    .pin_from = e->pin_from };
	struct gate *g = &e->g;
	struct sha256 machine;
	int err;

	if (journal_next(g->journal) > 0) {
		if (strcmp(core_device(g->core),
		    identity_device(g->key)) == 0 &&
		    strcmp(core_org(g->core), pin->org) == 0)
			return 0;
		say("an enrolment with another pin was begun here", "finish"
		    " it, or remove the state folder to begin again");
		return ERR_CONFLICT;
	}
	memset(&machine, 0, sizeof(machine));
	err = identity_machine(&machine);
	if (err != 0 && err != ERR_NOT_FOUND)
		return err;
	genesis.device = identity_device(g->key);
	genesis.key = identity_public(g->key);
	genesis.machine = &machine;
	if (e->previous[0] != '\0')
		genesis.previous_device = e->previous;
	if (e->checkpoint.n > 0)
		genesis.previous_checkpoint = buf_bytes(&e->checkpoint);
	if ((err = core_begin(g->core, gate_moment(), &genesis)) != 0)
		return err;
	return gate_anchor(g);
}

/* ---- the console ---- */

static void
stop(struct enrolment *e, int err)
{
	struct gate *g = &e->g;

	e->err = err;
	g->closed = true;
	uplink_close(g->uplink);
	g->uplink = NULL;
	if (!uv_is_closing((uv_handle_t *)&e->timer))
		uv_close((uv_handle_t *)&e->timer, NULL);
	if (!uv_is_closing((uv_handle_t *)&g->events))
		uv_close((uv_handle_t *)&g->events, NULL);
}

static void
on_timer(uv_timer_t *t)
{
	struct enrolment *e = t->data;

	if (!e->answered)
		fprintf(stderr, "countersignd: no answer from the console"
		    " (%s): see that its address in the token can be reached"
		    " from here, or make a new token\n",
		    uplink_detail(e->g.uplink));
	stop(e, e->answered ? 0 : ERR_CLOSED);
}

static int
ask(struct enrolment *e)
{
	struct gate *g = &e->g;
	struct wire_enrol w = {
		.secret = bytes_str(e->token.secret),
		.key = identity_public(g->key),
		.device = bytes_str(identity_device(g->key)),
	};
	struct buf b;
	int err;

	buf_init(&b, 4096);
	wire_put_enrol(&b, &w);
	if ((err = buf_error(&b)) == 0)
		err = uplink_send(g->uplink, buf_bytes(&b));
	if (b.p != NULL)
		secrets_wipe(b.p, b.n);
	buf_free(&b);
	return err;
}

static int
on_enrolled(struct enrolment *e, struct bytes body)
{
	struct wire_challenge c = { e->challenge, e->challenge + WIRE_NONCE };
	struct wire_enrolled w;
	int err;

	if (wire_get_enrolled(body, &w) != 0)
		return ERR_PROTOCOL;
	if (!w.ok) {
		fprintf(stderr, "countersignd: the console refuses: %.*s:"
		    " make a new token (countersign-console enrol-token)\n",
		    (int)w.reason.n, (const char *)w.reason.p);
		return ERR_DENIED;
	}
	e->answered = true;
	if ((err = linkfile_write(e->g.state_dir, &e->token.link)) != 0)
		return err;
	return link_prove(&e->g, &c);
}

/* Trust files come as to any agent; each starts the wait for the next. */
static int
on_files(struct enrolment *e, const struct wire_msg *m)
{
	struct gate *g = &e->g;
	const struct trust *t;

	if (m->type == WIRE_WELCOME) {
		outbox_open(g->outbox);
	} else {
		link_message(g, m);
		gate_turn(g);
	}
	if (g->broken)
		return ERR_IO;
	t = core_trust_files(g->core);
	return uv_timer_start(&e->timer, on_timer, trust_root(t) != NULL &&
	    trust_people(t) != NULL && trust_policy(t) != NULL ?
	    FILES_MS / 4 : FILES_MS, 0) == 0 ? 0 : ERR_IO;
}

static void
on_message(void *arg, const struct wire_msg *m)
{
	struct enrolment *e = arg;
	struct wire_challenge c;
	int err = 0;

	switch (m->type) {
	case WIRE_CHALLENGE:
		if ((err = wire_get_challenge(m->body, &c)) != 0)
			break;
		memcpy(e->challenge, c.nonce, WIRE_NONCE);
		memcpy(e->challenge + WIRE_NONCE, c.exporter, WIRE_HASH);
		err = e->answered ? link_prove(&e->g, &c) : ask(e);
		break;
	case WIRE_ENROLLED:
		err = on_enrolled(e, m->body);
		break;
	case WIRE_READY:
	case WIRE_LINK:
		break;
	default:
		err = on_files(e, m);
		break;
	}
	if (err != 0)
		stop(e, err);
}

static void
on_state(void *arg, enum wire_gate_state state, const char *detail)
{
	struct enrolment *e = arg;

	if (state == WIRE_GATE_DOWN && detail[0] != '\0' && !e->g.closed)
		fprintf(stderr, "countersignd: %s\n", detail);
}

static void
on_violation(void *arg, const char *reason)
{
	struct enrolment *e = arg;

	say("the network process broke its rules", reason);
	stop(e, ERR_PROTOCOL);
}

static void
on_room(void *arg)
{
	struct enrolment *e = arg;

	outbox_push(e->g.outbox);
}

static void
on_child(uv_poll_t *h, int status, int events)
{
	struct enrolment *e = h->data;
	struct events seen;

	(void)status;
	(void)events;
	events_take(e->g.events_fd, &seen);
	if (e->g.uplink != NULL)
		uplink_reap(e->g.uplink);
}

static int
talk(struct enrolment *e)
{
	struct gate *g = &e->g;
	struct uplink_config cfg = {
		.loop = g->loop,
		.log = &g->log,
		.program = &g->courier_file,
		.user = g->config.courier_user,
		.on_message = on_message,
		.on_state = on_state,
		.on_violation = on_violation,
		.on_room = on_room,
		.arg = e,
	};
	int err;

	link_config(g, &cfg.link);
	if ((err = events_open(EVENTS_CHILDREN, &g->events_fd)) != 0)
		return err;
	if (uv_timer_init(g->loop, &e->timer) != 0 ||
	    uv_poll_init_socket(g->loop, &g->events,
	    (uv_os_sock_t)g->events_fd) != 0)
		return ERR_IO;
	e->timer.data = e;
	g->events.data = e;
	if (uv_poll_start(&g->events, UV_READABLE, on_child) != 0 ||
	    uv_timer_start(&e->timer, on_timer, ANSWER_MS, 0) != 0)
		return ERR_IO;
	if ((err = uplink_open(&cfg, &g->uplink)) != 0)
		return err;
	(void)uv_run(g->loop, UV_RUN_DEFAULT);
	return e->err;
}

/* ---- what goes out ---- */

static int
write_device(struct enrolment *e, const char *path)
{
	struct gate *g = &e->g;
	struct buf b, name;
	struct jsonw w;
	int err;

	buf_init(&b, 8192);
	buf_init(&name, 512);
	host_put_name(&name);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_int(&w, "v", 1);
	jsonw_cstr(&w, "kind", "countersign-device");
	jsonw_cstr(&w, "device", identity_device(g->key));
	jsonw_cstr(&w, "org", core_org(g->core));
	jsonw_b64(&w, "key", bytes_of(identity_public(g->key), 32));
	jsonw_str(&w, "name", buf_bytes(&name));
	jsonw_cstr(&w, "system", host_system());
	jsonw_digest(&w, "machine", &core_standing(g->core)->machine);
	jsonw_obj_end(&w);
	buf_put_u8(&b, '\n');
	if ((err = buf_error(&b)) == 0)
		err = userfile_write(path, buf_bytes(&b), USERFILE_PUBLIC,
		    false);
	if (err != 0)
		say(path, "the device's file cannot be written");
	buf_free(&b);
	buf_free(&name);
	return err;
}

/* Whether the console's root was refused: it is not the one of the pin. */
static bool
is_other_root(struct gate *g)
{
	struct journal_cursor at;
	struct record_doc *d;
	struct buf payload;
	struct entry entry;
	bool found = false;

	journal_seek(&at, 0);
	buf_init(&payload, ENTRY_MAX);
	while (!found && journal_read(g->journal, &at, &payload, &entry) > 0) {
		if (record_parse(entry.payload, &d) != 0)
			continue;
		found = record_of(d)->kind == RECORD_TRUST_REFUSED &&
		    bytes_is(record_of(d)->reason, "not_pinned");
		record_free(d);
	}
	buf_free(&payload);
	return found;
}

static int
report(struct enrolment *e)
{
	const struct trust *t = core_trust_files(e->g.core);
	const char *blocked = core_blocked(e->g.core, gate_moment());

	if (trust_root(t) == NULL && is_other_root(&e->g)) {
		say("the console's root is not the one of this pin, so"
		    " nothing can run (not_pinned)", "ask the device's owner"
		    " for the pin, then enrol again with a new token");
		return ERR_DENIED;
	}
	printf("%s\n", identity_device(e->g.key));
	fflush(stdout);
	if (trust_root(t) == NULL)
		fprintf(stderr, "countersignd: enrolled; the console has no"
		    " trust files yet, so nothing can run\n");
	else if (blocked != NULL)
		fprintf(stderr, "countersignd: enrolled; nothing can run yet"
		    " (%s): the owner signs this device's entry with"
		    " `countersign trust device`\n", blocked);
	else
		fprintf(stderr, "countersignd: enrolled\n");
	return 0;
}

static int
enrol(struct enrolment *e, const struct enrol_options *o)
{
	struct gate *g = &e->g;
	struct pin pin;
	int err;

	if (o->once && is_enrolled(&g->config)) {
		fprintf(stderr, "countersignd: this device is enrolled"
		    " already: left as it is\n");
		return 0;
	}
	if ((err = read_token(o->token, &e->token)) != 0 ||
	    (err = read_pin(e, o->pin, &pin)) != 0 ||
	    (err = gate_open_programs(g)) != 0 ||
	    (err = prepare_state(e)) != 0 ||
	    (err = gate_open(g, true)) != 0 ||
	    (err = begin(e, &pin)) != 0)
		return err;
	g->link = e->token.link;
	err = talk(e);
	memset(&g->link, 0, sizeof(g->link));
	if (err != 0)
		return err;
	if (o->out != NULL && (err = write_device(e, o->out)) != 0)
		return err;
	return report(e);
}

int
enrol_run(struct config *config, const struct enrol_options *o)
{
	struct enrolment e;
	uv_loop_t loop;
	int err;

	memset(&e, 0, sizeof(e));
	buf_init(&e.checkpoint, NOTE_MAX);
	e.g.config = *config;
	e.g.due_fd = -1;
	e.g.events_fd = -1;
	e.g.state_dir = -1;
	e.g.courier_file.fd = -1;
	e.g.runner_file.fd = -1;
	e.g.own_file.fd = -1;
	log_init(&e.g.log, "countersignd", false);
	if (uv_loop_init(&loop) != 0)
		return 1;
	e.g.loop = &loop;
	err = enrol(&e, o);
	executor_close(e.g.executor);
	e.g.executor = NULL;
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	gate_close(&e.g);
	(void)uv_loop_close(&loop);
	token_free(&e.token);
	buf_free(&e.checkpoint);
	return err == 0 ? 0 : err == ERR_CLOSED ? 4 : err == ERR_DENIED ? 3 :
	    1;
}
