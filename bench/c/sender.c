/* The sender of a stream, in C. It talks as protocol.go says, and sends what pushSPSC sends: its
 * arguments are the descriptor of the segment, the type of a message, and the ring's capacity. */
#include "isthmus.h"

static void fail(const char *what, int r) {
    printf("{\"err\":\"C: %s: %s\"}\n", what, isthmus_strerror(r));
    fflush(stdout);
    exit(1);
}

/* Ends this process when the coordinator has, even in a wait for room. */
static void *end_with_coordinator(void *unused) {
    struct pollfd in = {0, 0, 0}; /* hang-ups are always told */
    (void)unused;
    while (poll(&in, 1, -1) < 0)
        ;
    _exit(0);
}

int main(int argc, char **argv) {
    static uint64_t message[1 << 17];
    struct isthmus_segment *seg;
    struct isthmus_spsc ring;
    struct isthmus_spsc_producer p;
    struct isthmus_type type;
    pthread_t t;
    char line[256];
    uint64_t seq = 0;
    int r;
    if (argc != 4)
        fail("arguments", ISTHMUS_EINVAL);
    if ((r = isthmus_open_fd(&seg, atoi(argv[1]), NULL)) != 0)
        fail("open", r);
    if ((r = isthmus_type_of(&type, argv[2])) != 0 || type.size > sizeof message)
        fail("type", r);
    if ((r = isthmus_spsc_open(&ring, seg, "stream", &type, strtoull(argv[3], NULL, 10))) != 0 || (r = isthmus_spsc_produce(&p, &ring)) != 0)
        fail("ring", r);
    if (pthread_create(&t, NULL, end_with_coordinator, NULL) != 0)
        fail("thread", ISTHMUS_ESYS);
    signal(SIGINT, SIG_IGN); /* the coordinator ends us in order */
    printf("{}\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        const char *ops = strstr(line, "\"ops\":");
        uint64_t n = ops != NULL ? strtoull(ops + 6, NULL, 10) : 0;
        for (uint64_t end = seq + 1 + n; seq != end; seq++) {
            for (uint64_t i = 0; i < type.size / 8; i += 8)
                message[i] = seq;
            if ((r = isthmus_spsc_push(&p, message, ISTHMUS_FOREVER)) != 0)
                fail("push", r);
        }
        printf("{\"sides\":[{\"ops\":0,\"nanos\":0}]}\n");
        fflush(stdout);
    }
    return 0;
}
