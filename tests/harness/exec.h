/*
 * exec.h - runs scripts through the executor and keeps what it said.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the programs of tests/unit that test the executor.
 */
#ifndef COUNTERSIGN_TESTS_HARNESS_EXEC_H
#define COUNTERSIGN_TESTS_HARNESS_EXEC_H

#include "agent/gate/executor.h"
#include "common/digest.h"
#include "platform/clock.h"
#include "platform/pipes.h"
#include "platform/process.h"
#include "platform/random.h"
#include "tests/harness/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

struct run;

/* What is to be run. Zero is `sh` with the script, in pens, for 20 s. */
struct job {
	const char *script;
	const char *program;		/* NULL: /bin/sh */
	const char *args[8];		/* {NULL}: the script on descriptor 6 */
	const char *env[8];
	const char *cwd;
	uint32_t umask;
	uint64_t timeout_ms;
	uint64_t memory;
	uint32_t processes;
	uint64_t file;
	uint32_t open_files;
	enum plan_profile profile;
	enum plan_survivors survivors;
	enum plan_net net;		/* 0: the host's */
	enum plan_read read;		/* 0: all */
	uint32_t flags;			/* besides the script's */
	const char *roots[4];
	const char *masks[4];
	uint64_t tmp;
	bool no_pens;
	int runner_fd;			/* 0: the real runner */
	uint32_t uid, gid;		/* 0: who we are */
	void (*on_started)(struct run *);
	void (*on_output)(struct run *, int stream, struct bytes);
};

/* A run and what came of it. */
struct run {
	const struct job *job;
	uv_loop_t loop;
	struct executor *ex;
	struct execution *e;
	char name[64];			/* of the gate that this is */
	uint8_t card[32];
	int starts;
	int ends;
	int pid;
	char started_with[SANDBOX_TEXT_SIZE];
	struct buf out;			/* the first MiB of each stream */
	struct buf err;
	uint64_t bytes[3];		/* of stream 1 and 2 */
	uint64_t last_ms;
	struct exec_outcome o;
	char reason[64];		/* "" for NULL */
	char detail[256];
	char enforced[SANDBOX_TEXT_SIZE];
	uint64_t took_ms;
};

/* A file beside the folder of this test program: its build's bin/x. */
__attribute__((unused)) static int
built(const char *name)
{
	char self[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	int fd;

	CHECK(n > 0);
	self[n] = '\0';
	slash = strrchr(self, '/');
	CHECK(slash != NULL);
	*slash = '\0';
	(void)snprintf(path, sizeof(path), "%s/%s", self, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK_MSG(fd >= 0, "%.100s: %s", path, strerror(errno));
	return fd;
}

__attribute__((unused)) static int
real_runner(void)
{
	return built("../bin/countersign-runner");
}

static void
run_started(void *user, uint32_t pid, const char *enforced)
{
	struct run *run = user;

	CHECK_INT(run->ends, 0);
	run->starts++;
	run->pid = (int)pid;
	(void)snprintf(run->started_with, sizeof(run->started_with), "%s",
	    enforced);
	if (run->job->on_started != NULL)
		run->job->on_started(run);
}

static void
run_output(void *user, int stream, uint64_t ms, struct bytes data)
{
	struct run *run = user;
	struct buf *b = stream == 1 ? &run->out : &run->err;

	CHECK(stream == 1 || stream == 2);
	CHECK_INT(run->ends, 0);
	CHECK(data.n > 0 && data.n <= 65536);
	CHECK(ms >= run->last_ms);
	run->last_ms = ms;
	run->bytes[stream] += data.n;
	if (b->n + data.n <= b->cap)
		buf_put_bytes(b, data);
	if (run->job->on_output != NULL)
		run->job->on_output(run, stream, data);
}

static void
run_ended(void *user, const struct exec_outcome *o)
{
	struct run *run = user;

	run->ends++;
	run->o = *o;
	(void)snprintf(run->reason, sizeof(run->reason), "%s",
	    o->reason != NULL ? o->reason : "");
	(void)snprintf(run->detail, sizeof(run->detail), "%s",
	    o->detail != NULL ? o->detail : "");
	(void)snprintf(run->enforced, sizeof(run->enforced), "%s",
	    o->enforced);
	run->e = NULL;
}

__attribute__((unused)) static const struct exec_callbacks run_callbacks = {
	run_started, run_output, run_ended, 0
};

/* A name that no other test has, and an executor with it. */
__attribute__((unused)) static void
run_open(struct run *run, const struct job *job)
{
	struct executor_config cfg = { .name = NULL };

	CHECK_INT(digest_init(), 0);
	memset(run, 0, sizeof(*run));
	run->job = job;
	buf_init(&run->out, 1024 * 1024);
	buf_init(&run->err, 1024 * 1024);
	CHECK_INT(uv_loop_init(&run->loop), 0);
	(void)snprintf(run->name, sizeof(run->name), "test-%d",
	    (int)getpid());
	cfg.loop = &run->loop;
	cfg.runner_fd = job->runner_fd > 0 ? job->runner_fd : real_runner();
	cfg.name = job->no_pens ? NULL : run->name;
	CHECK_INT(executor_open(&cfg, &run->ex), 0);
}

/* The job as a plan. */
__attribute__((unused)) static void
run_plan(struct run *run, struct plan *p)
{
	const struct job *job = run->job;
	size_t i;

	memset(p, 0, sizeof(*p));
	CHECK_INT(random_fill(run->card, sizeof(run->card)), 0);
	memcpy(p->card, run->card, sizeof(p->card));
	p->profile = job->profile != 0 ? job->profile : PLAN_FULL;
	p->net = job->net != 0 ? job->net : PLAN_NET_HOST;
	p->read = job->read != 0 ? job->read : PLAN_READ_ALL;
	p->survivors = job->survivors != 0 ? job->survivors : PLAN_KILL;
	p->program = job->program != NULL ? job->program : "/bin/sh";
	for (i = 0; i < 8 && job->args[i] != NULL; i++)
		p->args[p->n_args++] = job->args[i];
	if (p->n_args == 0) {
		p->args[p->n_args++] = "sh";
		p->args[p->n_args++] = "/proc/self/fd/6";
	}
	for (i = 0; i < 8 && job->env[i] != NULL; i++)
		p->env[p->n_env++] = job->env[i];
	if (p->n_env == 0)
		p->env[p->n_env++] = "PATH=/usr/local/sbin:/usr/local/bin:"
		    "/usr/sbin:/usr/bin:/sbin:/bin";
	p->cwd = job->cwd != NULL ? job->cwd : "/";
	p->umask = job->umask != 0 ? job->umask : 022;
	p->uid = job->uid != 0 ? job->uid : geteuid();
	p->gid = job->gid != 0 ? job->gid : getegid();
	p->memory_bytes = job->memory;
	p->processes = job->processes;
	p->file_bytes = job->file;
	p->open_files = job->open_files;
	p->tmp_bytes = job->tmp;
	p->flags = job->flags | (job->script != NULL ? PLAN_FLAG_SCRIPT : 0);
	for (i = 0; i < 4 && job->roots[i] != NULL; i++)
		p->roots[p->n_roots++] = job->roots[i];
	for (i = 0; i < 4 && job->masks[i] != NULL; i++)
		p->masks[p->n_masks++] = job->masks[i];
}

/* Starts the job; the loop is still to be run. */
__attribute__((unused)) static void
run_start(struct run *run)
{
	const struct job *job = run->job;
	struct plan p;
	struct buf b;

	run_plan(run, &p);
	buf_init(&b, PLAN_SIZE_MAX);
	CHECK_INT(executor_prepare(run->ex, &p, &b), 0);
	run->took_ms = clock_boot_ms();
	CHECK_INT(executor_start(run->ex, buf_bytes(&b),
	    bytes_str(job->script), job->timeout_ms != 0 ? job->timeout_ms :
	    20000, &run_callbacks, run, &run->e), 0);
	buf_free(&b);
	CHECK_INT(run->starts + run->ends, 0);
}

static const char *pen_prefix;
static int pens_found;

static int
count_pen(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	pens_found += type == FTW_D &&
	    strncmp(path + f->base, pen_prefix, strlen(pen_prefix)) == 0;
	return 0;
}

/* How many control groups of that gate there are. */
__attribute__((unused)) static int
count_pens(const struct run *run)
{
	char prefix[64], hex[33];
	struct sha256 d;

	digest_sha256(bytes_str(run->name), &d);
	hex_encode(bytes_of(d.b, 16), hex);
	(void)snprintf(prefix, sizeof(prefix), "countersign.%s.", hex);
	pen_prefix = prefix;
	pens_found = 0;
	(void)nftw("/sys/fs/cgroup", count_pen, 16, FTW_PHYS);
	return pens_found;
}

/* Closes all; nothing of the run is left. */
__attribute__((unused)) static void
run_close(struct run *run)
{
	executor_close(run->ex);
	CHECK_INT(uv_run(&run->loop, UV_RUN_DEFAULT), 0);
	CHECK_INT(uv_loop_close(&run->loop), 0);
	buf_free(&run->out);
	buf_free(&run->err);
	/* No child, dead or alive: we are what orphans come to. */
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_INT(errno, ECHILD);
	CHECK_INT(count_pens(run), 0);
}

/* Runs the started job to its one end. */
__attribute__((unused)) static void
run_finish(struct run *run)
{
	CHECK_INT(uv_run(&run->loop, UV_RUN_DEFAULT), 0);
	run->took_ms = clock_boot_ms() - run->took_ms;
	CHECK_INT(run->ends, 1);
	CHECK_INT(run->starts, run->o.started);
	/* Output of what never started: only a payload that killed its runner
	 * before it could tell. */
	CHECK(run->o.started || run->bytes[1] + run->bytes[2] == 0 ||
	    strcmp(run->reason, "runner_died") == 0);
	CHECK_INT(run->o.stdout_bytes, run->bytes[1]);
	CHECK_INT(run->o.stderr_bytes, run->bytes[2]);
	buf_put_u8(&run->out, 0);
	buf_put_u8(&run->err, 0);
	run->out.n--;
	run->err.n--;
}

/* All of it. */
__attribute__((unused)) static void
run_job(struct run *run, const struct job *job)
{
	run_open(run, job);
	run_start(run);
	run_finish(run);
}

/* What stream 1 had, as a string. */
__attribute__((unused)) static const char *
run_text(const struct run *run)
{
	return (const char *)run->out.p;
}

/* Waits until a process that is not our child has ended, at most 10 s. */
__attribute__((unused)) static bool
has_gone(int pid)
{
	struct pollfd p = { .events = POLLIN };
	bool gone;

	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p.fd < 0)
		return errno == ESRCH;
	gone = poll(&p, 1, 10000) == 1;
	(void)close(p.fd);
	return gone;
}

/* Becomes nobody for good, where we are root; what root opened stays. */
__attribute__((unused)) static void
become_nobody(void)
{
	if (geteuid() != 0)
		return;
	CHECK_INT(setregid(65534, 65534), 0);
	CHECK_INT(setreuid(65534, 65534), 0);
}

#endif
