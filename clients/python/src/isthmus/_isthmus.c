/* The extension isthmus._isthmus, over clients/c/isthmus.h. It is one translation unit, as the
 * header has its list of open segments in each. */
#define PY_SSIZE_T_CLEAN
#define _GNU_SOURCE 1
#include <Python.h>
#include <stddef.h>

#include "core.h"
#include "plain.h"
#include "handle.h"
#include "value.h"
#include "lock.h"
#include "ring.h"

/* Segment.value(...) is Value(segment, ...), and so on. */
static PyObject *made(PyTypeObject *type, PyObject *segment, PyObject *const *a, Py_ssize_t n, PyObject *kw) {
    PyObject *args[16] = {segment};
    Py_ssize_t all = n + (kw != NULL ? PyTuple_GET_SIZE(kw) : 0);
    if (all > 15)
        return PyErr_Format(PyExc_TypeError, "too many arguments");
    memcpy(args + 1, a, (size_t)all * sizeof *args);
    return PyObject_Vectorcall((PyObject *)type, args, (size_t)n + 1, kw);
}

#define MADE(name, type) \
    static PyObject *segment_##name(PyObject *g, PyObject *const *a, Py_ssize_t n, PyObject *kw) { return made(&type, g, a, n, kw); }
MADE(value, ValueType)
MADE(array, ArrayType)
MADE(lock, LockType)
MADE(semaphore, SemaphoreType)
MADE(spsc, SPSCType)
MADE(mpmc, MPMCType)
MADE(bytes, BytesType)

static PyMethodDef segment_methods[] = {
    {"value", FAST(segment_value), "value(name, type, initial=None)\n--\n\nFind or make a Value; initial is stored while it is all zeros."},
    {"array", FAST(segment_array), "array(name, type, length)\n--\n\nFind or make an Array."},
    {"lock", FAST(segment_lock), "lock(name)\n--\n\nFind or make a Lock."},
    {"semaphore", FAST(segment_semaphore), "semaphore(name, permits)\n--\n\nFind or make a Semaphore."},
    {"spsc", FAST(segment_spsc), "spsc(name, type, capacity)\n--\n\nFind or make an SPSC; the capacity is in messages."},
    {"mpmc", FAST(segment_mpmc), "mpmc(name, type, capacity)\n--\n\nFind or make an MPMC; the capacity is in messages."},
    {"bytes", FAST(segment_bytes), "bytes(name, capacity)\n--\n\nFind or make a Bytes; the capacity is in bytes."},
    {"close", (PyCFunction)segment_close, METH_NOARGS, "close()\n--\n\nClose: what this process holds is free. BufferError if there are views of the memory."},
    {"remove", (PyCFunction)segment_remove, METH_NOARGS, "remove()\n--\n\nRemove the segment's name. Who has it open goes on."},
    {"__reduce__", (PyCFunction)segment_reduce, METH_NOARGS, NULL},
    {"__enter__", (PyCFunction)segment_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))segment_exit, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject SegmentType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "isthmus.Segment",
    .tp_basicsize = sizeof(Segment),
    .tp_dealloc = (destructor)segment_dealloc,
    .tp_repr = (reprfunc)segment_repr,
    .tp_weaklistoffset = offsetof(Segment, weak),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "A segment of shared memory that this process has open.",
    .tp_methods = segment_methods,
    .tp_getset = segment_getset,
};

/* Takes what the package has in Python. That is one interpreter's: another one's classes would be
 * raised here, and would not be caught. */
static PyObject *module_setup(PyObject *self, PyObject *args) {
    static int64_t owner = -1;
    (void)self;
    PyObject *e, *t, *d, *r;
    int64_t interpreter = PyInterpreterState_GetID(PyInterpreterState_Get());
    if (owner >= 0 && owner != interpreter)
        return PyErr_Format(PyExc_ImportError, "isthmus is another interpreter's of this process");
    owner = interpreter;
    if (!PyArg_ParseTuple(args, "OOOO", &e, &t, &d, &r))
        return NULL;
    Py_XSETREF(errors, Py_NewRef(e));
    Py_XSETREF(type_of, Py_NewRef(t));
    Py_XSETREF(dtype_of, Py_NewRef(d));
    Py_XSETREF(reopen, Py_NewRef(r));
    Py_RETURN_NONE;
}

static PyObject *module_plain(PyObject *self, PyObject *text) {
    (void)self;
    if (!PyUnicode_Check(text))
        return PyErr_Format(PyExc_TypeError, "the text of a type is a str");
    Plain *t = plain_of(text);
    Py_XINCREF(t);
    return (PyObject *)t;
}

#ifdef ISTHMUS_OVERFLOW
/* Writes behind its memory, to see that a sanitizer would tell. */
static PyObject *module_overflow(PyObject *self, PyObject *unused) {
    (void)self, (void)unused;
    Plain *t = (Plain *)PlainType.tp_alloc(&PlainType, 0);
    if (t != NULL)
        *(volatile Py_ssize_t *)(t + 1) = 1;
    return (PyObject *)t;
}
#endif

static PyMethodDef module_methods[] = {
#ifdef ISTHMUS_OVERFLOW
    {"_overflow", module_overflow, METH_NOARGS, NULL},
#endif
    {"create", FAST(module_create),
     "create(name, size, dir=None, version=0, max_procs=0, max_objects=0, mode=0, must_exist=False)\n--\n\nMake a segment with room for size bytes of objects."},
    {"open", FAST(module_open), "open(name, dir=None, version=0, must_exist=False)\n--\n\nOpen a segment."},
    {"remove", FAST(module_remove), "remove(name, dir=None)\n--\n\nRemove a segment's name. Who has it open goes on."},
    {"_plain", module_plain, METH_O, NULL},
    {"_after_fork", after_fork, METH_NOARGS, NULL},
    {"_setup", module_setup, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "isthmus._isthmus", NULL, -1, module_methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__isthmus(void) {
    static PyTypeObject *const types[] = {&PlainType, &SegmentType, &ValueType, &ArrayType, &LockType, &SemaphoreType, &SPSCType,
                                          &MPMCType, &BytesType, &ProducerType, &ConsumerType, &LentType};
    PyObject *m = PyModule_Create(&module);
    if (m == NULL || (plain_of_text = PyDict_New()) == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (PyModule_AddType(m, types[i]) < 0)
            return NULL;
    return m;
}
