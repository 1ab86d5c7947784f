/*
 * terminal.c - whether a person is there, and asking them.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli.
 */
#include "platform/terminal.h"

#include "platform/windows/win.h"

#include <stdlib.h>
#include <string.h>

#define LINE_UNITS 4096

static bool
is_console(DWORD which)
{
	DWORD mode;

	return GetConsoleMode(GetStdHandle(which), &mode) != 0;
}

bool
terminal_is_input(void)
{
	return is_console(STD_INPUT_HANDLE);
}

/* One that understands the sequences of colours, or is told to. */
bool
terminal_is_output(void)
{
	HANDLE h = GetStdHandle(STD_OUTPUT_HANDLE);
	DWORD mode;

	return GetConsoleMode(h, &mode) && SetConsoleMode(h, mode |
	    ENABLE_VIRTUAL_TERMINAL_PROCESSING) != 0;
}

static HANDLE
open_console(const wchar_t *name)
{
	HANDLE h = CreateFileW(name, GENERIC_READ | GENERIC_WRITE,
	    FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);

	return h != INVALID_HANDLE_VALUE ? h : NULL;
}

static void
print(HANDLE out, const char *text)
{
	wchar_t *wide;
	DWORD n;

	if (win_wide(text, &wide) != 0)
		return;
	(void)WriteConsoleW(out, wide, (DWORD)wcslen(wide), &n, NULL);
	free(wide);
}

/* The line without its end. */
static int
take(wchar_t *line, DWORD n, char *ret_line, size_t size)
{
	char *text;
	int err;

	while (n > 0 && (line[n - 1] == L'\n' || line[n - 1] == L'\r'))
		n--;
	line[n] = L'\0';
	if ((err = win_narrow(line, &text)) != 0)
		return err;
	if (strlen(text) >= size)
		err = ERR_TOO_LARGE;
	else
		memcpy(ret_line, text, strlen(text) + 1);
	SecureZeroMemory(text, strlen(text));
	free(text);
	return err;
}

static int
ask(HANDLE in, HANDLE out, const char *question, bool secret, char *ret_line,
    size_t size)
{
	wchar_t line[LINE_UNITS + 1];
	DWORD mode, n = 0;
	int err;

	if (!GetConsoleMode(in, &mode))
		return ERR_NOT_FOUND;
	print(out, question);
	(void)SetConsoleMode(in, ENABLE_LINE_INPUT | ENABLE_PROCESSED_INPUT |
	    (secret ? 0u : ENABLE_ECHO_INPUT));
	if (!ReadConsoleW(in, line, LINE_UNITS, &n, NULL))
		err = ERR_IO;
	else if (n == 0 || line[0] == 0x1a)
		err = ERR_CLOSED;
	else
		err = take(line, n, ret_line, size);
	(void)SetConsoleMode(in, mode);
	if (secret)
		print(out, "\r\n");
	SecureZeroMemory(line, sizeof(line));
	return err;
}

int
terminal_ask(const char *question, bool secret, char *ret_line, size_t size)
{
	HANDLE in = open_console(L"CONIN$"), out = open_console(L"CONOUT$");
	int err = ERR_NOT_FOUND;

	if (in != NULL && out != NULL)
		err = ask(in, out, question, secret, ret_line, size);
	win_close(&in);
	win_close(&out);
	return err;
}
