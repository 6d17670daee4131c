// The clients of the authorization server, and the keys of those that sign.
import crypto from 'node:crypto';
import { promisify } from 'node:util';

import { MapAdapter } from './map_adapter.js';

const generateKeyPair = promisify(crypto.generateKeyPair);
const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code';
const loopbackCallbacks = ['http://127.0.0.1/callback', 'http://[::1]/callback'];
const curves = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

export const signingAlgorithms = [
  'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA',
];
export const macAlgorithms = ['HS256', 'HS384', 'HS512'];

function machineClient(id, method, more) {
  return {
    client_id: id,
    token_endpoint_auth_method: method,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    scope: 'read write',
    ...more,
  };
}

function appClient(id, method, more) {
  return {
    client_id: id,
    token_endpoint_auth_method: method,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: loopbackCallbacks,
    application_type: 'native',
    scope: 'openid offline_access read write',
    ...more,
  };
}

export const macSecret = (alg) => `${alg} secret of the client that signs with it, long enough for SHA-512 +/=%&`;

export const clients = [
  machineClient('an:identifier', 'client_secret_basic', { client_secret: 'some secure & non-standard secret+/=%' }),
  machineClient('an:identifier:post', 'client_secret_post', { client_secret: 'some secure & non-standard secret+/=%' }),
  machineClient('plain', 'client_secret_post', { client_secret: 'plain-secret-0123456789' }),
  machineClient('dpop-client', 'client_secret_post', {
    client_secret: 'dpop-secret-0123456789', dpop_bound_access_tokens: true,
  }),
  machineClient('mtls-client', 'tls_client_auth', {
    tls_client_auth_subject_dn: 'CN=mtls-client', tls_client_certificate_bound_access_tokens: true,
  }),
  ...macAlgorithms.map((alg) => machineClient(`jwt-${alg}`, 'client_secret_jwt', {
    client_secret: macSecret(alg), token_endpoint_auth_signing_alg: alg,
  })),
  appClient('refresher', 'client_secret_post', {
    client_secret: 'refresher-secret-0123456789',
    redirect_uris: ['http://127.0.0.1/callback'],
    scope: 'openid offline_access',
  }),
  appClient('dpop-refresher', 'client_secret_post', {
    client_secret: 'dpop-refresher-secret-0123456789', dpop_bound_access_tokens: true,
  }),
  appClient('native-app', 'none'),
  appClient('confidential-app', 'client_secret_basic', { client_secret: 'confidential secret+/=%0123456789' }),
  appClient('device-app', 'none', {
    grant_types: [deviceCodeGrant, 'refresh_token'], response_types: [], redirect_uris: [],
  }),
];

export function selfSignedClient(certificatePem) {
  const certificate = new crypto.X509Certificate(certificatePem);
  const jwk = certificate.publicKey.export({ format: 'jwk' });
  return machineClient('self-signed-client', 'self_signed_tls_client_auth', {
    tls_client_certificate_bound_access_tokens: true,
    jwks: { keys: [{ ...jwk, use: 'sig', x5c: [certificate.raw.toString('base64')] }] },
  });
}

async function keysFor(algorithms) {
  const rsa = await generateKeyPair('rsa', { modulusLength: 2048 });
  return Promise.all(algorithms.map(async (alg) => {
    if (alg === 'EdDSA') return [alg, await generateKeyPair('ed25519')];
    return [alg, curves[alg] ? await generateKeyPair('ec', { namedCurve: curves[alg] }) : rsa];
  }));
}

let published;

// Makes the key pairs and the clients `jwt-ALG` that use them, the first time it is asked: {ALG: private key PEM}.
export function signingKeys() {
  published ??= (async () => {
    const store = new MapAdapter('Client');
    const pems = {};
    for (const [alg, { publicKey, privateKey }] of await keysFor(signingAlgorithms)) {
      const jwk = { ...publicKey.export({ format: 'jwk' }), kid: `${alg}-key`, alg, use: 'sig' };
      pems[alg] = privateKey.export({ type: 'pkcs8', format: 'pem' });
      await store.upsert(`jwt-${alg}`, machineClient(`jwt-${alg}`, 'private_key_jwt', {
        token_endpoint_auth_signing_alg: alg, jwks: { keys: [jwk] },
      }));
    }
    return pems;
  })();
  return published;
}
