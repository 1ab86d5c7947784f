#!/usr/bin/python3
"""test_proofs.py - proofs and key files against other implementations.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

The installed ssh-keygen signs what the code under test verifies, and verifies
what it writes; security keys and passkeys are played by python3-cryptography,
key files by python3-nacl.
"""
import base64
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = os.environ.get("O", os.path.join(ROOT, "build"))
PROGRAM = os.path.join(OUT, "tests", "interop_proof")
NAMESPACE = "countersign-approval-v1"
TYPE = "application/vnd.countersign.approval.v1+json"
PAYLOAD = b'{"v":1,"decision":"approve","reason":"\xc3\xa9"}'
ROUNDS = 8

failed = False
folder = None


def report(name, got, want):
    global failed
    if got == want:
        print("ok test_proofs.%s" % name)
    else:
        failed = True
        print("not ok test_proofs.%s: %s, want %s" % (name, got, want))


def ours(*args):
    p = subprocess.run([PROGRAM] + list(args), stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    return p.stdout.decode().strip()


def path(name, data=None):
    p = os.path.join(folder, name)
    if data is not None:
        with open(p, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
    return p


def pae(body):
    return b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE.encode(), len(body), body)


def s(b):
    return struct.pack(">I", len(b)) + b


def mpint(v):
    b = v.to_bytes((v.bit_length() + 7) // 8, "big")
    return s(b"\0" + b if b[0] & 0x80 else b)


def preimage():
    return (b"SSHSIG" + s(NAMESPACE.encode()) + s(b"") + s(b"sha512") +
            s(hashlib.sha512(pae(PAYLOAD)).digest()))


def ssh_sign(key, message, namespace=NAMESPACE, *options):
    args = ["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", namespace]
    return subprocess.run(args + list(options), input=message, check=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def ssh_verify(key_blob, armoured, message):
    n = struct.unpack(">I", key_blob[:4])[0]
    signers = path("signers", "a %s %s\n" % (
        key_blob[4:4 + n].decode(), base64.b64encode(key_blob).decode()))
    p = subprocess.run(["ssh-keygen", "-q", "-Y", "verify", "-f", signers,
                        "-I", "a", "-n", NAMESPACE, "-s",
                        path("sig", armoured)], input=message,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return p.returncode == 0


def new_ssh_key(name, kind="ed25519"):
    key = path(name)
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f",
                    key], check=True, stdin=subprocess.DEVNULL)
    with open(key + ".pub") as f:
        blob = base64.b64decode(f.read().split()[1])
    return key, blob


def plain_ssh():
    key, blob = new_ssh_key("one")
    other, _ = new_ssh_key("two")
    rsa, _ = new_ssh_key("three", "rsa")
    public = blob[-32:].hex()
    payload = path("payload", PAYLOAD)

    def check(text, file=payload):
        return ours("ssh", "ssh", "ed25519", public, "", TYPE, file,
                    path("armour", text))

    report("preimage", ours("preimage", TYPE, payload), preimage().hex())
    good = ssh_sign(key, pae(PAYLOAD))
    report("ssh_keygen_signs", check(good), "ok")
    report("ssh_keygen_signs_crlf", check(good.replace(b"\n", b"\r\n")), "ok")
    report("ssh_other_payload", check(good, path("p2", PAYLOAD + b" ")),
           "refused sign")
    report("ssh_other_namespace", check(ssh_sign(key, pae(PAYLOAD), "file")),
           "refused namespace")
    report("ssh_other_hash", check(ssh_sign(
        key, pae(PAYLOAD), NAMESPACE, "-O", "hashalg=sha256")),
        "refused hash")
    report("ssh_payload_without_pae", check(ssh_sign(key, PAYLOAD)),
           "refused sign")
    report("ssh_other_key", check(ssh_sign(other, pae(PAYLOAD))),
           "refused key")
    report("ssh_rsa", check(ssh_sign(rsa, pae(PAYLOAD))), "refused proof")


def armour(b):
    text = base64.b64encode(b).decode()
    return "\n".join(["-----BEGIN SSH SIGNATURE-----"] +
                     [text[i:i + 70] for i in range(0, len(text), 70)] +
                     ["-----END SSH SIGNATURE-----", ""])


def new_key(kind):
    """A private key, its public one, and how it signs."""
    if kind == "ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
        return key.public_key().public_bytes(
            serialization.Encoding.Raw,
            serialization.PublicFormat.Raw), key.sign
    key = ec.generate_private_key(ec.SECP256R1())
    return key.public_key().public_bytes(
        serialization.Encoding.X962,
        serialization.PublicFormat.UncompressedPoint), \
        lambda msg: key.sign(msg, ec.ECDSA(hashes.SHA256()))


def security_key(kind, flags):
    """A signature as OpenSSH's middleware makes it; key blob, public, text."""
    application = b"ssh:test"
    fixed = bytes([flags]) + struct.pack(">I", 77)
    signed = (hashlib.sha256(application).digest() + fixed +
              hashlib.sha256(preimage()).digest())
    public, sign = new_key(kind)
    if kind == "ed25519":
        name = b"sk-ssh-ed25519@openssh.com"
        blob = s(name) + s(public) + s(application)
        sig = s(sign(signed))
    else:
        name = b"sk-ecdsa-sha2-nistp256@openssh.com"
        blob = s(name) + s(b"nistp256") + s(public) + s(application)
        r, t = utils.decode_dss_signature(sign(signed))
        sig = s(mpint(r) + mpint(t))
    whole = (b"SSHSIG" + struct.pack(">I", 1) + s(blob) +
             s(NAMESPACE.encode()) + s(b"") + s(b"sha512") +
             s(s(name) + sig + fixed))
    return blob, public.hex(), armour(whole)


def security_keys():
    payload = path("payload", PAYLOAD)
    for kind in ("ed25519", "es256"):
        good = 0
        for _ in range(ROUNDS):
            blob, public, text = security_key(kind, 5)
            sig = path("armour", text)
            good += (ssh_verify(blob, text, pae(PAYLOAD)) and ours(
                "ssh", "sk", kind, public, "ssh:test", TYPE, payload,
                sig) == "ok")
        report("sk_%s_as_ssh_keygen" % kind, good, ROUNDS)
        report("sk_%s_other_application" % kind, ours(
            "ssh", "sk", kind, public, "ssh:", TYPE, payload, sig),
            "refused key")
        # ssh-keygen does not look at this; sshd does.
        _, public, text = security_key(kind, 4)
        report("sk_%s_untouched" % kind, ours(
            "ssh", "sk", kind, public, "ssh:test", TYPE, payload,
            path("armour", text)), "refused user_not_present")


def passkey(kind, rp, origin, more=b""):
    challenge = base64.urlsafe_b64encode(preimage()).rstrip(b"=")
    client = (b'{"type":"webauthn.get","challenge":"' + challenge +
              b'","origin":"' + origin.encode() + b'","crossOrigin":false}')
    auth = (hashlib.sha256(rp.encode()).digest() +
            bytes([0x9d if more else 0x1d]) + struct.pack(">I", 3) + more)
    public, sign = new_key(kind)
    sig = sign(auth + hashlib.sha256(client).digest())
    return public, auth.hex(), client.hex(), sig.hex()


def passkeys():
    rp, origin = "approve.example", "https://approve.example"
    payload = path("payload", PAYLOAD)
    for kind in ("ed25519", "es256"):
        public, auth, client, sig = passkey(kind, rp, origin)
        report("passkey_%s" % kind, ours(
            "webauthn", kind, public.hex(), rp, origin, TYPE, payload, auth,
            client, sig), "ok")
        report("passkey_%s_other_payload" % kind, ours(
            "webauthn", kind, public.hex(), rp, origin, TYPE,
            path("p2", PAYLOAD + b" "), auth, client, sig),
            "refused challenge")
    # The export: the same assertion, for a stock ssh-keygen.
    for name, more in (("plain", b""), ("extensions", b"\xa1\x61\x78\xf5")):
        good = 0
        for _ in range(ROUNDS):
            public, auth, client, sig = passkey("es256", rp, origin, more)
            text = ours("rewrap", public.hex(), rp, origin, auth, client,
                        sig) + "\n"
            blob = (s(b"sk-ecdsa-sha2-nistp256@openssh.com") +
                    s(b"nistp256") + s(public) + s(rp.encode()))
            good += (ssh_verify(blob, text, pae(PAYLOAD)) and
                     not ssh_verify(blob, text, pae(PAYLOAD + b" ")))
        report("rewrapped_for_ssh_keygen_%s" % name, good, ROUNDS)


def key_files():
    try:
        import nacl.pwhash
        import nacl.secret
        import nacl.signing
    except ImportError:
        print("skip test_proofs.key_files: python3-nacl is not installed")
        return
    seed = bytes(range(32))
    public = bytes(nacl.signing.SigningKey(seed).verify_key)
    file = json.loads(ours("keyfile-write", "pass phrase", seed.hex()))
    key = nacl.pwhash.argon2id.kdf(
        32, b"pass phrase", base64.b64decode(file["kdf"]["salt"]),
        opslimit=file["kdf"]["ops"], memlimit=file["kdf"]["mem"])
    plain = nacl.secret.SecretBox(key).decrypt(
        base64.b64decode(file["box"]["ct"]),
        base64.b64decode(file["box"]["nonce"]))
    report("key_file_opens_elsewhere",
           (plain, base64.b64decode(file["public"]), file["use"]),
           (seed + b"approver", public, "approver"))

    def made(content):
        salt, nonce = os.urandom(16), os.urandom(24)
        k = nacl.pwhash.argon2id.kdf(32, b"other", salt, opslimit=1,
                                     memlimit=65536)
        ct = nacl.secret.SecretBox(k).encrypt(content, nonce).ciphertext

        def b64(b):
            return base64.b64encode(b).decode()
        return path("keyfile", json.dumps({
            "v": 1, "kind": "countersign-key", "use": "root",
            "public": b64(public), "kdf": {
                "name": "argon2id", "ops": 1, "mem": 65536,
                "salt": b64(salt)},
            "box": {"nonce": b64(nonce), "ct": b64(ct)}}))

    file = made(seed + b"root")
    report("key_file_from_elsewhere", ours("keyfile-open", "other", file),
           "ok root " + seed.hex())
    report("key_file_wrong_passphrase", ours("keyfile-open", "othEr", file),
           "refused bad_passphrase")
    # A right passphrase makes no content right.
    for name, content in (("short", b"short"), ("no_use", seed),
                          ("other_use", seed + b"toor"),
                          ("other_seed", bytes(32) + b"root"),
                          ("longer", seed + b"rootx")):
        report("key_file_box_%s" % name,
               ours("keyfile-open", "other", made(content)),
               "refused corrupt")


def main():
    global folder
    with tempfile.TemporaryDirectory() as folder:
        if shutil.which("ssh-keygen"):
            plain_ssh()
            security_keys()
            passkeys()
        else:
            print("skip test_proofs.ssh: ssh-keygen is not installed")
        key_files()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
