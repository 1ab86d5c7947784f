"""control.py - a client of the gate's control socket.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.
"""
import base64
import errno
import json
import os
import socket
import struct
import time

from . import fake, wire

LIMIT = fake.LIMIT
STATUS, PENDING, SHOW, LOG, TRANSCRIPT = 1, 2, 3, 4, 5
VETO, LOCKDOWN, SUBMIT, CLOCK_RESET, PENDING_FILE = 6, 7, 8, 9, 10
OK, ERROR, DATA, END = 64, 65, 66, 67
SUBMITS = {'card': 0, 'approval': 1, 'cancel': 2, 'trust': 3}


class Client:
    """One connection."""

    def __init__(self, path, limit=LIMIT):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(limit)
        # The gate takes them one after the other.
        end = time.monotonic() + limit
        while (e := self.sock.connect_ex(path)) != 0:
            if e != errno.EAGAIN or time.monotonic() > end:
                raise OSError(e, os.strerror(e), path)
        self.data = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def put(self, type_, body=b''):
        self.sock.sendall(struct.pack('<IHH', len(body), type_, 0) + body)

    def get(self):
        """The next reply: (type, body); None at the end."""
        while len(self.data) < 8 or len(self.data) < 8 + int.from_bytes(
                self.data[:4], 'little'):
            try:
                part = self.sock.recv(1 << 18)
            except ConnectionResetError:
                part = b''
            if part == b'':
                return None
            self.data += part
        n, type_ = struct.unpack('<IH', self.data[:6])
        body, self.data = self.data[8:8 + n], self.data[8 + n:]
        return type_, body

    def rest(self):
        """All replies up to END, which is left out, or to the end."""
        out = []
        while (r := self.get()) is not None and r[0] != END:
            out.append(r)
        return out

    def ended(self):
        """Whether the gate hangs up, whatever it says before."""
        try:
            while self.get() is not None:
                pass
        except TimeoutError:
            return False
        return True


def ask(path, type_, body=b''):
    """One request; its replies."""
    with Client(path) as c:
        c.put(type_, body)
        return c.rest()


def word(replies):
    """None for OK, else the error's word."""
    type_, body = replies[0]
    if type_ == OK:
        return None
    b = wire.Body(body)
    b.u8()
    return b.field().decode()


def status(path):
    (type_, body), = ask(path, STATUS)
    assert type_ == OK, body
    return json.loads(body)


def submit(path, kind, env):
    return word(ask(path, SUBMIT, submit_body(kind, env)))


def submit_body(kind, env):
    return bytes([SUBMITS[kind]]) + wire.envelope_body(
        env['payloadType'], base64.b64decode(env['payload']),
        [(s['keyid'], base64.b64decode(s['sig']))
         for s in env['signatures']])


def veto(path, card, reason):
    return word(ask(path, VETO, wire.field(card) + wire.field(reason)))


def lockdown(path, on, reason):
    return word(ask(path, LOCKDOWN, bytes([on]) + wire.field(reason)))


def log(path):
    """The journal's payloads."""
    out = []
    for type_, body in ask(path, LOG, bytes(9)):
        assert type_ == DATA, body
        out.append(body[8:])
    return out
