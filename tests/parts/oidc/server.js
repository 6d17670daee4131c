// A real authorization server (node-oidc-provider) with a protected resource beside it, on loopback.
//
//   node server.js [--lifetime SECONDS]
//
// Prints one line {"port":…,"admin":…}. `port` serves /token, /token/introspection and /token/revocation;
// `admin` serves
//   GET  /resource         200 for a valid access token, 401 otherwise (any method)
//   POST /refresh-token    {"refresh_token"} minted for the client `refresher`
//   GET  /counts           {"token_requests","token_successes","resource_ok","resource_refused",…}
//   POST /forget           every access token issued so far stops working
import { once } from 'node:events';
import http from 'node:http';
import { parseArgs } from 'node:util';

// The library's start-up notices must not mix with the one line that is printed.
console.info = console.error;
console.warn = console.error;

const { default: Provider } = await import('oidc-provider');
const { MapAdapter } = await import('./map_adapter.js');

const { values: options } = parseArgs({ options: { lifetime: { type: 'string', default: '600' } } });
const lifetime = Number(options.lifetime);
const specialSecret = 'some secure & non-standard secret+/=%';
const counts = {
  token_requests: 0, token_successes: 0, revocations: 0, introspections: 0,
  resource_ok: 0, resource_refused: 0, grants_revoked: 0,
};
const issuedAt = new Map();
let forgottenBefore = 0n;

function machineClient(id, secret, method) {
  return {
    client_id: id,
    client_secret: secret,
    token_endpoint_auth_method: method,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    scope: 'read write',
  };
}

const clients = [
  machineClient('an:identifier', specialSecret, 'client_secret_basic'),
  machineClient('an:identifier:post', specialSecret, 'client_secret_post'),
  machineClient('plain', 'plain-secret-0123456789', 'client_secret_post'),
  {
    client_id: 'refresher',
    client_secret: 'refresher-secret-0123456789',
    token_endpoint_auth_method: 'client_secret_post',
    grant_types: ['refresh_token', 'authorization_code'],
    response_types: ['code'],
    redirect_uris: ['http://127.0.0.1/callback'],
    application_type: 'native',
    scope: 'openid offline_access',
  },
];

function createProvider(issuer) {
  const provider = new Provider(issuer, {
    adapter: MapAdapter,
    clients,
    scopes: ['openid', 'offline_access', 'read', 'write'],
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      devInteractions: { enabled: false },
    },
    findAccount: (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    rotateRefreshToken: true,
    ttl: {
      ClientCredentials: lifetime, AccessToken: lifetime, RefreshToken: 86400, Grant: 86400,
      IdToken: 3600, Session: 86400, Interaction: 3600, AuthorizationCode: 60,
    },
  });
  provider.on('grant.success', () => { counts.token_successes += 1; });
  provider.on('grant.revoked', () => { counts.grants_revoked += 1; });
  return provider;
}

async function mintRefreshToken(provider) {
  const accountId = 'someone';
  const client = await provider.Client.find('refresher');
  const grant = new provider.Grant({ clientId: client.clientId, accountId });
  grant.addOIDCScope('openid offline_access');
  const grantId = await grant.save();
  const token = new provider.RefreshToken({
    accountId, client, grantId, gty: 'authorization_code', scope: 'openid offline_access',
  });
  return token.save();
}

async function isValidToken(provider, request) {
  const [scheme, value] = (request.headers.authorization ?? '').split(' ');
  if (scheme !== 'Bearer' || !value) return false;
  const token = (await provider.ClientCredentials.find(value)) ?? (await provider.AccessToken.find(value));
  return Boolean(token?.isValid) && issuedAt.get(token.jti) > forgottenBefore;
}

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function handleAdmin(provider, request, response) {
  request.resume();
  await once(request, 'end');
  const { pathname } = new URL(request.url, 'http://admin');
  if (pathname.startsWith('/resource')) {
    const ok = await isValidToken(provider, request);
    counts[ok ? 'resource_ok' : 'resource_refused'] += 1;
    if (!ok) response.setHeader('www-authenticate', 'Bearer error="invalid_token"');
    return answer(response, ok ? 200 : 401, { ok });
  }
  switch (`${request.method} ${pathname}`) {
    case 'POST /refresh-token':
      return answer(response, 200, { refresh_token: await mintRefreshToken(provider) });
    case 'GET /counts':
      return answer(response, 200, counts);
    case 'POST /forget':
      forgottenBefore = process.hrtime.bigint();
      return answer(response, 200, {});
    default:
      return answer(response, 404, {});
  }
}

async function listen(server) {
  server.keepAliveTimeout = 30_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

const authorizationServer = http.createServer();
const port = await listen(authorizationServer);
const provider = createProvider(`http://127.0.0.1:${port}`);
for (const event of ['client_credentials.saved', 'access_token.saved']) {
  provider.on(event, (token) => issuedAt.set(token.jti, process.hrtime.bigint()));
}
const serve = provider.callback();
authorizationServer.on('request', (request, response) => {
  if (request.url === '/token') counts.token_requests += 1;
  if (request.url === '/token/revocation') counts.revocations += 1;
  if (request.url === '/token/introspection') counts.introspections += 1;
  serve(request, response);
});
const adminServer = http.createServer((request, response) => {
  handleAdmin(provider, request, response).catch((error) => answer(response, 500, { error: String(error) }));
});
const admin = await listen(adminServer);
console.log(JSON.stringify({ port, admin }));
// Never outlives the test that started it.
process.stdin.on('end', () => process.exit(0)).resume();
