/*
 * What a probe build runs to find out what holds of it: for Linux on x86-64, standing on nothing. It takes at most what its arguments
 * say, tells what it got, and fails, so that no image is made of it. The program that this gives is in build-probe.ts.
 *
 *   probe <processes> <MiB> <ms of one processor> <a.b.c.d:port or gateway:port>...
 *
 * gcc -Os -s -static -nostdlib -ffreestanding -fno-ident -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none \
 *   -fno-pie -no-pie -Wl,-n,--build-id=none -o probe build-probe.c && base64 -w 112 probe
 */
typedef unsigned long word;

static long call(long number, word a, word b, word c, word d) {
  long result;
  register word r10 asm("r10") = d;
  register word r8 asm("r8") = -1ul; /* no file: for mmap */
  register word r9 asm("r9") = 0;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

enum { READ = 0, WRITE = 1, OPEN = 2, CLOSE = 3, POLL = 7, MMAP = 9, PAUSE = 34, SOCKET = 41, CONNECT = 42, FORK = 57,
       CLOCK = 228, EXIT = 231 };

static void say(const char *text) {
  word length = 0;
  while (text[length]) length++;
  call(WRITE, 1, (word)text, length, 0);
}

static void say_number(word number) {
  char text[24];
  int at = 23;
  text[at] = 0;
  do text[--at] = '0' + number % 10; while (number /= 10);
  say(text + at);
}

static void say_address(unsigned address) {
  for (int i = 0; i < 4; i++) {
    if (i) say(".");
    say_number(address >> 8 * i & 255);
  }
}

static void say_result(const char *what, word number) {
  say(what);
  say_number(number);
  say("\n");
}

static word number_at(const char **text) {
  word number = 0;
  while (**text >= '0' && **text <= '9') number = number * 10 + (*(*text)++ - '0');
  return number;
}

static word milliseconds(int clock) {
  long now[2];
  call(CLOCK, clock, (word)now, 0, 0);
  return now[0] * 1000 + now[1] / 1000000;
}

/* In the network's byte order; 0: there is no way out. */
static unsigned gateway(void) {
  static char table[4096];
  long file = call(OPEN, (word)"/proc/net/route", 0, 0, 0);
  long length = call(READ, file, (word)table, sizeof table - 1, 0);
  for (char *at = table; at < table + length; at++) {
    if (*at != '\n') continue;
    while (*at && *at != '\t') at++;
    unsigned field[2] = {0, 0};
    for (int i = 0; i < 2; i++)
      for (at++; *at && *at != '\t'; at++) field[i] = field[i] << 4 | (*at <= '9' ? *at - '0' : *at - 'A' + 10);
    if (!field[0] && field[1]) return field[1];
  }
  return 0;
}

/* Whoever refuses was reached as well. */
static int reaches(unsigned address, word port) {
  struct { unsigned short family, port; unsigned address; char rest[8]; } to = {2, port >> 8 | (port & 255) << 8, address, {0}};
  struct { int file; short events, found; } wait = {call(SOCKET, 2, 1 | 04000, 0, 0), 4, 0};
  int error = -call(CONNECT, wait.file, (word)&to, 16, 0);
  if (error == 115 && call(POLL, (word)&wait, 1, 400, 0) == 1) {
    /* A second call tells what became of the first one. */
    error = -call(CONNECT, wait.file, (word)&to, 16, 0);
  }
  call(CLOSE, wait.file, 0, 0, 0);
  return error == 0 || error == 106 || error == 111;
}

static void try_address(const char *text) {
  unsigned address = 0;
  if (*text == 'g') {
    address = gateway();
    say("gateway ");
    say_address(address);
    say("\n");
    while (*text != ':') text++;
  } else {
    for (int i = 0; i < 4; i++) {
      address |= number_at(&text) << 8 * i;
      if (i < 3) text++;
    }
  }
  text++;
  if (!address || !reaches(address, number_at(&text))) return;
  say("reached ");
  say_address(address);
  say("\n");
}

__attribute__((used)) static void probe(word *stack) {
  const char **args = (const char **)(stack + 2);
  word processes = number_at(&args[0]), mebibytes = number_at(&args[1]), ms = number_at(&args[2]);
  for (const char **at = args + 3; *at; at++) try_address(*at);
  if (ms) {
    for (word end = milliseconds(1) + ms; milliseconds(1) < end;) continue;
    say_result("processor ", milliseconds(2));
  }
  if (processes) {
    word made = 0;
    /* They end with the container. */
    for (; made < processes; made++) {
      long child = call(FORK, 0, 0, 0, 0);
      if (child < 0) break;
      if (child == 0) for (;;) call(PAUSE, 0, 0, 0, 0);
    }
    say_result("processes ", made);
  }
  if (mebibytes) {
    say("memory\n");
    volatile char *room = (char *)call(MMAP, 0, mebibytes << 20, 3, 0x22);
    if ((long)room > 0)
      for (word at = 0; at < mebibytes << 20; at += 4096) room[at] = 1;
    say((long)room > 0 ? "memory taken\n" : "memory refused\n");
  }
  call(EXIT, 1, 0, 0, 0);
}

asm(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call probe\n");
