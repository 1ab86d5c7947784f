/*
 * test_transcripts.c - what cards print: frames, caps, full disks, removal.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "agent/gate/transcripts.h"
#include "../fault/file_memory.h"
#include "tests/harness/test.h"

static struct transcripts *all;
static const uint8_t salt[TRANSCRIPT_SALT] = { 1, 2, 3 };

static struct sha256
card(unsigned n)
{
	struct sha256 d;

	digest_sha256(bytes_of(&n, sizeof(n)), &d);
	return d;
}

static struct transcript *
create(unsigned n, uint64_t output_bytes)
{
	struct sha256 d = card(n);
	struct transcript *r = NULL;

	CHECK_INT(transcript_create(all, &d, output_bytes, salt, &r), 0);
	return r;
}

/* The whole file. */
static void
read_file(unsigned n, struct buf *ret_b)
{
	struct sha256 d = card(n);
	uint64_t bytes = 0;
	uint8_t part[7];
	size_t got;

	buf_init(ret_b, 10u << 20);
	do {
		CHECK_INT(transcripts_read(all, &d, ret_b->n, part,
		    sizeof(part), &got, &bytes), 0);
		buf_put(ret_b, part, got);
	} while (got > 0);
	CHECK_INT(ret_b->n, bytes);
}

static void
begin(uint64_t cap)
{
	disk_init();
	CHECK_INT(transcripts_open(DISK, cap, &all), 0);
}

static void
end(void)
{
	transcripts_close(all);
	disk_fini();
}

static bool
all_may_go(void *arg, const struct sha256 *d, int64_t changed)
{
	(void)arg, (void)d, (void)changed;
	return true;
}

/* arg: the one that may not. */
static bool
all_but_one(void *arg, const struct sha256 *d, int64_t changed)
{
	(void)changed;
	return !sha256_equal(arg, d);
}

TEST(frames)
{
	struct transcript_summary s;
	struct transcript *r;
	struct sha256 hash;
	struct buf want, got;

	begin(TRANSCRIPTS_CAP);
	r = create(1, 1000);
	CHECK_INT(transcript_bytes(r), 32);
	CHECK_INT(transcript_append(r, 1, 5, bytes_str("hello\n")), 0);
	CHECK_INT(transcript_append(r, 2, 9, bytes_str("oh")), 0);
	CHECK_INT(transcript_append(r, 1, 9, bytes_str("")), 0);
	/* Time does not go back. */
	CHECK_INT(transcript_append(r, 1, 3, bytes_str("x")), 0);
	buf_init(&want, 1000);
	buf_put(&want, salt, sizeof(salt));
	buf_put(&want, "\x01\x05\0\0\0\0\0\0\0\x06\0\0\0hello\n", 19);
	buf_put(&want, "\x02\x09\0\0\0\0\0\0\0\x02\0\0\0oh", 15);
	buf_put(&want, "\x01\x09\0\0\0\0\0\0\0\x01\0\0\0x", 14);
	/* Readable while it grows. */
	read_file(1, &got);
	CHECK_MEM(got.p, got.n, want.p, want.n);
	buf_free(&got);
	CHECK_INT(transcript_finish(r, &s), 0);
	CHECK_INT(s.stdout_bytes, 7);
	CHECK_INT(s.stderr_bytes, 2);
	CHECK_INT(s.stdout_kept, 7);
	CHECK_INT(s.stderr_kept, 2);
	CHECK(!s.truncated);
	CHECK_INT(s.bytes, want.n);
	digest_sha256(buf_bytes(&want), &hash);
	CHECK(sha256_equal(&s.hash, &hash));
	CHECK_INT(transcripts_used(all), want.n);
	/* Durable, and counted again after a start. */
	transcripts_close(all);
	disk_crash(DISK_LOSE);
	CHECK_INT(transcripts_open(DISK, 1000, &all), 0);
	CHECK_INT(transcripts_used(all), want.n);
	read_file(1, &got);
	CHECK_MEM(got.p, got.n, want.p, want.n);
	buf_free(&got);
	buf_free(&want);
	end();
}

TEST(one_card_one_transcript)
{
	struct sha256 d = card(1), other = card(2);
	struct transcript *r, *again = NULL;
	uint64_t bytes;
	uint8_t p[1];
	size_t n;

	begin(TRANSCRIPTS_CAP);
	CHECK_INT(transcripts_read(all, &d, 0, p, 1, &n, &bytes),
	    ERR_NOT_FOUND);
	r = create(1, 10);
	CHECK_INT(transcript_create(all, &d, 10, salt, &again), ERR_EXISTS);
	CHECK_INT(transcripts_remove(all, &d), ERR_STATE);
	CHECK_INT(transcripts_remove(all, &other), ERR_NOT_FOUND);
	transcript_abandon(r);
	CHECK_INT(transcript_create(all, &d, 10, salt, &again), ERR_EXISTS);
	CHECK_INT(transcripts_remove(all, &d), 0);
	CHECK_INT(transcripts_used(all), 0);
	transcript_abandon(create(1, 10));
	end();
	transcript_abandon(NULL);
	transcripts_close(NULL);
}

/* Beyond output_bytes it is counted and not kept. */
TEST(output_cap)
{
	struct transcript_summary s;
	struct transcript *r;

	begin(TRANSCRIPTS_CAP);
	r = create(1, 10);
	CHECK_INT(transcript_append(r, 1, 1, bytes_str("1234567")), 0);
	CHECK_INT(transcript_append(r, 2, 2, bytes_str("abcdef")), 0);
	CHECK_INT(transcript_append(r, 1, 3, bytes_str("8")), 0);
	CHECK_INT(transcript_finish(r, &s), 0);
	CHECK_INT(s.stdout_bytes, 8);
	CHECK_INT(s.stdout_kept, 7);
	CHECK_INT(s.stderr_bytes, 6);
	CHECK_INT(s.stderr_kept, 3);
	CHECK(s.truncated);
	CHECK_INT(s.bytes, 32 + 13 + 7 + 13 + 3);
	r = create(2, 10);
	CHECK_INT(transcript_append(r, 1, 1, bytes_str("1234567890")), 0);
	CHECK_INT(transcript_finish(r, &s), 0);
	CHECK(!s.truncated);
	end();
}

/* More than a frame holds, and a great many frames. */
TEST(sizes)
{
	static uint8_t big[3 * TRANSCRIPT_CHUNK + 5];
	struct transcript_summary s;
	struct transcript *r;
	unsigned i;

	begin(TRANSCRIPTS_CAP);
	r = create(1, sizeof(big));
	CHECK_INT(transcript_append(r, 1, 1, bytes_of(big, sizeof(big))), 0);
	CHECK_INT(transcript_finish(r, &s), 0);
	CHECK(!s.truncated);
	CHECK_INT(s.bytes, 32 + 4 * 13 + sizeof(big));
	/* A byte a frame ends at the room that was set aside. */
	r = create(2, 1u << 16);
	for (i = 0; i < 20000; i++)
		CHECK_INT(transcript_append(r, 1, 1, bytes_of(big, 1)), 0);
	CHECK_INT(transcript_finish(r, &s), 0);
	CHECK_INT(s.stdout_bytes, 20000);
	CHECK(s.truncated);
	CHECK(s.bytes <= (1u << 16) * 5 / 4 + TRANSCRIPT_CHUNK + 32);
	end();
}

TEST(total_cap)
{
	struct transcript *a, *b = NULL;
	struct transcript_summary s;
	struct sha256 d = card(3);

	begin(400000);
	CHECK(transcripts_has_room(all, 100000));
	CHECK(!transcripts_has_room(all, 400000));
	CHECK(!transcripts_has_room(all, UINT32_MAX));
	a = create(1, 200000);
	/* What it may become is taken while it runs. */
	CHECK(!transcripts_has_room(all, 100000));
	CHECK_INT(transcript_create(all, &d, 100000, salt, &b), ERR_NO_SPACE);
	CHECK_INT(transcript_append(a, 1, 1, bytes_str("x")), 0);
	CHECK_INT(transcript_finish(a, &s), 0);
	CHECK(transcripts_has_room(all, 200000));
	end();
}

TEST(make_room)
{
	static uint8_t big[30000];
	struct transcript_summary s;
	struct transcript *r;
	struct sha256 first = card(0);
	uint64_t size, used;
	int64_t changed;
	unsigned i;
	char hex[2 * SHA256_SIZE + 1];
	int dir = -1;

	begin(300000);
	for (i = 0; i < 6; i++) {
		r = create(i, sizeof(big));
		CHECK_INT(transcript_append(r, 1, 1,
		    bytes_of(big, sizeof(big))), 0);
		CHECK_INT(transcript_finish(r, &s), 0);
	}
	used = transcripts_used(all);
	CHECK_INT(transcripts_make_room(all, 10000, all_may_go, NULL), 0);
	CHECK_INT(transcripts_used(all), used);
	/* The oldest that may go do, as many as it takes. */
	CHECK_INT(transcripts_make_room(all, 100000, all_but_one, &first), 0);
	CHECK_INT(transcripts_used(all), 3 * s.bytes);
	CHECK_INT(file_open_dir_at(DISK, "transcripts", &dir), 0);
	for (i = 0; i < 6; i++) {
		first = card(i);
		hex_encode(bytes_of(first.b, SHA256_SIZE), hex);
		CHECK_INT(file_stat(dir, hex, &size, &changed),
		    i == 0 || i > 3 ? 0 : ERR_NOT_FOUND);
	}
	file_close(&dir);
	/* Not one that runs. */
	r = create(9, 1000);
	CHECK_INT(transcripts_make_room(all, 250000, all_may_go, NULL),
	    ERR_NO_SPACE);
	transcript_abandon(r);
	CHECK_INT(transcripts_clean(all, all_may_go, NULL), 0);
	CHECK_INT(transcripts_used(all), 0);
	end();
}

/* On a full disk the command goes on and its output is only counted. */
TEST(full_disk)
{
	static uint8_t big[20000];
	struct transcript_summary s;
	struct transcript *r, *b = NULL;
	struct sha256 d = card(2);
	struct buf file;
	struct sha256 hash;

	begin(TRANSCRIPTS_CAP);
	r = create(1, 100000);
	CHECK_INT(transcript_append(r, 1, 1, bytes_str("kept")), 0);
	disk.capacity = disk_used() + 1000;
	CHECK_INT(transcript_append(r, 1, 2, bytes_of(big, sizeof(big))), 0);
	CHECK_INT(transcript_append(r, 1, 3, bytes_str("gone")), 0);
	disk.capacity = disk_used() + 10;
	CHECK_INT(transcript_create(all, &d, 10, salt, &b), ERR_NO_SPACE);
	CHECK_INT(transcript_finish(r, &s), 0);
	CHECK_INT(s.stdout_bytes, 4 + sizeof(big) + 4);
	CHECK_INT(s.stdout_kept, 4);
	CHECK(s.truncated);
	CHECK_INT(s.bytes, 32 + 13 + 4);
	read_file(1, &file);
	CHECK_INT(file.n, s.bytes);
	digest_sha256(buf_bytes(&file), &hash);
	CHECK(sha256_equal(&s.hash, &hash));
	buf_free(&file);
	/* The one that could not begin left nothing. */
	disk.capacity = SIZE_MAX;
	transcript_abandon(create(2, 10));
	end();
}

/* Each call fails once: an error is told, and what is told is true. */
TEST(error_at_every_call)
{
	struct transcript_summary s;
	struct transcript *r;
	struct sha256 d = card(1), hash;
	unsigned long n;
	struct buf file;
	bool fired;
	int err;

	for (n = 1, fired = true; fired; n++) {
		disk_init();
		disk.fail_at = n;
		disk.fail_err = ERR_IO;
		all = NULL;
		r = NULL;
		err = transcripts_open(DISK, TRANSCRIPTS_CAP, &all);
		if (err == 0)
			err = transcript_create(all, &d, 1000, salt, &r);
		if (err == 0) {
			err = transcript_append(r, 1, 1, bytes_str("abc"));
			if (err == 0)
				err = transcript_append(r, 2, 2,
				    bytes_str("def"));
			if (transcript_finish(r, &s) == 0) {
				disk.fail_at = 0;
				read_file(1, &file);
				digest_sha256(buf_bytes(&file), &hash);
				CHECK(sha256_equal(&s.hash, &hash));
				CHECK_INT(s.truncated, err != 0 &&
				    s.stdout_bytes + s.stderr_bytes > 0 &&
				    s.bytes < 32 + 2 * 16);
				buf_free(&file);
			} else {
				err = ERR_IO;
			}
		}
		fired = disk.failed;
		CHECK(err == (fired ? ERR_IO : 0));
		end();
	}
}

TEST_MAIN()
