/*
 * conn.h - one connection to the console: from its name to an open WebSocket.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 *
 * Resolves, connects, goes through a proxy where there is one, does the TLS
 * handshake and the upgrade, and from then on carries plaintext both ways. One
 * struct conn is one attempt and is never used again.
 */
#ifndef COUNTERSIGN_AGENT_COURIER_CONN_H
#define COUNTERSIGN_AGENT_COURIER_CONN_H

#include "common/bytes.h"
#include "common/tls.h"

#include <uv.h>

/* Bytes that may wait to be sent: above it stop giving more (conn_waiting). */
#define CONN_WAIT_HIGH ((size_t)256 * 1024)

/* Where to, and how. Lives longer than the connection. */
struct conn_config {
	uv_loop_t *loop;
	char *host;
	uint16_t port;
	char *path;
	struct tls_config *tls;
	char *proxy_host;	/* NULL: none */
	uint16_t proxy_port;
	char *proxy_user;	/* NULL: without a login */
	char *proxy_password;
	/* Where reads go; the owner's, used only inside a callback. */
	uint8_t *scratch;
	size_t scratch_n;
};

/* What happens. The connection may be closed inside any of them. */
struct conn_events {
	/* The WebSocket is open. */
	void (*open)(void *arg);
	/* Plaintext came. What is left in *plain is kept, nothing more is read,
	 * and it is given again on conn_resume(). */
	void (*data)(void *arg, struct bytes *plain);
	/* Bytes came: the peer lives. Comes before data. */
	void (*alive)(void *arg);
	/* The system took what was waiting: see conn_waiting(). */
	void (*room)(void *arg);
	/* It is over, closed already; never after conn_close(). why is for
	 * people, and without anything from outside. retry_after_s: what an
	 * HTTP reply asked for; 0 nothing. */
	void (*ended)(void *arg, const char *why, uint32_t retry_after_s);
};

struct conn;

/*
 * Begins an attempt. It may come to nothing before this returns: ended is then
 * called before, and *ret_c is NULL. ERR_NOMEM, ERR_CRYPTO, ERR_IO: not begun.
 */
MUST_CHECK int conn_open(const struct conn_config *cfg,
    const struct conn_events *ev, void *arg, struct conn **ret_c);

/*
 * Closes; no event comes any more, and the memory goes in its time. What was
 * written last gets into the system's buffer if there is room. NULL is fine.
 */
void conn_close(struct conn *c);

/* Sends plaintext, once open. ERR_STATE, ERR_NOMEM, ERR_TLS, ERR_IO. */
MUST_CHECK int conn_write(struct conn *c, struct bytes plain);
/* Bytes that wait to be sent. */
size_t conn_waiting(const struct conn *c);
/* Bytes that the system took so far: grows while the peer takes them too. */
uint64_t conn_taken(const struct conn *c);
/* Whether data is being kept back since the last data event. */
bool conn_is_paused(const struct conn *c);
/* Goes on after data was left: the data event comes again with what was left,
 * and reading starts again if all is taken now. */
void conn_resume(struct conn *c);

/* Frees what only a burst needs, where nothing waits. */
void conn_tidy(struct conn *c);

/* The channel binding, TLS_EXPORTER_LEN bytes. ERR_STATE, ERR_CRYPTO. */
MUST_CHECK int conn_exporter(struct conn *c, uint8_t *ret_binding);
/* "TLSv1.3", … for a log line. */
const char *conn_tls_version(const struct conn *c);

/* When the present step has taken too long (boot ms); 0 never. */
uint64_t conn_deadline(const struct conn *c);
/* Ends it if that time has come. */
void conn_check_deadline(struct conn *c, uint64_t now);

#endif
