/* What all handles of objects share. */

/* What each handle begins with. find opens the object in g->s again, after a fork. */
#define HANDLE                          \
    PyObject_HEAD                       \
    Segment *g;                         \
    PyObject *name;                     \
    const char *c_name;                 \
    Plain *type;                        \
    uint64_t capacity;                  \
    int (*find)(struct handle *self);   \
    const char *what;                   \
    unsigned generation;

typedef struct handle { HANDLE } Handle;

static void *handle_error(void *self, int code) {
    Handle *h = self;
    return raise_code(code, h->what, h->name, h->g->name);
}

/* Finds the object, or makes it. */
static int handle_find(Handle *h, int shared) {
    int r;
    if (shared)
        r = h->find(h);
    else
        RELEASED(r, h->find(h)); /* others may be making objects */
    if (r != 0) {
        handle_error(h, r);
        return -1;
    }
    h->generation = h->g->generation;
    return 0;
}

/* Whether the handle may be used; 0, or -1 with an exception. */
static inline int ready(void *self) {
    Handle *h = self;
    if (segment_ready(h->g) < 0)
        return -1;
    return h->generation == h->g->generation ? 0 : handle_find(h, 1);
}

/* Makes a handle of (segment, name, …) and finds, or makes, its object. */
static void *handle_new(PyTypeObject *type, const char *what, PyObject *segment, PyObject *name, PyObject *plain, uint64_t capacity,
                        int (*find)(Handle *)) {
    if (!PyObject_TypeCheck(segment, &SegmentType))
        return PyErr_Format(PyExc_TypeError, "%s takes a Segment and a name", what);
    const char *c_name = text_of(name, "name");
    if (c_name == NULL)
        return NULL;
    Plain *t = plain == NULL ? NULL : plain_from(plain);
    Segment *g = (Segment *)segment;
    if ((plain != NULL && t == NULL) || segment_ready(g) < 0)
        return NULL;
    Handle *h = (Handle *)type->tp_alloc(type, 0);
    if (h == NULL)
        return NULL;
    Py_INCREF(g);
    h->g = g;
    Py_INCREF(name);
    h->name = name;
    h->c_name = c_name;
    Py_XINCREF(t);
    h->type = t;
    h->capacity = capacity;
    h->find = find;
    h->what = what;
    if (handle_find(h, 0) < 0) {
        Py_DECREF(h);
        return NULL;
    }
    return h;
}

static void handle_dealloc(Handle *h) {
    Py_XDECREF(h->g);
    Py_XDECREF(h->name);
    Py_XDECREF(h->type);
    Py_TYPE(h)->tp_free(h);
}

static PyObject *handle_repr(Handle *h) {
    return h->type != NULL ? PyUnicode_FromFormat("<isthmus %s %R of %U in %R>", h->what, h->name, h->type->text, h->g->name)
                           : PyUnicode_FromFormat("<isthmus %s %R in %R>", h->what, h->name, h->g->name);
}

static PyObject *handle_get_name(Handle *h, void *unused) { (void)unused; Py_INCREF(h->name); return h->name; }
static PyObject *handle_get_segment(Handle *h, void *unused) { (void)unused; Py_INCREF(h->g); return (PyObject *)h->g; }

static PyObject *handle_get_type(Handle *h, void *unused) {
    (void)unused;
    PyObject *t = h->type != NULL ? h->type->text : Py_None;
    Py_INCREF(t);
    return t;
}

static PyObject *dtype_of; /* of types.py */

static PyObject *handle_get_dtype(Handle *h, void *unused) {
    (void)unused;
    return PyObject_CallOneArg(dtype_of, h->type->text);
}

/* (class, (segment, name[, type][, capacity])): another process opens the same. */
static PyObject *handle_reduce(Handle *h, PyObject *unused) {
    (void)unused;
    PyObject *class = (PyObject *)Py_TYPE(h);
    if (h->type == NULL)
        return h->capacity == 0 ? Py_BuildValue("O(OO)", class, h->g, h->name)
                                : Py_BuildValue("O(OOK)", class, h->g, h->name, (unsigned long long)h->capacity);
    return h->capacity == 0 ? Py_BuildValue("O(OOO)", class, h->g, h->name, h->type->text)
                            : Py_BuildValue("O(OOOK)", class, h->g, h->name, h->type->text, (unsigned long long)h->capacity);
}

#define HANDLE_GETSET                                                                                   \
    {"name", (getter)handle_get_name, NULL, "Its name.", NULL},                                         \
        {"segment", (getter)handle_get_segment, NULL, "The Segment that it is in.", NULL}
#define TYPED_GETSET                                                                                    \
    {"type", (getter)handle_get_type, NULL, "The text of its type.", NULL},                             \
        {"dtype", (getter)handle_get_dtype, NULL, "Its type as a dtype of NumPy.", NULL}
#define HANDLE_METHODS {"__reduce__", (PyCFunction)handle_reduce, METH_NOARGS, NULL}

static PyGetSetDef handle_getset[] = {HANDLE_GETSET, {NULL, NULL, NULL, NULL, NULL}};
static PyGetSetDef typed_getset[] = {HANDLE_GETSET, TYPED_GETSET, {NULL, NULL, NULL, NULL, NULL}};

/* Room for one value of a type, on the stack if it is small. */
struct room {
    char small[256], *p;
};

static char *room_for(struct room *r, uint64_t size) {
    r->p = size <= sizeof r->small ? r->small : PyMem_Malloc((size_t)size);
    if (r->p == NULL)
        PyErr_NoMemory();
    else
        memset(r->p, 0, (size_t)size);
    return r->p;
}

static void room_done(struct room *r) {
    if (r->p != r->small)
        PyMem_Free(r->p);
}

/* A new object of the bytes at p. An array becomes a memoryview of a copy. */
static PyObject *object_of(const Plain *t, const char *p);
