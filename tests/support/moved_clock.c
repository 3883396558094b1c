/* A library to preload: it moves the wall clock of a process and of everything that the process starts.

   It adds MOVED_CLOCK_DAYS days to clock_gettime(CLOCK_REALTIME), gettimeofday() and time(), and subtracts them where
   a function takes an absolute time of that clock. The monotonic clock does not move, so timeouts and sleeps take as
   long as ever. Statically linked programs (Caddy, hadolint) and times of files are not moved. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#define ORIGINAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static time_t moved_by(void) {
    const char *days = getenv("MOVED_CLOCK_DAYS");
    return days ? (time_t)atol(days) * 86400 : 0;
}

static time_t seconds;

__attribute__((constructor)) static void read_days(void) { seconds = moved_by(); }

static struct timespec unmoved(const struct timespec *until) {
    struct timespec time = *until;
    time.tv_sec -= seconds;
    return time;
}

static int is_wall_clock(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE; }

int clock_gettime(clockid_t clock, struct timespec *now) {
    static __typeof__(&clock_gettime) original;
    if (!original)
        original = ORIGINAL(clock_gettime);
    int failed = original(clock, now);
    if (!failed && is_wall_clock(clock))
        now->tv_sec += seconds;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (now)
        *now = found.tv_sec;
    return found.tv_sec;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *until, struct timespec *left) {
    static __typeof__(&clock_nanosleep) original;
    if (!original)
        original = ORIGINAL(clock_nanosleep);
    if (!is_wall_clock(clock) || !(flags & TIMER_ABSTIME))
        return original(clock, flags, until, left);
    struct timespec time = unmoved(until);
    return original(clock, flags, &time, left);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
    static __typeof__(&sem_timedwait) original;
    if (!original)
        original = ORIGINAL(sem_timedwait);
    struct timespec time = unmoved(until);
    return original(semaphore, &time);
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    static __typeof__(&pthread_cond_timedwait) original;
    if (!original)  /* the version with today's layout of a condition, not that of 1998 */
        original = (__typeof__(original))dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (until->tv_sec < seconds)  /* the condition goes by the monotonic clock */
        return original(condition, mutex, until);
    struct timespec time = unmoved(until);
    return original(condition, mutex, &time);
}
