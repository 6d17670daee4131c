// A real authorization server (node-oidc-provider) with protected resources beside it, on loopback.
//
//   node server.js [--lifetime SECONDS] [--dpop-nonce] [--tls]
//
// Prints one line {"port","admin","issuer"}, with --tls also {"tls_port","tls_issuer","files"}: the same clients and
// tokens over TLS, client certificates asked for but not demanded; `files` are the PEM files of certificates.js.
// `port` serves what /.well-known/openid-configuration lists (also under RFC 8414's name, which the library does not
// serve), and the login pages (interaction.js).
// `tls_port` serves that too, and
//   ANY  /mtls-resource    200 if the token is bound to the certificate of this connection, else 401
// `admin` serves
//   ANY  /resource         200 for a valid bearer token, else 401
//   ANY  /dpop-resource    200 for a valid DPoP-bound token and proof, else 401; with --dpop-nonce a nonce of its own
//   POST /refresh-token    {"refresh_token"} minted for {"client_id"}, `refresher` if none is given
//   GET  /keys             {ALG: private key PEM} of the clients `jwt-ALG`, whose kid is `ALG-key`
//   GET  /assertions       [{"header","claims"}] of the client assertions accepted so far
//   GET  /token-headers    [{name: value}] of the requests to /token so far
//   POST /device/approve, /device/deny   {"user_code"}
//   POST /dpop             {"rotate": "as"|"rs"}: nonces given so far are stale; {"single_use": bool}: each works once
//   POST /inject           {"path","status","headers","body","times"}: the next requests to the path get this instead
//   POST /set              {"device_lifetime", "device_interval": seconds}; no interval is told unless one is set
//   GET  /counts           {"token_requests","token_successes","resource_ok","resource_refused",...}
//   POST /forget           every access token issued so far stops working
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

import { makeCertificates } from './certificates.js';
import { selfSignedClient, signingKeys } from './clients.js';
import { DpopGuard, Nonces } from './dpop.js';
import { interact } from './interaction.js';
import { createProvider, thumbprintOf } from './provider.js';

const { values: options } = parseArgs({
  options: {
    lifetime: { type: 'string', default: '600' },
    'dpop-nonce': { type: 'boolean', default: false },
    tls: { type: 'boolean', default: false },
  },
});
const settings = { lifetime: Number(options.lifetime), device_lifetime: 600 };
const counts = {
  token_requests: 0, token_successes: 0, token_errors: {}, last_error: null,
  revocations: 0, introspections: 0, grants_revoked: 0, refresh_reuse: 0, replayed_assertions: 0,
  authorizations: 0, device_authorizations: 0, injected: 0,
  resource_ok: 0, resource_refused: 0, mtls_resource_ok: 0, mtls_resource_refused: 0, mtls_wrong_certificate: 0,
  dpop_nonce_challenges: 0, dpop_replays: 0, dpop_resource_ok: 0, dpop_resource_refused: 0,
  dpop_resource_nonce_challenges: 0, dpop_resource_replays: 0, dpop_resource_last_error: null,
};
const nonces = options['dpop-nonce'] ? { as: new Nonces(), rs: new Nonces() } : {};
const guard = new DpopGuard(nonces.rs);
const assertions = [];
const tokenHeaders = [];
const injections = [];
const issuedAt = new Map();
let forgottenBefore = 0n;

function answer(response, status, body, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

// The token of the Authorization header, if it has this scheme and is valid.
async function presentedToken(provider, request, wantedScheme) {
  const [scheme, value] = (request.headers.authorization ?? '').split(' ');
  if (scheme !== wantedScheme || !value) return undefined;
  const token = (await provider.ClientCredentials.find(value)) ?? (await provider.AccessToken.find(value));
  return token?.isValid && issuedAt.get(token.jti) > forgottenBefore ? token : undefined;
}

async function serveResource(provider, request, response) {
  const token = await presentedToken(provider, request, 'Bearer');
  const ok = Boolean(token) && !token.isSenderConstrained();
  counts[ok ? 'resource_ok' : 'resource_refused'] += 1;
  answer(response, ok ? 200 : 401, { ok }, ok ? {} : { 'www-authenticate': 'Bearer error="invalid_token"' });
}

async function serveMtlsResource(provider, request, response) {
  const token = await presentedToken(provider, request, 'Bearer');
  const certificate = request.socket.getPeerX509Certificate();
  const bound = token?.['x5t#S256'];
  const ok = Boolean(bound && certificate) && bound === thumbprintOf(certificate);
  if (bound && !ok) counts.mtls_wrong_certificate += 1;
  counts[ok ? 'mtls_resource_ok' : 'mtls_resource_refused'] += 1;
  answer(response, ok ? 200 : 401, { ok }, ok ? {} : { 'www-authenticate': 'Bearer error="invalid_token"' });
}

async function serveDpopResource(provider, request, response) {
  const token = await presentedToken(provider, request, 'DPoP');
  const url = new URL(request.url, `http://${request.headers.host}`);
  let failure = token?.jkt ? undefined : { code: 'invalid_token', message: 'no DPoP-bound token' };
  try {
    if (!failure) guard.check(request, url, request.headers.authorization.split(' ')[1], token.jkt);
  } catch (error) {
    failure = { code: error.code ?? 'invalid_dpop_proof', message: error.message };
  }
  const headers = nonces.rs ? { 'dpop-nonce': nonces.rs.nextNonce() } : {};
  if (!failure) {
    counts.dpop_resource_ok += 1;
    return answer(response, 200, { ok: true }, headers);
  }
  if (failure.code === 'use_dpop_nonce') counts.dpop_resource_nonce_challenges += 1;
  else counts.dpop_resource_refused += 1;
  if (failure.code === 'replayed') counts.dpop_resource_replays += 1;
  counts.dpop_resource_last_error = failure;
  const error = failure.code === 'replayed' ? 'invalid_dpop_proof' : failure.code;
  headers['www-authenticate'] = `DPoP error="${error}", algs="ES256 PS256"`;
  return answer(response, 401, failure, headers);
}

async function mintRefreshToken(provider, { client_id: clientId = 'refresher' }) {
  const accountId = 'someone';
  const client = await provider.Client.find(clientId);
  const grant = new provider.Grant({ clientId, accountId });
  grant.addOIDCScope('openid offline_access');
  const grantId = await grant.save();
  const token = new provider.RefreshToken({
    accountId, client, grantId, gty: 'authorization_code', scope: 'openid offline_access',
  });
  return token.save();
}

// What the verification page would do once the user has logged in and agreed, or has not.
async function decideDevice(provider, { user_code: userCode }, approved) {
  const code = await provider.DeviceCode.findByUserCode(userCode.toUpperCase().replace(/[^A-Z0-9]/g, ''));
  if (!code) return false;
  if (approved) {
    const grant = new provider.Grant({ clientId: code.clientId, accountId: 'someone' });
    grant.addOIDCScope(code.params.scope ?? '');
    Object.assign(code, { accountId: 'someone', grantId: await grant.save(), scope: code.params.scope });
  } else {
    Object.assign(code, { error: 'access_denied', errorDescription: 'End-User aborted interaction' });
  }
  await code.save();
  return true;
}

function controlDpop({ rotate, single_use: singleUse }) {
  if (rotate) nonces[rotate].rotate();
  if (singleUse !== undefined) for (const each of Object.values(nonces)) each.singleUse = singleUse;
}

async function handleAdmin(provider, request, response) {
  const body = await text(request);
  const { pathname } = new URL(request.url, 'http://admin');
  if (pathname.startsWith('/resource')) return serveResource(provider, request, response);
  if (pathname.startsWith('/dpop-resource')) return serveDpopResource(provider, request, response);
  const parameters = body ? JSON.parse(body) : {};
  switch (`${request.method} ${pathname}`) {
    case 'POST /refresh-token':
      return answer(response, 200, { refresh_token: await mintRefreshToken(provider, parameters) });
    case 'GET /keys':
      return answer(response, 200, await signingKeys());
    case 'GET /assertions':
      return answer(response, 200, assertions);
    case 'GET /token-headers':
      return answer(response, 200, tokenHeaders);
    case 'GET /counts':
      return answer(response, 200, counts);
    case 'POST /device/approve':
    case 'POST /device/deny':
      return answer(response, await decideDevice(provider, parameters, pathname.endsWith('approve')) ? 200 : 404, {});
    case 'POST /dpop':
      controlDpop(parameters);
      return answer(response, 200, {});
    case 'POST /inject':
      injections.push({ times: 1, headers: {}, body: {}, ...parameters });
      return answer(response, 200, {});
    case 'POST /set':
      return answer(response, 200, Object.assign(settings, parameters));
    case 'POST /forget':
      forgottenBefore = process.hrtime.bigint();
      return answer(response, 200, {});
    default:
      return answer(response, 404, {});
  }
}

function takeInjection(pathname) {
  const injection = injections.find(({ path, times }) => path === pathname && times > 0);
  if (injection) injection.times -= 1;
  return injection;
}

async function handle(provider, serve, request, response) {
  const { pathname } = new URL(request.url, 'http://server');
  if (pathname === '/token') {
    counts.token_requests += 1;
    tokenHeaders.push(request.headers);
  }
  if (pathname === '/token/revocation') counts.revocations += 1;
  if (pathname === '/token/introspection') counts.introspections += 1;
  if (pathname === '/device/auth') counts.device_authorizations += 1;
  const injection = takeInjection(pathname);
  if (injection) {
    counts.injected += 1;
    await text(request);
    return answer(response, injection.status, injection.body, injection.headers);
  }
  if (pathname.startsWith('/mtls-resource') && request.socket.encrypted) {
    await text(request);
    return serveMtlsResource(provider, request, response);
  }
  if (await interact(provider, request, response)) return undefined;
  if (pathname === '/.well-known/oauth-authorization-server') request.url = '/.well-known/openid-configuration';
  return serve(request, response);
}

async function listen(server) {
  server.keepAliveTimeout = 30_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

function mount(server, issuer, more) {
  const provider = createProvider(issuer, { counts, settings, assertions, nonces: nonces.as, ...more });
  for (const event of ['client_credentials.saved', 'access_token.saved']) {
    provider.on(event, (token) => issuedAt.set(token.jti, process.hrtime.bigint()));
  }
  provider.on('device_authorization.success', (ctx, body) => {
    if (settings.device_interval) Object.assign(body, { interval: settings.device_interval });
  });
  const serve = provider.callback();
  server.on('request', (request, response) => {
    handle(provider, serve, request, response).catch((error) => {
      if (response.headersSent) response.destroy();
      else answer(response, 400, { error: String(error) });
    });
  });
  return provider;
}

function aliases(issuer) {
  return { mtls_endpoint_aliases: {
    token_endpoint: `${issuer}/token`, revocation_endpoint: `${issuer}/token/revocation`,
    introspection_endpoint: `${issuer}/token/introspection`, userinfo_endpoint: `${issuer}/me`,
    device_authorization_endpoint: `${issuer}/device/auth`,
  } };
}

async function listenWithTls(files) {
  const read = (name) => fs.readFileSync(files[name]);
  const server = https.createServer({
    key: read('server_key'), cert: read('server_cert'), ca: read('ca_cert'), minVersion: 'TLSv1.2',
    requestCert: true, rejectUnauthorized: false,
  });
  return { server, port: await listen(server) };
}

const plainServer = http.createServer();
const port = await listen(plainServer);
const printed = { port, issuer: `http://127.0.0.1:${port}` };
let more = { moreClients: [], discovery: {} };
if (options.tls) {
  const files = makeCertificates();
  const tls = await listenWithTls(files);
  Object.assign(printed, { tls_port: tls.port, tls_issuer: `https://127.0.0.1:${tls.port}`, files });
  more = {
    moreClients: [selfSignedClient(fs.readFileSync(files.self_signed_client_cert))],
    discovery: aliases(printed.tls_issuer),
  };
  mount(tls.server, printed.tls_issuer, more);
}
const provider = mount(plainServer, printed.issuer, more);
const adminServer = http.createServer((request, response) => {
  handleAdmin(provider, request, response).catch((error) => answer(response, 500, { error: String(error) }));
});
printed.admin = await listen(adminServer);
console.log(JSON.stringify(printed));
// Never outlives the test that started it.
process.stdin.on('end', () => process.exit(0)).resume();
