"""Certificates that the AF makes, with the operator's CA or without one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from fivegms_af.__main__ import main
from fivegms_af.certificate_authority import LIFETIME, CertificateAuthority, issue, new_key
from fivegms_af.errors import CertificateAuthorityExpired
from support.authority import Authority, private_pem

NOW = datetime(2026, 11, 23, tzinfo=UTC)
NAMES = ["media.example", "192.0.2.1", "2001:db8::1"]


@pytest.fixture
def loaded(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority.load(*Authority.new(NOW).save(tmp_path))


def alternatives(certificate: x509.Certificate) -> list[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(one.value) for one in found]


def test_a_certificate_of_the_operators_ca(loaded: CertificateAuthority) -> None:
    key = new_key()
    [certificate] = x509.load_pem_x509_certificates(issue(NAMES, key, loaded, NOW))
    certificate.verify_directly_issued_by(loaded.certificate)
    assert certificate.public_key() == key.public_key()
    assert alternatives(certificate) == NAMES
    assert certificate.not_valid_after_utc == loaded.certificate.not_valid_after_utc


def test_without_a_ca_it_signs_itself() -> None:
    key = new_key()
    [certificate] = x509.load_pem_x509_certificates(issue(NAMES, key, None, NOW))
    certificate.verify_directly_issued_by(certificate)
    assert certificate.not_valid_after_utc == NOW + LIFETIME
    assert certificate.not_valid_before_utc < NOW
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert not constraints.value.ca


def test_a_name_that_is_too_long_for_a_common_name() -> None:
    name = f"{'a' * 60}.{'b' * 60}.example"
    [certificate] = x509.load_pem_x509_certificates(issue([name], new_key(), None, NOW))
    assert alternatives(certificate) == [name]


def test_what_is_between_the_ca_and_its_root_comes_along(tmp_path: Path) -> None:
    root, inner_key = Authority.new(NOW), ec.generate_private_key(ec.SECP256R1())
    inner = root.issue(inner_key.public_key(), [], NOW, ca=True, usage=None)
    files = tmp_path / "ca.pem", tmp_path / "key.pem"
    files[0].write_bytes(inner + root.pem)
    files[1].write_bytes(private_pem(inner_key))
    authority = CertificateAuthority.load(*files)
    chain = x509.load_pem_x509_certificates(issue(["a.example"], new_key(), authority, NOW))
    assert len(chain) == 2
    chain[0].verify_directly_issued_by(chain[1])
    chain[1].verify_directly_issued_by(root.certificate)


def test_a_ca_that_names_its_key_in_its_own_way_is_named_so(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier(b"our own"), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "ca.pem", tmp_path / "key.pem"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(private_pem(key))
    authority = CertificateAuthority.load(*files)
    [issued] = x509.load_pem_x509_certificates(issue(NAMES, new_key(), authority, NOW))
    named = issued.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert named.key_identifier == b"our own"


def test_an_expired_ca_issues_nothing(loaded: CertificateAuthority) -> None:
    with pytest.raises(CertificateAuthorityExpired):
        issue(NAMES, new_key(), loaded, NOW + timedelta(days=365))


def test_the_key_is_not_shown(loaded: CertificateAuthority) -> None:
    assert "key" not in repr(loaded)


def refusal(certificate: Path, key: Path) -> str:
    with pytest.raises(ValueError, match=r"pem") as refused:
        CertificateAuthority.load(certificate, key)
    return str(refused.value)


def test_files_that_are_no_ca_are_named(tmp_path: Path) -> None:
    authority = Authority.new(NOW)
    certificate, key = authority.save(tmp_path)
    odd = tmp_path / "odd.pem"
    assert "no PEM certificate" in refusal(odd, key)
    assert "cannot be read" in refusal(certificate, odd)
    odd.write_bytes(b"nothing")
    assert "no PEM certificate" in refusal(odd, key)
    assert "no unencrypted PEM private key" in refusal(certificate, odd)
    odd.write_bytes(private_pem(new_key()))
    assert "is not the key of" in refusal(certificate, odd)
    odd.write_bytes(
        authority.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        )
    )
    assert "no unencrypted PEM private key" in refusal(certificate, odd)
    odd.write_bytes(
        ed25519.Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    )
    assert "neither EC nor RSA" in refusal(certificate, odd)


def test_a_servers_certificate_is_no_ca(tmp_path: Path) -> None:
    server = new_key()
    certificate, key = tmp_path / "server.pem", tmp_path / "key.pem"
    certificate.write_bytes(Authority.new(NOW).issue(server.public_key(), ["a.example"], NOW))
    key.write_bytes(private_pem(server))
    assert "not the certificate of a CA" in refusal(certificate, key)


@pytest.mark.parametrize("given", [["--certificate-authority"], ["--certificate-authority-key"]])
def test_a_ca_and_its_key_are_given_together(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*given, str(tmp_path / "ca.pem")])
    assert ended.value.code == 2
    assert "come together" in capsys.readouterr().err


def test_a_ca_that_cannot_be_read_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "ca.pem")
    with pytest.raises(SystemExit):
        main(["--certificate-authority", missing, "--certificate-authority-key", missing])
    assert "no PEM certificate" in capsys.readouterr().err
