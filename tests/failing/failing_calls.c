/* Preloaded before the C library: one chosen call fails, once: an operation on files below a
   folder, or an allocation of a large array. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum kind { WRITE, FSYNC, RENAME, OPEN, MKDIR, UNLINK, READ, LOOK, MEMORY, KINDS };
enum fate { FAILS = 1, IS_SHORT = 2, KILLS = 3 };

/* Bytes of a large array: a little less than a picture of 128 x 96 px in 8 bits has. */
#define LARGE (32 * 1024)

struct state {
    char folder[4096];
    long counted[KINDS], at;
    int armed, chosen, fate, value;
};
static struct state of_process = {.chosen = -1};
static struct state *now = &of_process;
static struct state *of_children; /* in a file, which all have in their memory */

static struct state *mapped(const char *path) {
    int handle = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT, 0600);
    if (handle < 0 || ftruncate(handle, sizeof(struct state)) != 0) abort();
    void *place = mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
    if (place == MAP_FAILED) abort();
    close(handle);
    return place;
}

/* A process that a command starts, and its forks: all count together. */
__attribute__((constructor)) static void begin_child(void) {
    const char *path = getenv("FAILING_CALLS");
    if (path != NULL) now = mapped(path);
}

/* Count calls from now on, those on files below a folder alone; the n-th of a kind has a fate. */
void arm(const char *below, int kind, long n, int what, int number) {
    memset(now, 0, sizeof *now);
    snprintf(now->folder, sizeof now->folder, "%s", below);
    now->chosen = kind; now->at = n; now->fate = what; now->value = number; now->armed = 1;
}

/* The same in processes that are started from now on, and not in this one. */
void arm_children(const char *path, const char *below, int kind, long n, int what, int number) {
    now = of_children = mapped(path);
    arm(below, kind, n, what, number);
    now = &of_process;
    setenv("FAILING_CALLS", path, 1);
}

void disarm(void) { now->armed = 0; }

long count_of(int kind) { return (of_children != NULL ? of_children : now)->counted[kind]; }

static int is_below(const char *path) {
    char here[4096];
    if (path == NULL) return 0;
    if (path[0] == '/') return strncmp(path, now->folder, strlen(now->folder)) == 0;
    return getcwd(here, sizeof here) != NULL
           && strncmp(here, now->folder, strlen(now->folder)) == 0;
}

static int is_open_below(int handle) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return path[0] == '/' && is_below(path); /* a pipe has no folder */
}

/* Whether this call is the chosen one; a kill does not return. */
static int has_fate(int kind) {
    long count = __atomic_add_fetch(&now->counted[kind], 1, __ATOMIC_RELAXED);
    if (count != now->at || kind != now->chosen) return 0;
    if (now->fate == KILLS) {
        kill(getpid(), now->value);
        if (now->value == SIGKILL) pause();
        return 0;
    }
    errno = now->value;
    return now->fate;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define ON_HANDLE(kind) (now->armed && is_open_below(handle) ? has_fate(kind) : 0)
#define ON_PATH(kind) (now->armed && is_below(path) ? has_fate(kind) : 0)

ssize_t write(int handle, const void *bytes, size_t size) {
    int how = ON_HANDLE(WRITE);
    if (how == FAILS) return -1;
    return REAL(write)(handle, bytes, how == IS_SHORT && size > 1 ? size / 2 : size);
}
ssize_t pwrite64(int handle, const void *bytes, size_t size, off64_t offset) {
    return ON_HANDLE(WRITE) == FAILS ? -1 : REAL(pwrite64)(handle, bytes, size, offset);
}
/* as shutil copies */
ssize_t sendfile64(int handle, int from, off64_t *offset, size_t size) {
    return ON_HANDLE(WRITE) == FAILS ? -1 : REAL(sendfile64)(handle, from, offset, size);
}
ssize_t read(int handle, void *bytes, size_t size) {
    int how = ON_HANDLE(READ);
    if (how == FAILS) return -1;
    return REAL(read)(handle, bytes, how == IS_SHORT && size > 1 ? size / 2 : size);
}
ssize_t pread64(int handle, void *bytes, size_t size, off64_t offset) {
    return ON_HANDLE(READ) == FAILS ? -1 : REAL(pread64)(handle, bytes, size, offset);
}
/* those that do not fail return at once: no trial looks at what a power loss leaves */
int fsync(int handle) { return ON_HANDLE(FSYNC) == FAILS ? -1 : 0; }
int fdatasync(int handle) { return ON_HANDLE(FSYNC) == FAILS ? -1 : 0; }
int rename(const char *path, const char *new) {
    return ON_PATH(RENAME) == FAILS ? -1 : REAL(rename)(path, new);
}
int mkdir(const char *path, mode_t mode) {
    return ON_PATH(MKDIR) == FAILS ? -1 : REAL(mkdir)(path, mode);
}
int unlink(const char *path) { return ON_PATH(UNLINK) == FAILS ? -1 : REAL(unlink)(path); }

#define OPENED(name) \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); } \
    if (ON_PATH((flags & O_ACCMODE) == O_RDONLY ? LOOK : OPEN) == FAILS) return -1; \
    return REAL(name)(path, flags, mode)

int open(const char *path, int flags, ...) { OPENED(open); }
int open64(const char *path, int flags, ...) { OPENED(open64); }

/* Memory. The C library's own names are used, as dlsym itself allocates. */
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);
extern void *__libc_memalign(size_t, size_t);

/* Libraries whose large allocations are arrays, by a part of their paths. */
static const char *const OF_ARRAYS[] = {"/numpy", "/torch", "/cv2/", "opencv", "PIL/", "/scipy"};

/* Where NumPy's arrays never fail, as libraries crash by themselves without: NumPy 2.4 sets an error
   where its thread may not (buffers of its iterator), and OpenCV 5 uses an output that is not there. */
static int crashes(void) {
    int (*may_set_error)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "PyGILState_Check");
    void *callers[24];
    Dl_info place;
    if (may_set_error != NULL && !may_set_error()) return 1;
    for (int i = backtrace(callers, 24) - 1; i >= 0; i--)
        if (dladdr(callers[i], &place) && place.dli_fname && strstr(place.dli_fname, "/cv2/"))
            return 1;
    return 0;
}

static int is_of_arrays(const void *caller) {
    Dl_info place;
    if (!dladdr(caller, &place) || place.dli_fname == NULL) return 0;
    for (size_t i = 0; i < sizeof OF_ARRAYS / sizeof *OF_ARRAYS; i++)
        if (strstr(place.dli_fname, OF_ARRAYS[i]) != NULL)
            return i != 0 || !crashes();
    return 0;
}

#define LACKS(size) (now->armed && (size) >= LARGE && is_of_arrays(__builtin_return_address(0)) \
                     && has_fate(MEMORY) == FAILS)

void *malloc(size_t size) { return LACKS(size) ? NULL : __libc_malloc(size); }
void *calloc(size_t number, size_t size) {
    return LACKS(number * size) ? NULL : __libc_calloc(number, size);
}
int posix_memalign(void **bytes, size_t alignment, size_t size) {
    if (LACKS(size)) return ENOMEM;
    *bytes = __libc_memalign(alignment, size);
    return *bytes == NULL ? ENOMEM : 0;
}
