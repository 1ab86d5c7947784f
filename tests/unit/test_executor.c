/*
 * test_executor.c - what a run says of itself: starts, output, ends, failures,
 * and a runner that breaks the protocol.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * Started under the runner's name, this program is a false runner.
 */
#include "agent/gate/executor.h"
#include "common/wire.h"
#include "platform/pipes.h"
#include "platform/sandbox.h"
#include "tests/harness/exec.h"
#include "tests/harness/guard.h"

#define SH(text) &(const struct job){ .script = text }

/* ---- ends ---------------------------------------------------------------- */

static const struct {
	const char *script;
	int code;	/* exit code, or minus the signal */
} ends[] = {
	{ "exit 0", 0 },
	{ "exit 1", 1 },
	{ "exit 7", 7 },
	{ "exit 125", 125 },
	{ "exit 255", 255 },
	{ "true", 0 },
	{ "", 0 },
	{ "kill -9 $$", -9 },
	{ "kill -TERM $$", -15 },
	{ "kill -SEGV $$", -11 },
	{ "sh -c 'kill -9 $$'", 137 },
	{ "nonexistent-program", 127 },
	{ "if then", 2 },
};

GUARDED(exit_codes_and_signals)
{
	struct job job = { .script = NULL };
	struct run run;
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		job.script = ends[i].script;
		run_job(&run, &job);
		CHECK_INT(run.o.end, EXEC_FINISHED);
		CHECK_STR(run.reason, "");
		CHECK(run.o.has_exit_code == (ends[i].code >= 0));
		CHECK(run.o.has_signal == (ends[i].code < 0));
		CHECK_MSG(ends[i].code >= 0 ?
		    (int)run.o.exit_code == ends[i].code :
		    (int)run.o.signal == -ends[i].code, "%s: %u %u",
		    ends[i].script, run.o.exit_code, run.o.signal);
		CHECK_INT(run.o.survivors, 0);
		run_close(&run);
	}
}

GUARDED(says_what_it_took)
{
	struct run run;

	run_job(&run, SH("i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; "
	    "head -c 30000000 /dev/zero | tail -c 1"));
	CHECK_INT(run.o.end, EXEC_FINISHED);
	CHECK(run.o.wall_ms > 0 && run.o.wall_ms <= run.took_ms + 1);
	CHECK(run.o.cpu_ms > 0);
	CHECK(run.o.max_rss_kb > 500);
	CHECK_INT(run.o.stdout_bytes, 1);
	run_close(&run);
}

GUARDED(output_of_both_streams)
{
	struct run run;

	run_job(&run, SH("echo one; echo two >&2; echo three; echo four "
	    "> /dev/stderr; echo five > /dev/stdout; printf '\\000\\377'"));
	CHECK_MEM(run.out.p, run.out.n, "one\nthree\nfive\n\0\377", 17);
	CHECK_MEM(run.err.p, run.err.n, "two\nfour\n", 9);
	run_close(&run);
}

/* The pid told is the shell's, and it is told before its output. */
GUARDED(tells_the_start)
{
	struct run run;
	char text[32];

	run_job(&run, SH("echo $$"));
	(void)snprintf(text, sizeof(text), "%d\n", run.pid);
	CHECK_STR(run_text(&run), text);
	CHECK_INT(run.starts, 1);
	CHECK_STR(run.enforced, run.started_with);
	CHECK(strncmp(run.enforced, "profile=full cgroup=", 20) == 0);
	run_close(&run);
}

/* ---- what the payload finds ---------------------------------------------- */

GUARDED(environment_is_exact)
{
	static const struct job job = { .program = "/usr/bin/env",
	    .args = { "env" }, .env = { "PATH=/bin", "LANG=C.UTF-8", "X=" } };
	struct run run;

	CHECK_INT(setenv("COUNTERSIGN_LEAK", "secret", 1), 0);
	run_job(&run, &job);
	CHECK_STR(run_text(&run), "PATH=/bin\nLANG=C.UTF-8\nX=\n");
	run_close(&run);
}

GUARDED(descriptors_are_exact)
{
	struct job job = { .program = "/bin/ls",
	    .args = { "ls", "/proc/self/fd" } };
	struct run run;
	int i;

	for (i = 0; i < 40; i++)
		CHECK(dup(0) >= 0);
	/* 3 is the folder that ls reads. */
	run_job(&run, &job);
	CHECK_STR(run_text(&run), "0\n1\n2\n3\n");
	run_close(&run);
	job.script = "x";
	run_job(&run, &job);
	CHECK_STR(run_text(&run), "0\n1\n2\n3\n6\n");
	run_close(&run);
}

GUARDED(script_is_sealed)
{
	struct run run;

	run_job(&run, SH("echo more >> /proc/self/fd/6 || "
	    "echo sealed; grep -c more /proc/self/fd/6; "
	    "tr '\\0' ' ' < /proc/$$/cmdline"));
	CHECK_STR(run_text(&run), "sealed\n1\nsh /proc/self/fd/6 ");
	run_close(&run);
}

GUARDED(surroundings_are_those_of_the_plan)
{
	static const struct job job = { .script =
	    "pwd; umask; readlink /proc/self/fd/0; read x; echo $?; "
	    "ulimit -c; ulimit -n; true < /dev/tty; ps -o sid= -p $$",
	    .cwd = "/usr/bin", .umask = 027, .open_files = 99 };
	struct run run;
	char want[256];

	run_job(&run, &job);
	(void)snprintf(want, sizeof(want), "/usr/bin\n0027\n/dev/null\n1\n"
	    "0\n99\n");
	CHECK(strncmp(run_text(&run), want, strlen(want)) == 0);
	/* A session of its own; no terminal. */
	CHECK_INT(strtol(run_text(&run) + strlen(want), NULL, 10), run.pid);
	CHECK(strstr((const char *)run.err.p, "/dev/tty") != NULL);
	run_close(&run);
}

GUARDED(signals_are_at_their_defaults)
{
	struct run run;

	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	CHECK(signal(SIGTERM, SIG_IGN) != SIG_ERR);
	run_job(&run, SH("exec grep -E '^Sig(Ign|Blk)' /proc/self/status"));
	CHECK_STR(run_text(&run), "SigBlk:\t0000000000000000\n"
	    "SigIgn:\t0000000000000000\n");
	run_close(&run);
}

GUARDED(identity)
{
	static const struct job job = { .script = "id -u; id -g; id -G; "
	    "echo x > /dev/stderr", .uid = 65534, .gid = 65534 };
	struct run run;

	if (geteuid() != 0)
		SKIP("needs root");
	run_job(&run, &job);
	CHECK_STR(run_text(&run), "65534\n65534\n65534\n");
	/* Its output is its own: it may open it by name. */
	CHECK_STR((const char *)run.err.p, "x\n");
	run_close(&run);
}

GUARDED(other_interpreters)
{
	static const struct job bash = { .script =
	    "a=(one two); echo ${a[1]} | cut -c 1-3",
	    .program = "/bin/bash", .args = { "bash", "/proc/self/fd/6" } };
	static const struct job argv = { .program = "/bin/echo",
	    .args = { "echo", "--", "a b", "", "$HOME" } };
	struct run run;

	run_job(&run, &argv);
	CHECK_STR(run_text(&run), "-- a b  $HOME\n");
	run_close(&run);
	if (access("/bin/bash", X_OK) != 0)
		SKIP("no bash");
	run_job(&run, &bash);
	CHECK_STR(run_text(&run), "two\n");
	run_close(&run);
}

/* ---- failures before the start ------------------------------------------- */

static const struct {
	struct job job;
	const char *detail;
} refused[] = {
	{ { .program = "/nonexistent/sh" }, "exec: No such file" },
	{ { .program = "/etc/passwd" }, "exec: Permission denied" },
	{ { .script = "exit 0", .cwd = "/nonexistent" }, "directory: No such" },
	{ { .script = "exit 0", .cwd = "/etc/passwd" }, "directory: Not a" },
	/* Root has no need of a user namespace, and nobody is somebody else's
	 * user in one. */
	{ { .script = "exit 0", .profile = PLAN_OBSERVE, .uid = 65534,
	    .flags = PLAN_FLAG_USERNS }, "profile: " },
};

GUARDED(sandbox_failures_have_their_step)
{
	struct run run;
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		run_job(&run, &refused[i].job);
		CHECK_INT(run.o.end, EXEC_FAILED_TO_START);
		CHECK_STR(run.reason, "sandbox_error");
		CHECK_MSG(strncmp(run.detail, refused[i].detail,
		    strlen(refused[i].detail)) == 0, "%s: %.100s",
		    refused[i].detail, run.detail);
		CHECK_INT(run.starts, 0);
		CHECK_STR(run.enforced, "");
		CHECK(!run.o.has_exit_code && !run.o.has_signal);
		run_close(&run);
	}
}

GUARDED(runner_that_cannot_be_started)
{
	struct job job = { .script = "exit 0" };
	struct run run;

	job.runner_fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	CHECK(job.runner_fd > 0);
	run_job(&run, &job);
	CHECK_INT(run.o.end, EXEC_FAILED_TO_START);
	CHECK_STR(run.reason, "runner_start");
	CHECK(strncmp(run.detail, "runner: ", 8) == 0);
	run_close(&run);
}

/* A pen that is there already is somebody else's: nothing is started. */
GUARDED(one_run_for_a_card)
{
	static const struct job job = { .script = "exit 0" };
	struct run run;
	struct plan p;
	struct buf b;

	run_open(&run, &job);
	if (strstr(executor_pens(run.ex), "cgroup=none") != NULL)
		SKIP("no control groups");
	run_plan(&run, &p);
	buf_init(&b, PLAN_SIZE_MAX);
	CHECK_INT(executor_prepare(run.ex, &p, &b), 0);
	CHECK_INT(plan_decode(buf_bytes(&b), &p), 0);
	CHECK_INT(mkdir(p.cgroups[0].path, 0755), 0);
	CHECK_INT(executor_start(run.ex, buf_bytes(&b), bytes_str("exit 0"),
	    1000, &run_callbacks, &run, &run.e), 0);
	run_finish(&run);
	CHECK_INT(run.o.end, EXEC_FAILED_TO_START);
	CHECK_STR(run.reason, "runner_start");
	CHECK_STR(run.detail, "cgroup: File exists");
	CHECK_INT(rmdir(p.cgroups[0].path), 0);
	buf_free(&b);
	run_close(&run);
}

GUARDED(wrong_arguments)
{
	static const struct job job = { .script = "exit 0" };
	struct run run;
	struct plan p;
	struct buf b;

	run_open(&run, &job);
	run_plan(&run, &p);
	buf_init(&b, PLAN_SIZE_MAX);
	CHECK_INT(executor_prepare(run.ex, &p, &b), 0);
	CHECK_INT(executor_start(run.ex, buf_bytes(&b), bytes_str(""), 0,
	    &run_callbacks, &run, &run.e), ERR_RANGE);
	CHECK_INT(executor_start(run.ex, bytes_of(b.p, b.n - 1),
	    bytes_str(""), 1000, &run_callbacks, &run, &run.e),
	    ERR_TRUNCATED);
	p.umask = 07777;
	CHECK_INT(executor_prepare(run.ex, &p, &b), ERR_RANGE);
	CHECK_INT(run.starts + run.ends, 0);
	buf_free(&b);
	run_close(&run);
}

/* The plan's bytes do not depend on when it was prepared. */
GUARDED(prepare_is_a_function_of_the_card)
{
	static const struct job job = { .script = "exit 0" };
	struct run run;
	struct plan p;
	struct buf a, b;

	run_open(&run, &job);
	run_plan(&run, &p);
	buf_init(&a, PLAN_SIZE_MAX);
	buf_init(&b, PLAN_SIZE_MAX);
	CHECK_INT(executor_prepare(run.ex, &p, &a), 0);
	CHECK_INT(executor_prepare(run.ex, &p, &b), 0);
	CHECK_MEM(a.p, a.n, b.p, b.n);
	p.card[0] ^= 1;
	buf_clear(&b);
	CHECK_INT(executor_prepare(run.ex, &p, &b), 0);
	CHECK(!bytes_equal(buf_bytes(&a), buf_bytes(&b)));
	CHECK(executor_offer(run.ex)->full);
	CHECK(!executor_offer(run.ex)->observe);
	CHECK(!executor_offer(run.ex)->repair);
	buf_free(&a);
	buf_free(&b);
	run_close(&run);
}

/* ---- several at once ----------------------------------------------------- */

GUARDED(four_at_once)
{
	static const struct job job = { .script = "echo $$; exit 3" };
	struct run runs[4];
	struct plan p;
	struct buf b;
	int i;

	run_open(&runs[0], &job);
	for (i = 0; i < 4; i++) {
		if (i > 0) {
			runs[i] = runs[0];
			buf_init(&runs[i].out, 1024);
			buf_init(&runs[i].err, 1024);
		}
		run_plan(&runs[i], &p);
		buf_init(&b, PLAN_SIZE_MAX);
		CHECK_INT(executor_prepare(runs[0].ex, &p, &b), 0);
		CHECK_INT(executor_start(runs[0].ex, buf_bytes(&b),
		    bytes_str(job.script), 10000, &run_callbacks, &runs[i],
		    &runs[i].e), 0);
		buf_free(&b);
	}
	CHECK_INT(uv_run(&runs[0].loop, UV_RUN_DEFAULT), 0);
	for (i = 0; i < 4; i++) {
		CHECK_INT(runs[i].ends, 1);
		CHECK_INT(runs[i].o.exit_code, 3);
		buf_put_u8(&runs[i].out, 0);
		CHECK_INT(strtol(run_text(&runs[i]), NULL, 10), runs[i].pid);
		if (i > 0) {
			buf_free(&runs[i].out);
			buf_free(&runs[i].err);
		}
	}
	run_close(&runs[0]);
}

/* ---- a runner that breaks the protocol ----------------------------------- */

/* Sends the messages in b as they are. */
static void
send_raw(struct buf *b)
{
	CHECK_INT(pipes_write_all(PLAN_FD_STATUS, buf_bytes(b)), 0);
	buf_clear(b);
}

static void
put_started(struct buf *b, const char *enforced)
{
	const struct wire_started m = { (uint32_t)getpid(),
	    bytes_str(enforced) };

	wire_put_started(b, &m);
}

static void
put_ended(struct buf *b, enum wire_why why)
{
	const struct wire_ended m = { .code = 5, .why = why };

	wire_put_ended(b, &m);
}

/* Longer than any test, ended by its end. */
__attribute__((noreturn)) static void
hang(void)
{
	for (;;)
		(void)pause();
}

/* What this program does as a false runner: args[0] of the plan says. */
static int
false_runner(void)
{
	const struct wire_failed failed = { 77, EPERM };
	struct buf in, b;
	const char *what;
	struct plan p;

	buf_init(&in, PLAN_SIZE_MAX);
	buf_init(&b, 4096);
	if (pipes_read_all(PLAN_FD_PLAN, &in) != 0 ||
	    plan_decode(buf_bytes(&in), &p) != 0)
		return 99;
	what = p.args[0];
	if (strcmp(what, "silent") == 0)
		_exit(0);
	if (strcmp(what, "garbage") == 0)
		buf_put_str(&b, "this is no message at all");
	else if (strcmp(what, "ended first") == 0)
		put_ended(&b, WIRE_WHY_ITSELF);
	else if (strcmp(what, "unknown type") == 0)
		buf_put(&b, "\0\0\0\0\x90\0\0\0", 8);
	else if (strcmp(what, "failed") == 0)
		wire_put_failed(&b, &failed);
	else if (strcmp(what, "strange text") == 0)
		put_started(&b, "a\033[31mb\nc\377");
	else
		put_started(&b, "x");
	if (strcmp(what, "half") == 0)
		b.n -= 1;
	if (strcmp(what, "twice") == 0)
		put_started(&b, "y");
	if (strcmp(what, "huge") == 0)
		buf_put(&b, "\0\0\0\x7f\x82\0\0\0", 8);
	if (strcmp(what, "stopped") == 0)
		put_ended(&b, WIRE_WHY_STOPPED);
	if (strcmp(what, "lingers") == 0 || strcmp(what, "limit") == 0)
		put_ended(&b, strcmp(what, "limit") == 0 ?
		    WIRE_WHY_PROCESSES : WIRE_WHY_ITSELF);
	if (strcmp(what, "talks on") == 0) {
		put_ended(&b, WIRE_WHY_ITSELF);
		put_ended(&b, WIRE_WHY_ITSELF);
	}
	send_raw(&b);
	if (strcmp(what, "closes") == 0)
		(void)close(PLAN_FD_STATUS);
	if (strcmp(what, "half") == 0 || strcmp(what, "dies") == 0 ||
	    strcmp(what, "strange text") == 0 || strcmp(what, "limit") == 0)
		_exit(0);
	hang();
}

static const struct {
	const char *what;
	bool started;
	enum exec_end end;
	const char *reason;
} violations[] = {
	{ "silent", false, EXEC_KILLED, "runner_died" },
	{ "garbage", false, EXEC_KILLED, "child_violation" },
	{ "ended first", false, EXEC_KILLED, "child_violation" },
	{ "unknown type", false, EXEC_KILLED, "child_violation" },
	{ "half", false, EXEC_KILLED, "child_violation" },
	{ "twice", true, EXEC_KILLED, "child_violation" },
	{ "huge", true, EXEC_KILLED, "child_violation" },
	{ "stopped", true, EXEC_KILLED, "child_violation" },
	{ "talks on", true, EXEC_KILLED, "child_violation" },
	{ "dies", true, EXEC_KILLED, "runner_died" },
	{ "closes", true, EXEC_KILLED, "runner_died" },
	{ "strange text", true, EXEC_KILLED, "runner_died" },
	{ "failed", false, EXEC_FAILED_TO_START, "sandbox_error" },
	{ "lingers", true, EXEC_FINISHED, "" },
	{ "limit", true, EXEC_KILLED, "limit" },
};

static void
run_false(struct run *run, struct job *job)
{
	job->runner_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	CHECK(job->runner_fd > 0);
	run_job(run, job);
	CHECK_INT(close(job->runner_fd), 0);
}

GUARDED(a_runner_that_breaks_the_protocol)
{
	struct run run;
	size_t i;

	for (i = 0; i < sizeof(violations) / sizeof(violations[0]); i++) {
		struct job job = { .args = { violations[i].what },
		    .timeout_ms = 30000 };

		run_false(&run, &job);
		CHECK_MSG(run.o.started == violations[i].started &&
		    run.o.end == violations[i].end &&
		    strcmp(run.reason, violations[i].reason) == 0,
		    "%s: %d %d %s", violations[i].what, run.o.started,
		    (int)run.o.end, run.reason);
		if (strcmp(violations[i].what, "strange text") == 0)
			CHECK_STR(run.enforced, "a?[31mb?c?");
		if (strcmp(violations[i].what, "failed") == 0)
			CHECK_STR(run.detail, "unknown: "
			    "Operation not permitted");
		CHECK_MSG(run.took_ms < 15000, "%s: %llu ms",
		    violations[i].what, (unsigned long long)run.took_ms);
		run_close(&run);
	}
}

static void
stop_at_start(struct run *run)
{
	execution_stop(run->e);
	execution_stop(run->e);
}

/* It does not look at its control descriptor: killed after the grace. */
GUARDED(a_runner_that_does_not_stop)
{
	struct job job = { .args = { "deaf" }, .timeout_ms = 30000,
	    .on_started = stop_at_start };
	struct run run;

	run_false(&run, &job);
	CHECK_INT(run.o.end, EXEC_KILLED);
	CHECK_STR(run.reason, "stopped");
	CHECK(run.took_ms >= EXECUTOR_GRACE_MS &&
	    run.took_ms < 15000);
	run_close(&run);
}

GUARDED(a_runner_that_misses_the_deadline)
{
	struct job job = { .args = { "deaf" }, .timeout_ms = 100 };
	struct run run;

	run_false(&run, &job);
	CHECK_INT(run.o.end, EXEC_TIMED_OUT);
	CHECK_STR(run.reason, "deadline");
	CHECK(run.took_ms >= EXECUTOR_GRACE_MS + 100 &&
	    run.took_ms < 15000);
	run_close(&run);
}

int
main(int argc, char **argv)
{
	if (argc == 1 && strcmp(argv[0], "countersign-runner") == 0)
		return false_runner();
	return test_main(argc, argv);
}
