/*
 * config.h - what the gate is told by its configuration file.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * The file says where things are, never what is permitted: no key of it turns
 * a refusal into a run. An unknown key is an error.
 */
#ifndef COUNTERSIGN_AGENT_GATE_CONFIG_H
#define COUNTERSIGN_AGENT_GATE_CONFIG_H

#include "common/bytes.h"

#include <stdbool.h>

#define CONFIG_FILE_CAP 65536	/* bytes; a real one has a few hundred */

/* Whether each record goes to a log of the system's too, and which. */
enum config_forward { FORWARD_OFF, FORWARD_SYSLOG, FORWARD_JOURNALD };

/* Every string is ours until config_free(), or a constant default. */
struct config {
	char *file;		/* the configuration's own path, absolute */
	char *given;		/* the same as config_read() was given it */
	bool required;
	char *state;		/* folder of journal, keys, trust files */
	char *socket;		/* path of the control socket */
	char *group;		/* may look, submit and veto; "" is nobody */
	char *courier_user;	/* account of the courier when we are root */
	char *programs;		/* folder of courier and runner */
	char *proxy;		/* host:port, or "" */
	char *proxy_auth;	/* value of Proxy-Authorization, or "" */
	char *forward_socket;	/* of that log, or "": where it is usually */
	enum config_forward forward;
	bool log_to_system;
};

/*
 * Reads the file; a missing one gives the defaults if it is the default path
 * (required false). why, if not NULL, gets a text of at most why_size bytes
 * for the person who has to mend it. The file must be root's or our own and
 * not writable by others.
 * ERR_NOT_FOUND, ERR_PERMISSION, ERR_SYNTAX and doc.h's errors, ERR_NOMEM.
 */
MUST_CHECK int config_read(const char *path, bool required, char *why,
    size_t why_size, struct config *ret_c);
/* Whether the same file can be read now. config_read()'s errors and why. */
MUST_CHECK int config_check(const struct config *c, char *why,
    size_t why_size);
void config_free(struct config *c);

#endif
