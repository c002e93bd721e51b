// A keep-alive load generator that checks what it receives: one epoll thread, N connections, each sending the
// next request when its reply is complete.
//
//   load PORT CONNECTIONS MILLISECONDS REQUEST_FILE[,REQUEST_FILE...] [SAVE_FILE]
//
// Requests are sent as they are in the files; connections take the files in turn. A reply counts when its status
// is 200, its body is complete and, if it is an event stream, [DONE] was its last event; everything else is an
// error. At the end no request is left unanswered: those in flight are completed and counted. SAVE_FILE receives
// the first reply as received. Prints one line of JSON; times are in microseconds.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

typedef struct { char *bytes; size_t length; } Request;
enum { MAXIMUM_REQUESTS = 64, READ_BYTES = 256 * 1024, HEAD_BYTES = 16 * 1024, GRACE_MICROSECONDS = 10 * 1000 * 1000 };
typedef enum { IDLE, HEAD, BODY, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER } State;

typedef struct {
  int fd;
  const Request *request;
  State state;
  bool stream, failed;
  size_t sent;           // of the request
  size_t left;           // of the body or of this chunk
  size_t head_length, line_length;
  char head[HEAD_BYTES + 1], line[64];
  size_t payload_bytes;
  int events;
  char tail[16];         // last bytes of the payload
  double started;
} Connection;

static const char DONE[] = "data: [DONE]\n\n";
static Connection *connections;
static Request requests[MAXIMUM_REQUESTS];
static int request_count;
static char *buffer;
static int epoll_fd, port, in_flight;
static double deadline;
static FILE *save;
static Connection *saved;

static long completed, errors, reconnects, owner_user, owner_organization, owner_system;
static int first_bad_status;
static size_t least_payload = (size_t)-1, most_payload;
static int least_events = 1 << 30, most_events;
static float *latencies;
static size_t latency_room;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void connect_again(Connection *c) {
  if (c->fd >= 0) close(c->fd);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address)) {
    perror("load: connect");
    exit(1);
  }
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &wanted);
}

static void send_rest(Connection *c) {
  ssize_t written = send(c->fd, c->request->bytes + c->sent, c->request->length - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (written > 0) c->sent += written;
  bool more = c->sent < c->request->length;
  if (!more && (size_t)written == c->request->length) return; // the usual case: nothing to change in epoll
  struct epoll_event wanted = {.events = EPOLLIN | (more ? EPOLLOUT : 0), .data.ptr = c};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &wanted);
}

static void begin(Connection *c) {
  if (now() >= deadline) {
    c->state = IDLE;
    return;
  }
  c->state = HEAD;
  c->stream = c->failed = false;
  c->sent = c->head_length = c->payload_bytes = 0;
  c->events = 0;
  memset(c->tail, 0, sizeof c->tail);
  c->started = now();
  in_flight++;
  if (save && !saved) saved = c;
  send_rest(c);
}

static void note(Connection *c) {
  if ((size_t)completed == latency_room) {
    latency_room = latency_room ? latency_room * 2 : 1 << 16;
    latencies = realloc(latencies, latency_room * sizeof *latencies);
  }
  latencies[completed++] = now() - c->started;
  if (c->payload_bytes < least_payload) least_payload = c->payload_bytes;
  if (c->payload_bytes > most_payload) most_payload = c->payload_bytes;
  if (c->events < least_events) least_events = c->events;
  if (c->events > most_events) most_events = c->events;
  const char *owner = strcasestr(c->head, "\nx-aideon-key-owner: ");
  if (owner) *(owner[21] == 'u' ? &owner_user : owner[21] == 's' ? &owner_system : &owner_organization) += 1;
}

static void finish(Connection *c) {
  in_flight--;
  size_t done = sizeof DONE - 1;
  if (c->stream && memcmp(c->tail + sizeof c->tail - done, DONE, done)) c->failed = true;
  if (c->failed) errors++;
  else note(c);
  if (save && saved == c) {
    fclose(save);
    save = NULL;
  }
  bool closing = strcasestr(c->head, "\nconnection: close") != NULL;
  if (closing) {
    reconnects++;
    connect_again(c);
  }
  begin(c);
}

static void take_payload(Connection *c, const char *bytes, size_t length) {
  c->payload_bytes += length;
  if (!c->stream || length == 0) return;
  char before = c->tail[sizeof c->tail - 1];
  const char *end = bytes + length;
  for (const char *at = bytes; (at = memchr(at, '\n', end - at)); at++)
    if ((at == bytes ? before : at[-1]) == '\n') c->events++;
  size_t kept = length < sizeof c->tail ? sizeof c->tail - length : 0;
  memmove(c->tail, c->tail + sizeof c->tail - kept, kept);
  memcpy(c->tail + kept, end - (sizeof c->tail - kept), sizeof c->tail - kept);
}

// The head is complete: what follows it?
static void read_head(Connection *c) {
  int status = atoi(c->head + 9);
  if (status != 200) {
    c->failed = true;
    if (!first_bad_status) first_bad_status = status;
  }
  c->stream = strcasestr(c->head, "\ncontent-type: text/event-stream") != NULL;
  const char *length = strcasestr(c->head, "\ncontent-length:");
  c->line_length = 0;
  c->left = length ? strtoul(length + 16, NULL, 10) : 0;
  if (strcasestr(c->head, "\ntransfer-encoding: chunked")) c->state = CHUNK_SIZE;
  else if (c->left > 0) c->state = BODY;
  else finish(c);
}

// Takes one byte of a line; true when the line is complete.
static bool take_line(Connection *c, char byte) {
  if (byte != '\n') {
    if (c->line_length < sizeof c->line - 1) c->line[c->line_length++] = byte;
    return false;
  }
  c->line[c->line_length] = 0;
  return true;
}

static void take(Connection *c, const char *bytes, size_t length) {
  const char *end = bytes + length;
  while (bytes < end) {
    if (c->state == HEAD) {
      if (c->head_length == HEAD_BYTES) {
        fprintf(stderr, "load: head too long\n");
        exit(1);
      }
      c->head[c->head_length++] = *bytes++;
      c->head[c->head_length] = 0;
      if (c->head_length >= 4 && !memcmp(c->head + c->head_length - 4, "\r\n\r\n", 4)) read_head(c);
    } else if (c->state == BODY || c->state == CHUNK_DATA) {
      size_t part = (size_t)(end - bytes) < c->left ? (size_t)(end - bytes) : c->left;
      take_payload(c, bytes, part);
      bytes += part;
      c->left -= part;
      if (c->left > 0) continue;
      c->line_length = 0;
      if (c->state == BODY) finish(c);
      else c->state = CHUNK_END;
    } else if (c->state == IDLE) {
      errors++; // bytes that nobody asked for
      return;
    } else if (take_line(c, *bytes++)) {
      if (c->state == CHUNK_SIZE) {
        c->left = strtoul(c->line, NULL, 16);
        c->state = c->left > 0 ? CHUNK_DATA : TRAILER;
      } else if (c->state == CHUNK_END) {
        c->state = CHUNK_SIZE;
      } else if (c->line_length <= 1) {
        finish(c);
      }
      c->line_length = 0;
    }
  }
}

static void readable(Connection *c) {
  ssize_t got = recv(c->fd, buffer, READ_BYTES, MSG_DONTWAIT);
  if (got > 0) {
    if (save && saved == c) fwrite(buffer, 1, got, save);
    take(c, buffer, got);
    return;
  }
  if (got < 0 && errno == EAGAIN) return;
  if (c->state != IDLE) { // a keep-alive connection may end between requests; one that was answering may not
    in_flight--;
    errors++;
  }
  reconnects++;
  connect_again(c);
  begin(c);
}

static int by_value(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static float quantile(double q) { return completed ? latencies[(size_t)(q * (completed - 1))] : 0; }

static void read_request(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) {
    perror(path);
    exit(1);
  }
  Request *one = &requests[request_count++];
  fseek(file, 0, SEEK_END);
  one->length = ftell(file);
  rewind(file);
  one->bytes = malloc(one->length);
  one->length = fread(one->bytes, 1, one->length, file);
  fclose(file);
}

int main(int argc, char **argv) {
  if (argc < 5) return fprintf(stderr, "load PORT CONNECTIONS MILLISECONDS REQUEST_FILE,... [SAVE_FILE]\n"), 2;
  port = atoi(argv[1]);
  int count = atoi(argv[2]);
  for (char *path = strtok(argv[4], ","); path && request_count < MAXIMUM_REQUESTS; path = strtok(NULL, ","))
    read_request(path);
  if (argc > 5) save = fopen(argv[5], "wb");
  buffer = malloc(READ_BYTES);
  connections = calloc(count, sizeof *connections);
  epoll_fd = epoll_create1(0);
  for (int i = 0; i < count; i++) {
    connections[i].fd = -1;
    connections[i].request = &requests[i % request_count];
    connect_again(&connections[i]);
  }

  double start = now();
  deadline = start + atof(argv[3]) * 1e3;
  for (int i = 0; i < count; i++) begin(&connections[i]);
  struct epoll_event ready[256];
  while (in_flight > 0 && now() < deadline + GRACE_MICROSECONDS) {
    int events = epoll_wait(epoll_fd, ready, 256, 100);
    for (int i = 0; i < events; i++) {
      Connection *c = ready[i].data.ptr;
      if (ready[i].events & EPOLLOUT) send_rest(c);
      if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
    }
  }
  double seconds = (now() - start) / 1e6;

  if (completed) qsort(latencies, completed, sizeof *latencies, by_value);
  printf("{\"completed\":%ld,\"errors\":%ld,\"badStatus\":%d,\"reconnects\":%ld,\"seconds\":%.6f,"
         "\"p50\":%.1f,\"p99\":%.1f,\"payloadBytes\":[%zu,%zu],\"events\":[%d,%d],"
         "\"owners\":{\"user\":%ld,\"organization\":%ld,\"system\":%ld}}\n",
         completed, errors + in_flight, first_bad_status, reconnects, seconds, quantile(0.5), quantile(0.99),
         completed ? least_payload : 0, most_payload, completed ? least_events : 0, most_events, owner_user,
         owner_organization, owner_system);
  return 0;
}
