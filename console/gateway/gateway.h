/*
 * gateway.h - the agents' port: TCP, TLS and WebSocket below the sessions.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#ifndef COUNTERSIGN_CONSOLE_GATEWAY_GATEWAY_H
#define COUNTERSIGN_CONSOLE_GATEWAY_GATEWAY_H

#include "console/console.h"

struct gateway;
struct tls_config;

/*
 * Listens. tls is given away. What console points to must outlive it.
 * ERR_USAGE no address to listen on; ERR_PERMISSION, ERR_EXISTS (somebody has
 * the port), ERR_IO, ERR_NOMEM.
 */
MUST_CHECK int gateway_new(struct console *c, struct tls_config *tls,
    struct gateway **ret_g);
/* The port that it listens on. */
uint16_t gateway_port(const struct gateway *g);
/* Connections there are, and of these proven ones. */
size_t gateway_connections(const struct gateway *g);
/* From now on with this certificate: for new connections. */
void gateway_set_tls(struct gateway *g, struct tls_config *tls);
/*
 * Says good-bye to all and closes. The memory goes once the loop has run on.
 * NULL is fine.
 */
void gateway_close(struct gateway *g);

#endif
