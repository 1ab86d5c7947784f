/*
 * secrets.c - secret files and secret memory.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 *
 * A secret file has its access list like any file of ours, and what is in it
 * is encrypted for this machine besides (DPAPI): a copy of the disk, or a
 * backup, does not give the key.
 */
#include "platform/secrets.h"

#include "platform/file.h"
#include "platform/paths.h"
#include "platform/windows/accounts.h"

#include <aclapi.h>
#include <dpapi.h>
#include <fcntl.h>
#include <io.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An encrypted secret has some 200 bytes. */
#define SEALED_MAX 4096
#define PATH_SIZE 4200
/* What a secret of ours is bound to besides the machine. */
static const char purpose[] = "countersign secret file v1";

/* ---- the process ---- */

/* A standard descriptor that is closed becomes the null device. */
static int
fill_standard(void)
{
	int fd, null;

	for (fd = 0; fd <= 2; fd++) {
		if (win_handle(fd) != NULL)
			continue;
		null = _open("NUL", fd == 0 ? _O_WRONLY : _O_RDONLY);
		if (null < 0)
			return ERR_IO;
		if (null != fd) {
			if (_dup2(null, fd) != 0)
				return ERR_IO;
			(void)_close(null);
		}
	}
	return 0;
}

/*
 * What other processes may do to this one: SYSTEM and administrators all, of
 * our own user nobody but to see that it runs and to end it.
 */
static void
close_process(void)
{
	static const wchar_t before[] =
	    L"D:P(A;;0x1fffff;;;SY)(A;;0x1fffff;;;BA)(A;;0x101001;;;";
	PSECURITY_DESCRIPTOR sd;
	wchar_t *name, list[256];
	struct sid own;
	BOOL present, by_default;
	PACL acl;

	if (accounts_user(NULL, &own) != 0 || (name = sid_text(&own)) == NULL)
		return;
	(void)swprintf(list, sizeof(list) / sizeof(list[0]), L"%ls%ls)",
	    before, name);
	LocalFree(name);
	if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(list,
	    SDDL_REVISION_1, &sd, NULL))
		return;
	if (GetSecurityDescriptorDacl(sd, &present, &acl, &by_default) &&
	    present)
		(void)SetSecurityInfo(GetCurrentProcess(), SE_KERNEL_OBJECT,
		    DACL_SECURITY_INFORMATION |
		    PROTECTED_DACL_SECURITY_INFORMATION, NULL, NULL, acl,
		    NULL);
	LocalFree(sd);
}

int
secrets_guard_process(void)
{
	/* No dump, no dialog that offers one; libraries from the system. */
	(void)SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX |
	    SEM_NOOPENFILEERRORBOX);
	(void)SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32);
	close_process();
	return fill_standard();
}

/* ---- memory ---- */

static size_t
page_size(void)
{
	SYSTEM_INFO info;

	GetSystemInfo(&info);
	return info.dwPageSize;
}

/* n rounded up to whole pages; 0 if that is nothing or too much. */
static size_t
whole_pages(size_t n)
{
	size_t page = page_size();

	if (n == 0 || n > SIZE_MAX / 2)
		return 0;
	return (n + page - 1) / page * page;
}

/*
 * What lies unused before n bytes in `inner`: they end at the guard page, so
 * that running over their end is caught, as near as alignment lets them.
 */
static size_t
slack(size_t inner, size_t n)
{
	return (inner - n) / 16 * 16;
}

void *
secrets_alloc(size_t n)
{
	size_t page = page_size(), inner = whole_pages(n);
	uint8_t *p;

	if (inner == 0)
		return NULL;
	/* What is reserved and not committed cannot be touched. */
	p = VirtualAlloc(NULL, inner + 2 * page, MEM_RESERVE, PAGE_NOACCESS);
	if (p == NULL)
		return NULL;
	if (VirtualAlloc(p + page, inner, MEM_COMMIT, PAGE_READWRITE) ==
	    NULL) {
		(void)VirtualFree(p, 0, MEM_RELEASE);
		return NULL;
	}
	(void)VirtualLock(p + page, inner);
	return p + page + slack(inner, n);
}

void
secrets_wipe(void *p, size_t n)
{
	if (p != NULL && n > 0)
		SecureZeroMemory(p, n);
}

void
secrets_free(void *p, size_t n)
{
	size_t page = page_size(), inner = whole_pages(n);

	if (p == NULL || inner == 0)
		return;
	secrets_wipe(p, n);
	(void)VirtualFree((uint8_t *)p - slack(inner, n) - page, 0,
	    MEM_RELEASE);
}

/* ---- files ---- */

static DATA_BLOB
blob_of(const void *p, size_t n)
{
	union {
		const void *in;
		BYTE *out;
	} u = { p };
	DATA_BLOB b = { (DWORD)n, u.out };

	return b;
}

static int
unseal(struct bytes sealed, uint8_t ret_secret[SECRET_SIZE])
{
	DATA_BLOB in = blob_of(sealed.p, sealed.n), out;
	DATA_BLOB entropy = blob_of(purpose, sizeof(purpose));
	int err = 0;

	if (!CryptUnprotectData(&in, NULL, &entropy, NULL, NULL,
	    CRYPTPROTECT_UI_FORBIDDEN, &out))
		return ERR_CORRUPT;
	if (out.cbData != SECRET_SIZE)
		err = ERR_CORRUPT;
	else
		memcpy(ret_secret, out.pbData, SECRET_SIZE);
	secrets_wipe(out.pbData, out.cbData);
	LocalFree(out.pbData);
	return err;
}

/* Opens the folder of a path; the name in it is the rest. */
static int
open_folder(const char *path, int *ret_dir, const char **ret_name)
{
	size_t n = paths_folder(path);
	char folder[PATH_SIZE];

	if (n >= sizeof(folder))
		return ERR_IO;
	(void)snprintf(folder, sizeof(folder), "%.*s", n > 0 ? (int)n : 1,
	    n > 0 ? path : ".");
	*ret_name = path + n;
	return file_open_dir(folder, ret_dir);
}

static int
read_sealed(int dir, const char *name, struct buf *b)
{
	int fd = -1, err;

	if ((err = file_open_read(dir, name, &fd)) == 0 &&
	    (err = file_check_private(fd)) == 0)
		err = file_read(dir, name, SEALED_MAX, b);
	file_close(&fd);
	return err == ERR_TOO_LARGE ? ERR_CORRUPT : err;
}

int
secrets_read_at(int dir, const char *name, uint8_t ret_secret[SECRET_SIZE])
{
	struct buf b;
	int err;

	buf_init(&b, SEALED_MAX);
	if ((err = read_sealed(dir, name, &b)) == 0)
		err = unseal(buf_bytes(&b), ret_secret);
	buf_free(&b);
	return err;
}

int
secrets_read(const char *path, uint8_t ret_secret[SECRET_SIZE])
{
	const char *name;
	int dir = -1, err;

	if ((err = open_folder(path, &dir, &name)) == 0)
		err = secrets_read_at(dir, name, ret_secret);
	file_close(&dir);
	return err;
}

static int
write_sealed(int dir, const char *name, struct bytes sealed)
{
	uint64_t size;
	int64_t changed;
	int err;

	/* Never over one that is there. (Nobody else may write in here.) */
	if ((err = file_stat(dir, name, &size, &changed)) != ERR_NOT_FOUND)
		return err == 0 ? ERR_EXISTS : err;
	return file_replace(dir, name, sealed);
}

int
secrets_write_at(int dir, const char *name,
    const uint8_t secret[SECRET_SIZE])
{
	DATA_BLOB in = blob_of(secret, SECRET_SIZE), out;
	DATA_BLOB entropy = blob_of(purpose, sizeof(purpose));
	int err;

	/* The machine's key: SYSTEM reads it whoever has written it; the
	 * access list keeps all others out. */
	if (!CryptProtectData(&in, L"countersign", &entropy, NULL, NULL,
	    CRYPTPROTECT_LOCAL_MACHINE | CRYPTPROTECT_UI_FORBIDDEN, &out))
		return ERR_IO;
	err = write_sealed(dir, name, bytes_of(out.pbData, out.cbData));
	LocalFree(out.pbData);
	return err;
}

int
secrets_write(const char *path, const uint8_t secret[SECRET_SIZE])
{
	const char *name;
	int dir = -1, err;

	if ((err = open_folder(path, &dir, &name)) == 0)
		err = secrets_write_at(dir, name, secret);
	file_close(&dir);
	return err;
}

int
secrets_erase_at(int dir, const char *name)
{
	static const uint8_t zeros[256];
	uint64_t size = 0, at = 0;
	size_t n;
	int fd = -1, err;

	err = file_open_write(dir, name, &fd);
	if (err == ERR_PERMISSION)
		return 0;
	if (err == 0)
		err = file_size(fd, &size);
	for (; err == 0 && at < size; at += n) {
		n = size - at < sizeof(zeros) ? (size_t)(size - at) :
		    sizeof(zeros);
		err = file_write_at(fd, at, bytes_of(zeros, n));
	}
	if (err == 0 && size > 0)
		err = file_sync(fd);
	file_close(&fd);
	return err;
}
