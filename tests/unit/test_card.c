/*
 * test_card.c - cards: what is taken, and each rule with one that breaks it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/card.h"
#include "common/caps.h"
#include "common/envelope.h"
#include "tests/harness/kit.h"
#include "tests/harness/test.h"

static struct buf text;

static int
parse(const char *base, const char *from, const char *to, struct card **c,
    struct refusal *why)
{
	buf_free(&text);
	buf_init(&text, KIT_MAX);
	kit_edit(&text, base, from, to);
	memset(why, 0, sizeof(*why));
	return card_parse(buf_bytes(&text), c, why);
}

static struct card *
good(const char *base, const char *from, const char *to)
{
	struct card *c = NULL;
	struct refusal why;
	int r = parse(base, from, to, &c, &why);

	CHECK_MSG(r == 0, "%s -> %s: %s: %s", from != NULL ? from : "",
	    to != NULL ? to : "", why.reason, why.detail);
	return c;
}

TEST(reads_a_command)
{
	struct card *c = good(KIT_CARD, NULL, NULL);
	struct sha256 d;

	digest_pae(envelope_type_text(PAYLOAD_CARD), buf_bytes(&text), &d);
	CHECK(sha256_equal(&d, &c->digest));
	CHECK_STR(c->id, "019ba2b1-0000-7000-8000-000000000001");
	CHECK(bytes_is(c->org, "acme"));
	CHECK(bytes_is(c->device, KIT_DEVICE));
	CHECK(bytes_is(c->tool, "command") && c->is_command);
	CHECK(!c->unicode_any);
	CHECK(bytes_is(c->description, "Shows free space."));
	CHECK_INT(c->action.shell, ACTION_SH);
	CHECK(bytes_is(c->action.text, "df -h\n"));
	CHECK_INT(c->action.profile, ACTION_OBSERVE);
	CHECK_INT(c->action.net, ACTION_NET_NONE);
	CHECK_INT(c->action.read, ACTION_READ_USER);
	CHECK(c->action.write.listed && c->action.write.n == 0);
	CHECK_INT(c->action.n_services, 0);
	CHECK_INT(c->action.survivors, ACTION_KILL);
	CHECK(!c->action.no_unix);
	CHECK_INT(c->action.limits.timeout_s, 300);
	CHECK_INT(c->action.limits.memory_mb, 512);
	CHECK_INT(c->action.limits.processes, 64);
	CHECK_INT(c->action.limits.output_bytes, 8388608);
	CHECK_INT(c->n_after, 0);
	CHECK(bytes_is(c->ticket.system, "halopsa"));
	CHECK(bytes_is(c->ticket.id, "T-1"));
	CHECK(bytes_is(c->ticket.url, "https://example.org/t/1"));
	CHECK(bytes_is(c->requester, "eve@example.org"));
	CHECK_INT(c->created, kit_time(KIT_NOW));
	CHECK_INT(c->expires, c->created + CAP_CARD_LIFE);
	CHECK_INT(c->n_args, 0);
	card_free(c);
	card_free(NULL);
	buf_free(&text);
}

TEST(reads_a_named_tool)
{
	struct card *c = good(KIT_TOOL_CARD, "{\"path\":\"/srv\"}",
	    "{\"path\":\"/srv\",\"n\":-7,\"t\":\"\"}");

	CHECK(!c->is_command);
	CHECK_INT(c->n_args, 3);
	CHECK(bytes_is(c->args[0].name, "path"));
	CHECK(!c->args[0].is_int && bytes_is(c->args[0].text, "/srv"));
	CHECK(c->args[1].is_int && c->args[1].number == -7);
	CHECK(!c->args[2].is_int && c->args[2].text.n == 0);
	CHECK_INT(c->action.profile, 0);
	CHECK_INT(c->requester.n, 0);
	CHECK_INT(c->ticket.system.n, 0);
	card_free(c);
	c = good(KIT_TOOL_CARD, "{\"path\":\"/srv\"}", "{}");
	CHECK_INT(c->n_args, 0);
	card_free(c);
	buf_free(&text);
}

#define REPAIR "\"profile\":\"repair\",\"net\":\"none\",\"read\":\"user\","
#define OBSERVE "\"profile\":\"observe\",\"net\":\"none\",\"read\":\"user\","
#define EMPTY OBSERVE "\"write\":[],\"services\":[]"
#define WITH(write, services) \
	REPAIR "\"write\":[" write "],\"services\":[" services "]"
#define UNIT(unit, verbs) "{\"unit\":\"" unit "\",\"verbs\":[" verbs "]}"

TEST(reads_a_repair)
{
	struct card *c = good(KIT_CARD, EMPTY, WITH("\"/srv/app\",\"/opt/x\"",
	    UNIT("Nginx.service", "\"restart\",\"status\"") ","
	    UNIT("a@b-c:d_1.service", "\"start\",\"stop\",\"reload\"")));
	const struct action *a = &c->action;

	CHECK_INT(a->profile, ACTION_REPAIR);
	CHECK_INT(a->write.n, 2);
	CHECK(bytes_is(a->write.p[1], "/opt/x"));
	CHECK_INT(a->n_services, 2);
	CHECK(bytes_is(a->services[0].unit, "Nginx.service"));
	CHECK_INT(a->services[0].verbs,
	    ACTION_VERB_RESTART | ACTION_VERB_STATUS);
	CHECK_INT(a->services[1].verbs, ACTION_VERB_START |
	    ACTION_VERB_STOP | ACTION_VERB_RELOAD);
	card_free(c);
	buf_free(&text);
}

#define A64(x) x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x \
	x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x
#define DIGEST(x) "\"sha256:" A64(x) "\""

struct change {
	const char *from;
	const char *to;
};

TEST(takes)
{
	static const struct change commands[] = {
		{ "\"unicode\":\"ascii\",", "" },
		{ "\"after\":[],", "" },
		{ "\"after\":[]", "\"after\":[" DIGEST("a") "," DIGEST("b")
		    "]" },
		{ "\"requester\":\"eve@example.org\",", "" },
		{ "\"ticket\":{\"system\":\"halopsa\",\"id\":\"T-1\","
		    "\"url\":\"https://example.org/t/1\"},", "" },
		{ "\"shell\":\"sh\"", "\"shell\":\"bash\"" },
		{ "\"shell\":\"sh\"", "\"shell\":\"powershell\"" },
		{ "\"shell\":\"sh\"", "\"shell\":\"pwsh\"" },
		{ "\"shell\":\"sh\",\"command\":\"df -h\\n\"",
		    "\"shell\":\"pwsh\",\"command\":\" \"" },
		{ "\"shell\":\"sh\",\"command\":\"df -h\\n\"",
		    "\"shell\":\"cmd\",\"command\":\"dir\"" },
		{ "\"command\":\"df -h\\n\",\"unicode\":\"ascii\"",
		    "\"command\":\"echo \\u00e9\",\"unicode\":\"any\"" },
		{ "\"command\":\"df -h\\n\"", "\"command\":\"a\\tb\"" },
		{ "Shows free space.", "Zeigt Gr\303\266\303\237e\\nund \\t" },
		{ "\"profile\":\"observe\"", "\"profile\":\"full\"" },
		{ "\"net\":\"none\"", "\"net\":\"view\"" },
		{ "\"net\":\"none\"", "\"net\":\"host\"" },
		{ "\"read\":\"user\"", "\"read\":\"all\"" },
		{ "\"survivors\":\"kill\"", "\"survivors\":\"keep\"" },
		{ "\"timeout_s\":300", "\"timeout_s\":3600" },
		{ "\"timeout_s\":300", "\"timeout_s\":1" },
		{ "8388608", "1073741824" },
		{ "8388608", "1024" },
		{ "2026-01-11T12:00:00Z", "2026-01-10T12:00:01Z" },
		{ "{\"v\":1,", " {\n\"v\" : 1,\t" }
	};
	size_t i;

	for (i = 0; i < KIT_COUNT(commands); i++)
		card_free(good(KIT_CARD, commands[i].from, commands[i].to));
	buf_free(&text);
}

struct bad {
	const char *from;
	const char *to;
	int err;
	const char *reason;
	const char *detail;	/* what it begins with */
};

static void
check_bad(const char *base, const struct bad *list, size_t n)
{
	struct card *c = NULL;
	struct refusal why;
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		r = parse(base, list[i].from, list[i].to, &c, &why);
		CHECK_MSG(r == list[i].err && c == NULL, "row %zu: %d (%s)",
		    i, r, list[i].to);
		CHECK_MSG(strcmp(why.reason, list[i].reason) == 0,
		    "row %zu: %s: %s", i, why.reason, why.detail);
		CHECK_MSG(strncmp(why.detail, list[i].detail,
		    strlen(list[i].detail)) == 0, "row %zu: %s: %s", i,
		    why.reason, why.detail);
	}
	buf_free(&text);
}

#define MISSING(field) ERR_MISSING_FIELD, "missing_field", field
#define UNKNOWN(field) ERR_UNKNOWN_FIELD, "unknown_field", field
#define RANGE(field) ERR_RANGE, "out_of_range", field
#define SYNTAX(field) ERR_SYNTAX, "malformed", field
#define TYPE(field) ERR_TYPE, "wrong_type", field
#define CHARACTER(field) ERR_CHARACTER, "forbidden_character", field
#define DUPLICATE(field) ERR_DUPLICATE, "duplicate", field

TEST(every_field_is_required)
{
	static const struct bad list[] = {
		{ "{\"v\":1,", "{", MISSING("v: ") },
		{ "\"id\":\"019ba2b1-0000-7000-8000-000000000001\",", "",
		    MISSING("id: ") },
		{ "\"org\":\"acme\",", "", MISSING("org") },
		{ "\"device\":\"" KIT_DEVICE "\",", "", MISSING("device") },
		{ "\"tool\":\"command\",", "", MISSING("tool") },
		{ "\"shell\":\"sh\",", "", MISSING("shell") },
		{ "\"command\":\"df -h\\n\",", "", MISSING("command") },
		{ "\"description\":\"Shows free space.\",", "",
		    MISSING("description") },
		{ "\"profile\":\"observe\",", "", MISSING("profile") },
		{ "\"net\":\"none\",", "", MISSING("net") },
		{ "\"read\":\"user\",", "", MISSING("read") },
		{ "\"write\":[],", "", MISSING("write") },
		{ "\"services\":[],", "", MISSING("services") },
		{ "\"survivors\":\"kill\",", "", MISSING("survivors") },
		{ "\"timeout_s\":300,", "", MISSING("limits.timeout_s") },
		{ "\"memory_mb\":512,", "", MISSING("limits.memory_mb") },
		{ "\"processes\":64,", "", MISSING("limits.processes") },
		{ ",\"output_bytes\":8388608", "",
		    MISSING("limits.output_bytes") },
		{ "\"limits\":{\"timeout_s\":300,\"memory_mb\":512,"
		    "\"processes\":64,\"output_bytes\":8388608},", "",
		    MISSING("limits") },
		{ "\"system\":\"halopsa\",", "", MISSING("ticket.system") },
		{ "\"id\":\"T-1\",", "", MISSING("ticket.id") },
		{ ",\"url\":\"https://example.org/t/1\"", "",
		    MISSING("ticket.url") },
		{ "\"created\":\"2026-01-10T12:00:00Z\",", "",
		    MISSING("created") },
		{ ",\"expires\":\"2026-01-11T12:00:00Z\"", "",
		    MISSING("expires") }
	};

	check_bad(KIT_CARD, list, KIT_COUNT(list));
}

TEST(refuses_the_outside)
{
	static const struct bad list[] = {
		{ "{\"v\":1,", "{\"v\":2,", RANGE("v") },
		{ "{\"v\":1,", "{\"v\":1,\"approved\":true,",
		    UNKNOWN("approved") },
		{ "{\"v\":1,", "{\"v\":1,\"V\":1,", UNKNOWN("V") },
		{ "{\"v\":1,", "{\"v\":1,\"args\":{},", UNKNOWN("args") },
		{ "{\"v\":1,", "{\"v\":1,\"v\":1,", DUPLICATE("") },
		{ "{\"v\":1,", "{\"v\":1,\"\\u202e\":1,", CHARACTER("") },
		{ "{\"v\":1,", "{\"v\":1.0,", RANGE("") },
		{ "{\"v\":1,", "[{\"v\":1,", SYNTAX("") },
		{ "{\"v\":1,", "\357\273\277{\"v\":1,", CHARACTER("") },
		{ "7000-8000-000000000001", "4000-8000-000000000001",
		    SYNTAX("id") },
		{ "019ba2b1", "019BA2B1", SYNTAX("id") },
		{ "\"acme\"", "\"Acme\"", CHARACTER("org") },
		{ "\"acme\"", "\"\"", RANGE("org") },
		{ KIT_DEVICE, "web-1", SYNTAX("device") },
		{ "\"tool\":\"command\"", "\"tool\":\"\"", RANGE("tool") },
		{ "\"tool\":\"command\"", "\"tool\":\"-x\"",
		    CHARACTER("tool") },
		{ "\"tool\":\"command\"", "\"tool\":7", TYPE("tool") },
		{ "\"tool\":\"command\"", "\"tool\":\"x\"",
		    MISSING("args") }
	};
	struct card *c = NULL;
	struct refusal why;

	check_bad(KIT_CARD, list, KIT_COUNT(list));
	CHECK_INT(card_parse(bytes_str("[]"), &c, &why), ERR_TYPE);
	CHECK_STR(why.reason, "wrong_type");
	CHECK_INT(card_parse(bytes_str(""), &c, &why), ERR_SYNTAX);
	CHECK_STR(why.detail, "not well formed (end at byte 0)");
}

TEST(refuses_commands)
{
	static const struct bad list[] = {
		{ "\"shell\":\"sh\"", "\"shell\":\"zsh\"", RANGE("shell") },
		{ "\"shell\":\"sh\"", "\"shell\":\"argv\"",
		    RANGE("shell: argv is") },
		{ "\"command\":\"df -h\\n\"", "\"command\":\"\"",
		    RANGE("command") },
		{ "\"shell\":\"sh\",\"command\":\"df -h\\n\"",
		    "\"shell\":\"cmd\",\"command\":\"\"", RANGE("command") },
		{ "\"command\":\"df -h\\n\"", "\"command\":\"\\u00e9\"",
		    CHARACTER("command") },
		{ "\"command\":\"df -h\\n\"", "\"command\":\"a\\rb\"",
		    CHARACTER("") },
		{ "\"command\":\"df -h\\n\"", "\"command\":\"a\\u001b[2J\"",
		    CHARACTER("") },
		{ "\"command\":\"df -h\\n\"", "\"command\":\"a\\u0000\"",
		    CHARACTER("") },
		{ "\"unicode\":\"ascii\"", "\"unicode\":\"utf8\"",
		    RANGE("unicode") },
		{ "\"command\":\"df -h\\n\",\"unicode\":\"ascii\"",
		    "\"command\":\"\\u202e\",\"unicode\":\"any\"",
		    CHARACTER("") },
		{ "\"shell\":\"sh\",\"command\":\"df -h\\n\"",
		    "\"shell\":\"cmd\",\"command\":\"a\\nb\"",
		    SYNTAX("command: cmd takes one line") },
		{ "\"shell\":\"sh\",\"command\":\"df -h\\n\"",
		    "\"shell\":\"powershell\",\"command\":\"param($a)\"",
		    SYNTAX("command: PowerShell wants") },
		{ "\"shell\":\"sh\",\"command\":\"df -h\\n\"",
		    "\"shell\":\"pwsh\",\"command\":\" \\t\\nUSING x\"",
		    SYNTAX("command: PowerShell wants") },
		{ "\"shell\":\"sh\",\"command\":\"df -h\\n\"",
		    "\"shell\":\"pwsh\",\"command\":\"#Requires -V 5\"",
		    SYNTAX("command: PowerShell wants") },
		{ "Shows free space.", "", RANGE("description") },
		{ "Shows free space.", "a\\u200bb", CHARACTER("") },
		{ "\"profile\":\"observe\"", "\"profile\":\"Full\"",
		    RANGE("profile") },
		{ "\"profile\":\"observe\"", "\"profile\":\"\"",
		    RANGE("profile") },
		{ "\"net\":\"none\"", "\"net\":\"all\"", RANGE("net") },
		{ "\"read\":\"user\"", "\"read\":\"root\"", RANGE("read") },
		{ "\"survivors\":\"kill\"", "\"survivors\":\"\"",
		    RANGE("survivors") },
		{ "\"timeout_s\":300", "\"timeout_s\":0",
		    RANGE("limits.timeout_s") },
		{ "\"timeout_s\":300", "\"timeout_s\":3601",
		    RANGE("limits.timeout_s") },
		{ "\"timeout_s\":300", "\"timeout_s\":\"300\"",
		    TYPE("limits.timeout_s") },
		{ "\"memory_mb\":512", "\"memory_mb\":7",
		    RANGE("limits.memory_mb") },
		{ "\"memory_mb\":512", "\"memory_mb\":1048577",
		    RANGE("limits.memory_mb") },
		{ "\"processes\":64", "\"processes\":0",
		    RANGE("limits.processes") },
		{ "\"processes\":64", "\"processes\":32769",
		    RANGE("limits.processes") },
		{ "8388608", "1073741825", RANGE("limits.output_bytes") },
		{ "8388608", "1023", RANGE("limits.output_bytes") },
		{ "8388608", "8388608,\"cpu\":1", UNKNOWN("limits.cpu") }
	};

	check_bad(KIT_CARD, list, KIT_COUNT(list));
}

#define N17 DIGEST("0") "," DIGEST("1") "," DIGEST("2") "," DIGEST("3") "," \
	DIGEST("4") "," DIGEST("5") "," DIGEST("6") "," DIGEST("7") "," \
	DIGEST("8") "," DIGEST("9") "," DIGEST("a") "," DIGEST("b") "," \
	DIGEST("c") "," DIGEST("d") "," DIGEST("e") "," DIGEST("f") ","

TEST(refuses_the_rest)
{
	static const struct bad list[] = {
		{ "\"after\":[]", "\"after\":[" DIGEST("a") ","
		    DIGEST("a") "]", DUPLICATE("after") },
		{ "\"after\":[]", "\"after\":[\"a\"]", SYNTAX("after") },
		{ "\"after\":[]", "\"after\":[" N17 DIGEST("A") "]",
		    RANGE("after") },
		{ "\"after\":[]", "\"after\":{}", TYPE("after") },
		{ "https://example.org/t/1", "http://example.org/t/1",
		    SYNTAX("ticket.url: no https") },
		{ "https://example.org/t/1", "https://",
		    SYNTAX("ticket.url") },
		{ "https://example.org/t/1", "https:///x",
		    SYNTAX("ticket.url") },
		{ "https://example.org/t/1", "https://a/ b",
		    SYNTAX("ticket.url") },
		{ "https://example.org/t/1", "https://a/\\u00e9",
		    SYNTAX("ticket.url") },
		{ "https://example.org/t/1", "https://a/\\\"",
		    SYNTAX("ticket.url") },
		{ "\"halopsa\"", "\"halo psa\"", CHARACTER("ticket.system") },
		{ "\"T-1\"", "\"T\\n1\"", CHARACTER("ticket.id") },
		{ "\"id\":\"T-1\"", "\"id\":\"T-1\",\"x\":1",
		    UNKNOWN("ticket.x") },
		{ "\"requester\":\"eve@example.org\"", "\"requester\":\"\"",
		    RANGE("requester") },
		{ "\"requester\":\"eve@example.org\"",
		    "\"requester\":\"a\\nb\"", CHARACTER("requester") },
		{ "\"requester\":\"eve@example.org\"", "\"requester\":null",
		    TYPE("requester") },
		{ "2026-01-11T12:00:00Z", "2026-01-10T12:00:00Z",
		    RANGE("expires: not after") },
		{ "2026-01-11T12:00:00Z", "2026-01-11T12:00:01Z",
		    RANGE("expires: more than 24 h") },
		{ "2026-01-11T12:00:00Z", "2026-01-11T12:00:00+00:00",
		    SYNTAX("expires") },
		{ "\"created\":\"2026-01-10T12:00:00Z\"", "\"created\":0",
		    TYPE("created") }
	};

	check_bad(KIT_CARD, list, KIT_COUNT(list));
}

#define FULL(field) ERR_DENIED, "needs_full", field

TEST(refuses_repairs)
{
	static const struct bad list[] = {
		{ EMPTY, OBSERVE "\"write\":[\"/srv\"],\"services\":[]",
		    RANGE("write") },
		{ EMPTY, OBSERVE "\"write\":[],\"services\":["
		    UNIT("a.service", "\"stop\"") "]", RANGE("services") },
		{ EMPTY, WITH("\"srv\"", ""), SYNTAX("write") },
		{ EMPTY, WITH("\"/srv/../etc\"", ""), SYNTAX("write") },
		{ EMPTY, WITH("\"/srv/\"", ""), SYNTAX("write") },
		{ EMPTY, WITH("\"\"", ""), RANGE("write") },
		{ EMPTY, WITH("\"/a\",\"/a\"", ""), DUPLICATE("write") },
		{ EMPTY, WITH("\"/etc/nginx\"", ""), FULL("write: ") },
		{ EMPTY, WITH("\"/\"", ""), FULL("write: ") },
		{ EMPTY, WITH("1", ""), TYPE("write") },
		{ EMPTY, WITH("", UNIT("nginx", "\"stop\"")),
		    SYNTAX("services.unit") },
		{ EMPTY, WITH("", UNIT(".service", "\"stop\"")),
		    SYNTAX("services.unit") },
		{ EMPTY, WITH("", UNIT("-a.service", "\"stop\"")),
		    SYNTAX("services.unit") },
		{ EMPTY, WITH("", UNIT("a/b.service", "\"stop\"")),
		    SYNTAX("services.unit") },
		{ EMPTY, WITH("", UNIT("aaa.socket", "\"stop\"")),
		    SYNTAX("services.unit") },
		{ EMPTY, WITH("", UNIT("a[.service", "\"stop\"")),
		    SYNTAX("services.unit") },
		{ EMPTY, WITH("", UNIT("a{.service", "\"stop\"")),
		    SYNTAX("services.unit") },
		{ EMPTY, WITH("", UNIT("a;.service", "\"stop\"")),
		    SYNTAX("services.unit") },
		{ EMPTY, WITH("", UNIT("", "\"stop\"") ","
		    UNIT("b.service", "\"stop\"")),
		    RANGE("services.unit") },
		{ EMPTY, WITH("", UNIT("", "\"stop\"")),
		    RANGE("services.unit") },
		{ EMPTY, WITH("", UNIT("a.service", "")),
		    RANGE("services.verbs") },
		{ EMPTY, WITH("", UNIT("a.service", "\"mask\"")),
		    RANGE("verbs") },
		{ EMPTY, WITH("", UNIT("a.service", "\"stop\",\"stop\"")),
		    DUPLICATE("services.verbs") },
		{ EMPTY, WITH("", UNIT("a.service", "\"stop\"") ","
		    UNIT("a.service", "\"start\"")),
		    DUPLICATE("services.unit") },
		{ EMPTY, WITH("", "{\"unit\":\"a.service\"}"),
		    MISSING("services.verbs") },
		{ EMPTY, WITH("", "{\"unit\":\"a.service\",\"verbs\":[\"stop\""
		    "],\"x\":1}"), UNKNOWN("services.x") }
	};

	check_bad(KIT_CARD, list, KIT_COUNT(list));
}

TEST(refuses_named_tools)
{
	static const struct bad list[] = {
		{ "\"args\":{\"path\":\"/srv\"},", "", MISSING("args") },
		{ "{\"path\":\"/srv\"}", "[]", TYPE("args") },
		{ "{\"path\":\"/srv\"}", "{\"Path\":\"/srv\"}",
		    SYNTAX("args: no name") },
		{ "{\"path\":\"/srv\"}", "{\"\":\"/srv\"}",
		    SYNTAX("args: no name") },
		{ "{\"path\":\"/srv\"}", "{\"a-b\":\"/srv\"}",
		    SYNTAX("args: no name") },
		{ "{\"path\":\"/srv\"}", "{\"{a\":\"/srv\"}",
		    SYNTAX("args: no name") },
		{ "{\"path\":\"/srv\"}", "{\"a{\":\"/srv\"}",
		    SYNTAX("args: no name") },
		{ "{\"path\":\"/srv\"}", "{\"aB\":\"/srv\"}",
		    SYNTAX("args: no name") },
		{ "{\"path\":\"/srv\"}", "{\"a12345678901234567890123456789"
		    "012\":1}", SYNTAX("args: no name") },
		{ "{\"path\":\"/srv\"}", "{\"path\":true}",
		    TYPE("args.path") },
		{ "{\"path\":\"/srv\"}", "{\"path\":[\"/\"]}",
		    TYPE("args.path") },
		{ "{\"path\":\"/srv\"}", "{\"path\":\"a\\u0007\"}",
		    CHARACTER("") },
		{ "\"args\"", "\"shell\":\"sh\",\"args\"", UNKNOWN("shell") },
		{ "\"args\"", "\"command\":\"x\",\"args\"",
		    UNKNOWN("command") },
		{ "\"args\"", "\"profile\":\"full\",\"args\"",
		    UNKNOWN("profile") },
		{ "\"args\"", "\"net\":\"host\",\"args\"", UNKNOWN("net") },
		{ "\"args\"", "\"read\":\"all\",\"args\"", UNKNOWN("read") },
		{ "\"args\"", "\"write\":[],\"args\"", UNKNOWN("write") },
		{ "\"args\"", "\"services\":[],\"args\"",
		    UNKNOWN("services") },
		{ "\"args\"", "\"survivors\":\"keep\",\"args\"",
		    UNKNOWN("survivors") },
		{ "\"args\"", "\"limits\":{},\"args\"", UNKNOWN("limits") },
		{ "\"args\"", "\"unicode\":\"any\",\"args\"",
		    UNKNOWN("unicode") }
	};

	check_bad(KIT_TOOL_CARD, list, KIT_COUNT(list));
}

/* Replaces `from` by n times what `unit` is. */
static int
parse_many(const char *base, const char *from, const char *before,
    const char *unit, size_t n, const char *after, struct refusal *why)
{
	struct card *c = NULL;
	struct buf to;
	int r;

	buf_init(&to, KIT_MAX);
	buf_put_str(&to, before);
	while (n-- > 0)
		buf_put_str(&to, unit);
	buf_put_str(&to, after);
	buf_put_u8(&to, 0);
	CHECK_INT(buf_error(&to), 0);
	r = parse(base, from, (const char *)to.p, &c, why);
	card_free(c);
	buf_free(&to);
	buf_free(&text);
	return r;
}

#define COMMAND "\"command\":\"df -h\\n\",\"unicode\":\"ascii\""
#define ANY_END "\",\"unicode\":\"any\""

TEST(lengths_to_the_last)
{
	static const struct {
		const char *from;
		const char *before;
		const char *unit;
		size_t most;
		const char *after;
		int err;
	} rows[] = {
		{ COMMAND, "\"command\":\"", "a", 8192,
		    "\",\"unicode\":\"ascii\"", ERR_RANGE },
		/* Units, not characters: two for each of these. */
		{ COMMAND, "\"command\":\"", "\360\237\230\200", 4096,
		    ANY_END, ERR_RANGE },
		{ "Shows free space.", "", "\303\244", 2000, "", ERR_RANGE },
		{ "eve@example.org", "", "e", 254, "", ERR_RANGE },
		{ "\"T-1\"", "\"", "T", 128, "\"", ERR_RANGE },
		{ "example.org/t/1", "", "e", 2040, "", ERR_RANGE },
		{ "halopsa", "", "h", 64, "", ERR_RANGE },
		{ EMPTY, REPAIR "\"services\":[],\"write\":[\"/", "a", 4094,
		    "\"]", ERR_RANGE },
		{ EMPTY, REPAIR "\"write\":[],\"services\":[{\"unit\":\"", "a",
		    247, ".service\",\"verbs\":[\"stop\"]}]", ERR_RANGE },
		/* White space: the whole payload. */
		{ "\"after\":[]", "", " ", CAP_CARD - sizeof(KIT_CARD) + 1,
		    "\"after\":[]", ERR_TOO_LARGE }
	};
	struct refusal why;
	size_t i;

	for (i = 0; i < KIT_COUNT(rows); i++) {
		CHECK_MSG(parse_many(KIT_CARD, rows[i].from, rows[i].before,
		    rows[i].unit, rows[i].most, rows[i].after, &why) == 0,
		    "row %zu: %s: %s", i, why.reason, why.detail);
		CHECK_MSG(parse_many(KIT_CARD, rows[i].from, rows[i].before,
		    rows[i].unit, rows[i].most + 1, rows[i].after, &why) ==
		    rows[i].err, "row %zu: %s: %s", i, why.reason,
		    why.detail);
	}
	CHECK_STR(why.reason, "too_large");
	CHECK_INT(parse_many(KIT_CARD, COMMAND, "\"command\":\"",
	    "\360\237\230\200", 4097, ANY_END, &why), ERR_RANGE);
	CHECK_STR(why.detail, "command: more than 8,192 UTF-16 code units");
}

TEST(cmd_is_shorter)
{
	struct refusal why;

	CHECK_INT(parse_many(KIT_CARD, "\"shell\":\"sh\",\"command\":"
	    "\"df -h\\n\"", "\"shell\":\"cmd\",\"command\":\"", "a", 8000,
	    "\"", &why), 0);
	CHECK_INT(parse_many(KIT_CARD, "\"shell\":\"sh\",\"command\":"
	    "\"df -h\\n\"", "\"shell\":\"cmd\",\"command\":\"", "a", 8001,
	    "\"", &why), ERR_RANGE);
	CHECK_STR(why.detail, "command: cmd takes at most 8,000 characters");
}

/* A list whose items have two letters for ##, so that no two are the same. */
static int
parse_list(const char *base, const char *from, const char *item, size_t n,
    const char *after, struct refusal *why)
{
	const char *before = strchr(item, '|');
	struct card *c = NULL;
	struct buf to;
	size_t i;
	const char *p;
	int r, nth;

	buf_init(&to, KIT_MAX);
	buf_put(&to, item, (size_t)(before - item));
	for (i = 0; i < n; i++) {
		buf_put_str(&to, i > 0 ? "," : "");
		nth = 0;
		for (p = before + 1; *p != '\0'; p++)
			buf_put_u8(&to, *p != '#' ? (uint8_t)*p :
			    (uint8_t)('a' + (nth++ == 0 ? i / 26 : i % 26)));
	}
	buf_put_str(&to, after);
	buf_put_u8(&to, 0);
	r = parse(base, from, (const char *)to.p, &c, why);
	card_free(c);
	buf_free(&to);
	buf_free(&text);
	return r;
}

TEST(lists_to_the_last)
{
	static const struct {
		const char *base;
		const char *from;
		const char *item;	/* before, '|', one item */
		size_t most;
		const char *after;
	} rows[] = {
		{ KIT_CARD, EMPTY, REPAIR "\"services\":[],\"write\":["
		    "|\"/srv/##\"", 32, "]" },
		{ KIT_CARD, EMPTY, REPAIR "\"write\":[],\"services\":["
		    "|{\"unit\":\"##.service\",\"verbs\":[\"stop\"]}", 32,
		    "]" },
		{ KIT_TOOL_CARD, "{\"path\":\"/srv\"}", "{|\"##\":1", 32, "}" }
	};
	struct refusal why;
	size_t i;

	for (i = 0; i < KIT_COUNT(rows); i++) {
		CHECK_MSG(parse_list(rows[i].base, rows[i].from, rows[i].item,
		    rows[i].most, rows[i].after, &why) == 0, "row %zu: %s", i,
		    why.detail);
		CHECK_MSG(parse_list(rows[i].base, rows[i].from, rows[i].item,
		    rows[i].most + 1, rows[i].after, &why) == ERR_RANGE,
		    "row %zu: %s", i, why.detail);
	}
}

TEST(time_and_target)
{
	struct card *c = good(KIT_CARD, NULL, NULL);
	int64_t now = kit_time(KIT_NOW);
	struct refusal why;

	CHECK_INT(card_check_time(c, now - 300, &why), 0);
	CHECK_INT(card_check_time(c, now - 301, &why), ERR_FUTURE);
	CHECK_STR(why.reason, "from_the_future");
	CHECK_INT(card_check_time(c, now + 86399, &why), 0);
	CHECK_INT(card_check_time(c, now + 86400, &why), ERR_EXPIRED);
	CHECK_STR(why.reason, "expired");
	CHECK_INT(card_check_target(c, bytes_str("acme"),
	    bytes_str(KIT_DEVICE), &why), 0);
	CHECK_INT(card_check_target(c, bytes_str("acme2"),
	    bytes_str(KIT_DEVICE), &why), ERR_ORG);
	CHECK_STR(why.reason, "wrong_org");
	CHECK_INT(card_check_target(c, bytes_str("acme"),
	    bytes_str(KIT_DEVICE_2), &why), ERR_DEVICE);
	CHECK_STR(why.reason, "wrong_device");
	card_free(c);
	buf_free(&text);
}

/* The fields of a parsed card, written again. */
static void
fields_of(const struct card *c, struct card_fields *f)
{
	memset(f, 0, sizeof(*f));
	f->id = bytes_str(c->id);
	f->org = c->org;
	f->device = c->device;
	f->tool = c->tool;
	f->description = c->description;
	f->created = c->created;
	f->expires = c->expires;
	f->after = c->after;
	f->n_after = c->n_after;
	f->ticket = c->ticket;
	f->requester = c->requester;
	f->unicode_any = c->unicode_any;
	f->action = c->action;
	f->args = c->args;
	f->n_args = c->n_args;
}

TEST(writes_what_it_reads)
{
	static const struct {
		const char *base;
		struct change change;
	} rows[] = {
		{ KIT_CARD, { NULL, NULL } },
		{ KIT_TOOL_CARD, { "{\"path\":\"/srv\"}",
		    "{\"path\":\"/srv\",\"n\":-7}" } },
		{ KIT_CARD, { EMPTY, WITH("\"/srv/app\"",
		    UNIT("a.service", "\"stop\",\"status\"")) } },
		{ KIT_CARD, { COMMAND, "\"command\":\"\\u00e9 \\\"\\\\\""
		    ",\"unicode\":\"any\"" } },
		{ KIT_CARD, { "\"after\":[]", "\"after\":[" DIGEST("a") ","
		    DIGEST("b") "]" } }
	};
	struct card_fields f;
	struct card *c, *d;
	struct buf one, two;
	struct refusal why;
	size_t i;

	for (i = 0; i < KIT_COUNT(rows); i++) {
		c = good(rows[i].base, rows[i].change.from,
		    rows[i].change.to);
		fields_of(c, &f);
		buf_init(&one, CAP_CARD);
		card_write(&one, &f);
		CHECK_INT(buf_error(&one), 0);
		CHECK_INT(card_parse(buf_bytes(&one), &d, &why), 0);
		fields_of(d, &f);
		buf_init(&two, CAP_CARD);
		card_write(&two, &f);
		CHECK_MEM(two.p, two.n, one.p, one.n);
		CHECK(bytes_equal(c->action.text, d->action.text));
		CHECK_INT(c->action.write.n, d->action.write.n);
		CHECK_INT(c->n_after, d->n_after);
		CHECK_INT(c->n_args, d->n_args);
		card_free(c);
		card_free(d);
		buf_free(&one);
		buf_free(&two);
	}
	buf_free(&text);
}

static void
check_memory(const char *base, const char *from, const char *to)
{
	struct card *c;
	struct refusal why;
	struct buf b;
	int err;

	buf_init(&b, KIT_MAX);
	kit_edit(&b, base, from, to);
	OOM_LOOP {
		c = NULL;
		err = card_parse(buf_bytes(&b), &c, &why);
		CHECK_INT(err, OOM_FIRED() ? ERR_NOMEM : 0);
		if (err != 0)
			CHECK_STR(why.reason, "no_memory");
		card_free(c);
	}
	buf_free(&b);
}

TEST(without_memory)
{
	check_memory(KIT_TOOL_CARD, NULL, NULL);
	check_memory(KIT_CARD, "\"after\":[]",
	    "\"after\":[" DIGEST("a") "]");
	check_memory(KIT_CARD, EMPTY, WITH("\"/srv/app\"",
	    UNIT("a.service", "\"stop\"")));
}

/* Every flipped bit is refused or makes another card of it. */
TEST(no_bit_is_without_meaning)
{
	struct card *c = good(KIT_CARD, NULL, NULL), *d;
	struct sha256 digest = c->digest;
	struct refusal why;
	size_t i;
	int bit;

	card_free(c);
	for (i = 0; i < text.n; i++) {
		for (bit = 0; bit < 8; bit++) {
			text.p[i] ^= (uint8_t)(1u << bit);
			d = NULL;
			if (card_parse(buf_bytes(&text), &d, &why) == 0)
				CHECK(!sha256_equal(&d->digest, &digest));
			else
				CHECK(why.reason[0] != '\0');
			card_free(d);
			text.p[i] ^= (uint8_t)(1u << bit);
		}
	}
	buf_free(&text);
}

TEST_MAIN()
