// The script of the first boot, run by Debian's sh: what it tells, by whichever program is there, and to nobody but the appliance.

import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readFirstBoot } from '../../src/install/protocol/first-boot-codec.ts';
import { type BootOrder, compileFirstBoot } from '../../src/install/protocol/first-boot-render.ts';
import { resource, runProgram } from '../../src/lib/index.ts';
import { certificateFor, type TlsPair } from './power/tls-pair.ts';

const TOOLS = [
  'sh',
  'cat',
  'tr',
  'cut',
  'sed',
  'head',
  'grep',
  'awk',
  'wc',
  'rm',
  'mktemp',
  'timeout',
  'uname',
  'hostname',
  'ip',
  'sleep',
  'printf',
];
const PLACES = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];
const KEY = `ssh-ed25519 ${'A'.repeat(68)}`;
const PATH = `/install/first-boot/${'x'.repeat(43)}`;

const LISTING = [
  'BootCurrent: 0003',
  'Timeout: 1 seconds',
  'BootOrder: 0003,0001,0002,0000',
  'Boot0000* UEFI Shell\tFvVol(7cb8bdc9)',
  'Boot0001* UEFI: IP4 Intel Network\tPciRoot(0x0)/Pci(0x1f,0x6)/MAC(525400000601,0)/IPv4(0.0.0.0)',
  'Boot0002* UEFI: IP6 Intel Network\tPciRoot(0x0)/Pci(0x1f,0x6)/MAC(525400000601,0)/IPv6([::])',
  'Boot0003* proxmox\tHD(2,GPT,abc)/File(\\EFI\\proxmox\\grubx64.efi)',
].join('\n');

interface World {
  readonly bodies: unknown[];
  readonly run: (options?: RunOptions) => Promise<{ readonly code: number | null; readonly stderr: string }>;
  readonly order: () => Promise<string>;
}

interface RunOptions {
  readonly by?: 'curl' | 'wget' | 'openssl' | null;
  readonly bootOrder?: BootOrder;
  readonly pin?: TlsPair;
  /** What efibootmgr does; null: there is none, and no UEFI. */
  readonly efi?: 'works' | 'refuses' | 'forgets' | 'missing' | null;
}

let pair: TlsPair;
let other: TlsPair;
beforeAll(async () => {
  [pair, other] = await Promise.all([certificateFor('rackseed'), certificateFor('somebody')]);
});

function pinsOf({ cert }: TlsPair): { certificate: string; publicKey: string } {
  const parsed = new X509Certificate(cert);
  return {
    certificate: parsed.fingerprint256.replaceAll(':', '').toLowerCase(),
    publicKey: createHash('sha256')
      .update(parsed.publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64'),
  };
}

async function world(status = 200): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-first-boot-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const bodies: unknown[] = [];
  const server = createServer({ key: pair.key, cert: pair.cert }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      bodies.push(JSON.parse(Buffer.concat(chunks).toString()));
      response.writeHead(request.url === PATH && request.method === 'POST' ? status : 404).end();
    });
  });
  server.on('tlsClientError', () => undefined); // a client that saw another certificate
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo; // of a TCP server
  const [bin, ssh, state] = [join(directory, 'bin'), join(directory, 'ssh'), join(directory, 'order')];
  await Promise.all([mkdir(bin), mkdir(ssh), writeFile(state, '0003,0001,0002,0000')]);
  await writeFile(join(ssh, 'ssh_host_ed25519_key.pub'), `${KEY} root@pve1\n`);
  return {
    bodies,
    order: () => readFile(state, 'utf8'),
    run: async ({ by = 'curl', bootOrder = 'network-first', pin = pair, efi = 'works' } = {}) => {
      await rm(bin, { recursive: true });
      await mkdir(bin);
      for (const tool of [...TOOLS, ...(by === null ? [] : [by])]) await link(bin, tool);
      if (efi !== null && efi !== 'missing') await fakeEfibootmgr(bin, state, efi);
      // One try: what is tried again is the same.
      const template = (await readFile(join(resource('templates/install'), 'first-boot.sh'), 'utf8')).replace('{{tries}}', '1');
      const script = compileFirstBoot(template)({ url: `https://127.0.0.1:${port}${PATH}`, pins: pinsOf(pin), bootOrder });
      const path = join(directory, 'script');
      await writeFile(path, script);
      const env = { PATH: bin, SSH_ROOT: ssh, EFI_ROOT: efi === null ? join(directory, 'none') : directory, TMPDIR: directory };
      const words = ['-i', ...Object.entries(env).map(([name, value]) => `${name}=${value}`), '/bin/dash', path, 'fully-up'];
      return runProgram('/usr/bin/env', words);
    },
  };
}

async function link(bin: string, tool: string): Promise<void> {
  for (const place of PLACES) {
    const { code } = await runProgram('/usr/bin/test', ['-x', join(place, tool)]);
    if (code === 0) return symlink(join(place, tool), join(bin, tool));
  }
  // Built into the shell where it is no file.
  if (tool !== 'printf') throw new Error(`${tool} is missing: see rackseed setup`);
}

/** Its boot order is a file; the listing is what real firmware shows, with that order. */
async function fakeEfibootmgr(bin: string, state: string, how: 'works' | 'refuses' | 'forgets'): Promise<void> {
  const set = { works: `printf '%s' "$2" > ${state}`, refuses: 'exit 1', forgets: ':' }[how];
  const listing = LISTING.replace('0003,0001,0002,0000', 'ORDER');
  const text = `#!/bin/sh\nif [ "$1" = -o ]; then ${set}; fi\nsed "s/ORDER/$(cat ${state})/" <<'END'\n${listing}\nEND\n`;
  await writeFile(join(bin, 'efibootmgr'), text);
  await chmod(join(bin, 'efibootmgr'), 0o755);
}

describe('the script of the first boot', () => {
  it.each(['curl', 'wget', 'openssl'] as const)('tells by %s what it is, and sets the network first', async (by) => {
    const { run, bodies, order } = await world();
    expect(await run({ by })).toMatchObject({ code: 0, stderr: '' });
    expect(bodies).toHaveLength(1);
    expect(readFirstBoot(bodies[0])).toMatchObject({
      hostKeys: [KEY],
      needsHands: null,
      summary: {
        bootMode: 'efi',
        bootOrder: { did: 'set to network first', before: '0003,0001,0002,0000', after: '0001,0002,0003,0000', current: '0003' },
      },
    });
    expect(await order()).toBe('0001,0002,0003,0000');
  });

  it.each(['curl', 'wget', 'openssl'] as const)('tells nothing by %s to whoever has another certificate', async (by) => {
    const { run, bodies } = await world();
    const { code, stderr } = await run({ by, pin: other });
    expect(code).toBe(1);
    expect(stderr).toContain('tried again at the next boot');
    expect(bodies).toEqual([]);
  });

  it.each(['curl', 'wget', 'openssl'] as const)(
    'fails where the report by %s is not taken, and comes again at the next boot',
    async (by) => {
      const { run } = await world(503);
      expect((await run({ by })).code).toBe(1);
    },
  );

  it('fails where no program is there to tell it with', async () => {
    const { run, bodies } = await world();
    expect((await run({ by: null })).code).toBe(1);
    expect(bodies).toEqual([]);
  });

  it.each([
    ['leaves the disk first where the profile says so', { bootOrder: 'disk-first' }, 'left as it is', null],
    ['says that firmware refuses', { efi: 'refuses' }, 'the firmware refused the new boot order', /the firmware refused/],
    [
      'says that firmware keeps its own order',
      { efi: 'forgets' },
      'set to network first, but the firmware kept another order',
      /kept another order/,
    ],
    ['says that efibootmgr is missing', { efi: 'missing' }, 'efibootmgr is not installed', /efibootmgr is not installed/],
    ['says that a BIOS can not be told', { efi: null }, 'this machine boots by BIOS, whose boot order nobody can set from here', null],
  ] as const)('%s', async (_, options, did, hands) => {
    const { run, bodies, order } = await world();
    expect((await run(options)).code).toBe(0);
    const report = readFirstBoot(bodies[0]);
    expect(report?.summary.bootOrder).toMatchObject({ did });
    if (hands === null) expect(report?.needsHands ?? null).toBeNull();
    else expect(report?.needsHands).toMatch(hands);
    expect(await order()).toBe('0003,0001,0002,0000');
  });

  it('run twice finds the network first already', async () => {
    const { run, bodies } = await world();
    await run();
    await run();
    expect(readFirstBoot(bodies[1])?.summary.bootOrder).toMatchObject({ did: 'network first already' });
  });
});

it('takes no value into the script that the shell could take for more', () => {
  const render = compileFirstBoot("url='{{url}}'");
  const good = { url: `https://10.0.0.2:6385${PATH}`, pins: null, bootOrder: 'leave' } as const;
  expect(render(good)).toBe(`url='https://10.0.0.2:6385${PATH}'`);
  for (const url of ["https://10.0.0.2/a'b", 'https://10.0.0.2/$(id)', 'https://10.0.0.2/a b', 'https://10.0.0.2/?x=1'])
    expect(() => render({ ...good, url })).toThrow("can't hold this");
  expect(() => render({ ...good, pins: { certificate: "'", publicKey: '' } })).toThrow("can't hold this certificate");
});
