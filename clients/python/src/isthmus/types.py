"""Plain types: their texts (docs/FORMAT.md, F17), and what says the same in Python."""

import ctypes
import sys

from . import _isthmus

# The names of kinds by the letters of the modules array, struct and multiprocessing.
_SIGNED = {1: "int8", 2: "int16", 4: "int32", 8: "int64"}
_CODES = {"?": "bool", "f": "float32", "d": "float64", "F": "complex64", "D": "complex128"}
for _c, _t in zip("bhilqn", (ctypes.c_byte, ctypes.c_short, ctypes.c_int, ctypes.c_long, ctypes.c_longlong, ctypes.c_ssize_t)):
    _CODES[_c] = _SIGNED[ctypes.sizeof(_t)]
    _CODES[_c.upper()] = "u" + _CODES[_c]
_CLASSES = {bool: "bool", int: "int64", float: "float64", complex: "complex128"}


def type_of(given):
    """Return the text of a type: given as that, as a letter of multiprocessing's ("i", "d"), as
    bool, int, float or complex, as a type of ctypes, or as a dtype of NumPy's or what makes one.
    """
    if isinstance(given, str):
        if len(given) == 1:
            given = _CODES.get(given, given)
        _isthmus._plain(given)
        return given
    if isinstance(given, type):
        if given in _CLASSES:
            return _CLASSES[given]
        if issubclass(given, (ctypes._SimpleCData, ctypes.Structure, ctypes.Array)):
            return _of_ctypes(given)
    if given is None:  # of NumPy that is float64
        raise TypeError("None is no type")
    import numpy

    return _of_dtype(numpy.dtype(given))


def _struct(fields, size):
    text = "{" + ",".join(f"{name} {offset} {of}" for name, offset, of in fields) + "}"
    if _isthmus._plain(text).size != size:
        raise ValueError(f"{text} has another size in Go: align the fields, and add no padding at the end")
    return text


def _of_ctypes(given):
    if issubclass(given, ctypes.Array):
        return f"[{given._length_}]{_of_ctypes(given._type_)}"
    if issubclass(given, ctypes.Structure):
        parts = [f for of in reversed(given.__mro__) for f in vars(of).get("_fields_", ())]
        if any(len(f) > 2 for f in parts):
            raise ValueError(f"{given} has bit fields")
        fields = [(f[0], getattr(given, f[0]).offset, _of_ctypes(f[1])) for f in parts]
        return _struct(fields, ctypes.sizeof(given))
    native = getattr(given, f"__ctype_{sys.byteorder[0]}e__", given)
    if given._type_ not in _CODES or native is not given:
        raise ValueError(f"{given} is no plain type")
    return _CODES[given._type_]


def _of_dtype(dtype):
    if dtype.subdtype is not None:
        of, shape = dtype.subdtype
        return "".join(f"[{n}]" for n in shape) + _of_dtype(of)
    if dtype.fields is not None:
        fields = [(name, dtype.fields[name][1], _of_dtype(dtype.fields[name][0])) for name in dtype.names]
        return _struct(fields, dtype.itemsize)
    if not dtype.isnative or dtype.char not in _CODES:
        raise ValueError(f"{dtype} is no plain type")
    return _CODES[dtype.char]


def dtype_of(text):
    """Return the dtype of NumPy's that a type is."""
    import numpy

    dtype, rest = _read(numpy, type_of(text))
    assert rest == ""
    return dtype


def _read(numpy, text):
    if text.startswith("["):
        n, rest = text[1:].split("]", 1)
        of, rest = _read(numpy, rest)
        return numpy.dtype((of, (int(n),))), rest
    if text.startswith("{"):
        names, offsets, formats, whole = [], [], [], text
        rest = text[1:]
        while rest[0] != "}":
            name, offset, rest = rest.lstrip(",").split(" ", 2)
            of, rest = _read(numpy, rest)
            if name != "_":
                names.append(name)
                offsets.append(int(offset))
                formats.append(of)
        rest = rest[1:]
        size = _isthmus._plain(whole[: len(whole) - len(rest)]).size
        return numpy.dtype({"names": names, "offsets": offsets, "formats": formats, "itemsize": size}), rest
    n = 0
    while n < len(text) and text[n] not in ",}":
        n += 1
    kind = {"int": "int64", "uint": "uint64"}.get(text[:n], text[:n])
    return numpy.dtype(kind), text[n:]
