// A plan is checked as a whole before the clone: the interpreter itself relies on it.
#include "internal.h"
#include <errno.h>
#include <string.h>

enum {
  TEXT = 1,        // text is a text
  OTHER = 2,       // other is a text
  SLOT_A = 4,      // a is a slot
  SLOT_B = 8,
};

static const unsigned char needs[BERTH_OP_COUNT] = {
  [BERTH_OP_PROPAGATION] = TEXT,
  [BERTH_OP_DESCRIPTOR] = SLOT_A,
  [BERTH_OP_FS_OPEN] = TEXT | SLOT_A,
  [BERTH_OP_FS_SET] = TEXT | OTHER | SLOT_A,
  [BERTH_OP_FS_FLAG] = TEXT | SLOT_A,
  [BERTH_OP_FS_MOUNT] = SLOT_A | SLOT_B,
  [BERTH_OP_TREE] = TEXT | OTHER | SLOT_B,
  [BERTH_OP_ATTRIBUTES] = SLOT_A,
  [BERTH_OP_ROOT] = TEXT | SLOT_A,
  [BERTH_OP_DIRECTORY] = TEXT | SLOT_A | SLOT_B,
  [BERTH_OP_TARGET] = TEXT | SLOT_A | SLOT_B,
  [BERTH_OP_ATTACH] = SLOT_A | SLOT_B,
  [BERTH_OP_NODE] = TEXT | SLOT_A,
  [BERTH_OP_LINK] = TEXT | OTHER | SLOT_A,
  [BERTH_OP_NULL_DEVICE] = TEXT | SLOT_B,
  [BERTH_OP_MASK] = TEXT | SLOT_A | SLOT_B,
  [BERTH_OP_READ_ONLY] = TEXT | SLOT_A,
  [BERTH_OP_PIVOT] = SLOT_A,
  [BERTH_OP_HOSTNAME] = TEXT,
  [BERTH_OP_DOMAINNAME] = TEXT,
  [BERTH_OP_SYSCTL] = TEXT | OTHER | SLOT_A,
  [BERTH_OP_KEYRING] = TEXT,
  [BERTH_OP_OOM_SCORE] = TEXT | SLOT_A,
  [BERTH_OP_LABEL] = TEXT | OTHER | SLOT_A,
  [BERTH_OP_SECCOMP_LISTEN] = TEXT,
  [BERTH_OP_JOIN_CGROUP] = TEXT,
  [BERTH_OP_CHDIR] = TEXT | SLOT_A,
  [BERTH_OP_COPY_UP] = SLOT_A | SLOT_B,
  [BERTH_OP_ROOT_HERE] = SLOT_A,
  [BERTH_OP_CONSOLE] = TEXT | SLOT_A,
};

static int is_slot(int32_t slot) { return slot >= 0 && slot < BERTH_PLAN_SLOTS; }

// Whether `count` texts follow each other from `offset` on, inside the plan.
static int are_texts(const char *plan, size_t size, uint64_t offset, uint64_t count) {
  if (offset < sizeof(struct berth_plan_header) || count > size) return 0;
  for (; count; count--) {
    if (offset >= size) return 0;
    const char *end = memchr(plan + offset, 0, size - offset);
    if (!end) return 0;
    offset = (uint64_t)(end - plan) + 1;
  }
  return 1;
}

static int is_block(size_t size, uint64_t offset, uint64_t bytes, uint64_t alignment) {
  return offset >= sizeof(struct berth_plan_header) && offset % alignment == 0 && offset <= size && bytes <= size - offset;
}

static int is_exec(const char *plan, size_t size, const struct berth_step *step) {
  if (step->x > size || step->y > size || step->z > size || step->x == 0 || step->y == 0 || step->a < 0 || step->b < 0) return 0;
  return are_texts(plan, size, step->text, step->x) && are_texts(plan, size, step->other, step->y)
    && are_texts(plan, size, (uint64_t)step->b, step->z)
    && is_block(size, (uint64_t)step->a, (step->y + step->z + 2) * sizeof(char *), sizeof(char *));
}

static int is_step(const char *plan, size_t size, const struct berth_step *step) {
  if (step->op == 0 || step->op >= BERTH_OP_COUNT) return 0;
  unsigned need = needs[step->op];
  if (need & TEXT && !are_texts(plan, size, step->text, 1)) return 0;
  if (need & OTHER && !are_texts(plan, size, step->other, 1)) return 0;
  if (need & SLOT_A && !is_slot(step->a)) return 0;
  if (need & SLOT_B && !is_slot(step->b)) return 0;
  switch (step->op) {
  case BERTH_OP_TARGET:
  case BERTH_OP_MASK: return step->x < BERTH_PLAN_SLOTS;
  case BERTH_OP_USER: return step->z <= 65536 && is_block(size, step->other, step->z * 4, 4);
  // 8 bytes an instruction, as many as the kernel takes.
  case BERTH_OP_SECCOMP:
  case BERTH_OP_SECCOMP_LISTEN: return step->y && step->y % 8 == 0 && step->y / 8 <= 4096 && is_block(size, step->other, step->y, 8);
  case BERTH_OP_SCHEDULER: return is_block(size, step->other, 48, 8);
  case BERTH_OP_AFFINITY:
  case BERTH_OP_MEMORY_POLICY: return step->y <= 1024 && step->y % 8 == 0 && (!step->y || is_block(size, step->other, step->y, 8));
  case BERTH_OP_FIND: return step->x && are_texts(plan, size, step->text, step->x);
  case BERTH_OP_EXEC: return is_exec(plan, size, step);
  default: return 1;
  }
}

int berth_plan_check(const void *memory, size_t size) {
  const char *plan = memory;
  const struct berth_plan_header *header = memory;
  if (size < sizeof *header || size > BERTH_PLAN_MAX_SIZE || (uintptr_t)memory % sizeof(char *)) return -EINVAL;
  if (header->magic != BERTH_PLAN_MAGIC || header->version != BERTH_PLAN_VERSION || header->size != size) return -EINVAL;
  if (!header->step_count || header->step_count > BERTH_PLAN_MAX_STEPS) return -EINVAL;
  if (!is_block(size, sizeof *header, (uint64_t)header->step_count * sizeof(struct berth_step), 8)) return -EINVAL;
  const struct berth_step *steps = (const struct berth_step *)(plan + sizeof *header);
  for (uint32_t at = 0; at < header->step_count; at++)
    if (!is_step(plan, size, &steps[at])) return -EINVAL;
  return steps[header->step_count - 1].op == BERTH_OP_EXEC ? 0 : -EINVAL;
}
