/*
 * test_courier.c - the courier's timing rules, and that it gives all back.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: unit tests.
 */
#include "agent/courier/backoff.h"
#include "agent/courier/courier.h"
#include "agent/courier/pulse.h"
#include "agent/courier/quota.h"
#include "common/digest.h"
#include "tests/harness/test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

/* With the largest chance the wait is the bound itself. */
TEST(backoff_doubles_up_to_its_bound)
{
	static const uint32_t bounds[] = { 1000, 2000, 4000, 8000, 16000,
	    32000, 64000, 128000, 256000, 300000, 300000, 300000 };
	struct backoff b;
	uint64_t now = 5000;
	size_t i;

	backoff_init(&b, 1000);
	for (i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
		CHECK_INT(backoff_next(&b, now, UINT32_MAX) - now, bounds[i]);
	/* For ever: no shift runs over. */
	for (i = 0; i < 1000; i++)
		CHECK_INT(backoff_next(&b, now, UINT32_MAX) - now, 300000);
	CHECK_INT(backoff_next(&b, now, 0), now);
	CHECK_INT(backoff_next(&b, now, UINT32_MAX / 2) - now, 150000);
}

TEST(backoff_begins_small)
{
	struct backoff b;

	backoff_init(&b, 0);
	CHECK_INT(backoff_next(&b, 10, UINT32_MAX), 11);
	backoff_init(&b, 65535);
	CHECK_INT(backoff_next(&b, 10, UINT32_MAX), 65545);
}

TEST(backoff_resets_after_a_good_link)
{
	struct backoff b;
	int i;

	backoff_init(&b, 1000);
	for (i = 0; i < 5; i++)
		(void)backoff_next(&b, 0, 0);
	/* Up, but not for long enough. */
	backoff_up(&b, 1000);
	CHECK_INT(backoff_next(&b, 1000 + 59999, UINT32_MAX) - 60999, 32000);
	backoff_up(&b, 1000);
	CHECK_INT(backoff_next(&b, 1000 + 60000, UINT32_MAX) - 61000, 1000);
	/* A failure later, without a link in between, is no reset. */
	CHECK_INT(backoff_next(&b, 900000, UINT32_MAX) - 900000, 2000);
}

TEST(backoff_obeys_the_console)
{
	struct backoff b;

	backoff_init(&b, 1000);
	backoff_ask(&b, 100, 120);
	CHECK_INT(backoff_next(&b, 100, UINT32_MAX), 120100);
	/* Once. */
	CHECK_INT(backoff_next(&b, 100, 0), 100);
	/* It lengthens only. */
	backoff_init(&b, 10000);
	backoff_ask(&b, 100, 1);
	CHECK_INT(backoff_next(&b, 100, UINT32_MAX), 10100);
	/* Nobody is sent away for ever. */
	backoff_ask(&b, 0, UINT32_MAX);
	CHECK_INT(backoff_next(&b, 0, 0), 3600000);
}

TEST(pulse_pings_in_its_spread)
{
	struct pulse p;

	pulse_start(&p, 1000, 0);
	CHECK_INT(pulse_next(&p), 1000 + 24000);
	pulse_start(&p, 1000, UINT32_MAX);
	CHECK_INT(pulse_next(&p), 1000 + 36000);
	CHECK_INT(pulse_due(&p, 36999, 0), PULSE_NOTHING);
	CHECK_INT(pulse_due(&p, 37000, 0), PULSE_PING);
	/* Unanswered: the next thing is the end. */
	CHECK_INT(pulse_next(&p), 37000 + PULSE_DEAD_MS);
	CHECK_INT(pulse_due(&p, 37000 + PULSE_DEAD_MS - 1, 0), PULSE_NOTHING);
	CHECK_INT(pulse_due(&p, 37000 + PULSE_DEAD_MS, 0), PULSE_DEAD);
}

TEST(pulse_lives_on_a_sign)
{
	struct pulse p;

	pulse_start(&p, 0, 0);
	CHECK_INT(pulse_due(&p, 24000, 0), PULSE_PING);
	pulse_alive(&p);
	CHECK_INT(pulse_next(&p), 48000);
	CHECK_INT(pulse_due(&p, 47999, 0), PULSE_NOTHING);
	CHECK_INT(pulse_due(&p, 48000, 0), PULSE_PING);
}

TEST(pulse_is_excused_while_we_do_not_read)
{
	struct pulse p;

	pulse_start(&p, 0, 0);
	pulse_excuse(&p, 10);
	CHECK_INT(pulse_next(&p), 24000);
	CHECK_INT(pulse_due(&p, 24000, 0), PULSE_PING);
	pulse_excuse(&p, 43999);
	CHECK_INT(pulse_due(&p, 44000, 0), PULSE_NOTHING);
	/* The next ping does not give the unanswered one more time. */
	CHECK_INT(pulse_due(&p, 48000, 0), PULSE_PING);
	CHECK_INT(pulse_next(&p), 63999);
	CHECK_INT(pulse_due(&p, 63999, 0), PULSE_DEAD);
}

TEST(pulse_stops)
{
	struct pulse p;

	pulse_start(&p, 0, 0);
	CHECK_INT(pulse_due(&p, 24000, 0), PULSE_PING);
	pulse_stop(&p);
	CHECK_INT(pulse_next(&p), 0);
	CHECK_INT(pulse_due(&p, UINT64_MAX, 0), PULSE_NOTHING);
}

TEST(quota_fills_and_empties)
{
	struct quota q;
	int i;

	quota_init(&q, 20);
	for (i = 0; i < 20; i++)
		CHECK(quota_take(&q, 100 + (uint64_t)i));
	CHECK(!quota_take(&q, 120));
	CHECK(!quota_take(&q, 100 + 59999));
	for (i = 0; i < 20; i++)
		CHECK(quota_take(&q, 100 + 60000));
	CHECK(!quota_take(&q, 100 + 60000));
	quota_init(&q, 0);
	CHECK(!quota_take(&q, 0));
}

/* ---- the whole program, without confinement: for the leak checker ---- */

static const char ca_pem[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBWjCCAQCgAwIBAgIUC4wzZFsaO42fY67lefb9rOFyQbgwCgYIKoZIzj0EAwIw\n"
    "GTEXMBUGA1UEAwwOdGVzdCBhdXRob3JpdHkwHhcNMjYxMTIwMDMxMDA3WhcNMjYx\n"
    "MjIxMDMxMDA3WjAZMRcwFQYDVQQDDA50ZXN0IGF1dGhvcml0eTBZMBMGByqGSM49\n"
    "AgEGCCqGSM49AwEHA0IABExNiIdtEG2Rc4KpNQiCF38jNwSVT/PWRp5B6E6WefKS\n"
    "nepzrSDhUUWfj191+BbzFXafLuRJYrcdtNUA/h6qt3WjJjAkMBIGA1UdEwEB/wQI\n"
    "MAYBAf8CAQAwDgYDVR0PAQH/BAQDAgEGMAoGCCqGSM49BAMCA0gAMEUCIQD7BsK/\n"
    "/qVY8DGpXSA0mPeWWW9uxROT47tA14pVSULHsQIgGzXoUEGttjJP5XmaYTpHpuLJ\n"
    "niSIcJv4INVfQTZ2D90=\n"
    "-----END CERTIFICATE-----\n";

struct run {
	pthread_t thread;
	int fds[2];
	int status;
	struct buf in;		/* what came from the courier */
};

static void *
run_thread(void *arg)
{
	struct run *r = arg;

	r->status = courier_run(r->fds[1]);
	return NULL;
}

static void
run_begin(struct run *r)
{
	memset(r, 0, sizeof(*r));
	CHECK_INT(digest_init(), 0);
	/* As main() does. */
	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, r->fds), 0);
	CHECK_INT(pthread_create(&r->thread, NULL, run_thread, r), 0);
	buf_init(&r->in, 1 << 20);
}

/* Reads one message; returns its type. */
static unsigned
run_read(struct run *r)
{
	uint8_t head[FRAME_HEADER], body[4096];
	size_t n;

	CHECK_INT(recv(r->fds[0], head, sizeof(head), MSG_WAITALL),
	    sizeof(head));
	n = head[0] | (size_t)head[1] << 8;
	CHECK(n <= sizeof(body) && head[2] == 0 && head[3] == 0);
	if (n > 0)
		CHECK_INT(recv(r->fds[0], body, n, MSG_WAITALL), n);
	return head[4] | (unsigned)head[5] << 8;
}

static void
run_write(struct run *r, struct buf *b)
{
	CHECK_INT(buf_error(b), 0);
	CHECK_INT(send(r->fds[0], b->p, b->n, 0), b->n);
	buf_free(b);
}

static void
run_end(struct run *r, int want)
{
	(void)close(r->fds[0]);
	CHECK_INT(pthread_join(r->thread, NULL), 0);
	CHECK_INT(r->status, want);
	buf_free(&r->in);
}

static void
configure(struct run *r, const char *host, const char *proxy)
{
	struct wire_config m = { .host = bytes_str(host), .port = 1,
	    .path = bytes_str("/"), .ca_pem = bytes_str(ca_pem),
	    .proxy = bytes_str(proxy), .proxy_auth = bytes_str("u:p"),
	    .first_delay_ms = 2 };
	struct buf b;

	buf_init(&b, 1 << 20);
	wire_put_config(&b, &m);
	run_write(r, &b);
}

TEST(whole_no_gate_left)
{
	struct run r;

	run_begin(&r);
	CHECK_INT(run_read(&r), WIRE_READY);
	run_end(&r, COURIER_EXIT_GATE);
}

/* Refused connections, again and again, by address and by name. */
TEST(whole_refused)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost" };
	struct run r;
	size_t i;
	int k;

	for (i = 0; i < 2; i++) {
		run_begin(&r);
		CHECK_INT(run_read(&r), WIRE_READY);
		configure(&r, hosts[i], i == 0 ? "" : "[::1]:1");
		for (k = 0; k < 8; k++)
			CHECK_INT(run_read(&r), WIRE_LINK);
		run_end(&r, COURIER_EXIT_GATE);
	}
}

TEST(whole_violation)
{
	struct run r;
	struct buf b;

	run_begin(&r);
	CHECK_INT(run_read(&r), WIRE_READY);
	buf_init(&b, 64);
	wire_put_have(&b, 1);
	run_write(&r, &b);
	CHECK_INT(recv(r.fds[0], &b, 1, 0), 0);
	run_end(&r, COURIER_EXIT_VIOLATION);
}

/* A configuration that cannot be used gives back what it had begun with. */
TEST(whole_bad_configuration)
{
	static const char *const proxies[] = { "x", ":1", "h:", "h:0", "h:1x",
	    "h:65536", "h:999999" };
	struct run r;
	size_t i;

	for (i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++) {
		run_begin(&r);
		CHECK_INT(run_read(&r), WIRE_READY);
		configure(&r, "h", proxies[i]);
		run_end(&r, COURIER_EXIT_VIOLATION);
	}
}

TEST_MAIN()
