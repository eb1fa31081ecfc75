/* SPSC, MPMC and Bytes, their ends, and what those lend.
 *
 * An end may be used by one thread at a time: it is busy while a call runs without the GIL,
 * and while it has lent something. Roles are the process's that has claimed them: a child of
 * fork gets Forked, and claims its own. */

enum { SPSC, BYTES, MPMC };

typedef struct {
    HANDLE
    int kind;
    union {
        struct isthmus_spsc spsc;
        struct isthmus_mpmc mpmc;
        struct isthmus_bytes bytes;
    } q;
} Ring;

typedef struct {
    PyObject_HEAD
    Ring *q;
    int consumes, kind;
    unsigned generation;
    int busy; /* a call runs, or something is lent */
    union {
        struct isthmus_spsc_producer spsc_in;
        struct isthmus_spsc_consumer spsc_out;
        struct isthmus_bytes_producer bytes_in;
        struct isthmus_bytes_consumer bytes_out;
    } e;
} End;

/* Space for a message, or a message, in place. */
typedef struct {
    PyObject_HEAD
    Ring *q;
    End *end; /* NULL of an MPMC */
    struct isthmus_mpmc_lent lent;
    char *p;
    uint64_t len;
    int writes, over;
    unsigned generation;
    Py_ssize_t exports;
    PyObject *view; /* a weak reference to what enter has returned, which refers to this */
} Lent;

static PyTypeObject ProducerType, ConsumerType, LentType, SPSCType, BytesType, MPMCType;

static int spsc_find(Handle *h) { return isthmus_spsc_open(&((Ring *)h)->q.spsc, h->g->s, h->c_name, &h->type->t, h->capacity); }
static int mpmc_find(Handle *h) { return isthmus_mpmc_open(&((Ring *)h)->q.mpmc, h->g->s, h->c_name, &h->type->t, h->capacity); }
static int bytes_find(Handle *h) { return isthmus_bytes_open(&((Ring *)h)->q.bytes, h->g->s, h->c_name, h->capacity); }

static PyObject *ring_new(PyTypeObject *type, PyObject *args, PyObject *kw) {
    static char *names[] = {"segment", "name", "type", "capacity", NULL}, *bytes_names[] = {"segment", "name", "capacity", NULL};
    PyObject *segment, *name, *plain = NULL, *capacity;
    int kind = type == &SPSCType ? SPSC : type == &MPMCType ? MPMC : BYTES;
    uint64_t n;
    if (kind == BYTES ? !PyArg_ParseTupleAndKeywords(args, kw, "OOO", bytes_names, &segment, &name, &capacity)
                      : !PyArg_ParseTupleAndKeywords(args, kw, "OOOO", names, &segment, &name, &plain, &capacity))
        return NULL;
    if (count_of(capacity, "capacity", &n) < 0)
        return NULL;
    Ring *q = kind == SPSC   ? handle_new(type, "SPSC", segment, name, plain, n, spsc_find)
              : kind == MPMC ? handle_new(type, "MPMC", segment, name, plain, n, mpmc_find)
                             : handle_new(type, "Bytes", segment, name, NULL, n, bytes_find);
    if (q != NULL)
        q->kind = kind;
    return (PyObject *)q;
}

/* ---- Ends ---- */

static PyObject *end_new(Ring *q, int consumes) {
    int r;
    if (ready(q) < 0)
        return NULL;
    End *e = (End *)(consumes ? &ConsumerType : &ProducerType)->tp_alloc(consumes ? &ConsumerType : &ProducerType, 0);
    if (e == NULL)
        return NULL;
    if (q->kind == SPSC)
        r = consumes ? isthmus_spsc_consume(&e->e.spsc_out, &q->q.spsc) : isthmus_spsc_produce(&e->e.spsc_in, &q->q.spsc);
    else
        r = consumes ? isthmus_bytes_consume(&e->e.bytes_out, &q->q.bytes) : isthmus_bytes_produce(&e->e.bytes_in, &q->q.bytes);
    if (r != 0) {
        Py_DECREF(e);
        return handle_error(q, r);
    }
    Py_INCREF(q);
    e->q = q;
    e->consumes = consumes;
    e->kind = q->kind;
    e->generation = q->g->generation;
    return (PyObject *)e;
}

static PyObject *ring_producer(Ring *q, PyObject *unused) { (void)unused; return end_new(q, 0); }
static PyObject *ring_consumer(Ring *q, PyObject *unused) { (void)unused; return end_new(q, 1); }

/* Whether the end may be used, and makes it busy; 0, or -1 with an exception. */
static int end_take(End *e) {
    if (segment_ready(e->q->g) < 0)
        return -1;
    if (e->generation != e->q->g->generation) {
        raise_code(ISTHMUS_EFORKED, e->consumes ? "the parent's consumer of" : "the parent's producer of", e->q->name, e->q->g->name);
        return -1;
    }
    if (e->busy) {
        PyErr_Format(PyExc_RuntimeError, "the %s of %R is in use: by another thread, or what it lent is", e->consumes ? "consumer" : "producer", e->q->name);
        return -1;
    }
    e->busy = 1;
    return 0;
}

/* Gives the role up. */
static int end_leave(End *e) {
    if (e->kind == SPSC)
        return e->consumes ? isthmus_spsc_consumer_detach(&e->e.spsc_out) : isthmus_spsc_producer_detach(&e->e.spsc_in);
    return e->consumes ? isthmus_bytes_consumer_detach(&e->e.bytes_out) : isthmus_bytes_producer_detach(&e->e.bytes_in);
}

static void end_dealloc(End *e) {
    if (e->q != NULL) {
        if (e->generation == e->q->g->generation && isthmus__closed(e->q->g->s) == 0)
            (void)end_leave(e);
        Py_DECREF(e->q);
    }
    Py_TYPE(e)->tp_free(e);
}

static PyObject *end_detach(End *e, PyObject *unused) {
    (void)unused;
    if (end_take(e) < 0)
        return NULL;
    int r = end_leave(e);
    e->busy = 0;
    if (r != 0 && r != ISTHMUS_ENOTHELD && r != ISTHMUS_EEND)
        return handle_error(e->q, r);
    Py_RETURN_NONE;
}

static PyObject *end_close(End *e, PyObject *unused) {
    (void)unused;
    if (end_take(e) < 0)
        return NULL;
    int r = e->kind == SPSC ? isthmus_spsc_close(&e->e.spsc_in) : isthmus_bytes_close(&e->e.bytes_in);
    e->busy = 0;
    if (r != 0 && r != ISTHMUS_EEND)
        return handle_error(e->q, r);
    Py_RETURN_NONE;
}

static PyObject *end_exit(End *e, PyObject *const *a, Py_ssize_t n) {
    (void)a, (void)n;
    if (e->q->g->shut)
        Py_RETURN_NONE;
    return end_detach(e, NULL);
}

/* Copies of so many bytes are made without the GIL. */
#define LARGE (64 * 1024)

static int end_push(End *e, const void *p, uint64_t len, int64_t timeout) {
    int r;
    if (e->kind == SPSC) {
        r = len < LARGE ? isthmus_spsc_try_push(&e->e.spsc_in, p) : (int)ISTHMUS_EFULL;
        if (r == ISTHMUS_EFULL && (len >= LARGE || timeout != 0))
            RELEASED(r, timeout == 0 ? isthmus_spsc_try_push(&e->e.spsc_in, p) : isthmus_spsc_push(&e->e.spsc_in, p, timeout));
    } else {
        r = len < LARGE ? isthmus_bytes_push(&e->e.bytes_in, p, len, 0) : (int)ISTHMUS_EFULL;
        if (r == ISTHMUS_EFULL && (len >= LARGE || timeout != 0))
            RELEASED(r, isthmus_bytes_push(&e->e.bytes_in, p, len, timeout));
    }
    return r == ISTHMUS_ETIMEDOUT ? (int)ISTHMUS_EFULL : r;
}

/* The message's bytes: those of its buffer, or of room. 0, or -1. */
struct message {
    Py_buffer buffer;
    struct room room;
    int buffered;
    const void *p;
    uint64_t len;
};

static int message_of(struct message *m, Ring *q, PyObject *x) {
    m->buffered = q->type == NULL || ((q->type->node->code == '[' || q->type->node->code == '{') && PyObject_CheckBuffer(x));
    if (!m->buffered) {
        if (bytes_of(q->type, x, &m->room) < 0)
            return -1;
        m->p = m->room.p;
        m->len = q->type->t.size;
        return 0;
    }
    if (buffer_of(x, &m->buffer, 0) < 0)
        return -1;
    m->p = m->buffer.buf;
    m->len = (uint64_t)m->buffer.len;
    if (q->type != NULL && m->len != q->type->t.size) {
        PyErr_Format(PyExc_ValueError, "a buffer of %zd bytes is given, and the type has %llu", m->buffer.len, (unsigned long long)q->type->t.size);
        PyBuffer_Release(&m->buffer);
        return -1;
    }
    return 0;
}

static void message_done(struct message *m) {
    if (m->buffered)
        PyBuffer_Release(&m->buffer);
    else
        room_done(&m->room);
}

static PyObject *producer_push(End *e, PyObject *const *a, Py_ssize_t n, PyObject *kw) {
    static const char *const names[] = {"message", "timeout", NULL};
    PyObject *in[2];
    struct message m;
    int64_t timeout;
    if (arguments("push", a, n, kw, names, 1, in) < 0 || timeout_of(in[1], &timeout) < 0 || message_of(&m, e->q, in[0]) < 0)
        return NULL;
    int r = -1;
    if (end_take(e) == 0) {
        r = end_push(e, m.p, m.len, timeout);
        e->busy = 0;
        if (r != 0)
            handle_error(e->q, r);
    }
    message_done(&m);
    if (r != 0)
        return NULL;
    Py_RETURN_NONE;
}

static int end_next(End *e, const void **p, uint64_t *len, int64_t timeout) {
    int r;
    if (e->kind == SPSC) {
        *len = e->q->type->t.size;
        r = isthmus_spsc_next(&e->e.spsc_out, p, 0);
        if (r == ISTHMUS_EEMPTY && timeout != 0)
            RELEASED(r, isthmus_spsc_next(&e->e.spsc_out, p, timeout));
    } else {
        r = isthmus_bytes_next(&e->e.bytes_out, p, len, 0);
        if (r == ISTHMUS_EEMPTY && timeout != 0)
            RELEASED(r, isthmus_bytes_next(&e->e.bytes_out, p, len, timeout));
    }
    return r == ISTHMUS_ETIMEDOUT ? (int)ISTHMUS_EEMPTY : r;
}

static int end_release(End *e) { return e->kind == SPSC ? isthmus_spsc_release(&e->e.spsc_out) : isthmus_bytes_release(&e->e.bytes_out); }

/* The message at p as an object, or in out. */
static PyObject *message_object(const Ring *q, const char *p, uint64_t len, PyObject *out) {
    if (out != NULL && out != Py_None)
        return copy_to(out, p, len);
    return q->type == NULL ? PyBytes_FromStringAndSize(p, (Py_ssize_t)len) : object_of(q->type, p);
}

/* Pops; for an iteration the end of the ring is no error. */
static PyObject *consumer_take(End *e, int64_t timeout, PyObject *out, int iterates) {
    const void *p;
    uint64_t len;
    PyObject *result = NULL;
    if (end_take(e) < 0)
        return NULL;
    int r = end_next(e, &p, &len, timeout);
    if (r == 0 && (result = message_object(e->q, p, len, out)) != NULL && (r = end_release(e)) != 0)
        Py_CLEAR(result);
    e->busy = 0;
    if (iterates && r == ISTHMUS_EEND)
        return NULL;
    return r != 0 ? handle_error(e->q, r) : result;
}

static PyObject *consumer_pop(End *e, PyObject *const *a, Py_ssize_t n, PyObject *kw) {
    static const char *const names[] = {"timeout", "out", NULL};
    PyObject *in[2] = {NULL, NULL};
    int64_t timeout = ISTHMUS_FOREVER;
    if ((n > 0 || kw != NULL) && (arguments("pop", a, n, kw, names, 0, in) < 0 || timeout_of(in[0], &timeout) < 0))
        return NULL;
    return consumer_take(e, timeout, in[1], 0);
}

static PyObject *consumer_iternext(End *e) { return consumer_take(e, ISTHMUS_FOREVER, NULL, 1); }

/* ---- Lending ---- */

static Lent *lent_new(Ring *q, End *e, int writes) {
    Lent *l = (Lent *)LentType.tp_alloc(&LentType, 0);
    if (l == NULL)
        return NULL;
    Py_INCREF(q);
    l->q = q;
    Py_XINCREF(e);
    l->end = e;
    l->writes = writes;
    l->generation = q->g->generation;
    return l;
}

static PyObject *lent_or_error(Lent *l, Ring *q, int r) {
    if (r == 0)
        return (PyObject *)l;
    if (l != NULL) {
        l->over = 1;
        Py_DECREF(l);
    }
    return handle_error(q, r);
}

static PyObject *consumer_next(End *e, PyObject *const *a, Py_ssize_t n, PyObject *kw) {
    static const char *const names[] = {"timeout", NULL};
    PyObject *in[1];
    int64_t timeout;
    const void *p = NULL;
    if (arguments("next", a, n, kw, names, 0, in) < 0 || timeout_of(in[0], &timeout) < 0 || end_take(e) < 0)
        return NULL;
    Lent *l = lent_new(e->q, e, 0);
    int r = l == NULL ? RAISED : end_next(e, &p, &l->len, timeout);
    if (r != 0)
        e->busy = 0;
    else
        l->p = (char *)(uintptr_t)p;
    return lent_or_error(l, e->q, r);
}

static PyObject *producer_reserve(End *e, PyObject *const *a, Py_ssize_t n, PyObject *kw) {
    static const char *const spsc_names[] = {"timeout", NULL}, *const bytes_names[] = {"size", "timeout", NULL};
    PyObject *in[2];
    int64_t timeout;
    uint64_t len = e->kind == SPSC ? e->q->type->t.size : 0;
    void *p = NULL;
    int r = RAISED;
    if (e->kind == SPSC ? arguments("reserve", a, n, kw, spsc_names, 0, in) < 0
                        : arguments("reserve", a, n, kw, bytes_names, 1, in) < 0 || count_of(in[0], "size", &len) < 0)
        return NULL;
    if (timeout_of(in[e->kind == SPSC ? 0 : 1], &timeout) < 0 || end_take(e) < 0)
        return NULL;
    Lent *l = lent_new(e->q, e, 1);
    if (l != NULL && e->kind == SPSC) {
        r = isthmus_spsc_reserve(&e->e.spsc_in, &p, 0);
        if (r == ISTHMUS_EFULL && timeout != 0)
            RELEASED(r, isthmus_spsc_reserve(&e->e.spsc_in, &p, timeout));
    } else if (l != NULL) {
        r = isthmus_bytes_reserve(&e->e.bytes_in, len, &p, 0);
        if (r == ISTHMUS_EFULL && timeout != 0)
            RELEASED(r, isthmus_bytes_reserve(&e->e.bytes_in, len, &p, timeout));
    }
    if (r != 0) {
        e->busy = 0;
        return lent_or_error(l, e->q, r == ISTHMUS_ETIMEDOUT ? (int)ISTHMUS_EFULL : r);
    }
    l->p = p;
    l->len = len;
    return (PyObject *)l;
}

static int lent_buffer(Lent *l, Py_buffer *b, int flags) {
    int r;
    b->obj = NULL;
    if (l->over) {
        PyErr_Format(PyExc_BufferError, "the message of %R is lent no more", l->q->name);
        return -1;
    }
    if (segment_ready(l->q->g) < 0)
        return -1;
    if (l->generation != l->q->g->generation) {
        raise_code(ISTHMUS_EFORKED, "the parent's message of", l->q->name, l->q->g->name);
        return -1;
    }
    if (l->q->type == NULL) {
        r = PyBuffer_FillInfo(b, (PyObject *)l, l->p, (Py_ssize_t)l->len, !l->writes, flags);
    } else {
        Py_ssize_t *dims = PyMem_Malloc(18 * sizeof *dims);
        if (dims == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        r = fill_buffer(b, (PyObject *)l, l->q->type, l->p, -1, !l->writes, flags, dims);
        if (r < 0)
            PyMem_Free(dims);
        else
            b->internal = dims;
    }
    if (r == 0) {
        l->exports++;
        l->q->g->exports++;
    }
    return r;
}

static void lent_unbuffer(Lent *l, Py_buffer *b) {
    PyMem_Free(b->internal);
    l->exports--;
    l->q->g->exports--;
}

/* Ends the lending: takes the message, or gives it, or leaves all as it was. */
static int lent_end(Lent *l, int keeps) {
    int r = 0;
    if (l->over)
        return 0;
    if (l->exports > 0) {
        PyErr_Format(PyExc_BufferError, "a message of %R has %zd views (memoryviews, or arrays of NumPy): delete them, or copy", l->q->name, l->exports);
        return -1;
    }
    int there = l->generation == l->q->g->generation && isthmus__closed(l->q->g->s) == 0;
    l->over = 1;
    if (there && !keeps && l->end == NULL)
        (void)isthmus_mpmc_abandon(&l->q->q.mpmc, &l->lent);
    else if (there && keeps && l->end == NULL)
        r = isthmus_mpmc_release(&l->q->q.mpmc, &l->lent);
    else if (there && keeps && !l->writes)
        r = end_release(l->end);
    else if (there && keeps)
        r = l->end->kind == SPSC ? isthmus_spsc_commit(&l->end->e.spsc_in) : isthmus_bytes_commit(&l->end->e.bytes_in);
    if (l->end != NULL)
        l->end->busy = 0;
    if (!there && keeps)
        r = l->q->g->shut ? ISTHMUS_ECLOSED : ISTHMUS_EFORKED;
    if (r != 0)
        handle_error(l->q, r);
    return r == 0 ? 0 : -1;
}

static PyObject *lent_enter(Lent *l, PyObject *unused) {
    (void)unused;
    PyObject *view = PyMemoryView_FromObject((PyObject *)l), *weak = view == NULL ? NULL : PyWeakref_NewRef(view, NULL);
    if (weak == NULL) {
        Py_XDECREF(view);
        return NULL;
    }
    Py_XSETREF(l->view, weak);
    return view;
}

/* Releases the view that enter has made, unless others are made of it. */
static int lent_unview(Lent *l) {
    PyObject *view = l->view == NULL ? Py_NewRef(Py_None) : PyObject_CallNoArgs(l->view);
    PyObject *r = view == NULL || view == Py_None ? Py_XNewRef(view) : PyObject_CallMethod(view, "release", NULL);
    Py_XDECREF(view);
    if (r == NULL)
        return -1;
    Py_DECREF(r);
    Py_CLEAR(l->view);
    return 0;
}

static PyObject *lent_finish(Lent *l, int keeps) {
    if (lent_unview(l) < 0) {
        if (PyErr_ExceptionMatches(PyExc_BufferError))
            PyErr_Format(PyExc_BufferError, "a message of %R has views (memoryviews, or arrays of NumPy): delete them, or copy", l->q->name);
        return NULL;
    }
    if (lent_end(l, keeps) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *lent_release(Lent *l, PyObject *unused) { (void)unused; return lent_finish(l, 1); }
static PyObject *lent_abandon(Lent *l, PyObject *unused) { (void)unused; return lent_finish(l, 0); }

/* After an exception nothing is pushed, and nothing taken. Its traceback may have views. */
static PyObject *lent_exit(Lent *l, PyObject *const *a, Py_ssize_t n) {
    int failed = n > 0 && a[0] != Py_None;
    PyObject *r = lent_finish(l, !failed);
    if (r == NULL && failed && PyErr_ExceptionMatches(PyExc_BufferError)) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    return r;
}

static void lent_dealloc(Lent *l) {
    Py_CLEAR(l->view);
    if (!l->over && l->end != NULL)
        l->end->busy = 0;
    else if (!l->over && l->generation == l->q->g->generation && isthmus__closed(l->q->g->s) == 0)
        (void)isthmus_mpmc_abandon(&l->q->q.mpmc, &l->lent); /* nobody here can release it any more */
    Py_XDECREF(l->end);
    Py_XDECREF(l->q);
    Py_TYPE(l)->tp_free(l);
}

/* ---- MPMC ---- */

static PyObject *mpmc_push(Ring *q, PyObject *const *a, Py_ssize_t n, PyObject *kw) {
    static const char *const names[] = {"message", "timeout", NULL};
    PyObject *in[2];
    struct message m;
    int64_t timeout;
    if (arguments("push", a, n, kw, names, 1, in) < 0 || timeout_of(in[1], &timeout) < 0 || message_of(&m, q, in[0]) < 0)
        return NULL;
    int r = ready(q) < 0 ? RAISED : m.len < LARGE ? isthmus_mpmc_try_push(&q->q.mpmc, m.p) : (int)ISTHMUS_EFULL;
    if (r == ISTHMUS_EFULL && (m.len >= LARGE || timeout != 0))
        RELEASED(r, timeout == 0 ? isthmus_mpmc_try_push(&q->q.mpmc, m.p) : isthmus_mpmc_push(&q->q.mpmc, m.p, timeout));
    message_done(&m);
    if (r != 0)
        return handle_error(q, r == ISTHMUS_ETIMEDOUT ? (int)ISTHMUS_EFULL : r);
    Py_RETURN_NONE;
}

static PyObject *mpmc_take(Ring *q, int64_t timeout, int iterates) {
    struct room x;
    PyObject *result = NULL;
    if (ready(q) < 0 || room_for(&x, q->type->t.size) == NULL)
        return NULL;
    int r = isthmus_mpmc_try_pop(&q->q.mpmc, x.p);
    if (r == ISTHMUS_EEMPTY && timeout != 0)
        RELEASED(r, isthmus_mpmc_pop(&q->q.mpmc, x.p, timeout));
    if (r == 0)
        result = object_of(q->type, x.p);
    else if (!iterates || r != ISTHMUS_EEND)
        handle_error(q, r == ISTHMUS_ETIMEDOUT ? (int)ISTHMUS_EEMPTY : r);
    room_done(&x);
    return result;
}

static PyObject *mpmc_pop(Ring *q, PyObject *const *a, Py_ssize_t n, PyObject *kw) {
    static const char *const names[] = {"timeout", NULL};
    PyObject *in[1];
    int64_t timeout;
    if (arguments("pop", a, n, kw, names, 0, in) < 0 || timeout_of(in[0], &timeout) < 0)
        return NULL;
    return mpmc_take(q, timeout, 0);
}

static PyObject *mpmc_iternext(Ring *q) { return mpmc_take(q, ISTHMUS_FOREVER, 1); }

static PyObject *mpmc_next(Ring *q, PyObject *const *a, Py_ssize_t n, PyObject *kw) {
    static const char *const names[] = {"timeout", NULL};
    PyObject *in[1];
    int64_t timeout;
    if (arguments("next", a, n, kw, names, 0, in) < 0 || timeout_of(in[0], &timeout) < 0 || ready(q) < 0)
        return NULL;
    Lent *l = lent_new(q, NULL, 0);
    int r = RAISED;
    if (l != NULL) {
        r = isthmus_mpmc_next(&q->q.mpmc, &l->lent, 0);
        if (r == ISTHMUS_ETIMEDOUT && timeout != 0)
            RELEASED(r, isthmus_mpmc_next(&q->q.mpmc, &l->lent, timeout));
        l->p = (char *)(uintptr_t)l->lent.message;
        l->len = q->type->t.size;
    }
    return lent_or_error(l, q, r == ISTHMUS_ETIMEDOUT ? (int)ISTHMUS_EEMPTY : r);
}

static PyObject *mpmc_close(Ring *q, PyObject *unused) {
    (void)unused;
    if (ready(q) < 0)
        return NULL;
    int r = isthmus_mpmc_close(&q->q.mpmc);
    if (r != 0)
        return handle_error(q, r);
    Py_RETURN_NONE;
}

static PyObject *lent_deliveries(Lent *l, void *unused) {
    (void)unused;
    return PyLong_FromUnsignedLongLong(l->lent.deliveries);
}

/* ---- Tables ---- */

static PyMethodDef pair_methods[] = {
    HANDLE_METHODS,
    {"producer", (PyCFunction)ring_producer, METH_NOARGS, "producer()\n--\n\nClaim the pushing end; Busy if somebody alive has it."},
    {"consumer", (PyCFunction)ring_consumer, METH_NOARGS, "consumer()\n--\n\nClaim the popping end; Busy if somebody alive has it."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef mpmc_methods[] = {
    HANDLE_METHODS,
    {"push", FAST(mpmc_push), "push(message, timeout=None)\n--\n\nPush a message; Full if there is no space in time."},
    {"pop", FAST(mpmc_pop), "pop(timeout=None)\n--\n\nPop a message; Empty if there is none in time, End if none can come any more."},
    {"next", FAST(mpmc_next), "next(timeout=None)\n--\n\nLend the next message in place, for a with statement. It comes again if that fails, or this process dies."},
    {"close", (PyCFunction)mpmc_close, METH_NOARGS, "close()\n--\n\nClose the ring for good."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef producer_methods[] = {
    {"push", FAST(producer_push), "push(message, timeout=None)\n--\n\nPush a message; Full if there is no space in time."},
    {"reserve", FAST(producer_reserve), "reserve([size,] timeout=None)\n--\n\nLend space for a message, of size bytes if the ring is a Bytes, for a with statement, that pushes it."},
    {"close", (PyCFunction)end_close, METH_NOARGS, "close()\n--\n\nClose the ring for good."},
    {"detach", (PyCFunction)end_detach, METH_NOARGS, "detach()\n--\n\nGive up the end, for a successor."},
    {"__enter__", (PyCFunction)segment_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))end_exit, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef consumer_methods[] = {
    {"pop", FAST(consumer_pop), "pop(timeout=None, out=None)\n--\n\nPop a message, to the buffer out if it is given; Empty if there is none in time, End if none can come any more."},
    {"next", FAST(consumer_next), "next(timeout=None)\n--\n\nLend the next message in place, for a with statement, that removes it."},
    {"detach", (PyCFunction)end_detach, METH_NOARGS, "detach()\n--\n\nGive up the end, for a successor."},
    {"__enter__", (PyCFunction)segment_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))end_exit, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef lent_methods[] = {
    {"__enter__", (PyCFunction)lent_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))lent_exit, METH_FASTCALL, NULL},
    {"release", (PyCFunction)lent_release, METH_NOARGS, "release()\n--\n\nRemove the message from the ring, or push it."},
    {"abandon", (PyCFunction)lent_abandon, METH_NOARGS, "abandon()\n--\n\nLeave the message in the ring, for whoever comes next, or push nothing."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef lent_getset[] = {
    {"deliveries", (getter)lent_deliveries, NULL, "Of an MPMC: how often the message was lent; 1 at first, and 1 more for each time that it came back.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyBufferProcs lent_buffers = {(getbufferproc)lent_buffer, (releasebufferproc)lent_unbuffer};

#define RING(Name, doc, table, getsets)              \
    PyVarObject_HEAD_INIT(NULL, 0)                   \
    .tp_name = "isthmus." Name,                      \
    .tp_basicsize = sizeof(Ring),                    \
    .tp_dealloc = (destructor)handle_dealloc,        \
    .tp_repr = (reprfunc)handle_repr,                \
    .tp_flags = Py_TPFLAGS_DEFAULT,                  \
    .tp_doc = doc,                                   \
    .tp_methods = table,                             \
    .tp_getset = getsets,                            \
    .tp_new = ring_new

static PyTypeObject SPSCType = {RING("SPSC", "A ring of messages of a plain type, with one producer and one consumer.", pair_methods, typed_getset)};
static PyTypeObject BytesType = {RING("Bytes", "A ring of messages of any size, with one producer and one consumer.", pair_methods, handle_getset)};
static PyTypeObject MPMCType = {
    RING("MPMC", "A ring of messages of a plain type, with any number of producers and consumers.", mpmc_methods, typed_getset),
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = (iternextfunc)mpmc_iternext,
};

static PyTypeObject ProducerType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "isthmus.Producer",
    .tp_basicsize = sizeof(End),
    .tp_dealloc = (destructor)end_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "The pushing end of a ring.",
    .tp_methods = producer_methods,
};

static PyTypeObject ConsumerType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "isthmus.Consumer",
    .tp_basicsize = sizeof(End),
    .tp_dealloc = (destructor)end_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "The popping end of a ring; an iterator of its messages.",
    .tp_methods = consumer_methods,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = (iternextfunc)consumer_iternext,
};

static PyTypeObject LentType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "isthmus.Lent",
    .tp_basicsize = sizeof(Lent),
    .tp_dealloc = (destructor)lent_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "A message, or space for one, in place.",
    .tp_methods = lent_methods,
    .tp_getset = lent_getset,
    .tp_as_buffer = &lent_buffers,
};
