/*
 * policy_args.c - the arguments of named tools: checked, then handed over.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * Nothing is spliced into a script: a value is one environment variable or one
 * element of an argument list, whole.
 */
#include "common/policy_args.h"
#include "common/writeroot.h"

#include <inttypes.h>
#include <string.h>

/* [A-Za-z0-9_][A-Za-z0-9_.:@+-]* */
static bool
is_word(struct bytes text)
{
	size_t i;

	for (i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '_')
			continue;
		if (i == 0 || memchr(".:@+-", c, 5) == NULL)
			return false;
	}
	return text.n > 0;
}

static const char *
check_enum(const struct policy_arg *a, const struct card_arg *v)
{
	return names_has(&a->values, v->text) ? NULL : "not one of the values";
}

static const char *
check_text(const struct policy_arg *a, const struct card_arg *v)
{
	return text_chars(v->text) > (uint64_t)a->max ? "too long" : NULL;
}

static const char *
check_word(const struct policy_arg *a, const struct card_arg *v)
{
	return is_word(v->text) ? check_text(a, v) : "not a word";
}

static const char *
check_int(const struct policy_arg *a, const struct card_arg *v)
{
	return v->number < a->min || v->number > a->max ? "out of range" :
	    NULL;
}

static const char *
check_path(const struct policy_arg *a, const struct card_arg *v)
{
	(void)a;
	return writeroot_check_path(v->text) == 0 ? NULL :
	    "not an absolute path in its one form";
}

/* NULL if the value is of the argument's type, or why it is not. */
static const char *
check_value(const struct policy_arg *a, const struct card_arg *v)
{
	static const char *(*const checks[])(const struct policy_arg *a,
	    const struct card_arg *v) = {
		[POLICY_ARG_ENUM] = check_enum,
		[POLICY_ARG_WORD] = check_word,
		[POLICY_ARG_INT] = check_int,
		[POLICY_ARG_PATH] = check_path,
		[POLICY_ARG_TEXT] = check_text
	};

	if (v->is_int != (a->type == POLICY_ARG_INT))
		return v->is_int ? "not a string" : "not an integer";
	return checks[a->type](a, v);
}

static const struct card_arg *
find_value(const struct card *c, struct bytes name)
{
	size_t i;

	for (i = 0; i < c->n_args; i++) {
		if (bytes_equal(c->args[i].name, name))
			return &c->args[i];
	}
	return NULL;
}

const char *
policy_args_check(const struct policy_tool *t, const struct card *c,
    struct bytes *ret_name)
{
	const struct card_arg *v;
	const char *why;
	size_t i;

	for (i = 0; i < t->n_args; i++) {
		v = find_value(c, t->args[i].name);
		why = v == NULL ? "missing" : check_value(&t->args[i], v);
		if (why != NULL) {
			*ret_name = t->args[i].name;
			return why;
		}
	}
	/* All of the tool's are there, so that one too many is another. */
	if (c->n_args > t->n_args) {
		*ret_name = bytes_str("");
		return "one that the tool does not have";
	}
	return NULL;
}

static void
put_value(struct buf *b, const struct card_arg *v)
{
	if (v == NULL) {
		b->err = ERR_STATE;
		return;
	}
	if (v->is_int)
		buf_printf(b, "%" PRId64, v->number);
	else
		buf_put_bytes(b, v->text);
	buf_put_u8(b, 0);
}

size_t
policy_environment(const struct verdict *v, struct buf *b)
{
	const struct policy_tool *t = v->tool;
	size_t i, j;

	if (t == NULL || v->card->is_command)
		return 0;
	for (i = 0; i < t->n_args; i++) {
		struct bytes name = t->args[i].name;

		/* A name has small letters, digits and '_' (before 'a'). */
		buf_put_str(b, "CS_ARG_");
		for (j = 0; j < name.n; j++)
			buf_put_u8(b, name.p[j] >= 'a' ?
			    (uint8_t)(name.p[j] - 'a' + 'A') : name.p[j]);
		buf_put_u8(b, '=');
		put_value(b, find_value(v->card, name));
	}
	return t->n_args;
}

size_t
policy_argv(const struct verdict *v, struct buf *b)
{
	const struct policy_tool *t = v->tool;
	size_t i;

	if (t == NULL || v->card->is_command)
		return 0;
	for (i = 0; i < t->n_argv; i++) {
		if (t->argv[i].arg != NULL) {
			put_value(b, find_value(v->card,
			    t->argv[i].arg->name));
			continue;
		}
		buf_put_bytes(b, t->argv[i].text);
		buf_put_u8(b, 0);
	}
	return t->n_argv;
}
