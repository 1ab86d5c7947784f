/*
 * launch.c - starting a process with exactly what it is given.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner, cli, on Windows.
 */
#include "platform/windows/launch.h"

#include <stdlib.h>
#include <string.h>

/* Handles, and the job. */
#define ATTRIBUTES 2
/* PROC_THREAD_ATTRIBUTE_JOB_LIST, which not every SDK has. */
#define JOB_LIST 0x0002000d

HANDLE
launch_job(void)
{
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits;
	HANDLE job = CreateJobObjectW(NULL, NULL);

	if (job == NULL)
		return NULL;
	memset(&limits, 0, sizeof(limits));
	/* No breakaway flag: nothing leaves it. */
	limits.BasicLimitInformation.LimitFlags =
	    JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE |
	    JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
	if (!SetInformationJobObject(job, JobObjectExtendedLimitInformation,
	    &limits, sizeof(limits)))
		win_close(&job);
	return job;
}

HANDLE
launch_copy(HANDLE h)
{
	HANDLE copy;

	return DuplicateHandle(GetCurrentProcess(), h, GetCurrentProcess(),
	    &copy, 0, TRUE, DUPLICATE_SAME_ACCESS) ? copy : NULL;
}

HANDLE
launch_null(void)
{
	SECURITY_ATTRIBUTES sa = { sizeof(sa), NULL, TRUE };
	HANDLE h = CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE,
	    FILE_SHARE_READ | FILE_SHARE_WRITE, &sa, OPEN_EXISTING, 0, NULL);

	return h != INVALID_HANDLE_VALUE ? h : NULL;
}

/* ---- the environment ---- */

static int
by_name(const void *a, const void *b)
{
	const wchar_t *const *x = a, *const *y = b;

	return _wcsicmp(*x, *y);
}

static wchar_t *
system_root(void)
{
	static const wchar_t name[] = L"SystemRoot=";
	const size_t before = sizeof(name) / sizeof(name[0]) - 1;
	wchar_t *text = calloc(before + MAX_PATH + 1, sizeof(*text));
	UINT n;

	if (text == NULL)
		return NULL;
	memcpy(text, name, sizeof(name));
	n = GetSystemWindowsDirectoryW(text + before, MAX_PATH);
	if (n == 0 || n >= MAX_PATH) {
		free(text);
		return NULL;
	}
	return text;
}

static void
free_list(wchar_t **list, size_t n)
{
	size_t i;

	for (i = 0; list != NULL && i < n; i++)
		free(list[i]);
	free(list);
}

/* One after the other, and an empty one at the end. */
static wchar_t *
join(wchar_t **list, size_t n)
{
	size_t i, len, total = 2, at = 0;
	wchar_t *block;

	for (i = 0; i < n; i++)
		total += wcslen(list[i]) + 1;
	if ((block = calloc(total, sizeof(*block))) == NULL)
		return NULL;
	for (i = 0; i < n; i++) {
		len = wcslen(list[i]) + 1;
		memcpy(block + at, list[i], len * sizeof(*block));
		at += len;
	}
	return block;
}

int
launch_environment(const char *const *list, wchar_t **ret_env)
{
	wchar_t **wide = NULL, *block = NULL;
	bool has_root = false;
	size_t n = 0, count = 0;
	int err = 0;

	while (list != NULL && list[count] != NULL)
		count++;
	if ((wide = calloc(count + 1, sizeof(*wide))) == NULL)
		return ERR_NOMEM;
	for (; n < count && err == 0; n++) {
		err = win_wide(list[n], &wide[n]);
		if (err == 0 && _wcsnicmp(wide[n], L"SystemRoot=", 11) == 0)
			has_root = true;
	}
	if (err == 0 && !has_root && (wide[n] = system_root()) != NULL)
		n++;
	if (err == 0) {
		qsort(wide, n, sizeof(*wide), by_name);
		if ((block = join(wide, n)) == NULL)
			err = ERR_NOMEM;
	}
	free_list(wide, n);
	if (err == 0)
		*ret_env = block;
	return err;
}

/* ---- starting ---- */

static LPPROC_THREAD_ATTRIBUTE_LIST
make_attributes(const struct launch *l, HANDLE *job)
{
	LPPROC_THREAD_ATTRIBUTE_LIST list;
	union {
		const HANDLE *in;
		HANDLE *out;
	} handles = { l->handles };
	SIZE_T size = 0;

	(void)InitializeProcThreadAttributeList(NULL, ATTRIBUTES, 0, &size);
	if ((list = malloc(size)) == NULL)
		return NULL;
	if (!InitializeProcThreadAttributeList(list, ATTRIBUTES, 0, &size)) {
		free(list);
		return NULL;
	}
	if (UpdateProcThreadAttribute(list, 0,
	    PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles.out,
	    l->n_handles * sizeof(HANDLE), NULL, NULL) &&
	    UpdateProcThreadAttribute(list, 0, JOB_LIST, job,
	    sizeof(*job), NULL, NULL))
		return list;
	DeleteProcThreadAttributeList(list);
	free(list);
	return NULL;
}

int
launch_start(const struct launch *l, PROCESS_INFORMATION *ret_p,
    DWORD *ret_error)
{
	const DWORD flags = l->flags | EXTENDED_STARTUPINFO_PRESENT |
	    CREATE_UNICODE_ENVIRONMENT;
	STARTUPINFOEXW start;
	HANDLE job = l->job;
	BOOL ok;

	memset(&start, 0, sizeof(start));
	start.StartupInfo.cb = sizeof(start);
	start.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
	start.StartupInfo.hStdInput = l->handles[0];
	start.StartupInfo.hStdOutput = l->handles[1];
	start.StartupInfo.hStdError = l->handles[2];
	start.StartupInfo.lpReserved2 = l->table;
	start.StartupInfo.cbReserved2 = l->table_size;
	start.StartupInfo.lpDesktop = l->desktop;
	start.lpAttributeList = make_attributes(l, &job);
	if (start.lpAttributeList == NULL) {
		*ret_error = GetLastError();
		return ERR_IO;
	}
	if (l->token == NULL)
		ok = CreateProcessW(l->program, l->line, NULL, NULL, TRUE,
		    flags, l->environment, l->folder, &start.StartupInfo,
		    ret_p);
	else
		ok = CreateProcessAsUserW(l->token, l->program, l->line, NULL,
		    NULL, TRUE, flags, l->environment, l->folder,
		    &start.StartupInfo, ret_p);
	*ret_error = GetLastError();
	DeleteProcThreadAttributeList(start.lpAttributeList);
	free(start.lpAttributeList);
	return ok ? 0 : ERR_IO;
}
