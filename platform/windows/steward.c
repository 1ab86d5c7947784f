/*
 * steward.c - no service is started by scripts here.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner.
 */
#include "platform/steward.h"

bool
steward_is_needed(void)
{
	return false;
}

int
steward_start(int runner_fd, int *ret_fd)
{
	(void)runner_fd;
	(void)ret_fd;
	return ERR_UNSUPPORTED;
}

int
steward_ask(int steward, int plan_fd, int held, int *ret_fd)
{
	(void)steward;
	(void)plan_fd;
	(void)held;
	(void)ret_fd;
	return ERR_UNSUPPORTED;
}

int
steward_put(int fd, uint32_t service, uint32_t verb)
{
	(void)fd;
	(void)service;
	(void)verb;
	return ERR_UNSUPPORTED;
}

int
steward_get(int fd, struct buf *ret_text, int *ret_code)
{
	(void)fd;
	(void)ret_text;
	(void)ret_code;
	return ERR_UNSUPPORTED;
}

int
steward_finish(int *fd, unsigned within_ms, struct steward_report *ret_report)
{
	(void)fd;
	(void)within_ms;
	(void)ret_report;
	return ERR_UNSUPPORTED;
}

int
steward_serve(int fd)
{
	(void)fd;
	return 2;
}
