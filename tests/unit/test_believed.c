/*
 * test_believed.c - folders from which root's programs take code.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "platform/believed.h"

#include "tests/harness/test.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files of data end in ".d", folders in "/dir", what is absent in ".no". */
static bool
is_code(const char *path, bool if_absent)
{
	size_t n = strlen(path);

	if (n > 3 && strcmp(path + n - 3, ".no") == 0)
		return if_absent;
	return !(n > 2 && strcmp(path + n - 2, ".d") == 0) &&
	    !(n > 4 && strcmp(path + n - 4, "/dir") == 0);
}

struct row {
	enum believed_kind kind;
	const char *text;
	bool found;
};

static void
check_rows(const struct row *rows, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		CHECK_MSG(believed_in_text(bytes_str(rows[i].text),
		    rows[i].kind, "/srv/a", is_code) == rows[i].found,
		    "%zu: %s", i, rows[i].text);
}

TEST(what_a_text_names)
{
	static const struct row rows[] = {
		/* cron tables */
		{ BELIEVED_COMMANDS, "", false },
		{ BELIEVED_COMMANDS, "* * * * * root /srv/a/job\n", true },
		{ BELIEVED_COMMANDS, "* * * * * root /srv/a\n", true },
		{ BELIEVED_COMMANDS, "* * * * * root sh /srv/a/x/y.sh", true },
		{ BELIEVED_COMMANDS, "* * * * * root cd /;/srv/a/job", true },
		{ BELIEVED_COMMANDS, "X=\"/srv/a/job\"\n", true },
		{ BELIEVED_COMMANDS, "* * * * * root /srv/a/new.no\n", true },
		{ BELIEVED_COMMANDS, "#* * * * * root /srv/a/job\n", false },
		{ BELIEVED_COMMANDS, "  # /srv/a/job\n", false },
		{ BELIEVED_COMMANDS, "* * * * * root /srv/ab/job\n", false },
		{ BELIEVED_COMMANDS, "* * * * * root /srv/a-b/job\n", false },
		{ BELIEVED_COMMANDS, "* * * * * root /x/srv/a/job\n", false },
		{ BELIEVED_COMMANDS, "* * * * * root /srv/b/job\n", false },
		{ BELIEVED_COMMANDS, "r /bin/x >/srv/a/out.no\n", false },
		{ BELIEVED_COMMANDS, "r /bin/x >> /srv/a/out.no\n", false },
		{ BELIEVED_COMMANDS, "r /bin/x >/srv/a/o && /srv/a/j", true },
		{ BELIEVED_COMMANDS, "r /bin/x -c /srv/a/data.d\n", false },
		{ BELIEVED_COMMANDS, "r cp -r /srv/a/dir /backup\n", false },
		{ BELIEVED_COMMANDS, "a\nb\nr /srv/a/job", true },
		/* scripts */
		{ BELIEVED_MIXED, "DAEMON=/srv/a/bin/app\n", true },
		{ BELIEVED_MIXED, "LOG=/srv/a/log/x.no\n", false },
		{ BELIEVED_MIXED, "/srv/a/log/*.log {\n", true },
		{ BELIEVED_MIXED, "/srv/a/log/dir {\n", false },
		/* search paths */
		{ BELIEVED_PATHS, "PATH=/usr/bin:/srv/a/bin:/bin\n", true },
		{ BELIEVED_PATHS, "PATH=/usr/bin:/srv/a\n", true },
		{ BELIEVED_PATHS, "/srv/a/dir\n", true },
		{ BELIEVED_PATHS, "PATH=/usr/bin:/srv/ab/bin\n", false },
		{ BELIEVED_PATHS, "# /srv/a/lib\n", false },
		/* variables of services */
		{ BELIEVED_VARIABLES, "DAEMON=/srv/a/bin/app\n", true },
		{ BELIEVED_VARIABLES, "PATH=/srv/a/dir\n", true },
		{ BELIEVED_VARIABLES, "LD_LIBRARY_PATH=/srv/a/dir\n", true },
		{ BELIEVED_VARIABLES, "DATA=/srv/a/dir\n", false },
	};

	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
	/* Bytes that are no text. */
	CHECK(!believed_in_text(bytes_of("\0\377\n\0/srv/", 9),
	    BELIEVED_COMMANDS, "/srv/a", is_code));
	CHECK(believed_in_text(bytes_of("\0\n\0/srv/a/x\0", 12),
	    BELIEVED_COMMANDS, "/srv/a", is_code));
}

TEST(what_a_unit_names)
{
	static const struct row rows[] = {
		{ BELIEVED_UNIT, "[Service]\nExecStart=/srv/a/run\n", true },
		{ BELIEVED_UNIT, "[Service]\nExecStartPre=-/srv/a/run\n",
		    true },
		{ BELIEVED_UNIT, "[Service]\nExecStart=/bin/py /srv/a/m.py\n",
		    true },
		{ BELIEVED_UNIT, "[Service]\n  ExecReload=/srv/a/run\n",
		    true },
		{ BELIEVED_UNIT, "[Service]\nEnvironmentFile=-/srv/a/env.d\n",
		    true },
		{ BELIEVED_UNIT, "[Service]\nExecStart=/bin/x -f /srv/a/c.d\n",
		    false },
		{ BELIEVED_UNIT, "[Service]\nWorkingDirectory=/srv/a/run\n",
		    false },
		{ BELIEVED_UNIT, "[Service]\nReadWritePaths=/srv/a\n", false },
		{ BELIEVED_UNIT, "[Service]\n#ExecStart=/srv/a/run\n", false },
		{ BELIEVED_UNIT, "[Unit]\nDescription=/srv/a/run\n", false },
		{ BELIEVED_UNIT, "ExecStart=/srv/a/run\nUser=www\n", false },
		{ BELIEVED_UNIT, "User=www\nExecStart=/srv/a/run\n", false },
		{ BELIEVED_UNIT, "User=www\nExecStartPre=+/srv/a/run\n", true },
		{ BELIEVED_UNIT, "User=www\nExecStartPre=!/srv/a/run\n", true },
		{ BELIEVED_UNIT, "User=root\nExecStart=/srv/a/run\n", true },
		{ BELIEVED_UNIT, "User=0\nExecStart=/srv/a/run\n", true },
		{ BELIEVED_UNIT, "User=w\nUser=\nExecStart=/srv/a/r\n", true },
		{ BELIEVED_UNIT, "DynamicUser=yes\nExecStart=/srv/a/r\n",
		    false },
		{ BELIEVED_UNIT, "DynamicUser=no\nExecStart=/srv/a/r\n", true },
		/* in other spellings */
		{ BELIEVED_UNIT, "ExecStart=/srv//a///run\n", true },
		{ BELIEVED_UNIT, "ExecStart=/srv/./a/././run\n", true },
		{ BELIEVED_UNIT, "ExecStart=/srv/x/../a/run\n", true },
		{ BELIEVED_UNIT, "ExecStart=/srv/x/y/../../a/run\n", true },
		{ BELIEVED_UNIT, "ExecStart=/srv/a/../b/run\n", false },
		{ BELIEVED_UNIT, "ExecStart=/srv/\\x61/run\n", true },
		{ BELIEVED_UNIT, "ExecStart=/srv/\\x62/run\n", false },
		{ BELIEVED_UNIT, "ExecStart=\"/srv/a/run\" x\n", true },
		{ BELIEVED_UNIT, "ExecStart=/srv/%i/run\n", true },
		{ BELIEVED_UNIT, "ExecStart=/srv/x%i/run/a\n", false },
		{ BELIEVED_UNIT, "ExecStart=/srv/a%i/run/a\n", true },
		{ BELIEVED_UNIT, "ExecStart=/opt/%i/run\n", false },
		{ BELIEVED_UNIT, "ExecStart=/bin/sh \\\n  /srv/a/run\n", true },
		{ BELIEVED_UNIT, "ExecStart=/bin/sh \\\n# why\n /srv/a/run\n",
		    true },
		{ BELIEVED_UNIT, "Description=x \\\nExecStart=/srv/a/run\n",
		    false },
		{ BELIEVED_UNIT, "User=www\nExecStart=-@+/srv/a/run\n", true },
		{ BELIEVED_UNIT, "User=www\nExecStart=-@/srv/a/run\n", false },
		/* not only by Exec lines */
		{ BELIEVED_UNIT, "RootDirectory=/srv/a\n", true },
		{ BELIEVED_UNIT, "ExecSearchPath=/srv/a/dir\n", true },
		{ BELIEVED_UNIT, "StandardInput=file:/srv/a/x.d\n", true },
		{ BELIEVED_UNIT, "Environment=LD_PRELOAD=/srv/a/x.d\n", true },
		{ BELIEVED_UNIT, "Environment=\"PATH=/bin:/srv/a/dir\"\n",
		    true },
		{ BELIEVED_UNIT, "Environment=DATA=/srv/a/dir\n", false },
		{ BELIEVED_UNIT, "User=w\nRootDirectory=/srv/a\n", false },
		{ BELIEVED_UNIT, "WorkingDirectory=/srv/a\n"
		    "ExecStart=/bin/node server.js\n", true },
		{ BELIEVED_UNIT, "ExecStart=/bin/sh -c './run x'\n"
		    "WorkingDirectory=-/srv/a\n", true },
		{ BELIEVED_UNIT, "WorkingDirectory=/srv/a\n"
		    "ExecStart=/bin/x --conf=y.js -p\n", false },
		{ BELIEVED_UNIT, "WorkingDirectory=/srv/a\n"
		    "ExecStart=/bin/x /opt/y.js\n", false },
		{ BELIEVED_UNIT, "WorkingDirectory=/srv/a\nUser=w\n"
		    "ExecStart=/bin/node server.js\n", false },
	};

	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

/* Mounts of our own, which end with us. */
static void
own_mounts(void)
{
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC |
	    MS_PRIVATE, NULL) != 0)
		SKIP("no mount namespace here");
}

static void
bind(const char *from, const char *to)
{
	CHECK_INT(mount(from, to, NULL, MS_BIND, NULL), 0);
}

static void
make(const char *dir, const char *name, char ret_path[256])
{
	(void)snprintf(ret_path, 256, "%s/%s", dir, name);
	CHECK_INT(mkdir(ret_path, 0755), 0);
}

static bool
has_name(const char *folder, const char *name)
{
	char other[PLACES_PATH_SIZE];
	unsigned i;

	for (i = 0; believed_name(folder, i, other) == 0; i++)
		if (strcmp(other, name) == 0)
			return true;
	return false;
}

TEST(other_names_through_mounts)
{
	char dir[] = "/tmp/cs-believed-XXXXXX", other[PLACES_PATH_SIZE];
	char a[256], b[256], c[256], in[256], deep[256], blank[256];

	own_mounts();
	CHECK(mkdtemp(dir) != NULL);
	CHECK_INT(mount("none", dir, "tmpfs", 0, NULL), 0);
	make(dir, "a", a);
	make(dir, "b", b);
	make(dir, "c", c);
	make(a, "in", in);
	make(in, "deep", deep);
	make(dir, "bl nk", blank);
	CHECK_INT(believed_name(a, 0, other), ERR_NOT_FOUND);
	CHECK_INT(believed_name("/nowhere/at/all", 9, other), ERR_NOT_FOUND);
	/* b shows a: each has the other's name, and what is in it. */
	bind(a, b);
	CHECK(has_name(a, b));
	CHECK(has_name(b, a));
	(void)snprintf(other, sizeof(other), "%s/in/deep", b);
	CHECK(has_name(deep, other));
	CHECK(has_name(other, deep));
	/* c shows something that is in a. */
	bind(in, c);
	CHECK(has_name(a, c));
	CHECK(has_name(deep, (snprintf(other, sizeof(other), "%s/deep", c),
	    other)));
	/* Something else shows in a: what is there is its own. */
	bind("/etc", deep);
	CHECK(has_name(a, "/etc"));
	CHECK(has_name(in, "/etc"));
	CHECK(has_name(deep, "/etc"));
	CHECK(!has_name(blank, "/etc"));
	/* Blanks are written in another way there. */
	bind("/etc", blank);
	CHECK(has_name(blank, "/etc"));
	CHECK(has_name(dir, "/etc"));
	CHECK_INT(umount2(blank, MNT_DETACH), 0);
	CHECK_INT(umount2(deep, MNT_DETACH), 0);
	CHECK_INT(umount2(c, MNT_DETACH), 0);
	CHECK_INT(umount2(b, MNT_DETACH), 0);
	CHECK_INT(umount2(dir, MNT_DETACH), 0);
	CHECK_INT(rmdir(dir), 0);
}

static void
put(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	CHECK_MSG(f != NULL, "%s", path);
	CHECK(fputs(text, f) >= 0);
	CHECK_INT(fclose(f), 0);
	CHECK_INT(chmod(path, mode), 0);
}

/* On folders of /etc of our own. */
TEST(what_this_machine_takes_from_there)
{
	char by[256], dir[] = "/opt/cs-believed-XXXXXX", path[256], line[512];

	own_mounts();
	if (mkdtemp(dir) == NULL)
		SKIP("/opt cannot be written to");
	CHECK_INT(mount("none", dir, "tmpfs", 0, NULL), 0);
	CHECK_INT(believed_find(dir, by, sizeof(by)), ERR_NOT_FOUND);
	CHECK_INT(mount("none", "/etc", "tmpfs", 0, NULL), 0);
	CHECK_INT(believed_find(dir, by, sizeof(by)), ERR_NOT_FOUND);
	CHECK_INT(mkdir("/etc/cron.d", 0755), 0);
	CHECK_INT(mkdir("/etc/systemd", 0755), 0);
	CHECK_INT(mkdir("/etc/systemd/system", 0755), 0);
	CHECK_INT(mkdir("/etc/systemd/system/a.service.d", 0755), 0);
	CHECK_INT(mkdir("/etc/profile.d", 0755), 0);
	CHECK_INT(mkdir("/etc/init.d", 0755), 0);
	CHECK_INT(mkfifo("/etc/cron.d/pipe", 0600), 0);
	(void)snprintf(path, sizeof(path), "%s/job", dir);
	put(path, "", 0644);
	(void)snprintf(line, sizeof(line), "* * * * * root %s\n", path);
	put("/etc/cron.d/x", line, 0644);
	/* A file of data, as long as it is one. */
	CHECK_INT(believed_find(dir, by, sizeof(by)), ERR_NOT_FOUND);
	CHECK_INT(chmod(path, 0755), 0);
	CHECK_INT(believed_find(dir, by, sizeof(by)), 0);
	CHECK_STR(by, "/etc/cron.d/x");
	/* And where it could be made. */
	CHECK_INT(unlink(path), 0);
	CHECK_INT(believed_find(dir, by, sizeof(by)), 0);
	CHECK_INT(believed_find("/opt/cs-believed-nobody", by, sizeof(by)),
	    ERR_NOT_FOUND);
	put("/etc/cron.d/x", "", 0644);
	(void)snprintf(line, sizeof(line), "ExecStart=%s/run\n", dir);
	put("/etc/systemd/system/a.service.d/x.conf", line, 0644);
	CHECK_INT(believed_find(dir, by, sizeof(by)), 0);
	CHECK_STR(by, "/etc/systemd/system/a.service.d/x.conf");
	CHECK_INT(unlink(by), 0);
	/* A unit that is kept there, and is not there at the moment. */
	(void)snprintf(path, sizeof(path), "%s/a.service", dir);
	CHECK_INT(symlink(path, "/etc/systemd/system/a.service"), 0);
	CHECK_INT(believed_find(dir, by, sizeof(by)), 0);
	CHECK_STR(by, "/etc/systemd/system/a.service");
	CHECK_INT(unlink(by), 0);
	/* By a relative link, and a folder of scripts kept there. */
	put(path, "", 0644);
	(void)snprintf(line, sizeof(line), "../..%s", path);
	CHECK_INT(symlink(line, "/etc/init.d/a"), 0);
	CHECK_INT(believed_find(dir, by, sizeof(by)), 0);
	CHECK_STR(by, "/etc/init.d/a");
	CHECK_INT(unlink(by), 0);
	CHECK_INT(symlink(dir, "/etc/cron.daily"), 0);
	CHECK_INT(believed_find(dir, by, sizeof(by)), 0);
	CHECK_STR(by, "/etc/cron.daily");
	CHECK_INT(unlink(by), 0);
	(void)snprintf(line, sizeof(line), "PATH=$PATH:%s/bin\n", dir);
	put("/etc/profile.d/x.sh", line, 0644);
	CHECK_INT(believed_find(dir, by, sizeof(by)), 0);
	CHECK_STR(by, "/etc/profile.d/x.sh");
	CHECK_INT(umount2("/etc", MNT_DETACH), 0);
	CHECK_INT(believed_find(dir, by, sizeof(by)), ERR_NOT_FOUND);
	CHECK_INT(umount2(dir, MNT_DETACH), 0);
	CHECK_INT(rmdir(dir), 0);
}

TEST_MAIN()
