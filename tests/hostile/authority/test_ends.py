"""test_ends.py - every card gets exactly one end, and it is told.
SPDX-License-Identifier: Apache-2.0

threat-model.md, lesson 8 (silent loss), with lesson 4 (nothing runs twice)
under the same storm: cards that are approved, denied, vetoed, cancelled,
withdrawn, refused and left to expire, by a console that resends and reorders
all of it, over cut links, a stop and a kill -9.
"""
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', '..', 'system', 'lib'))

from countersign import checks, control, link, owner	# noqa: E402
from countersign.agent import Agent			# noqa: E402
from countersign.attack import (			# noqa: E402
    ENDS, ends_of, install, refused, restart, settled, touch, untouched)


def approved(a, c):
    a.approve(c.digest, c.got)


def fails(a, c):
    a.approve(c.digest, c.got)


def denied(a, c):
    a.approve(c.digest, c.got, decision='deny', reason='no')


def vetoed(a, c):
    control.veto(a.socket, c.digest.encode(), b'no')


def cancelled(a, c):
    a.send('cancel', a.owner.say('cancel', a.owner.cancel_doc(
        c.digest, c.got['device_nonce'], a.device, 'tim'),
        a.owner.keys['tim']))


def withdrawn(a, c):
    a.peer.send(link.withdraw(bytes.fromhex(c.digest[7:]), 'no'))


def expires(a, c):
    del a, c


# What is done, how it ends, and whether it runs.
WAYS = ((approved, 'exec_result', True), (fails, 'exec_result', True),
        (denied, 'denied', False), (vetoed, 'vetoed', False),
        (cancelled, 'cancelled', False), (withdrawn, 'cancelled', False),
        (expires, 'expired', False))


class Card:
    """A card and what is to become of it."""

    def __init__(self, a, way):
        self.way, self.end, self.runs = way
        self.marker = a.marker()
        change = {}
        if self.end == 'expired':
            change['expires'] = owner.stamp(int(time.time()) + 6)
        self.env = a.card('echo x >> %s%s' % (
            self.marker, '; exit 9' if self.way is fails else ''), **change)
        self.digest = owner.digest_of(self.env)
        self.got = None


def check(a, cards):
    for c in cards:
        a.peer.wait(lambda c=c: ends_of(a, c.digest), 'end of a ' +
                    c.way.__name__)
    settled(a)
    for c in cards:
        kinds = [r['kind'] for r in ends_of(a, c.digest)]
        checks.equal(kinds, [c.end], c.way.__name__)
        checks.equal(len(a.peer.all('exec_intent', card=c.digest)),
                     int(c.runs), 'intents')
        if c.runs:
            with open(c.marker, encoding='ascii') as f:
                checks.equal(f.read(), 'x\n', 'runs')
        else:
            untouched(c.marker)


def storm(seed):
    r = random.Random(seed)
    with Agent() as a:
        cards = [Card(a, way) for way in WAYS for _ in range(3)]
        r.shuffle(cards)
        for c in cards:
            a.send('card', c.env)
        for c in cards:
            c.got = a.peer.record('card_received', card=c.digest)
        n = a.peer.connections
        a.peer.cut()
        a.peer.wait(lambda: a.peer.connections > n and
                    a.peer.link is not None, 'reconnection')
        r.shuffle(cards)
        for c in cards:
            c.way(a, c)
            a.send('card', c.env)
            if r.random() < 0.3:
                a.send('card', r.choice(cards).env)
        check(a, cards)
        # All of it once more, and in a new process.
        restart(a)
        r.shuffle(cards)
        for c in cards:
            a.send('card', c.env)
            if c.way is not vetoed:
                c.way(a, c)
        check(a, cards)
        checks.equal(len(a.peer.all('card_received')), len(cards))


def test_storm_1():
    """All ways to end, shuffled."""
    storm(1)


def test_storm_2():
    """The same in another order."""
    storm(2)


def test_killed_in_the_middle():
    """Lesson 8: kill -9 while a card runs, one waits behind it and one is
    pending: the first was interrupted, and says so; the others end as they
    would have."""
    with Agent() as a:
        m, n, p = a.marker(), a.marker(), a.marker()
        run, run_got = a.pending('echo x >> %s; sleep 600; echo x >> %s'
                                 % (m, m))
        a.approve(run, run_got)
        a.peer.record('exec_started', card=run)
        behind, got = a.pending('echo x >> %s' % n)
        a.approve(behind, got)
        a.peer.record('approval_accepted', card=behind)
        pending, _ = a.pending(touch(p))
        a.signal(9)
        restart(a)
        a.peer.record('exec_interrupted', card=run)
        a.peer.record('exec_result', card=behind)
        a.peer.send(link.withdraw(bytes.fromhex(pending[7:]), 'no'))
        a.peer.record('cancelled', card=pending)
        settled(a)
        for d, kind in ((run, 'exec_interrupted'), (behind, 'exec_result'),
                        (pending, 'cancelled')):
            checks.equal([x['kind'] for x in ends_of(a, d)], [kind])
        with open(n, encoding='ascii') as f:
            checks.equal(f.read(), 'x\n')
        untouched(p)


def test_stopped_in_the_middle():
    """The same of an orderly stop: what ran is told as what it was."""
    with Agent() as a:
        run, got = a.pending('sleep 600')
        a.approve(run, got)
        a.peer.record('exec_started', card=run)
        restart(a)
        a.peer.wait(lambda: ends_of(a, run), 'end')
        settled(a)
        checks.equal(len(ends_of(a, run)), 1)
        checks.equal(len(a.peer.all('exec_intent', card=run)), 1)


def test_two_ends_at_once():
    """An approval and a denial, a veto and a cancel, a withdrawal and an
    approval, sent together: one end, and no run after a no."""
    with Agent() as a:
        for first, second in ((denied, approved), (withdrawn, approved),
                              (cancelled, denied), (vetoed, withdrawn),
                              (denied, withdrawn), (vetoed, cancelled)):
            c = Card(a, (first, None, False))
            a.send('card', c.env)
            c.got = a.peer.record('card_received', card=c.digest)
            first(a, c)
            second(a, c)
            a.peer.wait(lambda c=c: ends_of(a, c.digest), 'end')
            settled(a)
            checks.equal(len(ends_of(a, c.digest)), 1, first.__name__)
            checks.equal(a.peer.all('exec_intent', card=c.digest), [])
            untouched(c.marker)


def test_a_final_refusal_is_an_end():
    """What was refused for good stays so, is told once, and cannot be
    approved; what was refused for now may come again."""
    with Agent() as a:
        m = a.marker()
        bad = a.card(touch(m), shell='pwsh')
        refused(a, bad, 'shell_not_allowed', m, final=True)
        d = owner.digest_of(bad)
        for _ in range(3):
            a.send('card', bad)
        install(a, 'policy', a.owner.policy(tools={'command': {
            'decision': 'approval_needed'}}))
        a.send('card', bad)
        restart(a)
        a.send('card', bad)
        settled(a)
        checks.equal([r['kind'] for r in a.peer.all(card=d)],
                     ['card_refused'])
        # For now: under lockdown; afterwards it runs.
        env = a.card(touch(m))
        d = owner.digest_of(env)
        control.lockdown(a.socket, True, b'wait')
        refused(a, env, 'lockdown', m, final=False)
        control.lockdown(a.socket, False, b'go')
        a.send('card', env)
        got = a.peer.record('card_received', card=d)
        a.approve(d, got)
        a.peer.record('exec_result', card=d)
        checks.equal(len(ends_of(a, d)), 1)


def test_nothing_ends_that_was_not_there():
    """Every record that ends a card is of one that was received, or is its
    refusal."""
    with Agent() as a:
        for text in ('true', 'false', 'kill -9 $$', 'exit 127'):
            a.run(text)
        seen = {r['card'] for r in a.peer.all('card_received')}
        for kind in ENDS:
            for r in a.peer.all(kind):
                checks.true(r['card'] in seen, r)
        checks.equal({len(ends_of(a, d)) for d in seen}, {1})


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
