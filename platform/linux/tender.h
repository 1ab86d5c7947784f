/*
 * tender.h - runs service scripts for one run of an action.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner (as the steward's child). For platform/linux only.
 */
#ifndef COUNTERSIGN_PLATFORM_LINUX_TENDER_H
#define COUNTERSIGN_PLATFORM_LINUX_TENDER_H

/*
 * Does what is asked for on the socket, as far as the plan in the file at
 * plan_fd declares it, until the other end is shut; then reports. Returns the
 * exit code of the process, which is to end then.
 */
int tender_serve(int plan_fd, int socket);

#endif
