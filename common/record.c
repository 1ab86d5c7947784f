/*
 * record.c - the tables of records, and filling a record in.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/record.h"
#include "common/record_table.h"
#include "common/text.h"
#include "common/uuid.h"

#include <string.h>

static const char *const files[] = {
	"root", "people", "policy", "device", "timestamp", NULL
};
static const char *const roles[] = {
	"technician", "admin", "manager", "proposer", "courier", "runner",
	NULL
};
static const char *const profiles[] = { "observe", "repair", "full", NULL };
static const char *const decisions[] = { "auto", "approval_needed", NULL };
static const char *const sources[] = { "local", "policy", "tamper", NULL };
static const char *const outcomes[] = {
	"finished", "timed_out", "killed", "failed_to_start", NULL
};

/* clang-format off */
#define FIELD(name, type, member, min, max, words)			\
	{ name, RECORD_TYPE_##type, offsetof(struct record, member),	\
	    min, max, words }
#define TEXT(name, member, min, max)					\
	FIELD(name, TEXT, member, min, max, NULL)
#define WORD(name, member, words) FIELD(name, WORD, member, 0, 0, words)
#define PLAIN(name, type, member) FIELD(name, type, member, 0, 0, NULL)

const struct record_field_spec record_fields[RECORD_FIELDS] = {
	[RF_KIND]		= PLAIN("kind", KIND, kind),
	[RF_TIME]		= PLAIN("time", TIME, time),
	[RF_BOOT_MS]		= PLAIN("boot_ms", BOOT, boot_ms),
	[RF_CARD]		= PLAIN("card", DIGEST, card),
	[RF_ID]			= PLAIN("id", UUID, id),
	[RF_ORG]		= TEXT("org", org, 1, 63),
	[RF_DEVICE]		= TEXT("device", device, 1, 64),
	[RF_DEVICE_KEY]		= FIELD("device_key", B64, device_key,
				    RECORD_DEVICE_KEY, RECORD_DEVICE_KEY, NULL),
	[RF_MACHINE]		= PLAIN("machine", DIGEST, machine),
	[RF_PIN]		= TEXT("pin", pin, 1, 512),
	[RF_PIN_FROM]		= TEXT("pin_from", pin_from, 1, CAP_PATH),
	[RF_PREVIOUS_DEVICE]	= TEXT("previous_device", previous_device,
				    1, 64),
	[RF_PREVIOUS_CHECKPOINT] = TEXT("previous_checkpoint",
				    previous_checkpoint, 1, 4096),
	[RF_FORMAT]		= FIELD("format", INT, format, 1, 0, NULL),
	[RF_EPOCH]		= PLAIN("epoch", INT, epoch),
	[RF_EPOCH_KEY]		= FIELD("epoch_key", B64, epoch_key,
				    RECORD_DEVICE_KEY, RECORD_DEVICE_KEY, NULL),
	[RF_RUNNING_MS]		= PLAIN("running_ms", INT, running_ms),
	[RF_FILE]		= WORD("file", file, files),
	[RF_VERSION]		= FIELD("version", INT, version, 1, 0, NULL),
	[RF_PROGRAM]		= TEXT("program", program, 1, CAP_PATH),
	[RF_RELEASE]		= TEXT("version", release, 1, 64),
	[RF_DIGEST]		= PLAIN("digest", DIGEST, digest),
	[RF_APPROVAL]		= PLAIN("approval", DIGEST, approval),
	[RF_APPROVER]		= TEXT("approver", approver, 1, 64),
	[RF_ROLE]		= WORD("role", role, roles),
	[RF_PROPOSER]		= TEXT("proposer", proposer, 1, 64),
	[RF_KEY]		= TEXT("key", key, 32, 32),
	[RF_REQUESTER]		= TEXT("requester", requester, 1,
				    4 * CAP_MAIL),
	[RF_TOOL]		= TEXT("tool", tool, 1, 128),
	[RF_PROFILE]		= WORD("profile", profile, profiles),
	[RF_DECISION]		= WORD("decision", decision, decisions),
	[RF_REQUIRE_MANAGER]	= PLAIN("require_manager", BOOL,
				    require_manager),
	[RF_RULE]		= TEXT("rule", rule, 0, 1024),
	[RF_POLICY]		= PLAIN("policy", DIGEST, policy),
	[RF_DEVICE_NONCE]	= FIELD("device_nonce", B64URL, device_nonce,
				    CAP_DEVICE_NONCE, CAP_DEVICE_NONCE, NULL),
	[RF_BOOT_ID]		= TEXT("boot_id", boot_id, 1, 64),
	[RF_CREATED]		= PLAIN("created", TIME, created),
	[RF_ISSUED]		= PLAIN("issued", TIME, issued),
	[RF_EXPIRES]		= PLAIN("expires", TIME, expires),
	[RF_ENOUGH]		= PLAIN("enough", BOOL, enough),
	[RF_FINAL]		= PLAIN("final", BOOL, final),
	[RF_RUNNING]		= PLAIN("running", BOOL, running),
	[RF_BY]			= TEXT("by", by, 1, 128),
	[RF_SOURCE]		= WORD("source", source, sources),
	[RF_REASON]		= TEXT("reason", reason, 0, 4 * CAP_REASON),
	[RF_COUNT]		= FIELD("count", INT, count, 1, 0, NULL),
	[RF_APPROVALS]		= PLAIN("approvals", DIGESTS, approvals),
	[RF_PLAN]		= PLAIN("plan", DIGEST, plan),
	[RF_INTERPRETER]	= TEXT("interpreter", interpreter, 1,
				    CAP_PATH),
	[RF_INTERPRETER_HASH]	= PLAIN("interpreter_hash", DIGEST,
				    interpreter_hash),
	[RF_RUNNER_HASH]	= PLAIN("runner_hash", DIGEST, runner_hash),
	[RF_PID]		= PLAIN("pid", INT, pid),
	[RF_OUTCOME]		= WORD("outcome", outcome, outcomes),
	[RF_EXIT_CODE]		= PLAIN("exit_code", INT, exit_code),
	[RF_SIGNAL]		= FIELD("signal", INT, signal, 1, 0, NULL),
	[RF_WALL_MS]		= PLAIN("wall_ms", INT, wall_ms),
	[RF_CPU_MS]		= PLAIN("cpu_ms", INT, cpu_ms),
	[RF_MAX_RSS_KB]		= PLAIN("max_rss_kb", INT, max_rss_kb),
	[RF_STDOUT_BYTES]	= PLAIN("stdout_bytes", INT, stdout_bytes),
	[RF_STDERR_BYTES]	= PLAIN("stderr_bytes", INT, stderr_bytes),
	[RF_STDOUT_KEPT]	= PLAIN("stdout_kept", INT, stdout_kept),
	[RF_STDERR_KEPT]	= PLAIN("stderr_kept", INT, stderr_kept),
	[RF_TRUNCATED]		= PLAIN("truncated", BOOL, truncated),
	[RF_TRANSCRIPT_BYTES]	= PLAIN("transcript_bytes", INT,
				    transcript_bytes),
	[RF_TRANSCRIPT_HASH]	= PLAIN("transcript_hash", DIGEST,
				    transcript_hash),
	[RF_SURVIVORS]		= PLAIN("survivors", INT, survivors),
	[RF_ENFORCED]		= TEXT("enforced", enforced, 0, 1024),
	[RF_FLOOR]		= PLAIN("floor", TIME, floor),
	[RF_LENGTH]		= PLAIN("length", INT, length),
	[RF_BYTES]		= PLAIN("bytes", INT, bytes),
	[RF_HASH]		= PLAIN("hash", DIGEST, hash),
	[RF_FILES]		= FIELD("files", FILES, files, 0, 0, files),
	[RF_SIGS]		= PLAIN("sigs", SIGS, sigs),
	[RF_PAYLOAD]		= FIELD("payload", B64, payload, 1,
				    CAP_APPROVAL, NULL),
	[RF_PROOF]		= FIELD("proof", B64, proof, 1, CAP_APPROVAL,
				    NULL),
	[RF_DETAIL]		= TEXT("detail", detail, 0, 4096),
};

/* OPT: the kind's records may go without it. */
#define OPT(field) (RF_##field | RECORD_OPTIONAL)
#define REQ(field) RF_##field

const struct record_kind_spec record_kinds[RECORD_KINDS] = {
	[RECORD_GENESIS] = { "genesis", {
		REQ(ORG), REQ(DEVICE), REQ(DEVICE_KEY), REQ(MACHINE),
		REQ(PIN), REQ(PIN_FROM), OPT(PREVIOUS_DEVICE),
		OPT(PREVIOUS_CHECKPOINT) } },
	[RECORD_STATE] = { "state", {
		REQ(FORMAT), REQ(EPOCH), REQ(RUNNING_MS), REQ(DIGEST),
		OPT(BY), OPT(SOURCE), OPT(REASON), REQ(FLOOR), REQ(FILES) } },
	[RECORD_EPOCH] = { "epoch", {
		REQ(EPOCH), REQ(EPOCH_KEY), REQ(SIGS), REQ(PAYLOAD) } },
	[RECORD_TRUST] = { "trust", {
		REQ(FILE), REQ(VERSION), REQ(DIGEST), REQ(ISSUED),
		REQ(EXPIRES), REQ(SIGS) } },
	[RECORD_CARD_RECEIVED] = { "card_received", {
		REQ(CARD), REQ(ID), REQ(PROPOSER), REQ(KEY), OPT(REQUESTER),
		REQ(TOOL), OPT(PROFILE), REQ(DECISION), REQ(REQUIRE_MANAGER),
		REQ(RULE), REQ(POLICY), REQ(DEVICE_NONCE), REQ(BOOT_ID),
		REQ(CREATED), REQ(EXPIRES), OPT(ENOUGH), REQ(SIGS) } },
	[RECORD_CARD_REFUSED] = { "card_refused", {
		REQ(CARD), OPT(ID), OPT(PROPOSER), OPT(EXPIRES), REQ(FINAL),
		REQ(REASON), OPT(DETAIL) } },
	[RECORD_REFUSED_SUMMARY] = { "refused_summary", {
		OPT(REASON), REQ(COUNT) } },
	[RECORD_NONCE] = { "nonce", {
		REQ(CARD), REQ(DEVICE_NONCE), REQ(BOOT_ID), REQ(REASON) } },
	[RECORD_APPROVAL_ACCEPTED] = { "approval_accepted", {
		REQ(CARD), REQ(APPROVAL), REQ(APPROVER), REQ(ROLE), REQ(KEY),
		REQ(POLICY), REQ(ISSUED), REQ(EXPIRES), OPT(ENOUGH),
		REQ(PAYLOAD), REQ(PROOF) } },
	[RECORD_APPROVAL_REFUSED] = { "approval_refused", {
		OPT(CARD), OPT(APPROVAL), OPT(APPROVER), REQ(REASON),
		OPT(DETAIL) } },
	[RECORD_APPROVAL_LAPSED] = { "approval_lapsed", {
		REQ(CARD), REQ(APPROVAL), REQ(APPROVER), OPT(ENOUGH),
		REQ(REASON) } },
	[RECORD_DENIED] = { "denied", {
		REQ(CARD), REQ(APPROVAL), REQ(APPROVER), REQ(ROLE), REQ(KEY),
		REQ(PAYLOAD), REQ(PROOF), OPT(DETAIL) } },
	[RECORD_VETOED] = { "vetoed", {
		REQ(CARD), OPT(RUNNING), REQ(BY), OPT(DETAIL) } },
	/* With a proof: by a person. Without: by the console or the device. */
	[RECORD_CANCELLED] = { "cancelled", {
		REQ(CARD), OPT(APPROVAL), OPT(KEY), OPT(RUNNING), REQ(BY),
		REQ(REASON), OPT(PAYLOAD), OPT(PROOF), OPT(DETAIL) } },
	[RECORD_EXPIRED] = { "expired", { REQ(CARD) } },
	[RECORD_PLANNED] = { "planned", {
		REQ(CARD), REQ(RULE), REQ(POLICY) } },
	[RECORD_EXEC_INTENT] = { "exec_intent", {
		REQ(CARD), REQ(PROFILE), REQ(RULE), REQ(POLICY), REQ(BOOT_ID),
		REQ(APPROVALS), REQ(PLAN), REQ(INTERPRETER),
		REQ(INTERPRETER_HASH), REQ(RUNNER_HASH) } },
	[RECORD_EXEC_STARTED] = { "exec_started", {
		REQ(CARD), REQ(PID), REQ(ENFORCED) } },
	[RECORD_EXEC_RESULT] = { "exec_result", {
		REQ(CARD), OPT(REASON), REQ(OUTCOME), OPT(EXIT_CODE),
		OPT(SIGNAL), REQ(WALL_MS), REQ(CPU_MS), REQ(MAX_RSS_KB),
		REQ(STDOUT_BYTES), REQ(STDERR_BYTES), REQ(STDOUT_KEPT),
		REQ(STDERR_KEPT), REQ(TRUNCATED), REQ(TRANSCRIPT_BYTES),
		OPT(TRANSCRIPT_HASH), REQ(SURVIVORS), REQ(ENFORCED),
		OPT(DETAIL) } },
	[RECORD_EXEC_INTERRUPTED] = { "exec_interrupted", {
		REQ(CARD), REQ(REASON) } },
	[RECORD_LOCKDOWN] = { "lockdown", {
		REQ(BY), REQ(SOURCE), REQ(REASON) } },
	[RECORD_LOCKDOWN_LIFTED] = { "lockdown_lifted", {
		REQ(BY), REQ(REASON) } },
	[RECORD_TRUST_REFUSED] = { "trust_refused", {
		OPT(FILE), OPT(VERSION), OPT(DIGEST), REQ(REASON),
		OPT(DETAIL) } },
	[RECORD_CANCEL_REFUSED] = { "cancel_refused", {
		OPT(CARD), OPT(APPROVAL), OPT(BY), REQ(REASON),
		OPT(DETAIL) } },
	[RECORD_LINK_REFUSED] = { "link_refused", {
		REQ(REASON), REQ(LENGTH), REQ(HASH) } },
	[RECORD_CHILD_VIOLATION] = { "child_violation", {
		REQ(ROLE), REQ(REASON) } },
	[RECORD_RECOVERED] = { "recovered", { REQ(BYTES), REQ(HASH) } },
	[RECORD_CLOCK] = { "clock", { REQ(BY), REQ(REASON), REQ(FLOOR) } },
	[RECORD_VERSION] = { "version", {
		REQ(PROGRAM), REQ(RELEASE), REQ(HASH) } },
};
/* clang-format on */

const char *
record_kind_word(enum record_kind kind)
{
	if ((size_t)kind >= RECORD_KINDS || kind == RECORD_NONE)
		return "unknown";
	return record_kinds[kind].word;
}

enum record_kind
record_kind_of(struct bytes word)
{
	enum record_kind k;

	for (k = RECORD_GENESIS; k < RECORD_KINDS; k++)
		if (bytes_is(word, record_kinds[k].word))
			return k;
	return RECORD_NONE;
}

const char *
record_field_name(enum record_field f)
{
	return record_fields[f].name;
}

/* The field's entry in the kind's list; 0 if it has none. */
static unsigned
entry_of(enum record_kind kind, enum record_field f)
{
	const uint8_t *p;

	for (p = record_kinds[kind].fields; *p != 0; p++)
		if ((*p & ~RECORD_OPTIONAL) == (unsigned)f)
			return *p;
	return 0;
}

bool
record_kind_has(enum record_kind kind, enum record_field f)
{
	return f <= RF_BOOT_MS || entry_of(kind, f) != 0;
}

bool
record_kind_needs(enum record_kind kind, enum record_field f)
{
	unsigned e = entry_of(kind, f);

	return f <= RF_BOOT_MS || (e != 0 && (e & RECORD_OPTIONAL) == 0);
}

void *
record_member(struct record *rec, const struct record_field_spec *f)
{
	return (char *)rec + f->offset;
}

const void *
record_member_of(const struct record *rec, const struct record_field_spec *f)
{
	return (const char *)rec + f->offset;
}

static int
check_text(struct bytes v)
{
	uint32_t cp;

	while (v.n > 0) {
		/* Nearly all of it is ASCII. */
		if (v.p[0] > 0 && v.p[0] < 0x80) {
			v.p++;
			v.n--;
		} else if (text_next(&v, &cp) != 0 || cp == 0) {
			return ERR_CHARACTER;
		}
	}
	return 0;
}

int
record_check_word(const struct record_field_spec *f, struct bytes v)
{
	const char *const *words = f->words;

	for (; *words != NULL; words++)
		if (bytes_is(v, *words))
			return 0;
	return ERR_RANGE;
}

int
record_check_bytes(const struct record_field_spec *f, struct bytes v)
{
	if (f->type == RECORD_TYPE_UUID)
		return uuid_check(v);
	if (f->type == RECORD_TYPE_WORD)
		return record_check_word(f, v);
	if (v.n < f->min || v.n > f->max)
		return ERR_RANGE;
	return f->type == RECORD_TYPE_TEXT ? check_text(v) : 0;
}

/* ---- filling in ---- */

void
record_init(struct record *ret_rec, enum record_kind kind)
{
	memset(ret_rec, 0, sizeof(*ret_rec));
	ret_rec->kind = kind;
}

static void
fail(struct record *rec, int err)
{
	if (rec->err == 0)
		rec->err = err;
}

void
record_set_time(struct record *rec, int64_t time, uint64_t boot_ms)
{
	rec->time = time;
	rec->boot_ms = boot_ms;
	rec->has[RF_TIME] = rec->has[RF_BOOT_MS] = true;
}

void
record_set_str(struct record *rec, enum record_field f, const char *v)
{
	if (v == NULL)
		fail(rec, ERR_MISSING_FIELD);
	else
		record_set_bytes(rec, f, bytes_str(v));
}

static bool
is_bytes(enum record_type t)
{
	return t == RECORD_TYPE_TEXT || t == RECORD_TYPE_WORD ||
	    t == RECORD_TYPE_UUID || t == RECORD_TYPE_B64 ||
	    t == RECORD_TYPE_B64URL;
}

/* Where the value goes, or NULL if the field is of another type. */
static void *
begin(struct record *rec, enum record_field f, bool right_type)
{
	if (!right_type) {
		fail(rec, ERR_TYPE);
		return NULL;
	}
	rec->has[f] = true;
	return record_member(rec, &record_fields[f]);
}

void
record_set_bytes(struct record *rec, enum record_field f, struct bytes v)
{
	void *to = begin(rec, f, is_bytes(record_fields[f].type));

	if (to != NULL)
		memcpy(to, &v, sizeof(v));
}

void
record_set_digest(struct record *rec, enum record_field f,
    const struct sha256 *v)
{
	void *to = begin(rec, f,
	    record_fields[f].type == RECORD_TYPE_DIGEST);

	if (to != NULL)
		memcpy(to, v, sizeof(*v));
}

void
record_set_int(struct record *rec, enum record_field f, int64_t v)
{
	void *to = begin(rec, f, record_fields[f].type == RECORD_TYPE_INT ||
	    (record_fields[f].type == RECORD_TYPE_TIME && f != RF_TIME));

	if (to != NULL)
		memcpy(to, &v, sizeof(v));
}

void
record_set_bool(struct record *rec, enum record_field f, bool v)
{
	void *to = begin(rec, f, record_fields[f].type == RECORD_TYPE_BOOL);

	if (to != NULL)
		memcpy(to, &v, sizeof(v));
}

void
record_add_sig(struct record *rec, struct bytes keyid, struct bytes sig)
{
	struct record_sig *s;

	rec->has[RF_SIGS] = true;
	if (sig.n != RECORD_SIG_SIZE)
		return;
	if (rec->n_sigs == RECORD_SIGS) {
		fail(rec, ERR_TOO_LARGE);
		return;
	}
	s = &rec->sigs[rec->n_sigs++];
	s->sig = sig;
	s->keyid = keyid;
	if (keyid.n > RECORD_KEYID_MAX || check_text(keyid) != 0)
		s->keyid.n = 0;
}

void
record_add_approval(struct record *rec, const struct sha256 *approval)
{
	rec->has[RF_APPROVALS] = true;
	if (rec->n_approvals == RECORD_APPROVALS)
		fail(rec, ERR_TOO_LARGE);
	else
		rec->approvals[rec->n_approvals++] = *approval;
}

void
record_add_file(struct record *rec, const char *file, int64_t version,
    const struct sha256 *digest)
{
	struct record_file *f;

	rec->has[RF_FILES] = true;
	if (rec->n_files == RECORD_FILES) {
		fail(rec, ERR_TOO_LARGE);
		return;
	}
	f = &rec->files[rec->n_files++];
	f->file = bytes_str(file);
	f->version = version;
	f->digest = *digest;
}
