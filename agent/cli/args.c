/*
 * args.c - taking a command's arguments apart, by its table of options.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/cli.h"

#include <stdlib.h>
#include <string.h>

static const struct option common_options[] = {
	{ "--json", NULL, "print one JSON object, or JSON lines" },
	{ NULL, NULL, NULL }
};

/* The option with that name, whose length is n. */
static const struct option *
find_in(const struct option *list, const char *name, size_t n)
{
	for (; list != NULL && list->name != NULL; list++)
		if (strlen(list->name) == n && memcmp(list->name, name, n) == 0)
			return list;
	return NULL;
}

static int
usage(const struct command *c, const char *what, const char *which)
{
	complain(CLI_USAGE, "see its --help", "%s: %s %s", c->name, what,
	    which);
	return ERR_USAGE;
}

/* One option at argv[*i]; steps over its value. */
static int
take_option(const struct command *c, int argc, char **argv, int *i,
    struct args *a)
{
	const char *text = argv[*i], *equals = strchr(text, '=');
	size_t n = equals != NULL ? (size_t)(equals - text) : strlen(text);
	const struct option *o = find_in(c->options, text, n);

	if (o == NULL)
		o = find_in(common_options, text, n);
	if (o == NULL)
		return usage(c, "there is no option", text);
	if (a->n_set == CLI_ARGS_MAX)
		return usage(c, "too many options:", text);
	a->name[a->n_set] = o->name;
	a->value[a->n_set] = NULL;
	if (o->value == NULL && equals != NULL)
		return usage(c, "this option takes no value:", o->name);
	if (o->value != NULL) {
		if (equals == NULL && *i + 1 >= argc)
			return usage(c, "a value is missing after", o->name);
		a->value[a->n_set] = equals != NULL ? equals + 1 :
		    argv[++*i];
	}
	a->n_set++;
	return 0;
}

int
args_parse(const struct command *c, int argc, char **argv, struct args *ret_a)
{
	bool options = true;
	int i, err;

	ret_a->command = c;
	ret_a->n = ret_a->n_set = 0;
	for (i = 0; i < argc; i++) {
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
			continue;
		}
		if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
			err = take_option(c, argc, argv, &i, ret_a);
			if (err != 0)
				return err;
			continue;
		}
		if (ret_a->n >= c->max || ret_a->n >= CLI_ARGS_MAX)
			return usage(c, "one argument too many:", argv[i]);
		ret_a->operand[ret_a->n++] = argv[i];
	}
	if (ret_a->n < c->min)
		return usage(c, "missing:", c->operands);
	return 0;
}

const char *
args_get(const struct args *a, const char *name)
{
	size_t i;

	for (i = a->n_set; i > 0; i--)
		if (strcmp(a->name[i - 1], name) == 0)
			return a->value[i - 1];
	return NULL;
}

bool
args_has(const struct args *a, const char *name)
{
	size_t i;

	for (i = 0; i < a->n_set; i++)
		if (strcmp(a->name[i], name) == 0)
			return true;
	return false;
}

const char *
args_each(const struct args *a, const char *name, size_t *at)
{
	for (; *at < a->n_set; ++*at)
		if (strcmp(a->name[*at], name) == 0)
			return a->value[(*at)++];
	return NULL;
}

bool
args_json(const struct args *a)
{
	return args_has(a, "--json");
}

/* Digits only, and not too many; *ret_rest is what follows them. */
static int
number(const char *text, int64_t *ret_v, const char **ret_rest)
{
	int64_t v = 0;
	const char *p;

	for (p = text; *p >= '0' && *p <= '9'; p++) {
		if (v > INT64_MAX / 100)
			return ERR_RANGE;
		v = v * 10 + (*p - '0');
	}
	if (p == text)
		return ERR_SYNTAX;
	*ret_v = v;
	*ret_rest = p;
	return 0;
}

static int
out_of_range(const struct args *a, const char *name, int64_t min, int64_t max,
    const char *unit)
{
	complain(CLI_USAGE, "see its --help", "%s: %s takes %lld to %lld%s",
	    a->command->name, name, (long long)min, (long long)max, unit);
	return ERR_USAGE;
}

int
args_int(const struct args *a, const char *name, int64_t min, int64_t max,
    int64_t *ret_v)
{
	const char *text = args_get(a, name), *rest;
	int64_t v;

	if (text == NULL)
		return 0;
	if (number(text, &v, &rest) != 0 || *rest != '\0' || v < min ||
	    v > max)
		return out_of_range(a, name, min, max, "");
	*ret_v = v;
	return 0;
}

int
args_span(const struct args *a, const char *name, int64_t min, int64_t max,
    int64_t *ret_seconds)
{
	const char *text = args_get(a, name), *rest;
	int64_t v, unit = 1;

	if (text == NULL)
		return 0;
	if (number(text, &v, &rest) != 0)
		return out_of_range(a, name, min, max, " seconds");
	if (*rest != '\0') {
		unit = *rest == 's' ? 1 : *rest == 'm' ? 60 :
		    *rest == 'h' ? 3600 : *rest == 'd' ? 86400 : 0;
		rest++;
	}
	if (*rest != '\0' || unit == 0 || v > max / unit || v * unit < min)
		return out_of_range(a, name, min, max,
		    " seconds (also 15m, 2h, 30d)");
	*ret_seconds = v * unit;
	return 0;
}

static void
help_options(const struct option *list)
{
	char head[64];

	for (; list != NULL && list->name != NULL; list++) {
		snprintf(head, sizeof(head), "%s%s%s", list->name,
		    list->value != NULL ? " " : "",
		    list->value != NULL ? list->value : "");
		say("  %-27s %s\n", head, list->help);
	}
}

void
cli_help(const struct command *c)
{
	say("usage: countersign %s%s%s [options]\n\n%s\n\n", c->name,
	    c->operands[0] != '\0' ? " " : "", c->operands, c->summary);
	help_options(c->options);
	help_options(common_options);
	if (c->example != NULL)
		say("\nexample:\n%s", c->example);
}
