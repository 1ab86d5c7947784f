/*
 * bench_sandbox.c - what a profile costs to start, beside other sandboxes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: make bench.
 *
 *	bench_sandbox RUNNER ROUNDS EACH UID
 *
 * Starts /bin/true so and so often, in turns: bare, in observe and repair with
 * and without control groups, under bwrap and firejail. One line a round: the
 * median of each in microseconds, from start to reaped end; 0 where it is not
 * installed. At last one line "output DIRECT OBSERVE REPAIR": MB/s of a payload
 * that writes, read from the same pipe.
 */
#include "common/digest.h"
#include "common/plan.h"
#include "platform/pipes.h"
#include "platform/process.h"
#include "platform/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EACH_MAX 200
#define WAYS 7
#define OUTPUT_MB 256
#define OUTPUT_ROUNDS 15

static struct pens *pens;
static struct {
	int runner;
} files;

static double
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench_sandbox: %s\n", what);
	exit(1);
}

/* ---- one start ---- */

static void
wait_for(struct process *p, const char *what)
{
	struct process_end end;

	must(process_wait_end(p, &end) == 0, "wait");
	if (end.by_signal || end.code != 0)
		fprintf(stderr, "bench_sandbox: %s: ended with %d\n", what,
		    end.code);
	must(!end.by_signal && end.code == 0, "a way that does not work");
}

static void
start_bare(const char *const *argv)
{
	static const char *const env[] = { "PATH=/usr/bin:/bin", NULL };
	const struct process_spec spec = { .exec_fd = -1, .path = argv[0],
	    .argv = argv, .envp = env };
	struct process p;

	must(process_start(&spec, NULL, &p) == 0, argv[0]);
	wait_for(&p, argv[0]);
}

struct job {
	enum plan_profile profile;
	bool groups;
	uint32_t uid;
	const char *args[8];
	int output;		/* -1: none */
};

static void
fill(const struct job *job, struct plan *p)
{
	memset(p, 0, sizeof(*p));
	p->profile = job->profile;
	p->net = job->profile == PLAN_OBSERVE ? PLAN_NET_VIEW : PLAN_NET_NONE;
	p->read = job->profile == PLAN_OBSERVE ? PLAN_READ_USER :
	    PLAN_READ_ALL;
	p->survivors = PLAN_KILL;
	while (job->args[p->n_args] != NULL) {
		p->args[p->n_args] = job->args[p->n_args];
		p->n_args++;
	}
	p->program = p->args[0];
	p->env[p->n_env++] = "PATH=/usr/bin:/bin";
	p->cwd = "/tmp";
	p->umask = 022;
	p->uid = p->gid = job->profile == PLAN_OBSERVE ? job->uid : 0;
	p->open_files = 4096;
	p->file_bytes = UINT64_C(1) << 30;
	p->tmp_bytes = UINT64_C(256) << 20;
	p->masks[p->n_masks++] = "/var/lib/countersign";
	if (job->profile == PLAN_REPAIR)
		p->roots[p->n_roots++] = "/srv";
}

/* The pipes of a runner: [0] is ours. */
struct pipes {
	int plan[2], status[2], control[2];
};

static void
open_pipes(struct pipes *x)
{
	must(pipe2(x->plan, O_CLOEXEC) == 0 &&
	    pipe2(x->status, O_CLOEXEC) == 0 &&
	    pipe2(x->control, O_CLOEXEC) == 0, "pipes");
}

/* Starts the runner with that plan; the caller closes control and reaps. */
static void
start_runner(const struct job *job, struct pipes *x, struct pen *pen,
    struct process *ret_p)
{
	static const char *const argv[] = { "countersign-runner", NULL };
	struct process_fd fds[] = {
		{ PLAN_FD_PLAN, -1 }, { PLAN_FD_STATUS, -1 },
		{ PLAN_FD_CONTROL, -1 }, { 1, job->output }
	};
	const struct process_spec spec = { .exec_fd = files.runner,
	    .path = "countersign-runner", .argv = argv, .fds = fds,
	    .n_fds = job->output >= 0 ? 4 : 3 };
	struct plan plan;
	struct buf b;
	size_t i;

	fill(job, &plan);
	if (job->groups) {
		pens_name(pens, plan.card, PLAN_KILL, pen);
		must(pen_make(pen, UINT64_C(256) << 20, 64, NULL) == 0,
		    "a control group");
		for (i = 0; i < pen->n; i++) {
			plan.cgroups[i].kind = pen->groups[i].kind;
			plan.cgroups[i].path = pen->groups[i].path;
		}
		plan.n_cgroups = pen->n;
		plan.memory_bytes = UINT64_C(256) << 20;
		plan.processes = 64;
		plan.flags |= pen->flags;
	}
	open_pipes(x);
	fds[0].parent = x->plan[0];
	fds[1].parent = x->status[1];
	fds[2].parent = x->control[0];
	buf_init(&b, PLAN_SIZE_MAX);
	must(plan_encode(&plan, &b) == 0, "the plan");
	must(process_start(&spec, NULL, ret_p) == 0, "the runner");
	(void)close(x->plan[0]);
	(void)close(x->status[1]);
	(void)close(x->control[0]);
	must(pipes_write_all(x->plan[1], buf_bytes(&b)) == 0, "the plan");
	(void)close(x->plan[1]);
	buf_free(&b);
}

static void
end_runner(const struct job *job, struct pipes *x, const struct pen *pen,
    struct process *p)
{
	struct buf b;

	/* What it says at its end, which is at its end. */
	buf_init(&b, 65536);
	must(pipes_read_all(x->status[0], &b) == 0, "the status");
	buf_free(&b);
	wait_for(p, "the runner");
	(void)close(x->status[0]);
	(void)close(x->control[1]);
	if (job->groups)
		while (pen_remove(pen) == ERR_AGAIN)
			;
}

static void
start_confined(const struct job *job)
{
	struct process p;
	struct pipes x;
	struct pen pen;

	start_runner(job, &x, &pen, &p);
	end_runner(job, &x, &pen, &p);
}

/* ---- rounds ---- */

static const char *const bare[] = { "/bin/true", NULL };
static const char *const bwrap[] = { "/usr/bin/bwrap", "--ro-bind", "/", "/",
    "--dev", "/dev", "--proc", "/proc", "--unshare-all", "--die-with-parent",
    "/bin/true", NULL };
static const char *const firejail[] = { "/usr/bin/firejail", "--quiet",
    "--noprofile", "/bin/true", NULL };

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
once(int way, const struct job *jobs)
{
	switch (way) {
	case 0:
		start_bare(bare);
		break;
	case 5:
		start_bare(bwrap);
		break;
	case 6:
		start_bare(firejail);
		break;
	default:
		start_confined(&jobs[way - 1]);
	}
}

static bool
is_here(int way)
{
	return way < 5 || access(way == 5 ? bwrap[0] : firejail[0],
	    X_OK) == 0;
}

static void
round_of(int each, const struct job *jobs)
{
	static double took[WAYS][EACH_MAX];
	double begin;
	int i, way;

	for (i = 0; i < each; i++)
		for (way = 0; way < WAYS; way++) {
			/* firejail takes as long as all others together. */
			if (!is_here(way) || (way == 6 && i % 10 != 0)) {
				took[way][i] = way == 6 && i > 0 ?
				    took[way][i - 1] : 0;
				continue;
			}
			begin = now_us();
			once(way, jobs);
			took[way][i] = now_us() - begin;
		}
	for (way = 0; way < WAYS; way++) {
		qsort(took[way], (size_t)each, sizeof(double), compare);
		printf("%.1f%c", took[way][each / 2],
		    way == WAYS - 1 ? '\n' : ' ');
	}
	(void)fflush(stdout);
}

/* ---- output ---- */

/* MB/s of all that comes out of the pipe. */
static double
drain(int fd, double begin)
{
	static uint8_t b[65536];
	uint64_t sum = 0;
	ssize_t n;

	while ((n = read(fd, b, sizeof(b))) > 0)
		sum += (uint64_t)n;
	(void)close(fd);
	must(sum == (uint64_t)OUTPUT_MB << 20, "not all output came");
	return OUTPUT_MB / ((now_us() - begin) / 1e6);
}

static double
output_of(enum plan_profile profile, uint32_t uid)
{
	static const char *const head[] = { "/usr/bin/head", "-c", "256M",
	    "/dev/zero", NULL };
	struct job job = { .profile = profile, .uid = uid,
	    .args = { head[0], head[1], head[2], head[3] } };
	struct process_fd fds[] = { { 1, -1 } };
	const struct process_spec spec = { .exec_fd = -1, .path = head[0],
	    .argv = head, .fds = fds, .n_fds = 1 };
	struct process p;
	struct pipes x;
	struct pen pen;
	double begin = now_us(), rate;
	int out[2];

	must(pipe2(out, O_CLOEXEC) == 0, "pipe");
	if (profile == 0) {
		fds[0].parent = out[1];
		must(process_start(&spec, NULL, &p) == 0, head[0]);
		(void)close(out[1]);
		rate = drain(out[0], begin);
		wait_for(&p, head[0]);
		return rate;
	}
	job.output = out[1];
	start_runner(&job, &x, &pen, &p);
	(void)close(out[1]);
	rate = drain(out[0], begin);
	end_runner(&job, &x, &pen, &p);
	return rate;
}

/*
 * The upper quartile of some, in turns: what else the machine does makes many
 * slower, and which processors the two ends are on makes one or two faster.
 */
static void
outputs(uint32_t uid)
{
	static const int profiles[3] = {
		0, PLAN_OBSERVE, PLAN_REPAIR
	};
	double rates[3][OUTPUT_ROUNDS];
	int i, k;

	for (i = 0; i < OUTPUT_ROUNDS; i++)
		for (k = 0; k < 3; k++)
			rates[k][i] = output_of(
			    (enum plan_profile)profiles[k], uid);
	printf("output");
	for (k = 0; k < 3; k++) {
		qsort(rates[k], OUTPUT_ROUNDS, sizeof(double), compare);
		printf(" %.1f", rates[k][OUTPUT_ROUNDS * 3 / 4]);
	}
	printf("\n");
}

int
main(int argc, char **argv)
{
	struct job jobs[4];
	uint32_t uid;
	int rounds, each, i;

	if (argc != 5) {
		fprintf(stderr,
		    "usage: bench_sandbox RUNNER ROUNDS EACH UID\n");
		return 2;
	}
	rounds = (int)strtol(argv[2], NULL, 10);
	each = (int)strtol(argv[3], NULL, 10);
	uid = (uint32_t)strtoul(argv[4], NULL, 10);
	must(each > 0 && each <= EACH_MAX, "EACH is out of range");
	must(digest_init() == 0 && process_adopt_orphans() == 0, "start");
	must(pens_open("bench-sandbox", &pens) == 0, "control groups");
	must((files.runner = open(argv[1], O_RDONLY | O_CLOEXEC)) >= 0,
	    argv[1]);
	for (i = 0; i < 4; i++)
		jobs[i] = (struct job){
		    .profile = i % 2 == 0 ? PLAN_OBSERVE : PLAN_REPAIR,
		    .groups = i >= 2, .uid = uid, .args = { "/bin/true" },
		    .output = -1 };
	printf("groups %s\n", pens_text(pens));
	for (i = 0; i < rounds; i++)
		round_of(each, jobs);
	outputs(uid);
	pens_close(pens);
	return 0;
}
