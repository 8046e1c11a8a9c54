#include <openssl/err.h>
#include <openssl/ssl.h>

// What OpenSSL has as macros only.
static inline int berth_tls_set_minimum(SSL_CTX *context, int version) { return (int)SSL_CTX_set_min_proto_version(context, version); }
