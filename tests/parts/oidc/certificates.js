// A certification authority made on the spot with openssl, and what it signed, as PEM files in a directory that goes
// away with the process.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const leaf = ['basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature'];
const clientUse = [...leaf, 'extendedKeyUsage=clientAuth'];

// Returns {name: path}: NAME_cert and NAME_key of ca, server (for 127.0.0.1 alone), client and next_client (one
// subject, two keys), stranger_client (that subject, but signed by itself) and self_signed_client.
export function makeCertificates() {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-oidc-'));
  process.on('exit', () => fs.rmSync(directory, { recursive: true, force: true }));
  const file = (name) => path.join(directory, name);
  fs.writeFileSync(file('openssl.cnf'), '[req]\ndistinguished_name=subject\n[subject]\n');
  const files = {};
  const make = (name, subject, extensions, signer) => {
    const paths = { cert: file(`${name}.pem`), key: file(`${name}.key`) };
    execFileSync('openssl', [
      'req', '-x509', '-config', file('openssl.cnf'), '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
      '-nodes', '-sha256', '-days', '30', '-subj', subject, '-keyout', paths.key, '-out', paths.cert,
      ...extensions.flatMap((extension) => ['-addext', extension]),
      ...(signer ? ['-CA', files[`${signer}_cert`], '-CAkey', files[`${signer}_key`]] : []),
    ], { stdio: 'pipe' });
    files[`${name}_cert`] = paths.cert;
    files[`${name}_key`] = paths.key;
  };
  make('ca', '/CN=Herald test CA', ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign']);
  make('server', '/CN=127.0.0.1', [...leaf, 'extendedKeyUsage=serverAuth', 'subjectAltName=IP:127.0.0.1'], 'ca');
  make('client', '/CN=mtls-client', clientUse, 'ca');
  make('next_client', '/CN=mtls-client', clientUse, 'ca');
  make('other_client', '/CN=some-other-client', clientUse, 'ca');
  make('stranger_client', '/CN=mtls-client', clientUse);
  make('self_signed_client', '/CN=self-signed-client', clientUse);
  return files;
}
