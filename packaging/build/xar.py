"""xar.py - a XAR archive, the container of a macOS package.
SPDX-License-Identifier: Apache-2.0

Header, table of contents (XML, deflated), then the heap: the table's SHA-1 and
the files' bytes, stored as they are.
"""
import hashlib
import struct
import time
import zlib

SHA1 = 1	# the header's number for it


def build(files, epoch):
    """The archive's bytes. files: [(name, bytes), …]."""
    heap, rows = b'', []
    stamp = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(epoch))
    for i, (name, data) in enumerate(files):
        digest = hashlib.sha1(data).hexdigest()
        rows.append(
            '<file id="%d"><name>%s</name><type>file</type>'
            '<mode>0644</mode><uid>0</uid><gid>0</gid>'
            '<user>root</user><group>wheel</group>'
            '<mtime>%s</mtime><data><length>%d</length>'
            '<offset>%d</offset><size>%d</size>'
            '<encoding style="application/octet-stream"/>'
            '<archived-checksum style="sha1">%s</archived-checksum>'
            '<extracted-checksum style="sha1">%s</extracted-checksum>'
            '</data></file>' % (i + 1, name, stamp, len(data),
                                20 + len(heap), len(data), digest, digest))
        heap += data
    toc = ('<?xml version="1.0" encoding="UTF-8"?>\n<xar><toc>'
           '<creation-time>%s</creation-time>'
           '<checksum style="sha1"><offset>0</offset><size>20</size>'
           '</checksum>%s</toc></xar>\n' % (stamp[:-1], ''.join(rows)))
    packed = zlib.compress(toc.encode(), 9)
    head = struct.pack('>4sHHQQI', b'xar!', 28, 1, len(packed),
                       len(toc.encode()), SHA1)
    return head + packed + hashlib.sha1(packed).digest() + heap
