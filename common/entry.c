/*
 * entry.c - an entry of the journal: a record's payload in its frame.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#include "common/entry.h"
#include "common/crc32c.h"

/* No journal goes on for so many records after its damage. */
#define FARTHEST (UINT64_C(1) << 40)

static uint32_t
crc_of(struct bytes length, struct bytes index, struct bytes payload)
{
	return crc32c(crc32c(crc32c(0, length), index), payload);
}

void
entry_write(struct buf *b, uint64_t index, struct bytes payload)
{
	uint8_t head[12];
	size_t i;

	if (b->err == 0 && (payload.n == 0 || payload.n > CAP_RECORD))
		b->err = payload.n == 0 ? ERR_RANGE : ERR_TOO_LARGE;
	if (buf_reserve(b, ENTRY_HEADER + payload.n) == NULL)
		return;
	for (i = 0; i < 4; i++)
		head[i] = (uint8_t)(payload.n >> (8 * i));
	for (i = 0; i < 8; i++)
		head[4 + i] = (uint8_t)(index >> (8 * i));
	buf_put(b, head, 4);
	buf_put_u32le(b, crc_of(bytes_of(head, 4), bytes_of(head + 4, 8),
	    payload));
	buf_put(b, head + 4, 8);
	buf_put_bytes(b, payload);
}

int
entry_read(struct bytes data, struct entry *ret_e)
{
	struct reader r;
	uint32_t length, crc;
	uint64_t index;
	struct bytes payload;

	reader_init(&r, data);
	length = reader_u32le(&r);
	crc = reader_u32le(&r);
	index = reader_u64le(&r);
	/* A length that is there and cannot be is wrong, whatever follows. */
	if (data.n >= 4 && (length == 0 || length > CAP_RECORD))
		return ERR_CORRUPT;
	payload = reader_take(&r, length);
	if (r.err != 0)
		return ERR_TRUNCATED;
	if (crc_of(bytes_of(data.p, 4), bytes_of(data.p + 8, 8), payload) !=
	    crc)
		return ERR_CORRUPT;
	ret_e->index = index;
	ret_e->payload = payload;
	ret_e->size = ENTRY_HEADER + length;
	return 0;
}

/* Cheap, and false at nearly every place where no entry begins. */
static bool
may_begin(const uint8_t *p, uint64_t least)
{
	struct reader r;
	uint64_t index;

	/* The upper half of a length. */
	if (p[2] != 0 || p[3] != 0)
		return false;
	reader_init(&r, bytes_of(p + 8, 8));
	index = reader_u64le(&r);
	return index >= least && index - least < FARTHEST;
}

bool
entry_find(struct bytes data, uint64_t least, size_t *ret_at,
    struct entry *ret_e)
{
	struct entry e;
	size_t at;

	for (at = 0; at + ENTRY_HEADER < data.n; at++) {
		if (!may_begin(data.p + at, least) ||
		    entry_read(bytes_of(data.p + at, data.n - at), &e) != 0)
			continue;
		*ret_at = at;
		*ret_e = e;
		return true;
	}
	return false;
}
