/*
 * observers.c - the accounts that look, as they are called on Linux.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/observers.h"

#include "platform/linux/starter.h"
#include "platform/pipes.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* As in packaging/systemd/countersign.sysusers. */
#define FIRST 70501u
/* Below it are the numbers of systems, of images and of systemd's own. */
#define SYSTEM_END 65536u
#define SUBUID_MAX (1024u * 1024)

const char *
observers_name(unsigned i)
{
	static const char *const names[OBSERVERS] = {
		"countersign-observe-1", "countersign-observe-2",
		"countersign-observe-3", "countersign-observe-4",
	};

	return i < OBSERVERS ? names[i] : NULL;
}

const char *
observers_command(void)
{
	return "for n in 1 2 3 4; do useradd -rU -u 7050$n -s"
	    " /usr/sbin/nologin countersign-observe-$n; done";
}

uint32_t
observers_number(unsigned i)
{
	return FIRST + i;
}

/* A line's number between colons, "name:first:count" (subuid(5)). */
static uint64_t
take_number(struct bytes *line)
{
	uint64_t v = 0;
	bool any = false;

	while (line->n > 0 && *line->p >= '0' && *line->p <= '9' &&
	    v <= UINT32_MAX) {
		v = v * 10 + (uint64_t)(*line->p - '0');
		line->p++;
		line->n--;
		any = true;
	}
	if (!any || (line->n > 0 && *line->p != ':'))
		return UINT64_MAX;
	if (line->n > 0) {
		line->p++;
		line->n--;
	}
	return v;
}

bool
observers_is_outside(uint32_t uid, struct bytes subuid)
{
	const uint8_t *end, *colon;
	struct bytes line;
	uint64_t first, count;

	if (uid < SYSTEM_END)
		return false;
	while (subuid.n > 0) {
		end = memchr(subuid.p, '\n', subuid.n);
		line = bytes_of(subuid.p, end != NULL ?
		    (size_t)(end - subuid.p) : subuid.n);
		subuid.n -= line.n + (end != NULL);
		subuid.p += line.n + (end != NULL);
		if (line.n == 0 || (colon = memchr(line.p, ':',
		    line.n)) == NULL)
			continue;
		line.n -= (size_t)(colon + 1 - line.p);
		line.p = colon + 1;
		first = take_number(&line);
		count = take_number(&line);
		if (first <= UINT32_MAX && count <= UINT32_MAX &&
		    uid >= first && uid - first < count)
			return false;
	}
	return true;
}

bool
observers_is_apart(uint32_t uid)
{
	struct buf b;
	bool outside;
	int fd = starter_open("/etc/subuid", O_RDONLY, 0);

	buf_init(&b, SUBUID_MAX);
	/* As far as it can be read: without it no ranges are given out. */
	if (fd >= 0) {
		(void)!pipes_read_all(fd, &b);
		(void)close(fd);
	}
	outside = observers_is_outside(uid, buf_bytes(&b));
	buf_free(&b);
	return outside;
}
