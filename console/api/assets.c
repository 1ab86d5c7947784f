/*
 * assets.c - files of the source tree that the program serves.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * The assembler takes them in as they are; the Makefile knows that this object
 * depends on them.
 */
#include "console/api/assets.h"

__asm__(".section .rodata\n"
    ".balign 16\n"
    ".local assets_openapi_begin\n"
    "assets_openapi_begin:\n"
    ".incbin \"console/openapi.json\"\n"
    ".local assets_openapi_end\n"
    "assets_openapi_end:\n"
    ".byte 0\n"
    ".previous\n");

extern const uint8_t assets_openapi_begin[], assets_openapi_end[];

struct bytes
assets_openapi(void)
{
	return bytes_of(assets_openapi_begin,
	    (size_t)(assets_openapi_end - assets_openapi_begin));
}
