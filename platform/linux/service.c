/*
 * service.c - talking to the service manager and the system's log.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, console.
 */
#include "platform/service.h"

#include "platform/linux/starter.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define STATUS_CAP 200

/*
 * Sends one datagram to the socket of sd_notify(3): a path, or with '@' first
 * a name in the abstract namespace. Whether it arrives is not our business.
 */
void
service_tell(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n;
	int fd;

	if (path == NULL || (path[0] != '/' && path[0] != '@'))
		return;
	n = strlen(path);
	if (n >= sizeof(a.sun_path))
		return;
	memcpy(a.sun_path, path, n);
	if (path[0] == '@')
		a.sun_path[0] = '\0';
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return;
	(void)sendto(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
	    (const struct sockaddr *)&a,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	(void)close(fd);
}

/* The service manager listens to its main process: a gate asks the starter. */
static void
notify(const char *text)
{
	if (starter_calls != NULL)
		starter_calls->tell(text);
	else
		service_tell(text);
}

void
service_enter(const char *name)
{
	(void)name;
}

void
service_ready(void)
{
	notify("READY=1");
}

void
service_alive(void)
{
	notify("WATCHDOG=1");
}

void
service_stopping(void)
{
	notify("STOPPING=1");
}

void
service_status(const char *text)
{
	char line[sizeof("STATUS=") + STATUS_CAP];
	int n = (int)strcspn(text, "\n");

	if (n > STATUS_CAP)
		n = STATUS_CAP;
	(void)snprintf(line, sizeof(line), "STATUS=%.*s", n, text);
	notify(line);
}

/* A decimal number in the environment, all of the variable. */
static bool
env_number(const char *name, uint64_t *ret_v)
{
	const char *text = getenv(name);
	unsigned long long v;
	char *end;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0')
		return false;
	*ret_v = v;
	return true;
}

uint64_t
service_watchdog_ms(void)
{
	uint64_t us, pid, main_pid = (uint64_t)(starter_calls != NULL ?
	    starter_calls->pid() : getpid());

	if (getenv("WATCHDOG_PID") != NULL &&
	    (!env_number("WATCHDOG_PID", &pid) || pid != main_pid))
		return 0;
	return env_number("WATCHDOG_USEC", &us) ? us / 1000 : 0;
}

bool
service_is_mute(void)
{
	return false;
}

void
service_log_open(const char *name)
{
	openlog(name, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void
service_log(enum service_level level, const char *line)
{
	syslog((int)level, "%s", line);
}
