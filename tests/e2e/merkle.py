"""The Merkle log as somebody with the whole database in hand can rebuild it, and as a member reads it:
written independently of the program, after RFC 6962 and the C2SP texts alone."""
import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def leaf_hash(record):
    return hashlib.sha256(b"\0" + record).digest()


def root(hashes):
    """MTH of RFC 6962 section 2.1, over leaf hashes."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hashlib.sha256(b"\1" + root(hashes[:split]) + root(hashes[split:])).digest()


def frontier(hashes):
    out, at = b"", 0
    for bit in reversed(range(62)):
        if len(hashes) >> bit & 1:
            out += root(hashes[at:at + (1 << bit)])
            at += 1 << bit
    return out


def consistent(old_size, new_size, old_root, proof, new_root):
    """RFC 6962 section 2.1.2, as RFC 9162 section 2.1.4.2 says how to verify it."""
    if old_size == new_size:
        return not proof and old_root == new_root
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr = hashlib.sha256(b"\1" + c + fr).digest()
            sr = hashlib.sha256(b"\1" + c + sr).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = hashlib.sha256(b"\1" + sr + c).digest()
        fn, sn = fn >> 1, sn >> 1
    return fr == old_root and sr == new_root and sn == 0


class Checkpoint:
    """A signed note (C2SP signed-note, tlog-checkpoint)."""

    def __init__(self, note):
        self.note = note
        self.text, signatures = note.rsplit("\n\n", 1)
        self.text += "\n"
        self.origin, size, root64 = self.text.split("\n")[:3]
        self.size, self.root = int(size), base64.b64decode(root64)
        self.signatures = [line.split(" ")[1:] for line in signatures.splitlines()]

    def verify(self, vkey):
        """Raises unless the key has signed it."""
        name, key_id, key = vkey.strip().split("+", 2)
        key = base64.b64decode(key)
        assert key[0] == 1 and hashlib.sha256(f"{name}\n".encode() + key).digest()[:4].hex() == key_id
        signature = next(base64.b64decode(s) for n, s in self.signatures if n == name)
        assert signature[:4].hex() == key_id
        Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], self.text.encode())
        return self


class Cosigner:
    """A member that cosigns (C2SP tlog-cosignature)."""

    def __init__(self, name):
        self.name, self.key = name, Ed25519PrivateKey.generate()
        raw = b"\4" + self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = hashlib.sha256(f"{name}\n".encode() + raw).digest()[:4]
        self.vkey = f"{name}+{self.id.hex()}+{base64.b64encode(raw).decode()}"

    def line(self, checkpoint, time):
        signed = self.key.sign(f"cosignature/v1\ntime {time}\n{checkpoint.text}".encode())
        raw = self.id + time.to_bytes(8, "big") + signed
        return f"\u2014 {self.name} {base64.b64encode(raw).decode()}\n"
