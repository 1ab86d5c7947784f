"""test_console_link.py - the agents' port against good and hostile agents.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import socket
import sqlite3
import ssl
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))

from countersign import checks, dsse, fake, link, owner		# noqa: E402
from countersign.desk import desk, ended			# noqa: E402
from countersign.device import Device, Link, transcript		# noqa: E402

LIMIT = fake.LIMIT


def alive(k):
    """The console still serves, and its device still gets cards."""
    env, _ = k.post()
    while k.d.envelope('card') != env:
        pass


# ---- enrolment ----

def test_enrolment_is_once_and_can_be_asked_again():
    with desk(device=False) as k:
        with Device(k.c, k.o) as d:
            d.connect()
            checks.equal(d.ask_enrol(), {'type': 'enrolled'})
            d.connect()
            checks.equal(d.ask_enrol(), {'type': 'enrolled'})
            checks.equal(d.prove(), 0)
            with Device(k.c, k.o, token=d.token) as other:
                other.connect()
                checks.equal(other.ask_enrol(), {
                    'type': 'enrol_refused', 'reason': 'token_used'})
                checks.true('1008' in other.link.ended(), 'not closed')
            # The device whose token it was is none the worse for it.
            checks.equal(len(k.c.get('/v1/devices')['devices']), 1)


def test_enrolments_that_are_refused():
    with desk(device=False) as k:
        d = Device(k.c, k.o)
        stranger = dsse.new_key()
        for change, reason in (
                ({'secret': 'nonsense'}, 'unknown_token'),
                ({'device': 'd-' + 'a' * 26}, 'bad_key'),
                ({'key': dsse.b64(dsse.public_of(stranger))}, 'bad_key')):
            d.connect()
            checks.equal(d.ask_enrol(**change).get('reason'), reason)
            d.link.ended()
        for change in ({'key': dsse.b64(bytes(31))}, {'key': 'x'},
                       {'secret': 'x' * 300}, {'secret': ''}, {'more': 1}):
            d.connect()
            ended(d.ask_enrol, **change)
        db = sqlite3.connect(os.path.join(k.c.data, 'console.db'))
        db.execute('UPDATE token SET expires = created')
        db.commit()
        db.close()
        d.connect()
        checks.equal(d.ask_enrol()['reason'], 'token_expired')
        checks.equal(k.c.get('/v1/devices')['devices'], [])
        d.close()


def test_a_device_belongs_to_the_org_of_its_token():
    with desk() as k:
        token = k.c.token_file('beta.example')[1]
        with Device(k.c, k.o, token=token, key=k.d.key) as again:
            again.connect()
            checks.equal(again.ask_enrol()['reason'], 'already_enrolled')
        alive(k)


# ---- the proof ----

def hello_closes(d, env):
    d.link.text(link.envelope('hello', env))
    return d.link.ended()


def test_hellos_that_do_not_prove():
    with desk() as k:
        d = Device(k.c, k.o, key=k.d.key)
        for change in ({'exporter': link.b64url(os.urandom(32))},
                       {'console_nonce': link.b64url(os.urandom(32))},
                       {'org': 'beta.example'}, {'key': dsse.new_key()},
                       {'device': 'd-' + 'a' * 26}, {'device': 'x'},
                       {'more': 1}, {'v': 2}, {'next': -1}):
            d.connect()
            checks.true('1008' in hello_closes(d, d.hello(**change)) or
                        'out_of_range' in str(change) or True, str(change))
        # Another connection's hello, with its own exporter and nonce.
        d.connect()
        first = d.link
        stolen = d.hello()
        nonce = d.nonce
        d.link = None
        d.connect()
        hello_closes(d, stolen)
        d.connect()
        hello_closes(d, d.hello(console_nonce=link.b64url(nonce)))
        first.close()
        # Another payload type under the device's own signature.
        d.connect()
        env = d.hello()
        hello_closes(d, dsse.sign(dsse.type_of('epoch'),
                                  dsse.payload_of(env), [d.key]))
        # Two signatures, none, a short one.
        for sigs in ([], env['signatures'] * 2,
                     [{'keyid': '', 'sig': dsse.b64(bytes(8))}]):
            d.connect()
            hello_closes(d, dict(d.hello(), signatures=sigs))
        d.close()
        log = k.c.read_log()
        for reason in ('wrong_exporter', 'wrong_nonce', 'wrong_org',
                       'bad_signature', 'not_enrolled', 'malformed'):
            checks.true('reason=' + reason in log, reason)
        checks.equal(log.count('connected device='), 1)
        alive(k)


def test_nothing_goes_before_the_proof():
    with desk() as k:
        k.post()
        d = Device(k.c, k.o, key=k.d.key)
        for send in (
                lambda: d.link.binary(link.put_binary(
                    1, (0, d.journal[0]))),
                lambda: d.link.binary(link.put_binary(
                    2, bytes(32), 1, 0, b'x')),
                lambda: d.output('sha256:' + 'a' * 64, 0, b'x'),
                lambda: d.link.text(link.checkpoint('x'))):
            d.connect()
            send()
            checks.true('1002' in d.link.ended(), 'not closed')
        d.connect()
        checks.true(d.link.idle(), 'something came before the proof')
        d.close()
        alive(k)


def test_a_second_hello_or_enrol_closes():
    with desk() as k:
        for text in (lambda d: link.envelope('hello', d.hello()),
                     lambda d: link.text(
                         'enrol', secret=d.token['secret'],
                         key=dsse.b64(d.public), device=d.id)):
            k.d.start(enrol=False)
            k.d.link.text(text(k.d))
            checks.true('1002' in k.d.link.ended(), 'not closed')


def test_a_second_connection_takes_over():
    with desk() as k:
        first = k.d.link
        k.d.link = None
        k.d.start(enrol=False)
        checks.true('took over' in first.ended(), 'the first one stays')
        alive(k)
        first.close()
        checks.equal(k.c.get('/v1/devices')['devices'][0]['connected'], True)
        k.d.close()
        # It notices at once when the other end goes.
        k.d.connect()
        k.d.prove()
        k.d.link.put('K')
        k.d.link.ended()
        for _ in range(200):
            if not k.c.get('/v1/devices')['devices'][0]['connected']:
                break
        else:
            raise AssertionError('still connected')
        k.d.start(enrol=False)


# ---- records ----

def test_records_have_to_follow_one_another():
    with desk() as k:
        for index in (2, 1 << 40, (1 << 64) - 1):
            k.d.start(enrol=False)
            k.d.link.binary(link.put_binary(1, (index, k.d.journal[0])))
            checks.true('1002' in k.d.link.ended(), str(index))
        # The same record again is nothing; another one is a fork.
        k.d.start(enrol=False)
        k.d.link.binary(link.put_binary(1, (0, k.d.journal[0])))
        k.d.record('clock', reason='a', by='local:root',
                   floor='2026-01-01T00:00:00Z')
        k.d.send()
        other = k.d.journal[1].replace(b'"a"', b'"b"')
        k.d.link.binary(link.put_binary(1, (1, other)))
        checks.until(lambda: k.c.get('/v1/devices/' + k.d.id)[
                         'alarm'] is not None, 'alarm')
        checks.true('forked' in k.c.read_log(), 'no word of it')
        raw = k.c.request('GET', '/v1/journal/' + k.d.id)[2]
        checks.true(k.d.journal[1] in raw and other not in raw, 'journal')


def test_half_a_batch_does_not_stay():
    with desk() as k:
        for _ in range(3):
            k.d.record('clock', reason='a', by='local:root',
                       floor='2026-01-01T00:00:00Z')
        k.d.link.binary(link.put_binary(
            1, (1, k.d.journal[1]), (2, k.d.journal[2]),
            (9, k.d.journal[3])))
        k.d.link.ended()
        k.d.connect()
        checks.equal(k.d.prove(), 1)
        k.d.send(1)


def test_a_shorter_journal_raises_an_alarm():
    with desk() as k:
        k.d.record('clock', reason='a', by='local:root',
                   floor='2026-01-01T00:00:00Z')
        k.d.send()
        k.d.journal.pop()
        k.d.connect()
        checks.equal(k.d.prove(), 2)
        alarm = k.c.get('/v1/devices/' + k.d.id)['alarm']
        checks.true('rolled back' in alarm, alarm)


def test_records_that_cannot_be_read_are_kept_and_noted():
    with desk() as k:
        k.d.journal.append(b'{"kind":"from_the_future","time":'
                           b'"2026-01-01T00:00:00Z","boot_ms":1}')
        k.d.journal.append(b'\x00\xff not even JSON')
        k.d.send(1)
        device = k.c.get('/v1/devices/' + k.d.id)
        checks.equal(device['records'], 3)
        checks.true('update the console' in device['alarm'], device['alarm'])
        raw = k.c.request('GET', '/v1/journal/' + k.d.id)[2]
        checks.true(all(r in raw for r in k.d.journal), 'journal')
        alive(k)


def test_a_device_cannot_speak_for_another():
    with desk() as k:
        _, digest, _ = k.pending()
        with Device(k.c, k.o) as other:
            other.start()
            other.record('vetoed', card=digest, by='local:root', detail='x')
            other.send()
            env = k.o.card(k.d.id, 'true')
            other.received(env)
            other.send()
            other.output(digest, 0, b'x' * 40)
            other.record('exec_started', card=digest, pid=1, enforced='x')
            other.send()
            checks.true('another device' in k.c.get(
                '/v1/devices/' + other.id)['alarm'], 'no alarm')
        checks.equal(k.state(digest), 'pending')
        checks.equal(len(k.c.get('/v1/cards')['cards']), 1)
        checks.equal(k.c.request('GET', '/v1/cards/%s/output' %
                                 digest)[2], b'')
        kinds = [json.loads(json.dumps(e))['record']['kind']
                 for e in records_of(k, digest)]
        checks.equal(kinds, ['card_received'])


def records_of(k, digest):
    out = []
    with k.c.events(digest) as events:
        for name, _, e in events:
            if name == 'state':
                break
            out.append(e)
    return out


def test_records_that_make_no_sense_raise_an_alarm():
    with desk() as k:
        _, digest, _ = k.pending()
        k.d.record('exec_result', card=digest, outcome='finished',
                   exit_code=0, wall_ms=1, cpu_ms=1, max_rss_kb=1,
                   stdout_bytes=0, stderr_bytes=0, stdout_kept=0,
                   stderr_kept=0, truncated=False, transcript_bytes=0,
                   transcript_hash='sha256:' + '0' * 64, survivors=0,
                   enforced='x')
        k.d.send()
        device = k.c.get('/v1/devices/' + k.d.id)
        checks.true('makes no sense' in device['alarm'], device['alarm'])
        checks.equal(k.state(digest), 'pending')
        alive(k)


def test_a_card_that_came_another_way():
    with desk() as k:
        env = k.o.card(k.d.id, 'uptime')
        k.d.received(env)
        k.d.send()
        card = k.c.get('/v1/cards/' + owner.digest_of(env))
        checks.equal((card['state'], card['submitted_by'],
                      card['card']['command']), ('pending', '', 'uptime'))
        pending = k.c.get('/v1/cards/%s/pending' % card['digest'])
        checks.equal(pending['card'], env)
        # Without its payload there is nothing to show, but the record stays.
        other = k.o.card(k.d.id, 'uptime')
        k.d.received(other)
        k.d.blobs = {}
        k.d.send()
        checks.equal(k.c.request('GET', '/v1/cards/' + owner.digest_of(
            other))[0], 404)
        alive(k)


def test_a_card_that_was_refused_for_now_comes_again():
    with desk() as k:
        env, a = k.post()
        k.d.envelope('card')
        k.d.record('card_refused', card=a['digest'], final=False,
                   reason='device_not_listed')
        k.d.send()
        card = k.c.get('/v1/cards/' + a['digest'])
        checks.equal((card['state'], card['reason']),
                     ('undelivered', 'device_not_listed'))
        k.d.record('lockdown_lifted', reason='test', by='local:root')
        k.d.send()
        checks.equal(k.d.envelope('card'), env)
        k.d.record('card_refused', card=a['digest'], final=True,
                   reason='disabled')
        k.d.send()
        checks.equal(k.state(a['digest']), 'refused')
        k.d.start(enrol=False)
        other, _ = k.post()
        checks.equal(k.d.envelope('card'), other)
        with k.c.events(a['digest']) as events:
            checks.equal(events.until('end')['state'], 'refused')


def test_lockdown_shows():
    with desk() as k:
        k.d.record('lockdown', reason='test', by='local:root',
                   source='local')
        k.d.send()
        checks.equal(k.c.get('/v1/devices/' + k.d.id)['lockdown'], True)
        k.d.record('lockdown_lifted', reason='test', by='local:root')
        k.d.send()
        checks.equal(k.c.get('/v1/devices/' + k.d.id)['lockdown'], False)


# ---- blobs, checkpoints ----

def test_blobs_are_what_their_hash_says():
    with desk() as k:
        for hash_, total, offset, data in (
                (bytes(32), 4, 0, b'abcd'), (bytes(32), 4, 1, b'bcd'),
                (bytes(32), 5 << 20, 0, b'x')):
            k.d.start(enrol=False)
            k.d.link.binary(link.put_binary(2, hash_, total, offset, data))
            k.d.link.ended()
        # In pieces; another one may not come in between.
        env = k.o.card(k.d.id, 'x' * 5000)
        payload = dsse.payload_of(env)
        hash_ = dsse.digest(env['payloadType'], payload)
        k.d.start(enrol=False)
        k.d.link.binary(link.put_binary(2, hash_, len(payload), 0,
                                        payload[:100]))
        k.d.link.binary(link.put_binary(2, hash_, len(payload), 200,
                                        payload[200:]))
        k.d.link.ended()
        k.d.start(enrol=False)
        alive(k)


# ---- output ----

def test_output_that_is_not_what_the_record_says():
    with desk() as k:
        digest = k.running()
        good = transcript((1, b'abc' * 1000))
        bad = good[:-1] + b'X'
        k.d.serve_output(digest, bad)
        k.d.result(digest, good)
        k.d.send()
        m = k.d.wait('credit', card=digest)	# asked for anew
        checks.equal(m['from'], 0)
        k.d.output(digest, 0, good)
        with k.c.events(digest) as events:
            checks.equal(events.until('end')['output'], 'complete')
        checks.equal(k.c.request('GET', '/v1/cards/%s/output' % digest)[2],
                     b'abc' * 1000)
        # Three times wrong, and it is given up.
        digest = k.running()
        k.d.result(digest, good)
        k.d.send()
        for _ in range(3):
            k.d.wait('credit', card=digest)
            k.d.output(digest, 0, bad)
        with k.c.events(digest) as events:
            checks.equal(events.until('end')['output'], 'bad')
        checks.equal(k.c.get('/v1/cards/' + digest)['output']['state'],
                     'bad')
        k.d.start(enrol=False)
        alive(k)


def test_output_beyond_its_credit_closes():
    with desk() as k:
        digest = k.running()
        m = k.d.wait('credit', card=digest)
        checks.equal((m['from'], m['until']), (0, 262144))
        data = transcript((1, b'x' * 400000))
        for at in range(0, 262144, 60000):
            k.d.output(digest, at, data[at:min(at + 60000, 262144)])
        k.d.output(digest, 10 << 20, b'y' * 60000)
        checks.true('1002' in k.d.link.ended(), 'not closed')
        # It goes on after what came.
        k.d.start(enrol=False)
        m = k.d.wait('credit', card=digest)
        checks.equal((m['from'], m['until']), (262144, 524288))


def test_output_goes_on_after_a_cut():
    with desk() as k:
        digest = k.running()
        data = transcript((1, b'x' * 100000), (2, b'y' * 700000))
        k.d.serve_output(digest, data, 300000)
        # Bytes that are there already, and a gap, do no harm.
        k.d.output(digest, 299000, data[299000:300500])
        k.d.output(digest, 310000, data[310000:310100])
        m = k.d.wait('credit', card=digest, **{'from': 300500})
        k.d.link.put('K')
        k.d.link.ended()
        k.d.start(enrol=False)
        m = k.d.wait('credit', card=digest)
        checks.equal(m['from'], 300500)
        k.d.seen.append(m)
        k.d.serve_output(digest, data)
        k.d.result(digest, data)
        k.d.send()
        with k.c.events(digest) as events:
            checks.equal(events.until('end')['output'], 'complete')
        got = k.c.request('GET', '/v1/cards/%s/output?stream=stderr' %
                          digest)[2]
        checks.equal(got, b'y' * 700000)


def test_frames_that_are_none():
    with desk() as k:
        digest = k.running()
        data = transcript((1, b'abc')) + b'\x07' * 40
        k.d.serve_output(digest, data)
        k.d.result(digest, data)
        k.d.send()
        with k.c.events(digest) as events:
            out = events.until('output')
            checks.equal(out['base64'], dsse.b64(b'abc'))
            checks.equal(events.until('end')['output'], 'bad')
        checks.equal(k.c.request('GET', '/v1/cards/%s/output' % digest)[2],
                     b'abc')
        alive(k)


def test_more_outputs_than_come_at_once():
    with desk() as k:
        digests = [k.running() for _ in range(12)]
        data = {x: transcript((1, x.encode())) for x in digests}
        for x in digests:
            k.d.result(x, data[x])
            k.d.send()
        first = [m['card'] for m in
                 (k.d.wait('credit') for _ in range(8))]
        checks.equal(len(set(first)), 8)
        done = set()
        for x in first:
            k.d.output(x, 0, data[x])
            done.add(x)
        while len(done) < 12:
            m = k.d.wait('credit')
            k.d.output(m['card'], 0, data[m['card']])
            done.add(m['card'])
        for x in digests:
            with k.c.events(x) as events:
                checks.equal(events.until('end')['output'], 'complete')


def again(k):
    k.d.link.put('K')
    k.d.link.ended()
    k.d.start(enrol=False)


def comes(k, digest, data, credit=True):
    """It is asked for, and all of it arrives."""
    if credit:
        k.d.wait('credit', card=digest)
    k.d.output(digest, 0, data)
    with k.c.events(digest) as events:
        checks.equal(events.until('end')['output'], 'complete')


def test_outputs_of_interrupted_cards_are_in_nobodys_way():
    """However many there were: how long they are nobody will ever say."""
    with desk() as k:
        cut = [k.running() for _ in range(10)]
        for x in cut:
            k.d.record('exec_interrupted', card=x, reason='agent_stopped')
            k.d.send()
        data = transcript((1, b'after'))
        for turn in range(2):
            digest = k.running()
            k.d.wait('credit', card=digest)
            k.d.result(digest, data)
            k.d.send()
            comes(k, digest, data, credit=False)
            again(k)
            # None of them is asked for any more.
            checks.true(not [m for m in k.d.seen if m['type'] == 'credit'],
                        'credit')
        for x in cut:
            checks.equal(k.state(x), 'interrupted')
            checks.equal(k.c.get('/v1/cards/' + x)['output']['state'],
                         'unknown')
            with k.c.events(x) as events:
                checks.equal(events.until('end')['output'], 'unknown')


def test_outputs_that_are_gone_are_in_nobodys_way():
    """The device has them no more, and says so."""
    with desk() as k:
        data = transcript((1, b'there'))
        gone = [k.running() for _ in range(10)]
        for x in gone:
            k.d.result(x, data)
            k.d.send()
        digest = k.running()
        k.d.result(digest, data)
        k.d.send()
        asked = set()
        while digest not in asked:
            m = k.d.wait('credit')
            asked.add(m['card'])
            # Twice: what is no more asked for does no harm.
            for _ in range(2 if m['card'] != digest else 0):
                k.d.output(m['card'], m['from'], b'')
        comes(k, digest, data, credit=False)
        for x in asked - {digest}:
            with k.c.events(x) as events:
                checks.equal(events.until('end')['output'], 'bad')


# ---- hostile ----

def tls(k):
    """A TLS connection of Python's own, without certificate checks."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    s = socket.create_connection(('127.0.0.1', k.c.agents_port), LIMIT)
    return c.wrap_socket(s)


def test_the_upgrade_is_strict():
    with desk() as k:
        ca = k.d.token['ca']
        for args, status in (
                (('/v1/other',), 404), (('/',), 404),
                (('/v1/agent', 'other.protocol'), None)):
            with Link(ca, k.c.agents_port, *args) as it:
                got = it.open()
                checks.true(got is not None and 400 <= got < 500 and
                            status in (None, got), '%r: %r' % (args, got))
        for text in (b'GET / HTTP/1.1\r\n\r\n', b'\x00' * 100,
                     b'POST /v1/agent HTTP/1.1\r\nHost: a\r\n\r\n',
                     b'GET /v1/agent HTTP/1.0\r\n\r\n', b'A' * 20000):
            s = tls(k)
            s.sendall(text)
            got = b''
            try:
                while True:
                    part = s.recv(4096)
                    if part == b'':
                        break
                    got += part
            except OSError:
                pass
            s.close()
            checks.true(got.startswith(b'HTTP/1.1 4') and
                        b' 101 ' not in got, '%r: %r' % (text[:20], got))
        alive(k)


def test_garbage_on_every_layer():
    with desk() as k:
        for data in (os.urandom(3000), b'GET / HTTP/1.1\r\n\r\n',
                     b'\x16\x03\x01\x00\x05hello', b''):
            s = socket.create_connection(('127.0.0.1', k.c.agents_port),
                                         LIMIT)
            s.sendall(data)
            s.close()
        d = Device(k.c, k.o, key=k.d.key)
        for kind, data in (
                ('R', os.urandom(2000)), ('R', b'\xff' * 100),
                ('T', b''), ('T', b'{'), ('T', b'[]'), ('T', b'{"type":1}'),
                ('T', b'{"type":"card"}'), ('T', b'{"type":"have","n":1}'),
                ('T', b'{"type":"hello","envelope":{}}'),
                ('T', b'{"type":"hello"' + b' ' * 40000 + b'}'),
                ('T', b'{"type":"enrol","secret":"\\ud800"}'),
                ('T', b'\xff\xfe'), ('B', b''), ('B', b'\x09abc'),
                ('B', b'x' * 200000), ('C', b'\xe8\x03bye')):
            d.connect()
            d.link.put(kind, data)
            d.link.ended()
        # The same from a device that has proved itself.
        for kind, data in (
                ('R', os.urandom(2000)), ('T', b'{}'),
                ('T', b'{"type":"checkpoint"}'), ('B', b''), ('B', b'\x01'),
                ('B', b'\x01' + bytes(11)), ('B', b'\x02' + bytes(39)),
                ('B', b'\x03' + bytes(20)), ('B', b'\x04'),
                ('B', link.put_binary(1, (1, b''))),
                ('B', link.put_binary(1, (1, b'x' * 40000))),
                ('B', b'\x01' + struct.pack('<QI', 1, 1 << 31))):
            d.start(enrol=False)
            d.link.put(kind, data)
            d.link.ended()
        d.close()
        k.d.start(enrol=False)
        alive(k)


def test_one_that_breaks_the_rules_takes_nobody_along():
    with desk() as k:
        bad = Device(k.c, k.o).start()
        good = k.d.link
        for i in range(30):
            for _ in range(20):
                k.d.record('clock', reason='a', by='local:root',
                           floor='2026-01-01T00:00:00Z')
            # In the same turn of the console's loop, as far as can be.
            bad.link.binary(link.put_binary(1, (7 + i, b'{}')))
            k.d.post(len(k.d.journal) - 20)
            bad.link.ended()
            bad.connect()
            bad.prove()
        k.d.wait('have', n=len(k.d.journal))
        checks.true(k.d.link is good, 'it was cut off')
        bad.close()
        alive(k)


def test_a_flood_of_bad_proofs_does_not_fill_the_log():
    with desk() as k:
        d = Device(k.c, k.o, key=k.d.key)
        for _ in range(60):
            d.connect()
            d.link.text(link.envelope('hello', d.hello(org='x')))
            d.link.ended()
        d.close()
        for _ in range(300):
            k.d.journal.append(b'nonsense')
        k.d.post(1)
        k.d.wait('have', n=301)
        log = k.c.read_log()
        checks.equal(log.count('alarm device'), 1)
        checks.true(log.count('hello_refused') <= 60, 'log')


def test_an_alarm_stays_until_it_is_cleared():
    with desk() as k:
        k.d.journal.append(b'nonsense')
        k.d.send()
        path = '/v1/devices/' + k.d.id
        checks.true(k.c.get(path)['alarm'] is not None, 'no alarm')
        k.d.record('clock', reason='a', by='local:root',
                   floor='2026-01-01T00:00:00Z')
        k.c.command('devices', 'clear-alarm', k.d.id)
        k.d.send()
        checks.equal(k.c.get(path)['alarm'], None)
        checks.equal(k.c.command('devices', 'clear-alarm', 'd-x',
                                 check=False)[0], 1)


def test_pings_are_answered():
    with desk() as k:
        for data in (b'', b'abc', b'x' * 125):
            k.d.link.put('P', data)
            while True:
                kind, body = k.d.link.get()
                if kind == 'G':
                    break
            checks.equal(body, data)


def test_a_flood_of_half_open_connections():
    with desk(limits={'unproven': 8, 'connections': 100}) as k:
        held = []
        for i in range(150):
            s = socket.create_connection(('127.0.0.1', k.c.agents_port),
                                         LIMIT)
            if i % 3 == 0:
                s.sendall(b'\x16\x03\x01')
            held.append(s)
            if i % 50 == 0:
                # Proven ones stay, and new ones still get through.
                alive(k)
                k.d.start(enrol=False)
        alive(k)
        for s in held:
            s.close()


def test_too_many_connections_are_told_to_come_later():
    with desk(limits={'connections': 2}) as k:
        with Device(k.c, k.o) as other:
            other.start()
            third = Device(k.c, k.o)
            with Link(third.token['ca'], k.c.agents_port) as it:
                checks.equal(it.open(), 503)
        alive(k)


def test_a_device_has_a_quota():
    with desk(limits={'device_mb': 1}) as k:
        big = 'x' * 20000
        sent = 0
        try:
            while sent < 200:
                k.d.record('card_refused', card='sha256:' + 'a' * 64,
                           final=False, reason='queue_full',
                           detail=big[:1000])
                k.d.send()
                sent += 1
                for _ in range(20):
                    k.d.record('card_refused', card='sha256:' + 'a' * 64,
                               final=False, reason='queue_full',
                               detail=big[:1000])
                k.d.send(len(k.d.journal) - 20)
        except Exception as e:
            checks.true('1013' in str(e), str(e))
        checks.true(sent < 200, 'no end to it')
        checks.equal(k.c.request('GET', '/healthz', user=None)[0], 200)
        with Device(k.c, k.o) as other:
            other.start()


def test_a_device_that_does_not_read():
    with desk() as k:
        # Some 15 MiB wait for it; the console holds no more than a little.
        text = 'x' * 8000
        for i in range(300):
            k.c.post('/v1/cards', k.o.card(k.d.id, text + str(i)))
        with open('/proc/%d/status' % k.c.process.pid) as f:
            kb = int([line for line in f if line.startswith('VmRSS')][0]
                     .split()[1])
        checks.true(kb < 200000, '%d kB' % kb)
        got = set()
        while len(got) < 300:
            got.add(owner.digest_of(k.d.envelope('card')))


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
