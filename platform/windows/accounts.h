/*
 * accounts.h - who is who: security identifiers, tokens, access lists.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: every process, on Windows.
 *
 * The tree's headers know accounts by number, as POSIX does. 0 is whoever owns
 * the machine: SYSTEM and enabled Administrators. Any other account gets a
 * number of this process when it is first met; two accounts never share one,
 * and a number means nothing in another process.
 */
#ifndef COUNTERSIGN_PLATFORM_WINDOWS_ACCOUNTS_H
#define COUNTERSIGN_PLATFORM_WINDOWS_ACCOUNTS_H

#include "platform/windows/win.h"

/* A security identifier by value. */
struct sid {
	union {
		BYTE bytes[SECURITY_MAX_SID_SIZE];
		DWORD aligned;
	} u;
};

/* As the system's functions want it. */
PSID sid_pointer(struct sid *s);
bool sid_is(struct sid *a, struct sid *b);
/* A well-known one. False only for one that this system does not know. */
bool sid_known(WELL_KNOWN_SID_TYPE which, struct sid *ret_s);
/* Copies one that the system has given; false if it is not valid. */
bool sid_copy(PSID from, struct sid *ret_s);
/* "S-1-5-…" in a text to be freed with LocalFree(); NULL without memory. */
wchar_t *sid_text(struct sid *s);

/*
 * The account of that name on this machine. "NT AUTHORITY\LocalService" and
 * "…\NetworkService" are known in every language. ERR_NOT_FOUND, ERR_SYNTAX.
 */
MUST_CHECK int accounts_find(const char *name, bool group, struct sid *ret_s);

/* The user of a token, or of this process (token NULL). ERR_IO. */
MUST_CHECK int accounts_user(HANDLE token, struct sid *ret_s);
/* Whether that token is SYSTEM's, or has Administrators enabled. NULL: ours. */
bool accounts_is_system(HANDLE token);
bool accounts_is_admin(HANDLE token);

/*
 * The number of an account, a new one where it has none. ERR_NO_SPACE too many
 * were met. accounts_known() gives no new one: false.
 */
MUST_CHECK int accounts_number(struct sid *s, uint32_t *ret_n);
bool accounts_known(struct sid *s, uint32_t *ret_n);
/* The identifier of a number that was given out. */
bool accounts_sid(uint32_t n, struct sid *ret_s);

/* Whether it may own what is ours alone: ourselves, SYSTEM, Administrators,
 * the installer of Windows itself (the last three: `root`). */
bool accounts_is_root(struct sid *s);
bool accounts_is_ours(struct sid *s);

/*
 * A security descriptor that gives everything to SYSTEM, Administrators and
 * ourselves and nothing to anybody else, inherited by nothing from above and
 * by all that is made in a folder. Freed with LocalFree(). NULL without memory.
 */
PSECURITY_DESCRIPTOR accounts_private(void);

/* What others than those may do with a thing, as bits of an access mask. */
struct others {
	bool owned_by_us;	/* ourselves or root */
	bool owned_by_root;
	bool no_list;		/* there is none: everybody may do everything */
	ACCESS_MASK may;	/* of all but us and root */
	ACCESS_MASK may_but_root;	/* of all but root */
};
/* Looks at an open file or folder. ERR_PERMISSION, ERR_IO. */
MUST_CHECK int accounts_others(HANDLE h, struct others *ret_o);

#endif
