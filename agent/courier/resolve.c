/*
 * resolve.c - the addresses of a name, without holding up the loop.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 */
#include "agent/courier/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a resolver needs, and some; only touched pages count. */
#define STACK_SIZE ((size_t)256 * 1024)

struct resolve {
	uv_thread_t thread;
	uv_async_t ready;
	resolve_done *done;	/* NULL: cancelled */
	void *arg;
	/* The thread's, until it says ready. */
	char *host;
	char port[8];
	const char *why;
	struct sockaddr_storage addrs[RESOLVE_MAX];
	size_t n;
};

static void
on_freed(uv_handle_t *h)
{
	struct resolve *r = h->data;

	free(r->host);
	free(r);
}

static void
on_ready(uv_async_t *a)
{
	struct resolve *r = a->data;

	/* Its last act was to wake us: this does not wait. */
	(void)uv_thread_join(&r->thread);
	uv_close((uv_handle_t *)a, on_freed);
	if (r->done != NULL)
		r->done(r->arg, r->why, r->addrs, r->n);
}

/* Copies the addresses of a list; returns how many. */
static size_t
collect(const struct addrinfo *list, struct sockaddr_storage *ret_addrs)
{
	size_t n = 0;

	for (; list != NULL && n < RESOLVE_MAX; list = list->ai_next) {
		if (list->ai_addrlen > sizeof(ret_addrs[0]))
			continue;
		memset(&ret_addrs[n], 0, sizeof(ret_addrs[n]));
		memcpy(&ret_addrs[n], list->ai_addr, list->ai_addrlen);
		n++;
	}
	return n;
}

static void
look_up(void *arg)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	struct resolve *r = arg;
	int err;

	err = getaddrinfo(r->host, r->port, &hints, &list);
	if (err == 0) {
		r->n = collect(list, r->addrs);
		freeaddrinfo(list);
	}
	if (err == EAI_AGAIN)
		r->why = "the name server does not answer";
	else if (r->n == 0)
		r->why = "the name is not known";
	(void)uv_async_send(&r->ready);
}

/* Whether host is an address as it stands. */
static bool
read_address(const char *host, uint16_t port, struct sockaddr_storage *ret_a)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	memset(ret_a, 0, sizeof(*ret_a));
	if (uv_ip4_addr(host, port, &v4) == 0) {
		memcpy(ret_a, &v4, sizeof(v4));
		return true;
	}
	if (uv_ip6_addr(host, port, &v6) == 0) {
		memcpy(ret_a, &v6, sizeof(v6));
		return true;
	}
	return false;
}

int
resolve_start(uv_loop_t *loop, const char *host, uint16_t port,
    resolve_done *done, void *arg, struct resolve **ret_r)
{
	uv_thread_options_t small = { .flags = UV_THREAD_HAS_STACK_SIZE,
	    .stack_size = STACK_SIZE };
	struct sockaddr_storage addr;
	struct resolve *r;

	if (read_address(host, port, &addr)) {
		*ret_r = NULL;
		done(arg, NULL, &addr, 1);
		return 0;
	}
	if ((r = calloc(1, sizeof(*r))) == NULL)
		return ERR_NOMEM;
	r->done = done;
	r->arg = arg;
	r->ready.data = r;
	(void)snprintf(r->port, sizeof(r->port), "%u", (unsigned)port);
	if (bytes_dup_str(bytes_str(host), &r->host) != 0 ||
	    uv_async_init(loop, &r->ready, on_ready) != 0) {
		free(r->host);
		free(r);
		return ERR_NOMEM;
	}
	if (uv_thread_create_ex(&r->thread, &small, look_up, r) != 0) {
		uv_close((uv_handle_t *)&r->ready, on_freed);
		return ERR_IO;
	}
	*ret_r = r;
	return 0;
}

void
resolve_cancel(struct resolve *r)
{
	if (r != NULL)
		r->done = NULL;
}
