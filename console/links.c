/*
 * links.c - which devices are connected, by their id.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/links.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 64

/* FNV-1a: the ids are hashes already, and nobody can choose many of them. */
static size_t
bucket_of(const struct links *l, const char *device)
{
	uint32_t h = 2166136261u;

	for (; *device != '\0'; device++)
		h = (h ^ (uint8_t)*device) * 16777619u;
	return h & (l->n_buckets - 1);
}

static void
insert(struct links *l, struct link_entry *e)
{
	struct link_entry **at = &l->buckets[bucket_of(l, e->device)];

	e->next = *at;
	e->at = at;
	if (e->next != NULL)
		e->next->at = &e->next;
	*at = e;
}

int
links_init(struct links *l)
{
	l->n = 0;
	l->n_buckets = FIRST_BUCKETS;
	l->buckets = calloc(l->n_buckets, sizeof(l->buckets[0]));
	return l->buckets == NULL ? ERR_NOMEM : 0;
}

void
links_fini(struct links *l)
{
	free(l->buckets);
	l->buckets = NULL;
	l->n_buckets = 0;
}

/* Doubles the buckets; without memory for it, chains just grow longer. */
static void
grow(struct links *l)
{
	struct link_entry **old = l->buckets, *e, *next;
	size_t n = l->n_buckets, i;

	l->buckets = calloc(2 * n, sizeof(l->buckets[0]));
	if (l->buckets == NULL) {
		l->buckets = old;
		return;
	}
	l->n_buckets = 2 * n;
	for (i = 0; i < n; i++)
		for (e = old[i]; e != NULL; e = next) {
			next = e->next;
			insert(l, e);
		}
	free(old);
}

struct link_entry *
links_find(const struct links *l, const char *device)
{
	struct link_entry *e;

	for (e = l->buckets[bucket_of(l, device)]; e != NULL; e = e->next)
		if (strcmp(e->device, device) == 0)
			return e;
	return NULL;
}

void
links_add(struct links *l, struct link_entry *e)
{
	struct link_entry *old = links_find(l, e->device);

	if (old != NULL) {
		links_remove(l, old);
		old->replace(old->ctx);
	}
	if (l->n >= l->n_buckets)
		grow(l);
	insert(l, e);
	l->n++;
}

void
links_remove(struct links *l, struct link_entry *e)
{
	if (e->at == NULL)
		return;
	*e->at = e->next;
	if (e->next != NULL)
		e->next->at = e->at;
	e->at = NULL;
	e->next = NULL;
	l->n--;
}

void
links_cosigned(struct links *l, const char *device, struct bytes lines)
{
	struct link_entry *e = links_find(l, device);

	if (e != NULL)
		e->cosigned(e->ctx, lines);
}

void
links_poke(struct links *l, const char *device, enum link_news news)
{
	struct link_entry *e = links_find(l, device);

	if (e != NULL)
		e->poke(e->ctx, news);
}

size_t
links_poke_some(struct links *l, size_t bucket, size_t n, enum link_news news)
{
	struct link_entry *e, *next;

	for (; n > 0 && bucket < l->n_buckets; n--, bucket++)
		for (e = l->buckets[bucket]; e != NULL; e = next) {
			next = e->next;
			e->poke(e->ctx, news);
		}
	return bucket;
}
