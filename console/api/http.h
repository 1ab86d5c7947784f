/*
 * http.h - a request and its answer: the inside of the API.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (only inside console/api).
 */
#ifndef COUNTERSIGN_CONSOLE_API_HTTP_H
#define COUNTERSIGN_CONSOLE_API_HTTP_H

#include "common/jsonw.h"
#include "console/api/api.h"
#include "console/store/trees.h"

#include <microhttpd.h>

/* Bodies: a card with its signatures; a trust file of 4 MiB in base64. */
#define HTTP_BODY_CARD ((size_t)96 << 10)
#define HTTP_BODY_APPROVAL ((size_t)64 << 10)
#define HTTP_BODY_TRUST ((size_t)6 << 20)
#define HTTP_BODY_REASON ((size_t)4 << 10)
/* What is answered in one piece; longer things are streams. */
#define HTTP_REPLY_MAX ((size_t)24 << 20)

/* What a user may do. */
#define RIGHT_READ 0x01u	/* cards, output, devices, trust files */
#define RIGHT_PROPOSE 0x02u	/* post cards, withdraw one's own */
#define RIGHT_RELAY 0x04u	/* approvals, cancels, withdrawals */
#define RIGHT_TRUST 0x08u	/* put trust files */
#define RIGHT_JOURNAL 0x10u	/* journals and their export */
#define RIGHT_OWN 0x20u		/* sees no cards but its own */

/* Segments of a path that are arguments. */
#define HTTP_PARAMS 3

struct request;
typedef void http_handler(struct request *r);

struct route {
	const char *method;
	/* "/v1/cards/{}/card": {} is any segment, {*} all that are left */
	const char *path;
	unsigned right;		/* 0: everybody, without a token */
	size_t body;		/* most bytes of a body; 0: none */
	http_handler *handle;
};

/* Ends with a NULL method. */
extern const struct route http_routes[];

struct request {
	struct api *api;
	struct console *c;
	struct MHD_Connection *connection;
	const struct route *route;
	/* What {} and {*} stand for, in their order. */
	struct bytes param[HTTP_PARAMS];
	char path[1024];
	struct buf body;
	size_t received;	/* of the body, kept or not */
	bool has_user;
	struct store_user user;
	unsigned rights;
	int64_t now;
	/* The answer. */
	char location[256];	/* the header, or "" */
	const char *output;	/* Countersign-Output: a word, or NULL */
	bool answered;
	enum MHD_Result queued;
};

/* ---- answers: exactly one for each request ---- */

/* type: static. The buffer is taken over, and freed. */
void http_reply(struct request *r, unsigned status, const char *type,
    struct buf *b);
/* JSON that was put together; a buffer that failed becomes a problem. */
void http_reply_json(struct request *r, unsigned status, struct buf *b);
/*
 * application/problem+json (RFC 9457). word: short, stable; title: what is
 * wrong; detail: what to do. Nothing from outside in them.
 */
void http_problem(struct request *r, unsigned status, const char *word,
    const char *title, const char *detail);
/* The problem for an error of store or memory. */
void http_error(struct request *r, int err);
/* A stream; the response is taken over. */
void http_stream(struct request *r, const char *type,
    struct MHD_Response *response);

/* A query argument, or NULL. */
const char *http_query(struct request *r, const char *name);
/* A decimal number in a query. False if it is there and is none. */
bool http_query_number(struct request *r, const char *name,
    uint64_t *ret_v);

/* ---- who asks ---- */

/*
 * Finds the user of the request's bearer token. False: it has been answered
 * with 401 or 403.
 */
bool http_authenticate(struct request *r);
/* The same on a route that is for everybody, with a right of its own. */
bool http_authenticate_for(struct request *r, unsigned right);
/* The rights of a role; 0 for none. */
unsigned http_rights(const char *role);
/* Whether the user may see things of that org. */
bool http_sees_org(const struct request *r, const char *org);

/* ---- handlers ---- */

http_handler api_cards_post, api_cards_list, api_card_get, api_card_bytes,
    api_card_pending, api_card_approve, api_card_cancel, api_card_output,
    api_card_events, api_devices_list, api_device_get, api_trust_put,
    api_trust_get, api_trust_device_put, api_trust_device_get, api_journal,
    api_witness, api_witness_checkpoint, api_add_checkpoint,
    api_log_checkpoint, api_log_tile, api_alarms_list, api_alarm_get,
    api_alarm_acknowledge, api_fleet_events,
    api_healthz, api_metrics, api_openapi;

/*
 * The card that the path names, if the user may see it; its envelope if it is
 * wanted. False: it has been answered.
 */
bool api_find_card(struct request *r, struct buf *ret_envelope,
    struct store_card *ret_c);

/* The device that the path names, if the user may see it; as above. */
bool api_find_device(struct request *r, struct store_device *ret_d);

/* An alarm as an object of that name, NULL in an array. */
void api_write_alarm(struct jsonw *w, const char *key,
    const struct store_alarm *a);

/* ---- streams of events ---- */

struct stream;

/* Every open one: a heartbeat, or the end. */
void stream_beat_all(struct stream **first);
void stream_end_all(struct stream **first);
struct stream **http_streams(struct api *a);
/* The daemon is to be run soon: something was resumed. */
void http_kick(struct api *a);

#endif
