/*
 * linkfile.h - where the console is: link.json of the state folder.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * Written once, by an enrolment that the console has answered.
 */
#ifndef COUNTERSIGN_AGENT_GATE_LINKFILE_H
#define COUNTERSIGN_AGENT_GATE_LINKFILE_H

#include "common/bytes.h"

#define LINKFILE_NAME "link.json"

/* Strings are ours until linkfile_free(). */
struct linkfile {
	char *host;
	uint16_t port;
	char *path;	/* begins with '/' */
	char *ca_pem;
};

/* What an enrolment token says: an address, and a secret for one use. */
struct token {
	struct linkfile link;
	char *secret;
};

/* Reads <state>/link.json. ERR_NOT_FOUND: not enrolled; doc.h's errors. */
MUST_CHECK int linkfile_read(int state_dir, struct linkfile *ret_l);
/* Writes it so that it survives a crash. file.h's errors. */
MUST_CHECK int linkfile_write(int state_dir, const struct linkfile *l);
void linkfile_free(struct linkfile *l);

/*
 * Takes an enrolment token apart: {"v":1,"kind":"countersign-token","url",
 * "ca","secret"}. ERR_SYNTAX and doc.h's errors; ERR_RANGE for a URL that is
 * not wss://HOST[:PORT]/PATH.
 */
MUST_CHECK int token_parse(struct bytes text, struct token *ret_t);
/* Frees it and wipes the secret. */
void token_free(struct token *t);

#endif
