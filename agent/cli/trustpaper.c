/*
 * trustpaper.c - a trust file on a person's disk: its source or envelope.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/trustpaper.h"

#include "common/timefmt.h"
#include "platform/userfile.h"

#include <stdlib.h>
#include <string.h>

void
paper_free(struct paper *p)
{
	root_free(p->root);
	people_free(p->people);
	policy_free(p->policy);
	device_entry_free(p->device);
	timestamp_free(p->timestamp);
	envelope_free(&p->doc);
	buf_free(&p->text);
	memset(p, 0, sizeof(*p));
}

int64_t
paper_life(enum trust_file file)
{
	/* A year for what is signed by hand, less than the most allowed. */
	return file == TRUST_ROOT || file == TRUST_DEVICE ?
	    INT64_C(365) * 86400 : trust_file_life(file);
}

static int
parse_as(enum trust_file file, struct bytes payload, struct paper *p,
    struct refusal *why)
{
	int err = ERR_VERSION;

	switch (file) {
	case TRUST_ROOT:
		if ((err = root_parse(payload, &p->root, why)) == 0)
			p->head = p->root->head;
		break;
	case TRUST_PEOPLE:
		if ((err = people_parse(payload, &p->people, why)) == 0)
			p->head = p->people->head;
		break;
	case TRUST_POLICY:
		if ((err = policy_parse(payload, &p->policy, why)) == 0)
			p->head = p->policy->head;
		break;
	case TRUST_DEVICE:
		if ((err = device_entry_parse(payload, &p->device, why)) == 0)
			p->head = p->device->head;
		break;
	case TRUST_TIMESTAMP:
		if ((err = timestamp_parse(payload, &p->timestamp, why)) == 0)
			p->head = p->timestamp->head;
		break;
	case TRUST_FILES:
		break;
	}
	p->file = file;
	return err;
}

/* Type and payload into the paper's own envelope. */
static void
set_envelope(struct paper *p, struct bytes payload)
{
	p->envelope.type = envelope_type_text(trust_file_type(p->file));
	p->envelope.payload = payload;
	digest_pae(p->envelope.type, payload, &p->digest);
}

int
paper_parse(enum trust_file file, struct bytes payload, struct paper *ret_p,
    struct refusal *ret_why)
{
	struct paper p;
	int err;

	memset(&p, 0, sizeof(p));
	if ((err = parse_as(file, payload, &p, ret_why)) != 0)
		return err;
	buf_init(&p.text, SIGNING_FILE_MAX);
	buf_put_bytes(&p.text, payload);
	if ((err = buf_error(&p.text)) != 0) {
		refusal_field(ret_why, err, "", "trust file");
		paper_free(&p);
		return err;
	}
	set_envelope(&p, buf_bytes(&p.text));
	*ret_p = p;
	return 0;
}

/* Which file a source is: by the member that only it has. */
static int
guess(struct bytes text, enum trust_file *ret_file)
{
	static const char *const marks[TRUST_FILES] = {
		[TRUST_ROOT] = "roles", [TRUST_PEOPLE] = "persons",
		[TRUST_POLICY] = "tools", [TRUST_DEVICE] = "device",
		[TRUST_TIMESTAMP] = "files"
	};
	struct doc_obj o;
	struct doc *d;
	int i, err;

	if ((err = doc_parse(text, 0, &d)) != 0)
		return err;
	o = doc_root(d);
	for (i = 0; i < TRUST_FILES; i++)
		if (doc_has(&o, marks[i]))
			break;
	doc_free(d);
	if (i == TRUST_FILES)
		return ERR_VERSION;
	*ret_file = (enum trust_file)i;
	return 0;
}

/* Where in the text an error of the JSON itself is. */
static int
complain_json(const char *path, struct bytes text)
{
	struct json_error at = { 0, 0, "" };
	size_t i, row = 1;
	int err = json_check(text, JSON_PLAIN_TEXT | JSON_INTEGERS_ONLY, &at);

	if (err == 0)
		return complain(CLI_FAILED, "it needs roles (root), persons"
		    " (people), tools (policy), device or files (timestamp)",
		    "%s: this is no trust file", path);
	for (i = 0; i < at.at && i < text.n; i++)
		row += text.p[i] == '\n';
	return complain(CLI_FAILED, "mend it there", "%s: line %zu: %s (%s)",
	    path, row, err_text(err), at.rule);
}

static int
read_source(const char *path, struct paper *p)
{
	struct refusal why = { .reason = "" };
	int err;

	if (guess(buf_bytes(&p->text), &p->file) != 0)
		return complain_json(path, buf_bytes(&p->text));
	err = parse_as(p->file, buf_bytes(&p->text), p, &why);
	if (err == ERR_NOMEM)
		return complain_err(err, path);
	if (err != 0)
		return complain(CLI_REFUSED, "mend it and try again", "%s: no"
		    " valid %s file (%s%s%s)", path,
		    trust_file_word(p->file), why.reason,
		    why.detail[0] != '\0' ? "; " : "", why.detail);
	set_envelope(p, buf_bytes(&p->text));
	return CLI_DONE;
}

static int
read_envelope(const char *path, struct paper *p)
{
	struct refusal why;
	int err;

	p->is_envelope = true;
	if (trust_file_of(p->doc.e.type, &p->file) != 0)
		return complain(CLI_FAILED, "give a trust file", "%s: this is"
		    " a %s", path,
		    envelope_type_word(envelope_type(p->doc.e.type)));
	p->envelope = p->doc.e;
	err = parse_as(p->file, p->envelope.payload, p, &why);
	if (err != 0)
		return complain_refusal(err, path, &why);
	digest_pae(p->envelope.type, p->envelope.payload, &p->digest);
	return CLI_DONE;
}

int
paper_read(const char *path, struct paper *ret_p)
{
	struct paper p;
	int err, code;

	memset(&p, 0, sizeof(p));
	buf_init(&p.text, SIGNING_FILE_MAX + 131072);
	if ((err = userfile_read(path, SIGNING_FILE_MAX, &p.text)) != 0)
		code = complain_err(err, path);
	else if (envelope_parse(buf_bytes(&p.text), SIGNING_FILE_MAX,
	    &p.doc) == 0)
		code = read_envelope(path, &p);
	else
		code = read_source(path, &p);
	if (code == CLI_DONE)
		*ret_p = p;
	else
		paper_free(&p);
	return code;
}

int
paper_path(const char *path, const char *ending, char ret_path[TRUSTPAPER_PATH])
{
	size_t n = strlen(path);

	if (n > 5 && (strcmp(path + n - 5, ".json") == 0 ||
	    strcmp(path + n - 5, ".dsse") == 0))
		n -= 5;
	if (snprintf(ret_path, TRUSTPAPER_PATH, "%.*s%s", (int)n, path,
	    ending) >= TRUSTPAPER_PATH)
		return ERR_TOO_LARGE;
	return 0;
}

/* ---- the root beside it ---- */

static int
newest(void *arg, const char *name)
{
	int64_t *best = arg, v = 0;
	const char *p = name + 5;

	if (strncmp(name, "root.", 5) != 0)
		return 0;
	for (; *p >= '0' && *p <= '9' && v < 1000000; p++)
		v = v * 10 + (*p - '0');
	if (p > name + 5 && strcmp(p, ".dsse") == 0 && v > *best)
		*best = v;
	return 0;
}

/* The path of the newest root in the folder; false if there is none. */
static bool
newest_in(const char *dir, char ret_path[TRUSTPAPER_PATH])
{
	int64_t best = 0;

	return userfile_list(dir, newest, &best) == 0 && best > 0 &&
	    snprintf(ret_path, TRUSTPAPER_PATH, "%s/root.%lld.dsse", dir,
	    (long long)best) < TRUSTPAPER_PATH;
}

int
paper_find_root(const struct args *a, const char *path, bool *ret_found,
    struct paper *ret_root)
{
	const char *given = args_get(a, "--root");
	const char *slash = strrchr(path, '/');
	char dir[TRUSTPAPER_PATH - 8] = ".", up[TRUSTPAPER_PATH];
	char root[TRUSTPAPER_PATH];
	int code;

	*ret_found = true;
	if (userfile_is_dir(path))
		snprintf(dir, sizeof(dir), "%s", path);
	else if (slash != NULL)
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	snprintf(up, sizeof(up), "%s/..", dir);
	if (given != NULL)
		snprintf(root, sizeof(root), "%s", given);
	else if (!newest_in(dir, root) && !newest_in(up, root)) {
		*ret_found = false;
		return CLI_DONE;
	}
	if ((code = paper_read(root, ret_root)) != CLI_DONE)
		return code;
	if (ret_root->file == TRUST_ROOT)
		return CLI_DONE;
	paper_free(ret_root);
	return complain(CLI_USAGE, "name a root file with --root", "%s: this"
	    " is no root", root);
}

const struct root_key *
paper_holder(const struct root_role *role,
    const uint8_t public[SIGNER_PUBLIC_SIZE])
{
	size_t i;

	for (i = 0; i < role->n_keys; i++)
		if (memcmp(role->keys[i].key, public, SIGNER_PUBLIC_SIZE) == 0)
			return &role->keys[i];
	return NULL;
}

size_t
paper_signers(const struct root_role *role, const struct envelope *e)
{
	const uint8_t *keys[CAP_ROOT_KEYS];
	bool valid[CAP_ROOT_KEYS] = { false };
	size_t i, j, n = 0;

	for (i = 0; i < role->n_keys; i++)
		keys[i] = role->keys[i].key;
	if (e->n_sigs == 0 ||
	    envelope_verify_ed25519(e, keys, role->n_keys, valid) != 0)
		return 0;
	for (i = 0; i < role->n_keys; i++) {
		for (j = 0; j < i; j++)
			if (valid[j] && bytes_equal(role->keys[j].holder,
			    role->keys[i].holder))
				break;
		n += valid[i] && j == i;
	}
	return n;
}

/* ---- text ---- */

static void
new_line(struct buf *b, size_t depth)
{
	buf_put_u8(b, '\n');
	while (depth-- > 0)
		buf_put_u8(b, '\t');
}

void
paper_pretty(struct buf *b, struct bytes json)
{
	bool in_string = false;
	size_t i, depth = 0;

	for (i = 0; i < json.n; i++) {
		uint8_t c = json.p[i];

		if (in_string) {
			buf_put_u8(b, c);
			if (c == '\\' && i + 1 < json.n)
				buf_put_u8(b, json.p[++i]);
			in_string = c != '"';
			continue;
		}
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
			continue;
		if ((c == '}' || c == ']') && json.p[i - 1] != '{' &&
		    json.p[i - 1] != '[')
			new_line(b, depth - 1);
		buf_put_u8(b, c);
		in_string = c == '"';
		if (c == '}' || c == ']')
			depth--;
		if (c == '{' || c == '[')
			depth++;
		if (c == ',' || ((c == '{' || c == '[') && i + 1 < json.n &&
		    json.p[i + 1] != '}' && json.p[i + 1] != ']'))
			new_line(b, depth);
		if (c == ':')
			buf_put_u8(b, ' ');
	}
	buf_put_u8(b, '\n');
}

/*
 * Where the value of a member of the outermost object stands. The text has
 * been checked; names here are plain ASCII.
 */
static bool
find_value(struct bytes json, const char *name, size_t *ret_at, size_t *ret_n)
{
	size_t i, j, depth = 0, n = strlen(name);

	for (i = 0; i < json.n; i++) {
		uint8_t c = json.p[i];

		if (c == '{' || c == '[')
			depth++;
		if (c == '}' || c == ']')
			depth--;
		if (c != '"')
			continue;
		for (j = i + 1; j < json.n && json.p[j] != '"'; j++)
			j += json.p[j] == '\\';
		if (depth == 1 && j - i - 1 == n &&
		    memcmp(json.p + i + 1, name, n) == 0) {
			for (j++; j < json.n && strchr(" \t\r\n:",
			    json.p[j]) != NULL; j++)
				;
			for (i = j; i < json.n && strchr(",} \t\r\n",
			    json.p[i]) == NULL; i++)
				;
			*ret_at = j;
			*ret_n = i - j;
			return true;
		}
		i = j;
	}
	return false;
}

static int
replace(struct buf *b, const char *name, const char *value)
{
	struct buf new;
	size_t at, n;
	int err;

	if (!find_value(buf_bytes(b), name, &at, &n))
		return ERR_SYNTAX;
	buf_init(&new, b->cap);
	buf_put(&new, b->p, at);
	buf_put_str(&new, value);
	buf_put(&new, b->p + at + n, b->n - at - n);
	if ((err = buf_error(&new)) != 0) {
		buf_free(&new);
		return err;
	}
	buf_free(b);
	*b = new;
	return 0;
}

int
paper_renew(struct bytes json, enum trust_file file, int64_t version,
    int64_t now, struct buf *ret_b)
{
	char value[TIME_TEXT_SIZE + 2], time[TIME_TEXT_SIZE];
	int err;

	buf_put_bytes(ret_b, json);
	if ((err = buf_error(ret_b)) != 0)
		return err;
	snprintf(value, sizeof(value), "%lld", (long long)version);
	if ((err = replace(ret_b, "version", value)) != 0)
		return err;
	time_format(now, time);
	snprintf(value, sizeof(value), "\"%s\"", time);
	if ((err = replace(ret_b, "issued", value)) != 0)
		return err;
	time_format(now + paper_life(file), time);
	snprintf(value, sizeof(value), "\"%s\"", time);
	return replace(ret_b, "expires", value);
}
