/*
 * test_identities.c - four accounts for four cards that look.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "agent/gate/identities.h"
#include "tests/harness/test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void
need_accounts(void)
{
	static char why[512];

	if (geteuid() != 0)
		SKIP("not root");
	if (identities_check(why, sizeof(why)) != 0)
		SKIP(why);
}

/* Each is a different one, none is root, and what was given back is free. */
TEST(four_and_no_more)
{
	struct identities ids;
	struct identity id[OBSERVERS], more;
	int slot[OBSERVERS], other = IDENTITY_NONE;
	unsigned i, k;

	need_accounts();
	identities_init(&ids);
	for (i = 0; i < OBSERVERS; i++) {
		CHECK_INT(identities_take(&ids, 20000, &id[i], &slot[i]), 0);
		CHECK(id[i].uid != 0 && id[i].gid != 0);
		for (k = 0; k < i; k++)
			CHECK(id[k].uid != id[i].uid && slot[k] != slot[i]);
	}
	/* All are ours: nobody could let one go, so it is said at once. */
	CHECK_INT(identities_take(&ids, 0, &more, &other), ERR_EXISTS);
	CHECK_INT(other, IDENTITY_NONE);
	k = (unsigned)slot[2];
	identities_release(&ids, &slot[2]);
	CHECK_INT(slot[2], IDENTITY_NONE);
	identities_release(&ids, &slot[2]);
	CHECK_INT(identities_take(&ids, 20000, &more, &other), 0);
	CHECK(more.uid == id[2].uid || other != (int)k);
	identities_release(&ids, &other);
	for (i = 0; i < OBSERVERS; i++)
		identities_release(&ids, &slot[i]);
}

/* Another agent's are left alone: by who takes, and by who sweeps. */
TEST(two_agents_do_not_share)
{
	struct identities a, b;
	struct identity one, two;
	int first, second, status = 0, r;
	pid_t pid;

	need_accounts();
	identities_init(&a);
	identities_init(&b);
	CHECK_INT(identities_take(&a, 5000, &one, &first), 0);
	CHECK_INT(identities_take(&b, 5000, &two, &second), 0);
	CHECK(one.uid != two.uid);
	if ((pid = fork()) == 0) {
		/* A copy would hold the account on. */
		(void)close(a.held[first]);
		(void)close(b.held[second]);
		if (setresuid(one.uid, one.uid, one.uid) != 0)
			_exit(1);
		for (;;)
			(void)pause();
	}
	CHECK(pid > 0);
	CHECK_INT(identities_sweep(&b), 0);
	CHECK_INT(waitpid(pid, &status, WNOHANG), 0);
	/* Nobody holds it: a sweep at a start ends what runs as it. */
	identities_release(&a, &first);
	identities_release(&b, &second);
	do {
		r = identities_sweep(&b);
	} while (r == 0 && waitpid(pid, &status, WNOHANG) == 0);
	if (r != 0)
		(void)kill(pid, SIGKILL);
	CHECK_INT(r, 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* What a card left whose agent and runner both died is no company. */
TEST(who_takes_one_is_alone_as_it)
{
	struct identities ids;
	struct identity id, again;
	int slot, status = 0;
	pid_t pid;

	need_accounts();
	identities_init(&ids);
	CHECK_INT(identities_held(&ids, IDENTITY_NONE), -1);
	CHECK_INT(identities_take(&ids, 20000, &id, &slot), 0);
	CHECK(identities_held(&ids, slot) >= 0);
	if ((pid = fork()) == 0) {
		(void)close(ids.held[slot]);
		if (setresuid(id.uid, id.uid, id.uid) != 0)
			_exit(1);
		for (;;)
			(void)pause();
	}
	CHECK(pid > 0);
	do {
		identities_release(&ids, &slot);
		CHECK_INT(identities_take(&ids, 20000, &again, &slot), 0);
	} while (again.uid != id.uid);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	identities_release(&ids, &slot);
}

TEST(numbers_that_are_nobody_elses)
{
	static const struct {
		uint32_t uid;
		const char *subuid;
		bool outside;
	} rows[] = {
		{ 0, "", false }, { 33, "", false }, { 999, "", false },
		{ 1000, "", false }, { 65534, "", false },
		{ 65535, "", false }, { 65536, "", true },
		{ 70501, "", true },
		{ 70501, "a:100000:65536\n", true },
		{ 100000, "a:100000:65536\n", false },
		{ 165535, "a:100000:65536\n", false },
		{ 165536, "a:100000:65536\n", true },
		{ 165536, "a:100000:65536\nb:165536:1", false },
		{ 70501, "a:70501:0\n", true },
		{ 70501, "1000:70501:1\n", false },
		{ 70501, "a:70000:600:x\n", false },
		{ 70501, "\n\n:\n::\na\na:b:c\na:70501\n", true },
		{ 70501, "a:99999999999999999999:5\n", true },
		{ 70501, "a:0:4294967295\n", false },
		{ 4294967294u, "a:4294967294:1\n", false },
		{ 4294967294u, "a:4294967295:1\n", true },
	};
	size_t i;

	if (observers_number(0) == 0)
		SKIP("no such ranges on this system");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_MSG(observers_is_outside(rows[i].uid,
		    bytes_str(rows[i].subuid)) == rows[i].outside,
		    "%u in \"%s\"", (unsigned)rows[i].uid, rows[i].subuid);
	for (i = 0; i < OBSERVERS; i++)
		CHECK_INT(observers_number((unsigned)i), 70501 + i);
}

TEST(not_as_user)
{
	struct identities ids;

	identities_init(&ids);
	if (geteuid() == 0 && (setresgid(65534, 65534, 65534) != 0 ||
	    setresuid(65534, 65534, 65534) != 0))
		SKIP("cannot be nobody");
	CHECK_INT(identities_sweep(&ids), 0);
}

TEST_MAIN()
