// Who may use the appliance, over a real start: HTTP basic with bcrypt on its thread, the CLI, and what the configuration refuses.

import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { describe, expect, it } from 'vitest';
import { type Appliance, cli, serveToEnd, startAppliance, temporarySite } from '../support/appliance.ts';
import { containing, matching } from '../support/containing.ts';

const PLAIN = 'tls = false\n';

async function siteWith(htpasswd: string, auth: string) {
  const site = await temporarySite(PLAIN);
  const path = join(site.directory, 'htpasswd');
  await writeFile(path, htpasswd);
  await appendFile(site.configPath, `[auth]\nmode = "basic"\nhtpasswd_file = "${path}"\n${auth}`);
  return { site, path };
}

async function ask({ site }: Pick<Appliance, 'site'>, path: string, credentials?: string) {
  const headers = credentials === undefined ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
  const response = await fetch(`http://127.0.0.1:${site.apiPort}${path}`, { headers });
  return { status: response.status, body: await response.text() };
}

describe('HTTP basic', () => {
  it('lets the users of the file in, and never stops the event loop while bcrypt computes', async () => {
    const { site } = await siteWith(`ada:${hashSync('secret of ada', 12)}\n`, '');
    const appliance = await startAppliance(site);
    let isDone = false;
    const first = ask(appliance, '/v1/nodes', 'ada:secret of ada').finally(() => {
      isDone = true;
    });
    // Cost 12 takes a quarter of a second at least: on the event loop no answer would come before it is done.
    let answersMeanwhile = 0;
    while (!isDone) {
      await ask(appliance, '/healthz');
      answersMeanwhile += 1;
    }
    expect((await first).status).toBe(200);
    expect(answersMeanwhile).toBeGreaterThan(3);
    expect((await ask(appliance, '/v1/nodes', 'ada:wrong')).body).toBe('{"error":{"message":"Incorrect username or password","code":401}}');
    expect((await ask(appliance, '/v1')).status).toBe(200);
    expect((await appliance.stop()).code).toBe(0);
  });

  it('is refused at the start with the line of a hash that is not bcrypt', async () => {
    const { site, path } = await siteWith(`\nada:$apr1$x$y\n`, '');
    const end = await serveToEnd(site);
    expect(end).toMatchObject({ code: 1, stderr: containing(`${path}:2 has no bcrypt hash for "ada"`) });
  });

  it('is refused without a file, and when a user is named twice', async () => {
    const site = await temporarySite(PLAIN);
    await appendFile(site.configPath, '[auth]\nmode = "basic"\n[[auth.user]]\nname = "a"\n[[auth.user]]\nname = "a"\n');
    const { code, stderr } = await serveToEnd(site);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/htpasswd_file/);
    expect(stderr).toMatch(/named a second time/);
  });
});

describe('the command line', () => {
  it('makes the set-up link, users and tokens, and shows the record', async () => {
    const site = await temporarySite(PLAIN);
    const appliance = await startAppliance(site);
    expect(appliance.stdout()).toContain('nobody can sign in yet');
    const link = await cli(site, ['setup-link']);
    expect(link).toMatchObject({ code: 0, stdout: matching(/http:\/\/127\.0\.0\.1:\d+\/setup#[\w-]{32}/) });

    expect(await cli(site, ['user', 'add', 'ada', '--role', 'admin'])).toMatchObject({
      code: 0,
      stdout: matching(/password +[\w-]{20}\n/),
    });
    const file = join(site.directory, 'password');
    await writeFile(file, 'correct horse\n');
    expect(await cli(site, ['user', 'password', 'ada', '--password-file', file])).toMatchObject({
      code: 0,
      stdout: matching(/^name +ada\nrole +admin\n$/),
    });
    const signIn = await fetch(`http://127.0.0.1:${site.apiPort}/api/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'ada', password: 'correct horse' }),
    });
    expect(signIn.status).toBe(201);
    expect(await cli(site, ['user', 'change', 'ada'])).toMatchObject({ code: 2, stderr: containing('nothing to change') });
    expect(await cli(site, ['user', 'change', 'ada', '--disable'])).toMatchObject({
      code: 1,
      stderr: containing('the last administrator'),
    });
    expect(await cli(site, ['user', 'remove', 'ada'])).toMatchObject({ code: 1, stderr: containing('the last administrator') });

    const made = await cli(site, ['token', 'create', 'ci', '--scope', 'read', '--days', '7', '-o', 'json']);
    const { id, token } = JSON.parse(made.stdout) as { id: string; token: string }; // what our own command prints
    const env = { RACKSEED_TOKEN: token };
    expect(await cli(site, ['node', 'list', '-o', 'json'], { env })).toMatchObject({ code: 0, stdout: '[]\n' });
    expect(await cli(site, ['enrol', 'open'], { env })).toMatchObject({ code: 1, stderr: containing('needs operator') });
    expect(await cli(site, ['token', 'remove', id])).toMatchObject({ code: 0 });
    expect(await cli(site, ['node', 'list'], { env })).toMatchObject({ code: 1 });
    expect((await cli(site, ['token', 'list', '-o', 'json'])).stdout).toBe('[]\n');

    const audit = await cli(site, ['audit', '--limit', '3']);
    expect(audit.stdout).toMatch(/DELETE \/api\/tokens\//);
    expect(await cli(site, ['audit', 'check'])).toMatchObject({ code: 0, stdout: containing('every row is what was written') });
    await appliance.stop();
  });
});
