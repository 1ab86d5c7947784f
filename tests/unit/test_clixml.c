/*
 * test_clixml.c - what PowerShell writes as XML, as text again.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/clixml.h"

#include "tests/harness/test.h"

#define HEAD "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/" \
	"powershell/2004/04\">"
#define TAIL "</Objs>"
#define MARK "#< CLIXML\r\n"
/* What module loading leaves in the error stream of Windows PowerShell 5.1. */
#define PROGRESS "<Obj S=\"progress\" RefId=\"0\"><TN RefId=\"0\">" \
	"<T>System.Management.Automation.PSCustomObject</T>" \
	"<T>System.Object</T></TN><MS><I64 N=\"SourceId\">1</I64>" \
	"<PR N=\"Record\"><AV>Preparing modules for first use.</AV>" \
	"<AI>0</AI><Nil /><PI>-1</PI><PC>-1</PC><T>Completed</T><SR>-1</SR>" \
	"<SD> </SD></PR></MS></Obj>"

/* clang-format off */
static const struct {
	const char *in, *out;
} rows[] = {
	{ "", "" },
	{ "plain text\n", "plain text\n" },
	{ "#", "#" },
	{ "#< CLIXM", "#< CLIXM" },
	{ "#< CLIXML", "#< CLIXML" },
	{ "a #< CLIXML\nb", "a #< CLIXML\nb" },
	{ "##< CLIXML\r\n<Obj", "##< CLIXML\r\n<Obj" },
	/* Progress alone is nothing to see. */
	{ MARK HEAD PROGRESS TAIL, "" },
	{ "before\n" MARK HEAD PROGRESS TAIL "\nafter\n",
	    "before\n\nafter\n" },
	{ "#< CLIXML\n" HEAD PROGRESS TAIL, "" },
	/* An error, as `Get-Item nowhere` gives it. */
	{ MARK HEAD "<S S=\"Error\">Get-Item : Cannot find path 'C:\\nowhere' "
	    "because it does not exist._x000D__x000A_</S><S S=\"Error\">At "
	    "line:1 char:1_x000D__x000A_</S><S S=\"Error\">+ "
	    "Get-Item &lt;x&gt; "
	    "&amp; &quot;y&quot;_x000D__x000A_</S>" TAIL,
	    "Get-Item : Cannot find path 'C:\\nowhere' because it does not "
	    "exist.\r\nAt line:1 char:1\r\n+ Get-Item <x> & \"y\"\r\n" },
	{ MARK HEAD PROGRESS "<S S=\"Error\">x</S>" PROGRESS TAIL, "x" },
	{ MARK HEAD "<S S=\"warning\">w</S><S S=\"Verbose\">v</S>"
	    "<S S=\"debug\">d</S><S S=\"Output\">no</S>" TAIL, "wvd" },
	/* Written meanwhile by a program that PowerShell has started. */
	{ MARK HEAD PROGRESS "npm: gone\r\n<S S=\"Error\">x</S>\r\n" TAIL,
	    "npm: gone\r\nx" },
	{ MARK HEAD " \xff\r\n" PROGRESS " & " TAIL, " \xff\r\n & " },
	{ MARK "npm: gone" HEAD "<S S=\"Error\">x</S>" TAIL HEAD TAIL "\n"
	    HEAD TAIL " " HEAD TAIL,
	    MARK "npm: gonex\n " HEAD TAIL },
	{ MARK "npm\n" MARK HEAD PROGRESS TAIL, MARK "npm\n" },
	{ MARK "Stack overflow.\r\n<Object>", MARK "Stack overflow.\r\n"
	    "<Object>" },
	/* Texts inside of an object are not a stream's. */
	{ MARK HEAD "<Obj S=\"information\" RefId=\"1\"><MS>"
	    "<S S=\"Error\">hidden</S></MS></Obj>" TAIL, "" },
	/* Escapes: a unit, a pair, half of one, an underscore, no escape. */
	{ MARK HEAD "<S S=\"Error\">_x00e9__xD83D__xDD12__xD83D_!"
	    "_x005F_x0041_ _x12 _xZZZZ_ _x0041</S>" TAIL,
	    "\xc3\xa9\xf0\x9f\x94\x92\xef\xbf\xbd!_x0041_ _x12 _xZZZZ_ "
	    "_x0041" },
	{ MARK HEAD "<S S=\"Error\">&#10;&#x20AC;&#0;&#x110000;&bogus;&</S>"
	    TAIL, "\n\xe2\x82\xac" "?&#x110000;&bogus;&" },
	/* Two, with and without a mark of its own. */
	{ MARK HEAD "<S S=\"Error\">1</S>" TAIL MARK HEAD
	    "<S S=\"Error\">2</S>" TAIL, "12" },
	{ MARK HEAD "<S S=\"Error\">1</S>" TAIL "\r\n" HEAD
	    "<S S=\"Error\">2</S>" TAIL, "1\r\n2" },
	{ HEAD "<S S=\"Error\">1</S>" TAIL,
	    HEAD "<S S=\"Error\">1</S>" TAIL },
	/* Cut off, or malformed: as it is. */
	{ MARK HEAD "<S S=\"Error\">cut", MARK HEAD "<S S=\"Error\">cut" },
	{ MARK HEAD "<S S=\"Error\">a<b</S>" TAIL,
	    MARK HEAD "<S S=\"Error\">a<b</S>" TAIL },
	{ MARK HEAD "</Obj></Obj>" TAIL, MARK HEAD "</Obj></Obj>" TAIL },
	{ MARK HEAD "<Obj>" TAIL, MARK HEAD "<Obj>" TAIL },
	/* Bytes that are no text pass. */
	{ "\xff\xfe" MARK HEAD TAIL "\x80", "\xff\xfe\x80" },
};
/* clang-format on */

static void
check(const char *in, const char *out, size_t piece)
{
	struct bytes rest = bytes_str(in);
	char want[4096];
	struct clixml c;
	struct buf b;
	size_t n, i, w = 0;

	/* A NUL cannot stand in the table. */
	for (i = 0; out[i] != '\0'; i++)
		want[w++] = out[i] == '?' ? '\0' : out[i];
	clixml_init(&c);
	buf_init(&b, 1u << 20);
	while (rest.n > 0) {
		n = rest.n < piece ? rest.n : piece;
		CHECK_INT(clixml_feed(&c, bytes_of(rest.p, n), &b), 0);
		rest = bytes_of(rest.p + n, rest.n - n);
	}
	CHECK_INT(clixml_finish(&c, &b), 0);
	CHECK_MEM(b.p, b.n, want, w);
	clixml_fini(&c);
	buf_free(&b);
}

TEST(blocks_become_text)
{
	size_t i, piece;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (piece = 1; piece <= 4096; piece += piece < 9 ? 1 : 511)
			check(rows[i].in, rows[i].out, piece);
}

/* One that does not end is shown, and what comes behind it is looked at. */
TEST(a_block_without_an_end)
{
	const char *begin = MARK HEAD;
	struct clixml c;
	struct buf b;
	size_t i;

	clixml_init(&c);
	buf_init(&b, 8u << 20);
	CHECK_INT(clixml_feed(&c, bytes_str(begin), &b), 0);
	CHECK_INT(b.n, 0);
	for (i = 0; b.n == 0 && i < 40; i++) {
		static const uint8_t zeroes[65536];

		CHECK_INT(clixml_feed(&c, bytes_of(zeroes, sizeof(zeroes)),
		    &b), 0);
	}
	CHECK(b.n >= CLIXML_BLOCK_MAX);
	CHECK_MEM(b.p, strlen(begin), begin, strlen(begin));
	buf_clear(&b);
	CHECK_INT(clixml_feed(&c, bytes_str(MARK HEAD "<S S=\"Error\">x</S>"
	    TAIL), &b), 0);
	CHECK_INT(clixml_finish(&c, &b), 0);
	CHECK_INT(b.p[b.n - 1], 'x');
	clixml_fini(&c);
	buf_free(&b);
}

TEST_MAIN()
