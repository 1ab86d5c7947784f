/*
 * driver.c - gives the files of a corpus to a fuzz target, one after another.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the replay programs of tests/fuzz.
 *
 * Arguments are files and folders. Fails when there was no input at all: an
 * empty corpus would look like a passed test. The target sees each input in
 * memory of exactly its size, so that the sanitizer notices a read past it.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns how many inputs were run, or -1. */
static long
run_file(const char *path)
{
	struct stat st;
	uint8_t *data = NULL;
	long ret = -1;
	size_t size;
	FILE *f;

	if ((f = fopen(path, "rb")) == NULL || fstat(fileno(f), &st) != 0)
		goto out;
	size = (size_t)st.st_size;
	/* malloc(0) is the right memory for the empty input. */
	if ((data = malloc(size)) == NULL && size > 0)
		goto out;
	if (size > 0 && fread(data, 1, size, f) != size)
		goto out;
	(void)LLVMFuzzerTestOneInput(data, size);
	ret = 1;
out:
	if (ret < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	if (f != NULL)
		(void)fclose(f);
	free(data);
	return ret;
}

static long
run_path(const char *path)
{
	char name[PATH_MAX];
	struct dirent *e;
	long n, total = 0;
	DIR *d;

	if ((d = opendir(path)) == NULL)
		return errno == ENOTDIR ? run_file(path) : 0;
	while (total >= 0 && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		n = run_path(name);
		total = n < 0 ? -1 : total + n;
	}
	(void)closedir(d);
	return total;
}

int
main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *program = slash != NULL ? slash + 1 : argv[0];
	long n, total = 0;
	int i;

	for (i = 1; i < argc && total >= 0; i++) {
		n = run_path(argv[i]);
		total = n < 0 ? -1 : total + n;
	}
	if (total <= 0) {
		printf("not ok %s: %s\n", program,
		    total < 0 ? "cannot read an input" : "no inputs");
		return 1;
	}
	printf("ok %s %ld inputs\n", program, total);
	return 0;
}
