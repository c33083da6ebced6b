/** Certificates for tests, made anew each time: an authority, a server for loopback, a client, and a client of a stranger. */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensurePythonEnvironment } from '../../local/python-environment.ts';

/** Node cannot make certificates; the emulator's Python environment has a library that can. */
const PROGRAM = `
import datetime, ipaddress, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

folder = sys.argv[1]
now = datetime.datetime.now(datetime.timezone.utc)
names = [x509.DNSName("localhost"), x509.DNSName("temporal.test"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]

def make(name, issuer=None):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer[0].subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
    )
    certificate = builder.sign(key if issuer is None else issuer[1], hashes.SHA256())
    with open(f"{folder}/{name}.pem", "wb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
    with open(f"{folder}/{name}.key", "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return certificate, key

authority = make("authority")
make("server", authority)
make("client", authority)
make("stranger", make("strangers"))
`;

/** Files `<name>.pem` and `<name>.key` in the folder. */
export type Certificates = (name: 'authority' | 'server' | 'client' | 'stranger') => { cert: string; key: string };

export const makeCertificates = async (folder: string): Promise<Certificates> => {
  const { python } = await ensurePythonEnvironment('stack');
  await mkdir(folder, { recursive: true });
  await promisify(execFile)(python, ['-I', '-c', PROGRAM, folder]);
  return (name) => ({ cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) });
};
