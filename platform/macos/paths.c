/*
 * paths.c - where the agent's things are on macOS.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#include "platform/paths.h"

#define SUPPORT "/Library/Application Support/Countersign"

const char *
paths_config(void)
{
	return SUPPORT "/agent.json";
}

const char *
paths_pin_dir(void)
{
	return SUPPORT;
}

const char *
paths_state(void)
{
	return SUPPORT "/state";
}

const char *
paths_socket(void)
{
	return SUPPORT "/gate.sock";
}

const char *
paths_programs(void)
{
	return "/usr/local/libexec/countersign";
}

const char *
paths_courier_user(void)
{
	return "_countersign_courier";
}
