// GET /setup: the page that the set-up link opens. One form, no other file; what it may load and run is said by hash.

import { createHash } from 'node:crypto';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 26rem; margin: 12vh auto 0; padding: 0 1rem; }
label { display: block; margin-top: 1rem; }
input { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .5rem; }
button { margin-top: 1.5rem; font: inherit; padding: .5rem 1rem; }
`;

const SCRIPT = `
const form = document.querySelector('form');
const said = document.querySelector('output');
const token = location.hash.slice(1);
history.replaceState(null, '', location.pathname);
if (token === '') said.textContent = 'The link is not complete. On the machine of the appliance: rackseed setup-link';
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { name, password, again } = form.elements;
  if (password.value !== again.value) { said.textContent = 'The two passwords are not the same.'; return; }
  const body = JSON.stringify({ token, name: name.value, password: password.value });
  try {
    const answer = await fetch('/api/setup', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const { detail = '', hint = '' } = await answer.json();
    if (answer.ok) form.hidden = true;
    said.textContent = answer.ok ? 'You are the administrator now, and signed in.' : detail + '. ' + hint;
  } catch {
    said.textContent = 'The appliance does not answer. Is it running?';
  }
});
`;

const PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Rackseed: the first administrator</title>
<style>${STYLE}</style></head>
<body>
<h1>The first administrator</h1>
<form>
<label>Name <input name="name" autocomplete="username" required maxlength="64" pattern="[A-Za-z0-9][A-Za-z0-9._@\\-]*" autofocus></label>
<label>Password, 10 characters at least <input name="password" type="password" autocomplete="new-password" required minlength="10" maxlength="256"></label>
<label>The same again <input name="again" type="password" autocomplete="new-password" required></label>
<button>Set up</button>
</form>
<p><output role="status"></output></p>
<script>${SCRIPT}</script>
</body>
</html>
`;

const POLICY = [
  "default-src 'none'",
  `style-src '${hashOf(STYLE)}'`,
  `script-src '${hashOf(SCRIPT)}'`,
  "connect-src 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

export function setupPagePlugin(): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get('/', { config: { access: 'public' }, schema: { hide: true } }, async (_request, reply) =>
      reply.headers({ 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer' }).type('text/html; charset=utf-8').send(PAGE),
    );
  };
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
