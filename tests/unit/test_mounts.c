/*
 * test_mounts.c - what lies under a mask or in a root under another name, or
 * with others' rights.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "agent/gate/executor.h"
#include "platform/linux/mounts.h"
#include "tests/harness/exec.h"
#include "tests/harness/guard.h"

#include <ftw.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* Not below /tmp: that is covered. */
static char place[40];
/* More than it goes down. */
#define DEEP 70

/* A name in the place, among the last four that were asked for. */
static const char *
at(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", place, name);
	return path;
}

static void
make_file(const char *name, mode_t mode)
{
	int fd = open(at(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && write(fd, "text\n", 5) == 5);
	CHECK_INT(fchmod(fd, mode), 0);
	(void)close(fd);
}

static void
make_folder(const char *name)
{
	CHECK_INT(mkdir(at(name), 0755), 0);
}

static void
make_place(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
	(void)snprintf(place, sizeof(place), "/opt/countersign-test-XXXXXX");
	CHECK(mkdtemp(place) != NULL);
	CHECK_INT(chmod(place, 0755), 0);
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
remove_place(void)
{
	CHECK_INT(nftw(place, remove_one, 80, FTW_DEPTH | FTW_PHYS), 0);
}

/* Does it in a mount namespace of its own, in each of both ways to seal. */
static void
in_both_ways(const struct plan *p, void (*prepare)(void),
    void (*look)(const struct mounts_result *result))
{
	struct mounts_options o = { .by_remount = false };
	struct mounts_result result;
	int i, pid, status, error;

	for (i = 0; i < 2; i++) {
		o.by_remount = i == 1;
		if ((pid = fork()) == 0) {
			CHECK_INT(unshare(CLONE_NEWNS), 0);
			CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE,
			    NULL), 0);
			if (prepare != NULL)
				prepare();
			error = mounts_enter(p, &o, &result);
			CHECK_MSG(error == 0, "way %d: %s", i,
			    strerror(error));
			look(&result);
			_exit(0);
		}
		CHECK_INT(waitpid(pid, &status, 0), pid);
		CHECK_MSG(status == 0, "way %d: %d", i, status);
	}
}

static struct plan
plan_of(void)
{
	struct plan p;

	memset(&p, 0, sizeof(p));
	p.profile = PLAN_REPAIR;
	p.read = PLAN_READ_ALL;
	p.tmp_bytes = 1u << 20;
	return p;
}

/* ---- masks --------------------------------------------------------------- */

static void
give_name(const char *from, const char *to)
{
	CHECK_INT(mount(from, to, NULL, MS_BIND, NULL), 0);
}

static void
give_names(void)
{
	give_name(at("state"), at("other"));
	give_name(at("state/part"), at("part"));
	give_name(at("state/file"), at("file"));
	give_name("/", at("all"));
	give_name("/etc", at("etc"));
}

static bool
is_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static void
look_for_secrets(const struct mounts_result *result)
{
	static const char *const names[] = {
		"state/file", "other/file", "state/part/file",
		"other/part/file", "part/file", "file",
	};
	char path[256];
	size_t i;

	(void)result;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CHECK_MSG(!is_open(at(names[i])), "%s", names[i]);
	}
	(void)snprintf(path, sizeof(path), "%s%s", at("all"), at("state/file"));
	CHECK_MSG(!is_open(path), "%s", path);
	CHECK(!is_open("/etc/shadow"));
	CHECK(!is_open(at("etc/shadow")));
	CHECK(!is_open(at("all/etc/shadow")));
	/* And nothing else. */
	CHECK(is_open(at("etc/passwd")));
	CHECK(is_open(at("all/etc/passwd")));
	CHECK(is_open(at("plain/file")));
}

GUARDED(masks_lie_on_all_names)
{
	struct plan p = plan_of();
	char state[64];

	make_place();
	make_folder("state");
	make_folder("state/part");
	make_folder("other");
	make_folder("part");
	make_folder("all");
	make_folder("etc");
	make_folder("plain");
	make_file("state/file", 0644);
	make_file("state/part/file", 0644);
	make_file("plain/file", 0644);
	make_file("file", 0644);
	(void)snprintf(state, sizeof(state), "%s", at("state"));
	p.masks[p.n_masks++] = state;
	in_both_ways(&p, give_names, look_for_secrets);
	remove_place();
}

/* ---- set-id programs in a root ------------------------------------------- */

static bool has_caps;

/* Whether its text could be changed with its bits left on it. */
static bool
may_rewrite(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char *p;

	if (fd < 0)
		return false;
	p = mmap(NULL, 5, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (p == MAP_FAILED)
		return false;
	p[0] = 'T';
	return true;
}

static void
look_at_programs(const struct mounts_result *result)
{
	static const char *const names[] = {
		"set-uid", "set-gid", "below/set-uid", "other-name",
		"no-program", "caps", "no-program-caps",
	};
	struct stat st;
	size_t i;

	CHECK(!result->unseen);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strstr(names[i], "caps") != NULL && !has_caps)
			continue;
		CHECK_MSG(!may_rewrite(at(names[i])), "%s", names[i]);
		CHECK_MSG(unlink(at(names[i])) != 0, "%s", names[i]);
		CHECK(rename(at("plain"), at(names[i])) != 0);
		CHECK(rename(at(names[i]), at("renamed")) != 0);
		CHECK(link(at(names[i]), at("linked")) != 0);
		if (result->by_remount)
			continue;
		CHECK(is_open(at(names[i])));
		CHECK_INT(stat(at(names[i]), &st), 0);
		CHECK(S_ISREG(st.st_mode));
	}
	/* All else is as ever. */
	CHECK(may_rewrite(at("plain")));
	CHECK(may_rewrite(at("below/plain")));
	CHECK_INT(rename(at("plain"), at("renamed")), 0);
	CHECK_INT(rename(at("renamed"), at("plain")), 0);
}

GUARDED(set_id_programs_in_a_root_stay_what_they_are)
{
	/* struct vfs_cap_data, revision 2: CAP_NET_RAW, effective. */
	static const uint32_t caps[5] = { 0x02000001u, 1u << 13, 0, 0, 0 };
	struct plan p = plan_of();
	struct stat st;

	make_place();
	make_folder("below");
	make_file("set-uid", 04755);
	make_file("set-gid", 02755);
	make_file("below/set-uid", 04700);
	CHECK_INT(link(at("set-uid"), at("other-name")), 0);
	make_file("caps", 0755);
	has_caps = setxattr(at("caps"), "security.capability", caps,
	    sizeof(caps), 0) == 0;
	make_file("plain", 0755);
	make_file("below/plain", 0644);
	/* These can be made to run. */
	make_file("no-program", 02644);
	make_file("no-program-caps", 0644);
	has_caps = has_caps && setxattr(at("no-program-caps"),
	    "security.capability", caps, sizeof(caps), 0) == 0;
	CHECK_INT(symlink("/usr/bin/passwd", at("link")), 0);
	CHECK_INT(mkfifo(at("pipe"), 0600), 0);
	/* The reason for all this; the kernel may do better some day. */
	if (!may_rewrite(at("set-uid")) || stat(at("set-uid"), &st) != 0 ||
	    (st.st_mode & S_ISUID) == 0)
		(void)printf("# the bit goes with a shared store, too\n");
	p.roots[p.n_roots++] = place;
	in_both_ways(&p, NULL, look_at_programs);
	remove_place();
}

/* In a root of its own below another. */
static void
mount_below(void)
{
	CHECK_INT(mount("tmpfs", at("mounted"), "tmpfs", 0, NULL), 0);
	make_file("mounted/set-uid", 04755);
	make_file("mounted/plain", 0755);
	/* As in a chroot; it is not gone through. */
	make_folder("mounted/proc");
	CHECK_INT(mount("proc", at("mounted/proc"), "proc", 0, NULL), 0);
}

static void
look_below(const struct mounts_result *result)
{
	CHECK(!result->unseen);
	CHECK(!may_rewrite(at("mounted/set-uid")));
	CHECK(may_rewrite(at("mounted/plain")));
}

GUARDED(set_id_programs_below_a_mount_in_a_root)
{
	struct plan p = plan_of();

	make_place();
	make_folder("mounted");
	p.roots[p.n_roots++] = place;
	in_both_ways(&p, mount_below, look_below);
	remove_place();
}

/* ---- a root with more than is looked at ---------------------------------- */

static void
make_depths(void)
{
	char path[256];
	int i, n = snprintf(path, sizeof(path), "%s", place);

	for (i = 0; i < DEEP; i++) {
		n += snprintf(path + n, sizeof(path) - (size_t)n, "/d");
		CHECK_INT(mkdir(path, 0755), 0);
	}
}

static void
look_unseen(const struct mounts_result *result)
{
	CHECK(result->unseen);
}

GUARDED(what_is_not_seen_is_told)
{
	struct plan p = plan_of();

	make_place();
	make_depths();
	p.roots[p.n_roots++] = place;
	in_both_ways(&p, NULL, look_unseen);
	remove_place();
}

/* Then a payload shares no file with others' memory. */
GUARDED(what_is_not_seen_is_not_mapped)
{
	struct job job = { .script = "exec /usr/bin/python3 -c '\n"
	    "import mmap, sys\n"
	    "f = open(sys.argv[1] + \"/file\", \"r+b\")\n"
	    "mmap.mmap(-1, 4096)\n"
	    "mmap.mmap(f.fileno(), 5, flags=mmap.MAP_PRIVATE)\n"
	    "try:\n"
	    "    mmap.mmap(f.fileno(), 5)\n"
	    "    print(\"shared\")\n"
	    "except OSError as e:\n"
	    "    print(e.errno)\n' $R", .profile = PLAN_REPAIR,
	    .net = PLAN_NET_VIEW, .read = PLAN_READ_USER, .tmp = 1u << 20,
	    .timeout_ms = 30000, .roots = { place } };
	struct run run;
	char env[64];

	make_place();
	make_file("file", 0644);
	(void)snprintf(env, sizeof(env), "R=%s", place);
	job.env[0] = env;
	run_job(&run, &job);
	CHECK_INT((int)run.o.end, EXEC_FINISHED);
	CHECK_STR(run_text(&run), "shared\n");
	run_close(&run);
	make_depths();
	run_job(&run, &job);
	CHECK_INT((int)run.o.end, EXEC_FINISHED);
	CHECK_STR(run_text(&run), "19\n");	/* ENODEV */
	run_close(&run);
	remove_place();
}

TEST_MAIN()
