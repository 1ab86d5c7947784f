/*
 * test_tls.c - TLS 1.3: our clients and servers, joined in memory.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/tls.h"
#include "tests/harness/pems.h"

/* ---- our two ends ---- */

struct pair {
	struct tls *client, *server;
	struct buf at_client, at_server;	/* plaintext received */
	int client_err, server_err;
};

static void
pair_init(struct pair *p, const struct pems *server, struct bytes ca,
    const char *name, int64_t now)
{
	struct tls_config *cc, *sc;

	CHECK_INT(tls_config_new_client(ca, &cc), 0);
	CHECK_INT(tls_config_new_server(buf_bytes(&server->cert),
	    buf_bytes(&server->key), &sc), 0);
	memset(p, 0, sizeof(*p));
	CHECK_INT(tls_new(cc, name, now, &p->client), 0);
	CHECK_INT(tls_new(sc, NULL, now, &p->server), 0);
	/* The connections keep their configurations. */
	tls_config_free(cc);
	tls_config_free(sc);
	buf_init(&p->at_client, 32 << 20);
	buf_init(&p->at_server, 32 << 20);
}

static void
pair_fini(struct pair *p)
{
	tls_free(p->client);
	tls_free(p->server);
	buf_free(&p->at_client);
	buf_free(&p->at_server);
}

/* What from has to say goes to to, in pieces of step bytes; true if any. */
static bool
carry(struct tls *from, struct tls *to, size_t step, struct buf *plain,
    int *ret_err)
{
	struct buf wire;
	struct bytes rest, part;
	uint8_t *copy;

	buf_init(&wire, 32 << 20);
	CHECK_INT(tls_take(from, &wire), 0);
	CHECK_INT(tls_pending(from), 0);
	rest = buf_bytes(&wire);
	while (rest.n > 0 && *ret_err == 0) {
		part = bytes_of(rest.p, rest.n < step ? rest.n : step);
		rest = bytes_of(rest.p + part.n, rest.n - part.n);
		/* A copy of its own size: reading past its end is caught. */
		CHECK_INT(bytes_dup(part, &copy), 0);
		part.p = copy;
		*ret_err = tls_feed(to, &part, plain);
		CHECK(*ret_err != 0 || part.n == 0);
		free(copy);
	}
	rest.n = wire.n;
	buf_free(&wire);
	return rest.n > 0;
}

static void
pump(struct pair *p, size_t step)
{
	struct bytes none = { NULL, 0 };
	bool a, b;

	if (tls_state(p->client) == TLS_HANDSHAKE)
		p->client_err = tls_feed(p->client, &none, &p->at_client);
	do {
		a = carry(p->client, p->server, step, &p->at_server,
		    &p->server_err);
		b = carry(p->server, p->client, step, &p->at_client,
		    &p->client_err);
	} while (a || b);
}

static void
say(struct tls *t, const char *text)
{
	struct bytes in = bytes_str(text);

	CHECK_INT(tls_write(t, &in), 0);
	CHECK_INT(in.n, 0);
}

TEST(tls13_both_ways)
{
	struct pems s;
	struct pair p;
	uint8_t a[TLS_EXPORTER_LEN], b[TLS_EXPORTER_LEN];

	make_pems(&s, NAME, lasting, lasting);
	pair_init(&p, &s, buf_bytes(&s.ca), NAME, NOW);
	CHECK_INT(tls_state(p.client), TLS_HANDSHAKE);
	CHECK_STR(tls_version(p.client), "");
	CHECK_INT(tls_exporter(p.client, a), ERR_STATE);
	pump(&p, SIZE_MAX);
	CHECK_INT(p.client_err, 0);
	CHECK_INT(p.server_err, 0);
	CHECK_INT(tls_state(p.client), TLS_OPEN);
	CHECK_INT(tls_state(p.server), TLS_OPEN);
	CHECK_STR(tls_version(p.client), "TLSv1.3");
	CHECK_STR(tls_version(p.server), "TLSv1.3");
	CHECK_STR(tls_problem(p.client), "");
	CHECK_INT(tls_exporter(p.client, a), 0);
	CHECK_INT(tls_exporter(p.server, b), 0);
	CHECK_MEM(a, sizeof(a), b, sizeof(b));
	say(p.client, "ping");
	say(p.server, "pong");
	pump(&p, SIZE_MAX);
	CHECK_MEM(p.at_server.p, p.at_server.n, "ping", 4);
	CHECK_MEM(p.at_client.p, p.at_client.n, "pong", 4);
	pair_fini(&p);
	/* Another connection, another binding */
	pair_init(&p, &s, buf_bytes(&s.ca), NAME, NOW);
	pump(&p, SIZE_MAX);
	CHECK_INT(tls_exporter(p.client, b), 0);
	CHECK(memcmp(a, b, sizeof(a)) != 0);
	pair_fini(&p);
	pems_fini(&s);
}

TEST(one_byte_at_a_time)
{
	struct pems s;
	struct pair p;

	make_pems(&s, NAME, lasting, lasting);
	pair_init(&p, &s, buf_bytes(&s.ca), NAME, NOW);
	pump(&p, 1);
	CHECK_INT(tls_state(p.client), TLS_OPEN);
	CHECK_INT(tls_state(p.server), TLS_OPEN);
	say(p.client, "ping");
	say(p.client, "ping");
	pump(&p, 1);
	CHECK_MEM(p.at_server.p, p.at_server.n, "pingping", 8);
	CHECK_INT(tls_close(p.client), 0);
	pump(&p, 1);
	CHECK_INT(p.server_err, ERR_CLOSED);
	pair_fini(&p);
	pems_fini(&s);
}

/* ---- certificates that are not good ---- */

static const struct {
	const char *what, *name;
	struct certgen_period ca, server;
	int err;
	const char *words;
} dates[] = {
	{ "good", NAME, { NOW - 1, NOW + 1 }, { NOW, NOW }, 0, "" },
	{ "an IPv4 address", "192.0.2.7", { NOW, NOW }, { NOW, NOW }, 0, "" },
	{ "an IPv6 address", "2001:db8:0::7", { NOW, NOW }, { NOW, NOW }, 0,
	    "" },
	{ "other case", "CONSOLE.example", { NOW, NOW }, { NOW, NOW }, 0, "" },
	{ "expired", NAME, { NOW - DAY, NOW + DAY }, { NOW - DAY, NOW - 1 },
	    ERR_CERTIFICATE, "has expired" },
	{ "expired authority", NAME, { NOW - DAY, NOW - 1 },
	    { NOW - DAY, NOW + DAY }, ERR_CERTIFICATE, "has expired" },
	{ "not yet", NAME, { NOW - DAY, NOW + DAY }, { NOW + 1, NOW + DAY },
	    ERR_CERTIFICATE, "not valid yet" },
	{ "authority not yet", NAME, { NOW + 1, NOW + DAY },
	    { NOW - DAY, NOW + DAY }, ERR_CERTIFICATE, "not valid yet" },
	{ "wrong name", "other.example", { NOW, NOW }, { NOW, NOW },
	    ERR_CERTIFICATE, "another name" },
	{ "the name's parent", "example", { NOW, NOW }, { NOW, NOW },
	    ERR_CERTIFICATE, "another name" },
	{ "a name below", "a." NAME, { NOW, NOW }, { NOW, NOW },
	    ERR_CERTIFICATE, "another name" },
	{ "its common name", "countersign-console", { NOW, NOW },
	    { NOW, NOW }, ERR_CERTIFICATE, "another name" },
	{ "wrong address", "192.0.2.8", { NOW, NOW }, { NOW, NOW },
	    ERR_CERTIFICATE, "another name" },
};

TEST(certificate_table)
{
	struct pems s;
	struct pair p;
	size_t i;

	for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		make_pems(&s, NAME, dates[i].ca, dates[i].server);
		pair_init(&p, &s, buf_bytes(&s.ca), dates[i].name, NOW);
		pump(&p, SIZE_MAX);
		CHECK_MSG(p.client_err == dates[i].err, "%s: %d, %s",
		    dates[i].what, p.client_err, tls_problem(p.client));
		CHECK_MSG(strstr(tls_problem(p.client), dates[i].words) !=
		    NULL, "%s: %s", dates[i].what, tls_problem(p.client));
		if (dates[i].err != 0) {
			CHECK_INT(tls_state(p.client), TLS_FAILED);
			/* The alert told the server. */
			CHECK_INT(p.server_err, ERR_TLS);
			CHECK_MSG(strstr(tls_problem(p.server), "not trust") !=
			    NULL, "%s: %s", dates[i].what,
			    tls_problem(p.server));
		}
		pair_fini(&p);
		pems_fini(&s);
	}
}

TEST(wildcard)
{
	struct pems s;
	struct pair p;

	make_pems(&s, "*.example", lasting, lasting);
	pair_init(&p, &s, buf_bytes(&s.ca), NAME, NOW);
	pump(&p, SIZE_MAX);
	CHECK_INT(tls_state(p.client), TLS_OPEN);
	pair_fini(&p);
	pair_init(&p, &s, buf_bytes(&s.ca), "a.b.example", NOW);
	pump(&p, SIZE_MAX);
	CHECK_INT(p.client_err, ERR_CERTIFICATE);
	pair_fini(&p);
	pems_fini(&s);
}

/* Another authority of the same name: only its key tells it from the pin. */
TEST(wrong_authority)
{
	struct pems s, other;
	struct bytes none = { NULL, 0 };
	struct pair p;

	make_pems(&s, NAME, lasting, lasting);
	make_pems(&other, NAME, lasting, lasting);
	pair_init(&p, &s, buf_bytes(&other.ca), NAME, NOW);
	pump(&p, SIZE_MAX);
	CHECK_INT(p.client_err, ERR_CERTIFICATE);
	CHECK(strstr(tls_problem(p.client), "pinned") != NULL);
	CHECK_INT(p.server_err, ERR_TLS);
	/* It stays failed. */
	CHECK_INT(tls_feed(p.client, &none, &p.at_client), ERR_CERTIFICATE);
	CHECK_INT(tls_write(p.client, &none), ERR_CERTIFICATE);
	CHECK_INT(tls_close(p.client), ERR_STATE);
	CHECK_STR(tls_version(p.client), "");
	CHECK_INT(p.at_server.n, 0);
	pair_fini(&p);
	/* Two pinned authorities, while one takes over from the other */
	buf_put_bytes(&other.ca, buf_bytes(&s.ca));
	pair_init(&p, &s, buf_bytes(&other.ca), NAME, NOW);
	pump(&p, SIZE_MAX);
	CHECK_INT(tls_state(p.client), TLS_OPEN);
	pair_fini(&p);
	pems_fini(&s);
	pems_fini(&other);
}

/* The authority's own certificate is not one for servers. */
TEST(authority_as_server)
{
	struct tls_config *c;
	struct pems s;

	make_pems(&s, NAME, lasting, lasting);
	CHECK_INT(tls_config_new_server(buf_bytes(&s.ca),
	    buf_bytes(&s.ca_key), &c), ERR_KEY);
	pems_fini(&s);
}

/* A server may not sign another: path length 0, and it is no authority. */
TEST(server_as_authority)
{
	struct bytes name = bytes_str(NAME);
	struct pems s;

	make_pems(&s, NAME, lasting, lasting);
	buf_clear(&s.ca);
	CHECK_INT(certgen_make_server(buf_bytes(&s.key), buf_bytes(&s.cert),
	    &name, 1, lasting, &s.ca_key, &s.ca), ERR_KEY);
	CHECK_INT(s.ca.n, 0);
	pems_fini(&s);
}

/* ---- records ---- */

/* Every byte of a record, turned one by one. */
TEST(tampered_record)
{
	struct pems s;
	struct pair p;
	struct buf wire;
	struct bytes in;
	size_t at, n = 1;

	make_pems(&s, NAME, lasting, lasting);
	for (at = 0; at < n; at++) {
		pair_init(&p, &s, buf_bytes(&s.ca), NAME, NOW);
		pump(&p, SIZE_MAX);
		say(p.client, "x");
		buf_init(&wire, 4096);
		CHECK_INT(tls_take(p.client, &wire), 0);
		n = wire.n;
		/* The length's top bytes would make it wait for more. */
		wire.p[at] ^= at == 3 ? 0x80 : 0x01;
		in = buf_bytes(&wire);
		p.server_err = tls_feed(p.server, &in, &p.at_server);
		CHECK_INT(p.at_server.n, 0);
		if (at == 4) {
			CHECK(p.server_err == 0 || p.server_err == ERR_TLS);
		} else {
			CHECK_MSG(p.server_err == ERR_TLS, "byte %zu: %d", at,
			    p.server_err);
			CHECK_INT(tls_state(p.server), TLS_FAILED);
		}
		if (at > 4) {
			CHECK(strstr(tls_problem(p.server), "altered") !=
			    NULL);
			/* An alert went back. */
			CHECK(carry(p.server, p.client, SIZE_MAX,
			    &p.at_client, &p.client_err));
			CHECK_INT(p.client_err, ERR_TLS);
			CHECK(strstr(tls_problem(p.client), "alert") != NULL);
		}
		buf_free(&wire);
		pair_fini(&p);
	}
	CHECK(n > 20);
	pems_fini(&s);
}

/* A record that comes twice does not decrypt the second time. */
TEST(replayed_record)
{
	struct pems s;
	struct pair p;
	struct buf wire;
	struct bytes in;

	make_pems(&s, NAME, lasting, lasting);
	pair_init(&p, &s, buf_bytes(&s.ca), NAME, NOW);
	pump(&p, SIZE_MAX);
	say(p.client, "x");
	buf_init(&wire, 4096);
	CHECK_INT(tls_take(p.client, &wire), 0);
	in = buf_bytes(&wire);
	CHECK_INT(tls_feed(p.server, &in, &p.at_server), 0);
	in = buf_bytes(&wire);
	CHECK_INT(tls_feed(p.server, &in, &p.at_server), ERR_TLS);
	CHECK_MEM(p.at_server.p, p.at_server.n, "x", 1);
	buf_free(&wire);
	pair_fini(&p);
	pems_fini(&s);
}

TEST(ten_megabytes_each_way)
{
	size_t n = 10 << 20, i, again = 0;
	struct bytes up, down;
	struct pems s;
	struct pair p;
	uint8_t *data;
	int err;

	CHECK((data = malloc(n)) != NULL);
	for (i = 0; i < n; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	make_pems(&s, NAME, lasting, lasting);
	pair_init(&p, &s, buf_bytes(&s.ca), NAME, NOW);
	pump(&p, SIZE_MAX);
	up = down = bytes_of(data, n);
	while (up.n > 0 || down.n > 0) {
		err = tls_write(p.client, &up);
		CHECK(err == 0 || err == ERR_AGAIN);
		CHECK(tls_pending(p.client) <= TLS_OUTPUT_MAX);
		again += err == ERR_AGAIN;
		err = tls_write(p.server, &down);
		CHECK(err == 0 || err == ERR_AGAIN);
		pump(&p, 30011);
	}
	CHECK(again > 10);
	CHECK_MEM(p.at_server.p, p.at_server.n, data, n);
	CHECK_MEM(p.at_client.p, p.at_client.n, data, n);
	free(data);
	pair_fini(&p);
	pems_fini(&s);
}

/* A buffer for the plaintext that is always too small. */
TEST(small_plaintext_buffer)
{
	struct pems s;
	struct pair p;
	struct buf wire, plain, got;
	struct bytes in;
	char text[1001];
	int err;

	make_pems(&s, NAME, lasting, lasting);
	pair_init(&p, &s, buf_bytes(&s.ca), NAME, NOW);
	pump(&p, SIZE_MAX);
	memset(text, 'a', 1000);
	text[1000] = '\0';
	say(p.client, text);
	say(p.client, text);
	buf_init(&wire, 8192);
	buf_init(&plain, 7);
	buf_init(&got, 8192);
	CHECK_INT(tls_take(p.client, &wire), 0);
	in = buf_bytes(&wire);
	while ((err = tls_feed(p.server, &in, &plain)) == ERR_AGAIN) {
		CHECK_INT(plain.n, 7);
		buf_put_bytes(&got, buf_bytes(&plain));
		buf_clear(&plain);
	}
	CHECK_INT(err, 0);
	CHECK_INT(in.n, 0);
	CHECK_INT(got.n + plain.n, 2000);
	/* A buffer that has failed takes nothing off the input. */
	say(p.client, "x");
	buf_clear(&wire);
	CHECK_INT(tls_take(p.client, &wire), 0);
	plain.err = ERR_NOMEM;
	in = buf_bytes(&wire);
	CHECK_INT(tls_feed(p.server, &in, &plain), ERR_NOMEM);
	CHECK_INT(in.n, wire.n);
	CHECK_INT(tls_state(p.server), TLS_OPEN);
	buf_free(&wire);
	buf_free(&plain);
	buf_free(&got);
	pair_fini(&p);
	pems_fini(&s);
}

/* Nothing is lost where ciphertext finds no room. */
TEST(small_take_buffer)
{
	struct pems s;
	struct pair p;
	struct buf wire;

	make_pems(&s, NAME, lasting, lasting);
	pair_init(&p, &s, buf_bytes(&s.ca), NAME, NOW);
	pump(&p, SIZE_MAX);
	say(p.client, "hello");
	buf_init(&wire, 10);
	CHECK_INT(tls_take(p.client, &wire), ERR_TOO_LARGE);
	CHECK_INT(wire.n, 0);
	CHECK(tls_pending(p.client) > 10);
	pump(&p, SIZE_MAX);
	CHECK_MEM(p.at_server.p, p.at_server.n, "hello", 5);
	buf_free(&wire);
	pair_fini(&p);
	pems_fini(&s);
}

TEST(closing)
{
	struct bytes in = bytes_str("x");
	uint8_t a[TLS_EXPORTER_LEN];
	struct pems s;
	struct pair p;

	make_pems(&s, NAME, lasting, lasting);
	pair_init(&p, &s, buf_bytes(&s.ca), NAME, NOW);
	CHECK_INT(tls_write(p.client, &in), ERR_STATE);
	CHECK_INT(tls_close(p.client), ERR_STATE);
	pump(&p, SIZE_MAX);
	say(p.client, "last words");
	CHECK_INT(tls_close(p.client), 0);
	CHECK_INT(tls_close(p.client), 0);
	CHECK_INT(tls_write(p.client, &in), ERR_STATE);
	pump(&p, SIZE_MAX);
	CHECK_INT(p.server_err, ERR_CLOSED);
	CHECK_MEM(p.at_server.p, p.at_server.n, "last words", 10);
	CHECK_INT(tls_state(p.server), TLS_CLOSED);
	CHECK_INT(tls_state(p.client), TLS_OPEN);
	CHECK_INT(tls_exporter(p.server, a), 0);
	CHECK_STR(tls_version(p.server), "TLSv1.3");
	CHECK_INT(tls_write(p.server, &in), ERR_STATE);
	CHECK_INT(tls_feed(p.server, &in, &p.at_server), ERR_CLOSED);
	CHECK_INT(in.n, 0);
	CHECK_INT(tls_close(p.server), 0);
	p.server_err = 0;
	pump(&p, SIZE_MAX);
	CHECK_INT(p.client_err, ERR_CLOSED);
	pair_fini(&p);
	pems_fini(&s);
}

/* ---- the handshake ---- */

/* Whether at lies in the version of a record's header, which nobody reads. */
static bool
is_record_version(struct bytes wire, size_t at)
{
	size_t start = 0;

	while (start + 5 <= at)
		start += 5 + ((size_t)wire.p[start + 3] << 8 |
		    wire.p[start + 4]);
	return at == start + 1 || at == start + 2;
}

/* Each byte of the server's first answer, turned one by one. */
TEST(tampered_handshake)
{
	struct bytes none = { NULL, 0 }, in;
	struct pems s;
	struct pair p;
	struct buf wire;
	bool version;
	size_t at, n = 1;

	make_pems(&s, NAME, lasting, lasting);
	for (at = 0; at < n; at++) {
		pair_init(&p, &s, buf_bytes(&s.ca), NAME, NOW);
		CHECK_INT(tls_feed(p.client, &none, &p.at_client), 0);
		CHECK(carry(p.client, p.server, SIZE_MAX, &p.at_server,
		    &p.server_err));
		buf_init(&wire, 1 << 16);
		CHECK_INT(tls_take(p.server, &wire), 0);
		/* Signatures differ in length by a byte or two. */
		n = wire.n - 4;
		version = is_record_version(buf_bytes(&wire), at);
		wire.p[at] ^= 0x01;
		in = buf_bytes(&wire);
		p.client_err = tls_feed(p.client, &in, &p.at_client);
		CHECK_MSG(version || tls_state(p.client) != TLS_OPEN,
		    "byte %zu", at);
		buf_free(&wire);
		pair_fini(&p);
	}
	CHECK(n > 500);
	pems_fini(&s);
}

/* ---- no TLS at all ---- */

TEST(not_tls)
{
	static const char *const texts[] = {
	    "HTTP/1.1 400 Bad Request\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
	    "SSH-2.0-OpenSSH_9.2\r\n", "\x16\x03\x01\x00\x00\x00\x00",
	    "\x15\x03\x03\x00\x02\x02\x28" };
	struct bytes in, none = { NULL, 0 };
	struct pems s;
	struct pair p;
	size_t i;
	int err;

	make_pems(&s, NAME, lasting, lasting);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		pair_init(&p, &s, buf_bytes(&s.ca), NAME, NOW);
		CHECK_INT(tls_feed(p.client, &none, &p.at_client), 0);
		in = i == 3 || i == 4 ? bytes_of(texts[i], 7) :
		    bytes_str(texts[i]);
		err = tls_feed(p.client, &in, &p.at_client);
		CHECK_MSG(err == ERR_TLS, "row %zu: %d", i, err);
		CHECK(tls_problem(p.client)[0] != '\0');
		if (i < 3)
			CHECK(strstr(tls_problem(p.client), "no TLS") != NULL);
		in = i == 3 || i == 4 ? bytes_of(texts[i], 7) :
		    bytes_str(texts[i]);
		err = tls_feed(p.server, &in, &p.at_server);
		CHECK_MSG(err == ERR_TLS, "row %zu: %d", i, err);
		CHECK_INT(p.at_client.n + p.at_server.n, 0);
		pair_fini(&p);
	}
	pems_fini(&s);
}

/* ---- configurations ---- */

TEST(bad_configurations)
{
	struct tls_config *c;
	struct pems s, other;
	struct tls *t;
	char name[300];

	make_pems(&s, NAME, lasting, lasting);
	make_pems(&other, NAME, lasting, lasting);
	CHECK_INT(tls_config_new_client(bytes_str(""), &c), ERR_SYNTAX);
	CHECK_INT(tls_config_new_client(bytes_str("nonsense"), &c),
	    ERR_SYNTAX);
	CHECK_INT(tls_config_new_client(bytes_of("a\0b", 3), &c), ERR_SYNTAX);
	CHECK_INT(tls_config_new_client(buf_bytes(&s.key), &c), ERR_SYNTAX);
	CHECK_INT(tls_config_new_server(buf_bytes(&s.cert),
	    buf_bytes(&other.key), &c), ERR_KEY);
	CHECK_INT(tls_config_new_server(buf_bytes(&s.cert),
	    buf_bytes(&s.cert), &c), ERR_SYNTAX);
	CHECK_INT(tls_config_new_server(buf_bytes(&s.cert),
	    bytes_of("a\0b", 3), &c), ERR_SYNTAX);
	CHECK_INT(tls_config_new_server(buf_bytes(&s.key),
	    buf_bytes(&s.key), &c), ERR_SYNTAX);
	/* One good certificate and one that is cut */
	buf_put(&s.ca, s.cert.p, s.cert.n / 2);
	buf_put_str(&s.ca, "\n-----END CERTIFICATE-----\n");
	CHECK_INT(tls_config_new_client(buf_bytes(&s.ca), &c), ERR_SYNTAX);

	CHECK_INT(tls_config_new_client(buf_bytes(&other.ca), &c), 0);
	CHECK_INT(tls_new(c, NULL, NOW, &t), ERR_USAGE);
	CHECK_INT(tls_new(c, "", NOW, &t), ERR_USAGE);
	memset(name, 'a', sizeof(name));
	name[256] = '\0';
	CHECK_INT(tls_new(c, name, NOW, &t), ERR_USAGE);
	tls_config_free(c);
	CHECK_INT(tls_config_new_server(buf_bytes(&s.cert),
	    buf_bytes(&s.key), &c), 0);
	CHECK_INT(tls_new(c, NAME, NOW, &t), ERR_USAGE);
	tls_config_free(c);
	tls_config_free(NULL);
	tls_free(NULL);
	pems_fini(&s);
	pems_fini(&other);
}

TEST(configurations_without_memory)
{
	struct tls_config *cc, *sc;
	struct pems s;
	struct tls *t;
	int err;

	/* Starts mbedTLS's generator, too. */
	make_pems(&s, NAME, lasting, lasting);
	OOM_LOOP {
		cc = sc = NULL;
		t = NULL;
		err = tls_config_new_client(buf_bytes(&s.ca), &cc);
		if (err == 0)
			err = tls_config_new_server(buf_bytes(&s.cert),
			    buf_bytes(&s.key), &sc);
		if (err == 0)
			err = tls_new(cc, NAME, NOW, &t);
		/* mbedTLS takes some of these for a text it cannot read. */
		CHECK((err != 0) == OOM_FIRED());
		tls_free(t);
		tls_config_free(cc);
		tls_config_free(sc);
	}
	pems_fini(&s);
}

/* A connection in which memory ran out has failed, and no other. */
TEST(records_without_memory)
{
	struct bytes in;
	struct pems s;
	struct pair p;
	struct buf wire;
	int err;

	make_pems(&s, NAME, lasting, lasting);
	OOM_LOOP {
		test_oom_left = 0;
		pair_init(&p, &s, buf_bytes(&s.ca), NAME, NOW);
		pump(&p, SIZE_MAX);
		buf_free(&p.at_server);
		buf_init(&wire, 1 << 16);
		test_oom_left = test_oom_round;
		in = bytes_str("hello");
		err = tls_write(p.client, &in);
		CHECK(err == 0 || tls_state(p.client) == TLS_FAILED);
		if (err == 0)
			err = tls_take(p.client, &wire);
		in = buf_bytes(&wire);
		if (err == 0)
			err = tls_feed(p.server, &in, &p.at_server);
		CHECK_INT(err, OOM_FIRED() ? ERR_NOMEM : 0);
		if (err == 0)
			CHECK_MEM(p.at_server.p, p.at_server.n, "hello", 5);
		buf_free(&wire);
		pair_fini(&p);
	}
	pems_fini(&s);
}

TEST_MAIN()
