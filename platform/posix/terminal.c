/*
 * terminal.c - whether a person is there, and asking them.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli.
 */
#include "platform/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

bool
terminal_is_input(void)
{
	return isatty(STDIN_FILENO) != 0;
}

bool
terminal_is_output(void)
{
	return isatty(STDOUT_FILENO) != 0;
}

/* One line; what is too long is read to its end and then refused. */
static int
read_line(int fd, char *ret_line, size_t size)
{
	size_t n = 0;
	ssize_t r;
	char c;

	for (;;) {
		r = read(fd, &c, 1);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return ERR_IO;
		if (r == 0 && n == 0)
			return ERR_CLOSED;
		if (r == 0 || c == '\n')
			break;
		if (n < size)
			ret_line[n] = c;
		n++;
	}
	if (n >= size)
		return ERR_TOO_LARGE;
	ret_line[n] = '\0';
	return 0;
}

static int
put(int fd, const char *text)
{
	size_t n = strlen(text);

	return write(fd, text, n) == (ssize_t)n ? 0 : ERR_IO;
}

int
terminal_ask(const char *question, bool secret, char *ret_line, size_t size)
{
	struct termios old, quiet;
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC), err;

	if (fd < 0)
		return ERR_NOT_FOUND;
	if (tcgetattr(fd, &old) != 0) {
		close(fd);
		return ERR_NOT_FOUND;
	}
	if (secret) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
		(void)tcsetattr(fd, TCSAFLUSH, &quiet);
	}
	err = put(fd, question);
	if (err == 0)
		err = read_line(fd, ret_line, size);
	if (secret) {
		(void)tcsetattr(fd, TCSAFLUSH, &old);
		(void)put(fd, "\n");
	}
	close(fd);
	return err;
}
