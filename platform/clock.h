/*
 * clock.h - the wall clock, the boot-time clock, timers on it, the boot id.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, runner, cli, console.
 *
 * Ages and deadlines run on the boot-time clock, which goes on while the
 * machine sleeps and which nobody can set; the wall clock is only for dates.
 */
#ifndef COUNTERSIGN_PLATFORM_CLOCK_H
#define COUNTERSIGN_PLATFORM_CLOCK_H

#include "common/error.h"

#include <stdint.h>

/* Bytes of a boot id as text, with its NUL: a UUID in lower case. */
#define CLOCK_BOOT_ID_SIZE 37

/* Seconds since 1970-01-01 UTC by the system's clock. Never fails. */
int64_t clock_wall_s(void);

/*
 * Milliseconds (microseconds) since the machine started, sleep included
 * (Linux CLOCK_BOOTTIME). Never goes back. Never fails.
 */
uint64_t clock_boot_ms(void);
uint64_t clock_boot_us(void);

/*
 * The id of this start of the machine, another one after each start
 * (/proc/sys/kernel/random/boot_id). ERR_IO if it cannot be read, ERR_SYNTAX
 * if it is no UUID; ret_id untouched then.
 */
MUST_CHECK int clock_boot_id(char ret_id[CLOCK_BOOT_ID_SIZE]);

/*
 * A timer on the boot-time clock as a close-on-exec, non-blocking descriptor
 * (on Windows a socket) that becomes readable when its time has come, also on
 * waking from sleep.
 * The caller closes it with clock_timer_close(). ERR_IO.
 */
MUST_CHECK int clock_timer_open(int *ret_fd);

/*
 * Sets the timer to fire once at boot_ms (see clock_boot_ms; a time that has
 * passed fires at once); 0 stops it. Forgets a firing not yet seen. ERR_IO.
 */
MUST_CHECK int clock_timer_set(int fd, uint64_t boot_ms);

/* Closes *fd unless it is -1, and sets it to -1. */
void clock_timer_close(int *fd);

#endif
