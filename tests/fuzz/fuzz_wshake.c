/*
 * fuzz_wshake.c - heads of HTTP messages: how the input is cut changes nothing,
 * and every request taken can be answered so that a client takes the answer.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * Input: a byte for the size of the pieces, then the head and what follows.
 */
#include "common/base64.h"
#include "common/wshake.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const uint8_t sample[] = "the sample nonce";

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* Feeds in pieces of step bytes; *ret_rest is how much was left over. */
static int
read_head(struct wshake_head *h, struct bytes in, size_t step, size_t *ret_rest)
{
	struct bytes part = { NULL, 0 };
	int err = ERR_AGAIN;

	wshake_head_init(h);
	while (in.n > 0 && err == ERR_AGAIN) {
		part = bytes_of(in.p, in.n < step ? in.n : step);
		in = bytes_of(in.p + part.n, in.n - part.n);
		err = wshake_head_feed(h, &part);
		must(err != ERR_AGAIN || part.n == 0);
	}
	*ret_rest = part.n + in.n;
	return err;
}

static void
answer(const struct wshake_request *request)
{
	struct wshake_head h;
	struct wshake_answer a;
	struct bytes protocol = bytes_str(WSHAKE_PROTOCOL), in;
	struct buf reply, nonce;

	must(request->path.n > 0 && request->path.p[0] == '/');
	must(request->host.n > 0);
	buf_init(&reply, 4096);
	buf_init(&nonce, WSHAKE_NONCE_LEN);
	must(base64_decode(request->key, &nonce) == 0);
	must(nonce.n == WSHAKE_NONCE_LEN);
	must(wshake_put_accept(request, protocol, &reply) == 0);
	wshake_head_init(&h);
	in = buf_bytes(&reply);
	must(wshake_head_feed(&h, &in) == 0 && in.n == 0);
	must(wshake_read_answer(&h, nonce.p, protocol, &a) == 0);
	must(a.accepted);
	wshake_head_fini(&h);
	buf_free(&reply);
	buf_free(&nonce);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct bytes protocol = bytes_str(WSHAKE_PROTOCOL), in;
	struct wshake_head whole, cut;
	struct wshake_request request;
	struct wshake_answer a;
	size_t rest_whole, rest_cut;
	int err;

	if (n < 2 || n > 65536)
		return 0;
	in = bytes_of(p + 1, n - 1);
	err = read_head(&whole, in, SIZE_MAX, &rest_whole);
	must(read_head(&cut, in, 1 + (size_t)p[0], &rest_cut) == err);
	must(rest_whole == rest_cut);
	must(bytes_equal(buf_bytes(&whole.data), buf_bytes(&cut.data)));
	must(whole.data.n <= WSHAKE_HEAD_MAX);

	err = wshake_read_request(&whole, protocol, &request);
	if (err == 0)
		answer(&request);
	else
		must(wshake_status_for(err) >= 400);
	err = wshake_read_answer(&whole, sample, protocol, &a);
	if (err == 0)
		must(a.accepted == (a.status == 101));
	err = wshake_read_connect(&whole, &a);
	if (err == 0)
		must(a.accepted == (a.status >= 200 && a.status <= 299));
	wshake_head_fini(&whole);
	wshake_head_fini(&cut);
	return 0;
}
