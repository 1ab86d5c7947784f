/*
 * test_settings.c - tests of console/settings.c.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "console/settings.h"
#include "tests/harness/test.h"

#include <stdio.h>

TEST(addresses)
{
	static const struct {
		const char *text;
		int err;
		const char *host;
		unsigned port;
	} rows[] = {
		{ "127.0.0.1:0", 0, "127.0.0.1", 0 },
		{ "0.0.0.0:65535", 0, "0.0.0.0", 65535 },
		{ "[::1]:8443", 0, "::1", 8443 },
		{ "a:1", 0, "a", 1 },
		{ "127.0.0.1", ERR_SYNTAX, "", 0 },
		{ "127.0.0.1:", ERR_SYNTAX, "", 0 },
		{ ":80", ERR_SYNTAX, "", 0 },
		{ "::1:80", ERR_SYNTAX, "", 0 },
		{ "a:8x", ERR_SYNTAX, "", 0 },
		{ "a:-1", ERR_SYNTAX, "", 0 },
		{ "a:65536", ERR_RANGE, "", 0 },
		{ "a:123456", ERR_SYNTAX, "", 0 },
		{ "", ERR_SYNTAX, "", 0 }
	};
	struct settings_listen l;
	size_t i;
	int err;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&l, 0, sizeof(l));
		err = settings_parse_listen(bytes_str(rows[i].text), &l);
		CHECK_MSG(err == rows[i].err, "%s: %d", rows[i].text, err);
		CHECK_STR(l.host, rows[i].host);
		CHECK_INT(l.port, rows[i].port);
	}
}

TEST(an_address_that_is_too_long)
{
	char text[400];
	struct settings_listen l;

	memset(text, 'a', sizeof(text));
	memcpy(text + 300, ":80", 4);
	CHECK_INT(settings_parse_listen(bytes_str(text), &l), ERR_TOO_LARGE);
}

TEST(loopback)
{
	static const struct {
		const char *host;
		bool local;
	} rows[] = {
		{ "127.0.0.1", true }, { "127.9.9.9", true }, { "::1", true },
		{ "0.0.0.0", false }, { "::", false }, { "10.127.0.1", false },
		{ "1270.0.0.1", false }, { "", false }
	};
	struct settings_listen l;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&l, 0, sizeof(l));
		memcpy(l.host, rows[i].host, strlen(rows[i].host));
		CHECK_MSG(settings_is_loopback(&l) == rows[i].local, "%s",
		    rows[i].host);
	}
}

/* Reads a configuration with that text. */
static int
read_text(const char *text, char *why, size_t size, struct settings *s)
{
	char path[] = "/tmp/test_settings.XXXXXX";
	int fd = mkstemp(path), err;

	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	(void)close(fd);
	err = settings_read(path, why, size, s);
	(void)unlink(path);
	return err;
}

#define AGENTS "\"agents\":{\"listen\":\"[::]:8443\",\"names\":[\"a\",\"b\"]}"
#define API "\"api\":{\"listen\":\"127.0.0.1:80\"}"

TEST(defaults)
{
	char why[128];
	struct settings s;

	CHECK_INT(read_text("{\"data\":\"/d\"," AGENTS "," API "}", why,
	    sizeof(why), &s), 0);
	CHECK_STR(s.data, "/d");
	CHECK_STR(s.agents.host, "::");
	CHECK_INT(s.n_names, 2);
	CHECK_STR(s.names[1], "b");
	CHECK_STR(s.address, "");
	CHECK(!s.behind_proxy);
	CHECK_INT(s.connections, 4096);
	CHECK_INT(s.unproven, 256);
	CHECK_INT(s.api_connections, 1024);
	CHECK_INT(s.device_mb, 8192);
	settings_free(&s);
	settings_free(&s);
}

TEST(refused)
{
	static const struct {
		const char *text;
		int err;
		const char *word;
	} rows[] = {
		{ "", ERR_SYNTAX, "JSON" },
		{ "{}", ERR_MISSING_FIELD, "data" },
		{ "{\"data\":\"/d\"," AGENTS "}", ERR_MISSING_FIELD, "api" },
		{ "{\"data\":\"/d\"," AGENTS "," API ",\"x\":1}",
		    ERR_UNKNOWN_FIELD, "x" },
		{ "{\"data\":\"/d\"," AGENTS ","
		    "\"api\":{\"listen\":\"0.0.0.0:80\"}}", ERR_DENIED,
		    "behind_proxy" },
		{ "{\"data\":\"/d\"," AGENTS "," API ","
		    "\"limits\":{\"device_mb\":0}}", ERR_RANGE,
		    "limits.device_mb" },
		{ "{\"data\":\"/d\",\"agents\":{\"listen\":\"a:1\","
		    "\"names\":[\"a\"],\"address\":\"x\"}," API "}",
		    ERR_RANGE, "agents.address" }
	};
	char why[128];
	struct settings s;
	size_t i;
	int err;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		why[0] = '\0';
		err = read_text(rows[i].text, why, sizeof(why), &s);
		CHECK_MSG(err == rows[i].err, "row %zu: %d %s", i, err, why);
		CHECK_MSG(strstr(why, rows[i].word) != NULL, "row %zu: %s", i,
		    why);
	}
	CHECK_INT(settings_read("/nonexistent", why, sizeof(why), &s),
	    ERR_NOT_FOUND);
}

TEST(behind_a_proxy_it_may_listen_anywhere)
{
	char why[128];
	struct settings s;

	CHECK_INT(read_text("{\"data\":\"/d\"," AGENTS ",\"api\":"
	    "{\"listen\":\"0.0.0.0:80\",\"behind_proxy\":true}}", why,
	    sizeof(why), &s), 0);
	CHECK(s.behind_proxy);
	settings_free(&s);
}

TEST_MAIN()
