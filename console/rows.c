/*
 * rows.c - the cards and outputs that a message of records changes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/rows.h"

#include <stdlib.h>
#include <string.h>

void
rows_init(struct rows *r, struct store *s)
{
	memset(r, 0, sizeof(*r));
	r->store = s;
}

void
rows_clear(struct rows *r)
{
	struct row *row;
	size_t i;

	for (i = 0; i < ROWS_BUCKETS && r->n > 0; i++)
		while ((row = r->buckets[i]) != NULL) {
			r->buckets[i] = row->next;
			free(row->envelope);
			free(row);
			r->n--;
		}
}

int
rows_find(struct rows *r, const struct sha256 *digest, struct row **ret_row)
{
	struct row **bucket = &r->buckets[digest->b[0] % ROWS_BUCKETS], *row;
	int err;

	for (row = *bucket; row != NULL; row = row->next)
		if (sha256_equal(&row->digest, digest)) {
			*ret_row = row;
			return 0;
		}
	if ((row = calloc(1, sizeof(*row))) == NULL)
		return ERR_NOMEM;
	err = store_card_find(r->store, digest, NULL, &row->card);
	if (err != 0 && err != ERR_NOT_FOUND) {
		free(row);
		return err;
	}
	row->has_card = err == 0;
	row->digest = *digest;
	row->next = *bucket;
	*bucket = row;
	r->n++;
	*ret_row = row;
	return 0;
}

int
rows_add(struct row *row, const struct store_card *c, struct bytes envelope)
{
	int err;

	if ((err = bytes_dup(envelope, &row->envelope)) != 0)
		return err;
	row->card = *c;
	row->card.envelope = bytes_of(row->envelope, envelope.n);
	row->has_card = row->fresh = row->card_changed = true;
	return 0;
}

int
rows_read_output(struct rows *r, struct row *row)
{
	int err;

	/* A card that is new here has had no output. */
	if (row->output_read || row->fresh)
		return 0;
	err = store_output_find(r->store, &row->digest, &row->output);
	if (err != 0 && err != ERR_NOT_FOUND)
		return err;
	row->has_output = err == 0;
	row->output_read = true;
	return 0;
}

static int
write_row(struct store *s, const struct row *row)
{
	int err = 0;

	if (row->card_changed)
		err = row->fresh ? store_card_add(s, &row->card) :
		    store_card_update(s, &row->card);
	if (err == 0 && row->output_changed)
		err = store_output_set(s, &row->output);
	return err;
}

int
rows_flush(struct rows *r)
{
	struct row *row;
	size_t i;
	int err = 0;

	for (i = 0; i < ROWS_BUCKETS && r->n > 0 && err == 0; i++)
		for (row = r->buckets[i]; row != NULL && err == 0;
		    row = row->next)
			err = write_row(r->store, row);
	rows_clear(r);
	return err;
}
