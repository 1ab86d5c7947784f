/*
 * notice.h - telling the loop, from other threads, what events.h is about.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, on Windows.
 */
#ifndef COUNTERSIGN_PLATFORM_WINDOWS_NOTICE_H
#define COUNTERSIGN_PLATFORM_WINDOWS_NOTICE_H

/* EVENTS_STOP or EVENTS_CHILDREN has happened; from any thread. */
void notice(unsigned what);

#endif
