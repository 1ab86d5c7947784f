/*
 * test_gate_faults.c - the deciding half of the agent on a disk on which every
 * call fails, is cut short, finds it full or is the last: no card runs twice,
 * and nothing that was told is missing.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "agent/gate/core.h"
#include "gate_world.h"

/* ---- the oracle ---- */

/* Who comes later and was not there finds nothing wrong. */
static void
check_audit(void)
{
	struct audit_source source = { NULL, audit_blob };
	struct journal_cursor c;
	struct audit *a;
	struct entry e;
	struct buf b;
	int got;

	CHECK_INT(audit_new(&source, &a), 0);
	buf_init(&b, ENTRY_MAX);
	journal_seek(&c, 0);
	while ((got = journal_read(journal, &c, &b, &e)) == 1)
		if (audit_record(a, e.index, e.payload) != 0)
			CHECK_MSG(false, "record %" PRIu64 ": %.120s",
			    e.index, audit_finding(a)->text);
	CHECK_INT(got, 0);
	buf_free(&b);
	audit_free(a);
}

static void
check_told(void)
{
	struct sha256 root;
	size_t i;

	for (i = 0; i < n_told; i++) {
		CHECK_MSG(told[i].size <= journal_synced(journal),
		    "%" PRIu64 " of %" PRIu64 " records",
		    journal_synced(journal), told[i].size);
		CHECK_INT(journal_root(journal, told[i].size, &root), 0);
		CHECK(sha256_equal(&root, &told[i].root));
	}
}

/* What a finished card printed is there, as its record has it. */
static void
check_printed(const struct sha256 *card, const struct sha256 *hash)
{
	uint8_t data[2000];
	struct sha256 is;
	uint64_t size;
	size_t n;

	CHECK_INT(transcripts_read(transcripts, card, 0, data, sizeof(data),
	    &n, &size), 0);
	CHECK_INT(size, n);
	digest_sha256(bytes_of(data, n), &is);
	CHECK(sha256_equal(&is, hash));
}

static void
check_all(struct fx *f)
{
	enum card_state s;
	int i;

	for (i = 0; i < CARDS; i++) {
		s = fx_state(f, &seen[i].card->digest);
		CHECK_MSG(state_is_end(s), "card %d is %s", i, state_word(s));
		CHECK_MSG(seen[i].starts <= 1, "card %d ran %u times", i,
		    seen[i].starts);
		/* What a sync told of is what it stays. */
		if (seen[i].told_end)
			CHECK_STR(state_word(s), state_word(seen[i].end));
		if (s == STATE_FINISHED)
			CHECK_INT(seen[i].starts, 1);
		else
			CHECK_MSG(s == STATE_INTERRUPTED ||
			    (s == STATE_CANCELLED && (i == BY_ITSELF ||
			    strcmp(fx_item(f, &seen[i].card->digest)->reason,
			    "disk_error") == 0)), "card %d is %s: %s", i,
			    state_word(s),
			    fx_item(f, &seen[i].card->digest)->reason);
		if (seen[i].starts == 1)
			CHECK(s == STATE_FINISHED || s == STATE_INTERRUPTED);
		if (s == STATE_FINISHED && seen[i].finished)
			check_printed(&seen[i].card->digest,
			    &seen[i].printed);
	}
	/* The next checkpoint can be made. */
	CHECK_INT(epochs_number(epochs), core_standing(f->core)->epoch);
	CHECK_MEM(epochs_public(epochs), 32,
	    core_standing(f->core)->epoch_key, 32);
	check_told();
	CHECK_INT(tend(), 0);
	check_audit();
}

/* It starts, all is done, and what was told is still there. */
static void
check_after(struct fx *f)
{
	int err = start(f), i;

	CHECK(!no_key);
	CHECK_MSG(err == 0, "%s at %" PRIu64 ": %s %s", err_word(err),
	    begun.bad_index, begun.why, core_error(f->core));
	check_told();
	for (i = 0; i < 2; i++)
		CHECK_INT(everything(f), 0);
	check_all(f);
	stop(f);
}

/* One life with its accident, as it was set up, and what a start makes of it.
 * The time is put back, so that each life is the same. */
static void
live_and_check(struct fx *f, enum disk_crash mode, bool *ret_fired)
{
	struct moment before = f->m;

	if (start(f) == 0)
		(void)everything(f);
	*ret_fired = disk.dead || disk.failed;
	stop(f);
	disk_crash(mode);
	disk.capacity = SIZE_MAX;
	check_after(f);
	f->m = before;
}

TEST(no_accident)
{
	struct fx f;

	prepare(&f);
	again();
	CHECK_INT(start(&f), 0);
	CHECK_INT(everything(&f), 0);
	/* It holds what the others are about. */
	CHECK_MSG(segments >= 3, "%u segments", segments);
	CHECK_INT(core_standing(f.core)->epoch, segments + 1);
	CHECK(seen[BY_HAND].finished && seen[BY_ITSELF].finished);
	CHECK(journal->segments[0].gzip);
	CHECK_INT(seen[BY_HAND].starts, 1);
	CHECK_INT(seen[BY_ITSELF].starts, 1);
	CHECK_INT(sealed, journal_synced(journal));
	check_all(&f);
	stop(&f);
	check_after(&f);
	finish(&f);
}

TEST(crash_at_every_call)
{
	static const enum disk_crash modes[] = { DISK_LOSE, DISK_HALF,
	    DISK_HOLE };
	unsigned long n;
	struct fx f;
	bool fired;
	size_t k;

	prepare(&f);
	for (k = 0; k < KIT_COUNT(modes); k++)
		for (n = 1, fired = true; fired; n++) {
			again();
			disk.die_at = n;
			disk.shorten = k == 1;
			live_and_check(&f, modes[k], &fired);
		}
	finish(&f);
}

TEST(error_at_every_call)
{
	static const int errors[] = { ERR_IO, ERR_NO_SPACE };
	unsigned long n;
	struct fx f;
	bool fired;
	size_t e;

	prepare(&f);
	for (e = 0; e < KIT_COUNT(errors); e++)
		for (n = 1, fired = true; fired; n++) {
			again();
			disk.fail_at = n;
			disk.fail_err = errors[e];
			disk.shorten = n % 2 == 0;
			live_and_check(&f, DISK_KEEP, &fired);
		}
	finish(&f);
}

TEST(full_from_every_call_on)
{
	unsigned long n, calls;
	struct fx f;
	bool fired;

	prepare(&f);
	again();
	CHECK_INT(start(&f), 0);
	CHECK_INT(everything(&f), 0);
	calls = disk.calls;
	stop(&f);
	for (n = 1; n <= calls; n += 2) {
		again();
		disk.full_at = n;
		disk.spare = n % 7 * 200;
		live_and_check(&f, DISK_KEEP, &fired);
	}
	finish(&f);
}

TEST_MAIN()
