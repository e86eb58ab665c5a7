#pragma once
/// Tokens and passwords as link/credentials checks them, in the words of this folder.

#include "link/credentials/jwt.h"
#include "link/credentials/password.h"

namespace wireway::control {

using link::base64url_decode;
using link::base64url_encode;
using link::hash_password;
using link::is_password;
using link::Jwt;
using link::password_bytes_max;
using link::password_bytes_min;
using link::PublicKey;
using link::sha256;
using link::SigningKey;
using link::spend_a_check;
using link::token_bytes_max;
using link::token_clock_skew;

}  // namespace wireway::control
