/*
 * eventlog.c - handing lines of a record to the system's log, none lost.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * Both logs listen on a Unix datagram socket: a message is taken whole or not
 * at all. syslog(3) of musl cuts lines at 1 KiB, so the message is made here:
 * RFC 3164, "<priority>time name[pid]: line"; for systemd "NAME=value" lines
 * (systemd's "Native Journal Protocol").
 */
#include "platform/eventlog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SYSLOG_PATH "/dev/log"
#define JOURNALD_PATH "/run/systemd/journal/socket"
/* Messages of security and authorisation: "authpriv". */
#define FACILITY 10
#define MESSAGE_MAX (EVENTLOG_LINE_MAX + 512u)

int
eventlog_open(struct eventlog *e)
{
	if (e->fd < 0 && (e->fd = socket(AF_UNIX, SOCK_DGRAM, 0)) < 0)
		return ERR_CLOSED;
	if (fcntl(e->fd, F_SETFD, FD_CLOEXEC) == 0)
		return 0;
	eventlog_close(e);
	return ERR_CLOSED;
}

/* The same socket again and again: a confined process gets no other. */
static int
connect_to(struct eventlog *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const char *path = e->path != NULL ? e->path :
	    e->kind == EVENTLOG_JOURNALD ? JOURNALD_PATH : SYSLOG_PATH;

	/* Nobody can listen there. */
	if (strlen(path) >= sizeof(a.sun_path))
		return ERR_CLOSED;
	memcpy(a.sun_path, path, strlen(path) + 1);
	if (eventlog_open(e) != 0 ||
	    connect(e->fd, (const struct sockaddr *)&a, sizeof(a)) != 0)
		return ERR_CLOSED;
	e->connected = true;
	return 0;
}

static void
put_syslog(struct buf *b, const struct eventlog *e, enum service_level level,
    struct bytes line)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
	    "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t now = time(NULL);
	struct tm t;

	if (localtime_r(&now, &t) == NULL)
		memset(&t, 0, sizeof(t));
	buf_printf(b, "<%d>%s %2d %02d:%02d:%02d %s[%ld]: ",
	    FACILITY * 8 + (int)level, months[t.tm_mon], t.tm_mday, t.tm_hour,
	    t.tm_min, t.tm_sec, e->name, (long)getpid());
	buf_put_bytes(b, line);
}

static void
put_journald(struct buf *b, const struct eventlog *e,
    enum service_level level, uint64_t index, struct bytes line)
{
	buf_printf(b, "PRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=%s\n"
	    "COUNTERSIGN_INDEX=%" PRIu64 "\nMESSAGE=", (int)level, FACILITY,
	    e->name, index);
	buf_put_bytes(b, line);
	buf_put_u8(b, '\n');
}

static int
send_message(struct eventlog *e, struct bytes message)
{
	ssize_t n = send(e->fd, message.p, message.n,
	    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0)
		return 0;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ||
	    errno == EINTR)
		return ERR_AGAIN;
	if (errno == EMSGSIZE)
		return ERR_TOO_LARGE;
	e->connected = false;
	return ERR_CLOSED;
}

int
eventlog_send(struct eventlog *e, enum service_level level, uint64_t index,
    struct bytes line)
{
	struct buf b;
	int err;

	if (line.n > EVENTLOG_LINE_MAX)
		return ERR_TOO_LARGE;
	if (!e->connected && (err = connect_to(e)) != 0)
		return err;
	buf_init(&b, MESSAGE_MAX);
	if (e->kind == EVENTLOG_JOURNALD)
		put_journald(&b, e, level, index, line);
	else
		put_syslog(&b, e, level, line);
	if ((err = buf_error(&b)) == 0)
		err = send_message(e, buf_bytes(&b));
	/* The log began anew: its socket is another one now. */
	if (err == ERR_CLOSED && (err = connect_to(e)) == 0)
		err = send_message(e, buf_bytes(&b));
	buf_free(&b);
	return err;
}

void
eventlog_close(struct eventlog *e)
{
	if (e->fd >= 0)
		(void)close(e->fd);
	e->fd = -1;
	e->connected = false;
}
