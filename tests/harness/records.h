/*
 * records.h - sample records of every kind, for tests.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the programs of tests/.
 */
#ifndef COUNTERSIGN_TESTS_HARNESS_RECORDS_H
#define COUNTERSIGN_TESTS_HARNESS_RECORDS_H

#include "common/record_table.h"

#include <string.h>

#define SAMPLE_TIME INT64_C(1793491200)	/* 2026-11-01T00:00:00Z */
#define SAMPLE_ID "01890a5d-ac96-774b-bcce-b302099a8057"

__attribute__((unused)) static struct bytes
sample_text(enum record_field f)
{
	static const uint8_t raw[64] = { 1, 2, 3 };

	switch ((int)f) {
	case RF_ID:
		return bytes_str(SAMPLE_ID);
	case RF_KEY:
		return bytes_str("00112233445566778899aabbccddeeff");
	case RF_DEVICE_KEY:
	case RF_EPOCH_KEY:
		return bytes_of(raw, RECORD_DEVICE_KEY);
	case RF_DEVICE_NONCE:
		return bytes_of(raw, CAP_DEVICE_NONCE);
	case RF_PAYLOAD:
	case RF_PROOF:
		return bytes_of(raw, 5);
	default:
		if (record_fields[f].words != NULL)
			return bytes_str(record_fields[f].words[0]);
		return bytes_str("x");
	}
}

/* Gives the field a value that it may have. */
__attribute__((unused)) static void
sample_set(struct record *rec, enum record_field f)
{
	static const uint8_t sig[RECORD_SIG_SIZE] = { 9 };
	struct sha256 d;

	memset(&d, 0x40 + (int)f, sizeof(d));
	switch (record_fields[f].type) {
	case RECORD_TYPE_KIND:
	case RECORD_TYPE_BOOT:
		break;
	case RECORD_TYPE_TIME:
		if (f == RF_TIME)
			record_set_time(rec, SAMPLE_TIME, 12345);
		else
			record_set_int(rec, f, SAMPLE_TIME + (int)f);
		break;
	case RECORD_TYPE_INT:
		record_set_int(rec, f, (int)f);
		break;
	case RECORD_TYPE_BOOL:
		record_set_bool(rec, f, true);
		break;
	case RECORD_TYPE_DIGEST:
		record_set_digest(rec, f, &d);
		break;
	case RECORD_TYPE_UUID:
	case RECORD_TYPE_TEXT:
	case RECORD_TYPE_WORD:
	case RECORD_TYPE_B64:
	case RECORD_TYPE_B64URL:
		record_set_bytes(rec, f, sample_text(f));
		break;
	case RECORD_TYPE_DIGESTS:
		record_add_approval(rec, &d);
		d.b[0]++;
		record_add_approval(rec, &d);
		break;
	case RECORD_TYPE_FILES:
		record_add_file(rec, "root", 3, &d);
		d.b[0]++;
		record_add_file(rec, "policy", 7, &d);
		break;
	case RECORD_TYPE_SIGS:
		record_add_sig(rec, bytes_str("k1"),
		    bytes_of(sig, sizeof(sig)));
		record_add_sig(rec, bytes_str(""),
		    bytes_of(sig, sizeof(sig)));
		break;
	}
}

/* A record of the kind with all its fields, or with those that it needs. */
__attribute__((unused)) static void
sample_record(struct record *rec, enum record_kind kind, bool all)
{
	enum record_field f;

	record_init(rec, kind);
	for (f = RF_KIND; f < RECORD_FIELDS; f++)
		if (all ? record_kind_has(kind, f) : record_kind_needs(kind, f))
			sample_set(rec, f);
}

#endif
