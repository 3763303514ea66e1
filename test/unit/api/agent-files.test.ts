import { writeFileSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LightMyRequestResponse } from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import { createInspect, createOrders } from '../../../src/inspect/index.ts';
import type { ImageMap } from '../../../src/install/index.ts';
import { parseMac, silentLog, systemRandom } from '../../../src/lib/index.ts';
import type { JsonObject, ProvisionState } from '../../../src/nodes/index.ts';
import { bootOwnAgent, type SendToAppliance } from '../../sim/own-agent.ts';
import { inventoryOf } from '../../support/agent.ts';
import { containing } from '../../support/containing.ts';
import { ONE, TWO } from '../../support/orders.ts';
import { bodyOf, type Harness, openApi } from './harness.ts';

const KEY = `ssh-ed25519 ${'A'.repeat(68)}`;
const TOKEN = /Authorization: Bearer ([\w.-]+)/;

interface Site extends Harness {
  readonly directory: string;
  readonly image: string;
  readonly reported: string[];
  /** Ranges of images that were opened. */
  readonly reads: readonly string[];
  /** Called before each of them. */
  readonly before: { read: () => void };
  /** Boots a machine that is deployed so; its token and node. */
  readonly boot: (machine: typeof ONE | typeof TWO, info: JsonObject, state?: ProvisionState) => Promise<{ token: string; uuid: string }>;
  readonly ask: (
    path: string,
    token?: string,
    headers?: Record<string, string>,
    method?: 'GET' | 'HEAD',
  ) => Promise<LightMyRequestResponse>;
  readonly known: { map: ImageMap | null };
  readonly tell: (token: string, body?: object) => Promise<LightMyRequestResponse>;
}

async function openSite(): Promise<Site> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-images-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const image = join(directory, 'disk.raw');
  await writeFile(image, '0123456789');
  const reported: string[] = [];
  const onReport = async (uuid: string): Promise<void> => void reported.push(await Promise.resolve(uuid));
  const reads: string[] = [];
  const before = { read: (): void => undefined };
  const known: Site['known'] = { map: null };
  const api = await openApi({
    imageDirectory: directory,
    onReport,
    services: (real) => ({
      ...real,
      deployments: {
        ...real.deployments,
        readImage: (file, start, end) => {
          reads.push(`${start}-${end}`);
          before.read();
          return real.deployments.readImage(file, start, end);
        },
        mapOfImage: () => Promise.resolve(known.map),
      },
    }),
  });
  const { store, nodes, clock, app } = api;
  const common = { store, nodes, clock, random: systemRandom, log: silentLog };
  const inspect = createInspect({ ...common, orders: createOrders(common) });
  const send: SendToAppliance = async (path, body, headers) => {
    const { statusCode, body: text } = await app.inject({
      method: 'POST',
      url: path,
      headers,
      payload: JSON.parse(JSON.stringify(body)) as object,
    }); // as the stand-in made it
    return { status: statusCode, body: text };
  };
  return {
    ...api,
    directory,
    image,
    reported,
    reads,
    before,
    known,
    boot: async ({ mac, uuid: smbiosUuid }, instanceInfo, state = 'wait call-back') => {
      const secret = await inspect.issueSecret(parseMac(mac) ?? expect.unreachable(), smbiosUuid);
      const { token, node } = await bootOwnAgent(secret, {
        send,
        macs: [mac],
        smbiosUuid,
        inventory: inventoryOf({ mac, uuid: smbiosUuid }),
      });
      const set = { provision_state: state, instance_info: JSON.stringify(instanceInfo) };
      await store.db.updateTable('nodes').set(set).where('uuid', '=', node.uuid).execute();
      return { token, uuid: node.uuid };
    },
    ask: (path, token, headers = {}, method = 'GET') =>
      app.inject({
        method,
        url: `/api/agent/${path}`,
        headers: { host: '10.0.0.2:6385', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
      }),
    tell: (token, body = { hostname: 'pve1', hostKeys: [`${KEY} root@pve1`] }) =>
      app.inject({ method: 'POST', url: '/api/agent/first-boot', headers: { authorization: `Bearer ${token}` }, payload: body }),
  };
}

it('nothing is given without the token of a machine, nor by a wrong one', async () => {
  const { ask } = await openSite();
  for (const path of ['image', 'configdrive']) {
    expect(bodyOf(await ask(path))).toMatchObject({ status: 401, code: 'api.unauthenticated' });
    expect((await ask(path, 't'.repeat(43))).statusCode).toBe(401);
  }
});

it('each machine gets what is its own, and only while it is deployed', async () => {
  const { ask, boot, image, directory } = await openSite();
  const other = join(directory, 'other.raw');
  await writeFile(other, 'other');
  const one = await boot(ONE, { image_source: `file://${image}`, configdrive: { user_data: 'of-one' } });
  const two = await boot(TWO, { image_source: `file://${other}`, configdrive: { user_data: 'of-two' } });
  expect((await ask('image', one.token)).body).toBe('0123456789');
  expect((await ask('image', two.token)).body).toBe('other');
  expect((await ask('configdrive', one.token)).body).toContain('of-one');
  expect((await ask('configdrive', two.token)).body).not.toContain('of-one');
});

it('a machine that is in use is given nothing, nor one without a config drive or an image of the appliance', async () => {
  const { ask, boot, image } = await openSite();
  const active = await boot(ONE, { image_source: `file://${image}`, configdrive: {} }, 'active');
  const bare = await boot(TWO, { image_source: 'http://images/x' });
  for (const path of ['image', 'configdrive'])
    expect(bodyOf(await ask(path, active.token))).toMatchObject({ status: 404, detail: containing('the node is active') });
  expect(bodyOf(await ask('configdrive', bare.token))).toMatchObject({ status: 404, code: 'install.no_drive' });
  expect(bodyOf(await ask('image', bare.token))).toMatchObject({ status: 404, code: 'install.no_image' });
});

it('an image is given in ranges as long as it is the same file', async () => {
  const { ask, boot, image } = await openSite();
  const { token } = await boot(ONE, { image_source: `file://${image}` });
  const { etag = '' } = (await ask('image', token)).headers as { etag?: string }; // one of ours
  const part = await ask('image', token, { range: 'bytes=7-', 'if-range': etag });
  expect([part.statusCode, part.body, part.headers['content-range'], part.headers['content-length']]).toEqual([
    206,
    '789',
    'bytes 7-9/10',
    '3',
  ]);
  expect((await ask('image', token, { range: 'bytes=2-4' })).body).toBe('234');
  expect((await ask('image', token, { range: 'bytes=-2' })).body).toBe('89');
  const beyond = await ask('image', token, { range: 'bytes=10-' });
  expect([beyond.statusCode, beyond.headers['content-range']]).toEqual([416, 'bytes */10']);
  await writeFile(image, 'another file');
  const changed = await ask('image', token, { range: 'bytes=7-', 'if-range': etag });
  expect([changed.statusCode, changed.body]).toEqual([200, 'another file']);
  expect((await ask('image', token, { range: 'bytes=7-', 'if-match': etag })).statusCode).toBe(412);
  await truncate(image, 0);
  const empty = await ask('image', token);
  expect([empty.statusCode, empty.body, empty.headers['content-length']]).toEqual([200, '', '0']);
  await rm(image);
  expect(bodyOf(await ask('image', token))).toMatchObject({ status: 404, code: 'install.no_image' });
});

it('of an image whose zeroes are known the rest is given alone, in ranges of its own', async () => {
  const { ask, boot, image, known } = await openSite();
  const { token } = await boot(ONE, { image_source: `file://${image}` });
  expect(bodyOf(await ask('image?part=map', token))).toMatchObject({ status: 404, code: 'api.not_found' });
  expect((await ask('image?part=data', token)).statusCode).toBe(404);
  const map = {
    bytes: 10,
    blockBytes: 4,
    runs: [
      [0, 1],
      [2, 1],
    ],
    checksum: 'sha256:a',
    seal: 'b',
  } as const;
  known.map = map;
  const { tag, ...told } = (await ask('image?part=map', token)).json<{ tag: string }>();
  expect(told).toEqual(map);
  const all = await ask('image?part=data', token);
  expect([all.body, all.headers.etag, all.headers['content-length']]).toEqual(['012389', `"${tag}"`, '6']);
  const part = await ask('image?part=data', token, { range: 'bytes=3-', 'if-range': `"${tag}"` });
  expect([part.statusCode, part.body, part.headers['content-range']]).toEqual([206, '389', 'bytes 3-5/6']);
  expect((await ask('image', token, { range: 'bytes=3-', 'if-range': `"${tag}"` })).statusCode).toBe(200);
  expect((await ask('image?part=other', token)).statusCode).toBe(400);
  expect((await ask('image?part=map')).statusCode).toBe(401);
});

it('an image that is changed between the look at it and its opening is told as that, and its place is free', async () => {
  const { ask, boot, image, before } = await openSite();
  const { token } = await boot(ONE, { image_source: `file://${image}` });
  for (let time = 0; time < 5; time += 1) {
    before.read = () => writeFileSync(image, `another ${'x'.repeat(time)}`);
    const refused = await ask('image', token);
    expect(bodyOf(refused)).toMatchObject({ status: 409, code: 'install.bad_image' });
    expect(refused.headers).toMatchObject({
      'content-type': containing('problem+json'),
      'content-length': String(refused.rawPayload.length),
    });
  }
  before.read = () => undefined;
  expect((await ask('image', token)).body).toBe('another xxxx');
});

it('a HEAD tells the length of an image, of which nothing is read', async () => {
  const { ask, boot, image, reads } = await openSite();
  const { token } = await boot(ONE, { image_source: `file://${image}` });
  const head = await ask('image', token, {}, 'HEAD');
  expect([head.statusCode, head.headers['content-length'], head.body]).toEqual([200, '10', '']);
  expect(reads).toEqual([]);
  await ask('image', token);
  expect(reads).toEqual(['0-9']);
});

it('a report of a first boot is good once, pins the host keys in the node, and is an event', async () => {
  const { ask, boot, tell, nodes, store, reported } = await openSite();
  const { token, uuid } = await boot(ONE, { first_boot: true });
  const [, once = ''] = TOKEN.exec((await ask('configdrive', token)).body) ?? [];
  expect((await tell(once)).statusCode).toBe(204);
  const { driverInternalInfo } = await nodes.get(uuid);
  expect(driverInternalInfo.first_boot).toMatchObject({ hostname: 'pve1', from: '127.0.0.1', ssh_host_keys: [KEY] });
  expect(JSON.stringify(driverInternalInfo.first_boot)).not.toContain('token');
  const events = async () => store.db.selectFrom('events').select('message').where('type', '=', 'node.first_boot').execute();
  expect(await events()).toEqual([{ message: containing('told its SSH host keys') }]);
  expect(bodyOf(await tell(once))).toMatchObject({ status: 401, code: 'install.report_refused' });
  expect(await events()).toHaveLength(1);
  expect(reported).toEqual([uuid]);
});

it('the report of another machine, of an earlier config drive, or by the agent’s own token is refused', async () => {
  const { ask, boot, tell, nodes, reported } = await openSite();
  const one = await boot(ONE, { first_boot: true });
  const two = await boot(TWO, { first_boot: true });
  const [, earlier = ''] = TOKEN.exec((await ask('configdrive', one.token)).body) ?? [];
  const [, later = ''] = TOKEN.exec((await ask('configdrive', one.token)).body) ?? [];
  expect(later).not.toBe(earlier);
  await ask('configdrive', two.token);
  const swapped = later.replace(one.uuid, two.uuid);
  for (const token of [earlier, one.token, swapped, `${one.uuid}.`, one.uuid, '.', 'x.y'])
    expect([token, (await tell(token)).statusCode]).toEqual([token, 401]);
  expect(reported).toEqual([]);
  expect((await nodes.get(two.uuid)).driverInternalInfo.first_boot).not.toHaveProperty('ssh_host_keys');
  expect((await tell(later)).statusCode).toBe(204);
});

it('keys that are too long or too many refuse the report, and spend no token; what is no key is left out', async () => {
  const { ask, boot, tell, nodes } = await openSite();
  const { token, uuid } = await boot(ONE, { first_boot: true });
  const [, once = ''] = TOKEN.exec((await ask('configdrive', token)).body) ?? [];
  const report = (hostKeys: readonly string[]) => tell(once, { hostname: 'pve1', hostKeys });
  expect((await report([`ssh-rsa ${'A'.repeat(5000)}`])).statusCode).toBe(400);
  expect((await report(Array.from({ length: 17 }, () => KEY))).statusCode).toBe(400);
  expect((await report(Array.from({ length: 16 }, () => 'A'.repeat(4000)))).statusCode).toBe(413);
  expect((await report([KEY, 'ssh-dss AAAA', `ssh-rsa $(reboot)${'A'.repeat(40)}`])).statusCode).toBe(204);
  expect((await nodes.get(uuid)).driverInternalInfo.first_boot).toMatchObject({ ssh_host_keys: [KEY] });
});

it('a host that is none never gets into the script of the first boot', async () => {
  const { ask, boot } = await openSite();
  const { token } = await boot(ONE, { first_boot: true });
  for (const host of ["a';reboot;'", 'a/b', 'a b'])
    expect([host, (await ask('configdrive', token, { host })).statusCode]).toEqual([host, 400]);
  expect((await ask('configdrive', token, { host: '[fd00::2]:6385' })).body).toContain('http://[fd00::2]:6385/api/agent/first-boot');
});
