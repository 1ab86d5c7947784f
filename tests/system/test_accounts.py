"""test_accounts.py - four accounts to look as, for more cards than four.
SPDX-License-Identifier: Apache-2.0

In a guest, whose accounts are nobody else's: what runs as one of them is killed
as a whole.
"""
import base64
import json
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from countersign import checks, owner, scripts		# noqa: E402

COUNT = 4
LOOKS = dict(profile='observe', net='none', read='user', write=[],
             services=[])


class Place:
    def __init__(self, **policy):
        self.guest = scripts.Scripts()
        try:
            scripts.install(self.guest)
            self.agent = scripts.Machine(self.guest, policy=policy or None)
        except BaseException:
            self.guest.close()
            raise

    def __enter__(self):
        self.agent.__enter__()
        self.agent.offers('observe')
        return self

    def __exit__(self, *why):
        self.agent.__exit__(*why)
        self.guest.close()

    def send(self, command, **more):
        """An approved card: its digest."""
        a = self.agent
        env = a.card(command, **dict(LOOKS, **more))
        digest = owner.digest_of(env)
        a.send('card', env)
        a.approve(digest, a.peer.record('card_received', card=digest), **more)
        a.peer.record('approval_accepted', card=digest)
        return digest

    def hold(self, numbers):
        """Holds accounts as another agent would: a process to be ended."""
        tail = 'echo held; exec sleep infinity'
        for n in numbers:
            tail = 'exec %d>>/var/run/countersign-observe-%d.lock; ' \
                   'flock %d; ' % (n + 2, n, n + 2) + tail
        p = subprocess.Popen(self.guest.argv(['sh', '-c', tail]),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        checks.equal(p.stdout.readline(), b'held\n')
        return p

    def let_go(self, p):
        """nsenter waits for its child: that is what holds them."""
        self.guest.must(['sh', '-c', 'kill -9 $(pgrep -x sleep | grep -vx '
                         '"$(pgrep -o -x sleep)")'])
        p.wait()
        p.stdout.close()

    def shown(self, digest):
        got = json.loads(self.guest.must(['countersign', 'pending', '--json']))
        return next(c for c in got['cards'] if c['card'] == digest)

    def waits(self, digest, word):
        """Until the card waits, and for that."""
        for _ in range(3000):
            got = self.shown(digest)
            if word in got.get('waits', ''):
                return
        raise AssertionError('it waits for something else: %r' % got)


def test_six_at_once():
    with Place() as p:
        a = p.agent
        # None ends before all have been looked at.
        p.guest.must(['mkdir', '-m', '755', '/srv/go'])
        cards = [p.send('id -un; until test -e /srv/go/on; do sleep 0.02; '
                        'done') for _ in range(6)]
        for digest in cards[:COUNT]:
            a.peer.record('exec_started', card=digest)
        for digest in cards[COUNT:]:
            p.waits(digest, 'as many run as may')
        checks.equal(p.agent.status()['queue']['approved'], 2)
        checks.true('as many run' in p.agent.status()['queue']['waits'],
                    'status')
        text = p.guest.must(['countersign', 'show', cards[5]]).decode()
        checks.true('waits for' in text, text)
        p.guest.must(['touch', '/srv/go/on'])
        who = []
        for digest in cards:
            r = a.peer.record('exec_result', card=digest)
            checks.equal((r['outcome'], r['exit_code']), ('finished', 0), r)
            a.peer.wait(lambda: len(a.peer.output.get(bytes.fromhex(
                digest[7:]), b'')) >= r['transcript_bytes'])
            who.append(a.peer.transcript(digest)[0].decode().strip())
        checks.equal(sorted(who[:COUNT]), ['countersign-observe-%d' % n
                                           for n in (1, 2, 3, 4)])
        begun = [r['card'] for r in a.peer.all('exec_intent')]
        checks.equal(begun, cards, 'the order')


def test_another_agent_has_them_all():
    with Place() as p:
        a = p.agent
        other = p.hold([1, 2, 3, 4])
        cards = [p.send('id -un') for _ in range(3)]
        short = p.send('true', expires=owner.stamp(int(time.time()) + 20))
        for digest in cards:
            p.waits(digest, 'other agents')
        # It answers, and does all else.
        checks.equal(a.status()['queue']['approved'], 4)
        _, r = a.run('id -un')		# of profile full
        checks.equal(r['outcome'], 'finished', r)
        a.peer.record('expired', limit=90, card=short)
        checks.equal(a.peer.all('exec_intent', card=cards[0]), [])
        # The agent ends meanwhile, and comes back: they still wait.
        a.kill()
        a.start()
        for digest in cards:
            p.waits(digest, 'other agents')
        checks.true('observe' not in a.status()['profiles'], 'not tried yet')
        p.let_go(other)
        for digest in cards:
            r = a.peer.record('exec_result', card=digest)
            checks.equal((r['outcome'], r['exit_code']), ('finished', 0), r)
        checks.equal([r['card'] for r in a.peer.all('exec_intent')
                      if r['card'] in cards], cards, 'the order')


def test_a_runner_holds_its_account():
    """Its agent has died, and it still has to end what runs as the account:
    no other agent may have taken that by then."""
    with Place() as p:
        a = p.agent
        digest = p.send('sleep 76543')
        a.peer.record('exec_started', card=digest)
        runner, = p.guest.pids('^countersign-runner$')
        os.kill(runner, signal.SIGSTOP)
        a.kill('KILL')
        lock = '/var/run/countersign-observe-1.lock'
        checks.equal(p.guest.run(['flock', '-n', lock, 'true']).returncode, 1)
        os.kill(runner, signal.SIGCONT)
        p.guest.must(['flock', lock, 'true'])
        checks.equal(p.guest.pids('76543'), {})
        a.start()
        a.peer.record('exec_interrupted', card=digest)


def change(p, old, new):
    """Edits the guest's accounts."""
    at = p.guest.path('/etc/passwd')
    with open(at, encoding='ascii') as f:
        text = f.read()
    changed = re.sub(old, new, text, flags=re.M)
    checks.true(changed != text, old)
    with open(at, 'w', encoding='ascii') as f:
        f.write(changed)
    return text


def test_accounts_that_are_missing():
    """Without all four `observe` is not offered, in words that help; the rest
    is. An account that is gone later has its card fail, not run as another."""
    with Place() as p:
        a = p.agent
        at = p.guest.path('/etc/passwd')
        for old, new, named in (
                (r'^countersign-observe-3:.*\n', '', ['3']),
                (r'^countersign-observe-[24]:.*\n', '', ['2', '4']),
                # root's number, and two names for one number
                (r'^(countersign-observe-1:x):\d+:', r'\1:0:', ['1']),
                (r'^(countersign-observe-2:x:\d+):\d+:', r'\1:0:', ['2']),
                (r'^(countersign-observe-3:x:)\d+(:.*\n)'
                 r'(countersign-observe-4:x:)(\d+)', r'\g<1>\4\2\3\4',
                 ['3', '4'])):
            text = change(p, old, new)
            a.kill()
            a.start()
            s = a.status()
            checks.equal(s['profiles'], ['repair', 'full'], named)
            why, = [x['why'] for x in s['sandbox']
                    if x['profile'] == 'observe']
            told = p.guest.run(['countersignd', 'selftest']).stdout.decode()
            for n in range(1, COUNT + 1):
                name = 'countersign-observe-%d' % n
                checks.equal(name in why, str(n) in named, why)
                checks.equal(name in told, str(n) in named, told)
            checks.true('useradd' in why, why)
            checks.true('NOT OFFERED observe' in told, told)
            checks.true('observe' not in json.loads(base64.b64decode(
                a.peer.hellos[-1]['payload']))['profiles'], 'hello')
            env = a.card('true', **LOOKS)
            a.send('card', env)
            r = a.peer.record('card_refused', card=owner.digest_of(env))
            checks.equal((r['reason'], r['detail']),
                         ('sandbox_unavailable', why[:len(r['detail'])]), r)
            with open(at, 'w', encoding='ascii') as f:
                f.write(text)
        a.kill()
        a.start()
        _, r = a.run('true', **LOOKS)
        checks.equal(r['outcome'], 'finished', r)
        change(p, r'^countersign-observe-3:.*\n', '')
        digest = p.send('true')
        checks.equal(a.peer.record('cancelled', card=digest)['reason'],
                     'no_account')


def numbers(g):
    out = {}
    with open(g.path('/etc/passwd'), encoding='ascii') as f:
        for line in f:
            name, _, uid = line.split(':')[:3]
            if name.startswith('countersign-observe-'):
                out[name] = int(uid)
    return out


def test_numbers_that_containers_use():
    """Accounts of an earlier setup: not swept, not used, and renumbered."""
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
    with Place() as p:
        a = p.agent
        at = p.guest.path('/etc/passwd')
        with open(at, encoding='ascii') as f:
            text = f.read()
        low = re.sub(r'(countersign-observe-(\d):x):\d+:',
                     lambda m: '%s:99%s:' % m.groups(), text)
        mine = numbers(p.guest)
        for new, subuid, where in (
                (low, '', range(991, 995)),
                # A range that a user namespace was given.
                (text, 'someone:100:5\n\nbad\nx:1:y\nlxd:%d:65536\n' % (
                    mine['countersign-observe-2'] - 1),
                 [mine['countersign-observe-%d' % n] for n in (2, 3, 4)])):
            with open(at, 'w', encoding='ascii') as f:
                f.write(new)
            with open(p.guest.path('/etc/subuid'), 'w',
                      encoding='ascii') as f:
                f.write(subuid)
            # Somebody in a container has that number.
            other = subprocess.Popen(
                p.guest.argv(['setpriv', '--reuid', str(where[0]), '--regid',
                              '65533', '--clear-groups', 'sh', '-c',
                              'echo up; exec sleep infinity']),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            checks.equal(other.stdout.readline(), b'up\n')
            a.kill()
            a.start()
            s = a.status()
            checks.equal(s['profiles'], ['repair', 'full'])
            why, = [x['why'] for x in s['sandbox']
                    if x['profile'] == 'observe']
            for number in where:
                checks.true('(%d)' % number in why, why)
            checks.true('usermod -u 70501 countersign-observe-1' in why, why)
            checks.equal(other.poll(), None, 'it was swept')
            p.guest.must(['pkill', '-KILL', '-u', str(where[0])])
            other.wait()
            other.stdout.close()
        with open(p.guest.path('/etc/subuid'), 'w', encoding='ascii'):
            pass
        want = {'countersign-observe-%d' % n: 70500 + n for n in (1, 2, 3, 4)}
        p.guest.copy(os.path.join(here, 'scripts', 'setup'), '/root/setup')
        p.guest.copy(os.path.join(here, 'packaging/debian/postinst'),
                     '/root/postinst')
        p.guest.copy(os.path.join(here, 'packaging/systemd/'
                                  'countersign.sysusers'),
                     '/usr/lib/sysusers.d/countersign.conf', 0o644)
        for command in (['bash', '/root/setup', 'accounts'],
                        ['sh', '/root/postinst', 'configure', '0.0']):
            with open(at, 'w', encoding='ascii') as f:
                f.write(low)
            p.guest.must(command)
            checks.equal(numbers(p.guest), want, command)
            # Those that are apart already keep what they have.
            with open(at, 'w', encoding='ascii') as f:
                f.write(text)
            p.guest.must(command)
            checks.equal(numbers(p.guest), mine, command)


if __name__ == '__main__':
    checks.main(globals(), jobs=2)
