/*
 * paths.h - where things are on this system, and what a path looks like.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 *
 * What is returned lives as long as the process. Paths are UTF-8; on Windows
 * their parts may be divided by either slash, and what is given out has '/'.
 */
#ifndef COUNTERSIGN_PLATFORM_PATHS_H
#define COUNTERSIGN_PLATFORM_PATHS_H

#include "common/bytes.h"

/* The agent's, where its configuration does not say otherwise. */
const char *paths_config(void);		/* its configuration file */
const char *paths_pin_dir(void);	/* folder of the owner's pin */
const char *paths_state(void);		/* journal, keys, trust files */
const char *paths_socket(void);		/* control socket; a pipe's name */
const char *paths_programs(void);	/* courier and runner */
/* The account that the courier runs under, where we may choose. */
const char *paths_courier_user(void);

/* Whether it names a thing wherever we stand. */
bool paths_is_absolute(struct bytes path);
/*
 * How many bytes of the path come before its last name: the folder with its
 * slash; 0 where there is none.
 */
size_t paths_folder(const char *path);

/*
 * The folder of a person's own settings of ours, of n bytes with its NUL.
 * ERR_NOT_FOUND nothing tells where (HOME is not set); ERR_TOO_LARGE.
 */
MUST_CHECK int paths_user_config(char *ret_path, size_t n);

/*
 * The absolute path of the program of that name in PATH, of n bytes with its
 * NUL. ERR_NOT_FOUND.
 */
MUST_CHECK int paths_find_program(const char *name, char *ret_path, size_t n);

#endif
