// A login page and a consent page, driven by plain HTTP: GET /interaction/UID shows the form of the step at hand,
// which posts back to the same path. Any login name is accepted; `abort` denies.
import { text } from 'node:stream/consumers';

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (value) => String(value).replace(/[&<>"]/g, (character) => escapes[character]);

function page(title, fields) {
  return `<!DOCTYPE html><html><head><title>${title}</title></head><body><h1>${title}</h1>
<form method="post">${fields}<button type="submit" name="decision" value="continue">Continue</button>
<button type="submit" name="decision" value="abort">Cancel</button></form></body></html>`;
}

const pages = {
  login: () => page('Sign-in', '<input type="hidden" name="prompt" value="login">'
    + '<input type="text" name="login" required><input type="password" name="password">'),
  consent: ({ params }) => page('Authorize', '<input type="hidden" name="prompt" value="consent">'
    + `<p>${escape(params.client_id)} asks for ${escape(params.scope ?? 'nothing')}</p>`),
};

async function consent(provider, { prompt: { details }, grantId, session, params }) {
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (details.missingOIDCScope) grant.addOIDCScope(details.missingOIDCScope.join(' '));
  if (details.missingOIDCClaims) grant.addOIDCClaims(details.missingOIDCClaims);
  return { consent: { grantId: await grant.save() } };
}

async function resultOf(provider, interaction, form) {
  if (form.get('decision') === 'abort') {
    return { error: 'access_denied', error_description: 'End-User aborted interaction' };
  }
  if (interaction.prompt.name === 'consent') return consent(provider, interaction);
  return form.get('login') ? { login: { accountId: form.get('login') } } : undefined;
}

// Answers /interaction/...; false when the path is another.
export async function interact(provider, request, response) {
  if (!request.url.startsWith('/interaction/')) return false;
  const interaction = await provider.interactionDetails(request, response);
  if (request.method === 'POST') {
    const form = new URLSearchParams(await text(request));
    const result = form.get('prompt') === interaction.prompt.name
      ? await resultOf(provider, interaction, form) : undefined;
    if (result) {
      await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: !result.login });
      return true;
    }
  }
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
  response.end(pages[interaction.prompt.name](interaction));
  return true;
}
