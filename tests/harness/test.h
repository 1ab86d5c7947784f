/*
 * test.h - unit tests: checks, and one child process a test.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the programs of tests/unit and tests/interop.
 *
 *	TEST(name) { CHECK(cond); CHECK_INT(got, want); }
 *	TEST_MAIN()
 *
 * Each test runs in a process of its own with two minutes to live, and prints
 * one line: `ok PROGRAM.name`, `not ok PROGRAM.name: why` or
 * `skip PROGRAM.name: why`. A failed check ends its test. Arguments of the
 * program pick tests by name. Put CHECKs of a table into a loop; CHECK_MSG
 * says in which row it went wrong.
 *
 * OOM_LOOP runs its body again and again, and lets the first, then the second,
 * then the third ... allocation in it fail, until a run in which none was left
 * to fail. OOM_FIRED() tells whether one failed in this run:
 *
 *	OOM_LOOP {
 *		rc = thing_new(&t);
 *		CHECK_INT(rc, OOM_FIRED() ? ERR_NOMEM : 0);
 *		...free what there is...
 *	}
 *
 * It reaches malloc, calloc and realloc of everything that is linked static.
 */
#ifndef COUNTERSIGN_TESTS_HARNESS_TEST_H
#define COUNTERSIGN_TESTS_HARNESS_TEST_H

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST_SECONDS 120
#define TEST_SKIPPED 77

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

/* Filled before main(); the message crosses from the child to its parent. */
static struct test *test_first, **test_last = &test_first;
static char *test_message;

/* Ends the running test with this exit status and message. */
__attribute__((format(printf, 2, 3), noreturn, unused)) static void
test_end(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(test_message, 1024, fmt, ap);
	va_end(ap);
	(void)fflush(NULL);
	_exit(status);
}

/* The first bytes of p as hex, for a message. */
__attribute__((unused)) static const char *
test_hex(const void *p, size_t n, char *out, size_t size)
{
	size_t i;

	out[0] = '\0';
	for (i = 0; i < n && 2 * i + 6 < size; i++)
		(void)snprintf(out + 2 * i, 3, "%02x",
		    ((const unsigned char *)p)[i]);
	if (i < n)
		(void)snprintf(out + 2 * i, 4, "...");
	return out;
}

__attribute__((unused)) static void
test_check_int(const char *file, int line, const char *what, intmax_t got,
    intmax_t want)
{
	if (got != want)
		test_end(1, "%s:%d: %s is %" PRIdMAX ", not %" PRIdMAX, file,
		    line, what, got, want);
}

__attribute__((unused)) static void
test_check_mem(const char *file, int line, const char *what, const void *got,
    size_t n, const void *want, size_t m)
{
	char a[200], b[200];

	if (n != m || (n > 0 && memcmp(got, want, n) != 0))
		test_end(1, "%s:%d: %s is %zu bytes %s, not %zu bytes %s",
		    file, line, what, n, test_hex(got, n, a, sizeof(a)), m,
		    test_hex(want, m, b, sizeof(b)));
}

__attribute__((unused)) static void
test_check_str(const char *file, int line, const char *what, const char *got,
    const char *want)
{
	if (got == NULL || want == NULL ? got != want : strcmp(got, want) != 0)
		test_end(1, "%s:%d: %s is \"%s\", not \"%s\"", file, line, what,
		    got != NULL ? got : "(null)",
		    want != NULL ? want : "(null)");
}

/* 0: nothing fails. n: the n-th allocation from now on does. */
static unsigned long test_oom_left, test_oom_round;
static bool test_oom_fired;

/* The linker's --wrap sends the allocations of all objects through these. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static bool
test_oom_now(void)
{
	if (test_oom_left == 0 || --test_oom_left > 0)
		return false;
	test_oom_fired = true;
	return true;
}

void *
__wrap_malloc(size_t n)
{
	return test_oom_now() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return test_oom_now() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return test_oom_now() ? NULL : __real_realloc(p, n);
}

/* Whether there is another round to run, and sets it up. */
__attribute__((unused)) static bool
test_oom_next(void)
{
	test_oom_left = 0;
	if (test_oom_round > 0 && !test_oom_fired)
		return false;
	test_oom_fired = false;
	test_oom_left = ++test_oom_round;
	return true;
}

#define OOM_LOOP for (test_oom_round = 0; test_oom_next(); )
#define OOM_FIRED() test_oom_fired

#define TEST(x)								\
	static void test_run_##x(void);					\
	__attribute__((constructor)) static void test_add_##x(void)	\
	{								\
		static struct test t = { #x, test_run_##x, NULL };	\
									\
		*test_last = &t;					\
		test_last = &t.next;					\
	}								\
	static void test_run_##x(void)

#define CHECK(cond) do {						\
	if (!(cond))							\
		test_end(1, "%s:%d: %s", __FILE__, __LINE__, #cond);	\
} while (0)

/* CHECK with words of one's own: CHECK_MSG(cond, "row %zu", i). */
#define CHECK_MSG(cond, ...) do {					\
	if (!(cond)) {							\
		char msg_[256];						\
									\
		(void)snprintf(msg_, sizeof(msg_), __VA_ARGS__);	\
		test_end(1, "%s:%d: %s: %s", __FILE__, __LINE__, #cond,	\
		    msg_);						\
	}								\
} while (0)

/* Integers of any type up to 64 bits. */
#define CHECK_INT(got, want)						\
	test_check_int(__FILE__, __LINE__, #got, (intmax_t)(got),	\
	    (intmax_t)(want))
/* n bytes at p are the m bytes at q. */
#define CHECK_MEM(p, n, q, m)						\
	test_check_mem(__FILE__, __LINE__, #p, (p), (n), (q), (m))
/* NUL-terminated strings; NULL equals only NULL. */
#define CHECK_STR(got, want)						\
	test_check_str(__FILE__, __LINE__, #got, (got), (want))
#define SKIP(why) test_end(TEST_SKIPPED, "%s", (why))

/* Runs one test in a child. True unless it failed. */
__attribute__((unused)) static bool
test_one(const struct test *t, const char *program)
{
	int status;
	pid_t pid;

	test_message[0] = '\0';
	(void)fflush(NULL);
	if ((pid = fork()) == 0) {
		(void)alarm(TEST_SECONDS);
		t->run();
		exit(0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			pid = -1;
	if (pid < 0) {
		printf("not ok %s.%s: fork: %s\n", program, t->name,
		    strerror(errno));
		return false;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		printf("ok %s.%s\n", program, t->name);
		return true;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == TEST_SKIPPED) {
		printf("skip %s.%s: %s\n", program, t->name, test_message);
		return true;
	}
	printf("not ok %s.%s: ", program, t->name);
	if (test_message[0] != '\0')
		printf("%s\n", test_message);
	else if (WIFSIGNALED(status))
		printf("ended by signal %d\n", WTERMSIG(status));
	else
		printf("ended with status %d\n", WEXITSTATUS(status));
	return false;
}

__attribute__((unused)) static int
test_main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *program = slash != NULL ? slash + 1 : argv[0];
	bool good = true, wanted;
	struct test *t;
	int i, ran = 0;

	test_message = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (test_message == MAP_FAILED)
		return 2;
	for (t = test_first; t != NULL; t = t->next) {
		wanted = argc < 2;
		for (i = 1; i < argc; i++)
			wanted = wanted || strcmp(argv[i], t->name) == 0;
		if (!wanted)
			continue;
		ran++;
		good = test_one(t, program) && good;
	}
	if (ran == 0)
		printf("not ok %s: no such test\n", program);
	return good && ran > 0 ? 0 : 1;
}

#define TEST_MAIN()							\
	int main(int argc, char **argv)					\
	{								\
		return test_main(argc, argv);				\
	}

#endif
