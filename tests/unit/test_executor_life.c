/*
 * test_executor_life.c - limits, and that nothing of an action outlives it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * run_close() checks after each run that no process and no control group of it
 * is left.
 */
#include "agent/gate/executor.h"
#include "platform/clock.h"
#include "platform/pipes.h"
#include "platform/process.h"
#include "platform/sandbox.h"
#include "tests/harness/exec.h"
#include "tests/harness/guard.h"
#include "tests/harness/resist.h"

#include <sys/resource.h>

/* Each test of an end is run with control groups and without. */
struct with {
	const char *name;
	bool no_pens;
	bool nobody;
};

static const struct with with[] = {
	{ "pens", false, false },
	{ "no pens", true, false },
};

#define WITHS (sizeof(with) / sizeof(with[0]))

/* ---- what outlives the payload ------------------------------------------- */

static const struct {
	const char *script;
	int code;
	uint32_t survivors;	/* at least */
} leftovers[] = {
	{ DAEMON "exit 3", 3, 1 },
	{ DAEMON DAEMON DAEMON "exit 0", 0, 3 },
	{ "sleep 1000 & exit 4", 4, 1 },
	{ "nohup sleep 1000 > /dev/null 2>&1 & exit 0", 0, 1 },
	{ "(sleep 1000 | sleep 1000) & exit 0", 0, 1 },
	{ "sh -c 'sh -c \"sh -c \\\"sleep 1000; :\\\"; :\"; :' & exit 0", 0,
	    1 },
	{ DAEMON "kill -9 $$", -9, 1 },
};

GUARDED(nothing_outlives_the_payload)
{
	struct run run;
	size_t i, j;

	for (j = 0; j < WITHS; j++)
		for (i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]);
		    i++) {
			struct job job = { .script = leftovers[i].script,
			    .no_pens = with[j].no_pens };

			run_job(&run, &job);
			CHECK_INT(run.o.end, EXEC_FINISHED);
			CHECK_INT(run.o.has_exit_code ?
			    (int)run.o.exit_code : -(int)run.o.signal,
			    leftovers[i].code);
			CHECK_MSG(run.o.survivors >= leftovers[i].survivors,
			    "%s, %zu: %u", with[j].name, i, run.o.survivors);
			CHECK_MSG(run.took_ms < SOON_MS, "%s, %zu: %llu ms",
			    with[j].name, i,
			    (unsigned long long)run.took_ms);
			run_close(&run);
		}
}

/* A background child that holds the output open does not delay the end. */
GUARDED(output_held_open)
{
	struct run run;
	size_t j;

	for (j = 0; j < WITHS; j++) {
		struct job job = { .script = "sleep 1000 & echo done",
		    .no_pens = with[j].no_pens };

		run_job(&run, &job);
		CHECK_INT(run.o.end, EXEC_FINISHED);
		CHECK_STR(run_text(&run), "done\n");
		CHECK_STR(run.detail, "");
		CHECK_INT(run.o.survivors, 1);
		CHECK_MSG(run.took_ms < SOON_MS, "%llu ms",
		    (unsigned long long)run.took_ms);
		run_close(&run);
	}
}

/* One that left its control groups is found as a descendant. */
GUARDED(leaving_the_pen)
{
	static const struct job job = { .script =
	    "for f in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs"
	    "; do echo 0 > $f; done 2> /dev/null; " DAEMON "cat "
	    "/proc/self/cgroup; exit 0" };
	struct run run;

	if (geteuid() != 0)
		SKIP("needs root");
	run_job(&run, &job);
	CHECK_INT(run.o.end, EXEC_FINISHED);
	CHECK(strstr(run_text(&run), "countersign.") == NULL);
	CHECK(run.o.survivors > 0);
	run_close(&run);
}

/* Groups that the action made below its own are removed with it. */
GUARDED(groups_below_the_pen)
{
	static const struct job job = { .script =
	    "for p in $(cut -d: -f3 /proc/self/cgroup | grep countersign); do "
	    "for b in /sys/fs/cgroup /sys/fs/cgroup/*; do "
	    "[ -d $b$p ] && mkdir -p $b$p/a/b && "
	    "(echo 0 > $b$p/a/b/cgroup.procs; sleep 1000) & done; done; "
	    "find /sys/fs/cgroup -path '*countersign*/a/b' | wc -l" };
	struct run run;

	run_open(&run, &job);
	if (geteuid() != 0 || !has_pens(&run))
		SKIP("no control groups");
	run_start(&run);
	run_finish(&run);
	CHECK_INT(run.o.end, EXEC_FINISHED);
	CHECK(run.o.survivors > 0);
	run_close(&run);
}

/* ---- deadline and stop --------------------------------------------------- */

GUARDED(deadline)
{
	struct run run;
	size_t j;

	for (j = 0; j < WITHS; j++) {
		struct job job = { .script = DEAF, .timeout_ms = 300,
		    .no_pens = with[j].no_pens };

		run_job(&run, &job);
		CHECK_INT(run.o.end, EXEC_TIMED_OUT);
		CHECK_STR(run.reason, "deadline");
		CHECK(run.o.has_signal);
		CHECK_INT(run.o.signal, SIGKILL);
		CHECK_STR(run_text(&run), "up\n");
		CHECK_MSG(run.took_ms >= 300 && run.took_ms < SOON_MS,
		    "%s: %llu ms", with[j].name,
		    (unsigned long long)run.took_ms);
		CHECK(run.o.survivors >= 2);
		run_close(&run);
	}
}

GUARDED(stop)
{
	struct run run;
	size_t j;

	for (j = 0; j < WITHS; j++) {
		struct job job = { .script = DEAF, .no_pens = with[j].no_pens,
		    .on_output = stop_when_up };

		run_job(&run, &job);
		CHECK_INT(run.o.end, EXEC_KILLED);
		CHECK_STR(run.reason, "stopped");
		/* The runner did it and told: not the second stage. */
		CHECK(run.o.has_signal);
		CHECK_INT(run.o.signal, SIGKILL);
		run_close(&run);
		job.on_output = NULL;
		job.on_started = stop_when_started;
		run_job(&run, &job);
		CHECK_INT(run.o.end, EXEC_KILLED);
		CHECK_STR(run.reason, "stopped");
		run_close(&run);
	}
}

/* Before the runner has said anything. */
GUARDED(stop_at_once)
{
	static const struct job job = { .script = DEAF };
	struct run run;

	run_open(&run, &job);
	run_start(&run);
	execution_stop(run.e);
	CHECK_INT(run.ends, 0);
	run_finish(&run);
	CHECK_INT(run.o.end, EXEC_KILLED);
	CHECK_STR(run.reason, "stopped");
	CHECK(run.o.has_signal);
	run_close(&run);
}

/* It ended by itself at the very moment: then that is its end. */
GUARDED(stop_of_one_that_ended)
{
	static const struct job job = { .script = "echo x; exec exit 9",
	    .on_output = stop_when_up };
	struct run run;
	int i;

	for (i = 0; i < 20; i++) {
		run_job(&run, &job);
		CHECK(run.o.end == EXEC_FINISHED || run.o.end == EXEC_KILLED);
		CHECK((run.o.end == EXEC_KILLED) ==
		    (strcmp(run.reason, "stopped") == 0));
		run_close(&run);
	}
}

/* A runner that cannot run is killed in the second stage. */
GUARDED(stop_with_a_stopped_runner)
{
	static const struct job job = { .script =
	    "while :; do sleep 1000; done", .on_started = freeze_runner };
	struct run run;

	run_job(&run, &job);
	CHECK_INT(run.o.end, EXEC_KILLED);
	CHECK_STR(run.reason, "stopped");
	CHECK(run.took_ms >= EXECUTOR_GRACE_MS && run.took_ms < SOON_MS);
	/* It could not tell how the payload ended. */
	CHECK(!run.o.has_signal);
	run_close(&run);
}

/* ---- the runner or the gate dies ----------------------------------------- */

GUARDED(runner_killed)
{
	struct run run;
	size_t j;

	for (j = 0; j < WITHS; j++) {
		struct job job = { .script = DAEMON
		    "echo x; kill -9 $PPID; while :; do sleep 1000; done",
		    .no_pens = with[j].no_pens };

		run_job(&run, &job);
		CHECK_INT(run.o.end, EXEC_KILLED);
		CHECK_STR(run.reason, "runner_died");
		/* Told to have started, or killed before it was told. */
		CHECK_STR(run_text(&run), "x\n");
		CHECK(run.o.survivors > 0);
		CHECK(!run.o.has_exit_code && !run.o.has_signal);
		CHECK_MSG(run.took_ms < SOON_MS, "%s: %llu ms", with[j].name,
		    (unsigned long long)run.took_ms);
		run_close(&run);
	}
}

/* Reads a number from a pipe, after which there is a newline. */
static int
read_number(int fd)
{
	char text[32];
	size_t n = 0;

	while (n + 1 < sizeof(text) && read(fd, text + n, 1) == 1 &&
	    text[n] != '\n')
		n++;
	text[n] = '\0';
	return (int)strtol(text, NULL, 10);
}

static int tell_fd = -1;

/* The stand-in for the gate hands on what the payload printed. */
static void
tell(struct run *run, int stream, struct bytes data)
{
	(void)run;
	(void)stream;
	CHECK_INT(pipes_write_all(tell_fd, data), 0);
}

/*
 * A process that runs the job like a gate. Returns its pid; *ret_fd is what
 * the payload prints. The name is its own.
 */
static int
stand_in(const struct job *job, int *ret_fd)
{
	struct job with_tell = *job;
	struct run run;
	int fds[2], pid;

	CHECK_INT(pipes_open(fds), 0);
	(void)fflush(NULL);
	if ((pid = fork()) == 0) {
		(void)close(fds[0]);
		tell_fd = fds[1];
		with_tell.on_output = tell;
		run_job(&run, &with_tell);
		_exit(0);
	}
	CHECK(pid > 0);
	(void)close(fds[1]);
	*ret_fd = fds[0];
	return pid;
}

/* Sweeps as the next gate of the same name does. */
static uint32_t
sweep_as(int pid, bool kept)
{
	static const struct job job = { .script = "" };
	struct executor_config cfg = { .name = NULL };
	uint32_t killed = 0;
	struct run run;

	run_open(&run, &job);
	executor_close(run.ex);
	(void)snprintf(run.name, sizeof(run.name), "test-%d", pid);
	cfg.loop = &run.loop;
	cfg.name = run.name;
	CHECK_INT(executor_open(&cfg, &run.ex), 0);
	CHECK_INT(executor_sweep(run.ex, kept, &killed), 0);
	if (kept)
		run_close(&run);
	else
		executor_close(run.ex);
	return killed;
}

#define SHOW_PIDS "echo $PPID; echo $$; sh -c 'echo $$; " \
    "while :; do sleep 1000; done' & " DAEMON "while :; do sleep 1000; done"

GUARDED(gate_killed)
{
	int gate, fd, runner, shell, child;
	size_t j;

	for (j = 0; j < WITHS; j++) {
		struct job job = { .script = SHOW_PIDS,
		    .no_pens = with[j].no_pens };

		gate = stand_in(&job, &fd);
		runner = read_number(fd);
		shell = read_number(fd);
		child = read_number(fd);
		CHECK(runner > 0 && shell > 0 && child > 0);
		CHECK_INT(kill(gate, SIGKILL), 0);
		CHECK(has_gone(runner) && has_gone(shell) && has_gone(child));
		CHECK_INT(waitpid(gate, NULL, 0), gate);
		CHECK_INT(close(fd), 0);
		(void)sweep_as(gate, true);
	}
}

/* Both at once: what they leave stands in its pen for the next gate. */
GUARDED(gate_and_runner_killed)
{
	static const struct job job = { .script = SHOW_PIDS };
	int gate, fd, runner, shell, child;
	struct run run;

	run_open(&run, &job);
	if (!has_pens(&run))
		SKIP("no control groups");
	run_close(&run);
	gate = stand_in(&job, &fd);
	runner = read_number(fd);
	shell = read_number(fd);
	child = read_number(fd);
	CHECK_INT(kill(runner, SIGSTOP), 0);
	CHECK_INT(kill(gate, SIGKILL), 0);
	CHECK_INT(kill(runner, SIGKILL), 0);
	CHECK(has_gone(runner));
	CHECK_INT(waitpid(gate, NULL, 0), gate);
	CHECK_INT(kill(shell, 0), 0);
	CHECK_INT(kill(child, 0), 0);
	CHECK(sweep_as(gate, true) >= 3);
	CHECK(has_gone(shell) && has_gone(child));
	CHECK_INT(close(fd), 0);
}

/* ---- survivors that may stay --------------------------------------------- */

GUARDED(kept_survivors)
{
	static const struct job job = { .script =
	    "setsid sleep 1000 > /dev/null 2>&1 & echo $!",
	    .survivors = PLAN_KEEP };
	uint32_t killed = 0;
	struct run run;
	int pid;

	run_open(&run, &job);
	if (!has_pens(&run))
		SKIP("no control groups");
	run_start(&run);
	run_finish(&run);
	CHECK_INT(run.o.end, EXEC_FINISHED);
	CHECK_INT(run.o.survivors, 1);
	CHECK(strstr(run.enforced, "kill=none") != NULL);
	pid = (int)strtol(run_text(&run), NULL, 10);
	CHECK_INT(kill(pid, 0), 0);
	CHECK(count_pens(&run) > 0);
	/* A start's sweep leaves it; a lockdown's does not. */
	CHECK_INT(executor_sweep(run.ex, false, &killed), 0);
	CHECK_INT(killed, 0);
	CHECK_INT(kill(pid, 0), 0);
	CHECK_INT(executor_sweep(run.ex, true, &killed), 0);
	CHECK_INT(killed, 1);
	CHECK(has_gone(pid));
	(void)waitpid(pid, NULL, 0);
	run_close(&run);
}

/* One that is stopped keeps nothing. */
GUARDED(kept_survivors_and_stop)
{
	static const struct job job = { .script = DEAF,
	    .survivors = PLAN_KEEP, .on_output = stop_when_up };
	struct run run;

	run_open(&run, &job);
	if (!has_pens(&run))
		SKIP("no control groups");
	run_start(&run);
	run_finish(&run);
	CHECK_STR(run.reason, "stopped");
	run_close(&run);
}

GUARDED(kept_survivors_need_a_pen)
{
	static const struct job job = { .script = "exit 0",
	    .survivors = PLAN_KEEP, .no_pens = true };
	struct run run;
	struct plan p;
	struct buf b;

	run_open(&run, &job);
	run_plan(&run, &p);
	buf_init(&b, PLAN_SIZE_MAX);
	CHECK_INT(executor_prepare(run.ex, &p, &b), ERR_UNSUPPORTED);
	buf_free(&b);
	run_close(&run);
}

/* ---- limits -------------------------------------------------------------- */

/* The payload itself is the hog. */
GUARDED(memory_limit)
{
	struct run run;
	size_t j;

	for (j = 0; j < WITHS; j++) {
		struct job job = { .script = HOG, .memory = 32 * MIB,
		    .no_pens = with[j].no_pens };

		run_open(&run, &job);
		run_start(&run);
		run_finish(&run);
		if (strstr(run.enforced, "mem=cgroup") != NULL) {
			CHECK_INT(run.o.end, EXEC_KILLED);
			CHECK_STR(run.reason, "oom");
			CHECK_STR(run.detail, "memory limit: 1 killed");
			CHECK_INT(run.o.signal, SIGKILL);
		} else {
			/* The shell is refused the memory and fails as it
			 * does then, or is caught. */
			CHECK(strstr(run.enforced, "mem=rlimit+poll") != NULL);
			CHECK(run.o.end == EXEC_FINISHED ?
			    run.o.has_signal || run.o.exit_code != 0 :
			    strcmp(run.reason, "oom") == 0);
		}
		CHECK_MSG(run.o.max_rss_kb < 48 * 1024, "%llu KiB",
		    (unsigned long long)run.o.max_rss_kb);
		run_close(&run);
	}
}

/* A child is; the payload lives on and ends as it likes. */
GUARDED(memory_limit_of_a_child)
{
	static const struct job job = { .script = "sh -c '" HOG
	    "'; echo $?; exit 5", .memory = 32 * MIB };
	static const struct job relayed = { .script = "sh -c '" HOG "'",
	    .memory = 32 * MIB };
	struct run run;

	run_open(&run, &job);
	if (strstr(executor_pens(run.ex), "mem=cgroup") == NULL)
		SKIP("no memory control group");
	run_start(&run);
	run_finish(&run);
	CHECK_INT(run.o.end, EXEC_FINISHED);
	CHECK_INT(run.o.exit_code, 5);
	CHECK_STR(run_text(&run), "137\n");
	CHECK_STR(run.detail, "memory limit: 1 killed");
	run_close(&run);
	/* A shell that gives its last program's end on. */
	run_job(&run, &relayed);
	CHECK_INT(run.o.end, EXEC_KILLED);
	CHECK_STR(run.reason, "oom");
	CHECK_INT(run.o.exit_code, 137);
	run_close(&run);
}

/* Many small ones together: the sum counts. */
GUARDED(memory_limit_of_the_tree)
{
	struct run run;
	size_t j;

	for (j = 0; j < WITHS; j++) {
		struct job job = { .script = "i=0; while [ $i -lt 12 ]; do "
		    "i=$((i+1)); sh -c 'x=0123456789abcdef; n=0; "
		    "while [ $n -lt 18 ]; do x=$x$x; n=$((n+1)); done; "
		    "sleep 1000' & done; wait", .memory = 32 * MIB,
		    .timeout_ms = 8000, .no_pens = with[j].no_pens };

		run_job(&run, &job);
		if (strstr(run.enforced, "mem=cgroup") != NULL)
			CHECK(strstr(run.detail, "memory limit") != NULL);
		else
			CHECK_STR(run.reason, "oom");
		run_close(&run);
	}
}

GUARDED(process_limit)
{
	struct run run;
	size_t j;

	for (j = 0; j < WITHS; j++) {
		struct job job = { .script = MANY, .processes = 16,
		    .no_pens = with[j].no_pens };

		run_job(&run, &job);
		if (strstr(run.enforced, "procs=cgroup") != NULL) {
			/* The shell gives up. */
			CHECK_INT(run.o.end, EXEC_FINISHED);
			CHECK(run.o.exit_code != 0);
			CHECK(strstr(run.detail, "process limit: ") != NULL);
			CHECK(run.o.survivors > 0 && run.o.survivors <= 16);
		} else {
			/* The kernel holds a user, but not root. */
			CHECK(strstr(run.enforced, geteuid() == 0 ?
			    "procs=poll" : "procs=rlimit+poll") != NULL);
			CHECK(geteuid() != 0 && run.o.end == EXEC_FINISHED ?
			    run.o.exit_code != 0 :
			    strcmp(run.reason, "limit") == 0);
		}
		run_close(&run);
	}
}

GUARDED_ONLY(fork_bomb)
{
	struct run run;
	size_t j;

	for (j = 0; j < WITHS; j++) {
		struct job job = { .script = BOMB, .processes = 100,
		    .timeout_ms = 700, .no_pens = with[j].no_pens };

		/*
		 * Without a control group nothing holds root's fork bomb:
		 * looking now and then is slower than doubling, and the
		 * machine goes down with the test.
		 */
		if (with[j].no_pens)
			continue;
		run_job(&run, &job);
		/* It lasts, is caught, or finds no room for its own sleep. */
		CHECK(run.o.end == EXEC_TIMED_OUT ||
		    strcmp(run.reason, "limit") == 0 ||
		    (run.o.end == EXEC_FINISHED && run.o.exit_code == 2));
		CHECK(run.o.survivors > 0);
		CHECK_MSG(run.took_ms < SOON_MS, "%s: %llu ms", with[j].name,
		    (unsigned long long)run.took_ms);
		run_close(&run);
	}
}

GUARDED(file_size)
{
	static const struct job job = { .script =
	    "f=$(mktemp) && head -c 5000000 /dev/zero > $f; echo $?; "
	    "stat -c %s $f; rm $f", .file = MIB };
	struct run run;

	run_job(&run, &job);
	/* 128 and SIGXFSZ. */
	CHECK_STR(run_text(&run), "153\n1048576\n");
	run_close(&run);
}

/* ---- much output --------------------------------------------------------- */

static long
resident_kb(void)
{
	struct rusage usage;

	CHECK_INT(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_maxrss;
}

GUARDED(a_gigabyte_of_output)
{
	static const struct job small = { .script =
	    "head -c 4000000 /dev/zero" };
	static const struct job job = { .script =
	    "head -c 1073741824 /dev/zero", .timeout_ms = 100000 };
	struct run run;
	long before;

	run_job(&run, &small);
	run_close(&run);
	before = resident_kb();
	run_job(&run, &job);
	CHECK_INT(run.o.end, EXEC_FINISHED);
	CHECK_INT(run.o.stdout_bytes, 1073741824);
	CHECK_MSG(resident_kb() - before < 4096, "grew by %ld KiB",
	    resident_kb() - before);
	run_close(&run);
}

/* ---- without root -------------------------------------------------------- */

GUARDED(as_nobody)
{
	static const struct {
		struct job job;
		enum exec_end end;
		const char *text;
	} rows[] = {
		{ { .script = "id -u; exit 3" }, EXEC_FINISHED, "65534\n" },
		{ { .script = DAEMON "echo x" }, EXEC_FINISHED, "x\n" },
		{ { .script = DEAF, .timeout_ms = 200 }, EXEC_TIMED_OUT,
		    "up\n" },
		{ { .script = DAEMON "kill -9 $PPID; sleep 1000" },
		    EXEC_KILLED, "" },
		{ { .script = "cd /; umask; ulimit -c", .umask = 077 },
		    EXEC_FINISHED, "0077\n0\n" },
	};
	struct run run;
	int runner;
	size_t i;

	if (geteuid() != 0)
		SKIP("is what the other tests do, without root");
	/* Nobody may not be able to reach the folder of the build. */
	runner = real_runner();
	become_nobody();
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct job job = rows[i].job;

		job.runner_fd = runner;
		run_job(&run, &job);
		CHECK_MSG(run.o.end == rows[i].end, "row %zu: %d %s", i,
		    (int)run.o.end, run.reason);
		CHECK_STR(run_text(&run), rows[i].text);
		run_close(&run);
	}
}

/* Another user's identity is not to be had. */
GUARDED(as_nobody_for_root)
{
	struct job job = { .script = "exit 0", .uid = 1, .gid = 1 };
	struct run run;

	job.runner_fd = real_runner();
	become_nobody();
	run_job(&run, &job);
	CHECK_INT(run.o.end, EXEC_FAILED_TO_START);
	CHECK(strncmp(run.detail, "identity: ", 10) == 0 ||
	    strncmp(run.detail, "descriptors: ", 13) == 0);
	run_close(&run);
}

/* The kernel's own limit for a user holds where there is no control group. */
GUARDED(process_limit_as_nobody)
{
	struct job job = { .script = MANY, .processes = 16, .no_pens = true };
	struct run run;

	if (geteuid() != 0)
		SKIP("needs a user that runs nothing else");
	job.runner_fd = real_runner();
	become_nobody();
	run_job(&run, &job);
	CHECK(run.o.end == EXEC_FINISHED ? run.o.exit_code != 0 :
	    strcmp(run.reason, "limit") == 0);
	run_close(&run);
}

TEST_MAIN()
