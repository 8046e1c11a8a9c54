// libcurl's variadic calls, which Swift can't make: one request's options in one call, and its status.
#ifndef BERTH_CURL_H
#define BERTH_CURL_H
#include <curl/curl.h>
#include <stddef.h>

typedef size_t (*berth_curl_taker)(char *bytes, size_t size, size_t count, void *context);

struct berth_curl_request {
  const char *url;
  const char *user_agent;
  // `https` or `http,https`.
  const char *protocols;
  // PEM file of certificate authorities; NULL: the system's.
  const char *ca_file;
  struct curl_slist *headers;
  long connect_timeout_ms;
  // Of the whole transfer; 0: none.
  long timeout_ms;
  // A transfer slower than this for so long is given up.
  long low_speed_bytes;
  long low_speed_seconds;
  berth_curl_taker on_header;
  berth_curl_taker on_body;
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
