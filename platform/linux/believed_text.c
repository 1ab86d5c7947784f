/*
 * believed_text.c - code that a cron table, a script or a unit names.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/believed.h"

#include <string.h>

/* Whether a path could go on with that byte. */
static bool
is_path_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '_' ||
	    c == '-' || c == '+' || c == '@' || c == '%' || c >= 0x80;
}

/* The same of what stands before a slash: "-/srv/x" begins one. */
static bool
goes_on(uint8_t c)
{
	return is_path_byte(c) && c != '-' && c != '+' && c != '@';
}

/* The last byte before at that is no blank; 0 none. */
static uint8_t
before(struct bytes line, size_t at)
{
	while (at > 0 && (line.p[at - 1] == ' ' || line.p[at - 1] == '\t'))
		at--;
	return at > 0 ? line.p[at - 1] : 0;
}

/* The path that begins in the line at that byte, copied. */
static void
copy_path(struct bytes line, size_t at, char ret_path[PLACES_PATH_SIZE])
{
	size_t n = 0;

	while (at + n < line.n && n + 1 < PLACES_PATH_SIZE &&
	    is_path_byte(line.p[at + n]))
		n++;
	/* "at /srv/x." ends a sentence. */
	while (n > 1 && (line.p[at + n - 1] == '/' ||
	    line.p[at + n - 1] == '.'))
		n--;
	memcpy(ret_path, line.p + at, n);
	ret_path[n] = '\0';
}

/* Whether the line names code at or below the folder. */
static bool
names_code(struct bytes line, enum believed_kind kind, const char *folder,
    believed_is_code *is_code)
{
	char path[PLACES_PATH_SIZE];
	size_t n = strlen(folder), at;
	const uint8_t *hit;

	for (at = 0; at < line.n; at++) {
		hit = memmem(line.p + at, line.n - at, folder, n);
		if (hit == NULL)
			return false;
		at = (size_t)(hit - line.p);
		if ((at > 0 && goes_on(line.p[at - 1])) ||
		    (at + n < line.n && line.p[at + n] != '/' &&
		    is_path_byte(line.p[at + n])))
			continue;
		if (kind == BELIEVED_PATHS)
			return true;
		copy_path(line, at, path);
		/* What it writes there is not what it runs. */
		if (before(line, at) != '>' && is_code(path,
		    kind == BELIEVED_COMMANDS))
			return true;
	}
	return false;
}

static struct bytes
cut_line(struct bytes *text)
{
	const uint8_t *end = memchr(text->p, '\n', text->n);
	size_t n = end != NULL ? (size_t)(end - text->p) : text->n;
	struct bytes line = bytes_of(text->p, n);

	text->p += n + (end != NULL);
	text->n -= n + (end != NULL);
	while (line.n > 0 && (*line.p == ' ' || *line.p == '\t')) {
		line.p++;
		line.n--;
	}
	return line;
}

/* ---- units --------------------------------------------------------------- */

/* Longer lines are looked at so far. */
#define UNIT_LINE_MAX 8192

/* One, as it is read: what stands behind the key. */
struct believed_line {
	uint8_t text[UNIT_LINE_MAX];
	size_t n;
	size_t key;		/* in unit_keys */
};

/* What a line of a unit says about code. */
static const struct {
	const char *key;
	bool paths;		/* a folder counts as well */
	bool loader;		/* only what loaders and shells look at */
	bool relative;		/* only if a command is found from there */
} unit_keys[] = {
	{ "ExecSearchPath=", true, false, false },
	{ "Exec", false, false, false },
	{ "EnvironmentFile=", true, false, false },
	{ "Environment=", true, true, false },
	{ "RootDirectory=", true, false, false },
	{ "RootImage=", true, false, false },
	{ "StandardInput=", true, false, false },
	{ "WorkingDirectory=", true, false, true },
};

/* The value of "KEY=value", if the line begins with that key. */
static bool
has_key(struct bytes line, const char *key, struct bytes *ret_value)
{
	size_t n = strlen(key);

	if (line.n < n || memcmp(line.p, key, n) != 0)
		return false;
	/* A whole key, or a beginning of one ("Exec"). */
	while (n < line.n && line.p[n] != '=' && line.p[n - 1] != '=')
		n++;
	if (n < line.n && line.p[n] == '=')
		n++;
	*ret_value = bytes_of(line.p + n, line.n - n);
	return true;
}

/* systemd.exec(5): whose code it is. */
static bool
runs_as_another(struct bytes text)
{
	struct bytes line, v;
	bool another = false;

	while (text.n > 0) {
		line = cut_line(&text);
		if (has_key(line, "User=", &v))
			another = v.n > 0 && !bytes_is(v, "root") &&
			    !bytes_is(v, "0");
		else if (has_key(line, "DynamicUser=", &v))
			another = another || bytes_is(v, "yes") ||
			    bytes_is(v, "true") || bytes_is(v, "1");
	}
	return another;
}

static int
hex_of(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ?
	    c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Adds a byte to the line so that paths in it have their one form. */
static void
put(struct believed_line *l, uint8_t c)
{
	uint8_t *p = l->text;

	if (l->n == sizeof(l->text))
		return;
	if (c != '/') {
		p[l->n++] = c;
		return;
	}
	if (l->n >= 3 && memcmp(p + l->n - 3, "/..", 3) == 0) {
		l->n -= 3;
		while (l->n > 0 && p[l->n - 1] != '/' &&
		    is_path_byte(p[l->n - 1]))
			l->n--;
	} else if (l->n >= 2 && memcmp(p + l->n - 2, "/.", 2) == 0) {
		l->n--;
	}
	if (l->n == 0 || p[l->n - 1] != '/')
		p[l->n++] = '/';
}

/* The same of a part of a line, as systemd reads it (systemd.syntax(7)). */
static void
put_part(struct believed_line *l, struct bytes part)
{
	size_t i;

	for (i = 0; i < part.n; i++)
		if (part.p[i] == '\\' && i + 3 < part.n &&
		    part.p[i + 1] == 'x' && hex_of(part.p[i + 2]) >= 0 &&
		    hex_of(part.p[i + 3]) >= 0) {
			put(l, (uint8_t)(hex_of(part.p[i + 2]) << 4 |
			    hex_of(part.p[i + 3])));
			i += 3;
		} else {
			put(l, part.p[i]);
		}
}

static bool
goes_on_below(struct bytes line)
{
	return line.n > 0 && line.p[line.n - 1] == '\\';
}

/* The next line that says something about code, with those that continue it;
 * false there is none. */
static bool
next_of_unit(struct bytes *text, struct believed_line *ret_l)
{
	struct bytes line, v;
	size_t i;

	while (text->n > 0) {
		line = cut_line(text);
		for (i = 0; i < sizeof(unit_keys) / sizeof(unit_keys[0]); i++)
			if (has_key(line, unit_keys[i].key, &v))
				break;
		if (i == sizeof(unit_keys) / sizeof(unit_keys[0])) {
			while (goes_on_below(line) && text->n > 0)
				line = cut_line(text);
			continue;
		}
		ret_l->n = 0;
		ret_l->key = i;
		while (goes_on_below(v)) {
			v.n--;
			put_part(ret_l, v);
			put(ret_l, ' ');
			do {
				v = cut_line(text);
			} while (v.n > 0 && (*v.p == '#' || *v.p == ';'));
		}
		put_part(ret_l, v);
		return true;
	}
	return false;
}

/* "+" and "!" among the prefixes run it as root all the same. */
static bool
is_roots(struct bytes value)
{
	size_t i;

	for (i = 0; i < value.n && strchr("-@:+!", value.p[i]) != NULL; i++)
		if (value.p[i] == '+' || value.p[i] == '!')
			return true;
	return false;
}

/* Whether loaders, interpreters or shells take code from that variable. */
static bool
is_for_loaders(struct bytes value)
{
	static const char *const words[] = { "LD_", "PATH=", "PYTHON",
	    "PERL5", "RUBY", "BASH_ENV=", "JAVA_TOOL_OPTIONS=" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (memmem(value.p, value.n, words[i], strlen(words[i])) !=
		    NULL)
			return true;
	return false;
}

/* Whether a component is the other; what comes from "%i" on may be anything. */
static bool
component_fits(const char *c, size_t n, const char *other, size_t n_other)
{
	const char *open = memchr(c, '%', n);

	if (open != NULL)
		return n_other >= (size_t)(open - c) &&
		    memcmp(c, other, (size_t)(open - c)) == 0;
	return n == n_other && memcmp(c, other, n) == 0;
}

/* Whether path is the folder or below it. */
static bool
is_under(const char *path, const char *folder)
{
	size_t a, b;

	while (*folder == '/') {
		if (*path != '/')
			return false;
		a = strcspn(++path, "/");
		b = strcspn(++folder, "/");
		if (a == 0 || !component_fits(path, a, folder, b))
			return false;
		path += a;
		folder += b;
	}
	return true;
}

/* Calls fn with each absolute path of the line, until it says true. */
static bool
each_path(struct bytes line, believed_seen *fn, void *arg)
{
	char path[PLACES_PATH_SIZE];
	size_t at;

	for (at = 0; at < line.n; at++) {
		if (line.p[at] != '/' || (at > 0 && goes_on(line.p[at - 1])))
			continue;
		copy_path(line, at, path);
		/* What it writes there is not what it runs. */
		if (before(line, at) != '>' && fn(path, arg))
			return true;
	}
	return false;
}

bool
believed_each(struct bytes text, enum believed_kind kind, believed_seen *fn,
    void *arg)
{
	const bool another = kind == BELIEVED_UNIT && runs_as_another(text);
	struct believed_line l;
	struct bytes line;

	while (kind == BELIEVED_UNIT && next_of_unit(&text, &l)) {
		line = bytes_of(l.text, l.n);
		if (unit_keys[l.key].paths || (another && !is_roots(line)))
			continue;
		if (each_path(line, fn, arg))
			return true;
	}
	while (kind != BELIEVED_UNIT && text.n > 0) {
		line = cut_line(&text);
		if (line.n > 0 && *line.p != '#' && each_path(line, fn, arg))
			return true;
	}
	return false;
}

/* Whether a word of a command is a script that is named without its folder. */
static bool
is_relative(struct bytes word)
{
	static const char *const endings[] = { ".js", ".mjs", ".py", ".sh",
	    ".pl", ".rb", ".php", ".jar" };
	size_t i, n;

	if (word.n > 2 && word.p[0] == '.' && word.p[1] == '/')
		return true;
	if (word.n == 0 || !is_path_byte(word.p[0]) || word.p[0] == '/' ||
	    word.p[0] == '-')
		return false;
	for (i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		n = strlen(endings[i]);
		if (word.n > n && memcmp(word.p + word.n - n, endings[i],
		    n) == 0)
			return true;
	}
	return false;
}

static bool
runs_relative(struct bytes line)
{
	size_t at = 0, n;

	while (at < line.n) {
		for (n = 0; at + n < line.n &&
		    strchr(" \t\"';", line.p[at + n]) == NULL; n++)
			;
		if (is_relative(bytes_of(line.p + at, n)))
			return true;
		at += n + 1;
	}
	return false;
}

/* Whether a command that counts is found from the working directory. */
static bool
any_relative(struct bytes text, bool another)
{
	struct believed_line l;
	struct bytes line;

	while (next_of_unit(&text, &l)) {
		line = bytes_of(l.text, l.n);
		if (!unit_keys[l.key].paths && (!another || is_roots(line)) &&
		    runs_relative(line))
			return true;
	}
	return false;
}

struct under {
	const char *folder;
	believed_is_code *is_code;
	bool paths;
};

static bool
see_under(const char *path, void *arg)
{
	const struct under *u = arg;

	return is_under(path, u->folder) && (u->paths ||
	    u->is_code(path, true));
}

bool
believed_in_unit(struct bytes text, bool anybodys, const char *folder,
    believed_is_code *is_code)
{
	const bool another = !anybodys && runs_as_another(text);
	const struct bytes whole = text;
	struct under u = { folder, is_code, false };
	struct believed_line l;
	struct bytes line;

	while (next_of_unit(&text, &l)) {
		line = bytes_of(l.text, l.n);
		if (unit_keys[l.key].relative ? !any_relative(whole, another) :
		    (another && !is_roots(line)) || (unit_keys[l.key].loader &&
		    !is_for_loaders(line)))
			continue;
		u.paths = unit_keys[l.key].paths;
		if (each_path(line, see_under, &u))
			return true;
	}
	return false;
}

/* ---- all kinds ----------------------------------------------------------- */

bool
believed_in_text(struct bytes text, enum believed_kind kind,
    const char *folder, believed_is_code *is_code)
{
	struct bytes line;

	if (kind == BELIEVED_UNIT)
		return believed_in_unit(text, false, folder, is_code);
	/* Most name it nowhere. */
	if (memmem(text.p, text.n, folder, strlen(folder)) == NULL)
		return false;
	while (text.n > 0) {
		line = cut_line(&text);
		if (line.n == 0 || *line.p == '#')
			continue;
		if (names_code(line, kind == BELIEVED_VARIABLES &&
		    is_for_loaders(line) ? BELIEVED_PATHS : kind, folder,
		    is_code))
			return true;
	}
	return false;
}
