"""test_clixml.py - PowerShell's XML: kept as it came, shown as text.
SPDX-License-Identifier: Apache-2.0
"""
import base64
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))

from countersign import checks, fake, fleet		# noqa: E402

HEAD = (b'<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/'
        b'powershell/2004/04">')
BLOCK = (b'#< CLIXML\r\n' + HEAD + b'<Obj S="progress" RefId="0"><MS>'
         b'<I64 N="SourceId">1</I64></MS></Obj><S S="Error">Get-Item : '
         b'nowhere_x000D__x000A_</S><S S="Error">&lt;x&gt;_x000D__x000A_</S>'
         b'</Objs>')
TEXT = b'Get-Item : nowhere\r\n<x>\r\n'


def test_kept_raw_and_shown_as_text():
    with fleet.Fleet() as f:
        a = f.agents[0]
        encoded = base64.b64encode(BLOCK).decode()
        d, events = f.propose(
            a, 'echo out; echo %s | base64 -d >&2; echo end >&2' % encoded)
        got = events.until('record')['record']
        f.approve(a, d, got)
        events.until('end')

        def output(query):
            status, _, data = f.console.request(
                'GET', '/v1/cards/%s/output%s' % (d, query))
            return status, data

        checks.equal(output('?stream=stderr'), (200, BLOCK + b'end\n'))
        checks.equal(output('?stream=stderr&view=raw'),
                     (200, BLOCK + b'end\n'))
        checks.equal(output('?stream=stderr&view=text'),
                     (200, TEXT + b'end\n'))
        checks.equal(output('?stream=stdout&view=text'), (200, b'out\n'))
        checks.equal(output('?view=html')[0], 400)

        def transcript(*options):
            r = subprocess.run(
                [fake.program('countersign'), 'transcript', d, '--socket',
                 a.socket, *options], capture_output=True, timeout=30)
            checks.equal(r.returncode, 0, r.stderr.decode())
            return r.stdout, r.stderr

        out, err = transcript()
        checks.equal(out, b'out\n')
        checks.equal(err, TEXT.replace(b'\r', b'') + b'end\n')
        checks.equal(transcript('--raw')[1], BLOCK + b'end\n')


if __name__ == '__main__':
    checks.main(globals())
