/*
 * local.c - the control socket: a named pipe, and who is at its other end.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, cli.
 *
 * libuv can neither give a pipe an access list nor tell who connected, so that
 * a thread waits for clients here and a socket wakes the loop (wake.h).
 */
#include "platform/pipes.h"

#include "platform/windows/accounts.h"
#include "platform/windows/wake.h"

#include <io.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER 65536
/* Clients that may wait for the loop. */
#define WAITING_MAX 16
#define LISTENERS_MAX 4

struct listener {
	int fd;			/* the socket that wakes; -1 free */
	wchar_t *name;
	PSECURITY_DESCRIPTOR sd;
	HANDLE thread, stop;
	HANDLE next;		/* waits for a client */
	SRWLOCK lock;
	CONDITION_VARIABLE room;
	HANDLE waiting[WAITING_MAX];
	size_t n;
	bool closing;
};

static struct listener *listeners[LISTENERS_MAX];

static struct listener **
slot_of(int fd)
{
	size_t i;

	for (i = 0; i < LISTENERS_MAX; i++)
		if (fd < 0 ? listeners[i] == NULL : listeners[i] != NULL &&
		    listeners[i]->fd == fd)
			return &listeners[i];
	return NULL;
}

/* ---- listening ---- */

/* "//./pipe/NAME" as the system wants it. */
static int
pipe_name(const char *path, wchar_t **ret_w)
{
	static const wchar_t before[] = L"\\\\.\\pipe\\";
	wchar_t *w, *p;
	int err;

	if (strlen(path) > 107)
		return ERR_TOO_LARGE;
	if ((err = win_wide(path, &w)) != 0)
		return err;
	for (p = w; *p != L'\0'; p++)
		if (*p == L'/')
			*p = L'\\';
	if (_wcsnicmp(w, before, wcslen(before)) != 0 ||
	    w[wcslen(before)] == L'\0') {
		free(w);
		return ERR_NOT_FOUND;
	}
	*ret_w = w;
	return 0;
}

/* Nobody from the network; what a client may do is read and write, and no
 * more: not make an instance of its own, which would take others' clients.
 * Clients look who the owner is (pipes_connect()). */
static PSECURITY_DESCRIPTOR
list_for(unsigned mode, uint32_t gid)
{
	PSECURITY_DESCRIPTOR sd = NULL;
	wchar_t text[512], *own = NULL, *group = NULL;
	const wchar_t *owner;
	struct sid s;

	if (accounts_user(NULL, &s) != 0 || (own = sid_text(&s)) == NULL)
		return NULL;
	if ((mode & 060) != 0 && gid != PIPES_GID_KEEP &&
	    accounts_sid(gid, &s))
		group = sid_text(&s);
	owner = accounts_is_admin(NULL) ? L"BA" : own;
	(void)swprintf(text, sizeof(text) / sizeof(text[0]),
	    L"O:%lsD:P(D;;GA;;;NU)(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;%ls)"
	    L"%ls%ls%ls", owner, own, group != NULL ? L"(A;;0x12019b;;;" : L"",
	    group != NULL ? group : L"", group != NULL ? L")" : L"");
	LocalFree(own);
	if (group != NULL)
		LocalFree(group);
	if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(text,
	    SDDL_REVISION_1, &sd, NULL))
		return NULL;
	return sd;
}

static HANDLE
make_instance(const struct listener *l, bool first)
{
	SECURITY_ATTRIBUTES sa = { sizeof(sa), l->sd, FALSE };

	return CreateNamedPipeW(l->name, PIPE_ACCESS_DUPLEX |
	    FILE_FLAG_OVERLAPPED | (first ? FILE_FLAG_FIRST_PIPE_INSTANCE :
	    0u), PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT |
	    PIPE_REJECT_REMOTE_CLIENTS, PIPE_UNLIMITED_INSTANCES, BUFFER,
	    BUFFER, 0, &sa);
}

/* Whether a client has come to l->next; false when we are to stop. */
static bool
wait_for_client(struct listener *l)
{
	HANDLE events[2];
	OVERLAPPED o;
	DWORD n;
	bool came;

	memset(&o, 0, sizeof(o));
	if ((o.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)) == NULL)
		return false;
	events[0] = o.hEvent;
	events[1] = l->stop;
	if (ConnectNamedPipe(l->next, &o)) {
		came = true;
	} else if (GetLastError() == ERROR_PIPE_CONNECTED) {
		came = true;
	} else if (GetLastError() == ERROR_IO_PENDING) {
		came = WaitForMultipleObjects(2, events, FALSE, INFINITE) ==
		    WAIT_OBJECT_0;
		if (!came)
			(void)CancelIoEx(l->next, &o);
		if (!GetOverlappedResult(l->next, &o, &n, TRUE) && came)
			(void)DisconnectNamedPipe(l->next);
	} else {
		/* It came and went. */
		(void)DisconnectNamedPipe(l->next);
		came = WaitForSingleObject(l->stop, 0) == WAIT_TIMEOUT;
	}
	(void)CloseHandle(o.hEvent);
	return came;
}

/* Waits until the loop has room for one more; false when we are to stop. */
static bool
hand_over(struct listener *l, HANDLE client)
{
	bool taken = false;

	AcquireSRWLockExclusive(&l->lock);
	while (l->n == WAITING_MAX && !l->closing)
		(void)SleepConditionVariableSRW(&l->room, &l->lock, INFINITE,
		    0);
	if (!l->closing) {
		l->waiting[l->n++] = client;
		taken = true;
	}
	ReleaseSRWLockExclusive(&l->lock);
	if (taken)
		wake_ring(l->fd);
	return taken;
}

static DWORD WINAPI
wait_for_clients(LPVOID arg)
{
	struct listener *l = arg;
	HANDLE client;

	while (l->next != INVALID_HANDLE_VALUE && wait_for_client(l)) {
		client = l->next;
		/* The next one first: the name is never without an instance,
		 * which another process could make. */
		l->next = make_instance(l, false);
		if (!hand_over(l, client)) {
			(void)CloseHandle(client);
			break;
		}
	}
	return 0;
}

static void
listener_free(struct listener *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		(void)CloseHandle(l->waiting[i]);
	win_close(&l->next);
	win_close(&l->stop);
	win_close(&l->thread);
	if (l->sd != NULL)
		LocalFree(l->sd);
	free(l->name);
	wake_close(&l->fd);
	free(l);
}

static int
listener_start(struct listener *l)
{
	DWORD error;

	l->next = make_instance(l, true);
	if (l->next == INVALID_HANDLE_VALUE) {
		error = GetLastError();
		/* FIRST_PIPE_INSTANCE refuses with "access denied". */
		return error == ERROR_ACCESS_DENIED ||
		    error == ERROR_PIPE_BUSY ? ERR_EXISTS : win_error(error);
	}
	l->stop = CreateEventW(NULL, TRUE, FALSE, NULL);
	if (l->stop == NULL)
		return ERR_IO;
	l->thread = CreateThread(NULL, 65536, wait_for_clients, l,
	    STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
	return l->thread != NULL ? 0 : ERR_IO;
}

int
pipes_listen(const char *path, unsigned mode, uint32_t gid, int *ret_fd)
{
	struct listener **slot = slot_of(-1), *l;
	int err;

	if (slot == NULL)
		return ERR_NO_SPACE;
	if ((l = calloc(1, sizeof(*l))) == NULL)
		return ERR_NOMEM;
	l->fd = -1;
	InitializeSRWLock(&l->lock);
	InitializeConditionVariable(&l->room);
	if ((err = pipe_name(path, &l->name)) == 0 &&
	    (l->sd = list_for(mode, gid)) == NULL)
		err = ERR_IO;
	if (err == 0 && (err = wake_open(&l->fd)) == 0)
		err = listener_start(l);
	if (err != 0) {
		listener_free(l);
		return err;
	}
	*slot = l;
	*ret_fd = l->fd;
	return 0;
}

void
pipes_unlisten(int *listener, const char *path)
{
	struct listener **slot, *l;

	(void)path;
	if (*listener < 0)
		return;
	if ((slot = slot_of(*listener)) != NULL) {
		l = *slot;
		*slot = NULL;
		AcquireSRWLockExclusive(&l->lock);
		l->closing = true;
		ReleaseSRWLockExclusive(&l->lock);
		WakeAllConditionVariable(&l->room);
		(void)SetEvent(l->stop);
		(void)WaitForSingleObject(l->thread, INFINITE);
		listener_free(l);
	}
	*listener = -1;
}

int
pipes_accept(int listener, int *ret_fd, struct peer *ret_peer)
{
	struct listener **slot = slot_of(listener), *l;
	HANDLE h = NULL;
	int fd = -1, err;

	if (slot == NULL)
		return ERR_IO;
	l = *slot;
	AcquireSRWLockExclusive(&l->lock);
	/* Before looking: one that comes now rings again. */
	wake_quiet(l->fd);
	if (l->n > 0) {
		h = l->waiting[0];
		memmove(l->waiting, l->waiting + 1,
		    --l->n * sizeof(l->waiting[0]));
		if (l->n > 0)
			wake_ring(l->fd);
	}
	ReleaseSRWLockExclusive(&l->lock);
	WakeConditionVariable(&l->room);
	if (h == NULL)
		return ERR_AGAIN;
	if ((err = win_descriptor(h, &fd)) != 0)
		return err;
	if (pipes_peer(fd, ret_peer) != 0) {
		pipes_close(&fd);
		return ERR_DENIED;
	}
	*ret_fd = fd;
	return 0;
}

/* ---- the other end ---- */

int
pipes_connect(const char *path, int *ret_fd)
{
	struct others o;
	wchar_t *name;
	HANDLE h;
	DWORD error;
	int err;

	if ((err = pipe_name(path, &name)) != 0)
		return err;
	for (;;) {
		/* It learns who we are, at this moment, and can do nothing in
		 * our name. */
		h = CreateFileW(name, GENERIC_READ | GENERIC_WRITE, 0, NULL,
		    OPEN_EXISTING, FILE_FLAG_OVERLAPPED |
		    SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
		if (h != INVALID_HANDLE_VALUE ||
		    GetLastError() != ERROR_PIPE_BUSY ||
		    !WaitNamedPipeW(name, 2000))
			break;
	}
	error = GetLastError();
	free(name);
	if (h == INVALID_HANDLE_VALUE)
		return error == ERROR_PIPE_BUSY || error == ERROR_SEM_TIMEOUT ?
		    ERR_CLOSED : win_error(error);
	/* Any account can make a pipe of that name while no agent runs. */
	if (accounts_others(h, &o) != 0 || !o.owned_by_us) {
		(void)CloseHandle(h);
		return ERR_DENIED;
	}
	return win_descriptor(h, ret_fd);
}

/* ---- who it is ---- */

static void
take_groups(HANDLE token, struct peer *p)
{
	TOKEN_GROUPS *groups;
	DWORD n = 0, i;
	struct sid s;

	(void)GetTokenInformation(token, TokenGroups, NULL, 0, &n);
	if (n == 0 || (groups = malloc(n)) == NULL)
		return;
	if (GetTokenInformation(token, TokenGroups, groups, n, &n))
		for (i = 0; i < groups->GroupCount &&
		    p->n_groups < PIPES_PEER_GROUPS_MAX; i++)
			if ((groups->Groups[i].Attributes &
			    SE_GROUP_ENABLED) != 0 &&
			    sid_copy(groups->Groups[i].Sid, &s) &&
			    accounts_known(&s, &p->groups[p->n_groups]))
				p->n_groups++;
	free(groups);
}

static int
peer_of_token(HANDLE token, struct peer *p)
{
	struct sid s;
	int err;

	p->gid = PIPES_GID_KEEP;
	if (accounts_is_admin(token)) {
		p->uid = 0;
		return 0;
	}
	if ((err = accounts_user(token, &s)) != 0 ||
	    (err = accounts_number(&s, &p->uid)) != 0)
		return err;
	take_groups(token, p);
	return 0;
}

/* The client's, as it was when it connected. */
static int
client_token(HANDLE pipe, HANDLE *ret_token)
{
	BOOL ok;

	if (!ImpersonateNamedPipeClient(pipe))
		return ERR_IO;
	ok = OpenThreadToken(GetCurrentThread(), TOKEN_QUERY |
	    TOKEN_DUPLICATE, TRUE, ret_token);
	/* A thread that cannot be itself again must do nothing more. */
	if (!RevertToSelf())
		abort();
	return ok ? 0 : ERR_IO;
}

int
pipes_peer(int fd, struct peer *ret_peer)
{
	HANDLE h = win_handle(fd), token;
	struct peer p;
	DWORD flags;
	ULONG pid = 0;
	int err;

	memset(&p, 0, sizeof(p));
	if (h == NULL || !GetNamedPipeInfo(h, &flags, NULL, NULL, NULL))
		return ERR_IO;
	if ((flags & PIPE_SERVER_END) == 0) {
		/* Whoever made the pipe: for messages only. */
		if (!GetNamedPipeServerProcessId(h, &pid))
			return ERR_IO;
		p.pid = (int32_t)pid;
		p.uid = p.gid = PIPES_GID_KEEP;
		*ret_peer = p;
		return 0;
	}
	(void)GetNamedPipeClientProcessId(h, &pid);
	p.pid = (int32_t)pid;
	if ((err = client_token(h, &token)) != 0)
		return err;
	err = peer_of_token(token, &p);
	(void)CloseHandle(token);
	if (err == 0)
		*ret_peer = p;
	return err;
}

bool
peer_is_in_group(const struct peer *p, uint32_t gid)
{
	size_t i;

	if (p->gid == gid)
		return true;
	for (i = 0; i < p->n_groups; i++)
		if (p->groups[i] == gid)
			return true;
	return false;
}
