/*
 * fuzz_note.c - signed notes, checkpoints, cosignatures and keys as text.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/checkpoint.h"
#include "common/cosignature.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* A key is written as it was read. */
static void
check_key(struct bytes text)
{
	char back[NOTE_VKEY_SIZE];
	struct note_key key;

	if (note_key_parse(text, &key) != 0)
		return;
	note_key_text(&key, back);
	if (!bytes_is(text, back))
		abort();
}

/* Lines are the whole of what stands behind the text. */
static void
check_lines(const struct note *note)
{
	struct bytes rest = note->signatures;
	struct note_signature s;
	size_t n = 0;
	struct buf b;

	buf_init(&b, NOTE_MAX);
	while (note_next(&rest, &b, &s) == 1) {
		n += s.line.n;
		if (s.value.n < 5 || s.name.n == 0)
			abort();
	}
	if (n != note->signatures.n)
		abort();
	buf_free(&b);
}

/* Up to its extensions a checkpoint is written as it was read. */
static void
check_checkpoint(struct bytes text)
{
	struct checkpoint c;
	struct buf b;

	if (checkpoint_parse(text, &c) != 0)
		return;
	buf_init(&b, NOTE_MAX + 64);
	checkpoint_put(&b, c.origin, c.size, &c.root);
	if (buf_error(&b) != 0 || b.n > text.n ||
	    memcmp(b.p, text.p, b.n) != 0)
		abort();
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint8_t public[ED25519_PUBLIC_SIZE] = { 3 };
	struct bytes a = bytes_of(p, n);
	struct note_key key;
	struct note note;
	int64_t time;

	if (digest_init() != 0)
		abort();
	check_key(a);
	check_checkpoint(a);
	if (note_parse(a, &note) != 0)
		return 0;
	if (note.text.n + 1 + note.signatures.n != n)
		abort();
	check_lines(&note);
	check_checkpoint(note.text);
	/* Nobody has this key. */
	if (note_key_init(bytes_str("acme/d-1"), NOTE_COSIGNATURE, public,
	    &key) != 0 || note_verify(&note, &key) == 0 ||
	    cosignature_verify(note.text, note.signatures, &key, &time) == 0)
		abort();
	return 0;
}
