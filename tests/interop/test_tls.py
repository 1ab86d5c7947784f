#!/usr/bin/python3
"""test_tls.py - our TLS against OpenSSL, both ways.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

OpenSSL is Python's, and Node's for the channel binding (those cases are skipped
without node). Certificates of other kinds than ours are made here with
python3-cryptography.
"""
import datetime
import ipaddress
import itertools
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = os.environ.get('O', os.path.join(ROOT, 'build'))
PROGRAM = os.path.join(OUT, 'tests', 'interop_tls')
EXPORTER = os.path.join(HERE, 'tls_exporter.cjs')
NAME = 'console.example'
SECONDS = 60

# SSL_OP_NO_EXTENDED_MASTER_SECRET of OpenSSL 3; Python has no name for it.
NO_EMS = 1
V11, V12, V13 = (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2,
                 ssl.TLSVersion.TLSv1_3)

# Talking in versions that are out of use is the point of some cases.
warnings.simplefilter('ignore')

failed = False


def case(name, body, *args):
    global failed
    try:
        body(*args)
    except Exception as e:  # whatever it was, it is this case's result
        failed = True
        print('not ok test_tls.%s: %s: %s' % (name, type(e).__name__, e))
    else:
        print('ok test_tls.%s' % name)


def want(got, words):
    if words not in got:
        raise AssertionError('%r, not %r' % (got, words))


# ---- our program ----

class Ours:
    """interop_tls, and the lines that it prints."""

    def __init__(self, *args):
        self.p = subprocess.Popen((PROGRAM,) + args, text=True,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
        self.timer = threading.Timer(SECONDS, self.p.kill)
        self.timer.start()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.p.kill()
        self.p.wait()
        self.timer.cancel()
        self.p.stdout.close()

    def line(self):
        return self.p.stdout.readline().rstrip('\n')

    def rest(self):
        """All that is still to come; it must end well."""
        lines = self.p.stdout.read()
        if self.p.wait() != 0:
            raise AssertionError('status %d: %s' % (self.p.returncode, lines))
        return lines


# ---- the other side, as client ----

def client_context(folder, version, options=0):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.load_verify_locations(os.path.join(folder, 'ca.pem'))
    c.minimum_version = c.maximum_version = version
    c.options |= options
    if version == V11:
        c.set_ciphers('ALL:@SECLEVEL=0')
    return c


def exchange(s, size):
    """Sends size bytes, a record's worth at a time, and wants them back."""
    while size > 0:
        data = os.urandom(min(size, 16384))
        size -= len(data)
        s.sendall(data)
        got = b''
        while len(got) < len(data):
            part = s.recv(65536)
            if not part:
                raise AssertionError('ended after %d bytes' % len(got))
            got += part
        if got != data:
            raise AssertionError('other bytes came back')


def our_server(folder, context, name, size, opened, ended):
    with Ours('server', os.path.join(folder, 'cert.pem'),
              os.path.join(folder, 'key.pem')) as ours:
        port = int(ours.line().split()[1])
        raw = socket.create_connection(('127.0.0.1', port), timeout=SECONDS)
        with raw:
            if opened:
                with context.wrap_socket(raw, server_hostname=name) as s:
                    want(ours.line(), 'open ' + opened)
                    exchange(s, size)
                    s.unwrap()
            else:
                try:
                    with context.wrap_socket(raw, server_hostname=name) as s:
                        got = s.recv(1)
                    raise AssertionError('was let in, and read %r' % got)
                except ssl.SSLError:
                    pass
        want(ours.rest(), ended)


# ---- the other side, as server ----

def server_context(cert, key, version, options=0):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.minimum_version = c.maximum_version = version
    c.options |= options
    # So that OpenSSL takes the weak ones too.
    c.set_ciphers('ALL:@SECLEVEL=0')
    c.load_cert_chain(cert, key)
    return c


class Echo(threading.Thread):
    """Serves one connection: sends bytes, wants them back, and closes."""

    def __init__(self, context, size, polite):
        super().__init__()
        self.context, self.size, self.polite = context, size, polite
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.listener.settimeout(SECONDS)
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        try:
            raw, _ = self.listener.accept()
            raw.settimeout(SECONDS)
            with raw:
                if self.context is None:
                    raw.sendall(b'SSH-2.0-OpenSSH_9.2\r\n')
                    raw.recv(65536)
                    return
                with self.context.wrap_socket(raw, server_side=True) as s:
                    exchange(s, self.size)
                    if self.polite:
                        s.unwrap()
        except (OSError, AssertionError):
            pass        # the client's own words are what counts
        finally:
            self.listener.close()


def our_client(ca, context, name, wanted, polite=True):
    echo = Echo(context, 300000, polite)
    with Ours('client', ca, str(echo.port), name) as ours:
        got = ours.rest()
    echo.join()
    for words in wanted:
        want(got, words)


# ---- certificates of other kinds ----

class Maker:
    """An authority in a folder; each certificate gets a file of its own."""
    count = itertools.count()

    def __init__(self, folder, key, digest=None, issuer=None):
        self.folder, self.key, self.issuer = folder, key, issuer
        self.digest = digest or hashes.SHA256()
        self.name = x509.Name([x509.NameAttribute(
            NameOID.COMMON_NAME, 'CA %d' % next(self.count))])
        signer = issuer or self
        self.cert = self.build(self.name, key.public_key(), signer, [
            (x509.BasicConstraints(ca=True, path_length=None), True)])
        self.path = self.write([self.cert])

    def build(self, subject, public, signer, extensions, days=(-1, 30)):
        now = datetime.datetime.utcnow()
        b = x509.CertificateBuilder().subject_name(subject).issuer_name(
            signer.name).public_key(public).serial_number(
                x509.random_serial_number()).not_valid_before(
                    now + datetime.timedelta(days=days[0])).not_valid_after(
                        now + datetime.timedelta(days=days[1]))
        for extension, critical in extensions:
            b = b.add_extension(extension, critical)
        return b.sign(signer.key, self.digest)

    def write(self, certs):
        path = os.path.join(self.folder, '%d.pem' % next(self.count))
        with open(path, 'wb') as f:
            for c in certs:
                f.write(c.public_bytes(serialization.Encoding.PEM))
        return path

    def server(self, key, names=(NAME,), usage=None, days=(-1, 30)):
        """The paths of a certificate (with its chain) and its key."""
        alt = [x509.DNSName(n) for n in names] + [
            x509.IPAddress(ipaddress.ip_address('192.0.2.1'))]
        extensions = [(x509.SubjectAlternativeName(alt), False)]
        if usage is not None:
            extensions.append((x509.ExtendedKeyUsage([usage]), False))
        cert = self.build(x509.Name([]), key.public_key(), self, extensions,
                          days)
        chain = [cert] + ([self.cert] if self.issuer else [])
        path = self.write(chain)
        key_path = path + '.key'
        with open(key_path, 'wb') as f:
            f.write(key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption()))
        return path, key_path


def p256():
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key(bits):
    return rsa.generate_private_key(65537, bits)


def foreign_certificates(folder):
    """name, authority's file, (certificate, key), what our client says"""
    ca = Maker(folder, p256())
    other = Maker(folder, p256())
    big = Maker(folder, rsa_key(2048))
    curve = Maker(folder, ec.generate_private_key(ec.SECP384R1()),
                  hashes.SHA384())
    old = Maker(folder, rsa_key(2048), hashes.SHA1())
    middle = Maker(folder, p256(), issuer=ca)
    opened = 'open TLSv1'
    return (
        ('rsa', big.path, big.server(rsa_key(2048)), opened),
        ('rsa_3072', big.path, big.server(rsa_key(3072)), opened),
        ('rsa_signs_ecdsa', big.path, big.server(p256()), opened),
        ('p384', curve.path, curve.server(
            ec.generate_private_key(ec.SECP384R1())), opened),
        ('intermediate', ca.path, middle.server(p256()), opened),
        ('for_servers', ca.path, ca.server(
            p256(), usage=ExtendedKeyUsageOID.SERVER_AUTH), opened),
        ('rsa_1024', big.path, big.server(rsa_key(1024)), 'too weak'),
        ('sha1', old.path, old.server(rsa_key(2048)), 'too weak'),
        ('for_clients', ca.path, ca.server(
            p256(), usage=ExtendedKeyUsageOID.CLIENT_AUTH), 'key usage'),
        ('expired', ca.path, ca.server(p256(), days=(-30, -1)),
         'has expired'),
        ('not_yet', ca.path, ca.server(p256(), days=(1, 30)),
         'not valid yet'),
        ('other_name', ca.path, ca.server(p256(), names=('a.example',)),
         'another name'),
        ('other_authority', other.path, ca.server(p256()), 'pinned'),
        ('other_authority_expired', other.path,
         ca.server(p256(), days=(-30, -1)), 'pinned'),
    )


# ---- the channel binding ----

def node(*args):
    return subprocess.Popen(('node', EXPORTER) + args, text=True,
                            stdout=subprocess.PIPE)


def binding_of_our_server(folder, version):
    with Ours('server', os.path.join(folder, 'cert.pem'),
              os.path.join(folder, 'key.pem')) as ours:
        port = ours.line().split()[1]
        with node('client', version, os.path.join(folder, 'ca.pem'),
                  port) as theirs:
            got = theirs.stdout.read().strip()
        want(ours.line(), 'open ' + got)
        want(ours.rest(), 'closed')
    want(got, version + ' ')


def binding_of_our_client(folder, version):
    with node('server', version, os.path.join(folder, 'cert.pem'),
              os.path.join(folder, 'key.pem')) as theirs:
        port = theirs.stdout.readline().split()[1]
        with Ours('client', os.path.join(folder, 'ca.pem'), port,
                  NAME) as ours:
            line = ours.line()
            want(ours.rest(), 'closed')
        got = theirs.stdout.read().strip()
    want(line, 'open ' + got)
    want(got, version + ' ')


# ---- the cases ----

def as_server(folder):
    for version, word in ((V13, 'TLSv1.3'), (V12, 'TLSv1.2')):
        c = client_context(folder, version)
        case('server_' + word, our_server, folder, c, NAME, 1 << 20, word,
             'closed')
        case('server_address_' + word, our_server, folder, c, '127.0.0.1',
             1, word, 'closed')
    for suite in ('ECDHE-ECDSA-AES128-GCM-SHA256',
                  'ECDHE-ECDSA-AES256-GCM-SHA384',
                  'ECDHE-ECDSA-CHACHA20-POLY1305'):
        c = client_context(folder, V12)
        c.set_ciphers(suite)
        case('server_' + suite, our_server, folder, c, NAME, 50000,
             'TLSv1.2', 'closed')
    c = client_context(folder, V12)
    c.set_ciphers('ECDHE-ECDSA-AES128-SHA')
    case('server_wants_aead', our_server, folder, c, NAME, 1, None,
         'no TLS version, cipher or curve in common')
    case('server_wants_ems', our_server, folder,
         client_context(folder, V12, NO_EMS), NAME, 1, None,
         'extended master secret')
    case('server_wants_1_2', our_server, folder,
         client_context(folder, V11), NAME, 1, None, 'neither TLS 1.3')


def as_client(folder):
    ca, cert, key = (os.path.join(folder, n + '.pem')
                     for n in ('ca', 'cert', 'key'))
    for version, word in ((V13, 'TLSv1.3'), (V12, 'TLSv1.2')):
        for name in (NAME, '127.0.0.1'):
            c = server_context(cert, key, version)
            case('client_%s_%s' % (word, name), our_client, ca, c, name,
                 ('open ' + word, 'closed'))
    for curve in ('prime256v1', 'secp384r1'):
        c = server_context(cert, key, V13)
        c.set_ecdh_curve(curve)
        case('client_' + curve, our_client, ca, c, NAME,
             ('open TLSv1.3', 'closed'))
    case('client_cut_off', our_client, ca, server_context(cert, key, V13),
         NAME, ('open TLSv1.3', 'cut off'), False)
    case('client_wants_ems', our_client, ca,
         server_context(cert, key, V12, NO_EMS), NAME,
         ('error tls_error', 'extended master secret'))
    case('client_wants_1_2', our_client, ca, server_context(cert, key, V11),
         NAME, ('error tls_error',))
    case('client_wants_tls', our_client, ca, None, NAME,
         ('error tls_error', 'no TLS'))


def main():
    if not os.path.exists(PROGRAM):
        print('not ok test_tls: %s has not been built' % PROGRAM)
        sys.exit(1)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([PROGRAM, 'certs', folder], check=True)
        as_server(folder)
        as_client(folder)
        for name, ca, (cert, key), words in foreign_certificates(folder):
            case('certificate_' + name, our_client, ca,
                 server_context(cert, key, V13), NAME, (words,))
        for version in ('TLSv1.3', 'TLSv1.2'):
            if shutil.which('node') is None:
                print('skip test_tls.binding_%s: node is not installed' %
                      version)
                continue
            case('binding_server_' + version, binding_of_our_server, folder,
                 version)
            case('binding_client_' + version, binding_of_our_client, folder,
                 version)
    sys.exit(1 if failed else 0)


main()
