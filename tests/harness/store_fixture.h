/*
 * store_fixture.h - a console's store in a folder of its own, for tests.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#ifndef COUNTERSIGN_TESTS_HARNESS_STORE_FIXTURE_H
#define COUNTERSIGN_TESTS_HARNESS_STORE_FIXTURE_H

#include "console/store/store.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct store_fixture {
	char folder[64];
	char path[96];
	struct store *s;
};

/* Memory where there is some: a test's store need not outlive the machine. */
__attribute__((unused)) static bool
store_fixture_open(struct store_fixture *f)
{
	(void)snprintf(f->folder, sizeof(f->folder), "%s/cs-store.XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(f->folder) == NULL)
		return false;
	(void)snprintf(f->path, sizeof(f->path), "%s/db", f->folder);
	return digest_init() == 0 && store_open(f->path, &f->s) == 0;
}

__attribute__((unused)) static bool
store_fixture_reopen(struct store_fixture *f)
{
	store_close(f->s);
	return store_open(f->path, &f->s) == 0;
}

/* Removes a folder of files and of folders of files. */
__attribute__((unused)) static void
store_fixture_remove(const char *folder)
{
	char path[512];
	struct dirent *e;
	DIR *d = opendir(folder);

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder,
		    e->d_name);
		if (unlink(path) != 0)
			store_fixture_remove(path);
	}
	if (d != NULL)
		(void)closedir(d);
	(void)rmdir(folder);
}

__attribute__((unused)) static void
store_fixture_close(struct store_fixture *f)
{
	store_close(f->s);
	f->s = NULL;
	store_fixture_remove(f->folder);
}

#endif
