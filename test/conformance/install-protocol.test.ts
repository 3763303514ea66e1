// What installers and freshly installed systems say, over the API and a real store: the right machine at the right time, and everybody else.

import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { containing } from '../support/containing.ts';
import {
  addInstalled,
  firstBootBody,
  HOST_KEY,
  hookBody,
  installSite,
  MAC,
  OTHER_KEY,
  type SiteOptions,
  SMBIOS,
  sysinfo,
  urlsOf,
} from '../support/install.ts';

const UNKNOWN = `${'Zz'.repeat(21)}Z`;

describe('an answer', () => {
  it('goes to the machine that it is for, as TOML, and its installation goes on', async () => {
    const site = await installSite();
    const { uuid, urls } = await site.armed();
    const reply = await site.ask(urls.answer);
    expect(reply.statusCode).toBe(200);
    expect(reply.headers['content-type']).toContain('application/toml');
    expect(reply.body).toBe(`# ${uuid}\nhook = "http://10.0.0.2:6385/install/done/${urls.hook}"\n`);
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'answered', answerTo: '10.0.0.50', answerAsks: 1 });
    expect(site.woken).toEqual(['look']);
    expect((await site.events('install.answered'))[0]).toContain('got its answer');
    expect((await site.why())[0]).toContain('answered');
  });

  it('is kept nowhere: the store has its digest and that of the request', async () => {
    const site = await installSite();
    const { urls } = await site.armed();
    await site.ask(urls.answer);
    const row = await site.store.db.selectFrom('installations').selectAll().executeTakeFirstOrThrow();
    expect(JSON.stringify(row)).not.toContain(urls.hook);
    expect(row.answer_sent).toMatch(/^\{"answer":"[0-9a-f]{64}","request":"[0-9a-f]{64}"\}$/);
    const logged = JSON.stringify(site.logged);
    expect(logged).toContain('/install/answer/***');
    expect(logged).not.toContain(urls.answer.split('/').at(-1));
  });

  it.each([
    ['by the token of the mode file', '/install/answer'],
    ['as Proxmox Datacenter Manager is asked', '/api2/json/auto-install/answer'],
    ['by both', ''],
  ])('is given %s', async (_, url) => {
    const site = await installSite();
    const { urls } = await site.armed();
    const reply = await site.ask(url === '' ? urls.answer : url, { headers: { authorization: urls.token } });
    expect(reply.statusCode).toBe(200);
  });

  it('is given to installers that send no $schema, and to those that send more than is known', async () => {
    const site = await installSite();
    const { urls } = await site.armed();
    const { $schema: _, ...old } = { ...sysinfo(), $schema: 0 };
    expect((await site.ask(urls.answer, { body: { ...old, future: { key: [1] } } })).statusCode).toBe(200);
  });

  it('is given to a machine whose firmware has nothing but junk to tell it by', async () => {
    const site = await installSite({ isNameless: true });
    const { urls } = await site.armed();
    const junk = { uuid: '03000200-0400-0500-0006-000700080009', serial: 'Default string' };
    expect((await site.ask(urls.answer, { body: sysinfo([MAC], junk) })).statusCode).toBe(200);
  });

  it('is given again to an identical request from the same address for a quarter of an hour, also after a restart', async () => {
    const site = await installSite();
    const { uuid, urls } = await site.armed();
    const first = await site.ask(urls.answer);
    const again = await site.ask(urls.answer);
    expect([again.statusCode, again.body]).toEqual([200, first.body]);
    await site.clock.advance(15 * 60_000);
    expect((await site.ask(urls.answer)).statusCode).toBe(200);
    await site.clock.advance(1);
    expect((await site.ask(urls.answer)).statusCode).toBe(403);
    expect((await site.why())[0]).toContain('more than 15 minutes ago');
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'answered' });
    expect((await site.events('install.answer_refused')).length).toBe(1);
  });

  it.each([
    ['from another address', { from: '10.0.0.51' }, 'this request comes from 10.0.0.51'],
    ['with another request', { body: sysinfo([MAC, '52:54:00:00:06:99']) }, 'this is another request'],
  ])('is not given again %s', async (_, asked, why) => {
    const site = await installSite();
    const { urls } = await site.armed();
    await site.ask(urls.answer);
    const reply = await site.ask(urls.answer, asked);
    expect([reply.statusCode, reply.body.includes(MAC)]).toEqual([403, false]);
    expect((await site.why())[0]).toContain(why);
  });

  it('is told of in the transaction in which it goes out, once, as from then on disks are erased', async () => {
    let isBroken = true;
    const served: string[] = [];
    const site = await installSite({
      served: async (_, { uuid, answeredAt }) => {
        if (isBroken) throw new Error('the store is full');
        served.push(`${uuid} ${answeredAt}`);
      },
    });
    const { uuid, urls } = await site.armed();
    expect((await site.clock.until(site.ask(urls.answer))).statusCode).toBe(500);
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'armed', answeredAt: null });
    isBroken = false;
    for (const _ of [1, 2]) expect((await site.ask(urls.answer)).statusCode).toBe(200);
    expect(served).toEqual([`${uuid} null`]);
  });

  it('is given once when many ask at the same time', async () => {
    const site = await installSite();
    const { uuid, urls } = await site.armed();
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, at) => site.ask(urls.answer, { from: `10.0.1.${at}`, body: sysinfo([MAC]) })),
    );
    expect(replies.filter(({ statusCode }) => statusCode === 200)).toHaveLength(1);
    expect(replies.filter(({ statusCode }) => statusCode === 403)).toHaveLength(9);
    expect((await site.events('install.answered')).length).toBe(1);
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'answered' });
  });

  it.each([
    ["a MAC that is nobody's", sysinfo(['52:54:00:00:06:77']), 'none of its MACs'],
    ['a MAC of another node too', sysinfo([MAC, '52:54:00:00:06:02']), 'belongs to another node'],
    ['another SMBIOS UUID', sysinfo([MAC], { uuid: SMBIOS.replace('4c4c', '5c4c') }), 'its SMBIOS UUID is'],
    ['nothing but a MAC', sysinfo([MAC], { uuid: undefined, serial: undefined }), 'its SMBIOS UUID is not said'],
    ['another serial number', sysinfo([MAC], { uuid: SMBIOS, serial: 'SN-0002' }), 'its serial number is SN-0002'],
  ])('is refused to a machine with %s', async (_, body, why) => {
    const site = await installSite();
    await addInstalled(site, { mac: '52:54:00:00:06:02', name: 'other' }, 'active');
    const { uuid, urls } = await site.armed();
    const reply = await site.ask(urls.answer, { body });
    expect(reply.statusCode).toBe(403);
    expect(reply.body).not.toContain('MAC');
    expect((await site.why())[0]).toContain(why);
    expect((await site.events('install.answer_refused'))[0]).toContain(why);
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'armed' });
    // The right one still gets it.
    expect((await site.ask(urls.answer)).statusCode).toBe(200);
  });

  it('is refused while the disks are not ready, to a node that is not being deployed, and once the installation is over', async () => {
    const site = await installSite();
    const { uuid } = await site.book.begin({ nodeUuid: site.node.uuid, deployment: 'd', plan: (await site.armed()).plan });
    const urls = await urlsOf(site.book, uuid);
    expect((await site.ask(urls.answer)).statusCode).toBe(403);
    expect((await site.why())[0]).toContain('its disks are not ready');
    await site.book.arm(uuid);
    await site.store.db.updateTable('nodes').set({ provision_state: 'active' }).execute();
    expect((await site.ask(urls.answer)).statusCode).toBe(403);
    expect((await site.why())[0]).toContain('the node is active, not being deployed');
    await site.store.db.updateTable('nodes').set({ provision_state: 'deploying' }).execute();
    await site.book.abandon(site.node.uuid, 'd', 'somebody aborted it');
    expect((await site.ask(urls.answer)).statusCode).toBe(403);
    expect((await site.why())[0]).toContain('somebody aborted it');
  });

  it('is void from the moment that another deployment of the node begins', async () => {
    const site = await installSite();
    const first = await site.armed('one');
    const second = await site.armed('two');
    expect((await site.ask(first.urls.answer)).statusCode).toBe(403);
    expect((await site.ask(second.urls.answer)).statusCode).toBe(200);
  });

  it.each([
    ['no secret', '/install/answer', {}, 401],
    ['a wrong secret', `/install/answer/${UNKNOWN}`, {}, 404],
    ['what is no secret at all', '/install/answer/short', {}, 404],
    ['a wrong token', '/install/answer', { authorization: `Bearer 00000000-0000-4000-8000-000000000000:${UNKNOWN}` }, 401],
    ['a token as Datacenter Manager has it', '/api2/json/auto-install/answer', { authorization: `Bearer name:${UNKNOWN}` }, 401],
  ])('is refused to %s, without a word of why, and people see it at the MAC', async (_, url, headers, status) => {
    const site = await installSite();
    await site.armed();
    const reply = await site.ask(url, { headers });
    expect(reply.statusCode).toBe(status);
    expect(reply.body).not.toMatch(/pve1|52:54/);
    expect((await site.why(`mac:${MAC}`))[0]).toMatch(/^no answer: an installer asked from 10\.0\.0\.50: /);
  });

  it('needs secret and token of the same installation where both are given', async () => {
    const site = await installSite();
    const { urls } = await site.armed();
    const headers = { authorization: `Bearer 00000000-0000-4000-8000-000000000000:${urls.answer.split('/').at(-1)}` };
    expect((await site.ask(urls.answer, { headers })).statusCode).toBe(401);
    expect((await site.ask(urls.answer, { headers: { authorization: `Bearer x:${UNKNOWN}` } })).statusCode).toBe(401);
  });

  it('whoever asks again and again without a right is sent away, and the right one beside it is not', async () => {
    const site = await installSite();
    const { urls } = await site.armed();
    const codes: number[] = [];
    for (let at = 0; at < 40; at += 1) codes.push((await site.ask(`/install/answer/${UNKNOWN}`)).statusCode);
    expect(codes.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 404));
    expect(codes.slice(20)).toEqual(Array.from({ length: 20 }, () => 429));
    expect((await site.ask(urls.answer)).statusCode).toBe(200);
  });

  it('is made while the machine loads its installer, and then costs a look-up; for another address of ours it is made anew', async () => {
    const bases: string[] = [];
    const render: SiteOptions['render'] = ({ base, secrets }) => {
      bases.push(base);
      return Promise.resolve(`hook = "${base}/install/done/${secrets.hook}"\n`);
    };
    const site = await installSite({ render });
    const { uuid, urls } = await site.armed();
    await site.install.expect(uuid, 'http://10.0.0.2:6385/');
    await site.install.expect(uuid, 'http://10.0.0.2:6385');
    expect(bases).toEqual(['http://10.0.0.2:6385']);
    const answer = await site.ask(urls.answer);
    expect([answer.statusCode, answer.body]).toEqual([200, `hook = "http://10.0.0.2:6385${urls.done}"\n`]);
    expect((await site.ask(urls.answer)).body).toBe(answer.body);
    expect(bases).toHaveLength(1);
    // Also on the way: the request waits for it and makes none of its own.
    const other = await site.armed('task-2');
    const [, asked] = await Promise.all([site.install.expect(other.uuid, 'http://10.0.0.2:6385'), site.ask(other.urls.answer)]);
    expect([asked.statusCode, bases.length]).toEqual([200, 2]);
    const third = await site.armed('task-3');
    await site.install.expect(third.uuid, 'http://192.168.1.2:6385');
    expect((await site.ask(third.urls.answer)).body).toContain('http://10.0.0.2:6385/');
    expect(bases).toHaveLength(4);
  });

  it('that could not be made ahead is made when it is asked for', async () => {
    let isBroken = true;
    const site = await installSite({
      render: () => (isBroken ? Promise.reject(new Error('the disk is full')) : Promise.resolve('ok = true\n')),
    });
    const { uuid, urls } = await site.armed();
    await site.install.expect(uuid, 'http://10.0.0.2:6385');
    expect(await site.events('install.answer_failed')).toEqual([]);
    isBroken = false;
    expect((await site.ask(urls.answer)).statusCode).toBe(200);
    await site.install.expect('00000000-0000-4000-8000-000000000009', 'http://10.0.0.2:6385');
  });

  it('waits for what passes, since the installer does, and is a no with its reason when that does not pass', async () => {
    let failures = 3;
    const asked: number[] = [];
    const render = () => {
      asked.push(site.clock.now());
      if (failures === 0) return Promise.resolve('ok = true\n');
      failures -= 1;
      return Promise.reject(new Error('the store changes hands'));
    };
    const site = await installSite({ render });
    const { urls } = await site.armed();
    expect((await site.clock.until(site.ask(urls.answer))).statusCode).toBe(200);
    expect(asked.map((at) => at - (asked[0] ?? 0))).toEqual([0, 1000, 2000, 3000]);
    expect(await site.events('install.answer_failed')).toEqual([]);
    failures = Number.POSITIVE_INFINITY;
    const other = await site.armed('task-2');
    const before = site.clock.now();
    expect((await site.clock.until(site.ask(other.urls.answer))).statusCode).toBe(503);
    expect(site.clock.now() - before).toBeLessThanOrEqual(16_000);
    expect(await site.events('install.answer_failed')).toEqual([containing('the store changes hands')]);
  });

  it('that can not be made while the installer waits is a no, told to people a few times, and costs the machine nothing', async () => {
    let isSlow = true;
    const render = () => (isSlow ? new Promise<string>(() => undefined) : Promise.resolve('ok = true\n'));
    const site = await installSite({ render });
    const { uuid, urls } = await site.armed();
    expect((await site.clock.until(site.ask(urls.answer))).statusCode).toBe(503);
    expect((await site.events('install.answer_failed'))[0]).toContain('longer than 30 s');
    for (let at = 0; at < 9; at += 1) expect((await site.clock.until(site.ask(urls.answer))).statusCode).toBe(503);
    expect(await site.events('install.answer_failed')).toHaveLength(5);
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'armed' });
    isSlow = false;
    expect((await site.ask(urls.answer)).statusCode).toBe(200);
  });

  it.each([
    ['no JSON', 'x', 400],
    ['no object', '[]', 400],
    ['no interfaces', '{}', 400],
    ['no MAC', '{"network_interfaces":[{"link":"lo"}]}', 400],
    [
      'an endless list of interfaces',
      JSON.stringify(
        sysinfo(
          Array.from(
            { length: 300 },
            (_, at) => `52:54:00:00:${(at >> 8).toString(16).padStart(2, '0')}:${(at & 255).toString(16).padStart(2, '0')}`,
          ),
        ),
      ),
      400,
    ],
    ['more than it needs', `{"network_interfaces":[],"x":"${'y'.repeat(70_000)}"}`, 413],
  ])('is not given for a request with %s', async (_, payload, status) => {
    const site = await installSite();
    const { urls } = await site.armed();
    const reply = await site.app.inject({ method: 'POST', url: urls.answer, payload, headers: { 'content-type': 'application/json' } });
    expect(reply.statusCode).toBe(status);
  });
});

describe('a web hook', () => {
  it('pins the host keys, keeps what was installed, and the deployment goes on', async () => {
    const site = await installSite();
    const { uuid, urls } = await site.armed();
    await site.ask(urls.answer);
    const reply = await site.post(urls.done, hookBody());
    expect([reply.statusCode, reply.body]).toEqual([200, '']);
    const { stage, hook, installedAt } = await site.book.get(uuid);
    expect([stage, installedAt]).toEqual(['installed', site.clock.now()]);
    expect(hook).toMatchObject({ fqdn: 'pve1.home.arpa', machine_id: 'f4bf9711783248b7aaffe3ccbca3e3dc', boot: { mode: 'efi' } });
    const { driverInternalInfo } = await site.nodes.get(site.node.uuid);
    expect(driverInternalInfo.first_boot).toMatchObject({ ssh_host_keys: [HOST_KEY], hostname: 'pve1.home.arpa', from: '10.0.0.50' });
    expect(site.woken).toEqual(['look', 'look']);
  });

  it('has its effect once, and its yes each time', async () => {
    const site = await installSite();
    const { urls } = await site.armed();
    await site.ask(urls.answer);
    await site.post(urls.done, hookBody());
    const again = await site.post(urls.done, hookBody({ 'ssh-public-host-keys': { ed25519: OTHER_KEY } }));
    expect(again.statusCode).toBe(200);
    const { driverInternalInfo } = await site.nodes.get(site.node.uuid);
    expect(driverInternalInfo.first_boot).toMatchObject({ ssh_host_keys: [HOST_KEY] });
    expect((await site.events('install.installed')).length).toBe(1);
    expect(site.woken).toEqual(['look', 'look']);
  });

  it('gets its yes also when the store fails for a while, and so does whoever fetches the program of the first boot', async () => {
    const site = await installSite();
    const { uuid, urls } = await site.armed();
    await site.ask(urls.answer);
    const transaction = vi.spyOn(site.store, 'transaction');
    onTestFinished(() => transaction.mockRestore());
    const broken = new Error('the store changes hands');
    transaction.mockRejectedValueOnce(broken).mockRejectedValueOnce(broken);
    expect((await site.clock.until(site.app.inject({ url: urls.firstBoot, headers: { host: '10.0.0.2:6385' } }))).statusCode).toBe(200);
    transaction.mockRejectedValueOnce(broken).mockRejectedValueOnce(broken);
    expect((await site.clock.until(site.post(urls.done, hookBody()))).statusCode).toBe(200);
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'installed' });
    expect(await site.events('install.installed')).toHaveLength(1);
  });

  it('of the older schema, and with the token in its body, is taken too', async () => {
    const site = await installSite();
    const { uuid, urls } = await site.armed();
    await site.ask(urls.answer);
    const { $schema: _, ...old } = { ...hookBody(), $schema: 0 };
    expect((await site.post('/install/done', { ...old, token: urls.hook })).statusCode).toBe(200);
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'installed' });
  });

  it.each([
    ['an unknown secret', `/install/done/${UNKNOWN}`, {}],
    ['no secret', '/install/done', {}],
    ['a token that is not that of its path', '', { token: UNKNOWN }],
  ])('with %s is not believed, at once', async (_, url, more) => {
    const site = await installSite();
    const { uuid, urls } = await site.armed();
    await site.ask(urls.answer);
    const reply = await site.post(url === '' ? urls.done : url, hookBody(more));
    expect(reply.statusCode).toBe(404);
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'answered' });
  });

  it('that comes before the answer, or after the end, gets its yes and changes nothing', async () => {
    const site = await installSite();
    const { uuid, urls } = await site.armed();
    expect((await site.post(urls.done, hookBody())).statusCode).toBe(200);
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'armed', installedAt: null });
    await site.book.abandon(site.node.uuid, 'task-1', 'somebody aborted it');
    expect((await site.post(urls.done, hookBody())).statusCode).toBe(200);
    expect((await site.post(urls.done, hookBody())).statusCode).toBe(200);
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'failed', failure: containing('somebody aborted it') });
    const { driverInternalInfo } = await site.nodes.get(site.node.uuid);
    expect(driverInternalInfo.first_boot).toBeUndefined();
    expect(await site.events('install.hook_late')).toHaveLength(1);
  });

  it('of a node that is not being deployed gets its yes and changes nothing, before its record says so too, and so does a first boot', async () => {
    const site = await installSite();
    const { uuid, urls } = await site.armed();
    await site.ask(urls.answer);
    await site.store.db.updateTable('nodes').set({ provision_state: 'deploy failed' }).where('uuid', '=', site.node.uuid).execute();
    expect((await site.post(urls.done, hookBody())).statusCode).toBe(200);
    expect((await site.post(urls.firstBoot, firstBootBody())).statusCode).toBe(200);
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'answered', installedAt: null, hook: null, firstBootAt: null });
    expect((await site.nodes.get(site.node.uuid)).driverInternalInfo.first_boot).toBeUndefined();
    expect(await site.events('install.hook_late')).toEqual([containing('its node is deploy failed, not being deployed')]);
    expect(await site.why()).toContainEqual(containing('a first boot was reported'));
  });

  it.each([
    ['product', { product: { short: 'pbs', fullname: 'Proxmox Backup Server' } }, 'its product is pbs'],
    ['name', { fqdn: 'pve9.home.arpa' }, 'its name is pve9.home.arpa'],
    ['file system', { filesystem: 'ext4' }, 'its file system is ext4'],
    ['level', { filesystem: 'zfs (RAID0)' }, 'its file system is zfs (RAID0)'],
    [
      'disk',
      { disks: [{ size: 1, 'is-bootdisk': true, 'udev-properties': { ID_SERIAL_SHORT: 'FOREIGN-9' } }] },
      'it was installed on FOREIGN-9, which is none of the chosen disks',
    ],
  ])('that tells of another %s is a failure, and its keys are not pinned', async (_, more, why) => {
    const site = await installSite();
    const { uuid, urls } = await site.armed();
    await site.ask(urls.answer);
    expect((await site.post(urls.done, hookBody(more))).statusCode).toBe(200);
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'failed', failure: containing(why) });
    const { driverInternalInfo } = await site.nodes.get(site.node.uuid);
    expect(driverInternalInfo.first_boot).toBeUndefined();
    expect(site.woken.at(-1)).toBe('look');
  });

  it('that could not find everything out is believed all the same', async () => {
    const site = await installSite({ productOf: () => Promise.reject(new Error('removed')) });
    const { uuid, urls } = await site.armed();
    await site.ask(urls.answer);
    const more = { filesystem: 'unknown', product: 'unknown', disks: null, 'network-interfaces': 7, 'ssh-public-host-keys': null };
    expect((await site.post(urls.done, hookBody(more))).statusCode).toBe(200);
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'installed' });
    expect((await site.events('install.installed'))[0]).toContain('it told no SSH host keys');
  });
});

describe('a first boot', () => {
  it('is given its script once the answer was served, and reports by it', async () => {
    const site = await installSite();
    const { uuid, urls } = await site.armed();
    expect((await site.get(urls.firstBoot, { host: '10.0.0.2:6385' })).statusCode).toBe(404);
    await site.ask(urls.answer);
    const script = await site.get(urls.firstBoot, { host: '10.0.0.2:6385' });
    expect(script.statusCode).toBe(200);
    expect(script.body).toContain(`url='http://10.0.0.2:6385${urls.firstBoot}'`);
    expect(script.body).toContain("wanted='network-first'");
    await site.post(urls.done, hookBody());
    expect((await site.post(urls.firstBoot, firstBootBody(), '10.0.0.11')).statusCode).toBe(200);
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'first-boot', firstBoot: { hostname: 'pve1', from: '10.0.0.11' } });
    expect(site.woken).toEqual(['look', 'sign', 'look', 'look']);
  });

  it('that is reported again changes nothing but where it is', async () => {
    const site = await installSite();
    const { uuid, urls } = await site.armed();
    await site.ask(urls.answer);
    await site.post(urls.done, hookBody());
    await site.post(urls.firstBoot, firstBootBody());
    const again = await site.post(urls.firstBoot, firstBootBody({ addresses: ['10.0.0.12/24'] }));
    expect(again.statusCode).toBe(200);
    expect((await site.events('install.first_boot')).length).toBe(1);
    expect((await site.book.get(uuid)).firstBoot).toMatchObject({ addresses: ['10.0.0.12/24'] });
    await site.book.reached(uuid, 'root@10.0.0.12');
    expect((await site.post(urls.firstBoot, firstBootBody())).statusCode).toBe(200);
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'reached' });
  });

  it('counts as installed where the web hook never came, and its keys are pinned', async () => {
    const site = await installSite();
    const { uuid, urls } = await site.armed();
    await site.ask(urls.answer);
    await site.post(urls.firstBoot, firstBootBody());
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'first-boot' });
    expect((await site.events('install.first_boot'))[0]).toContain('its web hook never came');
    const { driverInternalInfo } = await site.nodes.get(site.node.uuid);
    expect(driverInternalInfo.first_boot).toMatchObject({ ssh_host_keys: [HOST_KEY] });
    // It comes after all.
    expect((await site.post(urls.done, hookBody({ 'ssh-public-host-keys': { ed25519: OTHER_KEY } }))).statusCode).toBe(200);
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'first-boot' });
  });

  it('with other keys than the installer told is told to people, and the keys of the installer stay', async () => {
    const site = await installSite();
    const { urls } = await site.armed();
    await site.ask(urls.answer);
    await site.post(urls.done, hookBody());
    await site.post(urls.firstBoot, firstBootBody({ hostKeys: [OTHER_KEY] }));
    const { driverInternalInfo } = await site.nodes.get(site.node.uuid);
    expect(driverInternalInfo.first_boot).toMatchObject({ ssh_host_keys: [HOST_KEY] });
    expect(await site.events('install.other_keys')).toHaveLength(1);
  });

  it('of a machine whose firmware keeps its boot order needs hands', async () => {
    const site = await installSite();
    const { urls } = await site.armed();
    await site.ask(urls.answer);
    const bootOrder = { wanted: 'network-first', did: 'the firmware refused the new boot order' };
    await site.post(urls.firstBoot, firstBootBody({ bootOrder }));
    expect((await site.events('install.needs_hands'))[0]).toContain('the firmware refused the new boot order');
  });

  it.each([
    ['an unknown secret', `/install/first-boot/${UNKNOWN}`, firstBootBody(), 404],
    ['nothing that is a report', '', {}, 400],
  ])('with %s is refused', async (_, url, body, status) => {
    const site = await installSite();
    const { urls } = await site.armed();
    await site.ask(urls.answer);
    expect((await site.post(url === '' ? urls.firstBoot : url, body)).statusCode).toBe(status);
  });

  it('before the answer was served is not believed', async () => {
    const site = await installSite();
    const { uuid, urls } = await site.armed();
    expect((await site.post(urls.firstBoot, firstBootBody())).statusCode).toBe(200);
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'armed' });
  });
});

it('shows people the whole way, without a secret', async () => {
  const site = await installSite();
  const none = await site.get(`/api/nodes/${site.node.uuid}/installation`);
  expect(none.statusCode).toBe(404);
  const { uuid, bootId, urls } = await site.armed();
  await site.book.countBoot(uuid);
  await site.book.fetched(bootId, 'kernel', 10, 10);
  await site.book.fetched(bootId, 'initrd', 10, 10);
  await site.book.fetched(bootId, 'iso', 400, 1000);
  await site.ask(urls.answer);
  await site.post(urls.done, hookBody());
  await site.post(urls.firstBoot, firstBootBody());
  await site.book.reached(uuid, 'root@10.0.0.11');
  const reply = await site.get(`/api/nodes/${site.node.name}/installation`);
  const body: unknown = JSON.parse(reply.body);
  expect(body).toMatchObject({ stage: 'reached', fraction: 1, stall: null, boots: 1 });
  expect(JSON.stringify(body).match(/install\.\w+/g)).toEqual([
    'install.prepared',
    'install.armed',
    'install.boot',
    'install.kernel',
    'install.initrd',
    'install.iso',
    'install.answered',
    'install.installed',
    'install.first_boot',
    'install.reached',
  ]);
  for (const secret of [bootId, urls.hook, urls.answer, urls.firstBoot]) expect(reply.body).not.toContain(secret);
});
