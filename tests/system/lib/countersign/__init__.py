"""__init__.py - a second implementation of the formats, for the tests.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

Written from the descriptions and not from the C code: where the two disagree,
one of them is wrong. Standard library, and nacl and cryptography for keys.

    wire      messages between gate and courier
    ws        WebSocket framing and upgrade, as a server
    link      messages between device and console
    dsse      envelopes, Ed25519 keys, key files
    certs     an authority and certificates for loopback
    fake      a fake gate, a fake console, a fake proxy
    checks    ok and not ok lines
"""
