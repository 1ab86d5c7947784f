/*
 * clock.c - the clocks of Windows, timers on them, the boot id.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, runner, cli.
 *
 * The interrupt time counts sleep (Microsoft, "QueryInterruptTime function").
 * A relative thread pool timer does not, so that every timer is looked at
 * again when the machine wakes.
 */
#include "platform/clock.h"

#include "platform/random.h"
#include "platform/windows/wake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 100 ns from 1601 to 1970. */
#define EPOCH_100NS INT64_C(116444736000000000)
/* A key that is gone after the next start of the machine. */
#define BOOT_KEY L"SOFTWARE\\Countersign\\Boot"

struct timer {
	struct timer *next;
	int fd;
	PTP_TIMER timer;
	uint64_t due_ms;	/* 0 stopped */
};

static struct {
	SRWLOCK lock;
	struct timer *first;
	bool hears_power;
	void *power;
} timers = { .lock = SRWLOCK_INIT };

int64_t
clock_wall_s(void)
{
	ULARGE_INTEGER t;
	FILETIME f;

	GetSystemTimePreciseAsFileTime(&f);
	t.LowPart = f.dwLowDateTime;
	t.HighPart = f.dwHighDateTime;
	return ((int64_t)t.QuadPart - EPOCH_100NS) / 10000000;
}

/* The function has no import library that Wine has too. */
static uint64_t
interrupt_time(void)
{
	typedef void WINAPI query_fn(PULONGLONG);
	static union {
		FARPROC found;
		query_fn *call;
	} query;
	static volatile LONG looked;
	ULONGLONG t;

	if (looked == 0) {
		HMODULE base = GetModuleHandleW(L"kernelbase.dll");

		if (base != NULL)
			query.found = GetProcAddress(base,
			    "QueryInterruptTime");
		(void)InterlockedExchange(&looked, 1);
	}
	if (query.found == NULL)
		return GetTickCount64() * 10000;
	query.call(&t);
	return t;
}

uint64_t
clock_boot_us(void)
{
	return interrupt_time() / 10;
}

uint64_t
clock_boot_ms(void)
{
	return interrupt_time() / 10000;
}

/* ---- the boot id ---- */

static void
make_uuid(const uint8_t b[16], wchar_t ret_text[CLOCK_BOOT_ID_SIZE])
{
	(void)swprintf(ret_text, CLOCK_BOOT_ID_SIZE, L"%02x%02x%02x%02x-"
	    L"%02x%02x-4%01x%02x-a%01x%02x-%02x%02x%02x%02x%02x%02x",
	    b[0], b[1], b[2], b[3], b[4], b[5], b[6] & 15, b[7], b[8] & 15,
	    b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static bool
read_id(HKEY key, wchar_t ret_text[CLOCK_BOOT_ID_SIZE])
{
	DWORD n = CLOCK_BOOT_ID_SIZE * sizeof(wchar_t);

	return RegGetValueW(key, NULL, L"Id", RRF_RT_REG_SZ, NULL, ret_text,
	    &n) == ERROR_SUCCESS &&
	    n == CLOCK_BOOT_ID_SIZE * sizeof(wchar_t);
}

/* Makes it at the first call after a start; who comes second reads it. */
static bool
id_below(HKEY root, wchar_t ret_text[CLOCK_BOOT_ID_SIZE])
{
	wchar_t fresh[CLOCK_BOOT_ID_SIZE];
	uint8_t b[16];
	HKEY key;
	bool ok;

	if (RegCreateKeyExW(root, BOOT_KEY, 0, NULL, REG_OPTION_VOLATILE,
	    KEY_QUERY_VALUE | KEY_SET_VALUE, NULL, &key, NULL) !=
	    ERROR_SUCCESS) {
		/* Made by somebody with more rights: to be read. */
		if (RegOpenKeyExW(root, BOOT_KEY, 0, KEY_QUERY_VALUE,
		    &key) != ERROR_SUCCESS)
			return false;
	}
	ok = read_id(key, ret_text);
	if (!ok && random_fill(b, sizeof(b)) == 0) {
		make_uuid(b, fresh);
		(void)RegSetValueExW(key, L"Id", 0, REG_SZ,
		    (const BYTE *)fresh, sizeof(fresh));
		ok = read_id(key, ret_text);
	}
	RegCloseKey(key);
	return ok;
}

int
clock_boot_id(char ret_id[CLOCK_BOOT_ID_SIZE])
{
	wchar_t text[CLOCK_BOOT_ID_SIZE];
	char id[CLOCK_BOOT_ID_SIZE];

	if (!id_below(HKEY_LOCAL_MACHINE, text) &&
	    !id_below(HKEY_CURRENT_USER, text))
		return ERR_IO;
	win_narrow_into(text, id, sizeof(id));
	if (strlen(id) != CLOCK_BOOT_ID_SIZE - 1)
		return ERR_SYNTAX;
	memcpy(ret_id, id, sizeof(id));
	return 0;
}

/* ---- timers ---- */

/* With the lock held: for as long as it still has to wait. */
static void
arm(struct timer *t)
{
	uint64_t now = clock_boot_ms(), wait;
	ULARGE_INTEGER due;
	FILETIME f;

	wait = t->due_ms > now ? t->due_ms - now : 0;
	if (wait > INT64_MAX / 10000)
		wait = INT64_MAX / 10000;
	/* Negative: from now. */
	due.QuadPart = (ULONGLONG)(-(int64_t)(wait * 10000));
	f.dwLowDateTime = due.LowPart;
	f.dwHighDateTime = due.HighPart;
	SetThreadpoolTimer(t->timer, &f, 0, 0);
}

/* With the lock held. */
static void
look(struct timer *t)
{
	if (t->due_ms == 0)
		return;
	if (clock_boot_ms() < t->due_ms) {
		arm(t);
		return;
	}
	t->due_ms = 0;
	wake_ring(t->fd);
}

static VOID CALLBACK
on_timer(PTP_CALLBACK_INSTANCE instance, PVOID arg, PTP_TIMER timer)
{
	struct timer *t;

	(void)instance;
	(void)timer;
	AcquireSRWLockExclusive(&timers.lock);
	/* One that is being closed is no longer in the list. */
	for (t = timers.first; t != NULL && t != arg; t = t->next)
		;
	if (t != NULL)
		look(t);
	ReleaseSRWLockExclusive(&timers.lock);
}

static ULONG CALLBACK
on_power(PVOID arg, ULONG type, PVOID setting)
{
	struct timer *t;

	(void)arg;
	(void)setting;
	if (type != PBT_APMRESUMEAUTOMATIC)
		return 0;
	AcquireSRWLockExclusive(&timers.lock);
	for (t = timers.first; t != NULL; t = t->next)
		look(t);
	ReleaseSRWLockExclusive(&timers.lock);
	return 0;
}

/* With the lock held, once. A Windows without it has no sleep either. */
static void
hear_power(void)
{
	typedef DWORD WINAPI register_fn(DWORD, HANDLE, void **);
	static struct {
		ULONG CALLBACK (*call)(PVOID, ULONG, PVOID);
		PVOID arg;
	} hearer = { on_power, NULL };
	union {
		FARPROC found;
		register_fn *call;
	} f;
	HMODULE prof;

	if (timers.hears_power)
		return;
	timers.hears_power = true;
	prof = LoadLibraryExW(L"powrprof.dll", NULL,
	    LOAD_LIBRARY_SEARCH_SYSTEM32);
	if (prof == NULL)
		return;
	f.found = GetProcAddress(prof,
	    "PowerRegisterSuspendResumeNotification");
	/* 2: DEVICE_NOTIFY_CALLBACK */
	if (f.found != NULL)
		(void)f.call(2, (HANDLE)&hearer, &timers.power);
}

int
clock_timer_open(int *ret_fd)
{
	struct timer *t = calloc(1, sizeof(*t));
	int err;

	if (t == NULL)
		return ERR_NOMEM;
	if ((err = wake_open(&t->fd)) != 0) {
		free(t);
		return err;
	}
	t->timer = CreateThreadpoolTimer(on_timer, t, NULL);
	if (t->timer == NULL) {
		wake_close(&t->fd);
		free(t);
		return ERR_IO;
	}
	AcquireSRWLockExclusive(&timers.lock);
	hear_power();
	t->next = timers.first;
	timers.first = t;
	ReleaseSRWLockExclusive(&timers.lock);
	*ret_fd = t->fd;
	return 0;
}

int
clock_timer_set(int fd, uint64_t boot_ms)
{
	struct timer *t;

	AcquireSRWLockExclusive(&timers.lock);
	for (t = timers.first; t != NULL && t->fd != fd; t = t->next)
		;
	if (t != NULL) {
		wake_quiet(fd);
		t->due_ms = boot_ms;
		if (boot_ms == 0)
			SetThreadpoolTimer(t->timer, NULL, 0, 0);
		else
			look(t);
	}
	ReleaseSRWLockExclusive(&timers.lock);
	return t != NULL ? 0 : ERR_IO;
}

void
clock_timer_close(int *fd)
{
	struct timer *t, **at;

	if (*fd < 0)
		return;
	AcquireSRWLockExclusive(&timers.lock);
	for (at = &timers.first; *at != NULL && (*at)->fd != *fd;
	    at = &(*at)->next)
		;
	if ((t = *at) != NULL)
		*at = t->next;
	ReleaseSRWLockExclusive(&timers.lock);
	if (t != NULL) {
		SetThreadpoolTimer(t->timer, NULL, 0, 0);
		WaitForThreadpoolTimerCallbacks(t->timer, TRUE);
		CloseThreadpoolTimer(t->timer);
		free(t);
	}
	wake_close(fd);
}
