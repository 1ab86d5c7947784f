/*
 * assets.h - files of the source tree that the program serves.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (only inside console/api).
 */
#ifndef COUNTERSIGN_CONSOLE_API_ASSETS_H
#define COUNTERSIGN_CONSOLE_API_ASSETS_H

#include "common/bytes.h"

/* console/openapi.json, byte for byte. */
struct bytes assets_openapi(void);

#endif
