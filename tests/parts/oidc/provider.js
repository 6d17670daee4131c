// The library's configuration: everything Herald may meet at a certified authorization server.
import crypto from 'node:crypto';

import { clients, macAlgorithms, signingAlgorithms } from './clients.js';
import { sha256 } from './dpop.js';
import { MapAdapter } from './map_adapter.js';

// The library's start-up notices must not mix with the one line that is printed.
console.info = console.error;
console.warn = console.error;

const { default: Provider } = await import('oidc-provider');
const { default: internals } = await import('oidc-provider/lib/helpers/weak_cache.js');

const cookieKey = crypto.randomBytes(16).toString('hex');
const nonceSecret = crypto.randomBytes(32);
const mutualTls = {
  enabled: true,
  certificateBoundAccessTokens: true,
  selfSignedTlsClientAuth: true,
  tlsClientAuth: true,
  getCertificate: (ctx) => ctx.socket.getPeerX509Certificate?.(),
  certificateAuthorized: (ctx) => ctx.socket.authorized,
  certificateSubjectMatches: (ctx, property, expected) => property === 'tls_client_auth_subject_dn'
    && ctx.socket.getPeerX509Certificate().subject === expected,
};

function features(nonces) {
  return {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    deviceFlow: { enabled: true },
    dPoP: { enabled: true, ...(nonces ? { nonceSecret, requireNonce: () => true } : {}) },
    mTLS: mutualTls,
    devInteractions: { enabled: false },
  };
}

// Events as counters. The library words its reasons in `error_detail`.
function count(provider, counts) {
  const reasons = new Map([
    ['client assertion tokens must only be used once', 'replayed_assertions'],
    ['DPoP proof JWT Replay detected', 'dpop_replays'],
    ['refresh token already used', 'refresh_reuse'],
  ]);
  provider.on('grant.success', () => { counts.token_successes += 1; });
  provider.on('grant.revoked', () => { counts.grants_revoked += 1; });
  provider.on('authorization.success', () => { counts.authorizations += 1; });
  provider.on('grant.error', (ctx, error) => {
    if (error.error === 'use_dpop_nonce') counts.dpop_nonce_challenges += 1;
    const reason = reasons.get(error.error_detail);
    if (reason) counts[reason] += 1;
    counts.token_errors[error.error] = (counts.token_errors[error.error] ?? 0) + 1;
    counts.last_error = { error: error.error, detail: error.error_detail ?? error.error_description };
  });
}

// `shared` holds counts, settings, assertions (those that were accepted are appended), nonces or none, more clients and
// discovery members. Several providers share one store of tokens, since the adapter is one.
export function createProvider(issuer, { counts, settings, assertions, nonces, moreClients, discovery }) {
  const { lifetime } = settings;
  const provider = new Provider(issuer, {
    adapter: MapAdapter,
    clients: [...clients, ...moreClients],
    scopes: ['openid', 'offline_access', 'read', 'write'],
    clientAuthMethods: [
      'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none',
      'tls_client_auth', 'self_signed_tls_client_auth',
    ],
    enabledJWA: {
      clientAuthSigningAlgValues: [...macAlgorithms, ...signingAlgorithms],
      dPoPSigningAlgValues: ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'],
    },
    assertJwtClientAuthClaimsAndHeader: async (ctx, claims, header) => { assertions.push({ header, claims }); },
    features: features(nonces),
    cookies: { keys: [cookieKey] },
    pkce: { methods: ['S256'], required: () => true },
    discovery,
    findAccount: (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    ttl: {
      ClientCredentials: lifetime, AccessToken: lifetime, RefreshToken: 86400, Grant: 86400,
      IdToken: 3600, Session: 86400, Interaction: 3600, AuthorizationCode: 60,
      DeviceCode: () => settings.device_lifetime,
    },
  });
  if (nonces) internals(provider).DPoPNonces = nonces;
  count(provider, counts);
  return provider;
}

export const thumbprintOf = (certificate) => sha256(certificate.raw);
