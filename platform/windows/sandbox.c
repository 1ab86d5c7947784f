/*
 * sandbox.c - the runner's side: the payload in its job, and its whole end.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner (sandbox_probe also in the gate).
 *
 * Profile `full` supervises and does not confine: the payload has our token. A
 * job has it and all that it starts, tells of limits through a completion
 * port, and is terminated when it ends. The others besides have what confine.h
 * makes; the gate does not offer them.
 */
#include "platform/sandbox.h"

#include "common/constants.h"
#include "common/winline.h"
#include "platform/clock.h"
#include "platform/pipes.h"
#include "platform/windows/confine.h"
#include "platform/windows/launch.h"

#include <psapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The exit code of what the runner terminates. */
#define TERMINATED 0x5b0d
/* How long killing the tree may take before the report goes out. */
#define KILL_MS 1000
/* Survivors that are counted. */
#define PIDS_MAX 1024
/* The card's text, and the prologue. */
#define SCRIPT_CAP 300000

/* Whose news comes through the port. */
enum key { KEY_JOB = 1, KEY_PROCESS = 2, KEY_CONTROL = 3 };

/* The one action of this process. */
static struct {
	HANDLE job, port, process, wait, control;
	struct confine confine;	/* of a confined profile; else empty */
	OVERLAPPED read;	/* of the control pipe, under way */
	uint8_t byte;
} running;

static const char untested[] =
    "not before its confinement was tested on a real Windows";

/* Wine takes limits and does not keep them. */
static const char *
who_limits(void)
{
	return win_is_wine() ? "none" : "job";
}

void
sandbox_probe(struct sandbox_offer *offer)
{
	HANDLE job = launch_job();
	const char *held = who_limits();

	offer->observe = offer->repair = false;
	offer->full = job != NULL;
	(void)snprintf(offer->text, sizeof(offer->text), "profiles=%s "
	    "cgroup=none kill=job mem=%s procs=%s", offer->full ? "full" : "",
	    held, held);
	(void)snprintf(offer->why[PLAN_OBSERVE - 1],
	    sizeof(offer->why[0]), "%s", untested);
	(void)snprintf(offer->why[PLAN_REPAIR - 1],
	    sizeof(offer->why[0]), "%s", untested);
	(void)snprintf(offer->why[PLAN_FULL - 1], sizeof(offer->why[0]),
	    job != NULL ? "profile=full cgroup=none kill=job mem=%s procs=%s" :
	    "job: the system refuses one", held, held);
	(void)snprintf(offer->layers, sizeof(offer->layers),
	    "layer full job %s\n", job != NULL ? "ok" : "failed");
	win_close(&job);
}

/* ---- starting ---- */

static int
fail(struct sandbox_failure *ret_f, enum plan_step step, DWORD error)
{
	*ret_f = (struct sandbox_failure){ step, win_errno(error) };
	return error == ERROR_NOT_SUPPORTED ? ERR_UNSUPPORTED : ERR_IO;
}

static bool
limit(HANDLE job, const struct plan *p)
{
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits;
	JOBOBJECT_BASIC_UI_RESTRICTIONS ui = { JOB_OBJECT_UILIMIT_HANDLES |
	    JOB_OBJECT_UILIMIT_READCLIPBOARD |
	    JOB_OBJECT_UILIMIT_WRITECLIPBOARD | JOB_OBJECT_UILIMIT_DESKTOP |
	    JOB_OBJECT_UILIMIT_GLOBALATOMS | JOB_OBJECT_UILIMIT_EXITWINDOWS |
	    JOB_OBJECT_UILIMIT_SYSTEMPARAMETERS |
	    JOB_OBJECT_UILIMIT_DISPLAYSETTINGS };

	memset(&limits, 0, sizeof(limits));
	limits.BasicLimitInformation.LimitFlags =
	    JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
	if (p->profile != PLAN_FULL && !SetInformationJobObject(job,
	    JobObjectBasicUIRestrictions, &ui, sizeof(ui)))
		return false;
	if (p->survivors != PLAN_KEEP)
		limits.BasicLimitInformation.LimitFlags |=
		    JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
	if (p->processes > 0) {
		limits.BasicLimitInformation.LimitFlags |=
		    JOB_OBJECT_LIMIT_ACTIVE_PROCESS;
		limits.BasicLimitInformation.ActiveProcessLimit =
		    p->processes;
	}
	if (p->memory_bytes > 0) {
		limits.BasicLimitInformation.LimitFlags |=
		    JOB_OBJECT_LIMIT_JOB_MEMORY;
		limits.JobMemoryLimit = (SIZE_T)p->memory_bytes;
	}
	return SetInformationJobObject(job,
	    JobObjectExtendedLimitInformation, &limits, sizeof(limits)) != 0;
}

/* What holds, in the words of `enforced`. */
static void
describe(const struct plan *p, struct sandbox *s)
{
	const char *held = who_limits();

	(void)snprintf(s->enforced, sizeof(s->enforced),
	    "profile=%s cgroup=none kill=job mem=%s procs=%s%s",
	    plan_profile_word(p->profile),
	    p->memory_bytes > 0 ? held : "none",
	    p->processes > 0 ? held : "none",
	    p->profile != PLAN_FULL ? " token=restricted desktop=own" : "");
}

static bool
make_job(const struct plan *p)
{
	JOBOBJECT_ASSOCIATE_COMPLETION_PORT to;

	running.port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0,
	    1);
	running.job = launch_job();
	if (running.port == NULL || running.job == NULL ||
	    !limit(running.job, p))
		return false;
	to.CompletionKey = (PVOID)(uintptr_t)KEY_JOB;
	to.CompletionPort = running.port;
	return SetInformationJobObject(running.job,
	    JobObjectAssociateCompletionPortInformation, &to,
	    sizeof(to)) != 0;
}

/* The command line, with the card's text where the plan's list ends. */
static int
make_line(const struct plan *p, wchar_t **ret_line)
{
	struct buf script, line;
	int err = 0;

	buf_init(&script, SCRIPT_CAP);
	buf_init(&line, 4 * (size_t)WINLINE_UNITS_MAX);
	if ((p->flags & PLAN_FLAG_SCRIPT) != 0)
		err = pipes_read_all(PLAN_FD_SCRIPT, &script);
	if (err == 0)
		err = winline_make(&line, p->args,
		    (p->flags & PLAN_FLAG_SCRIPT) != 0 ? CARD_V1_SCRIPT :
		    NULL, buf_bytes(&script));
	buf_put_u8(&line, '\0');
	if (err == 0 && (err = buf_error(&line)) == 0)
		err = win_wide((const char *)line.p, ret_line);
	buf_free(&script);
	buf_free(&line);
	return err;
}

static VOID CALLBACK
on_end(PVOID arg, BOOLEAN late)
{
	(void)arg;
	(void)late;
	(void)PostQueuedCompletionStatus(running.port, 0, KEY_PROCESS, NULL);
}

/* Output goes where ours goes; there is no input, and no other handle. */
static bool
take_handles(HANDLE ret_handles[3])
{
	HANDLE out = win_handle(1), error = win_handle(2);

	ret_handles[0] = launch_null();
	ret_handles[1] = out != NULL ? launch_copy(out) : NULL;
	ret_handles[2] = error != NULL ? launch_copy(error) : NULL;
	return ret_handles[0] != NULL && ret_handles[1] != NULL &&
	    ret_handles[2] != NULL;
}

/* Makes the texts that a start needs. 0, or the step that failed. */
static enum plan_step
prepare(const struct plan *p, struct launch *l, wchar_t **ret_program,
    wchar_t **ret_folder)
{
	const char *list[PLAN_ENV_MAX + 1];
	char texts[2][1024];
	const char *const *env = p->env;

	if (p->profile != PLAN_FULL) {
		if (confine_environment(&running.confine, p, list, texts) != 0)
			return PLAN_STEP_PLAN;
		env = list;
	}
	if (make_line(p, &l->line) != 0 ||
	    launch_environment(env, &l->environment) != 0)
		return PLAN_STEP_PLAN;
	if (win_path(p->cwd, ret_folder) != 0)
		return PLAN_STEP_DIRECTORY;
	return win_path(p->program, ret_program) == 0 ? PLAN_STEP_NONE :
	    PLAN_STEP_EXEC;
}

/* Folders are given without the prefix that only files may have. */
static const wchar_t *
bare(const wchar_t *path)
{
	return wcsncmp(path, L"\\\\?\\", 4) == 0 ? path + 4 : path;
}

static int
start_payload(const struct plan *p, struct sandbox_failure *ret_f,
    PROCESS_INFORMATION *ret_p)
{
	wchar_t *program = NULL, *folder = NULL;
	HANDLE handles[3] = { NULL, NULL, NULL };
	struct launch l;
	enum plan_step step;
	DWORD error;
	int i, err;

	memset(&l, 0, sizeof(l));
	SetLastError(ERROR_NOT_ENOUGH_MEMORY);
	if ((step = prepare(p, &l, &program, &folder)) != PLAN_STEP_NONE) {
		err = fail(ret_f, step, GetLastError());
	} else if (!take_handles(handles)) {
		err = fail(ret_f, PLAN_STEP_DESCRIPTORS, GetLastError());
	} else {
		l.program = bare(program);
		l.folder = bare(folder);
		l.handles = handles;
		l.n_handles = 3;
		l.job = running.job;
		l.token = running.confine.token;
		l.desktop = p->profile != PLAN_FULL ?
		    running.confine.desktop : NULL;
		/* A console of its own, which nobody sees. */
		l.flags = CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP |
		    CREATE_SUSPENDED;
		if ((err = launch_start(&l, ret_p, &error)) != 0)
			err = fail(ret_f, PLAN_STEP_EXEC, error);
	}
	for (i = 0; i < 3; i++)
		win_close(&handles[i]);
	free(l.line);
	free(l.environment);
	free(program);
	free(folder);
	return err;
}

int
sandbox_start(const struct plan *p, struct sandbox_helper *helper,
    struct sandbox_failure *ret_failure, struct sandbox *ret_s)
{
	enum plan_step step = PLAN_STEP_PROFILE;
	PROCESS_INFORMATION payload;
	struct sandbox s;
	int err;

	(void)helper;
	memset(&s, 0, sizeof(s));
	if (p->survivors == PLAN_KEEP)
		return fail(ret_failure, step, ERROR_NOT_SUPPORTED);
	if (!make_job(p))
		return fail(ret_failure, PLAN_STEP_SUPERVISE, GetLastError());
	if (p->profile != PLAN_FULL &&
	    confine_make(p, &running.confine, &step) != 0)
		return fail(ret_failure, step, GetLastError());
	describe(p, &s);
	s.started_us = clock_boot_us();
	if ((err = start_payload(p, ret_failure, &payload)) != 0) {
		confine_undo(&running.confine);
		return err;
	}
	running.process = payload.hProcess;
	s.pid = (int)payload.dwProcessId;
	if (!RegisterWaitForSingleObject(&running.wait, running.process,
	    on_end, NULL, INFINITE, WT_EXECUTEONLYONCE) ||
	    ResumeThread(payload.hThread) == (DWORD)-1) {
		err = fail(ret_failure, PLAN_STEP_FORK, GetLastError());
		(void)TerminateJobObject(running.job, TERMINATED);
	}
	(void)CloseHandle(payload.hThread);
	if (err == 0)
		*ret_s = s;
	return err;
}

/* ---- waiting ---- */

static DWORD
processes_left(void)
{
	JOBOBJECT_BASIC_ACCOUNTING_INFORMATION a;

	return QueryInformationJobObject(running.job,
	    JobObjectBasicAccountingInformation, &a, sizeof(a), NULL) ?
	    a.ActiveProcesses : 0;
}

/* Reads the control pipe once; false if it has ended already. */
static bool
watch_control(int control)
{
	running.control = win_handle(control);
	if (running.control == NULL)
		return false;
	if (CreateIoCompletionPort(running.control, running.port, KEY_CONTROL,
	    0) == NULL)
		return false;
	return ReadFile(running.control, &running.byte, 1, NULL,
	    &running.read) || GetLastError() == ERROR_IO_PENDING;
}

/* The next news: its key, and what the job says; 0 none in time. */
static ULONG_PTR
next_news(DWORD ms, DWORD *ret_message)
{
	OVERLAPPED *o = NULL;
	ULONG_PTR key = 0;

	*ret_message = 0;
	/* FALSE with an OVERLAPPED: the read has failed, which is its news. */
	if (!GetQueuedCompletionStatus(running.port, ret_message, &key, &o,
	    ms) && o == NULL)
		return 0;
	return key;
}

/* Until the payload ends or is to be ended; why. */
static enum sandbox_why
wait_for_end(const struct plan *p)
{
	DWORD message;

	(void)p;
	for (;;) {
		switch (next_news(INFINITE, &message)) {
		case KEY_PROCESS:
			return SANDBOX_ITSELF;
		case KEY_CONTROL:
			return SANDBOX_STOPPED;
		case KEY_JOB:
			/* An allocation was refused: as elsewhere, that is
			 * the end. A refused process is not. */
			if (message == JOB_OBJECT_MSG_JOB_MEMORY_LIMIT)
				return SANDBOX_MEMORY;
			break;
		default:
			return SANDBOX_STOPPED;
		}
	}
}

/* Whether it lives, and is not what the system starts for a console. */
static bool
is_survivor(DWORD pid)
{
	static const wchar_t console[] = L"\\conhost.exe";
	const size_t tail = sizeof(console) / sizeof(console[0]) - 1;
	HANDLE h = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE,
	    FALSE, pid);
	wchar_t path[WIN_PATH_SIZE];
	DWORD n = WIN_PATH_SIZE;
	bool is;

	if (h == NULL)
		return false;
	is = WaitForSingleObject(h, 0) == WAIT_TIMEOUT &&
	    (!QueryFullProcessImageNameW(h, 0, path, &n) || n < tail ||
	    _wcsicmp(path + n - tail, console) != 0);
	win_close(&h);
	return is;
}

/* How many there are besides the payload. */
static uint32_t
survivors(int payload)
{
	const size_t size = sizeof(JOBOBJECT_BASIC_PROCESS_ID_LIST) +
	    PIDS_MAX * sizeof(ULONG_PTR);
	JOBOBJECT_BASIC_PROCESS_ID_LIST *list = calloc(1, size);
	uint32_t n = 0;
	DWORD i;

	if (list == NULL)
		return 0;
	/* Where they do not fit, it gives as many as do. */
	(void)QueryInformationJobObject(running.job,
	    JobObjectBasicProcessIdList, list, (DWORD)size, NULL);
	for (i = 0; i < list->NumberOfProcessIdsInList; i++)
		if ((int)list->ProcessIdList[i] != payload &&
		    is_survivor((DWORD)list->ProcessIdList[i]))
			n++;
	free(list);
	return n;
}

/* Ends the tree; how many there were besides the payload. */
static uint32_t
end_tree(int payload)
{
	uint64_t until = clock_boot_ms() + KILL_MS, now;
	uint32_t left = survivors(payload);
	DWORD message;

	(void)TerminateJobObject(running.job, TERMINATED);
	while (processes_left() > 0 && (now = clock_boot_ms()) < until)
		/* The job tells of each that ends; ask again all the same. */
		(void)next_news(until - now < 20 ? (DWORD)(until - now) : 20,
		    &message);
	return left;
}

static void
account(struct sandbox_end *end)
{
	JOBOBJECT_BASIC_ACCOUNTING_INFORMATION a;
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION l;
	PROCESS_MEMORY_COUNTERS memory;

	if (QueryInformationJobObject(running.job,
	    JobObjectBasicAccountingInformation, &a, sizeof(a), NULL))
		end->cpu_us = (uint64_t)(a.TotalUserTime.QuadPart +
		    a.TotalKernelTime.QuadPart) / 10;
	if (QueryInformationJobObject(running.job,
	    JobObjectExtendedLimitInformation, &l, sizeof(l), NULL))
		end->max_rss_kb = l.PeakProcessMemoryUsed / 1024;
	if (GetProcessMemoryInfo(running.process, &memory, sizeof(memory)) &&
	    memory.PeakWorkingSetSize / 1024 > end->max_rss_kb)
		end->max_rss_kb = memory.PeakWorkingSetSize / 1024;
}

void
sandbox_wait(struct sandbox *s, const struct plan *p,
    struct sandbox_helper *helper, int control, struct sandbox_end *ret_end)
{
	struct sandbox_end end;
	DWORD code = 0;

	(void)helper;
	memset(&end, 0, sizeof(end));
	end.why = watch_control(control) ? wait_for_end(p) : SANDBOX_STOPPED;
	s->ending = true;
	end.survivors = end_tree(s->pid);
	(void)WaitForSingleObject(running.process, KILL_MS);
	(void)GetExitCodeProcess(running.process, &code);
	end.code = code;
	end.wall_us = clock_boot_us() - s->started_us;
	account(&end);
	confine_undo(&running.confine);
	*ret_end = end;
}
