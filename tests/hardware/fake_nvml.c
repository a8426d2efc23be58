/* A stand-in for libnvidia-ml.so.1: two cards or a GB10 (FAKE_NVML).
 *
 * cards: an RTX 3090 with 24 GiB and two processes, and an RTX 3090 Ti.
 * gb10:  a GB10, which reports no memory of its own.
 * With -DOLD, calls have their former names only, as drivers before 510 and 535 know them.
 * broken: a library whose driver does not answer.
 */
#include <stdlib.h>
#include <string.h>

enum { OK = 0, UNINITIALIZED = 1, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT = 7,
       DRIVER_NOT_LOADED = 9 };

typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned pid; unsigned long long used; unsigned gpu, compute; } process_t;
typedef struct { unsigned pid; unsigned long long stamp; unsigned sm, mem, enc, dec; } sample_t;
typedef struct card { const char *name, *uuid; unsigned long long total, free;
                      unsigned limit_mw, default_mw; } card_t;

static const unsigned long long GIB = 1ull << 30;
static card_t cards[] = {
  { "NVIDIA GeForce RTX 3090", "GPU-11111111-aaaa-bbbb-cccc-000000000001", 24ull << 30, 20ull << 30,
    280000, 350000 },
  { "NVIDIA GeForce RTX 3090 Ti", "GPU-22222222-aaaa-bbbb-cccc-000000000002", 24ull << 30,
    24ull << 30, 450000, 450000 },
};
static card_t gb10[] = { { "NVIDIA GB10", "GPU-33333333-aaaa-bbbb-cccc-000000000003", 0, 0, 0, 0 } };
static int started;

static int is(const char *mode) {
  const char *set = getenv("FAKE_NVML");
  return set && !strcmp(set, mode);
}
static int text(char *out, unsigned size, const char *value) {
  strncpy(out, value, size);
  return OK;
}

int nvmlInitWithFlags(unsigned flags) {
  (void)flags;
  if (is("broken")) return DRIVER_NOT_LOADED;
  started = 1;
  return OK;
}
int nvmlShutdown(void) { started = 0; return OK; }
const char *nvmlErrorString(int code) { return code == DRIVER_NOT_LOADED ? "Driver Not Loaded" : "Error"; }
int nvmlSystemGetDriverVersion(char *out, unsigned size) { return text(out, size, "580.95.05"); }
int nvmlDeviceGetCount_v2(unsigned *count) {
  if (!started) return UNINITIALIZED;
  *count = is("gb10") ? 1 : 2;
  return OK;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, card_t **card) {
  *card = is("gb10") ? &gb10[index] : &cards[index];
  return OK;
}
int nvmlDeviceGetName(card_t *card, char *out, unsigned size) { return text(out, size, card->name); }
int nvmlDeviceGetUUID(card_t *card, char *out, unsigned size) { return text(out, size, card->uuid); }
int nvmlDeviceGetMemoryInfo(card_t *card, memory_t *memory) {
  if (is("gb10")) return NOT_SUPPORTED;
  memory->total = card->total;
  memory->free = card->free;
  memory->used = card->total - card->free;
  return OK;
}
#ifdef OLD
int nvmlDeviceGetComputeRunningProcesses_v2(card_t *card, unsigned *count, process_t *out)
#else
int nvmlDeviceGetComputeRunningProcesses_v3(card_t *card, unsigned *count, process_t *out)
#endif
{
  unsigned room = *count;
  *count = card == &cards[0] ? 2 : 0;
  if (*count == 0) return OK;
  if (room < *count || !out) return INSUFFICIENT;
  memset(out, 0, 2 * sizeof *out);
  out[0].pid = 1; out[0].used = 3 * GIB;
  out[1].pid = 4000001; out[1].used = ~0ull; /* not available */
  return OK;
}
int nvmlDeviceGetProcessUtilization(card_t *card, sample_t *out, unsigned *count,
                                    unsigned long long since) {
  unsigned room = *count;
  if (card != &cards[0]) return NOT_FOUND;
  *count = 2;
  if (room < 2 || !out) return INSUFFICIENT;
  memset(out, 0, 2 * sizeof *out);
  out[0].pid = out[1].pid = 1;
  out[0].stamp = 1000; out[0].sm = 40;
  out[1].stamp = 2000; out[1].sm = 10;
  (void)since;
  return OK;
}
int nvmlDeviceGetClockInfo(card_t *card, unsigned type, unsigned *mhz) {
  (void)card;
  *mhz = type == 2 ? 9751 : 1695;
  return OK;
}
int nvmlDeviceGetMaxClockInfo(card_t *card, unsigned type, unsigned *mhz) {
  (void)card; (void)type;
  *mhz = 2100;
  return OK;
}
#ifdef OLD
int nvmlDeviceGetCurrentClocksThrottleReasons(card_t *card, unsigned long long *bits)
#else
int nvmlDeviceGetCurrentClocksEventReasons(card_t *card, unsigned long long *bits)
#endif
{
  *bits = card == &cards[0] ? 0x24 : 0x1;
  return OK;
}
int nvmlDeviceGetTemperature(card_t *card, unsigned sensor, unsigned *celsius) {
  (void)card; (void)sensor;
  *celsius = 71;
  return OK;
}
int nvmlDeviceGetPowerUsage(card_t *card, unsigned *mw) { (void)card; *mw = 279500; return OK; }
int nvmlDeviceGetEnforcedPowerLimit(card_t *card, unsigned *mw) {
  if (is("gb10")) return NOT_SUPPORTED;
  *mw = card->limit_mw;
  return OK;
}
int nvmlDeviceGetPowerManagementDefaultLimit(card_t *card, unsigned *mw) {
  if (is("gb10")) return NOT_SUPPORTED;
  *mw = card->default_mw;
  return OK;
}
int nvmlDeviceGetCudaComputeCapability(card_t *card, int *major, int *minor) {
  *major = is("gb10") ? 12 : 8;
  *minor = is("gb10") ? 1 : 6;
  (void)card;
  return OK;
}
