"""vm.py - other kernels, and other processors, in an emulated machine.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

A Linux kernel of a Debian release, in qemu-system without any acceleration,
with an initramfs made here: busybox, the files of a test and its script. What
the script prints comes over the serial line. With a disk (a release's root, by
debootstrap) the script runs in that, on an overlay that nothing outlives.

    lines = vm.run(vm.kernel('6.1'), 'countersignd selftest', files)

Kernels and disks lie below the user's cache. `make vm` fetches what lacks;
elsewhere kernel() and disk() raise checks.Skip, with the reason.
"""
import fcntl
import glob
import gzip
import hashlib
import io
import lzma
import os
import shutil
import subprocess
import tempfile

from . import checks, guest

# The oldest that Debian still has, those between, and the newest; each by the
# release that it comes with.
KERNELS = {'5.10': 'bullseye', '6.1': 'bookworm', '6.12': 'trixie',
           'newest': 'sid'}
KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg'
PACKAGES = guest.PACKAGES + [
    'python3', 'python3-nacl', 'python3-cryptography', 'python3-cffi-backend']
# In the order in which they need one another.
MODULES = ('virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev '
           'virtio_pci virtio_blk overlay').split()
# Without what qemu 7.2 gets wrong with several threads: cmpxchg16b.
MACHINES = {
    'amd64': ('qemu-system-x86_64', ['-cpu', 'max,la57=off,cx16=off'],
              'ttyS0'),
    'arm64': ('qemu-system-aarch64', ['-M', 'virt', '-cpu', 'cortex-a57'],
              'ttyAMA0'),
}
MARK = '@@ '
TOOLS = ('sh cat chmod chown cp cut echo env grep head id insmod ip kill ln ls '
         'mkdir mkfifo mknod mount poweroff ps readlink rm rmdir sed sleep sort '
         'stat su switch_root touch tr umount uname usleep wc').split()

INIT = '''#!/bin/sh
export PATH=/bin:/usr/sbin:/usr/bin HOME=/root
mount -t proc proc /proc; mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev; mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts; mount -t tmpfs shm /dev/shm
%s
'''
# The script is this machine's only process besides init.
ALONE = '''mount -t tmpfs -o mode=755 run /run; ip link set lo up
sh /script 2>&1 | sed 's/^/@@ /'
echo "@@ end"
poweroff -f
'''
ON_DISK = '''for m in %s; do insmod /modules/$m.ko; done
while [ ! -b /dev/vda ]; do usleep 20000; done
mkdir /base /over
mount -t ext4 -o ro /dev/vda /base; mount -t tmpfs -o size=80%% over /over
mkdir /over/upper /over/work
mount -t overlay -o lowerdir=/base,upperdir=/over/upper,workdir=/over/work \\
	over /root
cp -a /srv/. /root/srv; cp /script /root/srv/script
mkdir -p /root/srv/countersign-vm
mount --move /dev /root/dev; umount /proc /sys
exec switch_root /root /bin/sh /srv/start
'''
# Without systemd.
BY_HAND = '''export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
mount -t proc proc /proc; mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 run /run; mkdir /run/lock
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
ip link set lo up; hostname vm
for n in 1 2 3 4; do
	useradd --uid 7050$n --user-group --no-create-home \\
		--shell /usr/sbin/nologin countersign-observe-$n
done 2>/dev/null
sh /srv/script 2>&1 | sed -u 's/^/@@ /'
echo "@@ end"
poweroff -f
'''
UNIT = '''[Unit]
After=multi-user.target dbus.service cron.service atd.service
[Service]
Type=exec
Environment=HOME=/root LC_ALL=C.UTF-8
ExecStart=/bin/sh -c "sh /srv/script 2>&1 | sed -u 's/^/@@ /'; \\
	echo '@@ end'; poweroff -f"
StandardOutput=tty
TTYPath=/dev/console
'''
BY_SYSTEMD = '''cd /etc/systemd/system; mkdir -p multi-user.target.wants
cat >countersign-vm.service <<'END'
%sEND
ln -s ../countersign-vm.service multi-user.target.wants/countersign-vm.service
exec /sbin/init
''' % UNIT


# ---- what is fetched once ----

def _cache(*parts):
    home = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    path = os.path.join(home, 'countersign-vm', *parts)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def _may_fetch():
    return os.environ.get('VM_FETCH') == 'yes'


class _Apt:
    """apt for another release and processor, in a folder of its own."""

    def __init__(self, folder, suite, arch):
        self.folder = folder
        for sub in ('lists/partial', 'cache/archives/partial', 'parts'):
            os.makedirs(os.path.join(folder, sub), exist_ok=True)
        self.put('status', '')
        self.put('sources.list', 'deb [arch=%s signed-by=%s] %s %s main\n' % (
            arch, KEYS, guest.MIRROR, suite))
        self.put('apt.conf', ''.join('%s "%s";\n' % x for x in (
            ('Dir::Etc::sourcelist', folder + '/sources.list'),
            ('Dir::Etc::sourceparts', folder + '/parts'),
            ('Dir::State', folder), ('Dir::State::status', folder + '/status'),
            ('Dir::Cache', folder + '/cache'), ('APT::Architecture', arch),
            ('APT::Architectures::', arch), ('APT::Sandbox::User', 'root'))))
        self.run('apt-get', 'update')

    def put(self, name, text):
        with open(os.path.join(self.folder, name), 'w') as f:
            f.write(text)

    def run(self, *argv):
        r = subprocess.run(argv, cwd=self.folder, stdin=subprocess.DEVNULL,
                           env=dict(os.environ, LC_ALL='C', APT_CONFIG=os.path
                                    .join(self.folder, 'apt.conf')),
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text = r.stdout.decode('utf-8', 'replace')
        if r.returncode != 0:
            checks.skip('no vm: %s: %s' % (argv[0], text.strip()[-200:]))
        return text

    def unpack(self, packages, to):
        """Their files; in no way are they installed."""
        for name in packages:
            self.run('apt-get', 'download', name)
        for deb in glob.glob(os.path.join(self.folder, '*.deb')):
            self.run('dpkg-deb', '-x', deb, to)

    def parts_of_kernel(self, meta):
        """linux-image-cloud-X and what it is made of, by name."""
        text = self.run('apt-cache', 'depends', '--recurse', '--no-recommends',
                        '--no-suggests', '--no-conflicts', '--no-breaks',
                        '--no-replaces', '--no-enhances', meta)
        return [x for x in sorted(set(text.split())) if x.startswith(
            ('linux-image-', 'linux-binary-', 'linux-modules-')) and
            x[x.index('-', 6) + 1].isdigit()]


def _once(path, make):
    """The path, made if it is not there and may be."""
    with open(path + '.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(path):
            return path
        if not _may_fetch():
            checks.skip('no vm: %s is not there: make vm' %
                        os.path.basename(path))
        part = tempfile.mkdtemp(prefix=os.path.basename(path) + '.',
                                dir=os.path.dirname(path))
        try:
            os.rename(make(part), path)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return path


def _make_kernel(part, suite, arch):
    apt = _Apt(part, suite, arch)
    tree, out = part + '/tree', part + '/out'
    apt.unpack(apt.parts_of_kernel('linux-image-cloud-' + arch), tree)
    os.makedirs(out + '/modules')
    image = glob.glob(tree + '/boot/vmlinuz-*') + glob.glob(
        tree + '/usr/lib/modules/*/vmlinuz')
    shutil.copy(image[0], out + '/vmlinuz')
    for name in MODULES:
        for path in glob.glob('%s/**/%s.ko*' % (tree, name), recursive=True):
            with open(path, 'rb') as f:
                data = f.read()
            if path.endswith('.xz'):
                data = lzma.decompress(data)
            with open('%s/modules/%s.ko' % (out, name), 'wb') as f:
                f.write(data)
    return out


def _make_busybox(part, arch):
    apt = _Apt(part, 'bookworm', arch)
    apt.unpack(['busybox-static'], part + '/tree')
    return glob.glob(part + '/tree/**/bin/busybox', recursive=True)[0]


def _make_disk(part, suite):
    root, image = part + '/root', part + '/image'
    for argv in (['debootstrap', '--variant=minbase', '--include=' +
                  ','.join(PACKAGES), suite, root, guest.MIRROR],
                 ['sh', '-c', 'rm -rf $0/var/cache/apt/archives; '
                  ': >$0/etc/machine-id', root],
                 ['mkfs.ext4', '-q', '-O', '^has_journal', '-d', root, image,
                  '1600M']):
        r = subprocess.run(argv, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if r.returncode != 0:
            checks.skip('no vm: %s: %s' % (
                argv[0], r.stdout.decode('utf-8', 'replace')[-200:]))
    return image


class Kernel:
    def __init__(self, name, suite, arch):
        self.name = name
        self.arch = arch
        if shutil.which(MACHINES[arch][0]) is None:
            checks.skip('no vm: no %s: scripts/setup vm' % MACHINES[arch][0])
        self.folder = _once(_cache('kernel-%s-%s' % (suite, arch)),
                            lambda part: _make_kernel(part, suite, arch))
        self.busybox = _once(_cache('busybox-' + arch),
                             lambda part: _make_busybox(part, arch))
        self.modules = [m for m in MODULES if os.path.exists(
            '%s/modules/%s.ko' % (self.folder, m))]


def kernel(name, arch='amd64'):
    return Kernel(name, KERNELS[name], arch)


def disk(suite):
    """The path of an image of that release's root, with systemd and Python."""
    what = hashlib.sha256(' '.join([suite] + PACKAGES).encode()).hexdigest()
    if _may_fetch() and os.geteuid() != 0:
        checks.skip('no vm: debootstrap needs root')
    return _once(_cache('root-%s-%s' % (suite, what[:16])),
                 lambda part: _make_disk(part, suite))


# ---- initramfs ----

def cpio(entries):
    """Of (name, mode, bytes): Documentation/driver-api/early-userspace/
    buffer-format.rst of the kernel, "newc"."""
    out = io.BytesIO()
    for number, (name, mode, data) in enumerate(
            list(entries) + [('TRAILER!!!', 0, b'')]):
        device = data if mode & 0o170000 == 0o020000 else (0, 0)
        data = b'' if mode & 0o170000 == 0o020000 else data
        path = name.encode() + b'\0'
        out.write(b'070701' + b''.join(b'%08x' % v for v in (
            number, mode, 0, 0, 1, 0, len(data), 0, 0) + device +
            (len(path), 0)))
        for part, before in ((path, 110), (data, 0)):
            out.write(part + bytes(-(before + len(part)) % 4))
    return gzip.compress(out.getvalue(), 1)


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def tree(folder, at):
    """The files below a folder, as entries below `at`."""
    out = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            if not os.path.islink(path):
                out[os.path.join(at, os.path.relpath(path, folder))] = (
                    os.stat(path).st_mode & 0o7777, read(path))
    return out


def _initramfs(k, script, init, files):
    """files: {path: (mode, bytes)}, a folder's bytes None."""
    entries = {'bin': (0o040755, b''), 'init': (0o100755, init.encode()),
               'script': (0o100644, script.encode()),
               'dev/console': (0o020600, (5, 1)),
               'bin/busybox': (0o100755, read(k.busybox)),
               'tmp': (0o041777, b''), 'var/tmp': (0o041777, b''),
               'var/run': (0o120777, b'/run')}
    for name in ('proc', 'sys', 'run', 'root', 'srv'):
        entries[name] = (0o040755, b'')
    for name in TOOLS:
        entries['bin/' + name] = (0o120777, b'busybox')
    for path, (mode, data) in files.items():
        entries[path.lstrip('/')] = (0o040000 | mode, b'') if data is None \
            else (0o100000 | mode, data)
    for name in k.modules:
        entries['modules/%s.ko' % name] = (0o100644, read(
            '%s/modules/%s.ko' % (k.folder, name)))
    for path in list(entries):
        while '/' in path:
            path = path.rsplit('/', 1)[0]
            entries.setdefault(path, (0o040755, b''))
    # A folder before what is in it.
    return cpio([(p,) + entries[p] for p in sorted(entries)])


# ---- running ----

def _boot(argv, out, limit):
    """(what qemu said, what the machine said)"""
    if os.path.exists(out):
        os.remove(out)
    try:
        r = subprocess.run(argv, stdin=subprocess.DEVNULL, timeout=limit,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        why = r.stdout.decode('utf-8', 'replace')[-300:]
    except subprocess.TimeoutExpired:
        why = 'not done after %d s' % limit
    text = read(out).decode('utf-8', 'replace') if os.path.exists(out) else ''
    return why, text


def run(k, script, files=None, append='', image=None, systemd=False,
        memory=512, limit=120):
    """
    Boots it and runs the script as root; the lines that it printed. With an
    image of disk() in that, below systemd or without; files are below /srv
    then. AssertionError if it did not come to the script's end in time.
    """
    files = dict(files or {})
    if image is None:
        init = INIT % ALONE
    else:
        init = INIT % (ON_DISK % ' '.join(k.modules))
        files['/srv/start'] = (0o644, (BY_SYSTEMD if systemd else
                                       BY_HAND).encode())
    program, machine, console = MACHINES[k.arch]
    with tempfile.TemporaryDirectory(prefix='cs-vm-') as folder:
        with open(folder + '/initrd', 'wb') as f:
            f.write(_initramfs(k, script, init, files))
        argv = [program, '-accel', 'tcg'] + machine + [
            '-m', str(memory), '-smp', '1' if image is None else '2',
            '-kernel', k.folder + '/vmlinuz', '-initrd', folder + '/initrd',
            '-append', 'console=%s panic=-1 quiet loglevel=1 no_timer_check '
            'systemd.mask=serial-getty@%s.service systemd.show_status=0 %s' % (
                console, console, append), '-no-reboot', '-display', 'none',
            '-nodefaults', '-serial', 'file:' + folder + '/out']
        if image is not None:
            argv += ['-drive', 'if=virtio,format=raw,readonly=on,file=' +
                     image]
        # Emulated timers are late where the processors are busy, and a kernel
        # may give up on them before anything of ours has begun.
        for _ in range(3):
            why, text = _boot(argv, folder + '/out', limit)
            if MARK in text:
                break
    lines = [x[x.index(MARK) + len(MARK):] for x in
             text.replace('\r', '').splitlines() if MARK in x]
    if not lines or lines[-1] != 'end':
        raise AssertionError('Linux %s: %s; it said: %s' % (
            k.name, why, ' | '.join(text.split('\n')[-12:])[-900:]))
    return lines[:-1]
