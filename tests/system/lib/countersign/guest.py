"""guest.py - a whole Debian with systemd, for what needs a real one.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

debootstrap makes its root once, below the user's cache and never in the tree;
each guest runs on an overlay of it, so it starts clean and leaves nothing.
systemd-nspawn boots it. It has the network of this machine, so that an agent in
it reaches a console on loopback, but its own processes, mounts, users, D-Bus,
polkit, cron and at.

    with guest.Guest() as g:
        g.run(['systemctl', 'is-active', 'cron'])
        g.path('/etc/hostname')         the same file, seen from here

Guest() raises checks.Skip, with the reason, where none can be had. In a machine
that vm.py has booted, which is thrown away too, it is that machine itself.
"""
import ctypes
import fcntl
import hashlib
import os
import select
import shutil
import signal
import subprocess
import tempfile

from . import checks

SUITE = 'bookworm'
MIRROR = os.environ.get('DEBIAN_MIRROR', 'http://deb.debian.org/debian')
PACKAGES = ('systemd systemd-sysv libpam-systemd dbus polkitd cron at sudo '
            'procps iproute2 kmod udev login pkexec git gdb-minimal').split()
LIMIT = 120		# seconds for a boot; for a command
PR_SET_PDEATHSIG = 1
HIERARCHIES = ('/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified',
               '/sys/fs/cgroup')
VM = '/srv/countersign-vm'	# vm.py's, and nowhere else
_libc = ctypes.CDLL(None, use_errno=True)


def _cache(packages):
    home = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    what = ' '.join([SUITE] + packages)
    return os.path.join(home, 'countersign-guest',
                        hashlib.sha256(what.encode()).hexdigest()[:16])


def _end(out):
    lines = [x for x in out.decode('utf-8', 'replace').splitlines() if x]
    return lines[-1][:200] if lines else ''


def _make(root, packages):
    """Fills the folder, or raises Skip."""
    part = root + '.part'
    shutil.rmtree(part, ignore_errors=True)
    r = subprocess.run(['debootstrap', '--variant=minbase', '--include=' +
                        ','.join(packages), SUITE, part, MIRROR],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    if r.returncode != 0:
        shutil.rmtree(part, ignore_errors=True)
        checks.skip('no guest: debootstrap: ' + _end(r.stdout))
    # Each guest gets its own id at its first start.
    with open(os.path.join(part, 'etc/machine-id'), 'w'):
        pass
    shutil.rmtree(os.path.join(part, 'var/cache/apt/archives'),
                  ignore_errors=True)
    os.rename(part, root)


def base(packages=PACKAGES):
    """The folder with the guest's root; made if it is not there."""
    if os.geteuid() != 0:
        checks.skip('no guest: needs root')
    for program in ('systemd-nspawn', 'debootstrap'):
        if shutil.which(program) is None:
            checks.skip('no guest: %s is not installed' % program)
    root = _cache(packages)
    os.makedirs(os.path.dirname(root), exist_ok=True)
    with open(root + '.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(root):
            _make(root, packages)
    return root


def _descendants(pid):
    with open('/proc/%d/task/%d/children' % (pid, pid)) as f:
        for child in f.read().split():
            yield int(child)
            yield from _descendants(int(child))


def _dies_with_us():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Guest:
    """A booted guest, until close()."""

    packages = PACKAGES
    leader = ('systemd', 'run/systemd/private')	# its name, and a sign
    first = ['--boot', '--notify-ready=yes']	# what nspawn makes process 1

    def __init__(self):
        root = base(self.packages)
        self.name = 'cs-guest-' + os.urandom(6).hex()
        self.dir = os.path.join(tempfile.gettempdir(), self.name)
        os.mkdir(self.dir, 0o700)
        self.root = os.path.join(self.dir, 'root')
        self.nspawn = None
        self.init_fd = -1
        self.groups = []
        self.mounted = False
        try:
            self._mount(root)
            self._accounts()
            self._boot()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _mount(self, root):
        # On a tmpfs: an overlay may not lie on another one.
        layers = os.path.join(self.dir, 'layers')
        os.mkdir(layers)
        os.mkdir(self.root)
        for argv in (['mount', '-t', 'tmpfs', '-o', 'size=1g', 'countersign',
                      layers],
                     ['mkdir', layers + '/upper', layers + '/work'],
                     ['mount', '-t', 'overlay', 'countersign', '-o',
                      'lowerdir=%s,upperdir=%s/upper,workdir=%s/work' % (
                          root, layers, layers), self.root]):
            r = subprocess.run(argv, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
            if r.returncode != 0:
                checks.skip('no guest: ' + _end(r.stdout))
            self.mounted = True

    def _accounts(self):
        """The agent's accounts get numbers that no other guest's have, nor
        this machine's: what runs as one that looks is killed as a whole, and
        from outside that reaches into a guest."""
        first = 100000 + 5 * int.from_bytes(os.urandom(3), 'big')
        for n, name in enumerate(['countersign-courier'] + [
                'countersign-observe-%d' % (i + 1) for i in range(4)]):
            number = first + n
            for file_, line in (
                    ('passwd', '%s:x:%d:%d::/:/usr/sbin/nologin\n' % (
                        name, number, number)),
                    ('group', '%s:x:%d:\n' % (name, number)),
                    ('shadow', '%s:!*:::::::\n' % name)):
                with open(self.path('/etc/' + file_), 'a') as f:
                    f.write(line)

    def _group(self):
        """A control group of its own, where systemd can make its own below."""
        for at in HIERARCHIES[:2] if os.path.isdir(HIERARCHIES[0]) else \
                HIERARCHIES[2:]:
            if not os.path.isdir(at):
                continue
            path = os.path.join(at, self.name)
            try:
                os.mkdir(path)
            except OSError as e:
                checks.skip('no guest: no control group: %s' % e.strerror)
            self.groups.append(path)

    def _enter_group(self):
        _dies_with_us()
        for path in self.groups:
            with open(os.path.join(path, 'cgroup.procs'), 'w') as f:
                f.write('0')

    def _boot(self):
        self._group()
        self.log = open(os.path.join(self.dir, 'log'), 'wb')
        self.nspawn = subprocess.Popen(
            # All that is in it dies with unshare, and unshare with us.
            ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc',
             'systemd-nspawn', '-q', '-D', self.root,
             '--register=no', '--keep-unit', '--console=pipe',
             '--resolv-conf=off', '--timezone=off', '--link-journal=no',
             '-M', self.name] + self.first,
            stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=subprocess.STDOUT, preexec_fn=self._enter_group,
            env=dict(os.environ, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY='0')
            if self.groups and self.groups[0].startswith(HIERARCHIES[0]) else
            None)
        self.init = self._leader()
        self.init_fd = os.pidfd_open(self.init)
        self._booted()

    def _booted(self):
        r = self.run(['systemctl', 'is-system-running', '--wait'])
        if r.stdout.strip() not in (b'running', b'degraded'):
            checks.skip('no guest: it did not boot: %s; %s' % (
                _end(r.stdout + r.stderr), self._last()))

    def _last(self):
        with open(os.path.join(self.dir, 'log'), 'rb') as f:
            return _end(f.read()[-2000:])

    def _leader(self):
        """The guest's process 1, once it listens."""
        comm, path = self.leader
        for _ in range(LIMIT * 20):
            if self.nspawn.poll() is not None:
                checks.skip('no guest: systemd-nspawn: ' + self._last())
            try:
                for pid in _descendants(self.nspawn.pid):
                    with open('/proc/%d/comm' % pid) as f:
                        found = f.read().strip()
                    if found == comm and os.path.exists(
                            '/proc/%d/root/%s' % (pid, path)):
                        return pid
            except OSError:
                pass
            # Until it ends or has come so far: there is nothing to wait on.
            signal.sigtimedwait([], 0.05)
        raise AssertionError('the guest does not boot: ' + self._last())

    def path(self, path):
        """A path of the guest as this machine sees it (not below /run, /tmp
        or /dev: those the guest mounts itself; see inside())."""
        return os.path.join(self.root, path.lstrip('/'))

    def inside(self, path):
        """The same for any path, through its process 1."""
        return '/proc/%d/root/%s' % (self.init, path.lstrip('/'))

    def argv(self, argv, user=None):
        out = ['nsenter', '-t', str(self.init), '-m', '-u', '-i', '-n', '-p',
               '-C', '-r', '-w', '--']
        if user is not None:
            out += ['setpriv', '--reuid', user, '--regid', user,
                    '--init-groups', '--']
        return out + ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
                      'HOME=/root', 'LC_ALL=C.UTF-8'] + list(argv)

    def run(self, argv, user=None, data=b'', limit=LIMIT):
        """Runs a command in it; the CompletedProcess, output as bytes."""
        return subprocess.run(self.argv(argv, user), input=data,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=limit)

    def must(self, argv, **more):
        """The same, and its output; AssertionError if it fails."""
        r = self.run(argv, **more)
        if r.returncode != 0:
            raise AssertionError('%s: status %d: %s' % (
                ' '.join(argv), r.returncode,
                (r.stdout + r.stderr).decode('utf-8', 'replace')[-600:]))
        return r.stdout

    def copy(self, source, path, mode=0o755):
        """Copies a file of ours into it."""
        to = self.path(path)
        os.makedirs(os.path.dirname(to), exist_ok=True)
        shutil.copyfile(source, to)
        os.chmod(to, mode)

    def close(self):
        if self.nspawn is not None:
            # The guest's processes die with its first one, and that one with
            # systemd-nspawn.
            self.nspawn.kill()
            self.nspawn.wait()
            self.log.close()
            self.nspawn = None
        if self.init_fd >= 0:
            select.select([self.init_fd], [], [], LIMIT)
            os.close(self.init_fd)
            self.init_fd = -1
        for path in self.groups:
            self._remove_group(path)
        self.groups = []
        if self.mounted:
            for at in (self.root, os.path.join(self.dir, 'layers')):
                subprocess.run(['umount', '-l', at], stderr=subprocess.DEVNULL)
            self.mounted = False
        shutil.rmtree(self.dir, ignore_errors=True)

    def _remove_group(self, path):
        kill = os.path.join(path, 'cgroup.kill')
        if os.path.exists(kill):
            with open(kill, 'w') as f:
                f.write('1')
        for at, _, _ in os.walk(path, topdown=False):
            for _ in range(200):
                try:
                    os.rmdir(at)
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    # Those killed are still on their way out.
                    signal.sigtimedwait([], 0.01)


class Here(Guest):
    """The machine that vm.py has booted; one test after the other in it."""

    def __init__(self):
        self.root = '/'
        self._clear()

    def _clear(self):
        subprocess.run(['systemctl', 'stop', 'countersignd'],
                       stderr=subprocess.DEVNULL)
        for path in ('/var/lib/countersign', '/etc/countersign'):
            shutil.rmtree(path, ignore_errors=True)

    def inside(self, path):
        return self.path(path)

    def argv(self, argv, user=None):
        out = [] if user is None else [
            'setpriv', '--reuid', user, '--regid', user, '--init-groups', '--']
        return out + ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
                      'HOME=/root', 'LC_ALL=C.UTF-8'] + list(argv)

    def close(self):
        self._clear()


if os.path.exists(VM):
    Guest = Here
