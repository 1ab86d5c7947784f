/*
 * process.c - starting, ending and waiting for child processes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate (courier, runner), cli, tests.
 *
 * Each child stands in a job of its own: killing it kills all that it has
 * started, and when we end, however, the system does the same.
 */
#include "platform/process.h"

#include "common/winline.h"
#include "platform/events.h"
#include "platform/windows/accounts.h"
#include "platform/windows/launch.h"
#include "platform/windows/notice.h"

#include <errno.h>
#include <io.h>
#include <psapi.h>
#include <stdlib.h>
#include <string.h>

/* What the C library's table says of a descriptor (internal.h of the CRT). */
#define TABLE_OPEN 0x01
#define TABLE_PIPE 0x08
#define TABLE_DEVICE 0x40
/* The exit code of what was killed from here. */
#define KILLED 0x5b0d

/* A running child, found by its id, which stays its own while we have it. */
struct child {
	struct child *next;
	int pid;
	HANDLE process, job;
	HANDLE wait;		/* tells notice() of its end */
};

static struct {
	SRWLOCK lock;
	struct child *first;
} children = { .lock = SRWLOCK_INIT };

static struct child *
find(int pid)
{
	struct child *c;

	AcquireSRWLockShared(&children.lock);
	for (c = children.first; c != NULL && c->pid != pid; c = c->next)
		;
	ReleaseSRWLockShared(&children.lock);
	return c;
}

/* Its job with it: what it has left ends now. */
static void
forget(struct child *c)
{
	struct child **at;

	AcquireSRWLockExclusive(&children.lock);
	for (at = &children.first; *at != NULL && *at != c; at = &(*at)->next)
		;
	if (*at != NULL)
		*at = c->next;
	ReleaseSRWLockExclusive(&children.lock);
	if (c->wait != NULL)
		(void)UnregisterWaitEx(c->wait, INVALID_HANDLE_VALUE);
	win_close(&c->process);
	win_close(&c->job);
	free(c);
}

static VOID CALLBACK
on_end(PVOID arg, BOOLEAN late)
{
	(void)arg;
	(void)late;
	notice(EVENTS_CHILDREN);
}

/* ---- starting ---- */

/* What a start takes together. */
struct start {
	struct launch l;
	HANDLE by_number[PROCESS_FD_HIGHEST + 1];	/* NULL: closed */
	HANDLE handles[LAUNCH_HANDLES_MAX];
	wchar_t *program;
	BYTE *table;
	wchar_t no_desktop[1];		/* "" */
};

static bool
is_usable(const struct process_spec *s)
{
	uint64_t seen = 0, bit;
	size_t i;

	if (s->argv == NULL || s->argv[0] == NULL ||
	    s->n_fds > PROCESS_FDS_MAX)
		return false;
	for (i = 0; i < s->n_fds; i++) {
		if (s->fds[i].child < 0 ||
		    s->fds[i].child > PROCESS_FD_HIGHEST)
			return false;
		bit = UINT64_C(1) << s->fds[i].child;
		if ((seen & bit) != 0)
			return false;
		seen |= bit;
	}
	return s->exec_fd >= 0 || (s->path != NULL && (s->path[0] == '/' ||
	    s->path[0] == '\\' || (s->path[0] != '\0' && s->path[1] == ':')));
}

static int
take_handles(const struct process_spec *s, struct start *ret)
{
	HANDLE h;
	size_t i;
	int n;

	for (i = 0; i < s->n_fds; i++) {
		h = win_handle(s->fds[i].parent);
		if (h == NULL || (h = launch_copy(h)) == NULL)
			return ERR_IO;
		ret->by_number[s->fds[i].child] = h;
	}
	for (n = 0; n < 3; n++)
		if (ret->by_number[n] == NULL &&
		    (ret->by_number[n] = launch_null()) == NULL)
			return ERR_IO;
	for (n = 0; n <= PROCESS_FD_HIGHEST; n++)
		if (ret->by_number[n] != NULL)
			ret->handles[ret->l.n_handles++] = ret->by_number[n];
	ret->l.handles = ret->handles;
	return 0;
}

/*
 * The descriptors above 2, and these, as the C library hands them on: a count,
 * a byte of flags for each, a handle for each, without padding.
 */
static int
make_table(struct start *s)
{
	size_t n = PROCESS_FD_HIGHEST + 1, i;
	HANDLE none = INVALID_HANDLE_VALUE;
	DWORD count, type;
	BYTE *flags;

	while (n > 0 && s->by_number[n - 1] == NULL)
		n--;
	count = (DWORD)n;
	s->table = calloc(1, sizeof(count) + n + n * sizeof(HANDLE));
	if (s->table == NULL)
		return ERR_NOMEM;
	memcpy(s->table, &count, sizeof(count));
	flags = s->table + sizeof(count);
	for (i = 0; i < n; i++) {
		memcpy(flags + n + i * sizeof(HANDLE),
		    s->by_number[i] != NULL ? &s->by_number[i] : &none,
		    sizeof(HANDLE));
		if (s->by_number[i] == NULL)
			continue;
		type = GetFileType(s->by_number[i]);
		flags[i] = TABLE_OPEN;
		if (type == FILE_TYPE_PIPE)
			flags[i] |= TABLE_PIPE;
		if (type == FILE_TYPE_CHAR)
			flags[i] |= TABLE_DEVICE;
	}
	s->l.table = s->table;
	s->l.table_size = (WORD)(sizeof(count) + n + n * sizeof(HANDLE));
	return 0;
}

static int
find_program(const struct process_spec *s, struct start *ret)
{
	DWORD n;

	if (s->exec_fd < 0)
		return win_path(s->path, &ret->program);
	ret->program = calloc(WIN_PATH_SIZE, sizeof(*ret->program));
	if (ret->program == NULL)
		return ERR_NOMEM;
	n = GetFinalPathNameByHandleW(win_handle(s->exec_fd), ret->program,
	    WIN_PATH_SIZE, FILE_NAME_NORMALIZED | VOLUME_NAME_DOS);
	return n > 0 && n < WIN_PATH_SIZE ? 0 : ERR_IO;
}

static int
make_line(const struct process_spec *s, struct start *ret)
{
	struct buf b;
	int err;

	buf_init(&b, 4 * (size_t)WINLINE_UNITS_MAX);
	err = winline_make(&b, s->argv, NULL, bytes_of(NULL, 0));
	buf_put_u8(&b, '\0');
	if (err == 0 && (err = buf_error(&b)) == 0)
		err = win_wide((const char *)b.p, &ret->l.line);
	buf_free(&b);
	return err;
}

/* The token of an account of services, which only SYSTEM can have made. */
static int
service_token(const char *name, HANDLE *ret_token)
{
	wchar_t *user, *domain = NULL, *slash;
	int err;

	if ((err = win_wide(name, &user)) != 0)
		return err;
	if ((slash = wcschr(user, L'\\')) != NULL) {
		*slash = L'\0';
		domain = user;
	}
	if (!LogonUserW(slash != NULL ? slash + 1 : user,
	    domain != NULL ? domain : L"NT AUTHORITY", L"",
	    LOGON32_LOGON_SERVICE, LOGON32_PROVIDER_DEFAULT, ret_token))
		err = ERR_IO;
	free(user);
	return err;
}

static int
prepare(const struct process_spec *spec, struct start *s)
{
	int err;

	if ((err = find_program(spec, s)) != 0 ||
	    (err = make_line(spec, s)) != 0 ||
	    (err = launch_environment(spec->envp, &s->l.environment)) != 0 ||
	    (err = take_handles(spec, s)) != 0 ||
	    (err = make_table(s)) != 0)
		return err;
	if (spec->user != NULL && accounts_is_system(NULL) &&
	    (err = service_token(spec->user, &s->l.token)) != 0)
		return err;
	/* A window station of that account's own: ours would refuse it, and
	 * with it every program that has user32.dll in it. */
	if (s->l.token != NULL)
		s->l.desktop = s->no_desktop;
	s->l.program = s->program;
	/* The courier and the runner talk to nobody by a console. */
	s->l.flags = spec->new_session ? DETACHED_PROCESS : 0;
	return (s->l.job = launch_job()) != NULL ? 0 : ERR_IO;
}

static void
dispose(struct start *s)
{
	size_t i;

	for (i = 0; i <= PROCESS_FD_HIGHEST; i++)
		win_close(&s->by_number[i]);
	win_close(&s->l.token);
	free(s->program);
	free(s->l.line);
	free(s->l.environment);
	free(s->table);
}

static void
remember(struct child *c, const PROCESS_INFORMATION *p, HANDLE job)
{
	c->pid = (int)p->dwProcessId;
	c->process = p->hProcess;
	c->job = job;
	AcquireSRWLockExclusive(&children.lock);
	c->next = children.first;
	children.first = c;
	ReleaseSRWLockExclusive(&children.lock);
	(void)RegisterWaitForSingleObject(&c->wait, c->process, on_end, NULL,
	    INFINITE, WT_EXECUTEONLYONCE);
}

int
process_start(const struct process_spec *spec, int *ret_errno,
    struct process *ret_p)
{
	struct child *c = NULL;
	PROCESS_INFORMATION p;
	struct start s;
	DWORD error;
	int err;

	if (!is_usable(spec))
		return ERR_USAGE;
	memset(&s, 0, sizeof(s));
	SetLastError(ERROR_NOT_ENOUGH_MEMORY);
	if ((c = calloc(1, sizeof(*c))) == NULL)
		err = ERR_NOMEM;
	else
		err = prepare(spec, &s);
	error = GetLastError();
	if (err == 0 && (err = launch_start(&s.l, &p, &error)) == 0) {
		(void)CloseHandle(p.hThread);
		remember(c, &p, s.l.job);
		*ret_p = (struct process){ c->pid, -1 };
	} else {
		win_close(&s.l.job);
		free(c);
		if (ret_errno != NULL)
			*ret_errno = win_errno(error);
		err = ERR_IO;
	}
	dispose(&s);
	return err;
}

/* ---- ending ---- */

int
process_kill(const struct process *p, int signal)
{
	struct child *c = p->pid > 0 ? find(p->pid) : NULL;

	(void)signal;
	if (c == NULL)
		return ERR_NOT_FOUND;
	return TerminateJobObject(c->job, KILLED) ? 0 : ERR_IO;
}

static uint64_t
job_cpu_us(HANDLE job)
{
	JOBOBJECT_BASIC_ACCOUNTING_INFORMATION a;

	if (!QueryInformationJobObject(job,
	    JobObjectBasicAccountingInformation, &a, sizeof(a), NULL))
		return 0;
	return (uint64_t)(a.TotalUserTime.QuadPart +
	    a.TotalKernelTime.QuadPart) / 10;
}

static void
take_end(const struct child *c, struct process_end *ret_end)
{
	struct process_end end = { false, 0, job_cpu_us(c->job), 0 };
	PROCESS_MEMORY_COUNTERS memory;
	DWORD code = 0;

	(void)GetExitCodeProcess(c->process, &code);
	/* What an exception ended has its number for a code. */
	end.by_signal = code >= 0xc0000000u;
	end.code = end.by_signal ? 0 : (int)code;
	if (GetProcessMemoryInfo(c->process, &memory, sizeof(memory)))
		end.max_rss_kb = memory.PeakWorkingSetSize / 1024;
	*ret_end = end;
}

static int
wait_for(struct process *p, DWORD ms, struct process_end *ret_end)
{
	struct child *c = p->pid > 0 ? find(p->pid) : NULL;

	if (c == NULL)
		return ERR_NOT_FOUND;
	if (WaitForSingleObject(c->process, ms) != WAIT_OBJECT_0)
		return ERR_AGAIN;
	if (ret_end != NULL)
		take_end(c, ret_end);
	forget(c);
	*p = (struct process){ 0, -1 };
	return 0;
}

int
process_wait(struct process *p, struct process_end *ret_end)
{
	return wait_for(p, 0, ret_end);
}

int
process_wait_end(struct process *p, struct process_end *ret_end)
{
	return wait_for(p, INFINITE, ret_end);
}

/* ---- orphans: there are none, a job has them all ---- */

int
process_adopt_orphans(void)
{
	return 0;
}

void
process_reap_orphans(const int *keep, size_t n_keep)
{
	(void)keep;
	(void)n_keep;
}

int
process_kill_children(const int *keep, size_t n_keep, unsigned within_ms,
    uint32_t *ret_killed)
{
	(void)keep;
	(void)n_keep;
	(void)within_ms;
	if (ret_killed != NULL)
		*ret_killed = 0;
	return 0;
}
