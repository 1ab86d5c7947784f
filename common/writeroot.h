/*
 * writeroot.h - which folders a repair may never write to.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * The policy's repair_write is the allow list; this one comes on top of it
 * (sandbox.md, "Decided since" 2): what root runs or trusts later is `full`.
 */
#ifndef COUNTERSIGN_COMMON_WRITEROOT_H
#define COUNTERSIGN_COMMON_WRITEROOT_H

#include "common/bytes.h"

/*
 * Whether it is an absolute path in its one form: begins with '/', no empty,
 * "." or ".." component, no slash at the end but of "/" itself, at most
 * CAP_PATH bytes, no control character. 0, ERR_SYNTAX, ERR_RANGE.
 */
MUST_CHECK int writeroot_check_path(struct bytes path);

/* Whether path is root itself or lies below it; both in the form above. */
bool writeroot_is_below(struct bytes path, struct bytes root);

/*
 * Whether a root may be declared: ERR_DENIED, with *ret_which set to the
 * listed path, if the root equals, lies below or contains one of the list, or
 * one of the n_more folders that the caller adds (the agent's own, homes that
 * have a .ssh); writeroot_check_path()'s errors, with *ret_which untouched.
 */
MUST_CHECK int writeroot_check(struct bytes root, const char *const more[],
    size_t n_more, const char **ret_which);

/* The list, ended by NULL; a '*' at a component's end matches any rest. */
extern const char *const writeroot_refused[];

#endif
