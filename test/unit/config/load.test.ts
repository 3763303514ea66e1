import { describe, expect, it } from 'vitest';
import { listSettings, loadConfig } from '../../../src/config/index.ts';
import { DATA_DIR, linesOf, load, problemsIn } from './load-text.ts';

describe('without a file', () => {
  it('the defaults are safe: nothing is answered on DHCP, HTTPS with tokens, nothing unknown is booted', async () => {
    const { config, path, warnings } = await loadConfig({ env: {}, defaults: { dataDir: DATA_DIR } });
    expect(path).toBeUndefined();
    expect(warnings).toEqual([]);
    expect(config.dhcp.mode).toBe('off');
    expect(config.tftp.enabled).toBe(false);
    expect(config.server).toMatchObject({ listen: '0.0.0.0:6385', boot_listen: '0.0.0.0:6386', tls: true });
    expect(config.auth.mode).toBe('token');
    expect(config.enrol.mode).toBe('closed');
  });

  it('paths follow the data folder of the caller', async () => {
    const { config } = await loadConfig({ env: {}, defaults: { dataDir: '/home/me/a b/' } });
    expect(config.server.artefacts_dir).toBe('/home/me/a b/artefacts');
    expect(config.store).toMatchObject({ url: 'sqlite:///home/me/a%20b/rackseed.sqlite', key_file: '/home/me/a b/store.key' });
  });
});

describe('defaults that depend on other settings', () => {
  it('follow data_dir of the file', async () => {
    const { config } = await load('[server]\ndata_dir = "/srv/rackseed"');
    expect(config.store.url).toBe('sqlite:///srv/rackseed/rackseed.sqlite');
    expect(config.server.artefacts_dir).toBe('/srv/rackseed/artefacts');
  });

  it('turn TFTP on with DHCP, unless told otherwise', async () => {
    expect((await load('[dhcp]\nmode = "proxy"')).config.tftp.enabled).toBe(true);
    expect((await load('[dhcp]\nmode = "proxy"\n[tftp]\nenabled = false')).config.tftp.enabled).toBe(false);
  });

  it('are filled in every table of a list', async () => {
    const { config } = await load('[[dhcp.subnet]]\nsubnet = "10.0.0.0/24"\n[[dhcp.subnet]]\nsubnet = "10.0.1.0/24"\nlease_seconds = 60');
    expect(config.dhcp.subnet).toEqual([
      { subnet: '10.0.0.0/24', ranges: [], dns: [], ntp: [], lease_seconds: 3600 },
      { subnet: '10.0.1.0/24', ranges: [], dns: [], ntp: [], lease_seconds: 60 },
    ]);
  });

  it('are never shared between two loads', async () => {
    const first = await load('');
    first.config.dhcp.interfaces.push('eth9');
    expect((await load('')).config.dhcp.interfaces).toEqual([]);
  });
});

describe('where a setting came from', () => {
  it('is known for file, environment and default', async () => {
    const loaded = await load('[dhcp]\ninterfaces = ["eno1"]\n[[dhcp.subnet]]\n\nsubnet = "10.0.0.0/24"', { RACKSEED_DHCP_MODE: 'full' });
    expect(loaded.origins.get('dhcp.mode')).toEqual({ source: 'env', variable: 'RACKSEED_DHCP_MODE' });
    expect(loaded.origins.get('dhcp.interfaces')).toEqual({ source: 'file', line: 2 });
    expect(loaded.origins.get('dhcp.subnet[0].subnet')).toEqual({ source: 'file', line: 5 });
    expect(loaded.origins.get('dhcp.subnet[0].lease_seconds')).toEqual({ source: 'default' });
    expect(loaded.origins.get('server.data_dir')).toEqual({ source: 'default' });
  });

  it('is shown beside each value', async () => {
    const rows = listSettings(await load('[server]\nname = "a"', { RACKSEED_DHCP_INTERFACES: 'eno1, eno2' }));
    expect(rows).toContainEqual({ key: 'server.name', value: '"a"', origin: 'rackseed.toml:1'.replace(':1', ':2') });
    expect(rows).toContainEqual({ key: 'dhcp.interfaces', value: '["eno1", "eno2"]', origin: 'RACKSEED_DHCP_INTERFACES' });
    expect(rows).toContainEqual({ key: 'server.tls', value: 'true', origin: 'default' });
  });
});

describe('the environment', () => {
  it('goes over the file, whatever the type', async () => {
    const { config } = await load('[server]\nname = "file"\ntls = true\n[dhcp]\nport = 1\ninterfaces = ["a"]', {
      RACKSEED_SERVER_NAME: 'env',
      RACKSEED_SERVER_LISTEN: '127.0.0.1:1',
      RACKSEED_SERVER_TLS: 'no',
      RACKSEED_DHCP_PORT: '6767',
      RACKSEED_DHCP_INTERFACES: 'eno1,eno2',
      RACKSEED_DHCP_SUBNET: '[{"subnet":"10.0.0.0/24","ranges":["10.0.0.5-10.0.0.9"]}]',
    });
    expect(config.server).toMatchObject({ name: 'env', tls: false });
    expect(config.dhcp).toMatchObject({
      port: 6767,
      interfaces: ['eno1', 'eno2'],
      subnet: [{ ranges: ['10.0.0.5-10.0.0.9'], lease_seconds: 3600 }],
    });
  });

  it('replaces a list of tables of the file as a whole', async () => {
    const { config } = await load('[[profile]]\nname = "a"\nos = "image"\nimage = "x"\n', { RACKSEED_PROFILE: '[]' });
    expect(config.profile).toEqual([]);
  });

  it('makes a plain text for a secret a reference to itself, so that the secret stays where it is', async () => {
    const { config } = await load('', { RACKSEED_STORE_URL: 'postgres://u@h/d', RACKSEED_STORE_PASSWORD: 'canary-7' });
    expect(config.store.password).toEqual({ env: 'RACKSEED_STORE_PASSWORD' });
    expect(JSON.stringify(config)).not.toContain('canary-7');
  });

  it('takes a reference to a secret as JSON', async () => {
    const { config } = await load('', { RACKSEED_STORE_PASSWORD: '{"file":"/run/p"}' });
    expect(config.store.password).toEqual({ file: '/run/p' });
  });

  it('counts an empty variable as not set, and says so', async () => {
    const { config, warnings } = await load('', { RACKSEED_DHCP_MODE: '' });
    expect(config.dhcp.mode).toBe('off');
    expect(warnings).toMatchObject([{ variable: 'RACKSEED_DHCP_MODE', key: 'dhcp.mode' }]);
  });

  it('names the file when no path is given', async () => {
    const asked: string[] = [];
    const readFile = (path: string): Promise<Uint8Array> => {
      asked.push(path);
      return Promise.resolve(Buffer.from(''));
    };
    await loadConfig({ env: { RACKSEED_CONFIG: '/a.toml' }, defaults: { dataDir: DATA_DIR }, readFile });
    await loadConfig({ path: '/b.toml', env: { RACKSEED_CONFIG: '/a.toml' }, defaults: { dataDir: DATA_DIR }, readFile });
    expect(asked).toEqual(['/a.toml', '/b.toml']);
  });

  it('may hold the variables of the command line and the lab, and those that secrets refer to', async () => {
    const env = { RACKSEED_URL: 'x', RACKSEED_TOKEN: 'x', RACKSEED_CACHE_DIR: 'x', RACKSEED_LAB_MEMORY: 'x', RACKSEED_PW: 'x', OTHER: 'x' };
    expect(await linesOf('[store]\npassword = { env = "RACKSEED_PW" }', env)).toEqual([]);
    expect(await linesOf('', env)).toEqual(['RACKSEED_PW: unknown environment variable']);
  });

  it.each([
    [{ RACKSEED_DHCP_MOED: 'off' }, 'RACKSEED_DHCP_MOED: unknown environment variable. Did you mean "RACKSEED_DHCP_MODE"?'],
    [
      { RACKSEED_DHCP_MODE: 'ful' },
      'RACKSEED_DHCP_MODE: dhcp.mode: expected one of "off", "proxy", "full", got "ful". Did you mean "full"?',
    ],
    [{ RACKSEED_SERVER_TLS: 'maybe' }, 'RACKSEED_SERVER_TLS: server.tls: expected true or false, got "maybe"'],
    [{ RACKSEED_DHCP_PORT: '6o' }, 'RACKSEED_DHCP_PORT: dhcp.port: expected a whole number from 0 to 65535, got "6o"'],
    [{ RACKSEED_DHCP_PORT: '70000' }, 'RACKSEED_DHCP_PORT: dhcp.port: expected a whole number from 0 to 65535, got 70000'],
    [
      { RACKSEED_DHCP_SUBNET: '10.0.0.0/24' },
      'RACKSEED_DHCP_SUBNET: dhcp.subnet: expected JSON such as [{"subnet":"10.0.0.0/24"}], got 11 characters that are not JSON',
    ],
    [
      { RACKSEED_DHCP_SUBNET: '[{"subnet":"x"}]' },
      'RACKSEED_DHCP_SUBNET: dhcp.subnet[0].subnet: expected an IPv4 network such as "10.0.0.0/24" (prefix from 8 to 30), got "x"',
    ],
    [{ RACKSEED_RULE: '{"a":1}' }, 'RACKSEED_RULE: rule: expected tables, each begun by [[rule]], got a table'],
    [
      { RACKSEED_DHCP_INTERFACES: '["a"' },
      'RACKSEED_DHCP_INTERFACES: dhcp.interfaces: expected JSON such as ["eno1"], got 4 characters that are not JSON',
    ],
  ])('%j is refused in words', async (env, line) => {
    expect(await linesOf('', env)).toEqual([line]);
  });

  it('is checked even when the file is not TOML', async () => {
    expect(await linesOf('a =', { RACKSEED_SERVER_TLS: 'maybe' })).toEqual([
      'rackseed.toml:1: not TOML: the value is missing',
      'RACKSEED_SERVER_TLS: server.tls: expected true or false, got "maybe"',
    ]);
  });

  it('never repeats a secret in a message', async () => {
    const problems = await problemsIn('[store]\npassword = "canary-1"\nurl = "postgers://u:canary-2@h"', {
      RACKSEED_STORE_URL: 'postgres://u:canary-3@h/d',
      RACKSEED_STORE_PASSWORD: '{"file": "canary-4"',
    });
    expect(problems.length).toBeGreaterThan(1);
    expect(JSON.stringify(problems)).not.toContain('canary');
  });
});
