"""test_boots.py - what the runner holds on other kernels, without anything else.
SPDX-License-Identifier: Apache-2.0

A kernel, busybox, the agent's programs and the hostile probes: the machine is
up in seconds. The plans of the cards are written here, by common/plan.h. Which
kernels: those that are there (make vm fetches them all).
"""
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, 'tests', 'system', 'lib'))

from countersign import checks, fake, vm	# noqa: E402

FIRST = 70501		# uid of countersign-observe-1
PROFILES = {'observe': 1, 'repair': 2, 'full': 3}
NETS = {'none': 1, 'view': 2, 'host': 3}
LANDLOCK = {'5.10': 0, '6.1': 2, '6.12': 6}
GROUPS = {
    'v2': 'mount -t cgroup2 cgroup2 /sys/fs/cgroup\n',
    'v1': 'mount -t tmpfs groups /sys/fs/cgroup\n'
          'for c in memory pids; do mkdir /sys/fs/cgroup/$c; '
          'mount -t cgroup -o $c groups /sys/fs/cgroup/$c; done\n',
    'none': '',
}


def text(s):
    data = s.encode() + b'\0'
    return struct.pack('<I', len(data)) + data


def texts(strings):
    return struct.pack('<I', len(strings)) + b''.join(map(text, strings))


def plan(profile, net, argv, roots=(), masks=(), uid=None):
    uid = (FIRST if profile == 'observe' else 0) if uid is None else uid
    return (struct.pack('<I', 2) + bytes(32) + bytes(
        [PROFILES[profile], NETS[net], 1 if profile == 'observe' else 2, 1]) +
        struct.pack('<IIIII', 0, 0o22, uid, uid, 0) +
        struct.pack('<QIQIQ', 0, 0, 1 << 24, 256, 1 << 24) +
        text(argv[0]) + text('/') + texts(argv) +
        texts(['PATH=/bin', 'HOME=/tmp']) + texts(roots) + texts(masks) +
        struct.pack('<II', 0, 0))


def programs(arch='amd64'):
    """Those of that processor, and the probes; {path: (mode, bytes)}."""
    top = fake.OUT if arch == 'amd64' else os.path.join(
        fake.OUT, 'cross', 'linux-aarch64')
    out = {}
    for name in ('countersignd', 'countersign-runner', 'countersign-courier'):
        path = os.path.join(top, 'bin', name)
        if not os.path.exists(path):
            checks.skip('no vm: %s is not built' % path)
        out['/usr/lib/countersign/' + name] = (0o755, vm.read(path))
    probe = os.path.join(top, 'hostile', 'probe')
    if not os.path.exists(probe):
        checks.skip('no vm: %s is not built' % probe)
    # Not below /tmp: each payload has its own there.
    out['/opt/probe/probe'] = (0o755, vm.read(probe))
    out['/opt/probe/suid'] = (0o4755, vm.read(probe))
    return out


def accounts():
    users = [('root', 0)] + [('countersign-observe-%d' % (i + 1), FIRST + i)
                             for i in range(4)] + [('nobody', 65534)]
    return {
        '/etc/passwd': (0o644, ''.join('%s:x:%d:%d::/:/bin/sh\n' % (n, i, i)
                                       for n, i in users).encode()),
        '/etc/group': (0o644, ''.join('%s:x:%d:\n' % u
                                      for u in users).encode()),
        '/etc/shadow': (0o600, b'root:*:\n'),
        '/etc/shadow-': (0o600, b'root:*:\n'),
        '/etc/agent.json': (0o644, b'{"programs":"/usr/lib/countersign"}'),
        '/var/backups/shadow.bak': (0o600, b'x'),
    }


SELFTEST = ('/usr/lib/countersign/countersignd selftest --config '
            '/etc/agent.json; echo "status $?"\n')

# What there is to steal and to break; facts as tests/hostile/sandbox has them.
THINGS = '''
cd /opt/probe
mkdir folder open declared state state/journal
chmod 777 open declared; chmod 755 folder; chmod 700 state
echo x >declared/set-id; chmod 4755 declared/set-id
for f in folder/file folder/remove folder/move state/device.key \\
	state/journal/0000000000000000.seg /tmp/host-file /dev/shm/host-file
do echo x >$f; done
mkdir -p /etc/cron.d /etc/systemd/system /etc/sudoers.d /var/spool/cron
sleep 1000 >/dev/null 2>&1 & victim=$!
cat >facts <<END
folder=/opt/probe/folder
open=/opt/probe/open
declared=/opt/probe/declared
suid=/opt/probe/suid
spool=/var/spool/cron
unix=/opt/probe/no-socket
abstract=no-socket
shadow_backup=/var/backups/shadow.bak
disk=/dev/no-disk
sysfs=/sys/kernel/mm/ksm/run
cgroup_procs=/sys/fs/cgroup/cgroup.procs
env_secret=cs-no-such
tmp_file=/tmp/host-file
shm_file=/dev/shm/host-file
state=/opt/probe/state
control=/opt/probe/no-control
gate=$victim
victim=$victim
victim_address=0x400000
shm_key=1
mq=/no-queue
tcp=1
tcp6=1
udp=1
END
cd /
'''
# By descriptors of common/plan.h; 5 stays open until the card has ended.
RUN = '''mkfifo /run/control-%(name)s
(sleep 200 >/run/control-%(name)s 2>/dev/null & echo $! >/run/holder
/usr/lib/countersign/countersign-runner 3</plan-%(name)s \\
	4>/run/status-%(name)s 5</run/control-%(name)s 2>&1
echo "status $?"; kill $(cat /run/holder)
) | sed 's/^/%(name)s /'
'''


def run(k, cards, groups='v2', before='', append='', after='', files=None):
    files = dict(programs(k.arch), **dict(accounts(), **(files or {})))
    script = GROUPS[groups] + THINGS + before + SELFTEST
    for name, data in cards.items():
        files['/plan-' + name] = (0o600, data)
        script += RUN % {'name': name}
    script += after
    lines = vm.run(k, script, files, append)
    return [x for x in lines if x.startswith(('ok ', 'not ok ', 'offered ',
                                              'NOT OFFERED ', 'none ',
                                              'profiles ', 'enforced',
                                              'gate: ', 'status '))], \
        {name: [x[len(name) + 1:] for x in lines
                if x.startswith(name + ' ')] for name in cards}, lines


def golden(name):
    path = os.path.join(TOP, 'tests', 'hostile', 'sandbox', 'golden', name)
    with open(path) as f:
        return {tuple(x.split()[:2]) for x in f
                if x.strip() and not x.startswith('#')}


PROBE = ['/opt/probe/probe', '/opt/probe/facts']
CARDS = {
    'observe': plan('observe', 'view', PROBE),
    'observe_none': plan('observe', 'none', PROBE),
    'repair': plan('repair', 'none', PROBE, roots=['/opt/probe/declared'],
                   masks=['/opt/probe/state']),
    'repair_view': plan('repair', 'view', PROBE,
                        masks=['/opt/probe/state']),
}
OFFERED = 'profiles offered: observe repair full (NOT CONFINED)'


def held(k, landlock=None, **more):
    """Both profiles are offered, and the probes reach nothing new."""
    said, cards, lines = run(k, CARDS, **more)
    checks.true(OFFERED in said and 'status 0' in said,
                'not offered: %s' % ' | '.join(said or lines[-9:]))
    if landlock is not None:
        for line in said:
            if line.startswith(('offered observe', 'offered repair')):
                checks.true(line.endswith(' landlock=%d' % landlock), line)
    gate = [x for x in said if x.startswith('gate: ')]
    checks.equal(len(gate), 1, said)
    for word in ('starter=yes', 'capabilities=few', 'no_new_privs=yes',
                 'seccomp=yes') + (() if landlock is None else
                                   ('landlock=%d' % landlock,)):
        checks.true(word in gate[0].split(), gate[0])
    for name, out in cards.items():
        checks.equal(out[-1:], ['status 0'], '%s: %s' % (name, out[-3:]))
        got = {tuple(x.split()[:2]) for x in out if x.endswith(' ALLOWED')}
        tried = [x for x in out if len(x.split()) == 3]
        checks.true(len(tried) >= 89, '%d probes' % len(tried))
        print('# Linux %s %s: %d of %d probes succeed: %s' % (
            k.name, name, len(got), len(tried),
            ' '.join(sorted(n for _, n in got))))
        checks.equal(sorted(got - golden(name.split('_')[0])), [],
                     name + ' reached')
    return said


def test_oldest():
    """No Landlock, no mount_setattr(2), no cgroup.kill; TOMOYO, and no
    /dev/fd for it."""
    said = held(vm.kernel('5.10'), 0, groups='v1')
    checks.true(any('cgroup=v1 kill=walk mem=cgroup procs=cgroup' in x
                    for x in said), ' | '.join(said))


def test_bookworm():
    said = held(vm.kernel('6.1'), 2)
    checks.true(any('cgroup=v2 kill=cgroup' in x for x in said),
                ' | '.join(said))


def test_trixie():
    held(vm.kernel('6.12'), 6)


def test_newest():
    held(vm.kernel('newest'))


def test_old_groups():
    held(vm.kernel('6.1'), 2, groups='v1')


def test_little_of_everything():
    """What a careful or a careless owner may have taken away."""
    said = held(
        vm.kernel('6.12'), 0, groups='none', append='lsm=capability,yama',
        before='umount /dev/pts; rmdir /dev/pts; umount /dev/shm; '
        'mount -o remount,hidepid=2 /proc; '
        'mount -t tmpfs -o noexec,nosuid,nodev tmp /tmp; '
        'echo 0 >/proc/sys/user/max_user_namespaces; '
        'echo 0 >/proc/sys/kernel/unprivileged_userns_clone; '
        'echo x >/tmp/host-file; mount -o remount,ro /; touch /x\n')
    checks.true('none control groups: cgroup=none kill=walk mem=rlimit+poll '
                'procs=poll' in said, ' | '.join(said))


def test_without_root():
    """With user namespaces both profiles; without, neither, and why."""
    probe = ("su -s /bin/sh nobody -c '/usr/lib/countersign/countersign-runner"
             " --probe' | sed 's/^/%s: /'\n")
    for name in ('5.10', '6.1', '6.12'):
        _, _, lines = run(
            vm.kernel(name), {}, before='chmod u+s /bin/busybox\n',
            after=probe % 'with' +
            'echo 0 >/proc/sys/kernel/unprivileged_userns_clone\n' +
            probe % 'without')
        for profile in ('observe', 'repair'):
            for word in ('with', 'without'):
                line = [x for x in lines if x.startswith(
                    '%s: profile %s ' % (word, profile))]
                checks.equal([x.split()[3] for x in line],
                             ['yes' if word == 'with' else 'no'],
                             '%s %s: %s' % (name, word, line))
            checks.true('without: profile %s no namespace failed errno 1' %
                        profile in lines, ' | '.join(lines[-12:]))


def arm32():
    """A program of 32-bit ARM that ends with 42; ELF's first version."""
    code = struct.pack('<III', 0xe3a0002a, 0xe3a07001, 0xef000000)
    base, size = 0x10000, 84 + len(code)
    return (b'\x7fELF\x01\x01\x01' + bytes(9) + struct.pack(
        '<HHIIIIIHHHHHH', 2, 40, 1, base + 84, 52, 0, 0x05000000, 52, 32, 1,
        0, 0, 0) + struct.pack('<IIIIIIII', 1, 0, base, base, size, size, 5,
                               0x1000) + code)


def arm64(name, landlock):
    k = vm.kernel(name, 'arm64')
    held(k, landlock)
    program = {'/opt/probe/arm32': (0o755, arm32())}
    shell = ['/bin/sh', '-c', '/opt/probe/arm32; echo "arm32 $?"']
    _, cards, lines = run(
        k, {'observe': plan('observe', 'view', shell),
            'repair': plan('repair', 'none', shell)},
        after='/opt/probe/arm32; echo "unconfined $?"\n', files=program)
    checks.true('unconfined 42' in lines, ' | '.join(lines[-4:]))
    for name_, out in cards.items():
        # Ended by SIGSYS, at its first call.
        checks.true('arm32 159' in out, '%s: %s' % (name_, out))


def test_arm64_oldest():
    arm64('5.10', 0)


def test_arm64_trixie():
    arm64('6.12', 6)


if __name__ == '__main__':
    checks.main(globals(), jobs=2)
