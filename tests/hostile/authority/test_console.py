"""test_console.py - a console that is an attacker's, or whoever has its data.
SPDX-License-Identifier: Apache-2.0

threat-model.md, rows "a compromised console" and "somebody on the network";
lessons 1 (console compromise is not fleet compromise), 2 (approval is proof,
not a flag), 4 (replay) and 5 (no side path round the owner's refusal). The
console has the connection, the proposer's key, the timestamp key and all
approvals that were ever made; no approver's key and no root holder's.
"""
import base64
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', '..', 'system', 'lib'))

from countersign import checks, control, dsse, link, owner	# noqa: E402
from countersign.agent import Agent				# noqa: E402
from countersign.attack import (				# noqa: E402
    approval_refused, busy, cancel_refused, ends_of, install, ready, refused,
    restart, settled, touch, touched, trust_refused, untouched)

ELSEWHERE = 'd-' + 'c' * 26


def reconnects(a, text):
    """The message closes the link; the device comes back."""
    n = a.peer.connections
    a.peer.send(text)
    a.peer.wait(lambda: a.peer.connections > n, 'reconnection')


# ---- lesson 2: a flag is no approval ----

def test_flags_in_a_card():
    """Lesson 2: whatever a card says of its own approval is refused."""
    with Agent() as a:
        m = a.marker()
        for flag in ({'approved': True}, {'decision': 'approve'},
                     {'status': 'approved'}, {'approver': 'tess'},
                     {'approvals': []}, {'enough': True}, {'auto': True}):
            refused(a, a.card(touch(m), **flag), 'unknown_field', m,
                    final=True)


def test_flags_round_a_card():
    """Lesson 2: beside the envelope they close the link, inside its outer
    object, which is not signed, they are nothing."""
    with Agent() as a:
        m = a.marker()
        env = a.card(touch(m))
        reconnects(a, link.text('card', envelope=env, approved=True))
        reconnects(a, link.text('approve', card=owner.digest_of(env)))
        a.peer.wait(lambda: len(a.peer.all('link_refused')) == 2)
        env['approved'] = True
        env['approvals'] = [{'approver': 'tess', 'decision': 'approve'}]
        env['signatures'][0]['approved'] = True
        a.send('card', env)
        r = a.peer.record('card_received', card=owner.digest_of(env))
        checks.equal(r.get('enough'), None, 'enough')
        settled(a)
        untouched(m)
        checks.equal(a.peer.all('exec_intent'), [])


def test_approvals_without_proof():
    """Lesson 2: no signature, a console's own, a device's, an empty one, the
    proposer's, a card's way of signing."""
    with Agent() as a:
        m = a.marker()
        o = a.owner
        d, got = a.pending(touch(m))
        doc = o.approval_doc(d, got['device_nonce'], a.policy_digest(),
                             a.device)
        type_ = dsse.type_of('approval')
        keyid = dsse.key_id(o.keys['tess'])

        def with_sigs(reason, *sigs):
            # Every one its own text, so that its refusal is its own too.
            payload = owner.text(dict(doc, reason=os.urandom(4).hex()))
            approval_refused(a, dsse.envelope(type_, payload, [
                (k, s(payload)) for k, s in sigs]), reason, m)

        good = (keyid, lambda p: owner.proof(type_, p, o.keys['tess']))
        with_sigs('bad_proof', (keyid, lambda p: b'\x01' +
                                owner.sshstr(bytes(64))))
        with_sigs('bad_proof', (keyid, lambda p: b''))
        with_sigs('unknown_approver', ('', lambda p: owner.proof(
            type_, p, dsse.new_key())))
        with_sigs('bad_proof', (keyid, lambda p: good[1](p) + b'\0'))
        with_sigs('bad_proof', (keyid, lambda p: o.keys['tess'].sign(
            dsse.pae(type_, p)).signature))
        for key in (o.timestamp_key, dsse.new_key()):
            approval_refused(a, o.say('approval', dict(
                doc, reason=os.urandom(4).hex()), key),
                'unknown_approver', m)
        approval_refused(a, o.say('approval', doc, o.keys['ai-1']),
                         'wrong_approver', m)
        approval_refused(a, o.say('approval', dict(
            doc, approver='ai-1'), o.keys['ai-1']), 'is_proposer', m)
        for sigs in ([], [good, good]):
            reconnects(a, link.envelope('approval', dsse.envelope(
                type_, owner.text(doc), [
                    (k, f(owner.text(doc))) for k, f in sigs])))
        settled(a)
        untouched(m)
        checks.equal(a.peer.all('approval_accepted'), [])


# ---- lesson 4: replay ----

def test_stored_approvals_of_another_card():
    """Row "compromised console", all stored approvals: those of another card,
    another nonce, another device, an older policy."""
    with Agent() as a:
        m = a.marker()
        o = a.owner
        old, old_got = a.pending('true')
        stored = a.approve(old, old_got)
        a.peer.record('exec_result', card=old)
        d, got = a.pending(touch(m))
        # As it is: it is of an ended card, and counts for no other.
        a.send('approval', stored)
        settled(a)
        untouched(m)
        # Its proof under a text that names the new card.
        moved = a.approval(d, got)
        moved['signatures'] = stored['signatures']
        approval_refused(a, moved, 'bad_proof', m)
        approval_refused(a, a.approval(d, old_got), 'wrong_nonce', m)
        approval_refused(a, a.approval(d, got, device=ELSEWHERE),
                         'wrong_device', m)
        before = a.approval(d, got, reason='under the policy before')
        install(a, 'policy', o.policy())
        approval_refused(a, before, 'policy_changed', m)


def test_what_was_made_for_another_device():
    """Lesson 4: a card and its true approval, both for another device."""
    with Agent() as a, Agent(files=False) as b:
        ready(b)
        m = a.marker()
        # The same owner has both.
        b.owner, here = a.owner, b.device
        d, got = a.pending(touch(m))
        env = a.approval(d, got)
        refused(b, a.card(touch(m)), 'no_root', m)
        there = a.owner.card(here, touch(m))
        refused(a, there, 'wrong_device', m, final=True)
        approval_refused(a, a.owner.say('approval', a.owner.approval_doc(
            owner.digest_of(there), got['device_nonce'], a.policy_digest(),
            here), a.owner.keys['tess']), 'card_closed', m)
        approval_refused(b, env, 'no_root', m)


def test_replays_after_restarts():
    """Lesson 4: one intent a digest, over restarts and a kill -9, whatever
    comes again and in whatever order."""
    with Agent() as a:
        m = a.marker()
        card = a.card('echo x >> %s' % m)
        d = owner.digest_of(card)
        a.send('card', card)
        got = a.peer.record('card_received', card=d)
        yes = a.approve(d, got)
        a.peer.record('exec_result', card=d)
        for number in (15, 9):
            a.signal(number)
            restart(a)
            for env in (card, card):
                a.send('card', env)
            for env in (yes, a.approval(d, got, by='tim'), yes):
                a.send('approval', env)
            settled(a)
        with open(m, encoding='ascii') as f:
            checks.equal(f.read(), 'x\n', 'runs')
        checks.equal(len(a.peer.all('exec_intent', card=d)), 1)
        checks.equal(len(a.peer.all('card_received', card=d)), 1)
        checks.equal([r['kind'] for r in ends_of(a, d)], ['exec_result'])
        checks.true(all(r['reason'] == 'card_closed' for r in
                        a.peer.all('approval_refused')), 'reasons')


def test_an_id_names_one_card():
    """Lesson 4: another card under an id that is known."""
    with Agent() as a:
        m = a.marker()
        d, got = a.pending('true')
        refused(a, a.card(touch(m), id=got['id']), 'id_reused', m,
                final=True)


def test_as_another_type():
    """Lesson 4: the domain is in the signed bytes. A person's denial, cancel,
    card or trust file is never their approval."""
    with Agent() as a:
        m = a.marker()
        o = a.owner
        d, got = a.pending(touch(m))
        tess = o.keys['tess']
        # A cancel's proof under an approval's type.
        doc = a.approval(d, got)
        payload = dsse.payload_of(doc)
        as_cancel = o.say('cancel', payload, tess)
        as_cancel['payloadType'] = dsse.type_of('approval')
        approval_refused(a, as_cancel, 'bad_proof', m)
        # A whole cancel, sent as an approval.
        cancel = o.say('cancel', o.cancel_doc(
            d, got['device_nonce'], a.device, 'tess'), tess)
        approval_refused(a, cancel, 'unknown_version', m)
        # Signed as a card would be: over the PAE, not over B.
        as_card = dsse.sign(dsse.type_of('approval'), owner.text(
            o.approval_doc(d, got['device_nonce'], a.policy_digest(),
                           a.device, reason='1')), [tess])
        a.send('approval', as_card)
        a.peer.record('approval_refused', approval=owner.digest_of(as_card))
        # A denial whose word was turned.
        no = o.approval_doc(d, got['device_nonce'], a.policy_digest(),
                            a.device, decision='deny')
        sealed = o.say('approval', no, tess)
        turned = owner.text(no).replace(b'"deny"', b'"approve"')
        sealed['payload'] = base64.b64encode(turned).decode()
        approval_refused(a, sealed, 'bad_proof', m)
        # An approval as a card, as a trust file.
        env = a.approval(d, got, reason='2')
        a.send('card', env)
        r = a.peer.record('card_refused', card=owner.digest_of(env))
        checks.equal(r['reason'], 'unknown_version')
        env['payloadType'] = dsse.type_of('policy')
        a.peer.send(link.envelope('trust', env))
        settled(a)
        untouched(m)
        checks.equal(a.peer.all('approval_accepted'), [])
        checks.equal(len(a.peer.all('trust')), 4)


# ---- a console as an owner ----

def evil(a):
    """The console's own org of the same name, with its own keys."""
    e = owner.Owner(a.owner.org)
    for word in e.version:
        e.version[word] = 6
    return e


def test_a_root_of_its_own_at_enrolment():
    """Row "compromised console": the pin comes from the owner, so a root, and
    all that it would sign, is refused before the first one."""
    with Agent(files=False) as a:
        ready(a)
        m = a.marker()
        e = owner.Owner(a.owner.org)
        trust_refused(a, e.root(), 'not_pinned')
        for env in (e.people(), e.policy(), e.device(a.device),
                    e.timestamp({'root': a.root, 'people': a.root,
                                 'policy': a.root})):
            trust_refused(a, env, 'no_root')
        refused(a, e.card(a.device, touch(m)), 'no_root', m, final=False)
        # The owner's root without its signatures, and with another's.
        bare = dict(a.root, signatures=e.seal(
            'root', owner.Owner.__doc__)['signatures'])
        trust_refused(a, bare, 'bad_signature')
        restart(a)
        refused(a, e.card(a.device, touch(m)), 'no_root', m, final=False)
        checks.equal(a.peer.all('trust'), [])


def test_trust_files_signed_by_itself():
    """Row "compromised console": its own root, people, policy and device
    entry, of a later version, against what is held."""
    with Agent() as a:
        m = a.marker()
        e = evil(a)
        held = a.files
        for env in (e.root(version=2), e.people(), e.policy(),
                    e.device(a.device), e.timestamp(held)):
            trust_refused(a, env, 'bad_signature')
        # A root that the old holders did not sign, its own did.
        doc = json.loads(dsse.payload_of(e.root(version=2)))
        trust_refused(a, a.owner.seal('root', doc, e.holders),
                      'bad_signature')
        refused(a, e.card(a.device, touch(m)), 'unknown_proposer', m,
                final=False)
        d, got = a.pending(touch(m))
        approval_refused(a, e.say('approval', e.approval_doc(
            d, got['device_nonce'], a.policy_digest(), a.device),
            e.keys['tess']), 'unknown_approver', m)
        checks.equal(len(a.peer.all('trust')), 4)


def test_groups_and_names_are_the_owners():
    """Row "compromised console": it cannot rename a device, change its groups
    or list it, with any key that it has."""
    with Agent() as a:
        m = a.marker()
        o = a.owner
        e = evil(a)
        install(a, 'policy', o.policy(
            tools={'command': {'decision': 'approval_needed'}},
            overrides=[{'match': {'groups': ['lab']}, 'tool': '*',
                        'decision': 'disabled'}]))
        for keys in (e.holders, [o.timestamp_key], [o.keys['ada']],
                     [o.keys['ai-1']]):
            trust_refused(a, o.seal('device', dict(
                o.head('device', 3600), device=a.device,
                name='another %s' % os.urandom(4).hex(), groups=[]), keys),
                'bad_signature')
        reconnects(a, link.text('device', name='x', groups=[]))
        refused(a, a.card(touch(m)), 'disabled', m, final=True)


def test_the_timestamp_key():
    """Row "compromised console", the timestamp key: it signs no other file,
    cannot go back, conflicts without effect, and can stop `auto` only."""
    with Agent() as a:
        m = a.marker()
        o = a.owner
        key = [o.timestamp_key]
        v = 7
        for word, doc in (
                ('root', json.loads(dsse.payload_of(o.root(version=2)))),
                ('people', json.loads(dsse.payload_of(o.people(version=v)))),
                ('policy', json.loads(dsse.payload_of(o.policy(version=v)))),
                ('device', json.loads(dsse.payload_of(
                    o.device(a.device, version=v))))):
            trust_refused(a, o.seal(word, doc, key), 'bad_signature')
        held = {k: a.files[k] for k in ('root', 'people', 'policy')}
        first = o.timestamp(held)
        install(a, 'timestamp', first)
        # An owner's holder is not the timestamp's signer either.
        trust_refused(a, o.seal('timestamp', json.loads(dsse.payload_of(
            o.timestamp(held)))), 'bad_signature')
        far = o.timestamp({k: (o.policy(version=99) if k == 'policy' else e)
                           for k, e in held.items()},
                          version=(1 << 53) - 1)
        install(a, 'timestamp', far)
        trust_refused(a, first, 'rolled_back')
        trust_refused(a, o.timestamp(held, version=(1 << 53) - 1),
                      'conflict')
        checks.equal(a.peer.all('lockdown'), [])
        d, got = a.pending(touch(m))
        a.approve(d, got)
        a.peer.record('exec_result', card=d)
        touched(m)
        # The owner takes the key away, and the counter begins again.
        o.timestamp_key = dsse.new_key()
        install(a, 'root', o.root(version=2))
        trust_refused(a, o.seal('timestamp', dict(json.loads(
            dsse.payload_of(first)), version=5), key), 'bad_signature')
        install(a, 'timestamp', o.timestamp(
            {k: a.files[k] for k in held}, version=1))


# ---- what it can do, and no more ----

def test_withdrawing():
    """Row "compromised console": it withdraws what is pending, and never what
    runs in a profile that the owner does not let it stop."""
    with Agent() as a:
        m = a.marker()
        running, release = busy(a)
        a.peer.send(link.withdraw(bytes.fromhex(running[7:]), 'now'))
        r = a.peer.record('cancel_refused', card=running)
        checks.equal((r['reason'], r['by']),
                     ('console_may_not_stop', 'console'))
        # Its proposer's key, which it has, does not stop what runs.
        got = a.peer.record('card_received', card=running)
        cancel_refused(a, a.owner.say('cancel', a.owner.cancel_doc(
            running, got['device_nonce'], a.device, 'ai-1'),
            a.owner.keys['ai-1']), 'late')
        d, got = a.pending(touch(m))
        a.peer.send(link.withdraw(bytes.fromhex(d[7:]), 'no'))
        a.peer.record('cancelled', card=d, reason='console_withdraw')
        approval_refused(a, a.approval(d, got), 'card_closed', m)
        a.peer.send(link.withdraw(os.urandom(32), 'who'))
        a.peer.record('cancel_refused', reason='unknown_card')
        release()
        r = a.peer.record('exec_result', card=running)
        checks.equal((r['outcome'], r['exit_code']), ('finished', 0))


def test_a_lockdown_is_not_the_consoles_to_lift():
    """Row "compromised console" and lesson 5: nothing that comes over the
    link lifts the owner's lockdown, nor goes round it, nor does a restart."""
    with Agent() as a:
        m = a.marker()
        waits, got = a.pending(touch(m))
        checks.equal(control.lockdown(a.socket, True, b'fire'), None)
        a.peer.record('lockdown', source='local')
        reconnects(a, link.text('lockdown', on=False))
        reconnects(a, link.text('lockdown_lifted', by='local:root'))
        install(a, 'policy', a.owner.policy())
        install(a, 'device', a.owner.device(a.device))
        approval_refused(a, a.approval(waits, got), 'lockdown', m)
        refused(a, a.card(touch(m)), 'lockdown', m, final=False)
        restart(a)
        refused(a, a.card(touch(m)), 'lockdown', m, final=False)
        # `countersign submit` goes the same way.
        env = a.card(touch(m))
        checks.equal(control.submit(a.socket, 'card', env), 'lockdown')
        untouched(m)
        checks.equal(a.peer.all('lockdown_lifted'), [])


def test_a_veto_stands():
    """Lesson 5: no side path goes round the device's owner's no."""
    with Agent() as a:
        m = a.marker()
        env = a.card(touch(m))
        d = owner.digest_of(env)
        a.send('card', env)
        got = a.peer.record('card_received', card=d)
        checks.equal(control.veto(a.socket, d.encode(), b'not here'), None)
        a.peer.record('vetoed', card=d)
        a.send('card', env)
        approval_refused(a, a.approval(d, got), 'card_closed', m)
        checks.equal(control.submit(a.socket, 'approval', a.approval(
            d, got, by='tim')), 'card_closed')
        restart(a)
        a.send('card', env)
        approval_refused(a, a.approval(d, got, by='ada', role='admin'),
                         'card_closed', m)
        checks.equal([r['kind'] for r in ends_of(a, d)], ['vetoed'])


def test_no_update_over_the_link():
    """Lesson 10: nothing that comes over the link changes the program."""
    with Agent() as a:
        before = a.peer.all('version')
        for type_ in ('update', 'exec'):
            reconnects(a, link.text(type_, url='https://x.example/a',
                                    sha256='0' * 64))
        restart(a)
        after = a.peer.all('version')
        checks.equal({r['hash'] for r in before},
                     {r['hash'] for r in after}, 'programs')
        checks.equal(a.peer.all('exec_intent'), [])


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
