/* A victim in C: like those in Go, it prepares an operation, marks its beginning and its end,
 * and prints the result. */
static long victim_slice = 3600L * 1000 * 1000 * 1000; /* single steps take long, and must not end a sleep */
#define _GNU_SOURCE 1
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
/* The C library reads the clock from a page that the kernel writes, until it has not changed
 * meanwhile: with single steps that may never end. */
#define clock_gettime(id, t) syscall(SYS_clock_gettime, id, t)
#define ISTHMUS_SLICE victim_slice
#define ISTHMUS_SPIN 0
#include "isthmus.h"

enum { SLOTS = 4, BYTES = 256, PERMITS = 3, BOUND = 8 };

static struct isthmus_segment *seg;
static uint64_t at_round;

static struct isthmus_type word_type, big_type, octet_type, message_type;
static struct isthmus_value value;
static struct isthmus_array array;
static struct isthmus_lock lock;
static struct isthmus_semaphore sem;
static struct isthmus_spsc spsc;
static struct isthmus_spsc_producer spsc_in;
static struct isthmus_spsc_consumer spsc_out;
static struct isthmus_mpmc mpmc;
static struct isthmus_bytes bytes;
static struct isthmus_bytes_producer bytes_in;
static struct isthmus_bytes_consumer bytes_out;

static struct message { uint64_t n, not_n, times; } message;
static unsigned char text[BYTES];
static uint64_t text_len, version, big[9], word, word_to, big_to[9];

/* The result: values, and an error. */
static uint64_t results[4];
static int n_results;

static void mark(void) {
#if defined(__x86_64__)
    __asm__ volatile("int3" ::: "memory");
#else
    __asm__ volatile("brk #0xf000" ::: "memory");
#endif
}

static void check(int r) {
    if (r == 0)
        return;
    printf("error other victim: %s\n", isthmus_strerror(r));
    exit(1);
}

static int did(int r, uint64_t n) {
    if (r == 0)
        results[n_results++] = n;
    return r;
}

/* What the Go side calls the error r. */
static const char *code(int r) {
    switch (r) {
    case ISTHMUS_ECLOSED: return "shut";
    case ISTHMUS_EEND: return "closed";
    case ISTHMUS_EFULL: return "full";
    case ISTHMUS_EEMPTY: return "empty";
    case ISTHMUS_EBUSY: return "taken";
    case ISTHMUS_EEXIST: return "exist";
    default: return "other";
    }
}

/* ---- Value, Array ---- */

static void set_big(uint64_t *b, uint64_t n) {
    for (uint64_t i = 0; i < 9; i++)
        b[i] = n + i;
}

static int whole(const uint64_t *b) {
    for (uint64_t i = 0; i < 9; i++)
        if (b[i] != b[0] + i)
            return 0;
    return 1;
}

static void open_big(void) {
    check(isthmus_value_open(&value, seg, "v", &big_type));
    set_big(big, at_round << 8);
    set_big(big_to, (at_round << 8) + 1);
    version = isthmus__load(value.seq);
}

static void open_word(void) {
    check(isthmus_value_open(&value, seg, "v", &word_type));
    word = at_round << 8;
    word_to = word + 1;
}

/* Never given what nobody has stored, such as what a close puts in the memory's place. */
static int count_up(void *v, void *inside) {
    uint64_t *b = (uint64_t *)v;
    if (inside != NULL)
        mark();
    if (value.seq == NULL)
        return (*b)++, 0;
    if (!whole(b))
        return ISTHMUS_ECORRUPT;
    set_big(b, b[0] + 1);
    return 0;
}

static int store_big(void) { return isthmus_value_store(&value, big_to); }
static int store_word(void) { return isthmus_value_store(&value, &word_to); }
static int update(void) { return isthmus_value_update(&value, count_up, NULL); }
static int update_inside(void) { return isthmus_value_update(&value, count_up, &seg); }

static int compare_and_swap(void) {
    int r = value.seq != NULL ? isthmus_value_compare_and_swap(&value, big, big_to) : isthmus_value_compare_and_swap(&value, &word, &word_to);
    return r == ISTHMUS_EBUSY ? did(0, 0) : did(r, 1);
}

static int load_big(void) {
    uint64_t b[9];
    int r = isthmus_value_load(&value, b);
    return did(r, b[0]) || did(r, version + b[0] - big[0]) || did(r, (uint64_t)whole(b)) ? r : 0;
}

static void open_array(void) { check(isthmus_array_open(&array, seg, "a", &octet_type, 8)); }
static int add_octet(void) { return isthmus_array_add(&array, 1, 1, NULL); }

/* ---- Lock ---- */

static void open_lock(void) { check(isthmus_lock_open(&lock, seg, "l")); }
static void open_locked(void) {
    open_lock();
    int r = isthmus_lock_lock(&lock, ISTHMUS_FOREVER);
    check(r == ISTHMUS_EOWNERDEAD ? 0 : r);
}

static int take(void) {
    int r = isthmus_lock_lock(&lock, ISTHMUS_FOREVER);
    return r == ISTHMUS_EOWNERDEAD ? 0 : r;
}

static int trylock(void) {
    int r = isthmus_lock_trylock(&lock);
    return r == ISTHMUS_EBUSY ? did(0, 0) : did(r == ISTHMUS_EOWNERDEAD ? 0 : r, 1);
}

static int unlock(void) { return isthmus_lock_unlock(&lock); }
static int mark_consistent(void) { return isthmus_lock_mark_consistent(&lock); }

/* ---- Semaphore ---- */

static void open_semaphore(void) { check(isthmus_semaphore_open(&sem, seg, "sem", PERMITS)); }
static void open_signalling(void) { check(isthmus_semaphore_open_signalling(&sem, seg, "sem", PERMITS, BOUND)); }
static void open_acquired(void) {
    open_semaphore();
    check(isthmus_semaphore_acquire(&sem, 2, ISTHMUS_FOREVER));
}

static int acquire_n(uint64_t n) { return did(isthmus_semaphore_acquire(&sem, n, ISTHMUS_FOREVER), n); }
static int acquire_1(void) { return acquire_n(1); }
static int acquire_2(void) { return acquire_n(2); }
static int release_1(void) { return did(isthmus_semaphore_release(&sem, 1), 1); }
static int release_2(void) { return did(isthmus_semaphore_release(&sem, 2), 0); }
static int try_acquire(void) {
    int r = isthmus_semaphore_try_acquire(&sem, 1);
    return r == ISTHMUS_EBUSY ? did(0, 0) : did(r, 1);
}

/* ---- Rings ---- */

static uint64_t length_of(uint64_t n) {
    static const uint64_t of[] = {8, 8, 40, 48};
    return of[n % 4];
}

static void set_message(uint64_t n) {
    message.n = n;
    message.not_n = ~n;
    message.times = n * UINT64_C(0x9e3779b97f4a7c15);
    text_len = length_of(n);
    for (uint64_t i = 0, x = n; i < text_len; i += 8, x += UINT64_C(0x9e3779b97f4a7c15))
        memcpy(text + i, &x, 8);
}

/* The number of a message, or of a text, that must be whole. */
static int popped(int r) {
    struct message m = message;
    set_message(m.n);
    return did(r == 0 && memcmp(&m, &message, sizeof m) != 0 ? (int)ISTHMUS_ECORRUPT : r, m.n);
}

static int popped_text(int r) {
    unsigned char got[BYTES];
    uint64_t n, len = text_len;
    memcpy(got, text, sizeof got);
    memcpy(&n, got, 8);
    if (r == 0)
        set_message(n);
    return did(r == 0 && (len != text_len || memcmp(got, text, len) != 0) ? (int)ISTHMUS_ECORRUPT : r, n);
}

static void open_spsc(void) { check(isthmus_spsc_open(&spsc, seg, "q", &message_type, SLOTS)); }
static void open_spsc_in(void) {
    open_spsc();
    check(isthmus_spsc_produce(&spsc_in, &spsc));
    set_message(at_round << 8);
}
static void open_spsc_out(void) {
    open_spsc();
    check(isthmus_spsc_consume(&spsc_out, &spsc));
}

static int spsc_try_push(void) { return isthmus_spsc_try_push(&spsc_in, &message); }
static int spsc_push(void) { return isthmus_spsc_push(&spsc_in, &message, ISTHMUS_FOREVER); }
static int spsc_try_pop(void) { return popped(isthmus_spsc_try_pop(&spsc_out, &message)); }
static int spsc_pop(void) { return popped(isthmus_spsc_pop(&spsc_out, &message, ISTHMUS_FOREVER)); }
static int spsc_push_batch(void) {
    struct message ms[2];
    uint64_t n = 0;
    for (uint64_t i = 0; i < 2; i++) {
        set_message((at_round << 8) + i);
        ms[i] = message;
    }
    int r = isthmus_spsc_push_batch(&spsc_in, ms, 2, &n, ISTHMUS_FOREVER);
    results[n_results++] = n;
    return r;
}
static int spsc_pop_batch(void) {
    struct message ms[3];
    uint64_t n = 0;
    int r = isthmus_spsc_pop_batch(&spsc_out, ms, 3, &n, ISTHMUS_FOREVER);
    for (uint64_t i = 0; r == 0 && i < n; i++) {
        message = ms[i];
        r = popped(0);
    }
    return r;
}
static int spsc_close(void) { return isthmus_spsc_close(&spsc_in); }
static int spsc_produce(void) { return isthmus_spsc_produce(&spsc_in, &spsc); }
static int spsc_consume(void) { return isthmus_spsc_consume(&spsc_out, &spsc); }
static int spsc_undo_in(void) { return isthmus_spsc_producer_detach(&spsc_in); }
static int spsc_undo_out(void) { return isthmus_spsc_consumer_detach(&spsc_out); }

/* Pushes and pops once, which leaves the ring as it was: whoever goes on using it has done so. */
static void join(void) {
    check(isthmus_mpmc_open(&mpmc, seg, "q", &message_type, SLOTS));
    set_message(at_round << 8 | 127);
    check(isthmus_mpmc_try_push(&mpmc, &message));
    check(isthmus_mpmc_try_pop(&mpmc, &message));
}

static void open_mpmc(void) {
    if (mpmc.r.o.seg == NULL)
        check(isthmus_mpmc_open(&mpmc, seg, "q", &message_type, SLOTS));
    set_message(at_round << 8);
}

static int mpmc_try_push(void) { return isthmus_mpmc_try_push(&mpmc, &message); }
static int mpmc_push(void) { return isthmus_mpmc_push(&mpmc, &message, ISTHMUS_FOREVER); }
static int mpmc_try_pop(void) { return popped(isthmus_mpmc_try_pop(&mpmc, &message)); }
static int mpmc_pop(void) { return popped(isthmus_mpmc_pop(&mpmc, &message, ISTHMUS_FOREVER)); }
static int mpmc_close(void) { return isthmus_mpmc_close(&mpmc); }
static int mpmc_next(void) {
    struct isthmus_mpmc_lent lent;
    int r = isthmus_mpmc_next(&mpmc, &lent, ISTHMUS_FOREVER);
    if (r != 0)
        return r;
    memcpy(&message, lent.message, sizeof message);
    r = isthmus_mpmc_release(&mpmc, &lent);
    return popped(r);
}
static int mpmc_give_back(void) {
    struct isthmus_mpmc_lent lent;
    int r = isthmus_mpmc_next(&mpmc, &lent, ISTHMUS_FOREVER);
    if (r != 0)
        return r;
    r = isthmus_mpmc_abandon(&mpmc, &lent);
    return r == 0 ? mpmc_next() : r;
}

static void open_bytes(void) { check(isthmus_bytes_open(&bytes, seg, "q", BYTES)); }
static void open_bytes_in(void) {
    open_bytes();
    check(isthmus_bytes_produce(&bytes_in, &bytes));
    set_message(at_round << 8);
}
static void open_bytes_out(void) {
    open_bytes();
    check(isthmus_bytes_consume(&bytes_out, &bytes));
}

static int bytes_try_push(void) { return isthmus_bytes_push(&bytes_in, text, text_len, 0); }
static int bytes_push(void) { return isthmus_bytes_push(&bytes_in, text, text_len, ISTHMUS_FOREVER); }
static int bytes_try_pop(void) { return popped_text(isthmus_bytes_pop(&bytes_out, text, sizeof text, &text_len, 0)); }
static int bytes_pop(void) { return popped_text(isthmus_bytes_pop(&bytes_out, text, sizeof text, &text_len, ISTHMUS_FOREVER)); }
static int bytes_close(void) { return isthmus_bytes_close(&bytes_in); }
static int bytes_produce(void) { return isthmus_bytes_produce(&bytes_in, &bytes); }
static int bytes_consume(void) { return isthmus_bytes_consume(&bytes_out, &bytes); }
static int bytes_undo_in(void) { return isthmus_bytes_producer_detach(&bytes_in); }
static int bytes_undo_out(void) { return isthmus_bytes_consumer_detach(&bytes_out); }
static int bytes_next(void) {
    const void *m;
    int r = isthmus_bytes_next(&bytes_out, &m, &text_len, ISTHMUS_FOREVER);
    if (r != 0)
        return r;
    if (text_len <= sizeof text)
        memcpy(text, m, (size_t)text_len);
    r = isthmus_bytes_release(&bytes_out);
    return popped_text(r);
}

/* ---- Segments and objects ---- */

static int open_segment(void) { return isthmus_open(&seg, "s", NULL); }
static int create_segment(void) {
    struct isthmus_options o;
    memset(&o, 0, sizeof o);
    o.max_procs = o.max_objects = 4;
    return isthmus_create(&seg, "new", 4096, &o);
}
static int remove_segment(void) { return isthmus_remove("new", NULL); }
static int new_mpmc(void) { return isthmus_mpmc_open(&mpmc, seg, "new", &message_type, SLOTS); }
static int new_semaphore(void) { return isthmus_semaphore_open(&sem, seg, "newsem", PERMITS); }
static int close_segment(void) { return isthmus_close(seg); }
static void open_many(void) {
    open_locked();
    open_acquired();
    open_spsc_in();
}
static void push_once(void) {
    check(isthmus_mpmc_open(&mpmc, seg, "q", &message_type, SLOTS));
}

static void nothing(void) {}

static const struct {
    const char *name;
    void (*prepare)(void);
    int (*run)(void);
} operations[] = {
    {"store big", open_big, store_big},
    {"update big", open_big, update},
    {"update big inside", open_big, update_inside},
    {"swap big", open_big, compare_and_swap},
    {"load big", open_big, load_big},
    {"store word", open_word, store_word},
    {"update word", open_word, update},
    {"swap word", open_word, compare_and_swap},
    {"add octet", open_array, add_octet},
    {"lock", open_lock, take},
    {"trylock", open_lock, trylock},
    {"unlock", open_locked, unlock},
    {"mark consistent", open_locked, mark_consistent},
    {"acquire", open_semaphore, acquire_1},
    {"acquire 2", open_semaphore, acquire_2},
    {"try acquire", open_semaphore, try_acquire},
    {"release", open_acquired, release_1},
    {"release 2", open_acquired, release_2},
    {"take signal", open_signalling, acquire_1},
    {"signal", open_signalling, release_1},
    {"SPSC try push", open_spsc_in, spsc_try_push},
    {"SPSC push", open_spsc_in, spsc_push},
    {"SPSC try pop", open_spsc_out, spsc_try_pop},
    {"SPSC pop", open_spsc_out, spsc_pop},
    {"SPSC push batch", open_spsc_in, spsc_push_batch},
    {"SPSC pop batch", open_spsc_out, spsc_pop_batch},
    {"SPSC close", open_spsc_in, spsc_close},
    {"SPSC claim producer", open_spsc, spsc_produce},
    {"SPSC claim consumer", open_spsc, spsc_consume},
    {"SPSC detach producer", open_spsc_in, spsc_undo_in},
    {"SPSC detach consumer", open_spsc_out, spsc_undo_out},
    {"MPMC try push", open_mpmc, mpmc_try_push},
    {"MPMC push", open_mpmc, mpmc_push},
    {"MPMC try pop", open_mpmc, mpmc_try_pop},
    {"MPMC pop", open_mpmc, mpmc_pop},
    {"MPMC next", open_mpmc, mpmc_next},
    {"MPMC give back", open_mpmc, mpmc_give_back},
    {"MPMC close", open_mpmc, mpmc_close},
    {"Bytes try push", open_bytes_in, bytes_try_push},
    {"Bytes push", open_bytes_in, bytes_push},
    {"Bytes try pop", open_bytes_out, bytes_try_pop},
    {"Bytes pop", open_bytes_out, bytes_pop},
    {"Bytes next", open_bytes_out, bytes_next},
    {"Bytes close", open_bytes_in, bytes_close},
    {"Bytes claim producer", open_bytes, bytes_produce},
    {"Bytes claim consumer", open_bytes, bytes_consume},
    {"Bytes detach producer", open_bytes_in, bytes_undo_in},
    {"Bytes detach consumer", open_bytes_out, bytes_undo_out},
    {"open", nothing, open_segment},
    {"create", nothing, create_segment},
    {"remove", nothing, remove_segment},
    {"new MPMC", nothing, new_mpmc},
    {"new Semaphore", nothing, new_semaphore},
    {"close", open_many, close_segment},
    {"close producer of SPSC", open_spsc_in, close_segment},
    {"close producer of MPMC", push_once, close_segment},
};

/* Closes the segment once there is something to read, and answers when that is done. */
static void *closer(void *unused) {
    char b;
    (void)unused;
    if (read(0, &b, 1) == 1) {
        int r = isthmus_close(seg);
        check(r == ISTHMUS_ECLOSED ? 0 : r);
        if (write(0, &b, 1) != 1)
            check(ISTHMUS_ESYS);
    }
    return NULL;
}

static const char *env(const char *name) {
    const char *s = getenv(name);
    return s != NULL ? s : "";
}

int main(int argc, char **argv) {
    const char *name = env("ISTHMUS_KILLTEST_VICTIM");
    size_t i = 0;
    int r;
    at_round = strtoull(env("ISTHMUS_KILLTEST_ROUND"), NULL, 10);
    while (i < sizeof operations / sizeof *operations && strcmp(operations[i].name, name) != 0)
        i++;
    if (i == sizeof operations / sizeof *operations)
        check(ISTHMUS_EINVAL);
    check(isthmus_type_of(&word_type, "uint64"));
    check(isthmus_type_of(&big_type, "[9]uint64"));
    check(isthmus_type_of(&octet_type, "uint8"));
    check(isthmus_type_of(&message_type, "{N 0 uint64,Not 8 uint64,Times 16 uint64}"));
    /* An argument says that the operation attaches itself, or that it joins a ring before. */
    if (argc < 2 || strcmp(argv[1], "outside") != 0)
        check(isthmus_open(&seg, "s", NULL));
    if (*env("ISTHMUS_KILLTEST_CLOSE") != 0) {
        pthread_t t;
        victim_slice = 5L * 1000 * 1000 * 1000; /* nobody wakes it from the sleeps of a closed segment */
        if (pthread_create(&t, NULL, closer, NULL) != 0)
            check(ISTHMUS_ESYS);
    }
    if (argc > 1 && strcmp(argv[1], "joins") == 0) {
        join();
        mark();
    }
    operations[i].prepare();
    if (operations[i].run != update_inside)
        mark();
    r = operations[i].run();
    mark();
    for (int k = 0; k < n_results; k++)
        printf("%llu ", (unsigned long long)results[k]);
    if (r != 0)
        printf("error %s %s", code(r), isthmus_strerror(r));
    printf("\n");
    fflush(stdout);
    mark();
    return 3;
}
