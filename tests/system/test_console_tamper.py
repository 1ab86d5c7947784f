#!/usr/bin/python3
"""test_console_tamper.py - journals that fork, roll back or are cut.
SPDX-License-Identifier: Apache-2.0
Runs in: make check.

A played device changes its past in every way that a console can see. Each is
an alarm that stays, says what differs, and repairs nothing.
"""
import io
import json
import os
import sys
import tarfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from countersign import checks, fake, link, tlog		# noqa: E402
from countersign.console import Stream				# noqa: E402
from countersign.desk import desk, refused			# noqa: E402
from countersign.device import Ended				# noqa: E402


def clock(d, n=1, reason='a'):
    first = len(d.journal)
    for _ in range(n):
        d.record('clock', reason=reason, by='local:root',
                 floor='2026-01-01T00:00:00Z')
    return first


def log_of(d):
    log = tlog.Log('%s/%s' % (d.owner.org, d.id), d.key)
    log.leaves = [tlog.leaf(r) for r in d.journal]
    return log


def ask(d, body):
    d.link.text(link.checkpoint(body))
    m = d.wait('cosignature')
    return m['status'], m['body']


def hex_(hash_):
    return 'sha256:' + hash_.hex()


def device(k):
    return k.c.get('/v1/devices/' + k.d.id)


def alarmed(k, n=1):
    """Waits for that many open alarms; they."""
    checks.until(lambda: len(device(k)['alarms']) >= n, 'alarms')
    alarms = device(k)['alarms']
    checks.equal(len(alarms), n)
    return alarms


def evidence(k):
    """The export's evidence/: name -> bytes; and its journal."""
    data = k.c.request('GET', '/v1/journal/%s?export=tar' % k.d.id)[2]
    with tarfile.open(fileobj=io.BytesIO(data)) as t:
        files = {m.name: t.extractfile(m).read() for m in t}
    journal = b''.join(files[n] for n in sorted(files)
                       if n.startswith('journal/'))
    return {n[9:]: d for n, d in files.items()
            if n.startswith('evidence/')}, journal


def entries(data):
    out, at = [], 0
    while at < len(data):
        n = int.from_bytes(data[at:at + 4], 'little')
        out.append((int.from_bytes(data[at + 8:at + 16], 'little'),
                    data[at + 16:at + 16 + n]))
        at += 16 + n
    return out


def check_everywhere(k, kind):
    """List, metrics, command, log: all of them know."""
    listed = [d for d in k.c.get('/v1/devices')['devices']
              if d['id'] == k.d.id][0]
    checks.equal(listed['alarms'], device(k)['alarms'])
    checks.true(listed['alarm'] is not None, 'no text')
    metrics = k.c.request('GET', '/metrics')[2].decode()
    checks.true('countersign_devices_alarmed 1\n' in metrics, 'metrics')
    checks.true('countersign_alarms{kind="%s"} ' % kind in metrics, kind)
    text = k.c.command('devices')[1]
    checks.true('ALARM' in text and kind in text, text)
    doc = json.loads(k.c.command('devices', '--json')[1])
    checks.true(kind in [a['kind'] for a in doc['alarms']], doc)
    checks.equal(k.c.read_log().count('kind=' + kind), len(
        [a for a in listed['alarms'] if a['kind'] == kind]))


# ---- forks ----

def test_two_records_at_one_index():
    with desk() as k:
        k.d.send(clock(k.d, 5))
        ours = list(k.d.journal)
        k.d.journal[3] = ours[3].replace(b'"a"', b'"b"')
        clock(k.d, 2, 'c')
        k.d.post(3)
        a, = alarmed(k)
        checks.equal((a['kind'], a['first'], a['ours'], a['theirs']), (
            'fork', 3, hex_(tlog.leaf(ours[3])),
            hex_(tlog.leaf(k.d.journal[3]))))
        check_everywhere(k, 'fork')
        # What follows is evidence and no part of the journal, also later.
        checks.until(lambda: k.c.get('/v1/alarms/%d' % a['id'])[
                         'evidence'] >= 3, 'evidence')
        k.d.connect()
        checks.equal(k.d.prove(), 6)
        clock(k.d, 70, 'd')
        k.d.post(6)
        k.d.post(0)
        checks.until(lambda: k.c.get('/v1/alarms/%d' % a['id'])[
                         'evidence'] >= 73, 'evidence')
        checks.equal(device(k)['records'], 6)
        checks.equal(device(k)['forked'], True)
        files, journal = evidence(k)
        checks.equal([r for _, r in entries(journal)], ours)
        theirs = b''.join(files[n] for n in sorted(files)
                          if n.endswith('.seg'))
        checks.equal(entries(theirs), [
            (i, r) for i, r in enumerate(k.d.journal)
            if i >= len(ours) or r != ours[i]])
        doc = json.loads(files['alarm-%d.json' % a['id']])
        checks.equal((doc['kind'], doc['first']), ('fork', 3))
        # Nothing is sent to it, and nobody thinks that it runs anything.
        env = k.o.card(k.d.id, 'true')
        digest = k.c.post('/v1/cards', env)['digest']
        checks.equal(k.state(digest), 'undelivered')
        # It stays through a crash, and through a person's look.
        k.c.kill()
        k.c.start()
        checks.equal(alarmed(k), [a])
        k.c.command('devices', 'clear-alarm', k.d.id, '--reason', 'seen')
        checks.equal(device(k)['alarms'], [])
        k.d.connect()
        checks.equal(k.d.prove(), 6)
        k.d.post(0)
        checks.equal(device(k)['forked'], True)
        checks.equal(device(k)['records'], 6)


def test_a_root_that_is_not_ours():
    with desk() as k:
        k.d.send(clock(k.d, 5))
        log = log_of(k.d)
        checks.equal(ask(k.d, log.request(0, 4))[0], 200)
        log.leaves[5] = tlog.leaf(b'other')
        note = log.note()
        checks.equal(ask(k.d, log.request(4))[0], 422)
        a, = alarmed(k)
        checks.equal((a['kind'], a['first'], a['ours'], a['theirs']), (
            'fork', 4, hex_(log_of(k.d).leaves and tlog.root(
                log_of(k.d).leaves)), hex_(tlog.root(log.leaves))))
        check_everywhere(k, 'fork')
        # The device's own signature proves it.
        whole = k.c.get('/v1/alarms/%d' % a['id'])
        import base64
        proof = base64.b64decode(whole['proof']).decode()
        checks.equal(tlog.check_signature(device(k)['vkey'], proof),
                     note.rsplit('\n\n', 1)[0] + '\n')
        # The same again is no news; and what we cosigned is what it was.
        checks.equal(ask(k.d, log.request(4))[0], 422)
        alarmed(k)
        k.d.start(enrol=False)
        checks.true('\n4\n' in k.d.welcome['checkpoint'], 'welcome')


def test_two_roots_for_one_size_over_http():
    """Whoever finds the other note may bring it: the signature tells."""
    with desk() as k:
        k.d.send(clock(k.d, 5))
        log = log_of(k.d)
        checks.equal(ask(k.d, log.request(0))[0], 200)
        log.leaves[2] = tlog.leaf(b'other')
        status, _, _ = k.c.request('POST', '/add-checkpoint',
                                   log.request(6).encode(), user=None)
        checks.equal(status, 422)
        a, = alarmed(k)
        checks.equal(a['kind'], 'fork')
        # The open link knows at once: what it sends now is evidence.
        k.d.post(clock(k.d))
        checks.until(lambda: k.c.get('/v1/alarms/%d' % a['id'])[
                         'evidence'] >= 1, 'evidence')
        checks.equal(device(k)['records'], 6)


def test_a_stranger_raises_no_alarm():
    with desk() as k:
        k.d.send(clock(k.d, 5))
        log = log_of(k.d)
        checks.equal(ask(k.d, log.request(0))[0], 200)
        fake_ = tlog.Log(log.origin)
        fake_.leaves = log.leaves[:3]
        for body in (fake_.request(0), log.request(0, 2), 'x'):
            k.c.request('POST', '/add-checkpoint', body.encode(), user=None)
        checks.equal(device(k)['alarms'], [])


# ---- rollback, cut ----

def test_a_cut_end():
    with desk() as k:
        k.d.send(clock(k.d, 5))
        checks.equal(ask(k.d, log_of(k.d).request(0, 3))[0], 200)
        kept = list(k.d.journal)
        del k.d.journal[4:]
        k.d.connect()
        checks.equal(k.d.prove(), 6)
        checks.true('\n3\n' in k.d.welcome['checkpoint'], 'welcome')
        a, = alarmed(k)
        checks.equal((a['kind'], a['first'], a['ours'], a['theirs']),
                     ('cut', 4, '6', '4'))
        check_everywhere(k, 'cut')
        # The same again is no news. With its records back it goes on, and
        # the alarm stays.
        k.d.connect()
        k.d.prove()
        alarmed(k)
        k.d.journal[:] = kept
        k.d.connect()
        checks.equal(k.d.prove(), 6)
        k.d.send(clock(k.d))
        checks.equal(device(k)['records'], 7)
        alarmed(k)


def test_a_rollback_below_its_own_checkpoint():
    with desk() as k:
        k.d.send(clock(k.d, 5))
        checks.equal(ask(k.d, log_of(k.d).request(0))[0], 200)
        del k.d.journal[2:]
        k.d.connect()
        checks.equal(k.d.prove(), 6)
        a, = alarmed(k)
        checks.equal((a['kind'], a['first'], a['ours'], a['theirs']),
                     ('rollback', 2, '6', '2'))
        check_everywhere(k, 'rollback')
        # It goes on from there with other records: a fork besides.
        clock(k.d, 3, 'z')
        k.d.post(2)
        kinds = [a['kind'] for a in alarmed(k, 2)]
        checks.equal(kinds, ['rollback', 'fork'])


def test_a_smaller_checkpoint_than_before():
    with desk() as k:
        k.d.send(clock(k.d, 5))
        log = log_of(k.d)
        checks.equal(ask(k.d, log.request(0))[0], 200)
        checks.equal(ask(k.d, log.request(0, 4)), (409, '6\n'))
        a, = alarmed(k)
        checks.equal((a['kind'], a['first'], a['ours'], a['theirs']),
                     ('rollback', 4, '6', '4'))


def test_gone_back_and_grown_again():
    """More records than before, of another past: the checkpoint tells."""
    with desk() as k:
        k.d.send(clock(k.d, 5))
        log = log_of(k.d)
        checks.equal(ask(k.d, log.request(0))[0], 200)
        del k.d.journal[3:]
        clock(k.d, 6, 'other')
        k.d.connect()
        checks.equal(k.d.prove(), 6)
        k.d.post(6)
        k.d.wait('have', n=9)
        changed = log_of(k.d)
        checks.equal(ask(k.d, changed.request(6))[0], 422)
        a, = alarmed(k)
        checks.equal((a['kind'], a['first']), ('fork', 6))


def test_records_that_are_withheld():
    """It signs on and on, and what it signed for does not come."""
    with desk() as k:
        k.d.send(clock(k.d, 5))
        log = log_of(k.d)
        checks.equal(ask(k.d, log.request(0))[0], 200)
        n = len(k.d.journal)
        clock(k.d, 3)
        checks.equal(ask(k.d, log_of(k.d).request(n))[0], 200)
        checks.equal(device(k)['alarms'], [])
        clock(k.d, 2)
        checks.equal(ask(k.d, log_of(k.d).request(n + 3))[0], 200)
        a, = alarmed(k)
        checks.equal((a['kind'], a['first']), ('other', n))
        checks.true('%d records' % (n + 3) in a['text'] and
                    'only %d' % n in a['text'], a)
        check_everywhere(k, 'other')
        # They come after all: it stays said, and all is as it was signed.
        k.d.send(n)
        clock(k.d)
        k.d.send()
        checks.equal(ask(k.d, log_of(k.d).request(n + 5))[0], 200)
        checks.equal(alarmed(k), [a])
        checks.equal(device(k)['forked'], False)


def test_signed_for_another_log():
    """Its own key under another origin is nobody's checkpoint."""
    with desk() as k:
        k.d.send(clock(k.d, 5))
        log = log_of(k.d)
        checks.equal(ask(k.d, log.request(0, 3))[0], 200)
        for origin in ('other.example/' + k.d.id, log.origin + '/epoch-1',
                       k.o.org + '/d-' + 'a' * 26):
            other = tlog.Log(origin, k.d.key)
            other.leaves = log.leaves
            checks.equal(ask(k.d, other.request(0))[0], 404)
            # Named for the log, and the text is another's.
            text = tlog.checkpoint(origin, log.leaves)
            checks.equal(ask(k.d, tlog.request(0, [], tlog.signed(
                text, log.key)))[0], 404)
        checks.equal(device(k)['alarms'], [])
        checks.equal(device(k)['checkpoint'], 3)


# ---- acknowledging ----

def test_an_acknowledgement_is_a_record_of_its_own():
    with desk() as k:
        k.c.user('op', 'operator')
        k.c.user('eye', 'auditor')
        k.c.user('else', 'operator', org='other.example')
        k.d.send(clock(k.d, 5))
        k.d.journal.pop()
        k.d.connect()
        k.d.prove()
        a, = alarmed(k)
        path = '/v1/alarms/%d' % a['id']
        say = {'reason': 'disk was replaced, ticket 12'}
        refused(404, 'unknown_alarm', k.c.post, path + '/acknowledge', say,
                'else')
        checks.equal(k.c.get('/v1/alarms', 'else')['alarms'], [])
        refused(403, 'not_allowed', k.c.post, path + '/acknowledge', say,
                'eye')
        for bad in ({}, {'reason': ''}, {'reason': 'x', 'y': 1},
                    {'reason': 'a\nb'}, {'reason': 'x' * 300}):
            refused(400, 'bad_reason', k.c.post, path + '/acknowledge', bad,
                    'op')
        done = k.c.post(path + '/acknowledge', say, 'op')
        checks.equal((done['acknowledged']['by'],
                      done['acknowledged']['reason']), ('op', say['reason']))
        refused(409, 'acknowledged', k.c.post, path + '/acknowledge', say,
                'op')
        d = device(k)
        checks.equal((d['alarm'], d['alarms']), (None, []))
        metrics = k.c.request('GET', '/metrics')[2].decode()
        checks.true('countersign_devices_alarmed 0\n' in metrics, 'metrics')
        # Who, when and why are kept, and shown.
        whole = k.c.get('/v1/alarms', 'eye')['alarms']
        checks.equal([x['acknowledged'] for x in whole],
                     [done['acknowledged']])
        checks.equal(k.c.get('/v1/alarms?open=true')['alarms'], [])
        checks.true('op (disk was replaced' in k.c.command('alarms')[1],
                    'command')
        for q in ('open=x', 'limit=0', 'after=x'):
            checks.equal(k.c.request('GET', '/v1/alarms?' + q)[0], 400)
        for n in ('0', '999', 'x', '9' * 30):
            checks.equal(k.c.request('GET', '/v1/alarms/' + n)[0], 404)
        # Another cut is another alarm.
        k.d.journal.pop()
        k.d.connect()
        k.d.prove()
        b, = alarmed(k)
        checks.true(b['id'] != a['id'] and b['first'] == 4, str(b))


def test_alarms_live():
    with desk() as k:
        c = k.c.connect()
        c.request('GET', '/v1/events', headers={
            'Authorization': 'Bearer ' + k.c.tokens['admin']})
        got = []
        with Stream(c, c.getresponse()) as events:
            def read():
                for event in events:
                    got.append(event)
                    return

            t = threading.Thread(target=read)
            t.start()
            k.d.send(clock(k.d, 5))
            k.d.journal.pop()
            k.d.connect()
            k.d.prove()
            t.join(fake.LIMIT)
            checks.true(got, 'no event')
        name, id_, data = got[0]
        checks.equal((name, data['kind'], data['device']),
                     ('alarm', 'cut', k.d.id))
        # A reader that comes later gets what is open; again: what is new.
        for last, n in ((None, 1), (id_, 0)):
            c = k.c.connect()
            head = {'Authorization': 'Bearer ' + k.c.tokens['admin']}
            if last is not None:
                head['Last-Event-ID'] = last
                del k.d.journal[2:]
                k.d.connect()
                k.d.prove()
            c.request('GET', '/v1/events', headers=head)
            with Stream(c, c.getresponse()) as events:
                for _, _, e in events:
                    checks.equal(e['first'], 5 if n else 2)
                    break


def test_a_flood_of_alarms_has_an_end():
    with desk() as k:
        k.d.send(clock(k.d, 130))
        while len(k.d.journal) > 5:
            k.d.journal.pop()
            k.d.connect()
            try:
                k.d.prove()
            except Ended:
                pass
        checks.equal(len(device(k)['alarms']), 100)


if __name__ == '__main__':
    checks.main(globals())
