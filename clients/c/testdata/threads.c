/* What runs in one process, with threads, under the sanitizers: each object, used by four
 * threads of two attachments; a fork; and objects in memory that is spoilt. */
#include "isthmus.h"

#include <sys/wait.h>

enum { N = 2000, THREADS = 4 };

#define CHECK(x)                                                          \
    do {                                                                  \
        if (!(x)) {                                                       \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);       \
            exit(1);                                                      \
        }                                                                 \
    } while (0)

/* One attachment's handles. */
struct side {
    struct isthmus_segment *seg;
    struct isthmus_value small, big;
    struct isthmus_array array;
    struct isthmus_lock lock;
    struct isthmus_semaphore semaphore, signal;
    struct isthmus_spsc spsc;
    struct isthmus_mpmc mpmc;
    struct isthmus_bytes bytes;
};

static struct side sides[2];
static struct isthmus_type i64, wide;
static uint64_t popped, sum;

static void open_all(struct side *s) {
    CHECK(isthmus_value_open(&s->small, s->seg, "small", &i64) == 0);
    CHECK(isthmus_value_open(&s->big, s->seg, "big", &wide) == 0);
    CHECK(isthmus_array_open(&s->array, s->seg, "array", &i64, 4) == 0);
    CHECK(isthmus_lock_open(&s->lock, s->seg, "lock") == 0);
    CHECK(isthmus_semaphore_open(&s->semaphore, s->seg, "semaphore", 3) == 0);
    CHECK(isthmus_semaphore_open_signalling(&s->signal, s->seg, "signal", 0, 0) == 0);
    CHECK(isthmus_spsc_open(&s->spsc, s->seg, "spsc", &wide, 8) == 0);
    CHECK(isthmus_mpmc_open(&s->mpmc, s->seg, "mpmc", &wide, 8) == 0);
    CHECK(isthmus_bytes_open(&s->bytes, s->seg, "bytes", 512) == 0);
}

static void fill(uint64_t w[10], uint64_t x) {
    for (int i = 0; i < 10; i++)
        w[i] = x;
}

static void whole(const uint64_t w[10]) {
    for (int i = 1; i < 10; i++)
        CHECK(w[i] == w[0]);
}

static void *thread(void *arg) {
    const uint64_t me = (uint64_t)(uintptr_t)arg;
    struct side *s = &sides[me % 2];
    struct isthmus_spsc_producer producer;
    struct isthmus_spsc_consumer consumer;
    struct isthmus_bytes_producer writer;
    struct isthmus_bytes_consumer reader;
    struct isthmus_mpmc_lent lent;
    uint64_t w[10], len;
    for (uint64_t i = 0; i < N; i++) {
        CHECK(isthmus_lock_lock(&s->lock, ISTHMUS_FOREVER) == 0);
        ++*(int64_t *)isthmus_array_at(&s->array, 0);
        CHECK(isthmus_lock_unlock(&s->lock) == 0);
        CHECK(isthmus_array_add(&s->array, 1, 1, NULL) == 0);
        fill(w, i);
        CHECK(isthmus_value_store(&s->big, w) == 0);
        CHECK(isthmus_value_load(&s->big, w) == 0);
        whole(w);
        CHECK(isthmus_semaphore_acquire(&s->semaphore, 1 + me % 2, ISTHMUS_FOREVER) == 0);
        CHECK(isthmus_semaphore_release(&s->semaphore, 1 + me % 2) == 0);
        fill(w, i);
        CHECK(isthmus_mpmc_push(&s->mpmc, w, ISTHMUS_FOREVER) == 0);
        if (i % 2 == 0) {
            CHECK(isthmus_mpmc_pop(&s->mpmc, w, ISTHMUS_FOREVER) == 0);
        } else {
            CHECK(isthmus_mpmc_next(&s->mpmc, &lent, ISTHMUS_FOREVER) == 0);
            memcpy(w, lent.message, sizeof w);
            if (i % 4 == 1) { /* whoever comes next gets it */
                CHECK(isthmus_mpmc_abandon(&s->mpmc, &lent) == 0);
                CHECK(isthmus_mpmc_abandon(&s->mpmc, &lent) == ISTHMUS_ENOTHELD);
                CHECK(isthmus_mpmc_next(&s->mpmc, &lent, ISTHMUS_FOREVER) == 0);
                memcpy(w, lent.message, sizeof w);
            }
            CHECK(isthmus_mpmc_release(&s->mpmc, &lent) == 0);
        }
        whole(w);
        __atomic_fetch_add(&sum, w[0], __ATOMIC_RELAXED);
        __atomic_fetch_add(&popped, 1, __ATOMIC_RELAXED);
    }
    if (me == 0) {
        CHECK(isthmus_spsc_produce(&producer, &s->spsc) == 0);
        CHECK(isthmus_bytes_produce(&writer, &s->bytes) == 0);
    } else if (me == 1) {
        CHECK(isthmus_spsc_consume(&consumer, &s->spsc) == 0);
        CHECK(isthmus_bytes_consume(&reader, &s->bytes) == 0);
    }
    for (uint64_t i = 0; i < N && me < 2; i++) {
        if (me == 0) {
            fill(w, i);
            if (i % 2 == 0) {
                CHECK(isthmus_spsc_push(&producer, w, ISTHMUS_FOREVER) == 0);
                CHECK(isthmus_bytes_push(&writer, w, i % 81, ISTHMUS_FOREVER) == 0);
            } else { /* in place */
                void *p;
                CHECK(isthmus_spsc_reserve(&producer, &p, ISTHMUS_FOREVER) == 0);
                memcpy(p, w, sizeof w);
                CHECK(isthmus_spsc_commit(&producer) == 0);
                CHECK(isthmus_bytes_reserve(&writer, i % 81, &p, ISTHMUS_FOREVER) == 0);
                memcpy(p, w, i % 81);
                CHECK(isthmus_bytes_commit(&writer) == 0 && isthmus_bytes_commit(&writer) == ISTHMUS_ENOTHELD);
            }
            CHECK(isthmus_semaphore_release(&s->signal, 1) == 0);
        } else {
            if (i % 3 == 0) {
                CHECK(isthmus_spsc_pop(&consumer, w, ISTHMUS_FOREVER) == 0);
            } else {
                const void *p;
                CHECK(isthmus_spsc_next(&consumer, &p, ISTHMUS_FOREVER) == 0);
                memcpy(w, p, sizeof w);
                CHECK(isthmus_spsc_release(&consumer) == 0);
            }
            whole(w);
            CHECK(w[0] == i);
            CHECK(isthmus_bytes_pop(&reader, w, sizeof w, &len, ISTHMUS_FOREVER) == 0 && len == i % 81);
            CHECK(isthmus_semaphore_acquire(&s->signal, 1, ISTHMUS_FOREVER) == 0);
        }
    }
    return NULL;
}

static uint64_t state = 88172645463325252u;

static uint64_t rnd(void) {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* Spoils an object: some words, by what is likely to be believed. */
static void spoil(const struct isthmus__object *o, uint64_t size) {
    uint64_t *w = (uint64_t *)(void *)o->mem;
    for (uint64_t n = 1 + rnd() % 8; n > 0; n--) {
        uint64_t x = rnd();
        switch (rnd() % 6) {
        case 0: x >>= 32; break;
        case 1: x = (UINT64_C(1) << 63) | (x & 0xff); break;
        case 2: x &= 0xfff; break;
        case 3: x = 0 - (x & 0xff); break;
        case 4: x = w[rnd() % (size / 8)] ^ (UINT64_C(1) << (x & 63)); break;
        default: break;
        }
        w[rnd() % (rnd() % 2 == 0 && size > 640 ? 85 : size / 8)] = x;
    }
}

/* Uses objects that are spoilt: nothing outside of them changes, and nothing crashes. */
static void hostile(int rounds) {
    struct side *s = &sides[0];
    const struct isthmus__object *objects[] = {&s->big.o, &s->lock.o, &s->semaphore.o, &s->signal.o, &s->spsc.r.o, &s->mpmc.r.o, &s->bytes.r.o};
    const uint64_t sizes[] = {256 + 4 * 128, 128, 128 + 128 * 8, 128, 640 + 8 * 88, 640 + 8 * 88, 640 + 512};
    uint64_t arena = s->seg->arena_end - s->seg->arena, w[10], len;
    unsigned char *before = (unsigned char *)malloc(arena);
    CHECK(before != NULL);
    fill(w, 1);
    for (int round = 0; round < rounds; round++) {
        size_t k = rnd() % (sizeof sizes / sizeof *sizes);
        unsigned char *mem = objects[k]->mem, *base = s->seg->mem + s->seg->arena;
        struct isthmus_spsc_producer producer;
        struct isthmus_spsc_consumer consumer;
        struct isthmus_bytes_producer writer;
        struct isthmus_bytes_consumer reader;
        struct isthmus_mpmc_lent lent;
        memcpy(before, base, arena);
        spoil(objects[k], sizes[k]);
        memset(mem + (k >= 4 ? 512 : 0), 0, k >= 4 ? 16 : 0); /* roles are free */
        if (k == 0 && !isthmus__dead(s->seg, *s->big.writers.word & ISTHMUS__IDS)) /* an owner who is alive is waited for */
            *s->big.writers.word = 0;
        if (k == 6 && rnd() % 2 == 0) { /* a header that is likely to be believed */
            uint64_t pos = rnd() % 64 * 8, *word = (uint64_t *)(void *)mem;
            word[256 / 8] = pos << 6 | rnd() % 4;
            word[(640 + pos) / 8] = UINT64_C(1) << 63 | rnd() % 4 << 32 | rnd() % 300;
        }
        for (int i = 0; i < 3; i++)
            switch (k) {
            case 0: (void)isthmus_value_load(&s->big, w); (void)isthmus_value_store(&s->big, w); break;
            case 1: (void)isthmus_lock_lock(&s->lock, 0); (void)isthmus_lock_mark_consistent(&s->lock); (void)isthmus_lock_unlock(&s->lock); break;
            case 2: (void)isthmus_semaphore_try_acquire(&s->semaphore, 2); break;
            case 3: (void)isthmus_semaphore_try_acquire(&s->signal, 2); break;
            case 4:
                if (isthmus_spsc_produce(&producer, &s->spsc) == 0) {
                    for (int n = 0; n < 10; n++)
                        (void)isthmus_spsc_try_push(&producer, w);
                    (void)isthmus_spsc_producer_detach(&producer);
                }
                if (isthmus_spsc_consume(&consumer, &s->spsc) == 0) {
                    for (int n = 0; n < 10; n++)
                        (void)isthmus_spsc_try_pop(&consumer, w);
                    (void)isthmus_spsc_consumer_detach(&consumer);
                }
                break;
            case 5:
                (void)isthmus_mpmc_push(&s->mpmc, w, 0);
                (void)isthmus_mpmc_pop(&s->mpmc, w, 0);
                (void)isthmus_mpmc_try_push(&s->mpmc, w);
                if (isthmus_mpmc_next(&s->mpmc, &lent, 0) == 0) {
                    memcpy(w, lent.message, sizeof w);
                    (void)isthmus_mpmc_release(&s->mpmc, &lent);
                }
                break;
            default:
                if (isthmus_bytes_produce(&writer, &s->bytes) == 0) {
                    for (uint64_t n = 0; n < 10; n++)
                        (void)isthmus_bytes_push(&writer, w, 8 * n, 0);
                    (void)isthmus_bytes_producer_detach(&writer);
                }
                if (isthmus_bytes_consume(&reader, &s->bytes) == 0) {
                    for (int n = 0; n < 10; n++) {
                        const void *m;
                        if (isthmus_bytes_next(&reader, &m, &len, 0) == 0)
                            CHECK((const unsigned char *)m >= s->bytes.r.body && (const unsigned char *)m + len <= s->bytes.r.body + 512);
                        (void)isthmus_bytes_pop(&reader, w, sizeof w, &len, 0);
                    }
                    (void)isthmus_bytes_consumer_detach(&reader);
                }
            }
        uint64_t off = (uint64_t)(mem - base), end = off + sizes[k];
        CHECK(memcmp(base, before, off) == 0);
        CHECK(memcmp(base + end, before + end, arena - end) == 0);
    }
    free(before);
}

int main(int argc, char **argv) {
    struct isthmus_options o;
    pthread_t t[THREADS];
    memset(&o, 0, sizeof o);
    o.max_procs = 8;
    CHECK(isthmus_type_of(&i64, "int64") == 0 && isthmus_type_of(&wide, "[10]uint64") == 0);
    CHECK(isthmus_create(&sides[0].seg, "t", 1 << 16, &o) == 0);
    CHECK(isthmus_create(&sides[1].seg, "t", 1 << 16, &o) == ISTHMUS_EEXIST);
    CHECK(isthmus_open(&sides[1].seg, "t", NULL) == 0);
    CHECK(isthmus_remove("t", NULL) == 0);
    open_all(&sides[0]);
    open_all(&sides[1]);
    if (argc > 1) {
        state ^= strtoull(argv[1], NULL, 10) << 20;
        hostile(atoi(argv[2]));
        return 0;
    }
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, thread, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(*(int64_t *)isthmus_array_at(&sides[0].array, 0) == THREADS * N && *(int64_t *)isthmus_array_at(&sides[0].array, 1) == THREADS * N);
    CHECK(popped == THREADS * N && sum == (uint64_t)THREADS * N * (N - 1) / 2);
    CHECK(isthmus_semaphore_value(&sides[1].semaphore) == 3);

    /* What one attachment leaves, by its end, the other gets. */
    CHECK(isthmus_lock_lock(&sides[1].lock, 0) == 0);
    CHECK(isthmus_semaphore_acquire(&sides[1].semaphore, 3, 0) == 0);
    CHECK(isthmus_lock_lock(&sides[0].lock, 0) == ISTHMUS_ETIMEDOUT);
    isthmus_free(sides[1].seg);
    CHECK(isthmus_lock_lock(&sides[0].lock, 0) == ISTHMUS_EOWNERDEAD);
    CHECK(isthmus_semaphore_try_acquire(&sides[0].semaphore, 3) == 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(isthmus_lock_unlock(&sides[0].lock) == ISTHMUS_EFORKED ? 0 : 1);
    int status = 1;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(isthmus_lock_unlock(&sides[0].lock) == 0);
    CHECK(isthmus_close(sides[0].seg) == 0);
    CHECK(isthmus_lock_lock(&sides[0].lock, 0) == ISTHMUS_ECLOSED);
    isthmus_free(sides[0].seg);
    return 0;
}
