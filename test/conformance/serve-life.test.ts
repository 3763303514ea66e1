// The appliance from its first word to its last, with the real process: it drains at SIGTERM, and it lives through a full disk.

import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RackseedError } from '../../src/lib/index.ts';
import { type Appliance, holdNamespace, run, type Site, serveToEnd, startAppliance, temporarySite } from '../support/appliance.ts';

const MIB = 1024 * 1024;

describe('rackseed serve', () => {
  it('makes its files for their owner only where they are secret, and says where it is', async () => {
    const site = await temporarySite();
    const appliance = await startAppliance(site);
    const modes = await Promise.all(['admin.token', 'store.key', 'rackseed.sqlite'].map((name) => modeOf(join(site.dataDir, name))));
    expect([await modeOf(site.dataDir), ...modes.slice(0, 2)]).toEqual(['700', '600', '600']);
    expect(await connectionOf(site)).toMatchObject({ url: `https://127.0.0.1:${site.apiPort}` });
    const token = (await readFile(join(site.dataDir, 'admin.token'), 'utf8')).trim();
    const { stdout, stderr } = await appliance.stop();
    expect(stdout + stderr).not.toContain(token);
    expect(stdout + stderr).not.toContain('PRIVATE KEY');
    for (const line of stdout.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg');
  });

  it('starts without any config: the API on, DHCP off', async () => {
    const site = await temporarySite();
    const env = {
      RACKSEED_SERVER_LISTEN: `127.0.0.1:${site.apiPort}`,
      RACKSEED_SERVER_BOOT_LISTEN: `127.0.0.1:${site.bootPort}`,
      RACKSEED_SERVER_DATA_DIR: site.dataDir,
    };
    const running = run(site, ['serve'], { env });
    expect(JSON.parse(await running.line('rackseed is ready'))).toMatchObject({ dhcp: 'off', data: site.dataDir });
    running.child.kill('SIGTERM');
    expect(await running.end).toMatchObject({ code: 0, stderr: '' });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends well at %s: a request under way is answered, streams are told, nothing is left open',
    async (signal) => {
      const site = await temporarySite();
      const appliance = await startAppliance(site);
      const { first, rest, answer } = await slowRequest(site, JSON.stringify({ mode: 'open', minutes: 7 }));
      await first();
      const watching = run(site, ['event', 'watch', '--after', '0', '-o', 'json'], { env: { RACKSEED_SERVER_DATA_DIR: site.dataDir } });
      await appliance.client.send('PUT', '/api/enrolment', { mode: 'closed' });
      await watching.line('enrolment.closed');
      appliance.child.kill(signal);
      await appliance.line('"stopping"');
      rest();
      expect(await answer).toMatchObject({ status: 200, body: { mode: 'open' } });
      expect(await appliance.end).toMatchObject({ code: 0, signal: null, stderr: '' });
      const again = await startAppliance(site);
      expect(await again.client.get('/api/enrolment')).toMatchObject({ mode: 'open' });
      // Whoever watched comes back by itself, and has missed nothing.
      await watching.line('enrolment.open');
      watching.child.kill('SIGINT');
      const { code, stdout } = await watching.end;
      expect(code).toBe(130);
      expect(
        stdout
          .trim()
          .split('\n')
          .map((line) => seqOf(line)),
      ).toEqual([1, 2, 3]);
      expect((await again.stop()).code).toBe(0);
    },
  );

  it('ends well when it is asked to while it starts', async () => {
    const site = await temporarySite();
    const running = run(site, ['serve', '--config', site.configPath]);
    await running.line('migration applied');
    running.child.kill('SIGTERM');
    expect(await running.end).toMatchObject({ code: 0, signal: null, stderr: '' });
  });

  it('keeps its key, certificate and token over restarts', async () => {
    const site = await temporarySite();
    await (await startAppliance(site)).stop();
    const first = await identityOf(site);
    await (await startAppliance(site)).kill9();
    await (await startAppliance(site)).stop();
    expect(await identityOf(site)).toEqual(first);
  });
});

describe('a disk that becomes full', () => {
  it('stops writes with store.full and not reads; all that was acknowledged is there after a restart', async () => {
    const site = await temporarySite();
    await mkdir(site.dataDir);
    const { before, pid } = await holdNamespace(site, '--mount', `mount -t tmpfs -o size=4m tmpfs ${site.dataDir}; echo held; exec cat`);
    const root = (): string => `/proc/${pid}/root`;
    const ballast = join(root(), site.dataDir, 'ballast');
    const appliance = await startAppliance(site, { before, root });
    await fill(ballast);
    const { acknowledged, refusal } = await writeUntilRefused(appliance);
    expect(refusal).toMatchObject({ code: 'store.full', status: 507, hint: expect.stringContaining('free space') as unknown });
    expect(await enrolmentEvents(appliance)).toBe(acknowledged);
    await appliance.kill9();

    const refused = await serveToEnd(site, { before });
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toMatch(/^rackseed: .*(no space left|full).*\n {2}Next step: .*\n {2}\((store\.full|app\.data_dir)\)\n$/);
    await rm(ballast);

    const again = await startAppliance(site, { before, root });
    expect(await enrolmentEvents(again)).toBe(acknowledged);
    await again.client.send('PUT', '/api/enrolment', { mode: 'open' });
    expect(await enrolmentEvents(again)).toBe(acknowledged + 1);
    expect((await again.stop()).code).toBe(0);
  });

  it('is no reason to end: with space again it goes on without a restart', async () => {
    const site = await temporarySite();
    await mkdir(site.dataDir);
    const { before, pid } = await holdNamespace(site, '--mount', `mount -t tmpfs -o size=4m tmpfs ${site.dataDir}; echo held; exec cat`);
    const root = (): string => `/proc/${pid}/root`;
    const ballast = join(root(), site.dataDir, 'ballast');
    const appliance = await startAppliance(site, { before, root });
    await fill(ballast);
    const { acknowledged } = await writeUntilRefused(appliance);
    await rm(ballast);
    await appliance.client.send('PUT', '/api/enrolment', { mode: 'open' });
    expect(await enrolmentEvents(appliance)).toBe(acknowledged + 1);
    expect(await appliance.client.get('/readyz')).toMatchObject({ ready: true });
    expect((await appliance.stop()).code).toBe(0);
  });
});

/** Leaves no byte free. */
async function fill(path: string): Promise<void> {
  for (let size = 1 * MIB; size >= 512; size /= 2) {
    let isFull = false;
    while (!isFull) {
      isFull = await writeFile(path, Buffer.alloc(size), { flag: 'a' }).then(
        () => false,
        () => true, // ENOSPC: smaller pieces may still fit
      );
    }
  }
}

/** Each success writes one event. */
async function writeUntilRefused({ client }: Appliance): Promise<{ acknowledged: number; refusal: RackseedError }> {
  for (let acknowledged = 0; acknowledged < 10_000; acknowledged += 1) {
    try {
      await client.send('PUT', '/api/enrolment', { mode: acknowledged % 2 === 0 ? 'open' : 'closed' });
    } catch (thrown) {
      if (thrown instanceof RackseedError) return { acknowledged, refusal: thrown };
      throw thrown;
    }
  }
  throw new Error('ten thousand writes fitted on a full disk');
}

async function enrolmentEvents({ client }: Appliance): Promise<number> {
  let count = 0;
  let after = 0;
  for (;;) {
    const { events } = (await client.get(`/api/events?limit=1000&after=${after}`)) as { events: { seq: number; type: string }[] }; // our own API
    count += events.filter((event) => event.type.startsWith('enrolment.')).length;
    const last = events.at(-1);
    if (last === undefined) return count;
    after = last.seq;
  }
}

/** A PUT of the enrolment whose body comes in two parts. */
async function slowRequest(site: Site, body: string) {
  const [ca, token] = await Promise.all(['server.crt', 'admin.token'].map((name) => readFile(join(site.dataDir, name), 'utf8')));
  const headers = {
    authorization: `Bearer ${token?.trim()}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  };
  const call = request({ host: '127.0.0.1', port: site.apiPort, path: '/api/enrolment', method: 'PUT', ca, headers, agent: false });
  const answer = new Promise<{ status: number | undefined; body: unknown }>((resolve, reject) => {
    call.once('error', reject);
    call.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode, body: JSON.parse(text) as unknown }));
    });
  });
  const half = Math.floor(body.length / 2);
  return {
    first: () => new Promise<void>((resolve) => call.write(body.slice(0, half), () => resolve())),
    rest: () => void call.end(body.slice(half)),
    answer,
  };
}

function seqOf(line: string): unknown {
  const event: unknown = JSON.parse(line);
  return typeof event === 'object' && event !== null && 'seq' in event ? event.seq : undefined;
}

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

async function connectionOf(site: Site): Promise<unknown> {
  return JSON.parse(await readFile(join(site.dataDir, 'connection.json'), 'utf8'));
}

async function identityOf(site: Site): Promise<string[]> {
  return Promise.all(
    ['store.key', 'server.crt', 'admin.token', 'instance.id', 'connection.json'].map((name) => readFile(join(site.dataDir, name), 'utf8')),
  );
}
