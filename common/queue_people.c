/*
 * queue_people.c - whether a card's proposer still may propose.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/people.h"
#include "common/queue.h"

bool
queue_item_proposer_stands(const struct queue_item *item,
    const struct people *p, int64_t now)
{
	struct people_signer s;

	return people_find_key(p, bytes_str(item->key), &s) &&
	    bytes_is(s.person->id, item->proposer) &&
	    (s.person->roles & PERSON_PROPOSER) != 0 &&
	    people_key_is_valid(s.key, now);
}
