/*
 * auth.c - whose bearer token it is, and what they may do.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/api/http.h"

#include "console/tokens.h"

#include <string.h>
#include <strings.h>

static const struct {
	const char *role;
	unsigned rights;
} roles[] = {
	{ "admin", RIGHT_READ | RIGHT_PROPOSE | RIGHT_RELAY | RIGHT_TRUST |
	    RIGHT_JOURNAL },
	{ "operator", RIGHT_READ | RIGHT_PROPOSE | RIGHT_RELAY },
	{ "proposer", RIGHT_READ | RIGHT_PROPOSE | RIGHT_OWN },
	{ "auditor", RIGHT_READ | RIGHT_JOURNAL }
};

unsigned
http_rights(const char *role)
{
	size_t i;

	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (strcmp(roles[i].role, role) == 0)
			return roles[i].rights;
	return 0;
}

bool
http_sees_org(const struct request *r, const char *org)
{
	return r->user.org[0] == '\0' || strcmp(r->user.org, org) == 0;
}

/* The token after "Bearer ", in any case (RFC 9110 11.1). */
static const char *
bearer(struct request *r)
{
	const char *v = MHD_lookup_connection_value(r->connection,
	    MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);

	if (v == NULL || strncasecmp(v, "Bearer ", 7) != 0)
		return NULL;
	for (v += 7; *v == ' '; v++)
		;
	return v;
}

bool
http_authenticate(struct request *r)
{
	return http_authenticate_for(r, r->route->right);
}

bool
http_authenticate_for(struct request *r, unsigned right)
{
	struct sha256 none = { { 0 } }, secret;
	char id[STORE_TOKEN_ID_SIZE];
	const char *token = bearer(r);
	int err;

	if (token == NULL || tokens_parse(token, id, &secret) != 0) {
		http_problem(r, 401, "no_token", "a bearer token is needed",
		    "send `Authorization: Bearer TOKEN`; `countersign-console "
		    "user add` makes one");
		return false;
	}
	err = store_user_find(r->c->store, id, &r->user);
	if (err != 0 && err != ERR_NOT_FOUND) {
		http_error(r, err);
		return false;
	}
	/* The same work whether there is such a user or not. */
	if (!tokens_equal(&secret, err == 0 ? &r->user.token : &none) ||
	    err != 0) {
		http_problem(r, 401, "bad_token", "this token is not known",
		    "ask for a new one: `countersign-console user add`");
		return false;
	}
	r->has_user = true;
	r->rights = http_rights(r->user.role);
	if ((r->rights & right) == right)
		return true;
	http_problem(r, 403, "not_allowed", "your role may not do this",
	    "ask somebody with another role, or for another role");
	return false;
}
