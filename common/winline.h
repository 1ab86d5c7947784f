/*
 * winline.h - command lines of Windows, where a program gets one text.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner, cli (tests of all).
 *
 * Pure text, UTF-8; who starts the program makes UTF-16 of it. How a program
 * takes it apart again is its own affair: these are the rules of the C
 * library's main() and of CommandLineToArgvW() (Microsoft, "Parsing C
 * command-line arguments"), of PowerShell's -EncodedCommand, and of cmd.exe
 * with /s (`cmd /?`).
 */
#ifndef COUNTERSIGN_COMMON_WINLINE_H
#define COUNTERSIGN_COMMON_WINLINE_H

#include "common/bytes.h"

/* CreateProcessW: 32,767 units with the NUL. */
#define WINLINE_UNITS_MAX 32766u

/*
 * Appends one argument, after a space if b holds something already, in quotes
 * where it needs them. An argument never has a NUL in it. The buffer's own
 * error tells of failure, here and below.
 */
void winline_put_argument(struct buf *b, struct bytes argument);

/*
 * Appends the text as -EncodedCommand takes it: base64 (RFC 4648) of UTF-16LE,
 * after a space if b holds something. ERR_CHARACTER it is not UTF-8.
 */
MUST_CHECK int winline_put_encoded(struct buf *b, struct bytes text);

/*
 * Appends the text for `cmd /d /s /c`: after a space, in one pair of quotes
 * that /s has cmd take away, and all between them as it is.
 */
void winline_put_cmd(struct buf *b, struct bytes text);

/* UTF-16 units of a UTF-8 text. ERR_CHARACTER. */
MUST_CHECK int winline_units(struct bytes text, size_t *ret_units);

/*
 * The command line for the list of arguments (ended by NULL). Where its last
 * one is `mark`, script takes its place: encoded after "-EncodedCommand", for
 * cmd after "/c". ERR_USAGE a mark after something else; ERR_TOO_LARGE over
 * WINLINE_UNITS_MAX units; ERR_CHARACTER; the buffer's errors.
 */
MUST_CHECK int winline_make(struct buf *b, const char *const *arguments,
    const char *mark, struct bytes script);

#endif
