"""test_sandbox.py - what an approved command that turns hostile can reach.
SPDX-License-Identifier: Apache-2.0

probe/ tries what such a command might, in each profile, through a real agent.
golden/ has what it may still do; one thing more is a failure. Every probe must
succeed where nothing confines it, or it proves nothing.
"""
import atexit
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'system', 'lib'))

from countersign import checks, fake			# noqa: E402
from countersign.agent import Agent			# noqa: E402

PROBE = os.path.join(fake.OUT, 'hostile', 'probe')
SECRET = 'cs-probe-secret-' + os.urandom(6).hex()
SYSFS = ('/sys/kernel/mm/ksm/run', '/sys/kernel/mm/transparent_hugepage/'
         'enabled', '/sys/power/state', '/sys/kernel/uevent_helper',
         '/sys/module/printk/parameters/time')
CGROUP = ('/sys/fs/cgroup/unified/cgroup.procs', '/sys/fs/cgroup/cgroup.procs')
PROFILE = {'observe': {'profile': 'observe', 'net': 'view', 'read': 'user'},
           'repair': {'profile': 'repair', 'net': 'none', 'read': 'all'}}
libc = ctypes.CDLL(None, use_errno=True)


def first(paths):
    return next((p for p in paths if os.path.exists(p)), paths[0])


def write(path, text='x', mode=0o644):
    with open(path, 'w') as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def made_by_us(path, text='x'):
    """Makes it, for as long as we run, if it is not there."""
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, text, 0o600)
        atexit.register(lambda: os.path.exists(path) and os.remove(path))
    return path


class Fixture:
    """Things to steal and to break, outside of what a card may touch."""

    def __init__(self):
        # Not below /tmp: each payload has its own there.
        self.dir = tempfile.mkdtemp(prefix='cs-hostile-', dir='/opt')
        os.chmod(self.dir, 0o755)
        atexit.register(shutil.rmtree, self.dir, True)
        self.keep = []
        for name, mode in (('folder', 0o755), ('open', 0o777),
                           ('declared', 0o777)):
            os.mkdir(self.path(name))
            os.chmod(self.path(name), mode)
        shutil.copy(PROBE, self.path('probe'))
        shutil.copy(PROBE, self.path('suid'))
        os.chmod(self.path('suid'), 0o4755)
        self.facts = {
            'folder': self.path('folder'), 'open': self.path('open'),
            'declared': self.path('declared'), 'suid': self.path('suid'),
            'spool': first(('/var/spool/cron/crontabs', '/var/spool/cron',
                            '/var/spool')),
            'shadow_backup': made_by_us('/var/backups/shadow.bak'),
            'sysfs': first(SYSFS), 'cgroup_procs': first(CGROUP),
            'disk': self._disk(), 'env_secret': SECRET}
        self._restore()
        self._sockets()
        self._ipc()
        self._victim()

    def path(self, name):
        return os.path.join(self.dir, name)

    def _restore(self):
        """What a probe may have broken is whole for the next run."""
        folder = self.path('folder')
        for name in os.listdir(folder):
            at = os.path.join(folder, name)
            shutil.rmtree(at) if os.path.isdir(at) and \
                not os.path.islink(at) else os.remove(at)
        for name in ('file', 'remove', 'move'):
            write(os.path.join(folder, name))
        for name in ('open', 'declared'):
            for old in os.listdir(self.path(name)):
                at = os.path.join(self.path(name), old)
                shutil.rmtree(at) if os.path.isdir(at) and \
                    not os.path.islink(at) else os.remove(at)
        write(os.path.join(self.path('declared'), 'set-id'), mode=0o4755)
        for key, at in (('tmp_file', '/tmp'), ('shm_file', '/dev/shm')):
            self.facts[key] = write(os.path.join(at, os.path.basename(
                self.dir)), mode=0o644)
            atexit.register(lambda p=self.facts[key]:
                            os.path.exists(p) and os.remove(p))

    def _disk(self):
        for name in sorted(os.listdir('/sys/block')):
            path = '/dev/' + name
            if not name.startswith(('loop', 'ram', 'zram')) and \
                    os.path.exists(path):
                return path
        return '/dev/no-disk'

    def _sockets(self):
        def bound(family, kind, address, listen=True):
            s = socket.socket(family, kind)
            s.bind(address)
            if listen:
                s.listen(64)
            self.keep.append(s)
            return s

        tcp = bound(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', 0))
        self.facts['tcp'] = tcp.getsockname()[1]
        udp = bound(socket.AF_INET, socket.SOCK_DGRAM, ('127.0.0.1', 0), False)
        self.facts['udp'] = udp.getsockname()[1]
        self.facts['tcp6'] = 1
        try:
            s = bound(socket.AF_INET6, socket.SOCK_STREAM, ('::1', 0))
            self.facts['tcp6'] = s.getsockname()[1]
        except OSError:
            pass
        self.facts['unix'] = self.path('socket')
        bound(socket.AF_UNIX, socket.SOCK_STREAM, self.facts['unix'])
        os.chmod(self.facts['unix'], 0o600)
        self.facts['abstract'] = os.path.basename(self.dir)
        bound(socket.AF_UNIX, socket.SOCK_STREAM,
              '\0' + self.facts['abstract'])

    def _ipc(self):
        key = int.from_bytes(os.urandom(3), 'big') + 1
        ident = libc.shmget(key, 4096, 0o1666)
        checks.true(ident >= 0, 'shmget')
        atexit.register(libc.shmctl, ident, 0, None)
        name = '/' + os.path.basename(self.dir)
        old = os.umask(0)
        mq = libc.mq_open(name.encode(), os.O_RDWR | os.O_CREAT, 0o666, None)
        os.umask(old)
        checks.true(mq >= 0, 'mq_open')
        atexit.register(libc.mq_unlink, name.encode())
        self.facts.update(shm_key=key, mq=name)

    def _victim(self):
        self.victim = subprocess.Popen(['/bin/cat'], stdin=subprocess.PIPE,
                                       stdout=subprocess.DEVNULL)
        atexit.register(self.victim.kill)
        with open('/proc/%d/maps' % self.victim.pid) as f:
            at = f.readline().split('-')[0]
        self.facts.update(victim=self.victim.pid, victim_address='0x' + at)

    def write(self, **more):
        """The file of facts; its path."""
        self._restore()
        facts = dict(self.facts, **more)
        return write(self.path('facts'), ''.join(
            '%s=%s\n' % f for f in facts.items()))


_fixture = None
_lock = threading.Lock()


def fixture():
    global _fixture
    if os.geteuid() != 0:
        checks.skip('needs root')
    with _lock:
        if _fixture is None:
            _fixture = Fixture()
        return _fixture


class Target(Agent):
    """An agent whose state lies where a payload could look for it."""

    def __init__(self, fx):
        tempfile.tempdir = fx.dir
        try:
            super().__init__()
        finally:
            tempfile.tempdir = None
        self.fx = fx
        self.files['policy'] = self.owner.policy(repair_write=[
            {'groups': ['lab'], 'roots': [fx.path('declared')]}])
        self.greet()

    def start(self, wait=True, env=None):
        return super().start(wait, dict(os.environ, CS_PROBE=SECRET))

    def facts(self):
        return self.fx.write(state=self.state, control=self.socket,
                             gate=self.gate_pid())

    def try_(self, *names, profile, facts=None, **change):
        """{(group, name): word} of the probes, run by a card."""
        card = dict(PROFILE[profile], write=[], services=[], survivors='kill')
        if profile == 'repair':
            card['write'] = [self.fx.path('declared')]
        card.update(change)
        command = ' '.join(['exec', self.fx.path('probe'),
                            facts or self.facts()] + list(names))
        digest, r = self.run(command, **card)
        out, err = self.output(digest, r)
        checks.equal((r['outcome'], r.get('exit_code')), ('finished', 0),
                     (err or str(r).encode()).decode()[:300])
        return parse(out), r

    def output(self, digest, r):
        self.peer.wait(lambda: len(self.peer.output.get(
            bytes.fromhex(digest[7:]), b'')) >= r['transcript_bytes'])
        return self.peer.transcript(digest)


def parse(out):
    return {tuple(line.split()[:2]): line.split()[2]
            for line in out.decode().splitlines()}


def golden(name):
    out = set()
    with open(os.path.join(HERE, 'golden', name)) as f:
        for line in f:
            if line.strip() and not line.startswith('#'):
                out.add(tuple(line.split()[:2]))
    return out


def landlock(r):
    """The version that a result says was in force."""
    return int(dict(w.split('=') for w in r['enforced'].split())['landlock'])


def offered(a, profile):
    status = json.loads(subprocess.run(
        [fake.program('countersign'), 'status', '--json', '--socket',
         a.socket], check=True, stdout=subprocess.PIPE).stdout)
    if profile not in status['profiles']:
        checks.skip('%s is not offered here: %s' % (
            profile, json.dumps(status.get('sandbox'))[:200]))


_control = {}


def control():
    """What each probe does as root with nothing around it. Each is alone, and
    has a mount namespace of its own to break."""
    fx = fixture()
    with _lock:
        if _control:
            return _control
        state = fx.path('state')
        os.makedirs(state + '/journal', exist_ok=True)
        write(state + '/device.key')
        write(state + '/journal/0000000000000000.seg')
        at = fx.path('control')
        if not os.path.exists(at):
            s = socket.socket(socket.AF_UNIX)
            s.bind(at)
            s.listen(8)
            fx.keep.append(s)
        names = subprocess.run([PROBE, '--list'], stdout=subprocess.PIPE,
                               check=True).stdout.decode().split()
        leak = os.open('/dev/null', os.O_RDONLY)
        for name in names:
            facts = fx.write(state=state, control=at, gate=fx.victim.pid)
            r = subprocess.run(
                ['unshare', '--mount', '--propagation', 'private', PROBE,
                 facts, name], stdout=subprocess.PIPE, pass_fds=[leak],
                env=dict(os.environ, CS_PROBE=SECRET), timeout=60)
            _control.update(parse(r.stdout))
        os.close(leak)
        return _control


def test_probes_succeed_unconfined():
    got = control()
    failed = {p: w for p, w in got.items() if w != 'ALLOWED'}
    known = golden('unproven')
    for p, word in sorted(failed.items()):
        if p in known:
            print('# proves nothing here: %s %s: %s' % (p + (word,)))
    checks.equal({p: w for p, w in failed.items() if p not in known}, {})
    checks.true(len(got) >= 89, 'only %d probes' % len(got))
    checks.true(len(failed) <= len(got) // 4, 'too many prove nothing')
    print('# %d probes, %d succeed unconfined' % (
        len(got), len(got) - len(failed)))
    fixture().victim.send_signal(signal.SIGCONT)


def confined(profile, may=None, **change):
    proven = {p for p, w in control().items() if w == 'ALLOWED'}
    with Target(fixture()) as a:
        offered(a, profile)
        got, r = a.try_(profile=profile, **change)
        checks.equal(set(got), set(control()), 'probes that were run')
        allowed = {p for p, w in got.items() if w == 'ALLOWED'}
        print('# %s %s: %d of %d probes succeed (%d proven): %s' % (
            profile, change or '', len(allowed), len(got), len(proven),
            ' '.join(sorted(n for _, n in allowed))))
        extra = allowed - (golden(profile) if may is None else may)
        if profile == 'observe' and landlock(r) < 6 and \
                change.get('net') != 'none':
            extra -= golden('observe_before_landlock_6')
        checks.equal(sorted(extra), [], 'reached')
        return a, r


def test_observe():
    confined('observe')


def test_observe_without_network():
    confined('observe', net='none')


def test_observe_with_network():
    """What net=host adds is the network, and nothing else."""
    confined('observe', net='host', may=golden('observe') | {
        ('network', n) for n in ('tcp', 'tcp6', 'udp', 'listen',
                                 'tcp_fast_open')})


def test_observe_that_reads_all():
    """It may read what root may; the agent's own and shadow stay masked."""
    confined('observe', read='all')


def test_repair():
    confined('repair')


def test_repair_view():
    confined('repair', net='view')


def test_repair_with_network():
    confined('repair', net='host', may=golden('repair') | {
        ('network', n) for n in ('tcp', 'tcp6', 'udp', 'listen',
                                 'tcp_fast_open')})


def test_repair_without_roots():
    confined('repair', write=[])


def test_nothing_was_broken():
    """What the probes report is one thing; what there is afterwards another."""
    fx = fixture()
    control()
    for profile in ('observe', 'repair'):
        with Target(fx) as a:
            offered(a, profile)
            facts = a.facts()
            before = seen(fx)
            a.try_(profile=profile, facts=facts)
            checks.equal(seen(fx), before, profile)
            planted = [os.path.join(at, n) for at, _, names in
                       os.walk(fx.path('declared')) for n in names
                       if os.lstat(os.path.join(at, n)).st_mode & 0o6000]
            own = os.path.join(fx.path('declared'), 'set-id')
            checks.equal(planted, [own], 'set-id files')
            with open(own, encoding='ascii') as f:
                checks.equal(f.read(), 'x', 'one that was there')
            checks.equal(fx.victim.poll(), None, 'the victim has ended')


def seen(fx):
    out = {}
    for at, folders, names in os.walk(fx.path('folder')):
        for n in folders + names:
            p = os.path.join(at, n)
            st = os.lstat(p)
            out[p] = (st.st_mode, st.st_uid, st.st_size, st.st_mtime_ns)
    return out


if __name__ == '__main__':
    checks.main(globals(), jobs=1)
