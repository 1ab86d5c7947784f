/*
 * test_unitpaths.c - which folders a service is made of.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/error.h"
#include "common/unitpaths.h"
#include "tests/harness/test.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

TEST(what_a_unit_is)
{
	struct unitpaths u;

	CHECK_INT(unitpaths_read(bytes_str("Id=a.service\nLoadState=loaded\n"
	    "Id=b.service\n"), &u), 0);
	CHECK(bytes_is(u.id, "a.service"));
	CHECK(bytes_is(u.load, "loaded"));
	CHECK_INT(unitpaths_read(bytes_str("LoadState=loaded\n"), &u),
	    ERR_MISSING_FIELD);
	CHECK_INT(unitpaths_read(bytes_str("Id=\nLoadState=x\n"), &u),
	    ERR_MISSING_FIELD);
	CHECK_INT(unitpaths_read(bytes_str(""), &u), ERR_MISSING_FIELD);
}

static char pulled[256];

static bool
note(struct bytes unit, void *arg)
{
	size_t n = strlen(pulled);

	(void)snprintf(pulled + n, sizeof(pulled) - n, "%.*s;", (int)unit.n,
	    (const char *)unit.p);
	return arg == NULL;
}

TEST(what_comes_along)
{
	static const char text[] = "Id=a.service\n"
	    "Requires=sysinit.target b.service system.slice c.socket\n"
	    "Wants=d.service\nAfter=e.service\nOnFailure=\n"
	    "ConsistsOf=f@x.service\nTriggers=g.timer\n"
	    "Description=Wants=h.service";
	int one;

	pulled[0] = '\0';
	unitpaths_pulls(bytes_str(text), note, NULL);
	CHECK_STR(pulled, "b.service;c.socket;d.service;f@x.service;g.timer;");
	pulled[0] = '\0';
	unitpaths_pulls(bytes_str(text), note, &one);
	CHECK_STR(pulled, "b.service;");
	unitpaths_pulls(bytes_str(""), note, NULL);
	CHECK_STR(pulled, "b.service;");
}

TEST(paths_below_a_root)
{
	static const struct {
		const char *line;
		const char *root;
		bool found;
	} rows[] = {
		{ "ExecStart={ path=/srv/app/run ; argv[]=/srv/app/run }",
		    "/srv/app", true },
		{ "ExecStart={ path=/usr/bin/python3 ; argv[]=/usr/bin/python3"
		    " /srv/app/main.py }", "/srv/app", true },
		{ "ExecStart={ path=/usr/sbin/nginx ; argv[]=/usr/sbin/nginx"
		    " -c/srv/app/nginx.conf }", "/srv/app", true },
		{ "ExecStart={ path=/bin/sh ; argv[]=/bin/sh -c \"exec"
		    " '/srv/app/x'\" }", "/srv/app", true },
		{ "ExecReload={ path=/bin/kill ; argv[]=/bin/kill }",
		    "/srv/app", false },
		{ "WorkingDirectory=/srv/app", "/srv/app", true },
		{ "WorkingDirectory=!/srv/app", "/srv/app", true },
		{ "WorkingDirectory=/srv/apple", "/srv/app", false },
		{ "WorkingDirectory=/srv", "/srv/app", false },
		{ "WorkingDirectory=/srv/app/x", "/srv/app/x/y", false },
		{ "EnvironmentFiles=/srv/app/env (ignore_errors=yes)",
		    "/srv/app", true },
		{ "EnvironmentFiles=-/srv/app/env", "/srv/app", true },
		{ "Environment=LD_PRELOAD=/srv/app/x.so", "/srv/app", true },
		{ "Environment=PATH=/usr/bin:/srv/app/bin", "/srv/app", true },
		{ "FragmentPath=/srv/app/web.service", "/srv/app", true },
		{ "DropInPaths=/etc/a.conf /srv/app/b.conf", "/srv/app",
		    true },
		/* other spellings of the same */
		{ "WorkingDirectory=//srv//app", "/srv/app", true },
		{ "WorkingDirectory=/srv/./app", "/srv/app", true },
		{ "WorkingDirectory=/opt/../srv/app", "/srv/app", true },
		{ "WorkingDirectory=/srv/x/../app", "/srv/app", true },
		{ "ExecStart={ path=/x ; argv[]=/x --c=/srv/app }", "/srv/app",
		    true },
		/* no path of it */
		{ "Id=/srv/app", "/srv/app", false },
		{ "LoadState=/srv/app", "/srv/app", false },
		{ "ExecStart={ path=/x ; argv[]=/x /opt/srv/app }", "/srv/app",
		    false },
		{ "ExecStart=", "/srv/app", false },
		/* a root whose name these values may show otherwise */
		{ "ExecStart=", "/srv/my app", true },
		{ "ExecStart=", "/srv/\303\244", true },
		{ "ExecStart=", "/srv/a\\b", true },
		{ "ExecStart=", "/srv/a%i", true },
	};
	struct bytes path;
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		CHECK_MSG(unitpaths_find(bytes_str(rows[i].line),
		    bytes_str(rows[i].root), &path) == rows[i].found,
		    "%s in %s", rows[i].line, rows[i].root);
	/* Any line of several. */
	CHECK(unitpaths_find(bytes_str("Id=a\nX=/y\nWorkingDirectory=/srv/a"),
	    bytes_str("/srv/a"), &path));
	CHECK(bytes_is(path, "/srv/a"));
	CHECK(!unitpaths_find(bytes_str(""), bytes_str("/srv/a"), &path));
}

TEST_MAIN()
