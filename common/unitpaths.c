/*
 * unitpaths.c - what a service is made of, as `systemctl show` tells it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner.
 */
#include "common/unitpaths.h"

#include "common/error.h"

#include <string.h>

/* clang-format off */
const char *const unitpaths_show[] = {
	"--no-pager", "--all",
	"--property=Id,LoadState,FragmentPath,SourcePath,DropInPaths,"
	"ExecCondition,ExecConditionEx,ExecStartPre,ExecStartPreEx,"
	"ExecStart,ExecStartEx,ExecStartPost,ExecStartPostEx,"
	"ExecReload,ExecReloadEx,ExecStop,ExecStopEx,"
	"ExecStopPost,ExecStopPostEx,"
	"WorkingDirectory,RootDirectory,RootImage,RootDirectoryStartOnly,"
	"EnvironmentFiles,Environment,BindPaths,BindReadOnlyPaths,"
	"ExtensionImages,ExtensionDirectories,LoadCredential,PIDFile,"
	"ExecSearchPath,Requires,Wants,BindsTo,Upholds,ConsistsOf,"
	"OnFailure,OnSuccess,Triggers",
	NULL
};
/* clang-format on */

static struct bytes
cut(struct bytes *rest, char c)
{
	const uint8_t *end = rest->n > 0 ? memchr(rest->p, c, rest->n) : NULL;
	struct bytes part = *rest;

	if (end != NULL)
		part.n = (size_t)(end - rest->p);
	rest->p += part.n + (end != NULL);
	rest->n -= part.n + (end != NULL);
	return part;
}

int
unitpaths_read(struct bytes text, struct unitpaths *ret_u)
{
	struct unitpaths u = { { NULL, 0 }, { NULL, 0 } };
	struct bytes line, name;

	while (text.n > 0) {
		line = cut(&text, '\n');
		name = cut(&line, '=');
		if (bytes_is(name, "Id") && u.id.p == NULL)
			u.id = line;
		else if (bytes_is(name, "LoadState") && u.load.p == NULL)
			u.load = line;
	}
	if (u.id.n == 0 || u.load.n == 0)
		return ERR_MISSING_FIELD;
	*ret_u = u;
	return 0;
}

/* What a path cannot go on over, in these values. */
static bool
ends_path(uint8_t c)
{
	return c <= ' ' || strchr(":;,=\"'(){}[]<>|&", c) != NULL;
}

/* Takes the next component of a path, however many slashes come before. */
static struct bytes
component(struct bytes *path)
{
	while (path->n > 0 && path->p[0] == '/') {
		path->p++;
		path->n--;
	}
	return cut(path, '/');
}

/*
 * Whether the path is the folder or below it. A `..` may lead anywhere: then
 * it counts if what comes before it has anything to do with the folder, or
 * what comes after.
 */
static bool
is_below(struct bytes path, struct bytes folder)
{
	struct bytes a, b;

	for (b = component(&folder); b.n > 0; b = component(&folder)) {
		do {
			a = component(&path);
		} while (bytes_is(a, "."));
		if (bytes_is(a, ".."))
			return true;
		if (!bytes_equal(a, b))
			break;
	}
	if (b.n == 0)
		return true;
	while (path.n > 0)
		if (bytes_is(component(&path), ".."))
			return true;
	return false;
}

static bool
find_in(struct bytes value, struct bytes folder, struct bytes *ret_path)
{
	struct bytes path;
	size_t i = 0, n;

	while (i < value.n) {
		/* Also in the middle of a word: -f/srv/app/x. */
		if (value.p[i] != '/' ||
		    (i > 0 && (value.p[i - 1] == '/' ||
		    value.p[i - 1] == '.'))) {
			i++;
			continue;
		}
		for (n = 0; i + n < value.n && !ends_path(value.p[i + n]); n++)
			;
		path = bytes_of(value.p + i, n);
		if (is_below(path, folder)) {
			*ret_path = path;
			return true;
		}
		/* On to the next slash that does not belong to it. */
		i += n;
	}
	return false;
}

/* Names that these values cannot quote in more ways than one. */
static bool
is_plain(struct bytes folder)
{
	size_t i;

	for (i = 0; i < folder.n; i++)
		if (folder.p[i] >= 0x7f || folder.p[i] == '\\' ||
		    folder.p[i] == '%' || ends_path(folder.p[i]))
			return false;
	return true;
}

bool
unitpaths_find(struct bytes text, struct bytes folder, struct bytes *ret_path)
{
	struct bytes line, name;

	if (!is_plain(folder)) {
		*ret_path = folder;
		return true;
	}
	while (text.n > 0) {
		line = cut(&text, '\n');
		name = cut(&line, '=');
		if (!bytes_is(name, "Id") && !bytes_is(name, "LoadState") &&
		    find_in(line, folder, ret_path))
			return true;
	}
	return false;
}

/* What it brings along, of the properties above. */
static bool
is_pull(struct bytes name)
{
	static const char *const names[] = { "Requires", "Wants", "BindsTo",
	    "Upholds", "ConsistsOf", "OnFailure", "OnSuccess", "Triggers" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (bytes_is(name, names[i]))
			return true;
	return false;
}

/* Targets and slices run nothing: what they want is started with them, at the
 * latest when the machine is. */
static bool
runs_something(struct bytes unit)
{
	static const char *const kinds[] = { ".service", ".socket", ".path",
	    ".timer" };
	size_t i, n;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		n = strlen(kinds[i]);
		if (unit.n > n &&
		    memcmp(unit.p + unit.n - n, kinds[i], n) == 0)
			return true;
	}
	return false;
}

void
unitpaths_pulls(struct bytes text, bool (*fn)(struct bytes unit, void *arg),
    void *arg)
{
	struct bytes line, name, unit;

	while (text.n > 0) {
		line = cut(&text, '\n');
		name = cut(&line, '=');
		while (is_pull(name) && line.n > 0) {
			unit = cut(&line, ' ');
			if (runs_something(unit) && !fn(unit, arg))
				return;
		}
	}
}
