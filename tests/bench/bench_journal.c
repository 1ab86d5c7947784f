/*
 * bench_journal.c - appends to the journal, beside bare writes and syncs; and a
 * start with a million records.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: make bench.
 *
 *	bench_journal FOLDER ROUNDS
 *	bench_journal FOLDER make RECORDS
 *	bench_journal FOLDER open	"open_s N", "rss_kb N", "folded N"
 *	bench_journal FOLDER tend	"check_s N", "compress_s N", "rss_kb N"
 *
 * Each round appends records one by one with a sync each, then in groups with
 * one sync a group, then writes as many bytes to a file of its own. One line a
 * round: records a second of journal, bare, journal in groups, bare in groups.
 */
#include "agent/gate/journal.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RECORD 600		/* bytes: an approval_accepted has some 900 */
#define SINGLE 40		/* records a round with a sync each */
#define GROUP 32		/* records a sync */
#define GROUPS 40		/* such syncs a round */
#define USUAL 350		/* bytes of most records */
#define MANY 1000		/* records a sync, where it is not measured */
#define ROOM (UINT64_C(64) << 20)

static uint8_t record[RECORD];

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
must(int err, const char *what)
{
	if (err == 0)
		return;
	fprintf(stderr, "bench_journal: %s: %s\n", what, err_text(err));
	exit(1);
}

static int
no_fold(void *arg, uint64_t index, struct bytes payload)
{
	(void)arg;
	(void)index;
	(void)payload;
	return 0;
}

/* Records a second: so many syncs of so many records each. */
static double
run_journal(struct journal *j, int syncs, int each)
{
	double begin = now();
	uint64_t index;
	int i, k;

	for (i = 0; i < syncs; i++) {
		for (k = 0; k < each; k++)
			must(journal_append(j, bytes_of(record, RECORD),
			    false, &index), "append");
		must(journal_sync(j), "sync");
	}
	return syncs * each / (now() - begin);
}

static double
run_bare(int fd, uint64_t *at, int syncs, int each)
{
	static uint8_t data[GROUP * (ENTRY_HEADER + RECORD)];
	size_t n = (size_t)each * (ENTRY_HEADER + RECORD);
	double begin = now();
	int i;

	for (i = 0; i < syncs; i++) {
		must(file_write_at(fd, *at, bytes_of(data, n)), "write");
		must(file_sync(fd), "sync");
		*at += n;
	}
	return syncs * each / (now() - begin);
}

/* ---- a journal of many records ---- */

static void
make_many(struct journal *j, uint64_t n)
{
	uint64_t index = 0;

	while (index + 1 < n) {
		/* As in the agent, a segment's first record is one more. */
		if (journal_wants_state(j)) {
			must(journal_rotate(j), "rotate");
			must(journal_append(j, bytes_of(record, RECORD), false,
			    &index), "append");
		}
		memcpy(record, &index, sizeof(index));
		must(journal_append(j, bytes_of(record, USUAL), false, &index),
		    "append");
		if (index % MANY == 0)
			must(journal_sync(j), "sync");
	}
	must(journal_sync(j), "sync");
}

/* The most that this process ever had in memory. */
static long
rss_kb(void)
{
	char line[256];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmHWM:", 6) == 0)
			kb = strtol(line + 6, NULL, 10);
	if (f != NULL)
		(void)fclose(f);
	return kb;
}

static void
tend(struct journal *j)
{
	double begin = now();
	int got;

	while ((got = journal_check_step(j)) == 1)
		;
	must(got, "check");
	printf("check_s %.3f\n", now() - begin);
	begin = now();
	while ((got = journal_compress_step(j, journal_synced(j))) == 1)
		;
	must(got, "compress");
	printf("compress_s %.3f\n", now() - begin);
	printf("rss_kb %ld\n", rss_kb());
}

static int
run_many(int argc, char **argv)
{
	struct journal_start start;
	struct journal *j;
	double begin;
	int dir;

	must(file_make_dir(argv[1], &dir), argv[1]);
	begin = now();
	must(journal_open(dir, NULL, no_fold, NULL, &j, &start), "journal");
	begin = now() - begin;
	if (argc == 4 && strcmp(argv[2], "make") == 0) {
		make_many(j, strtoull(argv[3], NULL, 10));
	} else if (argc == 3 && strcmp(argv[2], "open") == 0) {
		printf("open_s %.4f\nrss_kb %ld\nfolded %llu\n", begin,
		    rss_kb(), (unsigned long long)(start.records -
		    start.folded));
	} else if (argc == 3 && strcmp(argv[2], "tend") == 0) {
		tend(j);
	} else {
		return 2;
	}
	journal_close(j);
	file_close(&dir);
	return 0;
}

/* ---- appending ---- */

static void
run_rounds(const char *folder, int rounds)
{
	struct journal_start start;
	struct journal *j;
	uint64_t at = 0;
	int dir, fd, i;

	must(file_make_dir(folder, &dir), folder);
	must(journal_open(dir, NULL, no_fold, NULL, &j, &start), "journal");
	must(file_create(dir, "bare", &fd), "bare");
	/* Room is taken beforehand, as the journal does. */
	must(file_reserve(fd, 0, ROOM), "room");
	must(file_sync(fd), "bare");
	for (i = 0; i < rounds && at < ROOM / 2; i++) {
		double single = run_journal(j, SINGLE, 1);
		double bare = run_bare(fd, &at, SINGLE, 1);
		double group = run_journal(j, GROUPS, GROUP);
		double bare_group = run_bare(fd, &at, GROUPS, GROUP);

		printf("%.1f %.1f %.1f %.1f\n", single, bare, group,
		    bare_group);
	}
	journal_close(j);
	file_close(&fd);
	file_close(&dir);
}

int
main(int argc, char **argv)
{
	int rounds;

	memset(record, 'x', sizeof(record));
	must(digest_init(), "digest");
	if (argc >= 3 && argv[2][0] >= 'a')
		return run_many(argc, argv);
	if (argc != 3 || (rounds = (int)strtol(argv[2], NULL, 10)) < 1)
		return 2;
	run_rounds(argv[1], rounds);
	return 0;
}
