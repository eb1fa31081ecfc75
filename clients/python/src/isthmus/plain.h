/* Plain types (F17) and their values in Python: numbers, lists for arrays, tuples for structs. */

struct node {
    char code; /* a letter of struct's, 'F' and 'D' for complex numbers, '[' or '{' */
    uint64_t size, count;
    struct node *of; /* of an array */
    struct field *fields;
};

struct field {
    uint64_t off, name_len;
    const char *name;
    struct node *of;
};

typedef struct {
    PyObject_HEAD
    PyObject *text;
    struct isthmus_type t;
    struct node *node, *flat; /* flat is what the outer arrays are of */
    char *format;             /* of flat, as a buffer has it */
    int ndim;
    Py_ssize_t shape[8]; /* of the outer arrays */
} Plain;

static PyTypeObject PlainType;

static void node_free(struct node *n) {
    if (n == NULL)
        return;
    node_free(n->of);
    for (uint64_t i = 0; n->fields != NULL && i < n->count; i++)
        node_free(n->fields[i].of);
    PyMem_Free(n->fields);
    PyMem_Free(n);
}

static char code_of(const char *name, size_t n) {
    static const struct {
        const char *name;
        char code;
    } codes[] = {{"bool", '?'},  {"int8", 'b'},   {"uint8", 'B'}, {"int16", 'h'},   {"uint16", 'H'},  {"int32", 'i'},     {"uint32", 'I'},    {"int64", 'l'},
                 {"uint64", 'L'}, {"int", 'l'}, {"uint", 'L'},  {"float32", 'f'}, {"float64", 'd'}, {"complex64", 'F'}, {"complex128", 'D'}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strlen(codes[i].name) == n && memcmp(codes[i].name, name, n) == 0)
            return codes[i].code;
    return 0;
}

/* Reads the text of a type that the header has found good. */
static struct node *node_read(const char **p) {
    struct isthmus__parser s;
    struct node *n = PyMem_Calloc(1, sizeof *n);
    if (n == NULL)
        return NULL;
    memset(&s, 0, sizeof s);
    s.p = *p;
    n->size = isthmus__type(&s, 0, NULL, 0).size;
    if (**p == '[') {
        n->code = '[';
        n->count = strtoull(*p + 1, (char **)p, 10);
        ++*p;
        if ((n->of = node_read(p)) == NULL)
            goto fail;
    } else if (**p == '{') {
        n->code = '{';
        for (++*p; **p != '}'; n->count++) {
            struct field *f = PyMem_Realloc(n->fields, (n->count + 1) * sizeof *f);
            if (f == NULL)
                goto fail;
            n->fields = f;
            f += n->count;
            f->name = n->count > 0 ? ++*p : *p; /* behind the comma */
            while (**p != ' ')
                ++*p;
            f->name_len = (uint64_t)(*p - f->name);
            f->off = strtoull(*p + 1, (char **)p, 10);
            ++*p;
            if ((f->of = node_read(p)) == NULL)
                goto fail;
        }
        ++*p;
    } else {
        const char *begin = *p;
        while ((**p >= 'a' && **p <= 'z') || (**p >= '0' && **p <= '9'))
            ++*p;
        n->code = code_of(begin, (size_t)(*p - begin));
    }
    return n;
fail:
    node_free(n);
    return NULL;
}

/* The value at p, as an object. */
static PyObject *to_python(const struct node *n, const char *p) {
#define AS(type, call) { type x; memcpy(&x, p, sizeof x); return call; }
    switch (n->code) {
    case '?': return PyBool_FromLong(*p != 0);
    case 'b': AS(int8_t, PyLong_FromLong(x))
    case 'B': AS(uint8_t, PyLong_FromLong(x))
    case 'h': AS(int16_t, PyLong_FromLong(x))
    case 'H': AS(uint16_t, PyLong_FromLong(x))
    case 'i': AS(int32_t, PyLong_FromLong(x))
    case 'I': AS(uint32_t, PyLong_FromUnsignedLong(x))
    case 'l': AS(int64_t, PyLong_FromLongLong(x))
    case 'L': AS(uint64_t, PyLong_FromUnsignedLongLong(x))
    case 'f': AS(float, PyFloat_FromDouble((double)x))
    case 'd': AS(double, PyFloat_FromDouble(x))
    case 'F': { float x[2]; memcpy(x, p, sizeof x); return PyComplex_FromDoubles((double)x[0], (double)x[1]); }
    case 'D': { double x[2]; memcpy(x, p, sizeof x); return PyComplex_FromDoubles(x[0], x[1]); }
    }
#undef AS
    PyObject *all = n->code == '[' ? PyList_New((Py_ssize_t)n->count) : PyTuple_New((Py_ssize_t)n->count);
    for (uint64_t i = 0; all != NULL && i < n->count; i++) {
        const struct node *of = n->code == '[' ? n->of : n->fields[i].of;
        PyObject *x = to_python(of, p + (n->code == '[' ? i * of->size : n->fields[i].off));
        if (x == NULL)
            Py_CLEAR(all);
        else if (n->code == '[')
            PyList_SET_ITEM(all, (Py_ssize_t)i, x);
        else
            PyTuple_SET_ITEM(all, (Py_ssize_t)i, x);
    }
    return all;
}

static int whole(PyObject *x, int64_t least, int64_t most, int64_t *out) {
    PyObject *i = PyNumber_Index(x);
    int over = 0;
    if (i == NULL)
        return -1;
    *out = PyLong_AsLongLongAndOverflow(i, &over);
    Py_DECREF(i);
    if (*out == -1 && PyErr_Occurred())
        return -1;
    if (over != 0 || *out < least || *out > most) {
        PyErr_Format(PyExc_OverflowError, "%R does not fit into the type", x);
        return -1;
    }
    return 0;
}

/* Gets a buffer of x, to be read, or to be written if flags say so. Python's objects are no bytes
 * to share: their addresses mean nothing elsewhere, and bytes are no addresses. NumPy gives
 * dates without a format only. */
static int buffer_of(PyObject *x, Py_buffer *b, int flags) {
    int name = 0;
    if (PyObject_GetBuffer(x, b, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | flags) < 0) {
        if (flags != 0 || !(PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_BufferError)))
            return -1;
        PyErr_Clear();
        return PyObject_GetBuffer(x, b, PyBUF_C_CONTIGUOUS);
    }
    for (const char *p = b->format; p != NULL && *p != 0; p++) {
        name ^= *p == ':';
        if (*p == 'O' && !name) {
            PyBuffer_Release(b);
            PyErr_Format(PyExc_TypeError, "a buffer of Python's objects is given: %.100s", Py_TYPE(x)->tp_name);
            return -1;
        }
    }
    return 0;
}

/* Copies bytes of exactly that size from a buffer: 1, 0 if x has no buffer, or -1. */
static int from_buffer(PyObject *x, char *p, uint64_t size) {
    Py_buffer b;
    if (!PyObject_CheckBuffer(x))
        return 0;
    if (buffer_of(x, &b, 0) < 0)
        return -1;
    int r = (uint64_t)b.len == size ? 1 : -1;
    if (r == 1)
        memcpy(p, b.buf, (size_t)size);
    else
        PyErr_Format(PyExc_ValueError, "a buffer of %zd bytes is given, and the type has %llu", b.len, (unsigned long long)size);
    PyBuffer_Release(&b);
    return r;
}

/* Sets the bytes at p, which are 0, to those of x. */
static int from_python(const struct node *n, PyObject *x, char *p) {
    int64_t i;
    double d;
#define PUT(type, value) { type v = (type)(value); memcpy(p, &v, sizeof v); return 0; }
#define WHOLE(type, least, most) { if (whole(x, least, most, &i) < 0) return -1; PUT(type, i) }
    switch (n->code) {
    case '?': { int t = PyObject_IsTrue(x); if (t < 0) return -1; PUT(uint8_t, t) }
    case 'b': WHOLE(int8_t, INT8_MIN, INT8_MAX)
    case 'B': WHOLE(uint8_t, 0, UINT8_MAX)
    case 'h': WHOLE(int16_t, INT16_MIN, INT16_MAX)
    case 'H': WHOLE(uint16_t, 0, UINT16_MAX)
    case 'i': WHOLE(int32_t, INT32_MIN, INT32_MAX)
    case 'I': WHOLE(uint32_t, 0, UINT32_MAX)
    case 'l': WHOLE(int64_t, INT64_MIN, INT64_MAX)
    case 'L': {
        PyObject *o = PyNumber_Index(x);
        if (o == NULL)
            return -1;
        unsigned long long u = PyLong_AsUnsignedLongLong(o);
        Py_DECREF(o);
        if (u == (unsigned long long)-1 && PyErr_Occurred())
            return -1;
        PUT(uint64_t, u)
    }
    case 'f': case 'd':
        d = PyFloat_AsDouble(x);
        if (d == -1 && PyErr_Occurred())
            return -1;
        if (n->code == 'd')
            PUT(double, d)
        PUT(float, d)
    case 'F': case 'D': {
        Py_complex c = PyComplex_AsCComplex(x);
        if (c.real == -1 && PyErr_Occurred())
            return -1;
        double both[2] = {c.real, c.imag};
        float halves[2] = {(float)c.real, (float)c.imag};
        if (n->code == 'D')
            memcpy(p, both, sizeof both);
        else
            memcpy(p, halves, sizeof halves);
        return 0;
    }
    }
#undef WHOLE
#undef PUT
    int buffer = from_buffer(x, p, n->size);
    if (buffer != 0)
        return buffer < 0 ? -1 : 0;
    PyObject *all = PySequence_Fast(x, n->code == '[' ? "an array takes a sequence or a buffer" : "a struct takes a sequence or a buffer");
    if (all == NULL)
        return -1;
    int r = 0;
    if ((uint64_t)PySequence_Fast_GET_SIZE(all) != n->count) {
        PyErr_Format(PyExc_ValueError, "%zd items are given, and the type has %llu", PySequence_Fast_GET_SIZE(all), (unsigned long long)n->count);
        r = -1;
    }
    for (uint64_t k = 0; r == 0 && k < n->count; k++) {
        if ((uint64_t)PySequence_Fast_GET_SIZE(all) != n->count) { /* a conversion has changed it */
            PyErr_SetString(PyExc_RuntimeError, "the sequence has changed its size");
            r = -1;
            break;
        }
        PyObject *item = PySequence_Fast_GET_ITEM(all, (Py_ssize_t)k);
        Py_INCREF(item);
        r = n->code == '[' ? from_python(n->of, item, p + k * n->of->size) : from_python(n->fields[k].of, item, p + n->fields[k].off);
        Py_DECREF(item);
    }
    Py_DECREF(all);
    return r;
}

/* ---- Formats of buffers (PEP 3118) ---- */

struct text {
    char *p;
    size_t n, cap;
    int bad;
};

static void put(struct text *t, const char *s, size_t n) {
    if (t->n + n + 1 > t->cap) {
        size_t cap = 2 * (t->n + n + 1);
        char *p = PyMem_Realloc(t->p, cap);
        if (p == NULL) {
            t->bad = 1;
            return;
        }
        t->p = p;
        t->cap = cap;
    }
    memcpy(t->p + t->n, s, n);
    t->p[t->n += n] = 0;
}

static void put_number(struct text *t, uint64_t n, const char *then) {
    char b[40];
    put(t, b, (size_t)snprintf(b, sizeof b, "%llu%s", (unsigned long long)n, then));
}

/* Writes the format of a type; inside of a struct, with standard sizes and padding. */
static void put_format(struct text *t, const struct node *n, int inside) {
    if (n->code == '[') {
        put(t, "(", 1);
        for (;; n = n->of) {
            put_number(t, n->count, n->of->code == '[' ? "," : ")");
            if (n->of->code != '[')
                break;
        }
        put_format(t, n->of, inside);
    } else if (n->code == '{') {
        uint64_t at = 0;
        put(t, "T{", 2);
        for (uint64_t i = 0; i < n->count; i++) {
            const struct field *f = &n->fields[i];
            if (f->name_len == 1 && *f->name == '_')
                continue;
            if (f->off > at)
                put_number(t, f->off - at, "x");
            put_format(t, f->of, 1);
            put(t, ":", 1);
            put(t, f->name, f->name_len);
            put(t, ":", 1);
            at = f->off + f->of->size;
        }
        if (n->size > at)
            put_number(t, n->size - at, "x");
        put(t, "}", 1);
    } else if (n->code == 'F' || n->code == 'D') {
        put(t, "=", (size_t)inside);
        put(t, n->code == 'F' ? "Zf" : "Zd", 2);
    } else {
        char c = inside && n->code == 'l' ? 'q' : inside && n->code == 'L' ? 'Q' : n->code;
        put(t, "=", (size_t)inside);
        put(t, &c, 1);
    }
}

/* ---- Plain ---- */

static PyObject *plain_of_text; /* text to Plain */

static void plain_dealloc(Plain *self) {
    node_free(self->node);
    PyMem_Free(self->format);
    Py_XDECREF(self->text);
    Py_TYPE(self)->tp_free(self);
}

/* The type that has this text; a borrowed reference, that lives for ever. */
static Plain *plain_of(PyObject *text) {
    PyObject *known = PyDict_GetItemWithError(plain_of_text, text);
    struct isthmus_type t;
    struct text format = {0};
    Py_ssize_t len;
    if (known != NULL || PyErr_Occurred())
        return (Plain *)known;
    const char *p = PyUnicode_AsUTF8AndSize(text, &len);
    if (p == NULL)
        return NULL;
    if (strlen(p) != (size_t)len || isthmus_type_of(&t, p) != 0) {
        PyErr_Format(PyExc_ValueError, "%R is no plain type", text);
        return NULL;
    }
    Plain *self = (Plain *)PlainType.tp_alloc(&PlainType, 0);
    if (self == NULL)
        return NULL;
    Py_INCREF(text);
    self->text = text;
    self->t = t;
    self->node = self->flat = node_read(&p);
    while (self->flat != NULL && self->flat->code == '[' && self->ndim < 8) {
        self->shape[self->ndim++] = (Py_ssize_t)self->flat->count;
        self->flat = self->flat->of;
    }
    if (self->flat != NULL)
        put_format(&format, self->flat, 0);
    self->format = format.p;
    if (self->node == NULL || format.p == NULL || format.bad)
        PyErr_NoMemory();
    if (PyErr_Occurred() || PyDict_SetItem(plain_of_text, text, (PyObject *)self) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    Py_DECREF(self); /* the dictionary has it */
    return self;
}

static PyObject *plain_format(Plain *self, void *unused) {
    (void)unused;
    return PyUnicode_FromString(self->format);
}

static PyObject *plain_size(Plain *self, void *unused) {
    (void)unused;
    return PyLong_FromUnsignedLongLong(self->t.size);
}

static PyGetSetDef plain_getset[] = {
    {"format", (getter)plain_format, NULL, "The format of a buffer of it, as memoryview has it.", NULL},
    {"size", (getter)plain_size, NULL, "Its bytes.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject PlainType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "isthmus._isthmus.Plain",
    .tp_basicsize = sizeof(Plain),
    .tp_dealloc = (destructor)plain_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "A plain type.",
    .tp_getset = plain_getset,
};

/* The type that a user has given: its text, or what isthmus.type_of takes. */
static PyObject *type_of; /* of types.py */

static Plain *plain_from(PyObject *given) {
    PyObject *text = PyObject_CallOneArg(type_of, given);
    if (text == NULL)
        return NULL;
    Plain *t = PyUnicode_Check(text) ? plain_of(text) : NULL;
    if (t == NULL && !PyErr_Occurred())
        PyErr_SetString(PyExc_TypeError, "type_of returns no text");
    Py_DECREF(text);
    return t;
}

/* Fills a buffer of count elements, or of one, that lie at p. shape and strides have room for
 * 9, and live as long as the buffer. */
static int fill_buffer(Py_buffer *b, PyObject *owner, Plain *t, char *p, Py_ssize_t count, int readonly, int flags, Py_ssize_t *dims) {
    Py_ssize_t n = 0, *strides = dims + 9;
    if (readonly && (flags & PyBUF_WRITABLE) == PyBUF_WRITABLE) {
        PyErr_SetString(PyExc_BufferError, "the message is read-only");
        return -1;
    }
    if (count >= 0)
        dims[n++] = count;
    for (int i = 0; i < t->ndim; i++)
        dims[n++] = t->shape[i];
    Py_ssize_t stride = (Py_ssize_t)t->flat->size;
    for (Py_ssize_t i = n - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= dims[i];
    }
    b->buf = p;
    b->len = (Py_ssize_t)t->t.size * (count >= 0 ? count : 1);
    b->readonly = readonly;
    b->itemsize = (Py_ssize_t)t->flat->size;
    b->format = flags & PyBUF_FORMAT ? t->format : NULL;
    b->ndim = (int)n;
    b->shape = n > 0 && (flags & PyBUF_ND) == PyBUF_ND ? dims : NULL;
    b->strides = n > 0 && (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? strides : NULL;
    b->suboffsets = NULL;
    b->internal = NULL;
    if (b->shape == NULL && b->ndim > 1)
        b->ndim = 1;
    if ((flags & PyBUF_F_CONTIGUOUS) == PyBUF_F_CONTIGUOUS && !PyBuffer_IsContiguous(b, 'F')) {
        PyErr_SetString(PyExc_BufferError, "the rows of the memory come one after the other, not the columns");
        return -1;
    }
    Py_INCREF(owner);
    b->obj = owner;
    return 0;
}
