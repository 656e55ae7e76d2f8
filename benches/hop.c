// What passing an artifact to another process and back costs in plain C: the yardstick for examples/hop.rs.
//
// 64 KiB are written into a memfd, which is sealed and sent over a seqpacket socket to a forked child; the child maps
// it, sums its bytes and answers with 300 bytes. Prints the median and the 99th percentile of 10,000 rounds.
//
//     cc -O2 -o /tmp/hop benches/hop.c && /tmp/hop
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 10000, WARM = 500, SIZE = 64 << 10, REPLY = 300 };

static void check(int works, const char *what) {
    if (!works) {
        perror(what);
        exit(1);
    }
}

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void send_fd(int to, int fd) {
    char byte = 1, control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec slice = {&byte, 1};
    struct msghdr message = {.msg_iov = &slice, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    check(sendmsg(to, &message, 0) == 1, "sendmsg");
}

// Answers the descriptor, -1 at the end.
static int receive_fd(int from) {
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec slice = {&byte, 1};
    struct msghdr message = {.msg_iov = &slice, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) != 1) return -1;
    int fd;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void) {
    static char bytes[SIZE], reply[REPLY];
    static double times[ROUNDS];
    int pair[2];
    check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
    if (fork() == 0) {
        close(pair[0]);
        for (int fd; (fd = receive_fd(pair[1])) >= 0; close(fd)) {
            unsigned char *map = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, fd, 0);
            check(map != MAP_FAILED, "mmap");
            uint64_t sum = 0;
            for (int i = 0; i < SIZE; i++) sum += map[i];
            munmap(map, SIZE);
            memcpy(reply, &sum, sizeof sum);
            check(send(pair[1], reply, sizeof reply, 0) == REPLY, "send");
        }
        _exit(0);
    }
    close(pair[1]);
    memset(bytes, 7, sizeof bytes);
    for (int round = -WARM; round < ROUNDS; round++) {
        double begun = now_us();
        int fd = memfd_create("artifact", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        check(fd >= 0 && write(fd, bytes, SIZE) == SIZE, "memfd");
        check(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0, "seal");
        send_fd(pair[0], fd);
        check(recv(pair[0], reply, sizeof reply, 0) == REPLY, "recv");
        close(fd);
        if (round >= 0) times[round] = now_us() - begun;
    }
    qsort(times, ROUNDS, sizeof *times, compare);
    printf("C: p50 %.1f us, p99 %.1f us\n", times[ROUNDS / 2], times[ROUNDS * 99 / 100]);
    return 0;
}
