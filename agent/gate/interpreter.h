/*
 * interpreter.h - the interpreters of this machine, checked and hashed.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#ifndef COUNTERSIGN_AGENT_GATE_INTERPRETER_H
#define COUNTERSIGN_AGENT_GATE_INTERPRETER_H

#include "platform/program.h"

#include <stdint.h>

/* Programs whose hash is remembered. */
#define INTERPRETER_CACHE 8

/*
 * Remembers hashes by file facts; all zero is an empty one. A remembered hash
 * is used only if device, inode, size, mtime and ctime are the same now.
 */
struct interpreter_cache {
	struct {
		struct program file;	/* fd -1 */
		uint8_t hash[32];
		bool used;
	} entries[INTERPRETER_CACHE];
	unsigned next;
};

/*
 * Checks the program at path (program_open, owner root) and hashes it.
 * Errors are program_open()'s; ERR_IO while reading it; ERR_CONFLICT it
 * changed while it was read.
 */
MUST_CHECK int interpreter_check(struct interpreter_cache *c, const char *path,
    uint8_t ret_hash[32]);

/* The same of an open program: the runner, whose hash is in each intent. */
MUST_CHECK int interpreter_hash(struct interpreter_cache *c,
    const struct program *p, uint8_t ret_hash[32]);

#endif
