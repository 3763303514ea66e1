// The shell's parts that need no machine: lines, secrets, pinned keys, what is kept of an output, and who may run when.

import { describe, expect, it } from 'vitest';
import { createCollector, textOf } from '../../../src/proxmox/shell/collect.ts';
import { LINE_MAX_BYTES, lineOf, quoted, redactionOf, shownCommand } from '../../../src/proxmox/shell/command-codec.ts';
import { pinnedKeys } from '../../../src/proxmox/shell/host-keys-decide.ts';
import { createSlots } from '../../../src/proxmox/shell/slots.ts';

const BLOB = Buffer.from('a key of some kind, long enough').toString('base64');

describe('a line for the login shell', () => {
  it('quotes every word, bears the mark, and ends by itself some time after our limit', () => {
    expect(lineOf(['echo', "it's"], { id: 'X', timeoutMs: 1500 })).toBe(
      `export LC_ALL=C.UTF-8 RACKSEED_COMMAND=X; exec 'timeout' '-k' '10' '32' 'echo' 'it'\\''s'`,
    );
    expect(quoted('')).toBe("''");
  });

  it('has a largest length, in bytes', () => {
    const fixed = Buffer.byteLength(lineOf(['echo', ''], { id: 'X', timeoutMs: 1000 }));
    const fits = 'x'.repeat(LINE_MAX_BYTES - fixed);
    expect(Buffer.byteLength(lineOf(['echo', fits], { id: 'X', timeoutMs: 1000 }))).toBe(LINE_MAX_BYTES);
    expect(() => lineOf(['echo', `${fits.slice(1)}ä`], { id: 'X', timeoutMs: 1000 })).toThrow(/more words than a shell takes/);
  });
});

describe('what may be said of a command', () => {
  it('has no secret in any form, the longest taken first, and is cut', () => {
    const redact = redactionOf(['abc', 'abc"def', 'first line\nsecond line']);
    expect(redact(`abc"def abc\\"def abc%22def ${Buffer.from('abc"def').toString('base64')} second line`)).toBe(
      '****** ****** ****** ****** ******',
    );
    expect(shownCommand(['pvesh', 'set', '--password', 'abc', 'x'.repeat(400)], redact)).toMatch(
      /^pvesh set --password \*{6} x{200,300} …$/u,
    );
  });
});

describe('an output', () => {
  it('keeps its end, and no half of a character', () => {
    const kept = createCollector(4);
    kept.take(Buffer.from('aöäü'));
    kept.take(Buffer.from('x'));
    const end = kept.end();
    expect(end.cutBytes).toBe(4);
    expect(textOf(end)).toBe('üx');
  });

  it('is told in lines across chunks, long ones in parts', () => {
    const lines: string[] = [];
    const kept = createCollector(10, (line) => lines.push(line));
    const bytes = Buffer.from('one\r\ntwö\n');
    for (const byte of bytes) kept.take(Buffer.from([byte]));
    kept.take(Buffer.from('y'.repeat(9000)));
    kept.end();
    expect(lines.map((line) => (line.startsWith('y') ? line.length : line))).toEqual(['one', 'twö', 8192, 808]);
  });
});

describe('pinned host keys', () => {
  it('are asked for by the kinds that are pinned', () => {
    const pinned = pinnedKeys([`ssh-rsa ${BLOB} root@pve1`, 'rubbish', `ssh-ed25519 ${BLOB}`], 'pve1');
    expect(pinned.algorithms).toEqual(['rsa-sha2-512', 'rsa-sha2-256', 'ssh-ed25519']);
    expect(pinned.fingerprints).toHaveLength(1);
    expect(() => pinnedKeys([], 'pve1')).toThrow(/no SSH host key is known of pve1/);
  });
});

describe('room for commands', () => {
  it('goes to who came first, and gets narrower when there was none', async () => {
    const { signal } = new AbortController();
    const slots = createSlots(2);
    const order: string[] = [];
    const first = await slots.take(signal);
    const second = await slots.take(signal);
    const third = slots.take(signal).finally(() => order.push('third'));
    const fourth = slots.take(signal).finally(() => order.push('fourth'));
    slots.narrow();
    second();
    second();
    expect(slots.taken).toBe(1);
    first();
    (await third)();
    (await fourth)();
    expect(order).toEqual(['third', 'fourth']);
    expect(slots.taken).toBe(0);
  });

  it('is not waited for after the signal', async () => {
    const aborting = new AbortController();
    const slots = createSlots(1);
    const release = await slots.take(aborting.signal);
    const waiting = slots.take(aborting.signal);
    const reason = new Error('stop');
    aborting.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    release();
    expect(slots.taken).toBe(0);
  });
});
