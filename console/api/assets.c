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
    ".balign 8\n"
    ".local assets_openapi_size\n"
    "assets_openapi_size:\n"
    ".quad assets_openapi_end - assets_openapi_text\n"
    ".local assets_openapi_text\n"
    "assets_openapi_text:\n"
    ".incbin \"console/openapi.json\"\n"
    "assets_openapi_end:\n"
    ".byte 0\n"
    ".previous\n");

extern const uint64_t assets_openapi_size;
extern const uint8_t assets_openapi_text[];

struct bytes
assets_openapi(void)
{
	return bytes_of(assets_openapi_text, (size_t)assets_openapi_size);
}
