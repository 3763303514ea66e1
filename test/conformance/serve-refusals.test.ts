// What can be wrong when the appliance is started, with the real process: it ends with exit code 1 (2 for a wrong command line) and one
// message that says what, where and the next step; no stack, no secret, and nothing that was there is damaged.

import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { cp, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  type Ended,
  freePort,
  holdNamespace,
  makeSite,
  type RunOptions,
  run,
  type Site,
  serveToEnd,
  startAppliance,
  temporarySite,
} from '../support/appliance.ts';

const MAKE_INTERFACE = 'ip link set lo up; ip link add prov0 type bridge; ip address add 10.99.0.1/24 dev prov0; ip link set prov0 up';

/** An appliance that was once started and stopped: what must not be damaged. */
let before: Site;

beforeAll(async () => {
  before = await makeSite();
  const appliance = await startAppliance(before);
  await appliance.client.send('PUT', '/api/enrolment', { mode: 'open', minutes: 5 });
  await appliance.stop();
});
afterAll(() => before.remove());

describe('a config that is refused', () => {
  it('names file, line, key and the nearest known key', async () => {
    const site = await temporarySite('liste = "127.0.0.1:1"\n\n[dcp]\nmode = "full"\n');
    const text = await refused(site, 'config.invalid');
    expect(text).toContain(`${site.configPath}:5: server.liste: unknown key. Did you mean "listen"?`);
    expect(text).toContain(`${site.configPath}:7: dcp: unknown key. Did you mean "dhcp"?`);
    expect(text).toContain('rackseed config check');
  });

  it('may come from the environment, which is named as well', async () => {
    const text = await refused(await temporarySite(), 'config.invalid', { env: { RACKSEED_DHCP_MODES: 'full' } });
    expect(text).toMatch(/RACKSEED_DHCP_MODES.*RACKSEED_DHCP_MODE/);
  });

  it('is a directory', async () => {
    const site = await temporarySite();
    const { stderr } = expectRefusal(await run(site, ['serve', '--config', site.directory]).end, 'config.not_a_file');
    expect(stderr).toContain(`${site.directory}: is a directory`);
    expect(stderr).toContain(`--config ${site.directory}/rackseed.toml`);
  });

  it('is not there', async () => {
    const site = await temporarySite();
    await rm(site.configPath);
    expect(await refused(site, 'config.not_found')).toContain(`rackseed config init > ${site.configPath}`);
  });

  it('leaves no trace of a data directory', async () => {
    const site = await temporarySite('liste = "x"\n');
    await refused(site, 'config.invalid');
    expect(await readdir(site.directory)).toEqual(['rackseed.toml']);
  });
});

describe('a command line that is refused', () => {
  it('ends with exit code 2', async () => {
    const site = await temporarySite();
    const { code, stderr } = await run(site, ['serve', '--confg', 'x']).end;
    expect([code, stderr]).toEqual([2, "rackseed: unknown option '--confg'\n  Next step: Did you mean --config?\n  (cli.usage)\n"]);
  });
});

describe('a port that another program holds', () => {
  it('is named for the API, with the program and its process id', async () => {
    const site = await temporarySite();
    await holdTcp(site.apiPort);
    const text = await refused(site, 'api.port_in_use');
    expect(text).toContain(`127.0.0.1:${site.apiPort} is in use by`);
    expect(text).toContain(`(process ${process.pid})`);
    expect(text).toContain('server.listen');
  });

  it('is named for the boot listener', async () => {
    const site = await temporarySite();
    await holdTcp(site.bootPort);
    const text = await refused(site, 'boot.port_in_use');
    expect(text).toContain(`127.0.0.1:${site.bootPort}`);
    expect(text).toContain('server.boot_listen');
  });

  it('is named for TFTP', async () => {
    const port = await freePort();
    const site = await temporarySite(`[tftp]\nenabled = true\nlisten = "127.0.0.1:${port}"\n`);
    await holdUdp(port);
    const text = await refused(site, 'tftp.port_in_use');
    expect(text).toContain(`127.0.0.1:${port}`);
    expect(text).toContain('[tftp] listen');
  });

  it('leaves no other port taken and the store free for the next start', async () => {
    const site = await temporarySite();
    const holder = await holdTcp(site.apiPort);
    await refused(site, 'api.port_in_use');
    await new Promise((resolve) => holder.close(resolve));
    const appliance = await startAppliance(site);
    expect((await appliance.stop()).code).toBe(0);
  });
});

describe('the DHCP port', () => {
  const DHCP = `[dhcp]
mode = "full"
interfaces = ["prov0"]
[[dhcp.subnet]]
subnet = "10.99.0.0/24"
ranges = ["10.99.0.100-10.99.0.200"]
[tftp]
enabled = false
`;

  it('may not be opened by an ordinary user', async () => {
    const site = await temporarySite(DHCP);
    // As nobody, who may read the program wherever it lies, and still not open a low port.
    const nobody = [...'setpriv --reuid=65534 --regid=65534 --clear-groups'.split(' '), ...keeping('dac_read_search')];
    const text = await refused(site, 'dhcp.port_denied', { before: onAnInterface(...nobody) });
    expect(text).toContain('No permission to open UDP port 67 on prov0');
    expect(text).toContain('CAP_NET_BIND_SERVICE');
  });

  it('may not be opened by root without the capability', async () => {
    const site = await temporarySite(DHCP);
    await refused(site, 'dhcp.port_denied', { before: onAnInterface('setpriv', '--bounding-set=-net_bind_service') });
    expect(await readdir(site.directory)).toEqual(['rackseed.toml']);
  });

  it('may be held by another DHCP server', async () => {
    const site = await temporarySite(DHCP);
    const holder =
      'socket(S, PF_INET, SOCK_DGRAM, 0) && bind(S, pack_sockaddr_in(67, INADDR_ANY)) or die $!; $| = 1; print "held"; <STDIN>';
    const { before: enter } = await holdNamespace(site, '--net', `${MAKE_INTERFACE}; exec perl -MSocket -e '${holder}'`);
    const text = await refused(site, 'dhcp.port_in_use', { before: enter });
    expect(text).toContain("ss -ulpn 'sport = :67'");
  });

  it('is asked for on an interface that is not there', async () => {
    const site = await temporarySite(DHCP.replace('prov0', 'prov7'));
    expect(await refused(site, 'dhcp.no_interface', { before: onAnInterface('env') })).toContain('prov7');
  });
});

describe('a data directory', () => {
  it('that is a file is refused and left as it is', async () => {
    const site = await temporarySite();
    await writeFile(site.dataDir, 'my notes\n');
    expect(await refused(site, 'app.data_dir')).toContain(`${site.dataDir} is a file, not a directory`);
    expect(await readFile(site.dataDir, 'utf8')).toBe('my notes\n');
  });

  it('below a file is refused', async () => {
    const site = await temporarySite();
    await writeFile(site.dataDir, '');
    const env = { RACKSEED_SERVER_DATA_DIR: join(site.dataDir, 'deeper') };
    expect(await refused(site, 'app.data_dir', { env })).toContain('lies below a file');
  });

  it.each(['empty', 'in use before'])('that is mounted read-only is refused: %s', async (kind) => {
    const site = kind === 'empty' ? await temporarySite() : await siteWithData();
    await mkdir(site.dataDir, { recursive: true });
    const digests = await digestsOf(site);
    const readOnly = inMountNamespace(`mount --bind ${site.dataDir} ${site.dataDir}; mount -o remount,bind,ro ${site.dataDir}`);
    expect(await refused(site, 'app.data_dir', { before: readOnly })).toContain('mounted read-only');
    expect(await digestsOf(site)).toEqual(digests);
  });

  it('that may not be made since the directory above is mounted read-only is refused for that reason', async () => {
    const site = await temporarySite();
    const readOnly = inMountNamespace(`mount --bind ${site.directory} ${site.directory}; mount -o remount,bind,ro ${site.directory}`);
    expect(await refused(site, 'app.data_dir', { before: readOnly })).toContain('mounted read-only');
  });

  it('of somebody else is refused with the user to give it to', async () => {
    const site = await temporarySite();
    await mkdir(site.dataDir, { mode: 0o500 });
    // Root, too, obeys the mode of a directory once it has no CAP_DAC_OVERRIDE.
    const text = await refused(site, 'app.data_dir', { before: ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] });
    expect(text).toContain('may not be written by this user');
    expect(text).toContain('chown');
  });

  it.each([1, 5, 30, 100, 250])('on a disk of only %i KiB is refused as full', async (size) => {
    const site = await temporarySite();
    await mkdir(site.dataDir);
    const text = await refused(site, 'store.full', { before: inMountNamespace(`mount -t tmpfs -o size=${size}k tmpfs ${site.dataDir}`) });
    expect(text).toMatch(/no space left.*free space/s);
  });
});

describe('a database', () => {
  it('from a newer version is refused', async () => {
    const site = await siteWithData();
    const db = new Sqlite(databaseOf(site));
    db.exec("insert into rackseed_migrations (version, name, checksum, applied_at) values (999, 'future', 'x', 1)");
    db.pragma('journal_mode = delete');
    db.close();
    await keepsDatabase(site, async () => {
      const text = await refused(site, 'store.newer_version');
      expect(text).toContain('999');
      expect(text).toContain('install the Rackseed that wrote it');
    });
  });

  it('that is damaged is refused', async () => {
    const site = await siteWithData();
    const file = await open(databaseOf(site), 'r+');
    await file.write(Buffer.alloc(3000, 0xff), 0, 3000, 3 * 4096);
    await file.close();
    await keepsDatabase(site, async () => expect(await refused(site, 'store.corrupt')).toContain('backup'));
  });

  it('that is none is refused', async () => {
    const site = await siteWithData();
    await writeFile(databaseOf(site), '# my notes\n'.repeat(1000));
    await keepsDatabase(site, () => refused(site, 'store.not_a_database'));
  });

  it('whose key is missing is refused, and no new key is made', async () => {
    const site = await siteWithData();
    const key = join(site.dataDir, 'store.key');
    const text = await readFile(key);
    await rm(key);
    await keepsDatabase(site, async () => expect(await refused(site, 'store.key_missing')).toContain(key));
    expect(await readdir(site.dataDir)).not.toContain('store.key');
    await writeFile(key, text, { mode: 0o600 });
    await (await startAppliance(site)).stop();
  });

  it('whose key is another one is refused', async () => {
    const site = await siteWithData();
    const other = await temporarySite();
    await (await startAppliance(other)).stop();
    await cp(join(other.dataDir, 'store.key'), join(site.dataDir, 'store.key'));
    await keepsDatabase(site, () => refused(site, 'store.key_wrong'));
  });

  it('that another appliance works on is refused, and that one goes on', async () => {
    const site = await siteWithData();
    const appliance = await startAppliance(site);
    const second = { ...site, apiPort: await freePort(), bootPort: await freePort() };
    const env = { RACKSEED_SERVER_LISTEN: `127.0.0.1:${second.apiPort}`, RACKSEED_SERVER_BOOT_LISTEN: `127.0.0.1:${second.bootPort}` };
    expect(await refused(site, 'store.in_use', { env })).toContain(`in use by process ${appliance.pid}`);
    expect(await appliance.client.get('/api/enrolment')).toMatchObject({ mode: 'open' });
    expect((await appliance.stop()).code).toBe(0);
  });
});

describe('files that a crash or a hand left behind in the data directory', () => {
  it('an empty instance id is made anew', async () => {
    const site = await siteWithData();
    await writeFile(join(site.dataDir, 'instance.id'), '');
    await (await startAppliance(site)).stop();
    expect(await readFile(join(site.dataDir, 'instance.id'), 'utf8')).toMatch(/^[0-9a-f-]{36}\n$/);
  });

  it('an admin token that others may read is refused', async () => {
    const site = await siteWithData();
    const path = join(site.dataDir, 'admin.token');
    const token = await readFile(path, 'utf8');
    await rm(path);
    await writeFile(path, token, { mode: 0o644 });
    const text = await refused(site, 'api.admin_token_broken');
    expect(text).toContain(`chmod 600 ${path}`);
    expect(text).not.toContain(token.trim());
  });

  it('an admin token that is none is refused, its content not shown', async () => {
    const site = await siteWithData();
    await writeFile(join(site.dataDir, 'admin.token'), 'hunter2\n', { mode: 0o600 });
    expect(await refused(site, 'api.admin_token_broken')).not.toContain('hunter2');
  });
});

async function refused(site: Site, code: string, options: RunOptions = {}): Promise<string> {
  return expectRefusal(await serveToEnd(site, options), code).stderr;
}

/** One message in the shape of all: what and where, the next step, the code. */
function expectRefusal(ended: Ended, code: string): Ended {
  expect(ended, ended.stderr).toMatchObject({ code: 1, signal: null });
  expect(ended.stderr).toMatch(/^rackseed: [^\0]+\n {2}Next step: .+\n {2}\([a-z_]+\.[a-z_]+\)\n$/);
  expect(ended.stderr).toContain(`(${code})\n`);
  expect(ended.stderr).not.toMatch(/\n\s+at |\bbug\b|rackseed-key-v1|PRIVATE KEY/);
  expect(ended.stdout).not.toContain('rackseed is ready');
  return ended;
}

async function siteWithData(): Promise<Site> {
  const site = await temporarySite();
  await cp(before.dataDir, site.dataDir, { recursive: true });
  return site;
}

async function keepsDatabase(site: Site, work: () => Promise<unknown>): Promise<void> {
  const digest = await digestOf(databaseOf(site));
  await work();
  expect(await digestOf(databaseOf(site))).toBe(digest);
}

function databaseOf(site: Site): string {
  return join(site.dataDir, 'rackseed.sqlite');
}

async function digestsOf(site: Site): Promise<Record<string, string>> {
  const entries = await readdir(site.dataDir, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(await Promise.all(paths.toSorted().map(async (path) => [path, await digestOf(path)] as const)));
}

async function digestOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

async function holdTcp(port: number) {
  const server = createServer();
  await once(server.listen(port, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return server;
}

async function holdUdp(port: number): Promise<void> {
  const socket = createSocket('udp4');
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
}

/** Root of a namespace of its own, so that mounts and interfaces vanish with the process. */
function inNamespace(kind: string, script: string, then: readonly string[] = []): readonly string[] {
  const user = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  return ['unshare', kind, ...user, 'sh', '-e', '-c', `${script}; exec "$@"`, 'sh', ...then];
}

function inMountNamespace(script: string): readonly string[] {
  return inNamespace('--mount', script);
}

/** A network of its own with one interface, prov0, that has an address; then the program through `then`. */
function onAnInterface(...then: readonly string[]): readonly string[] {
  return inNamespace('--net', MAKE_INTERFACE, then);
}

function keeping(capability: string): string[] {
  return [`--inh-caps=-all,+${capability}`, `--ambient-caps=+${capability}`, `--bounding-set=-all,+${capability}`];
}
