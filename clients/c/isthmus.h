/* Isthmus for C11 (and C++17), on 64-bit Linux: segments shared with Go programs.
 *
 * docs/FORMAT.md says what each byte means and which steps change it; F1, F2, ... are its
 * rules. README.md beside this file has an example.
 *
 * Functions return 0, or a negative enum isthmus_error. A timeout is in nanoseconds:
 * ISTHMUS_FOREVER, or 0 for one try. All functions may be called by any thread, except where
 * one thread at a time is asked for. No function trusts the memory: sizes and offsets are
 * checked when an object is opened, and positions are reduced to its size (F4).
 *
 * Include this file first, or define _GNU_SOURCE. With a libc that has pthread_atfork in a
 * library of its own (glibc before 2.34), link with -pthread.
 */
#ifndef ISTHMUS_H
#define ISTHMUS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#ifndef F_OFD_GETLK
#error "isthmus.h needs _GNU_SOURCE: include it first, or define that"
#endif
#if !defined(__linux__) || __SIZEOF_POINTER__ != 8
#error "isthmus.h needs 64-bit Linux"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Errors ---- */

enum isthmus_error {
    ISTHMUS_OK = 0,
    ISTHMUS_ESYS = -1,        /* a system call failed: errno */
    ISTHMUS_ENOENT = -2,      /* no such segment or object */
    ISTHMUS_EEXIST = -3,      /* the segment exists */
    ISTHMUS_EINVAL = -4,      /* an argument that cannot be */
    ISTHMUS_ECORRUPT = -5,    /* the memory is damaged, or no segment */
    ISTHMUS_EMISMATCH = -6,   /* another version, kind, type, size or option */
    ISTHMUS_EUNTRUSTED = -7,  /* the file is another user's */
    ISTHMUS_ENOROOM = -8,     /* no slot, entry, id or space is left */
    ISTHMUS_ECLOSED = -9,     /* the segment was closed by this process */
    ISTHMUS_EFORKED = -10,    /* the segment was opened before a fork, by the parent */
    ISTHMUS_EOWNERDEAD = -11, /* the lock is held, and its last owner died with it */
    ISTHMUS_ENOTHELD = -12,   /* this process does not hold that */
    ISTHMUS_ETIMEDOUT = -13,  /* the time is over; nothing has changed */
    ISTHMUS_EBUSY = -14,      /* somebody else has the lock, the permits or the role */
    ISTHMUS_EEMPTY = -15,     /* there is no message */
    ISTHMUS_EFULL = -16,      /* there is no space for the message */
    ISTHMUS_EEND = -17,       /* the ring is closed: no message comes, or may be pushed */
    ISTHMUS_ETOOLARGE = -18,  /* the message, or the buffer is too small for it */
    ISTHMUS_EINTR = -19       /* ISTHMUS_INTERRUPTED has ended a wait; nothing has changed */
};

/* The text of an error. */
static inline const char *isthmus_strerror(int error) {
    switch (error) {
    case ISTHMUS_OK: return "success";
    case ISTHMUS_ESYS: return "system call failed";
    case ISTHMUS_ENOENT: return "does not exist";
    case ISTHMUS_EEXIST: return "exists";
    case ISTHMUS_EINVAL: return "invalid argument";
    case ISTHMUS_ECORRUPT: return "corrupt";
    case ISTHMUS_EMISMATCH: return "mismatch";
    case ISTHMUS_EUNTRUSTED: return "file belongs to another user";
    case ISTHMUS_ENOROOM: return "no room left";
    case ISTHMUS_ECLOSED: return "segment is closed";
    case ISTHMUS_EFORKED: return "segment was opened before the fork";
    case ISTHMUS_EOWNERDEAD: return "owner died";
    case ISTHMUS_ENOTHELD: return "not held by this process";
    case ISTHMUS_ETIMEDOUT: return "timed out";
    case ISTHMUS_EBUSY: return "taken";
    case ISTHMUS_EEMPTY: return "empty";
    case ISTHMUS_EFULL: return "full";
    case ISTHMUS_EEND: return "ring is closed";
    case ISTHMUS_ETOOLARGE: return "message is too large";
    case ISTHMUS_EINTR: return "interrupted";
    default: return "unknown error";
    }
}

#define ISTHMUS_FOREVER ((int64_t)-1)

/* What a try says that has to wait. */
#define ISTHMUS__AGAIN 1

/* How long one sleep may last; a test may have it be longer, so that a lost wake shows. */
#ifndef ISTHMUS_SLICE
#define ISTHMUS_SLICE (20 * 1000 * 1000)
#endif
/* How often a wait looks before its first sleep. */
#ifndef ISTHMUS_SPIN
#define ISTHMUS_SPIN 24
#endif
/* Asked after each sleep: whether the wait is to end, as by a signal. */
#ifndef ISTHMUS_INTERRUPTED
#define ISTHMUS_INTERRUPTED() 0
#endif
/* Called where a sleep has lasted to its end although what it was for had come. */
#ifndef ISTHMUS_OVERSLEPT
#define ISTHMUS_OVERSLEPT() ((void)0)
#endif
/* Called where a role was claimed, and its word still says new (F25). */
#ifndef ISTHMUS_CLAIMED
#define ISTHMUS_CLAIMED() ((void)0)
#endif

/* ---- Words (F2) ---- */

static inline uint64_t isthmus__load(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
static inline uint32_t isthmus__load32(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
static inline void isthmus__store(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }
static inline void isthmus__release(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
static inline void isthmus__store32(uint32_t *p, uint32_t v) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }
static inline int isthmus__swap(uint64_t *p, uint64_t from, uint64_t to) {
    return __atomic_compare_exchange_n(p, &from, to, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
static inline int isthmus__swap32(uint32_t *p, uint32_t from, uint32_t to) {
    return __atomic_compare_exchange_n(p, &from, to, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static inline void isthmus__fence(void) {
#ifdef __SANITIZE_THREAD__ /* which knows no fences */
    static int any;
    (void)__atomic_fetch_add(&any, 1, __ATOMIC_SEQ_CST);
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* The loads before it come before the loads after it. */
static inline void isthmus__load_fence(void) {
#ifdef __SANITIZE_THREAD__
    isthmus__fence();
#else
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
}

/* The stores before it come before the stores after it. */
static inline void isthmus__store_fence(void) {
#ifdef __SANITIZE_THREAD__
    isthmus__fence();
#else
    __atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}

static inline void isthmus__pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#else
    __asm__ volatile("");
#endif
}

/* Pauses for some 1 us at most after so many things in a row, so that the other side, which
 * has its lines to itself meanwhile, gets ahead by as many. */
static inline void isthmus__lull(uint64_t n) {
    for (uint64_t i = n < 96 ? n : 96; i > 0; i--)
        isthmus__pause();
}

static inline uint64_t isthmus__up(uint64_t n, uint64_t to) { return (n + to - 1) / to * to; }

/* Copy to and from memory that others may write at the same time (F3): by words, of which
 * there is room for the last whole. */
static inline void isthmus__copy_in(uint64_t *to, const void *from, uint64_t n) {
    const unsigned char *p = (const unsigned char *)from;
    for (; n >= 8; n -= 8, p += 8, to++) {
        uint64_t w;
        memcpy(&w, p, 8);
        __atomic_store_n(to, w, __ATOMIC_RELAXED);
    }
    if (n > 0) {
        uint64_t w = 0;
        memcpy(&w, p, (size_t)n);
        __atomic_store_n(to, w, __ATOMIC_RELAXED);
    }
}

static inline void isthmus__copy_out(void *to, const uint64_t *from, uint64_t n) {
    unsigned char *p = (unsigned char *)to;
    for (; n > 0; from++) {
        uint64_t k = n < 8 ? n : 8, w = __atomic_load_n(from, __ATOMIC_RELAXED);
        memcpy(p, &w, (size_t)k);
        p += k;
        n -= k;
    }
}

static inline int64_t isthmus__now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- Types (F17) ---- */

/* A plain type. Make it by isthmus_type_of. */
struct isthmus_type {
    uint64_t size;        /* bytes */
    uint64_t fingerprint;
    uint64_t mask;        /* of a type of up to 8 bytes: the bytes that are not padding */
    const char *text;     /* as it was given */
};

struct isthmus__parser {
    const char *p;
    int bad, depth;
    uint64_t hash;
};

struct isthmus__measure {
    uint64_t size, align, fields;
};

static inline void isthmus__hash(struct isthmus__parser *s, const void *b, size_t n) {
    const unsigned char *p = (const unsigned char *)b;
    for (; n > 0; n--, p++)
        s->hash = (s->hash ^ *p) * UINT64_C(0x100000001b3);
}

static inline void isthmus__hash_int(struct isthmus__parser *s, uint64_t n) {
    for (int i = 0; i < 8; i++, n >>= 8) {
        unsigned char b = (unsigned char)n;
        isthmus__hash(s, &b, 1);
    }
}

static inline uint64_t isthmus__number(struct isthmus__parser *s) {
    uint64_t n = 0;
    if (*s->p < '0' || *s->p > '9')
        s->bad = 1;
    for (; *s->p >= '0' && *s->p <= '9'; s->p++) {
        n = n * 10 + (uint64_t)(*s->p - '0');
        if (n > UINT64_C(1) << 40)
            s->bad = 1, n = 0;
    }
    return n;
}

static inline void isthmus__skip(struct isthmus__parser *s, char c) {
    if (*s->p == c)
        s->p++;
    else
        s->bad = 1;
}

/* The size of a kind, whose name has n bytes; 0 if there is none. */
static inline struct isthmus__measure isthmus__kind(const char *name, size_t n) {
    static const struct {
        const char *name;
        unsigned char size, align;
    } kinds[] = {{"bool", 1, 1},   {"int", 8, 8},     {"int8", 1, 1},    {"int16", 2, 2},   {"int32", 4, 4},
                 {"int64", 8, 8},  {"uint", 8, 8},    {"uint8", 1, 1},   {"uint16", 2, 2},  {"uint32", 4, 4},
                 {"uint64", 8, 8}, {"float32", 4, 4}, {"float64", 8, 8}, {"complex64", 8, 4}, {"complex128", 16, 8}};
    struct isthmus__measure m = {0, 1, 0};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i].name) == n && memcmp(kinds[i].name, name, n) == 0)
            m.size = kinds[i].size, m.align = kinds[i].align;
    return m;
}

/* Reads the text of a type, at an offset of the whole. Sets the bytes of mask that are not
 * padding, if it is not NULL, and hashes, if hash is set. */
static inline struct isthmus__measure isthmus__type(struct isthmus__parser *s, uint64_t at, unsigned char *mask, int hash) {
    struct isthmus__measure m = {0, 1, 0};
    const char *begin = s->p;
    if (++s->depth > 64)
        s->bad = 1;
    if (s->bad)
        return s->depth--, m;
    if (hash && (*begin == '[' || *begin == '{')) { /* what comes first has to be known */
        m = isthmus__type(s, at, NULL, 0);
        s->p = begin;
        isthmus__hash(s, *begin == '[' ? "array" : "struct", *begin == '[' ? 5 : 6);
        isthmus__hash_int(s, m.size);
    }
    if (*begin == '[') {
        s->p++;
        uint64_t n = isthmus__number(s);
        isthmus__skip(s, ']');
        if (hash)
            isthmus__hash_int(s, n);
        const char *of = s->p;
        struct isthmus__measure e = isthmus__type(s, at, n > 0 ? mask : NULL, hash);
        const char *end = s->p;
        for (uint64_t i = 1; mask != NULL && i < n && e.size > 0 && at + i * e.size < 8; i++) {
            s->p = of;
            (void)isthmus__type(s, at + i * e.size, mask, 0);
        }
        s->p = end;
        if (e.size > 0 && n > (UINT64_C(1) << 40) / e.size)
            s->bad = 1;
        m.size = n * e.size, m.align = e.align;
    } else if (*begin == '{') {
        uint64_t end = 0, last = 1, count = 0, align = 1;
        if (hash)
            isthmus__hash_int(s, m.fields);
        s->p++;
        for (; !s->bad && *s->p != '}'; count++) {
            if (count > 0)
                isthmus__skip(s, ',');
            const char *name = s->p;
            while (*s->p != 0 && *s->p != ' ')
                s->p++;
            size_t n = (size_t)(s->p - name);
            isthmus__skip(s, ' ');
            uint64_t off = isthmus__number(s);
            isthmus__skip(s, ' ');
            if (hash) {
                isthmus__hash_int(s, n);
                isthmus__hash(s, name, n);
                isthmus__hash_int(s, off);
            }
            int blank = n == 1 && *name == '_';
            struct isthmus__measure f = isthmus__type(s, at + off, blank ? NULL : mask, hash);
            if (off < end || off % f.align != 0)
                s->bad = 1;
            end = off + f.size, last = f.size;
            align = f.align > align ? f.align : align;
        }
        isthmus__skip(s, '}');
        if (last == 0 && end > 0) /* Go keeps a last field of no bytes inside */
            end++;
        m.size = isthmus__up(end, align), m.align = align, m.fields = count;
    } else {
        while ((*s->p >= 'a' && *s->p <= 'z') || (*s->p >= '0' && *s->p <= '9'))
            s->p++;
        m = isthmus__kind(begin, (size_t)(s->p - begin));
        if (m.size == 0)
            s->bad = 1;
        if (hash) {
            isthmus__hash(s, begin, (size_t)(s->p - begin));
            isthmus__hash_int(s, m.size);
        }
        for (uint64_t i = at; mask != NULL && i < at + m.size && i < 8; i++)
            mask[i] = 0xff;
    }
    s->depth--;
    return m;
}

/* Makes a type of its text, as F17 has it: "int64", "[2]uint16",
 * "{ID 0 uint64,Price 8 float64}". Names and offsets of fields count, as they do in Go. The
 * text must outlive the type. */
static inline int isthmus_type_of(struct isthmus_type *t, const char *text) {
    struct isthmus__parser s;
    unsigned char mask[8] = {0};
    memset(&s, 0, sizeof s);
    memset(t, 0, sizeof *t);
    s.p = text;
    s.hash = UINT64_C(0xcbf29ce484222325);
    struct isthmus__measure m = isthmus__type(&s, 0, mask, 1);
    if (s.bad || *s.p != 0 || m.size == 0 || m.size > UINT64_C(1) << 40)
        return ISTHMUS_EINVAL;
    t->size = m.size;
    t->fingerprint = s.hash;
    t->text = text;
    if (m.size <= 8)
        memcpy(&t->mask, mask, 8);
    return 0;
}

/* ---- Segments ---- */

enum { /* F8, F11, F16 */
    ISTHMUS__HEADER = 4096,
    ISTHMUS__SLOT = 64,
    ISTHMUS__ENTRY = 256,
    ISTHMUS__NAME = 96,
    ISTHMUS__TYPE = 88,
    ISTHMUS__LINE = 128
};

#define ISTHMUS__IDS ((UINT64_C(1) << 38) - 1)
#define ISTHMUS__FILE (UINT64_C(1) << 40)
#define ISTHMUS__CREATION ((int64_t)-1) /* bytes (F12) */
#define ISTHMUS__GATE ((int64_t)-3)

/* How a segment is opened or made. NULL and zeros mean the defaults. */
struct isthmus_options {
    const char *dir;      /* where its file is; by default that of F6 */
    uint64_t version;     /* the application's; another is a mismatch */
    int must_exist;       /* objects are found, and never made */
    uint32_t max_procs;   /* of a new one: attachments; 128 */
    uint32_t max_objects; /* of a new one: objects; 128 */
    mode_t mode;          /* of a new one: 0600 */
};

/* A segment that this process has attached to. */
struct isthmus_segment {
    unsigned char *mem, *spare; /* the spare takes the place of the file when it is closed */
    uint64_t size;
    int fd;
    int closed; /* 0, or the error that everything returns */
    int must_exist, fence, asymmetric;
    uint64_t id;
    uint32_t slot, procs, objects, attend_words;
    uint64_t dir, attend, arena, arena_end;
    pthread_mutex_t marks, creating; /* marks guards what follows, and attendance */
    unsigned char *attended;         /* by entry: as a user */
    uint64_t **holds;                /* that this attachment has claimed */
    size_t n_holds;
    struct isthmus_segment *next, **link; /* of this process's */
};

/* What this process, or this part of it that includes the header, has open. */
static struct {
    pthread_mutex_t lock;
    struct isthmus_segment *first;
    int handles_forks;
    int barrier; /* 0 not tried, 1 registered, 2 refused */
} isthmus__process = {PTHREAD_MUTEX_INITIALIZER, NULL, 0, 0};

static inline int isthmus__closed(const struct isthmus_segment *s) { return __atomic_load_n(&s->closed, __ATOMIC_SEQ_CST); }

/* The result r of an operation, or why it does not count: an operation looks after its last
 * access to the memory. */
static inline int isthmus__verdict(const struct isthmus_segment *s, int r) {
    int closed = isthmus__closed(s);
    return closed != 0 ? closed : r;
}

static inline uint64_t *isthmus__word(const struct isthmus_segment *s, uint64_t off) { return (uint64_t *)(void *)(s->mem + off); }

/* ---- Locked bytes (F12) ---- */

static inline int isthmus__fcntl(int fd, int cmd, short type, int64_t n, struct flock *l) {
    int r;
    memset(l, 0, sizeof *l);
    l->l_type = type;
    l->l_whence = SEEK_SET;
    l->l_start = (off_t)((int64_t)ISTHMUS__FILE + n);
    l->l_len = 1;
    do
        r = fcntl(fd, cmd, l);
    while (r < 0 && errno == EINTR);
    return r;
}

/* Whether an owner has locked byte n: -1 if that is not known. */
static inline int isthmus__held(int fd, int64_t n) {
    struct flock l;
    if (isthmus__fcntl(fd, F_OFD_GETLK, F_WRLCK, n, &l) < 0)
        return -1;
    return l.l_type == F_WRLCK;
}

static inline int isthmus__lock_byte(int fd, int wait, short type, int64_t n) {
    struct flock l;
    return isthmus__fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, type, n, &l);
}

/* ---- Who is alive (F11, F14) ---- */

enum { ISTHMUS__ID = 0, ISTHMUS__PROCESS = 8, ISTHMUS__PID = 16, ISTHMUS__SPACE = 24, ISTHMUS__TENANT = 32, ISTHMUS__LEFT = 40, ISTHMUS__DIED = 48 };

static inline uint64_t *isthmus__slot(const struct isthmus_segment *s, uint32_t slot, uint64_t off) {
    return isthmus__word(s, ISTHMUS__HEADER + (uint64_t)slot * ISTHMUS__SLOT + off);
}

static inline uint64_t isthmus__pid_namespace(void) {
    struct stat st;
    return stat("/proc/self/ns/pid", &st) == 0 ? (uint64_t)st.st_ino : 0;
}

static inline int isthmus__ended(uint32_t pid) {
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
    if (pid == 0 || pid > INT_MAX)
        return 0;
    int saved = errno, ended = 0, fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    if (fd >= 0) {
        struct pollfd p = {fd, POLLIN, 0};
        ended = poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;
        close(fd);
    } else {
        ended = errno == ESRCH || (kill((pid_t)pid, 0) < 0 && errno == ESRCH);
    }
    errno = saved;
    return ended;
}

/* Whether id, which has or had that slot, is dead (F14). */
static inline int isthmus__dead_in(const struct isthmus_segment *s, uint32_t slot, uint64_t id) {
    if (id == s->id)
        return 0; /* one's own lock is in nobody's way: a probe would not find it */
    if (isthmus__load(isthmus__slot(s, slot, ISTHMUS__ID)) != id)
        return 1;
    int held = isthmus__held(s->fd, (int64_t)id);
    if (held == 0)
        return 1;
    if (held > 0 && isthmus__load(isthmus__slot(s, slot, ISTHMUS__PROCESS)) == id) {
        uint64_t space = isthmus__load(isthmus__slot(s, slot, ISTHMUS__SPACE));
        uint32_t pid = isthmus__load32((const uint32_t *)(const void *)isthmus__slot(s, slot, ISTHMUS__PID));
        if (space != 0 && space == isthmus__pid_namespace() && isthmus__ended(pid))
            return 1;
    }
    return isthmus__load(isthmus__slot(s, slot, ISTHMUS__ID)) != id;
}

/* Whether id is dead, in whatever slot. */
static inline int isthmus__dead(const struct isthmus_segment *s, uint64_t id) {
    if (id == s->id)
        return 0;
    for (uint32_t i = 0; i < s->procs; i++)
        if (isthmus__load(isthmus__slot(s, i, ISTHMUS__ID)) == id && isthmus__load(isthmus__slot(s, i, ISTHMUS__PROCESS)) == id)
            return isthmus__dead_in(s, i, id);
    return 1;
}

/* Whether the slot's id is dead, and does not merely hold this slot, or did (F13.1, F21). */
static inline int isthmus__vacated(const struct isthmus_segment *s, uint32_t slot, uint64_t id) {
    return isthmus__dead_in(s, slot, id) && isthmus__dead(s, id);
}

static inline int isthmus__slot_free(const struct isthmus_segment *s, uint32_t slot) {
    if (slot >= s->procs)
        return 1;
    uint64_t id = isthmus__load(isthmus__slot(s, slot, ISTHMUS__ID));
    return id == 0 || isthmus__dead_in(s, slot, id);
}

/* Notes that x has died, before its slot is taken (F11). */
static inline void isthmus__mourn(const struct isthmus_segment *s, uint32_t slot, uint64_t x) {
    if (isthmus__load(isthmus__slot(s, slot, ISTHMUS__LEFT)) == x || isthmus__load(isthmus__slot(s, slot, ISTHMUS__PROCESS)) != x)
        return;
    uint64_t *died = isthmus__slot(s, slot, ISTHMUS__DIED), d = isthmus__load(died);
    while (d < x && !isthmus__swap(died, d, x))
        d = isthmus__load(died);
}

/* ---- Barriers (F22) ---- */

static inline int isthmus__membarrier(int cmd) { return (int)syscall(SYS_membarrier, cmd, 0, 0); }

/* Registers this process, once, and reports whether barriers reach it, and it can run them. */
static inline int isthmus__can_barrier(void) {
    enum { GLOBAL_EXPEDITED = 1 << 1, REGISTER = 1 << 2 };
    int b = __atomic_load_n(&isthmus__process.barrier, __ATOMIC_SEQ_CST);
    if (b == 0) {
        int saved = errno;
        b = isthmus__membarrier(REGISTER) == 0 && isthmus__membarrier(GLOBAL_EXPEDITED) == 0 ? 1 : 2;
        errno = saved;
        __atomic_store_n(&isthmus__process.barrier, b, __ATOMIC_SEQ_CST);
    }
    return b == 1;
}

/* The sleeper's fence; 0 if it is none. */
static inline int isthmus__sleeper_fence(const struct isthmus_segment *s) {
    isthmus__fence();
    return !s->asymmetric || (isthmus__can_barrier() && isthmus__membarrier(1 << 1) == 0);
}

/* The waker's fence, after a release store. Where it is none, the compiler still has to keep
 * the order of that store and the load of the Event. */
static inline void isthmus__waker_fence(const struct isthmus_segment *s) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (s->fence)
        isthmus__fence();
}

/* ---- Attendance (F20) ---- */

enum { ISTHMUS__USER, ISTHMUS__PRODUCER, ISTHMUS__CONSUMER };
#define ISTHMUS__MARK (UINT64_C(1) << 63)

static inline uint64_t *isthmus__attendance(const struct isthmus_segment *s, uint32_t entry, int side, uint32_t k) {
    return isthmus__word(s, s->attend + ((uint64_t)entry * s->attend_words * 3 + k * 3 + (uint64_t)side) * 8);
}

static inline uint64_t *isthmus__mine(const struct isthmus_segment *s, uint32_t entry, int side, uint64_t *bit) {
    *bit = UINT64_C(1) << (s->slot % 63);
    return isthmus__attendance(s, entry, side, s->slot / 63);
}

/* Whether the tenant of a slot is dead, 1, and has not left, 2. */
static inline int isthmus__fate(const struct isthmus_segment *s, uint32_t slot) {
    uint64_t id = isthmus__load(isthmus__slot(s, slot, ISTHMUS__TENANT));
    if (id == 0)
        return 1;
    if (!isthmus__dead_in(s, slot, id))
        return 0;
    return isthmus__load(isthmus__slot(s, slot, ISTHMUS__LEFT)) == id ? 1 : 2;
}

static inline uint32_t *isthmus__state(const struct isthmus_segment *s, uint32_t entry) {
    return (uint32_t *)(void *)(s->mem + s->dir + (uint64_t)entry * ISTHMUS__ENTRY);
}

/* Clears what earlier owners of the slot have left, and makes this one its tenant. */
static inline void isthmus__move_in(const struct isthmus_segment *s) {
    int fate = isthmus__fate(s, s->slot);
    int earlier = isthmus__load(isthmus__slot(s, s->slot, ISTHMUS__TENANT)) != 0;
    for (uint32_t i = 0; earlier && i < s->objects && isthmus__load32(isthmus__state(s, i)) != 0; i++)
        for (int side = ISTHMUS__USER; side <= ISTHMUS__CONSUMER; side++) {
            uint64_t bit, *word = isthmus__mine(s, i, side, &bit), w;
            while (((w = isthmus__load(word)) & bit) != 0)
                if (isthmus__swap(word, w, (w & ~bit) | (fate == 2 ? ISTHMUS__MARK : 0)))
                    break;
        }
    isthmus__store(isthmus__slot(s, s->slot, ISTHMUS__TENANT), s->id);
}

/* Attends a side of an object, as one that pushes or pops, and takes over from the dead. */
static inline void isthmus__attend(struct isthmus_segment *s, uint32_t entry, int side) {
    uint64_t bit, *mine = isthmus__mine(s, entry, side, &bit);
    pthread_mutex_lock(&s->marks);
    (void)__atomic_fetch_or(mine, bit, __ATOMIC_SEQ_CST);
    for (uint32_t k = 0; k < s->attend_words; k++) {
        uint64_t *word = isthmus__attendance(s, entry, side, k), w = isthmus__load(word) & ~ISTHMUS__MARK;
        for (; w != 0; w &= w - 1) {
            uint32_t slot = k * 63 + (uint32_t)__builtin_ctzll(w);
            if (slot >= s->procs || isthmus__fate(s, slot) == 0)
                continue;
            uint64_t *owner = isthmus__slot(s, slot, ISTHMUS__ID), x = isthmus__load(owner);
            if (x == 0 || !isthmus__vacated(s, slot, x)) /* F21 */
                continue;
            isthmus__mourn(s, slot, x);
            if (isthmus__swap(owner, x, s->id)) {
                (void)__atomic_fetch_and(word, ~(w & -w), __ATOMIC_SEQ_CST);
                (void)isthmus__swap(owner, s->id, x);
            }
        }
        if ((isthmus__load(word) & ISTHMUS__MARK) != 0)
            (void)__atomic_fetch_and(word, ~ISTHMUS__MARK, __ATOMIC_SEQ_CST);
    }
    pthread_mutex_unlock(&s->marks);
}

/* ---- Open, close, fork ---- */

/* Puts private memory in the mapping's place: no store reaches the segment any more. */
static inline int isthmus__sever(struct isthmus_segment *s) {
    unsigned char *spare = s->spare;
    size_t n = (size_t)s->size;
    s->spare = NULL;
    if (spare != NULL && mprotect(spare, n, PROT_READ | PROT_WRITE) == 0 &&
        mremap(spare, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, s->mem) != MAP_FAILED)
        return 0;
    if (spare != NULL)
        munmap(spare, n);
    void *p = mmap(s->mem, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    if (p == MAP_FAILED) /* at the limit of private memory (RLIMIT_DATA) */
        p = mmap(s->mem, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    return p == MAP_FAILED ? ISTHMUS_ESYS : 0;
}

static inline void isthmus__before_fork(void) { pthread_mutex_lock(&isthmus__process.lock); }
static inline void isthmus__in_parent(void) { pthread_mutex_unlock(&isthmus__process.lock); }

/* A child of fork is not its parent: it keeps neither the locked bytes, which are the
 * parent's, nor the memory. It closes its copy of each description, and unlocks nothing: that
 * would unlock the parent's. What it opens, it opens anew. */
static inline void isthmus__in_child(void) {
    for (struct isthmus_segment *s = isthmus__process.first; s != NULL; s = s->next) {
        if (s->closed == 0)
            s->closed = ISTHMUS_EFORKED;
        if (s->spare != NULL && s->mem != NULL && isthmus__sever(s) != 0)
            (void)mprotect(s->mem, (size_t)s->size, PROT_NONE); /* rather that than the parent's */
        if (s->fd >= 0)
            close(s->fd);
        s->fd = -1;
        pthread_mutex_init(&s->marks, NULL); /* a thread of the parent may have had them */
        pthread_mutex_init(&s->creating, NULL);
    }
    isthmus__process.barrier = 0;
    pthread_mutex_unlock(&isthmus__process.lock);
}

/* Enters a segment in the list of the process's. */
static inline int isthmus__enlist(struct isthmus_segment *s) {
    int r = 0;
    pthread_mutex_lock(&isthmus__process.lock);
    if (!isthmus__process.handles_forks) {
        r = pthread_atfork(isthmus__before_fork, isthmus__in_parent, isthmus__in_child);
        isthmus__process.handles_forks = r == 0;
    }
    if (r == 0) {
        s->next = isthmus__process.first;
        s->link = &isthmus__process.first;
        if (s->next != NULL)
            s->next->link = &s->next;
        isthmus__process.first = s;
    }
    pthread_mutex_unlock(&isthmus__process.lock);
    errno = r != 0 ? r : errno;
    return r != 0 ? ISTHMUS_ESYS : 0;
}

/* Frees a segment. No thread may use it or what was opened in it any more. */
static inline void isthmus__discard(struct isthmus_segment *s) {
    int saved = errno;
    pthread_mutex_lock(&isthmus__process.lock); /* a child finds all of it in the list, or gets nothing */
    if (s->link != NULL) {
        *s->link = s->next;
        if (s->next != NULL)
            s->next->link = s->link;
    }
    if (s->fd >= 0)
        close(s->fd);
    if (s->spare != NULL)
        munmap(s->spare, (size_t)s->size);
    if (s->mem != NULL)
        munmap(s->mem, (size_t)s->size);
    pthread_mutex_unlock(&isthmus__process.lock);
    pthread_mutex_destroy(&s->marks);
    pthread_mutex_destroy(&s->creating);
    free(s->attended);
    free(s->holds);
    free(s);
    errno = saved;
}

/* Checks that the bytes of a name are UTF-8, without control characters, and at most so
 * many (F6, F16). */
static inline int isthmus__check_name(const char *name, size_t most) {
    const unsigned char *p = (const unsigned char *)name;
    size_t n = strlen(name);
    if (n == 0 || n > most)
        return ISTHMUS_EINVAL;
    while (*p != 0) {
        uint32_t c = *p++;
        int more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : (c & 0xf0) == 0xe0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : -1;
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (more < 0)
            return ISTHMUS_EINVAL;
        c &= more == 0 ? 0x7f : 0x3fu >> more;
        for (int i = 0; i < more; i++, p++) {
            if ((*p & 0xc0) != 0x80)
                return ISTHMUS_EINVAL;
            c = c << 6 | (*p & 0x3f);
        }
        if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || c < 0x20 || (c >= 0x7f && c < 0xa0))
            return ISTHMUS_EINVAL;
    }
    return 0;
}

/* The path of a segment's file (F6). */
static inline int isthmus__path(char path[PATH_MAX], const char *name, const struct isthmus_options *o) {
    const char *dir = o != NULL && o->dir != NULL ? o->dir : getenv("ISTHMUS_DIR");
    size_t n = strlen(name);
    struct statfs fs;
    if (isthmus__check_name(name, 200) != 0 || strpbrk(name, "/\\:*?\"<>|") != NULL || name[n - 1] == '.' || name[n - 1] == ' ')
        return ISTHMUS_EINVAL;
    if (dir == NULL || *dir == 0)
        dir = statfs("/dev/shm", &fs) == 0 && fs.f_type == 0x01021994 ? "/dev/shm" : getenv("TMPDIR");
    if (dir == NULL || *dir == 0)
        dir = "/tmp";
    int k = snprintf(path, PATH_MAX, "%s/isthmus.%s", dir, name);
    return k < 0 || k >= PATH_MAX ? ISTHMUS_EINVAL : 0;
}

/* Where the parts of a segment lie (F8). */
static inline int isthmus__geometry(struct isthmus_segment *s, uint64_t procs, uint64_t objects, uint64_t arena) {
    if (procs < 1 || procs > 1024 || objects < 1 || objects > 65536 || arena < 4096 || arena > ISTHMUS__FILE || arena % 4096 != 0)
        return ISTHMUS_EINVAL;
    s->procs = (uint32_t)procs;
    s->objects = (uint32_t)objects;
    s->attend_words = (uint32_t)((procs + 62) / 63);
    s->dir = ISTHMUS__HEADER + procs * ISTHMUS__SLOT;
    s->attend = s->dir + objects * ISTHMUS__ENTRY;
    s->arena = isthmus__up(s->attend + objects * s->attend_words * 24, 4096);
    s->arena_end = s->arena + arena;
    s->size = s->arena_end;
    return s->size > ISTHMUS__FILE ? ISTHMUS_EINVAL : 0;
}

/* Maps the file, and memory to take its place one day. */
static inline int isthmus__map(struct isthmus_segment *s, uint64_t size) {
    s->size = size;
    void *spare = mmap(NULL, (size_t)size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (spare == MAP_FAILED)
        return ISTHMUS_ESYS;
    s->spare = (unsigned char *)spare;
    pthread_mutex_lock(&isthmus__process.lock); /* as in open: a child severs it, or does not get it */
    void *mem = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
    if (mem != MAP_FAILED)
        s->mem = (unsigned char *)mem;
    pthread_mutex_unlock(&isthmus__process.lock);
    return mem == MAP_FAILED ? ISTHMUS_ESYS : 0;
}

/* Refuses a file that another user may have made to do harm (F7.1). In a user namespace, all
 * users that have no other uid there have that of overflow. */
static inline int isthmus__trust(const struct stat *st) {
    unsigned overflow = 65534;
    FILE *f;
    if (!S_ISREG(st->st_mode))
        return ISTHMUS_ECORRUPT;
    if ((f = fopen("/proc/sys/kernel/overflowuid", "re")) != NULL) {
        if (fscanf(f, "%u", &overflow) != 1)
            overflow = 65534;
        fclose(f);
    }
    return st->st_uid != geteuid() || st->st_uid == overflow ? ISTHMUS_EUNTRUSTED : 0;
}

/* Checks and decodes the header (F8, F9). */
static inline int isthmus__header(struct isthmus_segment *s, uint64_t version) {
    uint64_t h[9];
    uint32_t u[8];
    uint64_t size = s->size;
    isthmus__copy_out(h, isthmus__word(s, 0), sizeof h);
    memcpy(u, h, sizeof u);
    if (memcmp(h, "ISTHMUS", 8) != 0)
        return ISTHMUS_ECORRUPT;
    if (u[2] != 0x01020304)
        return u[2] == 0x04030201 ? ISTHMUS_EMISMATCH : ISTHMUS_ECORRUPT;
    if (u[3] != 8 || u[4] != 64 || (u[5] & 0xfffe) != 0)
        return ISTHMUS_EMISMATCH;
    if (isthmus__geometry(s, u[6], u[7], h[7]) != 0 || h[4] != s->size || h[5] != s->dir || h[6] != s->arena || size != s->size) {
        s->size = size; /* as it is mapped */
        return ISTHMUS_ECORRUPT;
    }
    s->asymmetric = (u[5] & 1) != 0;
    return h[8] != version ? ISTHMUS_EMISMATCH : 0;
}

/* Draws an id, and locks its byte (F13.2). */
static inline int isthmus__draw(struct isthmus_segment *s) {
    uint64_t *ids = isthmus__word(s, 128);
    for (int i = 0; i < 64; i++) {
        uint64_t n = isthmus__load(ids);
        while (n < ISTHMUS__IDS && !isthmus__swap(ids, n, n + 1))
            n = isthmus__load(ids);
        if (n >= ISTHMUS__IDS)
            return ISTHMUS_ENOROOM;
        if (isthmus__lock_byte(s->fd, 0, F_WRLCK, (int64_t)(n + 1)) == 0) {
            s->id = n + 1;
            return 0;
        }
        if (errno != EAGAIN && errno != EACCES)
            return ISTHMUS_ESYS;
    }
    return ISTHMUS_ENOROOM;
}

/* Takes a slot (F13). */
static inline int isthmus__attach(struct isthmus_segment *s) {
    for (int tries = 0, held = 1; tries < 100 && held; tries++) {
        held = 0;
        for (uint32_t i = 0; i < s->procs; i++) {
            uint32_t slot = ((uint32_t)getpid() + i) % s->procs;
            uint64_t x = isthmus__load(isthmus__slot(s, slot, ISTHMUS__ID));
            if (x != 0 && !isthmus__vacated(s, slot, x)) {
                held |= isthmus__load(isthmus__slot(s, slot, ISTHMUS__PROCESS)) != x;
                continue;
            }
            if (s->id == 0) {
                int r = isthmus__draw(s);
                if (r != 0)
                    return r;
            }
            isthmus__mourn(s, slot, x);
            if (!isthmus__swap(isthmus__slot(s, slot, ISTHMUS__ID), x, s->id)) {
                held = 1;
                continue;
            }
            s->slot = slot;
            isthmus__store32((uint32_t *)(void *)isthmus__slot(s, slot, ISTHMUS__PID), (uint32_t)getpid());
            isthmus__store(isthmus__slot(s, slot, ISTHMUS__SPACE), isthmus__pid_namespace());
            isthmus__release(isthmus__slot(s, slot, ISTHMUS__PROCESS), s->id);
            s->fence = !isthmus__can_barrier() || !s->asymmetric;
            isthmus__move_in(s);
            return 0;
        }
        struct timespec t = {0, 100 * 1000};
        nanosleep(&t, NULL);
    }
    return ISTHMUS_ENOROOM;
}

/* A segment without memory, in the list of the process's, so that a fork finds its file. */
static inline int isthmus__new(struct isthmus_segment **out, const struct isthmus_options *o) {
    struct isthmus_segment *s = (struct isthmus_segment *)calloc(1, sizeof *s);
    if (s == NULL)
        return ISTHMUS_ESYS;
    s->fd = -1;
    s->must_exist = o != NULL && o->must_exist;
    pthread_mutex_init(&s->marks, NULL);
    pthread_mutex_init(&s->creating, NULL);
    *out = s;
    return 0;
}

/* Maps, checks, and attaches to the file of s, which has that path, or none. 1 if the path
 * is another file's by now (F15). */
static inline int isthmus__adopt(struct isthmus_segment *s, const char *path, const struct isthmus_options *o) {
    struct stat st, named;
    int r;
    if (fstat(s->fd, &st) < 0)
        return ISTHMUS_ESYS;
    if ((r = isthmus__trust(&st)) != 0)
        return r;
    if (st.st_size < ISTHMUS__HEADER || (uint64_t)st.st_size > ISTHMUS__FILE)
        return ISTHMUS_ECORRUPT;
    if ((r = isthmus__map(s, (uint64_t)st.st_size)) != 0 || (r = isthmus__header(s, o != NULL ? o->version : 0)) != 0)
        return r;
    if ((s->attended = (unsigned char *)calloc(s->objects, 1)) == NULL)
        return ISTHMUS_ESYS;
    if (isthmus__lock_byte(s->fd, 1, F_RDLCK, ISTHMUS__GATE) < 0)
        return ISTHMUS_ESYS;
    if (path != NULL) {
        int there = lstat(path, &named) == 0;
        if (!there && errno != ENOENT)
            return ISTHMUS_ESYS;
        if (!there || named.st_dev != st.st_dev || named.st_ino != st.st_ino)
            return 1;
    }
    if ((r = isthmus__attach(s)) == 0 && isthmus__lock_byte(s->fd, 0, F_UNLCK, ISTHMUS__GATE) < 0)
        r = ISTHMUS_ESYS;
    return r;
}

/* Opens the file at a path, and attaches to what is in it (F7). */
static inline int isthmus__open(struct isthmus_segment **out, const char *path, int follow, const struct isthmus_options *o) {
    for (int tries = 0; tries < 1000; tries++) {
        struct isthmus_segment *s;
        int r = isthmus__new(&s, o);
        if (r != 0)
            return r;
        if ((r = isthmus__enlist(s)) != 0) {
            isthmus__discard(s);
            return r;
        }
        pthread_mutex_lock(&isthmus__process.lock); /* a child either finds it in the list, or does not get it */
        s->fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (follow ? 0 : O_NOFOLLOW));
        pthread_mutex_unlock(&isthmus__process.lock);
        if (s->fd < 0)
            r = errno == ENOENT ? ISTHMUS_ENOENT : errno == ELOOP || errno == EISDIR || errno == ENXIO ? ISTHMUS_ECORRUPT : ISTHMUS_ESYS;
        else
            r = isthmus__adopt(s, follow ? NULL : path, o);
        if (r == 0) {
            *out = s;
            return 0;
        }
        isthmus__discard(s);
        if (r < 0)
            return r;
    }
    return ISTHMUS_ENOENT;
}

/* Opens a segment by its name. */
static inline int isthmus_open(struct isthmus_segment **out, const char *name, const struct isthmus_options *o) {
    char path[PATH_MAX];
    int r = isthmus__path(path, name, o);
    return r != 0 ? r : isthmus__open(out, path, 0, o);
}

/* Opens a segment by a descriptor of its file, as that of an anonymous segment which was
 * inherited. The descriptor stays the caller's: the segment has another description. */
static inline int isthmus_open_fd(struct isthmus_segment **out, int fd, const struct isthmus_options *o) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return isthmus__open(out, path, 1, o);
}

/* Whether so many bytes may fit, without filling the memory to find out. */
static inline int isthmus__fits(int fd, uint64_t size) {
    struct statfs fs;
    struct sysinfo info;
    if (fstatfs(fd, &fs) < 0)
        return 0;
    if (fs.f_blocks > 0 && size / (uint64_t)fs.f_bsize >= (geteuid() == 0 ? fs.f_bfree : fs.f_bavail))
        return 0;
    return fs.f_type != 0x01021994 || sysinfo(&info) < 0 || size / info.mem_unit < info.totalram + info.freeswap;
}

/* Fills a file with what a new segment is, and attaches to it, before it has a name (F7). */
static inline int isthmus__fill(struct isthmus_segment *s, mode_t mode, uint64_t version) {
    const uint64_t step = UINT64_C(16) << 20; /* a signal makes a long fallocate begin anew */
    struct stat st;
    uint32_t u[8] = {0};
    int r;
    if (fchmod(s->fd, mode) < 0 || fstat(s->fd, &st) < 0)
        return ISTHMUS_ESYS;
    if ((r = isthmus__trust(&st)) != 0)
        return r;
    if (!isthmus__fits(s->fd, s->size))
        return ISTHMUS_ENOROOM;
    if (ftruncate(s->fd, (off_t)s->size) < 0)
        return errno == ENOSPC ? ISTHMUS_ENOROOM : ISTHMUS_ESYS;
    for (uint64_t at = 0; at < s->size; at += step) {
        do
            r = fallocate(s->fd, 0, (off_t)at, (off_t)(s->size - at < step ? s->size - at : step));
        while (r < 0 && errno == EINTR);
        if (r < 0)
            return errno == ENOSPC || errno == ENOMEM ? ISTHMUS_ENOROOM : ISTHMUS_ESYS;
    }
    if ((r = isthmus__map(s, s->size)) != 0)
        return r;
    if ((s->attended = (unsigned char *)calloc(s->objects, 1)) == NULL)
        return ISTHMUS_ESYS;
    s->asymmetric = isthmus__can_barrier();
    memcpy(u, "ISTHMUS", 8);
    u[2] = 0x01020304;
    u[3] = 8;
    u[4] = 64;
    u[5] = (uint32_t)s->asymmetric;
    u[6] = s->procs;
    u[7] = s->objects;
    uint64_t h[5] = {s->size, s->dir, s->arena, s->arena_end - s->arena, version};
    memcpy(s->mem, u, sizeof u);
    memcpy(s->mem + sizeof u, h, sizeof h);
    return isthmus__attach(s);
}

/* Makes a segment with room for size bytes of objects; ISTHMUS_EEXIST if there is one of that
 * name. The directory's file system must have files without names (O_TMPFILE), as tmpfs has. */
static inline int isthmus_create(struct isthmus_segment **out, const char *name, uint64_t size, const struct isthmus_options *o) {
    char path[PATH_MAX], dir[PATH_MAX], link_[64];
    mode_t mode = o != NULL && o->mode != 0 ? o->mode : 0600;
    struct isthmus_segment *s;
    struct stat st;
    int r = isthmus__path(path, name, o);
    if (r != 0 || (mode & ~(mode_t)0666) != 0 || (mode & 0600) != 0600)
        return ISTHMUS_EINVAL;
    if (lstat(path, &st) == 0)
        return ISTHMUS_EEXIST;
    memcpy(dir, path, sizeof dir);
    *strrchr(dir, '/') = 0;
    if ((r = isthmus__new(&s, o)) != 0)
        return r;
    r = isthmus__geometry(s, o != NULL && o->max_procs != 0 ? o->max_procs : 128, o != NULL && o->max_objects != 0 ? o->max_objects : 128,
                          size > ISTHMUS__FILE ? 0 : isthmus__up(size, 4096));
    if (r == 0 && (r = isthmus__enlist(s)) == 0) {
        pthread_mutex_lock(&isthmus__process.lock);
        s->fd = open(*dir != 0 ? dir : "/", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        pthread_mutex_unlock(&isthmus__process.lock);
        r = s->fd < 0 ? (int)ISTHMUS_ESYS : isthmus__fill(s, mode, o != NULL ? o->version : 0);
    }
    if (r == 0) {
        snprintf(link_, sizeof link_, "/proc/self/fd/%d", s->fd);
        if (linkat(AT_FDCWD, link_, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0)
            r = errno == EEXIST ? ISTHMUS_EEXIST : ISTHMUS_ESYS;
    }
    if (r != 0) {
        isthmus__discard(s);
        return r;
    }
    *out = s;
    return 0;
}

#define ISTHMUS__HOLD_HEIR (UINT64_C(1) << 61)
#define ISTHMUS__HOLD_NEW (UINT64_C(1) << 62)
#define ISTHMUS__HOLD_LEFT (UINT64_C(1) << 63)

/* Closes a segment: what this process held there is free, operations that are running
 * return ISTHMUS_ECLOSED, and so does every later one (F13). The handles, and lent messages,
 * may be touched until isthmus_free. */
static inline int isthmus_close(struct isthmus_segment *s) {
    int open_ = 0;
    if (!__atomic_compare_exchange_n(&s->closed, &open_, (int)ISTHMUS_ECLOSED, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return open_;
    pthread_mutex_lock(&s->marks);
    for (size_t i = 0; i < s->n_holds; i++) /* F25 */
        for (;;) {
            uint64_t w = isthmus__load(s->holds[i]);
            if ((w & ISTHMUS__IDS) != s->id || (w & ISTHMUS__HOLD_LEFT) != 0 ||
                isthmus__swap(s->holds[i], w, (w & ~ISTHMUS__HOLD_NEW) | ISTHMUS__HOLD_LEFT))
                break;
        }
    isthmus__store(isthmus__slot(s, s->slot, ISTHMUS__LEFT), s->id);
    pthread_mutex_lock(&isthmus__process.lock); /* no fork finds it half done */
    int r = isthmus__sever(s);
    pthread_mutex_unlock(&isthmus__process.lock);
    pthread_mutex_unlock(&s->marks);
    if (r != 0) /* a thread may yet store something: it counts as alive until isthmus_free */
        return r;
    struct flock all;
    memset(&all, 0, sizeof all);
    all.l_type = F_UNLCK; /* the descriptor stays: a thread that is about to probe by it must not have another's */
    if (fcntl(s->fd, F_OFD_SETLK, &all) < 0)
        r = ISTHMUS_ESYS;
    return r;
}

/* Frees a segment, and closes it before that. No thread may use it any more, nor any handle
 * or message of it. Accepts NULL. */
static inline void isthmus_free(struct isthmus_segment *s) {
    if (s == NULL)
        return;
    (void)isthmus_close(s);
    isthmus__discard(s);
}

/* The bytes of the segment that objects have room in. */
static inline uint64_t isthmus_size(const struct isthmus_segment *s) { return s->arena_end - s->arena; }

/* The id of this attachment, which no other has. */
static inline uint64_t isthmus_id(const struct isthmus_segment *s) { return s->id; }

/* Removes the name of a segment. Who has it open goes on. */
static inline int isthmus_remove(const char *name, const struct isthmus_options *o) {
    char path[PATH_MAX];
    int r = isthmus__path(path, name, o), saved;
    for (int tries = 0; r == 0 && tries < 1000; tries++) { /* F15 */
        struct stat st, named;
        int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW), same = 1;
        if (fd >= 0 && isthmus__lock_byte(fd, 1, F_RDLCK, ISTHMUS__GATE) == 0 && fstat(fd, &st) == 0 && lstat(path, &named) == 0)
            same = st.st_dev == named.st_dev && st.st_ino == named.st_ino;
        if (same && unlink(path) < 0)
            r = errno == ENOENT ? ISTHMUS_ENOENT : ISTHMUS_ESYS;
        saved = errno;
        if (fd >= 0) {
            (void)isthmus__lock_byte(fd, 0, F_UNLCK, ISTHMUS__GATE); /* also of a copy that a child has got */
            close(fd);
        }
        errno = saved;
        if (same)
            return r;
    }
    return r != 0 ? r : ISTHMUS_ENOENT;
}

/* ---- Objects (F16, F18) ---- */

/* What an object has to be. */
struct isthmus__spec {
    uint32_t kind;
    const char *name;
    const struct isthmus_type *type; /* of the elements, or NULL */
    uint64_t capacity, options, size;
    uint64_t first; /* word of a new one */
};

/* An object in the memory. */
struct isthmus__object {
    struct isthmus_segment *seg;
    unsigned char *mem;
    uint32_t entry;
};

/* A directory entry, as it was read. */
union isthmus__entry {
    uint64_t words[ISTHMUS__ENTRY / 8];
    struct {
        uint32_t state, kind;
        uint64_t off, size, capacity, fingerprint, elem, options;
        char name[ISTHMUS__NAME], type[ISTHMUS__TYPE];
        uint64_t room;
        uint32_t text, reserved;
    } e;
};

/* What a walk through the directory has found. */
struct isthmus__found {
    uint32_t named, vacant, used; /* entries; none is s->objects */
    uint64_t vacant_off, vacant_room, end;
    int twice;
};

static inline void isthmus__read_entry(const struct isthmus_segment *s, uint32_t i, union isthmus__entry *e) {
    uint32_t state = isthmus__load32(isthmus__state(s, i));
    isthmus__copy_out(e, (const uint64_t *)(const void *)isthmus__state(s, i), sizeof *e);
    e->e.state = state;
}

/* Whether the entry has that name. */
static inline int isthmus__is_named(const union isthmus__entry *e, const char *name) {
    size_t n = strlen(name);
    return memcmp(e->e.name, name, n) == 0 && (n == ISTHMUS__NAME || e->e.name[n] == 0);
}

/* Walks through the directory, whose rooms follow each other. */
static inline int isthmus__walk(const struct isthmus_segment *s, const char *name, uint64_t need, struct isthmus__found *f) {
    union isthmus__entry e;
    f->named = f->vacant = s->objects;
    f->vacant_off = f->vacant_room = 0;
    f->end = s->arena;
    f->twice = 0;
    for (f->used = 0; f->used < s->objects; f->used++) {
        isthmus__read_entry(s, f->used, &e);
        if (e.e.state == 0)
            return 0;
        if (e.e.state > 3 || e.e.off != f->end || e.e.room == 0 || e.e.room % ISTHMUS__LINE != 0 || e.e.room > s->arena_end - f->end)
            return ISTHMUS_ECORRUPT;
        if (e.e.state == 3 && f->vacant == s->objects && e.e.room >= need)
            f->vacant = f->used, f->vacant_off = e.e.off, f->vacant_room = e.e.room;
        if (e.e.state != 3 && isthmus__is_named(&e, name)) {
            f->twice |= f->named != s->objects;
            f->named = f->used;
        }
        f->end += e.e.room;
    }
    return 0;
}

/* Uses entry i, if it is what is asked for (F18.1). 1 if something there is in change. */
static inline int isthmus__use(struct isthmus_segment *s, uint32_t i, const struct isthmus__spec *want, int locked, unsigned char **mem) {
    union isthmus__entry e;
    uint64_t bit, *word = isthmus__mine(s, i, ISTHMUS__USER, &bit);
    int was = s->attended[i], r = 0;
    if (!was) {
        (void)__atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST);
        isthmus__fence(); /* a remover stores removing, and then looks for the bit (F19) */
    }
    isthmus__read_entry(s, i, &e);
    if (e.e.state == 2 && locked) { /* its remover is dead */
        isthmus__store32(isthmus__state(s, i), 1);
        e.e.state = 1;
    }
    int found = isthmus__is_named(&e, want->name) && (e.e.state == 1 || (e.e.state == 2 && was));
    if (!found && (was || locked))
        r = ISTHMUS_ECORRUPT;
    else if (!found || (!was && (isthmus__load(word) & bit) == 0))
        r = 1;
    else if (e.e.off < s->arena || e.e.off % ISTHMUS__LINE != 0 || e.e.off > s->arena_end || e.e.room > s->arena_end - e.e.off ||
             e.e.size == 0 || e.e.size > e.e.room || e.e.text > e.e.room - e.e.size)
        r = ISTHMUS_ECORRUPT;
    else if (e.e.kind != want->kind || e.e.capacity != want->capacity || e.e.options != want->options || e.e.size != want->size ||
             e.e.fingerprint != (want->type != NULL ? want->type->fingerprint : 0) || e.e.elem != (want->type != NULL ? want->type->size : 0))
        r = ISTHMUS_EMISMATCH;
    if (r == 0) {
        s->attended[i] = 1;
        *mem = s->mem + e.e.off;
    } else if (!was) {
        (void)__atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST);
    }
    return r;
}

/* Makes an object where a walk has found room, and publishes it (F18.3). */
static inline int isthmus__make(struct isthmus_segment *s, const struct isthmus__spec *want, const struct isthmus__found *f, const char *text,
                                uint64_t len, unsigned char **mem, uint32_t *entry) {
    union isthmus__entry e;
    uint64_t behind = len > ISTHMUS__TYPE ? len : 0, need = want->size + behind, bit, *changes = isthmus__word(s, 256);
    int reuse = f->vacant != s->objects;
    uint32_t i = reuse ? f->vacant : f->used;
    memset(&e, 0, sizeof e);
    e.e.off = reuse ? f->vacant_off : f->end;
    e.e.room = reuse ? f->vacant_room : isthmus__up(need, ISTHMUS__LINE);
    if (i == s->objects || (!reuse && (need > s->arena_end - f->end || e.e.room > s->arena_end - f->end)))
        return ISTHMUS_ENOROOM;
    *mem = s->mem + e.e.off;
    *entry = i;
    memset(*mem, 0, (size_t)want->size);
    if (want->first != 0)
        isthmus__store((uint64_t *)(void *)*mem, want->first);
    memcpy(*mem + want->size, text, (size_t)behind);
    e.e.state = reuse ? 3 : 0;
    e.e.kind = want->kind;
    e.e.size = want->size;
    e.e.capacity = want->capacity;
    e.e.options = want->options;
    memcpy(e.e.name, want->name, strlen(want->name));
    if (want->type != NULL) {
        e.e.fingerprint = want->type->fingerprint;
        e.e.elem = want->type->size;
        e.e.text = (uint32_t)behind;
        memcpy(e.e.type, behind > 0 ? "struct" : text, behind > 0 ? 6 : (size_t)len);
    }
    isthmus__copy_in((uint64_t *)(void *)isthmus__state(s, i), &e, sizeof e);
    for (uint32_t k = 0; k < 3 * s->attend_words; k++)
        isthmus__store(isthmus__attendance(s, i, 0, 0) + k, 0);
    uint64_t *word = isthmus__mine(s, i, ISTHMUS__USER, &bit);
    (void)__atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST);
    if (reuse)
        (void)__atomic_fetch_add(changes, 1, __ATOMIC_SEQ_CST);
    isthmus__store32(isthmus__state(s, i), 1);
    if (reuse)
        (void)__atomic_fetch_add(changes, 1, __ATOMIC_SEQ_CST);
    s->attended[i] = 1;
    return 0;
}

/* One look for an object. 1 if it has to be locked for that. */
static inline int isthmus__look(struct isthmus_segment *s, const struct isthmus__spec *want, int locked, unsigned char **mem, uint32_t *entry) {
    struct isthmus__found f;
    const char *text = want->type != NULL ? want->type->text : "";
    uint64_t *changes = isthmus__word(s, 256), before, len = strlen(text);
    if (len > 4096) /* cut behind a field: little may be left, or nothing */
        for (len = 4096; len > 0 && text[len - 1] != ',' && text[len - 1] != '{';)
            len--;
    pthread_mutex_lock(&s->marks);
    before = isthmus__load(changes);
    if (locked && before % 2 != 0) /* who made it odd is dead */
        (void)__atomic_fetch_add(changes, 1, __ATOMIC_SEQ_CST);
    int r = isthmus__walk(s, want->name, want->size + (len > ISTHMUS__TYPE ? len : 0), &f);
    if (r == 0 && f.twice)
        r = locked ? ISTHMUS_ECORRUPT : 1;
    if (r == 0 && f.named != s->objects) {
        r = isthmus__use(s, *entry = f.named, want, locked, mem);
    } else if (r == 0 && !locked) {
        int still = before % 2 == 0 && isthmus__load(changes) == before;
        r = s->must_exist && still ? ISTHMUS_ENOENT : 1;
    } else if (r == 0) {
        r = s->must_exist ? ISTHMUS_ENOENT : isthmus__make(s, want, &f, text, len, mem, entry);
    }
    pthread_mutex_unlock(&s->marks);
    return r;
}

/* Finds or makes an object (F18). */
static inline int isthmus__find(struct isthmus_segment *s, const struct isthmus__spec *want, struct isthmus__object *o) {
    int r = isthmus__check_name(want->name, ISTHMUS__NAME);
    if (r != 0 || (r = isthmus__closed(s)) != 0)
        return r;
    o->seg = s;
    if ((r = isthmus__look(s, want, 0, &o->mem, &o->entry)) == 1) {
        pthread_mutex_lock(&s->creating); /* the locked byte does not exclude other threads */
        if ((r = isthmus__closed(s)) == 0 && isthmus__lock_byte(s->fd, 1, F_WRLCK, ISTHMUS__CREATION) < 0)
            r = ISTHMUS_ESYS;
        if (r == 0) {
            if ((r = isthmus__closed(s)) == 0)
                r = isthmus__look(s, want, 1, &o->mem, &o->entry);
            (void)isthmus__lock_byte(s->fd, 0, F_UNLCK, ISTHMUS__CREATION);
        }
        pthread_mutex_unlock(&s->creating);
    }
    return isthmus__verdict(s, r);
}

/* ---- Events (F22) ---- */

enum { ISTHMUS__WAITING = 1, ISTHMUS__FRESH = 2, ISTHMUS__EPOCH = 4, ISTHMUS__ALL = 1 << 30 };

/* One wait. try returns ISTHMUS__AGAIN to wait; it may set event to that to sleep on. look
 * repairs what the dead have left: before the first sleep, and each slice after. */
struct isthmus__wait {
    const struct isthmus_segment *seg;
    uint32_t *event;
    int (*attempt)(void *arg);
    void (*look)(void *arg);
    void *arg;
};

static inline int isthmus__asleep(const uint32_t *event) { return (isthmus__load32(event) & ISTHMUS__WAITING) != 0; }

/* Wakes up to n who sleep on an Event. */
static inline void isthmus__notify(uint32_t *event, int n) {
    for (;;) {
        uint32_t w = isthmus__load32(event), next = (w & ~(uint32_t)ISTHMUS__FRESH) + ISTHMUS__EPOCH;
        if ((w & ISTHMUS__WAITING) == 0)
            return;
        if (!isthmus__swap32(event, w, next))
            continue;
        int saved = errno;
        if (syscall(SYS_futex, event, 1 /* FUTEX_WAKE */, n, NULL, NULL, 0) < n)
            (void)isthmus__swap32(event, next, next & ~(uint32_t)ISTHMUS__WAITING);
        errno = saved;
        return;
    }
}

/* Sleeps while the word is w, for at most so long. Whether the time was over. */
static inline int isthmus__sleep(uint32_t *event, uint32_t w, int64_t ns) {
    struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)}, poll_ = {0, 1000000};
    int saved = errno, late = 0;
    if (syscall(SYS_futex, event, 0 /* FUTEX_WAIT */, w, &t, NULL, 0) < 0) {
        late = errno == ETIMEDOUT;
        if (!late && errno != EAGAIN && errno != EINTR) /* the kernel will not let us sleep */
            nanosleep(&poll_, NULL);
    }
    errno = saved;
    return late;
}

static inline int isthmus__spin(const struct isthmus__wait *w, int64_t now) {
    for (int i = 0; i < ISTHMUS_SPIN && isthmus__now() - now < 100 * 1000; i++) { /* an attempt may take long */
        for (int k = 0; k < 16; k++) /* some 0.2 us, in which the other side has its lines to itself */
            isthmus__pause();
        int r = w->attempt(w->arg);
        if (r != ISTHMUS__AGAIN)
            return r;
    }
    return ISTHMUS__AGAIN;
}

/* Waits until an attempt is over, or the time is: then the last attempt has changed nothing. */
static inline int isthmus__await(struct isthmus__wait *w, int64_t timeout) {
    int64_t now = isthmus__now(), look = now, slice = ISTHMUS_SLICE;
    int64_t end = timeout < 0 || timeout > INT64_MAX - now ? INT64_MAX : now + timeout;
    int r = isthmus__spin(w, now);
    while (r == ISTHMUS__AGAIN) {
        uint32_t *event = w->event, word = isthmus__load32(event);
        uint32_t armed = word | ISTHMUS__WAITING | ISTHMUS__FRESH;
        if (word != armed && !isthmus__swap32(event, word, armed))
            continue;
        int reach = isthmus__sleeper_fence(w->seg);
        if ((r = w->attempt(w->arg)) != ISTHMUS__AGAIN)
            break;
        if ((now = isthmus__now()) >= look) {
            w->look(w->arg);
            if ((r = w->attempt(w->arg)) != ISTHMUS__AGAIN)
                break;
            look = isthmus__now() + slice;
        }
        if (isthmus__closed(w->seg) != 0)
            return isthmus__closed(w->seg);
        if (now >= end)
            return ISTHMUS_ETIMEDOUT;
        if (w->event != event)
            continue;
        int64_t until = look < end ? look : end, most = reach ? INT64_MAX : 1000000;
        int late = isthmus__sleep(event, armed, until - now < most ? until - now : most);
        r = w->attempt(w->arg); /* what it was woken for is not lost, even if the time is over */
        if (r != ISTHMUS__AGAIN && late && reach && isthmus__now() >= look)
            ISTHMUS_OVERSLEPT();
        if (r == ISTHMUS__AGAIN && ISTHMUS_INTERRUPTED())
            return ISTHMUS_EINTR;
    }
    return r;
}

static inline void isthmus__nothing(void *arg) { (void)arg; }

/* ---- Queues (F23) ---- */

struct isthmus__queue_words {
    uint32_t behind, ahead;
    uint64_t priority;
};

/* This handle's side of a Queue. */
struct isthmus__queue {
    struct isthmus_segment *seg;
    struct isthmus__queue_words *words;
    int shared;    /* several may hold what is taken */
    uint64_t seen; /* first and beat, as they were last seen to change */
    int64_t since; /* when */
};

/* A waiter in a Queue. take returns ISTHMUS__AGAIN if there is nothing for it. */
struct isthmus__claim {
    struct isthmus__queue *q;
    struct isthmus__wait wait;
    int (*take)(void *arg, int first);
    void (*repair)(void *arg);
    void *arg;
    int64_t start, renewed;
    uint64_t came;
};

#define ISTHMUS__BEAT UINT64_C(0x1fffff)

static inline uint64_t isthmus__first(uint64_t p) { return p >> 53; }
static inline uint64_t isthmus__next(uint64_t p) { return p >> 42 & 0x7ff; }
static inline uint64_t isthmus__since(uint64_t p) { return p >> 21 & ISTHMUS__BEAT; }
static inline uint64_t isthmus__beat(uint64_t p) { return p & ISTHMUS__BEAT; }
static inline uint64_t isthmus__order(uint64_t first, uint64_t next, uint64_t since, uint64_t beat) {
    return first << 53 | next << 42 | (since & ISTHMUS__BEAT) << 21 | (beat & ISTHMUS__BEAT);
}
static inline uint64_t isthmus__age(uint64_t p, uint64_t beat) { return (isthmus__beat(p) - beat) & ISTHMUS__BEAT; }

static inline int isthmus__barred(const struct isthmus__queue *q) { return isthmus__first(isthmus__load(&q->words->priority)) != 0; }
static inline int isthmus__queue_waiting(const struct isthmus__queue *q) {
    return isthmus__asleep(&q->words->behind) || isthmus__asleep(&q->words->ahead);
}

static inline void isthmus__queue_wake(struct isthmus__queue *q, int n) {
    if (isthmus__barred(q))
        isthmus__notify(&q->words->ahead, ISTHMUS__ALL);
    else
        isthmus__notify(&q->words->behind, n);
}

static inline void isthmus__queue_wake_all(struct isthmus__queue *q) {
    isthmus__notify(&q->words->ahead, ISTHMUS__ALL);
    isthmus__notify(&q->words->behind, ISTHMUS__ALL);
}

/* Makes the next the first, and wakes those who have to know. */
static inline void isthmus__hand_over(struct isthmus__queue *q, uint64_t p, int served) {
    if (!isthmus__swap(&q->words->priority, p, isthmus__order(isthmus__next(p), 0, 0, isthmus__beat(p) + 1)))
        return;
    isthmus__notify(&q->words->ahead, ISTHMUS__ALL);
    if (isthmus__next(p) != 0)
        return;
    if (q->shared)
        isthmus__notify(&q->words->behind, ISTHMUS__ALL);
    else if (!served)
        isthmus__notify(&q->words->behind, 1);
}

/* Passes over a first that is dead, or has not moved for 50 ms. */
static inline void isthmus__drop_stale(struct isthmus__queue *q) {
    uint64_t p = isthmus__load(&q->words->priority), f = isthmus__first(p), proof = isthmus__order(f, 0, 0, isthmus__beat(p));
    if (f == 0)
        return;
    int64_t now = isthmus__now();
    if (__atomic_load_n(&q->seen, __ATOMIC_ACQUIRE) != proof) {
        __atomic_store_n(&q->since, now, __ATOMIC_RELAXED); /* before seen: then it is late, if it is anything */
        __atomic_store_n(&q->seen, proof, __ATOMIC_RELEASE);
    }
    if (isthmus__slot_free(q->seg, (uint32_t)f - 1) || now - __atomic_load_n(&q->since, __ATOMIC_RELAXED) > 50 * 1000 * 1000)
        isthmus__hand_over(q, p, 0);
}

/* Gives up the place that this attachment's slot has. */
static inline void isthmus__leave_queue(struct isthmus__queue *q, int served) {
    uint64_t me = q->seg->slot + 1;
    for (int i = 0; i < 16; i++) {
        uint64_t p = isthmus__load(&q->words->priority);
        if (isthmus__first(p) == me)
            isthmus__hand_over(q, p, served);
        else if (isthmus__next(p) != me)
            return;
        else if (isthmus__swap(&q->words->priority, p, isthmus__order(isthmus__first(p), 0, 0, isthmus__beat(p))))
            isthmus__notify(&q->words->ahead, ISTHMUS__ALL); /* another thread of this process may sleep there as the next */
    }
}

static inline void isthmus__queue_init(struct isthmus__queue *q, struct isthmus_segment *s, unsigned char *mem, int shared) {
    q->seg = s;
    q->words = (struct isthmus__queue_words *)(void *)mem;
    q->shared = shared;
    q->seen = 0;
    q->since = 0;
}

/* A beat, or one that is as old as can be told from one to come. */
static inline uint64_t isthmus__youngest(uint64_t p, uint64_t beat) {
    return isthmus__age(p, beat) > ISTHMUS__BEAT / 2 ? (isthmus__beat(p) - ISTHMUS__BEAT / 2) & ISTHMUS__BEAT : beat;
}

/* Makes a hungry waiter first or next; whether it is first. */
static inline int isthmus__apply(struct isthmus__claim *c) {
    struct isthmus__queue *q = c->q;
    uint64_t me = q->seg->slot + 1, *word = &q->words->priority;
    int64_t now = isthmus__now();
    for (int i = 0; i < 16 && now - c->start >= 1000 * 1000; i++) {
        uint64_t p = isthmus__load(word), f = isthmus__first(p), n = isthmus__next(p);
        c->wait.event = f == me || n == me ? &q->words->ahead : &q->words->behind;
        c->came = isthmus__youngest(p, c->came);
        if (f == me) { /* shows that it is there, from time to time */
            if (now - c->renewed > 1000 * 1000 && isthmus__swap(word, p, isthmus__order(me, n, isthmus__since(p), isthmus__beat(p) + 1)))
                c->renewed = now;
            return 1;
        }
        if (n == me) {
            uint64_t since = isthmus__youngest(p, isthmus__since(p));
            if (since != isthmus__since(p))
                (void)isthmus__swap(word, p, isthmus__order(f, me, since, isthmus__beat(p)));
            return 0;
        }
        if (f == 0) {
            if (isthmus__swap(word, p, isthmus__order(me, 0, 0, isthmus__beat(p) + 1))) {
                c->wait.event = &q->words->ahead;
                c->renewed = now;
                (void)isthmus__sleeper_fence(q->seg);
                return 1;
            }
        } else if (n != 0 && isthmus__age(p, c->came) <= isthmus__age(p, isthmus__since(p))) {
            return 0;
        } else if (isthmus__swap(word, p, isthmus__order(f, me, c->came, isthmus__beat(p)))) {
            c->wait.event = &q->words->ahead;
            if (n != 0)
                isthmus__notify(&q->words->ahead, ISTHMUS__ALL); /* n is not named any more */
            return 0;
        }
    }
    return 0;
}

static inline int isthmus__queue_attempt(void *arg) {
    struct isthmus__claim *c = (struct isthmus__claim *)arg;
    uint64_t p = isthmus__load(&c->q->words->priority), me = c->q->seg->slot + 1;
    c->wait.event = isthmus__first(p) == me || isthmus__next(p) == me ? &c->q->words->ahead : &c->q->words->behind;
    int closed = isthmus__closed(c->q->seg);
    if (closed != 0)
        return closed;
    int r = c->take(c->arg, isthmus__first(p) == me);
    if (r == ISTHMUS__AGAIN && isthmus__apply(c))
        r = c->take(c->arg, 1);
    return r;
}

static inline void isthmus__queue_look(void *arg) {
    struct isthmus__claim *c = (struct isthmus__claim *)arg;
    isthmus__drop_stale(c->q);
    c->repair(c->arg);
}

/* Waits in a Queue until take is over. */
static inline int isthmus__queue_await(struct isthmus__queue *q, int (*take)(void *, int), void (*repair)(void *), void *arg, int64_t timeout) {
    struct isthmus__claim c;
    memset(&c, 0, sizeof c);
    c.q = q;
    c.wait.seg = q->seg;
    c.wait.event = &q->words->behind;
    c.wait.attempt = isthmus__queue_attempt;
    c.wait.look = isthmus__queue_look;
    c.wait.arg = &c;
    c.take = take;
    c.repair = repair;
    c.arg = arg;
    c.start = isthmus__now();
    c.came = isthmus__beat(isthmus__load(&q->words->priority));
    int r = isthmus__await(&c.wait, timeout);
    isthmus__leave_queue(q, r == 0);
    return r;
}

/* ---- Owner locks (F26) ---- */

#define ISTHMUS__OUTSIDE (UINT64_C(1) << 62)
#define ISTHMUS__OWNER_DIED (UINT64_C(1) << 63)

struct isthmus__owner_lock {
    uint64_t *word;
    struct isthmus__queue queue;
};

static inline void isthmus__owner_lock_init(struct isthmus__owner_lock *l, struct isthmus_segment *s, unsigned char *mem) {
    l->word = (uint64_t *)(void *)mem;
    isthmus__queue_init(&l->queue, s, mem + 8, 0);
    isthmus__leave_queue(&l->queue, 0); /* what an earlier owner of this slot has left */
}

/* Takes the lock if it is free, and nobody is to have it before. */
static inline int isthmus__take(void *arg, int first) {
    struct isthmus__owner_lock *l = (struct isthmus__owner_lock *)arg;
    uint64_t w = isthmus__load(l->word);
    if ((w & ISTHMUS__IDS) != 0 || (!first && isthmus__barred(&l->queue)) || !isthmus__swap(l->word, w, w | l->queue.seg->id))
        return ISTHMUS__AGAIN;
    return 0;
}

/* Wakes one, after a change of the word. */
static inline void isthmus__owner_lock_wake(struct isthmus__owner_lock *l) {
    isthmus__waker_fence(l->queue.seg);
    if (isthmus__queue_waiting(&l->queue))
        isthmus__queue_wake(&l->queue, 1);
}

/* Frees the lock if its owner is dead. */
static inline void isthmus__free_dead(void *arg) {
    struct isthmus__owner_lock *l = (struct isthmus__owner_lock *)arg;
    uint64_t w = isthmus__load(l->word), owner = w & ISTHMUS__IDS;
    if (owner != 0 && isthmus__dead(l->queue.seg, owner) &&
        isthmus__swap(l->word, w, (w & ISTHMUS__OUTSIDE) != 0 ? w & ISTHMUS__OWNER_DIED : ISTHMUS__OWNER_DIED))
        isthmus__owner_lock_wake(l);
}

static inline int isthmus__owner_lock_lock(struct isthmus__owner_lock *l, int64_t timeout) {
    if (isthmus__take(l, 0) == 0)
        return 0;
    return isthmus__queue_await(&l->queue, isthmus__take, isthmus__free_dead, l, timeout);
}

/* Gives the lock up, if this process has it. It pairs with the swap of take, and is a swap
 * itself: of two threads that give up what one has, the other must not free a third's. */
static inline int isthmus__owner_lock_unlock(struct isthmus__owner_lock *l) {
    uint64_t w;
    do
        if (((w = isthmus__load(l->word)) & ISTHMUS__IDS) != l->queue.seg->id)
            return ISTHMUS_ENOTHELD;
    while (!isthmus__swap(l->word, w, w & ISTHMUS__OWNER_DIED));
    isthmus__owner_lock_wake(l);
    return 0;
}

/* ---- Value (F27, F28) ---- */

/* One variable of a plain type. */
struct isthmus_value {
    struct isthmus__object o;
    uint64_t size, mask;
    uint64_t *seq;   /* NULL for a type of up to 8 bytes */
    uint64_t stride; /* of the copies */
    uint32_t *changed;
    struct isthmus__owner_lock writers;
};

/* Finds or makes a Value; a new one is all 0. */
static inline int isthmus_value_open(struct isthmus_value *v, struct isthmus_segment *s, const char *name, const struct isthmus_type *t) {
    struct isthmus__spec want;
    memset(&want, 0, sizeof want);
    memset(v, 0, sizeof *v);
    want.kind = 1;
    want.name = name;
    want.type = t;
    v->size = t->size;
    v->mask = t->mask;
    v->stride = isthmus__up(t->size, 64);
    want.size = t->size > 8 ? 256 + 4 * v->stride : 128;
    int r = isthmus__find(s, &want, &v->o);
    if (r != 0)
        return r;
    v->changed = (uint32_t *)(void *)(v->o.mem + (t->size > 8 ? 136 : 8));
    if (t->size > 8) {
        isthmus__owner_lock_init(&v->writers, s, v->o.mem);
        v->seq = (uint64_t *)(void *)(v->o.mem + 128);
    }
    return 0;
}

static inline uint64_t *isthmus__cell(const struct isthmus_value *v) { return (uint64_t *)(void *)v->o.mem; }
static inline uint64_t *isthmus__copy_of(const struct isthmus_value *v, uint64_t seq) {
    return (uint64_t *)(void *)(v->o.mem + 256 + seq % 4 * v->stride);
}
static inline uint64_t isthmus__to_bits(const struct isthmus_value *v, const void *x) {
    uint64_t bits = 0;
    memcpy(&bits, x, (size_t)v->size);
    return bits & v->mask;
}

/* Copies the value to out. Never waits, and never sees half of a store. */
static inline int isthmus_value_load(const struct isthmus_value *v, void *out) {
    if (v->seq == NULL) {
        uint64_t bits = isthmus__load(isthmus__cell(v));
        memcpy(out, &bits, (size_t)v->size);
        return isthmus__verdict(v->o.seg, 0);
    }
    for (int i = 0; i < 1 << 24; i++) { /* a bound for memory that somebody scribbles over (F4) */
        uint64_t seq = isthmus__load(v->seq);
        isthmus__copy_out(out, isthmus__copy_of(v, seq), v->size);
        isthmus__load_fence();
        if (isthmus__load(v->seq) - seq < 3)
            return isthmus__verdict(v->o.seg, 0);
    }
    return isthmus__verdict(v->o.seg, ISTHMUS_ECORRUPT);
}

static inline void isthmus__value_changed(const struct isthmus_value *v) {
    isthmus__waker_fence(v->o.seg);
    isthmus__notify(v->changed, ISTHMUS__ALL);
}

/* Sets the value to f of it. No other write comes between. f changes its first argument, and
 * returns 0, or another number to change nothing and have that returned. With a type of up to
 * 8 bytes it may be called several times. */
static inline int isthmus_value_update(struct isthmus_value *v, int (*f)(void *value, void *arg), void *arg) {
    uint64_t small[32], *x = small; /* aligned, for f */
    int r;
    if (v->seq == NULL) {
        for (;;) {
            uint64_t bits = x[0] = isthmus__load(isthmus__cell(v));
            if ((r = isthmus__closed(v->o.seg)) != 0 || (r = f(x, arg)) != 0)
                return r;
            if (isthmus__swap(isthmus__cell(v), bits, x[0] & v->mask))
                break;
        }
        isthmus__value_changed(v);
        return isthmus__verdict(v->o.seg, 0);
    }
    if (v->size > sizeof small && (x = (uint64_t *)malloc((size_t)v->size)) == NULL)
        return ISTHMUS_ESYS;
    if ((r = isthmus__owner_lock_lock(&v->writers, ISTHMUS_FOREVER)) == 0) {
        uint64_t seq = isthmus__load(v->seq);
        isthmus__copy_out(x, isthmus__copy_of(v, seq), v->size);
        if ((r = isthmus__closed(v->o.seg)) == 0 && (r = f(x, arg)) == 0) {
            isthmus__store_fence(); /* who copies what follows sees seq as well: pairs with the load fence in load */
            isthmus__copy_in(isthmus__copy_of(v, seq + 1), x, v->size);
            isthmus__release(v->seq, seq + 1); /* pairs with the loads of seq in load */
        }
        (void)isthmus__owner_lock_unlock(&v->writers);
        isthmus__value_changed(v);
    }
    if (x != small)
        free(x);
    return isthmus__verdict(v->o.seg, r);
}

struct isthmus__assignment {
    const struct isthmus_value *v;
    const void *expected, *to;
};

static inline int isthmus__assign(void *value, void *arg) {
    const struct isthmus__assignment *a = (const struct isthmus__assignment *)arg;
    if (a->expected != NULL && (a->v->seq == NULL ? isthmus__to_bits(a->v, value) != isthmus__to_bits(a->v, a->expected)
                                                  : memcmp(value, a->expected, (size_t)a->v->size) != 0))
        return ISTHMUS_EBUSY;
    memcpy(value, a->to, (size_t)a->v->size);
    return 0;
}

/* Sets the value. */
static inline int isthmus_value_store(struct isthmus_value *v, const void *x) {
    if (v->seq == NULL) {
        isthmus__store(isthmus__cell(v), isthmus__to_bits(v, x));
        isthmus__value_changed(v);
        return isthmus__verdict(v->o.seg, 0);
    }
    struct isthmus__assignment a = {v, NULL, x};
    return isthmus_value_update(v, isthmus__assign, &a);
}

/* Sets the value to x if it is expected, byte by byte; ISTHMUS_EBUSY if it is not. */
static inline int isthmus_value_compare_and_swap(struct isthmus_value *v, const void *expected, const void *x) {
    struct isthmus__assignment a = {v, expected, x};
    return isthmus_value_update(v, isthmus__assign, &a);
}

struct isthmus__value_waiter {
    const struct isthmus_value *v;
    const void *old;
    void *out;
};

static inline int isthmus__value_differs(void *arg) {
    const struct isthmus__value_waiter *w = (const struct isthmus__value_waiter *)arg;
    int r = isthmus_value_load(w->v, w->out);
    if (r != 0)
        return r;
    if (w->v->seq == NULL ? isthmus__to_bits(w->v, w->out) != isthmus__to_bits(w->v, w->old) : memcmp(w->out, w->old, (size_t)w->v->size) != 0)
        return 0;
    return ISTHMUS__AGAIN;
}

/* Waits until the value differs from old, byte by byte, and copies it to out. */
static inline int isthmus_value_wait(const struct isthmus_value *v, const void *old, void *out, int64_t timeout) {
    struct isthmus__value_waiter w = {v, old, out};
    struct isthmus__wait wait = {v->o.seg, v->changed, isthmus__value_differs, isthmus__nothing, &w};
    return isthmus__await(&wait, timeout);
}

/* ---- Array (F29) ---- */

/* A fixed number of elements of a plain type. */
struct isthmus_array {
    struct isthmus__object o;
    uint64_t len, size;
};

/* Finds or makes an Array of n elements. */
static inline int isthmus_array_open(struct isthmus_array *a, struct isthmus_segment *s, const char *name, const struct isthmus_type *t, uint64_t n) {
    struct isthmus__spec want;
    memset(&want, 0, sizeof want);
    if (n < 1 || n > ISTHMUS__FILE / t->size)
        return ISTHMUS_EINVAL;
    want.kind = 2;
    want.name = name;
    want.type = t;
    want.capacity = n;
    want.size = isthmus__up(n * t->size, ISTHMUS__LINE);
    a->len = n;
    a->size = t->size;
    return isthmus__find(s, &want, &a->o);
}

/* The element i, or NULL. The caller must keep others out, by a lock, or use atomic
 * operations. It may be used until isthmus_free. */
static inline void *isthmus_array_at(const struct isthmus_array *a, uint64_t i) { return i < a->len ? a->o.mem + i * a->size : NULL; }

/* Copies element i to out: atomically, if it has 1, 2, 4 or 8 bytes. */
static inline int isthmus_array_load(const struct isthmus_array *a, uint64_t i, void *out) {
    void *p = isthmus_array_at(a, i);
    if (p == NULL)
        return ISTHMUS_EINVAL;
    switch (a->size) {
    case 1: __atomic_load((uint8_t *)p, (uint8_t *)out, __ATOMIC_SEQ_CST); break;
    case 2: { uint16_t x = __atomic_load_n((uint16_t *)p, __ATOMIC_SEQ_CST); memcpy(out, &x, 2); break; }
    case 4: { uint32_t x = isthmus__load32((uint32_t *)p); memcpy(out, &x, 4); break; }
    case 8: { uint64_t x = isthmus__load((uint64_t *)p); memcpy(out, &x, 8); break; }
    default: memcpy(out, p, (size_t)a->size); isthmus__load_fence();
    }
    return isthmus__verdict(a->o.seg, 0);
}

/* Sets element i: atomically, if it has 1, 2, 4 or 8 bytes. */
static inline int isthmus_array_store(struct isthmus_array *a, uint64_t i, const void *x) {
    void *p = isthmus_array_at(a, i);
    if (p == NULL)
        return ISTHMUS_EINVAL;
    switch (a->size) {
    case 1: { uint8_t v; memcpy(&v, x, 1); __atomic_store_n((uint8_t *)p, v, __ATOMIC_SEQ_CST); break; }
    case 2: { uint16_t v; memcpy(&v, x, 2); __atomic_store_n((uint16_t *)p, v, __ATOMIC_SEQ_CST); break; }
    case 4: { uint32_t v; memcpy(&v, x, 4); isthmus__store32((uint32_t *)p, v); break; }
    case 8: { uint64_t v; memcpy(&v, x, 8); isthmus__store((uint64_t *)p, v); break; }
    default: memcpy(p, x, (size_t)a->size);
    }
    return isthmus__verdict(a->o.seg, 0);
}

/* Adds delta to element i, of 1, 2, 4 or 8 bytes, and sets sum, if it is not NULL. */
static inline int isthmus_array_add(struct isthmus_array *a, uint64_t i, int64_t delta, int64_t *sum) {
    void *p = isthmus_array_at(a, i);
    int64_t x;
    if (p == NULL)
        return ISTHMUS_EINVAL;
    switch (a->size) {
    case 1: x = __atomic_add_fetch((int8_t *)p, (int8_t)delta, __ATOMIC_SEQ_CST); break;
    case 2: x = __atomic_add_fetch((int16_t *)p, (int16_t)delta, __ATOMIC_SEQ_CST); break;
    case 4: x = __atomic_add_fetch((int32_t *)p, (int32_t)delta, __ATOMIC_SEQ_CST); break;
    case 8: x = __atomic_add_fetch((int64_t *)p, delta, __ATOMIC_SEQ_CST); break;
    default: return ISTHMUS_EINVAL;
    }
    if (sum != NULL)
        *sum = x;
    return isthmus__verdict(a->o.seg, 0);
}

/* ---- Lock (F31) ---- */

/* A mutual exclusion lock between processes, and the threads of each. */
struct isthmus_lock {
    struct isthmus__object o;
    struct isthmus__owner_lock lock;
};

/* Finds or makes a Lock. */
static inline int isthmus_lock_open(struct isthmus_lock *l, struct isthmus_segment *s, const char *name) {
    struct isthmus__spec want;
    memset(&want, 0, sizeof want);
    memset(l, 0, sizeof *l);
    want.kind = 3;
    want.name = name;
    want.size = 128;
    int r = isthmus__find(s, &want, &l->o);
    if (r == 0)
        isthmus__owner_lock_init(&l->lock, s, l->o.mem);
    return r;
}

static inline int isthmus__locked(const struct isthmus_lock *l) {
    int died = (isthmus__load(l->lock.word) & ISTHMUS__OWNER_DIED) != 0;
    return isthmus__verdict(l->o.seg, died ? ISTHMUS_EOWNERDEAD : 0);
}

/* Locks. With 0 and ISTHMUS_EOWNERDEAD the caller has the lock; the latter means that an owner
 * has died with it, and each says so until a holder calls isthmus_lock_mark_consistent. */
static inline int isthmus_lock_lock(struct isthmus_lock *l, int64_t timeout) {
    int r = isthmus__owner_lock_lock(&l->lock, timeout);
    return r == 0 ? isthmus__locked(l) : isthmus__verdict(l->o.seg, r);
}

/* Locks if the lock is free, or its owner is dead; ISTHMUS_EBUSY if it is not. */
static inline int isthmus_lock_trylock(struct isthmus_lock *l) {
    if (isthmus__take(&l->lock, 0) != 0) {
        isthmus__drop_stale(&l->lock.queue);
        isthmus__free_dead(&l->lock);
        if (isthmus__take(&l->lock, 0) != 0)
            return isthmus__verdict(l->o.seg, ISTHMUS_EBUSY);
    }
    return isthmus__locked(l);
}

/* Unlocks; ISTHMUS_ENOTHELD if this process does not hold the lock. */
static inline int isthmus_lock_unlock(struct isthmus_lock *l) { return isthmus__verdict(l->o.seg, isthmus__owner_lock_unlock(&l->lock)); }

/* Says that what the lock protects is as it should be, after the death of an owner. */
static inline int isthmus_lock_mark_consistent(struct isthmus_lock *l) {
    uint64_t w = isthmus__load(l->lock.word);
    if ((w & ISTHMUS__IDS) != l->o.seg->id)
        return isthmus__verdict(l->o.seg, ISTHMUS_ENOTHELD);
    (void)isthmus__swap(l->lock.word, w, w & ~ISTHMUS__OWNER_DIED);
    return isthmus__verdict(l->o.seg, 0);
}

/* ---- What rings have in common (F39, F25) ---- */

struct isthmus__ring {
    struct isthmus__object o;
    uint32_t *can_pop, *can_push, *closed, *lends;
    uint64_t *head, *tail;
    unsigned char *body;
    uint64_t capacity, size, stride; /* size of a message, stride of the slots */
};

/* Finds or makes a ring, of body bytes. */
static inline int isthmus__ring_open(struct isthmus__ring *r, struct isthmus_segment *s, uint32_t kind, const char *name, const struct isthmus_type *t,
                                     uint64_t capacity, uint64_t body) {
    struct isthmus__spec want;
    memset(&want, 0, sizeof want);
    want.kind = kind;
    want.name = name;
    want.type = t;
    want.capacity = r->capacity = capacity;
    want.size = 640 + body;
    int e = isthmus__find(s, &want, &r->o);
    if (e != 0)
        return e;
    unsigned char *m = r->o.mem;
    r->can_pop = (uint32_t *)(void *)m;
    r->closed = (uint32_t *)(void *)(m + 4);
    r->can_push = (uint32_t *)(void *)(m + 128);
    r->head = (uint64_t *)(void *)(m + 256);
    r->tail = (uint64_t *)(void *)(m + 384);
    r->lends = (uint32_t *)(void *)(m + 528);
    r->body = m + 640;
    return 0;
}

/* Finds or makes a ring of slots; the capacity is rounded up to a power of two. */
static inline int isthmus__slotted(struct isthmus__ring *r, struct isthmus_segment *s, uint32_t kind, const char *name, const struct isthmus_type *t,
                                   uint64_t capacity) {
    uint64_t n = 1;
    memset(r, 0, sizeof *r);
    if (capacity < 1 || capacity > 1 << 30)
        return ISTHMUS_EINVAL;
    while (n < capacity)
        n *= 2;
    r->size = t->size;
    r->stride = 8 + isthmus__up(t->size, 8);
    if (n > ISTHMUS__FILE / r->stride)
        return ISTHMUS_EINVAL;
    return isthmus__ring_open(r, s, kind, name, t, n, n * r->stride);
}

static inline uint64_t *isthmus__slot_of(const struct isthmus__ring *r, uint64_t pos) {
    return (uint64_t *)(void *)(r->body + (pos & (r->capacity - 1)) * r->stride);
}

/* Wakes, after a release store or a read-modify-write. */
static inline void isthmus__wake(const struct isthmus__ring *r, uint32_t *event, int n) {
    isthmus__waker_fence(r->o.seg);
    if (isthmus__asleep(event))
        isthmus__notify(event, n);
}

static inline int isthmus__ring_close(const struct isthmus__ring *r) {
    isthmus__store32(r->closed, 1);
    isthmus__notify(r->can_pop, ISTHMUS__ALL);
    isthmus__notify(r->can_push, ISTHMUS__ALL);
    return isthmus__verdict(r->o.seg, 0);
}

/* Claims a role; ISTHMUS_EBUSY if somebody alive has it. */
static inline int isthmus__claim_role(struct isthmus_segment *s, uint64_t *word) {
    pthread_mutex_lock(&s->marks);
    uint64_t **holds = (uint64_t **)realloc(s->holds, (s->n_holds + 1) * sizeof *holds);
    int r = holds == NULL ? (int)ISTHMUS_ESYS : isthmus__closed(s);
    if (holds != NULL)
        s->holds = holds;
    while (r == 0) {
        uint64_t w = isthmus__load(word), claim = s->id | ISTHMUS__HOLD_NEW;
        if (w != 0 && !isthmus__dead(s, w & ISTHMUS__IDS)) {
            r = ISTHMUS_EBUSY;
        } else {
            if (w != 0 && ((w & ~(ISTHMUS__HOLD_HEIR - 1)) == 0 || (w & ISTHMUS__HOLD_HEIR) != 0))
                claim |= ISTHMUS__HOLD_HEIR;
            if (!isthmus__swap(word, w, claim))
                continue;
            ISTHMUS_CLAIMED();
            (void)isthmus__swap(word, claim, s->id); /* close waits for marks: the segment is open */
            s->holds[s->n_holds++] = word;
            break;
        }
    }
    pthread_mutex_unlock(&s->marks);
    return r;
}

static inline void isthmus__drop_role(struct isthmus_segment *s, uint64_t *word) {
    pthread_mutex_lock(&s->marks);
    for (size_t i = 0; i < s->n_holds; i++)
        if (s->holds[i] == word) {
            s->holds[i] = s->holds[--s->n_holds];
            (void)isthmus__swap(word, s->id, 0);
            break;
        }
    pthread_mutex_unlock(&s->marks);
}

/* ---- SPSC (F40) ---- */

/* A ring of messages of a plain type, with one producer and one consumer. */
struct isthmus_spsc {
    struct isthmus__ring r;
};

/* Its pushing end. One thread at a time may use it. */
struct isthmus_spsc_producer {
    struct isthmus__ring r;
    uint64_t pos, limit; /* the next position, and the first that may not be free */
    uint64_t stopped;    /* where there was no space last */
    int over;            /* given up: what everything returns */
};

/* Its popping end. One thread at a time may use it. */
struct isthmus_spsc_consumer {
    struct isthmus__ring r;
    uint64_t pos;
    int over;
};

/* Finds or makes an SPSC; the capacity is in messages, and rounded up to a power of two. */
static inline int isthmus_spsc_open(struct isthmus_spsc *q, struct isthmus_segment *s, const char *name, const struct isthmus_type *t, uint64_t capacity) {
    return isthmus__slotted(&q->r, s, 5, name, t, capacity);
}

/* Claims the producer's role; ISTHMUS_EBUSY if somebody alive has it, ISTHMUS_EEND if the ring
 * is closed. */
static inline int isthmus_spsc_produce(struct isthmus_spsc_producer *p, const struct isthmus_spsc *q) {
    int e = isthmus__claim_role(q->r.o.seg, (uint64_t *)(void *)(q->r.o.mem + 512));
    if (e != 0)
        return e;
    memset(p, 0, sizeof *p);
    p->r = q->r;
    uint64_t lo = isthmus__load(p->r.head), hi = lo + p->r.capacity;
    while (lo != hi) { /* full positions come before those that are not */
        uint64_t mid = lo + (hi - lo) / 2;
        if (isthmus__load(isthmus__slot_of(&p->r, mid)) == mid + 1)
            lo = mid + 1;
        else
            hi = mid;
    }
    p->pos = p->limit = p->stopped = lo;
    e = isthmus__verdict(p->r.o.seg, isthmus__load32(p->r.closed) != 0 ? ISTHMUS_EEND : 0);
    if (e != 0)
        isthmus__drop_role(p->r.o.seg, (uint64_t *)(void *)(p->r.o.mem + 512));
    return e;
}

/* Claims the consumer's role; ISTHMUS_EBUSY if somebody alive has it. */
static inline int isthmus_spsc_consume(struct isthmus_spsc_consumer *c, const struct isthmus_spsc *q) {
    int e = isthmus__claim_role(q->r.o.seg, (uint64_t *)(void *)(q->r.o.mem + 520));
    if (e != 0)
        return e;
    memset(c, 0, sizeof *c);
    c->r = q->r;
    c->pos = isthmus__load(c->r.head);
    return isthmus__verdict(c->r.o.seg, 0);
}

/* Looks how far the consumer has come. */
static inline int isthmus__spsc_room(void *arg) {
    struct isthmus_spsc_producer *p = (struct isthmus_spsc_producer *)arg;
    uint64_t used = p->pos - isthmus__load(p->r.head);
    if (p->over != 0)
        return p->over;
    if (used > p->r.capacity)
        return isthmus__verdict(p->r.o.seg, ISTHMUS_ECORRUPT);
    p->limit = p->pos + p->r.capacity - used;
    return isthmus__verdict(p->r.o.seg, p->pos == p->limit ? ISTHMUS__AGAIN : 0);
}

/* Pushes a message; ISTHMUS_EFULL if there is no space. */
static inline int isthmus_spsc_try_push(struct isthmus_spsc_producer *p, const void *message) {
    if (p->pos == p->limit) {
        int e = isthmus__spsc_room(p);
        if (e != 0)
            return e == ISTHMUS__AGAIN ? ISTHMUS_EFULL : e;
    }
    uint64_t *slot = isthmus__slot_of(&p->r, p->pos);
    memcpy(slot + 1, message, (size_t)p->r.size);
    isthmus__release(slot, ++p->pos); /* pairs with the load of the word in pop */
    isthmus__wake(&p->r, p->r.can_pop, 1);
    return isthmus__verdict(p->r.o.seg, 0);
}

/* Pushes a message, and waits for space. */
static inline int isthmus_spsc_push(struct isthmus_spsc_producer *p, const void *message, int64_t timeout) {
    if (p->pos == p->limit) {
        struct isthmus__wait w = {p->r.o.seg, p->r.can_push, isthmus__spsc_room, isthmus__nothing, p};
        isthmus__lull(p->pos - p->stopped); /* right behind the consumer, each look is in its way */
        p->stopped = p->pos;
        int e = isthmus__spsc_room(p);
        if (e == ISTHMUS__AGAIN)
            e = isthmus__await(&w, timeout);
        if (e != 0)
            return e;
    }
    return isthmus_spsc_try_push(p, message);
}

/* Lends the slot of the next message, to be written in place until isthmus_spsc_commit, and
 * waits for it; ISTHMUS_EFULL if there is no space, and timeout is 0. */
static inline int isthmus_spsc_reserve(struct isthmus_spsc_producer *p, void **message, int64_t timeout) {
    if (p->pos == p->limit) {
        struct isthmus__wait w = {p->r.o.seg, p->r.can_push, isthmus__spsc_room, isthmus__nothing, p};
        int e = isthmus__spsc_room(p);
        if (e == ISTHMUS__AGAIN)
            e = timeout == 0 ? (int)ISTHMUS_EFULL : isthmus__await(&w, timeout);
        if (e != 0)
            return e;
    }
    *message = isthmus__slot_of(&p->r, p->pos) + 1;
    return isthmus__verdict(p->r.o.seg, 0);
}

/* Pushes what was written to the slot that isthmus_spsc_reserve has lent. */
static inline int isthmus_spsc_commit(struct isthmus_spsc_producer *p) {
    if (p->over != 0)
        return p->over;
    if (p->pos == p->limit)
        return ISTHMUS_ENOTHELD;
    uint64_t *slot = isthmus__slot_of(&p->r, p->pos);
    isthmus__release(slot, ++p->pos); /* pairs with the load of the word in pop */
    isthmus__wake(&p->r, p->r.can_pop, 1);
    return isthmus__verdict(p->r.o.seg, 0);
}

/* What is left of a timeout that began then. */
static inline int64_t isthmus__left(int64_t timeout, int64_t begin) {
    int64_t left = timeout <= 0 ? timeout : timeout - (isthmus__now() - begin);
    return timeout > 0 && left < 0 ? 0 : left;
}

/* Pushes n messages, one behind the other, and waits for space. Sets how many it has pushed:
 * fewer, with the error that says why; ISTHMUS_EFULL if timeout is 0. */
static inline int isthmus_spsc_push_batch(struct isthmus_spsc_producer *p, const void *messages, uint64_t n, uint64_t *pushed, int64_t timeout) {
    const unsigned char *m = (const unsigned char *)messages;
    int64_t begin = timeout > 0 ? isthmus__now() : 0;
    int e = isthmus__verdict(p->r.o.seg, p->over);
    for (*pushed = 0; e == 0 && *pushed < n;) {
        if (p->pos == p->limit && (e = isthmus__spsc_room(p)) == ISTHMUS__AGAIN) {
            struct isthmus__wait w = {p->r.o.seg, p->r.can_push, isthmus__spsc_room, isthmus__nothing, p};
            e = timeout == 0 ? (int)ISTHMUS_EFULL : isthmus__await(&w, isthmus__left(timeout, begin));
        }
        if (e != 0)
            break;
        uint64_t k = 0, most = n - *pushed;
        for (; p->pos != p->limit && k < most; k++, m += p->r.size) {
            uint64_t *slot = isthmus__slot_of(&p->r, p->pos);
            memcpy(slot + 1, m, (size_t)p->r.size);
            isthmus__release(slot, ++p->pos); /* as in try_push: each message by itself */
        }
        isthmus__wake(&p->r, p->r.can_pop, 1);
        if ((e = isthmus__verdict(p->r.o.seg, 0)) == 0) /* else nobody knows */
            *pushed += k;
    }
    return e;
}

/* Whether there is a message. */
static inline int isthmus__spsc_ready(void *arg) {
    struct isthmus_spsc_consumer *c = (struct isthmus_spsc_consumer *)arg;
    uint64_t *slot = isthmus__slot_of(&c->r, c->pos);
    if (c->over != 0)
        return c->over;
    if (isthmus__load(slot) == c->pos + 1)
        return 0;
    if (isthmus__load32(c->r.closed) != 0) /* after the last push: look once more */
        return isthmus__verdict(c->r.o.seg, isthmus__load(slot) == c->pos + 1 ? 0 : ISTHMUS_EEND);
    return isthmus__verdict(c->r.o.seg, ISTHMUS__AGAIN);
}

static inline int isthmus__spsc_pop(struct isthmus_spsc_consumer *c, void *message) {
    memcpy(message, isthmus__slot_of(&c->r, c->pos) + 1, (size_t)c->r.size);
    isthmus__release(c->r.head, ++c->pos); /* pairs with the load of head in room */
    isthmus__wake(&c->r, c->r.can_push, 1);
    return isthmus__verdict(c->r.o.seg, 0);
}

/* Lends the next message, to be read in place until isthmus_spsc_release; waits for it.
 * ISTHMUS_EEMPTY if there is none, and timeout is 0; ISTHMUS_EEND if none can come any more. */
static inline int isthmus_spsc_next(struct isthmus_spsc_consumer *c, const void **message, int64_t timeout) {
    struct isthmus__wait w = {c->r.o.seg, c->r.can_pop, isthmus__spsc_ready, isthmus__nothing, c};
    int e = isthmus__spsc_ready(c);
    if (e == ISTHMUS__AGAIN)
        e = timeout == 0 ? (int)ISTHMUS_EEMPTY : isthmus__await(&w, timeout);
    if (e == 0)
        *message = isthmus__slot_of(&c->r, c->pos) + 1;
    return e;
}

/* Removes the message that was lent. */
static inline int isthmus_spsc_release(struct isthmus_spsc_consumer *c) {
    int e = isthmus__spsc_ready(c);
    if (e != 0)
        return e == ISTHMUS__AGAIN || e == ISTHMUS_EEND ? (int)ISTHMUS_ENOTHELD : e;
    isthmus__release(c->r.head, ++c->pos); /* pairs with the load of head in room */
    isthmus__wake(&c->r, c->r.can_push, 1);
    return isthmus__verdict(c->r.o.seg, 0);
}

/* Pops a message; ISTHMUS_EEMPTY if there is none, ISTHMUS_EEND if none can come any more. */
static inline int isthmus_spsc_try_pop(struct isthmus_spsc_consumer *c, void *message) {
    int e = isthmus__spsc_ready(c);
    return e == 0 ? isthmus__spsc_pop(c, message) : e == ISTHMUS__AGAIN ? (int)ISTHMUS_EEMPTY : e;
}

/* Pops a message, and waits for it. */
static inline int isthmus_spsc_pop(struct isthmus_spsc_consumer *c, void *message, int64_t timeout) {
    struct isthmus__wait w = {c->r.o.seg, c->r.can_pop, isthmus__spsc_ready, isthmus__nothing, c};
    int e = isthmus__spsc_ready(c);
    if (e == ISTHMUS__AGAIN)
        e = isthmus__await(&w, timeout);
    return e == 0 ? isthmus__spsc_pop(c, message) : e;
}

/* Pops up to n messages, as many as there are, and waits for the first. Sets how many. */
static inline int isthmus_spsc_pop_batch(struct isthmus_spsc_consumer *c, void *messages, uint64_t n, uint64_t *popped, int64_t timeout) {
    struct isthmus__wait w = {c->r.o.seg, c->r.can_pop, isthmus__spsc_ready, isthmus__nothing, c};
    unsigned char *m = (unsigned char *)messages;
    int e = n == 0 ? isthmus__verdict(c->r.o.seg, c->over) : isthmus__spsc_ready(c);
    *popped = 0;
    if (e == ISTHMUS__AGAIN)
        e = timeout == 0 ? (int)ISTHMUS_EEMPTY : isthmus__await(&w, timeout);
    if (e != 0 || n == 0)
        return e;
    uint64_t pos = c->pos, k = 0;
    for (; k < n && k < c->r.capacity && isthmus__load(isthmus__slot_of(&c->r, pos)) == pos + 1; k++, pos++, m += c->r.size)
        memcpy(m, isthmus__slot_of(&c->r, pos) + 1, (size_t)c->r.size);
    c->pos = pos;
    isthmus__release(c->r.head, pos); /* as in pop: at once, after all copies */
    isthmus__wake(&c->r, c->r.can_push, 1);
    e = isthmus__verdict(c->r.o.seg, 0);
    *popped = e == 0 ? k : 0;
    return e;
}

/* Closes the ring for good, and gives up the producer's role. */
static inline int isthmus_spsc_close(struct isthmus_spsc_producer *p) {
    if (p->over != 0)
        return p->over;
    (void)isthmus__ring_close(&p->r);
    isthmus__drop_role(p->r.o.seg, (uint64_t *)(void *)(p->r.o.mem + 512));
    p->over = ISTHMUS_EEND;
    p->limit = p->pos;
    return isthmus__verdict(p->r.o.seg, 0);
}

/* Gives up the producer's role, for a successor. */
static inline int isthmus_spsc_producer_detach(struct isthmus_spsc_producer *p) {
    if (p->over != 0)
        return p->over;
    isthmus__drop_role(p->r.o.seg, (uint64_t *)(void *)(p->r.o.mem + 512));
    p->over = ISTHMUS_ENOTHELD;
    p->limit = p->pos;
    return isthmus__verdict(p->r.o.seg, 0);
}

/* Gives up the consumer's role, for a successor. */
static inline int isthmus_spsc_consumer_detach(struct isthmus_spsc_consumer *c) {
    if (c->over != 0)
        return c->over;
    isthmus__drop_role(c->r.o.seg, (uint64_t *)(void *)(c->r.o.mem + 520));
    c->over = ISTHMUS_ENOTHELD;
    return isthmus__verdict(c->r.o.seg, 0);
}

/* ---- Semaphore (F38) ---- */

/* A counting semaphore, whose permits come back from the dead. */
struct isthmus_semaphore {
    struct isthmus__object o;
    uint64_t *word, *repairer, *count; /* count of this process's line; NULL if signalling */
    uint32_t *weighty;
    uint64_t size, busy;
    struct isthmus__queue queue;
};

#define ISTHMUS__PERMITS ((UINT64_C(1) << 53) - 1)

static inline uint64_t *isthmus__line(const struct isthmus_semaphore *m, uint32_t slot) {
    return (uint64_t *)(void *)(m->o.mem + 128 + (uint64_t)slot * ISTHMUS__LINE);
}

/* Adds up what the living hold (F24): the owner is loaded before the count. */
static inline uint64_t isthmus__held_by_living(const struct isthmus_semaphore *m) {
    uint64_t sum = 0;
    for (uint32_t i = 0; m->count != NULL && i < m->o.seg->procs; i++) {
        uint64_t owner = isthmus__load(isthmus__line(m, i)), count = isthmus__load(isthmus__line(m, i) + 1);
        if (count > 0 && count <= m->size && !isthmus__dead_in(m->o.seg, i, owner))
            sum += count;
    }
    return sum;
}

/* Ends a change, with free computed anew. */
static inline void isthmus__settle(struct isthmus_semaphore *m) {
    uint64_t held = isthmus__held_by_living(m);
    isthmus__release(m->word, held < m->size ? m->size - held : 0);
}

/* Whether busy names the line of somebody who has died. */
static inline int isthmus__stuck(const struct isthmus_semaphore *m) {
    uint64_t busy = isthmus__load(m->word) >> 53;
    if (busy < 2 || busy - 2 >= m->o.seg->procs || m->count == NULL)
        return busy != 0; /* that is no line */
    uint32_t slot = (uint32_t)busy - 2;
    uint64_t owner = isthmus__load(isthmus__line(m, slot));
    return isthmus__dead_in(m->o.seg, slot, owner) && isthmus__load(m->word) >> 53 == busy && isthmus__load(isthmus__line(m, slot)) == owner;
}

/* Whether busy names the line of this process's slot, whose earlier owner is dead. */
static inline int isthmus__mine_busy(const struct isthmus_semaphore *m) { return isthmus__load(m->word) >> 53 == m->busy >> 53; }

/* Ends the change of a dead process, if it is due, and nobody else alive is doing that. */
static inline int isthmus__repair_if(struct isthmus_semaphore *m, int (*due)(const struct isthmus_semaphore *)) {
    uint64_t w = isthmus__load(m->repairer);
    if ((w != 0 && !isthmus__dead(m->o.seg, w)) || !isthmus__swap(m->repairer, w, m->o.seg->id))
        return 0;
    int repair = due(m);
    if (repair)
        isthmus__settle(m);
    isthmus__release(m->repairer, 0);
    if (repair) {
        isthmus__fence();
        isthmus__queue_wake_all(&m->queue);
    }
    return repair;
}

/* Brings back the permits of the dead, by a change like any other. */
static inline void isthmus__reclaim(struct isthmus_semaphore *m) {
    uint64_t w = isthmus__load(m->word);
    if (m->count == NULL || w >> 53 != 0 || w + isthmus__held_by_living(m) == m->size || !isthmus__swap(m->word, w, w | m->busy))
        return; /* the swap fails if the sum was of different times */
    isthmus__settle(m);
    isthmus__fence();
    isthmus__queue_wake_all(&m->queue);
}

/* Pauses after the word was seen busy for the i-th time; a change takes nanoseconds, unless
 * its process is preempted, stopped or dead. */
static inline void isthmus__busy(struct isthmus_semaphore *m, int i) {
    struct timespec t = {0, (i < 180 ? i - 79 : 100) * 10000};
    if (i < 64) {
        isthmus__pause();
    } else if (i < 80) {
        sched_yield();
    } else if (!isthmus__stuck(m) || !isthmus__repair_if(m, isthmus__stuck)) {
        nanosleep(&t, NULL);
    }
}

/* Makes a change, of n permits: taken, or given back. ISTHMUS__AGAIN if they are too few, or
 * too many, or if somebody else was inside a change in so many looks: 100 take 2 ms, 180 take
 * 50 ms. */
static inline int isthmus__change(struct isthmus_semaphore *m, uint64_t n, int take, int first, int looks) {
    for (int i = 0;;) {
        uint64_t w = isthmus__load(m->word), to = take ? w - n : w + n, held;
        if (w >> 53 != 0) {
            int closed = isthmus__closed(m->o.seg);
            if (closed != 0 || i == looks)
                return closed != 0 ? closed : ISTHMUS__AGAIN;
            isthmus__busy(m, i++);
            continue;
        }
        if (n > m->size || to > m->size || (take && !first && isthmus__barred(&m->queue)))
            return ISTHMUS__AGAIN;
        if (!isthmus__swap(m->word, w, to | m->busy))
            continue;
        if (m->count == NULL)
            return 0;
        held = isthmus__load(m->count);
        int refuse = !take && held < n;
        isthmus__release(m->count, refuse ? held : take ? held + n : held - n); /* both pair with the swap above */
        isthmus__release(m->word, refuse ? w : to);
        return refuse ? ISTHMUS__AGAIN : 0;
    }
}

/* Finds or makes a Semaphore of so many permits, all free. */
static inline int isthmus__semaphore_open(struct isthmus_semaphore *m, struct isthmus_segment *s, const char *name, uint64_t permits, uint64_t bound,
                                          int signalling) {
    struct isthmus__spec want;
    memset(&want, 0, sizeof want);
    memset(m, 0, sizeof *m);
    if (bound < 1 || bound > ISTHMUS__PERMITS || permits > bound)
        return ISTHMUS_EINVAL;
    want.kind = 4;
    want.name = name;
    want.capacity = bound;
    want.options = signalling ? 1 : 0;
    want.size = 128 + (signalling ? 0 : (uint64_t)s->procs * ISTHMUS__LINE);
    want.first = permits;
    int r = isthmus__find(s, &want, &m->o);
    if (r != 0)
        return r;
    m->word = (uint64_t *)(void *)m->o.mem;
    m->repairer = (uint64_t *)(void *)(m->o.mem + 24);
    m->weighty = (uint32_t *)(void *)(m->o.mem + 32);
    m->size = bound;
    isthmus__queue_init(&m->queue, s, m->o.mem + 8, 1);
    isthmus__leave_queue(&m->queue, 0);
    if (signalling)
        return 0;
    m->busy = ((uint64_t)s->slot + 2) << 53;
    m->count = isthmus__line(m, s->slot) + 1;
    pthread_mutex_lock(&s->marks); /* of several handles, the first enters the line */
    if (isthmus__load(isthmus__line(m, s->slot)) != s->id) {
        while (isthmus__mine_busy(m) && !isthmus__repair_if(m, isthmus__mine_busy) && isthmus__closed(s) == 0)
            sched_yield();
        isthmus__release(m->count, 0);
        isthmus__release(isthmus__line(m, s->slot), s->id);
    }
    pthread_mutex_unlock(&s->marks);
    return isthmus__verdict(s, 0);
}

/* Finds or makes a Semaphore, of so many permits: they belong to processes, and come back
 * from the dead. */
static inline int isthmus_semaphore_open(struct isthmus_semaphore *m, struct isthmus_segment *s, const char *name, uint64_t permits) {
    return isthmus__semaphore_open(m, s, name, permits, permits, 0);
}

/* Finds or makes a signalling Semaphore: its permits belong to nobody, and may be given back by
 * whoever has not taken them. The bound is of those that are free; 0 is the largest. */
static inline int isthmus_semaphore_open_signalling(struct isthmus_semaphore *m, struct isthmus_segment *s, const char *name, uint64_t permits,
                                                    uint64_t bound) {
    return isthmus__semaphore_open(m, s, name, permits, bound != 0 ? bound : ISTHMUS__PERMITS, 1);
}

struct isthmus__acquirer {
    struct isthmus_semaphore *m;
    uint64_t n;
};

static inline int isthmus__acquire(void *arg, int first) {
    const struct isthmus__acquirer *q = (const struct isthmus__acquirer *)arg;
    return isthmus__change(q->m, q->n, 1, first, 180);
}

static inline void isthmus__semaphore_repair(void *arg) {
    struct isthmus_semaphore *m = ((const struct isthmus__acquirer *)arg)->m;
    isthmus__reclaim(m);
}

/* Takes n permits, and waits for them. */
static inline int isthmus_semaphore_acquire(struct isthmus_semaphore *m, uint64_t n, int64_t timeout) {
    struct isthmus__acquirer q = {m, n};
    if (n > m->size)
        return ISTHMUS_EINVAL;
    int r = isthmus__change(m, n, 1, 0, 100);
    if (r == ISTHMUS__AGAIN) {
        if (n > 1)
            isthmus__store32(m->weighty, 1);
        r = isthmus__queue_await(&m->queue, isthmus__acquire, isthmus__semaphore_repair, &q, timeout);
    }
    return isthmus__verdict(m->o.seg, r);
}

/* Takes n permits if they are free, or the dead have them; ISTHMUS_EBUSY if not. */
static inline int isthmus_semaphore_try_acquire(struct isthmus_semaphore *m, uint64_t n) {
    int r = n > m->size ? ISTHMUS__AGAIN : isthmus__change(m, n, 1, 0, 100);
    if (r == ISTHMUS__AGAIN && n <= m->size) {
        isthmus__drop_stale(&m->queue);
        isthmus__reclaim(m);
        r = isthmus__change(m, n, 1, 0, 100);
    }
    return isthmus__verdict(m->o.seg, r == ISTHMUS__AGAIN ? (int)ISTHMUS_EBUSY : r);
}

/* Gives n permits back; ISTHMUS_ENOTHELD if this process holds fewer, or, of a signalling
 * one, there would be more than the bound. */
static inline int isthmus_semaphore_release(struct isthmus_semaphore *m, uint64_t n) {
    int r = isthmus__change(m, n, 0, 0, INT_MAX);
    if (r == ISTHMUS__AGAIN)
        return isthmus__verdict(m->o.seg, ISTHMUS_ENOTHELD);
    if (r == 0) {
        isthmus__waker_fence(m->o.seg);
        int all = isthmus__load32(m->weighty) != 0 || n > ISTHMUS__ALL;
        if (isthmus__queue_waiting(&m->queue)) {
            isthmus__queue_wake(&m->queue, all ? (int)ISTHMUS__ALL : (int)n);
            if (!all && isthmus__load32(m->weighty) != 0) /* one who came just now may have taken the wake */
                isthmus__queue_wake(&m->queue, ISTHMUS__ALL);
        }
    }
    return isthmus__verdict(m->o.seg, r);
}

/* How many permits are free. */
static inline uint64_t isthmus_semaphore_value(const struct isthmus_semaphore *m) { return isthmus__load(m->word) & ISTHMUS__PERMITS; }

/* ---- MPMC (F43, F44) ---- */

/* A ring of messages of a plain type, with any number of producers and consumers. */
struct isthmus_mpmc {
    struct isthmus__ring r;
    int shift;                            /* of a position, to its lap */
    uint64_t lag;                         /* of the hints */
    uint32_t producing, consuming;        /* this handle attends that side */
    uint32_t push_tries, pop_tries;       /* that failed: the dead are looked for in one of 64 */
};

/* A message that is read in place. */
struct isthmus_mpmc_lent {
    const void *message;
    uint64_t pos, deliveries;
};

enum { ISTHMUS__FREE, ISTHMUS__FULL, ISTHMUS__SHUT, ISTHMUS__KEPT, ISTHMUS__WRITING, ISTHMUS__READING, ISTHMUS__FREEING };

static inline int isthmus__phase(uint64_t w) { return (int)(w & 7); }
static inline int isthmus__claimed(uint64_t w) { return (w & 4) != 0; }
static inline uint64_t isthmus__owner(uint64_t w) { return w >> 3 & ISTHMUS__IDS; }
static inline uint64_t isthmus__plain(uint64_t w) { return w & ~(UINT64_C(511) << 3); } /* without more */
static inline uint64_t isthmus__unclaimed(int phase, uint64_t lap) { return lap << 12 | (uint64_t)phase; }
static inline uint64_t isthmus__claim_word(int phase, uint64_t lap, uint64_t run, uint64_t id) { return lap << 50 | run << 41 | id << 3 | (uint64_t)phase; }

/* By how many laps the word is ahead of lap, as far as it shows that. */
static inline int64_t isthmus__ahead(uint64_t w, uint64_t lap) {
    return isthmus__claimed(w) ? (int64_t)(((w >> 50) - lap) << 50) >> 50 : (int64_t)(((w >> 12) - lap) << 12) >> 12;
}

static inline uint64_t isthmus__lap(const struct isthmus_mpmc *q, uint64_t pos) { return pos >> q->shift; }

/* How many slots the word speaks for. */
static inline uint64_t isthmus__covers(const struct isthmus_mpmc *q, uint64_t w) {
    uint64_t run = w >> 41 & 511;
    if (!isthmus__claimed(w) || isthmus__phase(w) == ISTHMUS__READING || run == 0)
        return 1;
    return run < q->r.capacity ? run : q->r.capacity;
}

/* A position before which all were taken, or given up. */
static inline uint64_t isthmus__surely_taken(const struct isthmus_mpmc *q) {
    uint64_t head = isthmus__load(q->r.head), tail = isthmus__load(q->r.tail);
    return (int64_t)(tail - q->r.capacity - head) > 0 ? tail - q->r.capacity : head;
}

/* Walks to the first position that is not claimed (F43); the word there. 0 if it is free. */
static inline int isthmus__next_free(const struct isthmus_mpmc *q, uint64_t *at, uint64_t *word) {
    uint64_t pos = *at;
    for (uint64_t steps = 4 * q->r.capacity + 64; steps > 0; steps--) {
        uint64_t w = isthmus__load(isthmus__slot_of(&q->r, pos));
        int64_t ahead = isthmus__ahead(w, isthmus__lap(q, pos));
        *at = pos;
        *word = w;
        if (ahead == 0 && isthmus__phase(w) == ISTHMUS__FREE)
            return 0;
        if (ahead >= 0 && isthmus__phase(w) == ISTHMUS__SHUT)
            return ISTHMUS_EEND;
        if (ahead == 0) {
            pos += isthmus__covers(q, w);
        } else if (ahead > 0) {
            pos += (uint64_t)(ahead - 1) * q->r.capacity + 1;
        } else {
            uint64_t tail = isthmus__load(q->r.tail);
            if ((int64_t)(tail - pos) <= 0)
                return ISTHMUS_EFULL;
            pos = tail;
        }
    }
    return ISTHMUS_EFULL;
}

/* Walks to the first position that is not taken (F43); the word there. 0 if it is full. */
static inline int isthmus__next_full(const struct isthmus_mpmc *q, uint64_t *at, uint64_t *word) {
    uint64_t pos = *at;
    for (uint64_t steps = 4 * q->r.capacity + 64; steps > 0; steps--) {
        uint64_t *slot = isthmus__slot_of(&q->r, pos), w = isthmus__load(slot), lap = isthmus__lap(q, pos);
        int64_t ahead = isthmus__ahead(w, lap);
        int phase = isthmus__phase(w), taken = phase == ISTHMUS__READING || phase == ISTHMUS__FREEING;
        *at = pos;
        *word = w;
        if (ahead == 0 && phase == ISTHMUS__FULL)
            return 0;
        if (ahead == 0 && phase == ISTHMUS__SHUT)
            return ISTHMUS_EEND;
        if (ahead == 0 && phase == ISTHMUS__FREE) {
            if (isthmus__load32(q->r.closed) == 0)
                return ISTHMUS_EEMPTY;
            if (isthmus__swap(slot, w, isthmus__unclaimed(ISTHMUS__SHUT, lap)))
                return ISTHMUS_EEND;
        } else if (ahead >= 0 && taken) {
            pos += (uint64_t)ahead * q->r.capacity + isthmus__covers(q, w);
        } else if (ahead > 0 && phase == ISTHMUS__FREE) {
            pos += (uint64_t)(ahead > 2 ? ahead - 2 : 0) * q->r.capacity + 1;
        } else if (ahead == 0 && phase == ISTHMUS__KEPT) {
            pos++;
        } else if (ahead > 0) {
            pos += (uint64_t)(ahead - 1) * q->r.capacity + 1;
        } else {
            uint64_t head = isthmus__surely_taken(q);
            if ((int64_t)(head - pos) > 0)
                pos = head;
            else
                return ahead == 0 || taken || phase == ISTHMUS__KEPT ? ISTHMUS_EEMPTY : ISTHMUS_ECORRUPT;
        }
    }
    return ISTHMUS_EEMPTY;
}

/* Raises a hint, seen as was, once it has fallen behind. */
static inline void isthmus__advance(const struct isthmus_mpmc *q, uint64_t *hint, uint64_t was, uint64_t to) {
    if (to - was >= q->lag && !isthmus__swap(hint, was, to)) {
        was = isthmus__load(hint);
        if ((int64_t)(to - was) >= (int64_t)q->lag)
            (void)isthmus__swap(hint, was, to);
    }
}

/* Wakes one for a message published at pos, or everybody where one might not do. */
static inline void isthmus__wake_consumers(const struct isthmus_mpmc *q, uint64_t pos) {
    uint64_t w = isthmus__load(isthmus__slot_of(&q->r, pos + 1));
    int all = isthmus__load32(q->r.closed) != 0 || isthmus__plain(w) != isthmus__unclaimed(ISTHMUS__FREE, isthmus__lap(q, pos + 1));
    isthmus__notify(q->r.can_pop, all ? ISTHMUS__ALL : 1);
}

/* Wakes one for the slot freed at pos, or everybody where one might not do. */
static inline void isthmus__wake_producers(const struct isthmus_mpmc *q, uint64_t pos, int all) {
    isthmus__waker_fence(q->r.o.seg);
    if (isthmus__load32(q->r.closed) != 0)
        isthmus__notify(q->r.can_pop, ISTHMUS__ALL);
    if (!isthmus__asleep(q->r.can_push))
        return;
    if (isthmus__ahead(isthmus__load(isthmus__slot_of(&q->r, pos + 1)), isthmus__lap(q, pos + 1)) > 0)
        all = 1;
    isthmus__notify(q->r.can_push, all ? ISTHMUS__ALL : 1);
}

/* Finishes or undoes what a dead process has begun at pos, whose word is w (F44). */
static inline int isthmus__repair(const struct isthmus_mpmc *q, uint64_t pos, uint64_t w) {
    if (!isthmus__claimed(w) || !isthmus__dead(q->r.o.seg, isthmus__owner(w)))
        return 0;
    if (isthmus__load(isthmus__slot_of(&q->r, pos)) != w || (int64_t)(isthmus__surely_taken(q) - pos) > 0)
        return 0;
    int64_t ahead = isthmus__ahead(w, isthmus__lap(q, pos));
    if (ahead == -1)
        pos -= q->r.capacity;
    else if (ahead != 0)
        return 0;
    if (isthmus__phase(w) == ISTHMUS__READING) {
        isthmus__store32(q->r.lends, 2);
        isthmus__notify(q->r.can_pop, ISTHMUS__ALL);
        return 0;
    }
    for (uint64_t i = isthmus__covers(q, w) - 1; i > 0; i--) { /* the first last */
        uint64_t *slot = isthmus__slot_of(&q->r, pos + i), o = isthmus__load(slot), lap = isthmus__lap(q, pos + i);
        if ((isthmus__phase(o) == ISTHMUS__FULL || isthmus__phase(o) == ISTHMUS__FREE) && isthmus__ahead(o, lap) == 0)
            (void)isthmus__swap(slot, o, isthmus__unclaimed(ISTHMUS__FREE, lap + 1));
    }
    if (!isthmus__swap(isthmus__slot_of(&q->r, pos), w, isthmus__unclaimed(ISTHMUS__FREE, isthmus__lap(q, pos) + 1)))
        return 0;
    isthmus__notify(q->r.can_push, ISTHMUS__ALL);
    isthmus__notify(q->r.can_pop, ISTHMUS__ALL);
    return 1;
}

/* Repairs what producers, or consumers, wait for, and what comes to light then. */
static inline void isthmus__repair_all(const struct isthmus_mpmc *q, int consumers) {
    for (uint64_t i = 0; i < 4 * q->r.capacity + 64; i++) {
        uint64_t pos = isthmus__load(consumers ? q->r.head : q->r.tail), w = 0;
        int r = consumers ? isthmus__next_full(q, &pos, &w) : isthmus__next_free(q, &pos, &w);
        if ((r != ISTHMUS_EEMPTY && r != ISTHMUS_EFULL) || !isthmus__repair(q, pos, w))
            return;
    }
}

/* Attends a side, before this handle first pushes or pops (F20). */
static inline void isthmus__join(struct isthmus_mpmc *q, int side) {
    uint32_t *joined = side == ISTHMUS__PRODUCER ? &q->producing : &q->consuming;
    if (__atomic_load_n(joined, __ATOMIC_ACQUIRE) == 0) {
        isthmus__attend(q->r.o.seg, q->r.o.entry, side);
        __atomic_store_n(joined, 1, __ATOMIC_RELEASE);
    }
}

/* Finds or makes an MPMC; the capacity is in messages, and rounded up to a power of two. */
static inline int isthmus_mpmc_open(struct isthmus_mpmc *q, struct isthmus_segment *s, const char *name, const struct isthmus_type *t, uint64_t capacity) {
    memset(q, 0, sizeof *q);
    int r = isthmus__slotted(&q->r, s, 6, name, t, capacity);
    if (r == 0) {
        q->shift = __builtin_ctzll(q->r.capacity);
        q->lag = 1 + (q->r.capacity / 32 < 7 ? q->r.capacity / 32 : 7);
    }
    return r;
}

/* Pushes a message; ISTHMUS_EFULL if there is no space, ISTHMUS_EEND if the ring is closed. */
static inline int isthmus_mpmc_try_push(struct isthmus_mpmc *q, const void *message) {
    isthmus__join(q, ISTHMUS__PRODUCER);
    uint64_t tail = isthmus__load(q->r.tail), pos = tail, w = 0;
    if (isthmus__load32(q->r.closed) != 0)
        return isthmus__verdict(q->r.o.seg, ISTHMUS_EEND);
    for (;;) {
        int r = isthmus__next_free(q, &pos, &w);
        if (r != 0) {
            if (r == ISTHMUS_EFULL && __atomic_add_fetch(&q->push_tries, 1, __ATOMIC_RELAXED) % 64 == 0)
                (void)isthmus__repair(q, pos, w);
            return isthmus__verdict(q->r.o.seg, r);
        }
        uint64_t *slot = isthmus__slot_of(&q->r, pos), lap = isthmus__lap(q, pos);
        if (isthmus__swap(slot, w, isthmus__claim_word(ISTHMUS__WRITING, lap, 1, q->r.o.seg->id))) {
            isthmus__advance(q, q->r.tail, tail, pos + 1);
            isthmus__copy_in(slot + 1, message, q->r.size);
            isthmus__release(slot, isthmus__unclaimed(ISTHMUS__FULL, lap)); /* pairs with the load of the word in pop */
            isthmus__waker_fence(q->r.o.seg);
            if (isthmus__asleep(q->r.can_pop))
                isthmus__wake_consumers(q, pos);
            return isthmus__verdict(q->r.o.seg, 0);
        }
        tail = isthmus__load(q->r.tail);
        pos = (int64_t)(tail - pos) > 0 ? tail : pos;
    }
}

/* Whether a message is lent to somebody else. */
static inline int isthmus__any_lent(const struct isthmus_mpmc *q) {
    for (uint64_t i = 0; isthmus__load32(q->r.lends) != 0 && i < q->r.capacity; i++) {
        uint64_t w = isthmus__load(isthmus__slot_of(&q->r, i));
        if (isthmus__phase(w) == ISTHMUS__READING && isthmus__owner(w) != q->r.o.seg->id)
            return 1;
    }
    return 0;
}

/* Takes a message at pos, whose word is w: to message, or else lends it. */
static inline int isthmus__take_message(const struct isthmus_mpmc *q, uint64_t pos, uint64_t w, void *message, struct isthmus_mpmc_lent *lent) {
    uint64_t *slot = isthmus__slot_of(&q->r, pos), lap = isthmus__lap(q, pos), n = 1;
    if (message != NULL) {
        isthmus__copy_out(message, slot + 1, q->r.size); /* not ours yet: it counts if the swap succeeds */
        return isthmus__swap(slot, w, isthmus__unclaimed(ISTHMUS__FREE, lap + 1));
    }
    if (isthmus__phase(w) == ISTHMUS__READING) {
        n = (w >> 41 & 511) + 1;
        n = n < 511 ? n : 511;
    }
    if (!isthmus__swap(slot, w, isthmus__claim_word(ISTHMUS__READING, lap, n, q->r.o.seg->id)))
        return 0;
    lent->message = slot + 1;
    lent->pos = pos;
    lent->deliveries = n;
    return 1;
}

/* Takes a message that was lent to somebody who is dead. */
static inline int isthmus__adopt_lent(const struct isthmus_mpmc *q, void *message, struct isthmus_mpmc_lent *lent) {
    for (uint64_t i = 0; isthmus__load32(q->r.lends) != 0 && i < q->r.capacity; i++) {
        uint64_t w = isthmus__load(isthmus__slot_of(&q->r, i));
        if (isthmus__phase(w) != ISTHMUS__READING || !isthmus__dead(q->r.o.seg, isthmus__owner(w)))
            continue;
        uint64_t lap = isthmus__lap(q, isthmus__surely_taken(q));
        lap += (uint64_t)isthmus__ahead(w, lap);
        if (isthmus__take_message(q, lap << q->shift | i, w, message, lent)) {
            if (message != NULL)
                isthmus__wake_producers(q, lap << q->shift | i, 1);
            return 1;
        }
    }
    return 0;
}

/* Pops to message, or lends. */
static inline int isthmus__mpmc_try_take(struct isthmus_mpmc *q, void *message, struct isthmus_mpmc_lent *lent) {
    isthmus__join(q, ISTHMUS__CONSUMER);
    if (message == NULL && isthmus__load32(q->r.lends) == 0)
        (void)isthmus__swap32(q->r.lends, 0, 1);
    if (isthmus__load32(q->r.lends) == 2 && isthmus__swap32(q->r.lends, 2, 1) && isthmus__adopt_lent(q, message, lent))
        return isthmus__verdict(q->r.o.seg, 0);
    uint64_t head = isthmus__load(q->r.head), pos = head, w = 0;
    for (;;) {
        int r = isthmus__next_full(q, &pos, &w);
        if (r != 0) {
            int look = 1;
            if (r == ISTHMUS_EEND && isthmus__any_lent(q))
                r = ISTHMUS_EEMPTY; /* it may yet come back */
            else if (r == ISTHMUS_EEMPTY)
                look = __atomic_add_fetch(&q->pop_tries, 1, __ATOMIC_RELAXED) % 64 == 0;
            if (look && r != ISTHMUS_ECORRUPT) {
                (void)isthmus__repair(q, pos, w);
                if (isthmus__adopt_lent(q, message, lent))
                    r = 0;
            }
            return isthmus__verdict(q->r.o.seg, r);
        }
        if (isthmus__take_message(q, pos, w, message, lent)) {
            isthmus__advance(q, q->r.head, head, pos + 1);
            if (message != NULL)
                isthmus__wake_producers(q, pos, 0);
            return isthmus__verdict(q->r.o.seg, 0);
        }
        head = isthmus__load(q->r.head);
        pos = (int64_t)(head - pos) > 0 ? head : pos;
    }
}

/* One that waits to push or to pop. */
struct isthmus__mpmc_waiter {
    struct isthmus_mpmc *q;
    const void *in;
    void *out;
    struct isthmus_mpmc_lent *lent;
    int found; /* what the dead had been lent */
};

static inline int isthmus__mpmc_attempt(void *arg) {
    struct isthmus__mpmc_waiter *w = (struct isthmus__mpmc_waiter *)arg;
    if (w->found)
        return isthmus__verdict(w->q->r.o.seg, 0);
    int r = w->in != NULL ? isthmus_mpmc_try_push(w->q, w->in) : isthmus__mpmc_try_take(w->q, w->out, w->lent);
    return r == ISTHMUS_EFULL || r == ISTHMUS_EEMPTY ? ISTHMUS__AGAIN : r;
}

static inline void isthmus__mpmc_look(void *arg) {
    struct isthmus__mpmc_waiter *w = (struct isthmus__mpmc_waiter *)arg;
    isthmus__repair_all(w->q, w->in == NULL);
    if (w->in == NULL)
        w->found = isthmus__adopt_lent(w->q, w->out, w->lent);
}

static inline int isthmus__mpmc_wait(struct isthmus__mpmc_waiter *waiter, int64_t timeout) {
    struct isthmus__ring *r = &waiter->q->r;
    struct isthmus__wait w = {r->o.seg, waiter->in != NULL ? r->can_push : r->can_pop, isthmus__mpmc_attempt, isthmus__mpmc_look, waiter};
    return isthmus__await(&w, timeout);
}

/* Pushes a message, and waits for space. */
static inline int isthmus_mpmc_push(struct isthmus_mpmc *q, const void *message, int64_t timeout) {
    struct isthmus__mpmc_waiter w = {q, message, NULL, NULL, 0};
    int r = isthmus_mpmc_try_push(q, message);
    return r == ISTHMUS_EFULL ? isthmus__mpmc_wait(&w, timeout) : r;
}

/* Pops a message; ISTHMUS_EEMPTY if there is none, ISTHMUS_EEND if none can come any more. */
static inline int isthmus_mpmc_try_pop(struct isthmus_mpmc *q, void *message) { return isthmus__mpmc_try_take(q, message, NULL); }

/* Pops a message, and waits for it. */
static inline int isthmus_mpmc_pop(struct isthmus_mpmc *q, void *message, int64_t timeout) {
    struct isthmus__mpmc_waiter w = {q, NULL, message, NULL, 0};
    int r = isthmus_mpmc_try_pop(q, message);
    return r == ISTHMUS_EEMPTY ? isthmus__mpmc_wait(&w, timeout) : r;
}

/* Lends the next message, to be read in place until isthmus_mpmc_release; waits for it. If
 * this process dies before, another gets the message. */
static inline int isthmus_mpmc_next(struct isthmus_mpmc *q, struct isthmus_mpmc_lent *lent, int64_t timeout) {
    struct isthmus__mpmc_waiter w = {q, NULL, NULL, lent, 0};
    int r = isthmus__mpmc_try_take(q, NULL, lent);
    return r == ISTHMUS_EEMPTY ? isthmus__mpmc_wait(&w, timeout) : r;
}

/* Removes a message that was lent from the ring. */
static inline int isthmus_mpmc_release(struct isthmus_mpmc *q, const struct isthmus_mpmc_lent *lent) {
    uint64_t *slot = isthmus__slot_of(&q->r, lent->pos), lap = isthmus__lap(q, lent->pos);
    uint64_t w = isthmus__claim_word(ISTHMUS__READING, lap, lent->deliveries, q->r.o.seg->id);
    if ((int64_t)(isthmus__surely_taken(q) - lent->pos) > (int64_t)(2 * q->r.capacity) ||
        !isthmus__swap(slot, w, isthmus__unclaimed(ISTHMUS__FREE, lap + 1)))
        return isthmus__verdict(q->r.o.seg, ISTHMUS_ENOTHELD);
    isthmus__wake_producers(q, lent->pos, 0);
    return isthmus__verdict(q->r.o.seg, 0);
}

/* Gives a message that was lent back: it is lent, or popped, again, out of order. Its word names
 * nobody then, as whom everybody takes for dead (F14, F44). */
static inline int isthmus_mpmc_abandon(struct isthmus_mpmc *q, const struct isthmus_mpmc_lent *lent) {
    uint64_t *slot = isthmus__slot_of(&q->r, lent->pos), lap = isthmus__lap(q, lent->pos);
    uint64_t w = isthmus__claim_word(ISTHMUS__READING, lap, lent->deliveries, q->r.o.seg->id);
    if ((int64_t)(isthmus__surely_taken(q) - lent->pos) > (int64_t)(2 * q->r.capacity) ||
        !isthmus__swap(slot, w, isthmus__claim_word(ISTHMUS__READING, lap, lent->deliveries, 0)))
        return isthmus__verdict(q->r.o.seg, ISTHMUS_ENOTHELD);
    isthmus__store32(q->r.lends, 2); /* who dies before this leaves what the dead leave: it is looked for */
    isthmus__notify(q->r.can_pop, ISTHMUS__ALL);
    return isthmus__verdict(q->r.o.seg, 0);
}

/* Closes the ring for good: consumers get what is in it, and then ISTHMUS_EEND. */
static inline int isthmus_mpmc_close(struct isthmus_mpmc *q) { return isthmus__ring_close(&q->r); }

/* ---- Bytes (F42) ---- */

/* A ring of messages of any size, with one producer and one consumer. */
struct isthmus_bytes {
    struct isthmus__ring r;
};

/* Its pushing end. One thread at a time may use it. */
struct isthmus_bytes_producer {
    struct isthmus__ring r;
    uint64_t pos, limit, need;
    uint64_t pad, len; /* of what is reserved */
    int over, reserved;
};

/* Its popping end. One thread at a time may use it. */
struct isthmus_bytes_consumer {
    struct isthmus__ring r;
    uint64_t place, end;         /* of the next message, and behind it */
    const unsigned char *message; /* that was found */
    uint64_t len;
    int over;
};

#define ISTHMUS__COMMITTED (UINT64_C(1) << 63)
#define ISTHMUS__PADDING (UINT64_C(1) << 62)

static inline uint64_t isthmus__offset(const struct isthmus__ring *r, uint64_t pos) { return pos & (r->capacity - 1) & ~UINT64_C(7); }
static inline uint64_t *isthmus__bytes_header(const struct isthmus__ring *r, uint64_t pos) {
    return (uint64_t *)(void *)(r->body + isthmus__offset(r, pos));
}
static inline uint64_t isthmus__place_position(uint64_t place) { return (place & ~UINT64_C(511)) >> 6; }
static inline uint64_t isthmus__record(uint64_t len, uint64_t more) { return 8 + (more + 1) * isthmus__up(len, 8); }

/* The longest message that fits into a ring. */
static inline uint64_t isthmus_bytes_max(const struct isthmus_bytes *q) { return q->r.capacity / 2 - 16; }

/* Finds or makes a Bytes; the capacity is in bytes, and rounded up to a power of two. */
static inline int isthmus_bytes_open(struct isthmus_bytes *q, struct isthmus_segment *s, const char *name, uint64_t capacity) {
    uint64_t n = 64;
    memset(q, 0, sizeof *q);
    if (capacity < 1 || capacity > 1 << 30)
        return ISTHMUS_EINVAL;
    while (n < capacity)
        n *= 2;
    return isthmus__ring_open(&q->r, s, 7, name, NULL, n, n);
}

/* How many bytes the record at pos takes, which has the header h and, it should be, a message
 * i; 0 if that cannot be. */
static inline uint64_t isthmus__extent(const struct isthmus__ring *r, uint64_t pos, uint64_t i, uint64_t h) {
    uint64_t n = h & UINT32_MAX, more = h >> 32 & 511, left = r->capacity - isthmus__offset(r, pos);
    if ((h & ~(ISTHMUS__COMMITTED | ISTHMUS__PADDING | UINT64_C(511) << 32 | UINT32_MAX)) != 0 || (h & ISTHMUS__COMMITTED) == 0 || i > more)
        return 0;
    if ((h & ISTHMUS__PADDING) != 0)
        return n == left && n < r->capacity / 2 && more == 0 ? left : 0;
    return n <= r->capacity / 2 - 16 && isthmus__record(n, more) <= left ? isthmus__record(n, more) : 0;
}

/* Claims the producer's role; ISTHMUS_EBUSY if somebody alive has it, ISTHMUS_EEND if the ring
 * is closed. */
static inline int isthmus_bytes_produce(struct isthmus_bytes_producer *p, const struct isthmus_bytes *q) {
    int e = isthmus__claim_role(q->r.o.seg, (uint64_t *)(void *)(q->r.o.mem + 512));
    if (e != 0)
        return e;
    memset(p, 0, sizeof *p);
    p->r = q->r;
    uint64_t place = isthmus__load(p->r.head), first = isthmus__place_position(place), i = place & 511, h;
    p->pos = first;
    while (e == 0 && (h = isthmus__load(isthmus__bytes_header(&p->r, p->pos))) != 0) { /* to the first that is 0 */
        uint64_t n = isthmus__extent(&p->r, p->pos, i, h);
        p->pos += n;
        i = 0;
        if (n == 0 || p->pos - first > p->r.capacity)
            e = ISTHMUS_ECORRUPT;
    }
    p->limit = p->pos;
    if (e == 0 && isthmus__load32(p->r.closed) != 0)
        e = ISTHMUS_EEND;
    e = isthmus__verdict(p->r.o.seg, e);
    if (e != 0)
        isthmus__drop_role(p->r.o.seg, (uint64_t *)(void *)(p->r.o.mem + 512));
    return e;
}

/* Claims the consumer's role; ISTHMUS_EBUSY if somebody alive has it. */
static inline int isthmus_bytes_consume(struct isthmus_bytes_consumer *c, const struct isthmus_bytes *q) {
    int e = isthmus__claim_role(q->r.o.seg, (uint64_t *)(void *)(q->r.o.mem + 520));
    if (e != 0)
        return e;
    memset(c, 0, sizeof *c);
    c->r = q->r;
    c->place = isthmus__load(c->r.head);
    return isthmus__verdict(c->r.o.seg, 0);
}

/* Looks whether there is the room that is needed. */
static inline int isthmus__bytes_room(void *arg) {
    struct isthmus_bytes_producer *p = (struct isthmus_bytes_producer *)arg;
    uint64_t head = isthmus__load(p->r.head), used = ((p->pos << 6) - (head & ~UINT64_C(511))) >> 6;
    if (p->over != 0)
        return p->over;
    if (used > p->r.capacity)
        return isthmus__verdict(p->r.o.seg, ISTHMUS_ECORRUPT);
    p->limit = p->pos + p->r.capacity - used;
    return isthmus__verdict(p->r.o.seg, p->need > p->r.capacity - used ? ISTHMUS__AGAIN : 0);
}

/* Lends space for a message of len bytes, to be written in place until isthmus_bytes_commit,
 * and waits for it; ISTHMUS_EFULL if there is none, and timeout is 0. */
static inline int isthmus_bytes_reserve(struct isthmus_bytes_producer *p, uint64_t len, void **message, int64_t timeout) {
    if (len > p->r.capacity / 2 - 16)
        return ISTHMUS_ETOOLARGE;
    uint64_t size = isthmus__record(len, 0), left = p->r.capacity - isthmus__offset(&p->r, p->pos), pad = size > left ? left : 0;
    p->need = pad + size + 8; /* the header behind it needs room as well */
    p->reserved = 0;
    if (p->over != 0 || p->need > p->limit - p->pos) {
        struct isthmus__wait w = {p->r.o.seg, p->r.can_push, isthmus__bytes_room, isthmus__nothing, p};
        int e = isthmus__bytes_room(p);
        if (e == ISTHMUS__AGAIN)
            e = timeout == 0 ? (int)ISTHMUS_EFULL : isthmus__await(&w, timeout);
        if (e != 0)
            return e;
    }
    p->pad = pad;
    p->len = len;
    p->reserved = 1;
    *message = isthmus__bytes_header(&p->r, p->pos + pad) + 1;
    return isthmus__verdict(p->r.o.seg, 0);
}

/* Pushes what was written to the space that isthmus_bytes_reserve has lent. */
static inline int isthmus_bytes_commit(struct isthmus_bytes_producer *p) {
    uint64_t pos = p->pos + p->pad, size = isthmus__record(p->len, 0);
    if (p->over != 0 || !p->reserved)
        return p->over != 0 ? p->over : (int)ISTHMUS_ENOTHELD;
    p->reserved = 0;
    isthmus__release(isthmus__bytes_header(&p->r, pos + size), 0);
    isthmus__release(isthmus__bytes_header(&p->r, pos), ISTHMUS__COMMITTED | p->len); /* pairs with its load in find */
    if (p->pad != 0) /* last: until then what is behind it does not count */
        isthmus__release(isthmus__bytes_header(&p->r, p->pos), ISTHMUS__COMMITTED | ISTHMUS__PADDING | p->pad);
    p->pos = pos + size;
    isthmus__wake(&p->r, p->r.can_pop, 1);
    return isthmus__verdict(p->r.o.seg, 0);
}

/* Pushes a message, and waits for space; ISTHMUS_EFULL if there is none, and timeout is 0. */
static inline int isthmus_bytes_push(struct isthmus_bytes_producer *p, const void *message, uint64_t len, int64_t timeout) {
    void *to = NULL;
    int e = isthmus_bytes_reserve(p, len, &to, timeout);
    if (e != 0)
        return e;
    if (len > 0)
        memcpy(to, message, (size_t)len);
    return isthmus_bytes_commit(p);
}

/* Finds the next message. */
static inline int isthmus__bytes_find(void *arg) {
    struct isthmus_bytes_consumer *c = (struct isthmus_bytes_consumer *)arg;
    uint64_t place = c->place;
    if (c->over != 0)
        return c->over;
    for (int tries = 0; tries < 3; tries++) { /* at most: padding, nothing there, and yet a last message */
        uint64_t pos = isthmus__place_position(place), i = place & 511;
        uint64_t *header = isthmus__bytes_header(&c->r, pos), h = isthmus__load(header);
        if (h == 0) {
            if (isthmus__load32(c->r.closed) == 0)
                return isthmus__verdict(c->r.o.seg, ISTHMUS__AGAIN);
            if (isthmus__load(header) == 0) /* after the last push */
                return isthmus__verdict(c->r.o.seg, ISTHMUS_EEND);
            continue;
        }
        uint64_t size = isthmus__extent(&c->r, pos, i, h);
        if (size == 0)
            return isthmus__verdict(c->r.o.seg, ISTHMUS_ECORRUPT);
        c->end = (pos + size) << 6;
        if ((h & ISTHMUS__PADDING) != 0) {
            place = c->end;
            continue;
        }
        if (i < (h >> 32 & 511))
            c->end = place + 1;
        c->len = h & UINT32_MAX;
        c->message = (const unsigned char *)(header + 1) + i * isthmus__up(c->len, 8);
        return isthmus__verdict(c->r.o.seg, 0);
    }
    return isthmus__verdict(c->r.o.seg, ISTHMUS__AGAIN);
}

/* Lends the next message, to be read in place until isthmus_bytes_release; waits for it.
 * ISTHMUS_EEMPTY if there is none, and timeout is 0; ISTHMUS_EEND if none can come any more. */
static inline int isthmus_bytes_next(struct isthmus_bytes_consumer *c, const void **message, uint64_t *len, int64_t timeout) {
    struct isthmus__wait w = {c->r.o.seg, c->r.can_pop, isthmus__bytes_find, isthmus__nothing, c};
    int e = isthmus__bytes_find(c);
    if (e == ISTHMUS__AGAIN)
        e = timeout == 0 ? (int)ISTHMUS_EEMPTY : isthmus__await(&w, timeout);
    if (e != 0)
        return e;
    *message = c->message;
    *len = c->len;
    return 0;
}

/* Removes the message that was lent. */
static inline int isthmus_bytes_release(struct isthmus_bytes_consumer *c) {
    if (c->message == NULL)
        return ISTHMUS_ENOTHELD;
    int room = isthmus__place_position(c->end) != isthmus__place_position(c->place);
    c->message = NULL;
    c->place = c->end;
    isthmus__release(c->r.head, c->place); /* pairs with the load of head in room */
    if (room)
        isthmus__wake(&c->r, c->r.can_push, 1);
    return isthmus__verdict(c->r.o.seg, 0);
}

/* Pops a message to a buffer of so many bytes, and waits for it. Sets its length, also with
 * ISTHMUS_ETOOLARGE, which leaves it in the ring. */
static inline int isthmus_bytes_pop(struct isthmus_bytes_consumer *c, void *buffer, uint64_t size, uint64_t *len, int64_t timeout) {
    const void *m;
    int e = isthmus_bytes_next(c, &m, len, timeout);
    if (e != 0)
        return e;
    if (*len > size) {
        c->message = NULL;
        return ISTHMUS_ETOOLARGE;
    }
    if (*len > 0)
        memcpy(buffer, m, (size_t)*len);
    return isthmus_bytes_release(c);
}

/* Closes the ring for good, and gives up the producer's role. */
static inline int isthmus_bytes_close(struct isthmus_bytes_producer *p) {
    if (p->over != 0)
        return p->over;
    (void)isthmus__ring_close(&p->r);
    isthmus__drop_role(p->r.o.seg, (uint64_t *)(void *)(p->r.o.mem + 512));
    p->over = ISTHMUS_EEND;
    return isthmus__verdict(p->r.o.seg, 0);
}

/* Gives up the producer's role, for a successor. */
static inline int isthmus_bytes_producer_detach(struct isthmus_bytes_producer *p) {
    if (p->over != 0)
        return p->over;
    isthmus__drop_role(p->r.o.seg, (uint64_t *)(void *)(p->r.o.mem + 512));
    p->over = ISTHMUS_ENOTHELD;
    return isthmus__verdict(p->r.o.seg, 0);
}

/* Gives up the consumer's role, for a successor, who gets what is lent. */
static inline int isthmus_bytes_consumer_detach(struct isthmus_bytes_consumer *c) {
    if (c->over != 0)
        return c->over;
    isthmus__drop_role(c->r.o.seg, (uint64_t *)(void *)(c->r.o.mem + 520));
    c->over = ISTHMUS_ENOTHELD;
    c->message = NULL;
    return isthmus__verdict(c->r.o.seg, 0);
}

#ifdef __cplusplus
}
#endif

#endif
