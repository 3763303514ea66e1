// Every command of the real command line against a running appliance: what goes to stdout, what to stderr, and the exit code.

import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { runProgram } from '../../src/lib/index.ts';
import { enrolMachine, writeBootFiles } from '../support/agent.ts';
import {
  type Appliance,
  cli,
  type Ended,
  freePort,
  makeSite,
  run,
  type Site,
  startAppliance,
  temporarySite,
} from '../support/appliance.ts';

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;
const NOBODY = '11111111-2222-4333-8444-555555555555';
const MAC = '52:54:00:00:00:01';
let site: Site;
let appliance: Appliance;
let nodeUuid: string;

beforeAll(async () => {
  site = await makeSite();
  await writeBootFiles(join(site.dataDir, 'artefacts'));
  appliance = await startAppliance(site);
  await appliance.client.send('PUT', '/api/enrolment', { mode: 'open' });
  nodeUuid = await enrolMachine(appliance, { mac: MAC });
});
afterAll(async () => {
  await appliance.stop();
  await site.remove();
});

describe('what is printed', () => {
  it.each([
    ['node list', 'uuid'],
    ['event list', 'seq'],
    ['config show', 'key'],
    [`node why ${MAC}`, 'decision'],
    ['node why NODE', 'reason'],
  ])('is a table for people, and the same list as JSON and YAML for programs: %s', async (command, key) => {
    const words = command.replace('NODE', nodeUuid).split(' ');
    const [table, json, yaml] = [await good(...words), parsed(await good(...words, '-o', 'json')), await good('-o', 'yaml', ...words)];
    expect(table).toMatch(/^[A-Z]/);
    expect(table.trim().split('\n')).toHaveLength(listOf(json).length + 1);
    expect(listOf(json)[0]).toHaveProperty(key);
    expect(parse(yaml)).toEqual(json);
  });

  it.each(['node show NODE', 'enrol status'])('is one thing, field by field or whole: %s', async (command) => {
    const words = command.replace('NODE', nodeUuid).split(' ');
    const json = parsed(await good(...words, '--output=json'));
    expect(parse(await good(...words, '-o', 'yaml'))).toEqual(json);
    expect(await good(...words)).toMatch(/^\w+ {2,}\S/);
  });

  it('is empty for programs where there is nothing, without a word on stdout', async () => {
    expect(parsed(await good('task', 'list', '-o', 'json'))).toEqual([]);
    expect(await good('task', 'list')).toMatch(/^ID +KIND.*\n$/);
    expect(await good('node', 'history', nodeUuid)).toMatch(/^TIME.* EVENT .*\n$/);
  });

  it('shows the machine that enrolled', async () => {
    expect(await good('node', 'list')).toContain(`${nodeUuid}  -     enroll`);
    expect(parsed(await good('node', 'show', nodeUuid, '-o', 'json'))).toMatchObject({ uuid: nodeUuid, provisionState: 'enroll' });
    expect(await good('node', 'why', MAC.toUpperCase().replaceAll(':', '-'))).toContain('look-up accepted');
  });

  it('is followed by what to do while no machine is known', async () => {
    const empty = await temporarySite();
    const other = await startAppliance(empty);
    const { code, stdout, stderr } = await cli(empty, ['node', 'list']);
    expect([code, stdout]).toEqual([0, 'UUID  NAME  STATE  POWER  CPUS  MEMORY MB  DISK GB  MAINTENANCE\n']);
    expect(stderr).toContain('rackseed enrol open');
    expect((await cli(empty, ['node', 'list', '-o', 'json'])).stderr).toBe('');
    await other.stop();
  });
});

describe('enrolment', () => {
  it('is opened for a time, told, and closed', async () => {
    const opened = parsed(await good('enrol', 'open', '--minutes', '5', '-o', 'json'));
    expect(opened).toMatchObject({ mode: 'open' });
    expect(await good('enrol', 'status')).toMatch(/^mode {3}open\nuntil {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\nleft {3}5 minutes\n$/);
    expect(await good('enrol', 'close')).toBe('mode   closed\nuntil  -\n');
  });

  it('refuses a time that is none, as usage; one that is too long by the word of the appliance', async () => {
    expect(await bad(2, 'enrol', 'open', '--minutes', 'x')).toContain('A whole number from 1 is expected');
    expect(await bad(1, 'enrol', 'open', '--minutes', '99999999')).toContain('(api.validation)');
  });
});

describe('the network', () => {
  it('is shown and searched, in words for people and whole for programs', async () => {
    expect(await good('network', 'show')).toMatch(/^dhcp +off, off: dhcp.mode is "off"/m);
    const record = parsed(await good('network', 'probe', '-o', 'json'));
    expect(record).toMatchObject({ dhcp: { mode: 'off', interfaces: [] }, dhcp6: { mode: 'off' }, tftp: null });
  });
});

describe('event watch', () => {
  it('prints a line for each event as it happens, JSON a line for programs, and ends at Ctrl-C with 130', async () => {
    const { lastSeq } = (await appliance.client.get('/api/events?limit=1')) as { lastSeq: number }; // our own API
    const env = { RACKSEED_SERVER_DATA_DIR: site.dataDir };
    const watchers = [['-o', 'json'], ['-o', 'yaml'], []].map((more) =>
      run(site, ['event', 'watch', '--after', String(lastSeq), ...more], { env }),
    );
    await appliance.client.send('PUT', '/api/enrolment', { mode: 'closed' });
    await Promise.all(watchers.map((watcher) => watcher.line('enrolment.closed')));
    for (const watcher of watchers) watcher.child.kill('SIGINT');
    const [json, yaml, table] = await Promise.all(watchers.map((watcher) => watcher.end));
    expect([json?.code, yaml?.code, table?.code]).toEqual([130, 130, 130]);
    expect(JSON.parse(json?.stdout ?? '')).toMatchObject({ seq: lastSeq + 1, type: 'enrolment.closed' });
    expect(parse(yaml?.stdout ?? '')).toMatchObject({ seq: lastSeq + 1 });
    expect(table?.stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}enrolment\.closed {2}admin closed enrolment.*\n$/);
    expect([json?.stderr, yaml?.stderr, table?.stderr]).toEqual(['', '', '']);
  });

  it('goes on after the appliance was killed and came back, without a gap', async () => {
    const own = await temporarySite();
    const first = await startAppliance(own);
    const watching = run(own, ['event', 'watch', '--after', '0', '-o', 'json'], { env: { RACKSEED_SERVER_DATA_DIR: own.dataDir } });
    await watching.line('tls.created');
    await first.kill9();
    const second = await startAppliance(own);
    await second.client.send('PUT', '/api/enrolment', { mode: 'open' });
    await watching.line('enrolment.open');
    watching.child.kill('SIGINT');
    const { code, stdout, stderr } = await watching.end;
    expect([
      code,
      stdout
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { seq: number }).seq),
    ]).toEqual([130, [1, 2]]); // our own event
    expect(stderr).toBe('The connection was lost; trying again each second.\n');
    await second.stop();
  });

  it('ends quietly when nobody reads on', async () => {
    const words = `"$0" "$1" event watch --after 0 | head -n 1`;
    const env = { ...process.env, RACKSEED_SERVER_DATA_DIR: site.dataDir };
    let isDone = false;
    const piped = runProgram('sh', ['-c', words, process.execPath, MAIN], { env });
    // head has its line and is gone; the next event finds nobody.
    const events = (async () => {
      for (let count = 0; count < 10_000 && !isDone; count += 1) await appliance.client.send('PUT', '/api/enrolment', { mode: 'closed' });
    })();
    const { code, stdout, stderr } = await piped.finally(() => {
      isDone = true;
    });
    await events;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^.*tls\.created.*\n$/);
  });
});

describe('what is not there', () => {
  it("or belongs to another user, is told apart: an appliance's files are its owner's alone", async () => {
    const before = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const asNobody = await cli(
      site,
      ['enrol', 'status'],
      process.getuid?.() === 0 ? { before } : { env: { RACKSEED_SERVER_DATA_DIR: '/proc/1/cwd' } },
    );
    expect(asNobody).toMatchObject({ code: 1, stdout: '' });
    expect(asNobody.stderr).toMatch(/belongs to another user.*\n.*sudo/);
  });

  it.each([
    ['node show', 'rackseed node list'],
    ['node why', 'rackseed node list'],
    ['node history', 'rackseed node list'],
    ['node install', 'rackseed node list'],
    ['task show', 'rackseed task list'],
    ['task logs', 'rackseed task list'],
    ['task cancel', 'rackseed task list'],
  ])('is said with the command that lists what is: %s', async (command, next) => {
    const words = [...command.split(' '), NOBODY];
    const kind = command.split(' ')[0] ?? '';
    expect(await bad(1, ...words)).toBe(
      `rackseed: there is no ${kind} "${NOBODY}"\n  Next step: ${next} shows what there is.\n  (api.not_found)\n`,
    );
    expect(parsed(await bad(1, ...words, '-o', 'json'))).toMatchObject({
      code: 'api.not_found',
      message: `there is no ${kind} "${NOBODY}"`,
    });
  });
});

describe('config', () => {
  it('init prints a config that check finds good', async () => {
    const path = join(site.directory, 'init.toml');
    await writeFile(path, await good('config', 'init'));
    expect(await good('config', 'check', path)).toBe(`${path}: the config is good.\n`);
    expect(parsed(await good('config', 'check', '-c', path, '-o', 'json'))).toEqual({ path, ok: true, warnings: [] });
  });

  it('check names what is wrong, with exit code 1', async () => {
    const path = join(site.directory, 'wrong.toml');
    await writeFile(path, '[dhcp]\nmode = "ful"\n');
    expect(await bad(1, 'config', 'check', path)).toContain(
      `${path}:2: dhcp.mode: expected one of "off", "proxy", "full", got "ful". Did you mean "full"?`,
    );
    expect(parsed(await bad(1, 'config', 'check', path, '-o', 'json'))).toMatchObject({ code: 'config.invalid' });
  });

  it('schema is JSON Schema', async () =>
    expect(parsed(await good('config', 'schema'))).toMatchObject({ type: 'object', additionalProperties: false }));

  it('show says where each setting comes from', async () => {
    const rows = listOf(parsed(await good('config', 'show', '-c', site.configPath, '-o', 'json')));
    expect(rows).toContainEqual({ key: 'server.listen', value: `"127.0.0.1:${site.apiPort}"`, origin: `${site.configPath}:2` });
    expect(rows).toContainEqual({ key: 'server.data_dir', value: `"${site.dataDir}"`, origin: 'RACKSEED_SERVER_DATA_DIR' });
  });

  it('takes the variables of the command line for what they are', async () => {
    const env = { RACKSEED_URL: 'https://127.0.0.1:1', RACKSEED_TOKEN: 'x', RACKSEED_CA: '/x' };
    expect(await cli(site, ['config', 'check', site.configPath], { env })).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('help', () => {
  it('is given on stdout when asked for, and as usage on stderr when a command is missing', async () => {
    for (const words of [['help'], ['--help'], ['node', '--help'], ['help', 'enrol']])
      expect(await good(...words)).toMatch(/^Usage: rackseed/);
    for (const words of [[], ['node']]) expect(await bad(2, ...words)).toMatch(/^Usage: rackseed/);
  });

  it('knows its version', async () => {
    const manifest: unknown = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(manifest).toMatchObject({ version: (await good('--version')).trim() });
  });

  it.each([
    ['noed list', "unknown command 'noed'", 'Did you mean node?'],
    ['node lsit', "unknown command 'lsit'", 'Did you mean list?'],
    ['node list --outptu json', "unknown option '--outptu'", 'Did you mean --output?'],
    ['node show', "missing required argument 'node'", 'rackseed help'],
    ['node list extra', 'too many arguments', 'rackseed help'],
    ['completion tcsh', "'tcsh' is invalid", 'rackseed help'],
    ['enrol status -o jsn', "'jsn' is invalid", 'rackseed help'],
  ])('a slip is usage, exit code 2, with what was meant: %s', async (line, message, next) => {
    const stderr = await bad(2, ...line.split(' '));
    expect(stderr).toMatch(/^rackseed: .+\n {2}Next step: .+\n {2}\(cli\.usage\)\n$/);
    expect(stderr).toContain(message);
    expect(stderr).toContain(next);
  });

  it('a slip is JSON for programs', async () =>
    expect(parsed(await bad(2, '-o', 'json', 'noed', 'list'))).toEqual({
      code: 'cli.usage',
      message: "unknown command 'noed'",
      hint: 'Did you mean node?',
    }));
});

describe('completion', () => {
  it('for bash completes commands, verbs and options', async () => {
    const script = join(site.directory, 'completion.bash');
    await writeFile(script, await good('completion', 'bash'));
    expect(await runProgram('bash', ['-n', script])).toMatchObject({ code: 0, stderr: '' });
    const complete = async (...words: string[]): Promise<string[]> => {
      const ask = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rackseed; IFS=" "; echo "$'.concat('{COMPREPLY[*]}"');
      const { stdout } = await runProgram('bash', ['-c', ask, 'bash', script, ...words]);
      return stdout.trim().split(' ');
    };
    expect(await complete('rackseed', 'no')).toEqual(['node']);
    expect(await complete('rackseed', 'node', '')).toEqual([
      'list',
      'show',
      'why',
      'history',
      'plan',
      'approve',
      'reject',
      'unreject',
      'readiness',
      'checks',
      'benchmark',
      'burn-in',
      'rehearse',
      'install',
      'verify',
      'password',
      'identity',
      'merge',
      'forget-mac',
      'ignore',
      'unignore',
      'observe',
      'unobserve',
    ]);
    expect(await complete('rackseed', 'node', 'approve', '--w')).toEqual(['--wipe-serial']);
    expect(await complete('rackseed', 'rules', '')).toEqual(['test']);
    expect(await complete('rackseed', 'image', '')).toEqual(['build', 'list', 'add', 'show', 'verify', 'remove', 'selftest', 'loader']);
    expect(await complete('rackseed', 'image', 'add', '--c')).toEqual(['--checksum']);
    expect(await complete('rackseed', 'answer', 'ch')).toEqual(['check']);
    expect(await complete('rackseed', 'answer', 'check', '--r')).toEqual(['--release']);
    expect(await complete('rackseed', 'answer', '')).toEqual(['render', 'diff', 'templates', 'check']);
    expect(await complete('rackseed', 'answer', 'diff', '--ag')).toEqual(['--against', '--against-release']);
    expect(await complete('rackseed', 'pipeline', '')).toEqual(['list', 'show', 'plan', 'run', 'resume', 'retry', 'skip', 'abort']);
    expect(await complete('rackseed', 'pipeline', 'skip', '--r')).toEqual(['--reason']);
    expect(await complete('rackseed', 'inventory', '')).toEqual(['ansible', 'hosts', 'prometheus']);
    expect(await complete('rackseed', 'inventory', 'ansible', '--h')).toEqual(['--host']);
    expect(await complete('rackseed', 'cluster', '')).toEqual(['list', 'show', 'release', 'remove', 'import', 'addresses']);
    expect(await complete('rackseed', 'cluster', 'import', '--to')).toEqual(['--token-file']);
    expect(await complete('rackseed', '-o', 'json', 'enrol', 'open', '--m')).toEqual(['--minutes']);
    expect(await complete('rackseed', '--output', 'json', 'task', 'c')).toEqual(['cancel']);
  });

  it.each(['zsh', 'fish'])('is made for %s too', async (shell) => expect(await good('completion', shell)).toContain('rackseed'));
});

describe('inventory', () => {
  it('answers Ansible where there is no machine yet, and never with an error for a host of another inventory', async () => {
    const none = { _meta: { hostvars: {} }, all: { children: [] } };
    expect(parsed(await good('inventory', 'ansible', '--list'))).toEqual(none);
    expect(parsed(await good('inventory', 'ansible', '--host', 'other.example'))).toEqual({});
    expect(await good('inventory', 'hosts')).toBe('');
    expect(await good('inventory', 'prometheus', '--cluster', 'home')).toMatch(/^TARGET +NAME +CLUSTER +PROFILE +STATE\n$/);
    expect(await bad(2, 'inventory', 'ansible')).toContain('--list');
  });
});

describe('the way to the appliance', () => {
  it('is found by RACKSEED_URL, RACKSEED_TOKEN and RACKSEED_CA, from anywhere', async () => {
    const env = await remoteEnvironment();
    expect(await cli(site, ['enrol', 'status'], { env })).toMatchObject({ code: 0, stderr: '' });
    expect(await cli(site, ['enrol', 'status'], { env: { ...env, RACKSEED_URL: `${env.RACKSEED_URL}/` } })).toMatchObject({ code: 0 });
    const { RACKSEED_URL: url, ...rest } = env;
    expect(await cli(site, ['--url', url, 'enrol', 'status'], { env: rest })).toMatchObject({ code: 0 });
  });

  it('with a wrong token, or none, is refused with where the token is', async () => {
    const { RACKSEED_TOKEN: _, ...none } = await remoteEnvironment();
    for (const env of [{ RACKSEED_TOKEN: 'wrong-token' }, none]) {
      const { code, stdout, stderr } = await cli(site, ['node', 'list'], { env });
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(/^rackseed: .*token.*\n {2}Next step: Set RACKSEED_TOKEN .*admin\.token.*\n {2}\(api\.unauthenticated\)\n$/);
      expect(stderr).not.toContain('wrong-token');
    }
  });

  it.each<[string, Record<string, string>, string]>([
    ['without the certificate', { RACKSEED_CA: '' }, 'cli.not_trusted'],
    ['with a certificate that is not there', { RACKSEED_CA: '/nowhere.crt' }, 'cli.bad_certificate'],
    ['with a certificate that is none', { RACKSEED_CA: '/etc/hostname' }, 'cli.bad_certificate'],
    ['with a URL that is none', { RACKSEED_URL: 'rackseed' }, 'cli.usage'],
  ])('is refused with the next step: %s', async (_, change, code) => {
    const all: Record<string, string> = { ...(await remoteEnvironment()), ...change };
    const env = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
    const ended = await cli(site, ['node', 'list'], { env });
    expect(ended).toMatchObject({ code: code === 'cli.usage' ? 2 : 1, stdout: '' });
    expect(ended.stderr).toMatch(/^rackseed: .+\n {2}Next step: .+\n {2}\([a-z._]+\)\n$/);
    expect(ended.stderr).toContain(`(${code})`);
  });

  it('leads to something that is no appliance', async () => {
    const stranger = createServer((_, response) => response.end('<h1>hello\u001b[2J</h1>'));
    const port = await freePort();
    await new Promise<void>((resolve) => stranger.listen(port, '127.0.0.1', resolve));
    for (const words of [
      ['node', 'list'],
      ['event', 'watch', '--after', '0'],
    ]) {
      const ended = await cli(site, words, { env: { RACKSEED_URL: `http://127.0.0.1:${port}` } });
      expect(ended).toMatchObject({ code: 1, stdout: '' });
      expect(ended.stderr).toContain('(cli.bad_answer)');
      expect(ended.stderr).not.toContain('\u001b');
    }
    const boot = await cli(site, ['node', 'list'], { env: { RACKSEED_URL: `http://127.0.0.1:${site.bootPort}` } });
    expect(boot.stderr).toMatch(/^rackseed: .*No such boot file.*\n {2}Next step: .*6385.*\n {2}\(cli\.bad_answer\)\n$/);
    await new Promise((resolve) => stranger.close(resolve));
  });

  it('leads nowhere when none runs: before the first start, and after the last', async () => {
    const empty = await temporarySite();
    const never = await cli(empty, ['node', 'list'], { env: { HOME: empty.directory, RACKSEED_LAB_DIR: empty.directory } });
    expect(never).toMatchObject({ code: 1, stdout: '' });
    expect(never.stderr).toMatch(/^rackseed: no appliance found .*\n {2}Next step: .*rackseed serve.*\n {2}\(cli\.no_connection\)\n$/);
    await (await startAppliance(empty)).stop();
    for (const words of [
      ['node', 'list'],
      ['event', 'watch'],
    ]) {
      const gone = await cli(empty, words);
      expect(gone).toMatchObject({ code: 1, stdout: '' });
      expect(gone.stderr).toMatch(
        /^rackseed: https:.* does not answer: .*ECONNREFUSED.*\n {2}Next step: .*rackseed serve.*\n {2}\(cli\.no_appliance\)\n$/,
      );
    }
    const asJson = parsed((await cli(empty, ['node', 'list', '-o', 'json'])).stderr);
    expect(asJson).toMatchObject({ code: 'cli.no_appliance' });
    await writeFile(join(empty.dataDir, 'connection.json'), '{"url":');
    expect((await cli(empty, ['node', 'list'])).stderr).toContain('(cli.no_connection)');
  });

  it('may hang, and Ctrl-C ends it', async () => {
    const stranger = createServer(() => undefined);
    const port = await freePort();
    await new Promise<void>((resolve) => stranger.listen(port, '127.0.0.1', resolve));
    const asked = new Promise((resolve) => stranger.once('request', resolve));
    const running = run(site, ['node', 'list'], { env: { RACKSEED_URL: `http://127.0.0.1:${port}` } });
    await asked;
    running.child.kill('SIGINT');
    expect(await running.end).toMatchObject({ code: 130, stdout: '', stderr: '' });
    stranger.closeAllConnections();
    await new Promise((resolve) => stranger.close(resolve));
  });
});

async function good(...words: string[]): Promise<string> {
  const ended = await cli(site, words);
  expect(ended, ended.stderr).toMatchObject({ code: 0, stderr: '' });
  return ended.stdout;
}

/** Gives stderr. */
async function bad(code: number, ...words: string[]): Promise<string> {
  const ended: Ended = await cli(site, words);
  expect(ended, ended.stderr).toMatchObject({ code, stdout: '' });
  expect(ended.stderr).not.toMatch(/\n\s+at |\bbug\b/);
  return ended.stderr;
}

function parsed(text: string): unknown {
  return JSON.parse(text);
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`no list: ${JSON.stringify(value)}`);
  return value;
}

/** As on another machine: nothing of the appliance's directory is there but a copy of its certificate. */
async function remoteEnvironment() {
  const copy = join(site.directory, 'copied.crt');
  await copyFile(join(site.dataDir, 'server.crt'), copy);
  return {
    RACKSEED_SERVER_DATA_DIR: '/nowhere',
    RACKSEED_LAB_DIR: '/nowhere',
    RACKSEED_URL: `https://127.0.0.1:${site.apiPort}`,
    RACKSEED_TOKEN: (await readFile(join(site.dataDir, 'admin.token'), 'utf8')).trim(),
    RACKSEED_CA: copy,
  };
}
