/*
 * accounts.c - who is who: security identifiers, tokens, access lists.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: every process, on Windows.
 */
#include "platform/windows/accounts.h"

#include <aclapi.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Accounts that one process can meet. */
#define MET_MAX 256
/* The first number that is not root's: as on other systems, a person's. */
#define MET_FIRST 1000u

static struct {
	SRWLOCK lock;
	struct sid sids[MET_MAX];
	size_t n;
} met = { .lock = SRWLOCK_INIT };

PSID
sid_pointer(struct sid *s)
{
	return s->u.bytes;
}

bool
sid_is(struct sid *a, struct sid *b)
{
	return EqualSid(sid_pointer(a), sid_pointer(b)) != 0;
}

bool
sid_known(WELL_KNOWN_SID_TYPE which, struct sid *ret_s)
{
	DWORD n = sizeof(ret_s->u.bytes);

	return CreateWellKnownSid(which, NULL, sid_pointer(ret_s), &n) != 0;
}

bool
sid_copy(PSID from, struct sid *ret_s)
{
	return from != NULL && IsValidSid(from) && CopySid(
	    sizeof(ret_s->u.bytes), sid_pointer(ret_s), from);
}

wchar_t *
sid_text(struct sid *s)
{
	wchar_t *text;

	return ConvertSidToStringSidW(sid_pointer(s), &text) ? text : NULL;
}

/* ---- tokens ---- */

static HANDLE
own_token(void)
{
	HANDLE token;

	return OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY |
	    TOKEN_DUPLICATE, &token) ? token : NULL;
}

int
accounts_user(HANDLE token, struct sid *ret_s)
{
	union {
		TOKEN_USER user;
		BYTE room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
	} u;
	HANDLE own = NULL;
	DWORD n;
	bool ok;

	if (token == NULL && (token = own = own_token()) == NULL)
		return ERR_IO;
	ok = GetTokenInformation(token, TokenUser, &u, sizeof(u), &n) &&
	    sid_copy(u.user.User.Sid, ret_s);
	win_close(&own);
	return ok ? 0 : ERR_IO;
}

bool
accounts_is_system(HANDLE token)
{
	struct sid user, system;

	return accounts_user(token, &user) == 0 &&
	    sid_known(WinLocalSystemSid, &system) && sid_is(&user, &system);
}

bool
accounts_is_admin(HANDLE token)
{
	HANDLE own = NULL, acts = NULL;
	struct sid admins;
	BOOL is = FALSE;

	if (accounts_is_system(token))
		return true;
	if (!sid_known(WinBuiltinAdministratorsSid, &admins))
		return false;
	if (token == NULL && (token = own = own_token()) == NULL)
		return false;
	/* CheckTokenMembership() wants one to act under; what is there for
	 * refusals only (an unelevated administrator's) it leaves out. */
	if (!CheckTokenMembership(token, sid_pointer(&admins), &is) &&
	    (!DuplicateToken(token, SecurityIdentification, &acts) ||
	    !CheckTokenMembership(acts, sid_pointer(&admins), &is)))
		is = FALSE;
	win_close(&acts);
	win_close(&own);
	return is != 0;
}

/* ---- names ---- */

int
accounts_find(const char *name, bool group, struct sid *ret_s)
{
	wchar_t *wide, domain[256];
	DWORD n_sid = sizeof(ret_s->u.bytes);
	DWORD n_domain = sizeof(domain) / sizeof(domain[0]);
	SID_NAME_USE use;
	int err;

	if (!group && _stricmp(name, "NT AUTHORITY\\LocalService") == 0)
		return sid_known(WinLocalServiceSid, ret_s) ? 0 :
		    ERR_NOT_FOUND;
	if (!group && _stricmp(name, "NT AUTHORITY\\NetworkService") == 0)
		return sid_known(WinNetworkServiceSid, ret_s) ? 0 :
		    ERR_NOT_FOUND;
	if (win_wide(name, &wide) != 0)
		return ERR_SYNTAX;
	err = 0;
	if (!LookupAccountNameW(NULL, wide, sid_pointer(ret_s), &n_sid, domain,
	    &n_domain, &use) ||
	    group != (use == SidTypeAlias || use == SidTypeGroup))
		err = ERR_NOT_FOUND;
	free(wide);
	return err;
}

/* ---- numbers ---- */

static bool
find(struct sid *s, uint32_t *ret_n)
{
	size_t i;

	for (i = 0; i < met.n; i++)
		if (sid_is(&met.sids[i], s)) {
			*ret_n = MET_FIRST + (uint32_t)i;
			return true;
		}
	return false;
}

bool
accounts_known(struct sid *s, uint32_t *ret_n)
{
	bool found;

	AcquireSRWLockShared(&met.lock);
	found = find(s, ret_n);
	ReleaseSRWLockShared(&met.lock);
	return found;
}

int
accounts_number(struct sid *s, uint32_t *ret_n)
{
	int err = 0;

	AcquireSRWLockExclusive(&met.lock);
	if (!find(s, ret_n)) {
		if (met.n == MET_MAX) {
			err = ERR_NO_SPACE;
		} else {
			met.sids[met.n] = *s;
			*ret_n = MET_FIRST + (uint32_t)met.n;
			met.n++;
		}
	}
	ReleaseSRWLockExclusive(&met.lock);
	return err;
}

bool
accounts_sid(uint32_t n, struct sid *ret_s)
{
	bool known;

	if (n == 0)
		return sid_known(WinLocalSystemSid, ret_s);
	AcquireSRWLockShared(&met.lock);
	known = n >= MET_FIRST && n - MET_FIRST < met.n;
	if (known)
		*ret_s = met.sids[n - MET_FIRST];
	ReleaseSRWLockShared(&met.lock);
	return known;
}

/* ---- whose a thing is ---- */

bool
accounts_is_root(struct sid *s)
{
	/* NT SERVICE\TrustedInstaller: it owns the files of Windows. */
	static const wchar_t installer[] = L"S-1-5-80-956008885-3418522649-"
	    L"1831038044-1853292631-2271478464";
	struct sid known;
	PSID sid;
	bool is;

	if ((sid_known(WinLocalSystemSid, &known) && sid_is(s, &known)) ||
	    (sid_known(WinBuiltinAdministratorsSid, &known) &&
	    sid_is(s, &known)))
		return true;
	if (!ConvertStringSidToSidW(installer, &sid))
		return false;
	is = EqualSid(sid_pointer(s), sid) != 0;
	LocalFree(sid);
	return is;
}

bool
accounts_is_ours(struct sid *s)
{
	struct sid own;

	return accounts_is_root(s) ||
	    (accounts_user(NULL, &own) == 0 && sid_is(s, &own));
}

PSECURITY_DESCRIPTOR
accounts_private(void)
{
	PSECURITY_DESCRIPTOR sd = NULL;
	struct sid own;
	wchar_t *name, list[256];

	if (accounts_user(NULL, &own) != 0 || (name = sid_text(&own)) == NULL)
		return NULL;
	(void)swprintf(list, sizeof(list) / sizeof(list[0]),
	    L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;%ls)", name);
	LocalFree(name);
	if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(list,
	    SDDL_REVISION_1, &sd, NULL))
		return NULL;
	return sd;
}

/* What the owner himself may do is told by this one. */
static bool
is_owner_rights(struct sid *s)
{
	struct sid rights;

	return sid_known(WinCreatorOwnerRightsSid, &rights) &&
	    sid_is(s, &rights);
}

static void
add_entry(const ACE_HEADER *head, struct others *o)
{
	/* Each kind that allows something begins alike. */
	const ACCESS_ALLOWED_ACE *ace = (const ACCESS_ALLOWED_ACE *)head;
	ACCESS_MASK all = ~(ACCESS_MASK)0;
	union {
		const DWORD *in;
		DWORD *out;
	} start = { &ace->SidStart };
	struct sid s;

	if ((head->AceFlags & INHERIT_ONLY_ACE) != 0 ||
	    head->AceType == ACCESS_DENIED_ACE_TYPE ||
	    head->AceType == ACCESS_DENIED_OBJECT_ACE_TYPE ||
	    head->AceType == ACCESS_DENIED_CALLBACK_ACE_TYPE)
		return;
	if ((head->AceType != ACCESS_ALLOWED_ACE_TYPE &&
	    head->AceType != ACCESS_ALLOWED_CALLBACK_ACE_TYPE) ||
	    !sid_copy(start.out, &s)) {
		/* What we cannot read may allow anything. */
		o->may |= all;
		o->may_but_root |= all;
		return;
	}
	if (is_owner_rights(&s) || accounts_is_root(&s))
		return;
	o->may_but_root |= ace->Mask;
	if (!accounts_is_ours(&s))
		o->may |= ace->Mask;
}

static bool
is_usable(PSID owner, PACL list, struct others *o)
{
	ACL_SIZE_INFORMATION size;
	struct sid s;
	void *ace;
	DWORD i;

	if (!sid_copy(owner, &s))
		return false;
	o->owned_by_root = accounts_is_root(&s);
	o->owned_by_us = accounts_is_ours(&s);
	if (list == NULL) {
		o->no_list = true;
		o->may = o->may_but_root = ~(ACCESS_MASK)0;
		return true;
	}
	if (!GetAclInformation(list, &size, sizeof(size), AclSizeInformation))
		return false;
	for (i = 0; i < size.AceCount; i++) {
		if (!GetAce(list, i, &ace))
			return false;
		add_entry(ace, o);
	}
	return true;
}

int
accounts_others(HANDLE h, struct others *ret_o)
{
	PSECURITY_DESCRIPTOR sd = NULL;
	struct others o;
	PSID owner = NULL;
	PACL list = NULL;
	DWORD error;
	int err = 0;

	memset(&o, 0, sizeof(o));
	error = GetSecurityInfo(h, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION |
	    DACL_SECURITY_INFORMATION, &owner, NULL, &list, NULL, &sd);
	if (error != ERROR_SUCCESS)
		return win_error(error);
	if (!is_usable(owner, list, &o))
		err = ERR_PERMISSION;
	else
		*ret_o = o;
	LocalFree(sd);
	return err;
}
