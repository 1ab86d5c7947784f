/*
 * confine.c - a token, a desktop and access lists that confine a payload.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner, on Windows.
 *
 * Microsoft, "CreateRestrictedToken", "Restricted Tokens": with
 * WRITE_RESTRICTED the second check, against the restricting SIDs, is made for
 * writing only.
 */
#include "platform/windows/confine.h"

#include "platform/random.h"
#include "platform/windows/nt.h"

#include <aclapi.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In winnt.h of newer SDKs. */
#ifndef WRITE_RESTRICTED
#define WRITE_RESTRICTED 0x8
#endif

/* ---- the run's own SID, and the logon's ---- */

static bool
make_run_sid(struct sid *ret_s)
{
	SID_IDENTIFIER_AUTHORITY nt = SECURITY_NT_AUTHORITY;
	DWORD r[4];
	PSID sid;
	bool ok;

	if (random_fill(r, sizeof(r)) != 0 || !AllocateAndInitializeSid(&nt, 5,
	    SECURITY_NT_NON_UNIQUE, r[0], r[1], r[2], r[3], 0, 0, 0, &sid))
		return false;
	ok = sid_copy(sid, ret_s);
	FreeSid(sid);
	return ok;
}

/* Of the session in which the token was made; a service has none. */
static bool
find_logon_sid(HANDLE token, struct sid *ret_s)
{
	TOKEN_GROUPS *groups;
	bool found = false;
	DWORD n = 0, i;

	(void)GetTokenInformation(token, TokenGroups, NULL, 0, &n);
	if (n == 0 || (groups = malloc(n)) == NULL)
		return false;
	if (GetTokenInformation(token, TokenGroups, groups, n, &n))
		for (i = 0; i < groups->GroupCount && !found; i++)
			found = (groups->Groups[i].Attributes &
			    SE_GROUP_LOGON_ID) == SE_GROUP_LOGON_ID &&
			    sid_copy(groups->Groups[i].Sid, ret_s);
	free(groups);
	return found;
}

/* ---- the token ---- */

/* Whom it is made from: for `observe` a service account without rights. */
static bool
base_token(enum plan_profile profile, HANDLE *ret_token)
{
	if (profile == PLAN_OBSERVE && accounts_is_system(NULL))
		return LogonUserW(L"LocalService", L"NT AUTHORITY", L"",
		    LOGON32_LOGON_SERVICE, LOGON32_PROVIDER_DEFAULT,
		    ret_token) != 0;
	return OpenProcessToken(GetCurrentProcess(), TOKEN_DUPLICATE |
	    TOKEN_ASSIGN_PRIMARY | TOKEN_QUERY | TOKEN_ADJUST_DEFAULT |
	    TOKEN_ADJUST_PRIVILEGES, ret_token) != 0;
}

/* What it makes (pipes, processes) it may use itself. */
static bool
set_default_list(HANDLE token, struct sid *run)
{
	EXPLICIT_ACCESSW e[3];
	struct sid who[3];
	TOKEN_DEFAULT_DACL list;
	PACL acl = NULL;
	int i;
	bool ok;

	if (accounts_user(token, &who[0]) != 0 ||
	    !sid_known(WinLocalSystemSid, &who[1]))
		return false;
	who[2] = *run;
	memset(e, 0, sizeof(e));
	for (i = 0; i < 3; i++) {
		e[i].grfAccessPermissions = GENERIC_ALL;
		e[i].grfAccessMode = GRANT_ACCESS;
		e[i].Trustee.TrusteeForm = TRUSTEE_IS_SID;
		e[i].Trustee.ptstrName = (LPWSTR)sid_pointer(&who[i]);
	}
	if (SetEntriesInAclW(3, e, NULL, &acl) != ERROR_SUCCESS)
		return false;
	list.DefaultDacl = acl;
	ok = SetTokenInformation(token, TokenDefaultDacl, &list,
	    sizeof(list)) != 0;
	LocalFree(acl);
	return ok;
}

static bool
make_token(enum plan_profile profile, struct confine *c)
{
	SID_AND_ATTRIBUTES off[1], only[2];
	struct sid admins, logon;
	HANDLE base = NULL;
	DWORD n_off = 0, n_only = 1;
	bool ok = false;

	if (!base_token(profile, &base))
		return false;
	memset(off, 0, sizeof(off));
	memset(only, 0, sizeof(only));
	only[0].Sid = sid_pointer(&c->run);
	if (find_logon_sid(base, &logon))
		only[n_only++].Sid = sid_pointer(&logon);
	if (profile == PLAN_OBSERVE &&
	    sid_known(WinBuiltinAdministratorsSid, &admins))
		off[n_off++].Sid = sid_pointer(&admins);
	/* Every privilege goes but the one to walk through folders. Everyone
	 * is not among the SIDs that may write: it would open what all may. */
	ok = CreateRestrictedToken(base, DISABLE_MAX_PRIVILEGE |
	    WRITE_RESTRICTED | (profile == PLAN_OBSERVE ? LUA_TOKEN : 0u),
	    n_off, off, 0, NULL, n_only, only, &c->token) != 0 &&
	    set_default_list(c->token, &c->run);
	win_close(&base);
	return ok;
}

/* ---- the desktop ---- */

/* user32.dll is not loaded for this alone in every runner. */
static struct {
	HANDLE (WINAPI *create_station)(LPCWSTR, DWORD, ACCESS_MASK,
	    LPSECURITY_ATTRIBUTES);
	HANDLE (WINAPI *get_station)(void);
	BOOL (WINAPI *set_station)(HANDLE);
	BOOL (WINAPI *close_station)(HANDLE);
	HANDLE (WINAPI *create_desktop)(LPCWSTR, LPCWSTR, void *, DWORD,
	    ACCESS_MASK, LPSECURITY_ATTRIBUTES);
	BOOL (WINAPI *close_desktop)(HANDLE);
} user;

static bool
load_user(void)
{
	static const struct {
		const char *name;
		size_t at;
	} names[] = {
		{ "CreateWindowStationW", 0 }, { "GetProcessWindowStation", 1 },
		{ "SetProcessWindowStation", 2 }, { "CloseWindowStation", 3 },
		{ "CreateDesktopW", 4 }, { "CloseDesktop", 5 },
	};
	HMODULE dll = LoadLibraryExW(L"user32.dll", NULL,
	    LOAD_LIBRARY_SEARCH_SYSTEM32);
	FARPROC f;
	size_t i;

	for (i = 0; dll != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
		if ((f = GetProcAddress(dll, names[i].name)) == NULL)
			return false;
		memcpy((char *)&user + names[i].at * sizeof(f), &f, sizeof(f));
	}
	return dll != NULL;
}

/* Everything to SYSTEM, to whoever the token is, and to the run. */
static PSECURITY_DESCRIPTOR
list_for(struct confine *c)
{
	PSECURITY_DESCRIPTOR sd = NULL;
	wchar_t text[512], *run = sid_text(&c->run), *whom = NULL, *own = NULL;
	struct sid s, self;

	if (run != NULL && accounts_user(c->token, &s) == 0 &&
	    accounts_user(NULL, &self) == 0)
		whom = sid_text(&s);
	if (whom != NULL)
		own = sid_text(&self);
	if (own != NULL) {
		(void)swprintf(text, sizeof(text) / sizeof(text[0]),
		    L"D:P(A;OICI;GA;;;SY)(A;OICI;GA;;;%ls)(A;OICI;GA;;;%ls)"
		    L"(A;OICI;GA;;;%ls)", own, whom, run);
		if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(text,
		    SDDL_REVISION_1, &sd, NULL))
			sd = NULL;
	}
	LocalFree(run);
	LocalFree(whom);
	LocalFree(own);
	return sd;
}

/* Programs that have user32.dll in them do not start without one, and one that
 * is shared could be watched. */
static bool
make_desktop(struct confine *c)
{
	SECURITY_ATTRIBUTES sa = { sizeof(sa), list_for(c), FALSE };
	HANDLE ours;
	uint64_t r;
	bool ok = false;

	if (sa.lpSecurityDescriptor == NULL || !load_user() ||
	    random_fill(&r, sizeof(r)) != 0)
		goto out;
	(void)swprintf(c->desktop, CONFINE_DESKTOP_SIZE,
	    L"countersign-%016llx", (unsigned long long)r);
	ours = user.get_station();
	c->station = user.create_station(c->desktop, 0, GENERIC_ALL, &sa);
	if (c->station == NULL || !user.set_station(c->station))
		goto out;
	c->desk = user.create_desktop(L"payload", NULL, NULL, 0, GENERIC_ALL,
	    &sa);
	ok = user.set_station(ours) != 0 && c->desk != NULL;
	wcsncat(c->desktop, L"\\payload",
	    CONFINE_DESKTOP_SIZE - 1 - wcslen(c->desktop));
out:
	if (sa.lpSecurityDescriptor != NULL)
		LocalFree(sa.lpSecurityDescriptor);
	return ok;
}

/* ---- folders ---- */

/* Adds to, or takes from, the access list of an open folder the run's right. */
static bool
grant(HANDLE folder, struct sid *run, bool on)
{
	PSECURITY_DESCRIPTOR sd = NULL;
	EXPLICIT_ACCESSW e;
	PACL old = NULL, list = NULL;
	bool ok = false;

	memset(&e, 0, sizeof(e));
	e.grfAccessPermissions = FILE_GENERIC_READ | FILE_GENERIC_WRITE |
	    FILE_GENERIC_EXECUTE | DELETE | FILE_DELETE_CHILD;
	e.grfAccessMode = on ? GRANT_ACCESS : REVOKE_ACCESS;
	e.grfInheritance = SUB_CONTAINERS_AND_OBJECTS_INHERIT;
	e.Trustee.TrusteeForm = TRUSTEE_IS_SID;
	e.Trustee.ptstrName = (LPWSTR)sid_pointer(run);
	if (GetSecurityInfo(folder, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION,
	    NULL, NULL, &old, NULL, &sd) != ERROR_SUCCESS)
		return false;
	if (SetEntriesInAclW(1, &e, old, &list) == ERROR_SUCCESS) {
		ok = SetSecurityInfo(folder, SE_FILE_OBJECT,
		    DACL_SECURITY_INFORMATION, NULL, NULL, list,
		    NULL) == ERROR_SUCCESS;
		LocalFree(list);
	}
	LocalFree(sd);
	return ok;
}

/* The folder itself, not what a junction in its place names. */
static bool
grant_root(struct confine *c, const char *path)
{
	wchar_t *wide;
	HANDLE h;

	if (win_path(path, &wide) != 0)
		return false;
	h = CreateFileW(wide, READ_CONTROL | WRITE_DAC | FILE_READ_ATTRIBUTES,
	    FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING,
	    FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
	free(wide);
	if (h == INVALID_HANDLE_VALUE)
		return false;
	/* Open, and not shared for removal: it stays this folder. */
	if (nt_check_plain(h) != 0 || !grant(h, &c->run, true)) {
		(void)CloseHandle(h);
		return false;
	}
	c->roots[c->n_roots++] = h;
	return true;
}

static bool
make_temp(struct confine *c)
{
	SECURITY_ATTRIBUTES sa = { sizeof(sa), list_for(c), FALSE };
	wchar_t windows[MAX_PATH - 64];
	uint64_t r;
	UINT n;
	bool ok = false;

	n = GetSystemWindowsDirectoryW(windows, MAX_PATH - 64);
	if (sa.lpSecurityDescriptor != NULL && n > 0 && n < MAX_PATH - 64 &&
	    random_fill(&r, sizeof(r)) == 0) {
		(void)swprintf(c->temp, MAX_PATH,
		    L"%ls\\Temp\\countersign-%016llx", windows,
		    (unsigned long long)r);
		ok = CreateDirectoryW(c->temp, &sa) != 0;
	}
	if (!ok)
		c->temp[0] = L'\0';
	if (sa.lpSecurityDescriptor != NULL)
		LocalFree(sa.lpSecurityDescriptor);
	return ok;
}

/* ---- all of it ---- */

int
confine_make(const struct plan *p, struct confine *ret_c,
    enum plan_step *ret_step)
{
	struct confine c;
	size_t i;
	bool ok = true;

	memset(&c, 0, sizeof(c));
	*ret_step = PLAN_STEP_PROFILE;
	if (p->profile != PLAN_OBSERVE && p->profile != PLAN_REPAIR) {
		SetLastError(ERROR_NOT_SUPPORTED);
		return ERR_UNSUPPORTED;
	}
	*ret_step = PLAN_STEP_IDENTITY;
	if (!make_run_sid(&c.run) || !make_token(p->profile, &c))
		ok = false;
	if (ok) {
		*ret_step = PLAN_STEP_SESSION;
		ok = make_desktop(&c);
	}
	if (ok) {
		*ret_step = PLAN_STEP_DIRECTORY;
		ok = make_temp(&c);
	}
	for (i = 0; ok && p->profile == PLAN_REPAIR && i < p->n_roots; i++)
		ok = grant_root(&c, p->roots[i]);
	if (!ok) {
		confine_undo(&c);
		return ERR_IO;
	}
	*ret_c = c;
	return 0;
}

int
confine_environment(const struct confine *c, const struct plan *p,
    const char **ret_list, char ret_texts[2][1024])
{
	char temp[900];
	size_t i, n = 0;

	win_narrow_into(c->temp, temp, sizeof(temp));
	for (i = 0; i < p->n_env; i++)
		if (_strnicmp(p->env[i], "TEMP=", 5) != 0 &&
		    _strnicmp(p->env[i], "TMP=", 4) != 0)
			ret_list[n++] = p->env[i];
	if (n + 2 > PLAN_ENV_MAX)
		return ERR_TOO_LARGE;
	(void)snprintf(ret_texts[0], 1024, "TEMP=%s", temp);
	(void)snprintf(ret_texts[1], 1024, "TMP=%s", temp);
	ret_list[n++] = ret_texts[0];
	ret_list[n++] = ret_texts[1];
	ret_list[n] = NULL;
	return 0;
}

/* The folder and what the run has left in it; no junction is walked into. */
static void
remove_tree(const wchar_t *path, unsigned depth)
{
	wchar_t name[WIN_PATH_SIZE];
	WIN32_FIND_DATAW found;
	HANDLE h;

	(void)swprintf(name, WIN_PATH_SIZE, L"%ls\\*", path);
	h = FindFirstFileW(name, &found);
	while (h != INVALID_HANDLE_VALUE) {
		(void)swprintf(name, WIN_PATH_SIZE, L"%ls\\%ls", path,
		    found.cFileName);
		if (wcscmp(found.cFileName, L".") == 0 ||
		    wcscmp(found.cFileName, L"..") == 0)
			;
		else if ((found.dwFileAttributes &
		    FILE_ATTRIBUTE_DIRECTORY) == 0)
			(void)DeleteFileW(name);
		else if ((found.dwFileAttributes &
		    FILE_ATTRIBUTE_REPARSE_POINT) != 0)
			(void)RemoveDirectoryW(name);
		else if (depth < 64)
			remove_tree(name, depth + 1);
		if (!FindNextFileW(h, &found))
			break;
	}
	if (h != INVALID_HANDLE_VALUE)
		(void)FindClose(h);
	(void)RemoveDirectoryW(path);
}

void
confine_undo(struct confine *c)
{
	DWORD error = GetLastError();
	size_t i;

	for (i = 0; i < c->n_roots; i++) {
		(void)grant(c->roots[i], &c->run, false);
		win_close(&c->roots[i]);
	}
	c->n_roots = 0;
	if (c->temp[0] != L'\0')
		remove_tree(c->temp, 0);
	c->temp[0] = L'\0';
	if (c->desk != NULL)
		(void)user.close_desktop(c->desk);
	if (c->station != NULL)
		(void)user.close_station(c->station);
	c->desk = c->station = NULL;
	win_close(&c->token);
	SetLastError(error);
}
