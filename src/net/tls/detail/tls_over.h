#pragma once
/// The TlsStream: OpenSSL between two buffers, the stream below on one side and its owner on the
/// other. The input that OpenSSL reads is the view of the on_bytes under way; its output goes
/// straight to the stream below.
///
/// Way of bytes in:  inner on_bytes -> input_ -> SSL_read -> handler; rest in held_ while paused.
/// Way of bytes out: write -> out_ -> (end of turn) SSL_write -> inner write.

#include <memory>
#include <optional>
#include <string>

#include "net/loop.h"
#include "net/tls/context.h"
#include "net/tls/detail/failure.h"
#include "net/tls/stream.h"

namespace wireway::net::detail {

/// What a stream keeps from the context that made it.
struct TlsRole {
  OwnedContext context;
  Side side = Side::server;
  std::string server_name = {};  ///< of a client
  std::string session_key = {};  ///< of a client: whose sessions it continues
  Duration handshake_timeout;
};

class TlsOver final : public TlsStream, private StreamHandler {
 public:
  /// Accepted.
  TlsOver(Loop& loop, std::unique_ptr<Stream> inner, TlsRole role, PlainText plain);
  /// Outgoing: connects at once.
  TlsOver(Loop& loop, Network& network, const TlsTarget& target, TlsRole role,
          StreamHandler& handler);
  /// Attached: the handshake is done; `held` has been received and not yet been read.
  TlsOver(Loop& loop, std::unique_ptr<Stream> inner, TlsRole role, OwnedSsl ssl, Bytes held);
  ~TlsOver() override;

  void set_handler(StreamHandler& handler) override { handler_ = &handler; }
  void write(ByteView bytes) override;
  std::size_t pending_bytes() const override;
  void pause_reading() override;
  void resume_reading() override;
  void close() override;
  std::unique_ptr<DetachedStream> detach() override;
  std::string peer() const override { return peer_; }

  bool encrypted() const override { return established_; }
  std::optional<PeerCertificate> peer_certificate() const override;
  std::string peer_certificates() const override;
  std::string_view alpn() const override;
  std::string server_name() const override;
  std::string_view version() const override;
  bool resumed() const override;

  /// OpenSSL's stream; null while it is between two loops.
  static const TlsOver* of(const SSL* ssl);
  const std::string& session_key() const { return role_.session_key; }
  WallTime now() const { return loop_.wall_now(); }

 private:
  enum class State {
    connecting,  ///< outgoing: the stream below is not open yet
    first_byte,  ///< accepted: whether it is TLS is not known yet
    handshake,
    open,
    plain,
    closing,  ///< the stream below is closing and ignores what still comes
    closed,
  };
  /// The promise to end the turn; survives the stream, so that it can be destroyed meanwhile.
  struct TurnEnd {
    explicit TurnEnd(TlsOver& of) : stream(&of) {}
    TurnEnd(const TurnEnd&) = delete;
    TurnEnd& operator=(const TurnEnd&) = delete;
    ~TurnEnd() { forget(); }
    void forget() {
      if (stream != nullptr) stream->turn_end_ = nullptr;
      stream = nullptr;
    }
    TlsOver* stream;
  };

  void on_open() override;
  void on_bytes(ByteView bytes) override;
  void on_drain() override;
  void on_close(const Error& reason) override;

  bool judge_first_byte(ByteView bytes);
  void begin_tls();
  void begin_client();
  bool take_input(ByteView bytes);
  bool shake_hands();
  bool handshake_done();
  bool read_records();
  void read_ended(int ssl_error);
  template <class Call>
  bool tell(Call call);
  bool carries_data() const { return state_ == State::open || state_ == State::plain; }

  void limit_handshake();
  void end_turn_later();
  void end_turn();
  void encrypt(ByteView bytes);
  void encrypt_out();
  void finish_close();
  void fail_with(Error error);
  FailureContext failure_context() const;

  static const BIO_METHOD* bio_method();
  static int bio_write(BIO* bio, const char* data, int length);
  static int bio_read(BIO* bio, char* data, int length);
  static long bio_control(BIO* bio, int command, long number, void* pointer);
  static int on_verify(int good, X509_STORE_CTX* verification);

  Loop& loop_;
  std::unique_ptr<Stream> inner_;
  TlsRole role_;
  OwnedSsl ssl_;
  StreamHandler* handler_ = nullptr;
  std::string peer_;
  Bytes out_;       ///< plain text of this turn, less than a record
  Bytes held_;      ///< received while paused, or to be read by a later turn
  ByteView input_;  ///< what OpenSSL has not read yet of the current on_bytes
  Timer handshake_timer_;
  TurnEnd* turn_end_ = nullptr;
  std::unique_ptr<Error> failure_;  ///< what on_close will say
  bool* destroyed_ = nullptr;       ///< set by the destructor while a handler runs
  std::size_t protocol_bytes_ = 0;  ///< written by OpenSSL on its own since all had left
  State state_;
  PlainText plain_ = PlainText::refuse;
  bool heard_ = false;  ///< the first byte has come
  bool established_ = false;
  bool paused_ = false;
  bool encrypting_ = false;
  bool close_wanted_ = false;  ///< close() came before the handshake was done
};

}  // namespace wireway::net::detail
