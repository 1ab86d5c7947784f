/*
 * probe.c - which profiles hold on this Mac, by trying.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner, for --probe.
 *
 * Each thing is tried twice: by root without a profile, where all must
 * succeed (or what is tried shows nothing), and inside the real profile, where
 * what a card may do must succeed and everything else be refused.
 */
#include "platform/sandbox.h"

#include "platform/macos/payload.h"
#include "platform/macos/seatbelt.h"
#include "platform/macos/tmpdir.h"
#include "platform/posix/native.h"
#include "platform/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <mach/mach.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* servers/bootstrap.h, which cross compilers lack. */
kern_return_t bootstrap_look_up(mach_port_t port, const char *name,
    mach_port_t *ret_port);

/* A service that every Mac has and that no profile names. */
#define SERVICE "com.apple.cfprefsd.daemon"
#define RESOLVER "/private/var/run/mDNSResponder"

/* Where things are tried. */
struct places {
	char own[TMPDIR_SIZE];		/* the temporary folder */
	char root[TMPDIR_SIZE];		/* a declared root of `repair` */
	char other[TMPDIR_SIZE];	/* the payload's, but not declared */
	struct sockaddr_in listener;
	int listener_fd;
};

static bool
try_read(const struct places *at)
{
	int fd = open("/private/etc/hosts", O_RDONLY | O_CLOEXEC);

	(void)at;
	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static bool
try_run(const struct places *at)
{
	char name[] = "true";
	char *argv[] = { name, NULL }, *env[] = { NULL };
	int status;
	pid_t pid;

	(void)at;
	if (posix_spawn(&pid, "/usr/bin/true", NULL, NULL, argv, env) != 0)
		return false;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool
make_file(const char *folder, mode_t mode)
{
	char path[TMPDIR_SIZE + 8];
	int fd;
	bool ok;

	(void)snprintf(path, sizeof(path), "%s/probe", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	ok = mode == 0 || fchmod(fd, mode) == 0;
	(void)close(fd);
	(void)unlink(path);
	return ok;
}

static bool
try_own(const struct places *at)
{
	return make_file(at->own, 0);
}

static bool
try_root(const struct places *at)
{
	return make_file(at->root, 0);
}

static bool
try_other(const struct places *at)
{
	return make_file(at->other, 0);
}

static bool
try_set_id(const struct places *at)
{
	return make_file(at->own, 04755);
}

static bool
reaches(int domain, const void *address, socklen_t n)
{
	int fd = socket(domain, SOCK_STREAM, 0);
	bool ok;

	if (fd < 0)
		return false;
	ok = connect(fd, address, n) == 0;
	(void)close(fd);
	return ok;
}

static bool
try_tcp(const struct places *at)
{
	return reaches(AF_INET, &at->listener, sizeof(at->listener));
}

static bool
try_unix(const struct places *at)
{
	const struct sockaddr_un a = { .sun_family = AF_UNIX,
	    .sun_path = RESOLVER };

	(void)at;
	return reaches(AF_UNIX, &a, sizeof(a));
}

static bool
try_signal(const struct places *at)
{
	(void)at;
	return kill(getppid(), 0) == 0;
}

static bool
try_service(const struct places *at)
{
	mach_port_t port = MACH_PORT_NULL;

	(void)at;
	return bootstrap_look_up(bootstrap_port, SERVICE, &port) ==
	    KERN_SUCCESS;
}

/* What is tried, and which profiles allow it. */
static const struct {
	const char *name;
	bool in_observe, in_repair;
	bool (*try)(const struct places *at);
} checks[] = {
	{ "read", true, true, try_read },
	{ "run", true, true, try_run },
	{ "own", true, true, try_own },
	{ "root", false, true, try_root },
	{ "write", false, false, try_other },
	{ "setid", false, false, try_set_id },
	{ "tcp", false, false, try_tcp },
	{ "unix", false, false, try_unix },
	{ "signal", false, false, try_signal },
	{ "mach", false, false, try_service },
};
#define N_CHECKS (sizeof(checks) / sizeof(checks[0]))

/* In a child: tries everything and writes the bits of what succeeded. */
__attribute__((noreturn)) static void
try_all(const struct places *at, const struct identity *id,
    const struct plan *p, int report)
{
	const struct seatbelt_facts facts = { p, at->own };
	uint32_t succeeded = 0;
	size_t i;

	if (id != NULL && privileges_drop(id) != 0)
		_exit(1);
	if (p != NULL && seatbelt_enter(p->profile == PLAN_REPAIR ?
	    SEATBELT_REPAIR : SEATBELT_OBSERVE, &facts) != 0)
		_exit(1);
	for (i = 0; i < N_CHECKS; i++)
		if (checks[i].try(at))
			succeeded |= 1u << i;
	_exit(write(report, &succeeded, sizeof(succeeded)) ==
	    (ssize_t)sizeof(succeeded) ? 0 : 1);
}

/* Runs that child. false if it came to no result. */
static bool
run(const struct places *at, const struct identity *id, const struct plan *p,
    uint32_t *ret_succeeded)
{
	int fds[2];
	ssize_t n = -1;
	pid_t pid;

	if (native_pipe(fds) != 0)
		return false;
	if ((pid = fork()) == 0)
		try_all(at, id, p, fds[1]);
	(void)close(fds[1]);
	if (pid > 0) {
		n = read(fds[0], ret_succeeded, sizeof(*ret_succeeded));
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	(void)close(fds[0]);
	return n == (ssize_t)sizeof(*ret_succeeded);
}

/*
 * The name of the first check that went another way, or NULL. Each of the
 * real run is a line of the layers.
 */
static const char *
judge(uint32_t got, enum plan_profile profile, bool confined, char *layers)
{
	const char *first = NULL;
	size_t i, n;
	bool want;

	for (i = 0; i < N_CHECKS; i++) {
		want = !confined || (profile == PLAN_REPAIR ?
		    checks[i].in_repair : checks[i].in_observe);
		if (((got & (1u << i)) != 0) != want && first == NULL)
			first = checks[i].name;
		if (!confined)
			continue;
		n = strlen(layers);
		(void)snprintf(layers + n, OFFER_LAYERS_SIZE - n,
		    "layer %s %s %s\n", plan_profile_word(profile),
		    checks[i].name, ((got & (1u << i)) != 0) == want ?
		    "ok" : want ? "failed refused" : "failed allowed");
	}
	return first;
}

/* Why the profile does not hold; NULL if it does. */
static const char *
probe(enum plan_profile profile, const struct identity *id, char *layers)
{
	struct plan plan = { .profile = profile, .net = PLAN_NET_NONE };
	struct places at = { .listener_fd = -1 };
	socklen_t n = sizeof(at.listener);
	uint32_t uid = id != NULL ? id->uid : 0, gid = id != NULL ? id->gid : 0;
	const char *why = "folders";
	uint32_t got = 0;

	if (tmpdir_make(uid, gid, at.own) != 0 ||
	    tmpdir_make(uid, gid, at.root) != 0 ||
	    tmpdir_make(uid, gid, at.other) != 0)
		goto out;
	why = "listener";
	at.listener.sin_family = AF_INET;
	at.listener.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	at.listener_fd = native_socket(AF_INET, SOCK_STREAM, 0);
	if (at.listener_fd < 0 ||
	    bind(at.listener_fd, (const void *)&at.listener, n) != 0 ||
	    listen(at.listener_fd, 8) != 0 ||
	    getsockname(at.listener_fd, (void *)&at.listener, &n) != 0)
		goto out;
	if (profile == PLAN_REPAIR)
		plan.roots[plan.n_roots++] = at.root;
	why = "control";
	if (!run(&at, NULL, NULL, &got) ||
	    (why = judge(got, profile, false, layers)) != NULL)
		goto out;
	why = "profile";
	if (run(&at, id, &plan, &got))
		why = judge(got, profile, true, layers);
out:
	if (at.listener_fd >= 0)
		(void)close(at.listener_fd);
	if (at.own[0] != '\0')
		tmpdir_remove(at.own);
	if (at.root[0] != '\0')
		tmpdir_remove(at.root);
	if (at.other[0] != '\0')
		tmpdir_remove(at.other);
	return why;
}

/* Fills in whether the profile is offered, and why or why not. */
static bool
offer_profile(struct sandbox_offer *o, enum plan_profile profile,
    const char *why)
{
	struct plan p = { .profile = profile, .net = PLAN_NET_NONE,
	    .survivors = PLAN_KILL,
	    .uid = profile == PLAN_OBSERVE ? o->uid : 0 };
	char *text = o->why[profile - 1];

	if (why != NULL)
		(void)snprintf(text, SANDBOX_TEXT_SIZE, "%s", why);
	else
		payload_describe(&p, text);
	return why == NULL;
}

void
sandbox_probe(struct sandbox_offer *offer)
{
	struct identity id = { .uid = offer->uid, .gid = offer->gid };
	const char *observe = "not tried", *repair = "not tried";

	offer->layers[0] = '\0';
	if (offer->try_out && !privileges_is_root()) {
		observe = repair = "needs root";
	} else if (offer->try_out) {
		repair = probe(PLAN_REPAIR, NULL, offer->layers);
		observe = offer->uid == 0 ? "no account" :
		    probe(PLAN_OBSERVE, &id, offer->layers);
	}
	offer->observe = offer_profile(offer, PLAN_OBSERVE, observe);
	offer->repair = offer_profile(offer, PLAN_REPAIR, repair);
	offer->full = offer_profile(offer, PLAN_FULL, NULL);
	(void)snprintf(offer->text, sizeof(offer->text), "profiles=%s%sfull",
	    offer->observe ? "observe," : "", offer->repair ? "repair," : "");
}

/* Here all that is tried is in the process that tries. */
int
sandbox_inside(int n_args, char **args)
{
	(void)n_args;
	(void)args;
	return 2;
}
