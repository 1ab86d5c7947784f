/*
 * pin.c - the pin: what a device or workstation trusts to begin with.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#include "common/pin.h"

#include <inttypes.h>
#include <string.h>

#define KIND "countersign-pin"
#define HEX (2 * SHA256_SIZE)

/*
 * Takes what stands before the next end character; all the rest if end is 0.
 * False if the character is not there.
 */
static bool
take(struct bytes *rest, char end, struct bytes *ret_part)
{
	size_t n = 0;

	while (n < rest->n && (end == '\0' || rest->p[n] != (uint8_t)end))
		n++;
	if (end != '\0' && n == rest->n)
		return false;
	*ret_part = bytes_of(rest->p, n);
	n += end != '\0';
	*rest = bytes_of(rest->p + n, rest->n - n);
	return true;
}

/* A decimal number from 1 to CAP_VERSION without leading zeros. */
static int
parse_version(struct bytes text, int64_t *ret_v)
{
	int64_t v = 0;
	size_t i;

	if (text.n < 1 || text.n > 16 || text.p[0] == '0')
		return ERR_SYNTAX;
	for (i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return ERR_SYNTAX;
		v = v * 10 + (text.p[i] - '0');
	}
	if (v > CAP_VERSION)
		return ERR_RANGE;
	*ret_v = v;
	return 0;
}

int
pin_parse(struct bytes text, struct pin *ret_pin)
{
	struct bytes part;
	struct pin pin;
	int i, r;

	memset(&pin, 0, sizeof(pin));
	if (!take(&text, ':', &part) || !bytes_is(part, KIND) ||
	    !take(&text, ':', &part))
		return ERR_SYNTAX;
	if (!bytes_is(part, "1"))
		return ERR_VERSION;
	if (!take(&text, ':', &part))
		return ERR_SYNTAX;
	if (text_check(part, TEXT_ORG, NULL) != 0)
		return ERR_SYNTAX;
	memcpy(pin.org, part.p, part.n);
	if (!take(&text, ':', &part) ||
	    hex_decode(part, pin.root.b, SHA256_SIZE) != 0)
		return ERR_SYNTAX;
	for (i = 0; i < TRUST_FILES; i++) {
		if (!take(&text, i < TRUST_FILES - 1 ? '.' : '\0', &part))
			return ERR_SYNTAX;
		if ((r = parse_version(part, &pin.min_version[i])) != 0)
			return r;
	}
	*ret_pin = pin;
	return 0;
}

void
pin_write(struct buf *b, const struct pin *pin)
{
	char hex[HEX + 1];
	int i;

	hex_encode(bytes_of(pin->root.b, SHA256_SIZE), hex);
	buf_printf(b, KIND ":1:%s:%s:", pin->org, hex);
	for (i = 0; i < TRUST_FILES; i++)
		buf_printf(b, "%s%" PRId64, i > 0 ? "." : "",
		    pin->min_version[i]);
}

void
pin_fingerprint(struct buf *b, const struct pin *pin)
{
	char hex[HEX + 1];
	int i;

	hex_encode(bytes_of(pin->root.b, SHA256_SIZE), hex);
	for (i = 0; i < HEX; i += 4)
		buf_printf(b, "%s%.4s", i > 0 ? " " : "", hex + i);
}
