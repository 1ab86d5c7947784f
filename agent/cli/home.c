/*
 * home.c - what the tool keeps for a person: pins, and versions seen.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/home.h"

#include "common/jsonw.h"
#include "platform/paths.h"
#include "platform/userfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIN_MAX 512
#define SEEN_MAX 65536

/* A folder of ours below the configuration folder. */
static int
folder(const char *name, char ret_path[HOME_PATH_SIZE])
{
	char base[HOME_PATH_SIZE];
	int n, err;

	if ((err = paths_user_config(base, sizeof(base))) != 0)
		return err;
	n = snprintf(ret_path, HOME_PATH_SIZE, "%s/%s", base, name);
	return n > 0 && n < HOME_PATH_SIZE ? 0 : ERR_TOO_LARGE;
}

static int
join(const char *dir, const char *name, char ret_path[HOME_PATH_SIZE])
{
	int n = snprintf(ret_path, HOME_PATH_SIZE, "%s/%s", dir, name);

	return n > 0 && n < HOME_PATH_SIZE ? 0 : ERR_TOO_LARGE;
}

/* ---- pins ---- */

static int
read_pin(const char *path, struct pin *ret_pin)
{
	struct buf b;
	int err;

	buf_init(&b, 131072);
	err = userfile_read(path, PIN_MAX, &b);
	while (b.n > 0 && (b.p[b.n - 1] == '\n' || b.p[b.n - 1] == '\r'))
		b.n--;
	if (err == 0)
		err = pin_parse(buf_bytes(&b), ret_pin);
	buf_free(&b);
	return err;
}

static bool
same_pin(const struct pin *a, const struct pin *b)
{
	return sha256_equal(&a->root, &b->root) &&
	    memcmp(a->min_version, b->min_version,
	    sizeof(a->min_version)) == 0;
}

static int
write_pin(const char *path, const struct pin *pin)
{
	struct buf b;
	int err;

	buf_init(&b, PIN_MAX);
	pin_write(&b, pin);
	buf_put_str(&b, "\n");
	if ((err = buf_error(&b)) == 0)
		err = userfile_write(path, buf_bytes(&b), USERFILE_PRIVATE,
		    false);
	buf_free(&b);
	return err;
}

int
home_install_pin(const struct pin *pin, bool replace)
{
	char dir[HOME_PATH_SIZE], path[HOME_PATH_SIZE];
	struct pin old;
	int err;

	if ((err = folder("pins", dir)) != 0)
		return complain(CLI_FAILED, "set HOME", "there is no folder"
		    " to keep the pin in");
	if ((err = userfile_make_dirs(dir, USERFILE_PRIVATE)) != 0)
		return complain_err(err, dir);
	if ((err = join(dir, pin->org, path)) != 0)
		return complain_err(err, dir);
	if (!replace && read_pin(path, &old) == 0 && !same_pin(&old, pin))
		return complain(CLI_REFUSED, "ask the owner whether that is"
		    " right, then say --replace", "%s: another pin of this org"
		    " is installed", pin->org);
	err = write_pin(path, pin);
	return err != 0 ? complain_err(err, path) : CLI_DONE;
}

struct each {
	const char *dir;
	home_pin_fn *fn;
	void *arg;
};

static int
each_file(void *arg, const char *name)
{
	struct each *e = arg;
	char path[HOME_PATH_SIZE];
	struct pin pin;

	/* A name that is not the org inside would be a pin for nobody. */
	if (join(e->dir, name, path) != 0 || read_pin(path, &pin) != 0 ||
	    strcmp(pin.org, name) != 0)
		return 0;
	return e->fn(e->arg, &pin);
}

int
home_each_pin(home_pin_fn *fn, void *arg)
{
	char dir[HOME_PATH_SIZE];
	struct each e = { dir, fn, arg };
	int err;

	if ((err = folder("pins", dir)) != 0)
		return err == ERR_NOT_FOUND ? 0 : err;
	err = userfile_list(dir, each_file, &e);
	return err == ERR_NOT_FOUND ? 0 : err;
}

/* ---- versions seen ---- */

static int
seen_path(const char *org, const char *device, bool make,
    char ret_path[HOME_PATH_SIZE])
{
	char dir[HOME_PATH_SIZE];
	int err;

	if ((err = folder("seen", dir)) != 0)
		return err;
	if (make &&
	    (err = userfile_make_dirs(dir, USERFILE_PRIVATE)) != 0)
		return err;
	/* One small file for the org, and one for each device. */
	if (snprintf(ret_path, HOME_PATH_SIZE, "%s/%s%s%s", dir, org,
	    device[0] != '\0' ? "," : "", device) >= HOME_PATH_SIZE)
		return ERR_TOO_LARGE;
	return 0;
}

static int
read_versions(const char *path, int first, int last, int64_t *v)
{
	int64_t got[TRUST_FILES] = { 0 };
	struct doc_obj o;
	struct doc *d;
	struct buf b;
	int err, i;

	buf_init(&b, 2 * SEEN_MAX);
	if ((err = userfile_read(path, SEEN_MAX, &b)) != 0) {
		buf_free(&b);
		return err == ERR_NOT_FOUND ? 0 : err;
	}
	err = doc_parse(buf_bytes(&b), 0, &d);
	buf_free(&b);
	if (err != 0)
		return err;
	o = doc_root(d);
	for (i = first; i <= last; i++)
		doc_int(&o, trust_file_word((enum trust_file)i), 0,
		    CAP_VERSION, &got[i]);
	doc_end(&o);
	err = doc_error(d);
	doc_free(d);
	for (i = first; err == 0 && i <= last; i++)
		v[i] = got[i];
	return err;
}

static int
write_versions(const char *path, int first, int last, const int64_t *v)
{
	struct jsonw w;
	struct buf b;
	int err, i;

	buf_init(&b, SEEN_MAX);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	for (i = first; i <= last; i++)
		jsonw_int(&w, trust_file_word((enum trust_file)i), v[i]);
	jsonw_obj_end(&w);
	buf_put_str(&b, "\n");
	if ((err = buf_error(&b)) == 0)
		err = userfile_write(path, buf_bytes(&b), USERFILE_PRIVATE,
		    false);
	buf_free(&b);
	return err;
}

int
home_seen_read(const char *org, const char *device, struct home_seen *ret_s)
{
	char path[HOME_PATH_SIZE];
	struct home_seen s;
	int err;

	memset(&s, 0, sizeof(s));
	if ((err = seen_path(org, "", false, path)) == 0)
		err = read_versions(path, TRUST_ROOT, TRUST_POLICY,
		    s.version);
	if (err == 0 && device[0] != '\0' &&
	    (err = seen_path(org, device, false, path)) == 0)
		err = read_versions(path, TRUST_DEVICE, TRUST_DEVICE,
		    s.version);
	if (err == 0)
		*ret_s = s;
	return err;
}

int
home_seen_write(const char *org, const char *device,
    const struct home_seen *s)
{
	char path[HOME_PATH_SIZE];
	int err;

	if ((err = seen_path(org, "", true, path)) == 0)
		err = write_versions(path, TRUST_ROOT, TRUST_POLICY,
		    s->version);
	if (err == 0 && device[0] != '\0' &&
	    (err = seen_path(org, device, true, path)) == 0)
		err = write_versions(path, TRUST_DEVICE, TRUST_DEVICE,
		    s->version);
	return err;
}
