/*
 * test_offer.c - what the runner found by trying, written and read.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/offer.h"
#include "tests/harness/test.h"

TEST(round_trip)
{
	static const struct sandbox_offer o = {
		.observe = true, .full = true,
		.text = "profiles=observe,full landlock=7",
		.why = { "profile=observe kill=uid", "seccomp failed bpf: done",
		    "profile=full" },
		.layers = "layer observe mount ok\n"
		    "layer repair seccomp failed bpf: done\n",
	};
	struct sandbox_offer p;
	struct buf b;

	buf_init(&b, OFFER_SIZE_MAX);
	offer_put(&b, &o);
	CHECK_INT(buf_error(&b), 0);
	CHECK_INT(offer_read(buf_bytes(&b), &p), 0);
	CHECK(p.observe && !p.repair && p.full);
	CHECK_STR(p.text, o.text);
	CHECK_STR(p.why[0], o.why[0]);
	CHECK_STR(p.why[1], o.why[1]);
	CHECK_STR(p.why[2], o.why[2]);
	CHECK_STR(p.layers, o.layers);
	/* No part of it is enough. */
	while (--b.n > 4)
		CHECK_MSG(offer_read(buf_bytes(&b), &p) != 0 ||
		    b.p[b.n - 1] == 'd', "%zu", b.n);
	buf_free(&b);
}

#define ALL "profile observe no x\nprofile repair no x\nprofile full yes x\n"

static const struct {
	const char *text;
	int err;
} cases[] = {
	{ "offer 1\n" ALL "end\n", 0 },
	{ "offer 1\n" ALL "end", 0 },
	{ "offer 1\n" ALL "end of it\n", 0 },
	/* A newer runner says more. */
	{ "offer 1\nkernel 9.9 x\n" ALL "\nend\n", 0 },
	{ "offer 1\n" ALL, ERR_TRUNCATED },
	{ "offer 1\n", ERR_TRUNCATED },
	{ "", ERR_VERSION },
	{ "offer 2\n" ALL "end\n", ERR_VERSION },
	{ "offer 1\nend\n", ERR_MISSING_FIELD },
	{ "offer 1\nprofile full yes x\nend\n", ERR_MISSING_FIELD },
	{ "offer 1\n" ALL "profile full no x\nend\n", ERR_SYNTAX },
	{ "offer 1\nprofile all yes x\nend\n", ERR_SYNTAX },
	{ "offer 1\nprofile full maybe x\nend\n", ERR_SYNTAX },
	{ "offer 1\nprofile full\nend\n", ERR_SYNTAX },
	{ "offer 1\nprofile full yes a\tb\nend\n", ERR_SYNTAX },
	{ "offer 1\nlayer full \x01\nend\n", ERR_SYNTAX },
	{ "offer 1\noffer \x80\nend\n", ERR_SYNTAX },
};

TEST(forms)
{
	struct sandbox_offer o;
	size_t i;
	int r;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		r = offer_read(bytes_str(cases[i].text), &o);
		CHECK_MSG(r == cases[i].err, "row %zu: %s", i, err_word(r));
	}
}

TEST(too_long)
{
	struct sandbox_offer o;
	struct buf b;
	int i;

	buf_init(&b, OFFER_SIZE_MAX + 8);
	buf_put_str(&b, "offer 1\nprofile full yes ");
	for (i = 0; i < SANDBOX_TEXT_SIZE; i++)
		buf_put_u8(&b, 'x');
	buf_put_str(&b, "\nend\n");
	CHECK_INT(offer_read(buf_bytes(&b), &o), ERR_TOO_LARGE);
	buf_clear(&b);
	buf_put_str(&b, "offer 1\n");
	for (i = 0; i < 200; i++)
		buf_put_str(&b, "layer observe mount ok, and more\n");
	buf_put_str(&b, ALL "end\n");
	CHECK_INT(offer_read(buf_bytes(&b), &o), ERR_TOO_LARGE);
	while (b.n <= OFFER_SIZE_MAX)
		buf_put_u8(&b, '\n');
	CHECK_INT(offer_read(buf_bytes(&b), &o), ERR_TOO_LARGE);
	buf_free(&b);
}

TEST_MAIN()
