#!/usr/bin/python3
"""test_console_restored.py - a console, or a device, from an older copy.
SPDX-License-Identifier: Apache-2.0
Runs in: make check.

A real agent and a console whose database is put back to an earlier backup: it
catches up. Where the device has meanwhile removed its oldest records by age
(its boot-time clock is moved on in a time name space) it gets their hashes,
goes on from there, and says which records it never had.
"""
import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from countersign import (checks, control, dsse, fake, link,	# noqa: E402
                         owner, tlog)
from countersign.desk import desk				# noqa: E402
from test_console_agent import (approve, audit, office,		# noqa: E402
                                output, propose)
from test_export import climb, read_proof			# noqa: E402
from test_console_tamper import (alarmed, ask, check_everywhere,	# noqa: E402
                                 clock, device, log_of)


def device_of(k, a):
    return k.c.get('/v1/devices/' + a.id)


def run(k, a, command='echo done'):
    """A card from the proposal to its end; its digest."""
    digest, pending = propose(k, a, command)
    approve(k, a, digest, pending)
    with k.c.events(digest) as events:
        out, end = output(events)
    checks.equal((out, end['state']), (b'done\n', 'finished'))
    return digest


def backup(k, name='backup'):
    """The console's database as it is now."""
    path = os.path.join(k.c.dir, name + '.db')
    k.c.command('backup', path)
    return path


def restore(k, path):
    """The console loses its database, and gets that one instead."""
    k.c.kill()
    for end in ('', '-wal', '-shm'):
        try:
            os.unlink(os.path.join(k.c.data, 'console.db' + end))
        except FileNotFoundError:
            pass
    shutil.copy(path, os.path.join(k.c.data, 'console.db'))
    shutil.rmtree(os.path.join(k.c.data, 'transcripts'), ignore_errors=True)
    k.c.start()


def socket_of(a):
    return os.path.join(a.dir, 'gate.sock')


def journal_of(a):
    return control.status(socket_of(a))['journal']


def synced(k, a):
    """Waits until the console has all that the device has; how many."""
    checks.until(lambda: device_of(k, a)['records'] ==
                 journal_of(a)['records'], 'record')
    return device_of(k, a)['records']


def start_later(a, seconds):
    """Starts the agent with its boot-time clock moved on by so much."""
    a.process = subprocess.Popen(
        ['unshare', '--time', '--boottime', str(seconds),
         fake.program('countersignd'), '--config', a.config],
        stdin=subprocess.DEVNULL, stdout=a.log, stderr=a.log)
    checks.until(lambda: status(a) is not None or
                 a.process.poll() is not None, 'agent')
    checks.equal(a.process.poll(), None, 'exit code')


def note(k, a):
    """Two small records, without the console."""
    env = k.o.card(a.id, 'true')
    checks.equal(control.submit(socket_of(a), 'card', env), None)
    checks.equal(control.veto(socket_of(a), owner.digest_of(env), 'no'), None)


def settle(k, a):
    """All that the device has is here, and under a checkpoint."""
    note(k, a)
    n = synced(k, a)
    checks.until(lambda: device_of(k, a)['checkpoint'] >= n, 'checkpoint')


def fill_a_segment(k, a):
    """Records of 4 KiB until the journal's second segment has begun."""
    more = [(os.urandom(48).hex(), os.urandom(64)) for _ in range(15)]
    while len(os.listdir(os.path.join(a.dir, 'state', 'journal'))) < 3:
        env = k.o.card(a.id, 'true')
        env['signatures'] += [{'keyid': i, 'sig': dsse.b64(s)}
                              for i, s in more]
        checks.equal(control.submit(socket_of(a), 'card', env), None)
        checks.equal(control.veto(socket_of(a), owner.digest_of(env), 'x'),
                     None)


def segments(a):
    """The first indexes of its segments."""
    return sorted(int(n[:16], 16) for n in os.listdir(
        os.path.join(a.dir, 'state', 'journal')) if '.seg' in n)


def can_move_time():
    if subprocess.run(['unshare', '--time', '--boottime', '1', 'true'],
                      capture_output=True).returncode != 0:
        checks.skip('no time name space can be made here')


# ---- the console is older ----

def test_a_console_from_an_older_backup():
    """The device is ahead of it: it takes the rest again, and nothing is
    wrong."""
    with office() as (k, a):
        first = run(k, a)
        path = backup(k)
        second = run(k, a)
        pending, _ = propose(k, a, 'true')
        n = synced(k, a)
        restore(k, path)
        checks.true(device_of(k, a)['records'] < n, 'it is not older')
        synced(k, a)
        d = device_of(k, a)
        checks.equal((d['alarm'], d['alarms'], d['missing'], d['forked']),
                     (None, [], [], False))
        for digest, state in ((first, 'finished'), (second, 'finished'),
                              (pending, 'pending')):
            checks.equal(k.c.get('/v1/cards/' + digest)['state'], state)
        # What it cosigned since is asked for again, from where it is now.
        size = d['checkpoint']
        run(k, a)
        checks.until(lambda: device_of(k, a)['checkpoint'] > size,
                     'checkpoint')
        checks.equal(device_of(k, a)['alarms'], [])
        audit(k, a)


def test_a_console_older_than_what_the_device_has_kept():
    """The device has removed its oldest records: their hashes come, and all
    that follows; and it is told what was never here."""
    can_move_time()
    with office() as (k, a):
        first = run(k, a)
        waits, _ = propose(k, a, 'true')
        n = synced(k, a)
        path = backup(k)
        checks.equal(control.veto(socket_of(a), waits, 'no'), None)
        k.c.kill()
        fill_a_segment(k, a)
        until = segments(a)[1]
        checks.true(until % 256 == 0 and until > n, until)
        # A year and more of running: two starts, one to say so and one to
        # remove what is that old.
        for _ in range(2):
            a.stop()
            start_later(a, 500 * 86400)
            note(k, a)
        checks.until(lambda: segments(a)[0] > 0, 'pruning')
        checks.equal(segments(a), [until])
        k.c.start()
        restore(k, path)
        synced(k, a)
        alarm, = device_of(k, a)['alarms']
        checks.equal((alarm['kind'], alarm['first'], alarm['ours'],
                      alarm['theirs']), ('missing', n, str(n), str(until)))
        checks.true('%d to %d' % (n, until - 1) in alarm['text'],
                    alarm['text'])
        checks.equal(device_of(k, a)['missing'],
                     [{'first': n, 'until': until}])
        text = k.c.command('devices')[1]
        checks.true('(%d to %d missing)' % (n, until - 1) in text, text)
        # A card that was open: its end is known from the state behind.
        lost = k.c.get('/v1/cards/' + waits)
        checks.equal((lost['state'], lost['reason']), ('vetoed', 'veto'))
        checks.equal(k.c.get('/v1/cards/' + first)['state'], 'finished')
        # It works as before, through a restart of either too, ...
        run(k, a)
        k.c.kill()
        k.c.start()
        digest, pending = propose(k, a, 'echo done')
        a.stop()
        start_later(a, 500 * 86400)
        checks.equal(len(device_of(k, a)['alarms']), 1)
        approve_again(k, a, digest)
        # ... cosigns, and its export verifies, records of before and all.
        settle(k, a)
        audit(k, a)
        check_export(k, a, n, until)
        check_tiles(k, a, n, until)
        check_proofs(k, a)
        check_verify(k, a, n, until)
        check_no_record(k, a, until)


def approve_again(k, a, digest):
    """With the nonce that the device has now."""
    with k.c.events(digest) as events:
        events.until('state', state='pending')
        pending = k.c.get('/v1/cards/%s/pending' % digest)
        approve(k, a, digest, pending)
        out, end = output(events)
    checks.equal((out, end['state']), (b'done\n', 'finished'))


def check_export(k, a, n, until):
    """journal/ behind the gap, earlier/ before it; every record in the tree
    whose root the device has signed."""
    data = k.c.request('GET', '/v1/journal/%s?export=tar' % a.id)[2]
    with tarfile.open(fileobj=io.BytesIO(data)) as t:
        files = {m.name: t.extractfile(m).read() for m in t}
    leaves = files['tiles/0']
    held = {}
    for name, content in files.items():
        if name.startswith(('journal/', 'earlier/')):
            at = 0
            while at < len(content):
                size = int.from_bytes(content[at:at + 4], 'little')
                index = int.from_bytes(content[at + 8:at + 16], 'little')
                held[index] = tlog.leaf(content[at + 16:at + 16 + size])
                at += 16 + size
            checks.true((min(held) == 0) or name.startswith('journal/'),
                        name)
    checks.equal(sorted(held), [i for i in range(len(leaves) // 32)
                                if i < n or i >= until])
    for i, hash_ in held.items():
        checks.equal(leaves[32 * i:32 * i + 32], hash_, 'leaf %d' % i)
    size = int(files['checkpoint'].split(b'\n')[1])
    checks.equal(tlog.root([leaves[32 * i:32 * i + 32]
                            for i in range(size)]),
                 base64.b64decode(files['checkpoint'].split(b'\n')[2]))


def check_proofs(k, a):
    """Other programs' evidence, of a journal without its genesis."""
    at = os.path.join(k.c.dir, 'proofs')
    r = a.cli('audit', 'export', os.path.join(k.c.dir, 'export.tar'),
              '--proofs', at)
    checks.equal(r.returncode, 0, r.stderr.decode())
    with open(os.path.join(at, 'log.vkey')) as f:
        key = f.read().strip()
    checks.equal(key, device_of(k, a)['vkey'])
    names = [x for x in os.listdir(os.path.join(at, 'records'))
             if x.endswith('.tlog-proof')]
    checks.true(len(names) > 5, names)
    for name in names:
        index, path, note_ = read_proof(os.path.join(at, 'records', name))
        tlog.check_signature(key, note_)
        with open(os.path.join(at, 'records', '%d.json' % index), 'rb') as f:
            leaf = tlog.leaf(f.read())
        size, root = note_.split('\n')[1:3]
        checks.equal(climb(leaf, index, int(size), path),
                     base64.b64decode(root))
    if shutil.which('ssh-keygen') is None:
        return
    r = subprocess.run(['sh', 'commands'], cwd=at, capture_output=True)
    checks.equal((r.returncode, r.stdout.count(b'Good "countersign')),
                 (0, 2), r.stdout.decode() + r.stderr.decode())


def check_verify(k, a, n, until):
    """The auditor says what there is of before, and the console's alarms."""
    path = os.path.join(k.c.dir, 'export.tar')
    r = a.cli('audit', 'verify', path, '--json')
    doc = json.loads(r.stdout)
    checks.equal((r.returncode, doc['first'], doc['earlier']),
                 (0, until, n))
    checks.equal([(x['kind'], x['first']) for x in doc['alarms']],
                 [('missing', n)])
    text = a.cli('audit', 'verify', path).stdout.decode()
    checks.true('\nearlier      %d records' % n in text and
                'missing from record %d on' % n in text, text)
    # One of them is another: the tree has the hash of what it was.
    with open(path, 'rb') as f:
        data = f.read()
    at = data.index(b'{"kind":"card_received"', data.index(
        b'earlier/0000000000000000.seg'))
    size = int.from_bytes(data[at - 16:at - 12], 'little')
    record = data[at:at + size].replace(b'"ai-1"', b'"ai-2"', 1)
    index = int.from_bytes(data[at - 8:at], 'little')
    head = data[at - 16:at - 12], data[at - 8:at]
    crc = crc32c(head[0] + head[1] + record).to_bytes(4, 'little')
    other = os.path.join(k.c.dir, 'other.tar')
    with open(other, 'wb') as f:
        f.write(data[:at - 12] + crc + head[1] + record + data[at + size:])
    r = a.cli('audit', 'verify', other, '--json')
    doc = json.loads(r.stdout)
    checks.equal((r.returncode, doc['wrong'], doc['index']),
                 (3, 'root', index))


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def check_no_record(k, a, until):
    """One that is not there any more is said to be that."""
    path = os.path.join(k.c.dir, 'export.tar')
    r = a.cli('audit', 'export', path, '--record', str(until - 1))
    checks.equal((r.returncode, r.stdout), (1, b''))
    checks.true(b'removed by age: the journal begins with %d' % until
                in r.stderr, r.stderr)
    r = a.cli('audit', 'export', path, '--record', str(until))
    checks.equal((r.returncode, len(r.stdout.splitlines())), (0, 1))


def check_tiles(k, a, n, until):
    """As tlog-tiles: all hashes, and no bundle with a hole in it."""
    at = '/v1/logs/%s/%s/tile/' % (k.o.org, a.id)

    def place(i):
        return '%03d' % i if i < 1000 else 'x%03d/%03d' % divmod(i, 1000)

    checks.equal(k.c.request('GET', at + '0/' + place(0))[0], 200)
    checks.equal(k.c.request('GET', at + 'entries/' + place(0))[0], 404)
    checks.equal(k.c.request('GET', at + 'entries/%s.p/%d' % (
        place(0), n))[0], 200)
    checks.equal(k.c.request('GET', at + 'entries/%s.p/%d' % (
        place(0), n + 1))[0], 404)
    checks.equal(k.c.request('GET', at + 'entries/%s.p/1' % place(
        until // 256))[0], 200)


# ---- hashes in the place of records, from a played device ----

def leaves(first, until, hashes):
    return link.put_binary(4, first, until, b''.join(hashes))


def grown(k, n=600):
    """The played device has n records, the console 7 of them."""
    k.d.send(clock(k.d, 6))
    have = len(k.d.journal)
    clock(k.d, n - have)
    return have, [tlog.leaf(r) for r in k.d.journal]


def test_hashes_that_are_those_of_its_records():
    """In two messages, with a cut between; then its checkpoint fits."""
    with desk() as k:
        n, hashes = grown(k)
        k.d.link.binary(leaves(n, 512, hashes[n:100]))
        k.d.wait('have', n=100)
        k.d.connect()
        checks.equal(k.d.prove(), 100)
        k.d.link.binary(leaves(100, 512, hashes[100:512]))
        k.d.wait('have', n=512)
        k.d.send(512)
        alarm, = device(k)['alarms']
        checks.equal((alarm['kind'], alarm['first'], alarm['ours'],
                      alarm['theirs']), ('missing', n, str(n), '512'))
        check_everywhere(k, 'missing')
        checks.equal(ask(k.d, log_of(k.d).request(0))[0], 200)
        checks.equal(len(device(k)['alarms']), 1)
        # It has gone on: what is sent to it is what it was.
        env, _ = k.post()
        checks.equal(k.d.envelope('card'), env)
        # Through a restart, and acknowledged, it still says what is missing.
        k.c.kill()
        k.c.start()
        k.c.command('devices', 'clear-alarm', k.d.id, '--reason', 'known')
        checks.equal((device(k)['alarms'], device(k)['missing']),
                     ([], [{'first': n, 'until': 512}]))
        k.d.connect()
        checks.equal(k.d.prove(), 600)


def test_hashes_that_are_others():
    with desk() as k:
        n, hashes = grown(k)
        hashes[300] = os.urandom(32)
        k.d.link.binary(leaves(n, 512, hashes[n:512]))
        k.d.wait('have', n=512)
        k.d.send(512)
        checks.equal(ask(k.d, log_of(k.d).request(0))[0], 422)
        checks.equal([a['kind'] for a in device(k)['alarms']],
                     ['missing', 'fork'])


def test_hashes_for_what_was_signed_before():
    """A checkpoint ahead of the records is compared as the hashes come."""
    with desk() as k:
        n, hashes = grown(k)
        checks.equal(ask(k.d, log_of(k.d).request(0, 400))[0], 200)
        hashes[399] = os.urandom(32)
        k.d.link.binary(leaves(n, 512, hashes[n:512]))
        checks.until(lambda: len(device(k)['alarms']) == 2, 'alarms')
        checks.equal(sorted(a['kind'] for a in device(k)['alarms']),
                     ['fork', 'missing'])
        checks.equal(device(k)['forked'], True)


def test_hashes_in_the_wrong_place():
    with desk() as k:
        n, hashes = grown(k)
        for body in (leaves(n + 1, 512, hashes[n + 1:512]),
                     leaves(n - 1, 512, hashes[n - 1:512]),
                     leaves(0, 512, hashes[:512]),
                     leaves(n, 512, []), leaves(n, n - 1, []),
                     leaves(n, n + 1, hashes[n:n + 2]),
                     leaves(n, 1 << 63, hashes[n:n + 2]),
                     leaves(n, 512, hashes[n:512])[:-1],
                     b'\x04', b'\x04' + bytes(15)):
            k.d.link.binary(body)
            k.d.link.ended()
            k.d.connect()
            checks.equal(k.d.prove(), n)
        checks.equal((device(k)['alarms'], device(k)['missing']), ([], []))
        # None missing, a state follows: nothing to say.
        k.d.link.binary(leaves(n, n, []))
        k.d.send(n)
        checks.equal((device(k)['alarms'], device(k)['missing']), ([], []))


def test_no_end_of_gaps_is_taken():
    """A hostile device makes one after the other."""
    with desk() as k:
        k.d.send(clock(k.d, 6))
        for i in range(64):
            n = len(k.d.journal)
            clock(k.d, 2)
            k.d.link.binary(leaves(n, n + 1, [tlog.leaf(k.d.journal[n])]))
            k.d.send(n + 1)
        n = len(k.d.journal)
        clock(k.d, 2)
        k.d.link.binary(leaves(n, n + 1, [tlog.leaf(k.d.journal[n])]))
        k.d.link.ended()
        checks.equal(len(device(k)['missing']), 64)
        checks.equal(device(k)['records'], n)


def snapshot(d, index):
    """What a device without cards and files stands for (PROTOCOL.md, 7)."""
    def text(t):
        return len(t).to_bytes(4, 'little') + t.encode()

    def number(n):
        return n.to_bytes(8, 'little')

    return b''.join((
        b'\1\0\0\0', text(d.owner.org), text(d.id), d.public, bytes(32),
        text('countersign-pin:1:%s:%s:1.1.1.1.1' % (d.owner.org, '0' * 64)),
        number(index), number(1), number(1), number(1),
        b'\0', text(''), text(''), text(''), (text('') + bytes(32)) * 4,
        number(0), bytes(32), number(0), number(0), bytes(4),
        number(0), number(1) * 5, bytes(4), bytes(4), bytes(4)))


def test_cards_whose_end_was_never_here():
    """The state behind the gap does not know them any more: nobody does."""
    with desk() as k:
        running = k.running()
        _, pending, _ = k.pending()
        n, hashes = grown(k, 768)
        blob = snapshot(k.d, 768)
        hash_ = hashlib.sha256(blob).digest()
        k.d.record('state', format=1, epoch=0, running_ms=1,
                   digest='sha256:' + hash_.hex(),
                   floor='2026-01-01T00:00:00Z', files=[])
        k.d.blobs[768] = [(hash_, blob)]
        k.d.link.binary(leaves(n, 768, hashes[n:]))
        k.d.send(768)
        checks.equal([a['kind'] for a in device(k)['alarms']], ['missing'])
        for digest in (running, pending):
            card = k.c.get('/v1/cards/' + digest)
            checks.equal((card['state'], card['reason']),
                         ('interrupted', 'records_missing'))
            checks.equal(k.c.request('GET', '/v1/cards/%s/pending' %
                                     digest)[0], 409)
        # New cards live as ever, through a restart too.
        _, digest, _ = k.pending()
        k.c.kill()
        k.c.start()
        k.d.connect()
        k.d.prove()
        k.d.record('vetoed', card=digest, by='local:root')
        k.d.send()
        checks.equal(k.state(digest), 'vetoed')
        checks.equal(len(device(k)['alarms']), 1)


def test_a_state_that_does_not_read():
    """Its cards stand still, and it is said; its records are kept."""
    with desk() as k:
        _, digest, _ = k.pending()
        n, hashes = grown(k, 768)
        k.d.record('state', format=1, epoch=0, running_ms=0,
                   digest='sha256:' + '1' * 64,
                   floor='2026-01-01T00:00:00Z', files=[])
        k.d.record('vetoed', card=digest, by='local:root')
        k.d.link.binary(leaves(n, 768, hashes[n:]))
        k.d.send(768)
        checks.equal([a['kind'] for a in device(k)['alarms']],
                     ['missing', 'other'])
        checks.equal(device(k)['records'], 770)
        checks.equal(k.state(digest), 'pending')


# ---- the device is older ----

def test_a_device_from_an_older_copy():
    """Its disk is put back: an alarm here, and a lockdown there."""
    with office() as (k, a):
        run(k, a)
        settle(k, a)
        a.stop()
        state = os.path.join(a.dir, 'state')
        shutil.copytree(state, state + '.old')
        old = len(journal_bytes(state))
        a.start()
        checks.until(lambda: status(a) is not None, 'agent')
        run(k, a)
        settle(k, a)
        n = device_of(k, a)['records']
        a.stop()
        shutil.rmtree(state)
        os.rename(state + '.old', state)
        checks.true(len(journal_bytes(state)) == old, 'the copy')
        a.start()
        checks.until(lambda: device_of(k, a)['alarms'], 'alarm')
        alarm = device_of(k, a)['alarms'][0]
        checks.equal((alarm['kind'], alarm['ours']), ('rollback', str(n)))
        checks.until(lambda: 'journal_rolled_back' in json.dumps(status(a)),
                     'lockdown')
        # Nothing of ours was touched: the copy here is the later one.
        checks.equal(device_of(k, a)['records'], n)
        k.c.kill()
        k.c.start()
        checks.equal(device_of(k, a)['alarms'][0], alarm)
        audit(k, a)


def test_a_machine_that_was_cloned():
    """Two with one identity, each with a past of its own, connect in turn: the
    second one's own signature is the proof, and it locks itself."""
    with office() as (k, a):
        run(k, a)
        settle(k, a)
        a.stop()
        state = os.path.join(a.dir, 'state')
        shutil.copytree(state, state + '.clone')
        a.start()
        checks.until(lambda: status(a) is not None, 'agent')
        note(k, a)
        settle(k, a)
        n = device_of(k, a)['records']
        a.stop()
        # The clone lives on without the console, and longer.
        os.rename(state, state + '.first')
        os.rename(state + '.clone', state)
        k.c.kill()
        a.start()
        checks.until(lambda: status(a) is not None, 'agent')
        while journal_of(a)['records'] < n + 20:
            note(k, a)
        k.c.start()
        checks.until(lambda: device_of(k, a)['alarms'], 'alarm')
        alarm = device_of(k, a)['alarms'][0]
        checks.equal(alarm['kind'], 'fork')
        checks.until(lambda: 'journal_tampered' in json.dumps(status(a)),
                     'lockdown')
        # The first goes on; that there was another stays said.
        a.stop()
        shutil.rmtree(state)
        os.rename(state + '.first', state)
        a.start()
        checks.until(lambda: device_of(k, a)['connected'], 'connection')
        checks.equal(device_of(k, a)['alarms'][0], alarm)
        checks.equal(device_of(k, a)['records'], n)


def status(a):
    """Its status; None before it listens, and while it begins anew."""
    try:
        return control.status(socket_of(a))
    except (OSError, ValueError):
        return None


def journal_bytes(state):
    folder = os.path.join(state, 'journal')
    out = b''
    for name in sorted(os.listdir(folder)):
        if name.endswith('.seg'):
            with open(os.path.join(folder, name), 'rb') as f:
                out += f.read()
    return out


if __name__ == '__main__':
    checks.main(globals())
