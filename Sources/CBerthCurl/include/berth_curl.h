// libcurl's variadic calls, which Swift can't make: one request's options in one call, and its status.
#ifndef BERTH_CURL_H
#define BERTH_CURL_H
#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>

typedef size_t (*berth_curl_taker)(char *bytes, size_t size, size_t count, void *context);

struct berth_curl_request {
  const char *url;
  const char *user_agent;
  // `GET`, `HEAD`, or a method with a body.
  const char *method;
  // `https` or `http,https`.
  const char *protocols;
  // PEM texts; NULL: none. The authorities are trusted beside the system's.
  const char *authorities;
  const char *client_certificate;
  const char *client_key;
  // Whether the server's certificate doesn't matter.
  int skip_verify;
  // "": none.
  const char *proxy;
  const char *proxy_exceptions;
  struct curl_slist *headers;
  long connect_timeout_ms;
  // Of the whole transfer; 0: none.
  long timeout_ms;
  // A transfer slower than this for so long is given up.
  long low_speed_bytes;
  long low_speed_seconds;
  // Of the body that is sent; -1: the method has none.
  int64_t body_size;
  berth_curl_taker on_header;
  berth_curl_taker on_body;
  // Fills `bytes` with the body to be sent.
  berth_curl_taker on_send;
  void *context;
  // CURL_ERROR_SIZE bytes.
  char *error;
};

// Sets all options on a fresh handle. The strings are copied; headers, error and context must live as long as the handle.
CURLcode berth_curl_prepare(CURL *handle, const struct berth_curl_request *request);

// The response's status; 0 before there is one.
long berth_curl_status(CURL *handle);

// The next finished transfer's result; -1 if none has finished.
int berth_curl_finished(CURLM *multi);

#endif
