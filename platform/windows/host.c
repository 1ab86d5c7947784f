/*
 * host.c - which machine this is.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#include "platform/host.h"

#include "platform/windows/win.h"

#include <stdlib.h>
#include <string.h>

/* 'RSMB': the tables of the firmware (Microsoft, "GetSystemFirmwareTable"). */
#define SMBIOS 0x52534d42
#define SMBIOS_MAX 262144u
/* Before the tables: four bytes and the length. */
#define SMBIOS_HEAD 8

const char *
host_system(void)
{
	return "windows";
}

const char *
host_arch(void)
{
	return sizeof(void *) == 8 ? "x86_64" : "x86";
}

void
host_put_name(struct buf *b)
{
	wchar_t w[256];
	char text[1024];
	DWORD n = sizeof(w) / sizeof(w[0]);
	size_t i, put = 0;

	text[0] = '\0';
	if (GetComputerNameExW(ComputerNameDnsHostname, w, &n))
		win_narrow_into(w, text, sizeof(text));
	for (i = 0; text[i] != '\0' && put < 255; i++) {
		if (!((text[i] >= 'a' && text[i] <= 'z') ||
		    (text[i] >= 'A' && text[i] <= 'Z') ||
		    (text[i] >= '0' && text[i] <= '9') || text[i] == '.' ||
		    text[i] == '-' || text[i] == '_'))
			continue;
		buf_put_u8(b, (uint8_t)text[i]);
		put++;
	}
	if (put == 0)
		buf_put_str(b, "unnamed");
}

/* The id that setup gave this installation. */
static bool
put_guid(struct buf *b)
{
	wchar_t w[64];
	DWORD n = sizeof(w);
	char text[128];

	buf_put_str(b, "machine-id");
	if (RegGetValueW(HKEY_LOCAL_MACHINE,
	    L"SOFTWARE\\Microsoft\\Cryptography", L"MachineGuid",
	    RRF_RT_REG_SZ | RRF_SUBKEY_WOW6464KEY, NULL, w, &n) !=
	    ERROR_SUCCESS || w[0] == L'\0') {
		buf_put_str(b, "\n");
		return false;
	}
	win_narrow_into(w, text, sizeof(text));
	buf_put_str(b, "=");
	buf_put_str(b, text);
	buf_put_str(b, "\n");
	return true;
}

/*
 * The UUID in the table of type 1 (DMTF DSP0134 7.2), NULL without one. Each
 * table: type, length, handle, its bytes, then strings up to two NULs.
 */
static const uint8_t *
find_uuid(const uint8_t *p, size_t n)
{
	size_t i, len;

	while (n >= 4 && p[1] >= 4 && p[1] <= n) {
		len = p[1];
		if (p[0] == 1 && len >= 0x19)
			return p + 8;
		for (i = len; i + 1 < n && (p[i] != 0 || p[i + 1] != 0); i++)
			;
		if (i + 1 >= n)
			break;
		p += i + 2;
		n -= i + 2;
	}
	return NULL;
}

static bool
put_hardware(struct buf *b)
{
	const uint8_t *uuid = NULL;
	uint8_t *table = NULL;
	UINT n = GetSystemFirmwareTable(SMBIOS, 0, NULL, 0);
	size_t i;

	buf_put_str(b, "hardware");
	if (n > SMBIOS_HEAD && n <= SMBIOS_MAX &&
	    (table = malloc(n)) != NULL &&
	    GetSystemFirmwareTable(SMBIOS, 0, table, n) == n)
		uuid = find_uuid(table + SMBIOS_HEAD, n - SMBIOS_HEAD);
	if (uuid != NULL) {
		buf_put_str(b, "=");
		for (i = 0; i < 16; i++)
			buf_printf(b, "%02x", uuid[i]);
	}
	buf_put_str(b, "\n");
	free(table);
	return uuid != NULL;
}

int
host_put_machine(struct buf *b)
{
	bool id = put_guid(b), hardware = put_hardware(b);

	if (!id && !hardware)
		return ERR_NOT_FOUND;
	return buf_error(b);
}
