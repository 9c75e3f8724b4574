"""The administrator's password, stored hashed, and the cookie that stands for it."""

import hashlib
import hmac
import secrets

_LENGTH = 12  # bytes of a generated password: 96 bits, 16 characters
_COST = {"n": 2**14, "r": 8, "p": 1}  # 16 MB and some 50 ms a guess


def new_password() -> str:
    """A password that cannot be guessed."""
    return secrets.token_urlsafe(_LENGTH)


def hash_password(password: str) -> str:
    """Hash for storing: scrypt with its own salt (RFC 7914)."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(password, salt).hex()}"


def is_password(password: str, stored: str) -> bool:
    """Compare with a stored hash, in constant time."""
    salt, _, digest = stored.partition("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)), bytes.fromhex(digest))


def sign(text: str, stored: str) -> str:
    """Sign a text as only who knows the stored hash can; a new password ends all signatures."""
    return f"{text}.{_signature(text, stored)}"


def signed_text(signed: str, stored: str) -> str | None:
    """The text, if its signature is right."""
    text, _, signature = signed.rpartition(".")
    right = _signature(text, stored)
    return text if hmac.compare_digest(signature.encode(), right.encode()) else None


def _signature(text: str, stored: str) -> str:
    return hmac.new(stored.encode(), text.encode(), hashlib.sha256).hexdigest()


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, dklen=32, **_COST)
