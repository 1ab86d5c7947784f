/*
 * trustnew.c - trust init: the first set of an org's trust files.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/keys.h"
#include "agent/cli/trustnew.h"

#include "common/jsonw.h"
#include "common/text.h"
#include "platform/clock.h"
#include "platform/userfile.h"

#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 16		/* of one role, and persons' flags */
#define PERSONS_MAX 64
#define NAME_SIZE (TEXT_NAME_MAX + 1)

struct holder {
	char name[NAME_SIZE];
	const char *path;
	struct public_key key;
};

struct role {
	size_t n;
	struct holder holders[KEYS_MAX];
	int64_t threshold;
};

struct human {
	char id[NAME_SIZE];
	unsigned roles;
	size_t n_keys;
	struct public_key keys[KEYS_MAX];
};

/* Everything that init is told. */
struct plan {
	const struct args *args;
	const char *org, *dir;
	int64_t now;
	struct role roles[TRUST_FILES];
	size_t n_humans;
	struct human humans[PERSONS_MAX];
	struct sha256 digests[TRUST_FILES];
	struct trustnew_signers signers;
};

/* ---- reading the flags ---- */

/* "NAME:FILE" or "FILE", whose name is then that of the file. */
static int
split(const char *text, char ret_name[NAME_SIZE], const char **ret_path)
{
	const char *colon = strchr(text, ':'), *slash, *dot;
	size_t n;

	if (colon != NULL) {
		*ret_path = colon + 1;
		n = (size_t)(colon - text);
	} else {
		*ret_path = text;
		slash = strrchr(text, '/');
		text = slash != NULL ? slash + 1 : text;
		dot = strchr(text, '.');
		n = dot != NULL ? (size_t)(dot - text) : strlen(text);
	}
	if (n >= NAME_SIZE || text_check(bytes_of(text, n), TEXT_NAME,
	    NULL) != 0)
		return complain(CLI_USAGE, "write it as NAME:FILE", "%s: no"
		    " name of a person", text);
	memcpy(ret_name, text, n);
	ret_name[n] = '\0';
	return CLI_DONE;
}

static int
read_holder(struct role *r, const char *text, unsigned uses)
{
	struct holder *h = &r->holders[r->n];
	int code;

	if (r->n == KEYS_MAX)
		return complain(CLI_USAGE, "edit the source for more", "too"
		    " many keys for one file");
	if ((code = split(text, h->name, &h->path)) != CLI_DONE ||
	    (code = keys_read_public(h->path, &h->key)) != CLI_DONE)
		return code;
	if (h->key.kind != PROOF_ED25519 || !h->key.has_use ||
	    (uses & KEYS_USE(h->key.use)) == 0)
		return complain(CLI_USAGE, "make one with countersign keygen"
		    " --use root", "%s: this key may not sign trust files",
		    h->path);
	r->n++;
	return CLI_DONE;
}

static int
read_roles(struct plan *p)
{
	static const struct {
		const char *keys, *threshold;
		enum keyfile_use use;
	} flags[TRUST_FILES] = {
		{ "--root-key", "--threshold", KEYFILE_ROOT },
		{ "--people-key", "--people-threshold", KEYFILE_PEOPLE },
		{ "--policy-key", "--policy-threshold", KEYFILE_POLICY },
		{ "--device-key", "--device-threshold", KEYFILE_DEVICE },
		{ "--timestamp-key", "--timestamp-threshold",
		    KEYFILE_TIMESTAMP }
	};
	const char *text;
	size_t at;
	int i, code;

	for (i = 0; i < TRUST_FILES; i++) {
		struct role *r = &p->roles[i];

		at = 0;
		while ((text = args_each(p->args, flags[i].keys, &at)) != NULL)
			if ((code = read_holder(r, text,
			    KEYS_USE(KEYFILE_ROOT) |
			    KEYS_USE(flags[i].use))) != CLI_DONE)
				return code;
		r->threshold = 1;
		if (r->n == 0 && i > 0) {
			*r = p->roles[TRUST_ROOT];
			/* Devices and timestamps are daily work. */
			if (i == TRUST_DEVICE || i == TRUST_TIMESTAMP)
				r->threshold = 1;
		}
		if (r->n == 0)
			return complain(CLI_USAGE, "say --root-key [NAME:]FILE",
			    "trust init: no root key");
		if (args_int(p->args, flags[i].threshold, 1, (int64_t)r->n,
		    &r->threshold) != 0)
			return CLI_USAGE;
	}
	return CLI_DONE;
}

static struct human *
find_human(struct plan *p, const char *id)
{
	size_t i;

	for (i = 0; i < p->n_humans; i++)
		if (strcmp(p->humans[i].id, id) == 0)
			return &p->humans[i];
	if (p->n_humans == PERSONS_MAX)
		return NULL;
	snprintf(p->humans[p->n_humans].id, NAME_SIZE, "%s", id);
	return &p->humans[p->n_humans++];
}

static int
add_human(struct plan *p, const char *text, unsigned role)
{
	struct public_key key;
	char id[NAME_SIZE];
	const char *path;
	struct human *h;
	size_t i;
	int code;

	if ((code = split(text, id, &path)) != CLI_DONE ||
	    (code = keys_read_public(path, &key)) != CLI_DONE)
		return code;
	if (key.has_use && key.use != KEYFILE_APPROVER &&
	    key.use != KEYFILE_PROPOSER)
		return complain(CLI_USAGE, "give a person's key (keygen --use"
		    " approver or proposer)", "%s: this key signs trust files"
		    " (%s)", path, keyfile_use_word(key.use));
	if ((h = find_human(p, id)) == NULL || h->n_keys == KEYS_MAX)
		return complain(CLI_USAGE, "edit people.json for more", "too"
		    " many persons or keys");
	h->roles |= role;
	for (i = 0; i < h->n_keys; i++)
		if (strcmp(h->keys[i].id, key.id) == 0)
			return CLI_DONE;
	h->keys[h->n_keys++] = key;
	return CLI_DONE;
}

static int
read_humans(struct plan *p)
{
	static const struct {
		const char *flag;
		unsigned role;
	} flags[] = {
		{ "--technician", PERSON_TECHNICIAN },
		{ "--admin", PERSON_ADMIN },
		{ "--manager", PERSON_MANAGER },
		{ "--proposer", PERSON_PROPOSER }
	};
	const char *text;
	size_t i, at;
	int code;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		at = 0;
		while ((text = args_each(p->args, flags[i].flag, &at)) != NULL)
			if ((code = add_human(p, text,
			    flags[i].role)) != CLI_DONE)
				return code;
	}
	return CLI_DONE;
}

/* ---- writing the sources ---- */

void
trustnew_head(struct jsonw *w, const char *org, enum trust_file file,
    int64_t version, int64_t now)
{
	jsonw_obj(w, NULL);
	jsonw_int(w, "v", 1);
	jsonw_cstr(w, "org", org);
	jsonw_int(w, "version", version);
	jsonw_time(w, "issued", now);
	jsonw_time(w, "expires", now + paper_life(file));
}

static void
write_root(const struct plan *p, struct jsonw *w)
{
	size_t k;
	int i;

	jsonw_obj(w, "roles");
	for (i = 0; i < TRUST_FILES; i++) {
		const struct role *r = &p->roles[i];

		jsonw_obj(w, trust_file_word((enum trust_file)i));
		jsonw_int(w, "threshold", r->threshold);
		jsonw_arr(w, "keys");
		for (k = 0; k < r->n; k++) {
			jsonw_obj(w, NULL);
			jsonw_cstr(w, "holder", r->holders[k].name);
			jsonw_b64(w, "key", bytes_of(r->holders[k].key.public,
			    SIGNER_PUBLIC_SIZE));
			jsonw_obj_end(w);
		}
		jsonw_arr_end(w);
		jsonw_obj_end(w);
	}
	jsonw_obj_end(w);
	jsonw_obj(w, "min_version");
	for (i = TRUST_ROOT + 1; i < TRUST_FILES; i++)
		jsonw_int(w, trust_file_word((enum trust_file)i), 1);
	jsonw_obj_end(w);
	jsonw_arr(w, "witnesses");
	jsonw_arr_end(w);
}

static void
write_key(const struct public_key *k, struct jsonw *w)
{
	jsonw_obj(w, NULL);
	jsonw_cstr(w, "kind", proof_kind_word(k->kind));
	if (k->kind == PROOF_SK)
		jsonw_cstr(w, "alg", k->alg == PROOF_ALG_ES256 ? "es256" :
		    "ed25519");
	jsonw_b64(w, "key", bytes_of(k->public, proof_public_size(k->alg)));
	if (k->kind == PROOF_SK) {
		jsonw_cstr(w, "application", k->application);
		jsonw_bool(w, "verify_required", false);
	}
	jsonw_obj_end(w);
}

/* "ID:MAIL:MANAGER"; the document's parser says what is wrong with parts. */
static void
write_requester(const char *text, struct jsonw *w)
{
	size_t id = strcspn(text, ":"), mail;

	mail = text[id] == ':' ? strcspn(text + id + 1, ":") : 0;
	jsonw_obj(w, NULL);
	jsonw_str(w, "id", bytes_of(text, id));
	jsonw_arr(w, "mails");
	if (mail > 0)
		jsonw_str(w, NULL, bytes_of(text + id + 1, mail));
	jsonw_arr_end(w);
	text += id + (text[id] == ':') + mail;
	jsonw_cstr(w, "manager", *text == ':' ? text + 1 : text);
	jsonw_obj_end(w);
}

static void
write_people(const struct plan *p, struct jsonw *w)
{
	const struct doc_word *role;
	const char *text;
	size_t i, k, at = 0;

	jsonw_arr(w, "persons");
	for (i = 0; i < p->n_humans; i++) {
		const struct human *h = &p->humans[i];

		jsonw_obj(w, NULL);
		jsonw_cstr(w, "id", h->id);
		jsonw_cstr(w, "name", h->id);
		jsonw_arr(w, "roles");
		for (role = person_roles; role->word != NULL; role++)
			if ((h->roles & (unsigned)role->value) != 0)
				jsonw_cstr(w, NULL, role->word);
		jsonw_arr_end(w);
		jsonw_arr(w, "keys");
		for (k = 0; k < h->n_keys; k++)
			write_key(&h->keys[k], w);
		jsonw_arr_end(w);
		jsonw_obj_end(w);
	}
	jsonw_arr_end(w);
	jsonw_arr(w, "requesters");
	while ((text = args_each(p->args, "--requester", &at)) != NULL)
		write_requester(text, w);
	jsonw_arr_end(w);
	jsonw_arr(w, "revoked");
	jsonw_arr_end(w);
}

/* Plain ssh keys count only where the policy lists them. */
static bool
has_plain_ssh(const struct plan *p)
{
	size_t i, k;

	for (i = 0; i < p->n_humans; i++)
		for (k = 0; k < p->humans[i].n_keys; k++)
			if (p->humans[i].keys[k].kind == PROOF_SSH)
				return true;
	return false;
}

static void
write_list(struct jsonw *w, const char *name, const char *const *list)
{
	jsonw_arr(w, name);
	for (; *list != NULL; list++)
		jsonw_cstr(w, NULL, *list);
	jsonw_arr_end(w);
}

static void
write_policy(const struct plan *p, struct jsonw *w)
{
	static const char *const profiles[] = { "observe", "repair", "full",
	    NULL };
	static const char *const shells[] = { "sh", "bash", NULL };
	static const char *const proofs[] = { "ed25519", "sk", "webauthn",
	    NULL };
	static const char *const with_ssh[] = { "ed25519", "sk", "webauthn",
	    "ssh", NULL };
	static const char *const stop[] = { "observe", NULL };
	bool ssh = args_has(p->args, "--allow-plain-ssh") && has_plain_ssh(p);

	jsonw_cstr(w, "mode", "execute");
	jsonw_int(w, "approval_ttl_s", CAP_APPROVAL_TTL_DEFAULT);
	jsonw_bool(w, "requester_may_approve", true);
	write_list(w, "console_may_stop", stop);
	jsonw_obj(w, "tools");
	jsonw_obj(w, CARD_COMMAND);
	jsonw_cstr(w, "decision", "approval_needed");
	jsonw_bool(w, "require_manager",
	    args_has(p->args, "--require-manager"));
	write_list(w, "profiles", profiles);
	write_list(w, "shells", shells);
	write_list(w, "proofs", ssh ? with_ssh : proofs);
	jsonw_obj_end(w);
	jsonw_obj_end(w);
	jsonw_arr(w, "overrides");
	jsonw_arr_end(w);
}

static void
write_timestamp(const struct plan *p, struct jsonw *w)
{
	int i;

	jsonw_obj(w, "files");
	for (i = TRUST_ROOT; i <= TRUST_POLICY; i++) {
		jsonw_obj(w, trust_file_word((enum trust_file)i));
		jsonw_int(w, "version", 1);
		jsonw_digest(w, "digest", &p->digests[i]);
		jsonw_obj_end(w);
	}
	jsonw_obj_end(w);
}

/* ---- signing and writing ---- */

void
trustnew_signers_wipe(struct trustnew_signers *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		signer_wipe(&s->keys[i]);
	s->n = 0;
}

int
trustnew_signers_add(const struct args *a, const char *path, unsigned uses,
    struct trustnew_signers *s)
{
	int code;

	if (s->n == ENVELOPE_MAX_SIGS)
		return complain(CLI_USAGE, "sign with fewer", "too many keys");
	code = keys_open(a, path, uses, &s->keys[s->n]);
	if (code == CLI_DONE)
		s->n++;
	return code;
}

int
trustnew_write(const char *base, struct bytes payload, enum trust_file file,
    const struct root_role *role, const struct trustnew_signers *s,
    struct sha256 *ret_digest)
{
	struct signature sigs[ENVELOPE_MAX_SIGS];
	char path[TRUSTPAPER_PATH];
	struct refusal why;
	struct envelope e;
	struct paper p;
	size_t i;
	int err, code;

	if ((err = paper_parse(file, payload, &p, &why)) != 0)
		return complain(CLI_FAILED, "check the flags", "the %s file"
		    " would not be valid (%s; %s)", trust_file_word(file),
		    why.reason, why.detail);
	if (ret_digest != NULL)
		*ret_digest = p.digest;
	if (role == NULL)
		role = &p.root->roles[TRUST_ROOT];
	e = p.envelope;
	for (i = 0; i < s->n && err == 0; i++)
		if (paper_holder(role, s->keys[i].public) != NULL)
			err = signing_add(&e, &s->keys[i], &sigs[i]);
	snprintf(path, sizeof(path), "%s.json", base);
	if (err == 0)
		err = userfile_write(path, payload, USERFILE_PUBLIC, false);
	code = err != 0 ? complain_err(err, path) : CLI_DONE;
	snprintf(path, sizeof(path), "%s.dsse", base);
	if (code == CLI_DONE && e.n_sigs > 0)
		code = signing_write(path, &e);
	if (code == CLI_DONE) {
		size_t n = paper_signers(role, &e);

		if (!args_json(s->args))
			say("%s: signed by %zu of %zu\n",
			    e.n_sigs > 0 ? path : base, n, role->threshold);
	}
	paper_free(&p);
	return code;
}

/* The role as the parsed root has it, for counting. */
static int
make_file(struct plan *p, enum trust_file file, const struct root *root,
    void (*write)(const struct plan *, struct jsonw *))
{
	char base[TRUSTPAPER_PATH - 8];
	struct buf json, pretty;
	struct jsonw w;
	int err, code;

	snprintf(base, sizeof(base), "%s/%s%s", p->dir, trust_file_word(file),
	    file == TRUST_ROOT ? ".1" : "");
	buf_init(&json, SIGNING_FILE_MAX);
	buf_init(&pretty, SIGNING_FILE_MAX);
	jsonw_init(&w, &json);
	trustnew_head(&w, p->org, file, 1, p->now);
	write(p, &w);
	jsonw_obj_end(&w);
	if ((err = buf_error(&json)) == 0) {
		paper_pretty(&pretty, buf_bytes(&json));
		err = buf_error(&pretty);
	}
	code = err != 0 ? complain_err(err, base) : trustnew_write(base,
	    buf_bytes(&pretty), file,
	    root != NULL ? &root->roles[file] : NULL, &p->signers,
	    &p->digests[file]);
	buf_free(&json);
	buf_free(&pretty);
	return code;
}

/* Opens every key file among the holders once. */
static int
open_keys(struct plan *p)
{
	size_t k, j;
	int i, code;

	for (i = 0; i < TRUST_FILES; i++) {
		for (k = 0; k < p->roles[i].n; k++) {
			const struct holder *h = &p->roles[i].holders[k];

			for (j = 0; j < p->signers.n; j++)
				if (memcmp(p->signers.keys[j].public,
				    h->key.public, SIGNER_PUBLIC_SIZE) == 0)
					break;
			if (j < p->signers.n || !keys_is_private(h->path))
				continue;
			code = trustnew_signers_add(p->args, h->path,
			    ~0u, &p->signers);
			if (code != CLI_DONE)
				return code;
		}
	}
	return CLI_DONE;
}

static int
make_all(struct plan *p)
{
	char path[TRUSTPAPER_PATH];
	struct paper root;
	int code;

	if ((code = make_file(p, TRUST_ROOT, NULL, write_root)) != CLI_DONE)
		return code;
	snprintf(path, sizeof(path), "%s/root.1.json", p->dir);
	if ((code = paper_read(path, &root)) != CLI_DONE)
		return code;
	if ((code = make_file(p, TRUST_PEOPLE, root.root,
	    write_people)) == CLI_DONE)
		code = make_file(p, TRUST_POLICY, root.root, write_policy);
	if (code == CLI_DONE)
		code = make_file(p, TRUST_TIMESTAMP, root.root,
		    write_timestamp);
	paper_free(&root);
	return code;
}

static int
prepare(struct plan *p)
{
	char path[TRUSTPAPER_PATH];
	int code, err;

	p->org = args_get(p->args, "--org");
	p->dir = args_get(p->args, "--dir");
	p->now = clock_wall_s();
	if (p->dir == NULL)
		p->dir = "trust";
	if (p->org == NULL || text_check(bytes_str(p->org), TEXT_ORG,
	    NULL) != 0)
		return complain(CLI_USAGE, "say --org NAME, of a-z, 0-9, . and"
		    " -", "trust init: no name of the org");
	snprintf(path, sizeof(path), "%.4000s/root.1.json", p->dir);
	if (userfile_exists(path))
		return complain_err(ERR_EXISTS, path);
	if ((code = read_roles(p)) != CLI_DONE ||
	    (code = read_humans(p)) != CLI_DONE)
		return code;
	if (p->n_humans == 0)
		return complain(CLI_USAGE, "say --technician ID:FILE and"
		    " --proposer ID:FILE", "trust init: nobody could propose or"
		    " approve");
	if ((err = userfile_make_dirs(p->dir, USERFILE_PUBLIC)) != 0)
		return complain_err(err, p->dir);
	return CLI_DONE;
}

static int
trust_init(const struct args *a)
{
	struct plan *p = calloc(1, sizeof(*p));
	int code;

	if (p == NULL)
		return complain_err(ERR_NOMEM, "trust init");
	p->args = p->signers.args = a;
	if ((code = prepare(p)) == CLI_DONE &&
	    (code = open_keys(p)) == CLI_DONE)
		code = make_all(p);
	if (code == CLI_DONE) {
		if (args_json(a))
			say("{\"dir\":\"%s\"}\n", p->dir);
		say_next("look at %s/people.json and %s/policy.json; other"
		    " holders: countersign trust sign %s/*.dsse --key FILE",
		    p->dir, p->dir, p->dir);
		say_next("countersign trust pin %s/root.1.dsse", p->dir);
	}
	trustnew_signers_wipe(&p->signers);
	free(p);
	return code;
}

static const struct option init_options[] = {
	{ "--org", "NAME", "the device owner: a-z, 0-9, . and -" },
	{ "--dir", "DIR", "where the files go (default trust)" },
	{ "--root-key", "[NAME:]FILE", "a root holder's key; several times" },
	{ "--threshold", "N", "how many holders must sign a root (default 1)" },
	{ "--people-key", "[NAME:]FILE", "who signs people (else the root"
	    " holders)" },
	{ "--people-threshold", "N", "how many of them" },
	{ "--policy-key", "[NAME:]FILE", "who signs the policy" },
	{ "--policy-threshold", "N", "how many of them" },
	{ "--device-key", "[NAME:]FILE", "who signs devices" },
	{ "--device-threshold", "N", "how many of them (default 1)" },
	{ "--timestamp-key", "[NAME:]FILE", "who signs timestamps" },
	{ "--timestamp-threshold", "N", "how many of them (default 1)" },
	{ "--technician", "ID:FILE", "who approves; a key file, its public half"
	    " or an OpenSSH key" },
	{ "--admin", "ID:FILE", "who approves, too" },
	{ "--manager", "ID:FILE", "whose second approval counts" },
	{ "--proposer", "ID:FILE", "who or what proposes cards" },
	{ "--requester", "ID:MAIL:MANAGER", "who may be named as requester" },
	{ "--require-manager", NULL, "the policy asks for two approvals" },
	{ "--allow-plain-ssh", NULL, "approvals by plain ssh-ed25519 keys"
	    " count" },
	{ "--passphrase-file", "FILE", "its first line instead of asking" },
	{ NULL, NULL, NULL }
};

static const struct option device_options[] = {
	{ "--dir", "DIR", "the folder that trust init made (default trust)" },
	{ "--key", "FILE", "a device key of the root; several times" },
	{ "--name", "NAME", "what people see (else what the device says)" },
	{ "--groups", "A,B", "what the policy knows it by" },
	{ "--root", "FILE", "the root (else the newest in the folder)" },
	{ "--passphrase-file", "FILE", "its first line instead of asking" },
	{ NULL, NULL, NULL }
};

const struct command commands_trustnew[] = {
	{ "trust init", "", "Makes the first trust files of an org: root,"
	    " people, policy, timestamp.\nSources (.json) to read and edit,"
	    " and what is signed (.dsse) beside them.",
	    "  countersign trust init --org acme --root-key root.key \\\n"
	    "      --technician alice:alice.pub --proposer ai:ai.pub\n",
	    init_options, 0, 0, trust_init },
	{ "trust device", "ENROLFILE…", "Signs the entries of devices, from"
	    " what `countersignd enrol --out` wrote there.",
	    "  countersign trust device --dir trust --key root.key --groups"
	    " web web1.json\n",
	    device_options, 1, CLI_ARGS_MAX, trustdevice_run },
	{ NULL, NULL, NULL, NULL, NULL, 0, 0, NULL }
};
