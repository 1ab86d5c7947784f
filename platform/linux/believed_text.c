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
		    kind != BELIEVED_MIXED))
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

static bool
in_unit(struct bytes text, const char *folder,
    believed_is_code *is_code)
{
	const bool another = runs_as_another(text);
	struct bytes line, v;

	while (text.n > 0) {
		line = cut_line(&text);
		if (!has_key(line, "Exec", &v) &&
		    !has_key(line, "EnvironmentFile=", &v))
			continue;
		/* "+" and "!" run it as root all the same. */
		if (another && (v.n == 0 || (*v.p != '+' && *v.p != '!')))
			continue;
		if (names_code(v, line.p[1] == 'n' ? BELIEVED_PATHS :
		    BELIEVED_COMMANDS, folder, is_code))
			return true;
	}
	return false;
}

bool
believed_in_text(struct bytes text, enum believed_kind kind,
    const char *folder, believed_is_code *is_code)
{
	struct bytes line;

	/* Most name it nowhere. */
	if (memmem(text.p, text.n, folder, strlen(folder)) == NULL)
		return false;
	if (kind == BELIEVED_UNIT)
		return in_unit(text, folder, is_code);
	while (text.n > 0) {
		line = cut_line(&text);
		if (line.n > 0 && *line.p != '#' &&
		    names_code(line, kind, folder, is_code))
			return true;
	}
	return false;
}
