#include "berth_curl.h"

#define SET(option, value)                                   \
  do {                                                       \
    CURLcode result = curl_easy_setopt(handle, option, value); \
    if (result != CURLE_OK) return result;                   \
  } while (0)

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
  if (request->ca_file != NULL) SET(CURLOPT_CAINFO, request->ca_file);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  // Redirects are followed by the caller, who decides about credentials at each hop.
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_BUFFERSIZE, 256L * 1024L);
  return CURLE_OK;
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
