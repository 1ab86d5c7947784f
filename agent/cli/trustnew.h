/*
 * trustnew.h - making new trust files: what init and device share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#ifndef COUNTERSIGN_AGENT_CLI_TRUSTNEW_H
#define COUNTERSIGN_AGENT_CLI_TRUSTNEW_H

#include "agent/cli/trustpaper.h"
#include "common/jsonw.h"

/* Opened keys, to sign several files with. */
struct trustnew_signers {
	const struct args *args;
	size_t n;
	struct signer keys[ENVELOPE_MAX_SIGS];
};

/* Opens a key; uses are KEYS_USE(). Complains; CLI_*. */
MUST_CHECK int trustnew_signers_add(const struct args *a, const char *path,
    unsigned uses, struct trustnew_signers *s);
void trustnew_signers_wipe(struct trustnew_signers *s);

/* Begins a payload: the object and what every trust file begins with. */
void trustnew_head(struct jsonw *w, const char *org, enum trust_file file,
    int64_t version, int64_t now);

/*
 * Checks the payload, signs it with those keys that the role has (a root's own
 * for role NULL), writes BASE.json and BASE.dsse and says so. CLI_*.
 */
MUST_CHECK int trustnew_write(const char *base, struct bytes payload,
    enum trust_file file, const struct root_role *role,
    const struct trustnew_signers *s, struct sha256 *ret_digest);

/* `countersign trust device` */
int trustdevice_run(const struct args *a);

#endif
