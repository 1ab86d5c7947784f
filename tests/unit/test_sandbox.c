/*
 * test_sandbox.c - what `observe` and `repair` can see, do and change.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "agent/gate/executor.h"
#include "common/offer.h"
#include "platform/linux/landlock.h"
#include "platform/linux/mounts.h"
#include "platform/sandbox.h"
#include "tests/harness/exec.h"
#include "tests/harness/guard.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

/* A user that is nobody else's, also not another test's. */
static uint32_t
own_user(void)
{
	return 2000000000u + (uint32_t)getpid();
}

/* As root; the profiles of an agent without root have their own test. */
static void
need_root(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
}

static struct job
job_of(enum plan_profile profile, const char *script)
{
	struct job job = { .script = script, .profile = profile,
	    .net = PLAN_NET_VIEW, .read = PLAN_READ_USER, .tmp = 1u << 20,
	    .timeout_ms = 30000 };

	if (profile == PLAN_OBSERVE)
		job.uid = job.gid = own_user();
	return job;
}

/* Runs it to its end, which is its own. */
static void
run_well(struct run *run, const struct job *job)
{
	run_job(run, job);
	CHECK_MSG(run->o.end == EXEC_FINISHED, "%s: %.150s", run->reason,
	    run->detail);
}

struct row {
	const char *name;
	const char *script;
	const char *text;
};

static void
check_rows(enum plan_profile profile, const struct row *rows, size_t n)
{
	struct job job;
	struct run run;
	size_t i;

	for (i = 0; i < n; i++) {
		job = job_of(profile, rows[i].script);
		run_well(&run, &job);
		CHECK_MSG(strcmp(run_text(&run), rows[i].text) == 0,
		    "%s: %.60s | %.90s", rows[i].name, run_text(&run),
		    (const char *)run.err.p);
		run_close(&run);
	}
}

#define STATUS(x) "sed -n 's/^" x ":[ \t]*//p' /proc/self/status; "

/* ---- observe ------------------------------------------------------------- */

static const struct row observe_rows[] = {
	{ "capabilities", STATUS("CapPrm") STATUS("CapEff") STATUS("CapBnd")
	    STATUS("CapInh") STATUS("CapAmb") STATUS("NoNewPrivs")
	    STATUS("Seccomp"), "0000000000000000\n0000000000000000\n"
	    "0000000000000000\n0000000000000000\n0000000000000000\n1\n2\n" },
	{ "the host's processes", "kill -0 1 2>&1 | grep -c permitted; "
	    "test -d /proc/$PPID && echo runner; "
	    "ps -o pid= -p $$ > /dev/null && echo ps",
	    "1\nrunner\nps\n" },
	{ "files", "for f in /etc/x /usr/x /var/lib/x /x /dev/x /proc/x /run/x "
	    "/root/x /var/x; do (: > $f) 2>/dev/null && echo $f; done; "
	    "chmod 755 / 2>/dev/null && echo chmod; "
	    "touch -a /etc/passwd 2>/dev/null && echo touch; echo end",
	    "end\n" },
	{ "private folders", "for d in /tmp /var/tmp /dev/shm; do "
	    "ls -A $d; echo x > $d/y && cat $d/y; done; stat -c %a /tmp",
	    "x\nx\nx\n1777\n" },
	/* One cap for all three. */
	{ "the cap", "head -c 600000 /dev/zero > /tmp/a; "
	    "head -c 600000 /dev/zero > /dev/shm/b 2>/dev/null || "
	    "echo full", "full\n" },
	{ "/dev", "ls /dev | tr '\\n' ' '; stat -c %t:%T /dev/null /dev/zero "
	    "/dev/urandom | tr '\\n' ' '; echo x > /dev/null && "
	    "head -c 3 /dev/zero | wc -c; (: < /dev/tty) 2>/dev/null || "
	    "echo none", "countersign fd full null ptmx pts random shm stderr "
	    "stdin stdout tty urandom zero 1:3 1:5 1:9 3\nnone\n" },
	{ "nothing to kill but itself", "kill -9 -1 2>/dev/null; echo alive",
	    "alive\n" },
	{ "descriptors", "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 6 " },
	{ "output by name", "echo x > /dev/stdout; echo y > /dev/stderr",
	    "x\n" },
	/* 1 and not 0: then the kernel starts no program that takes it. */
	{ "core files", "ulimit -c 0 && ulimit -c; sed -n "
	    "'s/^Max core file size *//p' /proc/self/limits | tr -d ' '",
	    "0\n11bytes\n" },
	{ "root by set-id", "su -c id < /dev/null > /dev/null 2>&1 || echo no;"
	    " sudo -n id > /dev/null 2>&1 || echo no", "no\nno\n" },
	{ "namespaces", "unshare -U true 2>/dev/null || echo no; "
	    "unshare -m true 2>/dev/null || echo no", "no\nno\n" },
	{ "terminals", "command -v script > /dev/null || { echo x; exit; }; "
	    "script -qec 'echo x' /dev/null < /dev/null | tr -d '\\r'",
	    "x\n" },
};

GUARDED(observe)
{
	need_root();
	check_rows(PLAN_OBSERVE, observe_rows,
	    sizeof(observe_rows) / sizeof(observe_rows[0]));
}

GUARDED(observe_is_its_user)
{
	struct job job = job_of(PLAN_OBSERVE, "id -u; id -g; id -G");
	struct run run;
	char want[64];

	need_root();
	run_well(&run, &job);
	(void)snprintf(want, sizeof(want), "%u\n%u\n%u\n", job.uid, job.gid,
	    job.gid);
	CHECK_STR(run_text(&run), want);
	run_close(&run);
}

/* A file that nobody but root may read; and the copies of what nobody may. */
GUARDED(observe_reads_all)
{
	struct job job = job_of(PLAN_OBSERVE, STATUS("CapEff") STATUS("CapAmb")
	    "cat $F; cat /etc/shadow /etc/gshadow 2>/dev/null | wc -c; "
	    "ls -A /root/.ssh 2>/dev/null | wc -l; "
	    "cat /var/backups/*shadow* 2>/dev/null | wc -c; "
	    "(: > $F) 2>/dev/null || echo no");
	char path[] = "/opt/countersign-test-XXXXXX", env[64];
	struct run run;
	int fd;

	need_root();
	fd = mkstemp(path);
	CHECK(fd >= 0 && write(fd, "deep\n", 5) == 5);
	(void)close(fd);
	(void)snprintf(env, sizeof(env), "F=%s", path);
	job.env[0] = env;
	job.env[1] = "PATH=/usr/bin:/bin";
	run_well(&run, &job);
	CHECK_STR(run_text(&run), "0000000000000000\n0000000000000000\n0\n0\n"
	    "0\nno\n");
	run_close(&run);
	job.read = PLAN_READ_ALL;
	run_well(&run, &job);
	CHECK_STR(run_text(&run), "0000000000000004\n0000000000000004\ndeep\n"
	    "0\n0\n0\nno\n");
	CHECK(strstr(run.enforced, " caps=read ") != NULL);
	run_close(&run);
	CHECK_INT(unlink(path), 0);
}

/* ---- the network --------------------------------------------------------- */

#define PY(x) "python3 -c 'import socket as s\n" \
	"def t(*a):\n" \
	"  try: s.socket(*a); return \"y\"\n" \
	"  except OSError: return \"-\"\n" \
	"def p(*a):\n" \
	"  try: s.socketpair(*a); return \"y\"\n" \
	"  except OSError: return \"-\"\n" x "'"
/* Unix, TCP, UDP, IPv6, netlink, raw, MPTCP, packet, vsock; pairs. */
#define SOCKETS PY("print(t(1,1), t(2,1), t(2,2), t(10,1), t(16,3,0), " \
	"t(2,3,1), t(2,1,262), t(17,3,0), t(40,1,0), p(1,1), p(1,2))")

static const struct {
	enum plan_profile profile;
	enum plan_net net;
	uint32_t flags;
	const char *sockets;
	const char *enforced;
} nets[] = {
	{ PLAN_OBSERVE, PLAN_NET_NONE, 0, "y y y y y - - - - y -\n",
	    "ns=mnt,ipc,uts,net mnt=ro net=none unix=yes caps=none" },
	{ PLAN_OBSERVE, PLAN_NET_NONE, PLAN_FLAG_NO_UNIX,
	    "- y y y y - - - - y -\n",
	    "ns=mnt,ipc,uts,net mnt=ro net=none unix=no caps=none" },
	{ PLAN_OBSERVE, PLAN_NET_VIEW, 0, "y - - - y - - - - y -\n",
	    "ns=mnt,ipc,uts mnt=ro net=view unix=yes caps=none" },
	{ PLAN_OBSERVE, PLAN_NET_HOST, 0, "y y y y y - - - - y -\n",
	    "ns=mnt,ipc,uts mnt=ro net=host unix=yes caps=none" },
	{ PLAN_REPAIR, PLAN_NET_NONE, 0, "- y y y y - - - - y -\n",
	    "ns=mnt,pid,ipc,uts,net mnt=ro net=none unix=no caps=repair" },
	{ PLAN_REPAIR, PLAN_NET_VIEW, 0, "- - - - y - - - - y -\n",
	    "ns=mnt,pid,ipc,uts mnt=ro net=view unix=no caps=repair" },
	{ PLAN_REPAIR, PLAN_NET_HOST, 0, "- y y y y - - - - y -\n",
	    "ns=mnt,pid,ipc,uts mnt=ro net=host unix=no caps=repair" },
};

GUARDED(networks)
{
	struct job job;
	struct run run;
	size_t i;

	need_root();
	if (access("/usr/bin/python3", X_OK) != 0)
		SKIP("no python3 to ask for sockets with");
	for (i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
		job = job_of(nets[i].profile, SOCKETS);
		job.net = nets[i].net;
		job.flags = nets[i].flags;
		run_well(&run, &job);
		CHECK_MSG(strcmp(run_text(&run), nets[i].sockets) == 0,
		    "row %zu: %.40s %.90s", i, run_text(&run),
		    (const char *)run.err.p);
		CHECK_MSG(strstr(run.enforced, nets[i].enforced) != NULL,
		    "row %zu: %.200s", i, run.enforced);
		CHECK(strstr(run.enforced, " nnp=yes seccomp=yes landlock=") !=
		    NULL);
		run_close(&run);
	}
}

/* A server of the host's: reachable with the host's network only. */
GUARDED(a_server)
{
	static const struct {
		enum plan_profile profile;
		enum plan_net net;
		const char *text;
	} rows[] = {
		{ PLAN_OBSERVE, PLAN_NET_NONE, "-\n" },
		{ PLAN_OBSERVE, PLAN_NET_VIEW, "-\n" },
		{ PLAN_OBSERVE, PLAN_NET_HOST, "y\n" },
		{ PLAN_REPAIR, PLAN_NET_NONE, "-\n" },
		{ PLAN_REPAIR, PLAN_NET_VIEW, "-\n" },
		{ PLAN_REPAIR, PLAN_NET_HOST, "y\n" },
	};
	struct sockaddr a = { .sa_family = AF_INET,
	    .sa_data = { 0, 0, 127, 0, 0, 1 } };
	socklen_t size = sizeof(a);
	char env[32];
	struct run run;
	struct job job;
	size_t i;
	int fd;

	need_root();
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_INT(bind(fd, &a, sizeof(a)), 0);
	CHECK_INT(listen(fd, 9), 0);
	CHECK_INT(getsockname(fd, &a, &size), 0);
	(void)snprintf(env, sizeof(env), "P=%d", (uint8_t)a.sa_data[0] * 256 +
	    (uint8_t)a.sa_data[1]);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		job = job_of(rows[i].profile,
		    "(exec 9<> /dev/tcp/127.0.0.1/$P) 2>/dev/null && echo y || "
		    "echo -");
		job.program = "/bin/bash";
		job.args[0] = "bash";
		job.args[1] = "/proc/self/fd/6";
		job.env[0] = env;
		job.net = rows[i].net;
		if (access(job.program, X_OK) != 0)
			SKIP("no bash");
		run_well(&run, &job);
		CHECK_MSG(strcmp(run_text(&run), rows[i].text) == 0,
		    "row %zu: %.20s", i, run_text(&run));
		run_close(&run);
	}
	(void)close(fd);
}

/* ---- repair -------------------------------------------------------------- */

static const struct row repair_rows[] = {
	{ "capabilities", "id -u; id -G; " STATUS("CapPrm") STATUS("CapEff")
	    STATUS("CapBnd") STATUS("CapInh") STATUS("CapAmb")
	    STATUS("NoNewPrivs") STATUS("Seccomp"),
	    "0\n0\n00000000000000eb\n00000000000000eb\n00000000000000eb\n"
	    "0000000000000000\n0000000000000000\n1\n2\n" },
	{ "its own processes", "echo $$ $PPID; "
	    "ls -d /proc/[0-9]* | grep -vc '/proc/[0-9]$'; kill -9 1; "
	    "echo alive", "2 1\n0\nalive\n" },
	{ "files", "for f in /etc/x /usr/x /var/lib/x /x /dev/x /proc/x /run/x "
	    "/root/x /var/x; do (: > $f) 2>/dev/null && echo $f; done; "
	    "chmod 755 / 2>/dev/null && echo chmod; chown 0 /etc/passwd "
	    "2>/dev/null && echo chown; touch -a /etc/passwd 2>/dev/null && "
	    "echo touch; mknod /tmp/d b 8 0 2>/dev/null && echo mknod; "
	    "mount -t tmpfs x /tmp 2>/dev/null && echo mount; "
	    "umount /etc/shadow 2>/dev/null && echo umount; echo end",
	    "end\n" },
	{ "the kernel's switches", "for f in /proc/sys/kernel/core_pattern "
	    "/proc/sysrq-trigger /sys/kernel/uevent_helper "
	    "/proc/self/oom_score_adj; do (echo x > $f) 2>/dev/null && "
	    "echo $f; done; echo end", "end\n" },
	{ "secrets", "cat /etc/shadow /etc/shadow- /etc/gshadow "
	    "/var/backups/*shadow* /root/.ssh/* 2>/dev/null | wc -c",
	    "0\n" },
	{ "reads what root may", "test -s /etc/passwd && ls -A /root "
	    "> /dev/null && echo yes", "yes\n" },
	{ "becomes others", "command -v setpriv > /dev/null && "
	    "setpriv --reuid 65534 --clear-groups id -u || echo 65534",
	    "65534\n" },
	{ "descriptors", "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 6 " },
	{ "private folders", "for d in /tmp /var/tmp /dev/shm; do "
	    "ls -A $d; echo x > $d/y && cat $d/y; done", "x\nx\nx\n" },
};

GUARDED(repair)
{
	need_root();
	check_rows(PLAN_REPAIR, repair_rows,
	    sizeof(repair_rows) / sizeof(repair_rows[0]));
}

/* A folder outside of /tmp, with a file in it. */
struct place {
	char root[40];
	char env[64];
};

static void
make_place(struct place *p)
{
	char file[64];
	int fd;

	(void)snprintf(p->root, sizeof(p->root),
	    "/opt/countersign-test-XXXXXX");
	CHECK(mkdtemp(p->root) != NULL);
	CHECK_INT(chmod(p->root, 0755), 0);
	(void)snprintf(file, sizeof(file), "%s/old", p->root);
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	CHECK(fd >= 0 && write(fd, "old\n", 4) == 4);
	(void)close(fd);
	(void)snprintf(p->env, sizeof(p->env), "R=%s", p->root);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static void
remove_place(const struct place *p)
{
	CHECK_INT(nftw(p->root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static struct job
job_in(const struct place *p, const char *script)
{
	struct job job = job_of(PLAN_REPAIR, script);

	job.env[0] = p->env;
	job.env[1] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	job.roots[0] = p->root;
	return job;
}

static int set_ids;

static int
count_set_id(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)path;
	(void)type;
	(void)f;
	set_ids += (st->st_mode & (S_ISUID | S_ISGID)) != 0;
	return 0;
}

/* Everything there, and no set-id bit comes out of it: seen from outside. */
GUARDED(repair_in_its_root)
{
	char path[64];
	struct place p;
	struct job job;
	struct run run;

	need_root();
	make_place(&p);
	job = job_in(&p, "cd $R && cat old && echo new >> old && mkdir d && "
	    "mv old d/ && ln d/old e && ln -s d f && chown 7:7 e && "
	    "chmod 600 e && echo done; cp /bin/true t; "
	    "chmod 4755 t 2>/dev/null || echo no; "
	    "chmod g+s d 2>/dev/null || echo no; "
	    "mkdir -m 2755 g 2>/dev/null || echo no; "
	    "install -m 4755 /bin/true s 2>/dev/null || echo no; "
	    "cp -p /bin/su u 2>/dev/null; mknod b b 8 0 2>/dev/null || "
	    "echo no; ./t && echo runs");
	run_well(&run, &job);
	CHECK_STR(run_text(&run), "old\ndone\nno\nno\nno\nno\nno\nruns\n");
	set_ids = 0;
	CHECK_INT(nftw(p.root, count_set_id, 8, FTW_PHYS), 0);
	CHECK_INT(set_ids, 0);
	run_close(&run);
	/* One that was there before stays what it is: test_mounts.c. */
	(void)snprintf(path, sizeof(path), "%s/t", p.root);
	CHECK_INT(chmod(path, 06755), 0);
	job = job_in(&p, "(echo x >> $R/t) 2>/dev/null || echo no; "
	    "rm -f $R/t 2>/dev/null || echo no; "
	    "mv $R/d/old $R/t 2>/dev/null || echo no; "
	    "cmp /bin/true $R/t && echo same");
	run_well(&run, &job);
	CHECK_STR(run_text(&run), "no\nno\nno\nsame\n");
	CHECK_INT(nftw(p.root, count_set_id, 8, FTW_PHYS), 0);
	CHECK_INT(set_ids, 1);
	run_close(&run);
	remove_place(&p);
}

/* The root above a mask does not uncover it; nor does one that it contains. */
GUARDED(masks_are_last)
{
	char secret[64], folder[64];
	struct place p;
	struct job job;
	struct run run;

	need_root();
	make_place(&p);
	(void)snprintf(secret, sizeof(secret), "%s/old", p.root);
	(void)snprintf(folder, sizeof(folder), "%s/folder", p.root);
	CHECK_INT(mkdir(folder, 0755), 0);
	job = job_in(&p, "cat $R/old 2>/dev/null || echo no; "
	    "ls -A $R/folder | wc -l; "
	    "(echo x > $R/old) 2>/dev/null || echo no; "
	    "(: > $R/folder/x) 2>/dev/null || echo no; "
	    "mv $R/old $R/x 2>/dev/null || echo no; "
	    "rm -f $R/old 2>/dev/null || echo no; "
	    "umount $R/old 2>/dev/null || echo no; "
	    "echo y > $R/y && cat $R/y");
	job.masks[0] = secret;
	job.masks[1] = folder;
	job.masks[2] = "/nonexistent/mask";
	run_well(&run, &job);
	CHECK_STR(run_text(&run), "no\n0\nno\nno\nno\nno\nno\ny\n");
	run_close(&run);
	job = job_of(PLAN_OBSERVE, "cat $R/old 2>/dev/null || echo no");
	job.env[0] = p.env;
	job.env[1] = "PATH=/usr/bin:/bin";
	run_well(&run, &job);
	CHECK_STR(run_text(&run), "old\n");
	run_close(&run);
	job.masks[0] = secret;
	run_well(&run, &job);
	CHECK_STR(run_text(&run), "no\n");
	run_close(&run);
	remove_place(&p);
}

/* Where it takes long to mount: what runs waits for the last of it. */
GUARDED(nothing_runs_before_the_masks)
{
	char secret[64], folder[64];
	struct place p;
	struct job job;
	struct run run;
	int i;

	need_root();
	make_place(&p);
	(void)snprintf(secret, sizeof(secret), "%s/old", p.root);
	(void)snprintf(folder, sizeof(folder), "%s/m", p.root);
	CHECK_INT(mkdir(folder, 0755), 0);
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		SKIP("no mount namespace of our own");
	for (i = 0; i < 2000; i++)
		CHECK_INT(mount(p.root, folder, NULL, MS_BIND, NULL), 0);
	job = job_in(&p, "cat $R/old 2>/dev/null || echo no");
	job.masks[0] = secret;
	for (i = 0; i < 2; i++) {
		job.net = i == 0 ? PLAN_NET_VIEW : PLAN_NET_NONE;
		run_well(&run, &job);
		CHECK_STR(run_text(&run), "no\n");
		run_close(&run);
	}
	while (umount2(folder, MNT_DETACH) == 0)
		;
	remove_place(&p);
}

/* What cannot be done as it was signed is not begun. */
GUARDED(roots_that_are_refused)
{
	char link[64], below[64];
	struct place p;
	struct job job;
	struct run run;
	size_t i;
	struct {
		const char *root;
		const char *detail;
	} rows[] = {
		{ "/nonexistent/root", "mount: No such file" },
		{ "/etc/passwd", "mount: Not a directory" },
		{ "/tmp", "mount: Invalid argument" },
		{ "/var/tmp/x", "mount: Invalid argument" },
		{ "/dev/shm", "mount: Invalid argument" },
		{ "/proc/sys", "mount: Invalid argument" },
		{ "/", "mount: Invalid argument" },
		{ "/var", "mount: Invalid argument" },
		{ link, "mount: Too many levels" },
		{ below, "mount: Too many levels" },
	};

	need_root();
	make_place(&p);
	(void)snprintf(link, sizeof(link), "%s/link", p.root);
	(void)snprintf(below, sizeof(below), "%s/link/apt", p.root);
	CHECK_INT(symlink("/etc", link), 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		job = job_of(PLAN_REPAIR, "echo ran");
		job.roots[0] = rows[i].root;
		/* Its payload's network is made at the same time. */
		if (i % 2 == 0)
			job.net = PLAN_NET_NONE;
		run_job(&run, &job);
		CHECK_INT(run.o.end, EXEC_FAILED_TO_START);
		CHECK_STR(run.reason, "sandbox_error");
		CHECK_MSG(strncmp(run.detail, rows[i].detail,
		    strlen(rows[i].detail)) == 0, "%s: %.100s", rows[i].root,
		    run.detail);
		CHECK_STR(run_text(&run), "");
		run_close(&run);
	}
	remove_place(&p);
}

/* What is mounted below a root stays there, writable as well. */
GUARDED(mounts_below_a_root)
{
	char folder[64];
	struct place p;
	struct job job;
	struct run run;

	need_root();
	make_place(&p);
	(void)snprintf(folder, sizeof(folder), "%s/m", p.root);
	CHECK_INT(mkdir(folder, 0755), 0);
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		SKIP("no mount namespace of our own");
	CHECK_INT(mount("tmpfs", folder, "tmpfs", 0, NULL), 0);
	job = job_in(&p, "echo x > $R/m/x && cat $R/m/x; "
	    "grep -c \" $R/m .*rw,nosuid,nodev\" /proc/self/mountinfo");
	run_well(&run, &job);
	CHECK_STR(run_text(&run), "x\n1\n");
	run_close(&run);
	CHECK_INT(umount(folder), 0);
	/* But not the kernel's own, as in a chroot: nor as a root. */
	CHECK_INT(mount("proc", folder, "proc", 0, NULL), 0);
	job = job_in(&p, "(: > $R/m/sys/kernel/core_pattern) 2>/dev/null || "
	    "echo no; echo x > $R/x && cat $R/x; "
	    "grep \" $R/m \" /proc/self/mountinfo | tail -n 1 | "
	    "grep -c ro,nosuid,nodev");
	run_well(&run, &job);
	CHECK_STR(run_text(&run), "no\nx\n1\n");
	run_close(&run);
	job.roots[0] = folder;
	run_job(&run, &job);
	CHECK_STR(run.detail, "mount: Invalid argument");
	run_close(&run);
	CHECK_INT(umount(folder), 0);
	remove_place(&p);
}

/* ---- both ways to make everything read-only ------------------------------ */

/* Tries, in the namespace that it made, and says what is wrong. */
static const char *
look_around(const struct place *p)
{
	char path[64], line[4096], *s;
	struct statvfs st;
	FILE *f;
	int fd;

	f = fopen("/proc/self/mountinfo", "re");
	if (f == NULL)
		return "no mountinfo";
	while (fgets(line, sizeof(line), f) != NULL) {
		int i;

		for (i = 0, s = line; i < 5 && s != NULL; i++)
			s = strchr(s + 1, ' ');
		if (s == NULL || strncmp(s + 1, "ro", 2) == 0)
			continue;
		if (strstr(line, " /tmp ") == NULL &&
		    strstr(line, " /var/tmp ") == NULL &&
		    strstr(line, " /dev/shm ") == NULL &&
		    strstr(line, " /dev/pts ") == NULL &&
		    strstr(line, p->root) == NULL)
			return strdup(line);
	}
	(void)fclose(f);
	if (statvfs(p->root, &st) != 0 || (st.f_flag & ST_RDONLY) != 0 ||
	    (st.f_flag & (ST_NOSUID | ST_NODEV)) != (ST_NOSUID | ST_NODEV))
		return "root's flags";
	(void)snprintf(path, sizeof(path), "%s/new", p->root);
	if ((fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644)) < 0)
		return "root is not writable";
	(void)close(fd);
	if (unlink(path) != 0)
		return "unlink";
	/* Root's: as it is without Landlock. */
	if (open("/run/countersign-test-pipe", O_RDWR | O_CLOEXEC) >= 0)
		return "a named pipe";
	(void)snprintf(path, sizeof(path), "%s/disk", p->root);
	if (open(path, O_RDONLY | O_CLOEXEC) >= 0)
		return "a device in a root";
	if (open("/opt/countersign-test-disk", O_RDONLY | O_CLOEXEC) >= 0)
		return "a device";
	if (stat("/etc/shadow", &(struct stat){ 0 }) == 0 &&
	    open("/etc/shadow", O_RDONLY | O_CLOEXEC) >= 0)
		return "shadow";
	if (statvfs("/", &st) != 0 || (st.f_flag & ST_RDONLY) == 0 ||
	    chmod("/", 0755) == 0)
		return "/ is writable";
	return NULL;
}

GUARDED(both_ways_of_sealing)
{
	static const bool ways[] = { false, true };
	struct mounts_options o = { .mask_pipes = true };
	char disk[64];
	struct place p;
	struct plan plan;
	const char *wrong;
	struct mounts_result result;
	int status, pid, error;
	size_t i;

	need_root();
	make_place(&p);
	memset(&plan, 0, sizeof(plan));
	plan.profile = PLAN_REPAIR;
	plan.read = PLAN_READ_ALL;
	plan.roots[plan.n_roots++] = p.root;
	plan.tmp_bytes = 1u << 20;
	/* The null device will do for a disk. */
	(void)snprintf(disk, sizeof(disk), "%s/disk", p.root);
	CHECK_INT(mknod(disk, S_IFCHR | 0600, makedev(1, 3)), 0);
	(void)unlink("/opt/countersign-test-disk");
	CHECK_INT(mknod("/opt/countersign-test-disk", S_IFCHR | 0600,
	    makedev(1, 3)), 0);
	CHECK(open(disk, O_RDONLY | O_CLOEXEC) >= 0);
	CHECK(mkfifo("/run/countersign-test-pipe", 0600) == 0 ||
	    errno == EEXIST);
	for (i = 0; i < 2; i++) {
		o.by_remount = ways[i];
		if ((pid = fork()) == 0) {
			CHECK_INT(unshare(CLONE_NEWNS), 0);
			error = mounts_enter(&plan, &o, &result);
			CHECK_MSG(error == 0, "way %zu: %s", i,
			    strerror(error));
			CHECK(result.by_remount || !ways[i]);
			wrong = look_around(&p);
			CHECK_MSG(wrong == NULL, "way %zu: %.150s", i, wrong);
			_exit(0);
		}
		CHECK_INT(waitpid(pid, &status, 0), pid);
		CHECK_INT(status, 0);
	}
	(void)unlink("/opt/countersign-test-disk");
	(void)unlink("/run/countersign-test-pipe");
	remove_place(&p);
}

/* ---- Landlock, by itself and by version ---------------------------------- */

/* Each version that the kernel can play, with nothing else in the way. */
GUARDED(landlock_by_version)
{
	struct sockaddr to = { .sa_family = AF_INET,
	    .sa_data = { 0, 9, 127, 0, 0, 1 } };
	struct place p;
	struct plan plan;
	char path[64];
	int abi, newest = landlock_abi(), status, pid, fd;

	if (newest == 0)
		SKIP("no Landlock");
	need_root();
	make_place(&p);
	(void)snprintf(path, sizeof(path), "%s/old", p.root);
	memset(&plan, 0, sizeof(plan));
	plan.profile = PLAN_REPAIR;
	plan.net = PLAN_NET_VIEW;
	plan.roots[plan.n_roots++] = p.root;
	for (abi = 1; abi <= newest; abi++) {
		if ((pid = fork()) == 0) {
			CHECK_INT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
			CHECK_INT(landlock_enter(&plan, abi), 0);
			CHECK(open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0);
			CHECK(open("/opt/x", O_CREAT | O_WRONLY | O_CLOEXEC,
			    0600) < 0 && errno == EACCES);
			CHECK(open("/dev/null", O_RDWR | O_CLOEXEC) >= 0);
			CHECK(open(path, O_WRONLY | O_CLOEXEC) >= 0);
			CHECK((truncate(path, 0) == 0));
			if (abi >= 3)
				CHECK(truncate("/etc/hostname", 0) < 0 &&
				    errno == EACCES);
			fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
			CHECK(connect(fd, &to, sizeof(to)) < 0);
			CHECK_INT(errno, abi >= 4 ? EACCES : ECONNREFUSED);
			CHECK_INT(kill(getppid(), 0), abi >= 6 ? -1 : 0);
			_exit(0);
		}
		CHECK_INT(waitpid(pid, &status, 0), pid);
		CHECK_MSG(status == 0, "version %d", abi);
	}
	remove_place(&p);
}

/* ---- without root -------------------------------------------------------- */

static const struct {
	enum plan_profile profile;
	const char *script;
	const char *text;
} userns_rows[] = {
	{ PLAN_OBSERVE, "id -u; echo $$ $PPID; " STATUS("CapEff")
	    STATUS("CapBnd") "(: > /etc/x) 2>/dev/null || echo no; "
	    "echo x > /tmp/x && cat /tmp/x; echo y > /dev/null && echo z; "
	    "chmod 4755 /tmp/x 2>/dev/null || echo no",
	    "65534\n2 1\n0000000000000000\n0000000000000000\nno\nx\nz\nno\n" },
	{ PLAN_REPAIR, "id -u; (: > $R/new) && echo root; "
	    "(: > /opt/x) 2>/dev/null || echo no; "
	    "ls -d /proc/[0-9]* | grep -vc '/proc/[0-9]$'",
	    "65534\nroot\nno\n0\n" },
};

GUARDED(user_namespace)
{
	struct place p;
	struct job job;
	struct run run;
	int runner;
	size_t i;

	need_root();
	make_place(&p);
	CHECK_INT(chmod(p.root, 0777), 0);
	runner = real_runner();
	become_nobody();
	for (i = 0; i < sizeof(userns_rows) / sizeof(userns_rows[0]); i++) {
		job = job_of(userns_rows[i].profile, userns_rows[i].script);
		job.runner_fd = runner;
		job.uid = job.gid = 65534;
		job.flags = PLAN_FLAG_USERNS;
		job.env[0] = p.env;
		job.env[1] = "PATH=/usr/bin:/bin";
		if (job.profile == PLAN_REPAIR)
			job.roots[0] = p.root;
		run_job(&run, &job);
		if (i == 0 && strncmp(run.detail, "namespace: ", 11) == 0)
			SKIP("no user namespaces here");
		CHECK_MSG(run.o.end == EXEC_FINISHED, "%.100s", run.detail);
		CHECK_MSG(strcmp(run_text(&run), userns_rows[i].text) == 0,
		    "row %zu: %.90s | %.90s", i, run_text(&run),
		    (const char *)run.err.p);
		CHECK(strstr(run.enforced, " ns=user,mnt,pid,ipc,uts ") !=
		    NULL);
		CHECK(strstr(run.enforced, " kill=pid") != NULL);
		CHECK(strstr(run.enforced, " unix=no caps=none ") != NULL);
		run_close(&run);
	}
	/* What it could not keep. */
	job.read = PLAN_READ_ALL;
	run_job(&run, &job);
	CHECK(strncmp(run.detail, "profile: ", 9) == 0);
	run_close(&run);
	job.read = PLAN_READ_USER;
	job.flags = 0;
	run_job(&run, &job);
	CHECK(strncmp(run.detail, "profile: ", 9) == 0);
	run_close(&run);
}

/* ---- the probe ----------------------------------------------------------- */

/* What `countersign-runner --probe` prints. */
static void
probe(const char *uid, struct sandbox_offer *ret_offer)
{
	const char *const argv[] = { "countersign-runner", "--probe", uid, uid,
	    NULL };
	static const char *const env[] = { "PATH=/usr/bin:/bin", NULL };
	struct process_end end;
	struct process process;
	struct process_fd fds[1] = { { 1, -1 } };
	struct process_spec spec = { .exec_fd = real_runner(), .argv = argv,
	    .envp = env, .fds = fds, .n_fds = 1 };
	struct buf b;
	int out[2];

	CHECK_INT(pipes_open(out), 0);
	fds[0].parent = out[1];
	CHECK_INT(process_start(&spec, NULL, &process), 0);
	(void)close(out[1]);
	buf_init(&b, OFFER_SIZE_MAX);
	CHECK_INT(pipes_read_all(out[0], &b), 0);
	(void)close(out[0]);
	CHECK_INT(process_wait_end(&process, &end), 0);
	CHECK(!end.by_signal && end.code == 0);
	CHECK_INT(offer_read(buf_bytes(&b), ret_offer), 0);
	buf_free(&b);
}

GUARDED(probe_with_root)
{
	struct sandbox_offer o;
	char uid[16];

	need_root();
	(void)snprintf(uid, sizeof(uid), "%u", own_user());
	probe(uid, &o);
	CHECK(o.full);
	CHECK_MSG(o.observe, "%.150s", o.why[0]);
	CHECK_MSG(o.repair, "%.150s", o.why[1]);
	CHECK(strncmp(o.why[0], "profile=observe ", 16) == 0);
	CHECK(strncmp(o.why[1], "profile=repair ", 15) == 0);
	CHECK(strncmp(o.text, "profiles=observe,repair,full ", 29) == 0);
	CHECK(strstr(o.layers, "layer repair seccomp ok\n") != NULL);
	/* No account: no `observe`, and the rest all the same. */
	probe(NULL, &o);
	CHECK(!o.observe && o.repair && o.full);
	CHECK_STR(o.why[0], "no account to run it as");
}

/* Whoever runs as the account is left alone. */
GUARDED(probe_of_a_busy_account)
{
	const uint32_t user = own_user();
	struct sandbox_offer o;
	char uid[16], byte;
	int pid, status, fds[2];

	need_root();
	(void)snprintf(uid, sizeof(uid), "%u", user);
	CHECK_INT(pipes_open(fds), 0);
	if ((pid = fork()) == 0) {
		CHECK_INT(setresuid(user, user, user), 0);
		/* What root was is not what may be looked at now. */
		CHECK_INT(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
		CHECK_INT(write(fds[1], "x", 1), 1);
		for (;;)
			(void)pause();
	}
	CHECK_INT(read(fds[0], &byte, 1), 1);
	probe(uid, &o);
	CHECK(!o.observe);
	CHECK_STR(o.why[0], "its account is at work: not tried");
	CHECK_INT(waitpid(pid, &status, WNOHANG), 0);
	CHECK_INT(kill(pid, SIGKILL), 0);
	CHECK_INT(waitpid(pid, &status, 0), pid);
}

TEST_MAIN()
