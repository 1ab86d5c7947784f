/*
 * seatbelt_text.c - the profiles of Seatbelt, as text.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner, courier.
 *
 * A profile is text (SBPL) that libsandbox compiles; a later rule that matches
 * beats an earlier one; what no rule matches is denied. Paths are parameters,
 * never pasted into the text, and real paths: the kernel compares what it
 * resolved, /private/tmp and not /tmp. Nothing in this file is macOS's alone,
 * so that the rules can be tried anywhere (tests/interop/test_seatbelt.py).
 */
#include "platform/macos/seatbelt.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_CAP 65536

/*
 * Set-id programs stay forbidden (forbidden-exec-sugid is nowhere allowed), as
 * do other processes' task ports, kernel extensions, mounts, the clock, and
 * every Mach service but those named: launchd's, through which a process can
 * have another one started outside, is not among them.
 */
static const char base[] =
    "(version 1)\n"
    "(deny default)\n"
    "(allow process-exec*)\n"
    "(allow process-fork)\n"
    "(allow signal (target same-sandbox))\n"
    "(allow sysctl-read)\n"
    "(allow process-info*)\n"
    "(deny process-info-setcontrol)\n"
    "(deny process-info-dirtycontrol)\n"
    "(allow file-read*)\n"
    "(allow file-map-executable)\n"
    "(allow file-write-data file-ioctl\n"
    "	(literal \"/dev/null\") (literal \"/dev/zero\"))\n"
    "(allow file-write-data (regex #\"^/dev/fd/[0-9]+$\")\n"
    "	(literal \"/dev/stdout\") (literal \"/dev/stderr\"))\n"
    "(allow file-write* (subpath (param \"TMP\")))\n"
    "(allow mach-lookup\n"
    "	(global-name \"com.apple.system.opendirectoryd.libinfo\")\n"
    "	(global-name \"com.apple.system.opendirectoryd.membership\")\n"
    "	(global-name \"com.apple.system.notification_center\"))\n";

/* Questions that a process without rights may ask; root might change things
 * through the same services. */
static const char observe[] =
    "(allow mach-lookup\n"
    "	(global-name \"com.apple.SystemConfiguration.configd\")\n"
    "	(global-name \"com.apple.system.logger\")\n"
    "	(global-name \"com.apple.logd\")\n"
    "	(global-name \"com.apple.diagnosticd\"))\n";

static const char net_view[] =
    "(allow system-socket)\n";

static const char net_host[] =
    "(allow system-socket)\n"
    "(allow network-outbound (remote ip \"*:*\")\n"
    "	(literal \"/private/var/run/mDNSResponder\"))\n"
    "(allow network-inbound (local ip \"*:*\"))\n"
    "(allow network-bind (local ip \"*:*\"))\n";

/* Last, so that they beat what a root or the reading of everything allows. */
static const char secrets[] =
    "(deny file-read* file-write*\n"
    "	(literal \"/private/etc/master.passwd\")\n"
    "	(subpath \"/private/var/db/dslocal\")\n"
    "	(subpath \"/private/var/root/.ssh\")\n"
    "	(subpath \"/Library/Keychains\"))\n"
    "(deny file-write-setugid)\n";

static const char courier[] =
    "(version 1)\n"
    "(deny default)\n"
    "(allow signal (target self))\n"
    "(allow sysctl-read)\n"
    "(allow file-read-metadata)\n"
    "(allow file-read*\n"
    "	(subpath \"/private/etc\") (subpath \"/usr/lib\")\n"
    "	(subpath \"/usr/share/zoneinfo\")\n"
    "	(subpath \"/private/var/db/timezone\")\n"
    "	(subpath \"/System/Library\")\n"
    "	(literal \"/dev/random\") (literal \"/dev/urandom\"))\n"
    "(allow file-map-executable\n"
    "	(subpath \"/usr/lib\") (subpath \"/System/Library\"))\n"
    "(deny file-read* (literal \"/private/etc/master.passwd\"))\n"
    "(allow system-socket)\n"
    "(allow network-outbound (remote ip \"*:*\")\n"
    "	(literal \"/private/var/run/mDNSResponder\"))\n"
    "(allow mach-lookup\n"
    "	(global-name \"com.apple.system.opendirectoryd.libinfo\")\n"
    "	(global-name \"com.apple.SystemConfiguration.configd\")\n"
    "	(global-name \"com.apple.system.notification_center\"))\n";

static void
put(struct buf *b, const char *text)
{
	buf_put_str(b, text);
}

/* One more parameter; the value is copied. */
static int
add_param(struct seatbelt_text *t, const char *name, const char *value)
{
	char *n = strdup(name), *v = strdup(value);

	if (n == NULL || v == NULL || t->n_params + 3 > SEATBELT_PARAMS_MAX) {
		free(n);
		free(v);
		return ERR_NOMEM;
	}
	t->owned[t->n_owned++] = n;
	t->owned[t->n_owned++] = v;
	t->params[t->n_params++] = n;
	t->params[t->n_params++] = v;
	t->params[t->n_params] = NULL;
	return 0;
}

/* A path as the kernel will see it. */
static int
add_path(struct seatbelt_text *t, const char *name, const char *path)
{
	char real[PATH_MAX];

	if (realpath(path, real) == NULL)
		return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND :
		    ERR_PERMISSION;
	return add_param(t, name, real);
}

/* A root may be written, but itself neither removed nor moved. */
static int
put_roots(struct seatbelt_text *t, const struct plan *p)
{
	char name[24], rule[160];
	size_t i;
	int r;

	for (i = 0; i < p->n_roots; i++) {
		(void)snprintf(name, sizeof(name), "W%zu", i);
		if ((r = add_path(t, name, p->roots[i])) != 0)
			return r;
		(void)snprintf(rule, sizeof(rule),
		    "(allow file-write* (subpath (param \"%s\")))\n"
		    "(deny file-write-unlink (literal (param \"%s\")))\n",
		    name, name);
		put(&t->text, rule);
	}
	return 0;
}

/* A mask that is not there is none. */
static int
put_masks(struct seatbelt_text *t, const struct plan *p)
{
	char name[24], rule[96];
	size_t i;
	int r;

	for (i = 0; i < p->n_masks; i++) {
		(void)snprintf(name, sizeof(name), "M%zu", i);
		if ((r = add_path(t, name, p->masks[i])) == ERR_NOT_FOUND)
			continue;
		if (r != 0)
			return r;
		(void)snprintf(rule, sizeof(rule), "(deny file-read* "
		    "file-write* (subpath (param \"%s\")))\n", name);
		put(&t->text, rule);
	}
	return 0;
}

static int
put_confined(struct seatbelt_text *t, enum seatbelt_profile which,
    const struct seatbelt_facts *facts)
{
	const struct plan *p = facts->plan;
	int r;

	put(&t->text, base);
	if ((r = add_path(t, "TMP", facts->tmp)) != 0)
		return r;
	if (which == SEATBELT_OBSERVE)
		put(&t->text, observe);
	if (p->net == PLAN_NET_VIEW)
		put(&t->text, net_view);
	if (p->net == PLAN_NET_HOST)
		put(&t->text, net_host);
	if (which == SEATBELT_REPAIR && (r = put_roots(t, p)) != 0)
		return r;
	put(&t->text, secrets);
	return put_masks(t, p);
}

int
seatbelt_write(enum seatbelt_profile which, const struct seatbelt_facts *facts,
    struct seatbelt_text *ret_t)
{
	struct seatbelt_text t = { .n_params = 0 };
	int r = 0;

	buf_init(&t.text, TEXT_CAP);
	if (which == SEATBELT_COURIER)
		put(&t.text, courier);
	else
		r = put_confined(&t, which, facts);
	/* The compiler of it takes a C string. */
	buf_put_u8(&t.text, 0);
	if (r == 0)
		r = buf_error(&t.text);
	if (r != 0) {
		seatbelt_fini(&t);
		return r;
	}
	*ret_t = t;
	return 0;
}

void
seatbelt_fini(struct seatbelt_text *t)
{
	size_t i;

	for (i = 0; i < t->n_owned; i++)
		free(t->owned[i]);
	t->n_owned = t->n_params = 0;
	buf_free(&t->text);
}
