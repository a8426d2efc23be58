/* A stand-in for libnvidia-ml.so.1: what a driver would tell of the cards of FAKE_NVML.
 *
 * cards: an RTX 3090 with 24 GiB, 4 of them held by two processes, and an RTX 3090 Ti.
 * trio:  two RTX 3090 with nobody on them, and an RTX 4090.
 * duo:   an RTX 3090 and an RTX 4090 with nobody on them.
 * quiet: one RTX 3090 with nobody on it and its clocks its own.
 * hot:   the same, held down by heat from the third look on.
 * held:  the same, with a process of somebody else (FAKE_NVML_PID) on 8 GiB of it.
 * mig:   an A100 that is divided into 3g.20gb and 1g.5gb, and an RTX 3090.
 * gb10:  a GB10, which reports no memory of its own.
 * broken: a library whose driver does not answer.
 *
 * FAKE_NVML_FREE_MIB is the free memory of the first card, where it is set. With -DOLD, calls have
 * their former names only, as drivers before 510 and 535 know them.
 */
#include <stdlib.h>
#include <string.h>

enum { OK = 0, UNINITIALIZED = 1, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT = 7,
       DRIVER_NOT_LOADED = 9 };

typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned pid; unsigned long long used; unsigned gpu, compute; } process_t;
typedef struct { unsigned pid; unsigned long long stamp; unsigned sm, mem, enc, dec; } sample_t;
typedef struct card { const char *name, *uuid; unsigned long long total, free;
                      unsigned limit_mw, default_mw; struct card *board; } card_t;

static const unsigned long long GIB = 1ull << 30, MIB = 1ull << 20;
static card_t cards[] = {
  { "NVIDIA GeForce RTX 3090", "GPU-11111111-aaaa-bbbb-cccc-000000000001", 24ull << 30, 20ull << 30,
    280000, 350000 },
  { "NVIDIA GeForce RTX 3090 Ti", "GPU-22222222-aaaa-bbbb-cccc-000000000002", 24ull << 30,
    24ull << 30, 450000, 450000 },
};
static card_t quiet[] = {
  { "NVIDIA GeForce RTX 3090", "GPU-11111111-aaaa-bbbb-cccc-000000000001", 24ull << 30, 24ull << 30,
    350000, 350000 },
};
static card_t trio[] = {
  { "NVIDIA GeForce RTX 3090", "GPU-11111111-aaaa-bbbb-cccc-000000000001", 24ull << 30, 24ull << 30,
    350000, 350000 },
  { "NVIDIA GeForce RTX 3090", "GPU-77777777-aaaa-bbbb-cccc-000000000007", 24ull << 30, 24ull << 30,
    350000, 350000 },
  { "NVIDIA GeForce RTX 4090", "GPU-88888888-aaaa-bbbb-cccc-000000000008", 24ull << 30, 24ull << 30,
    450000, 450000 },
};
static card_t duo[] = {
  { "NVIDIA GeForce RTX 3090", "GPU-11111111-aaaa-bbbb-cccc-000000000001", 24ull << 30, 24ull << 30,
    350000, 350000 },
  { "NVIDIA GeForce RTX 4090", "GPU-88888888-aaaa-bbbb-cccc-000000000008", 24ull << 30, 24ull << 30,
    450000, 450000 },
};
static card_t mig[] = {
  { "NVIDIA A100-SXM4-40GB", "GPU-44444444-aaaa-bbbb-cccc-000000000004", 40ull << 30, 1ull << 30,
    400000, 400000 },
  { "NVIDIA GeForce RTX 3090", "GPU-11111111-aaaa-bbbb-cccc-000000000001", 24ull << 30, 24ull << 30,
    350000, 350000 },
};
static card_t parts[] = {
  { "NVIDIA A100-SXM4-40GB MIG 3g.20gb", "MIG-55555555-aaaa-bbbb-cccc-000000000005", 20ull << 30,
    20ull << 30, 0, 0, &mig[0] },
  { "NVIDIA A100-SXM4-40GB MIG 1g.5gb", "MIG-66666666-aaaa-bbbb-cccc-000000000006", 5ull << 30,
    4ull << 30, 0, 0, &mig[0] },
};
static card_t gb10[] = { { "NVIDIA GB10", "GPU-33333333-aaaa-bbbb-cccc-000000000003", 0, 0, 0, 0 } };
static int started;

static int is(const char *mode) {
  const char *set = getenv("FAKE_NVML");
  return set && !strcmp(set, mode);
}
static card_t *all(unsigned *count) {
  *count = is("trio") ? 3 : is("cards") || is("mig") || is("duo") ? 2 : 1;
  return is("trio") ? trio : is("duo") ? duo : is("cards") ? cards : is("mig") ? mig : is("gb10") ? gb10 : quiet;
}
static int first(card_t *card) { unsigned n; return card == all(&n); }
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
  all(count);
  return OK;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, card_t **card) {
  unsigned count;
  *card = &all(&count)[index];
  return OK;
}
int nvmlDeviceGetMigMode(card_t *card, unsigned *now, unsigned *pending) {
  if (card != &mig[0]) return NOT_SUPPORTED;
  *now = *pending = 1;
  return OK;
}
int nvmlDeviceGetMaxMigDeviceCount(card_t *card, unsigned *count) { (void)card; *count = 7; return OK; }
int nvmlDeviceGetMigDeviceHandleByIndex(card_t *card, unsigned index, card_t **part) {
  (void)card;
  if (index != 0 && index != 3) return NOT_FOUND; /* places of a card may be empty */
  *part = &parts[index == 3];
  return OK;
}
int nvmlDeviceGetName(card_t *card, char *out, unsigned size) { return text(out, size, card->name); }
int nvmlDeviceGetUUID(card_t *card, char *out, unsigned size) { return text(out, size, card->uuid); }
int nvmlDeviceGetMemoryInfo(card_t *card, memory_t *memory) {
  const char *set = getenv("FAKE_NVML_FREE_MIB");
  if (is("gb10")) return NOT_SUPPORTED;
  memory->total = card->total;
  memory->free = card->free;
  if (is("held")) memory->free -= 8 * GIB;
  if (set && first(card)) memory->free = strtoull(set, 0, 10) * MIB;
  memory->used = memory->total - memory->free;
  return OK;
}
static unsigned listed(card_t *card) {
  return is("held") ? 1 : is("cards") && first(card) ? 2 : card == &parts[1] ? 1 : 0;
}
static unsigned somebody(void) {
  const char *set = getenv("FAKE_NVML_PID");
  return set ? strtoul(set, 0, 10) : 1;
}
#ifdef OLD
int nvmlDeviceGetComputeRunningProcesses_v2(card_t *card, unsigned *count, process_t *out)
#else
int nvmlDeviceGetComputeRunningProcesses_v3(card_t *card, unsigned *count, process_t *out)
#endif
{
  unsigned room = *count;
  *count = listed(card);
  if (*count == 0) return OK;
  if (room < *count || !out) return INSUFFICIENT;
  memset(out, 0, *count * sizeof *out);
  out[0].pid = somebody(); out[0].used = is("held") ? 8 * GIB : 3 * GIB;
  if (*count == 1) return OK;
  out[1].pid = 4000001; out[1].used = ~0ull; /* not available */
  return OK;
}
int nvmlDeviceGetProcessUtilization(card_t *card, sample_t *out, unsigned *count,
                                    unsigned long long since) {
  unsigned room = *count;
  if (!is("cards") || !first(card)) return NOT_FOUND;
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
  if (card->board) return NOT_SUPPORTED;
  *mhz = type == 2 ? 9751 : 1695;
  return OK;
}
int nvmlDeviceGetMaxClockInfo(card_t *card, unsigned type, unsigned *mhz) {
  (void)type;
  if (card->board) return NOT_SUPPORTED;
  *mhz = 2100;
  return OK;
}
#ifdef OLD
int nvmlDeviceGetCurrentClocksThrottleReasons(card_t *card, unsigned long long *bits)
#else
int nvmlDeviceGetCurrentClocksEventReasons(card_t *card, unsigned long long *bits)
#endif
{
  static unsigned looks;
  if (card->board) return NOT_SUPPORTED;
  *bits = is("cards") && first(card) ? 0x24 : is("hot") && ++looks > 2 ? 0x60 : 0x1;
  return OK;
}
int nvmlDeviceGetTemperature(card_t *card, unsigned sensor, unsigned *celsius) {
  (void)card; (void)sensor;
  *celsius = 71;
  return OK;
}
int nvmlDeviceGetPowerUsage(card_t *card, unsigned *mw) {
  if (card->board) return NOT_SUPPORTED;
  *mw = 279500;
  return OK;
}
int nvmlDeviceGetTotalEnergyConsumption(card_t *card, unsigned long long *mj) {
  static unsigned long long spent = 5000000;
  if (is("gb10") || card->board) return NOT_SUPPORTED;
  *mj = spent += 250000;
  return OK;
}
int nvmlDeviceGetEnforcedPowerLimit(card_t *card, unsigned *mw) {
  if (is("gb10") || card->board) return NOT_SUPPORTED;
  *mw = card->limit_mw;
  return OK;
}
int nvmlDeviceGetPowerManagementDefaultLimit(card_t *card, unsigned *mw) {
  if (is("gb10") || card->board) return NOT_SUPPORTED;
  *mw = card->default_mw;
  return OK;
}
int nvmlDeviceGetCudaComputeCapability(card_t *card, int *major, int *minor) {
  *major = is("gb10") ? 12 : 8;
  *minor = is("gb10") ? 1 : 6;
  (void)card;
  return OK;
}
