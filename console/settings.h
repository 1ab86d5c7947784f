/*
 * settings.h - what the console is told by its configuration file.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 *	{"data":"/var/lib/countersign-console",
 *	 "agents":{"listen":"0.0.0.0:8443","names":["console.example"],
 *	           "address":"console.example:443"},
 *	 "api":{"listen":"127.0.0.1:8080","behind_proxy":false},
 *	 "limits":{"connections":4096,"unproven":256,"api_connections":1024,
 *	           "device_mb":8192},
 *	 "witness_name":"console.example/witness",
 *	 "witness_logs":[{"name":"log.example","key":"<verifier key>"}],
 *	 "witnesses":[{"name":"w.example","key":"<verifier key>",
 *	               "url":"https://w.example/prefix"}]}
 *
 * An unknown key is an error. Nothing here can make a device run anything.
 */
#ifndef COUNTERSIGN_CONSOLE_SETTINGS_H
#define COUNTERSIGN_CONSOLE_SETTINGS_H

#include "common/note.h"

#define SETTINGS_FILE "/etc/countersign/console.json"
#define SETTINGS_FILE_CAP 65536		/* bytes; a real one has a few 100 */
#define SETTINGS_NAMES_MAX 16
#define SETTINGS_HOST_SIZE 256		/* a DNS name or address, and a NUL */
#define SETTINGS_LOGS_MAX 64
#define SETTINGS_WITNESSES_MAX 8
#define SETTINGS_URL_SIZE 1024

/* Where to listen: a numeric address and a port, 0 for any free one. */
struct settings_listen {
	char host[SETTINGS_HOST_SIZE];
	uint16_t port;
};

/* A witness that is asked to cosign our devices' checkpoints. */
struct settings_witness {
	struct note_key key;
	char url[SETTINGS_URL_SIZE];	/* submission prefix, without a slash */
};

struct settings {
	char *data;			/* folder of everything we keep */
	struct settings_listen agents;
	char names[SETTINGS_NAMES_MAX][SETTINGS_HOST_SIZE];
	size_t n_names;			/* at least one */
	char address[SETTINGS_HOST_SIZE + 6];	/* what tokens say; or "" */
	struct settings_listen api;
	bool behind_proxy;		/* who asks there is not who it seems */
	/* Limits; each has a default. */
	int64_t connections;		/* of agents at one time */
	int64_t unproven;		/* of these, without a good hello */
	int64_t api_connections;
	int64_t device_mb;		/* what is kept of one device at most */
	char witness_name[NOTE_NAME_MAX + 1];	/* ours, as a witness; or "" */
	struct note_key *logs;		/* foreign ones that we cosign */
	size_t n_logs;
	struct settings_witness *witnesses;
	size_t n_witnesses;
};

/*
 * Reads the file. why (of why_size bytes) gets a text for the person who has
 * to mend it. ERR_NOT_FOUND, ERR_IO, ERR_TOO_LARGE, ERR_DENIED (an API that
 * would listen beyond this machine without TLS in front), doc.h's errors,
 * ERR_NOMEM. On success end it with settings_free().
 */
MUST_CHECK int settings_read(const char *path, char *why, size_t why_size,
    struct settings *ret_s);
void settings_free(struct settings *s);

/*
 * Splits "host:port" or "[v6]:port". ERR_SYNTAX, ERR_RANGE (the port),
 * ERR_TOO_LARGE.
 */
MUST_CHECK int settings_parse_listen(struct bytes text,
    struct settings_listen *ret_l);

/* Whether the address is of this machine only: 127.0.0.0/8 or ::1. */
bool settings_is_loopback(const struct settings_listen *l);

#endif
