/* The floor under a cold triage sweep: many opens and reads in flight through one io_uring, one thread.
 *
 * Walks like floor.c, and hands each regular file to the ring: openat (directory-relative), read of 4 KiB,
 * close, with 64 files in flight. Raw system calls, no liburing. Prints files and bytes read.
 *
 * Usage: floor_uring PATH...
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FLIGHT = 64, HEAD = 4096, OPEN = 0, READ = 1, CLOSE = 2 };

struct entry {
    uint64_t ino;
    int64_t off;
    unsigned short length;
    unsigned char type;
    char name[];
};

/* A directory stays open until the last file of it is open. */
struct dir {
    int fd;
    unsigned users;
};

struct job {
    struct dir *dir;
    int fd;
    int step;
    char name[256];
    char head[HEAD];
};

static int ring;
static unsigned *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;
static unsigned to_submit, free_count;
static struct job jobs[FLIGHT], *free_jobs[FLIGHT];
static unsigned long files, bytes;

static void setup(void) {
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    ring = (int)syscall(SYS_io_uring_setup, 2 * FLIGHT, &params);
    if (ring < 0) {
        perror("io_uring_setup");
        exit(3);
    }
    size_t sq_size = params.sq_off.array + params.sq_entries * sizeof(unsigned);
    size_t cq_size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
    char *sq = mmap(0, sq_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
    char *cq = mmap(0, cq_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_CQ_RING);
    sqes = mmap(0, params.sq_entries * sizeof *sqes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring,
                IORING_OFF_SQES);
    if (sq == MAP_FAILED || cq == MAP_FAILED || (void *)sqes == MAP_FAILED) {
        perror("mmap");
        exit(3);
    }
    sq_tail = (unsigned *)(sq + params.sq_off.tail);
    sq_mask = (unsigned *)(sq + params.sq_off.ring_mask);
    sq_array = (unsigned *)(sq + params.sq_off.array);
    cq_head = (unsigned *)(cq + params.cq_off.head);
    cq_tail = (unsigned *)(cq + params.cq_off.tail);
    cq_mask = (unsigned *)(cq + params.cq_off.ring_mask);
    cqes = (struct io_uring_cqe *)(cq + params.cq_off.cqes);
    for (int i = 0; i < FLIGHT; i++)
        free_jobs[free_count++] = &jobs[i];
}

static void queue(struct job *job) {
    unsigned tail = *sq_tail, slot = tail & *sq_mask;
    struct io_uring_sqe *sqe = &sqes[slot];
    memset(sqe, 0, sizeof *sqe);
    sqe->user_data = (uint64_t)(uintptr_t)job;
    if (job->step == OPEN) {
        sqe->opcode = IORING_OP_OPENAT;
        sqe->fd = job->dir->fd;
        sqe->addr = (uint64_t)(uintptr_t)job->name;
        sqe->open_flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    } else if (job->step == READ) {
        sqe->opcode = IORING_OP_READ;
        sqe->fd = job->fd;
        sqe->addr = (uint64_t)(uintptr_t)job->head;
        sqe->len = HEAD;
    } else {
        sqe->opcode = IORING_OP_CLOSE;
        sqe->fd = job->fd;
    }
    sq_array[slot] = slot;
    __atomic_store_n(sq_tail, tail + 1, __ATOMIC_RELEASE);
    to_submit++;
}

static void release(struct dir *dir) {
    if (--dir->users == 0) {
        close(dir->fd);
        free(dir);
    }
}

static void step(struct job *job, int result) {
    if (job->step == OPEN) {
        release(job->dir);
        if (result < 0) {
            free_jobs[free_count++] = job;
            return;
        }
        job->fd = result;
        job->step = READ;
    } else if (job->step == READ) {
        if (result > 0)
            bytes += (unsigned long)result;
        files++;
        job->step = CLOSE;
    } else {
        free_jobs[free_count++] = job;
        return;
    }
    queue(job);
}

/* Submits what is queued, waits for `wanted` completions, and takes each file one step further. */
static void turn(unsigned wanted) {
    long done = syscall(SYS_io_uring_enter, ring, to_submit, wanted, IORING_ENTER_GETEVENTS, NULL, 0);
    if (done < 0 && errno != EINTR) {
        perror("io_uring_enter");
        exit(3);
    }
    if (done > 0)
        to_submit -= (unsigned)done;
    unsigned head = *cq_head;
    while (head != __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE)) {
        struct io_uring_cqe *cqe = &cqes[head & *cq_mask];
        struct job *job = (struct job *)(uintptr_t)cqe->user_data;
        int result = cqe->res;
        __atomic_store_n(cq_head, ++head, __ATOMIC_RELEASE);
        step(job, result);
    }
}

static void walk(int fd) {
    const size_t size = 1 << 16;
    char *buffer = malloc(size);
    struct dir *dir = malloc(sizeof *dir);
    long got;
    dir->fd = fd;
    dir->users = 1;
    while ((got = syscall(SYS_getdents64, fd, buffer, size)) > 0) {
        for (long at = 0; at < got;) {
            struct entry *entry = (struct entry *)(buffer + at);
            at += entry->length;
            if (entry->type == DT_REG) {
                while (free_count == 0)
                    turn(1);
                struct job *job = free_jobs[--free_count];
                job->dir = dir;
                job->step = OPEN;
                dir->users++;
                strcpy(job->name, entry->name);
                queue(job);
            } else if (entry->type == DT_DIR && strcmp(entry->name, ".") && strcmp(entry->name, "..")) {
                int below = openat(fd, entry->name, O_RDONLY | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
                if (below >= 0)
                    walk(below);
            }
        }
    }
    free(buffer);
    release(dir);
}

int main(int argc, char **argv) {
    setup();
    for (int i = 1; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
            perror(argv[i]);
            return 2;
        }
        walk(fd);
    }
    while (free_count < FLIGHT)
        turn(1);
    printf("%lu files, %lu bytes\n", files, bytes);
    return 0;
}
