/*
 * test_sandbox_life.c - nothing of a confined action outlives it, and its end
 * has the right reason.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * What the other tests of ends do with `full`, with profiles that cannot kill
 * their runner and whose processes are counted from outside: each has a mark
 * in its environment.
 */
#include "agent/gate/executor.h"
#include "platform/clock.h"
#include "platform/pipes.h"
#include "platform/sandbox.h"
#include "tests/harness/exec.h"
#include "tests/harness/guard.h"
#include "tests/harness/resist.h"

#include <dirent.h>

/* Each test is run with each profile, with control groups and without. */
static const struct with {
	const char *name;
	enum plan_profile profile;
	bool no_pens;
} with[] = {
	{ "observe", PLAN_OBSERVE, false },
	{ "observe, no pens", PLAN_OBSERVE, true },
	{ "repair", PLAN_REPAIR, false },
	{ "repair, no pens", PLAN_REPAIR, true },
};

#define WITHS (sizeof(with) / sizeof(with[0]))

static char mark[32];

static struct job
job_of(const struct with *w, const char *script)
{
	struct job job = { .script = script, .profile = w->profile,
	    .no_pens = w->no_pens, .net = PLAN_NET_VIEW,
	    .read = PLAN_READ_USER, .tmp = 4 * MIB };

	/* A user that is nobody else's, also not another test's. */
	if (w->profile == PLAN_OBSERVE)
		job.uid = job.gid = 2000000000u + (uint32_t)getpid();
	(void)snprintf(mark, sizeof(mark), "MARK=%d", (int)getpid());
	job.env[0] = mark;
	job.env[1] = "PATH=/usr/bin:/bin";
	return job;
}

/* Whether that process has our mark: with what it was started. */
static bool
is_marked(const char *pid)
{
	char path[300], text[512];
	ssize_t n = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%s/environ", pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0) {
		n = read(fd, text, sizeof(text));
		(void)close(fd);
	}
	return n > 0 && memmem(text, (size_t)n, mark, strlen(mark) + 1) != NULL;
}

/* All processes on this machine that the run started and that live. */
static int
count_marked(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	int n = 0;

	CHECK(dir != NULL);
	while ((e = readdir(dir)) != NULL)
		n += e->d_name[0] >= '1' && e->d_name[0] <= '9' &&
		    is_marked(e->d_name);
	(void)closedir(dir);
	return n;
}

static void
need_root(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
}

static void
finish(struct run *run, const struct with *w)
{
	CHECK_MSG(count_marked() == 0, "%s: %d live", w->name, count_marked());
	CHECK_MSG(run->took_ms < SOON_MS, "%s: %llu ms", w->name,
	    (unsigned long long)run->took_ms);
	run_close(run);
}

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
	{ "sh -c 'sh -c \"sh -c \\\"sleep 1000; :\\\"; :\"; :' & exit 0", 0,
	    1 },
	{ DAEMON "kill -9 $$", -9, 1 },
	{ DAEMON "kill -TERM $$", -15, 1 },
	{ "exit 7", 7, 0 },
};

GUARDED(nothing_outlives_the_payload)
{
	struct job job;
	struct run run;
	size_t i, j;

	need_root();
	for (j = 0; j < WITHS; j++)
		for (i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]);
		    i++) {
			job = job_of(&with[j], leftovers[i].script);
			run_job(&run, &job);
			CHECK_MSG(run.o.end == EXEC_FINISHED, "%s, %zu: %.40s "
			    "%.90s", with[j].name, i, run.reason, run.detail);
			CHECK_MSG((run.o.has_exit_code ?
			    (int)run.o.exit_code : -(int)run.o.signal) ==
			    leftovers[i].code, "%s, %zu", with[j].name, i);
			CHECK_MSG(run.o.survivors >= leftovers[i].survivors,
			    "%s, %zu: %u", with[j].name, i, run.o.survivors);
			CHECK(leftovers[i].survivors > 0 ||
			    run.o.survivors == 0);
			finish(&run, &with[j]);
		}
}

GUARDED(output_held_open)
{
	struct job job;
	struct run run;
	size_t j;

	need_root();
	for (j = 0; j < WITHS; j++) {
		job = job_of(&with[j], "sleep 1000 & echo done");
		run_job(&run, &job);
		CHECK_INT(run.o.end, EXEC_FINISHED);
		CHECK_STR(run_text(&run), "done\n");
		CHECK_STR(run.detail, "");
		CHECK_INT(run.o.survivors, 1);
		finish(&run, &with[j]);
	}
}

/* ---- deadline and stop --------------------------------------------------- */

GUARDED(deadline)
{
	struct job job;
	struct run run;
	size_t j;

	need_root();
	for (j = 0; j < WITHS; j++) {
		job = job_of(&with[j], DEAF);
		job.timeout_ms = 300;
		run_job(&run, &job);
		CHECK_INT(run.o.end, EXEC_TIMED_OUT);
		CHECK_STR(run.reason, "deadline");
		CHECK(run.o.has_signal);
		CHECK_INT(run.o.signal, SIGKILL);
		CHECK_STR(run_text(&run), "up\n");
		CHECK_MSG(run.o.survivors >= 2, "%s: %u", with[j].name,
		    run.o.survivors);
		CHECK(run.took_ms >= 300);
		finish(&run, &with[j]);
	}
}

GUARDED(stop)
{
	struct job job;
	struct run run;
	size_t j;
	int i;

	need_root();
	for (j = 0; j < WITHS; j++)
		for (i = 0; i < 2; i++) {
			job = job_of(&with[j], DEAF);
			if (i == 0)
				job.on_output = stop_when_up;
			else
				job.on_started = stop_when_started;
			run_job(&run, &job);
			CHECK_INT(run.o.end, EXEC_KILLED);
			CHECK_STR(run.reason, "stopped");
			/* The runner did it and told: not the second stage. */
			CHECK(run.o.has_signal);
			CHECK_INT(run.o.signal, SIGKILL);
			finish(&run, &with[j]);
		}
}

/* Before the runner has said anything. */
GUARDED(stop_at_once)
{
	struct job job;
	struct run run;
	size_t j;

	need_root();
	for (j = 0; j < WITHS; j++) {
		job = job_of(&with[j], DEAF);
		run_open(&run, &job);
		run_start(&run);
		execution_stop(run.e);
		run_finish(&run);
		CHECK_INT(run.o.end, EXEC_KILLED);
		CHECK_STR(run.reason, "stopped");
		finish(&run, &with[j]);
	}
}

/* A runner that cannot run is killed in the second stage. */
GUARDED(stop_with_a_stopped_runner)
{
	struct job job;
	struct run run;
	size_t j;

	need_root();
	for (j = 0; j < WITHS; j++) {
		job = job_of(&with[j], DAEMON "while :; do sleep 1000; done");
		job.on_started = freeze_runner;
		run_job(&run, &job);
		CHECK_INT(run.o.end, EXEC_KILLED);
		CHECK_STR(run.reason, "stopped");
		CHECK(run.took_ms >= EXECUTOR_GRACE_MS);
		finish(&run, &with[j]);
	}
}

/* ---- the runner or the gate dies ----------------------------------------- */

static void
kill_runner(struct run *run, int stream, struct bytes data)
{
	(void)stream;
	(void)data;
	CHECK_INT(kill(runner_of(run), SIGKILL), 0);
}

GUARDED(runner_killed)
{
	struct job job;
	struct run run;
	size_t j;

	need_root();
	for (j = 0; j < WITHS; j++) {
		job = job_of(&with[j], DAEMON DAEMON "echo x; "
		    "while :; do sleep 1000; done");
		job.on_output = kill_runner;
		run_job(&run, &job);
		CHECK_INT(run.o.end, EXEC_KILLED);
		CHECK_STR(run.reason, "runner_died");
		CHECK(!run.o.has_exit_code && !run.o.has_signal);
		finish(&run, &with[j]);
	}
}

/* The init of the pid namespace: the end of all that is in it. */
static void
kill_init(struct run *run, int stream, struct bytes data)
{
	(void)stream;
	(void)data;
	CHECK_INT(kill(run->pid, SIGKILL), 0);
}

GUARDED(init_killed)
{
	struct job job;
	struct run run;
	size_t j;

	need_root();
	for (j = 0; j < WITHS; j++) {
		if (with[j].profile != PLAN_REPAIR)
			continue;
		job = job_of(&with[j], DAEMON "echo x; "
		    "while :; do sleep 1000; done");
		job.on_output = kill_init;
		run_job(&run, &job);
		CHECK_INT(run.o.end, EXEC_FINISHED);
		CHECK(run.o.has_signal);
		CHECK_INT(run.o.signal, SIGKILL);
		finish(&run, &with[j]);
	}
}

static int tell_fd = -1;

/* Tells the test the runner's number and that of what it started. */
static void
tell(struct run *run, int stream, struct bytes data)
{
	int pids[2] = { runner_of(run), run->pid };

	(void)stream;
	(void)data;
	CHECK_INT(pipes_write_all(tell_fd, bytes_of(pids, sizeof(pids))), 0);
}

/* A process that runs the job as a gate does. Returns its pid. */
static int
stand_in(const struct job *job, int ret_pids[2])
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
	CHECK_INT(read(fds[0], ret_pids, 2 * sizeof(int)), 2 * sizeof(int));
	(void)close(fds[0]);
	return pid;
}

/* Sweeps as the next gate of the same name does. */
static void
sweep_as(int pid, const struct job *of)
{
	static const struct job job = { .script = "" };
	struct executor_config cfg = { .name = NULL };
	struct run run;

	run_open(&run, &job);
	executor_close(run.ex);
	(void)snprintf(run.name, sizeof(run.name), "test-%d", pid);
	cfg.loop = &run.loop;
	cfg.name = run.name;
	CHECK_INT(executor_open(&cfg, &run.ex), 0);
	CHECK_INT(executor_sweep(run.ex, true, NULL), 0);
	if (of->uid != 0)
		CHECK_INT(sandbox_sweep(of->uid), 0);
	run_close(&run);
}

GUARDED(gate_killed)
{
	struct job job;
	int gate, pids[2];
	size_t j;

	need_root();
	for (j = 0; j < WITHS; j++) {
		job = job_of(&with[j], DAEMON "echo x; "
		    "while :; do sleep 1000; done");
		gate = stand_in(&job, pids);
		CHECK(count_marked() > 0);
		CHECK_INT(kill(gate, SIGKILL), 0);
		CHECK(has_gone(pids[0]) && has_gone(pids[1]));
		CHECK_INT(waitpid(gate, NULL, 0), gate);
		CHECK_MSG(count_marked() == 0, "%s", with[j].name);
		sweep_as(gate, &job);
	}
}

/* Both at once: with `repair` all is gone with them; what `observe` leaves is
 * found by the next gate, in its pen or as its user. */
GUARDED(gate_and_runner_killed)
{
	struct job job;
	int gate, pids[2];
	size_t j;

	need_root();
	for (j = 0; j < WITHS; j++) {
		job = job_of(&with[j], DAEMON "echo x; "
		    "while :; do sleep 1000; done");
		gate = stand_in(&job, pids);
		CHECK_INT(kill(pids[0], SIGSTOP), 0);
		CHECK_INT(kill(gate, SIGKILL), 0);
		CHECK_INT(kill(pids[0], SIGKILL), 0);
		CHECK(has_gone(pids[0]));
		CHECK_INT(waitpid(gate, NULL, 0), gate);
		if (with[j].profile == PLAN_OBSERVE)
			CHECK(count_marked() > 0);
		else
			CHECK(has_gone(pids[1]));
		sweep_as(gate, &job);
		CHECK(has_gone(pids[1]));
		CHECK_MSG(count_marked() == 0, "%s", with[j].name);
	}
}

/* The sweep of one account leaves the next one's alone. */
GUARDED(sweep_of_one_account)
{
	const uint32_t uid = 2000000000u + (uint32_t)getpid();
	int status = 0, i, pids[2];

	need_root();
	for (i = 0; i < 2; i++)
		if ((pids[i] = fork()) == 0) {
			CHECK_INT(setresuid(uid + (uint32_t)i * 1000000,
			    uid + (uint32_t)i * 1000000,
			    uid + (uint32_t)i * 1000000), 0);
			for (;;)
				(void)pause();
		}
	CHECK_INT(sandbox_sweep(0), ERR_USAGE);
	/* Until it has become who it is to be. */
	do {
		CHECK_INT(sandbox_sweep(uid), 0);
	} while (waitpid(pids[0], &status, WNOHANG) == 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK_INT(waitpid(pids[1], &status, WNOHANG), 0);
	CHECK_INT(kill(pids[1], SIGKILL), 0);
	CHECK_INT(waitpid(pids[1], &status, 0), pids[1]);
}

/* ---- limits -------------------------------------------------------------- */

/* Held by a control group, or for `observe` by the kernel's limit for its
 * user, who has no other processes. */
GUARDED_ONLY(fork_bomb)
{
	struct job job;
	struct run run;
	size_t j;

	need_root();
	for (j = 0; j < WITHS; j++) {
		if (with[j].no_pens && with[j].profile == PLAN_REPAIR)
			continue;
		job = job_of(&with[j], BOMB);
		job.processes = 100;
		job.timeout_ms = 1500;
		run_job(&run, &job);
		/* It lasts, is caught, or finds no room for its own sleep. */
		CHECK_MSG(run.o.end == EXEC_TIMED_OUT ||
		    strcmp(run.reason, "limit") == 0 ||
		    (run.o.end == EXEC_FINISHED && run.o.exit_code == 2),
		    "%s: %.40s %.90s", with[j].name, run.reason, run.detail);
		CHECK_MSG(run.o.survivors > 0, "%s: %.40s %.90s", with[j].name,
		    run.reason, run.detail);
		finish(&run, &with[j]);
	}
}

/* A thread is one, too, wherever they are counted. */
GUARDED(threads_are_counted)
{
	struct job job;
	struct run run;
	size_t j;

	need_root();
	for (j = 0; j < WITHS; j++) {
		job = job_of(&with[j], "exec /usr/bin/python3 -c 'import "
		    "threading, time\n"
		    "for i in range(60):\n"
		    "    threading.Thread(target=time.sleep, args=(1000,), "
		    "daemon=True).start()\n"
		    "time.sleep(1000)'");
		job.processes = 16;
		run_job(&run, &job);
		/* It cannot start them, or is ended for those it has. */
		CHECK_MSG(strcmp(run.reason, "limit") == 0 ||
		    (run.o.end == EXEC_FINISHED && run.o.exit_code == 1),
		    "%s: %.40s %.90s", with[j].name, run.reason, run.detail);
		finish(&run, &with[j]);
	}
}

GUARDED(memory_limit)
{
	struct job job;
	struct run run;
	size_t j;

	need_root();
	for (j = 0; j < WITHS; j++) {
		job = job_of(&with[j], HOG);
		job.memory = 32 * MIB;
		run_job(&run, &job);
		if (strstr(run.enforced, "mem=cgroup") != NULL) {
			CHECK_INT(run.o.end, EXEC_KILLED);
			CHECK_STR(run.reason, "oom");
			CHECK_INT(run.o.signal, SIGKILL);
		} else {
			CHECK(strstr(run.enforced, "mem=rlimit+poll") != NULL);
			CHECK(run.o.end == EXEC_FINISHED ?
			    run.o.has_signal || run.o.exit_code != 0 :
			    strcmp(run.reason, "oom") == 0);
		}
		CHECK(run.o.max_rss_kb < 48 * 1024);
		finish(&run, &with[j]);
	}
}

/* Memory that is shared, or nobody's: it counts, too. */
GUARDED(memory_limit_of_what_is_shared)
{
	static const char *const hogs[] = {
		/* a shared mapping */
		"import mmap, time\n"
		"m = mmap.mmap(-1, 400 << 20)\n"
		"for i in range(0, 400 << 20, 4096): m[i] = 1\n",
		/* files in memory that nobody maps, in several processes */
		"import os\n"
		"if os.fork(): os.wait()\n"
		"for i in range(8):\n"
		"  f = os.memfd_create('x')\n"
		"  for k in range(50): os.write(f, b'x' * (1 << 20))\n",
	};
	char script[1024];
	struct job job;
	struct run run;
	size_t i, j;

	need_root();
	if (access("/usr/bin/python3", X_OK) != 0)
		SKIP("no python3");
	for (i = 0; i < 2 * WITHS; i++) {
		j = i / 2;
		(void)snprintf(script, sizeof(script), "exec /usr/bin/python3"
		    " -c \"%s\nimport time; time.sleep(1000)\"", hogs[i % 2]);
		job = job_of(&with[j], script);
		job.memory = 64 * MIB;
		job.file = 1024 * MIB;
		job.timeout_ms = 20000;
		run_job(&run, &job);
		CHECK_MSG(run.o.end == EXEC_KILLED &&
		    strcmp(run.reason, "oom") == 0, "%s %zu: %d %.40s %.90s",
		    with[j].name, i % 2, (int)run.o.end, run.reason,
		    run.detail);
		finish(&run, &with[j]);
	}
}

/* Without a group that counts: their namespace's own limit. */
GUARDED(memory_of_system_v)
{
	struct job job;
	struct run run;
	size_t j;

	need_root();
	if (access("/usr/bin/perl", X_OK) != 0 ||
	    access("/proc/sys/kernel/shmall", W_OK) != 0)
		SKIP("no perl, or /proc/sys cannot be written to");
	for (j = 0; j < WITHS; j++) {
		if (!with[j].no_pens)
			continue;
		job = job_of(&with[j], "perl -e 'for (1..9) { "
		    "defined shmget(0, 1 << 24, 0600) or exit $_; }'");
		job.memory = 64 * MIB;
		run_job(&run, &job);
		CHECK_INT(run.o.end, EXEC_FINISHED);
		CHECK_INT(run.o.exit_code, 5);
		finish(&run, &with[j]);
		/* 32000 semaphores take 2 MB, and there are not more. */
		job = job_of(&with[j], "perl -e 'for (1..9) { "
		    "defined semget(0, 20000, 0600) or exit $_; }'");
		job.memory = 64 * MIB;
		run_job(&run, &job);
		CHECK_INT(run.o.end, EXEC_FINISHED);
		CHECK_INT(run.o.exit_code, 2);
		finish(&run, &with[j]);
	}
}

/* Only the hog dies. */
GUARDED(memory_limit_of_a_child)
{
	struct job job;
	struct run run;
	size_t j;

	need_root();
	for (j = 0; j < WITHS; j++) {
		job = job_of(&with[j], "sh -c '" HOG "'; echo $?; exit 5");
		job.memory = 32 * MIB;
		run_open(&run, &job);
		run_start(&run);
		run_finish(&run);
		if (strstr(run.enforced, "mem=cgroup") != NULL) {
			CHECK_INT(run.o.end, EXEC_FINISHED);
			CHECK_INT(run.o.exit_code, 5);
			CHECK_STR(run_text(&run), "137\n");
		}
		finish(&run, &with[j]);
	}
}

/* The private folders end at their cap, a file at its own. */
GUARDED(disk)
{
	struct job job;
	struct run run;
	size_t j;

	need_root();
	for (j = 0; j < WITHS; j++) {
		job = job_of(&with[j], "head -c 9000000 /dev/zero > /tmp/a "
		    "2>/dev/null; echo $?; head -c 9000000 /dev/zero "
		    "> /dev/shm/b 2>/dev/null; echo $?; "
		    "cat /tmp/a /dev/shm/b | wc -c; : > /tmp/a; "
		    "(ulimit -f unlimited) 2>/dev/null; "
		    "head -c 2000000 /dev/zero > /tmp/a; echo $?");
		job.file = 3 * MIB;
		run_job(&run, &job);
		/* 128 and SIGXFSZ; no space; both together the cap. */
		CHECK_MSG(strcmp(run_text(&run), "153\n1\n4194304\n0\n") == 0,
		    "%s: %.60s", with[j].name, run_text(&run));
		finish(&run, &with[j]);
	}
}

TEST_MAIN()
