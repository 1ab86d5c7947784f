/*
 * logcmds.c - log and transcript: the record of this device, and output.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/gateclient.h"

#include "common/clixml.h"
#include "common/doc.h"
#include "common/jsonw.h"
#include "common/text.h"

#include <string.h>

#define SALT 32			/* bytes before the first frame */
#define FRAME 13		/* u8 stream, u64 time, u32 length */
#define TRANSCRIPT_FRAME_MAX ((size_t)1 << 20)

/* ---- log ---- */

/* Members that every line would have, or that no person reads. */
static bool
is_dull(struct bytes name)
{
	static const char *const dull[] = { "kind", "time", "boot_ms", "sigs",
	    "payload", "proof", "device_nonce", "id" };
	size_t i;

	for (i = 0; i < sizeof(dull) / sizeof(dull[0]); i++)
		if (bytes_is(name, dull[i]))
			return true;
	return false;
}

/* A digest is named by its first digits. */
static struct bytes
shorten(struct bytes v)
{
	return v.n == DIGEST_TEXT_SIZE - 1 &&
	    memcmp(v.p, "sha256:", 7) == 0 ? bytes_of(v.p, 19) : v;
}

static void
say_member(struct doc_obj *o)
{
	struct bytes v;
	int64_t n;
	bool b;

	switch (doc_type(o, NULL)) {
	case DOC_STRING:
		doc_str(o, NULL, &v);
		say_escape(shorten(v));
		break;
	case DOC_INT:
		doc_int(o, NULL, INT64_MIN / 2048, INT64_MAX / 1024, &n);
		say("%lld", (long long)n);
		break;
	case DOC_BOOL:
		doc_bool(o, NULL, &b);
		say(b ? "yes" : "no");
		break;
	case DOC_NONE:
	case DOC_NULL:
	case DOC_ARRAY:
	case DOC_OBJECT:
		say("…");
		break;
	}
}

static void
say_record(uint64_t index, struct doc *d)
{
	struct bytes kind = { NULL, 0 }, time = { NULL, 0 };
	struct doc_obj o = doc_root(d), all = doc_root(d);

	(void)doc_opt_str(&o, "kind", &kind);
	(void)doc_opt_str(&o, "time", &time);
	say("%s%6llu%s ", say_colour(SAY_DIM), (unsigned long long)index,
	    say_colour(SAY_PLAIN));
	say_escape(time);
	say("  %s", say_colour(SAY_BOLD));
	say_escape(kind);
	say("%s", say_colour(SAY_PLAIN));
	while (doc_next(&all)) {
		if (is_dull(doc_key(&all)))
			continue;
		say("  ");
		say_escape(doc_key(&all));
		say("=");
		say_member(&all);
	}
	say("\n");
}

static int
log_json(uint64_t index, struct bytes payload)
{
	struct jsonw w;
	struct buf b;
	int code;

	buf_init(&b, payload.n + 4096);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_int(&w, "index", (int64_t)index);
	jsonw_raw(&w, "record", payload);
	jsonw_obj_end(&w);
	code = say_json(&b);
	buf_free(&b);
	return code;
}

static int
on_record(void *arg, struct bytes data)
{
	const struct args *a = arg;
	struct wire_record r;
	struct doc *d;
	int err, code = CLI_DONE;

	if ((err = control_get_record(data, &r)) != 0 ||
	    (err = doc_parse(r.payload, 0, &d)) != 0)
		return complain_err(err, "a record");
	if (args_json(a))
		code = log_json(r.index, r.payload);
	else
		say_record(r.index, d);
	doc_free(d);
	/* Somebody may be watching through a pipe. */
	return code == CLI_DONE ? say_end(code) : code;
}

static int
log_run(const struct args *a)
{
	struct control_request req = { .type = CONTROL_LOG };
	/* The callback reads its options; it changes nothing. */
	struct args copy = *a;
	int64_t from = 0;

	if (args_int(a, "--from", 0, INT64_C(1) << 53, &from) != 0)
		return CLI_USAGE;
	req.from = (uint64_t)from;
	req.follow = args_has(a, "--follow");
	return gateclient_ask(a, &req, NULL, on_record, &copy);
}

/* ---- transcript ---- */

struct transcript {
	bool raw, json;
	struct buf data;	/* what is not yet a whole frame */
	bool salted;		/* the salt has gone by */
	struct clixml clean[2];	/* of each stream */
	bool cr[2];		/* a carriage return waits for its newline */
};

/* A line may end in both: Windows. Alone the first stays, and is escaped. */
static void
join_line_ends(bool *cr, struct bytes a, struct buf *b)
{
	size_t i;

	for (i = 0; i < a.n; i++) {
		if (*cr && a.p[i] != '\n')
			buf_put_u8(b, '\r');
		*cr = a.p[i] == '\r';
		if (!*cr)
			buf_put_u8(b, a.p[i]);
	}
}

/* What a person is shown of it; the end of a stream is no bytes. */
static int
say_text(struct transcript *t, uint8_t stream, struct bytes out)
{
	struct clixml *c = &t->clean[stream - 1];
	FILE *f = stream == 2 ? stderr : stdout;
	struct buf text, lines, b;
	int err;

	buf_init(&text, CLIXML_BLOCK_MAX + 2 * TRANSCRIPT_FRAME_MAX);
	buf_init(&lines, text.cap + 1);
	buf_init(&b, (size_t)64 << 20);
	err = out.n > 0 ? clixml_feed(c, out, &text) :
	    clixml_finish(c, &text);
	join_line_ends(&t->cr[stream - 1], buf_bytes(&text), &lines);
	if (out.n == 0 && t->cr[stream - 1])
		buf_put_u8(&lines, '\r');
	text_escape(&b, buf_bytes(&lines), TEXT_ESCAPE_LINES);
	if (err == 0 && (err = buf_error(&lines)) == 0 &&
	    (err = buf_error(&b)) == 0)
		fwrite(b.p, 1, b.n, f);
	buf_free(&text);
	buf_free(&lines);
	buf_free(&b);
	if (err != 0)
		return complain_err(err, "the transcript");
	return fflush(f) == 0 ? CLI_DONE : CLI_FAILED;
}

static int
say_frame(struct transcript *t, uint8_t stream, uint64_t ms, struct bytes out)
{
	FILE *f = stream == 2 ? stderr : stdout;
	struct jsonw w;
	struct buf b;
	int code;

	if (t->raw) {
		fwrite(out.p, 1, out.n, f);
		return fflush(f) == 0 ? CLI_DONE : CLI_FAILED;
	}
	if (!t->json)
		return out.n > 0 ? say_text(t, stream, out) : CLI_DONE;
	buf_init(&b, (size_t)64 << 20);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "stream", stream == 2 ? "stderr" : "stdout");
	jsonw_int(&w, "ms", (int64_t)ms);
	jsonw_b64(&w, "base64", out);
	jsonw_obj_end(&w);
	code = say_json(&b);
	buf_free(&b);
	return fflush(stdout) == 0 ? code : CLI_FAILED;
}

static int
on_transcript(void *arg, struct bytes data)
{
	struct transcript *t = arg;
	struct reader r;
	int code = CLI_DONE;

	buf_put_bytes(&t->data, data);
	if (!t->salted && t->data.n >= SALT) {
		buf_drop(&t->data, SALT);
		t->salted = true;
	}
	while (t->salted && code == CLI_DONE && t->data.n >= FRAME) {
		uint8_t stream;
		uint64_t ms;
		uint32_t n;

		reader_init(&r, buf_bytes(&t->data));
		stream = reader_u8(&r);
		ms = reader_u64le(&r);
		n = reader_u32le(&r);
		if ((stream != 1 && stream != 2) || n > TRANSCRIPT_FRAME_MAX)
			return complain_err(ERR_CORRUPT, "the transcript");
		if (r.rest.n < n)
			break;
		code = say_frame(t, stream, ms, reader_take(&r, n));
		buf_drop(&t->data, FRAME + n);
	}
	return buf_error(&t->data) != 0 ?
	    complain_err(buf_error(&t->data), "the transcript") : code;
}

static int
transcript_run(const struct args *a)
{
	struct control_request req = { .type = CONTROL_TRANSCRIPT };
	struct transcript t = { .raw = args_has(a, "--raw"),
	    .json = args_json(a) };
	uint8_t stream;
	int code;

	buf_init(&t.data, 4 * TRANSCRIPT_FRAME_MAX);
	for (stream = 1; stream <= 2; stream++)
		clixml_init(&t.clean[stream - 1]);
	req.ref = bytes_str(a->operand[0]);
	req.follow = args_has(a, "--follow");
	code = gateclient_ask(a, &req, NULL, on_transcript, &t);
	for (stream = 1; stream <= 2; stream++) {
		if (code == CLI_DONE && !t.raw && !t.json)
			code = say_text(&t, stream, bytes_of(NULL, 0));
		clixml_fini(&t.clean[stream - 1]);
	}
	buf_free(&t.data);
	return code;
}

static const struct option log_options[] = {
	{ "--from", "INDEX", "begin with that record" },
	{ "--follow", NULL, "go on with new ones as they come" },
	GATECLIENT_OPTION,
	{ NULL, NULL, NULL }
};

static const struct option transcript_options[] = {
	{ "--follow", NULL, "go on until the card has ended" },
	{ "--raw", NULL, "the bytes as they are; dangerous on a terminal" },
	GATECLIENT_OPTION,
	{ NULL, NULL, NULL }
};

const struct command commands_log[] = {
	{ "log", "", "The device's own record, line by line (root).",
	    "  countersign log --follow\n", log_options, 0, 0, log_run },
	{ "transcript", "CARD", "What a card printed (root). Its standard"
	    " error goes to yours.",
	    "  countersign transcript 3f9ce40b --follow\n",
	    transcript_options, 1, 1, transcript_run },
	{ NULL, NULL, NULL, NULL, NULL, 0, 0, NULL }
};
