/*
 * action.c - what would run and what it may touch.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/action.h"
#include "common/caps.h"
#include "common/jsonw.h"
#include "common/writeroot.h"

#include <string.h>

const struct doc_word action_profiles[] = {
	{ "observe", ACTION_OBSERVE },
	{ "repair", ACTION_REPAIR },
	{ "full", ACTION_FULL },
	{ NULL, 0 }
};

const struct doc_word action_nets[] = {
	{ "none", ACTION_NET_NONE },
	{ "view", ACTION_NET_VIEW },
	{ "host", ACTION_NET_HOST },
	{ NULL, 0 }
};

const struct doc_word action_reads[] = {
	{ "user", ACTION_READ_USER },
	{ "all", ACTION_READ_ALL },
	{ NULL, 0 }
};

const struct doc_word action_survivors_words[] = {
	{ "kill", ACTION_KILL },
	{ "keep", ACTION_KEEP },
	{ NULL, 0 }
};

const struct doc_word action_shells[] = {
	{ "sh", ACTION_SH },
	{ "bash", ACTION_BASH },
	{ "powershell", ACTION_POWERSHELL },
	{ "pwsh", ACTION_PWSH },
	{ "cmd", ACTION_CMD },
	{ "argv", ACTION_ARGV },
	{ NULL, 0 }
};

const struct doc_word action_verbs[] = {
	{ "start", ACTION_VERB_START },
	{ "stop", ACTION_VERB_STOP },
	{ "restart", ACTION_VERB_RESTART },
	{ "reload", ACTION_VERB_RELOAD },
	{ "status", ACTION_VERB_STATUS },
	{ NULL, 0 }
};

void
action_defaults(struct action *ret_a)
{
	static const struct action defaults = {
		.profile = ACTION_OBSERVE,
		.net = ACTION_NET_NONE,
		.read = ACTION_READ_USER,
		.write = { .listed = true },
		.survivors = ACTION_KILL,
		.limits = { 300, 512, 64, 8 << 20 }
	};

	*ret_a = defaults;
}

void
action_read_limits(struct doc_obj *o, bool required,
    struct action_limits *ret_l)
{
	if (required || doc_has(o, "timeout_s"))
		doc_int(o, "timeout_s", CAP_TIMEOUT_MIN, CAP_TIMEOUT_MAX,
		    &ret_l->timeout_s);
	if (required || doc_has(o, "memory_mb"))
		doc_int(o, "memory_mb", CAP_MEMORY_MB_MIN, CAP_MEMORY_MB_MAX,
		    &ret_l->memory_mb);
	if (required || doc_has(o, "processes"))
		doc_int(o, "processes", CAP_PROCESSES_MIN, CAP_PROCESSES_MAX,
		    &ret_l->processes);
	if (required || doc_has(o, "output_bytes"))
		doc_int(o, "output_bytes", CAP_OUTPUT_MIN, CAP_OUTPUT_MAX,
		    &ret_l->output_bytes);
}

static void
read_word(struct doc_obj *o, const char *name, const struct doc_word *words,
    bool required, int *ret_v)
{
	if (required || doc_has(o, name))
		doc_enum(o, name, words, ret_v);
}

static bool
is_unit(struct bytes unit)
{
	static const struct bytes end = { (const uint8_t *)".service", 8 };
	size_t i;

	if (unit.n <= end.n || unit.p[0] == '-' ||
	    memcmp(unit.p + unit.n - end.n, end.p, end.n) != 0)
		return false;
	for (i = 0; i < unit.n; i++) {
		uint8_t c = unit.p[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    (c >= '0' && c <= '9') || c == ':' || c == '_' ||
		    c == '.' || c == '@' || c == '-'))
			return false;
	}
	return true;
}

static void
read_service(struct doc_obj *o, struct action_service *ret_s)
{
	struct doc_obj verbs;
	int verb;

	doc_text(o, "unit", TEXT_LINE, 1, CAP_UNIT_NAME, &ret_s->unit);
	if (ret_s->unit.n > 0 && !is_unit(ret_s->unit))
		doc_fail(o, "unit", ERR_SYNTAX);
	doc_arr(o, "verbs", 5, &verbs);
	if (doc_count(&verbs) == 0)
		doc_fail(o, "verbs", ERR_RANGE);
	while (doc_next(&verbs)) {
		doc_enum(&verbs, NULL, action_verbs, &verb);
		if ((ret_s->verbs & (unsigned)verb) != 0)
			doc_fail(o, "verbs", ERR_DUPLICATE);
		ret_s->verbs |= (unsigned)verb;
	}
	doc_end(o);
}

static void
read_services(struct doc_obj *o, struct arena *a, struct action *ret_a)
{
	struct action_service *list;
	struct doc_obj arr, one;
	size_t n, i = 0, j;

	doc_arr(o, "services", CAP_SERVICES, &arr);
	n = doc_count(&arr);
	if ((list = arena_take(a, n, sizeof(*list))) == NULL)
		n = 0;
	while (i < n && doc_next(&arr)) {
		doc_obj(&arr, NULL, &one);
		read_service(&one, &list[i]);
		for (j = 0; j < i; j++) {
			if (bytes_equal(list[j].unit, list[i].unit))
				doc_fail(&one, "unit", ERR_DUPLICATE);
		}
		i++;
	}
	ret_a->services = list;
	ret_a->n_services = n;
}

static void
check_roots(struct doc_obj *o, const struct names *roots)
{
	const char *which;
	size_t i;
	int r;

	for (i = 0; doc_error(o->doc) == 0 && i < roots->n; i++) {
		if ((r = writeroot_check(roots->p[i], NULL, 0, &which)) != 0)
			doc_fail(o, "write", r);
	}
}

void
action_read(struct doc_obj *o, bool required, struct arena *a,
    struct action *ret_a)
{
	struct doc_obj limits;
	int profile, net, read, survivors;

	action_defaults(ret_a);
	profile = (int)ret_a->profile;
	net = (int)ret_a->net;
	read = (int)ret_a->read;
	survivors = (int)ret_a->survivors;
	read_word(o, "profile", action_profiles, required, &profile);
	read_word(o, "net", action_nets, required, &net);
	read_word(o, "read", action_reads, required, &read);
	read_word(o, "survivors", action_survivors_words, required,
	    &survivors);
	if (required || doc_has(o, "write"))
		names_read(o, "write", TEXT_LINE, CAP_PATH, CAP_WRITE_ROOTS,
		    a, &ret_a->write);
	if (required || doc_has(o, "services"))
		read_services(o, a, ret_a);
	if (required || doc_has(o, "limits")) {
		doc_obj(o, "limits", &limits);
		action_read_limits(&limits, required, &ret_a->limits);
		doc_end(&limits);
	}
	/* A list that would not hold must not be read as if it did. */
	if (profile != ACTION_REPAIR && ret_a->write.n > 0)
		doc_fail(o, "write", ERR_RANGE);
	if (profile != ACTION_REPAIR && ret_a->n_services > 0)
		doc_fail(o, "services", ERR_RANGE);
	check_roots(o, &ret_a->write);
	ret_a->profile = (enum action_profile)profile;
	ret_a->net = (enum action_net)net;
	ret_a->read = (enum action_read)read;
	ret_a->survivors = (enum action_survivors)survivors;
}

/* Whether the text begins with the word, ASCII case set aside. */
static bool
begins_with(struct bytes text, const char *word)
{
	size_t i, n = strlen(word);

	if (text.n < n)
		return false;
	for (i = 0; i < n; i++) {
		uint8_t c = text.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c - 'A' + 'a');
		if (c != (uint8_t)word[i])
			return false;
	}
	return true;
}

static int
check_powershell(struct bytes text, const char **ret_why)
{
	static const char *const first[] = { "using", "param", "#requires" };
	size_t i;

	while (text.n > 0 && (text.p[0] == ' ' || text.p[0] == '\t' ||
	    text.p[0] == '\n')) {
		text.p++;
		text.n--;
	}
	for (i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		if (begins_with(text, first[i])) {
			*ret_why = "PowerShell wants using, param and "
			    "#Requires first, but the prologue is";
			return ERR_SYNTAX;
		}
	}
	return 0;
}

static int
check_cmd(struct bytes text, const char **ret_why)
{
	if (text.n > 0 && memchr(text.p, '\n', text.n) != NULL) {
		*ret_why = "cmd takes one line";
		return ERR_SYNTAX;
	}
	if (text_utf16_units(text) > CAP_CMD_UNITS) {
		*ret_why = "cmd takes at most 8,000 characters";
		return ERR_RANGE;
	}
	return 0;
}

int
action_check_text(enum action_shell shell, struct bytes text,
    const char **ret_why)
{
	if (shell == ACTION_CMD)
		return check_cmd(text, ret_why);
	if (shell == ACTION_POWERSHELL || shell == ACTION_PWSH)
		return check_powershell(text, ret_why);
	return 0;
}

static void
write_services(struct jsonw *w, const struct action *a)
{
	const struct doc_word *v;
	size_t i;

	jsonw_arr(w, "services");
	for (i = 0; i < a->n_services; i++) {
		jsonw_obj(w, NULL);
		jsonw_str(w, "unit", a->services[i].unit);
		jsonw_arr(w, "verbs");
		for (v = action_verbs; v->word != NULL; v++) {
			if ((a->services[i].verbs & (unsigned)v->value) != 0)
				jsonw_cstr(w, NULL, v->word);
		}
		jsonw_arr_end(w);
		jsonw_obj_end(w);
	}
	jsonw_arr_end(w);
}

void
action_write(struct jsonw *w, const struct action *a)
{
	size_t i;

	jsonw_cstr(w, "profile",
	    doc_word_of(action_profiles, (int)a->profile));
	jsonw_cstr(w, "net", doc_word_of(action_nets, (int)a->net));
	jsonw_cstr(w, "read", doc_word_of(action_reads, (int)a->read));
	jsonw_arr(w, "write");
	for (i = 0; i < a->write.n; i++)
		jsonw_str(w, NULL, a->write.p[i]);
	jsonw_arr_end(w);
	write_services(w, a);
	jsonw_cstr(w, "survivors",
	    doc_word_of(action_survivors_words, (int)a->survivors));
	jsonw_obj(w, "limits");
	jsonw_int(w, "timeout_s", a->limits.timeout_s);
	jsonw_int(w, "memory_mb", a->limits.memory_mb);
	jsonw_int(w, "processes", a->limits.processes);
	jsonw_int(w, "output_bytes", a->limits.output_bytes);
	jsonw_obj_end(w);
}
