/*
 * standing.h - how the service manager has us on its books.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, on Windows.
 */
#ifndef COUNTERSIGN_PLATFORM_WINDOWS_STANDING_H
#define COUNTERSIGN_PLATFORM_WINDOWS_STANDING_H

#include "platform/windows/win.h"

/*
 * Sets right what Windows Installer cannot say of the service of that name,
 * which we are: its program's path is quoted, what ended badly is started
 * again, and a shutdown of the machine waits a while. What an administrator has
 * set stays. Without effect where we may not.
 */
void standing_settle(const wchar_t *service);

#endif
