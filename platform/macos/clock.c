/*
 * clock.c - the wall clock, the boot-time clock, timers on it, the boot id.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, runner, cli.
 *
 * The boot-time clock is mach_continuous_time(), which counts sleep; a timer
 * is a kqueue with one EVFILT_TIMER on that clock: a kqueue is itself
 * readable when it has something to tell, and libuv takes it as a descriptor.
 */
#include "platform/clock.h"

#include <fcntl.h>
#include <mach/mach_time.h>
#include <stdbool.h>
#include <string.h>
#include <sys/event.h>
#include <sys/sysctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* The one timer of such a kqueue. */
#define TIMER_ID 1

/* Ticks are numer/denom nanoseconds: 1/1 on x86_64, 125/3 on arm64. */
static mach_timebase_info_data_t
timebase(void)
{
	mach_timebase_info_data_t t = { 1, 1 };

	/* It does not fail on any Mac; a denominator is never 0. */
	if (mach_timebase_info(&t) != KERN_SUCCESS || t.denom == 0 ||
	    t.numer == 0)
		t = (mach_timebase_info_data_t){ 1, 1 };
	return t;
}

int64_t
clock_wall_s(void)
{
	return (int64_t)time(NULL);
}

/* v * a / b; whole and rest apart, so that centuries do not overflow. */
static uint64_t
scale(uint64_t v, uint64_t a, uint64_t b)
{
	return v / b * a + v % b * a / b;
}

uint64_t
clock_boot_us(void)
{
	mach_timebase_info_data_t t = timebase();

	return scale(mach_continuous_time(), t.numer,
	    (uint64_t)t.denom * 1000);
}

uint64_t
clock_boot_ms(void)
{
	return clock_boot_us() / 1000;
}

/* kern.bootsessionuuid: a UUID in upper case, another after each start. */
int
clock_boot_id(char ret_id[CLOCK_BOOT_ID_SIZE])
{
	char text[CLOCK_BOOT_ID_SIZE + 1];
	size_t i, n = sizeof(text);

	if (sysctlbyname("kern.bootsessionuuid", text, &n, NULL, 0) != 0)
		return ERR_IO;
	if (n != CLOCK_BOOT_ID_SIZE || text[n - 1] != '\0')
		return ERR_SYNTAX;
	for (i = 0; i < CLOCK_BOOT_ID_SIZE - 1; i++) {
		if (text[i] >= 'A' && text[i] <= 'F')
			text[i] = (char)(text[i] - 'A' + 'a');
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (text[i] != '-')
				return ERR_SYNTAX;
		} else if (text[i] == '\0' ||
		    strchr("0123456789abcdef", text[i]) == NULL)
			return ERR_SYNTAX;
	}
	memcpy(ret_id, text, CLOCK_BOOT_ID_SIZE);
	return 0;
}

int
clock_timer_open(int *ret_fd)
{
	int fd = kqueue();

	if (fd < 0)
		return ERR_IO;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
		(void)close(fd);
		return ERR_IO;
	}
	*ret_fd = fd;
	return 0;
}

/* Takes what has fired and is not seen yet. */
static void
forget(int fd)
{
	const struct timespec none = { 0, 0 };
	struct kevent64_s e;

	while (kevent64(fd, NULL, 0, &e, 1, 0, &none) > 0)
		;
}

int
clock_timer_set(int fd, uint64_t boot_ms)
{
	mach_timebase_info_data_t t = timebase();
	struct kevent64_s e;

	EV_SET64(&e, TIMER_ID, EVFILT_TIMER, EV_DELETE, 0, 0, 0, 0, 0);
	/* There may be none: it is gone once it has fired. */
	(void)kevent64(fd, &e, 1, NULL, 0, 0, NULL);
	forget(fd);
	if (boot_ms == 0)
		return 0;
	EV_SET64(&e, TIMER_ID, EVFILT_TIMER, EV_ADD | EV_ONESHOT,
	    NOTE_ABSOLUTE | NOTE_MACHTIME | NOTE_MACH_CONTINUOUS_TIME,
	    (int64_t)scale(boot_ms, (uint64_t)t.denom * 1000000, t.numer), 0,
	    0, 0);
	return kevent64(fd, &e, 1, NULL, 0, 0, NULL) == 0 ? 0 : ERR_IO;
}

void
clock_timer_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}
