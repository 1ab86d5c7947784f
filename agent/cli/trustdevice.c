/*
 * trustdevice.c - trust device: the owner signs the entries of devices.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/keys.h"
#include "agent/cli/trustnew.h"

#include "common/deviceid.h"
#include "common/ed25519.h"
#include "platform/clock.h"
#include "platform/userfile.h"

#include <string.h>

#define ENROL_MAX 65536

struct devices {
	const struct args *args;
	const char *dir;
	struct paper root;
	struct trustnew_signers signers;
};

/* What `countersignd enrol --out` wrote. */
struct enrolled {
	struct doc *doc;
	struct bytes device, org, name, key;
};

static int
parse(struct bytes text, struct enrolled *e)
{
	struct bytes kind;
	struct doc_obj o;
	int64_t v;
	int err;

	if ((err = doc_parse(text, JSON_PLAIN_TEXT, &e->doc)) != 0)
		return err;
	o = doc_root(e->doc);
	doc_int(&o, "v", 1, 1, &v);
	doc_str(&o, "kind", &kind);
	doc_str(&o, "device", &e->device);
	doc_text(&o, "org", TEXT_ORG, 1, TEXT_ORG_MAX, &e->org);
	doc_b64(&o, "key", ED25519_PUBLIC_SIZE, ED25519_PUBLIC_SIZE, &e->key);
	doc_text(&o, "name", TEXT_LINE, 1, CAP_NAME, &e->name);
	if ((err = doc_error(e->doc)) != 0)
		return err;
	return bytes_is(kind, "countersign-device") ? 0 : ERR_SYNTAX;
}

static int
check(const struct devices *d, const char *path, const struct enrolled *e)
{
	char id[DEVICEID_SIZE];

	deviceid_make(e->key.p, id);
	if (!bytes_is(e->device, id))
		return complain(CLI_REFUSED, "get it again from the device",
		    "%s: the device id is not its key's", path);
	if (!bytes_equal(e->org, d->root.head.org))
		return complain(CLI_REFUSED, "sign it with its own org's"
		    " files", "%s: the device is another org's", path);
	return CLI_DONE;
}

/* "a,b" as an array. */
static void
write_groups(struct jsonw *w, const char *groups)
{
	jsonw_arr(w, "groups");
	while (groups != NULL && *groups != '\0') {
		size_t n = strcspn(groups, ",");

		jsonw_str(w, NULL, bytes_of(groups, n));
		groups += n + (groups[n] == ',');
	}
	jsonw_arr_end(w);
}

static void
write_entry(const struct devices *d, const struct enrolled *e,
    int64_t version, struct buf *ret_text)
{
	const char *name = args_get(d->args, "--name");
	char org[TEXT_ORG_MAX + 1];
	struct jsonw w;
	struct buf json;

	snprintf(org, sizeof(org), "%.*s", (int)e->org.n,
	    (const char *)e->org.p);
	buf_init(&json, 65536);
	jsonw_init(&w, &json);
	trustnew_head(&w, org, TRUST_DEVICE, version, clock_wall_s());
	jsonw_str(&w, "device", e->device);
	jsonw_str(&w, "name", name != NULL ? bytes_str(name) : e->name);
	write_groups(&w, args_get(d->args, "--groups"));
	jsonw_obj_end(&w);
	if (buf_error(&json) == 0)
		paper_pretty(ret_text, buf_bytes(&json));
	else
		ret_text->err = buf_error(&json);
	buf_free(&json);
}

static int
sign_entry(const struct devices *d, const struct enrolled *e)
{
	char base[TRUSTPAPER_PATH - 8], old_path[TRUSTPAPER_PATH];
	int64_t version = 1;
	struct paper old;
	struct buf text;
	int err, code;

	snprintf(base, sizeof(base), "%.4000s/devices/%.*s", d->dir,
	    (int)e->device.n, (const char *)e->device.p);
	snprintf(old_path, sizeof(old_path), "%s.json", base);
	if (userfile_exists(old_path)) {
		if ((code = paper_read(old_path, &old)) != CLI_DONE)
			return code;
		version = old.head.version + 1;
		paper_free(&old);
	}
	buf_init(&text, 65536);
	write_entry(d, e, version, &text);
	if ((err = buf_error(&text)) != 0)
		code = complain_err(err, base);
	else
		code = trustnew_write(base, buf_bytes(&text), TRUST_DEVICE,
		    &d->root.root->roles[TRUST_DEVICE], &d->signers, NULL);
	buf_free(&text);
	if (code == CLI_DONE)
		say_next("countersign submit %s.dsse --console URL --token"
		    " FILE", base);
	return code;
}

static int
one(const struct devices *d, const char *path)
{
	struct enrolled e = { 0 };
	struct buf text;
	int err, code;

	buf_init(&text, 2 * ENROL_MAX);
	if ((err = userfile_read(path, ENROL_MAX, &text)) != 0)
		code = complain_err(err, path);
	else if ((err = parse(buf_bytes(&text), &e)) != 0)
		code = complain(CLI_FAILED, "give what countersignd enrol"
		    " --out wrote", "%s: this is no enrolment (%s)", path,
		    err_text(err));
	else if ((code = check(d, path, &e)) == CLI_DONE)
		code = sign_entry(d, &e);
	doc_free(e.doc);
	buf_free(&text);
	return code;
}

static int
run(struct devices *d)
{
	char path[TRUSTPAPER_PATH];
	const char *key;
	size_t at = 0, i;
	int code, err;

	while ((key = args_each(d->args, "--key", &at)) != NULL) {
		code = trustnew_signers_add(d->args, key,
		    KEYS_USE(KEYFILE_ROOT) | KEYS_USE(KEYFILE_DEVICE),
		    &d->signers);
		if (code != CLI_DONE)
			return code;
		if (paper_holder(&d->root.root->roles[TRUST_DEVICE],
		    d->signers.keys[d->signers.n - 1].public) == NULL)
			return complain(CLI_REFUSED, "sign with a key that the"
			    " root names for it", "%s: this key may not sign"
			    " devices", key);
	}
	snprintf(path, sizeof(path), "%.4000s/devices", d->dir);
	if ((err = userfile_make_dirs(path, USERFILE_PUBLIC)) != 0)
		return complain_err(err, path);
	code = CLI_DONE;
	for (i = 0; i < d->args->n && code == CLI_DONE; i++)
		code = one(d, d->args->operand[i]);
	return code;
}

int
trustdevice_run(const struct args *a)
{
	struct devices d = { .args = a, .dir = args_get(a, "--dir") };
	bool found;
	int code;

	if (d.dir == NULL)
		d.dir = "trust";
	d.signers.args = a;
	if (!args_has(a, "--key"))
		return complain(CLI_USAGE, "say --key FILE", "trust device: no"
		    " key");
	if (a->n > 1 && args_has(a, "--name"))
		return complain(CLI_USAGE, "name them one by one", "trust"
		    " device: one name for several devices");
	code = paper_find_root(a, d.dir, &found, &d.root);
	if (code != CLI_DONE)
		return code;
	if (!found)
		return complain(CLI_USAGE, "say --dir DIR or --root FILE",
		    "%s: no root.N.dsse is there", d.dir);
	code = run(&d);
	trustnew_signers_wipe(&d.signers);
	paper_free(&d.root);
	return code;
}
