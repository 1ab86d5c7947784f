/*
 * terminal.h - whether a person is there, and asking them.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli.
 */
#ifndef COUNTERSIGN_PLATFORM_TERMINAL_H
#define COUNTERSIGN_PLATFORM_TERMINAL_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether standard input, or output, is a terminal. */
bool terminal_is_input(void);
bool terminal_is_output(void);

/*
 * Asks at the process's terminal, wherever input and output go, and reads one
 * line without its newline into ret_line (size bytes with the NUL). With
 * secret nothing is shown of what is typed. ERR_NOT_FOUND there is no
 * terminal; ERR_CLOSED end of input; ERR_TOO_LARGE; ERR_IO.
 */
MUST_CHECK int terminal_ask(const char *question, bool secret, char *ret_line,
    size_t size);

#endif
