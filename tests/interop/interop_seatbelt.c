/*
 * interop_seatbelt.c - prints the profiles of macOS, for test_seatbelt.py.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 *	interop_seatbelt observe|repair|courier NET TMP [+ROOT...] [-MASK...]
 *
 * The text, a NUL, then names and values of the parameters, each with a NUL;
 * status 1 and the error's number where there is none.
 */
#include "platform/macos/seatbelt.h"

#include <stdio.h>
#include <string.h>

/* The archive of platform/ is this system's. */
#include "platform/macos/seatbelt_text.c"

static enum plan_net
net_of(const char *word)
{
	return strcmp(word, "host") == 0 ? PLAN_NET_HOST :
	    strcmp(word, "view") == 0 ? PLAN_NET_VIEW : PLAN_NET_NONE;
}

int
main(int argc, char **argv)
{
	struct plan p = { .n_roots = 0 };
	struct seatbelt_facts facts = { &p, NULL };
	enum seatbelt_profile which;
	struct seatbelt_text t;
	struct bytes b;
	size_t i;
	int k, err;

	if (argc < 4)
		return 2;
	which = strcmp(argv[1], "courier") == 0 ? SEATBELT_COURIER :
	    strcmp(argv[1], "repair") == 0 ? SEATBELT_REPAIR :
	    SEATBELT_OBSERVE;
	p.net = net_of(argv[2]);
	facts.tmp = argv[3];
	for (k = 4; k < argc; k++)
		if (argv[k][0] == '+' && p.n_roots < PLAN_ROOTS_MAX)
			p.roots[p.n_roots++] = argv[k] + 1;
		else if (argv[k][0] == '-' && p.n_masks < PLAN_MASKS_MAX)
			p.masks[p.n_masks++] = argv[k] + 1;
	err = seatbelt_write(which, which == SEATBELT_COURIER ? NULL : &facts,
	    &t);
	if (err != 0) {
		(void)printf("%d\n", err);
		return 1;
	}
	b = buf_bytes(&t.text);
	(void)fwrite(b.p, 1, b.n, stdout);
	for (i = 0; i < t.n_params; i++) {
		(void)fputs(t.params[i], stdout);
		(void)putchar('\0');
	}
	seatbelt_fini(&t);
	return fflush(stdout) != 0;
}
