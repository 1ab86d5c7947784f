/*
 * host.c - which machine this is.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#include "platform/host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define NAME_CAP 255
/* An id is a UUID or 32 hex digits; a device tree's serial is short text. */
#define ID_CAP 128

const char *
host_system(void)
{
	return "linux";
}

const char *
host_arch(void)
{
#if defined(__x86_64__)
	return "x86_64";
#elif defined(__aarch64__)
	return "aarch64";
#elif defined(__riscv)
	return "riscv64";
#elif defined(__arm__)
	return "arm";
#elif defined(__i386__)
	return "x86";
#else
	return "other";
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
 * Appends "label=value\n" with the first line of the file at path: 1; or
 * nothing: 0 if it is not there, is empty or is not for us. ERR_IO.
 */
static int
put_id(struct buf *b, const char *label, const char *path)
{
	char text[ID_CAP];
	ssize_t n;
	size_t i;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return errno == ENOENT || errno == EACCES || errno == EPERM ?
		    0 : ERR_IO;
	do {
		n = read(fd, text, sizeof(text));
	} while (n < 0 && errno == EINTR);
	(void)close(fd);
	if (n < 0)
		return ERR_IO;
	for (i = 0; i < (size_t)n; i++)
		if (text[i] == '\n' || text[i] == '\0')
			break;
	if (i == 0)
		return 0;
	buf_put_str(b, label);
	buf_put_str(b, "=");
	buf_put(b, text, i);
	buf_put_str(b, "\n");
	return 1;
}

/* The first of the two files that is there; the label alone if none is. */
static int
put_either(struct buf *b, const char *label, const char *path,
    const char *other)
{
	int r = put_id(b, label, path);

	if (r == 0)
		r = put_id(b, label, other);
	if (r == 0) {
		buf_put_str(b, label);
		buf_put_str(b, "\n");
	}
	return r;
}

int
host_put_machine(struct buf *b)
{
	int id, hardware;

	id = put_either(b, "machine-id", "/etc/machine-id",
	    "/var/lib/dbus/machine-id");
	if (id < 0)
		return id;
	hardware = put_either(b, "hardware", "/sys/class/dmi/id/product_uuid",
	    "/proc/device-tree/serial-number");
	if (hardware < 0)
		return hardware;
	if (id == 0 && hardware == 0)
		return ERR_NOT_FOUND;
	return buf_error(b);
}
