"""checks.py - runs the test functions of a script and prints what came of them.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

A script ends with `checks.main(globals())`. Functions named test_x run side by
side, in threads; each prints `ok SCRIPT.x`, `not ok SCRIPT.x: why` or
`skip SCRIPT.x: why`. Arguments of the script pick tests by name.
"""
import concurrent.futures
import os
import sys
import time
import traceback

from . import fake


class Skip(Exception):
    """Raise with the reason."""


def skip(why):
    raise Skip(why)


def equal(got, want, what=''):
    if got != want:
        raise AssertionError('%s%.300r, not %.300r' % (
            what and what + ' is ', got, want))


def true(condition, what):
    if not condition:
        raise AssertionError(what)


def until(condition, what, limit=4 * fake.LIMIT):
    """Waits for what can only be asked for; asks a hundred times a second."""
    end = time.monotonic() + limit
    while not condition():
        true(time.monotonic() < end, 'no ' + what)
        time.sleep(0.01)


def _why(e):
    at = traceback.extract_tb(e.__traceback__)
    lines = ['%s:%d' % (os.path.basename(f.filename), f.lineno) for f in at
             if '/tests/' in os.path.abspath(f.filename)]
    text = ' '.join(str(e).split()) or type(e).__name__
    return '%s: %s (%s)' % (type(e).__name__, text[:400], ' '.join(lines[-3:]))


def main(names, jobs=8):
    script = os.path.basename(sys.argv[0]).rsplit('.', 1)[0]
    tests = [(k[5:], f) for k, f in names.items() if k.startswith('test_')]
    wanted = sys.argv[1:]
    tests = [(k, f) for k, f in tests if not wanted or k in wanted]
    failed = not tests

    def one(item):
        name, f = item
        try:
            f()
        except Skip as e:
            return 'skip %s.%s: %s' % (script, name, e)
        except BaseException as e:	# every test has its line
            return 'not ok %s.%s: %s' % (script, name, _why(e))
        return 'ok %s.%s' % (script, name)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for f in concurrent.futures.as_completed(
                [pool.submit(one, t) for t in tests]):
            print(f.result(), flush=True)
            failed = failed or f.result().startswith('not ok')
    sys.exit(1 if failed else 0)
