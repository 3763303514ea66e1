// The stand-in for Proxmox VE by HTTPS, as a client of its API meets it.

import { Agent, request } from 'node:https';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/lib/index.ts';
import { certificateFor } from '../conformance/power/tls-pair.ts';
import { createWorld, startProxy } from '../sim/pve/index.ts';

interface Got {
  readonly status: number;
  readonly text: string;
  readonly fingerprint: string;
  readonly data: unknown;
  readonly errors: unknown;
}

function send(url: string, verb: string, path: string, headers: Record<string, string> = {}, form?: Record<string, string>): Promise<Got> {
  const agent = new Agent({ rejectUnauthorized: false, maxCachedSessions: 0 });
  const type = form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/api2/json${path}`, { method: verb, agent, headers: { ...headers, ...type } }, (response) => {
      const certificate: PeerCertificate = (response.socket as TLSSocket).getPeerCertificate(); // https: a socket with TLS
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { data, errors } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { data: unknown; errors?: unknown }; // the stand-in's own
        const { statusCode: status = 0, statusMessage: text = '' } = response;
        resolve({ status, text, fingerprint: certificate.fingerprint256, data, errors });
      });
    });
    sent.on('error', reject);
    sent.end(form === undefined ? undefined : new URLSearchParams(form).toString());
  });
}

async function twoNodes() {
  const members = [1, 2].map((at) => ({ name: `pve${at}`, ip: `192.0.2.1${at}`, rootPassword: `of ${at}` }));
  // Time passes at once: nothing here waits for anything but sockets.
  const clock = { ...systemClock, sleep: () => Promise.resolve() };
  const world = await createWorld({ release: '9.1', clock, members, certificateFor });
  const proxies = await Promise.all([...world.members.values()].map((member) => startProxy(world, member)));
  onTestFinished(async () => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
  });
  const [first, second] = proxies;
  if (first === undefined || second === undefined) throw new Error('two were asked for');
  return { world, first, second };
}

async function logIn(url: string, password: string): Promise<Record<string, string>> {
  const { data } = await send(url, 'POST', '/access/ticket', {}, { username: 'root@pam', password });
  const { ticket, CSRFPreventionToken } = data as { ticket: string; CSRFPreventionToken: string }; // asserted by what follows
  return { cookie: `PVEAuthCookie=${encodeURIComponent(ticket)}`, csrfpreventiontoken: CSRFPreventionToken };
}

it('asks for a ticket, for its CSRF token on writes, and for what its schema says', async () => {
  const { first } = await twoNodes();
  expect(await send(first.url, 'GET', '/version')).toMatchObject({ status: 401, text: 'No ticket' });
  expect(await send(first.url, 'POST', '/access/ticket', {}, { username: 'root@pam', password: 'x' })).toMatchObject({ status: 401 });
  const { csrfpreventiontoken = '', ...cookie } = await logIn(first.url, 'of 1');
  expect(await send(first.url, 'GET', '/version', cookie)).toMatchObject({ status: 200, data: { release: '9.1' } });
  const made = { clustername: 'a_b' };
  expect(await send(first.url, 'POST', '/cluster/config', cookie, made)).toMatchObject({
    status: 401,
    text: 'Permission denied - invalid csrf token',
  });
  const refused = await send(first.url, 'POST', '/cluster/config', { ...cookie, csrfpreventiontoken }, made);
  expect(refused).toMatchObject({
    status: 400,
    text: 'Parameter verification failed.',
    errors: { clustername: 'invalid format - value does not look like a valid node name' },
  });
  expect(await send(first.url, 'GET', '/no/such', cookie)).toMatchObject({ status: 501, text: "Method 'GET /no/such' not implemented" });
});

it('has another certificate after a join, and knows no ticket of before', async () => {
  const { world, first, second } = await twoNodes();
  await send(first.url, 'POST', '/cluster/config', await logIn(first.url, 'of 1'), { clustername: 'home' });
  await Promise.all([...(world.members.get('pve1')?.tasks.values() ?? [])].map(({ ended }) => ended));
  const before = await logIn(second.url, 'of 2');
  const old = second.fingerprint;
  const params = { hostname: '192.0.2.11', fingerprint: first.fingerprint, password: 'of 1' };
  const join = await send(second.url, 'POST', '/cluster/config/join', before, params);
  expect(join).toMatchObject({ status: 200, fingerprint: old });
  const task = world.members.get('pve2')?.tasks.get(String(join.data));
  await task?.ended;
  expect(task?.exitstatus).toBe('OK');
  const after = await send(second.url, 'GET', '/version', before);
  expect(after).toMatchObject({ status: 401, text: 'permission denied - invalid PVE ticket', fingerprint: second.fingerprint });
  expect(second.fingerprint).not.toBe(old);
  const path = `/nodes/pve2/tasks/${encodeURIComponent(String(join.data))}/status`;
  const seen = await send(first.url, 'GET', path, await logIn(first.url, 'of 1'));
  expect(seen).toMatchObject({ status: 200, data: { exitstatus: 'OK' } });
});
