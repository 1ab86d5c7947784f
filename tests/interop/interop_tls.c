/*
 * interop_tls.c - a TLS peer that echoes, for another implementation.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 *	interop_tls certs FOLDER	makes ca.pem, cert.pem and key.pem for
 *					console.example and 127.0.0.1
 *	interop_tls server CERT KEY	listens on a free port of the loopback
 *					and prints `port N`; serves one
 *					connection
 *	interop_tls client CA PORT NAME	connects there
 *
 * Prints `open VERSION EXPORTER` once the handshake is done, and how it ended:
 * `closed`, `cut off`, or `error WORD SENTENCES`.
 */
#include "common/certgen.h"
#include "common/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DAY INT64_C(86400)

static void
die(const char *what)
{
	perror(what);
	exit(2);
}

static void
must(int err)
{
	if (err == 0)
		return;
	fprintf(stderr, "interop_tls: %s\n", err_text(err));
	exit(2);
}

/* ---- files ---- */

static void
write_file(const char *folder, const char *name, const struct buf *b)
{
	char path[4096];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	if ((f = fopen(path, "wb")) == NULL ||
	    fwrite(b->p, 1, b->n, f) != b->n || fclose(f) != 0)
		die(path);
}

static void
read_file(const char *path, struct buf *ret_b)
{
	uint8_t *to = NULL;
	FILE *f;

	buf_init(ret_b, 65536);
	if ((f = fopen(path, "rb")) == NULL ||
	    (to = buf_reserve(ret_b, 65536)) == NULL)
		die(path);
	buf_commit(ret_b, fread(to, 1, 65536, f));
	(void)fclose(f);
}

static int
certs(const char *folder)
{
	struct bytes names[2] = { bytes_str("console.example"),
	    bytes_str("127.0.0.1") };
	struct certgen_period period;
	struct buf ca_key, ca, key, cert;

	period.from = (int64_t)time(NULL) - DAY;
	period.to = period.from + 30 * DAY;
	buf_init(&ca_key, 16384);
	buf_init(&ca, 16384);
	buf_init(&key, 16384);
	buf_init(&cert, 16384);
	must(certgen_make_authority(bytes_str("Interop CA"), period, &ca_key,
	    &ca));
	must(certgen_make_server(buf_bytes(&ca_key), buf_bytes(&ca), names, 2,
	    period, &key, &cert));
	write_file(folder, "ca.pem", &ca);
	write_file(folder, "key.pem", &key);
	write_file(folder, "cert.pem", &cert);
	buf_free(&ca_key);
	buf_free(&ca);
	buf_free(&key);
	buf_free(&cert);
	return 0;
}

/* ---- a connection ---- */

static void
flush_out(int fd, struct tls *t)
{
	struct buf out;
	size_t at = 0;
	ssize_t n;

	buf_init(&out, 2 * TLS_OUTPUT_MAX);
	must(tls_take(t, &out));
	while (at < out.n) {
		n = send(fd, out.p + at, out.n - at, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			break;	/* the peer has gone: reading will tell */
		if (n > 0)
			at += (size_t)n;
	}
	buf_free(&out);
}

static void
tell_open(struct tls *t)
{
	uint8_t binding[TLS_EXPORTER_LEN];
	char hex[2 * TLS_EXPORTER_LEN + 1];

	must(tls_exporter(t, binding));
	hex_encode(bytes_of(binding, sizeof(binding)), hex);
	printf("open %s %s\n", tls_version(t), hex);
	(void)fflush(stdout);
}

static void
echo(int fd, struct tls *t, struct buf *plain)
{
	struct bytes in = buf_bytes(plain);
	int err;

	while ((err = tls_write(t, &in)) == ERR_AGAIN)
		flush_out(fd, t);
	if (err != 0)
		printf("error %s\n", err_word(err));
	buf_clear(plain);
}

/* Talks until it has ended. */
static void
talk(int fd, struct tls *t)
{
	static uint8_t data[65536];
	struct bytes in = { NULL, 0 };
	struct buf plain;
	bool open = false;
	ssize_t n;
	int err;

	buf_init(&plain, 65536);
	for (;;) {
		do {
			err = tls_feed(t, &in, &plain);
			/* All at once, it may have closed already. */
			if (!open && tls_version(t)[0] != '\0') {
				open = true;
				tell_open(t);
			}
			if (plain.n > 0)
				echo(fd, t, &plain);
		} while (err == ERR_AGAIN);
		if (err == ERR_CLOSED)
			(void)tls_close(t);
		flush_out(fd, t);
		if (err != 0)
			break;
		do
			n = recv(fd, data, sizeof(data), 0);
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			break;
		in = bytes_of(data, (size_t)n);
	}
	if (err == ERR_CLOSED)
		printf("closed\n");
	else if (err == 0)
		printf("cut off\n");
	else
		printf("error %s %s\n", err_word(err), tls_problem(t));
	buf_free(&plain);
	/* So that the alert is not lost to a reset. */
	(void)shutdown(fd, SHUT_WR);
	while (recv(fd, data, sizeof(data), 0) > 0)
		;
	(void)close(fd);
}

static struct sockaddr_in
loopback(unsigned long port)
{
	struct sockaddr_in a;

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_port = htons((uint16_t)port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static int
server(const char *cert_path, const char *key_path)
{
	struct sockaddr_in a = loopback(0);
	struct tls_config *config;
	struct buf cert, key;
	socklen_t n = sizeof(a);
	struct tls *t;
	int fd, err;

	read_file(cert_path, &cert);
	read_file(key_path, &key);
	err = tls_config_new_server(buf_bytes(&cert), buf_bytes(&key),
	    &config);
	buf_free(&cert);
	buf_free(&key);
	must(err);
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) < 0 ||
	    bind(fd, (struct sockaddr *)&a, n) != 0 || listen(fd, 1) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		die("listen");
	printf("port %d\n", ntohs(a.sin_port));
	(void)fflush(stdout);
	must(tls_new(config, NULL, (int64_t)time(NULL), &t));
	talk(accept(fd, NULL, NULL), t);
	tls_free(t);
	tls_config_free(config);
	(void)close(fd);
	return 0;
}

static int
client(const char *ca_path, const char *port, const char *name)
{
	struct sockaddr_in a = loopback(strtoul(port, NULL, 10));
	struct tls_config *config;
	struct buf ca;
	struct tls *t;
	int fd, err;

	read_file(ca_path, &ca);
	err = tls_config_new_client(buf_bytes(&ca), &config);
	buf_free(&ca);
	must(err);
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) < 0 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		die("connect");
	must(tls_new(config, name, (int64_t)time(NULL), &t));
	talk(fd, t);
	tls_free(t);
	tls_config_free(config);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "certs") == 0)
		return certs(argv[2]);
	if (argc == 4 && strcmp(argv[1], "server") == 0)
		return server(argv[2], argv[3]);
	if (argc == 5 && strcmp(argv[1], "client") == 0)
		return client(argv[2], argv[3], argv[4]);
	fprintf(stderr, "usage: interop_tls certs FOLDER | server CERT KEY | "
	    "client CA PORT NAME\n");
	return 2;
}
