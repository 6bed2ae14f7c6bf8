/* Loaded before libc into the server under test: writes down, in order, every call that changes a file
 * below one folder, and every call that makes a change safe. Syncs are written down and not done: what a
 * disk would have kept is worked out from the record. One lock is held from a call to its record, so the
 * order of the record is the order of the calls.
 *
 * LIAO_TRACE       the file to append records to
 * LIAO_TRACE_ROOT  the folder that is watched; its real path
 * LIAO_TRACE_DIE   when set, the process kills itself after so many records
 *
 * A record, little endian: u8 op, u64 inode, u64 offset or length, u32 a, u32 b, a bytes, b bytes.
 */
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 1, MKDIR, RENAME, UNLINK, WRITE, SETLEN, SYNC };

#define FDS 65536

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int out = -1;
static char root[PATH_MAX];
static size_t root_len;
static long left = -1;
static uint64_t inode_of[FDS];

static int (*real_openat)(int, const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_renameat)(int, const char *, int, const char *);
static int (*real_unlinkat)(int, const char *, int);
static int (*real_mkdirat)(int, const char *, mode_t);

static void begin(void) {
    real_openat = dlsym(RTLD_NEXT, "openat64");
    real_close = dlsym(RTLD_NEXT, "close");
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_writev = dlsym(RTLD_NEXT, "writev");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_renameat = dlsym(RTLD_NEXT, "renameat");
    real_unlinkat = dlsym(RTLD_NEXT, "unlinkat");
    real_mkdirat = dlsym(RTLD_NEXT, "mkdirat");
    const char *to = getenv("LIAO_TRACE"), *at = getenv("LIAO_TRACE_ROOT");
    const char *die = getenv("LIAO_TRACE_DIE");
    if (!to || !at) return;
    snprintf(root, sizeof root, "%s", at);
    root_len = strlen(root);
    if (die) left = atol(die);
    out = real_openat(AT_FDCWD, to, O_WRONLY | O_APPEND | O_CLOEXEC);
}

static void take(void) {
    pthread_once(&once, begin);
    pthread_mutex_lock(&lock);
}

/* Gives the lock back and leaves errno as it is. */
static void give(void) {
    int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
}

static void put(int op, uint64_t inode, uint64_t at, const void *a, size_t a_len, const char *b) {
    unsigned char head[25];
    uint32_t lens[2] = {(uint32_t)a_len, b ? (uint32_t)strlen(b) : 0};
    int kept = errno;
    head[0] = (unsigned char)op;
    memcpy(head + 1, &inode, 8);
    memcpy(head + 9, &at, 8);
    memcpy(head + 17, lens, 8);
    struct iovec parts[3] = {{head, sizeof head}, {(void *)a, a_len}, {(void *)b, lens[1]}};
    size_t all = sizeof head + a_len + lens[1];
    if (real_writev(out, parts, 3) != (ssize_t)all) abort();
    if (left > 0 && --left == 0) {
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    errno = kept;
}

/* The absolute path, when it is the watched folder or lies below it. */
static int watched(int dir, const char *path, char *full) {
    if (out < 0 || !path) return 0;
    if (path[0] == '/') {
        snprintf(full, PATH_MAX, "%s", path);
    } else {
        char link[64], base[PATH_MAX];
        if (dir == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
        ssize_t len = readlink(link, base, sizeof base - 1);
        if (len < 0) return 0;
        base[len] = 0;
        if (snprintf(full, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return 0;
    }
    return strncmp(full, root, root_len) == 0 && (full[root_len] == '/' || !full[root_len]);
}

static uint64_t inode_at(int fd) {
    return out >= 0 && fd >= 0 && fd < FDS ? inode_of[fd] : 0;
}

static int open_any(int dir, const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    struct stat facts;
    take();
    int ours = watched(dir, path, full);
    int there = ours && lstat(full, &facts) == 0;
    int fd = real_openat(dir, path, flags, mode);
    if (fd >= 0 && fd < FDS) {
        inode_of[fd] = 0;
        if (ours && fstat(fd, &facts) == 0) {
            inode_of[fd] = facts.st_ino;
            if (!there) put(CREATE, facts.st_ino, 0, full, strlen(full), NULL);
            else if (flags & O_TRUNC) put(SETLEN, facts.st_ino, 0, NULL, 0, NULL);
        }
    }
    give();
    return fd;
}

#define OPEN(name)                                                     \
    int name(const char *path, int flags, ...) {                       \
        va_list more;                                                  \
        va_start(more, flags);                                         \
        mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;      \
        va_end(more);                                                  \
        return open_any(AT_FDCWD, path, flags, mode);                  \
    }
#define OPENAT(name)                                                   \
    int name(int dir, const char *path, int flags, ...) {              \
        va_list more;                                                  \
        va_start(more, flags);                                         \
        mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;      \
        va_end(more);                                                  \
        return open_any(dir, path, flags, mode);                       \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
    take();
    if (fd >= 0 && fd < FDS) inode_of[fd] = 0;
    int done = real_close(fd);
    give();
    return done;
}

ssize_t write(int fd, const void *bytes, size_t len) {
    pthread_once(&once, begin);
    if (!inode_at(fd)) return real_write(fd, bytes, len);
    take();
    struct stat facts;
    off_t at = lseek(fd, 0, SEEK_CUR);
    if ((fcntl(fd, F_GETFL) & O_APPEND) && fstat(fd, &facts) == 0) at = facts.st_size;
    ssize_t done = real_write(fd, bytes, len);
    if (done > 0) put(WRITE, inode_at(fd), (uint64_t)at, bytes, (size_t)done, NULL);
    give();
    return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    pthread_once(&once, begin);
    if (!inode_at(fd)) return real_writev(fd, parts, count);
    /* A short write is allowed, and the first part is one. */
    return count > 0 ? write(fd, parts[0].iov_base, parts[0].iov_len) : 0;
}

static ssize_t pwrite_any(int fd, const void *bytes, size_t len, off_t at) {
    pthread_once(&once, begin);
    if (!inode_at(fd)) return real_pwrite(fd, bytes, len, at);
    take();
    ssize_t done = real_pwrite(fd, bytes, len, at);
    if (done > 0) put(WRITE, inode_at(fd), (uint64_t)at, bytes, (size_t)done, NULL);
    give();
    return done;
}
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at) { return pwrite_any(fd, bytes, len, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at) { return pwrite_any(fd, bytes, len, at); }

static int ftruncate_any(int fd, off_t len) {
    take();
    int done = real_ftruncate(fd, len);
    if (done == 0 && inode_at(fd)) put(SETLEN, inode_at(fd), (uint64_t)len, NULL, 0, NULL);
    give();
    return done;
}
int ftruncate(int fd, off_t len) { return ftruncate_any(fd, len); }
int ftruncate64(int fd, off64_t len) { return ftruncate_any(fd, len); }

static int sync_any(int fd, int (**real)(int)) {
    take();
    int done = 0;
    if (inode_at(fd)) put(SYNC, inode_at(fd), 0, NULL, 0, NULL);
    else done = (*real)(fd);
    give();
    return done;
}
int fsync(int fd) { return sync_any(fd, &real_fsync); }
int fdatasync(int fd) { return sync_any(fd, &real_fdatasync); }

static int rename_any(int from_dir, const char *from, int to_dir, const char *to) {
    char full_from[PATH_MAX], full_to[PATH_MAX];
    take();
    int ours = watched(from_dir, from, full_from) && watched(to_dir, to, full_to);
    int done = real_renameat(from_dir, from, to_dir, to);
    if (done == 0 && ours) put(RENAME, 0, 0, full_from, strlen(full_from), full_to);
    give();
    return done;
}
int rename(const char *from, const char *to) { return rename_any(AT_FDCWD, from, AT_FDCWD, to); }
int renameat(int from_dir, const char *from, int to_dir, const char *to) {
    return rename_any(from_dir, from, to_dir, to);
}

static int unlink_any(int dir, const char *path, int flags) {
    char full[PATH_MAX];
    take();
    int ours = watched(dir, path, full);
    int done = real_unlinkat(dir, path, flags);
    if (done == 0 && ours) put(UNLINK, 0, 0, full, strlen(full), NULL);
    give();
    return done;
}
int unlink(const char *path) { return unlink_any(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlink_any(AT_FDCWD, path, AT_REMOVEDIR); }
int unlinkat(int dir, const char *path, int flags) { return unlink_any(dir, path, flags); }

static int mkdir_any(int dir, const char *path, mode_t mode) {
    char full[PATH_MAX];
    struct stat facts;
    take();
    int ours = watched(dir, path, full);
    int done = real_mkdirat(dir, path, mode);
    if (done == 0 && ours && lstat(full, &facts) == 0)
        put(MKDIR, facts.st_ino, 0, full, strlen(full), NULL);
    give();
    return done;
}
int mkdir(const char *path, mode_t mode) { return mkdir_any(AT_FDCWD, path, mode); }
int mkdirat(int dir, const char *path, mode_t mode) { return mkdir_any(dir, path, mode); }
