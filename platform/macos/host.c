/*
 * host.c - which machine this is.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#include "platform/host.h"

#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <uuid/uuid.h>

#define NAME_CAP 255

const char *
host_system(void)
{
	return "macos";
}

const char *
host_arch(void)
{
#if defined(__aarch64__)
	return "aarch64";
#else
	return "x86_64";
#endif
}

static bool
is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

void
host_put_name(struct buf *b)
{
	struct utsname u;
	char name[NAME_CAP];
	size_t i, n = 0;

	if (uname(&u) == 0)
		for (i = 0; u.nodename[i] != '\0' && n < NAME_CAP; i++)
			if (is_name_character(u.nodename[i]))
				name[n++] = u.nodename[i];
	if (n == 0)
		buf_put_str(b, "unnamed");
	else
		buf_put(b, name, n);
}

/*
 * One id stands for both: the hardware's UUID (IOPlatformUUID), which
 * gethostuuid(2) gives. A copied disk in another Mac has another one.
 */
int
host_put_machine(struct buf *b)
{
	const struct timespec wait = { 1, 0 };
	uuid_t id;
	uuid_string_t text;

	if (gethostuuid(id, &wait) != 0)
		return ERR_IO;
	if (uuid_is_null(id))
		return ERR_NOT_FOUND;
	uuid_unparse_upper(id, text);
	buf_put_str(b, "machine-id\nhardware=");
	buf_put_str(b, text);
	buf_put_str(b, "\n");
	return buf_error(b);
}
