// replay LOG IMAGE UPTO: makes IMAGE what a disk held after the first UPTO writes of LOG, which QEMU's blklogwrites driver wrote.
// replay LOG: prints how many writes LOG has so far. Source: kernel Documentation/admin-guide/device-mapper/log-writes.rst.
#define _GNU_SOURCE
#include <endian.h>
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct super { uint64_t magic, version, entries; uint32_t sector_size; } __attribute__((packed));
struct entry { uint64_t sector, sectors, flags, length; };
enum { MAGIC_SIZE = sizeof(struct super), DISCARD = 4 };

static void take(int file, void *bytes, size_t count, off_t at) {
  for (size_t done = 0; done < count;) {
    ssize_t got = pread(file, (char *)bytes + done, count - done, at + (off_t)done);
    if (got <= 0) err(1, "read log");
    done += (size_t)got;
  }
}

int main(int count, char **words) {
  if (count != 2 && count != 4) errx(64, "usage: replay LOG [IMAGE UPTO]");
  int log = open(words[1], O_RDONLY);
  if (log < 0) err(1, "%s", words[1]);
  struct super super;
  take(log, &super, MAGIC_SIZE, 0);
  if (le64toh(super.magic) != 0x6a736677736872ULL) errx(1, "%s is no log of writes", words[1]);
  uint64_t total = le64toh(super.entries);
  if (count == 2) return printf("%llu\n", (unsigned long long)total) < 0;
  uint64_t upto = strtoull(words[3], NULL, 10), size = le32toh(super.sector_size);
  int image = open(words[2], O_RDWR);
  if (image < 0) err(1, "%s", words[2]);
  off_t at = (off_t)size;
  for (uint64_t number = 0; number < upto && number < total; number++) {
    struct entry entry;
    take(log, &entry, sizeof entry, at);
    at += (off_t)size;
    uint64_t bytes = le64toh(entry.sectors) * size;
    if (le64toh(entry.flags) & DISCARD) continue;
    if (le64toh(entry.length) && !bytes) { at += (off_t)((le64toh(entry.length) + size - 1) / size * size); continue; }
    static char buffer[1 << 20];
    off_t to = (off_t)(le64toh(entry.sector) * size);
    while (bytes > 0) {
      size_t part = bytes < sizeof buffer ? bytes : sizeof buffer;
      take(log, buffer, part, at);
      if (pwrite(image, buffer, part, to) != (ssize_t)part) err(1, "write image");
      at += (off_t)part;
      to += (off_t)part;
      bytes -= part;
    }
  }
  return close(image);
}
