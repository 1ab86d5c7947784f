/*
 * digestmap.c - finding things by a digest.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/digestmap.h"

#include <stdlib.h>
#include <string.h>

#define FEWEST_CHAINS 64

static struct digestmap_node **
chain_of(const struct digestmap *m, const struct sha256 *key)
{
	uint32_t h;

	memcpy(&h, key->b, sizeof(h));
	return &m->chains[h & (m->n_chains - 1)];
}

/* At the end of its chain, so that the oldest is found first. */
static void
link_last(struct digestmap *m, struct digestmap_node *node)
{
	struct digestmap_node **p = chain_of(m, &node->key);

	while (*p != NULL)
		p = &(*p)->next;
	node->next = NULL;
	*p = node;
}

static int
grow(struct digestmap *m)
{
	struct digestmap bigger = { 0 };
	struct digestmap_node *node, *next;
	size_t i;

	bigger.n_chains = m->n_chains == 0 ? FEWEST_CHAINS : 2 * m->n_chains;
	bigger.chains = calloc(bigger.n_chains,
	    sizeof(struct digestmap_node *));
	if (bigger.chains == NULL)
		return ERR_NOMEM;
	for (i = 0; i < m->n_chains; i++) {
		for (node = m->chains[i]; node != NULL; node = next) {
			next = node->next;
			link_last(&bigger, node);
		}
	}
	free(m->chains);
	m->chains = bigger.chains;
	m->n_chains = bigger.n_chains;
	return 0;
}

int
digestmap_add(struct digestmap *m, struct digestmap_node *node)
{
	if (m->n >= m->n_chains && grow(m) != 0)
		return ERR_NOMEM;
	link_last(m, node);
	m->n++;
	return 0;
}

void
digestmap_remove(struct digestmap *m, struct digestmap_node *node)
{
	struct digestmap_node **p;

	if (m->n_chains == 0)
		return;
	for (p = chain_of(m, &node->key); *p != NULL; p = &(*p)->next) {
		if (*p == node) {
			*p = node->next;
			node->next = NULL;
			m->n--;
			return;
		}
	}
}

void *
digestmap_find(const struct digestmap *m, const struct sha256 *key)
{
	struct digestmap_node *node;

	if (m->n_chains == 0)
		return NULL;
	for (node = *chain_of(m, key); node != NULL; node = node->next)
		if (sha256_equal(&node->key, key))
			return node->owner;
	return NULL;
}

struct digestmap_node *
digestmap_next(const struct digestmap *m, const struct digestmap_node *node)
{
	size_t i = 0;

	if (node != NULL) {
		if (node->next != NULL)
			return node->next;
		i = (size_t)(chain_of(m, &node->key) - m->chains) + 1;
	}
	while (i < m->n_chains && m->chains[i] == NULL)
		i++;
	return i < m->n_chains ? m->chains[i] : NULL;
}

void
digestmap_free(struct digestmap *m)
{
	free(m->chains);
	memset(m, 0, sizeof(*m));
}
