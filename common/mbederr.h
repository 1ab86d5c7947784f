/*
 * mbederr.h - which of mbedTLS's error numbers mean that memory ran out.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, console.
 *
 * Every module of mbedTLS has a number of its own for it, and adds the number
 * of the layer below to its own. For the modules that wrap mbedTLS.
 */
#ifndef COUNTERSIGN_COMMON_MBEDERR_H
#define COUNTERSIGN_COMMON_MBEDERR_H

#include "common/error.h"

/* ERR_NOMEM if r means that, 0 for 0, else otherwise. */
MUST_CHECK int mbederr_translate(int r, int otherwise);

#endif
