#ifndef BERTH_CURL_H
#define BERTH_CURL_H
#include <curl/curl.h>
#endif
