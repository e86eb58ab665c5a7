#include "net/tls/detail/sessions.h"

#include <algorithm>

#include "base/assert.h"
#include "net/tls/detail/tls_over.h"

namespace wireway::net::detail {
namespace {

struct Sessions {
  std::size_t max = 0;
  std::deque<std::pair<std::string, OwnedSession>> known;  ///< oldest first

  auto find(const std::string& key) {
    return std::ranges::find(known, key, &std::pair<std::string, OwnedSession>::first);
  }
};

void free_sessions(void*, void* sessions, CRYPTO_EX_DATA*, int, long, void*) {
  const std::unique_ptr<Sessions> owned(static_cast<Sessions*>(sessions));
}

int slot() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_sessions);
  return index;
}

/// Returns 1 if the session now belongs to us.
int on_new_session(SSL* ssl, SSL_SESSION* session) {
  auto* sessions = static_cast<Sessions*>(::SSL_CTX_get_ex_data(::SSL_get_SSL_CTX(ssl), slot()));
  const TlsOver* const stream = TlsOver::of(ssl);
  if (stream == nullptr || stream->session_key().empty()) return 0;
  if (const auto old = sessions->find(stream->session_key()); old != sessions->known.end())
    sessions->known.erase(old);
  if (sessions->known.size() >= sessions->max) sessions->known.pop_front();
  sessions->known.emplace_back(stream->session_key(), session);
  return 1;
}

SSL_TICKET_RETURN on_ticket(SSL* ssl, SSL_SESSION* session, const unsigned char*, std::size_t,
                            SSL_TICKET_STATUS status, void*) {
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  const TlsOver* const stream = TlsOver::of(ssl);
  if (stream == nullptr || !session_is_valid(session, stream->now()))
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  const bool renew = status == SSL_TICKET_SUCCESS_RENEW ||
                     ::SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION;
  return renew ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_USE;
}

}  // namespace

bool session_is_valid(const SSL_SESSION* session, WallTime now) {
  const X509* const peer = ::SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(session));
  return peer == nullptr || now <= wall_time(::X509_get0_notAfter(peer));
}

void judge_tickets(SSL_CTX* context) {
  ::SSL_CTX_set_session_ticket_cb(context, nullptr, &on_ticket, nullptr);
}

void remember_sessions(SSL_CTX* context, std::size_t max) {
  auto sessions = std::make_unique<Sessions>();
  sessions->max = max;
  const int set = ::SSL_CTX_set_ex_data(context, slot(), sessions.release());
  WIREWAY_ASSERT(set == 1, "OpenSSL has memory for the sessions of a context");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  ::SSL_CTX_sess_set_new_cb(context, &on_new_session);
}

OwnedSession take_session(SSL_CTX* context, const std::string& key) {
  auto* sessions = static_cast<Sessions*>(::SSL_CTX_get_ex_data(context, slot()));
  const auto found = sessions->find(key);
  if (found == sessions->known.end()) return nullptr;
  if (::SSL_SESSION_get_protocol_version(found->second.get()) < TLS1_3_VERSION) {
    ::SSL_SESSION_up_ref(found->second.get());
    return OwnedSession(found->second.get());
  }
  OwnedSession session = std::move(found->second);
  sessions->known.erase(found);
  return session;
}

}  // namespace wireway::net::detail
