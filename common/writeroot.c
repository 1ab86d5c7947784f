/*
 * writeroot.c - which folders a repair may never write to.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/writeroot.h"
#include "common/caps.h"
#include "common/text.h"

#include <string.h>

/*
 * What root runs, loads or believes later. "/" and "/var" need no line: they
 * contain others. /var/run and /var/lock are links to /run.
 */
const char *const writeroot_refused[] = {
	"/bin", "/boot", "/command", "/dev", "/efi", "/etc", "/gnu", "/lib*",
	"/nix", "/opt/cni", "/opt/containerd", "/ostree", "/package", "/proc",
	"/root", "/run", "/sbin", "/service", "/snap", "/sys", "/sysroot",
	"/usr",
	"/.snapshots",
	"/home/*/.ssh",
	"/var/cache/apk", "/var/cache/apt", "/var/cache/debconf",
	"/var/cache/dnf", "/var/cache/ldconfig", "/var/cache/libdnf5",
	"/var/cache/pacman", "/var/cache/snapd", "/var/cache/yum",
	"/var/cache/zypp",
	"/var/lib/alternatives", "/var/lib/apt", "/var/lib/cloud",
	"/var/lib/confexts", "/var/lib/containerd", "/var/lib/containers",
	"/var/lib/countersign", "/var/lib/dkms", "/var/lib/dnf",
	"/var/lib/docker", "/var/lib/dpkg", "/var/lib/extensions",
	"/var/lib/flatpak", "/var/lib/incus", "/var/lib/initramfs-tools",
	"/var/lib/kubelet", "/var/lib/lxc", "/var/lib/lxd",
	"/var/lib/machines", "/var/lib/pacman", "/var/lib/pam",
	"/var/lib/polkit-1", "/var/lib/portables", "/var/lib/rancher",
	"/var/lib/rpm", "/var/lib/selinux", "/var/lib/snapd",
	"/var/lib/sudo", "/var/lib/systemd", "/var/lib/ucf",
	"/var/lib/waagent", "/var/lib/yum",
	"/var/lock", "/var/run", "/var/service",
	"/var/spool/anacron", "/var/spool/at*", "/var/spool/cron*",
	"/var/spool/fcron", "/var/spool/incron",
	/* macOS, where /etc, /tmp and /var are links to /private. */
	"/Applications", "/Library", "/System",
	"/Users/*/.ssh", "/Users/*/Library",
	"/private/etc", "/private/var/at", "/private/var/db",
	"/private/var/root", "/private/var/run",
	"/var/at", "/var/db", "/var/root",
	/* Private to each action: what is written there is nowhere. */
	"/tmp", "/var/tmp", "/private/tmp", "/private/var/tmp",
	NULL
};

/*
 * Takes the next component, and the slash before it, off what is left of an
 * absolute path; empty when there is none.
 */
static struct bytes
component(struct bytes *path)
{
	struct bytes c;
	size_t n = 0;

	if (path->n > 0) {
		path->p++;
		path->n--;
	}
	while (n < path->n && path->p[n] != '/')
		n++;
	c = bytes_of(path->p, n);
	path->p += n;
	path->n -= n;
	return c;
}

static bool
is_root(struct bytes path)
{
	return path.n == 1;
}

int
writeroot_check_path(struct bytes path)
{
	struct bytes c;

	if (path.n < 1 || path.n > CAP_PATH)
		return ERR_RANGE;
	if (path.p[0] != '/' || text_check(path, TEXT_LINE, NULL) != 0)
		return ERR_SYNTAX;
	if (is_root(path))
		return 0;
	while (path.n > 0) {
		c = component(&path);
		if (c.n == 0 || bytes_is(c, ".") || bytes_is(c, ".."))
			return ERR_SYNTAX;
	}
	return 0;
}

bool
writeroot_is_below(struct bytes path, struct bytes root)
{
	if (is_root(root))
		return true;
	return path.n >= root.n && memcmp(path.p, root.p, root.n) == 0 &&
	    (path.n == root.n || path.p[root.n] == '/');
}

/* Whether a component is the pattern's; a '*' at its end takes any rest. */
static bool
component_fits(struct bytes c, struct bytes pattern)
{
	size_t n = pattern.n;

	if (pattern.p[n - 1] != '*')
		return bytes_equal(c, pattern);
	return c.n >= n - 1 && memcmp(c.p, pattern.p, n - 1) == 0;
}

/*
 * Whether one of the two is the other or lies below it: as long as both have
 * components, these are the same.
 */
static bool
related(struct bytes root, struct bytes listed)
{
	struct bytes a = component(&root), b = component(&listed);

	while (a.n > 0 && b.n > 0) {
		if (!component_fits(a, b))
			return false;
		a = component(&root);
		b = component(&listed);
	}
	return true;
}

/* A key of anybody's, wherever their home is. */
static bool
has_ssh(struct bytes root)
{
	struct bytes c;

	while ((c = component(&root)).n > 0) {
		if (bytes_is(c, ".ssh"))
			return true;
	}
	return false;
}

int
writeroot_check(struct bytes root, const char *const more[], size_t n_more,
    const char **ret_which)
{
	const char *const *l;
	size_t i;
	int r;

	if ((r = writeroot_check_path(root)) != 0)
		return r;
	if (has_ssh(root)) {
		*ret_which = ".ssh";
		return ERR_DENIED;
	}
	for (l = writeroot_refused; *l != NULL; l++) {
		if (related(root, bytes_str(*l))) {
			*ret_which = *l;
			return ERR_DENIED;
		}
	}
	for (i = 0; i < n_more; i++) {
		if (related(root, bytes_str(more[i]))) {
			*ret_which = more[i];
			return ERR_DENIED;
		}
	}
	return 0;
}
