/*
 * test_archivetree.c - an archive's hash tiles, and where its records begin.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "agent/cli/archivetree.h"
#include "common/merkletree.h"
#include "platform/userfile.h"
#include "tests/harness/test.h"

#define SEALED 0x10300		/* records: three rows of tiles */

static struct merkletree tree;
static char folder[256];

static struct sha256
leaf_of(uint64_t i)
{
	struct sha256 h = { { 0 } };

	memcpy(h.b, &i, sizeof(i));
	return h;
}

static void
put(const char *name, struct bytes content)
{
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	CHECK_INT(userfile_write(path, content, USERFILE_PUBLIC, false), 0);
}

static void
make_folder(const char *name)
{
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	CHECK_INT(userfile_make_dirs(path, USERFILE_PUBLIC), 0);
}

/* A state folder of which only names and tiles are looked at. */
static void
begin(void)
{
	struct sha256 leaf;
	char name[16];
	uint64_t i;
	unsigned k;

	CHECK_INT(digest_init(), 0);
	CHECK_INT(userfile_make_temp(folder, sizeof(folder)), 0);
	make_folder("journal");
	make_folder("tiles");
	make_folder("cosig");
	for (i = 0; i < SEALED; i++) {
		leaf = leaf_of(i);
		CHECK_INT(merkletree_add(&tree, &leaf), 0);
	}
	for (k = 0; k < 3; k++) {
		const struct merkletree_row *row = &tree.row[8 * k];

		(void)snprintf(name, sizeof(name), "tiles/%u", k);
		put(name, bytes_of(row->hash, row->n * sizeof(row->hash[0])));
	}
	put("journal/0000000000000200.seg.gz", bytes_str(""));
	put("journal/0000000000010300.seg", bytes_str(""));
}

static void
take_away(const char *name)
{
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	CHECK_INT(remove(path), 0);
}

static void
end(void)
{
	static const char *const below[] = { "/journal", "/tiles", "/cosig",
	    "" };
	char path[300];
	size_t i;

	merkletree_fini(&tree);
	for (i = 0; i < 4; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", folder, below[i]);
		userfile_remove_temp(path);
	}
}

TEST(hashes_and_proofs)
{
	static const uint64_t at[] = { 0, 1, 255, 256, 257, 0xffff, 0x10000,
	    0x10001, SEALED - 1 };
	struct sha256 ours[MERKLE_PROOF_MAX], want[MERKLE_PROOF_MAX];
	struct merkle_source s, t = merkletree_source(&tree);
	struct archivetree *tiles;
	struct archive *a;
	size_t i, k, n, m;

	begin();
	CHECK_INT(archive_open(folder, &a), 0);
	CHECK_INT((intmax_t)archive_first(a), 0x200);
	CHECK_INT((intmax_t)archive_sealed(a), SEALED);
	CHECK_INT(archivetree_open(a, &tiles), 0);
	CHECK_INT((intmax_t)archivetree_size(tiles), SEALED);
	s = archivetree_source(tiles);
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		CHECK_INT(merkle_root(&s, at[i] + 1, &ours[0]), 0);
		CHECK_INT(merkle_root(&t, at[i] + 1, &want[0]), 0);
		CHECK(sha256_equal(&ours[0], &want[0]));
		CHECK_INT(merkle_prove_inclusion(&s, at[i], SEALED, ours,
		    &n), 0);
		CHECK_INT(merkle_prove_inclusion(&t, at[i], SEALED, want,
		    &m), 0);
		CHECK_MEM(ours, n * sizeof(ours[0]), want,
		    m * sizeof(want[0]));
		for (k = 0; k < i; k++) {
			CHECK_INT(merkle_prove_consistency(&s, at[k] + 1,
			    at[i] + 1, ours, &n), 0);
			CHECK_INT(merkle_prove_consistency(&t, at[k] + 1,
			    at[i] + 1, want, &m), 0);
			CHECK_MEM(ours, n * sizeof(ours[0]), want,
			    m * sizeof(want[0]));
		}
	}
	/* What is not there. */
	CHECK_INT(s.hash(s.arg, 0, SEALED, ours), ERR_RANGE);
	CHECK_INT(s.hash(s.arg, 16, 1, ours), ERR_RANGE);
	CHECK_INT(s.hash(s.arg, 24, 0, ours), ERR_RANGE);
	CHECK_INT(s.hash(s.arg, 64, 0, ours), ERR_RANGE);
	archivetree_close(tiles);
	archivetree_close(NULL);
	archive_close(a);
	end();
}

/* Which one is missing is for the auditor to say, when it asks for it. */
TEST(a_row_was_taken)
{
	struct archivetree *tiles;
	struct merkle_source s;
	struct sha256 hash;
	struct archive *a;

	begin();
	take_away("tiles/0");
	CHECK_INT(archive_open(folder, &a), 0);
	CHECK_INT(archivetree_open(a, &tiles), 0);
	CHECK_INT((intmax_t)archivetree_size(tiles), SEALED);
	s = archivetree_source(tiles);
	CHECK_INT(s.hash(s.arg, 0, 0, &hash), ERR_RANGE);
	CHECK_INT(s.hash(s.arg, 8, 0, &hash), 0);
	archivetree_close(tiles);
	archive_close(a);
	end();
}

/* A folder where a note should be is a note that does not read. */
TEST(folders_are_no_notes)
{
	struct audit_source none = { NULL, NULL };
	struct archivetree *tiles;
	struct audit *audit;
	struct archive *a;
	int i;

	begin();
	for (i = 0; i < 2; i++) {
		const char *name = i == 0 ? "checkpoint" : "cosig/0a1b2c3d";

		make_folder(name);
		CHECK_INT(archive_open(folder, &a), 0);
		CHECK_INT(archivetree_open(a, &tiles), 0);
		CHECK_INT(audit_new(&none, &audit), 0);
		CHECK_INT(archivetree_audit(a, tiles, audit), 0);
		CHECK_INT(audit_finish(audit), ERR_CORRUPT);
		CHECK_INT(audit_finding(audit)->wrong, AUDIT_CHECKPOINT);
		audit_free(audit);
		archivetree_close(tiles);
		archive_close(a);
		take_away(name);
	}
	end();
}

/* Without tiles, and with notes that do not read. */
TEST(notes)
{
	struct audit_source none = { NULL, NULL };
	struct archivetree *tiles;
	struct audit *audit;
	struct archive *a;
	char path[300];
	int i;

	begin();
	(void)snprintf(path, sizeof(path), "%s/tiles", folder);
	userfile_remove_temp(path);
	for (i = 0; i < 3; i++) {
		/* A file half written is no note. */
		put("cosig/0a1b2c3d.new", bytes_str("x"));
		if (i == 1)
			put("cosig/0a1b2c3d", bytes_str("x"));
		if (i == 2)
			put("checkpoint", bytes_str(""));
		CHECK_INT(archive_open(folder, &a), 0);
		CHECK_INT(archivetree_open(a, &tiles), 0);
		CHECK_INT((intmax_t)archivetree_size(tiles), 0);
		CHECK_INT(audit_new(&none, &audit), 0);
		CHECK_INT(archivetree_audit(a, tiles, audit), 0);
		CHECK_INT(audit_finish(audit), i == 0 ? 0 : ERR_CORRUPT);
		CHECK(strncmp(audit_finding(audit)->text, i == 0 ? "" :
		    i == 1 ? "a cosigned" : "the checkpoint does not",
		    i == 0 ? 1 : 10) == 0);
		audit_free(audit);
		archivetree_close(tiles);
		archive_close(a);
	}
	end();
}

TEST_MAIN()
