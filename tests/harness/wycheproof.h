/*
 * wycheproof.h - walks a file of C2SP Wycheproof's signature vectors.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: interop_eddsa and interop_ecdsa.
 *
 * Files of testvectors_v1 call a group's key "publicKey", older ones "key".
 */
#ifndef COUNTERSIGN_TESTS_HARNESS_WYCHEPROOF_H
#define COUNTERSIGN_TESTS_HARNESS_WYCHEPROOF_H

#include "tests/harness/interop.h"

struct wycheproof {
	/*
	 * Looks at a group and its key; a reason to skip it, or NULL.
	 */
	const char *(*group)(struct doc_obj *group, struct doc_obj *key);
	/* Whether the code under test takes the signature. */
	bool (*verify)(struct bytes msg, struct bytes sig);
};

__attribute__((unused)) static void
wycheproof_case(const struct wycheproof *w, struct doc_obj *o,
    const char *skip, struct tally *t)
{
	struct bytes comment = { NULL, 0 }, result;
	struct buf msg, sig;
	int64_t id;
	bool taken;

	doc_int(o, "tcId", 0, 1000000, &id);
	doc_str(o, "result", &result);
	(void)doc_opt_str(o, "comment", &comment);
	msg = interop_hex(o, "msg");
	sig = interop_hex(o, "sig");
	interop_check(o->doc);
	if (skip != NULL) {
		interop_skip(t, "tc%d: %s", (int)id, skip);
	} else {
		taken = w->verify(buf_bytes(&msg), buf_bytes(&sig));
		/* Of an acceptable one, either is right. */
		interop_case(t, bytes_is(result, "acceptable") ||
		    taken == bytes_is(result, "valid"),
		    "tc%d: %s, want %.*s (%.*s)", (int)id,
		    taken ? "taken" : "refused", (int)result.n,
		    (const char *)result.p, (int)comment.n,
		    comment.n > 0 ? (const char *)comment.p : "");
	}
	buf_free(&sig);
	buf_free(&msg);
}

__attribute__((unused)) static int
wycheproof_main(const struct wycheproof *w, int argc, char **argv)
{
	struct tally t = { 0, 0, 0 };
	struct doc_obj root, groups, group, key, tests, one;
	const char *skip;
	struct doc *d;

	if (argc != 2)
		interop_die(argv[0], "takes one file of vectors");
	d = interop_parse(argv[1]);
	root = doc_root(d);
	doc_arr(&root, "testGroups", 100000, &groups);
	while (doc_next(&groups)) {
		doc_obj(&groups, NULL, &group);
		doc_obj(&group, doc_has(&group, "publicKey") ? "publicKey" :
		    "key", &key);
		skip = w->group(&group, &key);
		interop_check(d);
		doc_arr(&group, "tests", 100000, &tests);
		while (doc_next(&tests)) {
			doc_obj(&tests, NULL, &one);
			wycheproof_case(w, &one, skip, &t);
		}
	}
	interop_check(d);
	doc_free(d);
	return interop_end(&t);
}

#endif
