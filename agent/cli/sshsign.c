/*
 * sshsign.c - having ssh-keygen sign, with a key file or through an agent.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/sshsign.h"

#include "common/sshsig.h"
#include "platform/paths.h"
#include "platform/process.h"
#include "platform/userfile.h"

#include <stdlib.h>
#include <string.h>

#define PROGRAM "ssh-keygen"
#define PATH_SIZE 4300
#define ENV_MAX 16

/* What ssh-keygen needs of our surroundings: where agent and person are. */
static void
environment(char text[ENV_MAX][PATH_SIZE], const char *list[ENV_MAX + 1])
{
	static const char *const names[] = { "HOME", "PATH", "SSH_AUTH_SOCK",
	    "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "SSH_SK_PROVIDER",
	    "DISPLAY", "WAYLAND_DISPLAY", "TERM", "LANG", "TMPDIR",
	    "SystemRoot", "USERPROFILE", "TEMP" };
	size_t i, n = 0;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *v = getenv(names[i]);

		if (v == NULL || snprintf(text[n], PATH_SIZE, "%s=%s",
		    names[i], v) >= PATH_SIZE)
			continue;
		list[n] = text[n];
		n++;
	}
	list[n] = NULL;
}

static int
run(const char *key, bool use_agent, const char *file)
{
	static char text[ENV_MAX][PATH_SIZE];
	const char *env[ENV_MAX + 1];
	char program[PATH_SIZE];
	const char *argv[10] = { PROGRAM, "-Y", "sign" };
	struct process_fd fds[] = { { 0, 0 }, { 1, 2 }, { 2, 2 } };
	struct process_spec spec = { .exec_fd = -1, .path = program,
	    .argv = argv, .envp = env, .fds = fds, .n_fds = 3 };
	struct process_end end;
	struct process child;
	size_t n = 3;
	int err;

	if (paths_find_program(PROGRAM, program, sizeof(program)) != 0)
		return complain(CLI_FAILED, "install OpenSSH (openssh-client)",
		    "there is no " PROGRAM " in PATH");
	if (use_agent)
		argv[n++] = "-U";
	argv[n++] = "-f";
	argv[n++] = key;
	argv[n++] = "-n";
	argv[n++] = SSHSIG_NAMESPACE;
	argv[n++] = file;
	argv[n] = NULL;
	environment(text, env);
	if ((err = process_start(&spec, NULL, &child)) != 0 ||
	    (err = process_wait_end(&child, &end)) != 0)
		return complain_err(err, PROGRAM);
	if (end.by_signal || end.code != 0)
		return complain(CLI_FAILED, "see what it said above", PROGRAM
		    " did not sign");
	return CLI_DONE;
}

static int
sign_in(const char *dir, const char *key, bool use_agent,
    struct bytes message, struct buf *ret_sshsig)
{
	char file[PATH_SIZE], sig[PATH_SIZE];
	struct buf text;
	int err, code;

	if (snprintf(file, sizeof(file), "%s/message", dir) >= PATH_SIZE ||
	    snprintf(sig, sizeof(sig), "%s/message.sig", dir) >= PATH_SIZE)
		return complain_err(ERR_TOO_LARGE, dir);
	if ((err = userfile_write(file, message, USERFILE_PRIVATE,
	    false)) != 0)
		return complain_err(err, file);
	if ((code = run(key, use_agent, file)) != CLI_DONE)
		return code;
	buf_init(&text, 262144);
	if ((err = userfile_read(sig, 65536, &text)) == 0)
		err = sshsig_dearmour(buf_bytes(&text), ret_sshsig);
	buf_free(&text);
	return err != 0 ? complain_err(err, "the signature of " PROGRAM) :
	    CLI_DONE;
}

int
sshsign_message(const char *key, bool use_agent, struct bytes message,
    struct buf *ret_sshsig)
{
	char dir[PATH_SIZE - 32];
	int err, code;

	if ((err = userfile_make_temp(dir, sizeof(dir))) != 0)
		return complain_err(err, "a folder for the message");
	code = sign_in(dir, key, use_agent, message, ret_sshsig);
	userfile_remove_temp(dir);
	return code;
}
