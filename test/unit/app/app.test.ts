import { describe, expect, it } from 'vitest';
import { dhcpSubnets } from '../../../src/app-network.ts';
import { createOutboxPump } from '../../../src/app-outbox.ts';
import { startWarnings } from '../../../src/app-warnings.ts';
import { type LoadedConfig, loadConfig } from '../../../src/config/index.ts';
import { silentLog } from '../../../src/lib/index.ts';
import { welcome } from '../../../src/serve.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { openTestStore } from '../../support/store.ts';

function load(text: string): Promise<LoadedConfig> {
  return loadConfig({ path: 'rackseed.toml', env: {}, defaults: { dataDir: '/data' }, readFile: () => Promise.resolve(Buffer.from(text)) });
}

describe('the wiring of DHCP', () => {
  it('gives the server what the config says', async () => {
    const { config } = await load(`
[dhcp]
mode = "full"
[[dhcp.subnet]]
subnet = "10.0.0.0/24"
ranges = ["10.0.0.100-10.0.0.200"]
router = "10.0.0.1"
dns = ["10.0.0.2"]
domain = "lab.example"
[[dhcp.subnet]]
subnet = "10.1.0.0/16"
ranges = ["10.1.0.9"]
[[dhcp.reservation]]
mac = "AA-BB-CC-DD-EE-0F"
address = "10.0.0.7"
hostname = "pve1"
`);
    const [first, second] = dhcpSubnets(config);
    expect(first).toMatchObject({
      cidr: '10.0.0.0/24',
      pools: [{ first: '10.0.0.100', last: '10.0.0.200' }],
      reservations: [{ address: '10.0.0.7', mac: 'aa:bb:cc:dd:ee:0f', hostName: 'pve1' }],
      routers: ['10.0.0.1'],
      dnsServers: ['10.0.0.2'],
      domainName: 'lab.example',
      leaseSeconds: 3600,
    });
    expect(second).toMatchObject({ pools: [{ first: '10.1.0.9', last: '10.1.0.9' }], reservations: [], routers: [] });
  });
});

describe('warnings at start', () => {
  it('are none for a plain config', async () => expect(startWarnings(await load(''), null)).toEqual([]));

  it('name settings that this version does not act on', async () => {
    const loaded = await load(
      '[[profile]]\nname = "pve"\nos = "proxmox"\npipeline = "x"\n[[webhooks.target]]\nurl = "https://hooks.example/x"\n',
    );
    expect(startWarnings(loaded, null).map((one) => one.message)).toEqual([
      '[[webhooks.target]]: checked, but this version does not act on it yet',
    ]);
    const acted =
      '[[profile]]\nname = "web"\nos = "image"\nimage = "/srv/x.raw"\n[[profile]]\nname = "pve"\nos = "proxmox"\n[[rule]]\nname = "r"\nprofile = "web"\nmatch = { min_disks = 1 }\n';
    expect(startWarnings(await load(acted), null)).toEqual([]);
  });
});

describe('the welcome', () => {
  it('says where the appliance is, and what a start without a config leaves out', async () => {
    const { config } = await load('');
    expect(welcome(config).join('\n')).toMatch(/up at https:\/\/127\.0\.0\.1:6385 .*\/data\/admin\.token.*DHCP is off.*config init/s);
  });
});

describe('the outbox', () => {
  it('is settled while nobody is to be told', async () => {
    const clock = createFakeClock();
    const store = await openTestStore({ clock });
    await store.transaction(async (tx) => {
      const eventSeq = await store.events.append(tx, { type: 'node.moved', message: 'x' });
      await store.outbox.add(tx, { kind: 'node.moved', eventSeq, payload: {} });
    });
    const pump = createOutboxPump({ outbox: store.outbox, clock, log: silentLog });
    expect([await pump.drain(), await pump.drain()]).toEqual([1, 0]);
    await pump.start(AbortSignal.timeout(1000));
    await pump.stop();
  });
});
