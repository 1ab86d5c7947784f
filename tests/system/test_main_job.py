"""test_main_job.py - the whole way: console, agents, people; all of it real.
SPDX-License-Identifier: Apache-2.0
"""
import base64
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))

from countersign import checks, console, fleet	# noqa: E402



def until_record(events, kind):
    for name, _, data in events:
        if name == 'record' and data['record']['kind'] == kind:
            return data['record']
    raise AssertionError('no record ' + kind)


def whole_output(f, digest, stream='stdout'):
    status, _, data = f.console.request(
        'GET', '/v1/cards/%s/output?stream=%s&offset=0' % (digest, stream))
    checks.equal(status, 200, 'status')
    return data


def to_the_end(events):
    """Every record and the output by stream, up to the end."""
    records, out = [], {'stdout': b'', 'stderr': b''}
    for name, _, data in events:
        if name == 'record':
            records.append(data['record'])
        elif name == 'output':
            checks.equal(data['offset'], len(out[data['stream']]), 'offset')
            out[data['stream']] += base64.b64decode(data['base64'])
        elif name == 'end':
            return records, out
    raise AssertionError('the events broke off')


def test_from_proposal_to_result():
    with fleet.Fleet() as f:
        a = f.agents[0]
        marker = os.path.join(a.dir, 'ran')
        d, events = f.propose(a, 'echo hello; echo oops >&2; echo x > %s; '
                              'exit 3' % marker)
        got = until_record(events, 'card_received')
        checks.equal(f.console.get('/v1/cards/' + d)['state'], 'pending')
        checks.true(not os.path.exists(marker), 'it ran unapproved')
        f.approve(a, d, got)
        records, out = to_the_end(events)
        checks.equal([r['kind'] for r in records],
                     ['approval_accepted', 'exec_intent', 'exec_started',
                      'exec_result'])
        checks.equal(records[-1]['exit_code'], 3)
        checks.equal(out, {'stdout': b'hello\n', 'stderr': b'oops\n'})
        checks.equal(whole_output(f, d, 'stderr'), b'oops\n')
        card = f.console.get('/v1/cards/' + d)
        checks.equal((card['state'], card['result']['exit_code']),
                     ('finished', 3))
        checks.true(os.path.exists(marker), 'it did not run')


def test_output_arrives_whole_and_once():
    with fleet.Fleet() as f:
        a = f.agents[0]
        d, events = f.propose(a, 'seq 1 400000')
        f.approve(a, d, until_record(events, 'card_received'))
        records, out = to_the_end(events)
        want = ''.join('%d\n' % i for i in range(1, 400001)).encode()
        checks.equal(records[-1]['outcome'], 'finished')
        checks.equal(out['stdout'] == want, True, 'streamed bytes are same')
        checks.equal(whole_output(f, d) == want, True, 'kept bytes are same')


def test_the_console_dies_and_comes_back():
    with fleet.Fleet() as f:
        a = f.agents[0]
        fifo = os.path.join(a.dir, 'fifo')
        os.mkfifo(fifo)
        waits, _ = f.propose(a, 'true')
        d, events = f.propose(a, 'seq 1 50000; read x < %s; '
                              'seq 50001 100000' % fifo)
        f.approve(a, d, until_record(events, 'card_received'))
        until_record(events, 'exec_started')
        f.console.kill()
        f.console.start()
        with open(fifo, 'w') as go:
            go.write('go\n')
        records, out = to_the_end(f.console.events(d))
        checks.equal([r['kind'] for r in records],
                     ['card_received', 'approval_accepted', 'exec_intent',
                      'exec_started', 'exec_result'])
        want = ''.join('%d\n' % i for i in range(1, 100001)).encode()
        checks.equal(out['stdout'] == want, True, 'same')
        checks.equal(f.console.get('/v1/cards/' + waits)['state'], 'pending')


def test_the_agent_dies_and_comes_back():
    with fleet.Fleet() as f:
        a = f.agents[0]
        count = os.path.join(a.dir, 'count')
        d, events = f.propose(a, 'echo x >> %s; echo up; sleep 1000' % count)
        f.approve(a, d, until_record(events, 'card_received'))
        events.until('output')
        waits, more = f.propose(a, 'echo y >> %s' % count)
        got = until_record(more, 'card_received')
        a.kill()
        a.start()
        r = until_record(events, 'exec_interrupted')
        checks.equal(r['card'], d)
        # What waited still waits, and its approval still counts.
        f.approve(a, waits, got)
        until_record(more, 'exec_result')
        with open(count) as c:
            checks.equal(c.read(), 'x\ny\n')
        checks.equal(f.console.get('/v1/cards/' + d)['state'],
                     'interrupted')


def test_a_proposal_of_an_ai_with_its_token():
    with fleet.Fleet() as f:
        a = f.agents[0]
        f.console.user('ai-1', 'proposer', org=f.owner.org,
                       key=f.owner.keys['ai-1'])
        doc = f.owner.card_doc(a.device, 'echo from an ai')
        fields = {k: v for k, v in doc.items()
                  if k not in ('v', 'id', 'org', 'created', 'expires')}
        answer = f.console.post('/v1/cards', fields, user='ai-1')
        events = f.console.events(answer['digest'])
        f.approve(a, answer['digest'], until_record(events, 'card_received'))
        records, out = to_the_end(events)
        checks.equal(out['stdout'], b'from an ai\n')
        checks.equal(records[-1]['exit_code'], 0)


def test_deny_and_withdraw_by_way_of_the_console():
    with fleet.Fleet() as f:
        a = f.agents[0]
        d, events = f.propose(a, 'true')
        f.approve(a, d, until_record(events, 'card_received'),
                  decision='deny', reason='no')
        until_record(events, 'denied')
        checks.equal(f.console.get('/v1/cards/' + d)['state'], 'denied')
        d, events = f.propose(a, 'true')
        until_record(events, 'card_received')
        f.console.post('/v1/cards/%s/cancel' % d)
        r = until_record(events, 'cancelled')
        checks.equal(r['reason'], 'console_withdraw')


def test_an_approval_is_for_one_device():
    with fleet.Fleet(devices=2) as f:
        a, b = f.agents
        marker = os.path.join(b.dir, 'ran')
        one, events = f.propose(a, 'true')
        two, others = f.propose(b, 'echo x > ' + marker)
        foreign = until_record(events, 'card_received')
        got = until_record(others, 'card_received')
        # One that names the other device does not get past the console,
        # and one with the other device's nonce not past the device.
        try:
            f.console.post('/v1/cards/%s/approvals' % two,
                           f.approval(a, two, got))
            raise AssertionError('the console took it')
        except console.Refused as e:
            checks.equal(e.problem['reason'], 'wrong_card')
        f.console.post('/v1/cards/%s/approvals' % two,
                       f.approval(b, two, foreign))
        r = until_record(others, 'approval_refused')
        checks.equal(r['reason'], 'wrong_nonce')
        checks.true(not os.path.exists(marker), 'it ran')
        f.approve(b, two, got)
        until_record(others, 'exec_result')
        checks.true(os.path.exists(marker), 'it did not run')


def test_the_journal_that_the_console_keeps_is_the_devices():
    with fleet.Fleet() as f:
        a = f.agents[0]
        d, events = f.propose(a, 'echo kept')
        f.approve(a, d, until_record(events, 'card_received'))
        to_the_end(events)
        status, _, data = f.console.request('GET', '/v1/journal/' + a.device)
        checks.equal(status, 200, 'status')
        a.stop()
        folder = os.path.join(a.state, 'journal')
        mine = b''
        for name in sorted(os.listdir(folder)):
            if name.endswith('.seg'):
                with open(os.path.join(folder, name), 'rb') as s:
                    mine += s.read()
        checks.equal(data == mine, True, 'byte for byte the same')


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
