/* A hand of TestMixedStorm in C: it does what the hands in Go do. Its arguments are the file of
 * the log, its number, a seed, and the sizes. */
#define _GNU_SOURCE 1
#include "isthmus.h"

enum { HANDS = 4096, JOBS = 1 << 19, PERMITS = 3, TENURE = 32 };
enum { MPMC, SPSC, BYTES };
#define PUSHED (UINT64_C(1) << 8)
#define VOID (UINT64_C(1) << 9)
#define POPPED (UINT64_C(1) << 32)

static struct {
    uint64_t failed;
    uint64_t stop, next, lock, counter, permits[PERMITS], last[3];
    struct {
        uint64_t dying, counted, updated, popping;
    } hands[HANDS];
    uint64_t jobs[JOBS];
} *sheet;

static uint64_t me, seed;

static void fail(const char *what, int r) {
    isthmus__store(&sheet->failed, me + 1);
    fprintf(stderr, "C: %s: %s\n", what, isthmus_strerror(r));
    exit(1);
}

static void check(const char *what, int r) {
    if (r != 0)
        fail(what, r);
}

static uint64_t mix(uint64_t x) {
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint64_t choose(uint64_t n) {
    seed = mix(seed);
    return seed % n;
}

static void set_message(uint64_t m[4], uint64_t id) {
    for (uint64_t i = 0; i < 4; i++)
        m[i] = mix(id + i);
    m[0] = id;
}

static uint64_t set_text(unsigned char *b, uint64_t id) {
    uint64_t n = 8 + id % 89;
    for (uint64_t i = 8; i < n; i++)
        b[i] = (unsigned char)(id + i);
    memcpy(b, &id, 8);
    return n;
}

/* The number of the next message, or JOBS if there are no more. */
static uint64_t begin(uint64_t ring) {
    if (isthmus__load(&sheet->next) >= JOBS)
        return JOBS;
    uint64_t n = __atomic_fetch_add(&sheet->next, 1, __ATOMIC_SEQ_CST);
    if (n >= JOBS)
        return JOBS;
    isthmus__store(&sheet->jobs[n], ring + 1);
    return n;
}

/* Notes how a push has ended; whether it has pushed. */
static int pushed(uint64_t n, int r) {
    int none = r == ISTHMUS_EFULL || r == ISTHMUS_ETIMEDOUT;
    if (r != 0 && !none)
        fail("push", r);
    (void)__atomic_fetch_add(&sheet->jobs[n], none ? VOID : PUSHED, __ATOMIC_SEQ_CST);
    return !none;
}

static void popping(uint64_t ring) { isthmus__store(&sheet->hands[me].popping, ring + 1); }

/* Notes that message n was popped, if r is 0. */
static int popped(uint64_t ring, int r, uint64_t n, int whole) {
    if (r == 0) {
        if (!whole || n >= JOBS || (isthmus__load(&sheet->jobs[n]) & 255) != ring + 1)
            fail("pop: torn, or out of nowhere", ISTHMUS_ECORRUPT);
        if ((__atomic_fetch_add(&sheet->jobs[n], POPPED, __ATOMIC_SEQ_CST) & ~(POPPED - 1)) != 0)
            fail("pop: a second time", ISTHMUS_ECORRUPT);
        if (ring != MPMC) {
            if (n < isthmus__load(&sheet->last[ring]))
                fail("pop: out of order", ISTHMUS_ECORRUPT);
            isthmus__store(&sheet->last[ring], n + 1);
        }
    } else if (r != ISTHMUS_EEMPTY && r != ISTHMUS_ETIMEDOUT) {
        fail("pop", r);
    }
    popping(UINT64_MAX);
    return r == 0;
}

static struct isthmus_lock lock;
static struct isthmus_semaphore sem;
static struct isthmus_value value;
static struct isthmus_mpmc mpmc;
static struct isthmus_spsc spsc;
static struct isthmus_bytes bytes;

static void use_lock(void) {
    int r = isthmus_lock_lock(&lock, ISTHMUS_FOREVER);
    uint64_t before = isthmus__load(&sheet->lock);
    if (r == ISTHMUS_EOWNERDEAD)
        check("mark consistent", isthmus_lock_mark_consistent(&lock));
    else if (r != 0)
        fail("lock", r);
    else if (before != 0 && isthmus__load(&sheet->hands[before - 1].dying) == 0)
        fail("lock: another has it", ISTHMUS_EBUSY);
    isthmus__store(&sheet->lock, me + 1);
    isthmus__store(&sheet->counter, isthmus__load(&sheet->counter) + 1);
    isthmus__store(&sheet->hands[me].counted, sheet->hands[me].counted + 1);
    if (!isthmus__swap(&sheet->lock, me + 1, 0))
        fail("lock: another has come", ISTHMUS_EBUSY);
    check("unlock", isthmus_lock_unlock(&lock));
}

/* Takes one of the tokens, of which there are as many as permits. */
static uint64_t token(void) {
    for (int tries = 0; tries < 2; tries++)
        for (uint64_t i = 0; i < PERMITS; i++) {
            uint64_t w = isthmus__load(&sheet->permits[i]);
            if ((w == 0 || isthmus__load(&sheet->hands[w - 1].dying) != 0) && isthmus__swap(&sheet->permits[i], w, me + 1))
                return i;
        }
    fail("semaphore: too many have permits", ISTHMUS_EBUSY);
    return 0;
}

static void use_semaphore(void) {
    uint64_t n = 1 + choose(2), tokens[2];
    int r = isthmus_semaphore_acquire(&sem, n, choose(2) == 0 ? ISTHMUS_FOREVER : 1000000);
    if (r == ISTHMUS_ETIMEDOUT)
        return;
    check("acquire", r);
    for (uint64_t i = 0; i < n; i++)
        tokens[i] = token();
    for (uint64_t i = 0; i < n; i++)
        isthmus__store(&sheet->permits[tokens[i]], 0);
    check("release", isthmus_semaphore_release(&sem, n));
}

static int count_up(void *x, void *arg) {
    uint64_t *w = (uint64_t *)x;
    (void)arg;
    for (int i = 1; i < 9; i++)
        if (w[i] != w[0])
            return ISTHMUS_ECORRUPT;
    for (int i = 0; i < 9; i++)
        w[i]++;
    return 0;
}

static void use_value(void) {
    check("update", isthmus_value_update(&value, count_up, NULL));
    isthmus__store(&sheet->hands[me].updated, sheet->hands[me].updated + 1);
}

static int is_message(const uint64_t m[4]) {
    uint64_t want[4];
    set_message(want, m[0]);
    return memcmp(m, want, sizeof want) == 0;
}

static void use_mpmc(void) {
    uint64_t m[4];
    struct isthmus_mpmc_lent lent;
    int64_t timeout = 1000000;
    if (choose(2) == 0) {
        uint64_t n = begin(MPMC);
        if (n == JOBS)
            return;
        set_message(m, n);
        (void)pushed(n, choose(2) == 0 ? isthmus_mpmc_try_push(&mpmc, m) : isthmus_mpmc_push(&mpmc, m, timeout));
        return;
    }
    int r;
    popping(MPMC);
    if (choose(2) == 0) {
        r = choose(2) == 0 ? isthmus_mpmc_try_pop(&mpmc, m) : isthmus_mpmc_pop(&mpmc, m, timeout);
    } else if ((r = isthmus_mpmc_next(&mpmc, &lent, timeout)) == 0) {
        memcpy(m, lent.message, sizeof m);
        check("release", isthmus_mpmc_release(&mpmc, &lent));
    }
    (void)popped(MPMC, r, m[0], r == 0 && is_message(m));
}

static void use_spsc(void) {
    uint64_t m[4];
    int r;
    if (choose(2) == 0) {
        struct isthmus_spsc_producer p;
        if ((r = isthmus_spsc_produce(&p, &spsc)) == ISTHMUS_EBUSY)
            return;
        check("produce", r);
        for (uint64_t i = choose(TENURE), n; i > 0 && (n = begin(SPSC)) != JOBS; i--) {
            set_message(m, n);
            if (!pushed(n, choose(2) == 0 ? isthmus_spsc_try_push(&p, m) : isthmus_spsc_push(&p, m, 1000000)))
                break;
        }
        check("detach", isthmus_spsc_producer_detach(&p));
    } else {
        struct isthmus_spsc_consumer c;
        if ((r = isthmus_spsc_consume(&c, &spsc)) == ISTHMUS_EBUSY)
            return;
        check("consume", r);
        for (uint64_t i = choose(TENURE); i > 0; i--) {
            popping(SPSC);
            r = choose(2) == 0 ? isthmus_spsc_try_pop(&c, m) : isthmus_spsc_pop(&c, m, 1000000);
            if (!popped(SPSC, r, m[0], r == 0 && is_message(m)))
                break;
        }
        check("detach", isthmus_spsc_consumer_detach(&c));
    }
}

static void use_bytes(void) {
    unsigned char text[128], want[128];
    uint64_t n, len = 0;
    int r;
    if (choose(2) == 0) {
        struct isthmus_bytes_producer p;
        if ((r = isthmus_bytes_produce(&p, &bytes)) == ISTHMUS_EBUSY)
            return;
        check("produce", r);
        for (uint64_t i = choose(TENURE); i > 0 && (n = begin(BYTES)) != JOBS; i--) {
            len = set_text(text, n);
            if (!pushed(n, isthmus_bytes_push(&p, text, len, choose(2) == 0 ? 0 : 1000000)))
                break;
        }
        check("detach", isthmus_bytes_producer_detach(&p));
    } else {
        struct isthmus_bytes_consumer c;
        if ((r = isthmus_bytes_consume(&c, &bytes)) == ISTHMUS_EBUSY)
            return;
        check("consume", r);
        for (uint64_t i = choose(TENURE); i > 0; i--) {
            const void *m = NULL;
            popping(BYTES);
            if (choose(2) == 0) {
                r = isthmus_bytes_pop(&c, text, sizeof text, &len, choose(2) == 0 ? 0 : 1000000);
            } else if ((r = isthmus_bytes_next(&c, &m, &len, 1000000)) == 0) {
                if (len > sizeof text)
                    fail("next", ISTHMUS_ETOOLARGE);
                memcpy(text, m, len);
                check("release", isthmus_bytes_release(&c));
            }
            memcpy(&n, text, 8);
            if (!popped(BYTES, r, n, r == 0 && len == set_text(want, n) && memcmp(text, want, len) == 0))
                break;
        }
        check("detach", isthmus_bytes_consumer_detach(&c));
    }
}

int main(int argc, char **argv) {
    void (*const uses[])(void) = {use_lock, use_semaphore, use_value, use_mpmc, use_spsc, use_bytes};
    struct isthmus_segment *seg;
    struct isthmus_type message, big;
    unsigned long long slots = 0, room = 0;
    int fd;
    if (argc != 5 || (fd = open(argv[1], O_RDWR)) < 0)
        return 2;
    sheet = mmap(NULL, sizeof *sheet, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (sheet == MAP_FAILED)
        return 2;
    me = strtoull(argv[2], NULL, 10);
    seed = strtoull(argv[3], NULL, 10);
    if (sscanf(argv[4], "%llu %llu", &slots, &room) != 2)
        return 2;
    check("open", isthmus_open(&seg, "storm", NULL));
    check("type", isthmus_type_of(&message, "[4]uint64"));
    check("type", isthmus_type_of(&big, "[9]uint64"));
    check("lock", isthmus_lock_open(&lock, seg, "lock"));
    check("semaphore", isthmus_semaphore_open(&sem, seg, "semaphore", PERMITS));
    check("value", isthmus_value_open(&value, seg, "value", &big));
    check("mpmc", isthmus_mpmc_open(&mpmc, seg, "mpmc", &message, slots));
    check("spsc", isthmus_spsc_open(&spsc, seg, "spsc", &message, slots));
    check("bytes", isthmus_bytes_open(&bytes, seg, "bytes", room));
    while (isthmus__load(&sheet->stop) == 0)
        uses[choose(sizeof uses / sizeof *uses)]();
    isthmus_free(seg);
    return 0;
}
