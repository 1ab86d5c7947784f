/*
 * banned.h - functions that this code never calls; the compiler refuses them.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: every process.
 *
 * The Makefile includes it before every file. The headers that declare these
 * names come first, because a poisoned name may not even be declared.
 */
#ifndef COUNTERSIGN_COMMON_BANNED_H
#define COUNTERSIGN_COMMON_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A macro cannot be poisoned, and some C libraries make these one. */
#undef strcpy
#undef stpcpy
#undef strcat
#undef sprintf
#undef vsprintf
#undef alloca
/* A system whose headers use these names in what they define (mingw's) cannot
 * have them poisoned: there scripts/check-style looks. */
#ifndef BANNED_ELSEWHERE
/* They write without knowing where the buffer ends. */
#pragma GCC poison strcpy stpcpy strcat sprintf vsprintf gets
/* Hidden state, or no way to tell an error from a number. */
#pragma GCC poison strtok atoi atol atoll atof
/* A shell between us and the program; random file names; stack of any size. */
#pragma GCC poison popen tmpnam alloca
#endif

/* Poison would take the word from everybody; only its call is refused. */
#define mktemp(template) no_name_that_others_can_guess(template)
#define system(command) no_shell_between_us_and_a_program(command)

#endif
