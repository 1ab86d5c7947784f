/*
 * test_blobs.c - payloads under their digests, on a disk that fails.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "agent/gate/blobs.h"
#include "../fault/file_memory.h"
#include "tests/harness/test.h"

#define CAP ((size_t)4 << 20)

static struct blobs *b;

static struct sha256
name_for(enum payload_type type, const char *payload)
{
	struct sha256 d;

	digest_pae(envelope_type_text(type), bytes_str(payload), &d);
	return d;
}

static int
put(enum payload_type type, const char *payload)
{
	struct sha256 d = name_for(type, payload);

	return blobs_put(b, &d, bytes_str(payload));
}

/* What reading it gives: 0 and the right bytes, or an error. */
static int
get(enum payload_type type, const char *payload)
{
	struct sha256 d = name_for(type, payload);
	enum payload_type got = PAYLOAD_UNKNOWN;
	struct buf text;
	int err;

	buf_init(&text, CAP);
	err = blobs_read(b, &d, &text, &got);
	if (err == 0) {
		CHECK(bytes_is(buf_bytes(&text), payload));
		CHECK_INT(got, type);
	} else {
		CHECK_INT(text.n, 0);
	}
	buf_free(&text);
	return err;
}

static struct disk_node *
file_of(enum payload_type type, const char *payload)
{
	struct sha256 d = name_for(type, payload);
	struct disk_names *names = &disk.nodes[0].names;
	char hex[2 * SHA256_SIZE + 1];
	int i = disk_find(names, "blobs");

	CHECK(i >= 0);
	names = &disk.nodes[names->a[i].node].names;
	hex_encode(bytes_of(d.b, SHA256_SIZE), hex);
	i = disk_find(names, hex);
	return i < 0 ? NULL : &disk.nodes[names->a[i].node];
}

static void
begin(void)
{
	disk_init();
	CHECK_INT(blobs_open(DISK, &b), 0);
}

static void
end(void)
{
	blobs_close(b);
	b = NULL;
	disk_fini();
}

TEST(put_and_read)
{
	static const enum payload_type types[] = {
		PAYLOAD_CARD, PAYLOAD_ROOT, PAYLOAD_PEOPLE, PAYLOAD_POLICY,
		PAYLOAD_DEVICE, PAYLOAD_TIMESTAMP
	};
	struct sha256 d;
	uint64_t size = 0;
	size_t i;

	begin();
	/* The same bytes as several types are several blobs. */
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		CHECK_INT(get(types[i], "{\"v\":1}"), ERR_NOT_FOUND);
		CHECK_INT(put(types[i], "{\"v\":1}"), 0);
		CHECK_INT(get(types[i], "{\"v\":1}"), 0);
	}
	CHECK_INT(blobs_sync(b), 0);
	d = name_for(PAYLOAD_CARD, "{\"v\":1}");
	CHECK_INT(blobs_size(b, &d, &size), 0);
	CHECK_INT(size, 7);
	CHECK_INT(blobs_remove(b, &d), 0);
	CHECK_INT(blobs_remove(b, &d), 0);
	CHECK_INT(blobs_size(b, &d, &size), ERR_NOT_FOUND);
	CHECK_INT(get(PAYLOAD_CARD, "{\"v\":1}"), ERR_NOT_FOUND);
	CHECK_INT(get(PAYLOAD_ROOT, "{\"v\":1}"), 0);
	/* Under a name that is no digest of it, nothing is given. */
	CHECK_INT(blobs_put(b, &d, bytes_str("{\"v\":2}")), 0);
	CHECK_INT(get(PAYLOAD_CARD, "{\"v\":1}"), ERR_CORRUPT);
	end();
	blobs_close(NULL);
}

/* Each changed byte is seen; putting the blob again mends it. */
TEST(every_change)
{
	const char *text = "{\"v\":1,\"org\":\"example\"}";
	struct disk_node *f;
	size_t i;

	begin();
	CHECK_INT(put(PAYLOAD_CARD, text), 0);
	for (i = 0; i < strlen(text); i++) {
		file_of(PAYLOAD_CARD, text)->now.p[i] ^= 1;
		CHECK_INT(get(PAYLOAD_CARD, text), ERR_CORRUPT);
		CHECK_INT(put(PAYLOAD_CARD, text), 0);
		CHECK_INT(get(PAYLOAD_CARD, text), 0);
	}
	f = file_of(PAYLOAD_CARD, text);
	disk_resize(&f->now, CAP + 1);
	CHECK_INT(get(PAYLOAD_CARD, text), ERR_CORRUPT);
	end();
}

TEST(sync)
{
	unsigned long before;

	begin();
	before = disk.calls;
	CHECK_INT(blobs_sync(b), 0);
	CHECK_INT(disk.calls, before);
	CHECK_INT(put(PAYLOAD_CARD, "{}"), 0);
	disk.fail_at = disk.calls + 1;
	disk.fail_err = ERR_IO;
	CHECK_INT(blobs_sync(b), ERR_IO);
	/* Final. */
	CHECK_INT(blobs_sync(b), ERR_IO);
	CHECK_INT(put(PAYLOAD_CARD, "{}"), ERR_IO);
	CHECK_INT(get(PAYLOAD_CARD, "{}"), 0);
	end();
}

TEST(full_disk)
{
	begin();
	CHECK_INT(put(PAYLOAD_CARD, "{\"v\":1}"), 0);
	disk.capacity = disk_used() + 3;
	CHECK_INT(put(PAYLOAD_CARD, "{\"v\":2}"), ERR_NO_SPACE);
	CHECK_INT(get(PAYLOAD_CARD, "{\"v\":2}"), ERR_NOT_FOUND);
	CHECK_INT(put(PAYLOAD_CARD, "{\"v\":1}"), 0);
	CHECK_INT(disk_used(), 7);
	end();
}

/*
 * What a sync told of is there after a crash; what it did not is there whole
 * or not at all, or is mended by putting it again.
 */
TEST(crash_at_every_call)
{
	const char *text = "{\"v\":1,\"org\":\"example\"}";
	enum disk_crash mode;
	unsigned long n;
	bool fired, synced;
	int err;

	for (mode = DISK_LOSE; mode < DISK_CRASHES; mode++)
		for (n = 1, fired = true; fired; n++) {
			disk_init();
			disk.die_at = n;
			b = NULL;
			synced = blobs_open(DISK, &b) == 0 &&
			    put(PAYLOAD_CARD, text) == 0 &&
			    blobs_sync(b) == 0;
			fired = disk.dead;
			blobs_close(b);
			disk_crash(mode);
			CHECK_INT(blobs_open(DISK, &b), 0);
			err = get(PAYLOAD_CARD, text);
			CHECK(err == 0 || (!synced && err == ERR_NOT_FOUND));
			CHECK_INT(put(PAYLOAD_CARD, text), 0);
			CHECK_INT(blobs_sync(b), 0);
			blobs_close(b);
			disk_crash(DISK_LOSE);
			CHECK_INT(blobs_open(DISK, &b), 0);
			CHECK_INT(get(PAYLOAD_CARD, text), 0);
			end();
		}
}

/* A put that a crash followed is in the folder, but is it on disk? */
TEST(there_but_not_synced)
{
	begin();
	CHECK_INT(put(PAYLOAD_CARD, "{}"), 0);
	blobs_close(b);
	/* The agent ended, the machine did not. */
	CHECK_INT(blobs_open(DISK, &b), 0);
	CHECK_INT(put(PAYLOAD_CARD, "{}"), 0);
	CHECK_INT(blobs_sync(b), 0);
	blobs_close(b);
	disk_crash(DISK_LOSE);
	CHECK_INT(blobs_open(DISK, &b), 0);
	CHECK_INT(get(PAYLOAD_CARD, "{}"), 0);
	end();
}

TEST(leftovers)
{
	int dir = -1;

	begin();
	CHECK_INT(put(PAYLOAD_CARD, "{}"), 0);
	blobs_close(b);
	CHECK_INT(file_open_dir_at(DISK, "blobs", &dir), 0);
	CHECK_INT(file_put(dir, "abc.new", bytes_str("half")), 0);
	CHECK_INT(blobs_open(DISK, &b), 0);
	CHECK(disk_find(&disk_node_of(dir)->names, "abc.new") < 0);
	file_close(&dir);
	CHECK_INT(get(PAYLOAD_CARD, "{}"), 0);
	end();
}

TEST(error_at_every_call)
{
	const char *text = "{\"v\":1}";
	unsigned long n;
	bool fired;
	int err;

	for (n = 1, fired = true; fired; n++) {
		disk_init();
		disk.fail_at = n;
		disk.fail_err = ERR_NO_SPACE;
		b = NULL;
		err = blobs_open(DISK, &b);
		if (err == 0)
			err = put(PAYLOAD_CARD, text);
		if (err == 0)
			err = blobs_sync(b);
		fired = disk.failed;
		CHECK(fired || err == 0);
		if (fired && b != NULL && err == 0)
			CHECK_INT(get(PAYLOAD_CARD, text), 0);
		end();
	}
}

TEST_MAIN()
