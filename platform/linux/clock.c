/*
 * clock.c - the wall clock, the boot-time clock, timers on it, the boot id.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, runner, cli, console.
 */
#include "platform/clock.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Both clocks exist on every kernel that we run on: a failure is ours. */
static struct timespec
read_clock(clockid_t id)
{
	struct timespec ts = { 0, 0 };

	if (clock_gettime(id, &ts) != 0)
		abort();
	return ts;
}

int64_t
clock_wall_s(void)
{
	return read_clock(CLOCK_REALTIME).tv_sec;
}

uint64_t
clock_boot_us(void)
{
	struct timespec ts = read_clock(CLOCK_BOOTTIME);

	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t
clock_boot_ms(void)
{
	return clock_boot_us() / 1000;
}

static bool
is_uuid(const char *s)
{
	size_t i;

	for (i = 0; i < CLOCK_BOOT_ID_SIZE - 1; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (s[i] != '-')
				return false;
		} else if (s[i] == '\0' ||
		    strchr("0123456789abcdef", s[i]) == NULL)
			return false;
	}
	return true;
}

int
clock_boot_id(char ret_id[CLOCK_BOOT_ID_SIZE])
{
	char text[CLOCK_BOOT_ID_SIZE + 1];
	ssize_t n;
	int fd;

	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ERR_IO;
	n = read(fd, text, sizeof(text));
	(void)close(fd);
	if (n < 0)
		return ERR_IO;
	/* The UUID and a newline. */
	if (n != CLOCK_BOOT_ID_SIZE || text[n - 1] != '\n' || !is_uuid(text))
		return ERR_SYNTAX;
	memcpy(ret_id, text, CLOCK_BOOT_ID_SIZE - 1);
	ret_id[CLOCK_BOOT_ID_SIZE - 1] = '\0';
	return 0;
}

int
clock_timer_open(int *ret_fd)
{
	int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return ERR_IO;
	*ret_fd = fd;
	return 0;
}

int
clock_timer_set(int fd, uint64_t boot_ms)
{
	struct itimerspec when = { { 0, 0 }, { 0, 0 } };

	when.it_value.tv_sec = (time_t)(boot_ms / 1000);
	when.it_value.tv_nsec = (long)(boot_ms % 1000) * 1000000;
	return timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL) == 0 ? 0 :
	    ERR_IO;
}

void
clock_timer_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}
