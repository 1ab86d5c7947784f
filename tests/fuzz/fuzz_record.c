/*
 * fuzz_record.c - records: what is read is the one text, and strict JSON.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the fuzzers and their replay.
 */
#include "common/doc.h"
#include "common/record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

/* The other reader sees the same kind, time and reason. */
static void
compare(struct bytes text, const struct record *rec)
{
	struct bytes kind, reason;
	struct doc_obj o;
	int64_t boot_ms, time;
	struct doc *d;

	require(doc_parse(text, 0, &d) == 0);
	o = doc_root(d);
	doc_str(&o, "kind", &kind);
	doc_time(&o, "time", &time);
	doc_int(&o, "boot_ms", 0, JSON_MAX_INTEGER, &boot_ms);
	require(doc_error(d) == 0);
	require(bytes_is(kind, record_kind_word(rec->kind)));
	require(time == rec->time && (uint64_t)boot_ms == rec->boot_ms);
	require(doc_opt_str(&o, "reason", &reason) == rec->has[RF_REASON]);
	require(!rec->has[RF_REASON] || bytes_equal(reason, rec->reason));
	doc_free(d);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = bytes_of(data, size);
	struct record_doc *d;
	struct buf b;

	if (record_parse(text, &d) != 0)
		return 0;
	compare(text, record_of(d));
	buf_init(&b, CAP_RECORD);
	record_write(&b, record_of(d));
	require(buf_error(&b) == 0);
	require(bytes_equal(buf_bytes(&b), text));
	buf_free(&b);
	record_free(d);
	return 0;
}
