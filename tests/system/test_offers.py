"""test_offers.py - what an agent says it can hold a card to, and that it does.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from countersign import checks, fake, owner		# noqa: E402
from countersign.agent import Agent			# noqa: E402


def status(a):
    return json.loads(subprocess.run(
        [fake.program('countersign'), 'status', '--json', '--socket',
         a.socket], check=True, stdout=subprocess.PIPE).stdout)


def test_status_tells_each_profile():
    with Agent() as a:
        s = status(a)
        got = {x['profile']: x for x in s['sandbox']}
        checks.equal(sorted(got), ['full', 'observe', 'repair'])
        for name, x in got.items():
            checks.equal(x['offered'], name in s['profiles'], name)
            checks.true(x.get('enforces' if x['offered'] else 'why'), name)


def test_selftest_has_a_line_for_each_layer():
    with tempfile.TemporaryDirectory(prefix='cs-offers-') as d:
        path = os.path.join(d, 'agent.json')
        with open(path, 'w', encoding='ascii') as f:
            json.dump({'programs': os.path.dirname(
                fake.program('countersign-runner'))}, f)
        r = subprocess.run([fake.program('countersignd'), 'selftest',
                            '--config', path], stdout=subprocess.PIPE,
                           check=False)
    lines = r.stdout.decode().splitlines()
    failed = [x for x in lines if x.startswith('not ok')]
    checks.equal(r.returncode, 1 if failed else 0, r.stdout.decode())
    for layer in ('seccomp', 'landlock', 'mount', 'capabilities'):
        checks.true(any('repair: %s' % layer in x for x in lines) or failed,
                    layer)
    checks.true(any(x.startswith('offered full (NOT CONFINED)')
                    for x in lines), lines)


def test_roots_of_this_machine_are_refused():
    with Agent() as a:
        if 'repair' not in status(a)['profiles']:
            checks.skip('repair is not offered here')
        for write, reason in (([a.dir], 'needs_full'),
                              (['/srv/../etc'], None)):
            env = a.card('true', profile='repair', write=write)
            a.send('card', env)
            r = a.peer.record('card_refused', card=owner.digest_of(env))
            checks.true(reason is None or r['reason'] == reason or
                        r['reason'] in ('write_not_allowed',), r)
            checks.equal(r['final'], True, r)


if __name__ == '__main__':
    checks.main(globals(), jobs=1)
