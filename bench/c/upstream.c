// The cheapest upstream that still speaks OpenAI's chat API: one epoll thread that answers fixed bytes.
//
//   upstream PORT      (0 picks a free one; prints "port N" when it listens)
//
//   POST               1 KB chat completion with usage, or, for "stream":true, 50 SSE chunks in one write,
//                      a usage chunk when include_usage is true, and [DONE]
//   "user":"paced"     in the body: the chunks 1 ms apart
//   GET /counts        how many POSTs carried the user's key, the system key, another one
//   GET anything else  an empty list of models, so that a service key can be checked
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { CHUNKS = 50, BUFFER_BYTES = 1 << 20, MAXIMUM_CONNECTIONS = 4096 };

typedef struct { char *bytes; size_t length; } Text;

typedef struct {
  int fd;
  size_t filled;        // of request
  char *request;
  const char *out;      // what is left to write
  size_t left;
  bool waiting;         // for the socket to take more
  int paced;            // next chunk to send, or -1
  bool usage;           // of the paced stream
} Connection;

static Connection *connections[MAXIMUM_CONNECTIONS];
static Text json_reply, models_reply, bad_reply, stream_reply, stream_usage_reply;
static Text stream_head, usage_chunk, stream_end, chunks[CHUNKS];
static long count_user, count_system, count_other;
static int epoll_fd, timer_fd, paced_streams;

static Text text(const char *s) { return (Text){strdup(s), strlen(s)}; }

static Text join(Text a, Text b) {
  Text joined = {malloc(a.length + b.length + 1), a.length + b.length};
  memcpy(joined.bytes, a.bytes, a.length);
  memcpy(joined.bytes + a.length, b.bytes, b.length + 1);
  return joined;
}

// One server-sent event in one HTTP chunk.
static Text event(const char *data) {
  char *framed;
  asprintf(&framed, "%zx\r\ndata: %s\n\n\r\n", strlen(data) + 8, data);
  return text(framed);
}

static Text reply(const char *status, const char *body) {
  char *whole;
  asprintf(&whole,
           "HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n"
           "x-request-id: req_0123456789abcdef\r\nopenai-processing-ms: 12\r\n\r\n%s",
           status, strlen(body), body);
  return text(whole);
}

static void build_replies(void) {
  char answer[640], *body;
  memset(answer, 'a', sizeof answer - 1);
  for (size_t i = 7; i < sizeof answer - 1; i += 8) answer[i] = ' ';
  answer[sizeof answer - 1] = 0;
  asprintf(&body,
           "{\"id\":\"chatcmpl-bench0123456789abcdef\",\"object\":\"chat.completion\",\"created\":1763800000,"
           "\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
           "\"content\":\"%s\"},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":350,"
           "\"completion_tokens\":120,\"total_tokens\":470,\"prompt_tokens_details\":{\"cached_tokens\":0},"
           "\"completion_tokens_details\":{\"reasoning_tokens\":0}},\"system_fingerprint\":\"fp_bench\"}", answer);
  json_reply = reply("200 OK", body);
  models_reply = reply("200 OK", "{\"object\":\"list\",\"data\":[]}");
  bad_reply = reply("411 Length Required", "{\"error\":{\"message\":\"content-length required\"}}");

  stream_head = text("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                     "transfer-encoding: chunked\r\nx-request-id: req_0123456789abcdef\r\n\r\n");
  for (int i = 0; i < CHUNKS; i++) {
    char *data;
    asprintf(&data,
             "{\"id\":\"chatcmpl-bench0123456789abcdef\",\"object\":\"chat.completion.chunk\",\"created\":1763800000,"
             "\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word%02d\"},"
             "\"finish_reason\":%s}]}", i, i == CHUNKS - 1 ? "\"stop\"" : "null");
    chunks[i] = event(data);
  }
  usage_chunk = event("{\"id\":\"chatcmpl-bench0123456789abcdef\",\"object\":\"chat.completion.chunk\","
                      "\"created\":1763800000,\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[],\"usage\":"
                      "{\"prompt_tokens\":350,\"completion_tokens\":50,\"total_tokens\":400}}");
  stream_end = join(event("[DONE]"), text("0\r\n\r\n"));
  Text all = stream_head;
  for (int i = 0; i < CHUNKS; i++) all = join(all, chunks[i]);
  stream_reply = join(all, stream_end);
  stream_usage_reply = join(join(all, usage_chunk), stream_end);
}

static bool has(const char *in, size_t length, const char *what) {
  return memmem(in, length, what, strlen(what)) != NULL;
}

static void end(Connection *c) {
  if (c->paced >= 0) paced_streams--;
  connections[c->fd] = NULL;
  close(c->fd);
  free(c->request);
  free(c);
}

static bool flush(Connection *c) {
  while (c->left > 0) {
    ssize_t written = write(c->fd, c->out, c->left);
    if (written < 0 && errno == EAGAIN) break;
    if (written < 0) return false;
    c->out += written;
    c->left -= written;
  }
  struct epoll_event wanted = {.events = EPOLLIN | (c->left > 0 ? EPOLLOUT : 0), .data.fd = c->fd};
  if (c->waiting != (c->left > 0)) {
    c->waiting = c->left > 0;
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &wanted);
  }
  return true;
}

static bool send_text(Connection *c, Text t) {
  c->out = t.bytes;
  c->left = t.length;
  return flush(c);
}

static void tick_every(long nanoseconds) {
  struct itimerspec every = {.it_interval.tv_nsec = nanoseconds, .it_value.tv_nsec = nanoseconds};
  timerfd_settime(timer_fd, 0, &every, NULL);
}

static bool start_paced(Connection *c, bool usage) {
  c->paced = 0;
  c->usage = usage;
  if (paced_streams++ == 0) tick_every(1000000);
  return send_text(c, stream_head);
}

static void tick(void) {
  unsigned long passed;
  if (read(timer_fd, &passed, sizeof passed) < 0) return;
  if (paced_streams == 0) tick_every(0);
  for (int fd = 0; fd < MAXIMUM_CONNECTIONS; fd++) {
    Connection *c = connections[fd];
    if (!c || c->paced < 0 || c->left > 0) continue;
    Text next = c->paced < CHUNKS ? chunks[c->paced] : c->usage && c->paced == CHUNKS ? usage_chunk : stream_end;
    c->paced++;
    if (next.bytes == stream_end.bytes) {
      c->paced = -1;
      paced_streams--;
    }
    if (!send_text(c, next)) end(c);
  }
}

static bool send_counts(Connection *c) {
  static Text counts;
  char body[128];
  snprintf(body, sizeof body, "{\"user\":%ld,\"system\":%ld,\"other\":%ld}", count_user, count_system, count_other);
  free(counts.bytes);
  counts = reply("200 OK", body);
  return send_text(c, counts);
}

static bool answer(Connection *c, size_t head, size_t body) {
  if (c->request[0] == 'G') return has(c->request, head, "/counts") ? send_counts(c) : send_text(c, models_reply);
  if (has(c->request, head, "Bearer sk-proj-benchuser")) count_user++;
  else if (has(c->request, head, "Bearer sk-proj-benchsystem")) count_system++;
  else count_other++;
  const char *start = c->request + head;
  if (!has(start, body, "\"stream\":true")) return send_text(c, json_reply);
  bool usage = has(start, body, "\"include_usage\":true");
  if (has(start, body, "\"user\":\"paced\"")) return start_paced(c, usage);
  return send_text(c, usage ? stream_usage_reply : stream_reply);
}

static bool readable(Connection *c) {
  ssize_t got = read(c->fd, c->request + c->filled, BUFFER_BYTES - 1 - c->filled);
  if (got <= 0) return got < 0 && errno == EAGAIN;
  c->filled += got;
  c->request[c->filled] = 0;
  char *blank = memmem(c->request, c->filled, "\r\n\r\n", 4);
  if (!blank) return c->filled < BUFFER_BYTES - 1;
  size_t head = blank - c->request + 4, body = 0;
  *blank = 0; // ends the search below
  const char *given = strcasestr(c->request, "\ncontent-length:");
  *blank = '\r';
  if (given) body = strtoul(given + 16, NULL, 10);
  else if (c->request[0] == 'P') return send_text(c, bad_reply) && false;
  if (head + body >= BUFFER_BYTES) return false;
  if (c->filled < head + body) return true;
  c->filled = 0;
  return answer(c, head, body);
}

static void accept_all(int listener) {
  int fd, on = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    if (fd >= MAXIMUM_CONNECTIONS) { close(fd); continue; }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Connection *c = connections[fd] = calloc(1, sizeof *c);
    *c = (Connection){.fd = fd, .request = malloc(BUFFER_BYTES), .paced = -1};
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &wanted);
  }
}

int main(int argc, char **argv) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 0)};
  socklen_t size = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1024)) return perror("upstream"), 1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  build_replies();

  epoll_fd = epoll_create1(0);
  timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct epoll_event wanted = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &wanted);
  wanted.data.fd = timer_fd;
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &wanted);
  printf("port %d\n", ntohs(address.sin_port));
  fflush(stdout);

  struct epoll_event ready[256];
  for (;;) {
    int count = epoll_wait(epoll_fd, ready, 256, -1);
    for (int i = 0; i < count; i++) {
      int fd = ready[i].data.fd;
      if (fd == listener) { accept_all(listener); continue; }
      if (fd == timer_fd) { tick(); continue; }
      Connection *c = connections[fd];
      if (!c) continue;
      bool alive = !(ready[i].events & (EPOLLERR | EPOLLHUP));
      if (alive && (ready[i].events & EPOLLOUT)) alive = flush(c);
      if (alive && (ready[i].events & EPOLLIN)) alive = readable(c);
      if (!alive) end(c);
    }
  }
}
