#!/usr/bin/python3
"""test_courier.py - the real courier between a fake gate and fake consoles.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.
"""
import base64
import hashlib
import os
import pwd
import select
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from countersign import certs, checks, dsse, fake, link, wire, ws

CA = certs.Authority()
KIB = 1024
# What the courier may grow by, in KiB, over what it has when it is connected:
# 256 KiB may wait each way, in a buffer that doubles, besides one message.
BOUND = 2048


def pair(**more):
    """A gate, a console and the link between them, as a context."""
    class Pair:
        def __enter__(self):
            self.gate = fake.Gate()
            self.console = fake.Console(CA)
            try:
                self.link = fake.connected(self.gate, self.console, CA, **more)
            except BaseException:
                self.__exit__(*sys.exc_info())
                raise
            return self.gate, self.console, self.link

        def __exit__(self, *a):
            if hasattr(self, 'link'):
                self.link.sock.close()
            self.console.__exit__(*a)
            self.gate.__exit__(*a)
    return Pair()


def refused(gate, why):
    """The attempt comes to nothing, for this reason."""
    gate.expect('link', state=wire.CONNECTING)
    down = gate.expect('link', state=wire.DOWN)
    checks.true(why in down['detail'], 'detail is %r, not %r' % (
        down['detail'], why))


# ---- the handshake and every message ----------------------------------------

def test_hello():
    with pair() as (gate, _, out):
        key = dsse.new_key()
        nonce = os.urandom(32)
        out.text(link.challenge(nonce))
        c = gate.expect('challenge', nonce=nonce)
        checks.true(any(c['exporter']), 'an exporter of zeros')
        payload = b'{"console_nonce":"%s"}' % link.b64url(nonce).encode()
        type_ = dsse.type_of('hello')
        gate.send(wire.hello(payload,
                             key.sign(dsse.pae(type_, payload)).signature))
        m = out.read_json()
        checks.equal(m['type'], 'hello')
        checks.equal(set(m), {'type', 'envelope'})
        checks.equal(m['envelope']['payloadType'], type_)
        checks.equal(dsse.payload_of(m['envelope']), payload)
        checks.true(dsse.signed_by(m['envelope'], dsse.public_of(key)),
                    'the signature is not the one that was sent')
        out.text(link.welcome('a note\n'))
        gate.expect('welcome', note=b'a note\n')
    checks.equal(gate.status, 0, 'exit status')


def test_exporter_is_of_the_connection():
    seen = set()
    for _ in range(2):
        with pair() as (gate, _, out):
            out.text(link.challenge(b'n' * 32))
            seen.add(gate.expect('challenge')['exporter'])
    checks.equal(len(seen), 2, 'different exporters')


def test_tls_1_2():
    with fake.Gate() as gate, \
            fake.Console(CA, tls=ssl.TLSVersion.TLSv1_2) as console, \
            fake.connected(gate, console, CA) as out:
        fake.prove(gate, out)


def test_enrolment():
    with pair() as (gate, _, out):
        key = os.urandom(32)
        out.text(link.challenge(b'n' * 32))
        gate.expect('challenge')
        gate.send(wire.enrol('a secret', key, 'd-abc'))
        checks.equal(out.read_json(), {
            'type': 'enrol', 'secret': 'a secret',
            'key': base64.b64encode(key).decode(), 'device': 'd-abc'})
        out.text(link.enrol_refused('unknown_secret'))
        gate.expect('enrolled', ok=False, reason='unknown_secret')
        # Once more on the same link, as after an answer that got lost.
        gate.send(wire.enrol('another', key, 'd-abc'))
        checks.equal(out.read_json()['secret'], 'another')
        out.text(link.enrolled())
        gate.expect('enrolled', ok=True, reason='')
        payload = b'{"console_nonce":"%s"}' % link.b64url(b'n' * 32).encode()
        gate.send(wire.hello(payload, b's' * 64))
        checks.equal(out.read_json()['type'], 'hello')


def test_secret_is_wiped():
    """The enrolment's secret is nowhere in the memory of the process."""
    if fake.is_sanitized():
        checks.skip('ASan keeps freed memory')
    # Long, so that what is read next does not cover it all by chance.
    secret = os.urandom(128).hex().encode()
    with pair() as (gate, _, out):
        out.text(link.challenge(b'n' * 32))
        gate.expect('challenge')
        gate.send(wire.enrol(secret, b'k' * 32, 'd-abc'))
        checks.equal(out.read_json()['secret'], secret.decode())
        out.text(link.enrolled())
        gate.expect('enrolled', ok=True)
        parts = pieces(secret, 0)
        for mask in out.ws.masks:
            # Also as it went into a masked frame, at each offset.
            for shift in range(4):
                parts += pieces(ws.unmask(secret, mask[shift:] +
                                          mask[:shift]), shift)
        with open('/proc/%d/maps' % gate.pid, encoding='ascii') as maps, \
                open('/proc/%d/mem' % gate.pid, 'rb', 0) as mem:
            looked = 0
            for line in maps:
                span, mode = line.split()[:2]
                if not mode.startswith('rw') or '[vvar' in line:
                    continue
                begin, end = (int(x, 16) for x in span.split('-'))
                mem.seek(begin)
                data = mem.read(end - begin)
                looked += len(data)
                for part in parts:
                    checks.true(part not in data, 'the secret is at %#x, %s' %
                                (begin + data.find(part), line.strip()))
        checks.true(looked > 100 * KIB, 'memory could not be read')


def pieces(data, first):
    """Parts of 24 bytes, any of which would give it away."""
    return [data[i:i + 24] for i in range(first, len(data) - 24, 24)]


def test_every_message_down():
    """From the console to the gate, each as flat fields."""
    with pair() as (gate, _, out):
        fake.prove(gate, out)
        card = os.urandom(32)
        for name in ('card', 'approval', 'cancel', 'trust'):
            sigs = [('k', b's' * 64)]
            if name in ('card', 'trust'):
                sigs.append(('', b't' * 64))
            env = dsse.envelope(dsse.type_of(name), b'\x00payload\xff', sigs)
            out.text(link.envelope(name, env))
            got = gate.expect(name)
            checks.equal(got, {
                'type': dsse.type_of(name), 'payload': b'\x00payload\xff',
                'sigs': [(k.encode(), s) for k, s in sigs]})
        out.text(link.withdraw(card, 'über'))
        gate.expect('withdraw', card=card, reason='über')
        out.text(link.have(2 ** 53 - 1))
        gate.expect('have', n=2 ** 53 - 1)
        out.text(link.credit(card, 5, 262149))
        gate.expect('credit', card=card, until=262149, **{'from': 5})
        out.text(link.cosignature(200, '— witness AAAA\n'))
        gate.expect('cosignature', status=200, body='— witness AAAA\n')
        out.text(link.cosignature(403))
        gate.expect('cosignature', status=403, body='')


def test_every_message_up():
    """From the gate to the console; large ones in fragments of 64 KiB."""
    with pair() as (gate, _, out):
        fake.prove(gate, out)
        items = [(7, b'{"kind":"a"}'), (8, b'x' * 32768)]
        gate.send(wire.records(items))
        kind, data = out.read()
        checks.equal(kind, ws.BINARY)
        checks.equal(link.parse_binary(data), ('records', items))
        hash_ = os.urandom(32)
        big = os.urandom(65536)
        gate.send(wire.blob(hash_, 100000, 34464, big))
        checks.equal(link.parse_binary(out.read()[1]), ('blob', {
            'hash': hash_, 'total': 100000, 'offset': 34464, 'data': big}))
        gate.send(wire.output(hash_, 2 ** 40, big))
        checks.equal(link.parse_binary(out.read()[1]), ('output', {
            'card': hash_, 'offset': 2 ** 40, 'data': big}))
        request = 'old 0\n\norg/d-x\n1\nroot\n\n— org/d-x sig\n'
        gate.send(wire.checkpoint(request))
        checks.equal(out.read_json(), {'type': 'checkpoint',
                                       'request': request})
        masks = out.ws.masks
        checks.equal(len(set(masks)), len(masks), 'fresh masks')


def test_largest_trust_file():
    with pair() as (gate, _, out):
        fake.prove(gate, out)
        payload = os.urandom(4 * KIB * KIB)
        env = dsse.envelope(dsse.type_of('people'), payload,
                            [('k', b's' * 64)])
        before = gate.memory('VmRSS')
        out.text(link.envelope('trust', env))
        got = gate.expect('trust')
        checks.equal(got['payload'] == payload, True, 'same payload')
        out.text(link.have(1))
        gate.expect('have')
        if not fake.is_sanitized():
            # Given back: what stays is far below one such message.
            checks.true(gate.memory('VmRSS') - before < BOUND,
                        'memory is kept: %d KiB' %
                        (gate.memory('VmRSS') - before))


def test_split_anywhere():
    """Bytes that arrive one by one, from either side."""
    with pair() as (gate, _, out):
        fake.prove(gate, out)
        for byte in ws.frame(ws.TEXT, link.have(5)):
            out.sock.sendall(bytes([byte]))
        gate.expect('have', n=5)
        for byte in wire.checkpoint('note'):
            gate.send(bytes([byte]))
        checks.equal(out.read_json()['request'], 'note')
        # A text message in fragments, with a ping in between.
        text = link.have(6)
        out.sock.sendall(ws.frame(ws.TEXT, text[:3], fin=False))
        out.sock.sendall(ws.frame(ws.PING, b'are you there'))
        checks.equal(out.ws.read(), (ws.PONG, b'are you there'))
        out.sock.sendall(ws.frame(ws.CONT, text[3:]))
        gate.expect('have', n=6)


# ---- what a console may not do -------------------------------------------------

def misbehave(send, reason, what=None, synced=True):
    """send(out) breaks a rule: it is reported, closed, and tried again."""
    with pair() as (gate, console, out):
        if synced:
            fake.prove(gate, out)
        send(out)
        got = gate.expect('unreadable', reason=reason)
        if what is not None:
            checks.equal(got['length'], len(what), 'length')
            checks.equal(got['hash'], hashlib.sha256(what).digest(), 'hash')
        gate.expect('link', state=wire.DOWN)
        out.closed()
        gate.expect('link', state=wire.CONNECTING)
        with console.accept() as again:
            gate.expect('link', state=wire.UP)
            fake.prove(gate, again)


def text_refused(text, reason, synced=True):
    misbehave(lambda out: out.text(text), reason, text, synced)


def test_garbage_text():
    text_refused(b'\x00\x01 garbage', 'malformed')


def test_unknown_type():
    text_refused(b'{"type":"run"}', 'unknown_version')


def test_unknown_field():
    text_refused(b'{"type":"have","n":1,"m":2}', 'unknown_field')


def test_duplicate_field():
    text_refused(b'{"type":"have","n":1,"n":2}', 'duplicate')


def test_bad_base64():
    text_refused(b'{"type":"card","envelope":{"payloadType":"t","payload":'
                 b'"****","signatures":[{"sig":"AAAA"}]}}', 'forbidden_character')


def test_card_before_hello():
    text_refused(link.envelope('card', dsse.envelope(
        't', b'p', [('', b's' * 64)])), 'wrong_state', synced=False)


def test_second_challenge():
    text_refused(link.challenge(b'n' * 32), 'wrong_state')


def test_second_welcome():
    text_refused(link.welcome(), 'wrong_state')


def test_enrolled_out_of_turn():
    text_refused(link.enrolled(), 'wrong_state')


def test_device_message_from_console():
    text_refused(link.checkpoint('n'), 'unknown_version')


def test_oversize_card():
    text_refused(link.envelope('card', dsse.envelope(
        't', b'p' * 32769, [('', b's' * 64)])), 'too_large')


def test_oversize_approval():
    text_refused(link.envelope('approval', dsse.envelope(
        't', b'p' * 16385, [('', b's' * 64)])), 'too_large')


def test_binary_from_console():
    misbehave(lambda out: out.ws.send(ws.BINARY, b'abc'), 'binary', b'abc')


def test_masked_frame():
    misbehave(lambda out: out.sock.sendall(
        ws.frame(ws.TEXT, link.have(1), mask=b'abcd')), 'protocol_error')


def test_reserved_bit():
    misbehave(lambda out: out.sock.sendall(
        ws.frame(ws.TEXT, link.have(1), rsv=0x40)), 'protocol_error')


def test_frame_that_claims_too_much():
    """Refused from its header: the 2^62 bytes never come."""
    misbehave(lambda out: out.sock.sendall(
        b'\x81\x7f' + struct.pack('>Q', 2 ** 62)), 'too_large')


def test_not_utf8():
    misbehave(lambda out: out.text(b'{"type":"\xff"}'), 'forbidden_character')


def test_message_that_never_ends():
    """6 MiB of text in fragments, and no end."""
    def send(out):
        part = b'x' * 65536
        out.sock.sendall(ws.frame(ws.TEXT, part, fin=False))
        try:
            for _ in range(200):
                out.sock.sendall(ws.frame(ws.CONT, part, fin=False))
        except OSError:
            pass
    misbehave(send, 'too_large')


def test_close_with_a_reason():
    """Its words reach the status, escaped, and nothing else does."""
    with pair() as (gate, _, out):
        fake.prove(gate, out)
        out.ws.close(1008, '\x1b[31mred "‮'.encode())
        down = gate.expect('link', state=wire.DOWN)
        checks.equal(down['detail'], 'the console closed: 1008 '
                     "<U+001B>[31mred '<U+202E>")
        checks.equal(out.closed(), 1000, 'its close frame')
    checks.true(all(32 <= ord(c) < 127 or c == '\n' for c in gate.log()),
                'raw bytes in the log')


# ---- what a gate may not do ------------------------------------------------------

def violated(send, connected=True):
    """send(gate) breaks a rule: the courier ends at once."""
    with fake.Gate() as gate, fake.Console(CA) as console:
        if connected:
            with fake.connected(gate, console, CA) as out:
                fake.prove(gate, out)
                send(gate)
                checks.equal(gate.wait(), 3, 'exit status')
        else:
            gate.expect('ready')
            send(gate)
            checks.equal(gate.wait(), 3, 'exit status')


def test_gate_unknown_type():
    violated(lambda g: g.send(wire.message(99)))


def test_gate_speaks_like_a_courier():
    violated(lambda g: g.send(wire.message('have', b'\0' * 8)))


def test_gate_hello_out_of_turn():
    violated(lambda g: g.send(wire.hello(b'p', b's' * 64)))


def test_gate_config_twice():
    violated(lambda g: g.send(wire.config('h', 1, b'x')))


def test_gate_oversize():
    violated(lambda g: g.send(wire.HEADER.pack(2 ** 31, 3, 0)))


def test_gate_nonzero_header():
    violated(lambda g: g.send(wire.HEADER.pack(1, 6, 1)))


def test_gate_half_a_record():
    violated(lambda g: g.send(wire.message(
        'records', struct.pack('<QI', 1, 100) + b'short')))


def test_gate_before_config():
    violated(lambda g: g.send(wire.close('x')), connected=False)


def test_gate_bad_ca():
    violated(lambda g: g.send(wire.config('h', 1, b'no PEM')),
             connected=False)


def test_gate_bad_proxy():
    for proxy in ('nocolon', ':80', 'host:', 'host:0', 'host:65536',
                  'host:80x'):
        violated(lambda g, p=proxy: g.send(wire.config(
            'h', 1, CA.pem, proxy=p)), connected=False)


def test_gate_goes():
    with pair() as (gate, _, out):
        fake.prove(gate, out)
        gate.sock.shutdown(socket.SHUT_WR)
        checks.equal(gate.wait(), 0, 'exit status')
        out.closed()


def test_gate_closes_the_link():
    with pair() as (gate, console, out):
        fake.prove(gate, out)
        gate.send(wire.close('rollback'))
        gate.expect('link', state=wire.DOWN, detail='rollback')
        checks.equal(out.closed(), 1000)
        with console.accept() as again:
            gate.until('link', state=wire.UP)
            fake.prove(gate, again)


def test_stale_messages_are_dropped():
    """What the gate sent before it knew that the link had gone."""
    with pair() as (gate, console, out):
        fake.prove(gate, out)
        out.sock.close()
        with console.accept() as again:
            # The gate has not read a word of all this yet.
            gate.send(wire.records([(1, b'old')]) + wire.checkpoint('old') +
                      wire.blob(b'h' * 32, 1, 0, b'x'))
            nonce = os.urandom(32)
            again.text(link.challenge(nonce))
            gate.until('challenge', nonce=nonce)
            # An answer to a challenge of a link before.
            gate.send(wire.hello(b'{"console_nonce":"other"}', b's' * 64))
            payload = b'{"console_nonce":"%s"}' % link.b64url(nonce).encode()
            gate.send(wire.hello(payload, b's' * 64))
            m = again.read_json()
            checks.equal(dsse.payload_of(m['envelope']), payload)
            again.text(link.welcome())
            gate.expect('welcome')
            gate.send(wire.checkpoint('new'))
            checks.equal(again.read_json()['request'], 'new')


# ---- getting there ----------------------------------------------------------------

def start(gate, console, **more):
    config = {'host': '127.0.0.1', 'port': console.port, 'ca_pem': CA.pem,
              'first_delay_ms': 60000}
    config.update(more)
    gate.start(**config)


def fails_tls(console, why, **more):
    with fake.Gate() as gate, console:
        start(gate, console, **more)
        try:
            console.accept_tls().close()
            raise AssertionError('the handshake succeeded')
        except (ssl.SSLError, OSError):
            pass
        refused(gate, why)


def test_other_authority():
    fails_tls(fake.Console(certs.Authority()), 'certificate')


def test_other_host_name():
    fails_tls(fake.Console(CA, names=['elsewhere.example']), 'name')


def test_certificate_expired():
    fails_tls(fake.Console(CA, begins=-10, ends=-1), 'expired')


def test_certificate_not_yet():
    fails_tls(fake.Console(CA, begins=1), 'not')


def test_name_resolved():
    """By name, with the certificate checked against it."""
    with fake.Gate() as gate, \
            fake.Console(CA, names=['localhost']) as console, \
            fake.connected(gate, console, CA, host='localhost') as out:
        fake.prove(gate, out)


def test_ipv6():
    try:
        console = fake.Console(CA, names=['::1'], address='::1')
    except OSError:
        checks.skip('no IPv6 on loopback')
    with fake.Gate() as gate, console:
        start(gate, console, host='::1')
        with console.accept() as out:
            gate.until('link', state=wire.UP)
            fake.prove(gate, out)


def test_unknown_name():
    with fake.Gate() as gate, fake.Console(CA) as console:
        start(gate, console, host='no-such-name.invalid')
        gate.expect('link', state=wire.CONNECTING)
        gate.expect('link', limit=60, state=wire.DOWN)


def test_nobody_listens():
    with fake.Gate() as gate, fake.Console(CA) as console:
        console.listener.close()
        start(gate, console)
        refused(gate, 'refused')


def test_plain_http():
    """A server that knows no TLS."""
    with fake.Gate() as gate, fake.Console(CA) as console:
        start(gate, console)
        with console.accept_tcp() as sock:
            sock.recv(10)
            sock.sendall(b'HTTP/1.1 400 Bad Request\r\n\r\n')
            gate.expect('link', state=wire.CONNECTING)
            gate.expect('link', state=wire.DOWN)


def answers_http(reply, why, retry=None):
    with fake.Gate() as gate, fake.Console(CA) as console:
        start(gate, console, first_delay_ms=1)
        with console.accept_tls() as sock:
            ws.read_request(ws.Reader(sock))
            sock.sendall(reply)
            refused(gate, why)
        if retry is None:
            with console.accept():
                gate.until('link', state=wire.UP)
        else:
            checks.true(' retry_ms=%d' % retry in gate.log(),
                        'Retry-After is not obeyed')


def test_no_upgrade():
    answers_http(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'refuses')


def test_wrong_accept():
    answers_http(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
                 b'Connection: Upgrade\r\nSec-WebSocket-Protocol: '
                 b'countersign.agent.v1\r\nSec-WebSocket-Accept: '
                 b's3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n', 'not a WebSocket')


def test_wrong_subprotocol():
    with fake.Gate() as gate, fake.Console(CA) as console:
        start(gate, console)
        with console.accept_tls() as sock:
            reader = ws.Reader(sock)
            _, h = ws.read_request(reader)
            sock.sendall(
                b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
                b'Connection: Upgrade\r\nSec-WebSocket-Protocol: chat\r\n'
                b'Sec-WebSocket-Accept: ' +
                ws.accept_of(h['sec-websocket-key']) + b'\r\n\r\n')
            refused(gate, 'not a WebSocket')


def test_endless_head():
    answers_http(b'HTTP/1.1 101 ' + b'x' * 20000, 'not a WebSocket')


def test_redirect_is_not_followed():
    answers_http(b'HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\n'
                 b'\r\n', 'refuses')


def test_retry_after_header():
    answers_http(b'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 120\r\n'
                 b'\r\n', 'busy', 120000)


def test_retry_after_is_capped():
    answers_http(b'HTTP/1.1 503 Service Unavailable\r\n'
                 b'Retry-After: 999999\r\n\r\n', 'busy', 3600000)


def test_retry_after_message():
    with pair() as (gate, _, out):
        out.text(link.retry_after(90))
        gate.expect('link', state=wire.DOWN)
        checks.equal(out.closed(), 1000)
        ms = int(gate.log().split('retry_ms=')[1].split()[0])
        checks.true(89000 < ms <= 90000, 'waits %d ms' % ms)


def test_reconnects():
    """Again and again; each time the handshake is done anew, and nothing is
    left behind: a connection holds some 60 KiB."""
    with fake.Gate() as gate, fake.Console(CA) as console:
        gate.start(host='127.0.0.1', port=console.port, ca_pem=CA.pem)
        sizes = []
        for _ in range(11):
            with console.accept() as out:
                gate.until('link', state=wire.UP)
                fake.prove(gate, out)
                sizes.append(gate.memory('VmRSS'))
            gate.expect('link', state=wire.DOWN)
        if not fake.is_sanitized():
            checks.true(sizes[-1] - sizes[2] < 100, 'it grows: %r' % sizes)


def test_half_of_a_handshake():
    """A connection that ends in the middle of the TLS handshake."""
    with fake.Gate() as gate, fake.Console(CA) as console:
        gate.start(host='127.0.0.1', port=console.port, ca_pem=CA.pem)
        with console.accept_tcp() as sock:
            sock.recv(10)
        refused(gate, 'TLS handshake')
        with console.accept():
            gate.until('link', state=wire.UP)


def test_silent_server():
    """It accepts and never says a word: given up after a while."""
    with fake.Gate() as gate, fake.Console(CA) as console:
        start(gate, console)
        with console.accept_tcp():
            gate.expect('link', state=wire.CONNECTING)
            down = gate.expect('link', limit=40, state=wire.DOWN)
            checks.equal(down['detail'], 'the TLS handshake takes too long')


def test_no_challenge():
    with pair(first_delay_ms=60000) as (gate, _, out):
        down = gate.expect('link', limit=40, state=wire.DOWN)
        checks.equal(down['detail'], 'the console sends no challenge')
        checks.equal(out.closed(), 1008)


# ---- through a proxy -----------------------------------------------------------------

def test_proxy():
    with fake.Gate() as gate, fake.Console(CA) as console, \
            fake.Proxy(to=('127.0.0.1', console.port)) as proxy:
        # The name is the proxy's to resolve; the certificate has it.
        with fake.connected(gate, console, CA, host='localhost',
                            proxy='127.0.0.1:%d' % proxy.port,
                            proxy_auth='user:pass:word') as out:
            fake.prove(gate, out)
        lines = proxy.requests[0].decode().split('\r\n')
        checks.equal(lines[0], 'CONNECT localhost:%d HTTP/1.1' % console.port)
        auth = [x.split(': ', 1)[1] for x in lines
                if x.lower().startswith('proxy-authorization:')]
        checks.equal(auth, ['Basic ' + base64.b64encode(
            b'user:pass:word').decode()])


def proxy_answers(answer, why):
    with fake.Gate() as gate, fake.Console(CA) as console, \
            fake.Proxy(answer=answer) as proxy:
        start(gate, console, proxy='127.0.0.1:%d' % proxy.port)
        refused(gate, why)
        checks.true(b'authorization' not in proxy.requests[0].lower(),
                    'a login that was not configured')


def test_proxy_refuses():
    proxy_answers(b'HTTP/1.1 403 Forbidden\r\n\r\n', 'refuses')


def test_proxy_wants_a_login():
    proxy_answers(b'HTTP/1.1 407 Proxy Authentication Required\r\n'
                  b'Proxy-Authenticate: Basic realm="x"\r\n\r\n', 'login')


def test_proxy_talks_nonsense():
    proxy_answers(b'SSH-2.0-x\r\n\r\n', 'not HTTP')


def test_proxy_answers_in_place_of_the_console():
    """A proxy that ends TLS itself has no certificate of the pinned CA."""
    other = fake.Console(certs.Authority())
    with fake.Gate() as gate, other, \
            fake.Proxy(to=('127.0.0.1', other.port)) as proxy:
        start(gate, other, proxy='127.0.0.1:%d' % proxy.port)
        try:
            other.accept_tls().close()
            raise AssertionError('the handshake succeeded')
        except (ssl.SSLError, OSError):
            pass
        refused(gate, 'certificate')


# ---- bounded memory ---------------------------------------------------------------------

def push(sock, chunk, enough):
    """Sends chunk over and over until `enough` bytes went or the other side
    has taken nothing for a second. Returns what was sent, always whole."""
    sent = 0
    sock.settimeout(1)
    while sent < enough:
        at = 0
        while at < len(chunk):
            try:
                at += sock.send(chunk[at:])
            except TimeoutError:
                return sent, chunk[at:] if at else b''
        sent += len(chunk)
    return sent, b''


def test_console_stalls():
    """The console stops reading while the gate has 64 MiB of output: the
    courier stops reading too, and nothing is lost."""
    with pair() as (gate, _, out):
        fake.prove(gate, out)
        gate.send(wire.checkpoint('warm'))
        out.read_json()
        base = gate.memory('VmRSS')
        data = os.urandom(65536)
        chunk = wire.output(b'c' * 32, 0, data)
        sent, rest = push(gate.sock, chunk, 64 * KIB * KIB)
        checks.true(sent < 8 * KIB * KIB, 'it took in %d bytes' % sent)
        if not fake.is_sanitized():
            grown = gate.memory('VmHWM') - base
            checks.true(grown < BOUND, 'it grew by %d KiB' % grown)
        want = sent // len(chunk)
        for i in range(want):
            kind, got = out.read()
            checks.equal((kind, got[41:] == data), (ws.BINARY, True),
                         'message %d' % i)
        # And it goes on.
        gate.sock.settimeout(fake.LIMIT)
        if rest:
            gate.send(rest)
            out.read()
        gate.send(wire.checkpoint('on'))
        checks.equal(out.read_json()['request'], 'on')
        settled(gate, base, out)


def settled(gate, base, out):
    """What was held is given back, but for what the next burst needs."""
    if fake.is_sanitized():
        return
    out.text(link.have(1))
    gate.expect('have')
    left = gate.memory('VmRSS') - base
    checks.true(left < 1024, 'it keeps %d KiB' % left)


def test_gate_stalls():
    """The gate stops reading while the console has 64 MiB of cards."""
    with pair() as (gate, _, out):
        fake.prove(gate, out)
        base = gate.memory('VmRSS')
        payload = os.urandom(30000)
        text = link.envelope('card', dsse.envelope(
            dsse.type_of('card'), payload, [('k', b's' * 64)]))
        chunk = ws.frame(ws.TEXT, text)
        sent, _ = push(out.sock, chunk, 64 * KIB * KIB)
        checks.true(sent < 12 * KIB * KIB, 'it took in %d bytes' % sent)
        if not fake.is_sanitized():
            grown = gate.memory('VmHWM') - base
            checks.true(grown < BOUND, 'it grew by %d KiB' % grown)
        for i in range(sent // len(chunk)):
            checks.equal(gate.expect('card')['payload'] == payload, True,
                         'card %d' % i)


def test_ping_flood():
    """Pings without end by a console that reads no pong."""
    with pair() as (gate, _, out):
        fake.prove(gate, out)
        base = gate.memory('VmRSS')
        sent, _ = push(out.sock, ws.frame(ws.PING, b'p' * 125) * 500,
                       256 * KIB * KIB)
        checks.true(sent < 64 * KIB * KIB, 'it took in %d bytes' % sent)
        if not fake.is_sanitized():
            grown = gate.memory('VmHWM') - base
            checks.true(grown < BOUND, 'it grew by %d KiB' % grown)


def test_flood_both_ways():
    """Both sides send and read as fast as they can, for 16 MiB up."""
    with pair() as (gate, _, out):
        fake.prove(gate, out)
        base = gate.memory('VmRSS')
        data = os.urandom(65536)
        chunk = wire.output(b'c' * 32, 0, data)
        card = ws.frame(ws.TEXT, link.envelope('card', dsse.envelope(
            't', b'y' * 30000, [('', b's' * 64)])))
        times = 256
        down = []

        def gate_reads():
            while len(down) < times:
                down.append(gate.expect('card', 60)['payload'])

        # sendall() and recv() of one plain socket may run side by side.
        gate.sock.settimeout(60)
        threads = [threading.Thread(target=f, daemon=True) for f in (
            gate_reads, lambda: [gate.sock.sendall(chunk)
                                 for _ in range(times)])]
        for t in threads:
            t.start()
        got = shovel(out.sock, card * times, times * (len(data) + 1))
        for t in threads:
            t.join(60)
        checks.equal(down, [b'y' * 30000] * times, 'what came down')
        out.ws.reader.data = got
        for i in range(times):
            m = out.read()[1]
            checks.true(m[41:] == data, 'message %d' % i)
        if not fake.is_sanitized():
            grown = gate.memory('VmHWM') - base
            checks.true(grown < BOUND, 'it grew by %d KiB' % grown)


def shovel(sock, data, want):
    """Sends data and reads at least so many bytes, at the same time and in one
    thread: a TLS connection is not to be used by two. Returns what came."""
    sock.setblocking(False)
    got, at, n = [], 0, 0
    while at < len(data) or n < want:
        moved = False
        try:
            if at < len(data):
                at += sock.send(data[at:at + 65536])
                moved = True
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass
        try:
            part = sock.recv(65536)
            got.append(part)
            n += len(part)
            moved = True
            checks.true(part, 'the courier closed')
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass
        if not moved:
            ready = select.select([sock], [sock] if at < len(data) else [],
                                  [], fake.LIMIT)
            checks.true(ready[0] or ready[1], 'nothing moves')
    sock.settimeout(fake.LIMIT)
    return b''.join(got)


# ---- time -----------------------------------------------------------------------------------

def test_ping_and_dead_link():
    """A ping within 36 s; a console that does not answer is left."""
    with pair() as (gate, console, out):
        fake.prove(gate, out)
        out.sock.settimeout(40)
        begin = time.monotonic()
        checks.equal(out.ws.read(), (ws.PING, b''))
        took = time.monotonic() - begin
        checks.true(20 < took < 37, 'a ping after %.1f s' % took)
        down = gate.expect('link', limit=40, state=wire.DOWN)
        checks.equal(down['detail'], 'the console does not answer a ping')
        with console.accept() as again:
            gate.until('link', state=wire.UP)
            fake.prove(gate, again)


def test_idle():
    """Between two pings it sleeps, and it is small."""
    with pair() as (gate, _, out):
        fake.prove(gate, out)
        out.sock.settimeout(40)
        checks.equal(out.ws.read()[0], ws.PING)
        out.ws.send(ws.PONG)
        # The pong is taken in before this answer.
        out.text(link.have(1))
        gate.expect('have')
        before = gate.switches()
        begin = time.monotonic()
        checks.equal(out.ws.read()[0], ws.PING)
        took = time.monotonic() - begin
        checks.true(23 < took < 37, 'the next ping after %.1f s' % took)
        woke = gate.switches() - before
        checks.true(woke <= 3, 'it woke up %d times in %.0f s' % (woke, took))
        if not fake.is_sanitized():
            pss = gate.proportional()
            checks.true(pss < 1200, 'PSS %d KiB' % pss)
            print('courier idle: PSS %d KiB, %d wake-ups in %.0f s' % (
                pss, woke, took), file=sys.stderr)


# ---- starting ----------------------------------------------------------------------------------

def run(argv, **more):
    return subprocess.run([fake.program('countersign-courier')] + argv,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=fake.LIMIT, env={}, **more)


def test_help_and_version():
    checks.equal(run(['--help']).returncode, 0)
    checks.true(run(['--version']).stdout.startswith(b'countersign-courier '),
                'no version')
    checks.equal(run(['--nonsense']).returncode, 2)
    checks.equal(run(['--user']).returncode, 2)


def test_refuses_to_stay_root():
    if os.geteuid() != 0:
        checks.skip('needs root')
    for args, why in (([], 'refuses to run as root'),
                      (['--user', 'root'], ''),
                      (['--user', 'no-such-user'], 'cannot become')):
        with fake.Gate(args) as gate:
            checks.equal(gate.wait(), 1, 'exit status with %r' % args)
            checks.true(why in gate.log(), gate.log())


def test_drops_and_is_confined():
    if os.geteuid() != 0:
        checks.skip('needs root')
    with fake.Gate() as gate:
        gate.expect('ready')
        with open('/proc/%d/status' % gate.pid, encoding='ascii') as f:
            status = dict(x.split(':', 1) for x in f if ':' in x)
        nobody = pwd.getpwnam('nobody').pw_uid
        checks.equal(status['Uid'].split(), [str(nobody)] * 4, 'Uid')
        checks.equal(int(status['CapEff'], 16), 0, 'capabilities')
        checks.equal(status['NoNewPrivs'].strip(), '1', 'NoNewPrivs')
        checks.equal(status['Seccomp'].strip(), '2', 'Seccomp')


def test_no_gate():
    """Started by hand, without descriptor 3."""
    user = ['--user', 'nobody'] if os.geteuid() == 0 else []
    checks.equal(run(user).returncode, 1)


checks.main(globals(), jobs=12)
