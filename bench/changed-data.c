// changed-data PID PROGRAM: address, size and name, as nm has them, of the static program's data that process PID has written to by now: what differs from the file, or
// from zero. For scripts/order-shim.
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static char zeros[1 << 20];

static const Elf64_Phdr *segment(const Elf64_Ehdr *file, Elf64_Addr address) {
  const Elf64_Phdr *all = (const void *)((const char *)file + file->e_phoff);
  for (int at = 0; at < file->e_phnum; at++)
    if (all[at].p_type == PT_LOAD && all[at].p_flags & PF_W && address - all[at].p_vaddr < all[at].p_memsz) return &all[at];
  return NULL;
}

static int has_changed(const Elf64_Ehdr *file, int memory, const Elf64_Sym *symbol) {
  static char now[sizeof zeros];
  const Elf64_Phdr *in = segment(file, symbol->st_value);
  if (!in || !symbol->st_size || symbol->st_size > sizeof now) return 0;
  if (pread(memory, now, symbol->st_size, (off_t)symbol->st_value) != (ssize_t)symbol->st_size) return 0;
  Elf64_Off offset = symbol->st_value - in->p_vaddr;
  return memcmp(now, offset < in->p_filesz ? (const char *)file + in->p_offset + offset : zeros, symbol->st_size) != 0;
}

int main(int argc, char **argv) {
  char path[64];
  struct stat status;
  int program = argc == 3 ? open(argv[2], O_RDONLY) : -1;
  snprintf(path, sizeof path, "/proc/%s/mem", argc == 3 ? argv[1] : "");
  int memory = open(path, O_RDONLY);
  if (program < 0 || memory < 0 || fstat(program, &status)) return perror("changed-data PID PROGRAM"), 1;
  const Elf64_Ehdr *file = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, program, 0);
  if (file == MAP_FAILED) return perror(argv[2]), 1;
  const Elf64_Shdr *sections = (const void *)((const char *)file + file->e_shoff);
  for (int at = 0; at < file->e_shnum; at++) {
    if (sections[at].sh_type != SHT_SYMTAB) continue;
    const Elf64_Sym *symbols = (const void *)((const char *)file + sections[at].sh_offset);
    const char *names = (const char *)file + sections[sections[at].sh_link].sh_offset;
    for (size_t number = 0; number < sections[at].sh_size / sizeof *symbols; number++)
      if (ELF64_ST_TYPE(symbols[number].st_info) == STT_OBJECT && has_changed(file, memory, &symbols[number]))
        printf("%016lx %016lx %s\n", symbols[number].st_value, symbols[number].st_size, names + symbols[number].st_name);
  }
}
