/* Value and Array. */

typedef struct {
    HANDLE
    struct isthmus_value v;
} Value;

static int value_find(Handle *h) { return isthmus_value_open(&((Value *)h)->v, h->g->s, h->c_name, &h->type->t); }

static PyObject *object_of(const Plain *t, const char *p) {
    if (t->ndim == 0)
        return to_python(t->node, p);
    PyObject *shape = PyTuple_New(t->ndim), *copy = PyByteArray_FromStringAndSize(p, (Py_ssize_t)t->t.size);
    PyObject *view = copy == NULL ? NULL : PyMemoryView_FromObject(copy), *cast = NULL;
    for (int i = 0; shape != NULL && i < t->ndim; i++)
        PyTuple_SET_ITEM(shape, i, PyLong_FromSsize_t(t->shape[i]));
    if (view != NULL && shape != NULL && !PyErr_Occurred() && t->format[1] == 0)
        cast = PyObject_CallMethod(view, "cast", "sO", t->format, shape);
    else if (view != NULL && shape != NULL && !PyErr_Occurred())
        cast = to_python(t->node, p); /* an array of what has no letter */
    Py_XDECREF(view);
    Py_XDECREF(copy);
    Py_XDECREF(shape);
    return cast;
}

/* Copies the value at p to a writable buffer of its size. */
static PyObject *copy_to(PyObject *out, const char *p, uint64_t size) {
    Py_buffer b;
    if (buffer_of(out, &b, PyBUF_WRITABLE) < 0)
        return NULL;
    int fits = (uint64_t)b.len == size;
    if (fits)
        memcpy(b.buf, p, (size_t)size);
    PyBuffer_Release(&b);
    if (!fits)
        return PyErr_Format(PyExc_ValueError, "out has %zd bytes, and the type has %llu", b.len, (unsigned long long)size);
    Py_INCREF(out);
    return out;
}

/* Sets room to the bytes of x: 0, or -1. A buffer of the type's size is its bytes, except for
 * a number's. */
static int bytes_of(const Plain *t, PyObject *x, struct room *room) {
    if (room_for(room, t->t.size) == NULL)
        return -1;
    if (from_python(t->node, x, room->p) == 0)
        return 0;
    room_done(room);
    return -1;
}

/* Sets room to the bytes of x for a handle that may be used after that: a conversion may do
 * anything to it. */
static int bytes_for(void *self, PyObject *x, struct room *room) {
    Handle *h = self;
    if (bytes_of(h->type, x, room) < 0)
        return -1;
    if (ready(h) == 0)
        return 0;
    room_done(room);
    return -1;
}

static PyObject *value_load(Value *v, PyObject *const *a, Py_ssize_t n, PyObject *kw) {
    static const char *const names[] = {"out", NULL};
    PyObject *in[1], *result = NULL;
    struct room x;
    if (arguments("load", a, n, kw, names, 0, in) < 0 || ready(v) < 0 || room_for(&x, v->v.size) == NULL)
        return NULL;
    int r = isthmus_value_load(&v->v, x.p);
    if (r != 0)
        handle_error(v, r);
    else
        result = in[0] != NULL && in[0] != Py_None ? copy_to(in[0], x.p, v->v.size) : object_of(v->type, x.p);
    room_done(&x);
    return result;
}

static int value_put(Value *v, PyObject *x) {
    struct room room;
    int r;
    if (x == NULL) {
        PyErr_SetString(PyExc_TypeError, "a Value cannot be deleted");
        return -1;
    }
    if (bytes_for(v, x, &room) < 0)
        return -1;
    if (v->v.seq == NULL)
        r = isthmus_value_store(&v->v, room.p);
    else
        RELEASED(r, isthmus_value_store(&v->v, room.p));
    room_done(&room);
    if (r != 0)
        handle_error(v, r);
    return r == 0 ? 0 : -1;
}

static PyObject *value_store(Value *v, PyObject *x) {
    if (value_put(v, x) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *value_get_value(Value *v, void *unused) { (void)unused; return value_load(v, NULL, 0, NULL); }
static int value_set_value(Value *v, PyObject *x, void *unused) { (void)unused; return value_put(v, x); }

static PyObject *value_compare_and_swap(Value *v, PyObject *const *a, Py_ssize_t n, PyObject *kw) {
    static const char *const names[] = {"expected", "value", NULL};
    PyObject *in[2];
    struct room old, new;
    int r;
    if (arguments("compare_and_swap", a, n, kw, names, 2, in) < 0 || bytes_of(v->type, in[0], &old) < 0)
        return NULL;
    if (bytes_for(v, in[1], &new) < 0) {
        room_done(&old);
        return NULL;
    }
    RELEASED(r, isthmus_value_compare_and_swap(&v->v, old.p, new.p));
    room_done(&old);
    room_done(&new);
    return r == 0 || r == ISTHMUS_EBUSY ? PyBool_FromLong(r == 0) : handle_error(v, r);
}

static PyObject *value_wait(Value *v, PyObject *const *a, Py_ssize_t n, PyObject *kw) {
    static const char *const names[] = {"old", "timeout", NULL};
    PyObject *in[2], *result;
    struct room old, new;
    int64_t timeout;
    int r;
    if (arguments("wait", a, n, kw, names, 1, in) < 0 || timeout_of(in[1], &timeout) < 0 || bytes_for(v, in[0], &old) < 0)
        return NULL;
    if (room_for(&new, v->v.size) == NULL) {
        room_done(&old);
        return NULL;
    }
    RELEASED(r, isthmus_value_wait(&v->v, old.p, new.p, timeout));
    result = r == 0 ? object_of(v->type, new.p) : handle_error(v, r);
    room_done(&old);
    room_done(&new);
    return result;
}

/* An update whose function is Python's, or an addition. The new value is result. */
struct updater {
    Value *v;
    PyObject *f, *result;
};

static int call_update(void *x, void *arg) {
    struct updater *u = arg;
    struct room room;
    PyEval_RestoreThread(released);
    unsigned before = forks;
    Py_CLEAR(u->result); /* of a try that another write came before */
    PyObject *old = object_of(u->v->type, x);
    if (old != NULL)
        u->result = PyObject_CallOneArg(u->f, old);
    Py_XDECREF(old);
    int r = u->result == NULL || bytes_of(u->v->type, u->result, &room) < 0 ? RAISED : 0;
    if (r == 0) {
        memcpy(x, room.p, (size_t)u->v->v.size);
        room_done(&room);
    }
    if (r == 0 && forks != before)
        r = ISTHMUS_EFORKED;
    released = PyEval_SaveThread();
    return r;
}

static PyObject *value_update(Value *v, PyObject *f) {
    struct updater u = {v, f, NULL};
    int r;
    if (ready(v) < 0)
        return NULL;
    RELEASED(r, isthmus_value_update(&v->v, call_update, &u));
    if (r == 0)
        return u.result;
    Py_XDECREF(u.result);
    return handle_error(v, r);
}

static int add_number(void *x, void *arg) {
    struct updater *u = arg;
    Py_ssize_t i = (Py_ssize_t)(intptr_t)u->f;
    double d;
    switch (u->v->type->node->code) {
#define ADD(code, type) case code: { type t; memcpy(&t, x, sizeof t); t = (type)(t + (type)i); memcpy(x, &t, sizeof t); return 0; }
    ADD('b', int8_t)
    ADD('B', uint8_t)
    ADD('h', int16_t)
    ADD('H', uint16_t)
    ADD('i', uint32_t)
    ADD('I', uint32_t)
    ADD('l', uint64_t)
    ADD('L', uint64_t)
#undef ADD
    case 'd':
        memcpy(&d, x, sizeof d);
        d += *(double *)(void *)u->result;
        memcpy(x, &d, sizeof d);
        return 0;
    default: {
        float f;
        memcpy(&f, x, sizeof f);
        f += (float)*(double *)(void *)u->result;
        memcpy(x, &f, sizeof f);
        return 0;
    }
    }
}

/* Adds to a number, without a call of Python's. */
static PyObject *value_add(Value *v, PyObject *delta) {
    char code = v->type->node->code, x[8] = {0};
    struct updater u = {v, NULL, NULL};
    double d = 0;
    if (strchr("bBhHiIlLfd", code) == NULL)
        return PyErr_Format(PyExc_TypeError, "%U is no number to add to", v->type->text);
    if (strchr("fd", code) != NULL) {
        d = PyFloat_AsDouble(delta);
    } else {
        PyObject *i = PyNumber_Index(delta);
        if (i == NULL)
            return NULL;
        u.f = (PyObject *)(intptr_t)(code == 'L' && PyObject_RichCompareBool(i, Py_False, Py_GE) == 1 ? (Py_ssize_t)PyLong_AsUnsignedLongLong(i) : PyLong_AsSsize_t(i));
        Py_DECREF(i);
    }
    u.result = (PyObject *)(void *)&d;
    if (PyErr_Occurred() || ready(v) < 0)
        return NULL;
    for (;;) { /* as isthmus_value_update, and with what has been stored */
        int r = isthmus_value_load(&v->v, x);
        char old[8];
        if (r != 0)
            return handle_error(v, r);
        memcpy(old, x, 8);
        (void)add_number(x, &u);
        if ((r = isthmus_value_compare_and_swap(&v->v, old, x)) == 0)
            return to_python(v->type->node, x);
        if (r != ISTHMUS_EBUSY)
            return handle_error(v, r);
    }
}

static PyObject *value_new(PyTypeObject *type, PyObject *args, PyObject *kw) {
    static char *names[] = {"segment", "name", "type", "initial", NULL};
    PyObject *segment, *name, *plain, *initial = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "OOO|O", names, &segment, &name, &plain, &initial))
        return NULL;
    Value *v = handle_new(type, "value", segment, name, plain, 0, value_find);
    struct room new, zero;
    if (v == NULL || initial == NULL || initial == Py_None)
        return (PyObject *)v;
    if (bytes_for(v, initial, &new) == 0) {
        if (room_for(&zero, v->v.size) != NULL) {
            int r;
            RELEASED(r, isthmus_value_compare_and_swap(&v->v, zero.p, new.p));
            if (r != 0 && r != ISTHMUS_EBUSY)
                handle_error(v, r);
            room_done(&zero);
        }
        room_done(&new);
    }
    if (PyErr_Occurred())
        Py_CLEAR(v);
    return (PyObject *)v;
}

static PyMethodDef value_methods[] = {
    HANDLE_METHODS,
    {"load", FAST(value_load), "load(out=None)\n--\n\nReturn the value, or copy it to the buffer out."},
    {"store", (PyCFunction)value_store, METH_O, "store($self, value, /)\n--\n\nSet the value."},
    {"compare_and_swap", FAST(value_compare_and_swap), "compare_and_swap(expected, value)\n--\n\nSet the value if it is expected; return whether it was."},
    {"update", (PyCFunction)value_update, METH_O, "update($self, function, /)\n--\n\nSet the value to function(value), and return that. No other write comes between."},
    {"add", (PyCFunction)value_add, METH_O, "add($self, number, /)\n--\n\nAdd to the value, and return the sum. No other write comes between."},
    {"wait", FAST(value_wait), "wait(old, timeout=None)\n--\n\nWait until the value is not old, and return it."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef value_getset[] = {
    HANDLE_GETSET,
    TYPED_GETSET,
    {"value", (getter)value_get_value, (setter)value_set_value, "The value.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject ValueType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "isthmus.Value",
    .tp_basicsize = sizeof(Value),
    .tp_dealloc = (destructor)handle_dealloc,
    .tp_repr = (reprfunc)handle_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "One variable of a plain type.",
    .tp_methods = value_methods,
    .tp_getset = value_getset,
    .tp_new = value_new,
};

/* ---- Array ---- */

typedef struct {
    HANDLE
    struct isthmus_array a;
} Array;

static int array_find(Handle *h) { return isthmus_array_open(&((Array *)h)->a, h->g->s, h->c_name, &h->type->t, h->capacity); }

static PyObject *array_new(PyTypeObject *type, PyObject *args, PyObject *kw) {
    static char *names[] = {"segment", "name", "type", "length", NULL};
    PyObject *segment, *name, *plain, *length;
    uint64_t n;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "OOOO", names, &segment, &name, &plain, &length) || count_of(length, "length", &n) < 0)
        return NULL;
    return handle_new(type, "array", segment, name, plain, n, array_find);
}

static Py_ssize_t array_len(Array *a) { return (Py_ssize_t)a->capacity; }

static PyObject *array_item(Array *a, Py_ssize_t i) {
    struct room x;
    PyObject *result;
    if (i < 0 || (uint64_t)i >= a->capacity) {
        PyErr_SetString(PyExc_IndexError, "index out of range");
        return NULL;
    }
    if (ready(a) < 0 || room_for(&x, a->a.size) == NULL)
        return NULL;
    int r = isthmus_array_load(&a->a, (uint64_t)i, x.p);
    result = r == 0 ? object_of(a->type, x.p) : handle_error(a, r);
    room_done(&x);
    return result;
}

static int array_set(Array *a, Py_ssize_t i, PyObject *x) {
    struct room room;
    if (i < 0 || (uint64_t)i >= a->capacity || x == NULL) {
        PyErr_SetString(x == NULL ? PyExc_TypeError : PyExc_IndexError, x == NULL ? "an element cannot be deleted" : "index out of range");
        return -1;
    }
    if (bytes_for(a, x, &room) < 0)
        return -1;
    int r = isthmus_array_store(&a->a, (uint64_t)i, room.p);
    room_done(&room);
    if (r != 0)
        handle_error(a, r);
    return r == 0 ? 0 : -1;
}

static int index_of(const Array *a, PyObject *key, Py_ssize_t *i) {
    *i = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (*i == -1 && PyErr_Occurred())
        return -1;
    if (*i < 0)
        *i += (Py_ssize_t)a->capacity;
    return 0;
}

static PyObject *array_subscript(Array *a, PyObject *key) {
    Py_ssize_t i, start, stop, step;
    if (!PySlice_Check(key))
        return index_of(a, key, &i) < 0 ? NULL : array_item(a, i);
    if (PySlice_Unpack(key, &start, &stop, &step) < 0)
        return NULL;
    Py_ssize_t n = PySlice_AdjustIndices((Py_ssize_t)a->capacity, &start, &stop, step);
    PyObject *all = PyList_New(n);
    for (i = 0; all != NULL && i < n; i++) {
        PyObject *x = array_item(a, start + i * step);
        if (x == NULL)
            Py_CLEAR(all);
        else
            PyList_SET_ITEM(all, i, x);
    }
    return all;
}

static int array_assign(Array *a, PyObject *key, PyObject *x) {
    Py_ssize_t i, start, stop, step;
    if (!PySlice_Check(key))
        return index_of(a, key, &i) < 0 ? -1 : array_set(a, i, x);
    if (x == NULL || PySlice_Unpack(key, &start, &stop, &step) < 0) {
        if (x == NULL)
            PyErr_SetString(PyExc_TypeError, "elements cannot be deleted");
        return -1;
    }
    Py_ssize_t n = PySlice_AdjustIndices((Py_ssize_t)a->capacity, &start, &stop, step);
    PyObject *all = PySequence_List(x); /* the array itself may be what is assigned */
    if (all == NULL)
        return -1;
    int r = PyList_GET_SIZE(all) == n ? 0 : -1;
    if (r < 0)
        PyErr_Format(PyExc_ValueError, "%zd items for %zd elements", PyList_GET_SIZE(all), n);
    for (i = 0; r == 0 && i < n; i++)
        r = array_set(a, start + i * step, PyList_GET_ITEM(all, i));
    Py_DECREF(all);
    return r;
}

static PyObject *array_add(Array *a, PyObject *const *in, Py_ssize_t n) {
    Py_ssize_t i;
    int64_t delta, sum = 0;
    char x[8];
    if (n != 2)
        return PyErr_Format(PyExc_TypeError, "add() takes an index and a number");
    if (strchr("bBhHiIlL", a->type->node->code) == NULL)
        return PyErr_Format(PyExc_TypeError, "%U is no integer to add to", a->type->text);
    if (index_of(a, in[0], &i) < 0 || whole(in[1], INT64_MIN, INT64_MAX, &delta) < 0 || ready(a) < 0)
        return NULL;
    if (i < 0 || (uint64_t)i >= a->capacity) {
        PyErr_SetString(PyExc_IndexError, "index out of range");
        return NULL;
    }
    int r = isthmus_array_add(&a->a, (uint64_t)i, delta, &sum);
    memcpy(x, &sum, sizeof x);
    return r == 0 ? to_python(a->type->node, x) : handle_error(a, r);
}

static int array_buffer(Array *a, Py_buffer *b, int flags) {
    Py_ssize_t *dims = NULL;
    b->obj = NULL;
    if (ready(a) < 0)
        return -1;
    if ((dims = PyMem_Malloc(18 * sizeof *dims)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (fill_buffer(b, (PyObject *)a, a->type, (char *)a->a.o.mem, (Py_ssize_t)a->capacity, 0, flags, dims) < 0) {
        PyMem_Free(dims);
        return -1;
    }
    b->internal = dims;
    a->g->exports++;
    return 0;
}

static void array_unbuffer(Array *a, Py_buffer *b) {
    PyMem_Free(b->internal);
    a->g->exports--;
}

static PyMethodDef array_methods[] = {
    HANDLE_METHODS,
    {"add", (PyCFunction)(void (*)(void))array_add, METH_FASTCALL, "add($self, index, number, /)\n--\n\nAdd to an integer element atomically, and return the sum."},
    {NULL, NULL, 0, NULL},
};

static PySequenceMethods array_sequence = {.sq_length = (lenfunc)array_len, .sq_item = (ssizeargfunc)array_item};
static PyMappingMethods array_mapping = {(lenfunc)array_len, (binaryfunc)array_subscript, (objobjargproc)array_assign};
static PyBufferProcs array_buffers = {(getbufferproc)array_buffer, (releasebufferproc)array_unbuffer};

static PyTypeObject ArrayType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "isthmus.Array",
    .tp_basicsize = sizeof(Array),
    .tp_dealloc = (destructor)handle_dealloc,
    .tp_repr = (reprfunc)handle_repr,
    .tp_as_sequence = &array_sequence,
    .tp_as_mapping = &array_mapping,
    .tp_as_buffer = &array_buffers,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "A fixed number of elements of a plain type. numpy.asarray and memoryview show it in place.",
    .tp_methods = array_methods,
    .tp_getset = typed_getset,
    .tp_new = array_new,
};
