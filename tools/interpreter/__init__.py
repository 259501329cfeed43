"""A CPython of its own for the layer of every runtime, built from source for an old glibc.

    sources.py    the tarballs, each with its SHA-256
    build.py      OpenSSL, zlib and one static executable, compiled with zig for either processor
    library.py    the modules of the standard library that the extension imports
    elf.py        which glibc an executable needs

It runs on CPython 3.13, whose bytecode the built one reads. `make layer RUNTIME=any` starts it.
"""
