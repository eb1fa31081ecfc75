/* The C side of the tests: it does what the lines on its standard input say, and answers each
 * by a line. Values are in hexadecimal, in the order of memory; ~ stands for a blank. */
#define _GNU_SOURCE 1
#include <signal.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

static long peer_slice = 20 * 1000 * 1000;
static int overslept, barriers, frail;

/* Counts the barriers of sleepers. */
static void count(long number, ...) {
    va_list v;
    va_start(v, number);
    barriers += number == SYS_membarrier && va_arg(v, int) == 1 << 1;
    va_end(v);
}
#define syscall(...) (count(__VA_ARGS__), (syscall)(__VA_ARGS__))

#define ISTHMUS_SLICE peer_slice
#define ISTHMUS_OVERSLEPT() __atomic_fetch_add(&overslept, 1, __ATOMIC_SEQ_CST)
#define ISTHMUS_CLAIMED() ((void)(frail != 0 && kill(getpid(), SIGSTOP)))
#include "isthmus.h"

enum { MOST = 1 << 17, OBJECTS = 32 };

/* An object that the test has named. */
struct object {
    char name[128];
    struct isthmus_type type;
    struct isthmus_value value;
    struct isthmus_array array;
    struct isthmus_lock lock;
    struct isthmus_spsc spsc;
    struct isthmus_spsc_producer producer;
    struct isthmus_spsc_consumer consumer;
    struct isthmus_semaphore semaphore;
    struct isthmus_mpmc mpmc;
    struct isthmus_mpmc_lent lent;
    struct isthmus_bytes bytes;
    struct isthmus_bytes_producer bytes_producer;
    struct isthmus_bytes_consumer bytes_consumer;
};

static struct object objects[OBJECTS];
static struct isthmus_segment *seg;
static unsigned char a[MOST], b[MOST];
static char line[2 * MOST + 256], hex[2 * MOST + 1];
static char *args[8];

static void say(const char *format, ...) {
    va_list v;
    va_start(v, format);
    vprintf(format, v);
    va_end(v);
    putchar('\n');
    fflush(stdout);
}

static void die(const char *what) {
    fprintf(stderr, "peer: %s\n", what);
    exit(1);
}

static int is(const char *command) { return strcmp(args[0], command) == 0; }

static const char *arg(int i) {
    if (args[i] == NULL)
        die("an argument is missing");
    return args[i];
}

static long long number(int i) { return strtoll(arg(i), NULL, 10); }

/* Milliseconds, or -1. */
static int64_t timeout(int i) { return number(i) < 0 ? ISTHMUS_FOREVER : (int64_t)number(i) * 1000000; }

static size_t unhex(const char *s, unsigned char *to) {
    size_t n = strlen(s) / 2;
    for (size_t i = 0; i < n; i++) {
        char two[3] = {s[2 * i], s[2 * i + 1], 0};
        to[i] = (unsigned char)strtoul(two, NULL, 16);
    }
    return n;
}

static const char *tohex(const unsigned char *from, size_t n) {
    for (size_t i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", from[i]);
    hex[2 * n] = 0;
    return hex;
}

static void answer(int r, size_t n, const unsigned char *bytes) {
    if (r != 0)
        say("%s", isthmus_strerror(r));
    else
        say("%s", tohex(bytes, n));
}

static struct object *find(int i) {
    struct object *o = objects;
    while (o->name[0] != 0 && strcmp(o->name, arg(i)) != 0)
        if (++o == objects + OBJECTS)
            die("too many objects");
    snprintf(o->name, sizeof o->name, "%s", arg(i));
    return o;
}

/* Makes the type that argument i has the text of. */
static int type(struct object *o, int i) {
    char *text = strdup(arg(i));
    for (char *p = text; *p != 0; p++)
        if (*p == '~')
            *p = ' ';
    return isthmus_type_of(&o->type, text);
}

/* Forks. The child finds that it may use nothing of its parent's, and that it may open the
 * segment anew; it outlives its parent, and ends with the test. */
static void fork_child(void) {
    int back[2];
    char buf[256] = "";
    if (pipe(back) < 0)
        die("pipe");
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        struct isthmus_segment *again = NULL;
        struct object *o = find(2), other;
        int locked = isthmus_lock_lock(&o->lock, 0), unlocked = isthmus_lock_unlock(&o->lock);
        int opened = isthmus_open(&again, arg(1), NULL);
        int found = opened != 0 ? opened : isthmus_lock_open(&other.lock, again, arg(2));
        int busy = found != 0 ? found : isthmus_lock_trylock(&other.lock);
        int closed = isthmus_close(seg);
        isthmus_free(seg);
        isthmus_free(again);
        int n = snprintf(buf, sizeof buf, "%d %s, %s, %s, %s, %s", (int)getpid(), isthmus_strerror(locked), isthmus_strerror(unlocked),
                         isthmus_strerror(found), isthmus_strerror(busy), isthmus_strerror(closed));
        if (write(back[1], buf, (size_t)n) != n)
            _exit(1);
        close(back[1]);
        pid_t parent = getppid();
        if (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL)
            _exit(1);
        while (getppid() == parent)
            usleep(1000);
        while (read(0, buf, sizeof buf) > 0)
            ;
        _exit(0);
    }
    close(back[1]);
    size_t n = 0;
    for (ssize_t k; (k = read(back[0], buf + n, sizeof buf - 1 - n)) > 0; n += (size_t)k)
        buf[n + (size_t)k] = 0;
    close(back[0]);
    say("%s", buf);
}

/* The store of a waker and that of a sleeper, each before a load of the other's: with the
 * fences of both, one of them sees the other. */
static struct {
    struct isthmus_segment seg;
    uint64_t condition, unused[15];
    uint32_t event, seen;
    int round, done;
} litmus;

static void *sleeper(void *arg) {
    (void)arg;
    for (int i = 1;; i++) {
        int round;
        while ((round = __atomic_load_n(&litmus.round, __ATOMIC_SEQ_CST)) < i && round >= 0)
            ;
        if (round < 0)
            return NULL;
        isthmus__store32(&litmus.event, ISTHMUS__WAITING);
        (void)isthmus__sleeper_fence(&litmus.seg);
        litmus.seen = isthmus__load(&litmus.condition) != 0;
        __atomic_store_n(&litmus.done, i, __ATOMIC_SEQ_CST);
    }
}

static void run_litmus(int rounds) {
    pthread_t t;
    int lost = 0;
    litmus.seg.fence = 1;
    if (pthread_create(&t, NULL, sleeper, NULL) != 0)
        die("pthread_create");
    int64_t end = isthmus__now() + 200 * 1000 * 1000;
    for (int i = 1; i <= rounds && isthmus__now() < end; i++) {
        litmus.condition = 0;
        litmus.event = 0;
        __atomic_store_n(&litmus.round, i, __ATOMIC_SEQ_CST);
        for (int k = i % 64; k > 0; k--)
            isthmus__pause();
        isthmus__release(&litmus.condition, 1);
        isthmus__waker_fence(&litmus.seg);
        int asleep = isthmus__asleep(&litmus.event);
        while (__atomic_load_n(&litmus.done, __ATOMIC_SEQ_CST) < i)
            ;
        lost += !asleep && !litmus.seen;
    }
    __atomic_store_n(&litmus.round, -1, __ATOMIC_SEQ_CST);
    pthread_join(t, NULL);
    say("%d", lost);
}

static int values(void) {
    struct object *o = find(1);
    if (is("value")) {
        int r = type(o, 2);
        answer(r != 0 ? r : isthmus_value_open(&o->value, seg, o->name, &o->type), 0, a);
    } else if (is("vload")) {
        int r = isthmus_value_load(&o->value, a);
        answer(r, o->type.size, a);
    } else if (is("vstore")) {
        unhex(arg(2), a);
        answer(isthmus_value_store(&o->value, a), 0, a);
    } else if (is("vcas")) {
        unhex(arg(2), a);
        unhex(arg(3), b);
        answer(isthmus_value_compare_and_swap(&o->value, a, b), 0, a);
    } else if (is("vwait")) {
        unhex(arg(2), a);
        int r = isthmus_value_wait(&o->value, a, b, timeout(3));
        answer(r, o->type.size, b);
    } else if (is("vwrite")) { /* stores values all of whose words are alike */
        long long from = number(2), n = number(3), r = 0;
        for (long long i = from; r == 0 && i < from + n; i++) {
            for (size_t k = 0; k < o->type.size / 8; k++)
                memcpy(a + 8 * k, &i, 8);
            r = isthmus_value_store(&o->value, a);
        }
        answer((int)r, 0, a);
    } else if (is("vcheck")) { /* until they are at n, they are */
        uint64_t n = (uint64_t)number(2), w[64], last = 0;
        do {
            int r = isthmus_value_load(&o->value, w);
            if (r != 0)
                return answer(r, 0, a), 1;
            for (size_t k = 0; k < o->type.size / 8; k++)
                if (w[k] != w[0])
                    return say("torn: %llu and %llu", (unsigned long long)w[0], (unsigned long long)w[k]), 1;
            if (w[0] < last && number(3) != 0)
                return say("back from %llu to %llu", (unsigned long long)last, (unsigned long long)w[0]), 1;
            last = w[0];
        } while (w[0] < n);
        say("whole");
    } else {
        return 0;
    }
    return 1;
}

static int arrays(void) {
    struct object *o = find(1);
    if (is("array")) {
        int r = type(o, 2);
        answer(r != 0 ? r : isthmus_array_open(&o->array, seg, o->name, &o->type, (uint64_t)number(3)), 0, a);
    } else if (is("aload")) {
        int r = isthmus_array_load(&o->array, (uint64_t)number(2), a);
        answer(r, o->type.size, a);
    } else if (is("astore")) {
        unhex(arg(3), a);
        answer(isthmus_array_store(&o->array, (uint64_t)number(2), a), 0, a);
    } else if (is("aadd")) { /* so many times */
        int64_t sum = 0;
        int r = 0;
        for (long long i = 0; r == 0 && i < number(4); i++)
            r = isthmus_array_add(&o->array, (uint64_t)number(2), number(3), &sum);
        if (r != 0)
            answer(r, 0, a);
        else
            say("%lld", (long long)sum);
    } else {
        return 0;
    }
    return 1;
}

static int locks(void) {
    struct object *o = find(1);
    if (is("lock"))
        answer(isthmus_lock_open(&o->lock, seg, o->name), 0, a);
    else if (is("take"))
        answer(isthmus_lock_lock(&o->lock, timeout(2)), 0, a);
    else if (is("try"))
        answer(isthmus_lock_trylock(&o->lock), 0, a);
    else if (is("unlock"))
        answer(isthmus_lock_unlock(&o->lock), 0, a);
    else if (is("consistent"))
        answer(isthmus_lock_mark_consistent(&o->lock), 0, a);
    else if (is("count")) { /* adds 1 to an element, not atomically, with the lock, so many times */
        struct object *of = find(2);
        int r = 0;
        for (long long i = 0; i < number(3); i++) {
            if ((r = isthmus_lock_lock(&o->lock, ISTHMUS_FOREVER)) != 0)
                break;
            volatile int64_t *x = (volatile int64_t *)isthmus_array_at(&of->array, 0);
            *x = *x + 1;
            if ((r = isthmus_lock_unlock(&o->lock)) != 0)
                break;
        }
        answer(r, 0, a);
    } else {
        return 0;
    }
    return 1;
}

static int spscs(void) {
    struct object *o = find(1);
    if (is("spsc")) {
        int r = type(o, 2);
        answer(r != 0 ? r : isthmus_spsc_open(&o->spsc, seg, o->name, &o->type, (uint64_t)number(3)), 0, a);
    } else if (is("produce"))
        answer(isthmus_spsc_produce(&o->producer, &o->spsc), 0, a);
    else if (is("consume"))
        answer(isthmus_spsc_consume(&o->consumer, &o->spsc), 0, a);
    else if (is("push")) {
        unhex(arg(2), a);
        answer(timeout(3) == 0 ? isthmus_spsc_try_push(&o->producer, a) : isthmus_spsc_push(&o->producer, a, timeout(3)), 0, a);
    } else if (is("pop")) {
        int r = timeout(2) == 0 ? isthmus_spsc_try_pop(&o->consumer, a) : isthmus_spsc_pop(&o->consumer, a, timeout(2));
        answer(r, o->type.size, a);
    } else if (is("end"))
        answer(isthmus_spsc_close(&o->producer), 0, a);
    else if (is("undo"))
        answer(strcmp(arg(2), "producer") == 0 ? isthmus_spsc_producer_detach(&o->producer) : isthmus_spsc_consumer_detach(&o->consumer), 0, a);
    else if (is("send")) { /* the numbers from one on, so many, in all words of each message */
        uint64_t from = (uint64_t)number(2), n = (uint64_t)number(3), w[64];
        int r = 0;
        for (uint64_t i = from; r == 0 && i < from + n; i++) {
            for (size_t k = 0; k < o->type.size / 8; k++)
                w[k] = i;
            r = isthmus_spsc_push(&o->producer, w, ISTHMUS_FOREVER);
        }
        answer(r, 0, a);
    } else if (is("receive")) { /* them */
        uint64_t from = (uint64_t)number(2), n = (uint64_t)number(3), w[64];
        int r = 0;
        for (uint64_t i = from; r == 0 && i < from + n; i++) {
            r = isthmus_spsc_pop(&o->consumer, w, ISTHMUS_FOREVER);
            for (size_t k = 0; r == 0 && k < o->type.size / 8; k++)
                if (w[k] != i)
                    return say("%llu in place of %llu", (unsigned long long)w[k], (unsigned long long)i), 1;
        }
        answer(r, 0, a);
    } else {
        return 0;
    }
    return 1;
}

static int semaphores(void) {
    struct object *o = find(1);
    if (is("semaphore"))
        answer(isthmus_semaphore_open(&o->semaphore, seg, o->name, (uint64_t)number(2)), 0, a);
    else if (is("signalling"))
        answer(isthmus_semaphore_open_signalling(&o->semaphore, seg, o->name, (uint64_t)number(2), (uint64_t)number(3)), 0, a);
    else if (is("acquire"))
        answer(isthmus_semaphore_acquire(&o->semaphore, (uint64_t)number(2), timeout(3)), 0, a);
    else if (is("tryacquire"))
        answer(isthmus_semaphore_try_acquire(&o->semaphore, (uint64_t)number(2)), 0, a);
    else if (is("release"))
        answer(isthmus_semaphore_release(&o->semaphore, (uint64_t)number(2)), 0, a);
    else if (is("permits"))
        say("%llu", (unsigned long long)isthmus_semaphore_value(&o->semaphore));
    else if (is("midway")) { /* goes into a change, and no further */
        uint64_t w = isthmus__load(o->semaphore.word);
        say("%s", isthmus__swap(o->semaphore.word, w, (w - 1) | o->semaphore.busy) ? "" : "busy");
    } else if (is("permit")) { /* takes permits, and gives them back, so many times */
        int r = 0;
        for (long long i = 0; r == 0 && i < number(3); i++)
            if ((r = isthmus_semaphore_acquire(&o->semaphore, (uint64_t)number(2), ISTHMUS_FOREVER)) == 0)
                r = isthmus_semaphore_release(&o->semaphore, (uint64_t)number(2));
        answer(r, 0, a);
    } else {
        return 0;
    }
    return 1;
}

static int mpmcs(void) {
    struct object *o = find(1);
    if (is("mpmc")) {
        int r = type(o, 2);
        answer(r != 0 ? r : isthmus_mpmc_open(&o->mpmc, seg, o->name, &o->type, (uint64_t)number(3)), 0, a);
    } else if (is("mpush")) {
        unhex(arg(2), a);
        answer(timeout(3) == 0 ? isthmus_mpmc_try_push(&o->mpmc, a) : isthmus_mpmc_push(&o->mpmc, a, timeout(3)), 0, a);
    } else if (is("mpop")) {
        int r = timeout(2) == 0 ? isthmus_mpmc_try_pop(&o->mpmc, a) : isthmus_mpmc_pop(&o->mpmc, a, timeout(2));
        answer(r, o->type.size, a);
    } else if (is("mnext")) {
        int r = isthmus_mpmc_next(&o->mpmc, &o->lent, timeout(2));
        if (r == 0)
            say("%s %llu", tohex((const unsigned char *)o->lent.message, o->type.size), (unsigned long long)o->lent.deliveries);
        else
            answer(r, 0, a);
    } else if (is("mrelease"))
        answer(isthmus_mpmc_release(&o->mpmc, &o->lent), 0, a);
    else if (is("mend"))
        answer(isthmus_mpmc_close(&o->mpmc), 0, a);
    else if (is("msend")) { /* numbers of a producer: its number in the upper half, they in the lower */
        uint64_t w[64];
        int r = 0;
        for (uint64_t i = 0; r == 0 && i < (uint64_t)number(3); i++) {
            for (size_t k = 0; k < o->type.size / 8; k++)
                w[k] = (uint64_t)number(2) << 32 | i;
            r = isthmus_mpmc_push(&o->mpmc, w, ISTHMUS_FOREVER);
        }
        answer(r, 0, a);
    } else if (is("mreceive")) { /* to the end: of each producer in order; their sum and number */
        uint64_t w[64], sum = 0, n = 0, next[16] = {0};
        int r;
        while ((r = isthmus_mpmc_pop(&o->mpmc, w, ISTHMUS_FOREVER)) == 0) {
            for (size_t k = 1; k < o->type.size / 8; k++)
                if (w[k] != w[0])
                    return say("torn"), 1;
            uint64_t from = w[0] >> 32, i = w[0] & UINT32_MAX;
            if (from >= 16 || i < next[from])
                return say("%llu of %llu is out of order", (unsigned long long)i, (unsigned long long)from), 1;
            next[from] = i + 1;
            sum += i;
            n++;
        }
        if (r == ISTHMUS_EEND)
            say("%llu %llu", (unsigned long long)n, (unsigned long long)sum);
        else
            answer(r, 0, a);
    } else {
        return 0;
    }
    return 1;
}

static int bytes(void) {
    struct object *o = find(1);
    uint64_t len = 0;
    if (is("bytes"))
        answer(isthmus_bytes_open(&o->bytes, seg, o->name, (uint64_t)number(2)), 0, a);
    else if (is("bproduce"))
        answer(isthmus_bytes_produce(&o->bytes_producer, &o->bytes), 0, a);
    else if (is("bconsume"))
        answer(isthmus_bytes_consume(&o->bytes_consumer, &o->bytes), 0, a);
    else if (is("bpush")) {
        size_t n = strcmp(arg(2), "-") == 0 ? 0 : unhex(arg(2), a);
        answer(isthmus_bytes_push(&o->bytes_producer, a, n, timeout(3)), 0, a);
    } else if (is("bpop")) {
        int r = isthmus_bytes_pop(&o->bytes_consumer, a, (uint64_t)number(3), &len, timeout(2));
        answer(r, len, a);
    } else if (is("bnext")) {
        const void *m = NULL;
        int r = isthmus_bytes_next(&o->bytes_consumer, &m, &len, timeout(2));
        answer(r, len, (const unsigned char *)m);
    } else if (is("brelease"))
        answer(isthmus_bytes_release(&o->bytes_consumer), 0, a);
    else if (is("bend"))
        answer(isthmus_bytes_close(&o->bytes_producer), 0, a);
    else if (is("bundo"))
        answer(strcmp(arg(2), "producer") == 0 ? isthmus_bytes_producer_detach(&o->bytes_producer) : isthmus_bytes_consumer_detach(&o->bytes_consumer), 0, a);
    else if (is("bsend")) { /* messages from number on: i mod 97 bytes, all of them the low byte of i */
        int r = 0;
        for (uint64_t i = (uint64_t)number(2), end = i + (uint64_t)number(3); r == 0 && i < end; i++) {
            memset(a, (int)(i & 0xff), i % 97);
            r = isthmus_bytes_push(&o->bytes_producer, a, i % 97, ISTHMUS_FOREVER);
        }
        answer(r, 0, a);
    } else if (is("breceive")) { /* them */
        int r = 0;
        for (uint64_t i = (uint64_t)number(2), end = i + (uint64_t)number(3); r == 0 && i < end; i++) {
            r = isthmus_bytes_pop(&o->bytes_consumer, b, MOST, &len, ISTHMUS_FOREVER);
            memset(a, (int)(i & 0xff), i % 97);
            if (r == 0 && (len != i % 97 || memcmp(a, b, len) != 0))
                return say("message %llu has %llu bytes", (unsigned long long)i, (unsigned long long)len), 1;
        }
        answer(r, 0, a);
    } else {
        return 0;
    }
    return 1;
}

static void run(void) {
    if (is("open")) {
        struct isthmus_options o;
        memset(&o, 0, sizeof o);
        o.version = args[2] != NULL ? (uint64_t)number(2) : 0;
        o.must_exist = args[3] != NULL;
        answer(isthmus_open(&seg, arg(1), &o), 0, a);
    } else if (is("create")) {
        struct isthmus_options o;
        memset(&o, 0, sizeof o);
        o.version = (uint64_t)number(3);
        o.max_procs = (uint32_t)number(4);
        o.max_objects = (uint32_t)number(5);
        answer(isthmus_create(&seg, arg(1), (uint64_t)number(2), &o), 0, a);
    } else if (is("openfd"))
        answer(isthmus_open_fd(&seg, (int)number(1), NULL), 0, a);
    else if (is("close"))
        answer(isthmus_close(seg), 0, a);
    else if (is("free")) {
        isthmus_free(seg);
        seg = NULL;
        say("");
    } else if (is("remove"))
        answer(isthmus_remove(arg(1), NULL), 0, a);
    else if (is("id"))
        say("%llu", (unsigned long long)isthmus_id(seg));
    else if (is("registered")) /* MEMBARRIER_CMD_GET_REGISTRATIONS, since Linux 6.3 */
        say("%ld", syscall(SYS_membarrier, 1 << 9, 0, 0));
    else if (is("litmus"))
        run_litmus(100000);
    else if (is("frail")) /* it stops in the middle of its next claim */
        frail = 1, say("");
    else if (is("barriers")) /* since the last time */
        say("%d", barriers), barriers = 0;
    else if (is("fork"))
        fork_child();
    else if (is("type")) {
        struct object o;
        int r = type(&o, 1);
        say("%d %llx %llu %llx", r, (unsigned long long)o.type.fingerprint, (unsigned long long)o.type.size, (unsigned long long)o.type.mask);
    } else if (!values() && !arrays() && !locks() && !spscs() && !semaphores() && !mpmcs() && !bytes())
        die("no such command");
}

int main(void) {
    int mortal = getenv("ISTHMUS_PROCTEST_MORTAL") != NULL && *getenv("ISTHMUS_PROCTEST_MORTAL") != 0;
    if (!mortal)
        peer_slice = 10L * 1000 * 1000 * 1000;
    while (fgets(line, sizeof line, stdin) != NULL) {
        int n = 0;
        for (char *p = strtok(line, " \n"); p != NULL && n < 7; p = strtok(NULL, " \n"))
            args[n++] = p;
        args[n] = NULL;
        if (n == 0)
            continue;
        if (is("exit")) {
            isthmus_free(seg);
            if (overslept != 0 && !mortal)
                die("a wake-up was lost");
            return 0;
        }
        run();
    }
    die("the test process is gone");
    return 1;
}
