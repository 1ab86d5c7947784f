/*
 * test_winline.c - command lines of Windows, taken apart again.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/winline.h"

#include "common/base64.h"
#include "common/constants.h"
#include "tests/harness/test.h"

#define CAP 400000
#define ARGUMENTS 32

/*
 * A second implementation of what Microsoft says of the C library's rules:
 * back slashes before a quotation mark count in pairs, an odd one takes the
 * mark's meaning away, and two marks inside of quotes are one.
 */
static size_t
take_apart(const char *line, char out[ARGUMENTS][8192])
{
	size_t n = 0, at, slashes;
	bool quoted;

	for (;;) {
		while (*line == ' ' || *line == '\t')
			line++;
		if (*line == '\0')
			return n;
		at = 0;
		quoted = false;
		while (*line != '\0' &&
		    (quoted || (*line != ' ' && *line != '\t'))) {
			for (slashes = 0; *line == '\\'; line++)
				slashes++;
			if (*line != '"') {
				while (slashes-- > 0)
					out[n][at++] = '\\';
				if (*line != '\0' && (quoted ||
				    (*line != ' ' && *line != '\t')))
					out[n][at++] = *line++;
				continue;
			}
			for (; slashes >= 2; slashes -= 2)
				out[n][at++] = '\\';
			if (slashes == 1) {
				out[n][at++] = '"';
			} else if (quoted && line[1] == '"') {
				out[n][at++] = '"';
				line++;
			} else {
				quoted = !quoted;
			}
			line++;
		}
		out[n++][at] = '\0';
	}
}

/* clang-format off */
static const char *const hostile[] = {
	"plain", "", " ", "\t", "\"", "\\", "\\\\", "\\\"", "\\\\\"", "a b",
	"a\"b", "a\\b", "a\\", "a b\\", "a b\\\\", "\"\"", "\"a\"", " \"",
	"\\ \\", "\\\\ \"\\\\\" \\", "a\nb", "a\vb", "--x=\"y z\"", "%PATH%",
	"^&|<>()", "gr\xc3\xbc\xc3\x9f", "'", "`", "$x", NULL
};
/* clang-format on */

TEST(every_argument_comes_back)
{
	static char out[ARGUMENTS][8192];
	struct buf b;
	size_t i, n;

	buf_init(&b, CAP);
	for (i = 0; hostile[i] != NULL; i++)
		winline_put_argument(&b, bytes_str(hostile[i]));
	buf_put_u8(&b, '\0');
	CHECK_INT(buf_error(&b), 0);
	n = take_apart((const char *)b.p, out);
	CHECK_INT(n, i);
	for (i = 0; hostile[i] != NULL; i++)
		CHECK_STR(out[i], hostile[i]);
	buf_free(&b);
}

/* All texts of up to six of these characters. */
TEST(all_short_arguments_come_back)
{
	static const char letters[] = { 'a', ' ', '"', '\\' };
	static char out[ARGUMENTS][8192];
	char text[7];
	struct buf b;
	size_t len, i, k, all;

	for (len = 0, all = 1; len <= 6; len++, all *= 4)
		for (i = 0; i < all; i++) {
			size_t v = i;

			for (k = 0; k < len; k++, v /= 4)
				text[k] = letters[v % 4];
			text[len] = '\0';
			buf_init(&b, CAP);
			winline_put_argument(&b, bytes_str("program.exe"));
			winline_put_argument(&b, bytes_str(text));
			winline_put_argument(&b, bytes_str("last"));
			buf_put_u8(&b, '\0');
			CHECK_INT(take_apart((const char *)b.p, out), 3);
			CHECK_STR(out[1], text);
			CHECK_STR(out[2], "last");
			buf_free(&b);
		}
}

TEST(encoded)
{
	static const struct {
		const char *text, *base64;
	} rows[] = {
		{ "", "" },
		{ "a", "YQA=" },
		{ "dir", "ZABpAHIA" },
		{ "\xc3\xa9", "6QA=" },			/* U+00E9 */
		{ "\xe2\x82\xac", "rCA=" },		/* U+20AC */
		{ "\xf0\x9f\x94\x92", "PdgS3Q==" },	/* U+1F512, a pair */
		{ "\xf4\x8f\xbf\xbf", "/9v/3w==" },	/* U+10FFFF */
	};
	struct buf b;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_init(&b, CAP);
		CHECK_INT(winline_put_encoded(&b, bytes_str(rows[i].text)), 0);
		CHECK_MEM(b.p, b.n, rows[i].base64, strlen(rows[i].base64));
		buf_free(&b);
	}
}

TEST(what_is_no_utf8)
{
	static const char *const rows[] = {
		"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x80\x80",
		"\xe2\x82", "\xed\xa0\x80", "\xf0\x80\x80\x80",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xfe",
	};
	struct buf b;
	size_t i, n = 77;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_init(&b, CAP);
		CHECK_INT(winline_put_encoded(&b, bytes_str(rows[i])),
		    ERR_CHARACTER);
		CHECK_INT(winline_units(bytes_str(rows[i]), &n),
		    ERR_CHARACTER);
		CHECK_INT(n, 77);
		buf_free(&b);
	}
}

TEST(units)
{
	size_t n = 0;

	CHECK_INT(winline_units(bytes_str("a\xc3\xa9\xe2\x82\xac"
	    "\xf0\x9f\x94\x92"), &n), 0);
	CHECK_INT(n, 5);
	CHECK_INT(winline_units(bytes_of(NULL, 0), &n), 0);
	CHECK_INT(n, 0);
}

/* The longest text of a card fits, with the prologue and the path. */
TEST(a_whole_powershell_line)
{
	const char *const *line =
	    card_v1_windows_command_line(ACTION_POWERSHELL);
	const char *prologue = card_v1_prologue(ACTION_POWERSHELL);
	struct buf script, b, back;
	size_t i, units, at;

	buf_init(&script, CAP);
	buf_init(&b, CAP);
	buf_init(&back, CAP);
	buf_put_str(&script, prologue);
	for (i = 0; i < 8192; i++)
		buf_put_u8(&script, 'x');
	CHECK_INT(winline_make(&b, line, CARD_V1_SCRIPT,
	    buf_bytes(&script)), 0);
	CHECK_INT(winline_units(buf_bytes(&b), &units), 0);
	CHECK(units < WINLINE_UNITS_MAX);
	for (at = b.n; b.p[at - 1] != ' '; at--)
		;
	CHECK_INT(base64_decode(bytes_of(b.p + at, b.n - at), &back), 0);
	CHECK_INT(back.n, 2 * script.n);
	for (i = 0; i < script.n; i++)
		CHECK(back.p[2 * i] == script.p[i] && back.p[2 * i + 1] == 0);
	buf_free(&script);
	buf_free(&b);
	buf_free(&back);
}

TEST(a_whole_cmd_line)
{
	const char *const *line = card_v1_windows_command_line(ACTION_CMD);
	static const char want[] = "%SystemRoot%\\System32\\cmd.exe /d /s /c "
	    "\"echo \"a b\" & exit 3\"";
	struct buf b;

	buf_init(&b, CAP);
	CHECK_INT(winline_make(&b, line, CARD_V1_SCRIPT,
	    bytes_str("echo \"a b\" & exit 3")), 0);
	CHECK_MEM(b.p, b.n, want, strlen(want));
	buf_free(&b);
}

TEST(a_mark_in_another_place)
{
	static const char *const last[] = { "x.exe", "-File", CARD_V1_SCRIPT,
	    NULL };
	static const char *const first[] = { CARD_V1_SCRIPT, NULL };
	static const char *const inner[] = { "x.exe", CARD_V1_SCRIPT, "y",
	    NULL };
	struct buf b;

	buf_init(&b, CAP);
	CHECK_INT(winline_make(&b, last, CARD_V1_SCRIPT, bytes_str("s")),
	    ERR_USAGE);
	buf_clear(&b);
	CHECK_INT(winline_make(&b, first, CARD_V1_SCRIPT, bytes_str("s")),
	    ERR_USAGE);
	buf_clear(&b);
	/* Only the last one is a mark; without one all are arguments. */
	CHECK_INT(winline_make(&b, inner, CARD_V1_SCRIPT, bytes_str("s")), 0);
	CHECK_MEM(b.p, b.n, "x.exe " CARD_V1_SCRIPT " y",
	    strlen("x.exe " CARD_V1_SCRIPT " y"));
	buf_clear(&b);
	CHECK_INT(winline_make(&b, last, NULL, bytes_of(NULL, 0)), 0);
	buf_free(&b);
}

TEST(longer_than_the_system_takes)
{
	static char text[WINLINE_UNITS_MAX + 1];
	const char *list[] = { text, NULL };
	struct buf b;

	memset(text, 'x', WINLINE_UNITS_MAX);
	buf_init(&b, CAP);
	CHECK_INT(winline_make(&b, list, NULL, bytes_of(NULL, 0)), 0);
	buf_clear(&b);
	memset(text, 'x', WINLINE_UNITS_MAX);
	text[0] = ' ';
	CHECK_INT(winline_make(&b, list, NULL, bytes_of(NULL, 0)),
	    ERR_TOO_LARGE);
	buf_free(&b);
}

TEST_MAIN()
