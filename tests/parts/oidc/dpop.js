// DPoP (RFC 9449) as the test server needs it: nonces a test can make stale, and the check a resource makes of a proof.
import crypto from 'node:crypto';

const proofLifetime = 300;
const verifiers = {
  RS256: { hash: 'sha256', kty: 'RSA' },
  PS256: { hash: 'sha256', kty: 'RSA', padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  ES256: { hash: 'sha256', kty: 'EC', crv: 'P-256', dsaEncoding: 'ieee-p1363' },
  ES384: { hash: 'sha384', kty: 'EC', crv: 'P-384', dsaEncoding: 'ieee-p1363' },
  ES512: { hash: 'sha512', kty: 'EC', crv: 'P-521', dsaEncoding: 'ieee-p1363' },
  EdDSA: { hash: null, kty: 'OKP', crv: 'Ed25519' },
};
const thumbprintMembers = { RSA: ['e', 'kty', 'n'], EC: ['crv', 'kty', 'x', 'y'], OKP: ['crv', 'kty', 'x'] };

export const sha256 = (data) => crypto.createHash('sha256').update(data).digest('base64url');

// The shape the library expects of its own nonces. `singleUse`: every answer brings a new one, each is good once.
export class Nonces {
  constructor() {
    this.singleUse = false;
    this.rotate();
  }

  rotate() {
    this.current = crypto.randomBytes(16).toString('base64url');
    this.valid = new Set([this.current]);
  }

  nextNonce() {
    if (!this.singleUse) return this.current;
    const nonce = crypto.randomBytes(16).toString('base64url');
    this.valid.add(nonce);
    return nonce;
  }

  checkNonce(nonce) {
    return this.singleUse ? this.valid.delete(nonce) : this.valid.has(nonce);
  }
}

export class DpopError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

function demand(condition, message) {
  if (!condition) throw new DpopError('invalid_dpop_proof', message);
}

function parseProof(proof) {
  const parts = proof.split('.');
  demand(parts.length === 3, 'the proof is no JWT');
  try {
    const [header, payload] = parts.slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
    return { header, payload, signed: parts.slice(0, 2).join('.'), signature: Buffer.from(parts[2], 'base64url') };
  } catch {
    throw new DpopError('invalid_dpop_proof', 'the proof is no JWT');
  }
}

function verifySignature({ header, signed, signature }) {
  const { hash, kty, crv, ...options } = verifiers[header.alg] ?? {};
  demand(header.typ === 'dpop+jwt', 'typ is not dpop+jwt');
  demand(kty, 'alg is not supported');
  demand(header.jwk?.kty === kty && (!crv || header.jwk.crv === crv), 'jwk does not fit alg');
  demand(header.jwk.d === undefined, 'jwk holds a private key');
  const key = crypto.createPublicKey({ key: header.jwk, format: 'jwk' });
  demand(crypto.verify(hash, Buffer.from(signed), { key, ...options }, signature), 'the signature does not verify');
}

function thumbprint(jwk) {
  return sha256(JSON.stringify(Object.fromEntries(thumbprintMembers[jwk.kty].map((name) => [name, jwk[name]]))));
}

// A resource that insists on every rule; `nonces` only when it demands them.
export class DpopGuard {
  constructor(nonces) {
    this.nonces = nonces;
    this.seen = new Set();
  }

  // `url` is where the request went. Throws a DpopError unless the proof fits the request, the token and its key.
  check(request, url, token, jkt) {
    const proof = parseProof(request.headers.dpop ?? '');
    verifySignature(proof);
    const { payload, header } = proof;
    demand(payload.htm === request.method, 'htm is another method');
    demand(payload.htu === url.origin + url.pathname, `htu is not ${url.origin}${url.pathname}`);
    demand(payload.ath === sha256(token), 'ath is not of this token');
    demand(Math.abs(Date.now() / 1000 - payload.iat) <= proofLifetime, 'iat is too far off');
    demand(typeof payload.jti === 'string' && payload.jti, 'jti is missing');
    if (thumbprint(header.jwk) !== jkt) throw new DpopError('invalid_token', 'the token belongs to another key');
    if (this.nonces && !this.nonces.checkNonce(payload.nonce)) throw new DpopError('use_dpop_nonce', 'nonce required');
    if (this.seen.has(payload.jti)) throw new DpopError('replayed', 'jti was used before');
    this.seen.add(payload.jti);
  }
}
