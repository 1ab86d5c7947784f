/*
 * places.c - write roots are no matter on Windows: `repair` is not offered.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/places.h"

int
places_resolve(const char *path, char ret_path[PLACES_PATH_SIZE])
{
	(void)path;
	(void)ret_path;
	return ERR_UNSUPPORTED;
}

int
places_home_at(const char *folder, char ret_home[PLACES_PATH_SIZE])
{
	(void)folder;
	(void)ret_home;
	return ERR_NOT_FOUND;
}
