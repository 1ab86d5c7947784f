"""test_packages.py - the packages, installed as a person would.
SPDX-License-Identifier: Apache-2.0

Packed from the programs under test and put into a guest with systemd: install,
enrolment, an upgrade while a card waits, removal, purge. Formats that cannot be
installed here are read back by a reader of our own.
"""
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from countersign import (				# noqa: E402
    checks, fake, fleet, guest, wine)
from countersign.machine import Machine, STATE	# noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'packaging', 'build'))
import contents						# noqa: E402
PROGRAMS = ('countersignd', 'countersign-courier', 'countersign-runner',
            'countersign')
_lock = threading.Lock()
_made = {}


def needs(*programs):
    for p in programs:
        if shutil.which(p) is None:
            checks.skip('%s is not installed' % p)


def cross(folder):
    """A folder as `make cross` fills it, with the programs under test in the
    place of every one (only packing is looked at)."""
    for target in ('linux-x86_64', 'linux-aarch64', 'macos-arm64',
                   'macos-x86_64', 'windows-x86_64'):
        bin_ = os.path.join(folder, target, 'bin')
        os.makedirs(bin_)
        for name in PROGRAMS:
            shutil.copy(fake.program(name), os.path.join(
                bin_, name + '.exe' * target.startswith('windows')))
    return folder


def pack(*names, where=None, env=None, umask=-1):
    """The folder with these packages; made once where nothing is asked."""
    key = names if where is None and env is None else None
    with _lock:
        if key in _made:
            return _made[key]
        tmp = where or tempfile.mkdtemp(prefix='cs-packed-')
        out = os.path.join(tmp, 'out')
        r = subprocess.run(
            ['/usr/bin/python3', os.path.join(TOP, 'packaging/build'),
             '--cross', cross(os.path.join(tmp, 'cross')), '--out', out] +
            list(names), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=env, umask=umask, cwd='/')
        if r.returncode != 0:
            raise AssertionError(r.stdout.decode()[-600:])
        shutil.rmtree(os.path.join(tmp, 'cross'))
        if key is not None:
            _made[key] = out
        return out


def only(folder, end):
    found = [f for f in os.listdir(folder) if f.endswith(end)]
    checks.equal(len(found), 1, 'packages *%s' % end)
    return os.path.join(folder, found[0])


def newer_deb(deb, work):
    """The package of the next release: another version, other programs."""
    root, out = os.path.join(work, 'next'), os.path.join(work, 'next.deb')
    subprocess.run(['dpkg-deb', '-R', deb, root], check=True)
    control = os.path.join(root, 'DEBIAN/control')
    with open(control) as f:
        text = f.read()
    with open(control, 'w') as f:
        f.write(re.sub(r'(?m)^Version: .*$', 'Version: 99.0', text))
    change(root)
    os.remove(os.path.join(root, 'DEBIAN/md5sums'))
    subprocess.run(['dpkg-deb', '--root-owner-group', '-Znone', '-b', root,
                    out], check=True, stdout=subprocess.DEVNULL)
    return out


def change(root):
    for path in ('usr/sbin/countersignd',
                 'usr/libexec/countersign/countersign-courier',
                 'usr/libexec/countersign/countersign-runner'):
        with open(os.path.join(root, path), 'ab') as f:
            f.write(b'a newer one\n')


def put_package(g, path, name):
    g.copy(path, '/root/' + name, 0o644)
    return '/root/' + name


def upgraded(a, how):
    """A pending card, the upgrade, the card again: nothing may be lost."""
    a.put('/etc/countersign/agent.json', '{"log": "syslog"}', 0o644)
    m = a.marker()
    digest, received = a.pending('echo ran > %s' % m)
    pid, n = a.show('countersignd', 'MainPID'), a.peer.connections
    how()
    a.peer.wait(lambda: a.peer.connections > n, 'new connection')
    checks.equal(a.show('countersignd', 'MainPID'), pid, 'process')
    for p in PROGRAMS[:3]:
        a.peer.wait(lambda: len(a.peer.all('version', program=p)) == 2,
                    'version of ' + p)
    with open(a.guest.path('/etc/countersign/agent.json')) as f:
        checks.equal(f.read(), '{"log": "syslog"}', 'configuration')
    checks.equal(a.status()['queue']['pending'], 1, 'pending')
    checks.true(not a.ran(m), 'it ran by itself')
    a.approve(digest, received)
    checks.equal(a.peer.record('exec_result', card=digest)['exit_code'], 0)
    checks.true(a.ran(m), 'it did not run')


def installed(g):
    """What a fresh install has to have put in place."""
    for user in ('countersign-courier', 'countersign-observe-1',
                 'countersign-observe-4'):
        g.must(['getent', 'passwd', user])
    g.must(['getent', 'group', 'countersign'])
    checks.equal(g.must(['stat', '-c', '%a %U', STATE]), b'700 root\n')
    checks.equal(g.must(['systemctl', 'is-enabled', 'countersignd']),
                 b'enabled\n')
    checks.equal(g.run(['systemctl', 'is-failed', 'countersignd']).returncode,
                 1, 'failed')
    for path in ('/usr/share/man/man1/countersign.1.gz',
                 '/usr/share/man/man8/countersignd.8.gz',
                 '/usr/share/bash-completion/completions/countersign',
                 '/usr/share/fish/vendor_completions.d/countersign.fish'):
        checks.true(os.path.exists(g.path(path)), path)
    checks.true(b'countersign ' in g.must(['countersign', '--version']),
                'version')


def test_deb():
    needs('dpkg-deb')
    with guest.Guest() as g, tempfile.TemporaryDirectory() as work:
        deb = only(pack('deb-linux-x86_64'), '.deb')
        g.must(['dpkg', '-i', put_package(g, deb, 'a.deb')])
        installed(g)
        checks.equal(g.must(['dpkg', '--verify', 'countersign']), b'')
        next_ = put_package(g, newer_deb(deb, work), 'b.deb')
        with Machine(g) as a:
            upgraded(a, lambda: g.must(['dpkg', '-i', next_]))
            n = a.peer.connections
            g.must(['dpkg', '-r', 'countersign'])
            checks.equal(g.run(['pgrep', 'countersign']).stdout, b'',
                         'processes')
            checks.true(os.path.exists(g.path(STATE + '/journal')),
                        'the journal is gone')
            checks.true(os.path.exists(g.path('/etc/countersign/agent.json')),
                        'the configuration is gone')
            # Put back, it is the same device, and it starts by itself.
            g.must(['dpkg', '-i', next_])
            a.peer.wait(lambda: a.peer.connections > n, 'connection')
            a.run('true')
        g.must(['dpkg', '-P', 'countersign'])
        for path in (STATE, '/etc/countersign', '/usr/sbin/countersignd'):
            checks.true(not os.path.exists(g.path(path)), path + ' is left')


def test_deb_upgrade_by_a_card():
    """The card that upgrades the agent is not killed by the upgrade."""
    needs('dpkg-deb')
    with guest.Guest() as g, tempfile.TemporaryDirectory() as work:
        deb = only(pack('deb-linux-x86_64'), '.deb')
        g.must(['dpkg', '-i', put_package(g, deb, 'a.deb')])
        next_ = put_package(g, newer_deb(deb, work), 'b.deb')
        with Machine(g) as a:
            n = a.peer.connections
            digest, received = a.pending('dpkg -i %s && echo done' % next_)
            a.approve(digest, received)
            r = a.peer.record('exec_result', card=digest)
            checks.equal((r['outcome'], r['exit_code']), ('finished', 0))
            a.peer.wait(lambda: a.peer.connections > n, 'new connection')
            a.peer.wait(lambda: len(a.peer.all(
                'version', program='countersignd')) == 2, 'version')
            checks.equal(g.must(['dpkg-query', '-W', '-f', '${Version}',
                                 'countersign']), b'99.0')


def put_debs(g, work):
    """This release's and the next one's, in the guest."""
    deb = only(pack('deb-linux-x86_64'), '.deb')
    return put_package(g, deb, 'a.deb'), \
        put_package(g, newer_deb(deb, work), 'b.deb')


def enabled(g):
    return g.run(['systemctl', 'is-enabled', 'countersignd']).stdout.strip()


def test_deb_leaves_what_an_administrator_set():
    needs('dpkg-deb')
    with guest.Guest() as g, tempfile.TemporaryDirectory() as work:
        old, next_ = put_debs(g, work)
        # Where policy-rc.d has nothing started, as in a container's making.
        g.must(['sh', '-ec', 'printf "#!/bin/sh\\nexit 101\\n" '
                '>/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d'])
        g.must(['dpkg', '-i', old])
        checks.equal(g.run(['systemctl', 'show', '-P',
                            'ConditionTimestampMonotonic',
                            'countersignd']).stdout, b'0\n', 'a start')
        g.must(['rm', '/usr/sbin/policy-rc.d'])
        with Machine(g) as a:
            # Another agent.json stays under every change of version.
            a.put('/etc/countersign/agent.json', '{"log": "syslog"}', 0o644)
            g.must(['systemctl', 'disable', '--now', 'countersignd'])
            g.must(['dpkg', '-i', next_])
            checks.equal(enabled(g), b'disabled', 'after the upgrade')
            checks.equal(a.show('countersignd', 'ActiveState'), 'inactive')
            g.must(['dpkg', '-i', old])
            checks.equal(enabled(g), b'disabled', 'after the downgrade')
            g.must(['systemctl', 'enable', 'countersignd'])
            g.must(['dpkg', '-r', 'countersign'])
            n = a.peer.connections
            g.must(['dpkg', '-i', next_])
            checks.equal(enabled(g), b'enabled', 'put back')
            a.peer.wait(lambda: a.peer.connections > n, 'connection')
            with open(g.path('/etc/countersign/agent.json')) as f:
                checks.equal(f.read(), '{"log": "syslog"}')
            g.must(['systemctl', 'mask', '--now', 'countersignd'])
            g.must(['dpkg', '-i', old])
            checks.equal(enabled(g), b'masked')
            checks.equal(a.show('countersignd', 'ActiveState'), 'inactive')


# What a package manager keeps about packages, and the system about accounts.
OTHERS = (r'/(var/lib/dpkg|var/log|var/cache|run|proc|sys|dev|tmp|root|'
          r'etc/(passwd|group|shadow|gshadow|subuid|subgid|\.pwd\.lock)-?$|'
          r'var/lib/systemd/(deb-systemd-helper-(enabled|masked)|catalog|timers)$|'
          r'etc/systemd/system$)')


WANTS = '/etc/systemd/system/multi-user.target.wants/countersignd.service'


def listing(g):
    found = g.must(['find', '/', '-xdev', '-regextype', 'posix-extended',
                    '-regex', '/(root|proc|sys|dev|run|tmp)', '-prune', '-o',
                    '-print']).decode().splitlines()
    return {path for path in found if not re.match(OTHERS, path)}


def test_deb_purged_leaves_nothing():
    """In an image without a running systemd, with sysusers and without."""
    needs('dpkg-deb')
    with guest.Guest() as g, tempfile.TemporaryDirectory() as work:
        old, _ = put_debs(g, work)
        # Not what is mounted below: as in a chroot, there is no /run/systemd.
        g.must(['sh', '-ec', 'mkdir /root/image; mount --bind / /root/image'])
        image = ['chroot', '/root/image']
        before = listing(g)
        for names in (['systemd-sysusers'], []):
            g.must(image + ['dpkg', '-i', old])
            checks.true(os.path.islink(g.path(WANTS)), 'not enabled')
            checks.equal(g.must(['stat', '-c', '%a %U', STATE]), b'700 root\n')
            for user in ('courier', 'observe-1', 'observe-4'):
                g.must(['getent', 'passwd', 'countersign-' + user])
            g.must(['getent', 'group', 'countersign'])
            g.must(image + ['sh', '-ec', 'mkdir -p %s/journal; touch '
                            '%s/journal/x /etc/countersign/root.pin' % (
                                STATE, STATE)])
            g.must(image + ['dpkg', '-r', 'countersign'])
            checks.true(os.path.exists(g.path(STATE + '/journal/x')), 'state')
            g.must(image + ['dpkg', '-P', 'countersign'])
            checks.equal(sorted(listing(g) - before), [], 'left')
            checks.equal(sorted(before - listing(g)), [], 'gone')
            for name in names:
                # Once more, on a system that makes accounts by hand.
                g.must(['sh', '-ec', 'for n in courier observe-1 observe-2 '
                        'observe-3 observe-4; do userdel countersign-$n; done;'
                        'groupdel countersign; mv /usr/bin/%s /root' % name])
                before.remove('/usr/bin/' + name)
        g.must(['getent', 'passwd', 'countersign-observe-2'])
        checks.true(b':70502:' in g.must(['getent', 'passwd',
                                          'countersign-observe-2']), 'number')


def test_deb_with_state_on_a_disk_of_its_own():
    """Mounted, it works as a folder does; a purge empties it. A link is the
    agent's to refuse, and what it leads to is not touched."""
    needs('dpkg-deb')
    with guest.Guest() as g, tempfile.TemporaryDirectory() as work:
        old, next_ = put_debs(g, work)
        g.must(['sh', '-ec', 'mkdir %s; mount -t tmpfs disk %s' % (
            STATE, STATE)])
        g.must(['dpkg', '-i', old])
        checks.equal(g.must(['stat', '-c', '%a %U', STATE]), b'700 root\n')
        with Machine(g) as a:
            upgraded(a, lambda: g.must(['dpkg', '-i', next_]))
            g.must(['dpkg', '-P', 'countersign'])
            pin = a.owner.pin(a.root)
        checks.equal(g.must(['ls', '-A', STATE]), b'', 'left')
        g.must(['umount', '-l', STATE])
        g.must(['rmdir', STATE])
        # One that leads somewhere, one that leads nowhere.
        g.must(['sh', '-ec', 'mkdir -m 755 /srv/there; touch /srv/there/x'])
        for to in ('/srv/there', '/srv/nowhere'):
            g.must(['ln', '-s', to, STATE])
            g.must(['dpkg', '-i', old])
            r = g.run(['countersignd', 'enrol', '--token', '/root/token.json',
                       '--pin', pin])
            checks.true(r.returncode == 1 and b'(no link)' in r.stderr, r.stderr)
            r = g.run(['dpkg', '-P', 'countersign'])
            checks.equal(r.returncode, 0, r.stderr)
            checks.true(b'%s is left' % to.encode() in r.stderr, r.stderr)
            checks.true(not os.path.lexists(g.path(STATE)), 'the link')
        checks.equal(g.must(['stat', '-c', '%a %n', '/srv/there',
                             '/srv/there/x']),
                     b'755 /srv/there\n644 /srv/there/x\n')


def test_deb_with_accounts_that_are_there():
    """Groups without their accounts, and a number that is somebody else's; on
    a system with sysusers and on one without."""
    needs('dpkg-deb')
    names = ['countersign-' + n for n in ('courier', 'observe-1', 'observe-2',
                                          'observe-3', 'observe-4')]
    with guest.Guest() as g, tempfile.TemporaryDirectory() as work:
        old, _ = put_debs(g, work)
        for first in ('useradd -M --uid 70503 other',
                      'mv /usr/bin/systemd-sysusers /root'):
            for name in names:
                g.run(['userdel', name])
                g.run(['groupdel', name])
            g.run(['groupdel', 'countersign'])
            g.must(['sh', '-ec', first + '; groupadd countersign-courier; '
                    'groupadd countersign-observe-2'])
            g.must(['dpkg', '-i', old])
            for name in names:
                got = g.must(['id', '-un', name]) + g.must(['id', '-gn', name])
                checks.equal(got.decode().split(), [name, name], first)
                number = int(g.must(['id', '-u', name]))
                checks.true(number != 70503, name)
                checks.equal(number == 70500 + int(name[-1])
                             if name[-1] in '124' else True, True, name)
            g.must(['dpkg', '-P', 'countersign'])


def newer(package, programs, work):
    """The next release's package, by the same packer with another version and
    other programs; programs: the folder of this release's."""
    top, target = os.path.join(work, 'tree'), package.split('-', 1)[1]
    os.makedirs(top)
    for name in ('packaging', 'common', 'scripts', 'LICENSE'):
        source = os.path.join(TOP, name)
        (shutil.copytree if os.path.isdir(source) else shutil.copy)(
            source, os.path.join(top, name))
    for path, old_text, new in (
            ('common/version.h', r'COUNTERSIGN_VERSION "[0-9.]+"',
             'COUNTERSIGN_VERSION "99.0"'),
            ('packaging/changelog', r'\A[0-9.]+ ', '99.0 ')):
        with open(os.path.join(top, path)) as f:
            text = f.read()
        with open(os.path.join(top, path), 'w') as f:
            f.write(re.sub(old_text, new, text))
    bin_ = os.path.join(work, 'newer', target, 'bin')
    shutil.copytree(programs, bin_)
    for name in os.listdir(bin_):
        with open(os.path.join(bin_, name), 'ab') as f:
            f.write(b'a newer one\n')
    out = os.path.join(work, 'newer-out')
    subprocess.run(['/usr/bin/python3', os.path.join(top, 'packaging/build'),
                    '--cross', os.path.join(work, 'newer'), '--out', out,
                    package], check=True, stdout=subprocess.DEVNULL)
    return only(out, {'tar': '.tar.gz'}.get(
        package.split('-')[0], '.' + package.split('-')[0]))


RPM = ['env', 'RPM_CONFIGDIR=/opt/rpm/etc', '/opt/rpm/loader',
       '--library-path', '/opt/rpm/lib', '/opt/rpm/rpm', '--dbpath',
       '/var/lib/rpm']


def put_rpm(g):
    """This machine's rpm into a guest, which is a Debian without: the scripts
    of a package run beside a real systemd."""
    rpm = shutil.which('rpm')
    r = subprocess.run(['ldd', rpm], stdout=subprocess.PIPE, check=True)
    g.copy(rpm, '/opt/rpm/rpm')
    for line in r.stdout.decode().splitlines():
        words = [w for w in line.split() if w.startswith('/')]
        if '=>' in line and words:
            g.copy(words[0], '/opt/rpm/lib/' + os.path.basename(words[0]))
        elif words:
            g.copy(words[0], '/opt/rpm/loader')
    shutil.copytree('/usr/lib/rpm', g.path('/opt/rpm/etc'), symlinks=True)


def test_rpm():
    needs('rpmbuild', 'rpm')
    with guest.Guest() as g, tempfile.TemporaryDirectory() as work:
        rpm = put_package(g, only(pack('rpm-linux-x86_64'), '.rpm'), 'a.rpm')
        next_ = put_package(g, newer('rpm-linux-x86_64', os.path.join(
            cross(os.path.join(work, 'cross')), 'linux-x86_64/bin'), work),
            'b.rpm')
        put_rpm(g)

        def do(*argv):
            return g.must(RPM + list(argv))

        do('-i', '--nodeps', '--nosignature', rpm)
        installed(g)
        with Machine(g) as a:
            upgraded(a, lambda: do('-U', '--nodeps', '--nosignature', next_))
            do('-V', '--nodeps', 'countersign', '--nomode', '--nouser', '--nogroup',
               '--noconfig', '--nomtime')
            g.must(['systemctl', 'disable', '--now', 'countersignd'])
            do('-U', '--nodeps', '--nosignature', '--oldpackage', rpm)
            checks.equal((enabled(g), a.show('countersignd', 'ActiveState')),
                         (b'disabled', 'inactive'), 'what was set')
            g.must(['systemctl', 'enable', '--now', 'countersignd'])
            do('-e', 'countersign')
            checks.equal(g.run(['pgrep', 'countersign']).stdout, b'',
                         'processes')
            checks.true(enabled(g) != b'enabled', 'a link is left')
        checks.true(not os.path.exists(g.path('/usr/sbin/countersignd')),
                    'the program is left')
        checks.true(os.path.exists(g.path(STATE + '/journal')),
                    'the journal is gone')
        checks.true(os.path.exists(
            g.path('/etc/countersign/agent.json.rpmsave')),
            'the changed configuration is gone')


def test_rpm_in_an_image():
    """A root in which no systemd runs: made, renewed, and emptied again."""
    needs('rpmbuild', 'rpm')
    with guest.Guest() as g, tempfile.TemporaryDirectory() as work:
        rpm = put_package(g, only(pack('rpm-linux-x86_64'), '.rpm'), 'a.rpm')
        next_ = put_package(g, newer('rpm-linux-x86_64', os.path.join(
            cross(os.path.join(work, 'cross')), 'linux-x86_64/bin'), work),
            'b.rpm')
        put_rpm(g)
        g.must(['sh', '-ec', 'mkdir /root/image; mount --bind / /root/image'])
        before = listing(g)
        do = ['chroot', '/root/image'] + RPM
        for argv in (['-i', rpm], ['-U', next_], ['-U', '--oldpackage', rpm]):
            g.must(do + argv + ['--nodeps', '--nosignature'])
            checks.true(os.path.islink(g.path(WANTS)), 'not enabled')
            checks.equal(g.must(['stat', '-c', '%a %U', STATE]), b'700 root\n')
        g.must(['getent', 'passwd', 'countersign-observe-4'])
        g.must(do + ['-e', 'countersign'])
        left = {x for x in listing(g) - before
                if not x.startswith('/var/lib/rpm')}
        # rpm has no purge; the folder of licenses is the system's, there.
        checks.equal(left - {'/usr/share/licenses'}, {STATE}, 'left')


def put_tarball(g, path):
    """As somebody unpacks it who is not root and has a umask of his own; the
    folder, with what its README has."""
    put_package(g, path, 'a.tar.gz')
    folder = g.must(['sh', '-ec', """id joe >/dev/null || useradd -m joe
        cd /home/joe; rm -rf countersign-*; cp /root/a.tar.gz .
        chown joe a.tar.gz; su joe -c 'umask 077; tar -xf a.tar.gz'
        cd countersign-*; test -s README; test -s LICENSE; pwd"""])
    return folder.decode().strip()


def test_tarball():
    with guest.Guest() as g, tempfile.TemporaryDirectory() as work:
        tar = only(pack('tar-linux-x86_64'), '.tar.gz')
        next_ = newer('tar-linux-x86_64', os.path.join(
            cross(os.path.join(work, 'cross')), 'linux-x86_64/bin'), work)
        folders = ['stat', '-c', '%n %a %U %G', '/', '/etc', '/usr',
                   '/usr/bin', '/usr/lib', '/usr/share', '/usr/lib/systemd']
        before = g.must(folders)
        # As its README says.
        g.must(['sh', '-c', 'umask 077; sh %s/install.sh && '
                'systemctl enable countersignd' % put_tarball(g, tar)])
        installed(g)
        checks.equal(g.must(folders), before)
        for f in contents.linux(os.path.join(fake.OUT, 'bin')):
            st = os.stat(g.path(f.place))
            checks.equal((st.st_mode & 0o7777, st.st_uid, st.st_gid),
                         (f.mode, 0, 0), f.place)
        with Machine(g) as a:
            folder = put_tarball(g, next_)
            upgraded(a, lambda: g.must(['sh', folder + '/install.sh']))
            checks.equal(g.must(['sh', '-c', 'find / -xdev -name "*.new" '
                                 '-path "*countersign*"']), b'')


def read_xar(path):
    """{name: bytes}, every checksum looked at."""
    with open(path, 'rb') as f:
        data = f.read()
    magic, size, version, packed, plain, kind = struct.unpack(
        '>4sHHQQI', data[:28])
    checks.equal((magic, size, version, kind), (b'xar!', 28, 1, 1))
    toc = zlib.decompress(data[28:28 + packed])
    checks.equal(len(toc), plain)
    heap = data[28 + packed:]
    checks.equal(heap[:20], hashlib.sha1(data[28:28 + packed]).digest())
    out, at = {}, 20
    for name, n, offset, digest in re.findall(
            r'<name>(.*?)</name>.*?<length>(\d+)</length><offset>(\d+)'
            r'</offset>.*?<archived-checksum style="sha1">(\w+)',
            toc.decode(), re.S):
        checks.equal(int(offset), at, 'offset')
        out[name] = heap[at:at + int(n)]
        checks.equal(hashlib.sha1(out[name]).hexdigest(), digest, name)
        at += int(n)
    checks.equal(at, len(heap), 'heap')
    return out


def read_cpio(data):
    data, at, out = zlib.decompress(data, 31), 0, []
    while True:
        head = data[at:at + 76]
        checks.equal(head[:6], b'070707')
        mode, n, size = (int(head[a:b], 8) for a, b in
                         ((18, 24), (59, 65), (65, 76)))
        name = data[at + 76:at + 76 + n - 1].decode()
        if name == 'TRAILER!!!':
            checks.equal(at + 76 + n, len(data), 'bytes after the trailer')
            return out
        start = at + 76 + n
        out.append((name, mode, data[start:start + size]))
        at = start + size


class FromPackage(wine.Service):
    """The service of an installed package."""

    def __init__(self, msi, w, fleet_):
        self.wine, self.fleet = w, fleet_
        self.dir = w.path('C:/ProgramData/Countersign')
        self.state = os.path.join(self.dir, 'state')
        self.socket = '//./pipe/countersign-gate'
        # Whatever a file may be called there.
        folder = w.folder("t\u00f6k\u20ac n's & 100% ^(x86) !;=,+ [A] {b} $x`")
        shutil.copy(fleet_.console.token_file(fleet_.owner.org)[0],
                    w.path(folder))
        self.token = folder.replace('/', '\\') + '\\' + \
            os.listdir(w.path(folder))[0]
        self.install(msi)
        self.device = self.status()['device']

    def msiexec(self, *args):
        return self.wine.run('msiexec', *args, '/qn')

    def install(self, msi):
        """As a tool that looks after many machines would, each time."""
        r = self.msiexec(
            '/i', msi, 'ENROLTOKEN=' + self.token,
            'ROOTPIN=' + self.fleet.owner.pin(self.fleet.files['root']))
        checks.equal(r.returncode, 0, 'msiexec: %r' % (r.stdout + r.stderr))
        self.wait_state('RUNNING')

    def status(self):
        code, text, error = self.tool('status', '--json')
        checks.equal(code, 0, error)
        return json.loads(text)

    def versions(self):
        """The hash of each version of the agent's that its journal has."""
        code, text, error = self.tool('log', '--json')
        checks.equal(code, 0, error)
        records = [json.loads(line)['record'] for line in text.splitlines()]
        return [r['hash'] for r in records if r['kind'] == 'version' and
                r['program'] == 'countersignd']

    def start(self):
        return self

    def close(self):
        self.stop()


EVENTS = (r'HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application'
          r'\countersignd')


def check_event_source(w, program):
    """What the event viewer needs for the text of an event."""
    r = w.run('reg', 'query', EVENTS, check=True)
    checks.true(re.search(r'EventMessageFile\s+REG_EXPAND_SZ\s+(\S.*?)\s*\n',
                          r.stdout.decode()).group(1) == program, r.stdout)
    checks.true(re.search(rb'TypesSupported\s+REG_DWORD\s+0x7\s', r.stdout),
                r.stdout)
    r = w.run('C:/cs/tool.exe', 'message', program, '1', 'ready device=x')
    checks.equal((r.returncode, r.stdout.strip()), (0, b'ready device=x'))


def test_msi():
    """Under Wine, by one command line each time: installed and enrolled,
    renewed under a running service while a card waits, removed, put back and
    purged."""
    needs('wixl', 'msibuild')
    why = wine.lacking()
    if why is not None:
        checks.skip(why)
    with tempfile.TemporaryDirectory() as work, wine.Prefix() as w:
        windows = os.path.join(work, 'cross', 'windows-x86_64')
        os.makedirs(windows)
        shutil.copytree(wine.BIN, os.path.join(windows, 'bin'))
        subprocess.run(['/usr/bin/python3', os.path.join(
            TOP, 'packaging/build'), '--cross', os.path.join(work, 'cross'),
            '--out', os.path.join(work, 'out'), 'msi-windows-x86_64'],
            check=True, stdout=subprocess.DEVNULL)
        shutil.copy(only(os.path.join(work, 'out'), '.msi'),
                    w.path('C:/cs/old.msi'))
        shutil.copy(newer('msi-windows-x86_64', wine.BIN, work),
                    w.path('C:/cs/new.msi'))
        # What the prefix has there is not from a package.
        there = w.path('C:/Program Files/Countersign')
        shutil.rmtree(there)
        with wine.Fleet(w, kind=lambda w, f, _: FromPackage(
                r'C:\cs\old.msi', w, f)) as f:
            installed_msi(w, f, there)


def installed_msi(w, f, there):
    a = f.agents[0]
    check_event_source(w, r'C:\Program Files\Countersign\countersignd.exe')
    # Quoted, or C:\Program.exe would be the service.
    r = w.run('reg', 'query', r'HKLM\SYSTEM\CurrentControlSet\Services'
              r'\Countersign', '/v', 'ImagePath', check=True)
    checks.true(b'"C:\\Program Files\\Countersign\\countersignd.exe"' in
                r.stdout, r.stdout)
    digest, events = f.propose(a, 'echo hello')
    received = next(d['record'] for name, _, d in events
                    if name == 'record' and
                    d['record']['kind'] == 'card_received')
    a.install(r'C:\cs\new.msi')
    s = a.status()
    checks.equal((s['device'], s['queue']['pending']), (a.device, 1))
    old, new = a.versions()
    checks.true(old != new, 'the same version twice')
    checks.equal(s['programs']['countersignd'], new)
    for name in PROGRAMS:
        with open(os.path.join(there, name + '.exe'), 'rb') as p:
            checks.true(p.read().endswith(b'a newer one\n'), name)
    f.approve(a, digest, received)
    result = next(d['record'] for name, _, d in events
                  if name == 'record' and
                  d['record']['kind'] == 'exec_result')
    checks.equal((result['outcome'], result['exit_code']), ('finished', 0))

    r = a.msiexec('/i', r'C:\cs\old.msi', '/l*', r'C:\cs\log')
    checks.true(r.returncode != 0, 'an older one was installed')
    # Wine keeps the words to itself, but not why.
    with open(w.path('C:/cs/log'), 'rb') as log:
        checks.true(b'WIX_DOWNGRADE_DETECTED = {' in log.read(), 'why')
    r = subprocess.run(['msiinfo', 'export', w.path('C:/cs/old.msi'),
                        'LaunchCondition'], stdout=subprocess.PIPE, check=True)
    checks.true(b'NOT WIX_DOWNGRADE_DETECTED\tA newer Countersign is '
                b'installed.' in r.stdout, r.stdout)
    checks.equal((a.state_word(), len(a.versions())), ('RUNNING', 2))

    removed_msi(w, a, there)
    checks.true(os.path.exists(os.path.join(a.state, 'journal')),
                'the state is gone')
    a.install(r'C:\cs\new.msi')
    checks.equal((a.status()['device'], len(a.versions())), (a.device, 2))
    removed_msi(w, a, there, 'PURGE=1')
    checks.true(not os.path.exists(a.dir), 'the state is left')


def removed_msi(w, a, there, *how):
    r = a.msiexec('/x', r'C:\cs\new.msi', *how)
    checks.equal(r.returncode, 0, 'msiexec: %r' % (r.stdout + r.stderr))
    # A process that has just told of its end may still be in its file. Windows
    # takes that away at its next start; Wine does not.
    left = os.listdir(there) if os.path.exists(there) else []
    checks.equal([x for x in left if x[:-4] not in PROGRAMS], [], 'left')
    if left:
        print('# in use as it was to be removed: %s' % left)
        shutil.rmtree(there)
    r = w.run('sc', 'query', 'Countersign')
    checks.true(r.returncode != 0 or b'1060' in r.stdout + r.stderr,
                'the service is left: %r' % r.stdout)
    r = w.run('reg', 'query', EVENTS)
    checks.true(r.returncode != 0, r.stdout)


def posix_cksum(data):
    with tempfile.NamedTemporaryFile() as f:
        f.write(data)
        f.flush()
        return int(subprocess.run(['cksum', f.name], check=True,
                                  stdout=subprocess.PIPE).stdout.split()[0])


def read_bom(data):
    """[(path, mode, size, crc), …] of the tree of paths."""
    magic, version, _, at, _, names, _ = struct.unpack('>8s6I', data[:32])
    checks.equal((magic, version), (b'BOMStore', 1))

    def block(n):
        where, size = struct.unpack_from('>II', data, at + 4 + 8 * n)
        return data[where:where + size]

    found, where = {}, names + 4
    for _ in range(struct.unpack_from('>I', data, names)[0]):
        n, size = struct.unpack_from('>IB', data, where)
        found[data[where + 5:where + 5 + size].decode()] = n
        where += 5 + size
    tree = block(found['Paths'])
    checks.equal(tree[:4], b'tree')
    leaf = block(struct.unpack_from('>I', tree, 8)[0])
    out, ids, keys = [], {0: ''}, []
    for i in range(struct.unpack_from('>H', leaf, 2)[0]):
        first, file_ = struct.unpack_from('>II', leaf, 12 + 8 * i)
        ident, info = struct.unpack('>II', block(first))
        parent, name = struct.unpack_from('>I', block(file_))[0], \
            block(file_)[4:-1].decode()
        ids[ident] = (ids[parent] + '/' if parent else '') + name
        keys.append((parent, name))
        b = block(info)
        out.append((ids[ident], struct.unpack_from('>H', b, 4)[0],
                    struct.unpack_from('>I', b, 18)[0],
                    struct.unpack_from('>I', b, 23)[0]))
    checks.equal(keys, sorted(keys), 'order of the tree')
    return out


def test_macos_pkg():
    """Its four parts say the same, and the scripts are fit to run."""
    for target in ('macos-arm64', 'macos-x86_64'):
        parts = read_xar(only(pack('pkg-' + target), '.pkg'))
        checks.equal(sorted(parts), ['Bom', 'PackageInfo', 'Payload',
                                     'Scripts'])
        files = read_cpio(parts['Payload'])
        bom = read_bom(parts['Bom'])
        checks.equal(sorted(bom), sorted(
            (name, mode, len(data),
             posix_cksum(data) if mode & 0o100000 else 0)
            for name, mode, data in files))
        names = [name for name, _, _ in files]
        for i, name in enumerate(names[1:]):
            checks.true(os.path.dirname(name) in names[:i + 1],
                        '%s comes before its folder' % name)
        checks.true('overwrite-permissions="false"' in
                    parts['PackageInfo'].decode(), 'folders of others')
        for name in PROGRAMS:
            data = [d for n, m, d in files if os.path.basename(n) == name and
                    m & 0o170000 == 0o100000]
            with open(fake.program(name), 'rb') as f:
                checks.equal(data, [f.read()], name)
        info = parts['PackageInfo'].decode()
        checks.true('numberOfFiles="%d"' % len(files) in info, info)
        for name, mode, data in read_cpio(parts['Scripts'])[1:]:
            checks.equal(mode, 0o100755, name)
            checks.equal(subprocess.run(['sh', '-n'], input=data).returncode,
                         0, name)


def test_reproducible():
    """Other folders, another day, another umask, time zone, language and home:
    the same bytes of every package."""
    names = ['tar-linux-x86_64', 'tar-linux-aarch64', 'pkg-macos-arm64',
             'pkg-macos-x86_64']
    if shutil.which('dpkg-deb'):
        names += ['deb-linux-x86_64', 'deb-linux-aarch64']
    if shutil.which('rpmbuild'):
        names += ['rpm-linux-x86_64', 'rpm-linux-aarch64']
    if shutil.which('wixl') and shutil.which('msibuild'):
        names += ['msi-windows-x86_64']
    sums = []
    for umask, zone, language in ((0o022, 'UTC', 'C'),
                                  (0o077, 'Asia/Tokyo', 'C.UTF-8')):
        with tempfile.TemporaryDirectory(prefix='cs-%s-' % zone[-3:]) as where:
            os.makedirs(os.path.join(where, 'deeper', 'tmp'))
            out = pack(*names, where=os.path.join(where, 'deeper'),
                       umask=umask,
                       env=dict(os.environ, TZ=zone, LC_ALL=language,
                                HOME=where, USER=zone, TMPDIR=os.path.join(
                                    where, 'deeper', 'tmp')))
            with open(os.path.join(out, 'SHA256SUMS')) as f:
                sums.append(f.read())
    checks.equal(sums[0], sums[1])
    checks.equal(len(sums[0].splitlines()), len(names) + 1)


def test_checksums_and_sbom():
    names = ['tar-linux-x86_64', 'pkg-macos-arm64']
    out = pack(*names)
    r = subprocess.run(['sha256sum', '-c', '--strict', 'SHA256SUMS'], cwd=out,
                       stdout=subprocess.PIPE)
    checks.equal(r.returncode, 0)
    with open(os.path.join(out, 'SHA256SUMS')) as f:
        sums = {name: digest for digest, name in
                (line.split() for line in f)}
    # Of everything that is there, the SBOM too.
    checks.equal(sorted(list(sums) + ['SHA256SUMS']), sorted(os.listdir(out)))
    with open(only(out, '.spdx.json')) as f:
        text = f.read()
    for word in (out, TOP, fake.ROOT, os.path.expanduser('~') + '/'):
        checks.true(word not in text, word)
    check_spdx(json.loads(text), {
        name: digest for name, digest in sums.items() if
        not name.endswith('.spdx.json')})


LIBRARIES = {'Mbed TLS': 'Apache-2.0', 'cJSON': 'MIT', 'libsodium': 'ISC',
             'libuv': 'MIT', 'zlib': 'Zlib'}
RUNTIMES = {'musl': 'MIT', 'mingw-w64 runtime': 'ZPL-2.1',
            'libgcc': 'GPL-3.0-or-later WITH GCC-exception-3.1',
            'compiler-rt': 'Apache-2.0 WITH LLVM-exception'}


def check_spdx(doc, files):
    """What SPDX 2.3 requires, and what it has to say here."""
    checks.equal((doc['spdxVersion'], doc['SPDXID'], doc['dataLicense']),
                 ('SPDX-2.3', 'SPDXRef-DOCUMENT', 'CC0-1.0'))
    checks.true(re.fullmatch(r'[a-z]+:[^#\s]+', doc['documentNamespace']),
                'namespace')
    checks.true(doc['name'], 'name')
    info = doc['creationInfo']
    checks.true(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ',
                             info['created']), 'created')
    for who in info['creators']:
        checks.true(re.match(r'(Tool|Organization|Person): ', who), who)
    ids = [p['SPDXID'] for p in doc['packages']]
    checks.equal(len(ids), len(set(ids)), 'ids')
    for p in doc['packages']:
        checks.true(re.fullmatch(r'SPDXRef-[A-Za-z0-9.-]+', p['SPDXID']),
                    p['SPDXID'])
        checks.true(p['name'] and p['downloadLocation'], str(p))
        checks.true(p['downloadLocation'] == 'NOASSERTION' or
                    p['downloadLocation'].startswith('https://'), str(p))
        checks.true(p['filesAnalyzed'] is False and
                    'packageVerificationCode' not in p, str(p))
        for c in p.get('checksums', ()):
            checks.true(c['algorithm'] == 'SHA256' and re.fullmatch(
                '[0-9a-f]{64}', c['checksumValue']), str(c))
    kinds = {}
    for p in doc['packages']:
        kinds.setdefault(p['primaryPackagePurpose'], []).append(p)
    checks.equal({p['name']: p['licenseConcluded'] for p in kinds['LIBRARY']},
                 dict(LIBRARIES, **RUNTIMES))
    with open(os.path.join(TOP, 'scripts/deps.lock')) as f:
        lock = f.read()
    for p in kinds['LIBRARY']:
        checks.true(p['name'] in RUNTIMES or re.search(
            r'(?m)^\S+ %s \S+ %s %s ' % (
                re.escape(p['versionInfo']), re.escape(p['packageFileName']),
                p['checksums'][0]['checksumValue']), lock), p['name'])
    checks.equal({p['packageFileName']: p['checksums'][0]['checksumValue']
                  for p in kinds['INSTALL']}, files)
    main, = kinds['APPLICATION']
    got = [(r['spdxElementId'], r['relationshipType'],
            r['relatedSpdxElement']) for r in doc['relationships']]
    want = [('SPDXRef-DOCUMENT', 'DESCRIBES', main['SPDXID'])] + \
        [(main['SPDXID'], 'STATIC_LINK', p['SPDXID'])
         for p in kinds['LIBRARY']] + \
        [(main['SPDXID'], 'GENERATES', p['SPDXID'])
         for p in kinds['INSTALL']]
    checks.equal(sorted(got), sorted(want))


if __name__ == '__main__':
    try:
        checks.main(globals(), jobs=3)
    finally:
        for made in _made.values():
            shutil.rmtree(os.path.dirname(made), ignore_errors=True)
