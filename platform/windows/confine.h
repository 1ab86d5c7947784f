/*
 * confine.h - a token, a desktop and access lists that confine a payload.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner, on Windows.
 *
 * Not offered until tests/system/windows.ps1 has shown on a real Windows that
 * each wall holds; nothing but that script has the runner enter it.
 *
 * Every run has a SID of its own, random, that stands for it: the restricted
 * token may write only what grants something to that SID (or to the logon's),
 * declared folders are granted to it for the time of the run, and a grant that
 * stays behind after a crash gives nothing to anybody else.
 */
#ifndef COUNTERSIGN_PLATFORM_WINDOWS_CONFINE_H
#define COUNTERSIGN_PLATFORM_WINDOWS_CONFINE_H

#include "common/plan.h"
#include "platform/windows/accounts.h"

/* "station\desktop". */
#define CONFINE_DESKTOP_SIZE 96

struct confine {
	struct sid run;
	HANDLE token;
	wchar_t desktop[CONFINE_DESKTOP_SIZE];
	HANDLE station, desk;	/* keep them alive; NULL none */
	wchar_t temp[MAX_PATH];	/* its own folder; "" none */
	HANDLE roots[PLAN_ROOTS_MAX];	/* that were granted */
	size_t n_roots;
};

/*
 * Makes what the plan's profile (observe or repair) needs. On failure
 * *ret_step says where, the system's error is in GetLastError(), and what was
 * made is undone. ERR_IO; ERR_UNSUPPORTED.
 */
MUST_CHECK int confine_make(const struct plan *p, struct confine *ret_c,
    enum plan_step *ret_step);

/*
 * The plan's environment with the run's own folder for temporary files; the
 * list has room for PLAN_ENV_MAX and its end, the texts are c's. ERR_TOO_LARGE.
 */
MUST_CHECK int confine_environment(const struct confine *c,
    const struct plan *p, const char **ret_list, char ret_texts[2][1024]);

/* Takes grants back, removes the folder, closes all. Idempotent. */
void confine_undo(struct confine *c);

#endif
