/* Lock and Semaphore. */

typedef struct {
    HANDLE
    struct isthmus_lock l;
} Lock;

static int lock_find(Handle *h) { return isthmus_lock_open(&((Lock *)h)->l, h->g->s, h->c_name); }

static PyObject *lock_new(PyTypeObject *type, PyObject *args, PyObject *kw) {
    static char *names[] = {"segment", "name", NULL};
    PyObject *segment, *name;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "OO", names, &segment, &name))
        return NULL;
    return handle_new(type, "lock", segment, name, NULL, 0, lock_find);
}

/* block and timeout as nanoseconds; 0 is one try. */
static int patience(PyObject *block, PyObject *timeout, int64_t *ns) {
    int b = block == NULL ? 1 : PyObject_IsTrue(block);
    if (b < 0 || timeout_of(timeout, ns) < 0)
        return -1;
    if (!b)
        *ns = 0;
    return 0;
}

/* Locks: a free lock without giving up the GIL. */
static int lock_lock(Lock *l, int64_t timeout) {
    int r;
    if (isthmus__take(&l->l.lock, 0) == 0)
        return isthmus__locked(&l->l);
    if (timeout == 0)
        return isthmus_lock_trylock(&l->l);
    RELEASED(r, isthmus_lock_lock(&l->l, timeout));
    return r;
}

static PyObject *lock_acquire(Lock *l, PyObject *const *a, Py_ssize_t n, PyObject *kw) {
    static const char *const names[] = {"block", "timeout", NULL};
    PyObject *in[2];
    int64_t timeout = ISTHMUS_FOREVER;
    if ((n > 0 || kw != NULL) && (arguments("acquire", a, n, kw, names, 0, in) < 0 || patience(in[0], in[1], &timeout) < 0))
        return NULL;
    if (ready(l) < 0)
        return NULL;
    int r = lock_lock(l, timeout);
    if (r == 0)
        Py_RETURN_TRUE;
    if (r == ISTHMUS_EBUSY || r == ISTHMUS_ETIMEDOUT)
        Py_RETURN_FALSE;
    return handle_error(l, r);
}

static PyObject *lock_release(Lock *l, PyObject *unused) {
    (void)unused;
    if (ready(l) < 0)
        return NULL;
    int r = isthmus_lock_unlock(&l->l);
    if (r != 0)
        return handle_error(l, r);
    Py_RETURN_NONE;
}

static PyObject *lock_enter(Lock *l, PyObject *unused) {
    (void)unused;
    if (ready(l) < 0)
        return NULL;
    int r = lock_lock(l, ISTHMUS_FOREVER);
    if (r == ISTHMUS_EOWNERDEAD) /* the body is not run, and nobody would release it */
        (void)isthmus_lock_unlock(&l->l);
    if (r != 0)
        return handle_error(l, r);
    Py_RETURN_TRUE;
}

static PyObject *lock_exit(Lock *l, PyObject *const *a, Py_ssize_t n) {
    (void)a, (void)n;
    return lock_release(l, NULL);
}

static PyObject *lock_mark_consistent(Lock *l, PyObject *unused) {
    (void)unused;
    if (ready(l) < 0)
        return NULL;
    int r = isthmus_lock_mark_consistent(&l->l);
    if (r != 0)
        return handle_error(l, r);
    Py_RETURN_NONE;
}

static PyMethodDef lock_methods[] = {
    HANDLE_METHODS,
    {"acquire", FAST(lock_acquire), "acquire(block=True, timeout=None)\n--\n\nLock; return whether it could in time. OwnerDied is raised with the lock held."},
    {"release", (PyCFunction)lock_release, METH_NOARGS, "release()\n--\n\nUnlock."},
    {"mark_consistent", (PyCFunction)lock_mark_consistent, METH_NOARGS,
     "mark_consistent()\n--\n\nSay that what the lock protects is as it should be, after the death of an owner."},
    {"__enter__", (PyCFunction)lock_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))lock_exit, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject LockType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "isthmus.Lock",
    .tp_basicsize = sizeof(Lock),
    .tp_dealloc = (destructor)handle_dealloc,
    .tp_repr = (reprfunc)handle_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "A lock between processes, and the threads of each, that tells of an owner's death.",
    .tp_methods = lock_methods,
    .tp_getset = handle_getset,
    .tp_new = lock_new,
};

/* ---- Semaphore ---- */

typedef struct {
    HANDLE
    struct isthmus_semaphore m;
} Semaphore;

static int semaphore_find(Handle *h) {
    Semaphore *m = (Semaphore *)h;
    return isthmus_semaphore_open(&m->m, h->g->s, h->c_name, h->capacity);
}

static PyObject *semaphore_new(PyTypeObject *type, PyObject *args, PyObject *kw) {
    static char *names[] = {"segment", "name", "permits", NULL};
    PyObject *segment, *name, *permits;
    uint64_t n;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "OOO", names, &segment, &name, &permits) || count_of(permits, "permits", &n) < 0)
        return NULL;
    return handle_new(type, "semaphore", segment, name, NULL, n, semaphore_find);
}

static PyObject *semaphore_acquire(Semaphore *m, PyObject *const *a, Py_ssize_t n, PyObject *kw) {
    static const char *const names[] = {"block", "timeout", "permits", NULL};
    PyObject *in[3] = {NULL};
    int64_t timeout = ISTHMUS_FOREVER;
    uint64_t k = 1;
    if ((n > 0 || kw != NULL) && (arguments("acquire", a, n, kw, names, 0, in) < 0 || patience(in[0], in[1], &timeout) < 0))
        return NULL;
    if ((in[2] != NULL && count_of(in[2], "permits", &k) < 0) || ready(m) < 0)
        return NULL;
    int r = isthmus__change(&m->m, k, 1, 0, 100);
    if (r == ISTHMUS__AGAIN || r == ISTHMUS_EINVAL) {
        if (timeout == 0)
            r = isthmus_semaphore_try_acquire(&m->m, k);
        else
            RELEASED(r, isthmus_semaphore_acquire(&m->m, k, timeout));
    } else {
        r = isthmus__verdict(m->g->s, r);
    }
    if (r == 0)
        Py_RETURN_TRUE;
    if (r == ISTHMUS_EBUSY || r == ISTHMUS_ETIMEDOUT)
        Py_RETURN_FALSE;
    return handle_error(m, r);
}

static PyObject *semaphore_release(Semaphore *m, PyObject *const *a, Py_ssize_t n, PyObject *kw) {
    static const char *const names[] = {"permits", NULL};
    PyObject *in[1];
    uint64_t k = 1;
    if (arguments("release", a, n, kw, names, 0, in) < 0 || (in[0] != NULL && count_of(in[0], "permits", &k) < 0) || ready(m) < 0)
        return NULL;
    int r = isthmus_semaphore_release(&m->m, k);
    if (r != 0)
        return handle_error(m, r);
    Py_RETURN_NONE;
}

static PyObject *semaphore_enter(Semaphore *m, PyObject *unused) {
    (void)unused;
    return semaphore_acquire(m, NULL, 0, NULL);
}

static PyObject *semaphore_exit(Semaphore *m, PyObject *const *a, Py_ssize_t n) {
    (void)a, (void)n;
    return semaphore_release(m, NULL, 0, NULL);
}

static PyObject *semaphore_value(Semaphore *m, PyObject *unused) {
    (void)unused;
    return ready(m) < 0 ? NULL : PyLong_FromUnsignedLongLong(isthmus_semaphore_value(&m->m));
}

static PyMethodDef semaphore_methods[] = {
    HANDLE_METHODS,
    {"acquire", FAST(semaphore_acquire), "acquire(block=True, timeout=None, permits=1)\n--\n\nTake permits; return whether it could in time."},
    {"release", FAST(semaphore_release), "release(permits=1)\n--\n\nGive permits back."},
    {"get_value", (PyCFunction)semaphore_value, METH_NOARGS, "get_value()\n--\n\nReturn how many permits are free."},
    {"__enter__", (PyCFunction)semaphore_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))semaphore_exit, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject SemaphoreType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "isthmus.Semaphore",
    .tp_basicsize = sizeof(Semaphore),
    .tp_dealloc = (destructor)handle_dealloc,
    .tp_repr = (reprfunc)handle_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "A counting semaphore, whose permits come back from the dead.",
    .tp_methods = semaphore_methods,
    .tp_getset = handle_getset,
    .tp_new = semaphore_new,
};
