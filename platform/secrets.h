/*
 * secrets.h - secret files and secret memory.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#ifndef COUNTERSIGN_PLATFORM_SECRETS_H
#define COUNTERSIGN_PLATFORM_SECRETS_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

/* A secret of fixed size: an Ed25519 seed. */
#define SECRET_SIZE 32

/*
 * Makes the process give nothing away: no core dumps (hard limit 0) and, where
 * the system can, no ptrace and no /proc/PID/mem for other processes of the
 * same user. A standard descriptor that is
 * closed becomes /dev/null, open the other way round so that its use still
 * fails: no file or socket of ours may take its number and get what is printed.
 * Call first in main(). ERR_IO.
 */
MUST_CHECK int secrets_guard_process(void);

/*
 * n bytes of zeroed memory that is not swapped or dumped and is gone in a
 * forked child, between two pages that cannot be touched; freed (and wiped)
 * with secrets_free(). NULL if there is no memory. Where locking is not
 * permitted the memory is given all the same, dump-free but not locked.
 */
void *secrets_alloc(size_t n);
/* Wipes and frees; n as allocated. NULL is fine. */
void secrets_free(void *p, size_t n);
/* Overwrites n bytes in a way that the compiler keeps. */
void secrets_wipe(void *p, size_t n);

/*
 * Reads a secret file: a regular file, no symbolic link, owned by us or root,
 * no right for group or others, exactly SECRET_SIZE bytes.
 * ERR_NOT_FOUND; ERR_PERMISSION owner or mode wrong, or not a regular file;
 * ERR_CORRUPT another size; ERR_IO. ret_secret untouched on failure.
 */
MUST_CHECK int secrets_read(const char *path, uint8_t ret_secret[SECRET_SIZE]);

/*
 * Writes a new secret file with mode 0600 that survives a crash: file and
 * folder are synced, and it appears whole or not at all. Never overwrites.
 * ERR_EXISTS; ERR_NOT_FOUND no such folder; ERR_PERMISSION; ERR_NO_SPACE;
 * ERR_IO.
 */
MUST_CHECK int secrets_write(const char *path,
    const uint8_t secret[SECRET_SIZE]);

/*
 * The same for a name in an open folder, by file.h's functions, so that tests
 * can let each call of them fail. After a failure of secrets_write_at() some
 * of it may be there under the name: it was never used by anybody, and
 * secrets_erase_at() takes it away.
 */
MUST_CHECK int secrets_read_at(int dir, const char *name,
    uint8_t ret_secret[SECRET_SIZE]);
MUST_CHECK int secrets_write_at(int dir, const char *name,
    const uint8_t secret[SECRET_SIZE]);
/*
 * Overwrites all of the file where it lies; the name stays. What is no file of
 * ours alone holds no secret of ours: then nothing is done. ERR_NOT_FOUND,
 * ERR_IO, ERR_NO_SPACE.
 */
MUST_CHECK int secrets_erase_at(int dir, const char *name);

#endif
