/*
 * test_process.c - children with exactly what was listed for them.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "platform/clock.h"
#include "platform/pipes.h"
#include "platform/process.h"
#include "platform/program.h"
#include "platform/sandbox.h"
#include "tests/harness/guard.h"
#include "tests/harness/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* What a child wrote to descriptor 1, and how it ended. */
struct result {
	char text[8192];
	struct process_end end;
};

/* Runs the spec with our pipe as its descriptor 1; extra mappings follow. */
static void
run(struct process_spec spec, const struct process_fd *more, size_t n_more,
    struct result *ret)
{
	struct process_fd fds[PROCESS_FDS_MAX];
	struct process p;
	struct buf out;
	int ends[2];

	CHECK_INT(pipes_open(ends), 0);
	fds[0] = (struct process_fd){ 1, ends[1] };
	if (n_more > 0)
		memcpy(fds + 1, more, n_more * sizeof(*more));
	spec.fds = fds;
	spec.n_fds = n_more + 1;
	CHECK_INT(process_start(&spec, NULL, &p), 0);
	pipes_close(&ends[1]);
	buf_init(&out, sizeof(ret->text) - 1);
	CHECK_INT(pipes_read_all(ends[0], &out), 0);
	pipes_close(&ends[0]);
	memcpy(ret->text, out.p != NULL ? (const void *)out.p : "", out.n);
	ret->text[out.n] = '\0';
	buf_free(&out);
	CHECK_INT(process_wait_end(&p, &ret->end), 0);
	CHECK_INT(p.pid, 0);
	CHECK_INT(p.pidfd, -1);
}

/* A spec for `sh -c command`. */
static const struct process_spec *
shell(const char *command)
{
	static const char *argv[] = { "sh", "-c", NULL, NULL };
	static struct process_spec spec;

	argv[2] = command;
	spec = (struct process_spec){ .exec_fd = -1, .path = "/bin/sh",
	    .argv = argv };
	return &spec;
}

static size_t
open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	CHECK(dir != NULL);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n;
}

TEST(environment_is_exact)
{
	static const char *const argv[] = { "env", NULL };
	static const char *const envp[] = { "A=1", "B=two words", NULL };
	struct process_spec spec = { .exec_fd = -1, .path = "/usr/bin/env",
	    .argv = argv, .envp = envp };
	struct result r;

	CHECK_INT(setenv("COUNTERSIGN_LEAK", "secret", 1), 0);
	run(spec, NULL, 0, &r);
	CHECK_STR(r.text, "A=1\nB=two words\n");
	spec.envp = NULL;
	run(spec, NULL, 0, &r);
	CHECK_STR(r.text, "");
	CHECK_INT(r.end.code, 0);
	CHECK(!r.end.by_signal);
}

TEST(descriptors_are_exact)
{
	static const char *const argv[] = { "ls", "/proc/self/fd", NULL };
	static const struct process_fd more[] = { { 7, 0 }, { 9, 0 } };
	struct process_spec spec = { .exec_fd = -1, .path = "/bin/ls",
	    .argv = argv };
	struct result r;
	int i;

	/* Many of ours that do not close by themselves. */
	for (i = 0; i < 60; i++)
		CHECK(dup(0) >= 0);
	run(spec, NULL, 0, &r);
	/* 3 is the folder that ls reads. */
	CHECK_STR(r.text, "0\n1\n2\n3\n");
	run(spec, more, 2, &r);
	CHECK_STR(r.text, "0\n1\n2\n3\n7\n9\n");
}

TEST(standard_descriptors_not_named_are_null)
{
	static const char *const argv[] = { "ls", "-l", "/proc/self/fd",
	    NULL };
	struct process_spec spec = { .exec_fd = -1, .path = "/bin/ls",
	    .argv = argv };
	struct result r;

	run(spec, NULL, 0, &r);
	CHECK(strstr(r.text, "0 -> /dev/null") != NULL);
	CHECK(strstr(r.text, "2 -> /dev/null") != NULL);
}

/* A file in memory with that text, at that very number. */
static void
file_at(int number, const char *text)
{
	int fd;

	CHECK_INT(pipes_sealed("test", bytes_str(text), &fd), 0);
	if (fd != number) {
		CHECK_INT(dup2(fd, number), number);
		CHECK_INT(close(fd), 0);
	}
}

/* Each source is the target of another: none may be overwritten too early. */
TEST(descriptors_change_places)
{
	static const struct process_fd more[] = {
		{ 10, 11 }, { 11, 12 }, { 12, 10 }, { 3, 10 }, { 13, 13 },
	};
	struct result r;

	file_at(10, "ten ");
	file_at(11, "eleven ");
	file_at(12, "twelve ");
	file_at(13, "thirteen");
	run(*shell("cat /proc/self/fd/10 /proc/self/fd/11 /proc/self/fd/12 "
	    "/proc/self/fd/3 /proc/self/fd/13"), more, 5, &r);
	CHECK_STR(r.text, "eleven twelve ten ten thirteen");
}

/* The program's own descriptor may stand where the child wants another. */
TEST(starts_from_a_descriptor)
{
	static const char *const argv[] = { "sh", "-c",
	    "cat /proc/self/fd/20; ls /proc/self/fd | wc -l", NULL };
	static const struct process_fd more[] = { { 20, 21 } };
	struct process_spec spec = { .argv = argv };
	struct program program;
	struct result r;

	CHECK_INT(program_open("/bin/sh", PROGRAM_OWNER_ROOT, &program), 0);
	CHECK_INT(dup2(program.fd, 20), 20);
	file_at(21, "content ");
	spec.exec_fd = 20;
	run(spec, more, 1, &r);
	CHECK_INT(r.end.code, 0);
	/* 0, 1, 2, 20 and the folder that ls reads. */
	CHECK_STR(r.text, "content 5\n");
	program_close(&program);
	CHECK_INT(program.fd, -1);
}

TEST(signals_are_at_their_defaults)
{
	struct result r;
	sigset_t set;

	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	CHECK(signal(SIGTERM, SIG_IGN) != SIG_ERR);
	CHECK(signal(SIGRTMAX, SIG_IGN) != SIG_ERR);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigaddset(&set, SIGCHLD);
	CHECK_INT(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	run(*shell("exec grep -E '^Sig(Ign|Blk)' /proc/self/status"), NULL, 0,
	    &r);
	CHECK_STR(r.text, "SigBlk:\t0000000000000000\n"
	    "SigIgn:\t0000000000000000\n");
	/* Ours are as they were. */
	CHECK_INT(sigprocmask(SIG_BLOCK, NULL, &set), 0);
	CHECK(sigismember(&set, SIGUSR1) == 1);
	CHECK(sigismember(&set, SIGUSR2) == 0);
	CHECK(signal(SIGTERM, SIG_DFL) == SIG_IGN);
}

TEST(new_session)
{
	struct process_spec spec;
	struct result r;
	int pid, group, session;

	/* proc(5): pid (name) state ppid pgrp session */
	spec = *shell("exec cat /proc/self/stat");
	spec.new_session = true;
	run(spec, NULL, 0, &r);
	CHECK_INT(sscanf(r.text, "%d (cat) %*c %*d %d %d", &pid, &group,
	    &session), 3);
	CHECK_INT(group, pid);
	CHECK_INT(session, pid);
	spec.new_session = false;
	run(spec, NULL, 0, &r);
	CHECK_INT(sscanf(r.text, "%d (cat) %*c %*d %d %d", &pid, &group,
	    &session), 3);
	CHECK_INT(session, getsid(0));
}

static const struct {
	const char *command;
	bool by_signal;
	int code;
} ends[] = {
	{ "exit 0", false, 0 },
	{ "exit 1", false, 1 },
	{ "exit 255", false, 255 },
	{ "kill -9 $$", true, 9 },
	{ "kill -TERM $$", true, 15 },
	{ "kill -SEGV $$", true, 11 },
};

TEST(how_it_ended)
{
	struct result r;
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		run(*shell(ends[i].command), NULL, 0, &r);
		CHECK_MSG(r.end.by_signal == ends[i].by_signal &&
		    r.end.code == ends[i].code, "%s: %d", ends[i].command,
		    r.end.code);
		CHECK(r.end.max_rss_kb > 0);
	}
}

TEST(waits_without_blocking)
{
	struct process p, copy;
	struct process_end end;
	struct pollfd pfd;

	CHECK_INT(process_start(shell("exec sleep 1000"), NULL, &p), 0);
	CHECK(p.pid > 0);
	CHECK_INT(process_wait(&p, &end), ERR_AGAIN);
	CHECK_INT(process_kill(&p, 0), 0);
	pfd = (struct pollfd){ .fd = p.pidfd, .events = POLLIN };
	CHECK_INT(poll(&pfd, 1, 0), 0);
	CHECK_INT(process_kill(&p, SIGKILL), 0);
	if (p.pidfd >= 0)
		CHECK_INT(poll(&pfd, 1, -1), 1);
	/* Ended but not reaped: no error. */
	CHECK_INT(process_kill(&p, SIGKILL), 0);
	copy = p;
	CHECK_INT(process_wait_end(&p, &end), 0);
	CHECK(end.by_signal);
	CHECK_INT(end.code, SIGKILL);
	CHECK_INT(process_kill(&p, SIGKILL), ERR_NOT_FOUND);
	CHECK_INT(process_wait(&p, &end), ERR_NOT_FOUND);
	copy.pidfd = -1;
	CHECK_INT(process_wait(&copy, &end), ERR_NOT_FOUND);
}

TEST(programs_that_cannot_be_run)
{
	static const char *const argv[] = { "x", NULL };
	static const struct {
		const char *path;
		int error;
	} bad[] = {
		{ "/nonexistent/program", ENOENT },
		{ "/etc/passwd", EACCES },
		{ "/", EACCES },
	};
	struct process_spec spec = { .exec_fd = -1, .argv = argv };
	size_t before = open_descriptors(), i;
	struct process p = { 42, 43 };
	int error, fd;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		spec.path = bad[i].path;
		error = 0;
		CHECK_INT(process_start(&spec, &error, &p), ERR_IO);
		CHECK_INT(error, bad[i].error);
		CHECK_INT(p.pid, 42);
	}
	/* Text without an interpreter's line. */
	CHECK_INT(pipes_sealed("text", bytes_str("text"), &fd), 0);
	spec.exec_fd = fd;
	CHECK_INT(process_start(&spec, &error, &p), ERR_IO);
	CHECK_INT(error, ENOEXEC);
	CHECK_INT(process_start(&spec, NULL, &p), ERR_IO);
	pipes_close(&fd);
	/* A descriptor that is not open. */
	spec = *shell("exit 0");
	spec.fds = &(const struct process_fd){ 5, 900 };
	spec.n_fds = 1;
	CHECK_INT(process_start(&spec, &error, &p), ERR_IO);
	CHECK_INT(error, EBADF);
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_INT(errno, ECHILD);
	CHECK_INT(open_descriptors(), before);
}

TEST(specs_that_cannot_be)
{
	static const char *const argv[] = { "x", NULL };
	static const char *const no_argv[] = { NULL };
	static const struct process_fd twice[] = { { 5, 0 }, { 5, 1 } };
	static const struct process_fd low[] = { { -1, 0 } };
	static const struct process_fd high[] = { { 64, 0 } };
	static const struct process_fd no_parent[] = { { 5, -1 } };
	static const struct process_spec bad[] = {
		{ .exec_fd = -1, .path = "bin/sh", .argv = argv },
		{ .exec_fd = -1, .path = NULL, .argv = argv },
		{ .exec_fd = -1, .path = "/bin/sh", .argv = NULL },
		{ .exec_fd = -1, .path = "/bin/sh", .argv = no_argv },
		{ .exec_fd = -1, .path = "/bin/sh", .argv = argv,
		    .fds = twice, .n_fds = 2 },
		{ .exec_fd = -1, .path = "/bin/sh", .argv = argv,
		    .fds = low, .n_fds = 1 },
		{ .exec_fd = -1, .path = "/bin/sh", .argv = argv,
		    .fds = high, .n_fds = 1 },
		{ .exec_fd = -1, .path = "/bin/sh", .argv = argv,
		    .fds = no_parent, .n_fds = 1 },
		{ .exec_fd = -1, .path = "/bin/sh", .argv = argv,
		    .fds = twice, .n_fds = PROCESS_FDS_MAX + 1 },
	};
	struct process p;
	size_t i;
	int r;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r = process_start(&bad[i], NULL, &p);
		CHECK_MSG(r == ERR_USAGE, "row %zu: %s", i, err_word(r));
	}
}

TEST(leaves_no_descriptors)
{
	size_t before = open_descriptors();
	struct result r;
	int i;

	for (i = 0; i < 50; i++)
		run(*shell("exit 0"), NULL, 0, &r);
	CHECK_INT(open_descriptors(), before);
}

static void *
busy(void *arg)
{
	volatile bool *stop = arg;

	while (!*stop)
		free(malloc(100));
	return NULL;
}

/* A child made while another thread runs must not wait for its locks. */
TEST(with_threads)
{
	static volatile bool stop;
	union {
		volatile bool *in;
		void *out;
	} arg = { .in = &stop };
	struct result r;
	pthread_t thread;
	int i;

	CHECK_INT(pthread_create(&thread, NULL, busy, arg.out), 0);
	for (i = 0; i < 50; i++) {
		run(*shell("echo $0"), NULL, 0, &r);
		CHECK_STR(r.text, "sh\n");
	}
	stop = true;
	CHECK_INT(pthread_join(thread, NULL), 0);
}

/* ---- descendants --------------------------------------------------------- */

/* Starts a shell, and reads the n pids that it prints. */
static void
start_tree(const char *command, struct process *p, int *pids, size_t n)
{
	struct process_spec spec = *shell(command);
	struct process_fd fd;
	int ends_of[2];
	size_t i;
	FILE *f;

	CHECK_INT(pipes_open(ends_of), 0);
	fd = (struct process_fd){ 1, ends_of[1] };
	spec.fds = &fd;
	spec.n_fds = 1;
	CHECK_INT(process_start(&spec, NULL, p), 0);
	pipes_close(&ends_of[1]);
	f = fdopen(ends_of[0], "r");
	CHECK(f != NULL);
	for (i = 0; i < n; i++)
		CHECK_INT(fscanf(f, "%d", &pids[i]), 1);
	(void)fclose(f);
}

#define DAEMON "(setsid sh -c 'trap \"\" TERM HUP INT; echo $$; " \
    "exec sleep 1000 >&- 2>&-' &) ; "

GUARDED(kills_all_descendants)
{
	struct process p;
	uint32_t killed = 0;
	int pids[4];
	size_t i;

	CHECK_INT(process_adopt_orphans(), 0);
	CHECK_INT(process_kill_children(NULL, 0, 0, &killed), 0);
	CHECK_INT(killed, 0);
	start_tree(DAEMON DAEMON "sh -c 'sleep 1000 & echo $!; wait' & "
	    "echo $$; exec sleep 1000", &p, pids, 4);
	CHECK_INT(process_kill_children(NULL, 0, 5000, &killed), 0);
	/* The shell, two daemons, a shell below and its sleep. */
	CHECK_INT(killed, 5);
	for (i = 0; i < 4; i++)
		CHECK_INT(kill(pids[i], 0), -1);
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_INT(errno, ECHILD);
	if (p.pidfd >= 0)
		(void)close(p.pidfd);
}

GUARDED(keeps_what_it_is_told_to)
{
	struct process kept, other;
	struct process_end end;
	uint32_t killed = 0;
	int below_kept, below_other;

	CHECK_INT(process_adopt_orphans(), 0);
	start_tree("sleep 1000 & echo $!; wait", &kept, &below_kept, 1);
	start_tree("sleep 1000 & echo $!; wait", &other, &below_other, 1);
	CHECK_INT(process_kill_children(&kept.pid, 1, 5000, &killed), 0);
	CHECK_INT(killed, 2);
	CHECK_INT(kill(below_kept, 0), 0);
	CHECK_INT(kill(below_other, 0), -1);
	CHECK_INT(process_wait(&kept, &end), ERR_AGAIN);
	CHECK_INT(process_kill_children(NULL, 0, 5000, &killed), 0);
	CHECK_INT(killed, 2);
}

GUARDED(reaps_only_orphans)
{
	struct process kept;
	struct process_end end;
	siginfo_t info;
	int pid;

	CHECK_INT(process_adopt_orphans(), 0);
	start_tree("sleep 1000 & echo $!", &kept, &pid, 1);
	/* The shell has ended: its sleep is ours now. */
	CHECK_INT(waitid(P_PID, (id_t)kept.pid, &info, WEXITED | WNOWAIT), 0);
	CHECK_INT(kill(pid, SIGKILL), 0);
	CHECK_INT(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	process_reap_orphans(&kept.pid, 1);
	CHECK_INT(process_wait(&kept, &end), 0);
	CHECK_INT(end.code, 0);
	process_reap_orphans(NULL, 0);
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
}

/* As many as a limit of the kernel allows, forking all the time. */
GUARDED_ONLY(kills_a_fork_bomb)
{
	struct process p;
	uint32_t killed = 0;
	int pid;

	CHECK_INT(process_adopt_orphans(), 0);
	start_tree("echo $$; i=0; while [ $i -lt 50 ]; do i=$((i+1)); "
	    "(while :; do (:); done) & done; wait", &p, &pid, 1);
	CHECK_INT(process_kill_children(NULL, 0, 20000, &killed), 0);
	CHECK(killed > 0);
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_INT(errno, ECHILD);
}

TEST_MAIN()
