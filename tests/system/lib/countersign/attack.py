"""attack.py - what attacks on an agent have in common.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

An attack has failed if the file that its command would have made is not there
and the journal says why. `refused` and its kin look at both.
"""
import json
import os

from . import checks, dsse, link, owner
from .fake import LIMIT

# Records that end a card; cancelled and vetoed do only if it did not run.
ENDS = ('planned', 'denied', 'expired', 'exec_result', 'exec_interrupted')


def touch(path):
    return 'echo ran > %s' % path


def untouched(*paths):
    for path in paths:
        checks.true(not os.path.exists(path), 'it ran')


def touched(path):
    checks.true(os.path.exists(path), 'it did not run')


def settled(a):
    """All that was sent before has been dealt with: a card for another org
    comes back as its refusal."""
    env = a.card('true', org='other.example')
    a.send('card', env)
    a.peer.record('card_refused', card=owner.digest_of(env))


def refused(a, env, reason, *paths, final=None):
    """The card is refused with that reason and nothing ran."""
    a.send('card', env)
    r = a.peer.record('card_refused', card=owner.digest_of(env))
    checks.equal(r['reason'], reason, 'reason')
    if final is not None:
        checks.equal(r['final'], final, 'final')
    untouched(*paths)
    return r


def approval_refused(a, env, reason, *paths):
    a.send('approval', env)
    r = a.peer.record('approval_refused', approval=owner.digest_of(env))
    checks.equal(r['reason'], reason, 'reason')
    untouched(*paths)
    return r


def cancel_refused(a, env, reason):
    a.send('cancel', env)
    r = a.peer.record('cancel_refused', approval=owner.digest_of(env))
    checks.equal(r['reason'], reason, 'reason')
    return r


def trust_refused(a, env, reason):
    """A trust file that only the console wants is refused."""
    a.peer.send(link.envelope('trust', env))
    r = a.peer.record('trust_refused', digest=owner.digest_of(env))
    checks.equal(r['reason'], reason, 'reason')
    return r


def install(a, file_, env):
    """A trust file of the owner's, and the device takes it."""
    a.trust(file_, env)
    a.peer.record('trust', digest=owner.digest_of(env))


def ready(a):
    """A device without trust files: the link is the gate's, and no more that
    of the enrolment."""
    a.peer.record('version', program='countersign-runner')


def restart(a, wait=True, **how):
    a.stop()
    n = a.peer.connections
    a.start(wait=False, **how)
    if wait:
        a.peer.wait(lambda: a.peer.connections > n and
                    a.peer.link is not None, 'connection')


def busy(a):
    """A card that holds the only place for cards that change something:
    (its digest, a function that lets it end)."""
    fifo = os.path.join(a.dir, 'fifo-' + os.urandom(4).hex())
    os.mkfifo(fifo)
    d, got = a.pending('read x < %s' % fifo)
    a.approve(d, got)
    a.peer.record('exec_started', card=d)

    def release():
        with open(fifo, 'w', encoding='ascii') as f:
            f.write('go\n')
        a.peer.record('exec_result', card=d)
    return d, release


def accepted(a, env):
    """Sends an approval that counts."""
    a.send('approval', env)
    return a.peer.record('approval_accepted', approval=owner.digest_of(env))


def ends_of(a, card):
    """The records that end a card."""
    out = []
    for r in a.peer.all(card=card):
        kind = r['kind']
        if kind in ENDS or kind == 'card_refused' and r['final'] or \
                kind in ('cancelled', 'vetoed') and not r.get('running'):
            out.append(r)
    return out


def doc_of(env):
    """What a trust file says, as an object to be changed."""
    return json.loads(dsse.payload_of(env))


def wait_end(a, card, limit=LIMIT):
    a.peer.wait(lambda: ends_of(a, card), 'end of ' + card, limit)
    return ends_of(a, card)[0]
