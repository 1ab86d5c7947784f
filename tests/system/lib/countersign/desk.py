"""desk.py - a console with an owner's trust files and a device, for tests.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.
"""
import contextlib

from . import checks, owner
from .console import Console, Refused
from .device import Device, Ended

FIELDS = {'command': 'id', 'shell': 'sh', 'description': 'a test',
          'profile': 'full', 'net': 'host', 'read': 'all'}


class Desk:
    """c the console, o the owner, d a device that is connected."""

    def __init__(self, c, o):
        self.c = c
        self.o = o
        self.d = None
        self.files = {}

    def put(self, file_, env, user='admin'):
        self.files[file_] = env
        return self.c.call('PUT', '/v1/trust/' + file_, env, user)

    def put_all(self):
        self.put('root', self.o.root())
        self.put('people', self.o.people())
        self.put('policy', self.o.policy())

    def device(self, entry=True):
        """A new enrolled and connected device, listed by the owner."""
        d = Device(self.c, self.o).start()
        if entry:
            self.put('devices/' + d.id, self.o.device(d.id))
        if 'policy' in self.files:
            d.policy = owner.digest_of(self.files['policy'])
        return d

    def post(self, env=None, user='admin', **change):
        """Posts a signed card for the device: (envelope, answer)."""
        if env is None:
            env = self.o.card(self.d.id, 'true', **change)
        return env, self.c.post('/v1/cards', env, user)

    def pending(self, **change):
        """A card that the device has taken in: (envelope, digest, nonce)."""
        env, answer = self.post(**change)
        checks.equal(self.d.envelope('card'), env, 'the card')
        nonce = self.d.received(env)
        self.d.send()
        return env, answer['digest'], nonce

    def approval(self, digest, nonce, by='tess', key=None, **change):
        doc = self.o.approval_doc(digest, nonce, self.d.policy, self.d.id,
                                  by=by, **change)
        return self.o.say('approval', doc, key or self.o.keys[by])

    def approve(self, digest, nonce, **change):
        """Relays an approval and waits until the device gets it."""
        env = self.approval(digest, nonce, **change)
        self.c.post('/v1/cards/%s/approvals' % digest, env)
        checks.equal(self.d.envelope('approval'), env, 'the approval')
        return env

    def running(self):
        """A card that runs at the device; its digest."""
        _, digest, nonce = self.pending()
        first = len(self.d.journal)
        env = self.approve(digest, nonce)
        self.d.accepted(env)
        self.d.intent(digest, [owner.digest_of(env)])
        self.d.started(digest)
        self.d.send(first)
        return digest

    def state(self, digest):
        return self.c.get('/v1/cards/' + digest)['state']


@contextlib.contextmanager
def desk(device=True, trust=True, **settings):
    with Console(**settings) as c:
        k = Desk(c, owner.Owner())
        if trust:
            k.put_all()
        if device:
            k.d = k.device()
        try:
            yield k
        finally:
            if k.d is not None:
                k.d.close()


def refused(status, reason, f, *args, **more):
    """f(...) is answered with that problem."""
    try:
        f(*args, **more)
    except Refused as e:
        checks.equal((e.status, e.problem['reason']), (status, reason))
        return e.problem
    raise AssertionError('it was not refused')


def ended(f, *args, **more):
    """f(...) finds that the connection is over; why."""
    try:
        f(*args, **more)
    except Ended as e:
        return str(e)
    raise AssertionError('the connection is still there')
