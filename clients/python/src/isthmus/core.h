/* What all objects share: errors, arguments, waits without the GIL, and segments. */

static int interrupted(void);
#define ISTHMUS_INTERRUPTED() interrupted()
#include "isthmus.h"

/* ---- Waits ----
 *
 * RELEASED runs a call of the header's without the GIL. After each sleep, which a signal ends
 * and which lasts 20 ms at most, the header asks interrupted: that takes the GIL and runs the
 * handlers of signals. If one raises, the wait is over; and so it is in a child, if one forks. */

static _Thread_local PyThreadState *released;
static unsigned forks; /* that this process comes from */

#define RELEASED(r, call)               \
    do {                                \
        released = PyEval_SaveThread(); \
        (r) = (call);                   \
        PyEval_RestoreThread(released); \
        released = NULL;                \
    } while (0)

static int interrupted(void) {
    if (released == NULL)
        return 0;
    PyEval_RestoreThread(released);
    unsigned before = forks;
    int r = PyErr_CheckSignals();
    int over = r != 0 || forks != before;
    released = PyEval_SaveThread();
    return over;
}

/* ---- Errors ---- */

#define RAISED (-1000) /* by a Python function that was called */

static PyObject *errors; /* code to class, of errors.py */

/* Raises what a code means, unless an exception is set already. */
static void *raise_code(int code, const char *what, PyObject *name, PyObject *segment) {
    if (PyErr_Occurred())
        return NULL;
    if (code == ISTHMUS_EINTR) /* nothing was raised: a handler has forked */
        code = ISTHMUS_EFORKED;
    int number = errno;
    PyObject *key = PyLong_FromLong(code), *class = key == NULL ? NULL : PyDict_GetItemWithError(errors, key), *text, *e;
    Py_XDECREF(key);
    if (class == NULL) {
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_SystemError, "error %d", code);
        return NULL;
    }
    const char *fault = code == ISTHMUS_ESYS ? strerror(number) : isthmus_strerror(code);
    if (name != NULL)
        text = PyUnicode_FromFormat("%s %R in segment %R: %s", what, name, segment, fault);
    else
        text = PyUnicode_FromFormat("%s %R: %s", what, segment, fault);
    e = text == NULL ? NULL : code == ISTHMUS_ESYS ? PyObject_CallFunction(class, "iO", number, text) : PyObject_CallOneArg(class, text);
    if (e != NULL)
        PyErr_SetObject((PyObject *)Py_TYPE(e), e);
    Py_XDECREF(e);
    Py_XDECREF(text);
    return NULL;
}

/* ---- Arguments ---- */

/* Sorts the arguments of a METH_FASTCALL | METH_KEYWORDS call into out, by names. */
static int arguments(const char *what, PyObject *const *a, Py_ssize_t n, PyObject *kw, const char *const *names, int least, PyObject **out) {
    int most = 0;
    for (; names[most] != NULL; most++)
        out[most] = NULL;
    if (n > most) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most %d arguments", what, most);
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++)
        out[i] = a[i];
    for (Py_ssize_t k = 0; kw != NULL && k < PyTuple_GET_SIZE(kw); k++) {
        PyObject *name = PyTuple_GET_ITEM(kw, k);
        int i = 0;
        while (i < most && PyUnicode_CompareWithASCIIString(name, names[i]) != 0)
            i++;
        if (i == most || out[i] != NULL) {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected or a second %R", what, name);
            return -1;
        }
        out[i] = a[n + k];
    }
    for (int i = 0; i < least; i++)
        if (out[i] == NULL) {
            PyErr_Format(PyExc_TypeError, "%s() is missing %s", what, names[i]);
            return -1;
        }
    return 0;
}

/* Nanoseconds of a timeout in seconds; None is for ever, and what is below 0 is 0. */
static int timeout_of(PyObject *x, int64_t *ns) {
    *ns = ISTHMUS_FOREVER;
    if (x == NULL || x == Py_None)
        return 0;
    double s = PyFloat_AsDouble(x);
    if (s == -1 && PyErr_Occurred())
        return -1;
    if (s != s) {
        PyErr_SetString(PyExc_ValueError, "the timeout is not a number");
        return -1;
    }
    *ns = s <= 0 ? 0 : s >= 9e9 ? ISTHMUS_FOREVER : (int64_t)(s * 1e9);
    return 0;
}

static int count_of(PyObject *x, const char *what, uint64_t *n) {
    PyObject *i = PyNumber_Index(x);
    if (i == NULL)
        return -1;
    long long v = PyLong_AsLongLong(i);
    Py_DECREF(i);
    if (v == -1 && PyErr_Occurred())
        return -1;
    if (v < 0) {
        PyErr_Format(PyExc_ValueError, "%s is negative", what);
        return -1;
    }
    *n = (uint64_t)v;
    return 0;
}

#define FAST(f) (PyCFunction)(void (*)(void))(f), METH_FASTCALL | METH_KEYWORDS

/* ---- Segments ----
 *
 * A Segment owns what the header has opened, and everything opened in it refers to the
 * Segment: that is freed when nobody can use it any more, in a thread or by a buffer.
 *
 * A child of fork has no part in its parent's attachment (the header closes it there). It
 * attaches anew when it first uses the Segment, by a descriptor that is opened with O_PATH and
 * has no locks: so the file is the same, also if its name is gone. Handles of objects see
 * another generation and find their objects again. The new mapping takes the place of the old
 * one, so that buffers show the segment again: where there are any, already in the hook that
 * Python runs after a fork.
 *
 * What runs in the middle of a call (a handler, a conversion, the function of update) may fork, and
 * the child come back to the call: it looks at the parent's attachment, which stays for that, and
 * ends with Forked. */

typedef struct segment {
    PyObject_HEAD
    struct isthmus_segment *s;
    PyObject *name, *dir; /* dir is None for the default */
    struct isthmus_options options;
    int path_fd;
    int shut;             /* closed by this program */
    unsigned generation;
    Py_ssize_t exports;   /* buffers of its memory */
    PyObject *weak;
    struct segment *next, **link;
} Segment;

static PyTypeObject SegmentType;
static Segment *segments; /* all */

static void *segment_error(Segment *g, int code) { return raise_code(code, "segment", NULL, g->name); }

/* Attaches a child of fork anew. */
static int segment_reopen(Segment *g) {
    struct isthmus_segment *old = g->s, *s;
    int r = isthmus_open_fd(&s, g->path_fd, &g->options);
    if (r == 0 && (old->mem == NULL || s->size != old->size ||
                   mremap(s->mem, (size_t)s->size, (size_t)s->size, MREMAP_MAYMOVE | MREMAP_FIXED, old->mem) == MAP_FAILED)) {
        isthmus_free(s);
        r = ISTHMUS_ESYS;
    }
    if (r != 0) {
        segment_error(g, r);
        return -1;
    }
    s->mem = old->mem;
    old->mem = NULL;
    old->id = 0; /* and holds nothing in that memory */
    g->s = s;
    g->generation++;
    return 0;
}

/* Whether the segment may be used; 0, or -1 with an exception. */
static inline int segment_ready(Segment *g) {
    int closed = isthmus__closed(g->s);
    if (closed == 0)
        return 0;
    if (closed == ISTHMUS_EFORKED && !g->shut)
        return segment_reopen(g);
    segment_error(g, ISTHMUS_ECLOSED);
    return -1;
}

/* Is Python's hook in a child of fork. */
static PyObject *after_fork(PyObject *self, PyObject *unused) {
    (void)self, (void)unused;
    forks++;
    for (Segment *g = segments; g != NULL; g = g->next)
        if (g->exports > 0 && !g->shut && isthmus__closed(g->s) == ISTHMUS_EFORKED && segment_reopen(g) < 0)
            PyErr_WriteUnraisable((PyObject *)g); /* its views show private memory; those of others need not */
    Py_RETURN_NONE;
}

/* The UTF-8 of a str, which lives as long as that. */
static const char *text_of(PyObject *x, const char *what) {
    Py_ssize_t n;
    if (!PyUnicode_Check(x)) {
        PyErr_Format(PyExc_TypeError, "the %s is no str: %R", what, x);
        return NULL;
    }
    const char *p = PyUnicode_AsUTF8AndSize(x, &n);
    if (p != NULL && strlen(p) != (size_t)n) {
        PyErr_Format(PyExc_ValueError, "the %s has a NUL in it: %R", what, x);
        return NULL;
    }
    return p;
}

static int options_of(struct isthmus_options *o, PyObject *dir, PyObject *version, PyObject *must_exist) {
    memset(o, 0, sizeof *o);
    if (dir != NULL && dir != Py_None && (o->dir = text_of(dir, "dir")) == NULL)
        return -1;
    if (version != NULL && count_of(version, "version", &o->version) < 0)
        return -1;
    if (must_exist != NULL && (o->must_exist = PyObject_IsTrue(must_exist)) < 0)
        return -1;
    return 0;
}

/* Wraps an open segment. */
static PyObject *segment_new(struct isthmus_segment *s, PyObject *name, PyObject *dir, const struct isthmus_options *o) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", s->fd);
    int fd = open(path, O_PATH | O_CLOEXEC);
    Segment *g = fd < 0 ? NULL : (Segment *)SegmentType.tp_alloc(&SegmentType, 0);
    if (g == NULL) {
        if (fd < 0)
            raise_code(ISTHMUS_ESYS, "segment", NULL, name);
        else
            close(fd);
        isthmus_free(s);
        return NULL;
    }
    g->s = s;
    g->path_fd = fd;
    g->options = *o;
    Py_INCREF(name);
    g->name = name;
    g->dir = dir != NULL ? dir : Py_None;
    Py_INCREF(g->dir);
    g->next = segments;
    g->link = &segments;
    if (segments != NULL)
        segments->link = &g->next;
    segments = g;
    return (PyObject *)g;
}

static PyObject *module_create(PyObject *self, PyObject *const *a, Py_ssize_t n, PyObject *kw) {
    static const char *const names[] = {"name", "size", "dir", "version", "max_procs", "max_objects", "mode", "must_exist", NULL};
    PyObject *v[8];
    struct isthmus_options o;
    struct isthmus_segment *s;
    uint64_t size, procs = 0, objects = 0, mode = 0;
    (void)self;
    if (arguments("create", a, n, kw, names, 2, v) < 0 || options_of(&o, v[2], v[3], v[7]) < 0 || count_of(v[1], "size", &size) < 0)
        return NULL;
    if ((v[4] != NULL && count_of(v[4], "max_procs", &procs) < 0) || (v[5] != NULL && count_of(v[5], "max_objects", &objects) < 0) ||
        (v[6] != NULL && count_of(v[6], "mode", &mode) < 0))
        return NULL;
    const char *name = text_of(v[0], "name");
    if (name == NULL)
        return NULL;
    int r = ISTHMUS_EINVAL;
    if (procs <= UINT32_MAX && objects <= UINT32_MAX && mode <= 0777) {
        o.max_procs = (uint32_t)procs;
        o.max_objects = (uint32_t)objects;
        o.mode = (mode_t)mode;
        RELEASED(r, isthmus_create(&s, name, size, &o));
    }
    return r != 0 ? raise_code(r, "segment", NULL, v[0]) : segment_new(s, v[0], v[2], &o);
}

static PyObject *module_open(PyObject *self, PyObject *const *a, Py_ssize_t n, PyObject *kw) {
    static const char *const names[] = {"name", "dir", "version", "must_exist", NULL};
    PyObject *v[4];
    struct isthmus_options o;
    struct isthmus_segment *s;
    (void)self;
    if (arguments("open", a, n, kw, names, 1, v) < 0 || options_of(&o, v[1], v[2], v[3]) < 0)
        return NULL;
    const char *name = text_of(v[0], "name");
    if (name == NULL)
        return NULL;
    int r;
    RELEASED(r, isthmus_open(&s, name, &o));
    return r != 0 ? raise_code(r, "segment", NULL, v[0]) : segment_new(s, v[0], v[1], &o);
}

static PyObject *module_remove(PyObject *self, PyObject *const *a, Py_ssize_t n, PyObject *kw) {
    static const char *const names[] = {"name", "dir", NULL};
    PyObject *v[2];
    struct isthmus_options o;
    (void)self;
    if (arguments("remove", a, n, kw, names, 1, v) < 0 || options_of(&o, v[1], NULL, NULL) < 0)
        return NULL;
    const char *name = text_of(v[0], "name");
    if (name == NULL)
        return NULL;
    int r = isthmus_remove(name, &o);
    if (r != 0)
        return raise_code(r, "segment", NULL, v[0]);
    Py_RETURN_NONE;
}

static void segment_dealloc(Segment *g) {
    if (g->weak != NULL)
        PyObject_ClearWeakRefs((PyObject *)g);
    *g->link = g->next;
    if (g->next != NULL)
        g->next->link = g->link;
    isthmus_free(g->s);
    if (g->path_fd >= 0)
        close(g->path_fd);
    Py_DECREF(g->name);
    Py_DECREF(g->dir);
    Py_TYPE(g)->tp_free(g);
}

static PyObject *segment_close(Segment *g, PyObject *unused) {
    (void)unused;
    if (g->shut)
        Py_RETURN_NONE;
    if (g->exports > 0)
        return PyErr_Format(PyExc_BufferError, "segment %R has %zd views (memoryviews, or arrays of NumPy): delete them before close", g->name, g->exports);
    g->shut = 1;
    int r = isthmus_close(g->s);
    if (r != 0 && r != ISTHMUS_EFORKED)
        return segment_error(g, r);
    Py_RETURN_NONE;
}

static PyObject *segment_enter(PyObject *g, PyObject *unused) {
    (void)unused;
    Py_INCREF(g);
    return g;
}

/* An exception's traceback keeps views: it is not to be hidden by a BufferError. The segment
 * is closed with the last view then. */
static PyObject *segment_exit(Segment *g, PyObject *const *a, Py_ssize_t n) {
    PyObject *r = segment_close(g, NULL);
    if (r == NULL && n > 0 && a[0] != Py_None && PyErr_ExceptionMatches(PyExc_BufferError)) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    return r;
}

static PyObject *segment_remove(Segment *g, PyObject *unused) {
    (void)unused;
    struct isthmus_options o = g->options;
    const char *name = PyUnicode_AsUTF8(g->name);
    int r = name == NULL ? ISTHMUS_EINVAL : isthmus_remove(name, &o);
    if (r != 0)
        return segment_error(g, r);
    Py_RETURN_NONE;
}

/* The file's identity, which a name that is opened anew has to have. */
static int segment_identity(Segment *g, struct stat *st) {
    if (fstat(g->path_fd, st) < 0) {
        segment_error(g, ISTHMUS_ESYS);
        return -1;
    }
    return 0;
}

static PyObject *reopen; /* of __init__.py */

static PyObject *segment_reduce(Segment *g, PyObject *unused) {
    (void)unused;
    struct stat st;
    if (g->shut)
        return segment_error(g, ISTHMUS_ECLOSED);
    if (segment_identity(g, &st) < 0)
        return NULL;
    return Py_BuildValue("O(OOKOKK)", reopen, g->name, g->dir, (unsigned long long)g->options.version, g->options.must_exist ? Py_True : Py_False,
                         (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
}

static PyObject *segment_file(Segment *g, void *unused) {
    (void)unused;
    struct stat st;
    if (segment_identity(g, &st) < 0)
        return NULL;
    return Py_BuildValue("KK", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
}

static PyObject *segment_name(Segment *g, void *unused) { (void)unused; Py_INCREF(g->name); return g->name; }
static PyObject *segment_closed(Segment *g, void *unused) { (void)unused; return PyBool_FromLong(g->shut); }
static PyObject *segment_size(Segment *g, void *unused) { (void)unused; return PyLong_FromUnsignedLongLong(isthmus_size(g->s)); }

static PyObject *segment_id(Segment *g, void *unused) {
    (void)unused;
    return segment_ready(g) < 0 ? NULL : PyLong_FromUnsignedLongLong(isthmus_id(g->s));
}

static PyObject *segment_repr(Segment *g) { return PyUnicode_FromFormat("<isthmus.Segment %R%s>", g->name, g->shut ? " closed" : ""); }

static PyGetSetDef segment_getset[] = {
    {"name", (getter)segment_name, NULL, "Its name.", NULL},
    {"closed", (getter)segment_closed, NULL, "Whether close was called.", NULL},
    {"size", (getter)segment_size, NULL, "The bytes that objects have room in.", NULL},
    {"id", (getter)segment_id, NULL, "The id of this attachment, which no other has.", NULL},
    {"_file", (getter)segment_file, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
