/*
 * journal.c - a device's journal over HTTP, raw or as an archive (export.h).
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/api/http.h"

#include "console/export.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)64 << 10)

struct download {
	struct export *export;
	struct buf out;
	size_t out_at;
};

static void
free_download(void *cls)
{
	struct download *x = cls;

	export_free(x->export);
	buf_free(&x->out);
	free(x);
}

static ssize_t
read_download(void *cls, uint64_t at, char *buf, size_t max)
{
	struct download *x = cls;
	size_t n;

	(void)at;
	if (x->out_at == x->out.n) {
		x->out_at = 0;
		if (export_next(x->export, &x->out) != 0)
			return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	n = x->out.n - x->out_at;
	if (n == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n > max)
		n = max;
	memcpy(buf, x->out.p + x->out_at, n);
	x->out_at += n;
	return (ssize_t)n;
}

/* The form that is asked for, or a problem. */
static bool
read_query(struct request *r, struct export_order *o)
{
	const char *form = http_query(r, "export");

	if (http_query_number(r, "from", &o->from) &&
	    (form == NULL || strcmp(form, "tar") == 0) &&
	    (form == NULL || o->from == 0)) {
		o->tar = form != NULL;
		return true;
	}
	http_problem(r, 400, "bad_query", "from or export cannot be",
	    "from is an index; export is tar, and then from is left out");
	return false;
}

void
api_journal(struct request *r)
{
	struct MHD_Response *response;
	struct export_order o;
	struct download *x;
	int err;

	memset(&o, 0, sizeof(o));
	if (!api_find_device(r, &o.device) || !read_query(r, &o))
		return;
	o.store = r->c->store;
	o.transcripts = spool_folder(r->c->spool);
	o.self = &r->c->self.key;
	if ((x = calloc(1, sizeof(*x))) == NULL) {
		http_error(r, ERR_NOMEM);
		return;
	}
	buf_init(&x->out, EXPORT_PIECE_MAX);
	if ((err = export_new(&o, &x->export)) != 0) {
		free_download(x);
		http_error(r, err);
		return;
	}
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, CHUNK,
	    read_download, x, free_download);
	if (response == NULL)
		free_download(x);
	http_stream(r, o.tar ? "application/x-tar" :
	    "application/octet-stream", response);
}
