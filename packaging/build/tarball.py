"""tarball.py - the same files without a package manager.
SPDX-License-Identifier: Apache-2.0

A folder countersign-VERSION-TARGET with what a package would install, a script
that puts it in its places, and a README.
"""
import gzip
import io
import os
import tarfile

from contents import File, linux, source


def pack(files, epoch):
    """The bytes of a .tar.gz; names sorted, one date, nobody's account."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode='w',
                      format=tarfile.USTAR_FORMAT) as tar:
        folders = set()
        for f in sorted(files, key=lambda f: f.place):
            parts = f.place.split('/')
            for i in range(1, len(parts)):
                folder = '/'.join(parts[:i])
                if folder not in folders:
                    folders.add(folder)
                    info = tarfile.TarInfo(folder)
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
                    info.mtime = epoch
                    info.uname = info.gname = 'root'
                    tar.addfile(info)
            data = f.read()
            info = tarfile.TarInfo(f.place)
            info.size, info.mode, info.mtime = len(data), f.mode, epoch
            info.uname = info.gname = 'root'
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), 9, mtime=0)


def build(release, target, programs, work, out):
    name = 'countersign-%s-%s' % (release.version, target)
    files = [File('%s/%s' % (name, f.place), f.mode, f.read())
             for f in linux(programs)]
    files += [File(name + '/LICENSE', 0o644, source('LICENSE')),
              File(name + '/NOTICES', 0o644, source('packaging/NOTICES')),
              File(name + '/README', 0o644,
                   source('packaging/README.tarball')),
              File(name + '/install.sh', 0o755,
                   source('packaging/install.tarball'))]
    path = os.path.join(out, name + '.tar.gz')
    with open(path, 'wb') as f:
        f.write(pack(files, release.epoch))
    return path
