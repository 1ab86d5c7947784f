"""test_trust.py - trust files turned against the device.
SPDX-License-Identifier: Apache-2.0

threat-model.md, row "a compromised console" (roll trust files back, freeze,
fast-forward) and "a lost or rolled-back device disk"; lesson 12 (a nil or
unreadable policy refuses, one that came half way decides nothing, and a kill
switch survives a failed write). Most of these files the owner has really
signed at some time: a console keeps them all.
"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', '..', 'system', 'lib'))

from countersign import checks, control, dsse, link, owner	# noqa: E402
from countersign.agent import Agent				# noqa: E402
from countersign.attack import (				# noqa: E402
    approval_refused, busy, doc_of, install, ready, refused, restart,
    settled, touch, touched, trust_refused, untouched)


def make(a, word, **change):
    """The next version of a file, by the owner."""
    if word == 'timestamp':
        return a.owner.timestamp({k: a.files[k] for k in
                                  ('root', 'people', 'policy')}, **change)
    if word == 'device':
        return a.owner.device(a.device, **change)
    return getattr(a.owner, word)(**change)


# ---- rollback ----

def rolls_back(word):
    with Agent() as a:
        m = a.marker()
        if word == 'timestamp':
            install(a, word, make(a, word))
        before = a.files[word]
        after = make(a, word)
        if word == 'policy':
            after = a.owner.policy(tools={'command': {
                'decision': 'disabled'}}, version=3)
        if word == 'people':
            a.owner.revoked = [dsse.key_id(a.owner.keys['ai-1'])]
            after = a.owner.people(version=3)
        install(a, word, after)
        trust_refused(a, before, 'rolled_back')
        # After a restart the highest version is still known.
        a.files = {}
        a.greet()
        restart(a)
        a.peer.send(link.envelope('trust', before))
        a.peer.wait(lambda: len(a.peer.all(
            'trust_refused', reason='rolled_back')) == 2)
        if word == 'policy':
            refused(a, a.card(touch(m)), 'disabled', m, final=True)
        elif word == 'people':
            refused(a, a.card(touch(m)), 'key_not_valid', m, final=False)
        checks.equal(a.peer.all('lockdown'), [])


def test_root_rolled_back():
    """A root from before a rotation."""
    rolls_back('root')


def test_people_rolled_back():
    """People from before a revocation."""
    rolls_back('people')


def test_policy_rolled_back():
    """A policy from before a tool was disabled."""
    rolls_back('policy')


def test_device_rolled_back():
    """A device's entry from before it changed groups."""
    rolls_back('device')


def test_timestamp_rolled_back():
    """A timestamp from before."""
    rolls_back('timestamp')


def test_below_what_the_pin_demands():
    """A file of the true owner that is older than the owner's pin: refused
    even by a device that has seen none."""
    class Careful(Agent):
        def enrol(self, pin=None):
            return Agent.enrol(self, self.owner.pin(self.root).replace(
                ':1.1.1.1.1', ':1.5.6.7.1'))

    with Careful(files=False) as a:
        ready(a)
        m = a.marker()
        install(a, 'root', a.root)
        trust_refused(a, a.owner.people(version=4), 'rolled_back')
        trust_refused(a, a.owner.policy(version=5), 'rolled_back')
        trust_refused(a, a.owner.device(a.device, version=6), 'rolled_back')
        refused(a, a.card(touch(m)), 'no_people', m, final=False)
        install(a, 'people', a.owner.people(version=5))
        install(a, 'policy', a.owner.policy(version=6))
        install(a, 'device', a.owner.device(a.device, version=7))
        a.run(touch(m))
        touched(m)


# ---- freeze ----

def freezes(word, reason):
    """Nothing new comes; what there is runs out, and with it everything."""
    with Agent() as a:
        m = a.marker()
        d, got = a.pending(touch(m))
        env = make(a, word, life=4)
        install(a, word, env)
        deadline = doc_of(env)['expires']
        if word == 'root':	# the others stand under the new one too
            a.peer.record('trust', file='root', version=2)
        while owner.stamp(int(time.time())) < deadline:
            settled_or_not(a)
        approval_refused(a, a.approval(d, got), reason, m)
        refused(a, a.card(touch(m)), reason, m, final=False)
        # It may not come again as it is, nor in a new process.
        restart(a)
        refused(a, a.card(touch(m)), reason, m, final=False)


def settled_or_not(a):
    """One round trip that needs no trust file and records nothing."""
    control.status(a.socket)
    time.sleep(0.05)	# the clock itself is what is waited for


def test_frozen_root():
    """An expired root: nothing runs."""
    freezes('root', 'root_expired')


def test_frozen_people():
    """Expired people: nothing runs, so a revocation works by then."""
    freezes('people', 'people_expired')


def test_frozen_policy():
    """An expired policy: nothing runs."""
    freezes('policy', 'policy_expired')


def test_frozen_device():
    """An expired device's entry: nothing runs."""
    freezes('device', 'device_expired')


def test_expired_files_are_not_taken():
    """What has run out before it comes is refused."""
    with Agent() as a:
        now = int(time.time())
        for word in ('people', 'policy', 'device', 'timestamp'):
            trust_refused(a, make(a, word, issued=now - 7200, life=3600,
                                  version=9), 'expired')
            trust_refused(a, make(a, word, issued=now + 900, version=9),
                          'from_the_future')
        d, r = a.run('true')
        checks.equal(r['outcome'], 'finished')


# ---- fast-forward ----

def test_fast_forward():
    """A version so high that the owner could sign no other: needs the
    owner's signatures, and a root undoes it for a stolen role key."""
    with Agent() as a:
        m = a.marker()
        o = a.owner
        top = (1 << 53) - 1
        for word in ('people', 'policy', 'device'):
            doc = doc_of(make(a, word, version=top))
            trust_refused(a, o.seal(word, doc, [o.timestamp_key]),
                          'bad_signature')
            trust_refused(a, o.seal(word, dict(doc, version=top - 1),
                                    o.holders[:1]), 'threshold_not_met')
            trust_refused(a, o.seal(word, dict(doc, version=top + 1)),
                          'out_of_range')
        trust_refused(a, o.root(version=top), 'version_skipped')
        # The policy's keys were stolen: the file is good, and at the end of
        # all versions. Root N+1 with other keys begins the count again.
        bad = o.policy(version=top, tools={})
        install(a, 'policy', bad)
        refused(a, a.card(touch(m)), 'not_listed', m, final=True)
        new = [dsse.new_key(), dsse.new_key()]
        doc = doc_of(o.root(version=2))
        doc['roles']['policy'] = {'threshold': 2, 'keys': [
            {'holder': 'new-%d' % i, 'key': dsse.b64(dsse.public_of(k))}
            for i, k in enumerate(new)]}
        install(a, 'root', o.seal('root', doc))
        refused(a, a.card(touch(m)), 'no_policy', m, final=False)
        trust_refused(a, bad, 'bad_signature')
        install(a, 'policy', o.seal('policy', doc_of(
            o.policy(version=1)), new))
        a.run(touch(m))
        touched(m)


# ---- two of one version ----

def conflicts(word):
    with Agent() as a:
        m = a.marker()
        d, got = a.pending(touch(m))
        running, _ = busy(a)
        doc = doc_of(a.files[word])
        doc['expires'] = owner.stamp(int(time.time()) + 7200)
        env = a.owner.seal(word, doc)
        if word == 'root':
            install(a, 'root', make(a, 'root'))
            doc = doc_of(a.files['root'])
            doc['expires'] = owner.stamp(int(time.time()) + 7200)
            env = a.owner.seal(word, doc)
        trust_refused(a, env, 'conflict')
        r = a.peer.record('lockdown')
        checks.equal((r['source'], r['reason']), ('tamper',
                                                  'trust_conflict'))
        r = a.peer.record('exec_result', card=running)
        checks.equal((r['outcome'], r['reason']), ('killed', 'lockdown'))
        approval_refused(a, a.approval(d, got), 'lockdown', m)
        # A later version does not make up for it, nor a restart, nor root.
        if word != 'root':
            install(a, word, make(a, word))
        restart(a)
        refused(a, a.card(touch(m)), 'lockdown', m, final=False)
        checks.true(control.lockdown(a.socket, False, b'please') is not None,
                    'it was lifted')
        refused(a, a.card(touch(m)), 'lockdown', m, final=False)
        checks.equal(a.peer.all('lockdown_lifted'), [])


def test_two_roots_of_one_version():
    """Same version, other bytes, both signed: lockdown."""
    conflicts('root')


def test_two_people_files_of_one_version():
    """The same of people."""
    conflicts('people')


def test_two_policies_of_one_version():
    """The same of policies."""
    conflicts('policy')


def test_two_device_entries_of_one_version():
    """The same of the device's entry."""
    conflicts('device')


# ---- other orgs ----

def test_of_another_org():
    """Cross-org: the same holders sign for another org too, and a console of
    both sends what is not ours."""
    with Agent() as a:
        m = a.marker()
        o = a.owner
        for word in ('people', 'policy', 'device'):
            trust_refused(a, o.seal(word, dict(
                doc_of(make(a, word, version=9)), org='other.example')),
                'wrong_org')
        trust_refused(a, o.seal('root', dict(
            doc_of(o.root(version=2)), org='other.example')), 'wrong_org')
        trust_refused(a, o.seal('timestamp', dict(
            doc_of(make(a, 'timestamp')), org='other.example'),
            [o.timestamp_key]), 'wrong_org')
        trust_refused(a, o.device('d-' + 'c' * 26, version=9),
                      'wrong_device')
        refused(a, a.card(touch(m), org='other.example'), 'wrong_org', m,
                final=True)
        checks.equal(len(a.peer.all('trust')), 4)


# ---- rotation ----

def rotated(o, new, threshold=2, **change):
    """The next root's document, with other holders for everything."""
    doc = doc_of(o.root(**change))
    role = {'threshold': threshold, 'keys': [
        {'holder': 'new-%d' % i, 'key': dsse.b64(dsse.public_of(k))}
        for i, k in enumerate(new)]}
    for word in ('root', 'people', 'policy', 'device'):
        doc['roles'][word] = role
    return doc


def test_rotation():
    """Root N+1 needs the thresholds of N and of its own, of distinct holders,
    and no version is skipped; then the old holders' files are nothing."""
    with Agent() as a:
        m = a.marker()
        o = a.owner
        old, new = list(o.holders), [dsse.new_key() for _ in range(3)]
        doc = rotated(o, new, version=2)
        trust_refused(a, o.seal('root', doc, new), 'bad_signature')
        # Each another document, however long one of them takes.
        at = int(time.time()) - 10
        trust_refused(a, o.seal('root', dict(
            doc, issued=owner.stamp(at)), old[:1] + new),
            'threshold_not_met')
        trust_refused(a, o.seal('root', dict(
            doc, issued=owner.stamp(at - 2)),
            old[:1] * 2 + new), 'threshold_not_met')
        trust_refused(a, o.seal('root', dict(
            doc, issued=owner.stamp(at - 3)), old),
            'bad_signature')
        trust_refused(a, o.seal('root', dict(
            doc, issued=owner.stamp(at - 4)), old + new[:1]),
            'threshold_not_met')
        third = rotated(o, new, version=3)
        trust_refused(a, o.seal('root', third, old + new),
                      'version_skipped')
        # One holder under two names is no root at all.
        two = rotated(o, [new[0], new[1]], version=2)
        two['roles']['root'] = {'threshold': 2, 'keys': [
            {'holder': h, 'key': dsse.b64(dsse.public_of(new[0]))}
            for h in ('x', 'y')]}
        a.peer.send(link.envelope('trust', o.seal('root', two, old + new)))
        a.peer.wait(lambda: len(a.peer.all('trust_refused')) == 7)
        a.run('true')
        # The true one; what the old holders signed is gone with it.
        install(a, 'root', o.seal('root', doc, old[:2] + new[1:]))
        refused(a, a.card(touch(m)), 'no_people', m, final=False)
        for word in ('people', 'policy', 'device'):
            trust_refused(a, make(a, word, version=9), 'bad_signature')
        o.holders = new
        for word in ('people', 'policy', 'device'):
            install(a, word, make(a, word, version=1))
        a.run(touch(m))
        touched(m)
        # And after a restart the same.
        restart(a)
        o.holders = old
        trust_refused(a, make(a, 'policy', version=10), 'bad_signature')
        o.holders = new
        trust_refused(a, o.seal('root', dict(
            rotated(o, old, version=3)), old), 'bad_signature')


def test_approvals_under_files_that_a_root_dropped():
    """Approved and waiting while the root that its files stand on goes."""
    with Agent() as a:
        m = a.marker()
        o = a.owner
        _, release = busy(a)
        d, got = a.pending(touch(m))
        a.approve(d, got)
        a.peer.record('approval_accepted', card=d)
        old, new = list(o.holders), [dsse.new_key() for _ in range(3)]
        install(a, 'root', o.seal('root', rotated(o, new, version=2),
                                  old + new))
        release()
        refused(a, a.card(touch(m)), 'no_people', m, final=False)
        checks.equal(a.peer.all('exec_intent', card=d), [])


# ---- lesson 12 ----

def test_policies_that_cannot_be_read():
    """Lesson 12: half a policy, an empty one, one with a field of tomorrow:
    refused as a whole; the one that is held goes on to decide."""
    with Agent() as a:
        m = a.marker()
        o = a.owner
        good = dsse.payload_of(o.policy(version=9))

        def seal(payload):
            return dsse.sign(dsse.type_of('policy'), payload, o.holders[:2])

        for payload, reason in (
                (good[:len(good) // 2], 'malformed'),
                (b'', 'malformed'), (b'{}', 'missing_field'),
                (b'null', 'wrong_type'), (good + b'{}', 'malformed'),
                (good.replace(b'"mode":"execute"', b'"mode":"EXECUTE"'),
                 'out_of_range'),
                (good.replace(b'{"v":1,', b'{"v":1,"v":1,'), 'duplicate'),
                (good.replace(b'{"v":1,', b'{"v":2,'), None),
                (good.replace(b'"tools":', b'"allow_all":true,"tools":'),
                 'unknown_field')):
            env = seal(payload)
            a.peer.send(link.envelope('trust', env))
            r = a.peer.record('trust_refused', digest=owner.digest_of(env))
            if reason is not None:
                checks.equal(r['reason'], reason, repr(payload[:60]))
        env = dict(seal(good), payloadType=dsse.type_of('policy').replace(
            'v1', 'v2'))
        a.peer.send(link.envelope('trust', env))
        settled(a)
        refused(a, a.card(touch(m), profile='nothing'), 'out_of_range', m)
        checks.equal(len(a.peer.all('trust', file='policy')), 1)
        install(a, 'policy', o.policy(tools={}))
        refused(a, a.card(touch(m)), 'not_listed', m, final=True)


def test_a_policy_may_not_loosen_auto():
    """Lesson 6: `auto` for free text, for shells with patterns, with network,
    with a profile that changes: the policy is invalid as a whole."""
    with Agent() as a:
        m = a.marker()
        o = a.owner
        tool = {'decision': 'auto', 'shell': 'sh', 'script': touch(m),
                'rate_per_h': 10}
        command = {'decision': 'auto', 'rate_per_h': 10}
        for tools in ({'command': command},
                      {'x': dict(tool, shell='bash')},
                      {'x': dict(tool, profile='full')},
                      {'x': dict(tool, profile='repair')},
                      {'x': dict(tool, net='host')},
                      {'x': dict(tool, read='all')},
                      {'x': dict(tool, survivors='keep')},
                      {'x': {k: v for k, v in tool.items()
                             if k != 'rate_per_h'}}):
            trust_refused(a, o.policy(version=9, tools=tools),
                          'auto_not_allowed')
        for pattern in ('allow', 'patterns', 'regex', 'match'):
            trust_refused(a, o.policy(version=9, tools={'command': {
                'decision': 'approval_needed', pattern: ['df.*']}}),
                'unknown_field')
        # An override only tightens: `auto` there is no decision.
        install(a, 'policy', o.policy(overrides=[
            {'match': {}, 'tool': 'command', 'decision': 'auto'}]))
        d, got = a.pending(touch(m))
        checks.equal(got['decision'], 'approval_needed')
        untouched(m)


def test_a_kill_switch_survives_a_failed_write():
    """Lesson 12: a lockdown whose flag cannot be written still locks, now and
    after a restart."""
    with Agent() as a:
        m = a.marker()
        d, got = a.pending(touch(m))
        running, _ = busy(a)
        os.mkdir(os.path.join(a.state, 'lockdown'))
        control.lockdown(a.socket, True, b'fire')
        a.peer.record('lockdown')
        r = a.peer.record('exec_result', card=running)
        checks.equal(r['outcome'], 'killed')
        approval_refused(a, a.approval(d, got), 'lockdown', m)
        os.rmdir(os.path.join(a.state, 'lockdown'))
        restart(a)
        refused(a, a.card(touch(m)), 'lockdown', m, final=False)


def test_lockdown_by_policy():
    """The owner's own switch: mode lockdown stops what runs, and nothing that
    waits goes on until a policy says execute again."""
    with Agent() as a:
        m = a.marker()
        running, _ = busy(a)
        d, got = a.pending(touch(m))
        a.approve(d, got)
        a.peer.record('approval_accepted', card=d)
        install(a, 'policy', a.owner.policy(mode='lockdown'))
        r = a.peer.record('exec_result', card=running)
        checks.equal((r['outcome'], r['reason']), ('killed', 'lockdown'))
        a.peer.record('approval_lapsed', card=d)
        refused(a, a.card(touch(m)), 'lockdown', m, final=False)
        approval_refused(a, a.approval(d, got, by='tim'), 'lockdown', m)
        install(a, 'policy', a.owner.policy())
        a.approve(d, got)
        a.peer.record('exec_result', card=d)
        touched(m)


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
