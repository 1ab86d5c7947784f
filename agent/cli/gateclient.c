/*
 * gateclient.c - asking this machine's agent over its control socket.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/gateclient.h"

#include "common/text.h"
#include "platform/paths.h"
#include "platform/pipes.h"
#include "platform/stream.h"

#include <stdlib.h>
#include <string.h>

#define READ_SIZE 65536

/* One request under way. */
struct asking {
	struct buf *json;
	gateclient_data *fn;
	void *arg;
	bool ended;
	int code;		/* CLI_*, or what fn returned */
};

static const char *
socket_path(const struct args *a)
{
	const char *path = args_get(a, "--socket");

	return path != NULL ? path : paths_socket();
}

static int
open_socket(const struct args *a, int *ret_fd)
{
	const char *path = socket_path(a);
	int err = pipes_connect(path, ret_fd);

	if (err == 0)
		return CLI_DONE;
	if (err == ERR_PERMISSION)
		return complain(CLI_UNREACHABLE, "run it as root or as a"
		    " member of the group countersign", "%s: you may not talk"
		    " to the agent", path);
	if (err == ERR_DENIED)
		return complain(CLI_UNREACHABLE, "end whatever has taken its"
		    " name, then start countersignd", "%s: another account's"
		    " program answers there, not the agent", path);
	return complain(CLI_UNREACHABLE, "start countersignd, or name its"
	    " socket with --socket", "%s: no agent answers there", path);
}

/* An ERROR of the gate: its text is for people. */
static int
take_error(struct bytes body)
{
	struct control_error e;
	struct buf text;
	int code = CLI_FAILED;

	buf_init(&text, 65536);
	if (control_get_error(body, &e) != 0)
		return complain(CLI_FAILED, "update the agent and this tool",
		    "the agent's answer cannot be read");
	text_escape(&text, e.text, 0);
	if (e.exit_code >= 1 && e.exit_code <= 4)
		code = e.exit_code;
	fflush(stdout);
	/* "what was wrong: what to do" comes from the gate. */
	fprintf(stderr, "countersign: %.*s\n", (int)text.n,
	    text.n > 0 ? (const char *)text.p : "");
	buf_free(&text);
	return code;
}

static void
take(struct asking *s, const struct wire_msg *m)
{
	switch (m->type) {
	case CONTROL_OK:
		if (s->json != NULL)
			buf_put_bytes(s->json, m->body);
		break;
	case CONTROL_ERROR:
		s->code = take_error(m->body);
		break;
	case CONTROL_DATA:
		if (s->fn != NULL && s->code == CLI_DONE)
			s->code = s->fn(s->arg, m->body);
		break;
	default:
		s->ended = true;
		break;
	}
}

static int
cut_off(void)
{
	return complain(CLI_UNREACHABLE, "look at the agent's log, and try"
	    " again", "the agent closed the connection");
}

static int
read_answers(int fd, struct control_in *in, struct asking *s)
{
	uint8_t *piece = malloc(READ_SIZE);
	struct wire_msg m;
	struct bytes data;
	size_t n;
	int r = 0;

	if (piece == NULL)
		return complain_err(ERR_NOMEM, "the agent's answer");
	while (!s->ended && s->code == CLI_DONE && r >= 0) {
		if (stream_read(fd, piece, READ_SIZE, &n) != 0 || n == 0) {
			s->code = cut_off();
			break;
		}
		data = bytes_of(piece, n);
		while (!s->ended && s->code == CLI_DONE &&
		    (r = control_in_next(in, &data, CONTROL_PEER_OWNER,
		    &m)) > 0)
			take(s, &m);
	}
	if (r < 0)
		s->code = complain_err(r, "the agent's answer");
	free(piece);
	return s->code;
}

int
gateclient_ask(const struct args *a, const struct control_request *req,
    struct buf *ret_json, gateclient_data *fn, void *arg)
{
	struct asking s = { .json = ret_json, .fn = fn, .arg = arg };
	struct control_in in;
	struct buf out;
	int fd = -1, code, err;

	buf_init(&out, CONTROL_JSON_CAP);
	control_in_init(&in, true);
	control_put_request(&out, req);
	if ((err = buf_error(&out)) != 0)
		code = complain_err(err, "the request");
	else if ((code = open_socket(a, &fd)) != CLI_DONE)
		;
	else if (stream_write(fd, buf_bytes(&out)) != 0)
		code = cut_off();
	else
		code = read_answers(fd, &in, &s);
	if (code == CLI_DONE && ret_json != NULL &&
	    (err = buf_error(ret_json)) != 0)
		code = complain_err(err, "the agent's answer");
	stream_close(&fd);
	control_in_fini(&in);
	buf_free(&out);
	return code;
}

static bool
kind_of(enum payload_type type, enum control_submit *ret_kind)
{
	switch (type) {
	case PAYLOAD_CARD:
		*ret_kind = CONTROL_SUBMIT_CARD;
		return true;
	case PAYLOAD_APPROVAL:
		*ret_kind = CONTROL_SUBMIT_APPROVAL;
		return true;
	case PAYLOAD_CANCEL:
		*ret_kind = CONTROL_SUBMIT_CANCEL;
		return true;
	case PAYLOAD_ROOT:
	case PAYLOAD_PEOPLE:
	case PAYLOAD_POLICY:
	case PAYLOAD_DEVICE:
	case PAYLOAD_TIMESTAMP:
		*ret_kind = CONTROL_SUBMIT_TRUST;
		return true;
	case PAYLOAD_HELLO:
	case PAYLOAD_EPOCH:
	case PAYLOAD_UNKNOWN:
	case PAYLOAD_TYPES:
		break;
	}
	return false;
}

int
gateclient_submit(const struct args *a, const struct envelope *e,
    struct buf *ret_json)
{
	struct control_request req;
	size_t i;

	memset(&req, 0, sizeof(req));
	req.type = CONTROL_SUBMIT;
	if (!kind_of(envelope_type(e->type), &req.kind) ||
	    e->n_sigs > WIRE_SIGS_CAP)
		return complain(CLI_USAGE, "give a card, approval, cancel or"
		    " trust file", "this envelope is nothing to submit");
	req.envelope.type = e->type;
	req.envelope.payload = e->payload;
	req.envelope.n = (uint8_t)e->n_sigs;
	for (i = 0; i < e->n_sigs; i++) {
		req.envelope.sigs[i].keyid = e->sigs[i].keyid;
		req.envelope.sigs[i].sig = e->sigs[i].sig;
	}
	return gateclient_ask(a, &req, ret_json, NULL, NULL);
}
