/*
 * test_roots.c - folders that a repair may not have on this machine.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "agent/gate/planner.h"
#include "agent/gate/roots.h"
#include "platform/places.h"
#include "tests/harness/test.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not below /tmp, which is refused by its name. */
struct place {
	char dir[64];
	char state[96];
	char socket[96];
	char programs[40];
	char none[1];
	struct config c;
};

static void
make(struct place *p)
{
	char path[128];

	(void)snprintf(p->dir, sizeof(p->dir), "/opt/cs-roots-XXXXXX");
	if (mkdtemp(p->dir) == NULL)
		SKIP("/opt cannot be written to");
	(void)snprintf(p->state, sizeof(p->state), "%s/agent/state", p->dir);
	(void)snprintf(p->socket, sizeof(p->socket), "%s/run/gate.sock",
	    p->dir);
	(void)snprintf(path, sizeof(path), "%s/agent", p->dir);
	CHECK_INT(mkdir(path, 0700), 0);
	CHECK_INT(mkdir(p->state, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/app", p->dir);
	CHECK_INT(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/app/sub", p->dir);
	CHECK_INT(mkdir(path, 0700), 0);
	memset(&p->c, 0, sizeof(p->c));
	p->c.state = p->state;
	p->c.socket = p->socket;
	(void)snprintf(p->programs, sizeof(p->programs),
	    "/opt/countersign-programs");
	p->c.programs = p->programs;
	p->none[0] = '\0';
	p->c.file = p->none;
}

static void
point(const struct place *p, const char *name, const char *to)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	CHECK_INT(symlink(to, path), 0);
}

static void
clear(const struct place *p)
{
	char command[96];
	pid_t pid;

	(void)snprintf(command, sizeof(command), "%s", p->dir);
	if ((pid = fork()) == 0) {
		(void)execl("/bin/rm", "rm", "-r", command, (char *)NULL);
		_exit(127);
	}
	CHECK(pid > 0);
	CHECK(waitpid(pid, NULL, 0) == pid);
}

/* The word for a root below the place, or anywhere if it begins with '/'. */
static const char *
word(const struct place *p, const char *root, char *detail)
{
	struct bytes roots[1];
	struct action a;
	char path[128];
	const char *w;

	(void)snprintf(path, sizeof(path), "%s%s%s", root[0] == '/' ? "" :
	    p->dir, root[0] == '/' || root[0] == '\0' ? "" : "/", root);
	action_defaults(&a);
	a.profile = ACTION_REPAIR;
	roots[0] = bytes_str(path);
	a.write.p = roots;
	a.write.n = 1;
	w = roots_check(&p->c, -1, &a, detail);
	return w != NULL ? w : "";
}

TEST(folders_and_where_they_lead)
{
	static const struct {
		const char *root;
		const char *word;
		const char *says;
	} rows[] = {
		{ "app", "", "" },
		{ "app/sub", "", "" },
		{ "app/not-there", "", "" },
		/* the agent's own, above and below */
		{ "agent/state", "needs_full", "the agent's own" },
		{ "agent/state/journal", "needs_full", "the agent's own" },
		{ "agent", "needs_full", "the agent's own" },
		{ "", "needs_full", "the agent's own" },
		{ "run", "needs_full", "the agent's own" },
		{ "/opt/countersign-programs", "needs_full",
		    "the agent's own" },
		{ "/opt", "needs_full", "" },
		/* listed by name */
		{ "/etc/nginx", "needs_full", "(/etc)" },
		{ "/", "needs_full", "" },
		/* links */
		{ "to-etc", "needs_full", "a symbolic link leads to" },
		{ "to-etc/nginx", "", "" },	/* not there */
		{ "to-etc/init.d", "needs_full", "a symbolic link leads to" },
		{ "to-root", "needs_full", "a symbolic link leads to" },
		{ "to-state", "needs_full", "the agent's own" },
		{ "to-app", "write_not_allowed", "name the folder itself" },
		{ "to-app/sub", "write_not_allowed", "symbolic link" },
		{ "chain", "needs_full", "a symbolic link leads to" },
		{ "dangling", "", "" },
		{ "loop", "write_not_allowed", "cannot be looked at" },
	};
	char detail[REFUSAL_DETAIL_SIZE];
	struct place p;
	const char *w;
	size_t i;

	make(&p);
	point(&p, "to-etc", "/etc");
	point(&p, "to-root", "/");
	point(&p, "to-state", "agent/state");
	point(&p, "to-app", "app");
	point(&p, "chain", "to-etc");
	point(&p, "dangling", "nowhere");
	point(&p, "loop", "loop");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		w = word(&p, rows[i].root, detail);
		/* A machine may lack what the row goes through. */
		CHECK_MSG(strcmp(w, rows[i].word) == 0 ||
		    (strcmp(rows[i].root, "to-etc/nginx") == 0 &&
		    access("/etc/nginx", F_OK) == 0), "%s: %s (%s)",
		    rows[i].root, w, detail);
		CHECK_MSG(rows[i].says[0] == '\0' ||
		    strstr(detail, rows[i].says) != NULL, "%s: %s",
		    rows[i].root, detail);
	}
	clear(&p);
}

TEST(the_agents_own_behind_a_link)
{
	char detail[REFUSAL_DETAIL_SIZE], path[128];
	struct place p;

	make(&p);
	point(&p, "alias", "agent");
	(void)snprintf(path, sizeof(path), "%s/alias/state", p.dir);
	p.c.state = path;
	/* Named by the link, and by what it really is. */
	CHECK_STR(word(&p, "agent/state", detail), "needs_full");
	CHECK_STR(word(&p, "alias/state", detail), "needs_full");
	clear(&p);
}

TEST(other_profiles_have_none)
{
	char detail[REFUSAL_DETAIL_SIZE];
	struct action a;
	struct place p;

	make(&p);
	action_defaults(&a);
	CHECK(roots_check(&p.c, -1, &a, detail) == NULL);
	a.profile = ACTION_FULL;
	CHECK(roots_check(&p.c, -1, &a, detail) == NULL);
	clear(&p);
}

TEST(homes)
{
	char home[PLACES_PATH_SIZE] = "";
	const struct passwd *p = getpwuid(0);

	/* An account everywhere, and nearly everywhere with a shell. */
	if (p == NULL || strcmp(p->pw_dir, "/root") != 0 ||
	    strstr(p->pw_shell, "sh") == NULL)
		SKIP("root's home is another");
	CHECK_INT(places_home_at("/root", home), 0);
	CHECK_STR(home, "/root");
	CHECK_INT(places_home_at("/root/work", home), ERR_NOT_FOUND);
	CHECK_INT(places_home_at("/srv", home), ERR_NOT_FOUND);
}

TEST_MAIN()
