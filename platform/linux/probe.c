/*
 * probe.c - enters each confined profile to see whether it holds here.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner, for --probe.
 *
 * The profile is entered exactly as for an action: by sandbox_start(), in a
 * process of its own that plays the runner. What runs in it is inside.c.
 */
#include "platform/linux/probe.h"

#include "platform/clock.h"
#include "platform/linux/landlock.h"
#include "platform/linux/sweep.h"
#include "platform/linux/tree.h"
#include "platform/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long one profile may take: far more than it does, also on a machine that
 * is busy starting; both together less than the gate waits (offers.h). */
#define TRY_MS 14000
/* Layers that inside.c reports, and the end of all processes. */
#define LAYERS 10

const char *const probe_namespaces[PROBE_NAMESPACES] = {
	"mnt", "ipc", "uts", "pid", "net"
};

/* One profile on trial. */
struct trial {
	const struct sandbox_offer *offer;
	enum plan_profile profile;
	bool userns;
	uint32_t uid;
	uint32_t gid;
	int landlock;
	char abstract[32];
	char said[OFFER_LAYERS_SIZE / 2];	/* what came out of it */
	size_t n;
};

/* ---- in the process that plays the runner -------------------------------- */

/* The strings that the plan's arguments point to. */
struct words {
	char uid[16];
	char landlock[16];
	char namespaces[PROBE_NAMESPACES][64];
};

static void
make_plan(const struct trial *t, struct words *w, struct plan *ret_p)
{
	struct plan p;
	char path[32];
	ssize_t n;
	size_t i;

	memset(&p, 0, sizeof(p));
	p.profile = t->profile;
	p.net = t->profile == PLAN_REPAIR ? PLAN_NET_NONE : PLAN_NET_VIEW;
	p.read = PLAN_READ_USER;
	p.survivors = PLAN_KILL;
	p.flags = t->userns ? PLAN_FLAG_USERNS : 0;
	p.program = "/proc/self/exe";
	p.cwd = "/";
	p.umask = 022;
	p.uid = t->uid;
	p.gid = t->gid;
	p.open_files = 256;
	p.file_bytes = 1u << 20;
	p.tmp_bytes = 1u << 20;
	if (t->profile == PLAN_REPAIR)
		p.roots[p.n_roots++] = PROBE_ROOT;
	(void)snprintf(w->uid, sizeof(w->uid), "%u", t->uid);
	(void)snprintf(w->landlock, sizeof(w->landlock), "%d", t->landlock);
	p.args[p.n_args++] = "countersign-runner";
	p.args[p.n_args++] = "--inside";
	p.args[p.n_args++] = plan_profile_word(t->profile);
	p.args[p.n_args++] = t->userns ? "userns" : "root";
	p.args[p.n_args++] = w->uid;
	p.args[p.n_args++] = w->landlock;
	p.args[p.n_args++] = t->abstract;
	for (i = 0; i < PROBE_NAMESPACES; i++) {
		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s",
		    probe_namespaces[i]);
		n = readlink(path, w->namespaces[i],
		    sizeof(w->namespaces[i]) - 1);
		w->namespaces[i][n > 0 ? n : 0] = '\0';
		p.args[p.n_args++] = w->namespaces[i];
	}
	p.env[p.n_env++] = "PATH=/usr/bin:/bin";
	*ret_p = p;
}

__attribute__((noreturn)) static void
play_runner(const struct trial *t, int out)
{
	struct sandbox_failure failure;
	struct sandbox_end end;
	struct words words;
	struct sandbox s;
	struct plan p;
	int control[2];

	if (dup2(out, 1) < 0 || dup2(out, 2) < 0 ||
	    pipe2(control, O_CLOEXEC) != 0)
		_exit(1);
	make_plan(t, &words, &p);
	if (sandbox_start(&p, NULL, &failure, &s) != 0) {
		(void)printf("%s failed errno %d\n",
		    plan_step_word(failure.step), failure.error);
	} else {
		(void)printf("enforced %s\n", s.enforced);
		(void)fflush(stdout);
		sandbox_wait(&s, &p, NULL, control[0], &end);
		if (end.by_signal || end.code != 0)
			(void)printf("run failed %s %u\n", end.by_signal ?
			    "signal" : "exit code", end.code);
		(void)printf("kill %s %u left behind\n", end.survivors == 1 ?
		    "ok" : "failed", end.survivors);
	}
	(void)fflush(stdout);
	_exit(0);
}

/* ---- outside ------------------------------------------------------------- */

/* A socket that nobody in the profile may reach. -1: there is none. */
static int
listen_abstract(struct trial *t)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int n, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	n = snprintf(t->abstract, sizeof(t->abstract), "countersign-%d",
	    (int)getpid());
	memcpy(a.sun_path + 1, t->abstract, (size_t)n);
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&a,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	    (size_t)n)) == 0 && listen(fd, 1) == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	t->abstract[0] = '\0';
	return -1;
}

/* Until all that may write there has ended. False: not in time. */
static bool
read_all(struct trial *t, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t until = clock_boot_ms() + TRY_MS, now;
	char rest[256];
	ssize_t n;

	for (;;) {
		now = clock_boot_ms();
		if (now >= until || (poll(&p, 1, (int)(until - now)) <= 0 &&
		    errno != EINTR))
			return false;
		if (t->n + 1 < sizeof(t->said))
			n = read(fd, t->said + t->n, sizeof(t->said) - t->n -
			    1);
		else
			n = read(fd, rest, sizeof(rest));
		if (n == 0)
			break;
		if (n > 0 && t->n + 1 < sizeof(t->said))
			t->n += (size_t)n;
	}
	t->said[t->n] = '\0';
	return true;
}

/* Runs it, and collects what it says. */
static bool
run_trial(struct trial *t)
{
	int out[2], listener = listen_abstract(t), pid;
	bool done = false;

	if (pipe2(out, O_CLOEXEC) == 0) {
		(void)fflush(stdout);
		if ((pid = fork()) == 0)
			play_runner(t, out[1]);
		(void)close(out[1]);
		done = pid > 0 && read_all(t, out[0]);
		if (pid > 0) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, NULL, 0);
		}
		(void)close(out[0]);
	}
	if (!done && t->profile == PLAN_OBSERVE && !t->userns)
		(void)!sweep_user(t->uid);
	if (listener >= 0)
		(void)close(listener);
	return done;
}

static void
append(char *to, size_t size, const char *profile, const char *line)
{
	size_t n = strlen(to);

	(void)snprintf(to + n, size - n, "layer %s %s\n", profile, line);
}

/* Keeps the lines, and the first thing that is wrong as the reason. */
static bool
judge(struct trial *t, struct sandbox_offer *offer, char *ret_why)
{
	char enforced[SANDBOX_TEXT_SIZE] = "", *line = t->said, *end, *state;
	unsigned layers = 0;

	for (; *line != '\0'; line = end) {
		end = line + strcspn(line, "\n");
		if (*end != '\0')
			*end++ = '\0';
		if (strncmp(line, "enforced ", 9) == 0) {
			(void)snprintf(enforced, sizeof(enforced), "%s",
			    line + 9);
			continue;
		}
		append(offer->layers, sizeof(offer->layers),
		    plan_profile_word(t->profile), line);
		layers++;
		state = strchr(line, ' ');
		if (ret_why[0] == '\0' && (state == NULL ||
		    (strncmp(state, " ok", 3) != 0 &&
		    strcmp(state, " absent") != 0)))
			(void)snprintf(ret_why, SANDBOX_TEXT_SIZE, "%.200s",
			    line);
	}
	if (ret_why[0] != '\0')
		return false;
	(void)snprintf(ret_why, SANDBOX_TEXT_SIZE, "%s", layers == LAYERS ?
	    enforced : "ended before all was tried");
	return layers == LAYERS;
}

/* Whether somebody runs as that user: it would be killed at the end. */
static bool
is_busy(uint32_t uid)
{
	struct tree t = { NULL, 0, 0 };
	char path[32];
	struct stat st;
	bool busy = false;
	size_t i;

	if (tree_read(&t) != 0)
		return true;
	for (i = 0; i < t.n && !busy; i++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/task",
		    t.p[i].pid);
		busy = !t.p[i].zombie && stat(path, &st) == 0 &&
		    st.st_uid == uid;
	}
	tree_free(&t);
	return busy;
}

/* Tries a profile. Whether it held; what holds, or why not, in ret_why. */
static bool
try_profile(enum plan_profile profile, struct sandbox_offer *offer,
    char *ret_why)
{
	struct trial t = { .offer = offer, .profile = profile };

	t.userns = geteuid() != 0;
	t.landlock = landlock_abi();
	t.uid = geteuid();
	t.gid = getegid();
	if (profile == PLAN_OBSERVE && !t.userns) {
		t.uid = offer->uid;
		t.gid = offer->gid;
	}
	ret_why[0] = '\0';
	if (profile == PLAN_OBSERVE && t.uid == 0) {
		(void)snprintf(ret_why, SANDBOX_TEXT_SIZE,
		    "no account to run it as");
		return false;
	}
	if (profile == PLAN_OBSERVE && !t.userns && is_busy(t.uid)) {
		(void)snprintf(ret_why, SANDBOX_TEXT_SIZE,
		    "its account is at work: not tried");
		return false;
	}
	if (!run_trial(&t)) {
		(void)snprintf(ret_why, SANDBOX_TEXT_SIZE,
		    "did not end in time");
		return false;
	}
	return judge(&t, offer, ret_why);
}

void
sandbox_probe(struct sandbox_offer *offer)
{
	struct sandbox_offer o = { .full = true };

	o.try_out = offer->try_out;
	o.uid = offer->uid;
	o.gid = offer->gid;
	(void)snprintf(o.why[0], sizeof(o.why[0]), "not tried");
	(void)snprintf(o.why[1], sizeof(o.why[1]), "not tried");
	(void)snprintf(o.why[2], sizeof(o.why[2]),
	    "profile=full cgroup=none kill=walk mem=none procs=none");
	if (o.try_out) {
		o.observe = try_profile(PLAN_OBSERVE, &o, o.why[0]);
		o.repair = try_profile(PLAN_REPAIR, &o, o.why[1]);
	}
	(void)snprintf(o.text, sizeof(o.text), "profiles=%s%sfull userns=%s "
	    "landlock=%d", o.observe ? "observe," : "", o.repair ? "repair," :
	    "", geteuid() != 0 ? "yes" : "no", landlock_abi());
	*offer = o;
}
