import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT, runCli } from '../../../src/cli/index.ts';
import { runProgram, systemClock, systemRandom } from '../../../src/lib/index.ts';
import { textOf, ZFS } from '../../fixtures/answers/case.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'rackseed-answer-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Checks a file of this text. */
async function check(text: string, ...words: string[]) {
  const path = join(directory, 'answer.toml');
  writeFileSync(path, text);
  return { path, ...(await play('answer', 'check', path, ...words)) };
}

async function play(...args: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCli(args, {
    env: {},
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    isTerminal: false,
    isRoot: false,
    home: directory,
    clock: systemClock,
    random: systemRandom,
    run: runProgram,
    signal: new AbortController().signal,
    self: ['node', 'main.ts'],
    version: '1.2.3',
    appliance: { serve: () => Promise.resolve(), rotateStoreKey: () => Promise.resolve() },
  });
  return { code, out: out.join(''), err: err.join('') };
}

const good = textOf({ set: { 'disk-setup.disk-list': null, 'disk-setup.filter.ID_SERIAL': '"*S4EVNX0N*"' } }, false);

describe('rackseed answer check', () => {
  it('says in one line that a release takes it', async () => {
    expect(await check(good, '--release', '9.1')).toMatchObject({ code: EXIT.ok, out: 'Proxmox VE 9.1: taken\n', err: '' });
  });

  it('says of each fault the line, the key and the fix, and ends with 1', async () => {
    const { code, out, err, path } = await check(good.replace('Europe/Vienna', 'Europe/Viena'), '--release', '9.1');
    expect(code).toBe(EXIT.failed);
    expect(out).toBe(
      'Proxmox VE 9.1: refused, 1 fault\n\nFaults\n' +
        '  line 5, global.timezone: the installer knows no time zone "Europe/Viena"\n    Write "Europe/Vienna".\n',
    );
    expect(err).toContain(`${path}: the installer of Proxmox VE 9.1 would refuse it, for 1 fault`);
    expect(err).toContain('(cli.answer_refused)');
  });

  it('has a line for each release where none is named, and says which a fault is of', async () => {
    const { code, out } = await check(good);
    expect(code).toBe(EXIT.ok);
    expect(out).toMatch(/^Proxmox VE 8\.2: refused, 1 fault\nProxmox VE 8\.3: refused, 1 fault\nProxmox VE 8\.4: taken\n/);
    expect(out).toContain('Write "root_password".\n    (8.2, 8.3)\n');
    expect(out).toContain('Proxmox VE 9.2: taken\n');
  });

  it('ends with 1 where no release takes it', async () => {
    const { code, err } = await check(good.replace('"at"', '"austria"'));
    expect(code).toBe(EXIT.failed);
    expect(err).toContain('every release of Proxmox VE would refuse it');
  });

  it('keeps warnings apart, which are no fault', async () => {
    const { code, out } = await check(textOf({ set: ZFS }, false), '--release', '9.2', '--boot', 'bios');
    expect(code).toBe(EXIT.ok);
    expect(out).toContain('taken, 2 warnings');
    expect(out).toContain('Warnings, which stop no installer\n');
    expect(out).not.toContain('Faults');
  });

  it('knows the other products, and what they are not installed on', async () => {
    const text = good.replace('"ext4"', '"btrfs"').concat('disk-setup.btrfs.raid = "raid1"\n');
    expect(await check(text, '--release', '4.0', '--product', 'pbs')).toMatchObject({ code: EXIT.failed });
    expect(await check(text, '--release', '9.0', '--product', 'pve')).toMatchObject({ code: EXIT.ok });
  });

  it('is a record for programs', async () => {
    const { out, path } = await check(good, '--release', '8.2', '-o', 'json');
    expect(JSON.parse(out)).toMatchObject({
      path,
      product: 'pve',
      releases: [{ release: '8.2', taken: false, errors: [{ key: 'global.root-password', line: 6, severity: 'error' }] }],
    });
  });

  it('refuses a release that installs nothing unattended, with those that do', async () => {
    expect((await check(good, '--release', '7.4')).out).toContain('Releases that install unattended: 8.2, 8.3,');
  });

  it('says of a file that is not there that it is not', async () => {
    const { code, err } = await play('answer', 'check', join(directory, 'none.toml'));
    expect([code, err]).toEqual([EXIT.failed, expect.stringContaining('(ENOENT)')]);
  });

  it('knows a template, which is no answer yet', async () => {
    const { code, err } = await check(`extends = "base"\n${good}`, '--release', '9.1');
    expect([code, err]).toEqual([EXIT.failed, expect.stringContaining('rackseed answer render --node NODE')]);
    expect((await check(good.replace('"at"', '"{{install.country}}"'), '--release', '9.1')).err).toContain('It is a template');
  });

  it('lets nothing in a file move the terminal', async () => {
    expect((await check(good.replace('"at"', String.raw`"\u001b[2J"`))).out).not.toContain('\u001b');
  });
});
