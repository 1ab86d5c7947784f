/*
 * standing.c - how the service manager has us on its books.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/windows/standing.h"

#include <stdlib.h>
#include <string.h>

/* What a shutdown may take: a card that runs is ended at once. */
#define PRESHUTDOWN_MS 60000
/* An agent that ended well for so long has a clean slate. */
#define FORGIVEN_S 3600

/* Asks for what has no fixed size; to be freed. NULL. */
static void *
query(SC_HANDLE s, DWORD level)
{
	DWORD n = 0;
	void *p;

	(void)QueryServiceConfig2W(s, level, NULL, 0, &n);
	if (n == 0 || (p = malloc(n)) == NULL)
		return NULL;
	if (QueryServiceConfig2W(s, level, p, n, &n))
		return p;
	free(p);
	return NULL;
}

/* Without quotes, C:\Program Files\x.exe may also be C:\Program.exe. */
static void
quote(SC_HANDLE s)
{
	wchar_t path[WIN_PATH_SIZE], line[WIN_PATH_SIZE + 3];
	QUERY_SERVICE_CONFIGW *c;
	DWORD n = 0, len;

	(void)QueryServiceConfigW(s, NULL, 0, &n);
	if (n == 0 || (c = malloc(n)) == NULL)
		return;
	len = GetModuleFileNameW(NULL, path, WIN_PATH_SIZE);
	/* Only where nothing but the path stands there. */
	if (len > 0 && len < WIN_PATH_SIZE &&
	    QueryServiceConfigW(s, c, n, &n) &&
	    _wcsicmp(c->lpBinaryPathName, path) == 0) {
		line[0] = L'"';
		memcpy(line + 1, path, len * sizeof(path[0]));
		line[len + 1] = L'"';
		line[len + 2] = L'\0';
		(void)ChangeServiceConfigW(s, SERVICE_NO_CHANGE,
		    SERVICE_NO_CHANGE, SERVICE_NO_CHANGE, line, NULL, NULL,
		    NULL, NULL, NULL, NULL);
	}
	free(c);
}

static void
recover(SC_HANDLE s)
{
	SC_ACTION steps[] = {
		{ SC_ACTION_RESTART, 2000 }, { SC_ACTION_RESTART, 30000 },
		{ SC_ACTION_RESTART, 300000 },
	};
	SERVICE_FAILURE_ACTIONSW actions = { .dwResetPeriod = FORGIVEN_S,
	    .cActions = sizeof(steps) / sizeof(steps[0]),
	    .lpsaActions = steps }, *set;
	/* An end with an error is one too, not only a crash. */
	SERVICE_FAILURE_ACTIONS_FLAG flag = { TRUE };

	if ((set = query(s, SERVICE_CONFIG_FAILURE_ACTIONS)) != NULL &&
	    set->cActions == 0) {
		(void)ChangeServiceConfig2W(s, SERVICE_CONFIG_FAILURE_ACTIONS,
		    &actions);
		(void)ChangeServiceConfig2W(s,
		    SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, &flag);
	}
	free(set);
}

void
standing_settle(const wchar_t *service)
{
	SERVICE_PRESHUTDOWN_INFO shutdown = { PRESHUTDOWN_MS };
	SC_HANDLE m = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT), s;

	if (m == NULL)
		return;
	/* SERVICE_START: who sets a restart must be one who may. */
	s = OpenServiceW(m, service, SERVICE_QUERY_CONFIG |
	    SERVICE_CHANGE_CONFIG | SERVICE_START);
	if (s != NULL) {
		quote(s);
		recover(s);
		(void)ChangeServiceConfig2W(s,
		    SERVICE_CONFIG_PRESHUTDOWN_INFO, &shutdown);
		(void)CloseServiceHandle(s);
	}
	(void)CloseServiceHandle(m);
}
