/*
 * post.c - one HTTP POST at a time, in a thread of its own.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/witness/post.h"

#include <curl/curl.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 5000L
#define WHOLE_MS 15000L

struct post {
	uv_async_t done_async;
	uv_thread_t thread;
	CURL *curl;
	struct curl_slist *headers;
	post_done_fn *done;
	void *ctx;
	bool busy, closing;
	atomic_bool stop;
	/* The thread's while it is busy. */
	char *url;
	struct buf body, answer;
	long status;
};

/* ---- in the thread ---- */

static size_t
on_data(char *data, size_t size, size_t n, void *ctx)
{
	struct post *p = ctx;

	buf_put(&p->answer, data, size * n);
	return buf_error(&p->answer) == 0 ? size * n : 0;
}

static int
on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct post *p = ctx;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return atomic_load(&p->stop) ? 1 : 0;
}

static void
run(void *arg)
{
	struct post *p = arg;
	CURL *c = p->curl;

	p->status = 0;
	(void)curl_easy_setopt(c, CURLOPT_URL, p->url);
	(void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, (const char *)p->body.p);
	(void)curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)p->body.n);
	if (curl_easy_perform(c) != CURLE_OK ||
	    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &p->status) !=
	    CURLE_OK)
		p->status = 0;
	(void)uv_async_send(&p->done_async);
}

/* ---- on the loop ---- */

static void
join(struct post *p)
{
	if (!p->busy)
		return;
	(void)uv_thread_join(&p->thread);
	p->busy = false;
}

static void
on_done(uv_async_t *h)
{
	struct post *p = h->data;

	if (!p->busy || p->closing)
		return;
	join(p);
	p->done(p->ctx, p->status, buf_bytes(&p->answer));
}

static int
set_up(struct post *p)
{
	CURL *c;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (c = p->curl = curl_easy_init()) == NULL)
		return ERR_IO;
	p->headers = curl_slist_append(NULL, "Content-Type: text/plain");
	if (p->headers == NULL)
		return ERR_NOMEM;
	(void)curl_easy_setopt(c, CURLOPT_POST, 1L);
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, p->headers);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, "countersign-console");
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, WHOLE_MS);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, p);
	(void)curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	(void)curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(c, CURLOPT_XFERINFODATA, p);
	return 0;
}

static void
free_post(struct post *p)
{
	curl_slist_free_all(p->headers);
	if (p->curl != NULL)
		curl_easy_cleanup(p->curl);
	free(p->url);
	buf_free(&p->body);
	buf_free(&p->answer);
	free(p);
}

static void
on_closed(uv_handle_t *h)
{
	free_post(h->data);
}

int
post_new(uv_loop_t *loop, post_done_fn *done, void *ctx, struct post **ret_p)
{
	struct post *p;
	int err;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return ERR_NOMEM;
	p->done = done;
	p->ctx = ctx;
	buf_init(&p->body, SIZE_MAX / 2);
	buf_init(&p->answer, POST_ANSWER_MAX);
	if ((err = set_up(p)) == 0 &&
	    uv_async_init(loop, &p->done_async, on_done) != 0)
		err = ERR_IO;
	if (err != 0) {
		free_post(p);
		return err;
	}
	p->done_async.data = p;
	*ret_p = p;
	return 0;
}

void
post_close(struct post *p)
{
	if (p == NULL || p->closing)
		return;
	p->closing = true;
	atomic_store(&p->stop, true);
	join(p);
	uv_close((uv_handle_t *)&p->done_async, on_closed);
}

bool
post_is_busy(const struct post *p)
{
	return p->busy;
}

int
post_send(struct post *p, const char *url, struct bytes body)
{
	int err;

	if (p->busy || p->closing)
		return ERR_STATE;
	free(p->url);
	p->url = NULL;
	buf_clear(&p->body);
	buf_clear(&p->answer);
	buf_put_bytes(&p->body, body);
	if ((err = buf_error(&p->body)) != 0 ||
	    (err = bytes_dup_str(bytes_str(url), &p->url)) != 0)
		return err;
	if (uv_thread_create(&p->thread, run, p) != 0)
		return ERR_IO;
	p->busy = true;
	return 0;
}
