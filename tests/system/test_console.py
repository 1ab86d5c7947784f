"""test_console.py - the console's API: cards, approvals, trust files, roles.
SPDX-License-Identifier: Apache-2.0

Every answer is compared with openapi.json as it comes (console.request).
"""
import base64
import json
import os
import re
import sqlite3
import subprocess
import sys
import tarfile
import io
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))

from countersign import checks, dsse, fake, link, openapi	# noqa: E402
from countersign import owner, tlog			# noqa: E402
from countersign.console import Console			# noqa: E402
from countersign.desk import FIELDS, desk, refused		# noqa: E402
from countersign.device import ZERO, sigs_of, transcript	# noqa: E402


# ---- the main job ----

def test_main_job():
    with desk() as k:
        k.c.user('ai-1', 'proposer', key=k.o.keys['ai-1'])
        card = k.c.post('/v1/cards', dict(FIELDS, device=k.d.id), 'ai-1')
        digest = card['digest']
        checks.equal(card['state'], 'undelivered')
        checks.equal(card['needs'], 'a technician or admin')
        checks.equal(card['card']['limits']['timeout_s'], 300)
        env = k.d.envelope('card')
        checks.equal(owner.digest_of(env), digest)
        checks.true(dsse.signed_by(env, dsse.public_of(k.o.keys['ai-1'])),
                    'signed by another key')
        with k.c.events(digest) as events:
            k.d.received(env)
            k.d.send()
            events.until('state', state='pending')
            pending = k.c.get('/v1/cards/%s/pending' % digest)
            checks.equal(pending['card'], env)
            checks.equal(pending['people'], k.files['people'])
            checks.equal(pending['root'], [k.files['root']])
            first = len(k.d.journal)
            approval = k.approve(digest, pending['device_nonce'])
            k.d.accepted(approval)
            k.d.intent(digest, [owner.digest_of(approval)])
            k.d.started(digest)
            k.d.send(first)
            events.until('state', state='running')
            data = transcript((1, b'one\n'), (2, b'two\n'), (1, b'three\n'))
            k.d.serve_output(digest, data)
            got = {'stdout': b'', 'stderr': b''}
            while len(got['stdout']) < 10:
                e = events.until('output')
                checks.equal(e['offset'], len(got[e['stream']]), 'offset')
                got[e['stream']] += base64.b64decode(e['base64'])
            checks.equal(got, {'stdout': b'one\nthree\n',
                               'stderr': b'two\n'})
            k.d.result(digest, data, exit_code=7)
            k.d.send()
            e = events.until('end')
            checks.equal(e, {'state': 'finished', 'reason': '',
                             'output': 'complete'})
            checks.equal(list(events), [], 'after the end')
        whole = k.c.get('/v1/cards/' + digest)
        checks.equal(whole['result']['exit_code'], 7)
        checks.equal(whole['output']['state'], 'complete')
        checks.equal(k.c.get('/v1/devices')['devices'][0]['waiting'], 0)
        payload = k.c.request('GET', '/v1/cards/%s/card' % digest)[2]
        checks.equal(payload, dsse.payload_of(env), 'the card')


def test_output_by_stream_and_offset():
    with desk() as k:
        digest = k.running()
        data = transcript((1, b'abc'), (2, b'XYZ'), (1, b'def'))
        k.d.serve_output(digest, data)
        k.d.result(digest, data)
        k.d.send()
        with k.c.events(digest) as events:
            events.until('end')
        path = '/v1/cards/%s/output' % digest
        for query, want in (('', b'abcXYZdef'), ('?offset=4', b'YZdef'),
                            ('?stream=stdout', b'abcdef'),
                            ('?stream=stdout&offset=4', b'ef'),
                            ('?stream=stdout&offset=6', b''),
                            ('?stream=stdout&offset=99', b''),
                            ('?stream=stderr&offset=1', b'YZ')):
            status, headers, body = k.c.request('GET', path + query)
            checks.equal((status, body), (200, want), query)
            checks.equal(headers['Countersign-Output'], 'complete')
        for query in ('?stream=both', '?offset=-1', '?offset=x', '?offset='):
            checks.equal(k.c.request('GET', path + query)[0], 400, query)
        _, answer = k.post()
        status, headers, body = k.c.request(
            'GET', '/v1/cards/%s/output' % answer['digest'])
        checks.equal((status, headers['Countersign-Output'], body),
                     (200, 'none', b''))


def test_events_go_on_where_a_reader_left():
    with desk() as k:
        digest = k.running()
        data = transcript((1, b'abc'), (2, b'XYZ'), (1, b'defg'))
        k.d.serve_output(digest, data, 32 + 13 + 3 + 13 + 2)
        with k.c.events(digest) as events:
            got, last = [], None
            for name, id_, e in events:
                got.append((name, e))
                if name == 'output' and e['stream'] == 'stderr':
                    last = id_
                    break
        checks.equal([n for n, _ in got].count('record'), 4)
        k.d.output(digest, 32 + 13 + 3 + 13 + 2, data[32 + 13 + 3 + 13 + 2:])
        k.d.result(digest, data)
        k.d.send()
        with k.c.events(digest, last=last) as events:
            rest = list(events)
        out = [(e['stream'], e['offset'], base64.b64decode(e['base64']))
               for n, _, e in rest if n == 'output']
        checks.equal(out, [('stderr', 2, b'Z'), ('stdout', 3, b'defg')])
        checks.equal([e['record']['kind'] for n, _, e in rest
                      if n == 'record'], ['exec_result'])
        with k.c.events(digest, last='nonsense') as events:
            checks.equal(len([1 for n, _, _ in events if n == 'record']), 5)


def test_many_readers_and_some_that_leave():
    with desk() as k:
        digest = k.running()
        streams = [k.c.events(digest) for _ in range(20)]
        for s in streams[:10]:
            s.until('state', state='running')
        for s in streams[::2]:
            s.close()
        data = transcript(*[(1, b'%06d\n' % i) for i in range(2000)])
        k.d.serve_output(digest, data)
        k.d.result(digest, data)
        k.d.send()
        for s in streams[1::2]:
            out = b''
            for name, _, e in s:
                if name == 'output':
                    out += base64.b64decode(e['base64'])
                if name == 'end':
                    checks.equal(e['output'], 'complete')
            checks.equal(len(out), 14000)
            s.close()


# ---- cards that are refused ----

def test_a_card_again_is_no_second_one():
    with desk() as k:
        env, a = k.post()
        checks.equal(k.c.request('POST', '/v1/cards', env)[0], 200)
        checks.equal(k.d.envelope('card'), env)
        other = k.o.card(k.d.id, 'false', id=a['id'])
        refused(409, 'id_reused', k.c.post, '/v1/cards', other)
        checks.equal(k.c.get('/v1/cards/' + a['id'])['digest'], a['digest'])
        checks.equal(k.c.get('/v1/cards/' + a['digest'][7:])['id'], a['id'])
        checks.equal(len(k.c.get('/v1/cards')['cards']), 1)


def test_cards_that_the_device_would_refuse():
    now = int(time.time())
    with desk() as k:
        other = owner.Owner()
        for reason, env in (
                ('expired', k.o.card(k.d.id, 'true',
                                     created=owner.stamp(now - 100),
                                     expires=owner.stamp(now - 1))),
                ('from_the_future', k.o.card(
                    k.d.id, 'true', created=owner.stamp(now + 900),
                    expires=owner.stamp(now + 1000))),
                ('unknown_proposer', other.card(
                    k.d.id, 'true', org=k.o.org)),
                ('unknown_field', k.o.card(k.d.id, 'true', extra=1)),
                ('missing_field', k.o.card(k.d.id, 'true', shell=None)),
                ('not_a_card', k.files['people'])):
            refused(422, reason, k.c.post, '/v1/cards', env)
        broken = k.o.card(k.d.id, 'true')
        broken['signatures'][0]['sig'] = dsse.b64(bytes(64))
        refused(422, 'unknown_proposer', k.c.post, '/v1/cards', broken)
        refused(404, 'unknown_device', k.c.post, '/v1/cards',
                k.o.card('d-' + 'a' * 26, 'true'))
        refused(404, 'unknown_device', k.c.post, '/v1/cards',
                k.o.card(k.d.id, 'true', org='other.example'))
        for body in (b'', b'{', b'[]', b'{"payloadType":1}', b'\xff',
                     b'{"payloadType":"x","payload":"!","signatures":[]}'):
            status = k.c.request('POST', '/v1/cards', body)[0]
            checks.true(status in (400, 403), '%r: %d' % (body, status))
        checks.equal(k.c.get('/v1/cards')['cards'], [])
        big = b'{"a":"' + b'x' * (1 << 20) + b'"}'
        checks.equal(k.c.request('POST', '/v1/cards', big)[0], 413)


def test_fields_need_a_proposers_own_key():
    with desk() as k:
        k.c.user('ai-1', 'proposer', key=k.o.keys['ai-1'])
        k.c.user('ai-2', 'proposer')
        fields = dict(FIELDS, device=k.d.id)
        refused(403, 'no_proposer_key', k.c.post, '/v1/cards', fields)
        refused(403, 'no_proposer_key', k.c.post, '/v1/cards', fields, 'ai-2')
        for name, value in (('profile', 'root'), ('nonsense', 1),
                            ('expires_in_s', 1), ('description', None),
                            ('limits', {'timeout_s': 0})):
            status, _, data = k.c.request(
                'POST', '/v1/cards', dict(fields, **{name: value}), 'ai-1')
            checks.equal(status, 400, name)
            checks.true(name in json.loads(data)['detail'], data)
        for command in ('a\x07b', 'a\u202eb', 'x' * 9000):
            checks.equal(k.c.request('POST', '/v1/cards', dict(
                fields, command=command), 'ai-1')[0], 422, command[:9])
        a = k.c.post('/v1/cards', dict(
            fields, ticket={'system': 'halopsa', 'id': '7',
                            'url': 'https://desk.example/7'},
            requester='ann@acme.example', expires_in_s=600,
            after=['sha256:' + 'a' * 64], unicode='any',
            command='echo \u00e9',
            limits={'timeout_s': 10}), 'ai-1')
        checks.equal(a['card']['ticket']['id'], '7')
        checks.equal(a['card']['limits'], {
            'timeout_s': 10, 'memory_mb': 512, 'processes': 64,
            'output_bytes': 8388608})
        # A signed card by another key is not this proposer's.
        refused(403, 'not_your_key', k.c.post, '/v1/cards',
                k.o.card(k.d.id, 'true', by='prop-tech'), 'ai-1')
        checks.equal(k.c.post('/v1/cards', k.o.card(k.d.id, 'true'),
                              'ai-1')['submitted_by'], 'ai-1')


def test_named_tools():
    with desk() as k:
        k.c.user('ai-1', 'proposer', key=k.o.keys['ai-1'])
        a = k.c.post('/v1/cards', {
            'device': k.d.id, 'tool': 'disk.free', 'description': 'space',
            'args': {'path': '/var', 'n': 3}}, 'ai-1')
        checks.equal(a['card']['args'], {'path': '/var', 'n': 3})
        checks.equal(a['verdict']['refused'], 'not_listed')


# ---- approvals, cancels, withdrawals ----

def test_approvals_that_the_device_would_refuse():
    with desk() as k:
        env, digest, nonce = k.pending()
        _, other = k.post()
        path = '/v1/cards/%s/approvals' % digest
        good = k.approval(digest, nonce)
        refused(422, 'wrong_card', k.c.post, path,
                k.approval(other['digest'], nonce))
        refused(422, 'wrong_card', k.c.post, path,
                k.approval(digest, nonce, device='d-' + 'b' * 26))
        refused(422, 'wrong_type', k.c.post, path, env)
        stranger = dsse.new_key()
        refused(422, 'unknown_approver', k.c.post, path,
                k.approval(digest, nonce, key=stranger))
        broken = json.loads(json.dumps(good))
        sig = bytearray(base64.b64decode(broken['signatures'][0]['sig']))
        sig[-1] ^= 1
        broken['signatures'][0]['sig'] = dsse.b64(bytes(sig))
        refused(422, 'bad_proof', k.c.post, path, broken)
        now = int(time.time())
        refused(422, 'expired', k.c.post, path,
                k.approval(digest, nonce, issued=owner.stamp(now - 20),
                           expires=owner.stamp(now - 10)))
        refused(409, 'not_pending', k.c.post,
                '/v1/cards/%s/approvals' % other['digest'],
                k.approval(other['digest'], nonce))
        checks.equal(k.c.request('POST', path, b'nonsense')[0], 400)
        k.c.post(path, good)
        k.d.envelope('card')
        checks.equal(k.d.envelope('approval'), good)
        # The same again goes again: it may have been lost on the way.
        k.c.post(path, good)
        checks.equal(k.d.envelope('approval'), good)
        k.d.record('approval_refused', reason='policy_changed', card=digest,
                   approval=owner.digest_of(good))
        k.d.record('denied', card=digest, approval=owner.digest_of(good),
                   payload=good['payload'],
                   proof=good['signatures'][0]['sig'], approver='tess',
                   role='technician', key=good['signatures'][0]['keyid'])
        k.d.send(len(k.d.journal) - 2)
        checks.equal(k.state(digest), 'denied')
        refused(409, 'card_closed', k.c.post, path, good)


def test_cancel_by_an_approver():
    with desk() as k:
        _, digest, nonce = k.pending()
        env = k.o.say('cancel', k.o.cancel_doc(digest, nonce, k.d.id, 'tess'),
                      k.o.keys['tess'])
        a = k.c.post('/v1/cards/%s/cancel' % digest, env)
        checks.equal(a['cancel'], owner.digest_of(env))
        checks.equal(k.d.envelope('cancel'), env)
        k.d.record('cancelled', card=digest, by='tess', reason='cancel',
                   payload=env['payload'],
                   proof=env['signatures'][0]['sig'])
        k.d.send()
        checks.equal(k.state(digest), 'cancelled')
        checks.equal(k.c.get('/v1/devices/' + k.d.id)['waiting'], 0)


def test_withdrawing():
    with desk() as k:
        _, digest, _ = k.pending()
        k.c.post('/v1/cards/%s/cancel' % digest)
        m = k.d.wait('withdraw')
        checks.equal((m['card'], m['reason']),
                     (digest, 'withdrawn by admin'))
        k.d.record('cancelled', card=digest, by='console',
                   reason='withdrawn')
        k.d.send()
        checks.equal(k.state(digest), 'cancelled')
        refused(409, 'card_closed', k.c.post,
                '/v1/cards/%s/cancel' % digest)
        # One that nobody has got yet ends here, and is never sent.
        k.d.close()
        _, a = k.post()
        with k.c.events(a['digest']) as events:
            events.until('state', state='undelivered')
            k.c.post('/v1/cards/%s/cancel' % a['digest'])
            checks.equal(events.until('end')['state'], 'cancelled')
        k.d.start(enrol=False)
        checks.equal(k.d.wait('withdraw')['card'], a['digest'])
        checks.true(not [m for m in k.d.seen if m['type'] == 'card' and
                         owner.digest_of(m['envelope']) == a['digest']],
                    'it was sent')


def test_undelivered_cards_end_at_their_time():
    now = int(time.time())
    with desk() as k:
        k.d.close()
        _, a = k.post(created=owner.stamp(now - 5),
                      expires=owner.stamp(now + 2))
        with k.c.events(a['digest']) as events:
            checks.equal(events.until('end'), {
                'state': 'expired', 'reason': 'undelivered',
                'output': 'none'})
        k.d.start(enrol=False)
        # What the device itself says stands above that.
        k.d.received(base64_card(k, a))
        k.d.record('vetoed', card=a['digest'], by='local:root',
                   detail='no')
        k.d.send(len(k.d.journal) - 2)
        checks.equal(k.state(a['digest']), 'vetoed')


def base64_card(k, answer):
    """The envelope of a card as the console gives it back."""
    payload = k.c.request('GET', '/v1/cards/%s/card' % answer['digest'])[2]
    return dsse.sign(dsse.type_of('card'), payload, [k.o.keys['ai-1']])


# ---- who may do what ----

def test_roles():
    with desk() as k:
        _, digest, nonce = k.pending()
        k.c.user('op', 'operator')
        k.c.user('aud', 'auditor')
        k.c.user('prop', 'proposer')
        card = '/v1/cards/' + digest
        approval = k.approval(digest, nonce)
        may = {		# who -> status; proposers do not see others' cards
            ('GET', '/v1/cards'): (200, 200, 200, 200),
            ('GET', card): (200, 200, 200, 404),
            ('GET', card + '/card'): (200, 200, 200, 404),
            ('GET', card + '/pending'): (200, 200, 200, 404),
            ('GET', card + '/output'): (200, 200, 200, 404),
            ('POST', card + '/approvals'): (202, 202, 403, 403),
            ('GET', '/v1/devices'): (200, 200, 200, 200),
            ('GET', '/v1/devices/' + k.d.id): (200, 200, 200, 200),
            ('GET', '/v1/trust/root'): (200, 200, 200, 200),
            ('PUT', '/v1/trust/people'): (200, 403, 403, 403),
            ('PUT', '/v1/trust/devices/' + k.d.id): (400, 403, 403, 403),
            ('GET', '/v1/journal/' + k.d.id): (200, 403, 200, 403),
            ('POST', '/v1/cards'): (400, 400, 403, 400),
            ('POST', card + '/cancel'): (202, 202, 403, 404)}
        bodies = {card + '/approvals': approval,
                  '/v1/trust/people': k.files['people'],
                  '/v1/cards': b'{', '/v1/trust/devices/' + k.d.id: b'{'}
        for (method, path), want in may.items():
            body = bodies.get(path) if method != 'GET' else None
            got = tuple(k.c.request(method, path, body, u)[0]
                        for u in ('admin', 'op', 'aud', 'prop'))
            checks.equal(got, want, method + ' ' + path)
            for token in (None, 'nonsense', 'cst_' + 'a' * 60,
                          k.c.tokens['admin'][:-1] + 'A',
                          k.c.tokens['admin'] + 'A'):
                if token == k.c.tokens['admin']:
                    continue
                checks.equal(k.c.request(method, path, body, token)[0], 401,
                             method + ' ' + path)
        k.c.command('user', 'remove', 'op')
        checks.equal(k.c.request('GET', '/v1/cards', user='op')[0], 401)
        checks.equal(k.c.get('/v1/cards', 'prop')['cards'], [])


def test_orgs_do_not_see_one_another():
    with desk() as k:
        other = owner.Owner('beta.example')
        k.c.user('b', 'admin', org='beta.example')
        k.c.user('a', 'admin', org=k.o.org)
        _, digest, _ = k.pending()
        checks.equal(k.c.get('/v1/devices', 'b')['devices'], [])
        checks.equal(k.c.get('/v1/cards', 'b')['cards'], [])
        checks.equal(k.c.get('/v1/cards?org=' + k.o.org, 'b')['cards'], [])
        for path in ('/v1/cards/' + digest, '/v1/devices/' + k.d.id,
                     '/v1/cards/%s/events' % digest,
                     '/v1/journal/' + k.d.id,
                     '/v1/trust/devices/' + k.d.id,
                     '/v1/trust/root?org=' + k.o.org):
            checks.equal(k.c.request('GET', path, user='b')[0], 404, path)
            if 'events' not in path:
                checks.equal(k.c.request('GET', path, user='a')[0], 200,
                             path)
        refused(403, 'not_your_org', k.c.call, 'PUT', '/v1/trust/root',
                k.o.root(), 'b')
        refused(404, 'unknown_device', k.c.post, '/v1/cards',
                k.o.card(k.d.id, 'true'), 'b')
        k.c.call('PUT', '/v1/trust/root', other.root(), 'b')
        checks.equal(k.c.get('/v1/trust/root', 'b')['payloadType'],
                     dsse.type_of('root'))
        refused(400, 'which_org', k.c.get, '/v1/trust/root')


# ---- trust files ----

def test_trust_files_are_verified():
    with desk(device=False, trust=False) as k:
        refused(422, 'no_root', k.put, 'people', k.o.people())
        one = k.o.seal('root', json.loads(dsse.payload_of(k.o.root())),
                       k.o.holders[:1])
        refused(422, 'threshold_not_met', k.put, 'root', one)
        k.o.version['root'] = 0
        k.o.version['people'] = 0
        root = k.o.root()
        k.put('root', root)
        checks.equal(k.c.request('PUT', '/v1/trust/root', root)[0], 200)
        refused(422, 'wrong_type', k.put, 'people', root)
        refused(404, 'unknown_file', k.put, 'nonsense', root)
        k.put('people', k.o.people())
        second = k.o.people()
        k.put('people', second)
        refused(422, 'rolled_back', k.put, 'people', k.o.people(version=1))
        refused(409, 'conflict', k.put, 'people',
                k.o.people(version=2, life=86400 * 3))
        stranger = owner.Owner()
        refused(422, 'bad_signature', k.put, 'policy', k.o.seal(
            'policy', json.loads(dsse.payload_of(k.o.policy())),
            stranger.holders[:2]))
        now = int(time.time())
        refused(422, 'expired', k.put, 'policy',
                k.o.policy(issued=now - 86400 * 25))
        refused(422, 'from_the_future', k.put, 'policy',
                k.o.policy(issued=now + 4000))
        refused(422, 'version_skipped', k.put, 'root', k.o.root(version=5))
        checks.equal(k.c.get('/v1/trust/people'), second)
        checks.equal(k.c.get('/v1/trust/people?version=2'), second)
        refused(404, 'no_such_file', k.c.get, '/v1/trust/people?version=9')
        refused(404, 'no_such_file', k.c.get, '/v1/trust/timestamp')
        for body in (b'', b'{}', b'x' * 100):
            checks.equal(k.c.request('PUT', '/v1/trust/policy', body)[0], 400)
        roots = [root]
        for v in (2, 3):
            k.o.version['root'] = v - 1
            roots.append(k.o.root())
            k.put('root', roots[-1])
        checks.equal(k.c.get('/v1/trust/root?version=all'), roots)
        checks.equal(k.c.get('/v1/trust/root?version=1'), roots[0])
        checks.equal(k.c.get('/v1/trust/root'), roots[2])


def test_a_new_root_with_other_keys_drops_what_they_signed():
    with desk(device=False) as k:
        fresh = [dsse.new_key(), dsse.new_key()]
        roles = {f: k.o.role() for f in
                 ('root', 'people', 'policy', 'device', 'timestamp')}
        roles['people'] = {'threshold': 2, 'keys': [
            {'holder': 'new-%d' % i, 'key': dsse.b64(dsse.public_of(x))}
            for i, x in enumerate(fresh)]}
        k.put('root', k.o.root(roles=roles))
        refused(404, 'no_such_file', k.c.get, '/v1/trust/people')
        checks.equal(k.c.get('/v1/trust/policy'), k.files['policy'])
        doc = json.loads(dsse.payload_of(k.o.people(version=1)))
        k.put('people', k.o.seal('people', doc, fresh))
        checks.equal(k.c.get('/v1/trust/people'), k.files['people'])


def test_devices_are_sent_the_trust_files_that_they_lack():
    with desk() as k:
        seen = [k.d.envelope('trust') for _ in range(4)]
        checks.equal(seen, [k.files[f] for f in (
            'root', 'people', 'policy', 'devices/' + k.d.id)])
        for word, env in zip(('root', 'people', 'policy'), seen):
            doc = json.loads(dsse.payload_of(env))
            i = k.d.record('trust', file=word, version=doc['version'],
                           digest=owner.digest_of(env),
                           issued=doc['issued'], expires=doc['expires'],
                           sigs=sigs_of(env))
            k.d.blobs[i] = [(dsse.digest(env['payloadType'],
                                         dsse.payload_of(env)),
                             dsse.payload_of(env))]
        k.d.record('trust_refused', reason='wrong_device', file='device',
                   digest=owner.digest_of(seen[3]))
        k.d.send(len(k.d.journal) - 4)
        have = k.c.get('/v1/devices/' + k.d.id)['trust']
        checks.equal(have['people']['version'], 1)
        checks.equal(have['device']['refused'], owner.digest_of(seen[3]))
        people = k.o.people()
        k.put('people', people)
        checks.equal(k.d.envelope('trust'), people)
        # A new connection: what it has, or refused, is not sent again.
        k.d.seen = []
        k.d.start(enrol=False)
        checks.equal(k.d.envelope('trust'), people)
        _, a = k.post()
        k.d.envelope('card')
        checks.equal([m['type'] for m in k.d.seen if m['type'] == 'trust'],
                     [])


# ---- journals ----

def test_journals_come_back_as_they_were():
    with desk() as k:
        digest = k.running()
        data = transcript((1, b'abc'))
        k.d.serve_output(digest, data)
        k.d.result(digest, data)
        k.d.send()
        with k.c.events(digest) as events:
            events.until('end')
        raw = k.c.request('GET', '/v1/journal/' + k.d.id)[2]
        at, got = 0, []
        while at < len(raw):
            n = int.from_bytes(raw[at:at + 4], 'little')
            checks.equal(int.from_bytes(raw[at + 8:at + 16], 'little'),
                         len(got), 'index')
            got.append(raw[at + 16:at + 16 + n])
            at += 16 + n
        checks.equal(got, k.d.journal)
        tail = k.c.request('GET', '/v1/journal/%s?from=3' % k.d.id)[2]
        checks.true(raw.endswith(tail) and len(tail) > 0, 'from')
        checks.equal(k.c.request(
            'GET', '/v1/journal/%s?from=999' % k.d.id)[2], b'')
        for q in ('from=x', 'export=zip', 'export=tar&from=1'):
            checks.equal(k.c.request('GET', '/v1/journal/%s?%s' % (
                k.d.id, q))[0], 400, q)
        archive = k.c.request('GET', '/v1/journal/%s?export=tar' % k.d.id)[2]
        with tarfile.open(fileobj=io.BytesIO(archive)) as t:
            files = {m.name: t.extractfile(m).read() for m in t}
        checks.equal(files['journal/%016x.seg' % 0], raw)
        checks.equal(files['transcripts/' + digest[7:]], data)
        checks.true('blobs/' + digest[7:] in files, 'the card')


def test_an_export_has_the_segments_tiles_and_notes_of_the_device():
    with desk() as k:
        first = len(k.d.journal)
        for i in range(9000):
            if i in (4095, 7000):
                k.d.record('state', format=1, epoch=1, running_ms=1,
                           digest=ZERO, floor='2026-01-01T00:00:00Z',
                           files=[])
            else:
                k.d.record('clock', reason='test', by='local:root',
                           floor='2026-01-01T00:00:00Z')
        send_all(k.d, first)
        log = tlog.Log('%s/%s' % (k.o.org, k.d.id), k.d.key)
        log.leaves = [tlog.leaf(r) for r in k.d.journal]
        k.d.link.text(link.checkpoint(log.request(0)))
        checks.equal(k.d.wait('cosignature')['status'], 200)
        archive = k.c.request('GET', '/v1/journal/%s?export=tar' % k.d.id)[2]
        with tarfile.open(fileobj=io.BytesIO(archive)) as t:
            files = {m.name: t.extractfile(m).read() for m in t}
        names = sorted(n for n in files if n.startswith('journal/'))
        checks.equal(names, ['journal/%016x.seg' % i
                             for i in (0, 4096, 7001)])
        checks.equal(b''.join(files[n] for n in names), k.c.request(
            'GET', '/v1/journal/' + k.d.id)[2])
        hashes, level = log.leaves, 0
        while hashes:
            checks.equal(files['tiles/%d' % level], b''.join(hashes))
            hashes = [tlog.root(hashes[i:i + 256])
                      for i in range(0, len(hashes) - 255, 256)]
            level += 1
        checks.true('tiles/%d' % level not in files, 'levels')
        vkey = k.c.get('/v1/witness', user=None)['vkey']
        for name in ('checkpoint', 'cosig/' + vkey.split('+')[1]):
            note = files[name].decode()
            checks.equal(tlog.check_signature(log.key.vkey, note),
                         log.text())
            tlog.check_cosignature(vkey, log.text(),
                                   note.rsplit('\n\n', 1)[1])
        # The command makes the same, from the store alone.
        k.d.close()
        k.c.stop()
        path = os.path.join(k.c.dir, 'export.tar')
        k.c.command('export', k.d.id, path)
        with open(path, 'rb') as f:
            checks.equal(f.read(), archive)
        checks.equal(k.c.command('export', k.d.id, path, check=False)[0], 1)
        checks.equal(k.c.command('export', 'd-x', path + '2',
                                 check=False)[0], 1)
        checks.equal(k.c.command('export', k.d.id, check=False)[0], 2)
        k.c.start()


def send_all(d, first):
    """Sends records in as few messages as they fit into."""
    at = first
    while at < len(d.journal):
        part, n = [], 0
        while at < len(d.journal) and n < 60000:
            part.append((at, d.journal[at]))
            n += len(d.journal[at]) + 12
            at += 1
        d.link.binary(link.put_binary(1, *part))
    d.wait('have', n=len(d.journal))


# ---- the service ----

def test_healthz_and_metrics():
    with desk() as k:
        checks.equal(k.c.request('GET', '/healthz', user=None)[0], 200)
        status, headers, text = k.c.request('GET', '/metrics', user=None)
        checks.equal(status, 200)
        values = dict(line.rsplit(' ', 1) for line in
                      text.decode().splitlines() if line[0] != '#')
        checks.equal(values['countersign_devices_connected'], '1')
        checks.equal(values['countersign_enrolments_total'], '1')
    with Console(api={'listen': '127.0.0.1:0', 'behind_proxy': True}) as c:
        checks.equal(c.request('GET', '/metrics', user=None)[0], 401)
        checks.equal(c.request('GET', '/metrics')[0], 200)


def test_openapi_has_every_route_and_no_other():
    with Console() as c:
        with open(openapi.FILE, 'rb') as f:
            checks.equal(c.request('GET', '/openapi.json', user=None)[2],
                         f.read(), 'openapi.json')
        for method, path in (('PATCH', '/v1/cards'), ('DELETE', '/healthz'),
                             ('POST', '/v1/trust/root')):
            checks.equal(c.request(method, path)[0], 405, path)
        for path in ('/', '/v1', '/v1/cards/', '/v1/cards/a/b/c', '/v1//',
                     '/v1/trust/devices/', '/%00', '/v1/cards/../devices'):
            checks.equal(c.request('GET', path)[0], 404, path)
    with open(os.path.join(fake.ROOT, 'console/api/routes.c')) as f:
        rows = re.findall(r'\{ "([A-Z]+)", "([^"]+)"', f.read())
    described = {(m.upper(), re.sub(r'\{\w+\}', '{}', p.replace(
        '{tile}', '{*}')))
                 for p, item in openapi.DOC['paths'].items()
                 for m in item if m in ('get', 'put', 'post', 'delete')}
    checks.equal(set(rows), described)


def test_commands():
    with Console() as c:
        for args, code in ((['nonsense'], 2), (['user'], 2),
                           (['user', 'add'], 2), (['enrol-token'], 2),
                           (['enrol-token', '--org', 'NO WAY'], 2),
                           (['user', 'add', '--name', 'x', '--role', 'king'],
                            2), (['user', 'remove', 'nobody'], 1),
                           (['user', 'add', '--name', 'admin', '--role',
                             'admin'], 1), (['backup'], 2),
                           (['--nonsense'], 2)):
            got, out, err = c.command(*args, check=False)
            checks.equal(got, code, ' '.join(args))
            checks.true(err.startswith('countersign-console: ') and
                        ': ' in err[22:], err)
        for args in ('--help', '--version'):
            r = subprocess.run([fake.program('countersign-console'), args],
                               capture_output=True)
            checks.equal(r.returncode, 0)
            checks.true(b'countersign-console' in r.stdout, args)
        users = [json.loads(line) for line in
                 c.command('user', 'list', '--json')[1].splitlines()]
        checks.equal(users, [{'name': 'admin', 'role': 'admin', 'org': '',
                              'proposer_key': False}])
        code, _, err = c.command('serve', check=False)
        checks.equal(code, 1)
        checks.true('another console' in err, err)
        path = os.path.join(c.dir, 'backup.db')
        c.command('backup', path)
        checks.equal(c.command('backup', path, check=False)[0], 1)
        checks.equal(os.stat(path).st_mode & 0o777, 0o600)
        db = sqlite3.connect(path)
        checks.equal(db.execute('PRAGMA integrity_check').fetchone()[0],
                     'ok')
        checks.equal(db.execute('SELECT name FROM user').fetchall(),
                     [('admin',)])
        secret = c.tokens['admin'].split('_', 2)[2].encode()
        with open(path, 'rb') as f:
            checks.true(secret not in f.read(), 'the token is in it')
        db.close()


def test_settings_that_are_wrong():
    with Console() as c:
        good = c.settings
        for change, word in (
                ({'nonsense': 1}, 'nonsense'), ({'data': 7}, 'data'),
                ({'agents': {'listen': '127.0.0.1'}}, 'agents'),
                ({'agents': {'listen': '127.0.0.1:0', 'names': []}},
                 'agents.names'),
                ({'agents': {'listen': '127.0.0.1:99999',
                             'names': ['a']}}, 'agents.listen'),
                ({'api': {'listen': '0.0.0.0:0'}}, 'behind_proxy'),
                ({'limits': {'unproven': 0}}, 'limits.unproven'),
                ({'data': '/nonexistent/x/y'}, 'data')):
            c.settings = dict(good, **change)
            c.write_config()
            code, _, err = c.command('devices', check=False)
            checks.equal(code, 1, word)
            checks.true(word in err, err)
        with open(c.config, 'w') as f:
            f.write('{')
        checks.equal(c.command('devices', check=False)[0], 1)
        os.unlink(c.config)
        checks.equal(c.command('devices', check=False)[0], 1)
        c.settings = good
        c.write_config()


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
