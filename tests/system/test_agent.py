"""test_agent.py - the main job and every bad input, against a real agent.
SPDX-License-Identifier: Apache-2.0

The console is hostile where the test says so. A refusal counts only if the
file that the command would have made is not there, and the journal says why.
"""
import base64
import json
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))

from countersign import checks, dsse, link, owner	# noqa: E402
from countersign.agent import Agent, LIMIT		# noqa: E402


def touch(path):
    return 'echo ran > %s' % path


def settled(a):
    """Everything that was sent before has been dealt with: a card that is
    refused by name comes back as its record."""
    env = a.card('true', org='other.example')
    a.send('card', env)
    a.peer.record('card_refused', card=owner.digest_of(env))


def refused(a, env, reason, path, final=None, limit=LIMIT):
    """The card is refused with that reason and nothing ran."""
    a.send('card', env)
    r = a.peer.record('card_refused', card=owner.digest_of(env),
                      limit=limit)
    checks.equal(r['reason'], reason, 'reason')
    if final is not None:
        checks.equal(r['final'], final, 'final')
    checks.true(not os.path.exists(path), 'it ran')
    return r


# ---- the main job ----

def test_a_card_runs_after_a_signature():
    with Agent() as a:
        m = a.marker()
        digest, received = a.pending('%s; echo out; echo err >&2; exit 7'
                                     % touch(m))
        settled(a)
        checks.true(not os.path.exists(m), 'it ran before the approval')
        a.approve(digest, received)
        r = a.peer.record('exec_result', card=digest)
        checks.equal((r['outcome'], r['exit_code']), ('finished', 7))
        checks.true(os.path.exists(m), 'it did not run')
        a.peer.wait(lambda: len(a.peer.output.get(
            bytes.fromhex(digest[7:]), b'')) >= r['transcript_bytes'])
        checks.equal(a.peer.transcript(digest), (b'out\n', b'err\n'))
        kinds = [x['kind'] for x in a.peer.all(card=digest)]
        checks.equal(kinds, ['card_received', 'approval_accepted',
                             'exec_intent', 'exec_started', 'exec_result'])


def test_surroundings_are_constants():
    with Agent() as a:
        _, r = a.run('env | sort; pwd; umask; ls /proc/self/fd | wc -l')
        out, _ = a.peer.transcript(_)
        text = out.decode()
        checks.true('PATH=/usr/local/sbin:' in text and 'TERM=dumb' in text,
                    text)
        checks.true('NOTIFY_SOCKET' not in text and 'SSH' not in text, text)
        checks.equal(r['outcome'], 'finished')


def test_output_comes_while_it_runs():
    with Agent() as a:
        fifo = os.path.join(a.dir, 'fifo')
        os.mkfifo(fifo)
        digest, received = a.pending('echo early; read x < %s; echo late'
                                     % fifo)
        a.approve(digest, received)
        a.peer.wait(lambda: a.peer.transcript(digest)[0] == b'early\n')
        checks.equal(a.peer.all('exec_result', card=digest), [])
        with open(fifo, 'w') as f:
            f.write('go\n')
        a.peer.record('exec_result', card=digest)
        a.peer.wait(lambda: a.peer.transcript(digest)[0] ==
                    b'early\nlate\n')


def test_output_survives_a_cut_link():
    with Agent() as a:
        fifo = os.path.join(a.dir, 'fifo')
        os.mkfifo(fifo)
        digest, received = a.pending(
            'seq 1 20000; read x < %s; seq 20001 40000' % fifo)
        a.approve(digest, received)
        a.peer.wait(lambda: b'\n9999\n' in a.peer.transcript(digest)[0])
        n = a.peer.connections
        a.peer.cut()
        a.peer.wait(lambda: a.peer.connections > n, 'reconnection')
        with open(fifo, 'w') as f:
            f.write('go\n')
        r = a.peer.record('exec_result', card=digest)
        card = bytes.fromhex(digest[7:])
        a.peer.wait(lambda: len(a.peer.output[card]) ==
                    r['transcript_bytes'])
        want = ''.join('%d\n' % i for i in range(1, 40001)).encode()
        checks.equal(a.peer.transcript(digest)[0] == want, True, 'same')
        checks.equal('sha256:' + __import__('hashlib').sha256(
            a.peer.output[card]).hexdigest(), r['transcript_hash'])


def test_output_that_is_no_more_there():
    """Who asks for it is told, and not while more may come."""
    with Agent() as a:
        fifo = os.path.join(a.dir, 'fifo')
        os.mkfifo(fifo)
        digest, received = a.pending('echo here; read x < %s' % fifo)
        card = bytes.fromhex(digest[7:])
        a.approve(digest, received)
        a.peer.wait(lambda: a.peer.transcript(digest)[0] == b'here\n')
        a.peer.send(link.credit(card, len(a.peer.output[card]), 1 << 30))
        # Something that comes to an answer behind it.
        env = a.card('true', org='other.example')
        a.send('card', env)
        a.peer.record('card_refused', card=owner.digest_of(env))
        checks.equal(a.peer.over, [])
        with open(fifo, 'w') as f:
            f.write('go\n')
        n = a.peer.record('exec_result', card=digest)['transcript_bytes']
        a.peer.wait(lambda: len(a.peer.output[card]) == n)
        a.peer.send(link.credit(card, n, n + 1000))
        # Once, or twice: the first credit may have come to its end before.
        a.peer.wait(lambda: set(a.peer.over) == {(card, n)}, 'the end')
        path = os.path.join(a.state, 'transcripts')
        for name in os.listdir(path):
            if digest[7:] in name:
                os.unlink(os.path.join(path, name))
        a.peer.send(link.credit(card, 0, 1000))
        a.peer.wait(lambda: (card, 0) in a.peer.over, 'none')


def test_output_over_the_limit_is_counted():
    with Agent() as a:
        digest, received = a.pending(
            'head -c 3000000 /dev/zero; echo end >&2', limits={
                'timeout_s': 60, 'memory_mb': 512, 'processes': 64,
                'output_bytes': 100000})
        a.approve(digest, received)
        r = a.peer.record('exec_result', card=digest)
        checks.equal((r['outcome'], r['exit_code'], r['truncated']),
                     ('finished', 0, True))
        checks.equal(r['stdout_bytes'], 3000000)
        checks.equal(r['stdout_kept'] + r['stderr_kept'] <= 100000, True)


def test_limits_hold():
    with Agent() as a:
        base = {'timeout_s': 60, 'memory_mb': 512, 'processes': 64,
                'output_bytes': 100000}
        d, got = a.pending('trap "" TERM; while :; do sleep 1; done',
                           limits=dict(base, timeout_s=1))
        a.approve(d, got)
        r = a.peer.record('exec_result', card=d)
        checks.equal((r['outcome'], r['reason']), ('timed_out', 'deadline'))
        d, got = a.pending('(setsid sleep 1000 &) ; setsid sleep 1001 & '
                           'echo $!')
        a.approve(d, got)
        r = a.peer.record('exec_result', card=d)
        checks.equal(r['outcome'], 'finished')
        checks.true(r['survivors'] >= 1, 'survivors were not ended')


# ---- cards that are refused ----

def test_bad_signatures_of_cards():
    with Agent() as a:
        m = a.marker()
        payload = owner.text(a.owner.card_doc(a.device, touch(m)))
        type_ = dsse.type_of('card')
        stranger = dsse.new_key()
        refused(a, dsse.sign(type_, payload, [stranger]), 'unknown_proposer',
                m, False)
        payload = payload.replace(b'"a test"', b'"another"')
        refused(a, dsse.envelope(type_, payload, [('x', b'\0' * 64)]),
                'unknown_proposer', m, False)
        # One bit of the text, under a signature of the text before.
        env = a.card(touch(m))
        whole = bytearray(dsse.payload_of(env))
        whole[whole.index(b'a test')] ^= 1
        env['payload'] = base64.b64encode(bytes(whole)).decode()
        refused(a, env, 'unknown_proposer', m, False)
        # One bit of the signature.
        env = a.card(touch(m))
        sig = bytearray(base64.b64decode(env['signatures'][0]['sig']))
        sig[5] ^= 16
        env['signatures'][0]['sig'] = base64.b64encode(bytes(sig)).decode()
        refused(a, env, 'unknown_proposer', m, False)
        # Signed, by somebody who may not propose.
        refused(a, a.owner.card(a.device, touch(m), by='tess'),
                'key_not_valid', m, False)
        # The right bytes signed as another type.
        env = a.card(touch(m))
        other = dsse.sign(dsse.type_of('approval'), dsse.payload_of(env),
                          [a.owner.keys['ai-1']])
        other['payloadType'] = type_
        refused(a, other, 'unknown_proposer', m, False)


def test_cards_for_others_and_of_other_times():
    with Agent() as a:
        m = a.marker()
        now = int(time.time())
        stamp = owner.stamp
        for reason, change in (
                ('wrong_device', {'device': 'd-' + 'a' * 26}),
                ('wrong_org', {'org': 'other.example'}),
                ('expired', {'created': stamp(now - 7200),
                             'expires': stamp(now - 100)}),
                ('from_the_future', {'created': stamp(now + 4000),
                                     'expires': stamp(now + 5000)}),
                ('out_of_range', {'expires': stamp(now + 86400 + 60)}),
                ('out_of_range', {'expires': stamp(now - 1)})):
            refused(a, a.card(touch(m), **change), reason, m, True)
        # Its end may have been forgotten by now: there is no other one.
        refused(a, a.card(touch(m), created=stamp(now - 7200),
                          expires=stamp(now - 3600)), 'expired', m, False)


def test_malformed_cards():
    with Agent() as a:
        m = a.marker()
        doc = a.owner.card_doc(a.device, touch(m))

        def raw(change):
            d = dict(doc, id=owner.uuid7())
            return change(json.dumps(d))

        cases = (
            ('unknown_field', lambda s: s[:-1] + ',"approved":true}'),
            ('duplicate', lambda s: s[:-1] + ',"v":1}'),
            ('duplicate', lambda s: s[:-1] + ',"\\u0076":1}'),
            (None, lambda s: s.replace('a test', 'a\\u0000test')),
            (None, lambda s: s.replace('a test', 'a\\u202etest')),
            (None, lambda s: s.replace('a test', 'a\\u200btest')),
            (None, lambda s: s + ' x'),
            (None, lambda s: s[:-1]),
            (None, lambda s: '\ufeff' + s),
            (None, lambda s: s.replace('"v": 1', '"v": 01')),
            (None, lambda s: s.replace('"v": 1', '"v": 1.0')),
            ('out_of_range', lambda s: s.replace('"v": 1', '"v": 2')),
            ('out_of_range', lambda s: s.replace('"sh"', '"zsh"')),
            ('missing_field', lambda s: s.replace('"shell": "sh", ', '')),
            ('wrong_type', lambda s: s.replace('"v": 1', '"v": "1"')),
            (None, lambda s: s.replace('echo ran', 'echo \\u00e9ran')),
            (None, lambda s: s.replace('echo ran', '\\u001b[2J echo ran')),
        )
        for reason, change in cases:
            env = dsse.sign(dsse.type_of('card'), raw(change).encode(),
                            [a.owner.keys['ai-1']])
            a.send('card', env)
            r = a.peer.record('card_refused', card=owner.digest_of(env))
            checks.equal(r['final'], True, 'final')
            if reason:
                checks.equal(r['reason'], reason, 'reason')
        checks.true(not os.path.exists(m), 'something ran')
        checks.equal(a.peer.all('card_received'), [])


def test_an_oversized_card_never_reaches_the_gate():
    with Agent() as a:
        m = a.marker()
        env = a.card(touch(m), description='x' * 40000)
        a.send('card', env)
        r = a.peer.record('link_refused')
        checks.true(r['length'] > 40000, 'length')
        checks.true(not os.path.exists(m), 'it ran')


def test_a_card_is_taken_once():
    with Agent() as a:
        env = a.card('true')
        digest = owner.digest_of(env)
        a.send('card', env)
        received = a.peer.record('card_received', card=digest)
        for _ in range(5):
            a.send('card', env)
        settled(a)
        checks.equal(len(a.peer.all('card_received', card=digest)), 1)
        # The same id with another text.
        doc = json.loads(dsse.payload_of(env))
        doc['command'] = 'false'
        refused(a, a.owner.card(a.device, '', raw=owner.text(doc)),
                'id_reused', a.marker(), True)
        a.approve(digest, received)
        a.peer.record('exec_result', card=digest)
        a.send('card', env)
        settled(a)
        checks.equal(len(a.peer.all('exec_intent', card=digest)), 1)


def test_profiles_are_not_downgraded():
    with Agent() as a:
        m = a.marker()
        offered = json.loads(dsse.payload_of(a.peer.hellos[-1]))['profiles']
        for profile in ('observe', 'repair'):
            if profile in offered:
                continue
            refused(a, a.card(touch(m), profile=profile),
                    'sandbox_unavailable', m, False)


# ---- approvals that are refused ----

def approval_refused(a, env, reason, path, **fields):
    digest = owner.digest_of(env)
    a.send('approval', env)
    r = a.peer.record('approval_refused', approval=digest)
    checks.equal(r['reason'], reason, 'reason')
    checks.true(not os.path.exists(path), 'it ran')
    return r


def test_bad_approvals():
    with Agent() as a:
        m = a.marker()
        o = a.owner
        d, got = a.pending(touch(m))
        other, other_got = a.pending('true')
        now = int(time.time())
        nonce = got['device_nonce']
        stranger = dsse.new_key()
        for reason, env in (
                ('unknown_approver', a.approval(d, got, key=stranger)),
                ('wrong_nonce', a.approval(d, other_got)),
                ('wrong_nonce', a.approval(other, got)),
                ('wrong_device', a.approval(d, got, device='d-' + 'b' * 26)),
                ('policy_changed', a.approval(
                    d, got, policy='sha256:' + '0' * 64)),
                ('unknown_card', o.say('approval', o.approval_doc(
                    'sha256:' + '1' * 64, nonce, a.policy_digest(),
                    a.device), o.keys['tess'])),
                ('wrong_approver', a.approval(d, got, approver='tim')),
                ('wrong_role', a.approval(d, got, role='admin')),
                ('wrong_role', a.approval(d, got, by='max',
                                          role='manager')),
                ('expired', a.approval(d, got, issued=owner.stamp(
                    now - 700), expires=owner.stamp(now - 100))),
                ('from_the_future', a.approval(d, got, issued=owner.stamp(
                    now + 600), expires=owner.stamp(now + 900))),
                ('lives_too_long', a.approval(d, got, ttl=3000)),
                ('unknown_field', a.approval(d, got, approved=True))):
            approval_refused(a, env, reason, m)
        # The right approval, its proof moved under another text.
        good = a.approval(d, got)
        bad = a.approval(other, other_got)
        bad['signatures'] = good['signatures']
        approval_refused(a, bad, 'bad_proof', m)
        # Signed as a card is signed, not as an approval.
        env = dsse.sign(dsse.type_of('approval'), dsse.payload_of(
            a.approval(d, got, reason='x')), [o.keys['tess']])
        a.send('approval', env)
        a.peer.record('approval_refused', approval=owner.digest_of(env))
        # A cancel's signature is not an approval's.
        payload = dsse.payload_of(a.approval(d, got, reason='y'))
        env = o.say('cancel', payload, o.keys['tess'])
        env['payloadType'] = dsse.type_of('approval')
        approval_refused(a, env, 'bad_proof', m)
        checks.true(not os.path.exists(m), 'it ran')
        # And still the right one counts.
        a.send('approval', good)
        a.peer.record('exec_result', card=d)
        checks.true(os.path.exists(m), 'it did not run')


def test_the_proposer_does_not_approve():
    with Agent() as a:
        m = a.marker()
        env = a.owner.card(a.device, touch(m), by='prop-tech')
        d = owner.digest_of(env)
        a.send('card', env)
        got = a.peer.record('card_received', card=d)
        approval_refused(a, a.approval(d, got, by='prop-tech'),
                         'is_proposer', m)


def test_replays():
    with Agent() as a:
        m = a.marker()
        d, got = a.pending('echo x >> %s' % m)
        env = a.approve(d, got)
        a.peer.record('exec_result', card=d)
        a.send('approval', env)
        a.send('approval', env)
        later = a.approval(d, got, reason='again')
        approval_refused(a, later, 'card_closed', '/nonexistent')
        a.stop()
        a.start()
        a.send('approval', env)
        a.send('approval', later)
        a.send('approval', a.approval(d, got, by='tim'))
        a.peer.wait(lambda: len(a.peer.all('approval_refused')) >= 2)
        settled(a)
        with open(m) as f:
            checks.equal(f.read(), 'x\n', 'runs')
        checks.equal(len(a.peer.all('exec_intent', card=d)), 1)


def test_deny_ends_it():
    with Agent() as a:
        m = a.marker()
        d, got = a.pending(touch(m))
        a.approve(d, got, decision='deny', reason='not today')
        r = a.peer.record('denied', card=d)
        checks.equal(r['approver'], 'tess')
        approval_refused(a, a.approval(d, got, by='tim'), 'card_closed', m)


def test_dual_approval():
    with Agent() as a:
        m = a.marker()
        a.owner.requesters = [{'id': 'ann', 'mails': ['ann@acme.example'],
                               'manager': 'max'}]
        a.trust('people', a.owner.people())
        a.trust('policy', a.owner.policy(tools={'command': {
            'decision': 'approval_needed', 'require_manager': True,
            'profiles': ['full'], 'shells': ['sh']}}))
        a.peer.wait(lambda: len(a.peer.all('trust', file='policy')) == 2)
        refused(a, a.card(touch(m)), 'no_manager', m, True)
        d, got = a.pending(touch(m), requester='ann@acme.example')
        a.approve(d, got)
        a.peer.record('approval_accepted', card=d)
        env = a.approval(d, got, by='tim')
        a.send('approval', env)
        a.peer.record('approval_accepted', approval=owner.digest_of(env))
        settled(a)
        checks.true(not os.path.exists(m), 'it ran without the manager')
        a.approve(d, got, by='max', role='manager')
        a.peer.record('exec_result', card=d)
        checks.true(os.path.exists(m), 'it did not run')


# ---- stopping ----

def running(a, **change):
    """A card that runs until it is stopped: (digest, record, marker)."""
    m = a.marker()
    d, got = a.pending('echo up; sleep 1000; echo ran > %s' % m, **change)
    a.approve(d, got)
    a.peer.wait(lambda: a.peer.transcript(d)[0] == b'up\n', 'output')
    return d, got, m


def cli_control(a, type_, body):
    """A request on the control socket: (reply type, body)."""
    import socket
    import struct
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(LIMIT)
    s.connect(a.socket)
    s.sendall(struct.pack('<IHH', len(body), type_, 0) + body)
    data = b''
    out = []
    while True:
        while len(data) >= 8 and len(data) >= 8 + struct.unpack(
                '<I', data[:4])[0]:
            n, kind = struct.unpack('<IH', data[:6])
            out.append((kind, data[8:8 + n]))
            data = data[8 + n:]
            if kind == 67:
                s.close()
                return out
        part = s.recv(65536)
        if not part:
            s.close()
            return out
        data += part


def field(text):
    return len(text).to_bytes(4, 'little') + text


def test_veto():
    with Agent() as a:
        m = a.marker()
        d, got = a.pending(touch(m))
        reply = cli_control(a, 6, field(d.encode()) + field(b'no'))
        checks.equal(reply[0][0], 64, 'reply')
        r = a.peer.record('vetoed', card=d)
        checks.equal((r['by'].startswith('local:'), r['detail']),
                     (True, 'no'))
        approval_refused(a, a.approval(d, got), 'card_closed', m)
        d, got, m = running(a)
        cli_control(a, 6, field(d.encode()) + field(b'stop'))
        r = a.peer.record('exec_result', card=d)
        checks.equal((r['outcome'], r['reason']), ('killed', 'veto'))
        checks.true(not os.path.exists(m), 'it went on')


def test_console_may_not_stop_a_full_card():
    with Agent() as a:
        d, got, m = running(a)
        a.peer.send(link.withdraw(bytes.fromhex(d[7:]), 'changed my mind'))
        r = a.peer.record('cancel_refused', card=d)
        checks.equal(r['reason'], 'console_may_not_stop')
        checks.equal(a.peer.all('exec_result', card=d), [])
        # An approver's signed cancel does.
        a.send('cancel', a.owner.say('cancel', a.owner.cancel_doc(
            d, got['device_nonce'], a.device, 'tim'), a.owner.keys['tim']))
        r = a.peer.record('exec_result', card=d)
        checks.equal((r['outcome'], r['reason']), ('killed', 'cancel'))
        checks.true(not os.path.exists(m), 'it went on')


def test_withdraw_and_cancel_of_pending_cards():
    with Agent() as a:
        m = a.marker()
        d, got = a.pending(touch(m))
        a.peer.send(link.withdraw(bytes.fromhex(d[7:]), 'too late'))
        r = a.peer.record('cancelled', card=d)
        checks.equal((r['by'], r['reason']), ('console', 'console_withdraw'))
        approval_refused(a, a.approval(d, got), 'card_closed', m)
        d, got = a.pending(touch(m))
        a.send('cancel', a.owner.say('cancel', a.owner.cancel_doc(
            d, got['device_nonce'], a.device, 'ai-1'),
            a.owner.keys['ai-1']))
        a.peer.record('cancelled', card=d)
        # The proposer cannot stop what runs; nobody's key stops anything.
        d, got, m2 = running(a)
        for by, key in (('ai-1', a.owner.keys['ai-1']),
                        ('tim', dsse.new_key())):
            env = a.owner.say('cancel', a.owner.cancel_doc(
                d, got['device_nonce'], a.device, by), key)
            a.send('cancel', env)
            a.peer.record('cancel_refused', approval=owner.digest_of(env))
        checks.equal(a.peer.all('exec_result', card=d), [])


def test_lockdown():
    with Agent() as a:
        d, got, m = running(a)
        waits, waits_got = a.pending(touch(m))
        cli_control(a, 7, b'\x01' + field(b'fire'))
        a.peer.record('lockdown')
        r = a.peer.record('exec_result', card=d)
        checks.equal((r['outcome'], r['reason']), ('killed', 'lockdown'))
        approval_refused(a, a.approval(waits, waits_got), 'lockdown', m)
        refused(a, a.card(touch(m)), 'lockdown', m, False)
        a.stop()
        a.start()
        refused(a, a.card(touch(m)), 'lockdown', m, False)
        cli_control(a, 7, b'\x00' + field(b'over'))
        a.peer.record('lockdown_lifted')
        d, got = a.pending(touch(m))
        a.approve(d, got)
        a.peer.record('exec_result', card=d)
        checks.true(os.path.exists(m), 'it did not run')


# ---- trust files ----

def test_without_trust_files_nothing_runs():
    a = Agent(files=False)
    with a:
        m = a.marker()
        refused(a, a.card(touch(m)), 'no_root', m, False)


def test_a_device_that_is_not_listed():
    a = Agent(device_file=False)
    with a:
        m = a.marker()
        refused(a, a.card(touch(m)), 'device_not_listed', m, False)
        a.trust('device', a.owner.device('d-' + 'c' * 26))
        r = a.peer.record('trust_refused', file='device')
        checks.equal(r['reason'], 'wrong_device')
        refused(a, a.card(touch(m)), 'device_not_listed', m, False)


def test_trust_files_that_are_refused():
    with Agent() as a:
        o = a.owner
        thief = [dsse.new_key(), dsse.new_key()]
        now = int(time.time())
        n = 0
        people = json.loads(dsse.payload_of(a.files['people']))

        def again(reason, env):
            nonlocal n
            n += 1
            a.peer.send(link.envelope('trust', env))
            r = a.peer.record('trust_refused',
                              digest=owner.digest_of(env))
            checks.equal(r['reason'], reason, 'reason')

        newer = dict(people, version=7)
        again('bad_signature', o.seal('people', newer, thief))
        again('threshold_not_met', o.seal(
            'people', dict(people, version=9), o.holders[:1]))
        again('threshold_not_met', o.seal(
            'people', dict(people, version=8),
            [o.holders[0], o.holders[0]]))
        again('wrong_org', o.seal('people', dict(newer, org='x.example')))
        again('unknown_field', o.seal('people', dict(newer, extra=1)))
        again('expired', o.seal('people', dict(
            newer, issued=owner.stamp(now - 10 * 86400),
            expires=owner.stamp(now - 86400))))
        again('from_the_future', o.seal('people', dict(
            newer, issued=owner.stamp(now + 3600))))
        root = json.loads(dsse.payload_of(a.root))
        again('version_skipped', o.seal('root', dict(root, version=3)))
        # The good next version, and then the one before.
        a.trust('people', o.people())
        a.peer.wait(lambda: len(a.peer.all('trust', file='people')) == 2)
        env = o.seal('people', dict(people, version=1,
                                    revoked=[]))
        again('rolled_back', o.seal('people', dict(
            people, version=1, issued=owner.stamp(now - 60))))
        del env
        # The same version with other bytes, both signed: lockdown.
        current = json.loads(dsse.payload_of(a.files['people']))
        env = o.seal('people', dict(current, persons=current['persons'][:3]))
        a.peer.send(link.envelope('trust', env))
        r = a.peer.record('lockdown')
        checks.equal(r['source'], 'tamper')
        # The console cannot lift it, nor can the owner of the device.
        reply = cli_control(a, 7, b'\x00' + field(b'please'))
        checks.equal(reply[0][0], 65)


def test_expired_trust_files():
    a = Agent(files=False)
    a.files = {'root': a.root, 'people': a.owner.people(life=4),
               'policy': a.owner.policy(),
               'device': a.owner.device(a.device)}
    a.greet()
    with a:
        m = a.marker()
        # It was good when it came; it runs out while a card waits.
        deadline = json.loads(dsse.payload_of(a.files['people']))['expires']
        env = a.card(touch(m))
        d = owner.digest_of(env)
        a.send('card', env)
        got = a.peer.record('card_received', card=d)
        while owner.stamp(int(time.time())) < deadline:
            time.sleep(0.05)
        approval_refused(a, a.approval(d, got), 'people_expired', m)


def test_a_revocation_takes_effect_on_waiting_cards():
    with Agent() as a:
        m = a.marker()
        d, got = a.pending(touch(m))
        a.owner.revoked = [dsse.key_id(a.owner.keys['tess'])]
        a.trust('people', a.owner.people())
        a.peer.wait(lambda: len(a.peer.all('trust', file='people')) == 2)
        approval_refused(a, a.approval(d, got), 'key_not_valid', m)


def test_policy_binds_the_approval():
    with Agent() as a:
        m = a.marker()
        d, got = a.pending(touch(m))
        env = a.approval(d, got)
        a.trust('policy', a.owner.policy())
        a.peer.wait(lambda: len(a.peer.all('trust', file='policy')) == 2)
        approval_refused(a, env, 'policy_changed', m)
        a.approve(d, got)
        a.peer.record('exec_result', card=d)
        checks.true(os.path.exists(m), 'it did not run')


# ---- a hostile console ----

def test_a_console_that_sends_garbage():
    with Agent() as a:
        n = a.peer.connections
        a.peer.send('{"type":"card"')
        a.peer.wait(lambda: a.peer.connections > n, 'reconnection')
        a.peer.record('link_refused')
        n = a.peer.connections
        a.peer.send(link.text('reboot', now=True))
        a.peer.wait(lambda: a.peer.connections > n, 'reconnection')
        d, r = a.run('true')
        checks.equal(r['outcome'], 'finished')


def test_a_disk_that_was_put_back():
    """The console has seen a later state: nothing runs by way of it."""
    with Agent() as a:
        m = a.marker()
        d, got = a.pending('echo x >> %s' % m)
        a.stop()
        old = a.state + '-old'
        shutil.copytree(a.state, old)
        a.start()
        env = a.approve(d, got)
        a.peer.record('exec_result', card=d)
        a.stop()
        shutil.rmtree(a.state)
        os.rename(old, a.state)
        # The console says what it has, and sends the approval again.
        a.peer.greet = []
        n = a.peer.connections
        a.start(wait=False)
        a.peer.wait(lambda: a.peer.connections > n, 'connection')
        try:
            a.send('approval', env)
        except (AssertionError, OSError):
            pass
        a.peer.wait(lambda: a.peer.connections > n + 1, 'reconnection')
        with open(m) as f:
            checks.equal(f.read(), 'x\n', 'runs')
        checks.true('ALARM' in a.read_log(), 'no alarm')
        status = json.loads(cli_control(a, 1, b'')[0][1])
        checks.equal(status['queue']['pending'], 1)


def test_a_console_that_floods():
    with Agent() as a:
        m = a.marker()
        stranger = dsse.new_key()
        for i in range(2000):
            payload = owner.text(a.owner.card_doc(a.device, touch(m)))
            a.send('card', dsse.sign(dsse.type_of('card'), payload,
                                     [stranger]))
        d, r = a.run('true')
        checks.equal(r['outcome'], 'finished')
        checks.true(len(a.peer.all('card_refused')) <= 40,
                    'a flood filled the journal')
        checks.true(not os.path.exists(m), 'it ran')


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
