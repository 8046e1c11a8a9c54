#include "berth_curl.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <string.h>

#define SET(option, value)                                   \
  do {                                                       \
    CURLcode result = curl_easy_setopt(handle, option, value); \
    if (result != CURLE_OK) return result;                   \
  } while (0)

static CURLcode set_text(CURL *handle, CURLoption option, const char *text) {
  if (text == NULL) return CURLE_OK;
  struct curl_blob blob = {.data = (void *)(uintptr_t)text, .len = strlen(text), .flags = CURL_BLOB_COPY};
  return curl_easy_setopt(handle, option, &blob);
}

// The system's authorities, read once: as libcurl does it, it takes tens of milliseconds for each connection.
static X509_STORE *system_authorities;

static void read_system_authorities(void) {
  const curl_version_info_data *known = curl_version_info(CURLVERSION_NOW);
  X509_STORE *store = X509_STORE_new();
  if (store == NULL) return;
  int found = 0;
  if (known->cainfo != NULL) found |= X509_STORE_load_file(store, known->cainfo);
  if (known->capath != NULL) found |= X509_STORE_load_path(store, known->capath);
  // As libcurl has it.
  X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
  ERR_clear_error();
  if (found) {
    system_authorities = store;
  } else {
    X509_STORE_free(store);
  }
}

static CURLcode use_system_authorities(CURL *handle, void *context, void *unused) {
  (void)handle, (void)unused;
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, read_system_authorities);
  if (system_authorities == NULL) return CURLE_SSL_CACERT_BADFILE;
  X509_STORE_up_ref(system_authorities);
  SSL_CTX_set_cert_store(context, system_authorities);
  return CURLE_OK;
}

// A libcurl that speaks TLS by another library reads them itself.
static CURLcode share_system_authorities(CURL *handle) {
  if (curl_easy_setopt(handle, CURLOPT_SSL_CTX_FUNCTION, use_system_authorities) != CURLE_OK) return CURLE_OK;
  SET(CURLOPT_CAINFO, NULL);
  SET(CURLOPT_CAPATH, NULL);
  return CURLE_OK;
}

static CURLcode prepare_tls(CURL *handle, const struct berth_curl_request *request) {
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_SSL_VERIFYPEER, request->skip_verify ? 0L : 1L);
  SET(CURLOPT_SSL_VERIFYHOST, request->skip_verify ? 0L : 2L);
  CURLcode result = CURLE_OK;
  if (request->authorities != NULL) {
    // In place of the system's bundle; its directory of authorities counts all the same.
    result = set_text(handle, CURLOPT_CAINFO_BLOB, request->authorities);
  } else if (!request->skip_verify) {
    result = share_system_authorities(handle);
  }
  if (result == CURLE_OK) result = set_text(handle, CURLOPT_SSLCERT_BLOB, request->client_certificate);
  if (result == CURLE_OK) result = set_text(handle, CURLOPT_SSLKEY_BLOB, request->client_key);
  return result;
}

static CURLcode prepare_method(CURL *handle, const struct berth_curl_request *request) {
  if (strcmp(request->method, "HEAD") == 0) {
    SET(CURLOPT_NOBODY, 1L);
  } else if (request->body_size >= 0) {
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_CUSTOMREQUEST, request->method);
    SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_size);
    SET(CURLOPT_READFUNCTION, request->on_send);
    SET(CURLOPT_READDATA, request->context);
    SET(CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024L);
  }
  return CURLE_OK;
}

CURLcode berth_curl_prepare(CURL *handle, const struct berth_curl_request *request) {
  SET(CURLOPT_URL, request->url);
  SET(CURLOPT_USERAGENT, request->user_agent);
  SET(CURLOPT_PROTOCOLS_STR, request->protocols);
  SET(CURLOPT_HTTPHEADER, request->headers);
  SET(CURLOPT_CONNECTTIMEOUT_MS, request->connect_timeout_ms);
  SET(CURLOPT_TIMEOUT_MS, request->timeout_ms);
  SET(CURLOPT_LOW_SPEED_LIMIT, request->low_speed_bytes);
  SET(CURLOPT_LOW_SPEED_TIME, request->low_speed_seconds);
  SET(CURLOPT_HEADERFUNCTION, request->on_header);
  SET(CURLOPT_HEADERDATA, request->context);
  SET(CURLOPT_WRITEFUNCTION, request->on_body);
  SET(CURLOPT_WRITEDATA, request->context);
  SET(CURLOPT_ERRORBUFFER, request->error);
  SET(CURLOPT_PROXY, request->proxy);
  // What a proxy says to CONNECT is no answer of the registry.
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (request->proxy_exceptions != NULL) SET(CURLOPT_NOPROXY, request->proxy_exceptions);
  // Redirects are followed by the caller, who decides about credentials at each hop.
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  SET(CURLOPT_NOSIGNAL, 1L);
  // What one read of the socket gives fits what is left of a reader's 256 KiB, of which a quarter may be filled: it isn't kept and copied.
  SET(CURLOPT_BUFFERSIZE, 192L * 1024L);
  CURLcode result = prepare_tls(handle, request);
  return result == CURLE_OK ? prepare_method(handle, request) : result;
}

long berth_curl_status(CURL *handle) {
  long status = 0;
  return curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK ? status : 0;
}

int berth_curl_finished(CURLM *multi) {
  int left = 0;
  CURLMsg *message = curl_multi_info_read(multi, &left);
  return message != NULL && message->msg == CURLMSG_DONE ? (int)message->data.result : -1;
}
