/*
 * http.c - answers: JSON, problems, streams; and query arguments.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/api/http.h"

#include <stdlib.h>
#include <string.h>

static void
queue(struct request *r, unsigned status, const char *type,
    struct MHD_Response *response)
{
	r->answered = true;
	if (response == NULL) {
		r->queued = MHD_NO;
		return;
	}
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
	    type);
	(void)MHD_add_response_header(response,
	    MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	(void)MHD_add_response_header(response, "X-Content-Type-Options",
	    "nosniff");
	if (status == 401)
		(void)MHD_add_response_header(response,
		    MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (r->location[0] != '\0')
		(void)MHD_add_response_header(response,
		    MHD_HTTP_HEADER_LOCATION, r->location);
	if (r->output != NULL)
		(void)MHD_add_response_header(response, "Countersign-Output",
		    r->output);
	if (status >= 400)
		r->c->counters.requests_refused++;
	r->queued = MHD_queue_response(r->connection, status, response);
	MHD_destroy_response(response);
}

void
http_reply(struct request *r, unsigned status, const char *type,
    struct buf *b)
{
	struct MHD_Response *response;
	void *p = b->p;
	size_t n = b->n;
	int err = buf_error(b);

	if (err != 0) {
		buf_free(b);
		http_error(r, err);
		return;
	}
	/* The memory goes with the response. */
	b->p = NULL;
	b->n = b->size = 0;
	response = MHD_create_response_from_buffer(n, p,
	    MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		free(p);
	queue(r, status, type, response);
}

void
http_reply_json(struct request *r, unsigned status, struct buf *b)
{
	buf_put_u8(b, '\n');
	http_reply(r, status, "application/json", b);
}

void
http_problem(struct request *r, unsigned status, const char *word,
    const char *title, const char *detail)
{
	char type[128];
	struct jsonw w;
	struct buf b;

	(void)snprintf(type, sizeof(type), "urn:countersign:problem:%s", word);
	buf_init(&b, 16384);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "type", type);
	jsonw_cstr(&w, "title", title);
	jsonw_int(&w, "status", status);
	jsonw_cstr(&w, "detail", detail);
	jsonw_cstr(&w, "reason", word);
	jsonw_obj_end(&w);
	buf_put_u8(&b, '\n');
	if (buf_error(&b) != 0) {
		buf_free(&b);
		r->answered = true;
		r->queued = MHD_NO;
		return;
	}
	http_reply(r, status, "application/problem+json", &b);
}

void
http_error(struct request *r, int err)
{
	switch (err) {
	case ERR_NOT_FOUND:
		http_problem(r, 404, "not_found", "there is no such thing",
		    "check the id");
		break;
	case ERR_NO_SPACE:
		http_problem(r, 507, "disk_full", "the console's disk is "
		    "full", "free some space and try again");
		break;
	case ERR_AGAIN:
		http_problem(r, 503, "busy", "the console's database is in "
		    "use by another program", "try again in some seconds");
		break;
	default:
		http_problem(r, 500, err_word(err), "the console could not "
		    "do it", "look at its log; trying again is safe");
		break;
	}
}

void
http_stream(struct request *r, const char *type,
    struct MHD_Response *response)
{
	queue(r, 200, type, response);
}

const char *
http_query(struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection,
	    MHD_GET_ARGUMENT_KIND, name);
}

bool
http_query_number(struct request *r, const char *name, uint64_t *ret_v)
{
	const char *text = http_query(r, name);
	uint64_t v = 0;
	size_t i;

	if (text == NULL)
		return true;
	if (text[0] == '\0' || strlen(text) > 18)
		return false;
	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	*ret_v = v;
	return true;
}
