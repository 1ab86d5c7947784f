"""test_reviewed.py - what was approved is looked at again before it runs.
SPDX-License-Identifier: Apache-2.0

threat-model.md, row "a stolen approver key" (dual approval asks for another
person, revocation takes effect on cards that wait), row "a compromised
console" (it cannot choose the manager), lesson 7 (what was seen is what runs).
A card that is approved waits behind another that holds its place; meanwhile
the owner changes something, or time passes.
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', '..', 'system', 'lib'))

from countersign import checks, dsse, owner		# noqa: E402
from countersign.agent import Agent			# noqa: E402
from countersign.attack import (			# noqa: E402
    accepted, approval_refused, busy, ends_of, install, refused, restart,
    settled, touch, touched, untouched)

DUAL = {'command': {'decision': 'approval_needed', 'require_manager': True,
                    'profiles': ['full'], 'shells': ['sh']}}


def waiting(a, **change):
    """An approved card that waits: (digest, record, marker, release)."""
    _, release = busy(a)
    m = a.marker()
    d, got = a.pending(touch(m), **change)
    accepted(a, a.approval(d, got))
    return d, got, m, release


def lapsed(a, d, release, m, reason):
    """It lapses for that reason, and does not run once there is room."""
    r = a.peer.record('approval_lapsed', card=d)
    checks.equal(r['reason'], reason, 'reason')
    release()
    settled(a)
    untouched(m)
    checks.equal(a.peer.all('exec_intent', card=d), [])
    checks.equal(ends_of(a, d), [], 'ends')


# ---- between approval and run ----

def test_the_approvers_key_is_revoked():
    """A stolen key that is revoked while its card waits."""
    with Agent() as a:
        d, got, m, release = waiting(a)
        a.owner.revoked = [dsse.key_id(a.owner.keys['tess'])]
        install(a, 'people', a.owner.people())
        lapsed(a, d, release, m, 'key_not_valid')
        accepted(a, a.approval(d, got, by='tim'))
        a.peer.record('exec_result', card=d)
        touched(m)


def test_the_approver_leaves():
    """The person is gone from people, key and all."""
    with Agent() as a:
        d, got, m, release = waiting(a)
        a.owner.persons = [p for p in a.owner.persons if p['id'] != 'tess']
        install(a, 'people', a.owner.people())
        lapsed(a, d, release, m, 'unknown_key')


def test_the_approver_loses_the_role():
    """The person stays, without the role."""
    with Agent() as a:
        d, got, m, release = waiting(a)
        a.owner.find('tess')['roles'] = ['manager']
        install(a, 'people', a.owner.people())
        lapsed(a, d, release, m, 'wrong_role')


def test_the_key_becomes_anothers():
    """The same key under another person's name."""
    with Agent() as a:
        d, got, m, release = waiting(a)
        a.owner.find('tess')['id'] = 'tessa'
        install(a, 'people', a.owner.people())
        lapsed(a, d, release, m, 'wrong_approver')


def test_the_keys_time_is_over():
    """valid_until passes while the card waits."""
    with Agent() as a:
        end = int(time.time()) + 4
        a.owner.find('tess')['keys'][0]['valid_until'] = owner.stamp(end)
        install(a, 'people', a.owner.people())
        d, got, m, release = waiting(a)
        # There is nothing to wait for but the time itself.
        while time.time() < end + 1:
            time.sleep(0.05)
        release()
        r = a.peer.record('approval_lapsed', card=d)
        checks.equal(r['reason'], 'key_not_valid')
        settled(a)
        untouched(m)
        approval_refused(a, a.approval(d, got, reason='again'),
                         'key_not_valid', m)


def test_the_proposer_is_revoked():
    """A proposer's key that was stolen: its cards end."""
    with Agent() as a:
        d, got, m, release = waiting(a)
        a.owner.revoked = [dsse.key_id(a.owner.keys['ai-1'])]
        install(a, 'people', a.owner.people())
        r = a.peer.record('cancelled', card=d)
        checks.equal((r['by'], r['reason']), ('device', 'proposer_revoked'))
        release()
        a.owner.revoked = []
        install(a, 'people', a.owner.people())
        approval_refused(a, a.approval(d, got, by='tim'), 'card_closed', m)
        checks.equal(a.peer.all('exec_intent', card=d), [])


def test_the_approval_expires():
    """An approval that ran out behind another card counts no more."""
    with Agent() as a:
        _, release = busy(a)
        m = a.marker()
        d, got = a.pending(touch(m))
        accepted(a, a.approval(d, got, ttl=3))
        lapsed(a, d, release, m, 'expired')
        accepted(a, a.approval(d, got, by='tim'))
        a.peer.record('exec_result', card=d)
        touched(m)


def test_the_card_expires():
    """An approved card that waits past its own end: expired, and no more."""
    with Agent() as a:
        _, release = busy(a)
        m = a.marker()
        d, got = a.pending(touch(m), expires=owner.stamp(
            int(time.time()) + 4))
        accepted(a, a.approval(d, got, ttl=3))
        a.peer.record('expired', card=d)
        release()
        approval_refused(a, a.approval(d, got, by='tim'), 'card_closed', m)
        checks.equal([r['kind'] for r in ends_of(a, d)], ['expired'])


def test_the_policy_is_tightened():
    """Any other policy: the approval was given under the one before."""
    for tools in ({'command': {'decision': 'disabled'}}, {}, DUAL,
                  {'command': {'decision': 'approval_needed',
                               'approvers': ['tim']}},
                  {'command': {'decision': 'approval_needed'}}):
        with Agent() as a:
            d, got, m, release = waiting(a)
            install(a, 'policy', a.owner.policy(tools=tools))
            lapsed(a, d, release, m, 'policy_changed')


def test_the_policy_only_plans():
    """Mode plan: what is open ends as planned, and nothing runs."""
    with Agent() as a:
        d, got, m, release = waiting(a)
        install(a, 'policy', a.owner.policy(mode='plan'))
        a.peer.record('planned', card=d)
        release()
        approval_refused(a, a.approval(d, got, by='tim'), 'card_closed', m)
        env = a.card(touch(m))
        a.send('card', env)
        a.peer.record('planned', card=owner.digest_of(env))
        settled(a)
        untouched(m)


def test_the_device_changes_groups():
    """The entry puts it into a group whose override asks for a manager."""
    with Agent() as a:
        o = a.owner
        o.requesters = [{'id': 'ann', 'mails': ['ann@acme.example'],
                         'manager': 'max'}]
        install(a, 'people', o.people())
        install(a, 'policy', o.policy(overrides=[{
            'match': {'groups': ['vault']}, 'tool': '*',
            'require_manager': True}]))
        d, got, m, release = waiting(a, requester='ann@acme.example')
        install(a, 'device', o.device(a.device, groups=['vault']))
        release()
        settled(a)
        untouched(m)
        checks.equal(a.peer.all('exec_intent', card=d), [])
        # What was said under the old rule has lapsed: both say it again.
        checks.equal(a.peer.record('approval_lapsed', card=d)['reason'],
                     'more_required')
        accepted(a, a.approval(d, got, by='max', role='manager'))
        settled(a)
        untouched(m)
        accepted(a, a.approval(d, got, reason='again'))
        a.peer.record('exec_result', card=d)
        touched(m)


def test_another_boot():
    """A kill -9 while approved cards wait: they run once or not at all, and
    the one that ran never again."""
    with Agent() as a:
        d, got, m, _ = waiting(a)
        a.signal(9)
        restart(a)
        a.peer.wait(lambda: ends_of(a, d) or a.peer.all('nonce', card=d),
                    'what became of it')
        a.peer.record('exec_result', card=d)
        checks.equal(len(a.peer.all('exec_intent', card=d)), 1)
        checks.equal(len(ends_of(a, d)), 1)


# ---- who may ----

def dual(requesters, policy=None, people=()):
    """An agent whose commands need a manager too."""
    a = Agent()
    for id_, roles in people:
        a.owner.person(id_, roles)
    a.owner.requesters = requesters
    a.files['people'] = a.owner.people()
    a.files['policy'] = a.owner.policy(tools=DUAL, **policy or {})
    a.greet()
    return a


ANN = {'id': 'ann', 'mails': ['ann@acme.example', 'a.b@acme.example'],
       'manager': 'max'}


def test_one_person_in_two_roles():
    """Row "a stolen approver key": one key gives one of two approvals, however
    many roles its person has; two keys of one person too."""
    both = ['technician', 'admin', 'manager']
    with dual([dict(ANN, manager='both')], people=[('both', both)]) as a:
        o = a.owner
        second = dsse.new_key()
        o.find('both')['keys'].append(
            {'kind': 'ed25519', 'key': dsse.b64(dsse.public_of(second))})
        install(a, 'people', o.people())
        m = a.marker()
        d, got = a.pending(touch(m), requester='ann')
        now = int(time.time())
        for n, (role, key) in enumerate((
                ('technician', None), ('manager', None), ('admin', second),
                ('manager', second))):
            env = a.approval(d, got, by='both', role=role, key=key,
                             issued=owner.stamp(now - 100 + n),
                             expires=owner.stamp(now + 300))
            r = accepted(a, env)
            checks.true('enough' not in r, 'one person was enough')
        settled(a)
        untouched(m)
        accepted(a, a.approval(d, got, by='tess'))
        a.peer.record('exec_result', card=d)
        touched(m)


def test_the_manager_is_the_requesters():
    """Row "a compromised console": it does not choose the manager, by no
    spelling of the requester."""
    with dual([ANN, {'id': 'joe', 'mails': ['joe@acme.example'],
                     'manager': 'mia'}], people=[('mia', ['manager'])]) as a:
        m = a.marker()
        for requester in ('nobody@acme.example', 'ann@acme.example.org', 'max',
                          'ann ', 'annn', 'tess'):
            refused(a, a.card(touch(m), requester=requester), 'no_manager',
                    m, final=True)
        refused(a, a.card(touch(m)), 'no_manager', m, final=True)
        d, got = a.pending(touch(m), requester='A.B@ACME.example')
        accepted(a, a.approval(d, got))
        approval_refused(a, a.approval(d, got, by='mia', role='manager'),
                         'not_manager', m)
        approval_refused(a, a.approval(d, got, by='mia', role='admin'),
                         'wrong_role', m)
        approval_refused(a, a.approval(d, got, by='tim', role='manager'),
                         'wrong_role', m)
        accepted(a, a.approval(d, got, by='max', role='manager'))
        a.peer.record('exec_result', card=d)
        touched(m)


def test_nobody_approves_for_themselves():
    """Proposer as approver, as manager, as requester's manager; requester as
    technician and as their own manager."""
    wide = ['proposer', 'technician', 'admin', 'manager']
    with dual([ANN, {'id': 'wide', 'mails': ['w@acme.example'],
                     'manager': 'wide'},
               {'id': 'tess', 'mails': ['t@acme.example'], 'manager': 'max'},
               {'id': 'joe', 'mails': ['joe@acme.example'],
                'manager': 'wide'}],
              people=[('wide', wide)]) as a:
        m = a.marker()
        o = a.owner

        def card(by, requester):
            env = o.card(a.device, touch(m), by=by, requester=requester)
            a.send('card', env)
            d = owner.digest_of(env)
            return d, a.peer.record('card_received', card=d)

        # Their own manager; and the proposer as the manager.
        refused(a, o.card(a.device, touch(m), requester='wide'),
                'no_manager', m)
        refused(a, o.card(a.device, touch(m), by='wide', requester='joe'),
                'no_manager', m)
        d, got = card('wide', 'ann')
        for role in ('technician', 'admin', 'manager'):
            approval_refused(a, a.approval(d, got, by='wide', role=role),
                             'is_proposer', m)
        approval_refused(a, a.approval(d, got, by='wide', role='proposer'),
                         'out_of_range', m)
        # The requester as the technician.
        d, got = card('ai-1', 'T@acme.example')
        approval_refused(a, a.approval(d, got), 'is_requester', m)
        accepted(a, a.approval(d, got, by='max', role='manager'))
        settled(a)
        untouched(m)
        accepted(a, a.approval(d, got, by='tim'))
        a.peer.record('exec_result', card=d)
        touched(m)


def test_the_requester_may_not():
    """requester_may_approve false: not the requester, and no card whose
    requester nobody knows."""
    with Agent() as a:
        m = a.marker()
        o = a.owner
        o.requesters = [{'id': 'tess', 'mails': ['t@acme.example'],
                         'manager': 'max'}]
        install(a, 'people', o.people())
        install(a, 'policy', o.policy(requester_may_approve=False))
        refused(a, a.card(touch(m)), 'no_requester', m, final=True)
        refused(a, a.card(touch(m), requester='x@acme.example'),
                'no_requester', m, final=True)
        d, got = a.pending(touch(m), requester='t@acme.example')
        approval_refused(a, a.approval(d, got), 'is_requester', m)
        accepted(a, a.approval(d, got, by='tim'))
        a.peer.record('exec_result', card=d)
        touched(m)


def test_lists_of_people():
    """approvers, managers and proposers of a tool: nobody else, and an
    override only takes away."""
    with Agent() as a:
        m = a.marker()
        o = a.owner
        install(a, 'policy', o.policy(tools={'command': {
            'decision': 'approval_needed', 'approvers': ['ada', 'tess'],
            'proposers': ['ai-1']}}, overrides=[
                {'match': {'groups': ['lab']}, 'tool': '*',
                 'approvers': ['tess', 'tim']}]))
        refused(a, o.card(a.device, touch(m), by='prop-tech'),
                'proposer_not_allowed', m, final=True)
        d, got = a.pending(touch(m))
        approval_refused(a, a.approval(d, got, by='tim'), 'not_allowed', m)
        approval_refused(a, a.approval(d, got, by='ada', role='admin'),
                         'not_allowed', m)
        accepted(a, a.approval(d, got))
        a.peer.record('exec_result', card=d)
        touched(m)


def test_a_no_of_one_of_two():
    """Either one's denial ends it, whatever the other said."""
    with dual([ANN]) as a:
        m = a.marker()
        d, got = a.pending(touch(m), requester='ann')
        accepted(a, a.approval(d, got))
        a.approve(d, got, by='max', role='manager', decision='deny')
        a.peer.record('denied', card=d)
        approval_refused(a, a.approval(d, got, by='max', role='manager'),
                         'card_closed', m)
        # The proposer takes back theirs; nobody else does in that role.
        d, got = a.pending(touch(m), requester='ann')
        approval_refused(a, a.approval(
            d, got, by='tess', role='proposer', decision='deny'),
            'not_proposer', m)
        a.approve(d, got, by='ai-1', role='proposer', decision='deny')
        a.peer.record('denied', card=d)


def test_a_stolen_key_is_on_the_record():
    """Row "a stolen approver key": what it signed stands in the journal, and a
    copy of the record proves it."""
    with Agent() as a:
        d, got = a.pending('true')
        env = a.approve(d, got)
        r = a.peer.record('approval_accepted', card=d)
        checks.equal(r['payload'], env['payload'])
        checks.equal(r['proof'], env['signatures'][0]['sig'])
        checks.equal((r['approver'], r['key']),
                     ('tess', dsse.key_id(a.owner.keys['tess'])))
        i = a.peer.record('exec_intent', card=d)
        checks.equal(i['approvals'], [owner.digest_of(env)])


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
