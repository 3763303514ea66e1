// What a member has of its own and the API may set: names, time, services, subscription, certificates, guests.

import { X509Certificate } from 'node:crypto';
import { restartProxy } from '../cluster.ts';
import { ApiError, died } from '../errors.ts';
import { startTask } from '../tasks.ts';
import type { Member } from '../world.ts';
import { type Call, isYes, type Methods } from './call.ts';

const SERVICES = [
  'chrony',
  'corosync',
  'cron',
  'ksmtuned',
  'postfix',
  'pve-cluster',
  'pve-ha-crm',
  'pve-ha-lrm',
  'pvedaemon',
  'pveproxy',
  'pvestatd',
  'sshd',
  'syslog',
];
const SERVICE_MS = 1000;
const KEY = /^\s*(?:pve\dc|pve\db|pve\dp|pve\ds)-[0-9a-f]{10}\s*$/i;

/** One word of a member by name, with what it is at first. */
function said({ settings }: Member, name: string, first = ''): string {
  return settings.get(name) ?? first;
}

function dns({ member }: Call): unknown {
  const names = ['dns1', 'dns2', 'dns3'].filter((name) => said(member, name) !== '');
  return { search: said(member, 'search', 'example.org'), ...Object.fromEntries(names.map((name) => [name, said(member, name)])) };
}

function set(member: Member, params: Readonly<Record<string, string>>): void {
  const { node: _, ...rest } = params;
  for (const [name, value] of Object.entries(rest)) member.settings.set(name, value);
}

function service({ member, params }: Call): string {
  const { service: name = '' } = params;
  if (!SERVICES.includes(name))
    throw new ApiError(400, 'Parameter verification failed.', { service: `value '${name}' does not have a value in the enumeration` });
  return said(member, `service ${name}`, isOn(member, name) ? 'running' : 'dead');
}

const isOn = (member: Member, name: string): boolean => name !== 'corosync' || member.etc.corosync !== null;

const shownService = (name: string, state: string): unknown => ({
  service: name,
  name,
  desc: name,
  state,
  'active-state': state === 'running' ? 'active' : 'inactive',
  'unit-state': 'enabled',
});

function orderOf(verb: 'start' | 'stop' | 'restart' | 'reload'): (call: Call) => string {
  return (call) => {
    service(call);
    const { world, member, params, user } = call;
    const name = params.service ?? '';
    return startTask(world, member, { type: `srv${verb}`, id: name, user }, async ({ takes }) => {
      await takes(SERVICE_MS);
      member.settings.set(`service ${name}`, verb === 'stop' ? 'dead' : 'running');
      if (name === 'pveproxy' && verb === 'restart') restartProxy(member);
    }).upid;
  };
}

function subscription({ member }: Call): unknown {
  const key = said(member, 'subscription key');
  if (key === '')
    return { status: 'notfound', message: 'There is no subscription key', serverid: '0123456789ABCDEF', url: 'https://www.proxmox.com/' };
  return { status: 'active', key, level: key[4] ?? 'c', productname: 'Proxmox VE Community Subscription', message: 'Subscription active' };
}

function certificates({ member }: Call): unknown {
  const shown = (filename: string, pem: string, fingerprint: string): unknown => ({
    filename,
    fingerprint,
    pem,
    subject: `/CN=${member.name}`,
    issuer: '/CN=sim',
  });
  const own = member.custom;
  const cluster = shown('pve-ssl.pem', member.tls.cert, member.tls.fingerprint);
  return own === null ? [cluster] : [cluster, shown('pveproxy-ssl.pem', own.cert, own.fingerprint)];
}

/** The proxy shows its own where there is one; the cluster's lies beside it. */
function upload({ member, params }: Call): unknown {
  const { certificates: cert = '', key } = params;
  if (member.custom !== null && !isYes(params.force))
    throw new ApiError(400, 'Parameter verification failed.', { certificate: "Custom certificate exists but 'force' is not set." });
  const fingerprint = fingerprintOf(cert);
  const held = key ?? member.custom?.key;
  if (held === undefined)
    throw new ApiError(400, 'Parameter verification failed.', { key: 'Attempted to upload custom certificate without (existing) key.' });
  member.custom = { key: held, cert, fingerprint };
  if (isYes(params.restart)) restartProxy(member);
  return { filename: 'pveproxy-ssl.pem', fingerprint, pem: cert };
}

function fingerprintOf(pem: string): string {
  try {
    return new X509Certificate(pem).fingerprint256;
  } catch {
    throw died('Invalid certificate');
  }
}

function drop({ member, params }: Call): void {
  member.custom = null;
  if (isYes(params.restart)) restartProxy(member);
}

/** From an authority that does not ask. */
function order({ world, member, params, user }: Call): string {
  if (said(member, 'acmedomain0') === '' && !/domains=/.test(said(member, 'acme')))
    throw died('No domains configured for ACME certificate');
  if (member.custom !== null && !isYes(params.force))
    throw new ApiError(400, 'Parameter verification failed.', { force: "Custom certificate exists but 'force' is not set." });
  return startTask(world, member, { type: 'acmenewcert', user }, async ({ print, takes }) => {
    print('Placing ACME order');
    await takes(SERVICE_MS);
    member.custom = await world.certificateFor(member.name);
    print('Restarting pveproxy');
    restartProxy(member);
  }).upid;
}

export const MACHINE: Methods = {
  'GET /nodes/{node}/dns': dns,
  'PUT /nodes/{node}/dns': ({ member, params }) => set(member, params),
  'GET /nodes/{node}/time': ({ world, member }) => {
    const time = Math.floor(world.clock.now() / 1000);
    return { timezone: said(member, 'timezone', 'UTC'), time, localtime: time };
  },
  'PUT /nodes/{node}/time': ({ member, params }) => set(member, params),
  'GET /nodes/{node}/hosts': ({ member }) => ({
    data: said(member, 'data', `127.0.0.1 localhost\n${member.ip} ${member.name}\n`),
    digest: '0',
  }),
  'POST /nodes/{node}/hosts': ({ member, params }) => set(member, params),
  'GET /nodes/{node}/config': ({ member }) =>
    Object.fromEntries([...member.settings].filter(([name]) => /^(?:acme|description|wakeonlan|startall|ballooning)/.test(name))),
  'PUT /nodes/{node}/config': ({ member, params }) => {
    const { delete: gone = '', digest: _, ...rest } = params;
    set(member, rest);
    for (const name of gone.split(',')) member.settings.delete(name);
  },
  'GET /nodes/{node}/services': ({ member }) =>
    SERVICES.map((name) => shownService(name, said(member, `service ${name}`, isOn(member, name) ? 'running' : 'dead'))),
  'GET /nodes/{node}/services/{service}/state': (call) => shownService(call.params.service ?? '', service(call)),
  'POST /nodes/{node}/services/{service}/start': orderOf('start'),
  'POST /nodes/{node}/services/{service}/stop': orderOf('stop'),
  'POST /nodes/{node}/services/{service}/restart': orderOf('restart'),
  'POST /nodes/{node}/services/{service}/reload': orderOf('reload'),
  'GET /nodes/{node}/subscription': subscription,
  'PUT /nodes/{node}/subscription': ({ member, params }) => {
    if (!KEY.test(params.key ?? '')) throw died("subscription key: value doesn't look like a valid key");
    member.settings.set('subscription key', (params.key ?? '').trim());
  },
  'POST /nodes/{node}/subscription': () => null,
  'DELETE /nodes/{node}/subscription': ({ member }) => {
    member.settings.delete('subscription key');
  },
  'GET /nodes/{node}/certificates/info': certificates,
  'POST /nodes/{node}/certificates/custom': upload,
  'DELETE /nodes/{node}/certificates/custom': drop,
  'POST /nodes/{node}/certificates/acme/certificate': order,
  'PUT /nodes/{node}/certificates/acme/certificate': order,
  'GET /nodes/{node}/qemu': ({ member }) => [...member.guests].map((vmid) => ({ vmid, name: `guest${vmid}`, status: 'stopped' })),
  'GET /nodes/{node}/lxc': () => [],
};
