"""bom.py - a bill of materials, as macOS' installer keeps one of each package.
SPDX-License-Identifier: Apache-2.0

The BOMStore form: a header, a table of named blocks, the blocks, and an index
of where each stands; all numbers big-endian. The paths are one tree whose leaf
has an entry for each file: its data (PathInfo2) and its name below its parent.
Apple documents none of it; bom(5) only says what it is for.
"""
import struct

FILE, FOLDER = 1, 2
LEAF_MAX = 256
_TABLE = []
for _i in range(256):
    _c = _i << 24
    for _ in range(8):
        _c = ((_c << 1) ^ 0x04c11db7) & 0xffffffff if _c >> 31 else _c << 1
    _TABLE.append(_c)


def cksum(data):
    """The CRC of POSIX cksum(1)."""
    c, n = 0, len(data)
    for b in data:
        c = ((c << 8) & 0xffffffff) ^ _TABLE[(c >> 24) ^ b]
    while n:
        c = ((c << 8) & 0xffffffff) ^ _TABLE[(c >> 24) ^ (n & 255)]
        n >>= 8
    return c ^ 0xffffffff


class Store:
    def __init__(self):
        self.blocks, self.names = [b''], []

    def add(self, data):
        self.blocks.append(data)
        return len(self.blocks) - 1

    def name(self, name, data):
        self.names.append((self.add(data), name.encode()))

    def bytes(self):
        names = struct.pack('>I', len(self.names)) + b''.join(
            struct.pack('>IB', n, len(s)) + s for n, s in self.names)
        at = 512 + len(names)
        index = struct.pack('>I', len(self.blocks)) + struct.pack('>II', 0, 0)
        for b in self.blocks[1:]:
            index += struct.pack('>II', at, len(b))
            at += len(b)
        index += struct.pack('>I', 0) + bytes(16)	# the free list
        head = struct.pack('>8sIIIIII', b'BOMStore', 1, len(self.blocks) - 1,
                           at, len(index), 512, len(names))
        return head.ljust(512, b'\0') + names + b''.join(self.blocks) + index


def _tree(child, block, paths):
    return struct.pack('>4sIIIIB', b'tree', 1, child, block, paths, 0)


def _leaf(entries):
    return struct.pack('>HHII', 1, len(entries), 0, 0) + b''.join(
        struct.pack('>II', *e) for e in entries)


def build(entries):
    """entries: [(path, mode with its type, size, crc, mtime), …], the path
    begins with '.'; level by level, each sorted by folder and name, because
    that is the tree's order. Owner is root:wheel."""
    if len(entries) > LEAF_MAX:
        raise SystemExit('packages: over %d paths in a package' % LEAF_MAX)
    store, ids, rows = Store(), {}, []
    store.name('BomInfo', struct.pack('>IIIIIII', 1, len(entries) + 1, 1,
                                      0, 0, 0, 0))
    for i, (path, mode, size, crc, mtime) in enumerate(entries):
        parent, _, name = path.rpartition('/')
        kind = FOLDER if mode & 0o170000 == 0o040000 else FILE
        data = store.add(struct.pack(
            '>BBHHIIIIBII', kind, 1, 3, mode, 0, 0, mtime, size, 1, crc, 0))
        first = store.add(struct.pack('>II', i + 1, data))
        ids[path] = i + 1
        rows.append((first, store.add(struct.pack(
            '>I', ids.get(parent, 0)) + name.encode() + b'\0')))
    store.name('Paths', _tree(store.add(_leaf(rows)), 4096, len(entries)))
    store.name('HLIndex', _tree(store.add(_leaf([])), 4096, 0))
    store.name('VIndex', struct.pack('>IIIB', 1, store.add(_tree(
        store.add(_leaf([])), 128, 0)), 0, 0))
    store.name('Size64', _tree(store.add(_leaf([])), 4096, 0))
    return store.bytes()
