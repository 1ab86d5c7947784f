/*
 * paths.c - where the agent's things are on Linux.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#include "platform/paths.h"

const char *
paths_config(void)
{
	return "/etc/countersign/agent.json";
}

const char *
paths_pin_dir(void)
{
	return "/etc/countersign";
}

const char *
paths_state(void)
{
	return "/var/lib/countersign";
}

const char *
paths_socket(void)
{
	return "/run/countersign/gate.sock";
}

const char *
paths_programs(void)
{
	return "/usr/libexec/countersign";
}

const char *
paths_courier_user(void)
{
	return "countersign-courier";
}
