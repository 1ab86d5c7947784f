"""test_completions.py - what the shells offer of the operator tool.
SPDX-License-Identifier: Apache-2.0

Each in the real shell, with the tool under test; one that is not installed is
skipped.
"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from countersign import checks, fake			# noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = os.path.join(HERE, '..', '..', 'packaging', 'completions')
# In the place of the function that would need a line editor.
BASH = '''. "$1/countersign"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_countersign && printf '%s\\n' "${COMPREPLY[@]}"'''
ZSH = '''compadd() { local w=$words[CURRENT]; [[ $1 = -- ]] && shift
	print -rl -- ${(M)@:#$w*} }
_files() { print -r files }
file=$1/_countersign; shift; words=("$@") CURRENT=$#
complete() { . $file }; complete'''
FISH = '''source $argv[1]/countersign.fish
complete -C (string join ' ' -- $argv[2..-1]) | string replace -r '\\t.*' \'\''''


def offers(shell, *words):
    if shutil.which(shell) is None:
        checks.skip('%s is not installed' % shell)
    script = {'bash': BASH, 'zsh': ZSH, 'fish': FISH}[shell]
    argv = {'bash': ['bash', '--norc', '-c', script, 'bash'],
            'zsh': ['zsh', '-f', '-c', script, 'zsh'],
            'fish': ['fish', '--no-config', '-c', script]}[shell]
    with tempfile.TemporaryDirectory(prefix='cs-home-') as home:
        r = subprocess.run(
            argv + [FILES, 'countersign'] + list(words),
            env={'PATH': os.path.dirname(fake.program('countersign')) +
                 ':/usr/bin:/bin', 'HOME': home, 'LC_ALL': 'C.UTF-8',
                 'XDG_CONFIG_HOME': home, 'XDG_DATA_HOME': home}, cwd='/',
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
    checks.equal(r.stderr, b'')
    return sorted(set(r.stdout.decode().split()))


def check(shell):
    for words, want in (
            (('stat',), ['status']),
            (('p',), ['pending', 'policy']),
            (('--ver',), ['--version']),
            (('trust', 'di'), ['diff']),
            (('trust', ''), ['device', 'diff', 'init', 'pin', 'show',
                             'sign']),
            (('lockdown', 'o'), ['off', 'on']),
            (('card', 'new', '--profile', ''), ['full', 'observe', 'repair']),
            (('veto', 'x', '--rea'), ['--reason']),
            (('audit', 'verify', '--no-such'), [])):
        checks.equal(offers(shell, *words), want, '%r' % (words,))
    every = offers(shell, '')
    for word in ('approve', 'audit', 'card', 'keygen', 'lockdown', 'log',
                 'submit', 'transcript', 'veto'):
        checks.true(word in every, '%s: %r' % (word, every))
    checks.true('--out' in offers(shell, 'keygen', '--'), 'options')


def test_bash():
    check('bash')


def test_zsh():
    check('zsh')


def test_fish():
    check('fish')


if __name__ == '__main__':
    checks.main(globals(), jobs=2)
