"""test_rotation.py - the years of a device: segments, gzip, pruning, proofs.
SPDX-License-Identifier: Apache-2.0

A real agent, and interop_age, which lets an enrolled device run for as long as
it takes by the agent's own code. What the agent then compresses and removes
the auditor misses nothing of, and what somebody else removes both tell.
"""
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))

from countersign import checks, control, fake, link, tlog	# noqa: E402
from countersign.agent import Agent, LIMIT		# noqa: E402
from test_tamper import (Witness, last_segment, locked, on_disk,  # noqa: E402
                         read, wait_status)

HASH = 32


class Keeper(Witness):
    """Of records that were pruned before they came it has the hashes."""

    def _take(self, out, data):
        kind, what = link.parse_binary(data)
        if kind != 'leaves':
            super()._take(out, data)
            return
        with self.changed:
            if what['first'] == len(self.records):
                for at in range(0, len(what['hashes']), HASH):
                    self.records.append(json.dumps({
                        'kind': 'gone', 'leaf':
                        what['hashes'][at:at + HASH].hex()}).encode())
            out.text(link.have(len(self.records)))
            self.changed.notify_all()

    def leaf(self, record):
        r = json.loads(record)
        return bytes.fromhex(r['leaf']) if r['kind'] == 'gone' else \
            super().leaf(record)


def age(a, segments, days, *clock):
    """While no agent runs."""
    r = subprocess.run(
        [fake.helper('interop_age'), a.config, str(segments), str(days),
         *clock],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    checks.equal(r.returncode, 0, 'interop_age: ' + r.stderr)


def audit(a, path):
    return subprocess.run(
        [a.program('countersign'), 'audit', 'verify', path],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def firsts(a):
    return sorted({int(n[:16], 16) for n in os.listdir(on_disk(a, 'journal'))
                   if '.seg' in n})


def until(condition, what):
    end = time.monotonic() + 4 * LIMIT
    while not condition():
        checks.true(time.monotonic() < end, 'no ' + what)
        time.sleep(0.02)


def has_pruned(a, to):
    until(lambda: firsts(a)[0] == to, 'pruning: %s' % firsts(a))
    # What of it is left is done, too.
    a.run('true')


def leaves_on_disk(a):
    """Of all records there ever were: from the tiles, and those that come
    after the last sealed segment from the journal itself."""
    sealed = firsts(a)[-1]
    data = read(a, 'tiles', '0')
    out = [data[i * HASH:(i + 1) * HASH] for i in range(sealed)]
    with open(last_segment(a), 'rb') as f:
        rest = f.read()
    at = 0
    while at + 16 <= len(rest) and rest[at:at + 4] != b'\0\0\0\0':
        n = int.from_bytes(rest[at:at + 4], 'little')
        out.append(tlog.leaf(rest[at + 16:at + 16 + n]))
        at += 16 + n
    return out


def check_tree(a):
    """The checkpoint's root is that of the tiles, pruned or not; and each
    record that the console ever had stands in it at its place."""
    text, _ = tlog.split_note(read(a, 'checkpoint').decode())
    _, size, root = text.split('\n')[:3]
    leaves = leaves_on_disk(a)[:int(size)]
    checks.equal(len(leaves), int(size), 'hashes')
    checks.equal(tlog.b64(tlog.root(leaves)), root, 'root')
    with a.peer.changed:
        for i, r in enumerate(a.peer.records[:int(size)]):
            checks.true(a.peer.leaf(r) == leaves[i], 'record %d' % i)


def test_pruned_and_verified():
    with Agent(peer=Keeper) as a:
        m = a.marker()
        digest, got = a.pending('echo ran >> %s' % m)
        card = a.approve(digest, got)
        a.peer.record('exec_result', card=digest)
        a.peer.cosigned()
        a.stop()
        age(a, 3, 401)
        whole = firsts(a)
        checks.equal(len(whole), 4, 'segments')
        old = a.state + '-whole'
        shutil.copytree(a.state, old)
        r = audit(a, old)
        checks.true(r.returncode == 0 and 'pruned' not in r.stdout, r)
        # All but the last are older than the 400 days of the policy; the
        # records go to the console first or not, there is no difference.
        a.start()
        has_pruned(a, whole[3])
        a.peer.cosigned()
        a.stop()
        r = audit(a, a.state)
        checks.true(r.returncode == 0 and 'records before %d' % whole[3] in
                    r.stdout, r)
        check_tree(a)
        # A start begins there, and knows what ran before: by the card's own
        # time, not by its record.
        a.start()
        control.submit(a.socket, 'approval', card)
        d, r = a.run('true')
        checks.equal(r['exit_code'], 0)
        checks.equal(open(m).read(), 'ran\n')
        checks.equal(control.status(a.socket)['lockdown'], None)
        a.peer.cosigned()
        a.stop()
        r = audit(a, a.state)
        checks.equal(r.returncode, 0, str(r))
        check_tree(a)


def test_sealed_segments_are_compressed_before_they_go():
    with Agent(peer=Keeper) as a:
        a.run('true')
        a.peer.cosigned()
        a.stop()
        age(a, 3, 1)
        old = a.state + '-plain'
        shutil.copytree(a.state, old)
        a.start()
        a.run('true')
        a.peer.cosigned()
        names = []

        def packed():
            names[:] = os.listdir(on_disk(a, 'journal'))
            return len([n for n in names if n.endswith('.seg.gz')]) == 3 and \
                len([n for n in names if n.endswith('.seg')]) == 1

        until(packed, 'compression')
        a.stop()
        for path in (old, a.state):
            r = audit(a, path)
            checks.equal(r.returncode, 0, str(r))
        check_tree(a)
        age(a, 1, 401)
        a.start()
        until(lambda: len(firsts(a)) == 1, 'pruning')
        a.run('true')
        a.peer.cosigned()
        a.stop()
        r = audit(a, a.state)
        checks.equal(r.returncode, 0, str(r))
        check_tree(a)


def test_trust_files_that_expired_long_ago_stay():
    """Whoever does not renew them has an agent that runs nothing; it does
    not take its own upkeep for tampering."""
    with Agent(peer=Keeper) as a:
        files = {r['digest'][7:] for r in a.peer.all('trust')}
        a.stop()
        age(a, 0, 401, 'clock')
        for _ in range(2):
            # States are made that hold what has expired, and the records that
            # brought it are pruned; then the first of those states is.
            age(a, 2, 401, 'clock')
            last = firsts(a)[-1]
            a.start(wait=False)
            until(lambda: firsts(a)[0] == last, 'pruning')
            wait_status(a, lambda s: s['lockdown'] is None and
                        s['blocked'] is not None, 'status')
            a.stop()
            checks.true(files <= set(os.listdir(on_disk(a, 'blobs'))),
                        'blobs')
        a.start(wait=False)
        wait_status(a, lambda s: s['lockdown'] is None and
                    s['blocked'] is not None, 'status')
        a.stop()
        checks.true(not os.path.exists(on_disk(a, 'tampered')), 'locked')
        r = audit(a, a.state)
        checks.equal(r.returncode, 0, str(r))


def remove_first(a):
    first = '%016x' % firsts(a)[0]
    for n in os.listdir(on_disk(a, 'journal')):
        if n.startswith(first):
            os.unlink(on_disk(a, 'journal', n))


def test_taken_before_their_time():
    """Older than any policy may ask for, but not than this one asks."""
    for days in (1, 200, 399):
        with Agent(peer=Keeper) as a:
            a.run('true')
            a.peer.cosigned()
            a.stop()
            age(a, 2, days)
            remove_first(a)
            r = audit(a, a.state)
            checks.equal(r.returncode, 3, str(r))
            checks.true('before their time' in r.stderr, r)
            a.start(wait=False)
            locked(a, 'journal_tampered')
            checks.true('before their time' in a.read_log(), 'why')


def test_a_longer_policy_of_later_is_no_sign():
    with Agent(peer=Keeper) as a:
        a.trust('policy', a.owner.policy(version=2, retention_days=90))
        a.peer.record('trust', file='policy', version=2)
        a.run('true')
        a.peer.cosigned()
        a.stop()
        age(a, 2, 91)
        last = firsts(a)[-1]
        a.start()
        has_pruned(a, last)
        a.trust('policy', a.owner.policy(version=3, retention_days=2000))
        a.peer.record('trust', file='policy', version=3)
        a.run('true')
        a.peer.cosigned()
        a.stop()
        r = audit(a, a.state)
        checks.equal(r.returncode, 0, str(r))
        a.start()
        d, r = a.run('true')
        checks.equal(r['exit_code'], 0)
        s = wait_status(a, lambda s: True, 'status')
        checks.equal(s['lockdown'], None)
        a.stop()
        checks.true(not os.path.exists(on_disk(a, 'tampered')), 'locked')


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
