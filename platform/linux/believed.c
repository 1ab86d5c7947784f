/*
 * believed.c - folders from which root's programs take code on this machine.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/believed.h"

#include "platform/linux/othernames.h"
#include "platform/linux/starter.h"
#include "platform/pipes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A script that is longer is looked at so far. */
#define TEXT_MAX (256u * 1024)

/* A folder or file, and what its files are. */
struct where {
	const char *path;
	enum believed_kind kind;
	const char *ending;	/* of its names; NULL any */
	bool below;		/* and one level below (foo.service.d) */
};

/* clang-format off */
static const struct where all[] = {
	/* programs, by name; only links: they are the system's own */
	{ "/usr/local/sbin", BELIEVED_COMMANDS, "/", false },
	{ "/usr/local/bin", BELIEVED_COMMANDS, "/", false },
	{ "/usr/sbin", BELIEVED_COMMANDS, "/", false },
	{ "/usr/bin", BELIEVED_COMMANDS, "/", false },
	{ "/sbin", BELIEVED_COMMANDS, "/", false },
	{ "/bin", BELIEVED_COMMANDS, "/", false },
	{ "/etc/alternatives", BELIEVED_COMMANDS, "/", false },
	/* units */
	{ "/etc/systemd/system", BELIEVED_UNIT, NULL, true },
	{ "/run/systemd/system", BELIEVED_UNIT, NULL, true },
	{ "/run/systemd/generator", BELIEVED_UNIT, NULL, true },
	{ "/usr/local/lib/systemd/system", BELIEVED_UNIT, NULL, true },
	{ "/usr/lib/systemd/system", BELIEVED_UNIT, NULL, true },
	{ "/lib/systemd/system", BELIEVED_UNIT, NULL, true },
	{ "/etc/systemd/system-generators", BELIEVED_COMMANDS, NULL, false },
	/* tables and scripts */
	{ "/etc/crontab", BELIEVED_COMMANDS, NULL, false },
	{ "/etc/anacrontab", BELIEVED_COMMANDS, NULL, false },
	{ "/etc/cron.d", BELIEVED_COMMANDS, NULL, false },
	{ "/etc/cron.hourly", BELIEVED_MIXED, NULL, false },
	{ "/etc/cron.daily", BELIEVED_MIXED, NULL, false },
	{ "/etc/cron.weekly", BELIEVED_MIXED, NULL, false },
	{ "/etc/cron.monthly", BELIEVED_MIXED, NULL, false },
	{ "/etc/crontabs/root", BELIEVED_COMMANDS, NULL, false },
	{ "/var/spool/cron/root", BELIEVED_COMMANDS, NULL, false },
	{ "/var/spool/cron/crontabs/root", BELIEVED_COMMANDS, NULL, false },
	{ "/etc/init.d", BELIEVED_MIXED, NULL, false },
	{ "/etc/rc.d", BELIEVED_MIXED, NULL, true },
	{ "/etc/rc.local", BELIEVED_MIXED, NULL, false },
	{ "/etc/local.d", BELIEVED_MIXED, NULL, false },
	{ "/etc/inittab", BELIEVED_COMMANDS, NULL, false },
	{ "/etc/sudoers", BELIEVED_COMMANDS, NULL, false },
	{ "/etc/sudoers.d", BELIEVED_COMMANDS, NULL, false },
	{ "/etc/pam.d", BELIEVED_MIXED, NULL, false },
	{ "/etc/udev/rules.d", BELIEVED_COMMANDS, NULL, false },
	{ "/etc/logrotate.d", BELIEVED_MIXED, NULL, false },
	{ "/etc/apt/apt.conf.d", BELIEVED_MIXED, NULL, false },
	{ "/etc/modprobe.d", BELIEVED_MIXED, NULL, false },
	{ "/etc/NetworkManager/dispatcher.d", BELIEVED_MIXED, NULL, true },
	{ "/etc/network", BELIEVED_MIXED, NULL, true },
	{ "/etc/dhcp", BELIEVED_MIXED, NULL, true },
	{ "/etc/xinetd.d", BELIEVED_MIXED, NULL, false },
	{ "/etc/inetd.conf", BELIEVED_COMMANDS, NULL, false },
	{ "/etc/supervisor", BELIEVED_MIXED, NULL, true },
	/* what units read */
	{ "/etc/default", BELIEVED_VARIABLES, NULL, false },
	{ "/etc/sysconfig", BELIEVED_VARIABLES, NULL, false },
	/* search paths, and what shells read */
	{ "/etc/environment", BELIEVED_PATHS, NULL, false },
	{ "/etc/login.defs", BELIEVED_PATHS, NULL, false },
	{ "/etc/profile", BELIEVED_PATHS, NULL, false },
	{ "/etc/profile.d", BELIEVED_PATHS, NULL, false },
	{ "/etc/bash.bashrc", BELIEVED_PATHS, NULL, false },
	{ "/etc/bashrc", BELIEVED_PATHS, NULL, false },
	{ "/root/.profile", BELIEVED_PATHS, NULL, false },
	{ "/root/.bash_profile", BELIEVED_PATHS, NULL, false },
	{ "/root/.bashrc", BELIEVED_PATHS, NULL, false },
	{ "/etc/ld.so.preload", BELIEVED_PATHS, NULL, false },
	{ "/etc/ld.so.conf", BELIEVED_PATHS, NULL, false },
	{ "/etc/ld.so.conf.d", BELIEVED_PATHS, NULL, false },
	{ "/usr/lib/python3/dist-packages", BELIEVED_PATHS, ".pth", false },
};
/* clang-format on */

static bool
ends_with(const char *name, const char *ending)
{
	size_t n = strlen(name), k = strlen(ending);

	return n >= k && strcmp(name + n - k, ending) == 0;
}

/*
 * A path in a command: a program, a script, or what is not there and could
 * become either. A folder and a file of data is neither.
 */
static bool
is_code(const char *path, bool if_absent)
{
	static const char *const scripts[] = { ".sh", ".py", ".pl", ".rb",
	    ".php", ".js", ".jar", ".so", ".lua", ".tcl" };
	struct stat st;
	size_t i;

	if (stat(path, &st) != 0)
		return if_absent;
	if (!S_ISREG(st.st_mode))
		return false;
	if ((st.st_mode & 0111) != 0)
		return true;
	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		if (ends_with(path, scripts[i]))
			return true;
	return false;
}

/* Whether path is folder or below it. */
static bool
is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 &&
	    (path[n] == '/' || path[n] == '\0');
}

/* Whether what stands at path leads into the folder. */
static bool
leads_into(const char *path, const char *folder)
{
	char to[PLACES_PATH_SIZE], self[32];
	ssize_t n = readlink(path, to, sizeof(to) - 1);
	int fd;

	if (n <= 0)
		return false;
	to[n] = '\0';
	/* One that leads nowhere as yet, too. */
	if (is_below(to, folder))
		return true;
	/* To a neighbour, which is looked at itself. */
	if (strchr(to, '/') == NULL ||
	    (fd = open(path, O_PATH | O_CLOEXEC)) < 0)
		return false;
	/* Some hundred links: realpath(3) would take ten times as long. */
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	n = readlink(self, to, sizeof(to) - 1);
	(void)close(fd);
	to[n > 0 ? n : 0] = '\0';
	return is_below(to, folder);
}

/* What stands in a file; empty if it is none. The caller frees it. */
static void
read_file(const char *path, struct buf *ret_b)
{
	/* No pipe, and nothing that waits. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	buf_init(ret_b, TEXT_MAX);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		(void)!pipes_read_all(fd, ret_b);
	(void)close(fd);
}

/* Whether it is a script, and not the system's own, that runs something there.
 */
static bool
script_names(const char *path, enum believed_kind kind, const char *folder)
{
	static const char *const own[] = { "/bin", "/sbin", "/usr/bin",
	    "/usr/sbin", "/lib", "/usr/lib", "/usr/libexec" };
	struct buf b;
	size_t i;
	bool found;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (is_below(path, own[i]))
			return false;
	read_file(path, &b);
	found = b.n > 2 && b.p[0] == '#' && b.p[1] == '!' &&
	    believed_in_text(bytes_of(b.p, b.n), kind, folder, is_code);
	buf_free(&b);
	return found;
}

/* Whether what is run by that path is in the folder, or takes from there. */
static bool
ends_at(const char *path, enum believed_kind kind, const char *folder)
{
	char to[PLACES_PATH_SIZE], self[32];
	ssize_t n;
	int fd;

	/* That was looked at by its name. */
	if (is_below(path, folder))
		return false;
	if ((fd = open(path, O_PATH | O_CLOEXEC)) < 0)
		/* A link that leads nowhere as yet. */
		return leads_into(path, folder);
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	n = readlink(self, to, sizeof(to) - 1);
	(void)close(fd);
	to[n > 0 ? n : 0] = '\0';
	return (is_below(to, folder) && is_code(to, false)) ||
	    script_names(path, kind, folder);
}

static bool
ends_there(const char *path, void *arg)
{
	return ends_at(path, BELIEVED_MIXED, arg);
}

/* Of a service that the action may start: what its scripts name and is not
 * there may be made. */
static bool
may_end_there(const char *path, void *arg)
{
	return ends_at(path, BELIEVED_COMMANDS, arg);
}

/* A text, as an argument of a function that sees each path. */
static void *
as_argument(const char *text)
{
	union {
		const char *in;
		void *out;
	} u = { text };

	return u.out;
}

static bool
text_names(const char *path, enum believed_kind kind, const char *folder)
{
	struct bytes text;
	struct buf b;
	bool found;

	read_file(path, &b);
	text = bytes_of(b.p, b.n);
	found = b.n > 0 && (believed_in_text(text, kind, folder, is_code) ||
	    ((kind == BELIEVED_UNIT || kind == BELIEVED_COMMANDS) &&
	    believed_each(text, kind, ends_there, as_argument(folder))));
	buf_free(&b);
	return found;
}

/* One file or link. */
static bool
look_at(const char *path, const struct where *w, const char *folder,
    bool link)
{
	if (link && leads_into(path, folder))
		return true;
	return (w->ending == NULL || ends_with(path, w->ending)) &&
	    text_names(path, w->kind, folder);
}

static bool
look_in(const char *path, const struct where *w, const char *folder,
    bool below, char ret_path[PLACES_PATH_SIZE])
{
	struct dirent *e;
	bool found = false;
	DIR *dir = opendir(path);
	int n;

	if (dir == NULL)
		return false;
	while (!found && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		/* Of programs only links matter. */
		if (w->ending != NULL && strcmp(w->ending, "/") == 0 &&
		    e->d_type != DT_LNK && e->d_type != DT_UNKNOWN)
			continue;
		n = snprintf(ret_path, PLACES_PATH_SIZE, "%s/%s", path,
		    e->d_name);
		if (n < 0 || n >= PLACES_PATH_SIZE)
			continue;
		if (e->d_type != DT_DIR)
			found = look_at(ret_path, w, folder,
			    e->d_type != DT_REG);
		else if (below) {
			char inner[PLACES_PATH_SIZE];

			memcpy(inner, ret_path, (size_t)n + 1);
			found = look_in(inner, w, folder, false, ret_path);
		}
	}
	(void)closedir(dir);
	return found;
}

int
believed_find(const char *folder, char *ret_by, size_t n)
{
	char path[PLACES_PATH_SIZE], real[PLACES_PATH_SIZE];
	struct stat st[sizeof(all) / sizeof(all[0])];
	size_t i, k;
	int r;

	if (starter_calls != NULL) {
		if ((r = starter_calls->believed(false, folder, 0, path)) == 0)
			(void)snprintf(ret_by, n, "%s", path);
		return r;
	}
	memset(st, 0, sizeof(st));
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (stat(all[i].path, &st[i]) != 0 &&
		    !leads_into(all[i].path, folder))
			continue;
		/* /bin is /usr/bin, nearly everywhere. */
		for (k = 0; k < i && (st[k].st_ino != st[i].st_ino ||
		    st[k].st_dev != st[i].st_dev); k++)
			;
		if (k < i && st[i].st_ino != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s", all[i].path);
		/* It may itself be kept there. */
		if ((places_resolve(path, real) == 0 &&
		    is_below(real, folder)) ||
		    leads_into(path, folder) ||
		    (S_ISDIR(st[i].st_mode) ? look_in(all[i].path, &all[i],
		    folder, all[i].below, path) :
		    look_at(path, &all[i], folder, false))) {
			(void)snprintf(ret_by, n, "%s", path);
			return 0;
		}
	}
	return ERR_NOT_FOUND;
}

/* ---- what systemd shows -------------------------------------------------- */

static bool
is_file_of_unit(const char *path, void *arg)
{
	struct buf b;
	bool found;

	read_file(path, &b);
	found = b.n > 0 && believed_in_unit(bytes_of(b.p, b.n), true, arg,
	    is_code);
	buf_free(&b);
	return found;
}

static bool
is_file_of_variables(const char *path, void *arg)
{
	struct buf b;
	bool found;

	read_file(path, &b);
	found = b.n > 0 && believed_in_text(bytes_of(b.p, b.n),
	    BELIEVED_PATHS, arg, is_code);
	buf_free(&b);
	return found;
}

bool
believed_shown(struct bytes shown, const char *folder)
{
	static const struct {
		const char *key;
		believed_seen *fn;
	} keys[] = {
		{ "Exec", may_end_there }, { "FragmentPath=", is_file_of_unit },
		{ "DropInPaths=", is_file_of_unit },
		{ "EnvironmentFiles=", is_file_of_variables },
	};
	struct bytes line;
	const uint8_t *end;
	size_t i;

	while (shown.n > 0) {
		end = memchr(shown.p, '\n', shown.n);
		line = bytes_of(shown.p, end != NULL ?
		    (size_t)(end - shown.p) : shown.n);
		shown.p += line.n + (end != NULL);
		shown.n -= line.n + (end != NULL);
		if (starter_calls != NULL) {
			if (starter_calls->shown(line, folder))
				return true;
			continue;
		}
		for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (line.n > strlen(keys[i].key) && memcmp(line.p,
			    keys[i].key, strlen(keys[i].key)) == 0 &&
			    believed_each(line, BELIEVED_COMMANDS, keys[i].fn,
			    as_argument(folder)))
				return true;
	}
	return false;
}

/* ---- other names --------------------------------------------------------- */

int
believed_name(const char *folder, unsigned nth, char ret_path[PLACES_PATH_SIZE])
{
	struct othernames l;
	bool whole;
	int r;

	if (starter_calls != NULL)
		return starter_calls->believed(true, folder, nth, ret_path);
	if (othernames_read(&l) != 0)
		return ERR_NOT_FOUND;
	r = othernames_find(&l, folder, nth, ret_path, &whole);
	othernames_free(&l);
	return r;
}
