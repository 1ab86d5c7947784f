/*
 * privileges.c - who this process is, and giving that up for good.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, runner, cli.
 *
 * A process cannot become another account here: the courier is started under
 * one (process.h), and what it gives up by itself is every privilege, starting
 * processes, and code that is not in its files.
 */
#include "platform/privileges.h"

#include "platform/windows/accounts.h"

#include <stdlib.h>
#include <string.h>

bool
privileges_is_root(void)
{
	return accounts_is_system(NULL);
}

uint32_t
privileges_uid(void)
{
	struct sid s;
	uint32_t n;

	if (accounts_is_admin(NULL))
		return 0;
	return accounts_user(NULL, &s) == 0 && accounts_number(&s, &n) == 0 ?
	    n : UINT32_MAX;
}

uint32_t
privileges_gid(void)
{
	return privileges_uid();
}

int
privileges_find_user(const char *name, struct identity *ret_id)
{
	struct identity id;
	struct sid s;
	int err;

	memset(&id, 0, sizeof(id));
	if ((err = accounts_find(name, false, &s)) != 0 ||
	    (err = accounts_number(&s, &id.uid)) != 0)
		return err == ERR_NO_SPACE ? ERR_IO : err;
	id.gid = id.uid;
	*ret_id = id;
	return 0;
}

int
privileges_find_group(const char *name, uint32_t *ret_gid)
{
	struct sid s;
	int err = accounts_find(name, true, &s);

	if (err == 0)
		err = accounts_number(&s, ret_gid);
	return err == ERR_NO_SPACE ? ERR_IO : err;
}

int
privileges_name_user(uint32_t uid, char *ret_name, size_t n)
{
	wchar_t name[256], domain[256];
	DWORD n_name = sizeof(name) / sizeof(name[0]);
	DWORD n_domain = sizeof(domain) / sizeof(domain[0]);
	char text[512];
	SID_NAME_USE use;
	struct sid s;

	if (uid == 0) {
		/* Which administrator is not told apart, as root is not. */
		memcpy(text, "Administrators", sizeof("Administrators"));
	} else {
		if (!accounts_sid(uid, &s) || !LookupAccountSidW(NULL,
		    sid_pointer(&s), name, &n_name, domain, &n_domain, &use))
			return ERR_NOT_FOUND;
		win_narrow_into(name, text, sizeof(text));
	}
	if (strlen(text) >= n)
		return ERR_TOO_LARGE;
	memcpy(ret_name, text, strlen(text) + 1);
	return 0;
}

/* Every privilege goes for good, but the one to walk through folders. */
static bool
drop_privileges(void)
{
	TOKEN_PRIVILEGES *all = NULL;
	HANDLE token = NULL;
	LUID walk;
	DWORD n = 0, i;
	bool ok = false;

	if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY |
	    TOKEN_ADJUST_PRIVILEGES, &token) ||
	    !LookupPrivilegeValueW(NULL, L"SeChangeNotifyPrivilege",
	    &walk))
		goto out;
	(void)GetTokenInformation(token, TokenPrivileges, NULL, 0, &n);
	if (n == 0 || (all = malloc(n)) == NULL ||
	    !GetTokenInformation(token, TokenPrivileges, all, n, &n))
		goto out;
	for (i = 0; i < all->PrivilegeCount; i++)
		if (all->Privileges[i].Luid.LowPart != walk.LowPart ||
		    all->Privileges[i].Luid.HighPart != walk.HighPart)
			all->Privileges[i].Attributes = SE_PRIVILEGE_REMOVED;
	/* It succeeds also where it did not do all of it. */
	ok = AdjustTokenPrivileges(token, FALSE, all, 0, NULL, NULL) &&
	    GetLastError() == ERROR_SUCCESS;
out:
	free(all);
	win_close(&token);
	return ok;
}

int
privileges_drop(const struct identity *id)
{
	struct sid own, asked;

	if (!accounts_sid(id->uid, &asked) || accounts_user(NULL, &own) != 0 ||
	    !sid_is(&own, &asked))
		return ERR_PERMISSION;
	return drop_privileges() ? 0 : ERR_IO;
}

/* Ways of a process to do what a network client never does. */
static bool
forbid_the_rest(void)
{
	PROCESS_MITIGATION_DYNAMIC_CODE_POLICY code;
	PROCESS_MITIGATION_EXTENSION_POINT_DISABLE_POLICY points;
	PROCESS_MITIGATION_STRICT_HANDLE_CHECK_POLICY handles;
	/* PROCESS_MITIGATION_IMAGE_LOAD_POLICY and _CHILD_PROCESS_POLICY:
	 * flags in one word; no files from other machines or by other users
	 * of low integrity, no processes. */
	DWORD images = 0x7, children = 0x1;

	memset(&code, 0, sizeof(code));
	memset(&points, 0, sizeof(points));
	memset(&handles, 0, sizeof(handles));
	code.ProhibitDynamicCode = 1;
	points.DisableExtensionPoints = 1;
	(void)SetProcessMitigationPolicy(ProcessDynamicCodePolicy, &code,
	    sizeof(code));
	(void)SetProcessMitigationPolicy(ProcessExtensionPointDisablePolicy,
	    &points, sizeof(points));
	/* 10: ProcessImageLoadPolicy, 13: ProcessChildProcessPolicy */
	(void)SetProcessMitigationPolicy((PROCESS_MITIGATION_POLICY)10,
	    &images, sizeof(images));
	return SetProcessMitigationPolicy((PROCESS_MITIGATION_POLICY)13,
	    &children, sizeof(children)) != 0;
}

/* A job inside the gate's: not one more process, whatever the policy does. */
static bool
stay_alone(void)
{
	JOBOBJECT_BASIC_LIMIT_INFORMATION limits;
	HANDLE job = CreateJobObjectW(NULL, NULL);

	if (job == NULL)
		return false;
	memset(&limits, 0, sizeof(limits));
	limits.LimitFlags = JOB_OBJECT_LIMIT_ACTIVE_PROCESS;
	limits.ActiveProcessLimit = 1;
	/* The handle stays open: the limit is the job's. */
	if (SetInformationJobObject(job, JobObjectBasicLimitInformation,
	    &limits, sizeof(limits)) &&
	    AssignProcessToJobObject(job, GetCurrentProcess()))
		return true;
	win_close(&job);
	return false;
}

int
privileges_confine_courier(struct confinement *ret_c)
{
	struct confinement c = { false, false, false, 0 };
	bool forbidden;

	if (!drop_privileges())
		return ERR_IO;
	forbidden = forbid_the_rest();
	c.no_new_privs = stay_alone() || forbidden;
	*ret_c = c;
	return 0;
}
