/*
 * test_writeroot.c - folders that a repair may and may not write to.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/writeroot.h"
#include "common/caps.h"
#include "tests/harness/test.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

TEST(paths_in_their_one_form)
{
	static const struct {
		const char *path;
		int err;
	} rows[] = {
		{ "/", 0 }, { "/a", 0 }, { "/a/b.c/..d", 0 },
		{ "/a b", 0 }, { "/\303\244", 0 }, { "/.../x", 0 },
		{ "", ERR_RANGE }, { "a", ERR_SYNTAX }, { "./a", ERR_SYNTAX },
		{ "//", ERR_SYNTAX }, { "/a/", ERR_SYNTAX },
		{ "/a//b", ERR_SYNTAX }, { "/.", ERR_SYNTAX },
		{ "/a/./b", ERR_SYNTAX }, { "/..", ERR_SYNTAX },
		{ "/a/../b", ERR_SYNTAX }, { "/a/..", ERR_SYNTAX },
		{ "/a\nb", ERR_SYNTAX }, { "/a\tb", ERR_SYNTAX },
		{ "/\342\200\256a", ERR_SYNTAX }, { "/\377", ERR_SYNTAX },
		{ "C:\\x", ERR_SYNTAX }
	};
	uint8_t long_path[CAP_PATH + 1];
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		CHECK_MSG(writeroot_check_path(bytes_str(rows[i].path)) ==
		    rows[i].err, "%s", rows[i].path);
	memset(long_path, 'a', sizeof(long_path));
	long_path[0] = '/';
	CHECK_INT(writeroot_check_path(bytes_of(long_path, CAP_PATH)), 0);
	CHECK_INT(writeroot_check_path(bytes_of(long_path, CAP_PATH + 1)),
	    ERR_RANGE);
}

TEST(below)
{
	static const struct {
		const char *path;
		const char *root;
		bool below;
	} rows[] = {
		{ "/a", "/a", true }, { "/a/b", "/a", true },
		{ "/a/b", "/", true }, { "/", "/", true },
		{ "/", "/a", false }, { "/ab", "/a", false },
		{ "/a", "/a/b", false }, { "/b/a", "/a", false }
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		CHECK_MSG(writeroot_is_below(bytes_str(rows[i].path),
		    bytes_str(rows[i].root)) == rows[i].below, "row %zu", i);
}

/* Which entry refuses the path; NULL if none does. */
static const char *
refused(const char *path)
{
	static const char *const more[] = { "/opt/agent/state" };
	const char *which = NULL;
	int r = writeroot_check(bytes_str(path), more, COUNT(more), &which);

	CHECK_MSG(r == (which != NULL ? ERR_DENIED : 0), "%s: %d", path, r);
	return which;
}

TEST(what_is_full_by_nature)
{
	static const struct {
		const char *path;
		const char *which;
	} rows[] = {
		/* below a listed one */
		{ "/usr/local/bin", "/usr" }, { "/etc/nginx", "/etc" },
		{ "/etc/cron.d", "/etc" }, { "/root/x", "/root" },
		{ "/lib/systemd", "/lib*" }, { "/lib64", "/lib*" },
		{ "/lib32/x", "/lib*" }, { "/boot/grub", "/boot" },
		{ "/dev/shm", "/dev" }, { "/proc/sys", "/proc" },
		{ "/sys/fs", "/sys" }, { "/run/user", "/run" },
		{ "/var/run/x", "/var/run" }, { "/sbin", "/sbin" },
		{ "/bin", "/bin" }, { "/var/spool/cron/crontabs",
		    "/var/spool/cron*" },
		{ "/var/spool/atjobs", "/var/spool/at*" },
		{ "/var/lib/dpkg/info", "/var/lib/dpkg" },
		{ "/var/lib/rpm", "/var/lib/rpm" },
		{ "/var/lib/systemd/x", "/var/lib/systemd" },
		{ "/var/lib/countersign/journal", "/var/lib/countersign" },
		{ "/home/ann/.ssh", ".ssh" }, { "/srv/git/.ssh/x", ".ssh" },
		{ "/tmp/x", "/tmp" }, { "/var/tmp", "/var/tmp" },
		{ "/Library/LaunchDaemons", "/Library" },
		{ "/private/etc/pam.d", "/private/etc" },
		{ "/Users/ann/Library/LaunchAgents", "/Users/*/Library" },
		{ "/private/tmp/x", "/private/tmp" },
		{ "/var/root", "/var/root" },
		{ "/Users/ann/site", NULL }, { "/private/srv", NULL },
		/* containing one */
		{ "/private/var", "/private/var/at" },
		{ "/", "/bin" }, { "/var", "/var/cache/apk" },
		{ "/var/lib", "/var/lib/alternatives" },
		{ "/var/spool", "/var/spool/anacron" },
		{ "/home", "/home/*/.ssh" }, { "/home/ann", "/home/*/.ssh" },
		/* the caller's */
		{ "/opt", "/opt/cni" },
		{ "/opt/agent/state", "/opt/agent/state" },
		{ "/opt/agent/state/x", "/opt/agent/state" },
		/* free */
		{ "/srv/app", NULL }, { "/home/ann/www", NULL },
		{ "/var/www", NULL }, { "/var/lib/mysql", NULL },
		{ "/opt/agent/other", NULL }, { "/opt/app", NULL },
		{ "/usrx", NULL }, { "/et", NULL }, { "/libr", "/lib*" },
		{ "/li", NULL }, { "/var/log/app", NULL },
		{ "/srv/.sshx", NULL }
	};
	const char *which;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		which = refused(rows[i].path);
		CHECK_MSG(rows[i].which == NULL ? which == NULL :
		    which != NULL && strcmp(which, rows[i].which) == 0,
		    "%s: %s", rows[i].path, which != NULL ? which : "(free)");
	}
}

TEST(every_entry_refuses_itself)
{
	const char *const *l;
	char path[64];
	size_t n;

	for (l = writeroot_refused; *l != NULL; l++) {
		CHECK((n = strlen(*l)) < sizeof(path));
		memcpy(path, *l, n + 1);
		/* The '*' stands for itself there, too. */
		CHECK_MSG(refused(path) != NULL, "%s", path);
	}
}

TEST(form_comes_first)
{
	const char *which = "untouched";

	CHECK_INT(writeroot_check(bytes_str("/srv/"), NULL, 0, &which),
	    ERR_SYNTAX);
	CHECK_INT(writeroot_check(bytes_str(""), NULL, 0, &which), ERR_RANGE);
	CHECK_STR(which, "untouched");
	CHECK_INT(writeroot_check(bytes_str("/srv"), NULL, 0, &which), 0);
}

TEST_MAIN()
