/*
 * seatbelt.c - the kernel's sandbox of macOS, entered.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner, courier.
 *
 * sandbox_init(3) is deprecated without a successor; the header is not
 * everywhere, so its functions stand here.
 */
#include "platform/macos/seatbelt.h"

int sandbox_init_with_parameters(const char *profile, uint64_t flags,
    const char *const parameters[], char **ret_error);
void sandbox_free_error(char *error);

int
seatbelt_enter(enum seatbelt_profile which, const struct seatbelt_facts *facts)
{
	struct seatbelt_text t;
	char *error = NULL;
	int r;

	if ((r = seatbelt_write(which, facts, &t)) != 0)
		return r;
	if (sandbox_init_with_parameters((const char *)buf_bytes(&t.text).p, 0,
	    t.params, &error) != 0)
		r = ERR_PERMISSION;
	if (error != NULL)
		sandbox_free_error(error);
	seatbelt_fini(&t);
	return r;
}
