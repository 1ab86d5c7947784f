/*
 * service.c - the service control manager, and the event log.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * A service has to give the manager a thread; ours is given one that does
 * nothing else, so that the gate's own remains what it is on other systems.
 */
#include "platform/service.h"

#include "platform/events.h"
#include "platform/windows/notice.h"
#include "platform/windows/standing.h"

#include <stdlib.h>
#include <string.h>

/* How long the manager is told to wait for the next sign of life. */
#define HINT_MS 30000
/* How often it gets one while we stop. */
#define SIGN_MS 10000
/* The one event that there is: a text (eventlog.mc). */
#define EVENT_ID 1

static struct {
	wchar_t *name;
	SERVICE_STATUS_HANDLE handle;	/* NULL: not a service */
	HANDLE entered;			/* set once that is known */
	HANDLE thread;
	SRWLOCK lock;
	SERVICE_STATUS status;
	PTP_TIMER signs;
	HANDLE log;
} service = { .lock = SRWLOCK_INIT };

/* With the lock held. */
static void
tell(DWORD state)
{
	SERVICE_STATUS *s = &service.status;
	bool on_the_way = state == SERVICE_START_PENDING ||
	    state == SERVICE_STOP_PENDING;

	if (service.handle == NULL)
		return;
	s->dwServiceType = SERVICE_WIN32_OWN_PROCESS;
	s->dwCheckPoint = on_the_way ? s->dwCurrentState == state ?
	    s->dwCheckPoint + 1 : 1 : 0;
	s->dwCurrentState = state;
	s->dwWaitHint = on_the_way ? HINT_MS : 0;
	s->dwControlsAccepted = state == SERVICE_RUNNING ?
	    SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_PRESHUTDOWN : 0;
	(void)SetServiceStatus(service.handle, s);
}

static void
enter_state(DWORD state)
{
	AcquireSRWLockExclusive(&service.lock);
	tell(state);
	ReleaseSRWLockExclusive(&service.lock);
}

static VOID CALLBACK
on_sign(PTP_CALLBACK_INSTANCE instance, PVOID arg, PTP_TIMER timer)
{
	(void)instance;
	(void)arg;
	(void)timer;
	AcquireSRWLockExclusive(&service.lock);
	if (service.status.dwCurrentState == SERVICE_STOP_PENDING)
		tell(SERVICE_STOP_PENDING);
	ReleaseSRWLockExclusive(&service.lock);
}

/* A card that runs may take its time, and the manager is told so. */
static void
begin_signs(void)
{
	ULARGE_INTEGER due;
	FILETIME f;

	AcquireSRWLockExclusive(&service.lock);
	if (service.handle != NULL && service.signs == NULL &&
	    (service.signs = CreateThreadpoolTimer(on_sign, NULL, NULL)) !=
	    NULL) {
		due.QuadPart = (ULONGLONG)-((LONGLONG)SIGN_MS * 10000);
		f.dwLowDateTime = due.LowPart;
		f.dwHighDateTime = due.HighPart;
		SetThreadpoolTimer(service.signs, &f, SIGN_MS, 1000);
	}
	ReleaseSRWLockExclusive(&service.lock);
}

static DWORD WINAPI
on_control(DWORD control, DWORD type, LPVOID data, LPVOID arg)
{
	(void)type;
	(void)data;
	(void)arg;
	switch (control) {
	case SERVICE_CONTROL_STOP:
		enter_state(SERVICE_STOP_PENDING);
		begin_signs();
		notice(EVENTS_STOP);
		return NO_ERROR;
	case SERVICE_CONTROL_PRESHUTDOWN:
		enter_state(SERVICE_STOP_PENDING);
		begin_signs();
		/* The machine does not wait for a card: twice is "now". */
		notice(EVENTS_STOP);
		notice(EVENTS_STOP);
		return NO_ERROR;
	case SERVICE_CONTROL_INTERROGATE:
		return NO_ERROR;
	default:
		return ERROR_CALL_NOT_IMPLEMENTED;
	}
}

static VOID WINAPI
service_main(DWORD argc, LPWSTR *argv)
{
	service.handle = RegisterServiceCtrlHandlerExW(service.name,
	    on_control, NULL);
	enter_state(SERVICE_START_PENDING);
	(void)SetEvent(service.entered);
	/* The name that it was installed under comes first. */
	standing_settle(argc > 0 ? argv[0] : service.name);
}

static DWORD WINAPI
dispatch(LPVOID arg)
{
	SERVICE_TABLE_ENTRYW table[] = {
		{ service.name, service_main }, { NULL, NULL }
	};

	(void)arg;
	/* Returns at once if no manager has started us. */
	(void)StartServiceCtrlDispatcherW(table);
	(void)SetEvent(service.entered);
	return 0;
}

/* Left by return from main(): a service that ended, not one that crashed. */
static void
leave(void)
{
	AcquireSRWLockExclusive(&service.lock);
	if (service.status.dwCurrentState != SERVICE_STOP_PENDING) {
		/* The manager restarts what failed, if it is set up to. */
		service.status.dwWin32ExitCode = ERROR_SERVICE_SPECIFIC_ERROR;
		service.status.dwServiceSpecificExitCode = 1;
	}
	tell(SERVICE_STOPPED);
	ReleaseSRWLockExclusive(&service.lock);
}

void
service_enter(const char *name)
{
	if (service.thread != NULL || win_wide(name, &service.name) != 0)
		return;
	service.entered = CreateEventW(NULL, TRUE, FALSE, NULL);
	if (service.entered == NULL)
		return;
	service.thread = CreateThread(NULL, 65536, dispatch, NULL,
	    STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
	if (service.thread == NULL)
		return;
	(void)WaitForSingleObject(service.entered, HINT_MS);
	if (service.handle != NULL)
		(void)atexit(leave);
}

void
service_ready(void)
{
	enter_state(SERVICE_RUNNING);
}

void
service_alive(void)
{
}

void
service_stopping(void)
{
	enter_state(SERVICE_STOP_PENDING);
	begin_signs();
}

void
service_status(const char *text)
{
	/* The manager has no place for it. */
	(void)text;
}

uint64_t
service_watchdog_ms(void)
{
	return 0;
}

bool
service_is_mute(void)
{
	return service.handle != NULL;
}

/* ---- the event log ---- */

void
service_log_open(const char *name)
{
	wchar_t *wide;

	if (service.log != NULL || win_wide(name, &wide) != 0)
		return;
	service.log = RegisterEventSourceW(NULL, wide);
	free(wide);
}

void
service_log(enum service_level level, const char *line)
{
	WORD type = level <= SERVICE_ERROR ? EVENTLOG_ERROR_TYPE :
	    level == SERVICE_WARNING ? EVENTLOG_WARNING_TYPE :
	    EVENTLOG_INFORMATION_TYPE;
	const wchar_t *texts[1];
	wchar_t *wide;

	if (service.log == NULL || win_wide(line, &wide) != 0)
		return;
	texts[0] = wide;
	(void)ReportEventW(service.log, type, 0, EVENT_ID, NULL, 1, 0, texts,
	    NULL);
	free(wide);
}
