#include "net/tls/detail/tls_over.h"

#include <array>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <openssl/err.h>

#include "base/assert.h"
#include "net/tls/detail/sessions.h"

namespace wireway::net::detail {
namespace {

constexpr std::uint8_t record_alert = 0x15;
constexpr std::uint8_t record_handshake = 0x16;

/// A TLS connection between two loops.
class DetachedTls final : public DetachedStream {
 public:
  DetachedTls(std::unique_ptr<DetachedStream> inner, TlsRole role, OwnedSsl ssl, Bytes held)
      : inner_(std::move(inner)),
        role_(std::move(role)),
        ssl_(std::move(ssl)),
        held_(std::move(held)) {}

  std::unique_ptr<Stream> attach_over(Loop& loop, Network& network) override {
    return std::make_unique<TlsOver>(loop, network.attach(std::move(inner_)), std::move(role_),
                                     std::move(ssl_), std::move(held_));
  }

 private:
  std::unique_ptr<DetachedStream> inner_;
  TlsRole role_;
  OwnedSsl ssl_;
  Bytes held_;
};

}  // namespace

TlsOver::TlsOver(Loop& loop, std::unique_ptr<Stream> inner, TlsRole role, PlainText plain)
    : loop_(loop),
      inner_(std::move(inner)),
      role_(std::move(role)),
      peer_(inner_->peer()),
      handshake_timer_(loop),
      state_(State::first_byte),
      plain_(plain) {
  inner_->set_handler(*this);
  if (plain_ == PlainText::refuse) limit_handshake();
}

TlsOver::TlsOver(Loop& loop, Network& network, const TlsTarget& target, TlsRole role,
                 StreamHandler& handler)
    : loop_(loop),
      role_(std::move(role)),
      handler_(&handler),
      handshake_timer_(loop),
      state_(State::connecting) {
  inner_ = network.connect(target.endpoint, *this, target.connect_timeout);
  peer_ = inner_->peer();
}

TlsOver::TlsOver(Loop& loop, std::unique_ptr<Stream> inner, TlsRole role, OwnedSsl ssl, Bytes held)
    : loop_(loop),
      inner_(std::move(inner)),
      role_(std::move(role)),
      ssl_(std::move(ssl)),
      peer_(inner_->peer()),
      held_(std::move(held)),
      handshake_timer_(loop),
      state_(State::open),
      heard_(true),
      established_(true) {
  inner_->set_handler(*this);
  SSL_set_app_data(ssl_.get(), this);
  ::BIO_set_data(::SSL_get_rbio(ssl_.get()), this);
  if (!held_.empty()) end_turn_later();
}

TlsOver::~TlsOver() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  if (turn_end_ != nullptr) turn_end_->forget();
  if (state_ == State::open) {
    encrypt_out();
    if (!failure_) ::SSL_shutdown(ssl_.get());
  }
  // Otherwise OpenSSL takes an end without the peer's goodbye for a reason to forget the session.
  if (ssl_ && !failure_) ::SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  ::ERR_clear_error();
}

void TlsOver::write(ByteView bytes) {
  if (bytes.empty() || close_wanted_) return;
  if (state_ == State::closing || state_ == State::closed) return;
  if (state_ == State::plain) return inner_->write(bytes);
  if (state_ == State::open && out_.size() + bytes.size() >= record_bytes_max) {
    // Full records need not wait for the end of the turn.
    if (!out_.empty()) {
      const std::size_t lack = record_bytes_max - out_.size();
      out_.insert(out_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(lack));
      bytes = bytes.subspan(lack);
      encrypt_out();
    }
    const std::size_t rest = bytes.size() % record_bytes_max;
    encrypt(bytes.first(bytes.size() - rest));
    bytes = bytes.last(rest);
    if (bytes.empty() || state_ != State::open) return;
  }
  out_.insert(out_.end(), bytes.begin(), bytes.end());
  if (state_ == State::open) end_turn_later();
}

std::size_t TlsOver::pending_bytes() const {
  return out_.size() + (inner_ ? inner_->pending_bytes() : 0);
}

/// The handshake goes on: it is not the owner's reading.
void TlsOver::pause_reading() {
  paused_ = true;
  if (carries_data()) inner_->pause_reading();
}

void TlsOver::resume_reading() {
  paused_ = false;
  if (!carries_data()) return;
  inner_->resume_reading();
  if (!held_.empty()) end_turn_later();
}

void TlsOver::close() {
  switch (state_) {
    case State::open: return finish_close();
    case State::first_byte:
    case State::handshake:
      if (out_.empty()) break;
      close_wanted_ = true;
      if (!handshake_timer_.armed()) limit_handshake();
      return;
    case State::connecting:
    case State::plain: break;
    case State::closing:
    case State::closed: return;
  }
  state_ = State::closing;
  inner_->close();
}

std::unique_ptr<DetachedStream> TlsOver::detach() {
  WIREWAY_ASSERT(carries_data(), "a TLS stream moves after its handshake");
  if (state_ == State::open) encrypt_out();
  if (turn_end_ != nullptr) turn_end_->forget();
  const bool tls = std::exchange(state_, State::closed) == State::open;
  auto inner = std::exchange(inner_, nullptr)->detach();
  if (!tls) return inner;
  held_.insert(held_.end(), input_.begin(), input_.end());
  input_ = {};
  SSL_set_app_data(ssl_.get(), nullptr);
  role_.session_key.clear();  // the context that remembers sessions stays behind on its thread
  return std::make_unique<DetachedTls>(std::move(inner), std::move(role_), std::move(ssl_),
                                       std::move(held_));
}

std::optional<PeerCertificate> TlsOver::peer_certificate() const {
  if (!established_ || !ssl_) return {};
  X509* const certificate = ::SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr || ::SSL_get_verify_result(ssl_.get()) != X509_V_OK) return {};
  return describe(certificate);
}

std::string TlsOver::peer_certificates() const {
  if (!peer_certificate()) return {};
  X509* const own = ::SSL_get0_peer_certificate(ssl_.get());
  std::string out = pem_of(own);
  STACK_OF(X509)* const chain = ::SSL_get_peer_cert_chain(ssl_.get());
  for (int i = 0; i < sk_X509_num(chain); ++i)
    if (X509* const each = sk_X509_value(chain, i); ::X509_cmp(each, own) != 0) out += pem_of(each);
  return out;
}

std::string_view TlsOver::alpn() const {
  const unsigned char* data = nullptr;
  unsigned length = 0;
  if (ssl_) ::SSL_get0_alpn_selected(ssl_.get(), &data, &length);
  return {reinterpret_cast<const char*>(data), length};
}

std::string TlsOver::server_name() const {
  const char* name = ssl_ ? ::SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name) : nullptr;
  return name != nullptr ? name : "";
}

std::string_view TlsOver::version() const {
  return established_ && ssl_ ? ::SSL_get_version(ssl_.get()) : "";
}

bool TlsOver::resumed() const {
  return established_ && ssl_ && ::SSL_session_reused(ssl_.get()) == 1;
}

const TlsOver* TlsOver::of(const SSL* ssl) {
  return static_cast<const TlsOver*>(SSL_get_app_data(ssl));
}

void TlsOver::on_open() {
  state_ = State::handshake;
  limit_handshake();
  begin_tls();
  begin_client();
  shake_hands();
}

void TlsOver::on_bytes(ByteView bytes) {
  if (state_ == State::closing || state_ == State::closed) return;
  if (!std::exchange(heard_, true) && !judge_first_byte(bytes)) return;
  const bool waits = state_ != State::handshake && (paused_ || !held_.empty());
  if (!waits) {
    take_input(bytes);
    return;
  }
  held_.insert(held_.end(), bytes.begin(), bytes.end());
  if (!paused_) end_turn_later();
}

void TlsOver::on_drain() {
  protocol_bytes_ = 0;
  if (carries_data() && out_.empty()) handler_->on_drain();
}

void TlsOver::on_close(const Error& reason) {
  if (state_ == State::open && !paused_ && !held_.empty()) {
    const Bytes held = std::exchange(held_, {});
    bool destroyed = false;
    destroyed_ = &destroyed;
    take_input(held);
    if (destroyed) return;
    destroyed_ = nullptr;
  }
  handshake_timer_.cancel();
  Error error = failure_ ? *failure_ : reason;
  if (!failure_ && (state_ == State::first_byte || state_ == State::handshake))
    error.message += " before the TLS handshake was done";
  if (!failure_ && state_ == State::open && error.message.ends_with("closed by peer"))
    error.message += " without a TLS goodbye; what it sent last may be missing";
  if (std::exchange(state_, State::closed) == State::closed) return;
  if (handler_ != nullptr) handler_->on_close(error);
}

/// What an accepted connection is, and whether a server speaks TLS at all. False if it ends here.
bool TlsOver::judge_first_byte(ByteView bytes) {
  const bool client = role_.side == Side::client;
  const bool tls = bytes[0] == record_handshake || (client && bytes[0] == record_alert);
  if (client || (!tls && plain_ == PlainText::refuse)) {
    if (!tls) fail_with(not_tls_failure(bytes, failure_context()));
    return tls;
  }
  if (tls) {
    state_ = State::handshake;
    if (!handshake_timer_.armed()) limit_handshake();
    begin_tls();
    ::SSL_set_accept_state(ssl_.get());
    return true;
  }
  handshake_timer_.cancel();
  state_ = State::plain;
  inner_->write(std::exchange(out_, {}));
  if (paused_) inner_->pause_reading();
  if (close_wanted_) close();
  return state_ == State::plain;
}

void TlsOver::begin_tls() {
  ssl_.reset(::SSL_new(role_.context.get()));
  WIREWAY_ASSERT(ssl_ != nullptr, "OpenSSL has memory for a connection");
  BIO* const bio = ::BIO_new(bio_method());
  WIREWAY_ASSERT(bio != nullptr, "OpenSSL has memory for a connection's door");
  ::BIO_set_data(bio, this);
  ::BIO_set_init(bio, 1);
  ::SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  ::SSL_set_verify(ssl_.get(), ::SSL_get_verify_mode(ssl_.get()), &TlsOver::on_verify);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now().since_epoch);
  ::X509_VERIFY_PARAM_set_time(::SSL_get0_param(ssl_.get()), seconds.count());
}

void TlsOver::begin_client() {
  SSL* const ssl = ssl_.get();
  ::SSL_set_connect_state(ssl);
  const char* const name = role_.server_name.c_str();
  X509_VERIFY_PARAM* const rules = ::SSL_get0_param(ssl);
  if (::X509_VERIFY_PARAM_set1_ip_asc(rules, name) != 1) {
    ::ERR_clear_error();
    ::X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    ::X509_VERIFY_PARAM_set1_host(rules, name, 0);
    SSL_set_tlsext_host_name(ssl, name);
  }
  const OwnedSession session = take_session(role_.context.get(), role_.session_key);
  if (session && session_is_valid(session.get(), now())) ::SSL_set_session(ssl, session.get());
}

/// False if nothing more may be done here: destroyed, detached or ending.
bool TlsOver::take_input(ByteView bytes) {
  if (state_ == State::plain) {
    if (!paused_) return tell([&] { handler_->on_bytes(bytes); });
    held_.assign(bytes.begin(), bytes.end());
    return true;
  }
  input_ = bytes;
  if (state_ == State::handshake && !shake_hands()) return false;
  if (state_ == State::open && !read_records()) return false;
  held_.assign(input_.begin(), input_.end());
  input_ = {};
  return true;
}

bool TlsOver::shake_hands() {
  ::ERR_clear_error();
  const int result = ::SSL_do_handshake(ssl_.get());
  if (result == 1) return handshake_done();
  if (::SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) return true;
  fail_with(tls_failure(failure_context()));
  return false;
}

bool TlsOver::handshake_done() {
  handshake_timer_.cancel();
  established_ = true;
  state_ = State::open;
  if (paused_) inner_->pause_reading();
  if (role_.side == Side::client && !tell([&] { handler_->on_open(); })) return false;
  if (close_wanted_) {
    finish_close();
    return false;
  }
  if (!out_.empty()) end_turn_later();
  return true;
}

bool TlsOver::read_records() {
  std::array<std::uint8_t, record_bytes_max> buffer;  // NOLINT: filled before it is read
  while (state_ == State::open && !paused_) {
    ::ERR_clear_error();
    std::size_t got = 0;
    if (::SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &got) == 1) {
      if (!tell([&] { handler_->on_bytes(ByteView(buffer).first(got)); })) return false;
      continue;
    }
    const int error = ::SSL_get_error(ssl_.get(), 0);
    if (error == SSL_ERROR_WANT_READ) return true;
    read_ended(error);
    return false;
  }
  return state_ == State::open;
}

void TlsOver::read_ended(int ssl_error) {
  if (ssl_error != SSL_ERROR_ZERO_RETURN) return fail_with(tls_failure(failure_context()));
  finish_close();  // what is pending still goes to a peer that has only ended its own side
  if (!failure_)
    failure_ = std::make_unique<Error>(Error{Errc::unavailable, peer_ + ": closed by peer"});
}

/// Calls the handler. False if it has destroyed, detached or closed this stream.
template <class Call>
bool TlsOver::tell(Call call) {
  WIREWAY_ASSERT(handler_ != nullptr, "a stream has a handler before its first turn");
  bool destroyed = false;
  bool* const outer = std::exchange(destroyed_, &destroyed);
  call();
  if (destroyed && outer != nullptr) *outer = true;
  if (destroyed) return false;
  destroyed_ = outer;
  return carries_data();
}

void TlsOver::limit_handshake() {
  handshake_timer_.arm(role_.handshake_timeout, [this] {
    const double seconds = std::chrono::duration<double>(role_.handshake_timeout).count();
    fail_with({Errc::timed_out, fmt::format("{}: no TLS handshake within {} s; does it speak TLS?",
                                            peer_, seconds)});
  });
}

void TlsOver::end_turn_later() {
  if (turn_end_ != nullptr) return;
  auto promise = std::make_unique<TurnEnd>(*this);
  turn_end_ = promise.get();
  loop_.defer([promise = std::move(promise)] {
    TlsOver* const stream = promise->stream;
    promise->forget();
    if (stream != nullptr) stream->end_turn();
  });
}

void TlsOver::end_turn() {
  if (!carries_data()) return;
  encrypt_out();
  if (paused_ || held_.empty() || !carries_data()) return;
  const Bytes held = std::exchange(held_, {});
  take_input(held);
}

void TlsOver::encrypt(ByteView bytes) {
  if (bytes.empty()) return;
  ::ERR_clear_error();
  encrypting_ = true;
  std::size_t written = 0;
  const int result = ::SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written);
  encrypting_ = false;
  if (result != 1) fail_with(tls_failure(failure_context()));
}

void TlsOver::encrypt_out() {
  const Bytes batch = std::exchange(out_, {});
  encrypt(batch);
}

void TlsOver::finish_close() {
  encrypt_out();
  if (state_ != State::open) return;
  ::SSL_shutdown(ssl_.get());
  ::ERR_clear_error();
  state_ = State::closing;
  input_ = {};
  held_.clear();
  inner_->close();
}

/// OpenSSL has written its alert already; on_close follows when that has left.
void TlsOver::fail_with(Error error) {
  if (!failure_) failure_ = std::make_unique<Error>(std::move(error));
  if (state_ == State::closing || state_ == State::closed) return;
  state_ = State::closing;
  handshake_timer_.cancel();
  input_ = {};
  held_.clear();
  out_.clear();
  inner_->close();
}

FailureContext TlsOver::failure_context() const {
  return {.side = role_.side, .peer = peer_, .name = role_.server_name, .now = now()};
}

const BIO_METHOD* TlsOver::bio_method() {
  static const Owned<BIO_METHOD, &BIO_meth_free> method = [] {
    Owned<BIO_METHOD, &BIO_meth_free> made(
        ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wireway stream"));
    WIREWAY_ASSERT(made != nullptr, "OpenSSL has memory for a kind of BIO");
    ::BIO_meth_set_write(made.get(), &TlsOver::bio_write);
    ::BIO_meth_set_read(made.get(), &TlsOver::bio_read);
    ::BIO_meth_set_ctrl(made.get(), &TlsOver::bio_control);
    return made;
  }();
  return method.get();
}

int TlsOver::bio_write(BIO* bio, const char* data, int length) {
  auto& stream = *static_cast<TlsOver*>(::BIO_get_data(bio));
  const auto size = static_cast<std::size_t>(length);
  if (stream.established_ && !stream.encrypting_) {
    if (stream.inner_->pending_bytes() == 0) stream.protocol_bytes_ = 0;
    stream.protocol_bytes_ += size;
    if (stream.protocol_bytes_ > protocol_bytes_max) {
      if (!stream.failure_)
        stream.failure_ = std::make_unique<Error>(
            Error{Errc::exhausted,
                  stream.peer_ + ": it makes TLS answer again and again and does not read"});
      return -1;
    }
  }
  stream.inner_->write({reinterpret_cast<const std::uint8_t*>(data), size});
  return length;
}

int TlsOver::bio_read(BIO* bio, char* data, int length) {
  auto& stream = *static_cast<TlsOver*>(::BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (stream.input_.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t count = std::min(static_cast<std::size_t>(length), stream.input_.size());
  // Not ranges::copy: between pointers that differ in const it goes byte by byte in libstdc++ 12.
  std::memcpy(data, stream.input_.data(), count);
  stream.input_ = stream.input_.subspan(count);
  return static_cast<int>(count);
}

long TlsOver::bio_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

int TlsOver::on_verify(int good, X509_STORE_CTX* verification) {
  if (good == 1) return 1;
  const auto* ssl = static_cast<const SSL*>(
      ::X509_STORE_CTX_get_ex_data(verification, ::SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* stream = static_cast<TlsOver*>(SSL_get_app_data(ssl));
  if (!stream->failure_)
    stream->failure_ =
        std::make_unique<Error>(verify_failure(verification, stream->failure_context()));
  return 0;
}

}  // namespace wireway::net::detail
