/* What happens between two system calls of one thread, while another forks; and calls that are
 * refused. The argument says which. */
#define _GNU_SOURCE 1
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void moment(void);
static void *hooked_mremap(void *from, size_t n, size_t to_n, int flags, void *to) {
    moment();
    return mremap(from, n, to_n, flags, to);
}
static int hooked_close(int fd) {
    moment();
    return close(fd);
}
#define mremap hooked_mremap
#define close hooked_close
#include "isthmus.h"

#define CHECK(x)                                                          \
    do {                                                                  \
        if (!(x)) {                                                       \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);       \
            _exit(1);                                                     \
        }                                                                 \
    } while (0)

static struct isthmus_segment *seg;
static struct isthmus_array array;
static struct isthmus_spsc spsc;
static struct isthmus_spsc_producer producer;
static struct isthmus_type i64;
static int armed, done, status;
static int (*in_child)(void);
static dev_t device;
static ino_t file;

/* Whether this process has a descriptor of the segment's file. */
static int has_file(void) {
    struct stat st;
    for (int fd = 3; fd < 100; fd++)
        if (fstat(fd, &st) == 0 && st.st_dev == device && st.st_ino == file)
            return 1;
    return 0;
}

static void *forker(void *arg) {
    (void)arg;
    while (__atomic_load_n(&armed, __ATOMIC_SEQ_CST) != 2)
        usleep(1000);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(5);
        _exit(in_child());
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    __atomic_store_n(&done, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* The other thread forks here, unless it has to wait. */
static void moment(void) {
    int one = 1;
    if (!__atomic_compare_exchange_n(&armed, &one, 2, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return;
    for (int i = 0; i < 300 && __atomic_load_n(&done, __ATOMIC_SEQ_CST) == 0; i++)
        usleep(1000);
}

/* The page that has the Event and closed of a ring, and what comes between two looks. */
static unsigned char *page;
static void (*between)(void);

static void fault(int sig) {
    (void)sig;
    CHECK(page != NULL && mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0);
    page = NULL;
    between();
}

/* Has between be called when the page of that ring is touched next. */
static void trap(const struct isthmus__ring *r, void (*f)(void)) {
    between = f;
    page = r->o.mem - (uintptr_t)r->o.mem % 4096;
    CHECK(signal(SIGSEGV, fault) != SIG_ERR && mprotect(page, 4096, PROT_NONE) == 0);
}

static struct isthmus_bytes_producer writer;

static void push_last(void) {
    int64_t x = 9;
    CHECK(isthmus_spsc_try_push(&producer, &x) == 0 && isthmus_spsc_close(&producer) == 0);
}

static void write_last(void) { CHECK(isthmus_bytes_push(&writer, "last", 5, 0) == 0 && isthmus_bytes_close(&writer) == 0); }

/* A consumer that finds nothing, and then the ring closed, looks once more. */
static void last(struct isthmus_segment *other) {
    struct isthmus_spsc q, theirs;
    struct isthmus_spsc_consumer consumer;
    struct isthmus_bytes b, written;
    struct isthmus_bytes_consumer reader;
    int64_t x = 0;
    char text[512] = {0};
    uint64_t len;
    CHECK(isthmus_spsc_open(&q, seg, "last", &i64, 1024) == 0 && isthmus_spsc_open(&theirs, other, "last", &i64, 1024) == 0);
    CHECK(isthmus_spsc_consume(&consumer, &q) == 0 && isthmus_spsc_produce(&producer, &theirs) == 0);
    for (int i = 0; i < 600; i++) /* until the slots are in another page */
        CHECK(isthmus_spsc_try_push(&producer, &x) == 0 && isthmus_spsc_try_pop(&consumer, &x) == 0);
    trap(&q.r, push_last);
    CHECK(isthmus_spsc_try_pop(&consumer, &x) == 0 && page == NULL && x == 9);
    CHECK(isthmus_spsc_try_pop(&consumer, &x) == ISTHMUS_EEND);

    CHECK(isthmus_bytes_open(&b, seg, "bytes", 16384) == 0 && isthmus_bytes_open(&written, other, "bytes", 16384) == 0);
    CHECK(isthmus_bytes_consume(&reader, &b) == 0 && isthmus_bytes_produce(&writer, &written) == 0);
    for (int i = 0; i < 20; i++)
        CHECK(isthmus_bytes_push(&writer, text, sizeof text, 0) == 0 && isthmus_bytes_pop(&reader, text, sizeof text, &len, 0) == 0);
    trap(&b.r, write_last);
    CHECK(isthmus_bytes_pop(&reader, text, sizeof text, &len, 0) == 0 && page == NULL && strcmp(text, "last") == 0);
    CHECK(isthmus_bytes_pop(&reader, text, sizeof text, &len, 0) == ISTHMUS_EEND);
}

static int child_stores(void) {
    int64_t x = 7;
    (void)isthmus_array_store(&array, 0, &x);
    return 0;
}

static int child_claims(void) {
    return isthmus_spsc_produce(&producer, &spsc) == ISTHMUS_EFORKED ? 0 : 1;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    struct isthmus_segment *other;
    struct isthmus_array theirs;
    struct isthmus_options version;
    struct stat st;
    pthread_t t;
    int64_t x = 0;
    CHECK(isthmus_type_of(&i64, "int64") == 0);
    CHECK(isthmus_create(&seg, "m", 1 << 16, NULL) == 0 && isthmus_open(&other, "m", NULL) == 0);
    CHECK(fstat(seg->fd, &st) == 0);
    device = st.st_dev, file = st.st_ino;
    CHECK(isthmus_array_open(&array, seg, "a", &i64, 1) == 0 && isthmus_array_open(&theirs, other, "a", &i64, 1) == 0);
    CHECK(isthmus_spsc_open(&spsc, seg, "q", &i64, 4) == 0);
    if (strcmp(what, "limit") == 0) { /* the kernel gives no private memory for the mapping's place */
        struct rlimit none = {1, 1};
        CHECK(setrlimit(RLIMIT_DATA, &none) == 0);
        int r = isthmus_close(seg);
        x = 7;
        (void)isthmus_array_store(&array, 0, &x); /* as a thread may that has not noticed */
        CHECK(isthmus_array_load(&theirs, 0, &x) == 0);
        CHECK(x == 0 || isthmus__held(other->fd, (int64_t)seg->id) == 1); /* who stores counts as alive */
        CHECK(r == 0 && x == 0);
        return isthmus_remove("m", NULL) == 0 ? 0 : 1;
    }
    if (strcmp(what, "last") == 0) {
        last(other);
        isthmus_free(other);
        isthmus_free(seg);
        return isthmus_remove("m", NULL) == 0 ? 0 : 1;
    }
    if (strcmp(what, "text") == 0) { /* texts that cannot be cut behind a field */
        static char text[6000];
        struct isthmus_type odd;
        for (int i = 0; i < 3; i++) {
            const char *end = i == 1 ? "]int8" : " 8 int8}";
            snprintf(text, sizeof text, "%s", i == 0 ? "{" : i == 1 ? "[" : "{A 0 int8,");
            memset(text + strlen(text), i == 1 ? '0' : 'B', 5000);
            snprintf(text + strlen(text), 32, "%s%s", i == 1 ? "1" : "", end);
            CHECK(isthmus_type_of(&odd, text) == 0);
            char name[2] = {(char)('0' + i), 0};
            CHECK(isthmus_array_open(&array, seg, name, &odd, 1) == 0);
            CHECK(isthmus_array_open(&theirs, other, name, &odd, 1) == 0);
            memset(text, 0, sizeof text);
        }
        isthmus_free(other);
        isthmus_free(seg);
        return isthmus_remove("m", NULL) == 0 ? 0 : 1;
    }
    CHECK(pthread_create(&t, NULL, forker, NULL) == 0);
    if (strcmp(what, "close") == 0) { /* a fork in the middle of close: the child has private memory */
        in_child = child_stores;
        armed = 1;
        CHECK(isthmus_close(seg) == 0);
    } else if (strcmp(what, "open") == 0) { /* a fork while an open that fails gives up */
        isthmus_free(seg);
        isthmus_free(other);
        in_child = has_file;
        armed = 1;
        memset(&version, 0, sizeof version);
        version.version = 1;
        CHECK(isthmus_open(&seg, "m", &version) == ISTHMUS_EMISMATCH);
    } else if (strcmp(what, "marks") == 0) { /* a fork while another thread claims a role */
        in_child = child_claims;
        pthread_mutex_lock(&seg->marks);
        armed = 1;
        moment();
        pthread_mutex_unlock(&seg->marks);
    } else {
        CHECK(0);
    }
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(status == 0);
    if (strcmp(what, "close") == 0)
        CHECK(isthmus_array_load(&theirs, 0, &x) == 0 && x == 0);
    return isthmus_remove("m", NULL) == 0 ? 0 : 1;
}
