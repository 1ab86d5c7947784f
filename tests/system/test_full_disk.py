"""test_full_disk.py - no room: nothing new begins, what has begun is recorded.
SPDX-License-Identifier: Apache-2.0

The state folder is a small file system of its own: ext4 in a file, or a tmpfs
with a size where there are no loop devices.
"""
import hashlib
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))

from countersign import checks, control, disk, dsse, owner	# noqa: E402
from countersign.agent import Agent			# noqa: E402

MIB = 1 << 20


class Small(Agent):
    """An agent whose state folder is on a disk of `size` MiB."""

    def __init__(self, kind='ext4', size=24, **more):
        self.kind, self.size = kind, size
        self.mount = None
        try:
            super().__init__(**more)
        except BaseException:
            self.unmount()
            raise

    def settings(self):
        if self.mount is None:
            self.make()
        self.state = os.path.join(self.mount, 'state')
        return super().settings()

    def make(self):
        self.mount = os.path.join(self.dir, 'disk')
        os.mkdir(self.mount)
        image = os.path.join(self.dir, 'image')
        if self.kind == 'ext4':
            with open(image, 'wb') as f:
                f.truncate(self.size * MIB)
            commands = (['mkfs.ext4', '-q', '-m', '0', image],
                        ['mount', '-o', 'loop', image, self.mount])
        else:
            commands = (['mount', '-t', 'tmpfs', '-o',
                         'mode=0755,size=%dm' % self.size, 'none',
                         self.mount],)
        for argv in commands:
            try:
                r = subprocess.run(argv, stdin=subprocess.DEVNULL,
                                   capture_output=True, timeout=60)
            except FileNotFoundError as e:
                raise checks.Skip('nothing can be mounted here') from e
            if r.returncode != 0:
                self.mount = None
                raise checks.Skip('nothing can be mounted here')

    def unmount(self):
        if self.mount is not None:
            subprocess.run(['umount', self.mount], stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=60, check=False)
            self.mount = None

    def __exit__(self, kind, value, trace):
        # The folder below is removed: not what is mounted in it.
        self.stop()
        mounted, self.mount = self.mount, None
        if mounted is not None:
            subprocess.run(['umount', mounted], stdin=subprocess.DEVNULL,
                           timeout=60, check=True)
        super().__exit__(kind, value, trace)

    def fill(self):
        """Takes every byte that is left."""
        fd = os.open(os.path.join(self.mount, 'filler'),
                     os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            for piece in (b'x' * MIB, b'x' * 4096, b'x'):
                try:
                    while os.write(fd, piece) == len(piece):
                        pass
                except OSError:
                    pass
            os.fsync(fd)
        finally:
            os.close(fd)

    def free(self):
        os.unlink(os.path.join(self.mount, 'filler'))
        os.sync()

    def take(self, kind, env):
        """By the control socket: None, or the word of the refusal."""
        return control.submit(self.socket, kind, env)

    def refused_for_room(self, path):
        """Offers cards until one is refused: there is some slack."""
        for _ in range(300):
            env = self.card('echo x >> %s' % path)
            word = self.take('card', env)
            if word is not None:
                checks.equal(word, 'disk_full', 'word')
                return env
        raise AssertionError('a full disk takes cards for ever')


def small(kind, **more):
    if os.geteuid() != 0:
        checks.skip('needs root')
    return Small(kind, **more)


def running(a, command='echo up; read y < %s; echo late', **change):
    fifo = os.path.join(a.dir, 'fifo-' + os.urandom(4).hex())
    os.mkfifo(fifo)
    d, got = a.pending(command % fifo, **change)
    a.approve(d, got)
    a.peer.wait(lambda: a.peer.transcript(d)[0] == b'up\n', 'output')
    return d, got, fifo


def go(fifo):
    with open(fifo, 'w') as f:
        f.write('go\n')


def end(a):
    a.stop()
    payloads, _ = disk.journal(a.state)
    return disk.verify(a, still_open(payloads))


def still_open(payloads):
    out = set()
    for p in payloads:
        r = json.loads(p)
        if r['kind'] == 'card_received':
            out.add(r['card'])
        elif r['kind'] in disk.ENDS and not r.get('running'):
            out.discard(r['card'])
    return out


def nothing_new_and_nothing_lost(kind):
    with small(kind) as a:
        m, late = a.marker(), a.marker()
        denied, denied_got = a.pending('echo x >> %s' % m)
        vetoed, _ = a.pending('echo x >> %s' % m)
        kept, kept_got = a.pending('echo x >> %s' % late)
        d, got, fifo = running(a)
        a.fill()
        env = a.refused_for_room(m)
        # Nor by way of the console; it stays refused without an end.
        a.send('card', env)
        # What runs ends, and that is on disk.
        go(fifo)
        r = a.peer.record('exec_result', card=d)
        checks.equal((r['outcome'], r['exit_code']), ('finished', 0))
        # People can still say no.
        a.approve(denied, denied_got, decision='deny', reason='no')
        a.peer.record('denied', card=denied)
        control.veto(a.socket, vetoed, 'no')
        a.peer.record('vetoed', card=vetoed)
        control.lockdown(a.socket, True, 'fire')
        a.peer.record('lockdown')
        control.lockdown(a.socket, False, 'over')
        a.peer.record('lockdown_lifted')
        checks.equal(a.peer.all('card_received',
                                card=owner.digest_of(env)), [])
        checks.true(not os.path.exists(m), 'it ran')
        # It goes on once there is room.
        a.free()
        checks.equal(a.take('card', env), None, 'taken')
        got = a.peer.record('card_received', card=owner.digest_of(env))
        a.approve(owner.digest_of(env), got)
        a.peer.record('exec_result', card=owner.digest_of(env))
        a.approve(kept, kept_got)
        a.peer.record('exec_result', card=kept)
        checks.true(os.path.exists(late) and os.path.exists(m),
                    'it did not run')
        end(a)


def test_full_ext4():
    nothing_new_and_nothing_lost('ext4')


def test_full_tmpfs():
    nothing_new_and_nothing_lost('tmpfs')


def test_an_approved_card_waits_for_room():
    with small('ext4') as a:
        m = a.marker()
        first, got, fifo = running(a)
        d, got = a.pending('echo x >> %s' % m)
        a.approve(d, got)
        a.peer.record('approval_accepted', card=d)
        a.fill()
        a.refused_for_room(m)
        go(fifo)
        a.peer.record('exec_result', card=first)
        # Several turns later it waits still; also after a restart.
        a.refused_for_room(m)
        a.stop()
        a.start()
        a.refused_for_room(m)
        checks.equal([r['kind'] for r in a.peer.all(card=d)],
                     ['card_received', 'approval_accepted'])
        a.free()
        # Any input has it looked at again.
        a.pending('true')
        r = a.peer.record('exec_result', card=d)
        checks.equal((r['outcome'], os.path.exists(m)), ('finished', True))
        end(a)


def test_a_card_waits_for_room_for_its_output():
    """All transcripts have 2 GiB together; the oldest go after 7 days."""
    with Agent() as a:
        m = a.marker()
        old, r = a.run('echo x')
        path = os.path.join(a.state, 'transcripts', old[7:])
        a.stop()
        os.truncate(path, (2 << 30) - 4096)	# takes no real room
        now = os.stat(path).st_mtime
        a.start()
        d, got = a.pending('echo x >> %s' % m)
        a.approve(d, got)
        a.peer.record('approval_accepted', card=d)
        a.pending('true')
        checks.equal(a.peer.all('exec_intent', card=d), [])
        os.utime(path, (now, now - 8 * 86400))
        a.pending('true')
        r = a.peer.record('exec_result', card=d)
        checks.equal((r['outcome'], os.path.exists(m)), ('finished', True))
        checks.true(not os.path.exists(path), 'it stays')


def test_output_on_a_full_disk_is_cut_and_said():
    with small('ext4', size=32) as a:
        d, got, fifo = running(
            a, 'echo up; read y < %s; head -c 3000000 /dev/zero; exit 5',
            limits={'timeout_s': 60, 'memory_mb': 512, 'processes': 64,
                    'output_bytes': 8 * MIB})
        a.fill()
        go(fifo)
        r = a.peer.record('exec_result', card=d)
        checks.equal((r['outcome'], r['exit_code'], r['truncated']),
                     ('finished', 5, True))
        checks.equal(r['stdout_bytes'], 3000003)
        checks.true(r['stdout_kept'] < 3000003, 'kept')
        card = bytes.fromhex(d[7:])
        a.peer.wait(lambda: len(a.peer.output[card]) ==
                    r['transcript_bytes'], 'transcript')
        checks.equal('sha256:' + hashlib.sha256(
            a.peer.output[card]).hexdigest(), r['transcript_hash'])
        a.free()
        d, r = a.run('echo all')
        checks.equal((r['truncated'], a.peer.transcript(d)[0] or b'all\n'),
                     (False, b'all\n'))
        end(a)


def test_starts_on_a_full_disk():
    """Also after a crash, with a card that ran."""
    with small('ext4') as a:
        m = a.marker()
        d, got, _ = running(a)
        pending, pending_got = a.pending('echo x >> %s' % m)
        a.fill()
        a.refused_for_room(m)
        for how in ('kill', 'stop'):
            if how == 'kill':
                a.gate.kill()
                a.gate.wait()
            else:
                a.stop()
            n = a.peer.connections
            a.start(wait=False)
            a.peer.wait(lambda: a.peer.connections > n, 'connection')
            a.peer.record('exec_interrupted', card=d)
            a.refused_for_room(m)
        a.approve(pending, pending_got, decision='deny')
        a.peer.record('denied', card=pending)
        a.free()
        d, r = a.run('true')
        checks.equal(r['outcome'], 'finished')
        checks.true(not os.path.exists(m), 'it ran')
        end(a)


def test_a_flood_of_refusals_does_not_use_the_reserve():
    with small('ext4') as a:
        pending, got = a.pending('true')
        d, _, fifo = running(a)
        a.fill()
        stranger = dsse.new_key()
        for _ in range(500):
            payload = owner.text(a.owner.card_doc(a.device, 'true'))
            a.send('card', dsse.sign(dsse.type_of('card'), payload,
                                     [stranger]))
            a.approve(pending, dict(got, device_nonce='A' * 22))
        go(fifo)
        a.peer.record('exec_result', card=d)
        a.approve(pending, got, decision='deny')
        a.peer.record('denied', card=pending)
        end(a)


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
