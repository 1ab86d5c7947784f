/*
 * interop_json.c - runs JSONTestSuite's files against the strict scanner.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * Takes a folder. By the suite's names: n_* has to be refused; y_* has to be
 * taken, unless one of the rules refuses it by which this scanner is stricter
 * than RFC 8259 (json.h), which is then named; i_* may go either way.
 */
#include "common/json.h"
#include "tests/harness/interop.h"

#include <dirent.h>
#include <string.h>

/* Rules that refuse what RFC 8259 lets through, and why we have them. */
static const struct {
	const char *rule, *why;
} stricter[] = {
	{ "duplicate", "a name twice reads differently in different parsers" },
	{ "nul", "U+0000 ends a C string" },
	{ "integer", "an integer beyond 2^53-1 loses digits in a double" },
	{ "depth", "more than 16 arrays and objects inside one another" },
	{ "members", "more members than are remembered" },
	{ "values", "more values than memory is spent on" },
	{ "size", "longer than any text of ours" },
	{ "surrogate", "half a surrogate pair is no character" },
	{ "bom", "a byte order mark" },
	{ NULL, NULL }
};

static const char *
why_stricter(const char *rule)
{
	size_t i;

	for (i = 0; stricter[i].rule != NULL; i++) {
		if (strcmp(stricter[i].rule, rule) == 0)
			return stricter[i].why;
	}
	return NULL;
}

static void
run_file(const char *folder, const char *name, struct tally *t)
{
	struct json_error e = { 0, 0, "" };
	const char *why;
	char path[4096];
	struct buf b;
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	b = interop_read(path);
	r = json_check(buf_bytes(&b), 0, &e);
	buf_free(&b);
	why = r != 0 ? why_stricter(e.rule) : NULL;
	if (r == 0)
		interop_case(t, name[0] != 'n', "%s: taken", name);
	else if (name[0] == 'y' && why != NULL)
		interop_case(t, true, "%s: refused by our rule \"%s\": %s",
		    name, e.rule, why);
	else
		interop_case(t, name[0] != 'y', "%s: refused, %s at %zu", name,
		    e.rule, e.at);
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
is_case(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 7 && strchr("yni", e->d_name[0]) != NULL &&
	    e->d_name[1] == '_' && strcmp(e->d_name + n - 5, ".json") == 0;
}

int
main(int argc, char **argv)
{
	struct tally t = { 0, 0, 0 };
	struct dirent **names;
	int i, n;

	if (argc != 2)
		interop_die(argv[0], "takes one folder of files");
	if ((n = scandir(argv[1], &names, is_case, by_name)) < 0)
		interop_die(argv[1], "cannot be listed");
	for (i = 0; i < n; i++) {
		run_file(argv[1], names[i]->d_name, &t);
		free(names[i]);
	}
	free(names);
	return interop_end(&t);
}
