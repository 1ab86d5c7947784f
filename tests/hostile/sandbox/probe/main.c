/*
 * main.c - runs the probes, each in a process of its own.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests (as a payload, and unconfined for comparison).
 *
 *	probe FACTS [NAME...]
 *	probe --list
 *
 * FACTS is a file of `name=value` lines about what there is to steal and to
 * break. Prints `GROUP NAME ALLOWED`, or in place of the last word the errno or
 * signal that stopped it. Under the name `suid` it says by its exit status
 * whether it has become root.
 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS 10	/* no probe takes that long, unless it hangs */
#define NO_FACT 254

static char facts[16384];

const char *
fact(const char *name)
{
	static char value[4][1024];
	static unsigned next;
	char *line, *end;
	size_t n = strlen(name);

	for (line = facts; *line != '\0'; line = end + 1) {
		if ((end = strchr(line, '\n')) == NULL)
			break;
		if (strncmp(line, name, n) == 0 && line[n] == '=') {
			next = (next + 1) % 4;
			(void)snprintf(value[next], sizeof(value[next]),
			    "%.*s", (int)(end - line - (long)n - 1),
			    line + n + 1);
			return value[next];
		}
	}
	_exit(NO_FACT);
}

long
fact_number(const char *name)
{
	return strtol(fact(name), NULL, 0);
}

const char *
below(const char *name, const char *rest)
{
	static char path[4][2048];
	static unsigned next;

	next = (next + 1) % 4;
	(void)snprintf(path[next], sizeof(path[next]), "%s/%s", fact(name),
	    rest);
	return path[next];
}

int
outcome(long r)
{
	return r < 0 ? errno : 0;
}

int
try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);

	if (fd < 0)
		return errno;
	(void)close(fd);
	return 0;
}

int
try_make(const char *path)
{
	int error = try_open(path, O_WRONLY | O_CREAT | O_EXCL);

	if (error == 0)
		(void)unlink(path);
	return error;
}

static void
report(const struct probe *p, int status)
{
	const char *word = "ALLOWED";
	char text[32];

	if (WIFSIGNALED(status)) {
		(void)snprintf(text, sizeof(text), "SIG%s",
		    WTERMSIG(status) == SIGSYS ? "SYS" :
		    WTERMSIG(status) == SIGALRM ? "ALRM" :
		    WTERMSIG(status) == SIGSEGV ? "SEGV" : "OTHER");
		word = text;
	} else if (WEXITSTATUS(status) == NO_FACT) {
		word = "NOFACT";
	} else if (WEXITSTATUS(status) != 0) {
		(void)snprintf(text, sizeof(text), "errno=%d",
		    WEXITSTATUS(status));
		word = text;
	}
	(void)printf("%s %s %s\n", p->group, p->name, word);
	(void)fflush(stdout);
}

static void
run(const struct probe *p)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)alarm(SECONDS);
		_exit(p->run() & 0xff);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0)
		report(p, status);
	else
		(void)printf("%s %s errno=%d\n", p->group, p->name, errno);
}

static int
is_wanted(const char *name, char **wanted)
{
	if (*wanted == NULL)
		return 1;
	for (; *wanted != NULL; wanted++)
		if (strcmp(*wanted, name) == 0)
			return 1;
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct probe *const groups[] = {
		file_probes, identity_probes, process_probes, kernel_probes,
		mount_probes, network_probes, host_probes, share_probes
	};
	const struct probe *p;
	const char *slash = strrchr(argv[0], '/');
	size_t i;
	ssize_t n;
	int fd;

	if (slash != NULL && strcmp(slash, "/suid") == 0)
		return geteuid() == 0 ? 0 : 1;
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
			for (p = groups[i]; p->name != NULL; p++)
				(void)printf("%s\n", p->name);
		return 0;
	}
	if (argc < 2 || (fd = open(argv[1], O_RDONLY | O_CLOEXEC)) < 0 ||
	    (n = read(fd, facts, sizeof(facts) - 1)) <= 0) {
		(void)fprintf(stderr, "usage: probe FACTS [NAME...]\n");
		return 2;
	}
	(void)close(fd);
	facts[n] = '\0';
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		for (p = groups[i]; p->name != NULL; p++)
			if (is_wanted(p->name, argv + 2))
				run(p);
	return 0;
}
