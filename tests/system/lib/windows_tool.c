/*
 * windows_tool.c - what the tests of the Windows agent run as a payload.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests, under Wine or Windows.
 *
 * By another name than tool.exe (as powershell.exe) it records all that it was
 * given, byte for byte, on standard output. Otherwise, by its first argument:
 *
 *	record ...		the same
 *	dial PORT NAME		connects to that port of loopback, says NAME,
 *				waits until it is told a number: its exit code
 *	tree PORT		dials as `child`, with a `grandchild` detached
 *				from it by every flag there is
 *	leave PORT		leaves such a grandchild, and ends
 *	exit CODE		ends with it, 32 bits
 */
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <windows.h>

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
hex(const char *name, const void *p, size_t n)
{
	const unsigned char *b = p;
	size_t i;

	printf("%s ", name);
	for (i = 0; i < n; i++)
		printf("%02x", b[i]);
	printf("\n");
}

static void
text(const char *name, const wchar_t *w)
{
	hex(name, w, wcslen(w) * sizeof(*w));
}

/* Whatever is open besides the three, by the C library's table. */
static void
descriptors(void)
{
	STARTUPINFOW s;
	int fd;

	GetStartupInfoW(&s);
	printf("table %u\n", (unsigned)s.cbReserved2);
	for (fd = 3; fd < 64; fd++)
		if (_get_osfhandle(fd) != -1)
			printf("descriptor %d\n", fd);
}

static int
record(void)
{
	wchar_t folder[1024], *env, *p;
	char byte;
	DWORD n = 99;
	BOOL in_job = FALSE, ok;

	text("line", GetCommandLineW());
	GetCurrentDirectoryW(1024, folder);
	text("folder", folder);
	env = GetEnvironmentStringsW();
	for (p = env; *p != L'\0'; p += wcslen(p) + 1)
		text("env", p);
	ok = ReadFile(GetStdHandle(STD_INPUT_HANDLE), &byte, 1, &n, NULL);
	printf("stdin %d %lu %lu\n", ok, n,
	    GetFileType(GetStdHandle(STD_INPUT_HANDLE)));
	IsProcessInJob(GetCurrentProcess(), NULL, &in_job);
	printf("job %d\n", in_job);
	descriptors();
	fflush(stdout);
	/* Bytes that are no text have to arrive as they are. */
	fwrite("\xff\xfe\x00\r\n\x80", 1, 6, stderr);
	return 7;
}

static int
dial(const char *port, const char *name)
{
	struct sockaddr_in a;
	char line[128], answer[16];
	WSADATA data;
	SOCKET s;
	int n, got = 0;

	WSAStartup(MAKEWORD(2, 2), &data);
	s = socket(AF_INET, SOCK_STREAM, 0);
	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_port = htons((unsigned short)strtoul(port, NULL, 10));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(s, (struct sockaddr *)&a, sizeof(a)) != 0)
		return 99;
	snprintf(line, sizeof(line), "%s %lu\n", name, GetCurrentProcessId());
	send(s, line, (int)strlen(line), 0);
	while (got < (int)sizeof(answer) - 1 &&
	    (n = recv(s, answer + got, 1, 0)) == 1 && answer[got] != '\n')
		got++;
	answer[got] = '\0';
	return got > 0 ? (int)strtoul(answer, NULL, 10) : 98;
}

/* Starts ourselves as the grandchild. Breaking away has to be refused. */
static int
detach(const char *port)
{
	const DWORD flags = DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP;
	char path[1024], line[1200];
	PROCESS_INFORMATION p;
	STARTUPINFOA s;

	memset(&s, 0, sizeof(s));
	s.cb = sizeof(s);
	GetModuleFileNameA(NULL, path, sizeof(path));
	snprintf(line, sizeof(line), "tool dial %s broken-away", port);
	if (CreateProcessA(path, line, NULL, NULL, FALSE, flags |
	    CREATE_BREAKAWAY_FROM_JOB, NULL, NULL, &s, &p)) {
		puts("broke away");
		return 1;
	}
	snprintf(line, sizeof(line), "tool dial %s grandchild", port);
	return CreateProcessA(path, line, NULL, NULL, FALSE, flags, NULL, NULL,
	    &s, &p) ? 0 : 2;
}

/* The text that a message file has for a number, with one insertion. */
static int
message(const char *file, const char *number, const char *insertion)
{
	HMODULE m = LoadLibraryExA(file, NULL, LOAD_LIBRARY_AS_DATAFILE);
	DWORD_PTR insertions[1] = { (DWORD_PTR)insertion };
	char text[1024];

	if (m == NULL || FormatMessageA(FORMAT_MESSAGE_FROM_HMODULE |
	    FORMAT_MESSAGE_ARGUMENT_ARRAY, m,
	    (DWORD)strtoul(number, NULL, 0), 0, text, sizeof(text),
	    (va_list *)insertions) == 0)
		return (int)GetLastError();
	fputs(text, stdout);
	return 0;
}

/* A pipe under another's name; says so by a call, and waits for the answer. */
static int
squat(const char *name, const char *port)
{
	HANDLE h = CreateNamedPipeA(name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE,
	    PIPE_UNLIMITED_INSTANCES, 4096, 4096, 0, NULL);

	return h != INVALID_HANDLE_VALUE ? dial(port, "squats") : 96;
}

int
main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '\\');
	int r;

	_setmode(1, _O_BINARY);
	_setmode(2, _O_BINARY);
	name = name != NULL ? name + 1 : argv[0];
	if (strncmp(name, "tool", 4) != 0 ||
	    (argc > 1 && strcmp(argv[1], "record") == 0))
		return record();
	if (argc == 4 && strcmp(argv[1], "dial") == 0)
		return dial(argv[2], argv[3]);
	if (argc == 3 && strcmp(argv[1], "exit") == 0)
		ExitProcess((UINT)strtoul(argv[2], NULL, 0));
	if (argc == 4 && strcmp(argv[1], "squat") == 0)
		return squat(argv[2], argv[3]);
	if (argc == 5 && strcmp(argv[1], "message") == 0)
		return message(argv[2], argv[3], argv[4]);
	if (argc != 3)
		return 97;
	if ((r = detach(argv[2])) != 0)
		return r;
	return strcmp(argv[1], "tree") == 0 ? dial(argv[2], "child") : 0;
}
