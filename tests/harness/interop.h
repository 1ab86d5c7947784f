/*
 * interop.h - what the programs share that run vectors from elsewhere.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the programs of tests/interop.
 *
 * Such a program takes the path of a vector file, prints a line for each case
 * (`ok NAME`, `not ok NAME: why`, `skip NAME: why`) and at last
 * `N passed, N failed, N skipped`; it exits with 1 if any failed or if there
 * was none.
 */
#ifndef COUNTERSIGN_TESTS_HARNESS_INTEROP_H
#define COUNTERSIGN_TESTS_HARNESS_INTEROP_H

#include "common/bytes.h"
#include "common/digest.h"
#include "common/doc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define INTEROP_MAX_FILE ((size_t)16 << 20)

struct tally {
	unsigned passed, failed, skipped;
};

/* Ends the program: the vectors themselves cannot be used. */
__attribute__((noreturn, unused)) static void
interop_die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(2);
}

/* The content of a file, in a buffer that the caller frees. */
__attribute__((unused)) static struct buf
interop_read(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf b;
	uint8_t *to;
	size_t n;

	buf_init(&b, INTEROP_MAX_FILE);
	if (f == NULL)
		interop_die(path, "cannot be opened");
	while ((to = buf_reserve(&b, 65536)) != NULL &&
	    (n = fread(to, 1, 65536, f)) > 0)
		buf_commit(&b, n);
	if (ferror(f) || buf_error(&b) != 0)
		interop_die(path, "cannot be read");
	(void)fclose(f);
	return b;
}

/* The document in a file. */
__attribute__((unused)) static struct doc *
interop_parse(const char *path)
{
	struct buf b = interop_read(path);
	struct doc *d = NULL;
	int r;

	if (digest_init() != 0)
		interop_die(path, "libsodium does not start");
	if ((r = doc_parse(buf_bytes(&b), 0, &d)) != 0)
		interop_die(path, err_text(r));
	buf_free(&b);
	return d;
}

/* Ends the program if the document did not have what was asked of it. */
__attribute__((unused)) static void
interop_check(const struct doc *d)
{
	if (doc_error(d) != 0)
		interop_die(doc_error_field(d), err_text(doc_error(d)));
}

/* The bytes of a member in hex, of either case, in memory to be freed. */
__attribute__((unused)) static struct buf
interop_hex(struct doc_obj *o, const char *name)
{
	struct bytes text;
	struct buf b;
	uint8_t byte;
	char pair[2];
	size_t i, j;

	buf_init(&b, INTEROP_MAX_FILE);
	doc_str(o, name, &text);
	if (text.n % 2 != 0)
		doc_fail(o, name, ERR_SYNTAX);
	for (i = 0; i + 1 < text.n; i += 2) {
		for (j = 0; j < 2; j++) {
			pair[j] = (char)text.p[i + j];
			if (pair[j] >= 'A' && pair[j] <= 'F')
				pair[j] = (char)(pair[j] - 'A' + 'a');
		}
		if (hex_decode(bytes_of(pair, 2), &byte, 1) != 0) {
			doc_fail(o, name, ERR_SYNTAX);
			byte = 0;
		}
		buf_put_u8(&b, byte);
	}
	/* An empty value still is a pointer. */
	(void)buf_reserve(&b, 1);
	if (buf_error(&b) != 0)
		interop_die(name, "no memory");
	return b;
}

__attribute__((format(printf, 3, 4), unused)) static void
interop_case(struct tally *t, bool good, const char *fmt, ...)
{
	va_list ap;

	printf(good ? "ok " : "not ok ");
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (good)
		t->passed++;
	else
		t->failed++;
}

__attribute__((format(printf, 2, 3), unused)) static void
interop_skip(struct tally *t, const char *fmt, ...)
{
	va_list ap;

	printf("skip ");
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	t->skipped++;
}

/* Prints the last line; the program's exit status. */
__attribute__((unused)) static int
interop_end(const struct tally *t)
{
	printf("%u passed, %u failed, %u skipped\n", t->passed, t->failed,
	    t->skipped);
	return t->failed == 0 && t->passed > 0 ? 0 : 1;
}

#endif
