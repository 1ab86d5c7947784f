/*
 * trust.c - the owners' trust files over HTTP.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/api/http.h"

#include "common/envelope.h"
#include "console/owners.h"

#include <string.h>

#define TEXT_MAX ((size_t)8 << 20)

/* ---- which org ---- */

/* The org that the payload names; signatures are looked at later. */
static int
claimed_org(const struct envelope *e, char ret_org[STORE_ORG_SIZE])
{
	struct bytes org = { NULL, 0 };
	struct doc_obj o;
	struct doc *d;
	int err;

	if ((err = doc_parse(e->payload, 0, &d)) != 0)
		return err;
	o = doc_root(d);
	doc_text(&o, "org", TEXT_ORG, 1, STORE_ORG_SIZE - 1, &org);
	if ((err = doc_error(d)) == 0) {
		memcpy(ret_org, org.p, org.n);
		ret_org[org.n] = '\0';
	}
	doc_free(d);
	return err;
}

struct orgs {
	char org[STORE_ORG_SIZE];
	int n;
};

static int
count_org(void *ctx, const char *org)
{
	struct orgs *o = ctx;

	if (o->n++ == 0)
		(void)snprintf(o->org, sizeof(o->org), "%s", org);
	return 0;
}

/* Whose files are asked for: ?org=, the user's, or the only one there is. */
static bool
find_org(struct request *r, char ret_org[STORE_ORG_SIZE])
{
	const char *query = http_query(r, "org");
	struct orgs o = { "", 0 };
	int err;

	if (query == NULL && r->user.org[0] != '\0')
		query = r->user.org;
	if (query == NULL) {
		if ((err = store_org_each(r->c->store, count_org, &o)) != 0) {
			http_error(r, err);
			return false;
		}
		query = o.org;
	}
	if (o.n > 1) {
		http_problem(r, 400, "which_org", "there are several orgs",
		    "say which one: ?org=NAME");
		return false;
	}
	if (strlen(query) >= STORE_ORG_SIZE || !http_sees_org(r, query)) {
		http_problem(r, 404, "unknown_org", "there is no such org",
		    "check its name");
		return false;
	}
	memcpy(ret_org, query, strlen(query) + 1);
	return true;
}

/* ---- putting ---- */

static void
answer(struct request *r, unsigned status, const char *org,
    const struct trust_outcome *out)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 16384);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "org", org);
	jsonw_cstr(&w, "file", trust_file_word(out->file));
	jsonw_int(&w, "version", out->version);
	jsonw_digest(&w, "digest", &out->digest);
	jsonw_time(&w, "issued", out->issued);
	jsonw_time(&w, "expires", out->expires);
	jsonw_obj_end(&w);
	http_reply_json(r, status, &b);
}

static void
refuse(struct request *r, const struct trust_outcome *out)
{
	const char *word = out->why.reason != NULL ? out->why.reason :
	    "refused";

	if (out->verdict == TRUST_CONFLICT)
		http_problem(r, 409, word, "another file of this version is "
		    "here, signed as well", "find out who signed it: devices "
		    "that see both lock down");
	else
		http_problem(r, 422, word, "this trust file does not verify",
		    out->why.detail[0] != '\0' ? out->why.detail :
		    "check its signatures, version and time");
}

static void
put(struct request *r, const char *org, const char *device,
    const struct envelope *e)
{
	struct trust_outcome out;
	int err;

	if ((err = turn_begin(&r->c->turn)) == 0)
		err = owners_put(r->c->owners, org, device, e, r->now, &out);
	if (err != 0) {
		turn_fail(&r->c->turn, err);
		owners_forget(r->c->owners, org);
		http_error(r, err);
		return;
	}
	if ((err = turn_settle(&r->c->turn)) != 0) {
		owners_forget(r->c->owners, org);
		http_error(r, err);
		return;
	}
	if (out.verdict != TRUST_ACCEPT && out.verdict != TRUST_HAVE) {
		refuse(r, &out);
		return;
	}
	if (device[0] != '\0')
		links_poke(&r->c->links, device, LINK_NEWS_TRUST);
	else if (out.verdict == TRUST_ACCEPT)
		console_roll_out(r->c);
	answer(r, out.verdict == TRUST_ACCEPT ? 201 : 200, org, &out);
}

/* Reads the envelope in the body; its type has to be that of the file. */
static void
put_body(struct request *r, enum payload_type type, const char *device)
{
	char org[STORE_ORG_SIZE];
	struct envelope_doc d;
	int err;

	err = envelope_parse(buf_bytes(&r->body), HTTP_BODY_TRUST, &d);
	if (err != 0) {
		http_problem(r, 400, "malformed", "the envelope cannot be "
		    "read", err_text(err));
		return;
	}
	if (envelope_type(d.e.type) != type) {
		http_problem(r, 422, "wrong_type", "this envelope holds "
		    "another file", "put each file under its own path");
	} else if ((err = claimed_org(&d.e, org)) != 0) {
		http_problem(r, 422, "malformed", "the file cannot be read",
		    err_text(err));
	} else if (!http_sees_org(r, org)) {
		http_problem(r, 403, "not_your_org", "this file is another "
		    "org's", "put files of your own org");
	} else {
		put(r, org, device, &d.e);
	}
	envelope_free(&d);
}

/* The file that the path names; a device entry has a path of its own. */
static bool
find_file(struct request *r, enum trust_file *ret_file)
{
	int file;

	for (file = 0; file < TRUST_FILES; file++)
		if (file != TRUST_DEVICE && bytes_is(r->param[0],
		    trust_file_word((enum trust_file)file))) {
			*ret_file = (enum trust_file)file;
			return true;
		}
	http_problem(r, 404, "unknown_file", "there is no such trust file",
	    "root, people, policy, timestamp, or devices/ID");
	return false;
}

void
api_trust_put(struct request *r)
{
	enum trust_file file;

	if (find_file(r, &file))
		put_body(r, trust_file_type(file), "");
}

void
api_trust_device_put(struct request *r)
{
	char id[DEVICEID_SIZE] = "";

	if (!deviceid_is(r->param[0])) {
		http_problem(r, 404, "unknown_device", "this is no device id",
		    "d- and 26 characters");
		return;
	}
	memcpy(id, r->param[0].p, r->param[0].n);
	put_body(r, PAYLOAD_DEVICE, id);
}

/* ---- getting ---- */

static void
get(struct request *r, const char *org, const char *file, const char *device,
    uint64_t version)
{
	struct store_trust t;
	struct buf b;
	int err;

	buf_init(&b, TEXT_MAX);
	err = store_trust_find(r->c->store, org, file, device,
	    (int64_t)version, &b, &t);
	if (err == 0) {
		http_reply_json(r, 200, &b);
		return;
	}
	buf_free(&b);
	if (err == ERR_NOT_FOUND)
		http_problem(r, 404, "no_such_file", "this trust file has "
		    "not been put here", "put it, or ask for another version");
	else
		http_error(r, err);
}

static int
add_envelope(void *ctx, const struct store_trust *t)
{
	jsonw_raw(ctx, NULL, t->envelope);
	return 0;
}

/* Every root in order: what somebody with a pin goes along. */
static void
get_chain(struct request *r, const char *org)
{
	struct jsonw w;
	struct buf b;
	int err;

	buf_init(&b, HTTP_REPLY_MAX);
	jsonw_init(&w, &b);
	jsonw_arr(&w, NULL);
	err = store_trust_each(r->c->store, org, "root", "", 0, add_envelope,
	    &w);
	jsonw_arr_end(&w);
	if (err == 0) {
		http_reply_json(r, 200, &b);
		return;
	}
	buf_free(&b);
	http_error(r, err);
}

void
api_trust_get(struct request *r)
{
	const char *version = http_query(r, "version");
	char org[STORE_ORG_SIZE];
	enum trust_file file;
	uint64_t v = 0;

	if (!find_file(r, &file) || !find_org(r, org))
		return;
	if (file == TRUST_ROOT && version != NULL &&
	    strcmp(version, "all") == 0) {
		get_chain(r, org);
		return;
	}
	if (!http_query_number(r, "version", &v)) {
		http_problem(r, 400, "bad_query", "version is no number",
		    "a version, or for root also `all`");
		return;
	}
	get(r, org, trust_file_word(file), "", v);
}

void
api_trust_device_get(struct request *r)
{
	struct store_device d;

	if (api_find_device(r, &d))
		get(r, d.org, "device", d.id, 0);
}
