"""test_tools.py - named tools, `auto`, and what a hostile AI may try with text.
SPDX-License-Identifier: Apache-2.0

threat-model.md, row "a hostile or mistaken AI"; lessons 6 (`auto` is an exact
script with typed arguments, never a pattern) and 7 (what was seen is what
runs). Every attack is in a card that is properly signed by its proposer.
"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', '..', 'system', 'lib'))

from countersign import checks, dsse, owner		# noqa: E402
from countersign.agent import Agent			# noqa: E402
from countersign.attack import (			# noqa: E402
    accepted, approval_refused, install, refused, settled, touch, touched,
    trust_refused, untouched)

ASKED = {'decision': 'approval_needed', 'profile': 'full', 'net': 'host',
         'read': 'all'}
SHOW = dict(ASKED, shell='sh', script='printf "%s|" "$CS_ARG_E" "$CS_ARG_W" '
            '"$CS_ARG_N" "$CS_ARG_P" "$CS_ARG_T"', args={
                'e': {'type': 'enum', 'values': ['up', 'down']},
                'w': {'type': 'word'},
                'n': {'type': 'int', 'min': -5, 'max': 10},
                'p': {'type': 'path'}, 't': {'type': 'text', 'max': 40}})
GOOD = {'e': 'up', 'w': 'nginx', 'n': 3, 'p': '/srv', 't': 'a b'}


def with_tools(tools, **policy):
    a = Agent()
    a.files['policy'] = a.owner.policy(tools=tools, **policy)
    a.greet()
    return a


def tool_card(a, tool, args, **change):
    """A card for a named tool: what it does stands in the policy."""
    none = dict.fromkeys(('shell', 'command', 'profile', 'net', 'read',
                          'write', 'services', 'survivors', 'limits'))
    none.update(change)
    return a.owner.card(a.device, '', tool=tool, args=args, **none)


def run_tool(a, tool, args):
    """Its card, approved: what it wrote."""
    env = tool_card(a, tool, args)
    d = owner.digest_of(env)
    a.send('card', env)
    got = a.peer.record('card_received', card=d)
    a.approve(d, got)
    r = a.peer.record('exec_result', card=d)
    a.peer.wait(lambda: len(a.peer.output.get(
        bytes.fromhex(d[7:]), b'')) >= r['transcript_bytes'])
    return a.peer.transcript(d)[0]


def offers(a):
    return json.loads(dsse.payload_of(a.peer.hellos[-1]))['profiles']


# ---- arguments ----

def test_arguments_are_data():
    """Lesson 6: shell text in an argument is text, in a script and in argv."""
    with with_tools({
            'show': SHOW,
            'echo': dict(ASKED, shell='argv', argv=[
                '/bin/echo', '--', {'arg': 't'}, {'arg': 'n'}, 'end'],
                args={'t': {'type': 'text', 'max': 200},
                      'n': {'type': 'int', 'min': 0, 'max': 9}})}) as a:
        m = a.marker()
        checks.equal(run_tool(a, 'show', GOOD), b'up|nginx|3|/srv|a b|')
        for t in ('$(%s)', '`%s`', '"; %s; "', '\n%s\n', '-e %s', "';%s;'",
                  '|| %s', '${IFS}%s', '$((%s))'):
            text = (t % 'id>x')[:40]
            checks.equal(run_tool(a, 'show', dict(GOOD, t=text)),
                         b'up|nginx|3|/srv|' + text.encode() + b'|')
        for t in ('$(%s)', '; %s', '--help', '-n'):
            text = t.replace('%s', touch(m))
            checks.equal(run_tool(a, 'echo', {'t': text, 'n': 7}),
                         ('-- %s 7 end\n' % text).encode())
        checks.equal(run_tool(a, 'show', dict(GOOD, n=-5, p='/a;%s' % m)),
                     ('up|nginx|-5|/a;%s|a b|' % m).encode())
        untouched(m, 'x', '/x', '/root/x')


def test_arguments_of_other_types():
    """Lesson 6: a value that is not of its type, one too many, one too few,
    and a second script beside the policy's."""
    with with_tools({'show': SHOW}) as a:
        m = a.marker()
        for bad in (
                {'e': 'UP'}, {'e': ''}, {'e': 'up\n'}, {'e': 'up;id'},
                {'e': 1}, {'w': '-rf'}, {'w': 'a b'}, {'w': 'a;b'},
                {'w': '$(id)'}, {'w': '../x'}, {'w': ''}, {'w': 'x' * 65},
                {'n': '3'}, {'n': 11}, {'n': -6}, {'p': 'srv'},
                {'p': '/srv/../etc'}, {'p': '/srv/'}, {'p': '//etc'},
                {'p': '/srv\n/x'}, {'p': ''}, {'t': 'x' * 41}, {'t': 5},
                {'more': 'x'}, {'ld_preload': '/tmp/x'}):
            refused(a, tool_card(a, 'show', dict(GOOD, **bad)),
                    'bad_argument', m, final=True)
        for k in GOOD:
            refused(a, tool_card(a, 'show', {
                x: v for x, v in GOOD.items() if x != k}), 'bad_argument')
        for bad, reason in (
                ({'n': True}, 'wrong_type'), ({'t': None}, 'wrong_type'),
                ({'e': ['up']}, 'wrong_type'), ({'e': {}}, 'wrong_type'),
                ({'E': 'up'}, None), ({'PATH': '/tmp'}, None),
                ({'t': 'a\u202eb'}, 'forbidden_character'),
                ({'t': 'a\x1b[2J'}, 'forbidden_character')):
            env = tool_card(a, 'show', dict(GOOD, **bad))
            a.send('card', env)
            r = a.peer.record('card_refused', card=owner.digest_of(env))
            if reason:
                checks.equal(r['reason'], reason, repr(bad))
        for more in ({'command': touch(m)}, {'shell': 'sh'},
                     {'profile': 'full'}, {'limits': owner.FULL['limits']},
                     {'write': ['/']}, {'script': touch(m)}):
            refused(a, tool_card(a, 'show', GOOD, **more), 'unknown_field',
                    m, final=True)
        refused(a, tool_card(a, 'nothing', {}), 'not_listed', m, final=True)
        refused(a, a.card(touch(m)), 'not_listed', m, final=True)
        refused(a, a.card(touch(m), tool='show', args=GOOD),
                'unknown_field', m, final=True)
        checks.equal(a.peer.all('card_received'), [])


def test_a_script_that_changes():
    """Lesson 7: the approval binds the policy, so a script that changes
    between approval and run was never approved."""
    with with_tools({'do': dict(ASKED, shell='sh', script='true')}) as a:
        m = a.marker()
        env = tool_card(a, 'do', {})
        d = owner.digest_of(env)
        a.send('card', env)
        got = a.peer.record('card_received', card=d)
        yes = a.approval(d, got)
        install(a, 'policy', a.owner.policy(tools={'do': dict(
            ASKED, shell='sh', script=touch(m))}))
        approval_refused(a, yes, 'policy_changed', m)
        # Who sees the new one may say yes to the new one.
        accepted(a, a.approval(d, got, reason='the new one'))
        a.peer.record('exec_result', card=d)
        touched(m)


def test_scripts_that_no_policy_may_have():
    """Lesson 6: where an argument would become code or an option, the policy
    is invalid as a whole."""
    text = {'t': {'type': 'text', 'max': 9}}
    with Agent() as a:
        def bad(reason, **tool):
            trust_refused(a, a.owner.policy(version=9, tools={
                'x': dict(ASKED, **tool)}), reason)
        for script in ('echo $((CS_ARG_T))', '[[ $CS_ARG_T -eq 1 ]]',
                       'let x=CS_ARG_T', 'echo $[CS_ARG_T]'):
            bad('text_not_allowed', shell='sh', script=script, args=text)
        bad('text_not_allowed', shell='bash', script='true', args=text)
        bad('text_not_allowed', shell='argv', args=text,
            argv=['/bin/ls', {'arg': 't'}, '--'])
        for args in ({'e': {'type': 'enum', 'values': ['-rf']}},
                     {'r': {'type': 'regex', 'pattern': '.*'}},
                     {'a': {'type': 'word', 'template': '{{x}}'}}):
            env = a.owner.policy(version=9, tools={'x': dict(
                ASKED, shell='sh', script='true', args=args)})
            a.trust('policy', env)
            a.peer.record('trust_refused', digest=owner.digest_of(env))
        env = a.owner.policy(version=9, tools={'x': dict(
            ASKED, shell='argv', argv=['ls'])})
        a.trust('policy', env)
        a.peer.record('trust_refused', digest=owner.digest_of(env))
        checks.equal(len(a.peer.all('trust', file='policy')), 1)


# ---- auto ----

def auto(m, **more):
    return dict({'decision': 'auto', 'shell': 'sh', 'rate_per_h': 2,
                 'script': 'echo ran > %s; echo seen' % m}, **more)


QUIET = {'decision': 'auto', 'shell': 'sh', 'rate_per_h': 2,
         'script': 'true'}


def fresh(a):
    install(a, 'timestamp', a.owner.timestamp(
        {k: a.files[k] for k in ('root', 'people', 'policy')}))


def test_auto_without_its_sandbox():
    """Row "a hostile AI": where `observe` cannot be enforced, an `auto` tool
    is refused for now, and never run in a wider profile instead."""
    with Agent() as a:
        m = a.marker()
        install(a, 'policy', a.owner.policy(tools={'look': auto(m)}))
        fresh(a)
        if 'observe' in offers(a):
            checks.skip('observe is offered here')
        refused(a, tool_card(a, 'look', {}), 'sandbox_unavailable', m,
                final=False)
        checks.equal(a.peer.all('exec_intent'), [])


def auto_agent():
    a = Agent()
    a.start()
    if 'observe' not in offers(a):
        a.__exit__(None, None, None)
        checks.skip('observe is not offered here')
    return a


def test_auto_runs_and_changes_nothing():
    """Row "a hostile AI": it runs by itself what the policy says, confined;
    the device is as it was."""
    a = auto_agent()
    try:
        m = a.marker()
        install(a, 'policy', a.owner.policy(tools={'look': auto(m)}))
        fresh(a)
        env = tool_card(a, 'look', {})
        a.send('card', env)
        d = owner.digest_of(env)
        a.peer.record('exec_result', card=d)
        a.peer.wait(lambda: a.peer.transcript(d)[0] == b'seen\n', 'output')
        untouched(m)
        i = a.peer.record('exec_intent', card=d)
        checks.equal((i['approvals'], i['profile']), ([], 'observe'))
    finally:
        a.__exit__(None, None, None)


def test_auto_is_rated():
    """A rate is counted from the journal: also over a restart."""
    a = auto_agent()
    try:
        install(a, 'policy', a.owner.policy(tools={'look': QUIET}))
        fresh(a)
        for _ in range(2):
            env = tool_card(a, 'look', {})
            a.send('card', env)
            a.peer.record('exec_result', card=owner.digest_of(env))
        refused(a, tool_card(a, 'look', {}), 'rate_exceeded', final=False)
        a.stop()
        a.start()
        refused(a, tool_card(a, 'look', {}), 'rate_exceeded', final=False)
        checks.equal(len(a.peer.all('exec_intent')), 2)
    finally:
        a.__exit__(None, None, None)


def test_auto_needs_freshness():
    """Without a timestamp, with one that ran out or names what is not here,
    `auto` stops; what a person approves goes on."""
    a = auto_agent()
    try:
        m = a.marker()
        o = a.owner
        install(a, 'policy', o.policy(tools={
            'look': QUIET, 'command': {'decision': 'approval_needed'}}))
        refused(a, tool_card(a, 'look', {}), 'no_timestamp', final=False)
        held = {k: a.files[k] for k in ('root', 'people', 'policy')}
        env = o.timestamp(held, life=2)
        install(a, 'timestamp', env)
        end = json.loads(dsse.payload_of(env))['expires']
        while owner.stamp(int(time.time())) < end:
            settled(a)
        refused(a, tool_card(a, 'look', {}), 'timestamp_expired',
                final=False)
        install(a, 'timestamp', o.timestamp(dict(
            held, people=o.people())))
        refused(a, tool_card(a, 'look', {}), 'timestamp_newer',
                final=False)
        checks.equal(a.peer.all('exec_intent'), [])
        d, got = a.pending(touch(m))
        a.approve(d, got)
        a.peer.record('exec_result', card=d)
        touched(m)
    finally:
        a.__exit__(None, None, None)


def test_missing_freshness_stops_no_approved_card():
    """An approved named tool runs without a timestamp: freshness against the
    console is for `auto`."""
    with Agent() as a:
        m = a.marker()
        install(a, 'policy', a.owner.policy(tools={'do': dict(
            ASKED, shell='sh', script=touch(m))}))
        run_tool(a, 'do', {})
        touched(m)
        checks.equal(a.peer.all('trust', file='timestamp'), [])


# ---- text ----

TRICKS = {
    'bidi override': '\u202e', 'bidi isolate': '\u2066',
    'zero width space': '\u200b', 'joiner': '\u200d',
    'byte order mark': '\ufeff', 'soft hyphen': '\u00ad',
    'tag': '\U000e0041', 'variation selector': '\ufe0f',
    'hangul filler': '\u3164', 'private use': '\ue000',
    'unassigned': '\u0378', 'line separator': '\u2028',
    'escape': '\x1b', 'carriage return': '\r', 'delete': '\x7f',
    'c1': '\x9b', 'backspace': '\b', 'nul': '\0', 'bell': '\a'}


def test_text_that_would_disguise():
    """Row "a hostile AI": no control, format or invisible character anywhere,
    so what is shown is what runs."""
    with Agent() as a:
        m = a.marker()
        for what, c in TRICKS.items():
            for change in ({'command': touch(m) + ' #' + c,
                            'unicode': 'any'},
                           {'description': 'harmless' + c}):
                env = a.card(change.pop('command', touch(m)), **change)
                a.send('card', env)
                r = a.peer.record('card_refused',
                                  card=owner.digest_of(env))
                checks.true(r['reason'] in ('forbidden_character',
                                            'malformed'), (what, r))
                checks.equal(r['final'], True, what)
        for field, value in (
                ('requester', 'a\u202e@x.example'), ('tool', 'df\u200b'),
                ('requester', 'two\nlines'),
                ('ticket', {'system': 'x', 'id': '\x1b]0;x\x07',
                            'url': 'https://x.example/'}),
                ('ticket', {'system': 'x', 'id': '1',
                            'url': 'javascript:alert(1)'})):
            env = a.card(touch(m), **{field: value})
            a.send('card', env)
            r = a.peer.record('card_refused', card=owner.digest_of(env))
            checks.equal(r['final'], True, field)
        # Letters that only look like others, where ASCII was promised.
        refused(a, a.card('\u0435cho ran > %s' % m), 'forbidden_character',
                m, final=True)
        checks.equal(a.peer.all('card_received'), [])


def test_json_that_reads_in_two_ways():
    """Row "a hostile AI": a card that a browser and the device would read
    differently is refused."""
    with Agent() as a:
        m = a.marker()
        good = owner.text(a.owner.card_doc(a.device, 'true'))
        evil = json.dumps(touch(m)).encode()
        for raw in (
                good.replace(b'"command":"true"',
                             b'"command":"true","command":' + evil),
                good.replace(b'"command":"true"',
                             b'"command":"true","comm\\u0061nd":' + evil),
                good.replace(b'"command":"true"',
                             b'"command":"true","Command":' + evil),
                good.replace(b'"true"', b'"true\\u0000; ' + evil[1:]),
                good.replace(b'"true"', b'"true \\ud800"'),
                good.replace(b'"true"', b'"true \xff"'),
                good.replace(b'"true"', b'"true\xc0\xbb"'),
                good + b',' + good, good + b'\0', b'\xef\xbb\xbf' + good,
                good.replace(b':60,', b':60.0,'),
                good.replace(b':60,', b':060,'),
                good.replace(b':60,', b':6e1,'),
                b'[' * 60 + good + b']' * 60):
            checks.true(raw != good, 'the same')
            env = a.card('', raw=raw)
            a.send('card', env)
            r = a.peer.record('card_refused', card=owner.digest_of(env))
            checks.equal(r['final'], True, repr(raw[-60:]))
        untouched(m)
        checks.equal(a.peer.all('card_received'), [])


def test_what_it_says_of_itself():
    """Row "a hostile AI": who proposed is whose key signed; the requester is
    a claim; limits and sizes are not stretched."""
    with Agent() as a:
        m = a.marker()
        for field in ('proposer', 'approver', 'manager', 'policy', 'digest',
                      'interpreter', 'env', 'cwd', 'user'):
            refused(a, a.card(touch(m), **{field: 'tess'}), 'unknown_field',
                    m, final=True)
        for change in (
                {'shell': 'zsh'}, {'shell': 'SH'}, {'profile': 'root'},
                {'limits': dict(owner.FULL['limits'], timeout_s=3601)},
                {'limits': dict(owner.FULL['limits'], timeout_s=-1)},
                {'description': ''}, {'description': 'x' * 2001},
                {'id': 'not-a-uuid'}, {'after': ['sha256:0']},
                {'expires': owner.stamp(int(time.time()) + 90000)},
                {'created': owner.stamp(int(time.time()) + 900)}):
            env = a.card(touch(m), **change)
            a.send('card', env)
            r = a.peer.record('card_refused', card=owner.digest_of(env))
            checks.equal(r['final'], True, repr(change))
        for bad in ('x' * 8193, ''):
            refused(a, a.card(bad), 'out_of_range', m, final=True)
        untouched(m)


def test_it_cannot_fill_the_queue():
    """Row "a hostile AI": one proposer has its share of the queue, and no
    more, so that others still get in."""
    with Agent() as a:
        m = a.marker()
        install(a, 'policy', a.owner.policy(limits={
            'pending': 20, 'pending_per_proposer': 10}))
        for _ in range(10):
            a.pending(touch(m))
        refused(a, a.card(touch(m)), 'queue_full', m, final=False)
        env = a.owner.card(a.device, touch(m), by='prop-tech')
        a.send('card', env)
        d = owner.digest_of(env)
        got = a.peer.record('card_received', card=d)
        untouched(m)
        a.approve(d, got)
        a.peer.record('exec_result', card=d)
        touched(m)


def test_after_one_that_failed():
    """A card that comes after another does not start if that one failed, was
    denied, or never was."""
    with Agent() as a:
        m = a.marker()
        first, first_got = a.pending('exit 3')
        d, got = a.pending(touch(m), after=[first])
        accepted(a, a.approval(d, got))
        settled(a)
        untouched(m)
        a.approve(first, first_got)
        r = a.peer.record('cancelled', card=d)
        checks.equal(r['reason'], 'after_failed')
        first, first_got = a.pending('true')
        d, got = a.pending(touch(m), after=[first])
        accepted(a, a.approval(d, got))
        a.approve(first, first_got, decision='deny')
        a.peer.record('cancelled', card=d, reason='after_failed')
        d, got = a.pending(touch(m), after=['sha256:' + '7' * 64])
        accepted(a, a.approval(d, got))
        settled(a)
        untouched(m)
        checks.equal(a.peer.all('exec_intent', card=d), [])


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
