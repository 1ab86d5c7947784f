"""test_tamper.py - checkpoints of a real agent, and signs of tampering.
SPDX-License-Identifier: Apache-2.0

The console is a witness that checks each request with trees and notes of its
own (tlog.py). What was put back, cut, removed or changed has the agent lock
itself, say why, run nothing and leave the evidence as it is.
"""
import base64
import hashlib
import json
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))

from countersign import checks, control, link, owner, tlog, ws	# noqa: E402
from countersign.agent import Agent, Peer, LIMIT		# noqa: E402


class Witness(Peer):
    """Cosigns what is consistent with what it cosigned before."""

    def __init__(self):
        super().__init__()
        self.key = tlog.Key('witness.example/w', tlog.COSIGNATURE)
        self.in_root = {'witnesses': [{
            'name': self.key.name, 'key': tlog.b64(self.key.public)}]}
        self.size = 0
        self.root = None
        self.requests = []	# (old, note, status)
        self.status = None	# what it answers instead
        self.welcome = None	# the note that a welcome has
        self.ahead = 0		# how it sets cosignatures' time

    def _talk(self, out):
        read = out.read

        def reading(limit=LIMIT):
            kind, data = read(limit)
            if kind == ws.TEXT:
                m = json.loads(data)
                if m['type'] == 'checkpoint':
                    self.checkpoint(out, m['request'])
            return kind, data

        out.read = reading
        text = out.text

        def saying(data):
            if json.loads(data)['type'] == 'welcome' and self.welcome:
                data = link.welcome(self.welcome)
            text(data)

        out.text = saying
        super()._talk(out)

    def leaf(self, record):
        return tlog.leaf(record)

    def answer(self, request):
        head, note = request.split('\n\n', 1)
        head = head.split('\n')
        assert head[0].startswith('old '), head
        old = int(head[0][4:])
        proof = [base64.b64decode(h, validate=True) for h in head[1:]]
        text, lines = tlog.split_note(note)
        _, size, root = text.split('\n')[:3]
        size = int(size)
        if self.status is not None:
            return old, note, self.status, ''
        if old != self.size:
            return old, note, 409, '%d\n' % self.size
        leaves = [self.leaf(r) for r in self.records]
        assert size <= len(leaves), 'a checkpoint before its records'
        assert tlog.b64(tlog.root(leaves[:size])) == root, 'another root'
        assert proof == tlog.consistency(old, leaves[:size]), 'proof'
        self.size = size
        return old, note, 200, self.key.cosign(
            text, int(time.time()) + self.ahead)

    def checkpoint(self, out, request):
        with self.changed:
            old, note, status, body = self.answer(request)
            self.requests.append((old, note, status))
            out.text(link.cosignature(status, body))
            self.changed.notify_all()

    def cosigned(self, size=None):
        """Waits until all that came (or so many records) is cosigned."""
        self.wait(lambda: self.size >= (size or len(self.records)),
                  'cosignature over %s' % size)


def agent():
    return Agent(peer=Witness)


def status(a):
    with control.Client(a.socket) as c:
        c.put(control.STATUS)
        return json.loads(c.rest()[0][1])


def wait_status(a, condition, what):
    """By the agent's own word; it may be beginning anew just now."""
    end = time.monotonic() + LIMIT
    while True:
        try:
            s = status(a)
            if condition(s):
                return s
        except (OSError, IndexError):
            s = None
        if time.monotonic() > end:
            raise AssertionError('no %s: %r' % (what, s))
        time.sleep(0.02)


def on_disk(a, *name):
    return os.path.join(a.state, *name)


def read(a, *name):
    with open(on_disk(a, *name), 'rb') as f:
        return f.read()


def snapshot(a):
    """Every file of the journal's set, but the flag and what reading makes."""
    out = {}
    for folder, _, names in os.walk(a.state):
        for n in names:
            path = os.path.join(folder, n)
            if n not in ('tampered', 'lock'):
                with open(path, 'rb') as f:
                    out[os.path.relpath(path, a.state)] = f.read()
    return out


def locked(a, reason, before=None):
    """Locked down for that reason, says so, and starts again like that."""
    for again in range(2):
        s = wait_status(a, lambda s: s['lockdown'] is not None, 'lockdown')
        checks.equal((s['lockdown']['source'], s['lockdown']['reason']),
                     ('tamper', reason))
        checks.equal(s['blocked'], 'lockdown')
        with control.Client(a.socket) as c:
            c.put(control.LOCKDOWN, b'\0' + (5).to_bytes(4, 'little') +
                  b'sorry')
            checks.equal(c.get()[0], control.ERROR, 'it was lifted')
        checks.true('ALARM' in a.read_log(), 'no alarm')
        a.stop()
        if before is not None:
            now = snapshot(a)
            checks.equal(sorted(now), sorted(before), 'files')
            checks.true(now == before, 'the evidence was changed')
        if again == 0:
            a.start(wait=False)


# ---- checkpoints ----

def test_checkpoints_are_made_and_cosigned():
    with agent() as a:
        digest, r = a.run('true')
        a.peer.cosigned()
        note = a.peer.requests[-1][1]
        text, lines = tlog.split_note(note)
        origin = '%s/%s' % (a.owner.org, a.device)
        checks.equal(text.split('\n')[0], origin)
        checks.equal([n for n, _, _ in lines][:2],
                     [origin, origin + '/epoch-1'])
        # The device's key, and the epoch's as its record names it.
        genesis, epoch = a.peer.all('genesis')[0], a.peer.all('epoch')[0]
        for name, key in ((origin, genesis['device_key']),
                          (origin + '/epoch-1', epoch['epoch_key'])):
            public = base64.b64decode(key)
            vkey = '%s+%s+%s' % (name, tlog.key_id(
                name, tlog.ED25519, public).hex(),
                tlog.b64(bytes([tlog.ED25519]) + public))
            tlog.check_signature(vkey, note)
        s = wait_status(a, lambda s: s['journal']['cosigned'] == a.peer.size,
                        'cosigned')
        checks.equal(s['journal']['checkpoint']['size'], a.peer.size)
        checks.equal(s['journal']['epoch'], 1)
        checks.equal(s['journal']['witnesses'][0]['name'], a.peer.key.name)
        # On disk: the newest with the line that came, and the witness's.
        name = a.peer.key.id.hex()
        for path in (('checkpoint',), ('cosig', name)):
            tlog.check_cosignature(a.peer.key.vkey, text,
                                   read(a, *path).decode()
                                   .rsplit('\n\n', 1)[1])
        # After a start it is known again, and nothing new is made.
        a.stop()
        kept = read(a, 'checkpoint')
        a.start()
        s = status(a)
        checks.true(s['journal']['cosigned'] is not None, 'forgotten')
        checks.equal(read(a, 'checkpoint'), kept)


def test_a_checkpoint_comes_without_an_end_too():
    """At most 60 s after any record; here it is the start of the next."""
    with agent() as a:
        a.pending('true')
        n = len(a.peer.records)
        a.peer.wait(lambda: a.peer.size >= n, 'checkpoint in time', 75)


def test_conflicts_and_refusals():
    with agent() as a:
        a.run('true')
        a.peer.cosigned()
        # It has lost its memory: 409, and the device begins where it stands.
        a.peer.size = 3
        a.run('true')
        a.peer.cosigned()
        checks.true(409 in [s for _, _, s in a.peer.requests], 'no 409')
        # What it does not want is asked for once.
        a.peer.status = 403
        a.run('true')
        a.peer.wait(lambda: a.peer.requests[-1][2] == 403, '403')
        n = len(a.peer.requests)
        a.peer.status = None
        a.run('true')
        a.peer.cosigned()
        checks.true(len(a.peer.requests) <= n + 3, 'it insists')


def test_a_cosignature_from_the_future_counts_for_nothing():
    with agent() as a:
        a.run('true')
        a.peer.cosigned()
        n = a.peer.size
        wait_status(a, lambda s: s['journal']['cosigned'] == n, 'cosigned')
        a.peer.ahead = 3600
        a.run('true')
        a.peer.cosigned()
        end = time.monotonic() + LIMIT
        while 'from the future' not in a.read_log():
            checks.true(time.monotonic() < end, 'it was not looked at')
            time.sleep(0.02)
        checks.equal(status(a)['journal']['cosigned'], n)
        a.peer.ahead = 0
        a.run('true')
        a.peer.cosigned()
        wait_status(a, lambda s: s['journal']['cosigned'] == a.peer.size,
                    'cosigned')


def test_offline_only_the_newest_is_sent():
    with agent() as a:
        a.run('true')
        a.peer.cosigned()
        with a.peer.changed:
            n = len(a.peer.requests)
            times = a.peer.connections
        a.peer.cut()
        a.peer.wait(lambda: a.peer.connections > times, 'link')
        a.run('true')
        a.peer.cosigned()
        checks.true(len(a.peer.requests) > n, 'nothing came')


# ---- signs of tampering ----

def ran(a):
    """An agent that ran two cards and stopped, all of it cosigned."""
    a.run('true')
    a.run('true')
    a.peer.cosigned()
    a.stop()


def last_segment(a):
    names = sorted(n for n in os.listdir(on_disk(a, 'journal'))
                   if n.endswith('.seg'))
    return on_disk(a, 'journal', names[-1])


def test_the_end_was_cut():
    with agent() as a:
        ran(a)
        path = last_segment(a)
        data = open(path, 'rb').read()
        at = 0
        ends = []
        while at + 16 <= len(data) and data[at:at + 4] != b'\0\0\0\0':
            at += 16 + int.from_bytes(data[at:at + 4], 'little')
            ends.append(at)
        os.truncate(path, ends[-2])
        before = snapshot(a)
        a.start(wait=False)
        locked(a, 'journal_rolled_back', before)


def test_the_checkpoint_was_removed():
    with agent() as a:
        ran(a)
        os.unlink(on_disk(a, 'checkpoint'))
        before = snapshot(a)
        a.start(wait=False)
        locked(a, 'checkpoint_missing', before)


def test_the_checkpoint_was_removed_and_the_end_torn():
    # Alone it would be a crash, whose torn end is cut off.
    with agent() as a:
        ran(a)
        os.unlink(on_disk(a, 'checkpoint'))
        path = last_segment(a)
        os.truncate(path, os.path.getsize(path) - 3)
        before = snapshot(a)
        a.start(wait=False)
        locked(a, 'checkpoint_missing', before)


def test_the_checkpoint_was_changed():
    for change in (lambda b: b.replace(b'\n', b'\nx', 1),
                   lambda b: b[:len(b) // 2], lambda b: b'',
                   lambda b: bytes([b[0] ^ 1]) + b[1:]):
        with agent() as a:
            ran(a)
            data = change(read(a, 'checkpoint'))
            with open(on_disk(a, 'checkpoint'), 'wb') as f:
                f.write(data)
            before = snapshot(a)
            a.start(wait=False)
            locked(a, 'checkpoint_damaged', before)


def test_a_byte_was_flipped():
    with agent() as a:
        ran(a)
        path = last_segment(a)
        with open(path, 'r+b') as f:
            f.seek(200)
            b = f.read(1)
            f.seek(200)
            f.write(bytes([b[0] ^ 4]))
        before = snapshot(a)
        a.start(wait=False)
        locked(a, 'journal_tampered', before)


def test_the_epochs_key_was_removed():
    with agent() as a:
        ran(a)
        os.unlink(on_disk(a, 'epoch.key'))
        before = snapshot(a)
        a.start(wait=False)
        locked(a, 'epoch_key_missing', before)


def test_the_folder_was_put_back():
    """All of it, checkpoint too: only the console's copy can tell."""
    with agent() as a:
        a.run('true')
        a.peer.cosigned()
        a.stop()
        old = a.state + '-old'
        shutil.copytree(a.state, old)
        a.start()
        m = a.marker()
        d, got = a.pending('echo x >> %s' % m)
        a.approve(d, got)
        a.peer.record('exec_result', card=d)
        a.peer.cosigned()
        a.stop()
        shutil.rmtree(a.state)
        os.rename(old, a.state)
        a.peer.welcome = a.peer.requests[-1][1]
        a.start(wait=False)
        locked(a, 'journal_rolled_back')
        checks.true(b'/epoch-1 ' in read(a, 'tampered'), 'no evidence')


def test_a_fork_is_told_by_the_welcome():
    """Put back, and then as long as it was: another root at that size."""
    with agent() as a:
        a.run('true')
        a.peer.cosigned()
        a.stop()
        old = a.state + '-old'
        shutil.copytree(a.state, old)
        a.start()
        a.run('true')
        a.peer.cosigned()
        note = a.peer.requests[-1][1]
        seen = list(a.peer.records)
        n = a.peer.size
        a.stop()
        shutil.rmtree(a.state)
        os.rename(old, a.state)
        # A console that has lost its records hears the other story.
        a.peer.size = 0
        a.peer.records[:] = []
        a.start()
        while len(a.peer.records) <= n:
            a.run('true')
        checks.true(a.peer.records[:n] != seen[:n], 'it is no fork')
        a.stop()
        a.peer.welcome = note
        a.start(wait=False)
        locked(a, 'journal_tampered')


def test_it_ends_by_enrolling_again():
    with agent() as a:
        ran(a)
        was = a.device
        note = read(a, 'checkpoint')
        os.unlink(on_disk(a, 'epoch.key'))
        a.start(wait=False)
        wait_status(a, lambda s: s['lockdown'] is not None, 'lockdown')
        a.stop()
        a.peer.records[:] = []
        a.peer.size = 0
        a.device = a.enrol()
        checks.true(a.device != was, 'the same key')
        a.files['device'] = a.owner.device(a.device)
        a.greet()
        a.start()
        g = a.peer.record('genesis')
        checks.equal(g['previous_device'], was)
        checks.equal(g['previous_checkpoint'].encode(), note)
        checks.equal(status(a)['lockdown'], None)
        checks.true(os.path.exists(on_disk(a, 'old-0', 'tampered')) and
                    os.path.exists(on_disk(a, 'old-0', 'checkpoint')),
                    'the old set is not kept')
        d, r = a.run('true')
        checks.equal(r['exit_code'], 0)
        a.peer.cosigned()


def test_a_flag_of_any_sort_locks():
    with agent() as a:
        ran(a)
        with open(on_disk(a, 'tampered'), 'w') as f:
            f.write('nonsense\n')
        os.chmod(on_disk(a, 'tampered'), 0o600)
        a.start(wait=False)
        s = wait_status(a, lambda s: s['lockdown'] is not None, 'lockdown')
        checks.equal(s['lockdown']['source'], 'tamper')


# ---- many segments ----

def fill(a, segments):
    """So many segments more: cards with all the signatures there may be."""
    policy = a.owner.policy(version=2, limits={
        'pending': 10000, 'pending_per_proposer': 10000})
    a.trust('policy', policy)
    a.peer.record('trust', file='policy', version=2)
    more = [('x' * 120 + '%08d' % i, os.urandom(64)) for i in range(15)]
    sigs = [{'keyid': k, 'sig': tlog.b64(s)} for k, s in more]
    sent = seen = states = 0
    while states < segments:
        env = a.card('true')
        env['signatures'] += sigs
        a.send('card', env)
        sent += 1
        if sent % 50 == 0:
            mark = owner.digest_of(env).encode()
            a.peer.wait(lambda: any(mark in r for r in
                                    a.peer.records[-200:]), 'card_received')
            states += sum(r.startswith(b'{"kind":"state"')
                          for r in a.peer.records[seen:])
            seen = len(a.peer.records)


def test_many_segments():
    """A start begins at the last; each state's epoch is named by the one
    before; a byte in an old segment shows while the agent runs."""
    with agent() as a:
        a.run('true')
        fill(a, 2)
        a.run('true')
        a.peer.cosigned()
        records = [json.loads(r) for r in a.peer.records]
        kinds = [r['kind'] for r in records]
        for i, r in enumerate(records):
            if r['kind'] == 'state':
                checks.equal(kinds[i + 1], 'epoch')
                checks.equal(r['epoch'] + 1, records[i + 1]['epoch'])
                checks.equal(i % 256, 0, 'its place')
                path = on_disk(a, 'blobs', r['digest'][7:])
                checks.equal(r['digest'], 'sha256:' + hashlib.sha256(
                    open(path, 'rb').read()).hexdigest())
        checks.equal(kinds.count('epoch'), kinds.count('state') + 1)
        before = status(a)
        # What is cosigned and sealed is compressed.
        end = time.monotonic() + 4 * LIMIT
        while not [n for n in os.listdir(on_disk(a, 'journal'))
                   if n.endswith('.seg.gz')]:
            checks.true(time.monotonic() < end, 'nothing is compressed')
            time.sleep(0.1)
        a.stop()
        a.start()
        after = status(a)
        checks.equal(after['queue'], before['queue'])
        checks.equal(after['journal']['epoch'], before['journal']['epoch'])
        d, r = a.run('true')
        checks.equal(r['exit_code'], 0)
        a.peer.cosigned()
        a.stop()
        name = sorted(os.listdir(on_disk(a, 'journal')))[0]
        with open(on_disk(a, 'journal', name), 'r+b') as f:
            f.seek(100000)
            b = f.read(1)
            f.seek(100000)
            f.write(bytes([b[0] ^ 1]))
        a.start(wait=False)
        locked(a, 'journal_tampered')


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
