// The client of pipelines against the stand-in for Proxmox VE by real HTTPS, and against servers that are none.

import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Clock, silentLog, systemClock } from '../../src/lib/index.ts';
import {
  memberFingerprint,
  type OpenedPve,
  openPve,
  type PveOptions,
  passwordCredentials,
  readPve,
  tokenCredentials,
} from '../../src/proxmox/index.ts';
import { certificateFor, type TlsPair } from '../conformance/power/tls-pair.ts';
import { type PveSim, restartProxy, type SimOptions, startPve, threeMembers } from '../sim/pve/index.ts';
import { fakeMachine } from '../support/pipeline.ts';

const TOKEN = 'seed@pve!rackseed=12345678-1234-1234-1234-123456789abc';
const ALL = ['Sys.Audit', 'Sys.Modify', 'Datastore.Allocate', 'Datastore.Audit'];
// Waits of the client and of the stand-in take no time: only sockets do.
const clock: Clock = { ...systemClock, sleep: (_, signal) => Promise.resolve().then(() => signal?.throwIfAborted()) };

async function simulated(more: Partial<SimOptions> = {}): Promise<PveSim> {
  const tokens = [{ token: TOKEN, privileges: ALL }];
  const users = { 'root@pam': { password: 'of root' } };
  const sim = await startPve({ cluster: 'home', version: '9.1', members: threeMembers(), tokens, users, clock, ...more });
  onTestFinished(() => sim.close());
  return sim;
}

function opened(of: { readonly url: string; readonly fingerprint: string }, more: Partial<PveOptions> = {}): OpenedPve {
  const { hostname: address, port } = new URL(of.url);
  const credentials = tokenCredentials(TOKEN);
  const signal = new AbortController().signal;
  const rest = { address, port: Number(port), fingerprint: of.fingerprint, credentials, clock, log: silentLog, signal };
  const pve = openPve({ ...rest, ...more });
  onTestFinished(() => pve.close());
  return pve;
}

const root = passwordCredentials('root@pam', 'of root');
const TANK = { storage: 'tank', type: 'zfspool', pool: 'tank', nodes: ['pve1', 'pve2'] };

describe('the client', () => {
  it('reads and writes with a token, and gives answers of the form that they have', async () => {
    const sim = await simulated();
    const pve = opened(sim);
    expect(await readPve(pve, 'GET /version')).toMatchObject({ release: '9.1' });
    await pve.call('POST', '/storage', TANK);
    expect(await readPve(pve, 'GET /storage/{storage}', { storage: 'tank' })).toMatchObject({ type: 'zfspool', nodes: 'pve1,pve2' });
    await pve.call('DELETE', '/storage/{storage}', { storage: 'tank' });
    await expect(pve.call('GET', '/storage/{storage}', { storage: 'tank' })).rejects.toMatchObject({
      code: 'proxmox.failed',
      message: expect.stringContaining("storage 'tank' does not exist") as unknown,
      detail: { status: 500 },
    });
    expect(sim.asked).toEqual([
      'GET /api2/json/version 200',
      'POST /api2/json/storage 200',
      'GET /api2/json/storage/tank 200',
      'DELETE /api2/json/storage/tank 200',
      'GET /api2/json/storage/tank 500',
    ]);
  });

  it('logs in once with a password, sends its CSRF token with changes, and logs in anew when its ticket is not taken any more', async () => {
    const sim = await simulated();
    const pve = opened(sim, { credentials: root });
    await Promise.all([pve.call('GET', '/version'), pve.call('GET', '/nodes')]);
    await pve.call('POST', '/storage', TANK);
    sim.expireTickets();
    await pve.call('DELETE', '/storage/{storage}', { storage: 'tank' });
    expect(sim.asked.filter((line) => line.includes('ticket'))).toHaveLength(2);
    expect(sim.asked.slice(-3)).toEqual([
      'DELETE /api2/json/storage/tank 401',
      'POST /api2/json/access/ticket 200',
      'DELETE /api2/json/storage/tank 200',
    ]);
  });

  it('renews a ticket before its time is over', async () => {
    const sim = await simulated();
    let now = 0;
    const pve = opened(sim, { credentials: root, clock: { ...clock, monotonic: () => now } });
    await pve.call('GET', '/version');
    now = 89 * 60_000;
    await pve.call('GET', '/version');
    now = 91 * 60_000;
    await pve.call('GET', '/version');
    expect(sim.asked.filter((line) => line.includes('ticket'))).toHaveLength(2);
  });

  it('does not try a wrong password twice', async () => {
    const sim = await simulated();
    const pve = opened(sim, { credentials: passwordCredentials('root@pam', 'wrong') });
    await expect(pve.call('GET', '/version')).rejects.toMatchObject({ code: 'proxmox.refused' });
    expect(sim.asked).toEqual(['POST /api2/json/access/ticket 401']);
  });

  it('sends nothing to a server with another certificate', async () => {
    const sim = await simulated();
    const pve = opened({ url: sim.url, fingerprint: Array(32).fill('AB').join(':') });
    await expect(pve.call('GET', '/version')).rejects.toMatchObject({ code: 'proxmox.not_trusted' });
    expect(sim.asked).toEqual([]);
  });

  it('sends nothing for root alone, and nothing that the schema does not take', async () => {
    const sim = await simulated();
    const pve = opened(sim, { credentials: root });
    await expect(pve.call('POST', '/cluster/config', { clustername: 'home' })).rejects.toMatchObject({
      code: 'proxmox.root_only',
      hint: expect.stringContaining('pvesh') as unknown,
    });
    await expect(pve.call('POST', '/storage', { ...TANK, storage: '1' })).rejects.toMatchObject({ code: 'proxmox.bad_parameters' });
    await expect(pve.call('GET', '/storage/tank')).rejects.toMatchObject({ code: 'proxmox.unknown_call' });
    expect(sim.asked).toEqual([]);
  });

  it('says which privilege is missing', async () => {
    const sim = await simulated({ tokens: [{ token: TOKEN, privileges: ['Sys.Audit'] }] });
    await expect(opened(sim).call('POST', '/storage', TANK)).rejects.toMatchObject({
      code: 'proxmox.no_permission',
      hint: expect.stringContaining('Datastore.Allocate') as unknown,
    });
  });

  it('says that a release does not have a call', async () => {
    const sim = await simulated({ version: '8.4' });
    await expect(opened(sim).call('GET', '/cluster/ha/rules')).rejects.toMatchObject({ code: 'proxmox.no_such_call' });
  });

  it('asks again after a broken connection and after 596, but changes only once', async () => {
    const sim = await simulated();
    const pve = opened(sim);
    sim.breakNext(3);
    await pve.call('GET', '/version');
    sim.world.faults.proxy.set('pve2', 3);
    await pve.call('GET', '/nodes/{node}/status', { node: 'pve2' });
    expect(sim.asked.filter((line) => line.endsWith('broken') || line.endsWith('596'))).toHaveLength(6);
    sim.asked.length = 0;
    sim.breakNext(1);
    await expect(pve.call('POST', '/storage', TANK)).rejects.toMatchObject({ code: 'proxmox.answer_lost', retryable: true });
    sim.breakNext(9);
    await expect(pve.call('GET', '/version')).rejects.toMatchObject({ code: 'proxmox.unreachable' });
    sim.breakNext(0);
    expect(sim.asked).toEqual(['POST /api2/json/storage broken', ...Array<string>(4).fill('GET /api2/json/version broken')]);
  });

  it('tells a change that was not sent from one whose answer was lost on the way', async () => {
    const sim = await simulated();
    const pve = opened(sim);
    const change = () => pve.call('POST', '/nodes/{node}/apt/update', { node: 'pve2' });
    sim.world.faults.proxy.set('pve2', 1);
    await expect(change()).rejects.toMatchObject({ code: 'proxmox.answer_lost', detail: { status: 596 } });
    const [, second] = sim.members;
    if (second !== undefined) second.isOn = false;
    await expect(change()).rejects.toMatchObject({ code: 'proxmox.node_unreachable', detail: { status: 595 } });
    const path = '/api2/json/nodes/pve2/apt/update';
    expect(sim.asked).toEqual([`POST ${path} 596`, `POST ${path} 595`]);
    await sim.close();
    await expect(change()).rejects.toMatchObject({ code: 'proxmox.unreachable' });
  });

  it('stops when it is closed, and when its signal says so, with its words', async () => {
    const sim = await simulated();
    const pve = opened(sim);
    pve.close();
    await expect(pve.call('GET', '/version')).rejects.toMatchObject({ code: 'proxmox.closed' });
    const stop = new AbortController();
    const other = opened(sim, { signal: stop.signal });
    stop.abort(new Error('not wanted any more'));
    await expect(other.call('GET', '/version')).rejects.toThrow('not wanted any more');
    expect(sim.asked).toEqual([]);
  });

  it('reads the certificates of members where they lie', async () => {
    const sim = await simulated();
    const files = Object.fromEntries([...sim.world.members].map(([name, { tls }]) => [`/etc/pve/nodes/${name}/pve-ssl.pem`, tls.cert]));
    expect(await memberFingerprint(fakeMachine({ files }), 'pve1')).toBe(sim.fingerprint);
  });
});

describe('a task of the stand-in', () => {
  const UPDATE = ['POST', '/nodes/{node}/apt/update', { node: 'pve1' }] as const;

  it('is followed to its end, and its lines are told', async () => {
    const lines: string[] = [];
    await opened(await simulated()).task(...UPDATE, { timeoutMs: 60_000, onLine: (line) => void lines.push(line) });
    expect(lines).toEqual(['starting apt-get update', 'Reading package lists...', 'TASK OK']);
  });

  it('of another member is followed there', async () => {
    const sim = await simulated();
    await opened(sim).task('POST', '/nodes/{node}/apt/update', { node: 'pve3' }, { timeoutMs: 60_000 });
    expect(sim.world.members.get('pve3')?.tasks.size).toBe(1);
  });

  it('that left no trace is lost', async () => {
    const sim = await simulated();
    sim.world.faults.lost.add('aptupdate');
    await expect(opened(sim).task(...UPDATE, { timeoutMs: 60_000 })).rejects.toMatchObject({ code: 'proxmox.task_lost' });
  });

  it('is lost when its node shows another certificate in the middle of it, as after a join', async () => {
    const gate = Promise.withResolvers<void>();
    const sim = await simulated({ clock: { ...clock, sleep: () => gate.promise } });
    onTestFinished(() => gate.resolve());
    const [member] = sim.world.members.values();
    if (member === undefined) throw new Error('three were asked for');
    const next = await certificateFor('pve1');
    const onLine = (): void => {
      member.tls = next;
      restartProxy(member);
    };
    await expect(opened(sim).task(...UPDATE, { timeoutMs: 60_000, onLine })).rejects.toMatchObject({
      code: 'proxmox.task_lost',
      cause: { code: 'proxmox.not_trusted' },
    });
    expect(await readPve(opened(sim), 'GET /version')).toMatchObject({ release: '9.1' });
  });
});

describe('servers that are no Proxmox VE', () => {
  let pair: TlsPair;
  beforeAll(async () => {
    pair = await certificateFor('bad');
  });

  async function bad(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<OpenedPve> {
    const server = createServer({ key: pair.key, cert: pair.cert }, answer);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    const { port } = server.address() as AddressInfo; // it listens on a port
    return opened({ url: `https://127.0.0.1:${port}`, fingerprint: pair.fingerprint });
  }

  it.each([
    ['no JSON', 'hello'],
    ['no data', '{}'],
    ['other data', '{"data":[]}'],
    ['half an answer', '{"data":{"version":"9'],
  ])('with %s are not believed', async (_, body) => {
    const pve = await bad((__, response) => response.end(body));
    await expect(pve.call('GET', '/version')).rejects.toMatchObject({ code: 'proxmox.bad_answer' });
  });

  it('that do not end are cut off', async () => {
    const pve = await bad((_, response) => {
      const more = (): void => {
        if (response.write(Buffer.alloc(1024 * 1024))) setImmediate(more);
        else response.once('drain', more);
      };
      more();
    });
    await expect(pve.call('GET', '/version')).rejects.toMatchObject({
      code: 'proxmox.bad_answer',
      message: expect.stringContaining('16384 KiB') as unknown,
    });
  });

  it('that hang up in the middle are asked again, and a change of theirs is not repeated', async () => {
    let asked = 0;
    const pve = await bad((_, response) => {
      asked += 1;
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"data":');
      setImmediate(() => response.destroy());
    });
    await expect(pve.call('GET', '/version')).rejects.toMatchObject({ code: 'proxmox.unreachable' });
    expect(asked).toBe(4);
    const task = pve.task('POST', '/nodes/{node}/apt/update', { node: 'pve1' }, { timeoutMs: 1000 });
    await expect(task).rejects.toMatchObject({ code: 'proxmox.task_lost', retryable: true });
    expect(asked).toBe(5);
  });

  it('that say secrets back do not have them shown', async () => {
    const pve = await bad((_, response) => {
      response.writeHead(400, 'Parameter verification failed.');
      response.end(JSON.stringify({ data: null, errors: { password: "value 'very secret' is too good" } }));
    });
    const asked = pve.call('POST', '/access/users', { userid: 'a@pve', password: 'very secret' });
    await expect(asked).rejects.toMatchObject({
      code: 'proxmox.bad_parameters',
      message: expect.stringMatching(/password: value '\*{6}' is too good$/) as unknown,
    });
  });

  it('that answer a task with its whole life are followed to its end', async () => {
    const upid = 'UPID:pve1:000003E9:00003E90:6553F100:aptupdate::root@pam:';
    const lines: string[] = [];
    let looks = 0;
    const pve = await bad((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'https://bad');
      const path = decodeURIComponent(pathname);
      if (request.method === 'POST') response.end(JSON.stringify({ data: upid }));
      else if (path.endsWith(`${upid}/status`)) {
        looks += 1;
        response.end(JSON.stringify({ data: looks < 3 ? { status: 'running' } : { status: 'stopped', exitstatus: 'OK' } }));
      } else response.end(JSON.stringify({ data: [{ n: looks, t: `line ${looks}` }] }));
    });
    const onLine = (line: string): void => void lines.push(line);
    await pve.task('POST', '/nodes/{node}/apt/update', { node: 'pve1' }, { timeoutMs: 60_000, onLine });
    expect(lines).toEqual(['line 1', 'line 2', 'line 3']);
  });
});
