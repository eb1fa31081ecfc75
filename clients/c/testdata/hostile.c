/* A user of memory that is spoilt, or is being spoilt: no operation may touch what is not its
 * object's, nor the pages around the segment, nor hang. Compile it with the sanitizer of
 * addresses: what is not the object's is poisoned. Arguments: what to do, a seed, rounds. */
#define _GNU_SOURCE 1
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

enum { GUARD = 16 << 10 };

/* The segment lies between pages that cannot be touched. */
static void *fenced_mmap(void *at, size_t n, int prot, int flags, int fd, off_t off) {
    if (fd < 0)
        return mmap(at, n, prot, flags, fd, off);
    unsigned char *p = (unsigned char *)mmap(NULL, n + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return MAP_FAILED;
    return mmap(p + GUARD, n, prot, flags | MAP_FIXED, fd, off);
}
#define mmap fenced_mmap
#include "isthmus.h"
#undef mmap

#define CHECK(x)                                                          \
    do {                                                                  \
        if (!(x)) {                                                       \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);       \
            exit(1);                                                      \
        }                                                                 \
    } while (0)

enum { KINDS = 9, BRIEF = 200 * 1000, SLOTS = 8, ROOM = 512 };

static uint64_t state = 1;
static uint64_t rnd(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * UINT64_C(0x2545f4914f6cdd1d);
}

static struct isthmus_type i64, wide, octet;

struct objects {
    struct isthmus_segment *seg;
    struct isthmus_value big, word;
    struct isthmus_array array;
    struct isthmus_lock lock;
    struct isthmus_semaphore semaphore, signal;
    struct isthmus_spsc spsc;
    struct isthmus_mpmc mpmc;
    struct isthmus_bytes bytes;
};

static int open_one(struct objects *s, int k) {
    switch (k) {
    case 0: return isthmus_value_open(&s->big, s->seg, "big", &wide);
    case 1: return isthmus_value_open(&s->word, s->seg, "word", &i64);
    case 2: return isthmus_array_open(&s->array, s->seg, "array", &octet, 100);
    case 3: return isthmus_lock_open(&s->lock, s->seg, "lock");
    case 4: return isthmus_semaphore_open(&s->semaphore, s->seg, "semaphore", 3);
    case 5: return isthmus_semaphore_open_signalling(&s->signal, s->seg, "signal", 3, 5);
    case 6: return isthmus_spsc_open(&s->spsc, s->seg, "spsc", &wide, SLOTS);
    case 7: return isthmus_mpmc_open(&s->mpmc, s->seg, "mpmc", &wide, SLOTS);
    default: return isthmus_bytes_open(&s->bytes, s->seg, "bytes", ROOM);
    }
}

static const struct isthmus__object *object(const struct objects *s, int k) {
    const struct isthmus__object *all[KINDS] = {&s->big.o,    &s->word.o,     &s->array.o,  &s->lock.o,   &s->semaphore.o,
                                                &s->signal.o, &s->spsc.r.o, &s->mpmc.r.o, &s->bytes.r.o};
    return all[k];
}

static uint64_t size_of(const struct objects *s, int k) {
    const uint64_t all[KINDS] = {256 + 4 * 128, 128, 128, 128, 128 + 128 * (uint64_t)s->seg->procs, 128, 640 + SLOTS * 88, 640 + SLOTS * 88, 640 + ROOM};
    return all[k];
}

/* Writes some words of memory, by what is likely to be believed. */
static void spoil(uint64_t *w, uint64_t words, uint64_t most) {
    for (uint64_t n = 1 + rnd() % most; n > 0; n--) {
        uint64_t x = rnd(), i = rnd() % (rnd() % 2 == 0 && words > 85 ? 85 : words);
        switch (rnd() % 8) {
        case 0: x >>= 32; break;
        case 1: x = (UINT64_C(1) << 63) | (x & 0xff); break;
        case 2: x &= 0xfff; break;
        case 3: x = 0 - (x & 0xff); break;
        case 4: x = isthmus__load(&w[rnd() % words]) ^ (UINT64_C(1) << (x & 63)); break;
        case 5: x = isthmus__load(&w[i]) + 1 - (x & 2); break;
        case 6: x = 0; break;
        default: break;
        }
        isthmus__store(&w[i], x);
    }
}

static int same(void *value, void *arg) { (void)value; (void)arg; return 0; }

/* Every operation of an object, none of which waits for long. */
static void use(struct objects *s, int k) {
    uint64_t w[10] = {1}, other[10] = {2}, len = 0;
    unsigned char b = 0;
    int64_t sum;
    switch (k) {
    case 0: {
        (void)isthmus_value_load(&s->big, w);
        (void)isthmus_value_wait(&s->big, other, w, BRIEF);
        if (isthmus__owner_lock_lock(&s->big.writers, BRIEF) == 0) { /* then a store does not wait */
            (void)isthmus__owner_lock_unlock(&s->big.writers);
            if ((isthmus__load(s->big.writers.word) & ISTHMUS__IDS) == 0 && !isthmus__barred(&s->big.writers.queue)) {
                (void)isthmus_value_store(&s->big, w);
                (void)isthmus_value_compare_and_swap(&s->big, w, other);
            }
        }
        break;
    }
    case 1:
        (void)isthmus_value_load(&s->word, w);
        (void)isthmus_value_store(&s->word, w);
        (void)isthmus_value_update(&s->word, same, NULL);
        (void)isthmus_value_compare_and_swap(&s->word, w, other);
        (void)isthmus_value_wait(&s->word, other, w, BRIEF);
        break;
    case 2:
        (void)isthmus_array_load(&s->array, rnd() % 128, &b);
        (void)isthmus_array_store(&s->array, rnd() % 128, &b);
        (void)isthmus_array_add(&s->array, rnd() % 128, 1, &sum);
        break;
    case 3:
        (void)isthmus_lock_lock(&s->lock, rnd() % 2 == 0 ? 0 : BRIEF);
        (void)isthmus_lock_mark_consistent(&s->lock);
        (void)isthmus_lock_unlock(&s->lock);
        (void)isthmus_lock_trylock(&s->lock);
        (void)isthmus_lock_unlock(&s->lock);
        break;
    case 4:
    case 5: {
        struct isthmus_semaphore *m = k == 4 ? &s->semaphore : &s->signal;
        if (isthmus_semaphore_acquire(m, 1, rnd() % 2 == 0 ? 0 : BRIEF) == 0)
            (void)isthmus_semaphore_release(m, 1);
        (void)isthmus_semaphore_try_acquire(m, 2);
        (void)isthmus_semaphore_value(m);
        break;
    }
    case 6: {
        struct isthmus_spsc_producer p;
        struct isthmus_spsc_consumer c;
        if (isthmus_spsc_produce(&p, &s->spsc) == 0) {
            for (int n = 0; n < SLOTS; n++)
                (void)isthmus_spsc_try_push(&p, w);
            (void)isthmus_spsc_push(&p, w, BRIEF);
            (void)isthmus_spsc_producer_detach(&p);
        }
        if (isthmus_spsc_consume(&c, &s->spsc) == 0) {
            for (int n = 0; n < SLOTS; n++)
                (void)isthmus_spsc_try_pop(&c, w);
            (void)isthmus_spsc_pop(&c, w, BRIEF);
            (void)isthmus_spsc_consumer_detach(&c);
        }
        break;
    }
    case 7: {
        struct isthmus_mpmc_lent lent;
        (void)isthmus_mpmc_try_push(&s->mpmc, w);
        (void)isthmus_mpmc_push(&s->mpmc, w, BRIEF);
        (void)isthmus_mpmc_try_pop(&s->mpmc, w);
        (void)isthmus_mpmc_pop(&s->mpmc, w, BRIEF);
        if (isthmus_mpmc_next(&s->mpmc, &lent, BRIEF) == 0) {
            memcpy(w, lent.message, sizeof w);
            (void)isthmus_mpmc_release(&s->mpmc, &lent);
        }
        break;
    }
    default: {
        struct isthmus_bytes_producer p;
        struct isthmus_bytes_consumer c;
        const void *m;
        if (isthmus_bytes_produce(&p, &s->bytes) == 0) {
            for (uint64_t n = 0; n < 10; n++)
                (void)isthmus_bytes_push(&p, w, 8 * n, 0);
            (void)isthmus_bytes_push(&p, w, 9, BRIEF);
            (void)isthmus_bytes_producer_detach(&p);
        }
        if (isthmus_bytes_consume(&c, &s->bytes) == 0) {
            for (int n = 0; n < 10; n++) {
                if (isthmus_bytes_next(&c, &m, &len, 0) == 0)
                    for (uint64_t i = 0; i < len; i++)
                        b ^= ((const unsigned char *)m)[i];
                (void)isthmus_bytes_pop(&c, w, sizeof w, &len, 0);
            }
            (void)isthmus_bytes_pop(&c, w, sizeof w, &len, BRIEF);
            (void)isthmus_bytes_consumer_detach(&c);
        }
    }
    }
}

/* Has the arena be poisoned, but for one object. */
static void poison(const struct objects *s, int k) {
    unsigned char *from = s->seg->mem + s->seg->arena, *to = s->seg->mem + s->seg->arena_end, *mem = object(s, k)->mem;
    CHECK(mem >= from && mem + size_of(s, k) <= to);
    ASAN_POISON_MEMORY_REGION(from, (size_t)(mem - from));
    ASAN_POISON_MEMORY_REGION(mem + size_of(s, k), (size_t)(to - mem) - size_of(s, k));
}

static void cure(const struct objects *s) { ASAN_UNPOISON_MEMORY_REGION(s->seg->mem + s->seg->arena, (size_t)(s->seg->arena_end - s->seg->arena)); }

/* Objects that are spoilt. */
static void spoilt(struct objects *s, int rounds) {
    for (int round = 0; round < rounds; round++) {
        int k = (int)(rnd() % KINDS);
        unsigned char *mem = object(s, k)->mem;
        spoil((uint64_t *)(void *)mem, size_of(s, k) / 8, 8);
        if (k >= 6)
            memset(mem + 512, 0, 16); /* roles are free */
        if (k >= 6 && rnd() % 2 == 0)
            memset(mem + 4, 0, 4); /* and the ring is open */
        if ((k == 4 || k == 5) && rnd() % 32 != 0)
            *(uint64_t *)(void *)mem &= ISTHMUS__PERMITS; /* nobody is in a change, for which all would wait */
        if (k == 8 && rnd() % 2 == 0) { /* a header that is likely to be believed */
            uint64_t pos = rnd() % 64 * 8, *word = (uint64_t *)(void *)mem;
            word[256 / 8] = pos << 6 | rnd() % 4;
            word[(640 + pos) / 8] = UINT64_C(1) << 63 | rnd() % 4 << 32 | rnd() % 300;
        }
        poison(s, k);
        for (int i = 0; i < 3; i++)
            use(s, k);
        cure(s);
    }
}

/* Segments that are spoilt in front of the objects. */
static void directory(struct objects *s, int rounds) {
    uint64_t n = s->seg->arena;
    unsigned char *whole = (unsigned char *)malloc(n);
    CHECK(whole != NULL);
    memcpy(whole, s->seg->mem, n);
    for (int round = 0; round < rounds; round++) {
        struct objects t;
        memset(&t, 0, sizeof t);
        int k = (int)(rnd() % KINDS);
        if (rnd() % 4 == 0) {
            spoil((uint64_t *)(void *)s->seg->mem, rnd() % 2 == 0 ? 9 : n / 8, 4);
        } else { /* entries */
            uint64_t *entry = (uint64_t *)(void *)(s->seg->mem + s->seg->dir + 256 * (rnd() % (KINDS + 1)));
            spoil(entry, 32, 3);
            if (rnd() % 2 == 0)
                *(uint32_t *)(void *)entry = (uint32_t)(rnd() % 4);
        }
        if (isthmus_open(&t.seg, "t", NULL) == 0) {
            if (open_one(&t, k) == 0) {
                poison(&t, k);
                use(&t, k);
                cure(&t);
            }
            isthmus_free(t.seg);
        }
        memcpy(s->seg->mem, whole, n);
        memset(s->seg->mem + s->seg->arena, 0, s->seg->arena_end - s->seg->arena);
    }
    free(whole);
}

/* Spoils all objects all the time, as long as somebody holds the other end of its input. */
static void scribble(void) {
    struct objects t;
    struct pollfd in = {0, 0, 0};
    memset(&t, 0, sizeof t);
    CHECK(isthmus_open(&t.seg, "t", NULL) == 0);
    for (int k = 0; k < KINDS; k++)
        CHECK(open_one(&t, k) == 0);
    while (poll(&in, 1, 0) == 0)
        for (int i = 0; i < 1000; i++) {
            int k = (int)(rnd() % KINDS);
            spoil((uint64_t *)(void *)object(&t, k)->mem, size_of(&t, k) / 8, 4);
            if (k >= 6 && rnd() % 4 == 0)
                for (int j = 0; j < 2; j++)
                    isthmus__store((uint64_t *)(void *)(object(&t, k)->mem + 512 + 8 * j), 0);
        }
    _exit(0);
}

/* Objects that another process spoils all the time. */
static void spoiling(struct objects *s, int rounds) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t other = fork();
    CHECK(other >= 0);
    if (other == 0) {
        close(ends[1]);
        CHECK(dup2(ends[0], 0) == 0);
        scribble();
    }
    for (int round = 0; round < rounds; round++) {
        int k = (int)(rnd() % KINDS);
        if (k == 0)
            continue; /* a store may have to wait for a lock that is somebody's for all anybody knows */
        poison(s, k);
        use(s, k);
        cure(s);
    }
    kill(other, SIGKILL);
}

int main(int argc, char **argv) {
    struct objects s;
    struct isthmus_options o;
    memset(&o, 0, sizeof o);
    memset(&s, 0, sizeof s);
    o.max_procs = 8;
    o.max_objects = 16;
    CHECK(argc == 4);
    state += strtoull(argv[2], NULL, 10) << 20;
    CHECK(isthmus_type_of(&i64, "int64") == 0 && isthmus_type_of(&wide, "[10]uint64") == 0 && isthmus_type_of(&octet, "uint8") == 0);
    if (strcmp(argv[1], "scribble") == 0)
        scribble();
    CHECK(isthmus_create(&s.seg, "t", 1 << 16, &o) == 0);
    for (int k = 0; k < KINDS; k++)
        CHECK(open_one(&s, k) == 0);
    if (strcmp(argv[1], "spoilt") == 0)
        spoilt(&s, atoi(argv[3]));
    else if (strcmp(argv[1], "directory") == 0)
        directory(&s, atoi(argv[3]));
    else
        spoiling(&s, atoi(argv[3]));
    CHECK(isthmus_remove("t", NULL) == 0);
    return 0;
}
