/*
 * trustcmds.c - trust sign, show, diff, pin.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/home.h"
#include "agent/cli/keys.h"
#include "agent/cli/trustnew.h"
#include "agent/cli/trustpaper.h"

#include "common/jsonw.h"
#include "platform/clock.h"
#include "platform/terminal.h"
#include "platform/userfile.h"

#include <string.h>

/* What signing one file needs. */
struct signing {
	const struct args *args;
	const char *path;
	char out[TRUSTPAPER_PATH];
	struct paper paper;	/* what is signed */
	struct envelope e;	/* with the signatures there are */
	bool has_old;
	struct paper old;	/* the envelope that stands at out */
	bool has_root;
	struct paper root;
	struct signature sigs[ENVELOPE_MAX_SIGS];
	size_t n_sigs;
};

static const struct root_role *
role_of(const struct signing *s)
{
	if (s->paper.file == TRUST_ROOT)
		return &s->paper.root->roles[TRUST_ROOT];
	return s->has_root ? &s->root.root->roles[s->paper.file] : NULL;
}

/* What the timestamp is to say of a file that stands beside it. */
static int
stamp(const struct signing *s, const char *name, struct jsonw *w)
{
	char path[TRUSTPAPER_PATH];
	const char *slash = strrchr(s->path, '/');
	struct paper p;
	int code;

	snprintf(path, sizeof(path), "%.*s%s",
	    slash != NULL ? (int)(slash - s->path + 1) : 0, s->path, name);
	if ((code = paper_read(path, &p)) != CLI_DONE)
		return code;
	jsonw_obj(w, trust_file_word(p.file));
	jsonw_int(w, "version", p.head.version);
	jsonw_digest(w, "digest", &p.digest);
	jsonw_obj_end(w);
	paper_free(&p);
	return CLI_DONE;
}

/* A timestamp is made anew, of the files that are beside it now. */
static int
restamp(const struct signing *s, int64_t version, struct buf *ret_b)
{
	char org[TEXT_ORG_MAX + 1];
	struct paper root;
	struct jsonw w;
	struct buf b;
	bool found;
	int code;

	code = paper_find_root(s->args, s->path, &found, &root);
	if (code != CLI_DONE)
		return code;
	if (!found)
		return complain(CLI_USAGE, "say --root FILE", "%s: no root is"
		    " beside it", s->path);
	snprintf(org, sizeof(org), "%.*s", (int)s->paper.head.org.n,
	    (const char *)s->paper.head.org.p);
	buf_init(&b, 65536);
	jsonw_init(&w, &b);
	trustnew_head(&w, org, TRUST_TIMESTAMP, version, clock_wall_s());
	jsonw_obj(&w, "files");
	jsonw_obj(&w, "root");
	jsonw_int(&w, "version", root.head.version);
	jsonw_digest(&w, "digest", &root.digest);
	jsonw_obj_end(&w);
	paper_free(&root);
	if ((code = stamp(s, "people.dsse", &w)) == CLI_DONE)
		code = stamp(s, "policy.dsse", &w);
	jsonw_obj_end(&w);
	jsonw_obj_end(&w);
	if (code == CLI_DONE && buf_error(&b) == 0)
		paper_pretty(ret_b, buf_bytes(&b));
	buf_free(&b);
	return code;
}

/* With --renew, the source gets the next version and new dates first. */
static int
renew(struct signing *s)
{
	int64_t version = s->has_old ? s->old.head.version + 1 :
	    s->paper.head.version;
	struct buf b;
	int err = 0, code;

	if (s->paper.is_envelope)
		return complain(CLI_USAGE, "name its source, the .json file",
		    "%s: only a source can be renewed", s->path);
	if (s->paper.file == TRUST_ROOT)
		return complain(CLI_USAGE, "copy it to root.N.json, and set"
		    " version, issued and expires there", "%s: a root has a"
		    " file for each version", s->path);
	buf_init(&b, SIGNING_FILE_MAX);
	if (s->paper.file != TRUST_TIMESTAMP)
		err = paper_renew(s->paper.envelope.payload, s->paper.file,
		    version, clock_wall_s(), &b);
	else if ((code = restamp(s, version, &b)) != CLI_DONE) {
		buf_free(&b);
		return code;
	}
	if (err == 0)
		err = buf_error(&b);
	if (err == 0)
		err = userfile_write(s->path, buf_bytes(&b), USERFILE_PUBLIC,
		    false);
	buf_free(&b);
	if (err != 0)
		return complain_err(err, s->path);
	paper_free(&s->paper);
	code = paper_read(s->path, &s->paper);
	return code;
}

/*
 * A new root is signed under the one before it, also once some holders have
 * signed and its own envelope is the newest in the folder.
 */
static int
find_root_before(struct signing *s)
{
	int64_t before = s->paper.head.version - 1;
	char path[TRUSTPAPER_PATH];
	const char *slash = strrchr(s->path, '/');
	int code;

	if (args_has(s->args, "--root") ||
	    (s->has_root && s->root.head.version == before))
		return CLI_DONE;
	if (s->has_root)
		paper_free(&s->root);
	snprintf(path, sizeof(path), "%.*sroot.%lld.dsse",
	    slash != NULL ? (int)(slash - s->path + 1) : 0, s->path,
	    (long long)before);
	s->has_root = userfile_exists(path);
	if (!s->has_root)
		return CLI_DONE;
	code = paper_read(path, &s->root);
	if (code == CLI_DONE && s->root.file == TRUST_ROOT)
		return CLI_DONE;
	s->has_root = false;
	return code != CLI_DONE ? code : complain(CLI_USAGE, "name it with"
	    " --root", "%s: this is no root", path);
}

static int
open_files(struct signing *s)
{
	const char *out = args_get(s->args, "--out");
	int code, err;

	if ((code = paper_read(s->path, &s->paper)) != CLI_DONE)
		return code;
	err = out != NULL ? (snprintf(s->out, sizeof(s->out), "%s", out) <
	    (int)sizeof(s->out) ? 0 : ERR_TOO_LARGE) :
	    paper_path(s->path, ".dsse", s->out);
	if (err != 0)
		return complain_err(err, s->path);
	if (!s->paper.is_envelope && userfile_exists(s->out)) {
		code = paper_read(s->out, &s->old);
		if (code != CLI_DONE)
			return code;
		s->has_old = s->old.file == s->paper.file;
	}
	if (args_has(s->args, "--renew") && (code = renew(s)) != CLI_DONE)
		return code;
	code = paper_find_root(s->args, s->path, &s->has_root, &s->root);
	return code == CLI_DONE && s->paper.file == TRUST_ROOT ?
	    find_root_before(s) : code;
}

/* What will be signed, and what it changes; a person is asked. */
static int
confirm(const struct signing *s)
{
	char line[16];

	if (!args_json(s->args)) {
		paper_show(&s->paper);
		if (s->has_old && !sha256_equal(&s->old.digest,
		    &s->paper.digest)) {
			say("Changes since version %lld:\n",
			    (long long)s->old.head.version);
			if (!paper_diff(&s->old, &s->paper))
				say("  none but version and dates\n");
		}
	}
	if (args_has(s->args, "--yes") || !terminal_is_input())
		return CLI_DONE;
	(void)fflush(stdout);
	if (terminal_ask("Sign this? type yes: ", false, line,
	    sizeof(line)) == 0 && strcmp(line, "yes") == 0)
		return CLI_DONE;
	return complain(CLI_FAILED, "nothing was signed", "you did not type"
	    " yes");
}

/* A version must grow, or the bytes be the same. */
static int
check_version(const struct signing *s)
{
	if (!s->has_old || sha256_equal(&s->old.digest, &s->paper.digest) ||
	    s->paper.head.version > s->old.head.version)
		return CLI_DONE;
	return complain(CLI_REFUSED, "set a higher version, or use --renew",
	    "%s: version %lld is signed already, with other content",
	    s->path, (long long)s->old.head.version);
}

/* Signatures that are there, of the same bytes. */
static void
begin(struct signing *s)
{
	s->e = s->paper.envelope;
	if (!s->paper.is_envelope && s->has_old &&
	    sha256_equal(&s->old.digest, &s->paper.digest))
		s->e = s->old.envelope;
}

static int
sign_with(struct signing *s, const char *path)
{
	const struct root_role *role = role_of(s), *before;
	static const enum keyfile_use uses[TRUST_FILES] = {
		[TRUST_ROOT] = KEYFILE_ROOT, [TRUST_PEOPLE] = KEYFILE_PEOPLE,
		[TRUST_POLICY] = KEYFILE_POLICY,
		[TRUST_DEVICE] = KEYFILE_DEVICE,
		[TRUST_TIMESTAMP] = KEYFILE_TIMESTAMP
	};
	struct signer key;
	int code, err;

	if (s->n_sigs == ENVELOPE_MAX_SIGS)
		return complain(CLI_USAGE, "sign with fewer", "too many keys");
	code = keys_open(s->args, path, KEYS_USE(KEYFILE_ROOT) |
	    KEYS_USE(uses[s->paper.file]), &key);
	if (code != CLI_DONE)
		return code;
	before = s->has_root ? &s->root.root->roles[TRUST_ROOT] : NULL;
	if (role != NULL && paper_holder(role, key.public) == NULL &&
	    (s->paper.file != TRUST_ROOT || before == NULL ||
	    paper_holder(before, key.public) == NULL)) {
		signer_wipe(&key);
		return complain(CLI_REFUSED, "sign with a key that the root"
		    " names for it", "%s: this key may not sign the %s file",
		    path, trust_file_word(s->paper.file));
	}
	err = signing_add(&s->e, &key, &s->sigs[s->n_sigs++]);
	signer_wipe(&key);
	return err != 0 ? complain_err(err, path) : CLI_DONE;
}

/* How many of how many have signed, and what is next. */
static void
tell(const struct signing *s)
{
	const struct root_role *role = role_of(s);
	const struct root_role *old = s->paper.file == TRUST_ROOT &&
	    s->has_root && s->root.head.version < s->paper.head.version ?
	    &s->root.root->roles[TRUST_ROOT] : NULL;
	size_t n, n_old;

	if (role == NULL) {
		say("%s: %zu signatures; no root is beside it to count them"
		    " by\n", s->out, s->e.n_sigs);
		return;
	}
	n = paper_signers(role, &s->e);
	n_old = old != NULL ? paper_signers(old, &s->e) : 0;
	say("%s: signed by %zu of %zu holders needed%s\n", s->out, n,
	    role->threshold, n >= role->threshold && (old == NULL ||
	    n_old >= old->threshold) ? "" : ", NOT YET VALID");
	if (old != NULL)
		say("  and by %zu of %zu holders of the root before it\n",
		    n_old, old->threshold);
	if (n < role->threshold || (old != NULL && n_old < old->threshold))
		say_next("another holder runs countersign trust sign %s --key"
		    " THEIR.key", s->out);
	else
		say_next("countersign submit %s --console URL --token FILE (or"
		    " at the device, without a console)", s->out);
}

static int
tell_json(const struct signing *s)
{
	const struct root_role *role = role_of(s);
	struct jsonw w;
	struct buf b;
	int code;

	buf_init(&b, 8192);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "file", s->out);
	jsonw_cstr(&w, "kind", trust_file_word(s->paper.file));
	jsonw_int(&w, "version", s->paper.head.version);
	jsonw_digest(&w, "digest", &s->paper.digest);
	if (role != NULL) {
		jsonw_int(&w, "signed",
		    (int64_t)paper_signers(role, &s->e));
		jsonw_int(&w, "needed", (int64_t)role->threshold);
	}
	jsonw_obj_end(&w);
	code = say_json(&b);
	buf_free(&b);
	return code;
}

static int
sign_one(struct signing *s)
{
	const char *key;
	size_t at = 0;
	int code;

	if ((code = open_files(s)) != CLI_DONE ||
	    (code = check_version(s)) != CLI_DONE ||
	    (code = confirm(s)) != CLI_DONE)
		return code;
	begin(s);
	while ((key = args_each(s->args, "--key", &at)) != NULL)
		if ((code = sign_with(s, key)) != CLI_DONE)
			return code;
	if ((code = signing_write(s->out, &s->e)) != CLI_DONE)
		return code;
	if (args_json(s->args))
		return tell_json(s);
	tell(s);
	return CLI_DONE;
}

static int
trust_sign(const struct args *a)
{
	int code = CLI_DONE;
	size_t i;

	if (!args_has(a, "--key"))
		return complain(CLI_USAGE, "say --key FILE", "trust sign: no"
		    " key");
	if (a->n > 1 && args_has(a, "--out"))
		return complain(CLI_USAGE, "sign one file at a time", "trust"
		    " sign: --out is for one file");
	for (i = 0; i < a->n && code == CLI_DONE; i++) {
		struct signing s = { .args = a, .path = a->operand[i] };

		code = sign_one(&s);
		paper_free(&s.paper);
		if (s.has_old || s.old.text.p != NULL)
			paper_free(&s.old);
		if (s.has_root)
			paper_free(&s.root);
	}
	return code;
}

/* ---- show, diff ---- */

static int
show_json(const struct paper *p)
{
	struct jsonw w;
	struct buf b;
	int code;

	buf_init(&b, SIGNING_FILE_MAX);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "kind", trust_file_word(p->file));
	jsonw_str(&w, "org", p->head.org);
	jsonw_int(&w, "version", p->head.version);
	jsonw_time(&w, "issued", p->head.issued);
	jsonw_time(&w, "expires", p->head.expires);
	jsonw_digest(&w, "digest", &p->digest);
	jsonw_int(&w, "signatures", (int64_t)p->envelope.n_sigs);
	jsonw_raw(&w, "payload", p->envelope.payload);
	jsonw_obj_end(&w);
	code = say_json(&b);
	buf_free(&b);
	return code;
}

static void
show_signers(const struct args *a, const char *path, const struct paper *p)
{
	struct paper root = { 0 };
	const struct root_role *role = NULL;
	bool found = false;

	if (!p->is_envelope) {
		say("Not signed: this is the source.\n");
		return;
	}
	if (p->file == TRUST_ROOT)
		role = &p->root->roles[TRUST_ROOT];
	else if (paper_find_root(a, path, &found, &root) == CLI_DONE && found)
		role = &root.root->roles[p->file];
	if (role != NULL)
		say("Signed by %zu of %zu holders needed%s\n",
		    paper_signers(role, &p->envelope), role->threshold,
		    p->file == TRUST_ROOT ? " (by its own keys)" : "");
	else
		say("%zu signatures; no root is beside it to check them by\n",
		    p->envelope.n_sigs);
	if (found)
		paper_free(&root);
}

static int
trust_show(const struct args *a)
{
	struct paper p;
	int code = paper_read(a->operand[0], &p);

	if (code != CLI_DONE)
		return code;
	if (args_json(a)) {
		code = show_json(&p);
	} else {
		paper_show(&p);
		show_signers(a, a->operand[0], &p);
	}
	paper_free(&p);
	return code;
}

static int
diff_papers(const struct args *a, const struct paper *old,
    const struct paper *new)
{
	bool any;

	if (old->file != new->file)
		return complain(CLI_USAGE, "compare two versions of one file",
		    "%s and %s are different kinds of files", a->operand[0],
		    a->operand[1]);
	say("%s: version %lld to %lld", trust_file_word(new->file),
	    (long long)old->head.version, (long long)new->head.version);
	if (!bytes_equal(old->head.org, new->head.org))
		say(", ANOTHER ORG");
	say("\n");
	any = paper_diff(old, new);
	if (!any)
		say("  nothing but version and dates changes\n");
	if (new->head.version <= old->head.version &&
	    !sha256_equal(&old->digest, &new->digest))
		say("The version does not grow: devices will refuse it.\n");
	return CLI_DONE;
}

static int
trust_diff(const struct args *a)
{
	struct paper old, new;
	int code;

	if ((code = paper_read(a->operand[0], &old)) != CLI_DONE)
		return code;
	if ((code = paper_read(a->operand[1], &new)) == CLI_DONE) {
		code = diff_papers(a, &old, &new);
		paper_free(&new);
	}
	paper_free(&old);
	return code;
}

/* ---- pin ---- */

static void
say_pin(const struct pin *pin, void (*fn)(struct buf *, const struct pin *))
{
	struct buf b;

	buf_init(&b, 1024);
	fn(&b, pin);
	say_buf(&b);
	buf_free(&b);
}

static int
install(const struct args *a, const char *text)
{
	struct pin pin;
	struct bytes line = bytes_str(text);
	int code;

	while (line.n > 0 && line.p[line.n - 1] <= ' ')
		line.n--;
	if (pin_parse(line, &pin) != 0)
		return complain(CLI_USAGE, "give the whole line that"
		    " `countersign trust pin FILE` printed for the owner",
		    "this is no pin");
	code = home_install_pin(&pin, args_has(a, "--replace"));
	if (code != CLI_DONE)
		return code;
	say("This workstation now trusts the root of %s with the"
	    " fingerprint\n  ", pin.org);
	say_pin(&pin, pin_fingerprint);
	say("\nCompare it with the owner's, by another way than this one.\n");
	return CLI_DONE;
}

/* A pin as JSON, for scripts. */
static int
pin_json(const struct pin *pin)
{
	struct jsonw w;
	struct buf b, text;
	int code;

	buf_init(&b, 4096);
	buf_init(&text, 1024);
	pin_write(&text, pin);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "pin", buf_bytes(&text));
	jsonw_cstr(&w, "org", pin->org);
	jsonw_digest(&w, "root", &pin->root);
	jsonw_obj_end(&w);
	code = say_json(&b);
	buf_free(&text);
	buf_free(&b);
	return code;
}

static int
print_pin(const struct args *a, const struct paper *p)
{
	struct pin pin;
	int i;

	if (p->file != TRUST_ROOT)
		return complain(CLI_USAGE, "give a root file", "%s: this is a"
		    " %s file", a->operand[0], trust_file_word(p->file));
	if (!p->is_envelope || paper_signers(&p->root->roles[TRUST_ROOT],
	    &p->envelope) < p->root->roles[TRUST_ROOT].threshold)
		return complain(CLI_REFUSED, "let its holders sign it first"
		    " (countersign trust sign)", "%s: too few holders have"
		    " signed this root", a->operand[0]);
	memset(&pin, 0, sizeof(pin));
	memcpy(pin.org, p->head.org.p, p->head.org.n);
	pin.root = p->digest;
	for (i = 0; i < TRUST_FILES; i++)
		pin.min_version[i] = p->root->min_version[i];
	pin.min_version[TRUST_ROOT] = p->head.version;
	if (args_json(a))
		return pin_json(&pin);
	say_pin(&pin, pin_write);
	say("\n");
	say_next("on each approver's workstation: countersign trust pin"
	    " --install STRING; on each device: countersignd enrol --pin"
	    " STRING");
	return CLI_DONE;
}

static int
trust_pin(const struct args *a)
{
	const char *text = args_get(a, "--install");
	struct paper p;
	int code;

	if (text != NULL)
		return install(a, text);
	if (a->n == 0)
		return complain(CLI_USAGE, "give a root file, or --install"
		    " STRING", "trust pin: nothing to do");
	if ((code = paper_read(a->operand[0], &p)) != CLI_DONE)
		return code;
	code = print_pin(a, &p);
	paper_free(&p);
	return code;
}

static const struct option sign_options[] = {
	{ "--key", "FILE", "the holder's key; may stand several times" },
	{ "--passphrase-file", "FILE", "its first line instead of asking" },
	{ "--renew", NULL, "first gives the source the next version and new"
	    " dates; a timestamp the versions beside it" },
	{ "--root", "FILE", "the root that says who may sign (else the newest"
	    " beside it)" },
	{ "--out", "FILE", "the envelope (else NAME.dsse)" },
	{ "--yes", NULL, "does not ask" },
	{ NULL, NULL, NULL }
};

static const struct option root_options[] = {
	{ "--root", "FILE", "the root to check signatures by (else the newest"
	    " beside it)" },
	{ NULL, NULL, NULL }
};

static const struct option pin_options[] = {
	{ "--install", "STRING", "pins this workstation" },
	{ "--replace", NULL, "with --install: in place of another pin of the"
	    " org" },
	{ NULL, NULL, NULL }
};

const struct command commands_trust[] = {
	{ "trust sign", "FILE…", "Adds a holder's signature to a source or an"
	    " envelope.\nShows what a new version changes first. Several"
	    " holders sign one after the other.",
	    "  countersign trust sign trust/people.json --renew --key"
	    " alice.root\n", sign_options, 1, 64, trust_sign },
	{ "trust show", "FILE", "A trust file in plain words.",
	    "  countersign trust show trust/policy.dsse\n", root_options, 1,
	    1, trust_show },
	{ "trust diff", "OLD NEW", "Who gains or loses what from one version"
	    " to another.",
	    "  countersign trust diff trust/people.dsse trust/people.json\n",
	    NULL, 2, 2, trust_diff },
	{ "trust pin", "[ROOTFILE]", "Prints the pin of a root, or installs"
	    " one on this workstation.",
	    "  countersign trust pin trust/root.1.dsse\n"
	    "  countersign trust pin --install countersign-pin:1:…\n",
	    pin_options, 0, 1, trust_pin },
	{ NULL, NULL, NULL, NULL, NULL, 0, 0, NULL }
};
