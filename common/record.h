/*
 * record.h - the payload of a journal record: one flat JSON object.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * Two tables in record.c say everything: which fields there are (name, type,
 * cap), and which kind has which of them, required or optional. Writing and
 * reading run from the same tables. Fields stand in the order of the table,
 * without white space, each value in the one form that jsonw.h gives it, so a
 * record has exactly one text. The reader takes that text and nothing else: it
 * needs no tree in memory, and a million records are read in a second or two.
 * What it accepts is strict JSON (json.h), with the same values.
 */
#ifndef COUNTERSIGN_COMMON_RECORD_H
#define COUNTERSIGN_COMMON_RECORD_H

#include "common/bytes.h"
#include "common/caps.h"
#include "common/digest.h"

/* Signatures of a card or trust file, and approvals of an intent. */
#define RECORD_SIGS 16
#define RECORD_APPROVALS 16
#define RECORD_DEVICE_KEY 32	/* bytes of an Ed25519 public key */
#define RECORD_FILES 5		/* trust files of a state: one of each */

enum record_kind {
	RECORD_NONE,			/* no kind; never written */
	RECORD_GENESIS,			/* the device's identity and pin */
	RECORD_STATE,			/* what all before it comes to */
	RECORD_EPOCH,			/* a new key of the checkpoints */
	RECORD_TRUST,			/* a trust file was accepted */
	RECORD_CARD_RECEIVED,
	RECORD_CARD_REFUSED,
	RECORD_REFUSED_SUMMARY,		/* refusals that were not recorded */
	RECORD_NONCE,			/* an open card has a new nonce */
	RECORD_APPROVAL_ACCEPTED,
	RECORD_APPROVAL_REFUSED,
	RECORD_APPROVAL_LAPSED,
	RECORD_DENIED,
	RECORD_VETOED,
	RECORD_CANCELLED,
	RECORD_EXPIRED,
	RECORD_PLANNED,
	RECORD_EXEC_INTENT,
	RECORD_EXEC_STARTED,
	RECORD_EXEC_RESULT,
	RECORD_EXEC_INTERRUPTED,
	RECORD_LOCKDOWN,
	RECORD_LOCKDOWN_LIFTED,
	RECORD_TRUST_REFUSED,
	RECORD_CANCEL_REFUSED,
	RECORD_LINK_REFUSED,
	RECORD_CHILD_VIOLATION,
	RECORD_RECOVERED,		/* a torn tail was cut */
	RECORD_CLOCK,			/* the clock floor was taken back */
	RECORD_VERSION,			/* another build of a program runs */
	RECORD_KINDS
};

/* The fields, in the order in which they stand in a record. */
enum record_field {
	RF_KIND,		/* these three in every record */
	RF_TIME,
	RF_BOOT_MS,
	RF_CARD,
	RF_ID,
	RF_ORG,
	RF_DEVICE,
	RF_DEVICE_KEY,
	RF_MACHINE,
	RF_PIN,
	RF_PIN_FROM,
	RF_PREVIOUS_DEVICE,
	RF_PREVIOUS_CHECKPOINT,
	RF_FORMAT,
	RF_EPOCH,
	RF_EPOCH_KEY,
	RF_RUNNING_MS,
	RF_FILE,
	RF_VERSION,
	RF_PROGRAM,
	RF_RELEASE,		/* named "version" too: a program's */
	RF_DIGEST,
	RF_APPROVAL,
	RF_APPROVER,
	RF_ROLE,
	RF_PROPOSER,
	RF_KEY,
	RF_REQUESTER,
	RF_TOOL,
	RF_PROFILE,
	RF_DECISION,
	RF_REQUIRE_MANAGER,
	RF_RULE,
	RF_POLICY,
	RF_DEVICE_NONCE,
	RF_BOOT_ID,
	RF_CREATED,
	RF_ISSUED,
	RF_EXPIRES,
	RF_ENOUGH,
	RF_FINAL,
	RF_RUNNING,
	RF_BY,
	RF_SOURCE,
	RF_REASON,
	RF_COUNT,
	RF_APPROVALS,
	RF_PLAN,
	RF_INTERPRETER,
	RF_INTERPRETER_HASH,
	RF_RUNNER_HASH,
	RF_PID,
	RF_OUTCOME,
	RF_EXIT_CODE,
	RF_SIGNAL,
	RF_WALL_MS,
	RF_CPU_MS,
	RF_MAX_RSS_KB,
	RF_STDOUT_BYTES,
	RF_STDERR_BYTES,
	RF_STDOUT_KEPT,
	RF_STDERR_KEPT,
	RF_TRUNCATED,
	RF_TRANSCRIPT_BYTES,
	RF_TRANSCRIPT_HASH,
	RF_SURVIVORS,
	RF_ENFORCED,
	RF_FLOOR,
	RF_LENGTH,
	RF_BYTES,
	RF_HASH,
	RF_FILES,
	RF_SIGS,
	RF_PAYLOAD,
	RF_PROOF,
	RF_DETAIL,
	RECORD_FIELDS
};

struct record_file {
	struct bytes file;	/* trust_file_word() */
	int64_t version;
	struct sha256 digest;
};

struct record_sig {
	struct bytes keyid;	/* a hint; may be empty */
	struct bytes sig;
};

/*
 * A record. All zeros is one with nothing in it. Which fields it has is in
 * `has`: the others are zero. Spans point to memory of whoever set them.
 * Integers are from 0 to 2^53-1.
 */
struct record {
	enum record_kind kind;
	int err;		/* a record_set_* or _add_* failed: the first */
	bool has[RECORD_FIELDS];

	int64_t time;		/* `now` of the turn, seconds (timefmt.h) */
	uint64_t boot_ms;	/* boot-time clock */

	struct sha256 card;
	struct bytes id;		/* UUID of the card */
	struct bytes org, device;
	struct bytes device_key;	/* RECORD_DEVICE_KEY bytes */
	struct sha256 machine;		/* hash of what host.h tells */
	struct bytes pin, pin_from;
	struct bytes previous_device, previous_checkpoint;
	int64_t format;			/* of the snapshot; state */
	int64_t epoch;
	struct bytes epoch_key;		/* RECORD_DEVICE_KEY bytes */
	int64_t running_ms;		/* of the agent, summed */
	struct bytes file;		/* trust_file_word() */
	int64_t version;
	struct bytes program;
	struct bytes release;		/* the program's version */
	struct sha256 digest;		/* of a trust file's payload; state:
					 * SHA-256 of the snapshot */
	struct sha256 approval;		/* of an approval's or cancel's */
	struct bytes approver;		/* person id */
	struct bytes role;		/* technician, admin, manager, proposer;
					 * child_violation: courier, runner */
	struct bytes proposer;		/* person id */
	struct bytes key;		/* key id (keyid.h) of who signed */
	struct bytes requester;
	struct bytes tool;
	struct bytes profile;		/* observe, repair, full */
	struct bytes decision;		/* auto, approval_needed */
	bool require_manager;
	struct bytes rule;		/* names the rule that decided */
	struct sha256 policy;		/* digest of the policy installed */
	struct bytes device_nonce;	/* CAP_DEVICE_NONCE bytes */
	struct bytes boot_id;
	int64_t created, issued, expires;	/* seconds */
	bool enough;			/* the card is approved with this */
	bool final;			/* the refusal claims the digest */
	bool running;			/* it was: it is told to stop */
	struct bytes by;		/* a person, "local:USER", "console" */
	struct bytes source;		/* local, policy, tamper */
	struct bytes reason;		/* a short word */
	int64_t count;
	struct sha256 approvals[RECORD_APPROVALS];
	size_t n_approvals;
	struct sha256 plan;
	struct bytes interpreter;	/* absolute path */
	struct sha256 interpreter_hash, runner_hash;
	int64_t pid;
	struct bytes outcome;		/* finished, timed_out, killed,
					 * failed_to_start */
	int64_t exit_code, signal;
	int64_t wall_ms, cpu_ms, max_rss_kb;
	int64_t stdout_bytes, stderr_bytes;	/* all that came */
	int64_t stdout_kept, stderr_kept;	/* what the transcript has */
	bool truncated;
	int64_t transcript_bytes;
	struct sha256 transcript_hash;	/* SHA-256 of the file, salt and all */
	int64_t survivors;
	struct bytes enforced;		/* what the sandbox really did */
	int64_t floor;			/* seconds */
	int64_t length, bytes;
	struct sha256 hash;
	struct record_file files[RECORD_FILES];	/* that are held */
	size_t n_files;
	struct record_sig sigs[RECORD_SIGS];
	size_t n_sigs;
	struct bytes payload, proof;	/* of an approval, denial or cancel;
					 * payload: of an epoch too */
	struct bytes detail;		/* for people; escaped when shown */
};

/*
 * Setting fields. A list that the kind needs is empty where nothing was added.
 * The span must outlive the record's use. A field of another
 * type, a NULL string and one element of a list too many make the record
 * fail (err): record_write() tells.
 */
void record_init(struct record *ret_rec, enum record_kind kind);
void record_set_time(struct record *rec, int64_t time, uint64_t boot_ms);
void record_set_str(struct record *rec, enum record_field f, const char *v);
void record_set_bytes(struct record *rec, enum record_field f,
    struct bytes v);
void record_set_digest(struct record *rec, enum record_field f,
    const struct sha256 *v);
/* Integers, and times in seconds. */
void record_set_int(struct record *rec, enum record_field f, int64_t v);
void record_set_bool(struct record *rec, enum record_field f, bool v);
/*
 * A signature of a card or trust file. One that is not 64 bytes long is left
 * out, and a key id that is no UTF-8 or longer than 128 bytes becomes empty:
 * neither can be a valid one, and whoever relays an envelope may add any.
 */
void record_add_sig(struct record *rec, struct bytes keyid,
    struct bytes sig);
void record_add_approval(struct record *rec, const struct sha256 *approval);
/* A trust file that is held. file: trust_file_word(). */
void record_add_file(struct record *rec, const char *file, int64_t version,
    const struct sha256 *digest);

/*
 * Appends the payload. Failures are the buffer's: rec->err; ERR_VERSION (no
 * such kind), ERR_MISSING_FIELD, ERR_UNKNOWN_FIELD (one that the kind does not
 * have), ERR_RANGE (a number, time, length or word), ERR_CHARACTER (no UTF-8,
 * or a NUL), ERR_SYNTAX (an id), ERR_TOO_LARGE (over CAP_RECORD). What it
 * writes can be read.
 */
void record_write(struct buf *b, const struct record *rec);

/* A record that was read, and the memory of its spans. */
struct record_doc;

/*
 * Reads a payload, which need not outlive the call. The caller frees *ret_d
 * with record_free(). ERR_TOO_LARGE (over CAP_RECORD), ERR_VERSION (a kind
 * that is not known here), ERR_SYNTAX, ERR_CHARACTER, ERR_RANGE,
 * ERR_MISSING_FIELD, ERR_UNKNOWN_FIELD (also for one in the wrong place),
 * ERR_NOMEM.
 */
MUST_CHECK int record_parse(struct bytes payload, struct record_doc **ret_d);
/* Reads into a document that is there (its spans end), or a new one where *d
 * is NULL: a replay takes memory once. On failure *d is still to be freed. */
MUST_CHECK int record_read(struct bytes payload, struct record_doc **d);
const struct record *record_of(const struct record_doc *d);
/* NULL is fine. */
void record_free(struct record_doc *d);

/* "card_received": static; "unknown" for a number that is no kind. */
const char *record_kind_word(enum record_kind kind);
/* RECORD_NONE if it is none. */
enum record_kind record_kind_of(struct bytes word);
/* The name of a field in the text. */
const char *record_field_name(enum record_field f);
/* Whether records of the kind may, or must, have the field. */
bool record_kind_has(enum record_kind kind, enum record_field f);
bool record_kind_needs(enum record_kind kind, enum record_field f);

#endif
