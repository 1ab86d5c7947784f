/*
 * test_plain.c - what people read of an action, and card v1's constants.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/constants.h"
#include "common/plain.h"
#include "tests/harness/test.h"

static char out[4096];

static const char *
words(const struct action *a)
{
	struct buf b;

	buf_init(&b, sizeof(out) - 1);
	plain_action(&b, a);
	CHECK_INT(buf_error(&b), 0);
	memcpy(out, b.p, b.n);
	out[b.n] = '\0';
	buf_free(&b);
	return out;
}

#define LIMITS " At most 5 minutes, 512 MiB of memory, 64 processes, 8 MiB " \
	"of output kept."
#define KILLED " What it leaves running is killed." LIMITS

TEST(observe)
{
	struct action a;

	action_defaults(&a);
	CHECK_STR(words(&a), "Looks only: an unprivileged account that changes "
	    "nothing that outlives it. No network. Reads what any account of "
	    "the machine may read." KILLED);
	a.net = ACTION_NET_VIEW;
	a.read = ACTION_READ_ALL;
	a.survivors = ACTION_KEEP;
	CHECK_STR(words(&a), "Looks only: an unprivileged account that changes "
	    "nothing that outlives it. Sees the network's state, sends "
	    "nothing. Reads every file but the agent's own and password "
	    "hashes. What it leaves running goes on." LIMITS);
	a.no_unix = true;
	CHECK(strstr(words(&a), " Talks to no other program. ") != NULL);
}

TEST(repair)
{
	struct bytes roots[] = { bytes_str("/srv/app"),
	    bytes_str("/srv/\303\244") };
	struct action_service services[] = {
		{ bytes_str("nginx.service"),
		    ACTION_VERB_RESTART | ACTION_VERB_STATUS },
		{ bytes_str("b.service"), ACTION_VERB_STOP }
	};
	struct action a;

	action_defaults(&a);
	a.profile = ACTION_REPAIR;
	a.net = ACTION_NET_HOST;
	CHECK_STR(words(&a), "Runs as root, but changes no file outside its "
	    "own temporary folder. May use the network. Reads every file but "
	    "the agent's own and password hashes." KILLED);
	a.write.p = roots;
	a.write.n = 2;
	a.services = services;
	a.n_services = 2;
	CHECK_STR(words(&a), "Runs as root, but changes files only in "
	    "/srv/app, /srv/\303\244<U+00E4> and its own temporary folder. "
	    "Root programs that read these folders will trust what is written "
	    "there. May restart, status nginx.service; stop b.service. May "
	    "use the network. Reads every file but the agent's own and "
	    "password hashes." KILLED);
}

TEST(full)
{
	struct action a;

	action_defaults(&a);
	a.profile = ACTION_FULL;
	CHECK_STR(words(&a), "NOT CONFINED: runs as root and may read, change "
	    "and send anything, whatever net and read say." KILLED);
}

TEST(units)
{
	static const struct {
		int64_t n;
		const char *seconds;
		const char *bytes;
	} rows[] = {
		{ 1, "1 second", "1 byte" }, { 59, "59 seconds", "59 bytes" },
		{ 60, "1 minute", "60 bytes" },
		{ 90, "90 seconds", "90 bytes" },
		{ 3600, "1 hour", "3,600 bytes" },
		{ 86400, "1 day", "86,400 bytes" },
		{ 1024, "1,024 seconds", "1 KiB" },
		{ 1048576, "1,048,576 seconds", "1 MiB" },
		{ 1048577, "1,048,577 seconds", "1,048,577 bytes" },
		{ 1 << 30, "1,073,741,824 seconds", "1 GiB" },
		{ INT64_C(5) << 30, "5,368,709,120 seconds", "5 GiB" },
		{ 0, "0 seconds", "0 bytes" }
	};
	struct buf b;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_init(&b, 256);
		plain_seconds(&b, rows[i].n);
		CHECK_MEM(b.p, b.n, rows[i].seconds, strlen(rows[i].seconds));
		buf_clear(&b);
		plain_bytes(&b, rows[i].n);
		CHECK_MEM(b.p, b.n, rows[i].bytes, strlen(rows[i].bytes));
		buf_free(&b);
	}
}

/* The constants are a contract: this is a copy of PROTOCOL.md's table. */
TEST(constants_of_card_v1)
{
	static const char *const want[] = {
		("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
		    "/sbin:/bin"),
		"LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TERM=dumb", "PAGER=cat",
		"SYSTEMD_PAGER=", "SYSTEMD_COLORS=0",
		"DEBIAN_FRONTEND=noninteractive"
	};
	const char *const *env = card_v1_environment(ACTION_OBSERVE);
	const char *const *full = card_v1_environment(ACTION_FULL);
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		CHECK_STR(env[i], want[i]);
		CHECK_STR(full[i], want[i]);
	}
	CHECK_STR(env[i], "HOME=/tmp");
	CHECK_STR(full[i], "HOME=/root");
	CHECK(env[i + 1] == NULL && full[i + 1] == NULL);
	CHECK(card_v1_environment(ACTION_REPAIR) == env);
	CHECK_STR(card_v1_cwd(ACTION_OBSERVE), "/");
	CHECK_STR(card_v1_cwd(ACTION_REPAIR), "/tmp");
	CHECK_STR(card_v1_cwd(ACTION_FULL), "/");
}

TEST(interpreters_of_card_v1)
{
	static const struct {
		enum action_shell shell;
		const char *path;
		size_t n;
		bool prologue;
	} rows[] = {
		{ ACTION_SH, "/bin/sh", 2, false },
		{ ACTION_BASH, "/bin/bash", 2, false },
		{ ACTION_PWSH, "/usr/bin/pwsh", 8, true },
		{ ACTION_POWERSHELL, NULL, 0, true },
		{ ACTION_CMD, NULL, 0, false },
		{ ACTION_ARGV, NULL, 0, false }
	};
	const char *const *line;
	size_t i, n;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		line = card_v1_command_line(rows[i].shell);
		CHECK((card_v1_prologue(rows[i].shell)[0] != '\0') ==
		    rows[i].prologue);
		CHECK((line == NULL) == (rows[i].path == NULL));
		if (line == NULL)
			continue;
		CHECK_STR(line[0], rows[i].path);
		for (n = 0; line[n] != NULL; n++)
			;
		CHECK_INT(n, rows[i].n);
		CHECK_STR(line[n - 1], CARD_V1_SCRIPT);
	}
}

/* Absolute paths, the text's place at the end, and nothing of anybody's. */
TEST(constants_of_windows)
{
	static const struct {
		enum action_shell shell;
		const char *path, *before;
	} rows[] = {
		{ ACTION_SH, NULL, NULL },
		{ ACTION_BASH, NULL, NULL },
		{ ACTION_POWERSHELL, "%SystemRoot%\\System32\\"
		    "WindowsPowerShell\\v1.0\\powershell.exe",
		    "-EncodedCommand" },
		{ ACTION_PWSH, "%ProgramFiles%\\PowerShell\\7\\pwsh.exe",
		    "-EncodedCommand" },
		{ ACTION_CMD, "%SystemRoot%\\System32\\cmd.exe", "/c" },
		{ ACTION_ARGV, NULL, NULL }
	};
	const char *const *env = card_v1_windows_environment();
	const char *const *line;
	size_t i, n;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		line = card_v1_windows_command_line(rows[i].shell);
		CHECK((line == NULL) == (rows[i].path == NULL));
		if (line == NULL)
			continue;
		CHECK_STR(line[0], rows[i].path);
		for (n = 0; line[n] != NULL; n++)
			;
		CHECK_STR(line[n - 1], CARD_V1_SCRIPT);
		CHECK_STR(line[n - 2], rows[i].before);
	}
	for (n = 0; env[n] != NULL; n++) {
		CHECK(strchr(env[n], '=') != NULL);
		CHECK(strstr(env[n], "%USER") == NULL);
	}
	CHECK(n > 10);
}

TEST_MAIN()
