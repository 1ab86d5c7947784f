#!/usr/bin/python3
"""test_seatbelt.py - what the profiles of macOS say, by a second reading.
SPDX-License-Identifier: Apache-2.0

The kernel that enforces them is not here. This reads the text as libsandbox
does (s-expressions; parameters; the last rule that matches decides; what none
matches is denied) and asks it about operations. Whether the kernel agrees is
for tests/system/macos.sh, on a Mac.
"""
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
PROGRAM = os.path.join(os.environ.get('O', os.path.join(ROOT, 'build')),
                       'tests', 'interop_seatbelt')
TOKEN = re.compile(r'\s*(?:(\(|\))|#?"((?:[^"\\]|\\.)*)"|([^\s()"]+))')


class String(str):
    """A word in quotes."""


def parse(text):
    """All forms of the text, as nested lists."""
    stack, at = [[]], 0
    text = text.rstrip()
    while at < len(text):
        m = TOKEN.match(text, at)
        if not m:
            raise AssertionError('no token at %r' % text[at:at + 30])
        at = m.end()
        if m.group(1) == '(':
            stack.append([])
        elif m.group(1) == ')':
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(String(m.group(2)) if m.group(2) is not None
                             else m.group(3))
    if len(stack) != 1:
        raise AssertionError('parentheses do not match')
    return stack[0]


class Profile:
    def __init__(self, *argv):
        r = subprocess.run([PROGRAM, *argv], capture_output=True, timeout=20)
        if r.returncode != 0:
            raise AssertionError('status %d: %r' % (r.returncode, r.stdout))
        text, *params = r.stdout.decode().split('\0')[:-1]
        self.text = text
        self.params = dict(zip(params[::2], params[1::2]))
        self.forms = parse(text)

    def value(self, word):
        if isinstance(word, list):
            assert word[0] == 'param', word
            return self.params[word[1]]
        assert isinstance(word, String), word
        return str(word)

    def matches(self, f, what):
        kind = f[0]
        if kind == 'literal':
            return what == self.value(f[1])
        if kind == 'subpath':
            top = self.value(f[1])
            return what == top or what.startswith(top + '/')
        if kind == 'regex':
            return re.search(f[1], what) is not None
        if kind in ('global-name', 'target', 'remote', 'local'):
            return what == (kind + ' ' + ' '.join(map(str, f[1:])))
        raise AssertionError('an unknown filter: %r' % f)

    def allows(self, operation, what=''):
        verdict = None
        for form in self.forms[1:]:
            if form == ['deny', 'default'] and verdict is None:
                verdict = False
                continue
            decision, rest = form[0], form[1:]
            assert decision in ('allow', 'deny'), form
            words = [w for w in rest if isinstance(w, str)]
            filters = [w for w in rest if isinstance(w, list)]
            if not any(w == operation or (w.endswith('*') and
                                          operation.startswith(w[:-1]))
                       for w in words):
                continue
            if not filters or any(self.matches(f, what) for f in filters):
                verdict = decision == 'allow'
        assert verdict is not None, 'no default'
        return verdict


def check(name, condition):
    global failed
    print(('ok ' if condition else 'not ok ') + 'test_seatbelt.' + name +
          ('' if condition else ': it is otherwise'), flush=True)
    failed = failed or not condition


WRITES = ('file-write-data', 'file-write-create', 'file-write-unlink',
          'file-write-mode', 'file-write-owner', 'file-write-times',
          'file-write-xattr', 'file-write-flags')


def main():
    with tempfile.TemporaryDirectory() as top:
        top = os.path.realpath(top)
        for d in ('tmp', 'app', 'app/secret', 'other'):
            os.mkdir(os.path.join(top, d))
        os.symlink(os.path.join(top, 'app'), os.path.join(top, 'link'))
        tmp, app = os.path.join(top, 'tmp'), os.path.join(top, 'app')
        other = os.path.join(top, 'other')
        odd = os.path.join(top, 'a") (allow default) ("b')
        os.mkdir(odd)
        everything(tmp, app, other, os.path.join(top, 'link'), odd)
    sys.exit(1 if failed else 0)


def everything(tmp, app, other, link, odd):
    o = Profile('observe', 'none', tmp, '-' + app, '-' + app + '/absent')
    r = Profile('repair', 'none', tmp, '+' + app, '-' + app + '/secret')
    c = Profile('courier', 'none', tmp)
    for name, p in (('observe', o), ('repair', r), ('courier', c)):
        check(name + '.begins_with_denial', p.forms[:2] == [
            ['version', '1'], ['deny', 'default']])
        check(name + '.nothing_unknown_is_allowed', not any(
            p.allows(op) for op in (
                'forbidden-exec-sugid', 'mach-priv-task-port', 'system-mount',
                'sysctl-write', 'nvram-set', 'job-creation', 'file-mount',
                'system-kext-load', 'mach-register', 'appleevent-send')))
        check(name + '.services', not any(
            p.allows('mach-lookup', 'global-name ' + s) for s in (
                'com.apple.launchd', 'com.apple.xpc.launchd.domain.system',
                'com.apple.coreservices.launchservicesd',
                'com.apple.cfprefsd.daemon', 'com.apple.securityd')))
        check(name + '.other_folders', not any(
            p.allows(w, other + '/x') for w in WRITES))
        check(name + '.secrets', not any(
            p.allows('file-read-data', f) for f in (
                '/private/etc/master.passwd', '/Library/Keychains/x',
                '/private/var/db/dslocal/nodes', '/private/var/root/.ssh/x')))
        check(name + '.set_id', not p.allows('file-write-setugid', tmp + '/x'))
        check(name + '.no_paths_in_the_text', tmp not in p.text and
              app not in p.text)
    check('observe.reads', o.allows('file-read-data', '/private/etc/hosts'))
    check('observe.own', all(o.allows(w, tmp + '/x') for w in WRITES))
    check('observe.mask', not o.allows('file-read-data', app + '/x') and
          not o.allows('file-read-data', app))
    check('observe.root_of_repair_is_none', not o.allows('file-write-data',
                                                         app + '/x'))
    check('observe.net', not o.allows('network-outbound', 'remote ip *:*') and
          not o.allows('network-outbound', '/private/var/run/mDNSResponder'))
    check('observe.signal', o.allows('signal', 'target same-sandbox') and
          not o.allows('signal', 'target others'))
    check('repair.root', all(r.allows(w, app + '/x') for w in WRITES))
    check('repair.root_stays', not r.allows('file-write-unlink', app))
    check('repair.mask_in_root', not r.allows('file-write-data',
                                              app + '/secret/x'))
    check('repair.neighbour', not r.allows('file-write-data', app + 'x/y'))
    check('repair.configd', not r.allows(
        'mach-lookup', 'global-name com.apple.SystemConfiguration.configd'))
    v = Profile('observe', 'view', tmp)
    check('view', v.allows('system-socket') and
          not v.allows('network-outbound', 'remote ip *:*'))
    h = Profile('repair', 'host', tmp, '+' + link)
    check('host', h.allows('network-outbound', 'remote ip *:*') and
          h.allows('network-bind', 'local ip *:*') and
          not h.allows('network-outbound', '/private/var/run/other.sock'))
    check('a_link_is_followed_once', h.params['W0'] == app)
    check('courier', c.allows('network-outbound', 'remote ip *:*') and
          not c.allows('process-exec') and not c.allows('process-fork') and
          not c.allows('file-read-data', app) and
          not c.allows('file-write-data', tmp + '/x'))
    q = Profile('repair', 'none', tmp, '+' + odd)
    check('a_hostile_name_is_a_name', not q.allows('file-write-data',
                                                   other + '/x') and
          q.allows('file-write-data', odd + '/x'))
    bad = subprocess.run([PROGRAM, 'repair', 'none', tmp, '+' + app + '/no'],
                         capture_output=True, timeout=20)
    check('a_root_that_is_not_there', bad.returncode == 1)


failed = False
main()
