/*
 * serve.c - the console as a service: everything put together.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/serve.h"

#include "common/doc.h"
#include "common/jsonw.h"
#include "common/tls.h"
#include "console/api/api.h"
#include "console/conlog.h"
#include "console/console.h"
#include "console/gateway/gateway.h"
#include "console/identity.h"
#include "console/owners.h"
#include "console/witness/submit.h"
#include "platform/clock.h"
#include "platform/service.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#define TICK_MS 1000u
#define CERTIFICATE_MS (24u * 3600 * 1000)
#define EXPIRED_MAX 1000

struct server {
	struct console c;
	uv_loop_t loop;
	struct gateway *gateway;
	struct api *api;
	uv_signal_t term, interrupt;
	uv_timer_t tick, certificate, watchdog;
	bool has_handles, closing;
	int lock;
};

/* ---- cards that never reached their device ---- */

struct expired {
	struct store_card cards[EXPIRED_MAX];
	size_t n;
};

static int
collect(void *ctx, const struct store_card *c)
{
	struct expired *x = ctx;

	if (x->n < EXPIRED_MAX)
		x->cards[x->n++] = *c;
	return 0;
}

static int
end_cards(struct server *s, struct expired *x, int64_t now)
{
	struct store_card *c;
	size_t i;
	int err;

	err = turn_begin(&s->c.turn);
	for (i = 0; i < x->n && err == 0; i++) {
		c = &x->cards[i];
		(void)snprintf(c->state, sizeof(c->state), "expired");
		(void)snprintf(c->reason, sizeof(c->reason), "undelivered");
		c->changed = now;
		err = store_card_update(s->c.store, c);
	}
	if (err == 0)
		err = store_out_expire(s->c.store, now);
	if (err != 0)
		turn_fail(&s->c.turn, err);
	else
		err = turn_settle(&s->c.turn);
	for (i = 0; i < x->n && err == 0; i++)
		watch_wake(&s->c.watch, &x->cards[i].digest);
	return err;
}

static void
on_tick(uv_timer_t *t)
{
	struct server *s = t->data;
	int64_t now = clock_wall_s(), next = 0;
	struct expired *x;
	int err;

	err = store_card_next_expiry(s->c.store, &next);
	if (err != 0 || next == 0 || next > now)
		return;
	if ((x = calloc(1, sizeof(*x))) == NULL)
		return;
	err = store_card_each_undelivered(s->c.store, now, collect, x);
	if (err == 0)
		err = end_cards(s, x, now);
	if (err != 0)
		conlog_event("expiry_failed error=%s", err_word(err));
	free(x);
}

/* ---- certificates ---- */

static int
load_tls(struct server *s, bool *ret_fresh, struct tls_config **ret_tls)
{
	struct identity i;
	int err;

	err = identity_load(s->c.store, s->c.settings, clock_wall_s(),
	    ret_fresh, &i);
	if (err != 0)
		return err;
	err = tls_config_new_server(buf_bytes(&i.chain), buf_bytes(&i.key),
	    ret_tls);
	identity_free(&i);
	return err;
}

static void
on_certificate(uv_timer_t *t)
{
	struct server *s = t->data;
	struct tls_config *tls;
	bool fresh = false;
	int err;

	(void)turn_settle(&s->c.turn);
	if ((err = load_tls(s, &fresh, &tls)) != 0) {
		conlog_event("certificate_failed error=%s", err_word(err));
		return;
	}
	if (fresh)
		gateway_set_tls(s->gateway, tls);
	else
		tls_config_free(tls);
}

static void
on_watchdog(uv_timer_t *t)
{
	(void)t;
	service_alive();
}

/* ---- the end ---- */

static void
close_all(struct server *s)
{
	if (s->closing)
		return;
	s->closing = true;
	service_stopping();
	conlog_event("stopping");
	api_close(s->api);
	gateway_close(s->gateway);
	submit_close(s->c.submit);
	s->c.submit = NULL;
	spool_free(s->c.spool);
	if (!s->has_handles)
		return;
	uv_close((uv_handle_t *)&s->term, NULL);
	uv_close((uv_handle_t *)&s->interrupt, NULL);
	uv_close((uv_handle_t *)&s->tick, NULL);
	uv_close((uv_handle_t *)&s->certificate, NULL);
	uv_close((uv_handle_t *)&s->watchdog, NULL);
	uv_close((uv_handle_t *)&s->c.rollout, NULL);
}

static void
on_signal(uv_signal_t *h, int number)
{
	(void)number;
	close_all(h->data);
}

/* ---- the beginning ---- */

static void
start_handles(struct server *s)
{
	uint64_t watchdog = service_watchdog_ms() / 2;

	(void)uv_signal_init(&s->loop, &s->term);
	(void)uv_signal_init(&s->loop, &s->interrupt);
	(void)uv_timer_init(&s->loop, &s->tick);
	(void)uv_timer_init(&s->loop, &s->certificate);
	(void)uv_timer_init(&s->loop, &s->watchdog);
	(void)uv_idle_init(&s->loop, &s->c.rollout);
	s->term.data = s;
	s->interrupt.data = s;
	s->tick.data = s;
	s->certificate.data = s;
	s->has_handles = true;
	(void)uv_signal_start(&s->term, on_signal, SIGTERM);
	(void)uv_signal_start(&s->interrupt, on_signal, SIGINT);
	(void)uv_timer_start(&s->tick, on_tick, TICK_MS, TICK_MS);
	(void)uv_timer_start(&s->certificate, on_certificate, CERTIFICATE_MS,
	    CERTIFICATE_MS);
	if (watchdog > 0)
		(void)uv_timer_start(&s->watchdog, on_watchdog, watchdog,
		    watchdog);
}

/* Two consoles on one folder would each end the other's connections. */
static int
take_lock(struct server *s)
{
	char path[FILES_PATH_SIZE];
	int err;

	if ((err = files_join(s->c.settings->data, "lock", path)) != 0)
		return err;
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock < 0)
		return ERR_PERMISSION;
	return flock(s->lock, LOCK_EX | LOCK_NB) == 0 ? 0 : ERR_EXISTS;
}

static int
fail(int err, const char *what, const char *mend)
{
	conlog_error("%s (%s): %s", what, err_text(err), mend);
	return 1;
}

static int
start_rooms(struct server *s)
{
	char spool[FILES_PATH_SIZE];
	struct tls_config *tls;
	bool fresh;
	int err;

	turn_init(&s->c.turn, s->c.store);
	if ((err = self_load(s->c.store, s->c.settings, &s->c.self)) != 0)
		return fail(err, "the console's key as a witness cannot be "
		    "used", "leave \"witness_name\" as it was at the first "
		    "start; `witness-key` says it");
	s->c.answerer.store = s->c.store;
	s->c.answerer.settings = s->c.settings;
	s->c.answerer.self = &s->c.self;
	if ((err = files_join(s->c.settings->data, "transcripts",
	    spool)) != 0 || (err = links_init(&s->c.links)) != 0 ||
	    (err = owners_new(s->c.store, &s->c.owners)) != 0 ||
	    (err = spool_new(&s->loop, spool, &s->c.turn, &s->c.watch,
	    &s->c.spool)) != 0)
		return fail(err, "the console's folder cannot be used",
		    "check \"data\" in the configuration");
	if ((err = load_tls(s, &fresh, &tls)) != 0)
		return fail(err, "there is no certificate for the agents' "
		    "port", "check \"agents.names\" in the configuration");
	if ((err = gateway_new(&s->c, tls, &s->gateway)) != 0)
		return fail(err, "the agents' port cannot be opened",
		    "check \"agents.listen\" in the configuration");
	if ((err = api_new(&s->c, &s->api)) != 0)
		return fail(err, "the API's port cannot be opened",
		    "check \"api.listen\" in the configuration");
	if ((err = submit_new(&s->c, &s->c.submit)) != 0)
		return fail(err, "foreign witnesses cannot be asked",
		    "check \"witnesses\" in the configuration");
	return 0;
}

/* Says where it listens: into a file, and to whoever started it. */
static int
announce(struct server *s, bool json)
{
	char path[FILES_PATH_SIZE];
	struct jsonw w;
	struct buf b;
	int err;

	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "agents_host", s->c.settings->agents.host);
	jsonw_int(&w, "agents_port", gateway_port(s->gateway));
	jsonw_cstr(&w, "api_host", s->c.settings->api.host);
	jsonw_int(&w, "api_port", api_port(s->api));
	jsonw_int(&w, "pid", getpid());
	jsonw_obj_end(&w);
	buf_put_u8(&b, '\n');
	if ((err = buf_error(&b)) == 0 &&
	    (err = files_join(s->c.settings->data, SERVE_LISTEN_FILE,
	    path)) == 0)
		err = files_replace(path, buf_bytes(&b));
	if (err == 0 && json)
		printf("%.*s", (int)b.n, (const char *)b.p);
	else if (err == 0)
		printf("agents connect to %s port %u, the API is at "
		    "http://%s:%u\n", s->c.settings->agents.host,
		    gateway_port(s->gateway), s->c.settings->api.host,
		    api_port(s->api));
	(void)fflush(stdout);
	buf_free(&b);
	if (err != 0)
		return fail(err, "the console's folder cannot be written",
		    "check \"data\" in the configuration");
	service_ready();
	return 0;
}

static int
run(struct server *s, bool json)
{
	int code;

	if ((code = start_rooms(s)) == 0) {
		start_handles(s);
		code = announce(s, json);
	}
	if (code != 0)
		close_all(s);
	(void)uv_run(&s->loop, UV_RUN_DEFAULT);
	links_fini(&s->c.links);
	buf_free(&s->c.counted);
	owners_free(s->c.owners);
	self_wipe(&s->c.self);
	return code;
}

/* Each connection is a descriptor: as many as we may have. */
static void
raise_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
		l.rlim_cur = l.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &l);
	}
}

int
serve(const struct settings *settings, struct store *store, bool json)
{
	struct server *s;
	int code, err;

	(void)signal(SIGPIPE, SIG_IGN);
	raise_limit();
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return fail(ERR_NOMEM, "no memory", "free some");
	s->c.settings = settings;
	s->c.store = store;
	s->c.loop = &s->loop;
	s->c.started = clock_wall_s();
	if ((err = take_lock(s)) != 0) {
		code = fail(err, "another console serves from this folder",
		    "stop it first, or use another \"data\"");
	} else if (uv_loop_init(&s->loop) != 0) {
		code = fail(ERR_IO, "there is no event loop",
		    "raise the limit of open files");
	} else {
		code = run(s, json);
		(void)uv_loop_close(&s->loop);
	}
	if (s->lock > 0)
		(void)close(s->lock);
	free(s);
	return code;
}

int
serve_agents_port(const struct settings *settings, uint16_t *ret_port)
{
	char path[FILES_PATH_SIZE];
	int64_t port = 0;
	struct doc_obj o;
	struct doc *d;
	struct buf b;
	int err;

	buf_init(&b, 4096);
	if ((err = files_join(settings->data, SERVE_LISTEN_FILE, path)) == 0 &&
	    (err = files_read(path, &b)) == 0 &&
	    (err = doc_parse(buf_bytes(&b), 0, &d)) == 0) {
		o = doc_root(d);
		doc_int(&o, "agents_port", 1, 65535, &port);
		if ((err = doc_error(d)) == 0)
			*ret_port = (uint16_t)port;
		doc_free(d);
	}
	buf_free(&b);
	return err;
}
