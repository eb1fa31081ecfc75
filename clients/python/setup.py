import os
import shlex

from setuptools import Extension, setup

# The header is that of the C client. The build must run in a checkout, as pip does.
here = os.path.dirname(os.path.abspath(__file__))
header = os.path.join(os.path.dirname(here), "c")
if not os.path.exists(os.path.join(header, "isthmus.h")):
    raise SystemExit("isthmus.h is not in ../c: build from a checkout of isthmus")
own = ["core.h", "plain.h", "handle.h", "value.h", "lock.h", "ring.h"]
setup(
    ext_modules=[
        Extension(
            "isthmus._isthmus",
            ["src/isthmus/_isthmus.c"],
            include_dirs=["src/isthmus", header],
            depends=["src/isthmus/" + h for h in own] + [os.path.join(header, "isthmus.h")],
            extra_compile_args=["-std=c11", "-O2", "-pthread", *shlex.split(os.environ.get("ISTHMUS_CFLAGS", ""))],
            extra_link_args=["-pthread", *shlex.split(os.environ.get("ISTHMUS_LDFLAGS", ""))],
        )
    ]
)
