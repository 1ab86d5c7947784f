"""test_console_crash.py - a console that is killed, or whose disk is full.
SPDX-License-Identifier: Apache-2.0

What the console answered for is there after a kill -9; what it did not is
sent again by the device or asked for by the user.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))

from countersign import checks, link, owner			# noqa: E402
from countersign.console import Refused				# noqa: E402
from countersign.desk import desk				# noqa: E402
from countersign.device import Ended, transcript		# noqa: E402


def crash(k):
    """kill -9, and up again; the device's link is gone."""
    k.c.kill()
    k.d.close()
    k.c.start()


def clock(d):
    d.record('clock', reason='a', by='local:root',
             floor='2026-01-01T00:00:00Z')


def journal(k):
    """The payloads that the console has, in order."""
    raw = k.c.request('GET', '/v1/journal/' + k.d.id)[2]
    at, out = 0, []
    while at < len(raw):
        n = int.from_bytes(raw[at:at + 4], 'little')
        out.append(raw[at + 16:at + 16 + n])
        at += 16 + n
    return out


def test_a_card_survives():
    with desk() as k:
        k.d.close()
        env, a = k.post()
        crash(k)
        checks.equal(k.state(a['digest']), 'undelivered')
        checks.equal(k.c.request('POST', '/v1/cards', env)[0], 200)
        k.d.start(enrol=False)
        checks.equal(k.d.envelope('card'), env)


def test_the_main_job_with_a_crash_at_every_step():
    with desk() as k:
        _, digest, nonce = k.pending()
        crash(k)
        checks.equal(k.state(digest), 'pending')
        approval = k.approval(digest, nonce)
        k.c.post('/v1/cards/%s/approvals' % digest, approval)
        crash(k)
        k.d.start(enrol=False)
        checks.equal(k.d.envelope('approval'), approval)
        first = len(k.d.journal)
        k.d.accepted(approval)
        k.d.send(first)
        crash(k)
        checks.equal(k.state(digest), 'approved')
        k.d.start(enrol=False)
        k.d.intent(digest, [owner.digest_of(approval)])
        k.d.started(digest)
        k.d.send(first + 1)
        crash(k)
        checks.equal(k.state(digest), 'running')
        k.d.start(enrol=False)
        data = transcript((1, b'x' * 300000), (2, b'y' * 200000))
        for until in (40, 150000, 400000, len(data)):
            k.d.serve_output(digest, data, until)
            seen = k.c.get('/v1/cards/' + digest)['output']
            crash(k)
            k.d.start(enrol=False)
            if until < len(data):
                m = k.d.wait('credit', card=digest)
                checks.true(seen['transcript_have'] <= m['from'] <= until,
                            str(m))
                k.d.seen.append(m)
        # What the crash took before it was on disk is asked for again.
        have = k.c.get('/v1/cards/' + digest)['output']['transcript_have']
        if have < len(data):
            k.d.serve_output(digest, data)
        k.d.result(digest, data)
        k.d.send()
        with k.c.events(digest) as events:
            checks.equal(events.until('end')['output'], 'complete')
        crash(k)
        whole = k.c.get('/v1/cards/' + digest)
        checks.equal((whole['state'], whole['output']['state']),
                     ('finished', 'complete'))
        out = k.c.request('GET', '/v1/cards/%s/output' % digest)[2]
        checks.equal(len(out), 500000)
        checks.equal(journal(k), k.d.journal)


def test_what_it_said_that_it_has_it_has():
    with desk() as k:
        for round_ in range(8):
            k.d.start(enrol=False)
            have = len(k.d.journal)
            killer = threading.Timer(0.002 * (round_ + 1), k.c.process.kill)
            for _ in range(400):
                clock(k.d)
            killer.start()
            try:
                k.d.post(have)
                while have < len(k.d.journal):
                    have = max(have, k.d.wait('have')['n'])
            except Ended:
                pass
            killer.join()
            crash(k)
            k.d.connect()
            n = k.d.prove()
            checks.true(n >= have, 'it said %d and has %d' % (have, n))
            checks.equal(journal(k), k.d.journal[:n], 'journal')
            k.d.send(n)
        checks.equal(journal(k), k.d.journal, 'journal')
        k.d.start(enrol=False)


def test_users_and_trust_files_survive():
    with desk() as k:
        k.c.user('op', 'operator')
        crash(k)
        checks.equal(k.c.get('/v1/trust/people'), k.files['people'])
        checks.equal(k.c.get('/v1/cards', 'op')['cards'], [])
        # The same authority: the device's pin still holds.
        k.d.start(enrol=False)
        checks.equal(k.c.stop(), 0)
        k.d.close()
        k.c.start()
        k.d.start(enrol=False)


def test_new_names_make_a_new_certificate_of_the_same_authority():
    with desk() as k:
        k.c.stop()
        k.c.settings['agents']['names'] = ['127.0.0.1', 'console.example']
        k.c.write_config()
        k.d.close()
        k.c.start()
        k.d.start(enrol=False)
        checks.equal(k.c.token_file(k.o.org)[1]['ca'], k.d.token['ca'])


def test_events_end_when_it_stops():
    with desk() as k:
        _, digest, _ = k.pending()
        streams = [k.c.events(digest) for _ in range(5)]
        for s in streams:
            s.until('state', state='pending')
        checks.equal(k.c.stop(), 0)
        for s in streams:
            checks.equal(list(s), [])
            s.close()
        checks.true('1001' in k.d.link.ended(), 'no good-bye')
        k.c.start()


def small_disk(megabytes):
    """A folder with little room, or a skip."""
    path = tempfile.mkdtemp(prefix='cs-small-')
    r = subprocess.run(['mount', '-t', 'tmpfs', '-o',
                        'size=%dm,mode=0700' % megabytes, 'tmpfs', path],
                       capture_output=True)
    if r.returncode != 0:
        os.rmdir(path)
        checks.skip('no file system of a size of its own (mount)')
    return path


def test_a_full_disk():
    path = small_disk(6)
    try:
        with desk(data=os.path.join(path, 'data')) as k:
            _, digest, nonce = k.pending()
            filler = os.path.join(path, 'filler')
            with open(filler, 'wb', buffering=0) as f:
                try:
                    while True:
                        f.write(bytes(4096))
                except OSError:
                    pass
            # Nothing more can be kept: nothing is said to be.
            have = len(k.d.journal)
            for _ in range(2000):
                clock(k.d)
            try:
                k.d.send(have)
                raise AssertionError('there was room')
            except Ended as e:
                checks.true('1013' in str(e), str(e))
            refused = 0
            for _ in range(200):
                try:
                    k.c.post('/v1/cards', k.o.card(k.d.id, 'true'))
                except Refused as e:
                    checks.equal(e.status, 507)
                    refused += 1
                    break
            checks.equal(refused, 1)
            checks.equal(k.c.request('GET', '/healthz', user=None)[0], 200)
            checks.equal(k.state(digest), 'pending')
            os.unlink(filler)
            k.d.connect()
            n = k.d.prove()
            k.d.send(n)
            checks.equal(journal(k), k.d.journal)
            k.c.post('/v1/cards', k.o.card(k.d.id, 'true'))
            crash(k)
            checks.equal(journal(k), k.d.journal)
    finally:
        subprocess.run(['umount', '-l', path], check=False)
        shutil.rmtree(path, ignore_errors=True)


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
